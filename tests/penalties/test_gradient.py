"""Gradient penalties on critics whose gradients are known by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from keras_gans.errors import UserError
from keras_gans.penalties.gradient import squared_gradient_norms
from keras_gans.registry import PENALTIES

SEED = tf.constant([7, 11], tf.int32)
ALL = ["wgan_gp", "wgan_gp:one_sided=true", "dragan", "r1", "r2", "drift"]


def linear(slope):
    """D(x) = slope * sum(x): the gradient's norm is slope * sqrt(number of values)."""
    return lambda images: slope * tf.reduce_sum(images, axis=[1, 2, 3], keepdims=False)[:, None]


def half_square(images):
    """D(x) = sum(x^2) / 2: the gradient is x itself."""
    return tf.reduce_sum(tf.square(images), axis=[1, 2, 3])[:, None] / 2


def points(penalty, real, fake, seed=SEED):
    """The images at which a penalty asks its critic."""
    seen = []

    def critic(images):
        seen.append(images.numpy())
        return half_square(images)

    penalty(critic, tf.constant(real), tf.constant(fake), seed=seed)
    (images,) = seen
    return images


@pytest.mark.parametrize(
    "spec, slope, expected",
    # 16 values: the norm of 2 * sum(x) is 8, of sum(x) / 8 it is 0.5.
    [
        ("wgan_gp", 2.0, 49.0),
        ("wgan_gp", 0.125, 0.25),
        ("wgan_gp:one_sided=true", 2.0, 49.0),
        ("wgan_gp:one_sided=true", 0.125, 0.0),
        ("dragan", 2.0, 49.0),
        ("dragan", 0.125, 0.25),
        ("dragan:one_sided=true", 0.125, 0.0),
        ("r1", 2.0, 32.0),  # without the weight: half of 8^2
        ("r2", 2.0, 32.0),
    ],
)
def test_linear_critic(spec, slope, expected):
    images = tf.zeros([3, 4, 4, 1])
    values = PENALTIES.create(spec)(linear(slope), images, images, seed=SEED)
    assert values.dtype == tf.float32
    np.testing.assert_allclose(values, [expected] * 3, rtol=1e-5, atol=1e-12)


def test_each_penalty_looks_at_its_own_side():
    real, fake = tf.fill([2, 2, 2, 1], 1.0), tf.fill([2, 2, 2, 1], 3.0)
    r1, r2, drift = (PENALTIES.create(name) for name in ("r1", "r2", "drift"))
    np.testing.assert_allclose(r1(half_square, real, fake, seed=SEED), [2.0] * 2)  # |grad|^2 / 2 = 4 / 2
    np.testing.assert_allclose(r2(half_square, real, fake, seed=SEED), [18.0] * 2)  # 36 / 2
    np.testing.assert_allclose(drift(half_square, real, fake, seed=SEED), [4.0] * 2)  # D(real) = 2
    np.testing.assert_allclose(r1(half_square, fake, real, seed=SEED), [18.0] * 2)


def test_weights_by_default():
    weights = {name: PENALTIES.create(name).weight for name in ("wgan_gp", "dragan", "r1", "r2", "drift")}
    assert weights == {"wgan_gp": 10, "dragan": 10, "r1": 10, "r2": 10, "drift": 0.001}


def test_wgan_gp_points_are_uniform_between_the_batches_one_alpha_an_example():
    real, fake = np.full([4000, 2, 2, 1], 1.0, "float32"), np.full([4000, 2, 2, 1], 5.0, "float32")
    images = points(PENALTIES.create("wgan_gp"), real, fake)
    alpha = (images - 1.0) / 4.0
    np.testing.assert_allclose(alpha, np.broadcast_to(alpha[:, :1, :1], alpha.shape), atol=1e-6)
    assert stats.kstest(alpha[:, 0, 0, 0], "uniform").pvalue > 0.01  # N(0, 1) would give 0


