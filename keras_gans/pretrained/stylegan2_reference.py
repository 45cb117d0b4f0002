"""The forward passes of StyleGAN2 in the operations of `reference`, from the tensors of `NVlabs/stylegan2-ada-pytorch`."""

import numpy as np

FILTER = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64
_GAIN = 2**0.5  # of LeakyReLU


def _dense(tensors, x, name, multiplier=1.0):
    kernel, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
    return (x @ kernel.T * (multiplier / kernel.shape[1] ** 0.5)) + bias * multiplier


def _activated(tensors, x, gain=_GAIN):
    return tensors.leaky(x) * gain


def _normalized(tensors, x):
    return x / tensors.xp.sqrt((x**2).mean(1)[:, None] + 1e-8)


def map_latents(tensors, latent, label):
    """Latents [n, d] or None, and labels [n] or None, through the mapping network: w [n, w_dim]."""
    parts = [] if latent is None else [_normalized(tensors, tensors.operations.tensor(latent))]
    if label is not None:
        one_hot = tensors.operations.tensor(np.eye(tensors["mapping.embed.weight"].shape[1])[label])
        parts.append(_normalized(tensors, _dense(tensors, one_hot, "mapping.embed")))
    x, index = tensors.xp.concatenate(parts, 1), 0
    while f"mapping.fc{index}.weight" in tensors:
        x = _activated(tensors, _dense(tensors, x, f"mapping.fc{index}", 0.01))
        index += 1
    return x


def _modulated(tensors, x, w, name, demodulate=True, up=False):
    """A convolution of one image whose kernel's inputs are scaled by its style."""
    operations, kernel = tensors.operations, tensors[f"{name}.weight"]
    style = _dense(tensors, w, f"{name}.affine")[0]
    if not demodulate:
        style = style / (kernel.shape[1] * kernel.shape[2] * kernel.shape[3]) ** 0.5
    kernel = kernel * style[None, :, None, None]
    if demodulate:
        kernel = kernel / tensors.xp.sqrt((kernel**2).sum((1, 2, 3)) + 1e-8)[:, None, None, None]
    if up:
        x = operations.convolve_transposed(x, kernel.swapaxes(0, 1), 2, 0)
        return _filtered(tensors, x, 1) * 4
    return operations.convolve(x, kernel, 1, kernel.shape[2] // 2)


def _filtered(tensors, x, pad, stride=1):
    """Every channel by itself, with zeros outside."""
    batch, channels, height, width = x.shape
    kernel = tensors.operations.tensor(FILTER[None, None])
    x = tensors.operations.convolve(x.reshape(batch * channels, 1, height, width), kernel, stride, pad)
    return x.reshape(batch, channels, *x.shape[2:])


def _doubled(tensors, x):
    batch, channels, height, width = x.shape
    kernel = tensors.operations.tensor(4 * FILTER[None, None])
    x = tensors.operations.convolve_transposed(x.reshape(batch * channels, 1, height, width), kernel, 2, 1)
    return x.reshape(batch, channels, 2 * height, 2 * width)


def block(tensors, x, w, size):
    """The layers of one resolution, with constant noise.

    Args:
        tensors: of the generator.
        x: features at half the resolution, or a piece of them; None at 4x4.
        w: [1, w_dim].
        size: the resolution in pixels.

    Returns:
        Features, and what is added to the image.
    """
    name = f"synthesis.b{size}"
    x = tensors[f"{name}.const"][None] if x is None else x
    for layer in ("conv0", "conv1")[size == 4 :]:
        x = _modulated(tensors, x, w, f"{name}.{layer}", up=layer == "conv0")
        noise = tensors[f"{name}.{layer}.noise_const"][: x.shape[2], : x.shape[3]]
        x = _activated(tensors, tensors.biased(x + noise * tensors[f"{name}.{layer}.noise_strength"], f"{name}.{layer}"))
    return x, tensors.biased(_modulated(tensors, x, w, f"{name}.torgb", demodulate=False), f"{name}.torgb")


def synthesize(tensors, w, image_size):
    """Yields what each resolution adds to the image, and the image; w [1, w_dim] is that of all layers."""
    x = image = None
    size = 4
    while size <= image_size:
        x, added = block(tensors, x, w, size)
        image = added if image is None else _doubled(tensors, image) + added
        yield added
        size *= 2
    yield image


def from_image(tensors, x, size):
    """The discriminator's first layer, [1, c, h, w] -> features."""
    return _convolve(tensors, x, f"b{size}.fromrgb")


def judging_block(tensors, x, size):
    """The discriminator's layers of one resolution, to half of it."""
    skip = _convolve(tensors, _filtered(tensors, x, 1, 2), f"b{size}.skip", gain=0.5**0.5)
    x = _filtered(tensors, _convolve(tensors, x, f"b{size}.conv0", 1, 1), 2)
    return _convolve(tensors, x, f"b{size}.conv1", 2, 0, gain=_GAIN * 0.5**0.5) + skip


def judge(tensors, x, label, size):
    """Returns the logits [1, 1] of features at `size` pixels, of one image."""
    while size > 4:
        x = judging_block(tensors, x, size)
        size //= 2
    deviation = x[:, :1] * 0 + 1e-8**0.5  # of a group of one image
    x = _convolve(tensors, tensors.xp.concatenate([x, deviation], 1), "b4.conv", 1, 1)
    x = _activated(tensors, _dense(tensors, x.reshape(1, -1), "b4.fc"))
    x = _dense(tensors, x, "b4.out")
    if label is None:
        return x
    return (x * map_latents(tensors, None, label)).sum(1)[:, None] / x.shape[1] ** 0.5


def _convolve(tensors, x, name, stride=1, pad=0, gain=_GAIN):
    kernel = tensors[f"{name}.weight"]
    fan_in = kernel.shape[1] * kernel.shape[2] * kernel.shape[3]
    x = tensors.operations.convolve(x, kernel / fan_in**0.5, stride, pad)
    return _activated(tensors, tensors.biased(x, name), gain) if f"{name}.bias" in tensors else x * gain
