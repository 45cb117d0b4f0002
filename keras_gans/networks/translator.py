"""What the image-to-image networks share."""

import keras
from keras import layers

from keras_gans.errors import UserError
from keras_gans.layers.batch_norm import BatchNorm
from keras_gans.layers.instance_normalization import InstanceNormalization


class Translator(keras.Model):
    """A network from images to images of any height and width.

    Call:
        images float [batch, h, w, c] in [-1, 1] -> float32 [batch, scale h, scale w, c'].

    Attributes:
        multiple: the sides of its inputs are multiples of it, in pixels. Default 1.
        scale: sides of the output over those of the input. Default 1.

    Raises:
        UserError: called with another size.
    """

    multiple = 1
    scale = 1

    def __call__(self, inputs, *args, **kwargs):
        sides = tuple(inputs.shape[1:3])
        if any(side is not None and side % self.multiple for side in sides):
            raise UserError(
                f"{self.name} takes images whose sides are multiples of {self.multiple} pixels, "
                f"not {' x '.join(map(str, sides))}: crop or pad them"
            )
        return super().__call__(inputs, *args, **kwargs)


def normalization(norm, name):
    """Returns a normalization layer of `junyanz/pytorch-CycleGAN-and-pix2pix` with its epsilon 1e-5.

    Args:
        norm: "batch" (affine), "affine_instance" (what batch norm is at batch size 1, at any), "instance" (not affine) or
            "none".
        name: of the layer.

    Raises:
        ValueError: another norm.
    """
    if norm == "batch":
        return BatchNorm(name=name)
    if norm == "affine_instance":
        return InstanceNormalization(affine=True, gamma_initializer=keras.initializers.RandomNormal(1.0, 0.02), name=name)
    if norm == "instance":
        return InstanceNormalization(name=name)
    if norm == "none":
        return layers.Identity(name=name)
    raise ValueError(f"norm must be batch, affine_instance, instance or none, not {norm}")


def initializer(init):
    """Returns the initial distribution of kernels.

    Args:
        init: "normal", N(0, 0.02^2) (pix2pix and CycleGAN), or "xavier", 0.02 times Glorot's normal one (CUT).

    Raises:
        ValueError: another distribution.
    """
    if init == "normal":
        return keras.initializers.RandomNormal(0.0, 0.02)
    if init == "xavier":
        return keras.initializers.VarianceScaling(0.02**2, "fan_avg", "untruncated_normal")
    raise ValueError(f"init must be normal or xavier, not {init}")
