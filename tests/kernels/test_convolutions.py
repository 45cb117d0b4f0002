"""The convolutions made for a CPU, and the plain ones, against TensorFlow's: values, gradients, second derivatives."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import signal

from keras_gans import kernels
from keras_gans.kernels import depthwise, few_filters, four_by_four, groups, halving, plain, winograd

SIZES = [(16, 18), (17, 21), (6, 7)]
EVEN = [(8, 6), (2, 12)]
TOLERANCES = {
    "float32": 4e-6,
    "bfloat16": 0.06,
}  # of the largest; processors without bfloat16 products round their parts too


def normal(*shape, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=shape).astype("float32"))


def direct(inputs, kernel, strides, padding):
    """By TensorFlow's own words for the padding."""
    if padding != "SAME":
        padding = [[0, 0], [padding, padding], [padding, padding], [0, 0]]
    return tf.nn.conv2d(inputs, kernel, strides, padding)


def direct_transposed(inputs, kernel, strides, padding):
    batch, height, width, _ = inputs.shape
    if padding != "SAME":
        padding = [[0, 0], [padding, padding], [padding, padding], [0, 0]]
    shape = [batch, strides[0] * height, strides[1] * width, kernel.shape[2]]
    return tf.nn.conv2d_transpose(inputs, kernel, shape, strides, padding)


def everything(convolve, inputs, kernel):
    """Outputs, gradients of their squares' sum, and gradients of the squared gradients."""
    with tf.GradientTape() as outer:
        outer.watch([inputs, kernel])
        with tf.GradientTape() as inner:
            inner.watch([inputs, kernel])
            outputs = convolve(inputs, kernel)
            total = tf.reduce_sum(tf.cast(outputs, tf.float32) ** 2)
        gradients = inner.gradient(total, [inputs, kernel])
        squares = tf.add_n([tf.reduce_sum(tf.cast(gradient, tf.float32) ** 2) for gradient in gradients])
    return [outputs, *gradients, *outer.gradient(squares, [inputs, kernel])]


def agree(ours, theirs, inputs, kernel, geometry, dtype):
    """Checks `ours` in `dtype`, and for float32 the plain reference of the same name too, against `theirs` in float32."""
    expected = everything(lambda *tensors: theirs(*tensors, *geometry), inputs, kernel)
    for function in (ours, getattr(plain, ours.__name__)) if dtype == "float32" else (ours,):
        tensors = tf.cast(inputs, dtype), tf.cast(kernel, dtype)
        seen = everything(lambda *tensors, function=function: function(*tensors, *geometry), *tensors)
        for one, other in zip(seen, expected, strict=True):
            assert one.dtype == dtype
            largest = np.abs(other).max()
            np.testing.assert_allclose(tf.cast(one, tf.float32) / largest, other / largest, rtol=0, atol=TOLERANCES[dtype])


every_dtype = pytest.mark.parametrize("dtype", TOLERANCES)


@every_dtype
@pytest.mark.parametrize("pad", [0, 1, 2])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_winograd(size, pad, dtype):
    agree(winograd.convolve, direct, normal(2, *size, 5), normal(3, 3, 5, 7, seed=1), ((1, 1), pad), dtype)


def test_winograd_in_a_deep_sum():
    """At the ResNet's 256 channels, against float64, in standard deviations."""
    inputs, kernel = normal(1, 18, 18, 256), normal(3, 3, 256, 256, seed=1)
    expected = direct(tf.cast(inputs, tf.float64), tf.cast(kernel, tf.float64), 1, 0).numpy()
    for dtype, largest in (("float32", 5e-5), ("bfloat16", 0.12)):
        outputs = tf.cast(winograd.convolve(tf.cast(inputs, dtype), tf.cast(kernel, dtype)), tf.float64)
        assert np.abs(outputs - expected).max() <= largest * expected.std()


@pytest.mark.parametrize("form", winograd._FORMS.values(), ids=lambda form: f"{form.outputs}x{form.outputs}")
def test_transforms_of_winograd_are_exact(form):
    random = np.random.default_rng(0)
    inputs, kernel = random.normal(size=[form.inputs, form.inputs]), random.normal(size=[3, 3])
    products = (form.of_kernel @ kernel.ravel()) * (form.of_inputs @ inputs.ravel())
    expected = signal.correlate2d(inputs, kernel, "valid")
    np.testing.assert_allclose(form.of_outputs @ products, expected.ravel(), atol=1e-12)


