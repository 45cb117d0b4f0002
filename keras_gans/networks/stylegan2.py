"""StyleGAN2 with the changes of StyleGAN2-ADA (Karras et al. 2020, both), after `NVlabs/stylegan2-ada-pytorch`."""

import math

import keras
from keras import layers

from keras_gans.layers.bias_activation import BiasActivation
from keras_gans.layers.equalized import EqualizedConv2D, EqualizedDense
from keras_gans.layers.fir import Blur, Downsample, Upsample
from keras_gans.layers.modulated_convolution import ModulatedConv2D
from keras_gans.layers.noise import NoiseInjection
from keras_gans.layers.progressive import Constant, MinibatchStd, PixelNorm
from keras_gans.networks.cgan import label_input
from keras_gans.networks.pyramid import channels_at, sizes_of
from keras_gans.networks.style_generator import StyleGenerator, mapping_layers, mapping_network
from keras_gans.registry import DISCRIMINATORS, GENERATORS

_GAIN = math.sqrt(2)  # keeps the variance through LeakyReLU


def _dtype(size, image_size):
    """The type of the layers at `size` pixels: the policy's at the four highest resolutions above 4, else float32."""
    return None if size >= max(image_size // 8, 8) else "float32"


def _embedded(one_hot, width, name):
    """A linear map of the labels, normalised to a mean square of 1."""
    return PixelNorm(dtype="float32", name=f"normalize_{name}")(EqualizedDense(width, dtype="float32", name=name)(one_hot))


def _modulated(x, w, filters, kernel_size, name, dtype, **kwargs):
    """A modulated convolution of x by w, whose style comes from an affine layer called `NAME_style`."""
    style = EqualizedDense(x.shape[-1], bias=1.0, dtype="float32", name=f"{name}_style")(w)  # [batch, channels of x]
    return ModulatedConv2D(filters, kernel_size, dtype=dtype, name=name, **kwargs)([x, style])


def _synthesis(image_size, channels, w_dim, channel_base, channel_max):
    """Returns the `keras.Model` styles [batch, layers_w, w_dim] -> image, of the skip architecture."""
    sizes = sizes_of(image_size)
    styles = keras.Input((2 * len(sizes), w_dim), name="styles")  # [batch, layers_w, w_dim]
    image, index = None, 0
    for size in sizes:
        dtype, filters = _dtype(size, image_size), channels_at(size, channel_base, channel_max)
        if size == 4:
            x = Constant(4, filters, keras.initializers.RandomNormal(0.0, 1.0), dtype=dtype, name="constant")(styles)
        for layer in ("conv0_up", "conv1")[size == 4 :]:
            name = f"{layer}_{size}"
            x = _modulated(x, styles[:, index], filters, 3, name, dtype, gain=_GAIN, up=layer == "conv0_up")
            x = NoiseInjection(gain=_GAIN, dtype=dtype, name=f"{name}_noise")(x)
            x = BiasActivation(gain=_GAIN, dtype=dtype, name=f"{name}_bias")(x)  # [batch, size, size, filters]
            index += 1
        # The image's layer shares its style with the first one of the next resolution.
        rgb = _modulated(x, styles[:, index], channels, 1, f"to_image_{size}", dtype, demodulate=False)
        rgb = BiasActivation(slope=1.0, dtype=dtype, name=f"to_image_{size}_bias")(rgb)
        rgb = layers.Activation("linear", dtype="float32", name=f"image_{size}")(rgb)  # [batch, size, size, channels]
        if image is not None:
            rgb = layers.Add(dtype="float32")([Upsample(dtype="float32", name=f"up_{size}")(image), rgb])
        image = rgb
    return keras.Model(styles, image, name="synthesis")


@GENERATORS.register("stylegan2")
@keras.saving.register_keras_serializable("keras_gans")
class StyleGAN2Generator(StyleGenerator):
    """Modulated convolutions from a learned 4x4 image on, an image at each resolution, and their sum.

    The defaults are the authors' at 512 pixels and above; they halve `channel_base` up to 256.

    Args:
        image_size: height and width in pixels, a power of two from 8 to 1024. Default 256.
        channels: of the image. Default 3.
        latent_dim: default 512.
        num_classes: conditional on labels when more than 0. Default 0.
        w_dim: width of w. Default 512.
        channel_base: the layers at s pixels have channel_base // s channels, ... Default 32768.
        channel_max: ... and at most so many. Default 512.
        mapping_layers: default 8 (2 in the authors' `auto` and `cifar` configurations).

    Call:
        latent float [batch, latent_dim] or [latent, label int32 [batch]]
        -> float32 [batch, image_size, image_size, channels]; pixels beyond [-1, 1] are clipped where files are written.
        For styles, truncation and noise see `StyleGenerator`.

    Raises:
        ValueError: an image size that it cannot make.
        UserError: called with a latent of another width.
    """

    def __init__(
        self,
        image_size=256,
        channels=3,
        latent_dim=512,
        num_classes=0,
        w_dim=512,
        channel_base=32768,
        channel_max=512,
        mapping_layers=8,
        **kwargs,
    ):
        def join(latent, one_hot):
            latent = PixelNorm(dtype="float32", name="normalize")(latent)
            return layers.Concatenate(dtype="float32")([latent, _embedded(one_hot, w_dim, "embedding")])

        mapping = mapping_network(latent_dim, w_dim, num_classes, mapping_layers, join, (_GAIN, _GAIN))
        super().__init__(mapping, _synthesis(image_size, channels, w_dim, channel_base, channel_max), **kwargs)

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        self.channel_base = channel_base
        self.channel_max = channel_max
        self.mapping_layers = mapping_layers

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "latent_dim": self.latent_dim,
            "num_classes": self.num_classes,
            "w_dim": self.w_dim,
            "channel_base": self.channel_base,
            "channel_max": self.channel_max,
            "mapping_layers": self.mapping_layers,
            "name": self.name,
        }


