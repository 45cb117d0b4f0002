"""FastGAN's discriminator (Liu et al. 2021) and the decoders that make it describe real images."""

import keras
from keras import layers

from keras_gans.layers.batch_norm import BatchNorm
from keras_gans.networks.fastgan import SIZES, excite, glu, spectral
from keras_gans.registry import DISCRIMINATORS

_MULTIPLES = {512: 1 / 8, 256: 1 / 4, 128: 1 / 2, 64: 1, 32: 2, 16: 4, 8: 8}  # of `width`
_GATED = (32, 16, 8)  # pixels; each by the map of eight times the size, where there is one
_DECODED = 8  # pixels of what a decoder starts from
_LARGEST = 128  # pixels of what it makes
_SLOPE = 0.2


def _convolve(x, filters, kernel_size, name, stride=1, padding="same", norm=True):
    """A convolution, batch norm if `norm` and LeakyReLU; a kernel of 4 that halves is padded by one pixel."""
    if stride == 2:
        x, padding = layers.ZeroPadding2D(1)(x), "valid"
    x = spectral(name, filters, kernel_size, strides=stride, padding=padding, kernel_initializer=_initial())(x)
    x = BatchNorm(name=f"{name}_norm")(x) if norm else x
    return layers.LeakyReLU(negative_slope=_SLOPE)(x)


def _initial():
    return keras.initializers.RandomNormal(0.0, 0.02)


def _halve(x, filters, name):
    """The mean of two convolutions and of a pooled shortcut."""
    y = _convolve(x, filters, 4, f"{name}a", stride=2)
    y = _convolve(y, filters, 3, f"{name}b")
    return (y + _convolve(layers.AveragePooling2D(2)(x), filters, 1, f"{name}_short")) / 2


@DISCRIMINATORS.register("fastgan")
@keras.saving.register_keras_serializable("keras_gans")
class FastGANDiscriminator(keras.Model):
    """Halves the image down to 8x8 in blocks with a shortcut, then looks at windows of 4x4.

    Liu et al. 2021, "Towards Faster and Stabilized GAN Training for High-fidelity Few-shot Image Synthesis", as the
    authors' `models.py` has the discriminator of whole images (forks of their repository keep it). The paper's: the blocks,
    5x5 logits, and that the maps of 16x16 and 8x8 are decoded (`features`, `FastGANDecoder`). The code's alone: spectral
    normalization, and skip-layer excitation of the maps of 32, 16 and 8 pixels. A second discriminator of images at 128
    pixels, which that code has and the paper has not, is left out. Images of 64 and 128 pixels, for which there is none,
    skip the first blocks.

    Args:
        image_size: 64, 128, 256, 512 or 1024 pixels. Default 256.
        channels: of the image. Default 3.
        width: channels at 64 pixels, a multiple of 8; 8 times as many at 8 pixels. Default 64.

    Call:
        image float [batch, image_size, image_size, channels] in [-1, 1] -> float32 logits [batch, 25].

    Raises:
        ValueError: another image size or width.
    """

    def __init__(self, image_size=256, channels=3, width=64, **kwargs):
        if image_size not in SIZES:
            raise ValueError(f"image_size must be one of {', '.join(map(str, SIZES))}, not {image_size}")
        if width < 8 or width % 8:
            raise ValueError(f"width must be a positive multiple of 8, not {width}")

        # === Functional Model ===
        filters = {size: int(multiple * width) for size, multiple in _MULTIPLES.items()}
        image = keras.Input((image_size, image_size, channels), name="image")
        size = min(image_size, 256)
        if image_size == 1024:
            x = _convolve(image, filters[512], 4, "from_image", stride=2, norm=False)
            x = _convolve(x, filters[256], 4, "down256", stride=2)
        elif image_size == 512:
            x = _convolve(image, filters[256], 4, "from_image", stride=2, norm=False)
        else:
            x = _convolve(image, filters[size], 3, "from_image", norm=False)
        maps = {size: x}  # by size in pixels
        while size > _DECODED:
            size //= 2
            x = _halve(x, filters[size], f"down{size}")
            if size in _GATED and 8 * size in maps:
                x = excite(maps[8 * size], x, f"excite{size}", kernel_initializer=_initial())
            maps[size] = x
        x = _convolve(x, 16 * width, 1, "head")
        x = spectral("logits", 1, 4, kernel_initializer=_initial())(x)
        logits = layers.Activation("linear", dtype="float32")(layers.Flatten()(x))
        super().__init__(image, logits, **kwargs)

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.width = width
        self._maps = [maps[2 * _DECODED], maps[_DECODED]]

    def features(self):
        """Returns a `keras.Model` of the same layers: image -> [logits, map at 16x16, map at 8x8]."""
        return keras.Model(self.inputs[0], [self.output, *self._maps])

    def get_config(self):
        return {"image_size": self.image_size, "channels": self.channels, "width": self.width, "name": self.name}


@keras.saving.register_keras_serializable("keras_gans")
class FastGANDecoder(keras.Model):
    """Makes an image of a map of 8x8, in blocks of nearest-neighbour upsampling and one gated convolution.

    Args:
        map_channels: of the map. An integer.
        image_size: of the images that the discriminator sees, 64 or more; the decoder's have 128 pixels, or 64 for those
            of 64. Default 256.
        channels: of the image. Default 3.
        width: channels at 128 pixels; twice as many at 64 and 32, 4 times at 16. Default 32.

    Call:
        float [batch, 8, 8, map_channels] -> float32 [batch, size, size, channels] in [-1, 1].
    """

    def __init__(self, map_channels, image_size=256, channels=3, width=32, **kwargs):
        # === Functional Model ===
        x = features = keras.Input((_DECODED, _DECODED, map_channels), name="features")
        for size, multiple in ((16, 4), (32, 2), (64, 2), (128, 1)):
            if size <= min(image_size, _LARGEST):
                x = layers.UpSampling2D(2, interpolation="nearest")(x)
                x = spectral(f"up{size}", 2 * multiple * width, 3, padding="same", kernel_initializer=_initial())(x)
                x = glu(BatchNorm(name=f"up{size}_norm")(x))
        x = spectral("to_image", channels, 3, padding="same", kernel_initializer=_initial())(x)
        super().__init__(features, layers.Activation("tanh", dtype="float32", name="image")(x), **kwargs)

        # === Config ===
        self.map_channels = map_channels
        self.image_size = image_size
        self.channels = channels
        self.width = width

    def get_config(self):
        return {
            "map_channels": self.map_channels,
            "image_size": self.image_size,
            "channels": self.channels,
            "width": self.width,
            "name": self.name,
        }
