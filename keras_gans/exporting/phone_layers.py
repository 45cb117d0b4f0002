"""Layers as TFLite's builtin operators have them, and as mobile GPUs compute them well."""

import keras
import tensorflow as tf

from keras_gans.layers.conditional_instance_normalization import ConditionalInstanceNormalization
from keras_gans.layers.convolution import Conv2D, Conv2DTranspose
from keras_gans.layers.instance_normalization import InstanceNormalization
from keras_gans.layers.label_map import LabelMap
from keras_gans.layers.padding import PaddedConv2DTranspose, ReflectionPadding2D


def rewritten(network, mobile_gpu=False):
    """Returns a copy of a functional network that answers the same, by operators that TFLite has built in.

    One that takes label maps takes the indices themselves, and 1 or 0 for edges.

    Args:
        network: `keras.Model`, functional; those inside it are rewritten too.
        mobile_gpu: also replace what mobile GPUs reject or compute badly: transposed convolutions with stride 2 become
            four convolutions each, and means are taken in two stages.
    """

    def clone(layer):
        kind, config = type(layer), layer.get_config()
        if kind is Conv2D:
            kind = keras.layers.Conv2D  # whose gradient the converter need not know
        elif kind is PaddedConv2DTranspose:
            kind = _PhasedPadded if mobile_gpu else _Cropped
        elif kind is Conv2DTranspose and mobile_gpu and layer.strides == (2, 2) and layer.padding == "same":
            kind = _Phased
        elif kind is ReflectionPadding2D:
            kind = _SlicedReflection
        elif kind is keras.layers.UpSampling2D and (layer.interpolation, layer.size) == ("nearest", (2, 2)):
            kind = _RepeatedByReshaping if mobile_gpu else _Repeated
        elif kind is LabelMap:
            kind = _LabelsOfIndices
        elif issubclass(kind, InstanceNormalization):
            config |= {"two_stage": mobile_gpu}
            kind = _StyledAtOnce if kind is ConditionalInstanceNormalization else kind
        return kind.from_config(config)

    copy = keras.models.clone_model(network, clone_function=clone, recursive=True)
    copy.set_weights(network.get_weights())
    return copy


class _SlicedReflection(ReflectionPadding2D):
    """Reflection by slices: LiteRT's CPU delegate has no MIRROR_PAD, whose plain kernel takes longer than convolutions."""

    def call(self, inputs):
        for axis in (1, 2):
            last = _shape(inputs)[axis] - 1
            before = [_line(inputs, axis, step) for step in range(self.sides[0], 0, -1)]
            after = [_line(inputs, axis, last - step) for step in range(1, self.sides[1] + 1)]
            inputs = tf.concat([*before, inputs, *after], axis)
        return inputs


class _Repeated(keras.layers.UpSampling2D):
    """Nearest-neighbour upsampling to twice the sides, of sides that need not be known."""

    def call(self, inputs):
        return tf.nn.depth_to_space(tf.concat([inputs] * 4, -1), 2)


class _RepeatedByReshaping(keras.layers.UpSampling2D):
    """The same by operators that mobile GPUs publish."""

    def call(self, inputs):
        rows = _alternating([inputs, inputs], 2)
        return _alternating([rows, rows], 1)


class _LabelsOfIndices(LabelMap):
    """The labels of float indices, and edges of 1 or 0, by operators that mobile GPUs have and that stay exact in int8."""

    def call(self, inputs):
        numbers = tf.range(self.labels, dtype=tf.float32)
        found = tf.nn.relu(1 - tf.math.squared_difference(inputs[..., :1], numbers))
        return tf.concat([found, inputs[..., 1:]], -1) if self.edges else found


class _StyledAtOnce(ConditionalInstanceNormalization):
    """Scale and offset by one product with the style; the operators beside the weights are a fifth of a small file."""

    def call(self, inputs, style, statistics=None, training=None):
        both = tf.matmul(style, tf.concat([self.gammas, self.betas], -1))
        if self.use_bias:
            both += tf.concat([self.gamma_bias, self.beta_bias], -1)
        gamma, beta = tf.split(tf.reshape(both, [-1, 1, 1, 2 * inputs.shape[-1]]), 2, -1)
        return self.normalized(inputs, gamma, beta, statistics, training)


class _Cropped(PaddedConv2DTranspose):
    """`PaddedConv2DTranspose` without padding, which TFLite's operator does not take, and cut to size behind it."""

    def call(self, inputs, training=None):
        batch, height, width, _ = _shape(inputs)
        size = [2 * side - 2 + kernel for side, kernel in zip((height, width), self.kernel_size)]
        kernel = tf.convert_to_tensor(self.kernel)
        outputs = tf.nn.conv2d_transpose(inputs, kernel, [batch, *size, self.filters], 2, "VALID")
        return _finished(self, outputs[:, 1 : 2 * height + 1, 1 : 2 * width + 1])


class _PhasedPadded(PaddedConv2DTranspose):
    """The same as convolutions."""

    def call(self, inputs, training=None):
        return _finished(self, transposed_by_phases(inputs, tf.convert_to_tensor(self.kernel), (1, 1)))


class _Phased(Conv2DTranspose):
    """`Conv2DTranspose` with stride 2 and "same" padding as convolutions."""

    def call(self, inputs, training=None):
        before = [(size - 2) // 2 for size in self.kernel_size]
        return _finished(self, transposed_by_phases(inputs, tf.convert_to_tensor(self.kernel), before))


def _finished(layer, outputs):
    if layer.use_bias:
        outputs += tf.convert_to_tensor(layer.bias)
    return outputs if layer.activation is None else layer.activation(outputs)


def transposed_by_phases(inputs, kernel, before):
    """A transposed convolution with stride 2, to twice the sides, as four convolutions whose pixels take turns.

    Along each axis, pixel 2 m + p of the result is the sum over t of kernel[t] inputs[m + (p + before - t) / 2]: for each
    phase p every other t counts. No multiplication is made in vain, and all operators are among those that mobile GPUs
    publish.

    Args:
        inputs: float [n, h, w, c].
        kernel: [kh, kw, filters, c], kh and kw at least 2.
        before: for each axis, how many pixels of the full result are cut off in front.

    Returns:
        [n, 2 h, 2 w, filters].
    """
    rows = [_alternating([_phase(inputs, kernel, before, (row, column)) for column in (0, 1)], 2) for row in (0, 1)]
    return _alternating(rows, 1)


def _phase(inputs, kernel, before, phases):
    sides = []
    for axis, (cut, phase) in enumerate(zip(before, phases)):
        first = (phase + cut) % 2
        taps = list(range(first, kernel.shape[axis], 2))[::-1]
        sides.append([(taps[0] - phase - cut) // 2, (phase + cut - first) // 2])
        kernel = tf.gather(kernel, taps, axis=axis)
    return tf.nn.conv2d(inputs, tf.transpose(kernel, [0, 1, 3, 2]), 1, [[0, 0], *sides, [0, 0]])


def _alternating(parts, axis):
    """Interleaves two tensors [n, h, w, c] along the height (axis 1) or the width (axis 2)."""
    sizes = _shape(parts[0])
    sizes[axis] *= 2
    return tf.reshape(tf.concat(parts, axis + 1), sizes)


def _line(inputs, axis, place):
    """Returns one row (axis 1) or column (axis 2)."""
    return inputs[:, place : place + 1] if axis == 1 else inputs[:, :, place : place + 1]


def _shape(inputs):
    return [tf.shape(inputs)[axis] if side is None else side for axis, side in enumerate(inputs.shape)]
