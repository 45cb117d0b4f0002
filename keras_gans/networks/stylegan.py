"""StyleGAN (Karras et al. 2019), after `NVlabs/stylegan`: ProGAN with styles, noise and blurred resampling."""

import keras
from keras import layers

from keras_gans.layers.bias_activation import BiasActivation
from keras_gans.layers.equalized import EqualizedConv2D, EqualizedDense
from keras_gans.layers.fir import Blur
from keras_gans.layers.instance_normalization import InstanceNormalization
from keras_gans.layers.noise import NoiseInjection
from keras_gans.layers.progressive import Constant, PixelNorm
from keras_gans.layers.styles import StyleModulation
from keras_gans.networks.progan import GAIN, GrowingDiscriminator, activation, fading_images
from keras_gans.networks.pyramid import Growing, channels_at, sizes_of
from keras_gans.networks.style_generator import StyleGenerator, mapping_network
from keras_gans.registry import DISCRIMINATORS, GENERATORS


@keras.saving.register_keras_serializable("keras_gans")
class StyleGANSynthesis(Growing, keras.Model):
    """Styles -> image; see `StyleGANGenerator` for the arguments, and `Growing`.

    Call:
        styles float [batch, layers_w, w_dim] -> float32 image [batch, image_size, image_size, channels].
    """

    def __init__(self, image_size, channels, w_dim, channel_base, channel_max, **kwargs):
        sizes = sizes_of(image_size, 8)

        # === Functional Model ===
        styles = keras.Input((2 * len(sizes), w_dim), name="styles")  # [batch, layers_w, w_dim]
        features = {}
        for index, size in enumerate(sizes):
            filters = channels_at(size, channel_base, channel_max)
            # As it starts, the 4x4 image is the same everywhere: instance norm has gradients there that float16 has not.
            dtype = "float32" if size == 4 else None
            if size == 4:
                x = Constant(4, filters, dtype=dtype, name="constant")(styles)
            else:
                x = EqualizedConv2D(filters, 3, "up", gain=GAIN, use_bias=False, name=f"conv0_up_{size}")(x)
                x = Blur(name=f"blur_{size}")(x)
            x = _styled(x, styles[:, 2 * index], "constant_4" if size == 4 else f"conv0_up_{size}", dtype)
            x = EqualizedConv2D(filters, 3, gain=GAIN, use_bias=False, dtype=dtype, name=f"conv1_{size}")(x)
            features[size] = x = _styled(x, styles[:, 2 * index + 1], f"conv1_{size}", dtype)  # [batch, size, size, filters]
        image, levels = fading_images(features, channels)
        super().__init__(styles, image, **kwargs)
        self.set_levels({size: keras.Model(styles, image) for size, image in levels.items()})

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.w_dim = w_dim
        self.channel_base = channel_base
        self.channel_max = channel_max

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "w_dim": self.w_dim,
            "channel_base": self.channel_base,
            "channel_max": self.channel_max,
            "name": self.name,
        }


def _styled(x, w, name, dtype):
    """Noise, bias, LeakyReLU, instance norm, and the style x (scale + 1) + offset from an affine layer `NAME_style`."""
    x = NoiseInjection(per_channel=True, dtype=dtype, name=f"{name}_noise")(x)
    x = activation(BiasActivation(slope=1.0, dtype=dtype, name=f"{name}_bias")(x), dtype)
    x = InstanceNormalization(epsilon=1e-8, dtype=dtype, name=f"{name}_norm")(x)
    # [batch, 2 channels]: scale and offset
    style = EqualizedDense(2 * x.shape[-1], dtype="float32", name=f"{name}_style")(w)
    return StyleModulation(dtype=dtype, name=f"{name}_modulation")([x, style])


@GENERATORS.register("stylegan")
@keras.saving.register_keras_serializable("keras_gans")
class StyleGANGenerator(StyleGenerator):
    """A learned 4x4 image through convolutions whose outputs are normalised and given a style (AdaIN), with noise.

    As it starts, all resolutions have grown.

    Args:
        image_size: height and width in pixels, a power of two from 8 to 1024. Default 1024.
        channels: of the image. Default 3.
        latent_dim: default 512.
        num_classes: conditional on labels when more than 0. Default 0.
        w_dim: width of w. Default 512.
        channel_base: the layers at s pixels have channel_base // s channels, ... Default 16384.
        channel_max: ... and at most so many. Default 512.
        mapping_layers: default 8.

    Call:
        latent float [batch, latent_dim] or [latent, label int32 [batch]]
        -> float32 [batch, image_size, image_size, channels]; pixels beyond [-1, 1] are clipped where files are written.
        For styles, truncation and noise see `StyleGenerator`; `synthesis` is a `Growing`.

    Raises:
        ValueError: an image size that it cannot make.
        UserError: called with a latent of another width.
    """

    def __init__(
        self,
        image_size=1024,
        channels=3,
        latent_dim=512,
        num_classes=0,
        w_dim=512,
        channel_base=16384,
        channel_max=512,
        mapping_layers=8,
        **kwargs,
    ):
        def join(latent, one_hot):
            embedding = layers.Dense(
                latent_dim,
                use_bias=False,
                dtype="float32",
                name="embedding",
                kernel_initializer=keras.initializers.RandomNormal(0.0, 1.0),
            )(one_hot)
            both = layers.Concatenate(dtype="float32")([latent, embedding])
            return PixelNorm(dtype="float32", name="normalize")(both)

        mapping = mapping_network(latent_dim, w_dim, num_classes, mapping_layers, join, (GAIN, 1.0))
        synthesis = StyleGANSynthesis(image_size, channels, w_dim, channel_base, channel_max, name="synthesis")
        super().__init__(mapping, synthesis, **kwargs)

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


@DISCRIMINATORS.register("stylegan")
@keras.saving.register_keras_serializable("keras_gans")
class StyleGANDiscriminator(GrowingDiscriminator):
    """ProGAN's, with a blur [1, 2, 1] before halving.

    Args:
        image_size: height and width in pixels, a power of two from 8 to 1024. Default 1024.
        channels, channel_base, channel_max: see `StyleGANGenerator`.
        num_classes: when more than 0, there is a logit for each class, and the label chooses. Default 0.

    Call:
        image float [batch, image_size, image_size, channels] in [-1, 1] or [image, label int32 [batch]]
        -> float32 logits [batch, 1]. See `Growing` for the network at a lower resolution.

    Raises:
        ValueError: an image size that it cannot take.
    """

    def __init__(self, image_size=1024, channels=3, num_classes=0, channel_base=16384, channel_max=512, **kwargs):
        super().__init__(image_size, channels, channel_base, channel_max, blur=True, num_classes=num_classes, **kwargs)
        self.num_classes = num_classes

    def get_config(self):
        return super().get_config() | {"num_classes": self.num_classes}