@every_dtype
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_halving(size, dtype):
    agree(halving.convolve, direct, normal(2, *size, 5), normal(3, 3, 5, 7, seed=1), ((2, 2), 1), dtype)


@every_dtype
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_halving_transposed(size, dtype):
    inputs, kernel = normal(2, *size, 7), normal(3, 3, 5, 7, seed=1)
    agree(halving.convolve_transposed, direct_transposed, inputs, kernel, ((2, 2), 1), dtype)


@every_dtype
@pytest.mark.parametrize("padding", ["SAME", 1])
@pytest.mark.parametrize("size", EVEN, ids=str)
@pytest.mark.parametrize("channels, filters", [(3, 5), (20, 4)])
def test_four_by_four(size, channels, filters, padding, dtype):
    kernel, geometry = normal(4, 4, channels, filters, seed=1), ((2, 2), padding)
    agree(four_by_four.convolve, direct, normal(2, *size, channels), kernel, geometry, dtype)
    agree(four_by_four.convolve_transposed, direct_transposed, normal(2, *size, filters), kernel, geometry, dtype)


def direct_depthwise(inputs, kernel, strides, padding):
    if padding != "SAME":
        padding = [[0, 0], [padding, padding], [padding, padding], [0, 0]]
    return tf.nn.depthwise_conv2d(inputs, kernel, [1, *strides, 1], padding)


@every_dtype
@pytest.mark.parametrize("side, stride, padding", [(3, 2, "SAME"), (5, 2, "SAME"), (5, 1, "SAME"), (3, 2, 1), (5, 1, 0)])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_depthwise(size, side, stride, padding, dtype):
    geometry = (stride, stride), padding
    agree(
        depthwise.convolve_depthwise,
        direct_depthwise,
        normal(2, *size, 5),
        normal(side, side, 5, 2, seed=1),
        geometry,
        dtype,
    )


def test_depthwise_is_taken_where_bfloat16_is_slow():
    """The words of `fits`, seen from outside: float32's gradients are those of the convolution in float32."""
    images, kernel = normal(2, 16, 16, 5), normal(3, 3, 5, 1, seed=1)
    upstream = tf.cast(normal(2, 8, 8, 5, seed=2), tf.bfloat16)
    with kernels.use("fast"), tf.GradientTape(persistent=True) as tape:
        tape.watch(images)
        outputs = kernels.convolve_depthwise(tf.cast(images, tf.bfloat16), tf.cast(kernel, tf.bfloat16), 2)
        in_float32 = kernels.convolve_depthwise(images, tf.cast(tf.cast(kernel, tf.bfloat16), tf.float32), 2)
    seen = tape.gradient(outputs, images, upstream)
    expected = tape.gradient(in_float32, images, tf.cast(upstream, tf.float32))
    np.testing.assert_array_equal(seen, tf.cast(tf.cast(expected, tf.bfloat16), tf.float32))


