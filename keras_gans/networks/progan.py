"""ProGAN (Karras et al. 2018), after `tkarras/progressive_growing_of_gans`: networks that grow."""

import math

import keras
from keras import layers

from keras_gans.layers.bias_activation import BiasActivation
from keras_gans.layers.equalized import EqualizedConv2D, EqualizedDense
from keras_gans.layers.fir import Blur, Downsample, Upsample
from keras_gans.layers.progressive import Fade, MinibatchStd, PixelNorm
from keras_gans.networks.cgan import label_input
from keras_gans.networks.pyramid import Growing, channels_at, sizes_of
from keras_gans.registry import DISCRIMINATORS, GENERATORS

GAIN = math.sqrt(2)  # He's, of the layers before a LeakyReLU


def activation(x, dtype=None):
    """LeakyReLU with slope 0.2."""
    return layers.LeakyReLU(negative_slope=0.2, dtype=dtype)(x)


def fading_images(features, channels):
    """Turns the features at each resolution into images that fade in.

    Args:
        features: dict, resolution -> Keras tensor.
        channels: of the images.

    Returns:
        (the image at the highest resolution, whatever has grown so far; dict, resolution -> the image while it is the
        highest), Keras tensors.
    """
    levels, whole, below = {}, None, None
    for size, x in features.items():
        rgb = EqualizedConv2D(channels, 1, name=f"to_image_{size}")(x)
        rgb = layers.Activation("linear", dtype="float32", name=f"image_{size}")(rgb)  # [batch, size, size, channels]
        if whole is None:
            levels[size] = whole = rgb
        else:
            up, fade = (
                layer(dtype="float32", name=f"{name}_{size}", **kwargs)
                for layer, name, kwargs in ((Upsample, "enlarge", {"taps": (1, 1)}), (Fade, "fade", {}))
            )
            levels[size] = fade([up(below), rgb])
            whole = fade([up(whole), rgb])
        below = rgb
    return whole, levels


@GENERATORS.register("progan")
@keras.saving.register_keras_serializable("keras_gans")
class ProGANGenerator(Growing, keras.Model):
    """Two convolutions at each resolution, with pixel norm; as it starts, all have grown.

    Args:
        image_size: height and width in pixels, a power of two from 4 to 1024. Default 1024.
        channels: of the image. Default 3.
        latent_dim: default 512.
        channel_base: the layers at s pixels have channel_base // s channels, ... Default 16384.
        channel_max: ... and at most so many. Default 512.

    Call:
        latent float [batch, latent_dim] -> float32 [batch, image_size, image_size, channels]; pixels beyond [-1, 1] are
        clipped where files are written. See `Growing` for the network at a lower resolution.

    Raises:
        ValueError: an image size that it cannot make.
    """

    def __init__(self, image_size=1024, channels=3, latent_dim=512, channel_base=16384, channel_max=512, **kwargs):
        sizes = sizes_of(image_size, 4)

        # === Functional Model ===
        latent = keras.Input((latent_dim,), name="latent")
        x, features = PixelNorm(name="normalize")(latent), {}
        for size in sizes:
            filters = channels_at(size, channel_base, channel_max)
            if size == 4:
                # The gain is that of a 4x4 kernel over one pixel (the authors' code: sqrt(2) / 4).
                x = EqualizedDense(16 * filters, gain=GAIN / 4, use_bias=False, name="project")(x)
                x = BiasActivation(slope=1.0, name="project_bias")(layers.Reshape((4, 4, filters))(x))
            else:
                x = EqualizedConv2D(filters, 3, "up", gain=GAIN, name=f"conv0_up_{size}")(x)
            x = PixelNorm(name=f"norm0_{size}")(activation(x))
            x = EqualizedConv2D(filters, 3, gain=GAIN, name=f"conv1_{size}")(x)
            features[size] = x = PixelNorm(name=f"norm1_{size}")(activation(x))  # [batch, size, size, filters]
        image, levels = fading_images(features, channels)
        super().__init__(latent, image, **kwargs)
        self.set_levels({size: keras.Model(latent, image) for size, image in levels.items()})

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.latent_dim = latent_dim
        self.channel_base = channel_base
        self.channel_max = channel_max

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "latent_dim": self.latent_dim,
            "channel_base": self.channel_base,
            "channel_max": self.channel_max,
            "name": self.name,
        }


