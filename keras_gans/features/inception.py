"""`inception2015`: the network behind published Frechet inception distances and inception scores.

It is TensorFlow's graph of 2015-12-05 (`classify_image_graph_def.pb`), not `keras.applications.InceptionV3`: average
pools leave the padding out, the pool of the last block takes the maximum, and there are 1008 logits. Its weights are
public as a PyTorch state dict (pytorch-fid and torch-fidelity share the file). Batch norm (epsilon 1e-3) is folded into
the convolutions when they are loaded.
"""

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from keras_gans.errors import UserError
from keras_gans.features.base import FeatureExtractor
from keras_gans.registry import EXTRACTORS
from keras_gans.weights import lookup
from keras_gans.weights.torch_layers import fitting, load_layer
from keras_gans.weights.weight_files import read_state_dict

WEIGHTS = lookup.WeightFile(
    "pt_inception-2015-12-05-6726825d.pth",
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
    "6726825d",
)
SIZE = 299
POOLS = {  # kind and stride; TensorFlow's average leaves the padding out
    "average": (keras.layers.AveragePooling2D, 1),
    "max": (keras.layers.MaxPooling2D, 1),
    "halve": (keras.layers.MaxPooling2D, 2),
}
TAPS = {64: "pool1", 192: "pool2", 768: "Mixed_6e", 2048: "Mixed_7c"}  # features by their number, and their layers


def build_inception():
    """Returns the network: float32 [n, 299, 299, 3] in [-1, 1) -> the four taps and the logits without their bias.

    Layers carry the names of the state dict. Taps are means over space: [n, 64], [n, 192], [n, 768] and [n, 2048];
    logits are [n, 1008].
    """
    conv, pool = keras.layers.Conv2D, keras.layers.MaxPooling2D
    images = keras.Input([SIZE, SIZE, 3])
    x = conv(32, 3, 2, activation="relu", name="Conv2d_1a_3x3")(images)
    x = conv(32, 3, activation="relu", name="Conv2d_2a_3x3")(x)
    x = conv(64, 3, padding="same", activation="relu", name="Conv2d_2b_3x3")(x)
    x = pool(3, 2, name="pool1")(x)
    x = conv(80, 1, activation="relu", name="Conv2d_3b_1x1")(x)
    x = conv(192, 3, activation="relu", name="Conv2d_4a_3x3")(x)
    x = pool(3, 2, name="pool2")(x)
    for block, width in zip("bcd", (32, 64, 64), strict=True):
        x = _block(
            f"Mixed_5{block}",
            x,
            {
                "branch1x1": [(64, 1)],
                "branch5x5": [(48, 1), (64, 5)],
                "branch3x3dbl": [(64, 1), (96, 3), (96, 3)],
                "branch_pool": ["average", (width, 1)],
            },
        )
    x = _block(
        "Mixed_6a",
        x,
        {
            "branch3x3": [(384, 3, 2)],
            "branch3x3dbl": [(64, 1), (96, 3), (96, 3, 2)],
            "branch_pool": ["halve"],
        },
    )
    for block, width in zip("bcde", (128, 160, 160, 192), strict=True):
        x = _block(
            f"Mixed_6{block}",
            x,
            {
                "branch1x1": [(192, 1)],
                "branch7x7": [(width, 1), (width, (1, 7)), (192, (7, 1))],
                "branch7x7dbl": [(width, 1), (width, (7, 1)), (width, (1, 7)), (width, (7, 1)), (192, (1, 7))],
                "branch_pool": ["average", (192, 1)],
            },
        )
    x = _block(
        "Mixed_7a",
        x,
        {
            "branch3x3": [(192, 1), (320, 3, 2)],
            "branch7x7x3": [(192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3, 2)],
            "branch_pool": ["halve"],
        },
    )
    for block, kind in zip("bc", ("average", "max"), strict=True):  # the maximum is the graph's own quirk
        x = _block(
            f"Mixed_7{block}",
            x,
            {
                "branch1x1": [(320, 1)],
                "branch3x3": [(384, 1), "fork"],
                "branch3x3dbl": [(448, 1), (384, 3), "fork"],
                "branch_pool": [kind, (192, 1)],
            },
        )
    body = keras.Model(images, x)
    taps = [
        keras.layers.GlobalAveragePooling2D(name=f"features{dims}")(body.get_layer(layer).output)
        for dims, layer in TAPS.items()
    ]
    logits = keras.layers.Dense(1008, use_bias=False, name="fc")(taps[-1])
    return keras.Model(images, [*taps, logits], name="inception2015")


