"""Spectral normalization against SVD, finite differences and PyTorch."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_gans.layers.spectral_normalization import SpectralNormalization

# A layer of each kind, an input, and the kernel's matrix [output channels, everything else] in NumPy.
CASES = {
    "dense": (lambda **k: layers.Dense(5, **k), [3, 7], lambda w: w.T),
    "embedding": (lambda **k: layers.Embedding(6, 4, **k), None, lambda w: w),
    "conv": (lambda **k: layers.Conv2D(6, 3, strides=2, **k), [2, 7, 7, 3], lambda w: w.reshape(-1, 6).T),
    "transposed": (
        lambda **k: layers.Conv2DTranspose(4, 3, strides=2, **k),
        [2, 5, 5, 3],
        lambda w: w.transpose(2, 0, 1, 3).reshape(4, -1),
    ),
    "depthwise": (lambda **k: layers.DepthwiseConv2D(3, **k), [2, 5, 5, 4], lambda w: w.reshape(9, 4).T),
    "conv1d": (lambda **k: layers.Conv1D(6, 3, **k), [2, 7, 3], lambda w: w.reshape(-1, 6).T),
}


def case(name, iterations=0, **kwargs):
    """Returns a built layer, an input and the function that makes its kernel a matrix."""
    keras.utils.set_random_seed(3)
    make, shape, matrix = CASES[name]
    layer = SpectralNormalization(make(**kwargs))
    rng = np.random.default_rng(0)
    inputs = np.array([[0, 5], [2, 2]]) if shape is None else rng.normal(size=shape)
    dtype = "float64" if kwargs.get("dtype") == "float64" else "float32"
    inputs = tf.constant(inputs, "int32" if shape is None else dtype)
    layer.build(inputs.shape)
    layer._kernel.assign(rng.normal(scale=0.7, size=layer._kernel.shape))
    for _ in range(iterations):
        layer.power_iteration()
    return layer, inputs, matrix


@pytest.mark.parametrize("name", CASES)
def test_sigma_is_the_largest_singular_value(name):
    layer, _, matrix = case(name, iterations=200)
    singular = np.linalg.svd(matrix(layer._kernel.numpy()), compute_uv=False)
    assert singular[0] > 1.02 * singular[1]
    np.testing.assert_allclose(layer.sigma(), singular[0], rtol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_output_is_that_of_the_divided_kernel(name):
    layer, inputs, matrix = case(name, iterations=200)
    outputs = layer(inputs)
    plain = type(layer.layer).from_config(layer.layer.get_config())
    plain.build(inputs.shape)
    plain.set_weights(layer.layer.get_weights())
    kernel = layer._kernel.numpy()
    (plain.embeddings if name == "embedding" else plain.kernel).assign(
        kernel / np.linalg.svd(matrix(kernel), compute_uv=False)[0]
    )
    np.testing.assert_allclose(outputs, plain(inputs), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(layer._kernel, kernel)  # the parameter itself is not touched


def test_sigma_is_near_right_from_the_start():
    keras.utils.set_random_seed(0)
    layer = SpectralNormalization(layers.Conv2D(32, 3))
    layer.build([None, 8, 8, 16])
    singular = np.linalg.svd(layer._kernel.numpy().reshape(-1, 32), compute_uv=False)
    assert 0.95 * singular[0] < layer.sigma() <= singular[0] * (1 + 1e-5)


def test_call_never_moves_the_vectors_and_one_iteration_does_once():
    layer, inputs, _ = case("conv")
    u = layer.u.numpy()
    layer(inputs)
    layer(inputs, training=True)
    np.testing.assert_array_equal(layer.u, u)
    matrix = layer._kernel.numpy().reshape(-1, 6)
    layer.power_iteration()
    v = matrix @ u / np.linalg.norm(matrix @ u)
    np.testing.assert_allclose(layer.v, v, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(layer.u, matrix.T @ v / np.linalg.norm(matrix.T @ v), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", CASES)
def test_gradient_is_orthogonal_to_the_kernel(name):
    layer, inputs, _ = case(name, iterations=3)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(tf.square(layer(inputs)))
    gradient = tf.convert_to_tensor(tape.gradient(total, layer._kernel))
    assert tf.norm(gradient) > 0.1
    # The output does not depend on the kernel's scale. Keras's own layer fails here.
    cosine = tf.reduce_sum(gradient * layer._kernel) / (tf.norm(gradient) * tf.norm(layer._kernel.value))
    np.testing.assert_allclose(cosine, 0.0, atol=1e-5)


@pytest.mark.parametrize("name", ["dense", "conv", "transposed"])
def test_gradient_equals_finite_differences(name):
    layer, inputs, matrix = case(name, dtype="float64")

    def loss():  # with u and v at the kernel's own singular vectors
        left, _, right = np.linalg.svd(matrix(layer._kernel.numpy()))
        layer.u.assign(left[:, 0])
        layer.v.assign(right[0])
        return tf.reduce_sum(tf.sin(layer(inputs)))

    with tf.GradientTape() as tape:
        total = loss()
    gradient = tape.gradient(total, layer._kernel).numpy()
    kernel = layer._kernel.numpy()
    rng = np.random.default_rng(1)
    for _ in range(3):
        direction = rng.normal(size=kernel.shape)
        values = []
        for step in (1e-5, -1e-5):
            layer._kernel.assign(kernel + step * direction)
            values.append(loss().numpy())
        np.testing.assert_allclose((values[0] - values[1]) / 2e-5, np.sum(gradient * direction), rtol=1e-6)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_gradient_penalty_reaches_the_kernel(jit_compile):
    layer, inputs, _ = case("conv", iterations=3, activation="tanh")

    def step(inputs):
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                inner.watch(inputs)
                total = tf.reduce_sum(layer(inputs))
            penalty = tf.reduce_sum(tf.square(inner.gradient(total, inputs)))
        return penalty, tf.convert_to_tensor(outer.gradient(penalty, layer._kernel))

    penalty, gradient = tf.function(step, jit_compile=jit_compile)(inputs)
    assert tf.norm(gradient) > 1e-3
    np.testing.assert_allclose(tf.reduce_sum(gradient * layer._kernel) / tf.norm(gradient), 0.0, atol=1e-5)
    kernel, direction = layer._kernel.numpy(), np.random.default_rng(1).normal(size=layer._kernel.shape)
    values = []
    for size in (1e-2, -1e-2):  # u and v fixed
        layer._kernel.assign(kernel + size * direction)
        values.append(step(inputs)[0])
    np.testing.assert_allclose((values[0] - values[1]) / 2e-2, np.sum(gradient * direction), rtol=0.01)


@pytest.mark.parametrize("name", CASES)
def test_compiled_step_equals_eager(name):
    layer, inputs, _ = case(name)

    def step(inputs):
        layer.power_iteration()
        return layer(inputs)

    u = layer.u.numpy()
    expected = step(inputs)
    after = layer.u.numpy()
    layer.u.assign(u)
    np.testing.assert_allclose(tf.function(step, jit_compile=True)(inputs), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(layer.u, after, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16", "bfloat16"])
def test_half_precision(policy):
    layer, inputs, _ = case("conv", iterations=20, dtype=policy)
    reference, _, _ = case("conv", iterations=20)
    assert layer.u.dtype == layer.v.dtype == layer.sigma().dtype == "float32"
    outputs = layer(inputs)
    assert outputs.dtype == policy.removeprefix("mixed_")
    assert layer.compute_output_spec(keras.KerasTensor(inputs.shape)).dtype == outputs.dtype.name
    tolerance = 0.05 if "bfloat16" in policy else 0.01
    np.testing.assert_allclose(tf.cast(outputs, "float32"), reference(inputs), rtol=tolerance, atol=tolerance)
    if policy.startswith("mixed"):
        np.testing.assert_allclose(layer.sigma(), reference.sigma(), rtol=1e-6)


def test_saves_and_loads(tmp_path):
    keras.utils.set_random_seed(0)
    wrapped = SpectralNormalization(layers.Conv2D(4, 3, activation="relu"), power_iterations=2, epsilon=1e-10)
    model = keras.Sequential([keras.Input([8, 8, 3]), wrapped, layers.Flatten(), SpectralNormalization(layers.Dense(1))])
    wrapped.power_iteration()
    model.save(tmp_path / "model.keras")
    copy = keras.models.load_model(tmp_path / "model.keras")
    assert (copy.layers[0].power_iterations, copy.layers[0].epsilon) == (2, 1e-10)
    np.testing.assert_array_equal(copy.layers[0].u, wrapped.u)
    images = np.random.default_rng(0).normal(size=[2, 8, 8, 3])
    np.testing.assert_array_equal(copy(images), model(images))


def test_zero_kernel_is_no_nan():
    layer, inputs, _ = case("dense")
    layer._kernel.assign(np.zeros([7, 5]))
    layer.power_iteration()
    np.testing.assert_array_equal(layer(inputs), np.zeros([3, 5]))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"layer": layers.LayerNormalization()}, "not LayerNormalization"),
        ({"layer": layers.SeparableConv2D(2, 3)}, "not SeparableConv2D"),
        ({"layer": layers.DepthwiseConv2D(3, depth_multiplier=2)}, "a depth_multiplier of 1, not 2"),
        ({"layer": layers.Dense(2), "power_iterations": 0}, "power_iterations should be 1 or more"),
        ({"layer": layers.Dense(2), "epsilon": 0}, "epsilon should be positive"),
    ],
)
def test_senseless_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        SpectralNormalization(**arguments)


@pytest.mark.parity
@pytest.mark.parametrize("name", ["dense", "conv", "transposed"])
def test_equals_pytorch(name):
    torch = pytest.importorskip("torch", reason="the parity extra is not installed")
    layer, inputs, _ = case(name, iterations=1, use_bias=False)
    kernel = layer._kernel.numpy()
    module, axes = {
        "dense": (torch.nn.Linear(7, 5, bias=False), (1, 0)),
        "conv": (torch.nn.Conv2d(3, 6, 3, stride=2, bias=False), (3, 2, 0, 1)),
        "transposed": (torch.nn.ConvTranspose2d(3, 4, 3, stride=2, bias=False), (3, 2, 0, 1)),
    }[name]
    module.weight.data = torch.tensor(kernel.transpose(axes).copy())
    module = torch.nn.utils.parametrizations.spectral_norm(module).train()
    for _ in range(200):
        module.weight  # each reading in training is one power iteration
        layer.power_iteration()
    images = inputs.numpy()
    x = torch.tensor(images if images.ndim == 2 else images.transpose(0, 3, 1, 2).copy())
    expected = module(x)
    expected.square().sum().backward()
    with tf.GradientTape() as tape:
        outputs = layer(inputs)
        total = tf.reduce_sum(tf.square(outputs))
    expected = expected.detach().numpy()
    np.testing.assert_allclose(
        outputs, expected if images.ndim == 2 else expected.transpose(0, 2, 3, 1), rtol=1e-4, atol=1e-5
    )
    theirs = module.parametrizations.weight.original.grad.numpy()
    ours = tf.convert_to_tensor(tape.gradient(total, layer._kernel)).numpy().transpose(axes)
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)