@DISCRIMINATORS.register("stylegan2")
@keras.saving.register_keras_serializable("keras_gans")
class StyleGAN2Discriminator(keras.Model):
    """Residual blocks that halve the image down to 4x4; minibatch standard deviation there.

    Args:
        image_size, channels, num_classes, channel_base, channel_max: see `StyleGAN2Generator`. With labels, the last
            layer's features are multiplied with those of a mapping network of the label (projection).
        group_size: images in a group of the minibatch standard deviation, 4 by default.

    Call:
        image float [batch, image_size, image_size, channels] in [-1, 1] or [image, label int32 [batch]]
        -> float32 logits [batch, 1].

    Raises:
        ValueError: an image size that it cannot take.
    """

    def __init__(
        self, image_size=256, channels=3, num_classes=0, channel_base=32768, channel_max=512, group_size=4, **kwargs
    ):
        sizes = sizes_of(image_size)
        filters = {size: channels_at(size, channel_base, channel_max) for size in sizes}

        # === Functional Model ===
        inputs = image = keras.Input((image_size, image_size, channels), name="image")
        x = _conv(image, filters[image_size], 1, f"from_image_{image_size}", _dtype(image_size, image_size))
        for size in sizes[:0:-1]:
            dtype, half = _dtype(size, image_size), filters[size // 2]
            skip = Downsample(dtype=dtype, name=f"skip_down_{size}")(x)  # [batch, size / 2, size / 2, filters]
            skip = EqualizedConv2D(half, 1, gain=math.sqrt(0.5), use_bias=False, dtype=dtype, name=f"skip_{size}")(skip)
            x = _conv(x, filters[size], 3, f"conv0_{size}", dtype)
            x = Blur((1, 3, 3, 1), grow=1, dtype=dtype, name=f"blur_{size}")(x)  # [batch, size + 1, size + 1, filters]
            # [batch, size / 2, size / 2, half]
            x = _conv(x, half, 3, f"conv1_down_{size}", dtype, scale=math.sqrt(0.5), strides=2, pad=0)
            x = layers.Add(dtype=dtype)([x, skip])
        x = MinibatchStd(group_size, dtype="float32", name="minibatch_std")(x)  # [batch, 4, 4, filters + 1]
        x = _conv(x, filters[4], 3, "conv_4", "float32")
        x = EqualizedDense(filters[4], _GAIN, use_bias=False, dtype="float32", name="dense")(
            layers.Flatten(dtype="float32")(x)
        )
        x = BiasActivation(gain=_GAIN, dtype="float32", name="dense_bias")(x)
        score = EqualizedDense(filters[4] if num_classes else 1, dtype="float32", name="score")(x)
        if num_classes:
            label, one_hot = label_input(num_classes)
            inputs = [image, label]
            embedding = mapping_layers(_embedded(one_hot, filters[4], "embedding"), filters[4], 8, (_GAIN, _GAIN))
            score = layers.Dot(axes=1, dtype="float32", name="inner_product")([score, embedding])
            score = layers.Rescaling(1 / math.sqrt(filters[4]), dtype="float32", name="logits")(score)
        super().__init__(inputs, score, **kwargs)

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.num_classes = num_classes
        self.channel_base = channel_base
        self.channel_max = channel_max
        self.group_size = group_size

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "num_classes": self.num_classes,
            "channel_base": self.channel_base,
            "channel_max": self.channel_max,
            "group_size": self.group_size,
            "name": self.name,
        }


def _conv(x, filters, kernel_size, name, dtype, scale=1.0, **kwargs):
    """A convolution, bias, LeakyReLU, times sqrt(2) and `scale`."""
    gain = scale * _GAIN
    x = EqualizedConv2D(filters, kernel_size, gain=gain, use_bias=False, dtype=dtype, name=name, **kwargs)(x)
    return BiasActivation(gain=gain, dtype=dtype, name=f"{name}_bias")(x)
