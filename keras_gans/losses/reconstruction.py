"""Distances between an image and its target, per example."""

import keras
import tensorflow as tf

from keras_gans import curves
from keras_gans.configured import Configured
from keras_gans.features.perceptual import create_perceptual
from keras_gans.kernels.sharpen import usm_sharpen
from keras_gans.losses.reductions import flat_float32
from keras_gans.registry import RECONSTRUCTIONS


class Reconstruction(Configured):
    """`loss(targets, outputs)` on images float [batch, h, w, c] in [-1, 1] returns float32 [batch], without the weight.

    Args:
        weight: factor of the loss in the generator's objective, a number or a curve. Default 1.
        sharpen: compare with targets behind unsharp masking, see `keras_gans.kernels.sharpen` (Real-ESRGAN). Default False.

    Attributes:
        name: what it is logged as.

    Raises:
        ValueError: a negative weight.
    """

    name = None
    follows = ("weight",)

    def __init__(self, weight=1.0, sharpen=False):
        if curves.bounds(weight)[0] < 0:
            raise ValueError(f"weight should be 0 or more, not {weight}")
        self.weight, self.sharpen = weight, sharpen

    def __call__(self, targets, outputs):
        return self.mean(outputs, self.aims(targets))

    def mean(self, one, other):
        """Returns the mean of `distances` between images or features of one shape, float32 [batch]."""
        return tf.reduce_mean(self.distances(flat_float32(one) - flat_float32(other)), axis=1)

    def aims(self, targets):
        """Returns what outputs are compared with, of targets in [-1, 1]: themselves, or sharpened, float32."""
        return 2.0 * usm_sharpen((tf.cast(targets, tf.float32) + 1.0) / 2.0) - 1.0 if self.sharpen else targets

    def distances(self, differences):
        """Returns float32 of the shape of `differences`, [batch, values]."""
        raise NotImplementedError


@RECONSTRUCTIONS.register("l1")
@keras.saving.register_keras_serializable("keras_gans")
class L1(Reconstruction):
    """The mean absolute difference (pix2pix, equation 3). Arguments: see `Reconstruction`."""

    name = "l1"

    def distances(self, differences):
        return tf.abs(differences)


@RECONSTRUCTIONS.register("l2")
@keras.saving.register_keras_serializable("keras_gans")
class L2(Reconstruction):
    """The mean squared difference (SRGAN, equation 4). Arguments: see `Reconstruction`."""

    name = "l2"

    def distances(self, differences):
        return tf.square(differences)


@RECONSTRUCTIONS.register("charbonnier")
@keras.saving.register_keras_serializable("keras_gans")
class Charbonnier(Reconstruction):
    """The mean of sqrt(difference^2 + epsilon^2) (Charbonnier et al. 1994; Lai et al. 2017).

    Args:
        weight, sharpen: see `Reconstruction`.
        epsilon: default 1e-3, as in LapSRN.
    """

    name = "charbonnier"

    def __init__(self, weight=1.0, epsilon=1e-3, sharpen=False):
        super().__init__(weight, sharpen)
        self.epsilon = epsilon

    def distances(self, differences):
        return tf.sqrt(tf.square(differences) + self.epsilon**2)


@RECONSTRUCTIONS.register("perceptual")
@keras.saving.register_keras_serializable("keras_gans")
class Perceptual(Reconstruction):
    """The difference between the features of both images in a pretrained network (Johnson et al. 2016).

    The networks' own layer names say whether it is taken before the activation (`conv5_4`, as in ESRGAN) or after it
    (`relu5_4`, as in SRGAN). Grey images are shown as RGB.

    Args:
        weight, sharpen: see `Reconstruction`.
        network: spec of a perceptual network, such as vgg19 (its weights must be had), vgg19-torchvision (the same in
            PyTorch's scale, as ESRGAN has it) or vgg16-hed.
        layer: whose features are compared; several are joined by `+`, whose distances are summed. Default conv5_4.
        scale: factor of the features. Default 1 (SRGAN: about 1/12.75 on VGG19, "0.006" of the squares).
        norm: l1 (ESRGAN) or l2 (SRGAN), the mean over all features.
        layer_weights: of each of several layers, numbers joined by `+`. Default: 1 for each.

    Raises:
        UserError: unknown network or layer, or no weights.
        ValueError: another norm, or another number of weights than of layers.
    """

    name = "perceptual"

    def __init__(
        self, weight=1.0, network="vgg19", layer="conv5_4", scale=1.0, norm="l1", layer_weights=None, sharpen=False
    ):
        super().__init__(weight, sharpen)
        if norm not in ("l1", "l2"):
            raise ValueError(f"norm should be l1 or l2, not {norm!r}")
        self.norm, self.scale = norm, scale
        layers = layer.split("+")
        self.layer_weights = [1.0] * len(layers)
        if layer_weights is not None:
            self.layer_weights = [float(one) for one in str(layer_weights).split("+")]
        if len(self.layer_weights) != len(layers):
            raise ValueError(
                f"layer_weights={layer_weights} should be {len(layers)} numbers joined by +, one for each layer"
            )
        self.taps = create_perceptual(network).taps(layers)

    def __call__(self, targets, outputs):
        of_target, of_output = (self.taps(rgb(images)) for images in (tf.stop_gradient(self.aims(targets)), outputs))
        distances = [
            weight * self.mean(*(self.scale * tf.cast(features, tf.float32) for features in (one, other)))
            for weight, one, other in zip(self.layer_weights, of_target, of_output, strict=True)
        ]
        return tf.add_n(distances)

    def distances(self, differences):
        return tf.abs(differences) if self.norm == "l1" else tf.square(differences)


def rgb(images):
    """Returns float32 [batch, h, w, 3] of grey or RGB images of any float type."""
    images = tf.cast(images, tf.float32)
    return tf.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images
