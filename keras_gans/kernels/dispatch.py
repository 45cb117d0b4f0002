"""What the layers call: an operation in the CPU's form where that is faster, else TensorFlow's.

A module of this room is a kernel: functions under the names below, with their arguments, and `fits`, which takes the same
arguments and says whether the kernel is for them.
"""

from keras_gans.kernels import (
    depthwise,
    few_filters,
    four_by_four,
    groups,
    halving,
    instance_norm,
    plain,
    reflection,
    switch,
    winograd,
)

CONVOLVING = (groups, four_by_four, halving, winograd, few_filters)
TRANSPOSING = (four_by_four, halving)
DEPTHWISE = (depthwise,)
NORMALIZING = (instance_norm,)
REFLECTING = (reflection,)


def convolve(inputs, kernel, strides=1, padding="SAME", training=True):
    """A convolution.

    Args:
        inputs: float [batch, h, w, channels]. The CPU's forms want h and w known.
        kernel: [k, k, channels, filters], of the same type; or [k, k, channels / groups, filters].
        strides: one number, or one for each axis. Default 1.
        padding: "SAME" (as many zeros as TensorFlow puts, one less in front than behind where the number is odd), "VALID"
            (none), or the number of zeros on each side.
        training: take what trains fastest; else TensorFlow's one operation, for export. Default True.

    Returns:
        [batch, ceil(h / strides), ..., filters] for "SAME", else [batch, (h + 2 padding - k) // strides + 1, ..., filters];
        differentiable any number of times.
    """
    arguments = inputs, kernel, *_numbers(strides, padding)
    return _chosen(CONVOLVING, training, arguments).convolve(*arguments)


def convolve_transposed(inputs, kernel, strides=1, padding="SAME", training=True):
    """The transpose of `convolve`, to `strides` times the sides.

    Args:
        inputs: float [batch, h, w, filters].
        kernel: [k, k, channels, filters], of the same type.
        strides, padding, training: see `convolve`.

    Returns:
        [batch, strides * h, strides * w, channels]; differentiable any number of times.
    """
    arguments = inputs, kernel, *_numbers(strides, padding)
    return _chosen(TRANSPOSING, training, arguments).convolve_transposed(*arguments)


def convolve_depthwise(inputs, kernel, strides=1, padding="SAME", training=True):
    """A convolution of each channel by itself.

    Args:
        inputs: float [batch, h, w, channels].
        kernel: [k, k, channels, multiplier], of the same type.
        strides: one number, or two equal ones.
        padding, training: see `convolve`.

    Returns:
        [batch, ceil(h / strides), ..., channels * multiplier] for "SAME"; differentiable any number of times.
    """
    arguments = inputs, kernel, *_numbers(strides, padding)
    return _chosen(DEPTHWISE, training, arguments).convolve_depthwise(*arguments)


def normalize(inputs, gamma, beta, epsilon, training=True):
    """Instance normalization: gamma * (x - mean) / sqrt(variance + epsilon) + beta, over the positions of each channel.

    Args:
        inputs: float [batch, h, w, channels].
        gamma, beta: [channels], or one for each example, [batch, 1, 1, channels]; None for 1 and 0.
        epsilon: added to the biased variance. A float above 0.
        training: see `convolve`.

    Returns:
        The same shape and type; statistics are taken in float32 or better.
    """
    arguments = inputs, gamma, beta, epsilon
    return _chosen(NORMALIZING, training, arguments).normalize(*arguments)


def reflect(inputs, sides):
    """Padding by reflection, where the border pixel is not repeated.

    Args:
        inputs: float [batch, h, w, channels]. The CPU's form wants h and w known.
        sides: pixels above and on the left, and below and on the right: a pair of numbers from 0 to less than h and w.

    Returns:
        [batch, h + sum(sides), w + sum(sides), channels]; differentiable any number of times.
    """
    arguments = inputs, sides
    return _chosen(REFLECTING, True, arguments).reflect(*arguments)


def _chosen(kernels, training, arguments):
    """Returns the first kernel that is for these arguments, or `plain`."""
    kernel = next((kernel for kernel in kernels if kernel.fits(*arguments)), plain) if training else plain
    return kernel if kernel is plain or switch.fast() else plain


def _numbers(strides, padding):
    """Returns strides as a pair, and padding as "SAME" or a number."""
    return (strides, strides) if isinstance(strides, int) else tuple(strides), 0 if padding == "VALID" else padding
