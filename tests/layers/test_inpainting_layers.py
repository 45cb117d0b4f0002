"""Gated convolutions, the smooth fill and pasting against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.layers.inpainting import GatedConv2D, KeepKnown, SmoothFill


def images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize("options", [{}, {"strides": 2}, {"dilation_rate": 2}], ids=str)
def test_gated_convolution(options):
    x = images(2, 8, 6, 3)
    layer = GatedConv2D(5, 3, **options)
    outputs = layer(x)
    both = np.asarray(
        tf.nn.convolution(x, layer.kernel, options.get("strides", 1), "SAME", dilations=options.get("dilation_rate", 1))
    )
    features, gates = both[..., :5], both[..., 5:]
    expected = np.where(features > 0, features, np.expm1(features)) / (1 + np.exp(-gates))
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    assert layer.compute_output_shape(x.shape) == outputs.shape
    assert GatedConv2D.from_config(layer.get_config()).get_config() == layer.get_config()


def test_known_pixels_stay_to_the_bit():
    picture, prediction = images(2, 4, 6, 3), images(2, 4, 6, 3)[:, ::-1]
    mask = np.random.default_rng(1).choice([-1.0, 1.0], size=(2, 4, 6, 1)).astype("float32")
    outputs = KeepKnown()(np.concatenate([picture, mask], -1), prediction)
    np.testing.assert_array_equal(outputs, np.where(mask > 0, prediction, picture))


def test_known_pixels_stay_in_half_precision():
    picture = images(1, 4, 4, 3)
    layer = KeepKnown(dtype="mixed_bfloat16")
    inputs = np.concatenate([picture, np.full([1, 4, 4, 1], -1, "float32")], -1)
    outputs = layer(inputs, tf.zeros([1, 4, 4, 3], tf.bfloat16))
    np.testing.assert_array_equal(outputs, picture)


def test_shapes_of_any_size():
    output = KeepKnown()(keras.Input((None, 8, 4)), keras.Input((None, 8, 3)))
    assert output.shape == (None, None, 8, 3)


def test_a_deep_stack_keeps_the_size_of_its_values():
    keras.utils.set_random_seed(4)
    x = images(4, 24, 24, 64)
    for number in range(12):
        x = GatedConv2D(64, 3)(x)
        assert 0.4 < float(np.sqrt(np.mean(np.square(x)))) < 2.5, number


# === Smooth fill ===


def push_pull(values, known, levels):
    """Gortler et al. 1996, section 3.5, by recursion, each level smoothed twice: float64 [h, w, c] and weights [h,
    w] of 0 to 1."""
    if not levels:
        return values * known[..., None]
    height, width = known.shape
    shape = -(-height // 2), -(-width // 2)
    low, low_known = np.zeros([*shape, values.shape[-1]]), np.zeros(shape)
    for row, column in np.ndindex(shape):
        block = np.s_[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        weights = known[block]
        if weights.sum() > 0:
            low[row, column] = np.average(values[block].reshape(-1, values.shape[-1]), axis=0, weights=weights.ravel())
            low_known[row, column] = min(4 * weights.mean(), 1)
    low = push_pull(low, low_known, levels - 1)

    def at(row, column):
        return low[np.clip(row, 0, shape[0] - 1), np.clip(column, 0, shape[1] - 1)]

    filled = np.empty_like(values)
    for row, column in np.ndindex(height, width):
        up, left = (row // 2 + (1 if row % 2 else -1)), (column // 2 + (1 if column % 2 else -1))
        behind = (9 * at(row // 2, column // 2) + 3 * at(up, column // 2) + 3 * at(row // 2, left) + at(up, left)) / 16
        filled[row, column] = behind

    def with_known(filled):
        return known[..., None] * values + (1 - known[..., None]) * filled

    def mean(filled):
        return np.stack(
            [
                [filled[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2].mean((0, 1)) for column in range(width)]
                for row in range(height)
            ]
        )

    return with_known(mean(with_known(mean(with_known(filled)))))


@pytest.mark.parametrize("height, width, levels", [(16, 16, 8), (13, 22, 3), (7, 1, 2)])
def test_smooth_fill_is_push_pull(height, width, levels):
    picture = images(1, height, width, 3)
    missing = np.random.default_rng(1).random((1, height, width, 1)) < 0.8
    layer = SmoothFill(levels)
    inputs = np.concatenate([picture, np.where(missing, 1.0, -1.0)], -1).astype("float32")
    filled = layer(inputs)
    expected = push_pull(picture[0].astype(float), 1.0 - missing[0, ..., 0], levels)
    np.testing.assert_allclose(filled[0], expected, atol=1e-5)
    np.testing.assert_array_equal(np.where(missing, 0, filled), np.where(missing, 0, picture))
    assert layer.compute_output_shape(inputs.shape) == filled.shape
    assert SmoothFill.from_config(layer.get_config()).get_config() == layer.get_config()


def test_smooth_fill_ends_at_its_last_level():
    """A hole of 64 pixels: two halvings leave its middle grey, eight do not."""
    inputs = np.full([1, 96, 96, 4], 0.5, "float32")
    inputs[..., 3] = -1
    inputs[:, 16:80, 16:80, 3] = 1
    assert np.asarray(SmoothFill(2)(inputs))[0, 48, 48, 0] == 0
    np.testing.assert_allclose(SmoothFill()(inputs), np.full([1, 96, 96, 3], 0.5), atol=1e-6)


def test_nothing_known_is_grey():
    np.testing.assert_array_equal(SmoothFill()(np.ones([1, 8, 8, 4], "float32")), np.zeros([1, 8, 8, 3]))
