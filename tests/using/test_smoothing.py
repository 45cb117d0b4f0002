"""Smoothing over time: what stays is blended, what changes is not, and a pan is followed."""

import numpy as np
import pytest

from keras_gans.using import smoothing
from keras_gans.using.smoothing import Smoother


def noise(*shape, seed=0, low=0, high=256):
    return np.random.default_rng(seed).integers(low, high, shape).astype(np.uint8)


def texture(height, width):
    """A picture in which every place looks different, without noise at single pixels."""
    from scipy import ndimage

    soft = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=(height, width, 3)), (2, 2, 0))
    return (128 + 40 * soft / soft.std()).clip(0, 255).astype(np.uint8)


def test_strength_0_changes_nothing():
    smoother = Smoother(0)
    for seed in range(3):
        output = noise(8, 9, 1, seed=seed)
        np.testing.assert_array_equal(smoother(noise(8, 9, 3), output), output)
    for strength in (-0.1, 1.0):
        with pytest.raises(ValueError, match="from 0 to below 1"):
            Smoother(strength)


@pytest.mark.parametrize("strength", [0.5, 0.8])
def test_noise_on_a_still_picture_falls_as_promised(strength):
    still, random, smoother, made = texture(32, 40), np.random.default_rng(0), Smoother(strength), []
    for _ in range(60):
        output = (128 + random.normal(0, 20, (32, 40, 3))).clip(0, 255).round().astype(np.uint8)
        made.append(smoother(still, output).astype(float))
    measured = np.std(made[20:]) / 20
    assert abs(measured / np.sqrt((1 - strength) / (1 + strength)) - 1) < 0.06
    assert abs(np.mean(made) - 128) < 0.5


def test_what_changes_is_as_plain_and_what_stays_is_blended():
    still, smoother = np.full((40, 60, 3), 90, np.uint8), Smoother(0.8)
    first, moved = still.copy(), still.copy()
    first[10:30, 5:20], moved[10:30, 40:55] = 220, 220  # an object jumps to the right
    smoother(first, first)
    output = moved // 2  # another output everywhere
    made = smoother(moved, output).astype(int)
    np.testing.assert_array_equal(made[12:28, 7:18], output[12:28, 7:18])  # where it was
    np.testing.assert_array_equal(made[12:28, 42:53], output[12:28, 42:53])  # where it is
    assert np.all(np.abs(made[:5] - (0.8 * 90 + 0.2 * 45)) <= 1)


def test_a_slow_change_is_followed_within_the_gate():
    smoother, lag = Smoother(0.95), []
    for level in range(60, 160):
        frame = np.full((16, 16, 3), level, np.uint8)
        lag.append(level - smoother(frame, frame).mean())
    assert 0.5 < max(lag) < 2 * smoothing._WIDTH
    jump = np.full((16, 16, 3), 250, np.uint8)
    np.testing.assert_array_equal(smoother(jump, jump), jump)


@pytest.mark.parametrize("shift", [(3, -5), (0, 7), (-4, 0)])
def test_pan_is_followed_at_every_size_of_the_output(shift):
    whole = texture(120, 130)
    windows = [whole[40 - shift[0] * k :, 40 - shift[1] * k :][:64, :72] for k in (0, 1)]
    assert smoothing._shift(*windows) == shift
    smoother = Smoother(0.9)
    flash = [np.repeat(np.repeat(window[..., :1] // 2 + bright, 2, 0), 2, 1) for window, bright in zip(windows, (0, 40))]
    smoother(windows[0], flash[0])
    made = smoother(windows[1], flash[1]).astype(float)
    inner = np.s_[30:-30, 30:-30]
    blended = 0.9 * (flash[1].astype(float) - 40) + 0.1 * flash[1]
    assert np.abs(made - blended)[inner].max() <= 1
    down, right = shift
    if down > 0:
        np.testing.assert_array_equal(made[: 2 * down - 1], flash[1][: 2 * down - 1])  # was not in the picture


def test_a_cut_and_another_size_start_anew():
    smoother = Smoother(0.9)
    smoother(texture(32, 40), noise(32, 40, 3))
    other = noise(32, 40, 3, seed=5)
    assert smoothing._shift(texture(32, 40), other) == (0, 0)
    assert np.abs(smoother(other, other).astype(int) - other).max() <= 1
    larger = noise(48, 40, 3)
    np.testing.assert_array_equal(smoother(larger, larger), larger)
