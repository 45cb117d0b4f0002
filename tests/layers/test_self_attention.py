"""Self-attention against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from keras_gans.layers.self_attention import SelfAttention2D

IMAGES = np.random.default_rng(0).normal(size=[2, 4, 6, 16]).astype("float32")


def built(**kwargs):
    keras.utils.set_random_seed(0)
    layer = SelfAttention2D(**kwargs)
    layer.build(IMAGES.shape)
    layer.gamma.assign(0.7)
    return layer


def reference(layer):
    """Loops over images and positions; kernels as matrices [in, out]."""
    theta, phi, g, o = (part.kernel.numpy()[0, 0] for part in (layer.theta, layer.phi, layer.g, layer.o))
    pooled = lambda x: x.reshape(2, 2, 3, 2, -1).max(axis=(1, 3)).reshape(6, -1)  # noqa: E731
    outputs = IMAGES.copy()
    for index, image in enumerate(IMAGES):
        keys, values = pooled(image @ phi), pooled(image @ g)
        for y, x in np.ndindex(4, 6):
            attention = special.softmax(keys @ (image[y, x] @ theta))
            outputs[index, y, x] += 0.7 * (attention @ values) @ o
    return outputs


def test_equals_numpy():
    layer = built(spectral=False)
    assert [part.kernel.shape[-1] for part in (layer.theta, layer.phi, layer.g, layer.o)] == [2, 2, 8, 16]
    np.testing.assert_allclose(layer(IMAGES), reference(layer), rtol=1e-4, atol=1e-5)


def test_starts_as_identity_and_gamma_learns_first():
    layer = SelfAttention2D()
    images = tf.constant(IMAGES)
    with tf.GradientTape() as tape:
        outputs = layer(images)
        total = tf.reduce_sum(tf.square(outputs))
    np.testing.assert_array_equal(outputs, IMAGES)
    assert abs(tape.gradient(total, layer.gamma)) > 0


def test_spectral_option_divides_each_kernel():
    layer, plain = built(), built(spectral=False)
    for name in ("theta", "phi", "g", "o"):
        wrapped = getattr(layer, name)
        for _ in range(100):
            wrapped.power_iteration()
        kernel = wrapped.layer.kernel.numpy()
        getattr(plain, name).kernel.assign(kernel / np.linalg.svd(kernel[0, 0], compute_uv=False)[0])
    np.testing.assert_allclose(layer(IMAGES), plain(IMAGES), rtol=1e-4, atol=1e-4)
    found = [part for part in layer._flatten_layers() if hasattr(part, "power_iteration")]
    assert len(found) == 4  # the game finds them


def test_second_order_under_jit():
    layer = built()

    def step(images):
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                inner.watch(images)
                total = tf.reduce_sum(tf.tanh(layer(images)))
            penalty = tf.reduce_sum(tf.square(inner.gradient(total, images)))
        gradients = outer.gradient(penalty, layer.trainable_variables)
        return penalty, [tf.convert_to_tensor(gradient) for gradient in gradients]

    penalty, gradients = step(tf.constant(IMAGES))
    compiled, others = tf.function(step, jit_compile=True)(tf.constant(IMAGES))
    np.testing.assert_allclose(compiled, penalty, rtol=1e-4)
    for one, other in zip(gradients, others):
        assert np.any(one != 0)
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision(policy):
    layer, full = built(dtype=policy), built()
    outputs = layer(IMAGES)
    assert outputs.dtype == policy.removeprefix("mixed_")
    np.testing.assert_allclose(tf.cast(outputs, "float32"), full(IMAGES), atol=0.1)


def test_saves_and_loads_with_free_sizes(tmp_path):
    inputs = keras.Input([None, None, 16])
    model = keras.Model(inputs, SelfAttention2D()(inputs))
    model.layers[1].gamma.assign(0.5)
    model.save(tmp_path / "model.keras")
    copy = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(copy(IMAGES), model(IMAGES))


def test_sizes_that_do_not_divide_are_refused():
    with pytest.raises(ValueError, match="divisible by 8, not 12"):
        SelfAttention2D().build([None, 4, 4, 12])
    with pytest.raises(ValueError, match="even height and width, not 5x4"):
        SelfAttention2D().build([None, 5, 4, 16])
