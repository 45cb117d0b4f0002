"""LPIPS (Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", 2018), version 0.1."""

import keras
import numpy as np
import tensorflow as tf

from keras_gans.data.images import to_model
from keras_gans.errors import UserError
from keras_gans.features.base import in_batches, three_channels
from keras_gans.features.vgg import build_vgg
from keras_gans.registry import EXTRACTORS
from keras_gans.weights import lookup
from keras_gans.weights.torch_layers import fitting, load_layer
from keras_gans.weights.weight_files import read_state_dict

BACKBONES = {
    "alex": lookup.WeightFile(
        "alexnet-owt-7be5be79.pth", "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth", "7be5be79"
    ),
    "vgg": lookup.WeightFile("vgg16-397923af.pth", "https://download.pytorch.org/models/vgg16-397923af.pth", "397923af"),
}
TAPS = {
    "alex": ["relu1", "relu2", "relu3", "relu4", "relu5"],
    "vgg": ["relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"],
}
SMALLEST = {"alex": 31, "vgg": 16}  # pixels that still reach the last tap
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)


def _scale(images):
    return (images - keras.ops.convert_to_tensor(SHIFT)) / keras.ops.convert_to_tensor(SCALE)


def build_alexnet():
    """The convolutions of torchvision's AlexNet ("one weird trick", 2014); returns what `build_vgg` returns."""
    images = keras.Input([None, None, 3])
    x, layers = keras.layers.ZeroPadding2D(2)(_scale(images)), {}
    for number, (width, kernel, stride) in enumerate([(64, 11, 4), (192, 5, 1), (384, 3, 1), (256, 3, 1), (256, 3, 1)]):
        if number in (1, 2):
            x = keras.layers.MaxPooling2D(3, 2)(x)
        padding = "same" if number else "valid"
        x = keras.layers.Conv2D(width, kernel, stride, padding)(x)
        x = layers[f"relu{number + 1}"] = keras.layers.ReLU()(x)
    return images, layers


class LPIPS:
    """The learned perceptual distance between two images; 0 for the same image.

    Args:
        net: "alex" (the metric of most papers) or "vgg" (the one for losses and path lengths).
        path: the backbone's state dict from torchvision; by default it is looked up or downloaded.
        heads: the linear heads' state dict; by default that of the installed package `lpips`.
        batch_size: pairs in one call of the network. Default 16.

    Attributes:
        name: "lpips-alex" or "lpips-vgg".

    Raises:
        UserError: an unknown net, or no weights.
    """

    def __init__(self, net="alex", path=None, heads=None, batch_size=16):
        if net not in BACKBONES:
            raise UserError(f"LPIPS has no net {net!r}; it has {', '.join(BACKBONES)}")
        self.name, self.net, self.batch_size = f"lpips-{net}", net, batch_size
        path = lookup.find(BACKBONES[net], path)
        heads = lookup.packaged("lpips", f"weights/v0.1/{net}.pth", "lpips", heads)
        self._files = {
            "weights": path.name,
            "weights_sha256": lookup.sha256(path),
            "heads": heads.name,
            "heads_sha256": lookup.sha256(heads),
        }
        images, layers = build_alexnet() if net == "alex" else build_vgg("vgg16", _scale)
        self.model = keras.Model(images, [layers[tap] for tap in TAPS[net]], trainable=False)
        state = read_state_dict(path)
        with fitting(path, self.name):
            convolutions = [layer for layer in self.model.layers if layer.weights]
            numbers = sorted(int(key.split(".")[1]) for key in state if key.startswith("features.") and "weight" in key)
            for layer, number in zip(convolutions, numbers, strict=True):
                load_layer(layer, state, f"features.{number}")
        state = read_state_dict(heads)
        with fitting(heads, f"the heads of {self.name}"):
            self._heads = [
                state[f"lin{tap}.model.1.weight"].reshape(output.shape[-1]) for tap, output in enumerate(self.model.outputs)
            ]
        self._compiled = None

    def protocol(self):
        """Returns what a score's record says about the distance, as a dict for JSON."""
        return {"extractor": self.name, "version": "0.1", **self._files, "resize": "none", "quantization": "uint8 images"}

    def distance(self, first, second):
        """The distance as a differentiable graph, for losses and path lengths.

        Args:
            first, second: float32 tensors [n, h, w, 3] in [-1, 1].

        Returns:
            float32 [n].
        """
        total = 0.0
        for features, head in zip(self.model(tf.concat([first, second], 0), training=False), self._heads, strict=True):
            # The epsilon keeps the gradient finite where every channel is zero.
            left, right = tf.split(tf.math.l2_normalize(tf.cast(features, tf.float32), -1, epsilon=1e-20), 2)
            total += tf.reduce_mean(tf.tensordot(tf.square(left - right), head, 1), [1, 2])
        return total

    def __call__(self, first, second):
        """Measures pairs of images.

        Args:
            first, second: uint8 [n, h, w, 1 or 3], of the same size.

        Returns:
            float32 NumPy array [n].

        Raises:
            UserError: no such batches, two sizes, or images smaller than the network can take.
        """
        first, second = three_channels(first), three_channels(second)
        if first.shape != second.shape:
            raise UserError(f"{self.name} compares pairs of one size, not {list(first.shape)} and {list(second.shape)}")
        if min(first.shape[1:3]) < SMALLEST[self.net]:
            raise UserError(
                f"{self.name} needs images of at least {SMALLEST[self.net]} pixels a side, not "
                f"{first.shape[1]}x{first.shape[2]}"
            )
        if self._compiled is None:
            signature = [tf.TensorSpec([self.batch_size, None, None, 3], tf.uint8)] * 2
            self._compiled = tf.function(lambda a, b: [self.distance(to_model(a), to_model(b))], signature)
        return np.float32(in_batches(self._compiled, self.batch_size, first, second)[0])


@EXTRACTORS.register("lpips-alex")
def lpips_alex(path=None, heads=None, batch_size=16):
    """LPIPS on AlexNet: an `LPIPS`, which measures pairs."""
    return LPIPS("alex", path, heads, batch_size)


@EXTRACTORS.register("lpips-vgg")
def lpips_vgg(path=None, heads=None, batch_size=16):
    """LPIPS on VGG16: an `LPIPS`, which measures pairs."""
    return LPIPS("vgg", path, heads, batch_size)
