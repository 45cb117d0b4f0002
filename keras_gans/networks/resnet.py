"""Pre-activation residual blocks (Gulrajani et al. 2017, appendix F; Miyato et al. 2018, appendix B), for images.

The ResNet GANs differ in the convolution (plain or spectrally normalised), the norm, and the attention; those come as
arguments here: `conv(filters, kernel_size, gain, name, use_bias=True)` returns a layer, `norm(x, name)` the normalised
x.
"""

import keras
from keras import layers

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


def generate(latent, widths, channels, *, conv, dense, norm, last_norm=None, attention=None, first_bias=True,
             last_gain=1):
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
    x = layers.Reshape((BASE, BASE, widths[0]))(x)
    for stage, filters in enumerate(widths[1:], start=1):
        size = BASE << stage
        x = up_block(x, filters, conv=conv, norm=norm, name=f"block_{size}", first_bias=first_bias)
        if attention:
            x = attention(x, size)
    x = relu((last_norm or norm)(x, "norm"))
    x = conv(channels, 3, last_gain, "to_image")(x)
    return layers.Activation("tanh", dtype="float32", name="image")(x)
