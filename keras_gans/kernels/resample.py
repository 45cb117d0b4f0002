"""Resampling of images by FIR filters, as StyleGAN2 and ADA do it.

A filter along one axis of known size is a banded matrix, and is applied as a product with it where it doubles. On two CPU
cores doubling [8, 32, 32, 128] takes 12 ms this way, compiled by XLA or not; a transposed depthwise convolution takes as
long, but 60 times as long under XLA, and TFLite has none. Every function is linear in the images, with exact gradients of
any order.
"""

import numpy as np
import tensorflow as tf
from scipy import signal

from keras_gans.kernels import switch


def filter_matrix(size, taps, up=1, down=1, padding=(0, 0), reflect=(0, 0)):
    """Returns the matrix of a filter along one axis.

    It appends the axis's reflection (the border pixel is not repeated), puts `up - 1` zeros behind each pixel and
    `padding` zeros around, convolves where the filter fits, and keeps every `down`-th pixel.

    Args:
        size: of the axis, in pixels.
        taps: the filter, [k].
        up, down: factors, whole numbers of at least 1. Default 1.
        padding: zeros before and after, each from 0 to k - 1, in pixels after upsampling. Default none.
        reflect: reflected pixels before and after. Default none.

    Returns:
        float32 [out, size] with out = ceil((up (size + sum(reflect)) + sum(padding) - k + 1) / down).

    Raises:
        ValueError: padding outside its range.
    """
    most = len(taps) - 1
    if not 0 <= min(padding) <= max(padding) <= most:
        raise ValueError(f"padding={padding} should be from 0 to {most} for a filter of {len(taps)} taps")
    pixels = np.pad(np.eye(size), (reflect, (0, 0)), mode="reflect")
    everywhere = signal.upfirdn(taps, pixels, up, axis=0)  # also where the filter stands over the end
    everywhere = np.pad(everywhere, ((0, up - 1), (0, 0)))
    return everywhere[most - padding[0] : len(everywhere) - most + padding[1] : down].astype(np.float32)


def upfirdn(images, taps, up=1, down=1, padding=(0, 0)):
    """Upsamples, filters and downsamples along both axes, as `upfirdn2d` of `NVlabs/stylegan2-ada-pytorch` does.

    Args:
        images: [batch, h, w, c] of any floating type; h, w and c known.
        taps, up, down, padding: see `filter_matrix`, the same for both axes.

    Returns:
        [batch, h', w', c] of the same type.
    """
    height, width, channels = images.shape[1:]
    rows, columns = (tf.cast(filter_matrix(size, taps, up, down, padding), images.dtype) for size in (height, width))
    images = rows @ tf.reshape(images, [-1, height, width * channels])
    images = columns @ tf.reshape(images, [-1, width, channels])
    return tf.reshape(images, [-1, rows.shape[0], columns.shape[0], channels])


def upsample(images, taps=(1, 3, 3, 1), factor=2):
    """Magnifies images [batch, h, w, c]; the filter is scaled so that a constant stays what it is (inside)."""
    taps, k = factor * np.array(taps) / np.sum(taps), len(taps)
    return upfirdn(images, taps, up=factor, padding=((k + factor - 1) // 2, (k - factor) // 2))


def downsample(images, taps=(1, 3, 3, 1), factor=2):
    """Shrinks images [batch, h, w, c]; the filter is scaled so that a constant stays what it is (inside)."""
    k = len(taps)
    return _filtered(images, taps, ((k - factor + 1) // 2, (k - factor) // 2), factor)


def blur(images, taps=(1, 3, 3, 1), grow=0):
    """Filters images [batch, h, w, c]; the filter is scaled to a sum of 1, and the sides grow by `grow` pixels."""
    before = (len(taps) + grow) // 2
    return _filtered(images, taps, (before, len(taps) - 1 + grow - before))


def _filtered(images, taps, padding, stride=1):
    """Filters as `upfirdn` does, with a sum of 1, by a depthwise convolution.

    On two CPU cores it takes a third of the time of the products at 32 pixels and a quarter at 256, its gradients
    included (but compiled by XLA for a CPU many times as long). Half precision has no fast kernels there: the CPU's form
    filters in float32.
    """
    dtype = images.dtype
    if dtype != tf.float64 and switch.fast():
        images = tf.cast(images, tf.float32)
    taps = np.array(taps) / np.sum(taps)
    kernel = np.repeat(np.outer(taps, taps)[:, :, None, None], images.shape[3], axis=2)
    images = tf.pad(images, [[0, 0], padding, padding, [0, 0]])
    return tf.cast(tf.nn.depthwise_conv2d(images, tf.constant(kernel, images.dtype), [1, stride, stride, 1], "VALID"), dtype)