def _block(name, x, branches):
    """An Inception block: branches side by side, each a chain of 3x3 pools and convolutions (width, kernel[, stride]).

    "fork" is a 1x3 and a 3x1 convolution on the same input. Layers are named as in the state dict: the only convolution
    of a branch has no number, the two of a fork are `a` and `b`.
    """
    outputs = []
    for branch, steps in branches.items():
        y, number = x, 0
        numbered = sum(step not in POOLS for step in steps) > 1
        for step in steps:
            if step in POOLS:
                kind, stride = POOLS[step]
                y = kind(3, stride, "same" if stride == 1 else "valid")(y)
                continue
            number += 1
            layer = f"{name}.{branch}" + (f"_{number}" if numbered else "")
            if step == "fork":
                fork = [_convolution(y, layer + "a", 384, (1, 3)), _convolution(y, layer + "b", 384, (3, 1))]
                y = keras.layers.Concatenate()(fork)
            else:
                y = _convolution(y, layer, *step)
        outputs.append(y)
    return keras.layers.Concatenate(name=name)(outputs)


def _convolution(x, name, width, kernel, stride=1):
    padding = "same" if stride == 1 else "valid"
    return keras.layers.Conv2D(width, kernel, stride, padding, activation="relu", name=name)(x)


def load_inception(path):
    """Returns `build_inception()` with the weights of the state dict at `path`.

    Raises:
        UserError: the file cannot be read or is another network's.
    """
    state, model = read_state_dict(path), build_inception()
    with fitting(path, "inception2015"):
        for layer in model.layers:
            if isinstance(layer, keras.layers.Conv2D):
                load_layer(layer, state, f"{layer.name}.conv", norm=f"{layer.name}.bn", epsilon=1e-3)
        load_layer(model.get_layer("fc"), state, "fc")
    return model


def resize_tf1(images, size):
    """TensorFlow 1's bilinear resize: pixel i of the result lies at i * old / new, no antialiasing."""
    return tf.raw_ops.ResizeBilinear(images=images, size=[size, size], align_corners=False, half_pixel_centers=False)


def resize_clean(images, size):
    """clean-fid's resize: Pillow's antialiased bicubic on float channels, clipped to 0-255, not rounded.

    Args:
        images: uint8 [n, h, w, c].
        size: height and width of the result.

    Returns:
        float32 [n, size, size, c].
    """
    if images.shape[1:3] == (size, size):
        return images.astype(np.float32)
    resized = np.empty([len(images), size, size, images.shape[-1]], np.float32)
    for image, result in zip(images.astype(np.float32), resized, strict=True):
        for channel in range(image.shape[-1]):
            picture = Image.fromarray(np.ascontiguousarray(image[..., channel]))
            result[..., channel] = picture.resize((size, size), Image.Resampling.BICUBIC)
    return resized.clip(0, 255)


@EXTRACTORS.register("inception2015")
class InceptionFeatures(FeatureExtractor):
    """The features of the Frechet inception distance, and the 1008 class probabilities of the inception score.

    As in the original score, the probabilities are the softmax of the logits without their bias.

    Args:
        mode: "legacy" (TensorFlow 1's bilinear resize to 299, as the published numbers) or "clean" (clean-fid's).
        tap: which features, by their number: 64, 192, 768 or 2048. All but 2048 change the extractor's name.
        path: the weight file; by default it is looked up or downloaded (`keras_gans.weights.lookup`).
        batch_size: images in one call of the network. Default 32.

    Raises:
        UserError: an unknown mode or tap, or no weights.
    """

    classes = 1008

    def __init__(self, mode="legacy", tap=2048, path=None, batch_size=32):
        super().__init__(batch_size)
        if mode not in ("legacy", "clean"):
            raise UserError(f"inception2015 has no mode {mode!r}; it has legacy and clean")
        if tap not in TAPS:
            raise UserError(f"inception2015 has no tap {tap!r}; it has {', '.join(map(str, TAPS))}")
        path = lookup.find(WEIGHTS, path)
        self.mode, self.dims = mode, tap
        self.name = "inception2015" if tap == 2048 else f"inception2015_{tap}"
        self.weights_file, self.weights_sha256 = path.name, lookup.sha256(path)
        if mode == "legacy":
            self.resize = "299x299, bilinear, TensorFlow 1 (no antialiasing)"
            self.quantization = "uint8 images"
        else:
            self.resize = "299x299, bicubic, antialiased (Pillow, per channel in float)"
            self.quantization = "uint8 images; not rounded after the resize"
        self.model = load_inception(path)

    def protocol(self):
        return super().protocol() | {"mode": self.mode}

    def prepare(self, images):
        return images if self.mode == "legacy" else resize_clean(images, SIZE)

    def network(self, images):
        if self.mode == "legacy":
            images = resize_tf1(images, SIZE)
        *taps, logits = self.model((images - 128.0) / 128.0, training=False)
        return dict(zip(TAPS, taps, strict=True))[self.dims], logits