class GrowingDiscriminator(Growing, keras.Model):
    """What the discriminators of ProGAN and StyleGAN share; as it starts, all resolutions have grown.

    Args:
        blur: filter with [1, 2, 1] before halving.
        num_classes: answer with the logit of the label when more than 0.
        image_size, channels, channel_base, channel_max: see `ProGANDiscriminator`.

    Call:
        image float [batch, image_size, image_size, channels] in [-1, 1], with classes [image, label int32 [batch]] ->
            float32 logits [batch, 1].
    """

    def __init__(self, image_size, channels, channel_base, channel_max, blur, num_classes=0, **kwargs):
        sizes = sizes_of(image_size, 4)
        filters = {size: channels_at(size, channel_base, channel_max) for size in sizes}

        # === Functional Model ===
        from_image = {size: EqualizedConv2D(filters[size], 1, gain=GAIN, name=f"from_image_{size}") for size in sizes}
        blocks = {size: _halving_block(filters[size], filters[size // 2], size, blur) for size in sizes[1:]}
        halve = {size: Downsample((1, 1), dtype="float32", name=f"halve_{size}") for size in sizes[1:]}
        fade = {size: Fade(name=f"fade_{size}") for size in sizes[1:]}
        head = _head(filters[4], num_classes or 1)
        label, one_hot = label_input(num_classes) if num_classes else (None, None)

        def connect(image, size, fading):
            """The network from `size` pixels on; at the resolutions in `fading`, features of the halved image come in."""
            x = activation(from_image[size](image))
            for size in sizes[sizes.index(size) : 0 : -1]:
                x = blocks[size](x)  # [batch, size / 2, size / 2, filters of size / 2]
                if size in fading:
                    image = halve[size](image)
                    x = fade[size]([activation(from_image[size // 2](image)), x])
            scores = head(x)
            return layers.Dot(axes=1, dtype="float32")([scores, one_hot]) if num_classes else scores

        levels = {}
        for size in sizes:
            image = keras.Input((size, size, channels), name="image")
            inputs = [image, label] if num_classes else image
            levels[size] = keras.Model(inputs, connect(image, size, (size,)))
        # The last input is that of the whole network.
        super().__init__(inputs, connect(image, image_size, sizes[1:]), **kwargs)
        self.set_levels(levels)

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.channel_base = channel_base
        self.channel_max = channel_max

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "channel_base": self.channel_base,
            "channel_max": self.channel_max,
            "name": self.name,
        }


def _halving_block(filters, half_filters, size, blur):
    """Returns a function: [batch, size, size, filters] -> half the sides, half_filters."""
    conv0 = EqualizedConv2D(filters, 3, gain=GAIN, name=f"conv0_{size}")
    before = [Blur(name=f"blur_{size}")] if blur else []
    conv1 = EqualizedConv2D(half_filters, 3, "down", gain=GAIN, name=f"conv1_down_{size}")

    def apply(x):
        x = activation(conv0(x))
        for layer in [*before, conv1]:
            x = layer(x)
        return activation(x)

    return apply


def _head(filters, outputs):
    """Returns a function: features at 4x4 -> float32 [batch, outputs]."""
    conv = EqualizedConv2D(filters, 3, gain=GAIN, name="conv0_4")
    parts = [
        MinibatchStd(name="minibatch_std"),
        conv,
        layers.LeakyReLU(negative_slope=0.2),
        layers.Flatten(),
        EqualizedDense(filters, gain=GAIN, name="dense"),
        layers.LeakyReLU(negative_slope=0.2),
        EqualizedDense(outputs, dtype="float32", name="score"),
    ]

    def apply(x):
        for layer in parts:
            x = layer(x)
        return x

    return apply


@DISCRIMINATORS.register("progan")
@keras.saving.register_keras_serializable("keras_gans")
class ProGANDiscriminator(GrowingDiscriminator):
    """The generator mirrored, with the minibatch standard deviation (groups of 4) at 4x4.

    Args:
        image_size: height and width in pixels, a power of two from 4 to 1024. Default 1024.
        channels, channel_base, channel_max: see `ProGANGenerator`.

    Call:
        image float [batch, image_size, image_size, channels] in [-1, 1] -> float32 logits [batch, 1]. See `Growing` for
        the network at a lower resolution.

    Raises:
        ValueError: an image size that it cannot take.
    """

    def __init__(self, image_size=1024, channels=3, channel_base=16384, channel_max=512, **kwargs):
        super().__init__(image_size, channels, channel_base, channel_max, blur=False, **kwargs)
