"""Networks whose layers perceptual and style losses compare; they are feature extractors too."""

import keras

from keras_gans.data.images import to_model
from keras_gans.errors import UserError
from keras_gans.features.base import FeatureExtractor, resize, resize_in_words
from keras_gans.registry import EXTRACTORS, nearest
from keras_gans.weights import lookup


class Taps(keras.Model):
    """A frozen functional model that answers with a list, of one output too (Keras unpacks that one)."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.trainable = False  # as an argument it would not reach the weights, which a model around this one would train

    def call(self, inputs, training=None, mask=None):
        outputs = super().call(inputs, training=training, mask=mask)
        return outputs if isinstance(outputs, list) else [outputs]


class PerceptualNetwork(FeatureExtractor):
    """A pretrained network with named layers.

    Attributes:
        layers: the names that `taps` takes, from the image to the last layer.

    Args:
        name: the extractor's name.
        path: the weight file, a `pathlib.Path`.
        images: the network's input, a Keras tensor [n, h, w, 3], RGB in [-1, 1]; its own preprocessing comes behind it.
        layers: layer names -> Keras tensors, from the image to the last layer.
        features: Keras tensor [n, dims], for scores.
        logits: Keras tensor [n, classes], or None.
        size: pixels that images are resized to before `features` are taken; `taps` do not resize. Default 224.
        batch_size: images in one call when features are extracted. Default 32.
    """

    def __init__(self, name, path, images, layers, features, logits=None, size=224, batch_size=32):
        super().__init__(batch_size)
        self.name, self.weights_file, self.weights_sha256 = name, path.name, lookup.sha256(path)
        self.size, self.dims, self.classes = size, features.shape[-1], logits.shape[-1] if logits is not None else 0
        self.resize = resize_in_words(size, size)
        self._images, self._tensors = images, layers
        self.model = Taps(images, [features] if logits is None else [features, logits])

    @property
    def layers(self):
        return tuple(self._tensors)

    def taps(self, layers):
        """Returns a model of the layers that a loss compares; nothing behind the deepest of them is computed.

        Args:
            layers: their names, as the papers write them: `relu4_1` is after the activation, `conv4_1` before.

        Returns:
            A frozen `keras.Model` from images, float32 [n, h, w, 3] in [-1, 1], to a list of float32 [n, h', w', c],
            in the order of `layers`.

        Raises:
            UserError: no layers, or an unknown one.
        """
        unknown = [layer for layer in layers if layer not in self._tensors]
        if unknown or not layers:
            name = unknown[0] if unknown else ""
            raise UserError(
                f"{self.name} has no layer {name!r}{nearest(name, self.layers)}; it has {', '.join(self.layers)}"
            )
        return Taps(self._images, [self._tensors[layer] for layer in layers])

    def network(self, images):
        features, *logits = self.model(to_model(resize(images, self.size, self.size)), training=False)
        return features, logits[0] if logits else None


def create_perceptual(spec):
    """Builds the perceptual network that `spec` names, such as `vgg19`, `vgg16:path=FILE` or `efficientnet_lite0`.

    Raises:
        UserError: unknown, without its weights, or an extractor whose layers have no names.
    """
    network = EXTRACTORS.create(spec)
    if not isinstance(network, PerceptualNetwork):
        raise UserError(f"{spec!r} is no perceptual network; take vgg19, vgg16, vgg16-hed or efficientnet_lite0")
    return network
