"""Every kind of picture as the commands read it, against what it was made of; colour profiles against littleCMS."""

import numpy as np
import picture_cases
import pytest

from keras_gans.data import images, profiles

CASES = picture_cases.cases()


@pytest.mark.parametrize("name", CASES)
def test_kinds_of_pictures(name):
    case = CASES[name]
    pixels = images.decode(case.data, None, 3)
    assert pixels.shape == case.shows.shape
    assert np.abs(pixels.astype(int) - case.shows).max() <= 1


def test_profiles_change_what_they_should():
    """The cases differ from one another, so that a profile that is not applied is seen."""
    plain = CASES["png"].shows.astype(int)
    changes = {name: np.abs(CASES[f"png, profile: {name}"].shows - plain).max() for name in picture_cases.PROFILES}
    assert {name for name, change in changes.items() if change <= 1} == {"srgb", "little cms's srgb"}
    assert min(change for change in changes.values() if change > 1) > 20


@pytest.mark.parametrize("name", ["srgb", "little cms's srgb"])
def test_pixels_of_srgb_stay_bit_for_bit(name):
    np.testing.assert_array_equal(images.decode(CASES[f"png, profile: {name}"].data, None, 3), CASES["png"].shows)


def test_a_profile_that_cannot_be_used_is_said_once(capsys, monkeypatch):
    monkeypatch.setattr(profiles, "_said", set())
    for _ in range(2):
        images.decode(CASES["png, damaged profile"].data, None, 3)
        images.decode(CASES["png, profile of another space"].data, None, 3)
    said = "a colour profile is left out, the picture taken for sRGB (said once): "
    assert capsys.readouterr().err.splitlines() == [
        f"{said}it is damaged, or none that littleCMS can use",
        f"{said}a profile of GRAY does not fit a picture of RGB",
    ]


def test_large_profiles_are_left_out(capsys, monkeypatch):
    monkeypatch.setattr(profiles, "_said", set())
    monkeypatch.setattr(profiles, "PROFILE_BYTES", 100)
    icc = picture_cases.PROFILES["red and blue swapped"]
    profiles._transform.cache_clear()
    np.testing.assert_array_equal(
        images.decode(CASES["png, profile: red and blue swapped"].data, None, 3), CASES["png"].shows
    )
    assert f"(said once): {len(icc)} bytes are more than 100" in capsys.readouterr().err


def test_layers_keep_colours_and_alpha_apart():
    rgba = picture_cases.smooth().copy()
    rgba[:3, :, 3] = 0
    icc = picture_cases.PROFILES["red and blue swapped"]
    for data, colors in (
        (picture_cases.saved(rgba, "PNG"), rgba[..., :3]),
        (picture_cases.saved(rgba, "PNG", icc_profile=icc), CASES["png, profile: red and blue swapped"].shows),
    ):
        made, alpha = images.layers(data)
        np.testing.assert_array_equal(alpha, rgba[..., 3])
        assert (made[:3] == 255).all() and np.abs(made[3:].astype(int) - colors[3:])[alpha[3:] > 0].max() <= 1
    made, alpha = images.layers(CASES["jpeg, orientation 6"].data)
    assert alpha is None
    np.testing.assert_array_equal(made, CASES["jpeg, orientation 6"].shows)
