"""`keras`: any Keras model as a feature extractor."""

import hashlib
import pathlib
import zipfile

import keras
import tensorflow as tf

from keras_gans import hdf5
from keras_gans.errors import UserError
from keras_gans.features.base import FeatureExtractor, luma, resize, resize_in_words
from keras_gans.registry import EXTRACTORS, nearest
from keras_gans.weights import lookup


class KerasFeatures(FeatureExtractor):
    """The features of any Keras model that takes one image.

    Images become grey or RGB and are resized as the model's input says; maps are averaged over space.

    Args:
        model: a `keras.Model` with one input [n, h, w, 1 or 3].
        layer: the name of the layer whose output is taken; by default the model's output.
        preprocess: how the model wants its pixels: "tf" ([-1, 1], as everywhere in this package), "torch" (ImageNet
            mean and deviation), "caffe" (BGR less the ImageNet mean), "unit" ([0, 1]), "none" ([0, 255]), or a function
            of float32 [n, h, w, c], 0 to 255.
        batch_size: images in one call of the network. Default 64.

    Raises:
        UserError: an unknown layer or preprocessing, or a model that does not take one image.
    """

    def __init__(self, model, layer=None, preprocess="tf", batch_size=64):
        super().__init__(batch_size)
        shape = getattr(model, "input_shape", None)
        if not isinstance(shape, tuple) or len(shape) != 4 or shape[-1] not in (1, 3):
            raise UserError(f"features need a model that takes one image [n, h, w, 1 or 3]; {model.name} takes {shape}")
        names = [part.name for part in model.layers]
        if layer is not None and layer not in names:
            raise UserError(f"{model.name} has no layer {layer!r}{nearest(layer, names)}; it has {', '.join(names)}")
        if not callable(preprocess) and preprocess not in PREPROCESSING:
            raise UserError(f"unknown preprocessing {preprocess!r}; known: {', '.join(PREPROCESSING)}")
        output = model.get_layer(layer).output if layer else model.output
        if isinstance(output, list | tuple | dict):
            raise UserError(f"{model.name} has several outputs; name one of its layers: {', '.join(names)}")
        if len(output.shape) == 4:
            output = keras.layers.GlobalAveragePooling2D()(output)
        self.model = keras.Model(model.input, keras.layers.Flatten()(output))
        self.preprocess = preprocess if callable(preprocess) else PREPROCESSING[preprocess]
        self.size, self.channels, self.dims = shape[1:3], shape[-1], self.model.output_shape[-1]
        self.name = "_".join(filter(None, ["keras", model.name, layer]))
        weights = b"".join(variable.numpy().tobytes() for variable in model.weights)
        self.weights_sha256 = hashlib.sha256(weights).hexdigest()
        self.resize = "none" if None in self.size else resize_in_words(*self.size)
        self._preprocess_name = getattr(preprocess, "__name__", str(preprocess))

    def protocol(self):
        return super().protocol() | {"preprocess": self._preprocess_name}

    def network(self, images):
        images = luma(images) if self.channels == 1 else tf.cast(images, tf.float32)
        if None not in self.size:
            images = resize(images, *self.size)
        return self.model(self.preprocess(images), training=False), None


def _imagenet(mode):
    return lambda images: keras.applications.imagenet_utils.preprocess_input(images, mode=mode)


PREPROCESSING = {
    "tf": _imagenet("tf"),
    "torch": _imagenet("torch"),
    "caffe": _imagenet("caffe"),
    "unit": lambda images: images / 255.0,
    "none": lambda images: images,
}


@EXTRACTORS.register("keras")
def keras_features(path, layer=None, preprocess="tf", batch_size=64):
    """The features of a saved model: `keras:path=FILE.keras,layer=NAME`.

    Args:
        path: a `.keras` file; it is loaded in Keras's safe mode.
        layer, preprocess, batch_size: see `KerasFeatures`.

    Returns:
        A `KerasFeatures`.

    Raises:
        UserError: the file is missing or no Keras model.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise UserError(f"{path} does not exist; path= takes a model saved with model.save('FILE.keras')")
    try:
        hdf5.check(path)
        model = keras.models.load_model(path, compile=False)
    except (ValueError, OSError, TypeError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} cannot be loaded as a Keras model: {str(error).splitlines()[0]}") from error
    extractor = KerasFeatures(model, layer, preprocess, batch_size)
    extractor.weights_file, extractor.weights_sha256 = path.name, lookup.sha256(path)
    return extractor
