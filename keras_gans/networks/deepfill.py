"""DeepFill v2 (Yu et al. 2019): free-form inpainting in two stages, and its discriminator SN-PatchGAN."""

import keras
from keras import layers

from keras_gans.layers.contextual_attention import ContextualAttention, nearest
from keras_gans.layers.inpainting import GatedConv2D, KeepKnown
from keras_gans.layers.pixel_shuffle import NearestUpsample
from keras_gans.layers.spectral_normalization import SpectralNormalization
from keras_gans.networks.translator import Translator
from keras_gans.registry import DISCRIMINATORS, GENERATORS

_DILATIONS = (2, 4, 8, 16)


@keras.saving.register_keras_serializable("keras_gans")
class InpaintingInput(layers.Layer):
    """What the coarse stage sees: the picture with 0 where it is missing, a channel of ones (which marks the border), and
    the mask, 1 where it is missing.

    Call:
        float [batch, h, w, channels + 1], a picture and its mask, +1 where it is missing and -1 where it is known
        -> [batch, h, w, channels + 2].
    """

    def call(self, images):
        missing = (images[..., -1:] + 1) / 2
        return keras.ops.concatenate([images[..., :-1] * (1 - missing), keras.ops.ones_like(missing), missing], axis=-1)

    def compute_output_shape(self, images_shape):
        return *images_shape[:-1], images_shape[-1] + 1


