"""Instance normalization against NumPy and PyTorch; tiles, two stages, types."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers.instance_normalization import InstanceNormalization

IMAGES = np.random.default_rng(0).normal(3.0, 2.0, [2, 6, 5, 3]).astype("float32")


def reference(images, epsilon=1e-5):
    images = images.astype("float64")
    return (images - images.mean((1, 2), keepdims=True)) / np.sqrt(images.var((1, 2), keepdims=True) + epsilon)


@pytest.mark.parametrize("two_stage", [False, True])
@pytest.mark.parametrize("epsilon", [1e-5, 0.5])
def test_equals_numpy(two_stage, epsilon):
    layer = InstanceNormalization(epsilon=epsilon, two_stage=two_stage)
    np.testing.assert_allclose(layer(IMAGES), reference(IMAGES, epsilon), rtol=1e-5, atol=1e-6)
    assert not layer.weights


def test_affine():
    layer = InstanceNormalization(affine=True)
    np.testing.assert_allclose(layer(IMAGES), reference(IMAGES), rtol=1e-5, atol=1e-6)  # starts as without
    layer.gamma.assign([1.0, 2.0, 3.0])
    layer.beta.assign([0.5, 0.0, -0.5])
    np.testing.assert_allclose(layer(IMAGES), reference(IMAGES) * [1, 2, 3] + [0.5, 0, -0.5], rtol=1e-5, atol=1e-5)


def test_statistics_of_the_whole_image_make_tiles_agree():
    layer = InstanceNormalization()
    statistics = layer.statistics(tf.constant(IMAGES))
    assert [value.shape for value in statistics] == [(2, 1, 1, 3)] * 2
    whole = layer(IMAGES)
    np.testing.assert_allclose(layer(IMAGES[:, 2:4], statistics=statistics), whole[:, 2:4], rtol=1e-6)
    assert not np.allclose(layer(IMAGES[:, 2:4]), whole[:, 2:4], atol=0.1)


def test_given_statistics_stay_in_float32_under_mixed_precision():
    layer = InstanceNormalization(dtype="mixed_float16")
    mean, variance = tf.fill([1, 1, 1, 3], 0.0), tf.fill([1, 1, 1, 3], 1e6)  # more than float16 can say
    outputs = layer(1000 * tf.ones([1, 2, 2, 3]), statistics=(mean, variance))
    np.testing.assert_allclose(tf.cast(outputs, "float32"), np.ones([1, 2, 2, 3]), rtol=1e-3)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_statistics_are_float32_under_mixed_precision(policy):
    images = 100 * IMAGES + 500  # squares overflow float16
    layer = InstanceNormalization(dtype=policy)
    outputs = layer(images)
    assert outputs.dtype == policy.removeprefix("mixed_")
    half = tf.cast(tf.cast(images, layer.compute_dtype), "float32").numpy()
    np.testing.assert_allclose(tf.cast(outputs, "float32"), reference(half), atol=0.01, rtol=0.01)


def test_constant_channel_is_zero_with_a_finite_gradient():
    images = tf.fill([1, 4, 4, 2], 7.0)
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs = InstanceNormalization()(images)
    np.testing.assert_allclose(outputs, np.zeros([1, 4, 4, 2]), atol=1e-5)
    assert np.all(np.isfinite(tape.gradient(outputs, images)))


@pytest.mark.parametrize("shape", [[2, 9, 3], [2, 3, 4, 2, 3]])
def test_other_ranks(shape):
    inputs = np.random.default_rng(1).normal(size=shape).astype("float32")
    axes = tuple(range(1, len(shape) - 1))
    expected = (inputs - inputs.mean(axes, keepdims=True)) / np.sqrt(inputs.var(axes, keepdims=True) + 1e-5)
    for two_stage in (False, True):
        np.testing.assert_allclose(InstanceNormalization(two_stage=two_stage)(inputs), expected, rtol=1e-4, atol=1e-5)


def test_second_order_under_jit_with_free_sizes():
    layer = InstanceNormalization(affine=True)
    layer.build([None, None, None, 3])

    def step(images):
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                inner.watch(images)
                total = tf.reduce_sum(tf.sin(layer(images)))
            penalty = tf.reduce_sum(tf.square(inner.gradient(total, images)))
        return penalty, outer.gradient(penalty, layer.trainable_variables)

    penalty, gradients = step(tf.constant(IMAGES))
    signature = [tf.TensorSpec([None, None, None, 3])]
    compiled, others = tf.function(step, jit_compile=True, input_signature=signature)(tf.constant(IMAGES))
    np.testing.assert_allclose(compiled, penalty, rtol=1e-4)
    for one, other in zip(gradients, others):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_saves_and_loads(tmp_path):
    inputs = keras.Input([None, None, 3])
    model = keras.Model(inputs, InstanceNormalization(epsilon=1e-3, affine=True, two_stage=True)(inputs))
    model.layers[1].gamma.assign([1.0, 2.0, 3.0])
    model.save(tmp_path / "model.keras")
    copy = keras.models.load_model(tmp_path / "model.keras")
    assert copy.layers[1].two_stage and copy.layers[1].epsilon == 1e-3
    np.testing.assert_array_equal(copy(IMAGES), model(IMAGES))


def test_senseless_arguments_are_refused():
    with pytest.raises(ValueError, match="epsilon should be positive"):
        InstanceNormalization(epsilon=0)
    with pytest.raises(ValueError, match="positions"):
        InstanceNormalization()(np.zeros([2, 3]))


@pytest.mark.parity
@pytest.mark.parametrize("affine", [False, True])
def test_equals_pytorch(affine):
    torch = pytest.importorskip("torch", reason="the parity extra is not installed")
    module = torch.nn.InstanceNorm2d(3, affine=affine)
    layer = InstanceNormalization(affine=affine)
    x = torch.tensor(IMAGES.transpose(0, 3, 1, 2).copy(), requires_grad=True)
    expected = module(x)
    expected.sin().sum().backward()
    images = tf.constant(IMAGES)
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs = layer(images)
        total = tf.reduce_sum(tf.sin(outputs))
    np.testing.assert_allclose(outputs, expected.detach().numpy().transpose(0, 2, 3, 1), rtol=1e-5, atol=1e-6)
    gradient = x.grad.numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(tape.gradient(total, images), gradient, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("policy, tolerance", [("float32", 1e-5), ("mixed_bfloat16", 0.03), ("mixed_float16", 0.005)])
def test_training_is_the_same_by_the_fused_kernel(policy, tolerance, affine):
    """Outputs and gradients in training, where each example takes the fused kernel, against float32 without it."""
    layer, plain = InstanceNormalization(affine=affine, dtype=policy), InstanceNormalization(affine=affine)
    upstream = tf.constant(np.random.default_rng(1).normal(size=IMAGES.shape).astype("float32"))

    def everything(layer, training):
        images = tf.constant(IMAGES)
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = tf.cast(layer(images, training=training), "float32")
            value = tf.reduce_sum(outputs**2 * upstream)
        return [outputs, *tape.gradient(value, [images, *(weight.value for weight in layer.trainable_weights)])]

    for layer_ in (layer, plain):
        layer_.build(IMAGES.shape)
        if affine:
            layer_.gamma.assign([1.0, 2.0, 3.0])
            layer_.beta.assign([0.5, 0.0, -0.5])
    for one, other in zip(everything(layer, True), everything(plain, False), strict=True):
        np.testing.assert_allclose(one / np.abs(other).max(), other / np.abs(other).max(), atol=tolerance)


def test_the_fused_kernel_is_for_training_with_a_batch_of_known_size():
    layer = InstanceNormalization()

    def fused(batch, **keywords):
        function = tf.function(lambda images: layer(images, **keywords))
        graph = function.get_concrete_function(tf.TensorSpec([batch, 6, 5, 3])).graph
        return any(operation.type == "FusedBatchNormV3" for operation in graph.get_operations())

    assert fused(2, training=True)
    assert not fused(2) and not fused(None, training=True)
    assert not fused(2, training=True, statistics=(tf.zeros([1, 1, 1, 3]), tf.ones([1, 1, 1, 3])))
