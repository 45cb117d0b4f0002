"""FastGAN (Liu et al. 2021): a small generator for few pictures, whose early maps gate the late ones."""

import math

import keras
from keras import layers, ops

from keras_gans.layers.batch_norm import BatchNorm
from keras_gans.layers.convolution import Conv2D
from keras_gans.layers.modulated_batch_norm import ModulatedBatchNorm
from keras_gans.layers.noise import NoiseInjection
from keras_gans.layers.spectral_normalization import SpectralNormalization
from keras_gans.registry import GENERATORS

SIZES = (64, 128, 256, 512, 1024)
_MULTIPLES = {4: 16, 8: 8, 16: 4, 32: 2, 64: 2, 128: 1, 256: 1 / 2, 512: 1 / 4, 1024: 1 / 8}  # of `width`
_EXCITED_BY = {64: 4, 128: 8, 256: 16, 512: 32}  # pixels of the map that is gated: pixels of the one that gates it


def torch_uniform():
    """U(-1 / sqrt(fan_in), 1 / sqrt(fan_in)), as PyTorch's convolutions start."""
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


def torch_bias(fan_in):
    """How the bias of such a convolution starts."""
    return keras.initializers.RandomUniform(-1 / math.sqrt(fan_in), 1 / math.sqrt(fan_in))


def spectral(name, filters, kernel_size, kind=Conv2D, **keywords):
    """A convolution with spectral normalization, by default without bias and as PyTorch's start."""
    keywords = {"use_bias": False, "kernel_initializer": torch_uniform()} | keywords
    return SpectralNormalization(kind(filters, kernel_size, name=f"{name}_inner", **keywords), name=name)


def torch_dense(units, fan_in, name):
    """A layer of PyTorch's initial weights."""
    return layers.Dense(units, kernel_initializer=torch_uniform(), bias_initializer=torch_bias(fan_in), name=name)


def torch_embedding(num_classes, width, name):
    """A table of N(0, 1) vectors, one for each class."""
    return layers.Embedding(num_classes, width, embeddings_initializer=keras.initializers.RandomNormal(0.0, 1.0), name=name)


def _norm(x, name, embedded=None):
    """Batch norm; where there are classes, with gain and bias made of the class's vector by spectrally normalised layers."""
    if embedded is None:
        return BatchNorm(gamma_initializer="ones", name=name)(x)
    gain, bias = (
        SpectralNormalization(torch_dense(x.shape[-1], embedded.shape[-1], f"{name}_{part}_inner"), name=f"{name}_{part}")(
            embedded
        )
        for part in ("gain", "bias")
    )
    return ModulatedBatchNorm(name=name)(x, gain, bias)


def glu(x):
    """The gated linear unit: [..., 2 n] -> [..., n], the first half times the sigmoid of the second."""
    values, gates = ops.split(x, 2, axis=-1)
    return values * ops.sigmoid(gates)


def _up(x, filters, lite, name, embedded):
    """Doubles the size; one convolution with norm and GLU if `lite`, else two with noise before their norms."""
    x = layers.UpSampling2D(2, interpolation="nearest")(x)
    for part in ("a",) if lite else ("a", "b"):
        x = spectral(f"{name}{part}", 2 * filters, 3, padding="same")(x)
        if not lite:
            x = NoiseInjection(name=f"{name}{part}_noise")(x)
        x = glu(_norm(x, f"{name}{part}_norm", embedded))
    return x


def excite(small, x, name, **keywords):
    """Skip-layer excitation: gates the channels of `x` by the early map `small`, pooled to 4x4; for `spectral`, keywords."""
    filters, factor = x.shape[-1], small.shape[1] // 4
    y = layers.AveragePooling2D(factor)(small) if factor > 1 else small
    y = ops.silu(spectral(f"{name}a", filters, 4, **keywords)(y))  # [batch, 1, 1, filters]
    return x * ops.sigmoid(spectral(f"{name}b", filters, 1, **keywords)(y))


@GENERATORS.register("fastgan")
@keras.saving.register_keras_serializable("keras_gans")
class FastGANGenerator(keras.Model):
    """Nearest-neighbour upsampling and gated convolutions, with skip-layer excitation; linear output.

    Liu et al. 2021, "Towards Faster and Stabilized GAN Training for High-fidelity Few-shot Image Synthesis", as
    `autonomousvision/projected-gan` has it (`pg_modules/networks_fastgan.py`): spectral normalization throughout, the
    latent on the hypersphere. That file does not run at 64 pixels; here the generator of 64 pixels ends with the block of
    64 pixels, gated by the map of 4. Outside training the noise is a constant (there: always drawn). With classes, the
    norms behind the first have a gain and a bias that depend on the class (there: `FastganSynthesisCond`, `CCBN`; its two
    noises of a size share one strength, here each has its own).

    Args:
        image_size: 64, 128, 256, 512 or 1024 pixels. Default 256.
        channels: of the image. Default 3.
        latent_dim: default 256.
        width: channels at 128 pixels, a multiple of 8; 16 times as many at 4 pixels. Default 128.
        lite: one convolution at each size and no noise, in place of two with it (that code's `fastgan_lite`).
            Default False.
        num_classes: 0 for a generator without classes. Default 0.

    Call:
        latent float [batch, latent_dim] -> float32 [batch, image_size, image_size, channels]; pixels beyond [-1, 1] are
        clipped where files are written. With classes [latent, label int32 [batch]] in place of the latent.

    Raises:
        ValueError: another image size or width.
    """

    def __init__(self, image_size=256, channels=3, latent_dim=256, width=128, lite=False, num_classes=0, **kwargs):
        if image_size not in SIZES:
            raise ValueError(f"image_size must be one of {', '.join(map(str, SIZES))}, not {image_size}")
        if width < 8 or width % 8:
            raise ValueError(f"width must be a positive multiple of 8, not {width}")

        # === Functional Model ===
        latent = keras.Input((latent_dim,), name="latent")
        label = embedded = None
        if num_classes:
            label = keras.Input((), dtype="int32", name="label")
            embedded = torch_embedding(num_classes, latent_dim, "embedding")(label)
        x = latent * ops.rsqrt(ops.mean(ops.square(latent), axis=-1, keepdims=True) + 1e-8)
        x = layers.Reshape((1, 1, latent_dim))(x)
        x = spectral("start", 2 * 16 * width, 4, layers.Conv2DTranspose)(x)
        x = glu(_norm(x, "start_norm"))
        maps = {4: x}  # by size in pixels
        for size, multiple in _MULTIPLES.items():
            if 4 < size <= image_size:
                x = _up(x, int(multiple * width), lite, f"up{size}", embedded)
                if size in _EXCITED_BY:
                    x = excite(maps[_EXCITED_BY[size]], x, f"excite{size}")
                maps[size] = x
        x = spectral("to_image", channels, 3, padding="same", use_bias=True, bias_initializer=torch_bias(9 * x.shape[-1]))(x)
        image = layers.Activation("linear", dtype="float32", name="image")(x)
        super().__init__([latent, label] if num_classes else latent, image, **kwargs)

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.latent_dim = latent_dim
        self.width = width
        self.lite = lite
        self.num_classes = num_classes

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "latent_dim": self.latent_dim,
            "width": self.width,
            "lite": self.lite,
            "num_classes": self.num_classes,
            "name": self.name,
        }
