"""The terms of style transfer against NumPy and hand values."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans.losses import style

RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.normal(1.0, 2.0, (2, 5, 4, 3)).astype("float32")
OTHERS = RANDOM.normal(0.0, 1.0, (2, 5, 4, 3)).astype("float32")


def moments_reference(features, epsilon):
    features = features.astype("float64")
    return np.concatenate([features.mean((1, 2)), np.sqrt(features.var((1, 2)) + epsilon)], 1)


def gram_reference(features):
    features = features.astype("float64")
    return np.einsum("nhwc,nhwd->ncd", features, features) / (features.shape[1] * features.shape[2])


def test_content_loss():
    expected = ((FEATURES.astype("float64") - OTHERS) ** 2).mean((1, 2, 3))
    np.testing.assert_allclose(style.content_loss(FEATURES, OTHERS), expected, rtol=1e-5)


def test_gram():
    np.testing.assert_allclose(style.gram(FEATURES), gram_reference(FEATURES), rtol=1e-5)
    expected = ((gram_reference(FEATURES) - gram_reference(OTHERS)) ** 2).mean((1, 2))
    np.testing.assert_allclose(style.gram_loss(style.gram(FEATURES), style.gram(OTHERS)), expected, rtol=1e-4)


def test_gram_by_hand():
    features = np.array([[[[1.0, 2.0], [3.0, 0.0]]]], "float32")  # two positions, two channels
    np.testing.assert_allclose(style.gram(features), [[[5.0, 1.0], [1.0, 2.0]]])
    assert style.gram_loss(style.gram(features), np.zeros((1, 2, 2)))[0] == (25 + 1 + 1 + 4) / 4


def test_moments():
    for epsilon in (0.0, 1e-6, 0.5):
        np.testing.assert_allclose(style.moments(FEATURES, epsilon), moments_reference(FEATURES, epsilon), rtol=1e-5)
    difference = moments_reference(FEATURES, 1e-6) - moments_reference(OTHERS, 0.0)
    loss = style.moments_loss(style.moments(FEATURES), style.moments(OTHERS, 0.0))
    np.testing.assert_allclose(loss, (difference**2).sum(1), rtol=1e-5)


def test_neither_statistic_knows_positions():
    shuffled = FEATURES.reshape(2, 20, 3)[:, RANDOM.permutation(20)].reshape(FEATURES.shape)
    np.testing.assert_allclose(style.gram(shuffled), style.gram(FEATURES), rtol=1e-5)
    np.testing.assert_allclose(style.moments(shuffled), style.moments(FEATURES), rtol=1e-5)
    assert style.content_loss(shuffled, FEATURES)[0] > 1


def test_a_constant_channel_has_a_finite_gradient():
    features = tf.ones((1, 3, 3, 2))
    with tf.GradientTape() as tape:
        tape.watch(features)
        loss = style.moments_loss(style.moments(features), tf.zeros((1, 4)))
    assert np.isfinite(tape.gradient(loss, features)).all()


@pytest.mark.parametrize("statistic, loss", [(style.gram, style.gram_loss), (style.moments, style.moments_loss)])
def test_gradients_against_differences(statistic, loss):
    targets = statistic(OTHERS)
    features = tf.constant(FEATURES)
    with tf.GradientTape() as tape:
        tape.watch(features)
        value = loss(statistic(features), targets)
    gradient = tape.gradient(value, features).numpy()
    direction = RANDOM.normal(size=FEATURES.shape).astype("float32")
    ahead, behind = (loss(statistic(FEATURES + sign * 1e-2 * direction), targets) for sign in (1, -1))
    slope = float(tf.reduce_sum(ahead - behind)) / 2e-2
    np.testing.assert_allclose((gradient * direction).sum(), slope, rtol=1e-2)


def test_total_variation():
    image = np.zeros((1, 3, 3, 1), "float32")
    image[0, 1, 1] = 1  # two of the six steps down, and two of the six across
    np.testing.assert_allclose(style.total_variation(image), [2 / 6 + 2 / 6])
    np.testing.assert_allclose(style.total_variation(np.full((2, 4, 5, 3), 0.7, "float32")), [0, 0], atol=1e-12)


def test_shift_loss_compares_where_both_show_the_same():
    whole = RANDOM.normal(size=(1, 9, 9, 3)).astype("float32")
    images, shifted = whole[:, :6, :6], whole[:, 2:8, 3:9]
    np.testing.assert_array_equal(style.shift_loss(images, shifted, 2, 3, 3), [0])
    assert style.shift_loss(images, shifted, 3, 2, 3)[0] > 0.1
    np.testing.assert_allclose(style.shift_loss(images, images + 0.5, 0, 0, 2), [0.25], rtol=1e-5)
    # of 3x3 pixels one differs, by 1 in one of three channels
    shifted = shifted.copy()
    shifted[0, 1, 0, 0] += 1  # what pixel (3, 3) shows
    np.testing.assert_allclose(style.shift_loss(images, shifted, 2, 3, 3), [1 / 27], rtol=1e-5)


@pytest.mark.parity
def test_as_written_with_pytorch():
    """Huang & Belongie's style loss, as their criteria state it: squared errors summed over channels, means over images."""
    torch = pytest.importorskip("torch", reason="the parity extra is not installed")
    x = torch.tensor(FEATURES.transpose(0, 3, 1, 2).copy(), requires_grad=True)
    y = torch.tensor(OTHERS.transpose(0, 3, 1, 2).copy())
    deviation = torch.sqrt(x.var((2, 3), unbiased=False) + 1e-6)
    criterion = torch.nn.MSELoss(reduction="sum")
    expected = (criterion(x.mean((2, 3)), y.mean((2, 3))) + criterion(deviation, y.std((2, 3), unbiased=False))) / 2
    expected.backward()
    features = tf.constant(FEATURES)
    with tf.GradientTape() as tape:
        tape.watch(features)
        loss = tf.reduce_mean(style.moments_loss(style.moments(features), style.moments(OTHERS, 0.0)))
    np.testing.assert_allclose(loss, expected.detach().numpy(), rtol=1e-5)
    np.testing.assert_allclose(tape.gradient(loss, features), x.grad.numpy().transpose(0, 2, 3, 1), rtol=1e-4, atol=1e-6)