def test_dragan_points():
    rng = np.random.default_rng(0)
    scales = rng.uniform(0.1, 2.0, [4000, 1, 1, 1])  # images of unlike contrast: std is one number of the batch
    real = (rng.normal(size=[4000, 4, 4, 1]) * scales + 0.3).astype("float32")
    images = points(PENALTIES.create("dragan"), real, np.zeros_like(real))
    shift = (images - real) / (0.5 * real.std())
    assert shift.min() >= 0 and 0.98 < shift.max() < 1.0  # positive noise only
    # alpha * noise with one alpha an image: the largest of 16 is near alpha, and their mean is alpha / 2.
    np.testing.assert_allclose(shift.mean(), 0.25, atol=0.01)
    assert stats.kstest(shift[:, 0, 0, 0], lambda p: p - p * np.log(np.maximum(p, 1e-12))).pvalue > 0.01
    np.testing.assert_allclose(np.corrcoef(shift[:, 0, 0, 0], shift[:, 2, 3, 0])[0, 1], 3 / 7, atol=0.05)


def test_dragan_ignores_the_fakes():
    rng = np.random.default_rng(0)
    real = rng.normal(size=[4, 4, 4, 1]).astype("float32")
    dragan = PENALTIES.create("dragan")
    np.testing.assert_array_equal(points(dragan, real, real * 0), points(dragan, real, real + 1))


@pytest.mark.parametrize("name", ["wgan_gp", "dragan"])
def test_seed_alone_decides(name):
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=[2, 8, 4, 4, 1]).astype("float32")
    penalty = PENALTIES.create(name)
    first = points(penalty, real, fake)
    np.testing.assert_array_equal(first, points(penalty, real, fake))
    assert not np.allclose(first, points(penalty, real, fake, seed=tf.constant([7, 12], tf.int32)))


def small_critic(dtype="float32"):
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.layers.Input([8, 8, 1]),
            keras.layers.Conv2D(4, 3, strides=2, activation="tanh", dtype=dtype),
            keras.layers.Flatten(),
            keras.layers.Dense(1, dtype=dtype),
        ]
    )


