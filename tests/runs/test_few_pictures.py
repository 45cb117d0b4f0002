"""A folder with few pictures is told at the start of a run; scores by what a run was trained on are known."""

import re
import types

import pytest

from keras_gans import cli
from keras_gans.runs import checks
from keras_gans.trained import recipes


def recipe(*words):
    flags = cli.parse("train", list(words))
    return {name: flags[name].value for name in flags}


@pytest.mark.parametrize(
    "count, words, told",
    [
        (99, ["--data=folder:a"], "has 99 pictures, fewer than 100:.* --augment=diffaugment, or the recipes fastgan and"),
        (99, ["--data=folder:a", "--augment=diffaugment:policy=color"], "has 99 .*--augment=diffaugment helps against"),
        (100, ["--data=folder:a"], None),
        (99, ["--data=embedded:fashion"], None),
        (99, ["--data=paired:a:b", "--game=pix2pix", "--generator=unet"], None),
        (99, ["--data=folder:a", "--degrade=downscale4", "--game=supervised", "--generator=srresnet"], None),
    ],
)
def test_few_pictures(count, words, told):
    source = types.SimpleNamespace(count=count - 9, left=9)
    warning = checks.few_pictures(recipe(*words), source)
    if told is None:
        assert warning is None
    else:
        assert warning == warning.splitlines()[0]
        assert re.search(told, warning)


def test_what_a_run_was_trained_on():
    assert recipes.trained_on(recipe("--discriminator=projected:feature_size=112")) == "efficientnet_lite0"
    assert recipes.trained_on(recipe("--discriminator=dcgan")) is None
    assert recipes.trained_on({"discriminator": "none"}) is None  # of an import without one
