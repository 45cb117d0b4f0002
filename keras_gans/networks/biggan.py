"""BigGAN (Brock et al. 2019), 32 to 256 pixels: class-conditional, spectrally normalised in both players.

After ajbrock/BigGAN-PyTorch: `BigGAN.py` and `layers.py`. The defaults are those of its script for CIFAR-10; what its
script for ImageNet adds (`hierarchical`, `shared_dim`, `attention`, `init=orthogonal`) are arguments.
"""

import keras
from keras import layers, ops

from keras_gans.layers.batch_norm import BatchNorm
from keras_gans.layers.convolution import Conv2D
from keras_gans.layers.modulated_batch_norm import ModulatedBatchNorm
from keras_gans.layers.self_attention import SelfAttention2D
from keras_gans.layers.spectral_normalization import SpectralNormalization
from keras_gans.networks import resnet
from keras_gans.registry import DISCRIMINATORS, GENERATORS

# Of the width: channels of the generator at 4, 8, 16, ... pixels; of the discriminator's blocks, and how many of them halve.
_UP = {32: (4, 4, 4, 4), 64: (16, 16, 8, 4, 2), 128: (16, 16, 8, 4, 2, 1), 256: (16, 16, 8, 8, 4, 2, 1)}
_DOWN = {32: (4, 4, 4, 4), 64: (1, 2, 4, 8, 16), 128: (1, 2, 4, 8, 16, 16), 256: (1, 2, 4, 8, 8, 16, 16)}
_HALVINGS = {32: 2, 64: 4, 128: 5, 256: 6}
# As configurations: of each, every layer makes an initializer of its own.
_INITS = {"normal": {"class_name": "RandomNormal", "config": {"mean": 0.0, "stddev": 0.02}}, "orthogonal": "orthogonal"}


class _Spectral:
    """Makes spectrally normalised layers whose kernels start as `init` says, and biases as PyTorch's do."""

    def __init__(self, init, epsilon):
        if init not in _INITS:
            raise ValueError(f"init must be one of {', '.join(_INITS)}, not {init}")
        self.init, self.epsilon = _INITS[init], epsilon

    def _apply(self, layer, x):
        return SpectralNormalization(layer, epsilon=self.epsilon, name=layer.name)(x)

    def conv(self, filters, kernel_size, gain, name, use_bias=True):
        """As `resnet` wants it; the initial weights' `gain` is not used."""

        def apply(x):
            bound = (kernel_size**2 * x.shape[-1]) ** -0.5
            layer = Conv2D(
                filters,
                kernel_size,
                padding="same",
                use_bias=use_bias,
                kernel_initializer=self.init,
                bias_initializer=keras.initializers.RandomUniform(-bound, bound),
                name=name,
            )
            return self._apply(layer, x)

        return apply

    def dense(self, x, units, name, use_bias=True, dtype=None):
        bound = x.shape[-1] ** -0.5
        layer = layers.Dense(
            units,
            use_bias=use_bias,
            kernel_initializer=self.init,
            bias_initializer=keras.initializers.RandomUniform(-bound, bound),
            dtype=dtype,
            name=name,
        )
        return self._apply(layer, x)

    def embedding(self, label, classes, units, name):
        layer = layers.Embedding(classes, units, embeddings_initializer=self.init, dtype="float32", name=name)
        return self._apply(layer, label)

    def attention(self, x):
        return SelfAttention2D(spectral_epsilon=self.epsilon, kernel_initializer=self.init, name="attention")(x)


def _check(image_size, num_classes, attention, attended):
    resnet.check_size(image_size, tuple(_UP))
    if num_classes < 1:
        raise ValueError(
            "biggan learns from labelled images (class subfolders, with --conditional), and there are no classes"
        )
    if attention and attention not in attended:
        raise ValueError(f"attention must be 0 or one of {', '.join(map(str, attended))}, not {attention}")


