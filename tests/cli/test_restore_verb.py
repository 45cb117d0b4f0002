"""`keras-gans restore`: enlarging, colouring, filling holes; masks and messages."""

import keras
import numpy as np
import pytest
from PIL import Image

from keras_gans.cli import main
from keras_gans.trained.trained import Trained


def enlarging():
    image = keras.Input((None, None, 3))
    model = keras.Model(image, keras.layers.UpSampling2D(2, interpolation="nearest")(image))
    model.scale = 2
    return model


def coloring():
    image = keras.Input((None, None, 1))
    return keras.Model(image, keras.layers.Concatenate()([image, image, image]))


def filling():
    """Fills holes with white."""
    image = keras.Input((None, None, 4))
    return keras.Model(image, keras.layers.Conv2D(3, 1, kernel_initializer="zeros", bias_initializer="ones")(image))


def opened(degrade, network):
    """A run with this --degrade and generator."""
    return Trained.of(network, record={"recipe": {"degrade": degrade}})


@pytest.fixture
def trained(monkeypatch):
    def use(degrade, network):
        monkeypatch.setattr(Trained, "open", lambda directory, checkpoint: opened(degrade, network))

    return use


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for seed, name in enumerate("ab"):
        noise = np.random.default_rng(seed).integers(0, 250, (30, 40 + seed, 3), np.uint8)
        Image.fromarray(noise).save(folder / f"{name}.png")
    return folder


def restore(source, out, *flags):
    return main(["restore", "--run=runs/any", f"--input={source}", f"--out={out}", *flags])


def pixels(path):
    return np.asarray(Image.open(path))


def test_super_resolution_enlarges(trained, photos, tmp_path):
    trained("downscale2", enlarging())
    assert restore(photos, tmp_path / "out") == 0
    for name in ("a.png", "b.png"):
        expected = np.repeat(np.repeat(pixels(photos / name), 2, 0), 2, 1)
        np.testing.assert_array_equal(pixels(tmp_path / "out" / name), expected)


def test_coloring_takes_the_grey_picture(trained, photos, tmp_path):
    trained("gray", coloring())
    assert restore(photos / "a.png", tmp_path / "out") == 0
    grey = np.asarray(Image.open(photos / "a.png").convert("L"))
    np.testing.assert_array_equal(pixels(tmp_path / "out/a.png"), np.stack([grey] * 3, -1))


def test_holes_are_filled_and_the_rest_stays(trained, photos, tmp_path, capsys):
    trained("mask", filling())
    mask = np.zeros((30, 40), np.uint8)
    mask[5:9, 3:30] = 255
    (tmp_path / "masks").mkdir()
    Image.fromarray(mask).save(tmp_path / "masks/a.bmp")
    Image.fromarray(mask).save(tmp_path / "masks/b.bmp")
    expected = np.where(mask[..., None] > 0, 255, pixels(photos / "a.png"))
    assert restore(photos / "a.png", tmp_path / "out", f"--mask={tmp_path / 'masks/a.bmp'}") == 0
    np.testing.assert_array_equal(pixels(tmp_path / "out/a.png"), expected)
    # b.png is one pixel wider than its mask.
    capsys.readouterr()
    assert restore(photos, tmp_path / "all", f"--mask={tmp_path / 'masks'}") == 1
    assert [path.name for path in (tmp_path / "all").iterdir()] == ["a.png"]
    lines = [line for line in capsys.readouterr().err.splitlines() if "b.png" in line]
    assert lines == [
        f"passed over {photos / 'b.png'}: its mask {tmp_path / 'masks/b.bmp'} has 40x30 pixels, the "
        "picture 41x30; they must have the same size"
    ]


@pytest.mark.parametrize(
    "degrade, network, flags, message",
    [
        ("mask", filling, [], "--mask is missing: runs/any (--degrade=mask) fills holes"),
        ("mask", filling, ["--mask=none.png"], "--mask=none.png does not exist"),
        ("mask", filling, ["--mask={photos}/b.png"], "b.png has 41x30 pixels, the picture 40x30; they must"),
        ("gray", coloring, ["--mask={photos}/a.png"], "(--degrade=gray) fills no holes; leave the flag out"),
        (None, coloring, [], "was trained without --degrade and repairs nothing; use keras-gans translate"),
    ],
)
def test_mistakes_are_one_line(trained, photos, tmp_path, capsys, degrade, network, flags, message):
    trained(degrade, network())
    assert restore(photos / "a.png", tmp_path / "out", *(flag.format(photos=photos) for flag in flags)) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and message in errors[0], errors
    assert not list((tmp_path / "out").glob("*"))