@keras.saving.register_keras_serializable("keras_gans")
class SmallMask(layers.Layer):
    """The mask of a picture at a quarter of its size: 1 where it is missing, 0 where it is known, in float32.

    Call:
        float [batch, h, w, channels + 1] as in `InpaintingInput` -> float32 [batch, h / 4, w / 4, 1].
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs | {"dtype": "float32"})

    def call(self, images):
        _, height, width, _ = keras.ops.shape(images)
        return nearest(keras.ops.cast(images[..., -1:] > 0, "float32"), height // 4, width // 4)

    def compute_output_shape(self, images_shape):
        batch, height, width, _ = images_shape
        return batch, *(side and side // 4 for side in (height, width)), 1


def _down(x, widths, name, initializer):
    """To a quarter of the size: six gated convolutions."""
    for index, (width, size, stride) in enumerate(zip(widths, (5, 3, 3, 3, 3, 3), (1, 2, 1, 2, 1, 1)), 1):
        # The attention branch ends in a ReLU: patches are compared by features that are not negative.
        activation = "relu" if name == "attention" and index == 6 else "elu"
        x = GatedConv2D(
            width,
            size,
            stride,
            kernel_initializer=initializer,
            feature_activation=activation,
            name=f"{name}_conv_{index}",
        )(x)
    return x


def _dilated(x, name, initializer):
    for index, dilation in enumerate(_DILATIONS, 7):
        x = GatedConv2D(x.shape[-1], 3, dilation_rate=dilation, kernel_initializer=initializer, name=f"{name}_conv_{index}")(
            x
        )
    return x


def _up(x, width, channels, name, initializer):
    """Back to full size: two further convolutions, two doublings, and the picture."""
    for index, filters in enumerate((4 * width, 4 * width, 2 * width, 2 * width, width, width // 2), 11):
        if index in (13, 15):
            x = NearestUpsample(name=f"{name}_up_{index}")(x)
        x = GatedConv2D(filters, 3, kernel_initializer=initializer, name=f"{name}_conv_{index}")(x)
    x = layers.Conv2D(channels, 3, padding="same", kernel_initializer=initializer, name=f"{name}_conv_17")(x)
    return layers.Activation("tanh", dtype="float32", name=f"{name}_prediction")(x)


@GENERATORS.register("deepfill")
@keras.saving.register_keras_serializable("keras_gans")
class DeepFill(Translator):
    """Fills the holes of a picture, coarsely and then finely, from patches of what is known; known pixels pass unchanged.

    `build_inpaint_net` in `inpaint_model.py` of `JiahuiYu/generative_inpainting`. The second stage has two branches, one
    with dilated convolutions and one with contextual attention. `gated` is a light one of one stage.

    Args:
        channels: of the picture. Default 3.
        input_channels: one more, for the mask. Default: channels + 1.
        width: channels after the gates at full size. Default 24 (the authors' 48, half of which are gates).
        init: of the kernels: "glorot" (default, as published) or "steady", which keeps the size of values through gates
            (`GatedConv2D`) and learns sooner.

    Call:
        float [batch, h, w, channels + 1], h and w multiples of 8: a picture in [-1, 1] whose missing pixels are of no
        account, and its mask, +1 where pixels are missing and -1 where they are known
        -> float32 [batch, h, w, channels] in [-1, 1].

    Raises:
        ValueError: an input without a mask, or another init.
        UserError: called with sides that are no multiples of 8.
    """

    multiple = 8

    def __init__(self, channels=3, input_channels=None, width=24, init="glorot", **kwargs):
        if input_channels not in (None, channels + 1):
            raise ValueError(
                f"input_channels must be {channels + 1}, a picture of {channels} channels and its mask, not {input_channels}"
            )
        if init not in ("glorot", "steady"):
            raise ValueError(f"init must be glorot or steady, not {init}")
        kernels = "glorot_uniform" if init == "glorot" else keras.initializers.VarianceScaling(5.0)

        # === Functional Model ===
        images = keras.Input((None, None, channels + 1), name="images")
        x = InpaintingInput(name="input")(images)
        x = _down(x, (width, 2 * width, 2 * width, *3 * (4 * width,)), "coarse", kernels)
        coarse = _up(_dilated(x, "coarse", kernels), width, channels, "coarse", kernels)
        filled = KeepKnown(name="coarse")(images, coarse)
        x = _down(filled, (width, width, 2 * width, 2 * width, 4 * width, 4 * width), "dilated", kernels)
        dilated = _dilated(x, "dilated", kernels)
        x = _down(filled, (width, width, 2 * width, *3 * (4 * width,)), "attention", kernels)
        x = ContextualAttention(name="attention")(x, SmallMask(name="small_mask")(images))
        for index in (9, 10):
            x = GatedConv2D(4 * width, 3, kernel_initializer=kernels, name=f"attention_conv_{index}")(x)
        fine = _up(layers.Concatenate(name="branches")([dilated, x]), width, channels, "fine", kernels)
        super().__init__(images, KeepKnown(name="output")(images, fine), **kwargs)

        # === Config ===
        self.channels = channels
        self.input_channels = channels + 1
        self.width = width
        self.init = init

    def stages(self):
        """Returns a `keras.Model` of the same weights: images -> (coarse prediction, fine one, output)."""
        predictions = [self.get_layer(f"{stage}_prediction").output for stage in ("coarse", "fine")]
        return keras.Model(self.inputs, [*predictions, self.outputs[0]])

    def get_config(self):
        return {"channels": self.channels, "width": self.width, "init": self.init, "name": self.name}


@DISCRIMINATORS.register("sn_patchgan")
@keras.saving.register_keras_serializable("keras_gans")
class SNPatchGAN(keras.Model):
    """Judges every place of the picture in many ways: a map of logits with as many channels as the last convolution.

    Six 5x5 convolutions of stride 2 with spectral norm and LeakyReLU 0.2, behind the last one too (Yu et al. 2019,
    section 3.3; `build_sn_patch_gan_discriminator`).

    Args:
        channels: of the picture, and one for its mask. Default 4.
        width: channels of the first convolution; the second has twice, the others four times as many. Default 64.
        image_size: of the pictures to come, in pixels, at least 64: on a map of one pixel TensorFlow 2.21's gradient of a
            strided kernel in bfloat16 is made of memory that nobody has written (CPU). Default None: not known.

    Call:
        float [batch, h, w, channels]: a picture in [-1, 1], and its mask, 1 where it is missing
        -> float32 logits [batch, h / 64, w / 64, 4 width].

    Raises:
        ValueError: a smaller image size.
    """

    smallest = 64

    def __init__(self, channels=4, width=64, image_size=None, **kwargs):
        if image_size is not None and image_size < self.smallest:
            raise ValueError(
                f"sn_patchgan halves six times and takes images of {self.smallest} pixels or more, not {image_size}"
            )

        # === Functional Model ===
        image = x = keras.Input((None, None, channels), name="image")
        for index, factor in enumerate((1, 2, 4, 4, 4, 4)):
            convolution = layers.Conv2D(factor * width, 5, 2, "same", name=f"conv_{index}")
            x = SpectralNormalization(convolution, name=f"norm_{index}")(x)
            x = layers.LeakyReLU(negative_slope=0.2, name=f"relu_{index}")(x)
        super().__init__(image, layers.Activation("linear", dtype="float32", name="logits")(x), **kwargs)

        # === Config ===
        self.channels = channels
        self.width = width

    def get_config(self):
        return {"channels": self.channels, "width": self.width, "name": self.name}
