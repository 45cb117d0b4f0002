"""Recipes of runs that older versions made, in the terms of today."""

import pytest

from keras_gans import flags
from keras_gans.errors import UserError
from keras_gans.trained.folder import Folder, translated


def test_a_run_from_before_a_flag_has_its_default_and_is_resumed(tmp_path):
    """A run of 0.1.0 knows no --resize; that flag's default is what it did."""
    now = dict(flags.defaults())
    before = {name: value for name, value in now.items() if name not in ("resize", "fit", "rotate")}
    folder = Folder(tmp_path)
    folder.write_record(recipe=before | {"seed": 3}, data={"image_shape": [8, 8, 1]})
    folder = Folder(tmp_path)
    assert folder.recipe == now | {"seed": 3}
    folder.refuse_other_recipe(now | {"seed": 3})
    with pytest.raises(UserError, match=r"another recipe: --resize=bicubic \(was lanczos\); take"):
        folder.refuse_other_recipe(now | {"seed": 3, "resize": "bicubic"})


def test_losses_of_old_translating_runs_count_as_they_did():
    """Up to 0.1.0 CycleGAN and CUT counted any loss of G twice and of D once, which is right for least squares alone."""
    old = {"game": "cut:nce_weight=1", "loss": "non_saturating"}
    assert translated(old)["game"] == "cut:nce_weight=1,adversarial_weight=2,discriminator_weight=1"
    assert (
        translated({"game": "cyclegan", "loss": "hinge"})["game"] == "cyclegan:adversarial_weight=2,discriminator_weight=1"
    )
    old["game"] = "cut:adversarial_weight=3"
    assert translated(old)["game"] == "cut:adversarial_weight=3,discriminator_weight=1"
    for same in ({"loss": "least_squares"}, {"share_reals": True}, {"game": "gan"}):
        assert translated(old | same)["game"] == (old | same)["game"]