@GENERATORS.register("biggan")
@keras.saving.register_keras_serializable("keras_gans")
class BigGANGenerator(keras.Model):
    """Residual blocks that double from 4x4, in whose batch norms gain and bias are functions of the class.

    Args:
        image_size: 32, 64, 128 or 256 pixels. Default 32.
        channels: of the image. Default 1.
        latent_dim: default 128.
        num_classes: 1 or more.
        width: channels are multiples of it: of the last block 4 times at 32 pixels, 2 at 64, else 1. Default 64. The
            attended map needs a multiple of 8 channels.
        attention: height of the map with self-attention, 8 to image_size in powers of two; 0 for none. Default 0.
        hierarchical: whether the latent is cut in equal parts, one for the first layer and one for every block, where it
            stands beside the class; needs `shared_dim`. Default False.
        shared_dim: width of one embedding of the classes, of which linear layers make gains and biases; 0: every norm has
            tables of its own. Default 0.
        init: of all kernels and tables: `normal`, N(0, 0.02), or `orthogonal`. Default normal.
        norm_epsilon: of the conditional batch norms. Default 1e-5.
        spectral_epsilon: see `SpectralNormalization`. Default 1e-8.

    Call:
        [latent float [batch, latent_dim], label int32 [batch]]
        -> float32 [batch, image_size, image_size, channels] in [-1, 1].

    Raises:
        ValueError: another image size or `init`, no classes, no such map, parts of the latent that are not equal.
    """

    def __init__(
        self,
        image_size=32,
        channels=1,
        latent_dim=128,
        num_classes=0,
        width=64,
        attention=0,
        hierarchical=False,
        shared_dim=0,
        init="normal",
        norm_epsilon=1e-5,
        spectral_epsilon=1e-8,
        **kwargs,
    ):
        _check(image_size, num_classes, attention, [8 << step for step in range(len(_UP.get(image_size, "-")) - 1)])
        widths = [width * factor for factor in _UP[image_size]]
        if hierarchical and not shared_dim:
            raise ValueError("hierarchical latents stand beside a shared embedding: give shared_dim too")
        if hierarchical and latent_dim % len(widths):
            raise ValueError(f"latent_dim must be a multiple of {len(widths)}, the parts of a latent, not {latent_dim}")
        make = _Spectral(init, spectral_epsilon)

        # === Functional Model ===
        latent = keras.Input((latent_dim,), name="latent")
        label = keras.Input((), dtype="int32", name="label")
        parts = ops.split(latent, len(widths), axis=1) if hierarchical else [latent] * len(widths)

        def table(units, name):
            return layers.Embedding(num_classes, units, embeddings_initializer=make.init, name=name)(label)

        shared = table(shared_dim, "shared") if shared_dim else None  # [batch, shared_dim]

        def norm(part):
            condition = layers.Concatenate()([shared, part]) if hierarchical else shared

            def norm(x, name):
                def linear(units, name):
                    return make.dense(condition, units, name, use_bias=False) if shared_dim else table(units, name)

                gain, bias = (linear(x.shape[-1], f"{name}_{which}") for which in ("gain", "bias"))
                return ModulatedBatchNorm(epsilon=norm_epsilon, name=name)(x, gain, bias)

            return norm

        x = make.dense(parts[0], resnet.BASE**2 * widths[0], "project")
        x = layers.Reshape((resnet.BASE, resnet.BASE, widths[0]))(x)  # [batch, 4, 4, widths[0]]
        for stage, filters in enumerate(widths[1:], start=1):
            size = resnet.BASE << stage
            # [batch, size, size, filters]
            x = resnet.up_block(x, filters, conv=make.conv, norm=norm(parts[stage]), name=f"block_{size}")
            x = make.attention(x) if size == attention else x
        x = resnet.relu(BatchNorm(gamma_initializer="ones", name="norm")(x))
        x = make.conv(channels, 3, 1, "to_image")(x)
        image = layers.Activation("tanh", dtype="float32", name="image")(x)
        super().__init__([latent, label], image, **kwargs)

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        self.width = width
        self.attention = attention
        self.hierarchical = hierarchical
        self.shared_dim = shared_dim
        self.init = init
        self.norm_epsilon = norm_epsilon
        self.spectral_epsilon = spectral_epsilon

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "latent_dim": self.latent_dim,
            "num_classes": self.num_classes,
            "width": self.width,
            "attention": self.attention,
            "hierarchical": self.hierarchical,
            "shared_dim": self.shared_dim,
            "init": self.init,
            "norm_epsilon": self.norm_epsilon,
            "spectral_epsilon": self.spectral_epsilon,
            "name": self.name,
        }


@DISCRIMINATORS.register("biggan")
@keras.saving.register_keras_serializable("keras_gans")
class BigGANDiscriminator(keras.Model):
    """Residual blocks that halve, wide in their first convolution as SAGAN's; labels come in by projection.

    Args:
        image_size: 32, 64, 128 or 256 pixels. Default 32.
        channels: of the image. Default 1.
        num_classes: 1 or more.
        width: channels are multiples of it: of the first block 4 times at 32 pixels, else 1. Default 64. The attended map
            needs a multiple of 8 channels.
        attention: height of the map with self-attention, 8 to image_size / 2 in powers of two; 0 for none. Default 0.
        init: of all kernels and tables: `normal`, N(0, 0.02), or `orthogonal`. Default normal.
        spectral_epsilon: see `SpectralNormalization`. Default 1e-8.

    Call:
        [image float [batch, image_size, image_size, channels] in [-1, 1], label int32 [batch]]
        -> float32 logits [batch, 1].

    Raises:
        ValueError: another image size or `init`, no classes, no such map.
    """

    def __init__(
        self,
        image_size=32,
        channels=1,
        num_classes=0,
        width=64,
        attention=0,
        init="normal",
        spectral_epsilon=1e-8,
        **kwargs,
    ):
        sizes = [image_size >> step for step in range(1, _HALVINGS.get(image_size, 1) + 1)]
        _check(image_size, num_classes, attention, [size for size in sizes if size >= 8][::-1])
        make = _Spectral(init, spectral_epsilon)

        # === Functional Model ===
        image = keras.Input((image_size, image_size, channels), name="image")
        label = keras.Input((), dtype="int32", name="label")
        x = image
        for index, factor in enumerate(_DOWN[image_size]):
            down = index < len(sizes)
            size = sizes[min(index, len(sizes) - 1)]
            filters = width * factor
            # [batch, size, size, filters]
            x = resnet.down_block(
                x, filters, conv=make.conv, hidden=filters, down=down, first=index == 0, name=f"block_{index}_{size}"
            )
            x = make.attention(x) if down and size == attention else x
        features = ops.sum(ops.cast(resnet.relu(x), "float32"), axis=(1, 2))  # [batch, channels]
        logits = make.dense(features, 1, "logits", dtype="float32")
        embedding = make.embedding(label, num_classes, features.shape[-1], "embedding")
        logits = logits + ops.sum(embedding * features, axis=1, keepdims=True)
        super().__init__([image, label], logits, **kwargs)

        # === Config ===
        self.image_size = image_size
        self.channels = channels
        self.num_classes = num_classes
        self.width = width
        self.attention = attention
        self.init = init
        self.spectral_epsilon = spectral_epsilon

    def get_config(self):
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "num_classes": self.num_classes,
            "width": self.width,
            "attention": self.attention,
            "init": self.init,
            "spectral_epsilon": self.spectral_epsilon,
            "name": self.name,
        }
