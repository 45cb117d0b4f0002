import numpy as np
import pytest

from keras_gans.errors import UserError
from keras_gans.metrics.flicker import flicker

PHOTOGRAPH = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype("uint8")


def test_what_goes_with_the_picture_does_not_flicker():
    assert flicker(lambda frame: frame, PHOTOGRAPH, 16) == 0
    assert flicker(lambda frame: 255 - frame, PHOTOGRAPH, 16) == 0


def test_a_pattern_that_stays_with_the_frame_flickers():
    pattern = np.zeros((16, 16, 1), "uint8")
    pattern[::2] = 10
    dark = np.zeros_like(PHOTOGRAPH)
    assert flicker(lambda frame: frame + pattern, dark, 16, step=1) == 10  # each row against its neighbour
    assert flicker(lambda frame: frame + pattern, dark, 16, step=2) == 0


def test_a_small_photograph_is_refused():
    with pytest.raises(UserError, match="at least 41 pixels a side, not 50x40"):
        flicker(lambda frame: frame, PHOTOGRAPH, 20, step=3, frames=8)
