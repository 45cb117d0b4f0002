"""Masks by name."""

import numpy as np
import pytest
from PIL import Image

from keras_gans.data.images import BadImage
from keras_gans.errors import UserError
from keras_gans.using.masks import Masks


def test_one_mask_or_one_for_each(tmp_path):
    for name, level in (("a.png", 10), ("deep/a.bmp", 200)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (7, 5), level).save(tmp_path / name)
    one, each = Masks(tmp_path / "a.png"), Masks(tmp_path)
    assert np.all(one.read("whatever.jpg", (5, 7, 3)) == 10)
    assert np.all(each.read("a.jpg", (5, 7, 3)) == 10)
    assert np.all(each.read("deep/a.gif", (5, 7, 3)) == 200)
    with pytest.raises(BadImage, match=r"no mask b\.\* in"):
        each.read("b.png", (5, 7, 3))
    with pytest.raises(BadImage, match="a.png has 7x5 pixels, the picture 8x5; they must have the same size"):
        one.read("a.png", (5, 8, 3))
    (tmp_path / "bad.png").write_bytes(b"bad")
    with pytest.raises(BadImage, match="its mask .*bad.png is unreadable"):
        Masks(tmp_path).read("bad.jpg", (5, 7, 3))


def test_nothing_there(tmp_path):
    with pytest.raises(UserError, match="does not exist; name a black and white picture"):
        Masks(tmp_path / "none")
    with pytest.raises(UserError, match="no pictures in --mask"):
        Masks(tmp_path)
