"""R3GAN's published presets: the flagfiles against the numbers of train.py and of the README's commands."""

import helpers
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import cli
from keras_gans.registry import DISCRIMINATORS, GENERATORS, parse_spec
from keras_gans.trained import recipes

# brownvc/R3GAN at 19a7ddf: preset -> (base, final) of each scheduler over 2e7 images; --batch, --cond and --mirror of the
# README's command; the widths from 4x4 on and the cardinalities.
DECAY_KIMG = 2e7 / 1000
PRESETS = {
    "r3gan_cifar10": {
        "lr": (2e-4, 5e-5),
        "gamma": (0.05, 0.005),
        "beta2": (0.9, 0.99),
        "ema_kimg": (0, 5000),
        "aug": (0, 0.55),
        "batch": 512,
        "cond": True,
        "size": 32,
        "widths": [3 * x // 4 for x in (1024, 1024, 1024, 1024)],
        "cardinality": [3 * x for x in (32, 32, 32, 32)],
    },
    "r3gan_ffhq64": {
        "lr": (2e-4, 5e-5),
        "gamma": (2, 0.2),
        "beta2": (0.9, 0.99),
        "ema_kimg": (0, 500),
        "aug": (0, 0.3),
        "batch": 256,
        "cond": False,
        "size": 64,
        "widths": [3 * x // 4 for x in (1024, 1024, 1024, 1024, 512)],
        "cardinality": [3 * x for x in (32, 32, 32, 32, 16)],
    },
}


def chosen(name, *words):
    flags = cli.parse("train", [f"--flagfile={helpers.ROOT}/configs/{name}.flags", *words])
    return {flag: flags[flag].value for flag in flags}


@pytest.mark.parametrize("name", PRESETS)
def test_flags_are_the_presets(name):
    recipe, preset = chosen(name), PRESETS[name]
    assert (recipe["batch_size"], recipe["conditional"], recipe["image_size"]) == (
        preset["batch"],
        preset["cond"],
        preset["size"],
    )
    assert recipe["kimg"] == 10_000_000 and recipe["flip"] and recipe["latent_dim"] == 64 and recipe["n_critic"] == 1
    assert not recipe["share_reals"] and not recipe["share_fakes"] and recipe["latent"] == "normal"
    assert recipe["loss"] == "relativistic_paired" and recipe["discriminator_learning_rate"] is None
    kind, adam = parse_spec(recipe["optimizer"])
    assert (kind, adam["beta_1"], adam["epsilon"], adam["epsilon_hat"]) == ("adam", 0, 1e-8, False)
    for spec in (recipe["generator"], recipe["discriminator"]):
        kind, network = parse_spec(spec)
        assert kind == "r3gan" and network["width"] == preset["widths"][0] and network["blocks"] == 2
        # Groups of the 3x3 convolutions, which are twice as wide as the block (ExpansionFactor 2).
        assert {2 * width // groups for width, groups in zip(preset["widths"], preset["cardinality"])} == {
            network["group_size"]
        }
    pipe = parse_spec(recipe["augment"])[1]
    assert (pipe["pipe"], pipe["color_p"], pipe["adaptive"]) == ("bgc+cutout", 0.5, False)


@pytest.mark.parametrize("name", PRESETS)
def test_curves_are_the_presets_schedulers(name):
    """At the start, at a quarter, at half, at the end and beyond, as `cosine_decay_with_warmup` computes them."""
    narrow = ["--generator=r3gan:width=16,blocks=1", "--discriminator=r3gan:width=16,blocks=1"]
    recipe, preset = chosen(name, *narrow), PRESETS[name]
    game = recipes.build_game(recipe, (preset["size"], preset["size"], 3), 10 if preset["cond"] else 0)
    assert game.augment.transforms == (
        *("xflip", "rotate90", "xint", "scale", "rotate", "aniso", "xfrac"),
        *("brightness", "contrast", "lumaflip", "hue", "saturation", "cutout"),
    )
    known = {"learning_rate": "lr", "r1_weight": "gamma", "r2_weight": "gamma", "adam_beta_2": "beta2"}
    known |= {"ema_kimg": "ema_kimg", "ada_p": "aug"}
    assert set(game.clock.curves) == set(known)
    for curve, key in known.items():
        base, final = preset[key]
        for part in (0, 0.25, 0.5, 1, 3):
            decay = 0.5 * (1 + np.cos(np.pi * min(part, 1)))
            value = float(game.clock.curves[curve].at(tf.constant(part * DECAY_KIMG, tf.float32)))
            assert value == pytest.approx(base + (1 - decay) * (final - base), rel=1e-4, abs=1e-7), curve


def test_published_networks_have_the_widths_of_the_preset():
    """The 64x64 pair at a quarter of the width: half as wide at 64 pixels as below."""
    for registry in (GENERATORS, DISCRIMINATORS):
        network = registry.create("r3gan:width=192,blocks=1,group_size=16", image_size=64, channels=3, latent_dim=64)
        widths = [layer.kernel.shape[-1] for layer in network.layers if layer.name.endswith("_0_reduce")]
        assert sorted(widths) == [96, 192, 192, 192, 192], widths