@pytest.mark.parametrize("spec", ALL)
@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiled_equals_eager(spec, jit_compile):
    penalty, critic = PENALTIES.create(spec), small_critic()
    rng = np.random.default_rng(0)
    real, fake = (tf.constant(images) for images in rng.normal(size=[2, 3, 8, 8, 1]).astype("float32"))

    def step(real, fake):
        with tf.GradientTape() as tape:
            total = tf.reduce_mean(penalty(critic, real, fake, seed=SEED))
        gradients = tape.gradient(total, critic.trainable_variables)
        return [total] + [gradient for gradient in gradients if gradient is not None]  # no slope knows the last bias

    expected = step(real, fake)
    shape = tf.TensorSpec([None, 8, 8, 1])  # unknown batch size
    compiled = tf.function(step, jit_compile=jit_compile, input_signature=[shape, shape])(real, fake)
    assert len(compiled) == len(expected) >= 4
    for value, other in zip(compiled, expected):
        np.testing.assert_allclose(value, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("spec", ["wgan_gp", "dragan", "r1"])
def test_no_gradient_is_no_nan(spec):
    scale = tf.Variable(0.0)
    real = tf.zeros([2, 4, 4, 1])
    with tf.GradientTape() as tape:
        values = PENALTIES.create(spec)(lambda images: scale * linear(1.0)(images), real, real, seed=SEED)
    np.testing.assert_allclose(values, [0.0 if spec == "r1" else 1.0] * 2, atol=1e-5)
    assert np.isfinite(tape.gradient(values, scale))


def test_points_in_the_plane():
    critic = lambda images: tf.reduce_sum(3.0 * images, axis=1)  # noqa: E731
    values = PENALTIES.create("wgan_gp")(critic, tf.zeros([5, 2]), tf.ones([5, 2]), seed=SEED)
    np.testing.assert_allclose(values, [(3 * 2**0.5 - 1) ** 2] * 5, rtol=1e-5)


def test_patch_maps_are_summed():
    images = tf.zeros([2, 4, 4, 1])
    np.testing.assert_allclose(squared_gradient_norms(lambda x: 2.0 * x, images), [64.0] * 2)


def test_half_precision_critic_keeps_small_gradients():
    weights = np.random.default_rng(0).normal(scale=1e-5, size=[16, 1])

    def critic(images):
        flat = tf.cast(tf.reshape(images, [-1, 16]), tf.float16)
        hidden = flat @ tf.cast(weights * 100, tf.float16)
        return hidden * tf.constant(0.01, tf.float16)

    values = squared_gradient_norms(critic, tf.zeros([2, 4, 4, 1]))
    expected = np.square(weights).sum()  # 1e-9: less than the smallest float16
    assert values.dtype == tf.float32
    np.testing.assert_allclose(values, [expected] * 2, rtol=0.01)


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("spec", ALL)
def test_mixed_precision_is_close_to_float32(spec, dtype):
    penalty = PENALTIES.create(spec)
    rng = np.random.default_rng(0)
    real, fake = (tf.constant(images) for images in rng.normal(size=[2, 3, 8, 8, 1]).astype("float32"))
    plain, mixed = small_critic(), small_critic(dtype)
    mixed.set_weights(plain.get_weights())
    values = penalty(mixed, real, fake, seed=SEED)
    assert values.dtype == tf.float32
    np.testing.assert_allclose(values, penalty(plain, real, fake, seed=SEED), rtol=0.05, atol=2e-3)


@pytest.mark.parity
@pytest.mark.parametrize("spec", ["wgan_gp", "wgan_gp:one_sided=true", "r1", "r2"])
def test_weight_gradients_equal_pytorch(spec):
    torch = pytest.importorskip("torch", reason="the parity extra is not installed")
    rng = np.random.default_rng(3)
    first, second = rng.normal(scale=0.35, size=[16, 6]).astype("float32"), rng.normal(size=[6, 1]).astype("float32")
    real, fake = rng.normal(size=[2, 12, 4, 4, 1]).astype("float32")
    penalty = PENALTIES.create(spec)
    at = points(penalty, real, fake) if "gp" in spec else {"r1": real, "r2": fake}[spec]

    variables = [tf.Variable(first), tf.Variable(second)]
    critic = lambda x: tf.tanh(tf.reshape(x, [-1, 16]) @ variables[0]) @ variables[1]  # noqa: E731
    with tf.GradientTape() as tape:
        values = penalty(critic, tf.constant(real), tf.constant(fake), seed=SEED)
        total = tf.reduce_mean(values)
    gradients = tape.gradient(total, variables)

    weights = [torch.tensor(w, requires_grad=True) for w in (first, second)]
    images = torch.tensor(at, requires_grad=True)
    logits = torch.tanh(images.reshape(-1, 16) @ weights[0]) @ weights[1]
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    norms = gradient.flatten(1).norm(dim=1)
    expected = {"wgan_gp": (norms - 1) ** 2, "wgan_gp:one_sided=true": (norms - 1).clamp(min=0) ** 2}.get(spec, norms**2 / 2)
    if "one_sided" in spec:
        assert (norms < 1).any() and (norms > 1).any()  # both branches
    expected.mean().backward()
    np.testing.assert_allclose(values, expected.detach().numpy(), rtol=1e-4, atol=1e-6)
    for ours, theirs in zip(gradients, weights):
        np.testing.assert_allclose(ours, theirs.grad.numpy(), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("spec", ALL)
def test_config_round_trip(spec):
    penalty = PENALTIES.create(spec, interval=4)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(penalty))
    assert type(copy) is type(penalty) and copy.get_config() == penalty.get_config()
    assert copy.interval == 4


@pytest.mark.parametrize(
    "spec, message",
    [
        ("r1:weight=-1", "weight should be 0 or more"),
        ("r1:interval=0", "interval should be a positive integer, not 0"),
        ("r1:interval=2.5", "interval should be a positive integer, not 2.5"),
        ("wgangp", "did you mean 'wgan_gp'"),
        ("wgan_gp:twosided=true", "no argument 'twosided'"),
    ],
)
def test_senseless_specs_are_refused_in_one_line(spec, message):
    with pytest.raises(UserError, match=message) as raised:
        PENALTIES.create(spec)
    assert "\n" not in str(raised.value)


def test_critic_without_images_is_refused():
    with pytest.raises(ValueError, match="do not depend on the images"):
        squared_gradient_norms(lambda images: tf.ones([2, 1]), tf.zeros([2, 4, 4, 1]))
