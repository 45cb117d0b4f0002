"""Pre-activation residual blocks (Gulrajani et al. 2017, appendix F; Miyato et al. 2018, appendix B), for images.

The ResNet GANs differ in the convolution (plain or spectrally normalised), the norm, and the attention; those come as
arguments here: `conv(filters, kernel_size, gain, name, use_bias=True)` returns a layer, `norm(x, name)` the normalised
x.
"""

import keras
from keras import layers, ops

from keras_gans.layers.batch_norm import BatchNorm
from keras_gans.layers.conditional_batch_normalization import ConditionalBatchNormalization
from keras_gans.layers.spectral_normalization import SpectralNormalization

SIZES = (32, 64, 128)  # pixels that `generator_widths` and `discriminate` know
BASE = 4  # pixels: where generators start


def glorot(gain):
    """Glorot's uniform initializer times `gain`: sqrt(2) in front of ReLU, 1 elsewhere."""
    return keras.initializers.VarianceScaling(gain**2, "fan_avg", "uniform")


def check_size(image_size, sizes):
    """Raises ValueError if `image_size` is none of `sizes`."""
    if image_size not in sizes:
        raise ValueError(f"image_size must be one of {', '.join(map(str, sizes))}, not {image_size}")


def relu(x):
    return layers.ReLU()(x)


def no_norm(x, name):
    return x


def up_block(x, filters, *, conv, norm, name, first_bias=True):
    """norm-ReLU-double-3x3-norm-ReLU-3x3, plus the doubled input through 1x1: [b, h, w, c] -> [b, 2h, 2w, filters]."""
    y = layers.UpSampling2D(2)(relu(norm(x, f"{name}_norm_0")))
    y = conv(filters, 3, 2**0.5, f"{name}_conv_0", use_bias=first_bias)(y)
    y = relu(norm(y, f"{name}_norm_1"))
    y = conv(filters, 3, 2**0.5, f"{name}_conv_1")(y)
    # 1x1 convolution and doubling commute: this order costs a quarter.
    shortcut = layers.UpSampling2D(2)(conv(filters, 1, 1, f"{name}_shortcut")(x))
    return layers.Add()([shortcut, y])


def down_block(x, filters, *, conv, name, norm=no_norm, hidden=None, down=True, first=False, first_bias=True):
    """norm-ReLU-3x3-norm-ReLU-3x3, then halved by averages: [b, h, w, c] -> [b, h/2, w/2, filters].

    Args:
        hidden: channels between the convolutions. Default: those of `x`.
        down: whether to halve.
        first: x is an image: neither norm nor ReLU comes first, and `hidden` is `filters`.
        first_bias: whether the first convolution has a bias.
    """
    hidden = filters if first else hidden or x.shape[-1]
    y = x if first else relu(norm(x, f"{name}_norm_0"))
    y = conv(hidden, 3, 2**0.5, f"{name}_conv_0", use_bias=first_bias)(y)
    y = relu(y if first else norm(y, f"{name}_norm_1"))
    y = conv(filters, 3, 2**0.5, f"{name}_conv_1")(y)
    shortcut = x
    if down:
        y = layers.AveragePooling2D(2)(y)
        # 1x1 convolution and averaging commute: this order costs a quarter.
        shortcut = layers.AveragePooling2D(2)(shortcut)
    if down or filters != x.shape[-1]:
        shortcut = conv(filters, 1, 1, f"{name}_shortcut")(shortcut)
    return layers.Add()([shortcut, y])