@pytest.mark.parametrize("size, channels, filters", [(8, 3, 5), (8, 32, 16), (16, 1, 8), (6, 20, 4)])
def test_products_of_four_by_four(size, channels, filters):
    """The forms themselves, also where the module does not choose them."""
    large, small = normal(3, size, size, channels), normal(3, size // 2, size // 2, filters, seed=1)
    kernel = normal(4, 4, channels, filters, seed=2)
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        value = tf.reduce_sum(tf.nn.conv2d(large, kernel, 2, "SAME") * small)
    np.testing.assert_allclose(four_by_four._filter_product(large, small), tape.gradient(value, kernel), atol=1e-4)
    np.testing.assert_allclose(
        four_by_four._fold(small, kernel), tf.nn.conv2d_transpose(small, kernel, large.shape, 2, "SAME"), atol=1e-4
    )


@every_dtype
@pytest.mark.parametrize("batch, products", [(2, True), (3, False)])
def test_four_by_four_of_few_pixels(batch, products, dtype):
    """64 pixels of output in two images are few, 96 in three are not; both are the same convolution."""
    inputs, upstream, kernel = normal(batch, 16, 8, 20), normal(batch, 8, 4, 6, seed=2), normal(4, 4, 20, 6, seed=1)
    geometry = (2, 2), "SAME"
    agree(four_by_four.convolve, direct, inputs, kernel, geometry, dtype)
    agree(four_by_four.convolve_transposed, direct_transposed, upstream, kernel, geometry, dtype)

    @tf.function(autograph=False)
    def both(inputs, upstream):
        return four_by_four.convolve(inputs, kernel), four_by_four.convolve_transposed(upstream, kernel)

    kinds = {node.type for node in both.get_concrete_function(inputs, upstream).graph.get_operations()}
    assert ({"Conv2D", "Conv2DBackpropInput"} & kinds == set()) == products


@every_dtype
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("channels, filters, kernel_size", [(16, 3, 5), (3, 16, 5), (16, 1, 4), (4, 16, 3)])
def test_few_filters(channels, filters, kernel_size, size, dtype):
    inputs, kernel = normal(2, *size, channels), normal(kernel_size, kernel_size, channels, filters, seed=1)
    agree(few_filters.convolve, direct, inputs, kernel, ((1, 1), 0), dtype)
    if size == SIZES[0]:
        agree(few_filters.convolve, direct, inputs, kernel, ((1, 1), 2), dtype)


@every_dtype
@pytest.mark.parametrize("geometry", [((1, 1), "SAME"), ((2, 2), 1)], ids=str)
def test_groups(geometry, dtype):
    """The plain one is Keras's here, compiled by XLA, since TensorFlow has no gradient; both against a sum of two."""

    def halves(inputs, kernel, *geometry):
        parts = zip((inputs[..., :4], inputs[..., 4:]), (kernel[..., :3], kernel[..., 3:]))
        return tf.concat([direct(*part, *geometry) for part in parts], -1)

    agree(groups.convolve, halves, normal(2, 6, 5, 8), normal(3, 3, 4, 6, seed=1), geometry, dtype)


GEOMETRIES = [  # size, kernel, strides, padding, whose it is
    ((16, 16), (3, 3, 128, 128), 1, 1, winograd),
    ((16, 16), (3, 3, 128, 128), 1, "VALID", winograd),
    ((16, 15), (3, 3, 128, 128), 1, 1, plain),
    ((16, 16), (3, 3, 128, 128), 1, "SAME", winograd),
    ((9, 12), (3, 3, 5, 8), 2, 1, halving),
    ((8, 12), (4, 4, 5, 8), 2, "SAME", four_by_four),
    ((8, 12), (4, 4, 5, 8), (2, 2), 1, four_by_four),
    ((8, 11), (4, 4, 5, 8), 2, 1, plain),
    ((8, 12), (7, 7, 16, 3), 1, 3, few_filters),
    ((8, 12), (5, 5, 5, 8), 2, 2, plain),
    ((8, 12), (3, 3, 4, 8), 1, "SAME", groups),  # of 8 channels
]


@pytest.mark.parametrize("size, shape, strides, padding, whose", GEOMETRIES, ids=lambda value: str(value)[-30:])
def test_what_is_chosen(size, shape, strides, padding, whose, monkeypatch):
    """Each geometry is one kernel's, in `fast`; in `plain`, outside training, and with unknown sides it is TensorFlow's."""
    called = []
    for module in (plain, *kernels.dispatch.CONVOLVING):
        monkeypatch.setattr(module, "convolve", lambda *_, module=module: called.append(module))
    channels = 8 if whose is groups else shape[2]
    inputs, kernel = normal(1, *size, channels), normal(*shape)
    with kernels.use("fast"):
        kernels.convolve(inputs, kernel, strides, padding)
        kernels.convolve(inputs, kernel, strides, padding, training=False)
        if whose is not groups:
            tf.function(lambda images: kernels.convolve(images, kernel, strides, padding)).get_concrete_function(
                tf.TensorSpec([1, None, None, channels])
            )
    with kernels.use("plain"):
        kernels.convolve(inputs, kernel, strides, padding)
    assert called == [whose] + [plain] * (len(called) - 1)
    assert len(called) == (3 if whose is groups else 4)
