"""Modulated convolution against one kernel for each image, in NumPy with SciPy and in PyTorch."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import signal

from keras_gans.layers.modulated_convolution import ModulatedConv2D, modulated_convolution

random = np.random.default_rng(0)
X = random.normal(size=(2, 5, 6, 3))
KERNEL = random.normal(size=(3, 3, 3, 4))
STYLES = random.normal(size=(2, 3))
TAPS = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64


def plain(x, kernel, styles, demodulate, up):
    """By the definition, image by image and filter by filter."""
    outputs = []
    for image, style in zip(x, styles):
        own = kernel * style[None, None, :, None]
        if demodulate:
            own = own / np.sqrt((own**2).sum((0, 1, 2)) + 1e-8)
        planes = []
        for weights in np.moveaxis(own, -1, 0):
            plane = 0
            for channel in range(x.shape[-1]):
                if up:  # zeros between pixels, a true convolution, the filter of four times the sum, and the middle
                    wide = np.zeros((2 * image.shape[0] - 1, 2 * image.shape[1] - 1))
                    wide[::2, ::2] = image[..., channel]
                    wide = signal.convolve2d(wide, weights[..., channel], "full")
                    plane = plane + signal.convolve2d(wide, 4 * TAPS, "full")[2:-2, 2:-2]
                else:
                    plane = plane + signal.correlate2d(image[..., channel], weights[..., channel], "same")
            planes.append(plane)
        outputs.append(np.stack(planes, -1))
    return np.stack(outputs)


def ours(x, kernel, styles, demodulate, up, **kwargs):
    return modulated_convolution(
        *(tf.constant(value, tf.float32) for value in (x, kernel, styles)), demodulate, up=up, **kwargs
    )


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("demodulate", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_values(demodulate, up, training):
    expected = plain(X, KERNEL, STYLES, demodulate, up)
    result = ours(X, KERNEL, STYLES, demodulate, up, training=training)
    assert result.shape == ((2, 10, 12, 4) if up else (2, 5, 6, 4))
    np.testing.assert_allclose(result, expected, atol=2e-5)
    np.testing.assert_allclose(ours(X, KERNEL, STYLES, demodulate, up, gain=1.5), 1.5 * expected, atol=3e-5)


@pytest.mark.parity
@pytest.mark.parametrize("up", [False, True])
def test_gradients(up):
    """Of a weighted sum of the outputs, with respect to all that goes in; and those of the squared image gradient (R1)."""
    torch = pytest.importorskip("torch", reason="the parity extra is not installed")
    weights = random.normal(size=(2, 10, 12, 4) if up else (2, 5, 6, 4))
    x, kernel, styles = (torch.tensor(value, requires_grad=True) for value in (X, KERNEL, STYLES))
    total = 0
    for index in range(2):
        own = kernel * styles[index][None, None, :, None]
        own = own * torch.rsqrt((own**2).sum((0, 1, 2)) + 1e-8)
        image = x[index].permute(2, 0, 1)[None]
        if up:
            wide = torch.nn.functional.conv_transpose2d(image, own.permute(2, 3, 0, 1), stride=2)
            taps = torch.tensor(4 * TAPS)[None, None].repeat(4, 1, 1, 1)
            image = torch.nn.functional.conv2d(wide, taps, padding=1, groups=4)
        else:
            image = torch.nn.functional.conv2d(image, own.permute(3, 2, 0, 1), padding=1)
        total = total + (image[0].permute(1, 2, 0) ** 2 * torch.tensor(weights[index])).sum()
    first = torch.autograd.grad(total, (x, kernel, styles), create_graph=True)
    second = torch.autograd.grad((first[0] ** 2).sum(), (kernel, styles))

    variables = [tf.Variable(value, dtype=tf.float32) for value in (X, KERNEL, STYLES)]
    with tf.GradientTape() as outer:
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(
                modulated_convolution(*(tf.convert_to_tensor(v) for v in variables), up=up, training=True) ** 2 * weights
            )
        ours_first = tape.gradient(total, variables)
        square = tf.reduce_sum(ours_first[0] ** 2)
    ours_second = outer.gradient(square, variables[1:])
    for mine, theirs in zip((*ours_first, *ours_second), (*first, *second)):
        theirs = theirs.detach().numpy()
        np.testing.assert_allclose(mine, theirs, atol=2e-5 * np.abs(theirs).max())


def test_float16_survives_what_overflows_without_normalization():
    """Kernel times style reaches 1e5, beyond float16; demodulated, all is as with values around 1."""
    expected = plain(X, KERNEL, STYLES, True, False)
    large = modulated_convolution(
        tf.constant(X, tf.float16), tf.constant(300 * KERNEL, tf.float32), tf.constant(300 * STYLES, tf.float32)
    )
    assert large.dtype == tf.float16
    np.testing.assert_allclose(large, expected, atol=0.01)
    small = modulated_convolution(
        tf.constant(X, tf.float16), tf.constant(KERNEL, tf.float32), tf.constant(1e-3 * STYLES, tf.float32)
    )
    np.testing.assert_allclose(small, expected, atol=0.01)


def test_layer_keeps_the_variance_at_the_start():
    """With N(0, 1) pixels and styles of one: 1 for each output of a demodulated kernel, and of one that is scaled."""
    x, ones = random.normal(size=(4, 16, 16, 32)), np.ones((4, 32), np.float32)
    for layer in (ModulatedConv2D(64), ModulatedConv2D(64, up=True), ModulatedConv2D(64, 1, demodulate=False)):
        outputs = np.asarray(layer([x.astype(np.float32), ones]))[:, 2:-2, 2:-2]
        # Of four pixels three are zeros; the filter has a sum of 4 and squares of 16 (20/64)^2; there is no correlation.
        expected = 1.0 if not layer.up else 16 / 4 * (20 / 64) ** 2
        np.testing.assert_allclose(outputs.var(), expected, rtol=0.15)