def generate(latent, widths, channels, *, conv, dense, norm, last_norm=None, attention=None, first_bias=True, last_gain=1):
    """The body of a generator: latent [b, n] to a tanh image.

    Args:
        latent: symbolic [batch, latent_dim].
        widths: channels at 4, 8, 16, ... pixels; as many as there are resolutions.
        channels: of the image.
        dense: `dense(units, name=)` returns the layer that reads the latent.
        last_norm: the norm in front of the last convolution. Default: `norm`.
        attention: `attention(x, size)` returns x, attended to where the network wants it.
        first_bias: whether the first convolution of a block has a bias.
        last_gain: of the last convolution's initial weights.

    Returns:
        Symbolic float32 [batch, size, size, channels] in [-1, 1].
    """
    x = dense(BASE * BASE * widths[0], name="project")(latent)
    x = layers.Reshape((BASE, BASE, widths[0]))(x)  # [batch, 4, 4, widths[0]]
    for stage, filters in enumerate(widths[1:], start=1):
        size = BASE << stage
        # [batch, size, size, filters]
        x = up_block(x, filters, conv=conv, norm=norm, name=f"block_{size}", first_bias=first_bias)
        if attention:
            x = attention(x, size)
    x = relu((last_norm or norm)(x, "norm"))
    x = conv(channels, 3, last_gain, "to_image")(x)
    return layers.Activation("tanh", dtype="float32", name="image")(x)


def generator_widths(image_size, width):
    """SNGAN's channels at 4, 8, 16, ... pixels: constant for 32 pixels, else halving down to `width`."""
    factors = {32: (1, 1, 1, 1), 64: (16, 8, 4, 2, 1), 128: (16, 16, 8, 4, 2, 1)}[image_size]
    return [width * factor for factor in factors]


def discriminate(image, width, *, conv, norm=no_norm, attention=None, wide=False):
    """The body of SNGAN's discriminators: a symbolic image to ReLU features [batch, h, w, channels].

    Args:
        image: symbolic [batch, size, size, channels], of one of `SIZES`.
        width: channels of the first block; constant for 32 pixels (8x8 at the end), else doubling (to 2x2 for 64
            pixels, 4x4 for 128).
        conv, norm: see the module.
        attention: as for `generate`.
        wide: the first convolution of a block has the block's output channels (SAGAN), not its input's.
    """
    size = image.shape[1]
    factors = {32: (1, 1, 1, 1), 64: (1, 2, 4, 8, 16), 128: (1, 2, 4, 8, 16, 16)}[size]
    halvings = {32: 2, 64: 5, 128: 5}[size]
    x = image
    for index, factor in enumerate(factors):
        down = index < halvings
        size = size // 2 if down else size
        filters = width * factor
        x = down_block(
            x,
            filters,
            conv=conv,
            norm=norm,
            hidden=filters if wide else None,
            down=down,
            first=index == 0,
            name=f"block_{index}_{size}",
        )
        if attention and down:
            x = attention(x, size)
    return relu(x)


def norm_by(label, num_classes, **batch_norm):
    """Returns `norm(x, name)`: batch norm, conditional on the symbolic `label` when there are classes."""

    def norm(x, name):
        if num_classes:
            return ConditionalBatchNormalization(num_classes, name=name, **batch_norm)(x, label)
        return BatchNorm(gamma_initializer="ones", name=name, **batch_norm)(x)

    return norm


def spectral(layer):
    """The layer with its kernel spectrally normalised, under the layer's own name."""
    return SpectralNormalization(layer, name=layer.name)


def projection_logits(features, label, num_classes, bias=True):
    """One spectrally normalised linear logit of the features, summed over positions; plus their inner product with the
    label's embedding when there are classes (Miyato & Koyama 2018, equation 3).

    Args:
        features: symbolic [batch, h, w, channels].
        label: symbolic int32 [batch]; None without classes.
        num_classes: 0 for none.
        bias: whether the logit has one.

    Returns:
        Symbolic float32 [batch, 1].
    """
    features = ops.sum(ops.cast(features, "float32"), axis=(1, 2))  # [batch, channels]
    logits = spectral(layers.Dense(1, use_bias=bias, dtype="float32", name="logits"))(features)
    if num_classes:
        embedding = spectral(
            layers.Embedding(
                num_classes, features.shape[-1], embeddings_initializer=glorot(1), dtype="float32", name="embedding"
            )
        )(label)
        logits = logits + ops.sum(embedding * features, axis=1, keepdims=True)
    return logits
