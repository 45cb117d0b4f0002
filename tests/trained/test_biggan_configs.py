"""BigGAN's published presets: the flagfiles against the arguments of the two scripts and the parser's defaults."""

import helpers
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import cli, registry
from keras_gans.errors import UserError
from keras_gans.networks.biggan import BigGANGenerator
from keras_gans.registry import DISCRIMINATORS, GENERATORS, parse_spec
from keras_gans.runs import training
from keras_gans.trained import recipes

# ajbrock/BigGAN-PyTorch at 9845943: what each script gives, beside `utils.prepare_parser`'s defaults for what it does not.
DEFAULTS = {
    "G_shared": False,
    "shared_dim": 0,
    "dim_z": 128,
    "hier": False,
    "G_attn": 64,
    "D_attn": 64,
    "G_ch": 64,
    "D_ch": 64,
    "B1": 0.0,
    "B2": 0.999,
    "BN_eps": 1e-5,
    "SN_eps": 1e-8,
    "adam_eps": 1e-8,
    "num_epochs": 100,
    "ema_decay": 0.9999,
    "G_ortho": 0.0,
    "D_ortho": 0.0,
    "augment": False,
}
SCRIPTS = {
    "biggan_cifar10": DEFAULTS
    | {"batch_size": 50, "accumulations": 1, "num_epochs": 500, "num_D_steps": 4, "G_lr": 2e-4, "D_lr": 2e-4}
    | {"G_attn": 0, "D_attn": 0, "init": "normal", "ema_start": 1000, "size": 32, "images": 50_000},
    "biggan_128": DEFAULTS
    | {"batch_size": 256, "accumulations": 8, "num_D_steps": 1, "G_lr": 1e-4, "D_lr": 4e-4, "SN_eps": 1e-6}
    | {"adam_eps": 1e-6, "G_shared": True, "hier": True, "dim_z": 120, "shared_dim": 128, "G_ch": 96, "D_ch": 96}
    | {"init": "orthogonal", "ema_start": 20_000, "size": 128, "images": 1_281_167},
}


def chosen(name, *words):
    flags = cli.parse("train", [f"--flagfile={helpers.ROOT}/configs/{name}.flags", *words])
    return {flag: flags[flag].value for flag in flags}


@pytest.mark.parametrize("name", SCRIPTS)
def test_flags_are_the_script_s(name):
    recipe, script = chosen(name), SCRIPTS[name]
    assert recipe["batch_size"] == script["batch_size"] * script["accumulations"]
    assert recipe.get("accumulate", script["accumulations"]) == script["accumulations"]
    assert recipe["image_size"] == script["size"] and recipe["channels"] == 3
    assert recipe["latent_dim"] == script["dim_z"] and recipe["latent"] == "normal"
    assert recipe["loss"] == "hinge" and recipe["n_critic"] == script["num_D_steps"]
    # Fakes of each turn are drawn anew, with classes drawn evenly; reals are the turn's own.
    assert recipe["conditional"] and recipe["draw_labels"] and not recipe["share_fakes"]
    assert recipe["learning_rate"] == script["G_lr"] and recipe["schedule"] == "constant"
    assert (recipe["discriminator_learning_rate"] or recipe["learning_rate"]) == script["D_lr"]
    assert parse_spec(recipe["optimizer"]) == (
        "adam",
        {"beta_1": script["B1"], "beta_2": script["B2"], "epsilon": script["adam_eps"], "epsilon_hat": False},
    )
    assert not recipe["penalty"] and not script["G_ortho"] and not script["D_ortho"]
    assert recipe["augment"] == "none" and recipe["flip"] == script["augment"]
    # Generator steps: an epoch's images over those that a step takes.
    steps = script["images"] * script["num_epochs"] / (recipe["batch_size"] * script["num_D_steps"])
    assert recipe["kimg"] == pytest.approx(steps * recipe["batch_size"] / 1000, rel=1e-5)


@pytest.mark.parametrize("name", SCRIPTS)
def test_networks_are_the_script_s(name):
    recipe, script = chosen(name), SCRIPTS[name]
    kind, generator = parse_spec(recipe["generator"])
    both = {"attention": script["G_attn"], "init": script["init"], "spectral_epsilon": script["SN_eps"]}
    assert kind == "biggan" and generator == both | {"width": script["G_ch"]} | (
        {"hierarchical": True, "shared_dim": script["shared_dim"]} if script["hier"] else {}
    )
    assert registry.parameters(BigGANGenerator)["norm_epsilon"] == script["BN_eps"]
    assert script["G_attn"] == script["D_attn"] and script["hier"] == script["G_shared"]
    assert parse_spec(recipe["discriminator"]) == ("biggan", both | {"width": script["D_ch"]})


@pytest.mark.parametrize("name", SCRIPTS)
def test_moving_average_starts_when_the_script_s_does(name):
    """`ema.update`: a copy while the iteration, counted from 1, is below ema_start; then ema_decay a step."""
    networks = [f"--{player}=biggan:width=2" for player in ("generator", "discriminator")]
    recipe, script = chosen(name, *networks, "--image_size=32"), SCRIPTS[name]
    game = recipes.build_game(recipe, (32, 32, 3), 2)
    for iteration, keep in ((1, 0), (script["ema_start"] - 1, 0), (script["ema_start"], 0.9999), (10**6, 0.9999)):
        game.step.assign(iteration - 1)
        before = game.ema.get_weights()
        for weight in game.generator.trainable_weights:
            weight.assign_add(tf.ones_like(weight))
        game.finish_step({"generator_loss": 0.0, "discriminator_loss": 0.0} | NORMS, recipe["batch_size"])
        for weight, old, now in zip(game.generator.weights, before, game.ema.weights, strict=True):
            if weight.trainable:
                expected = weight + keep * (old - weight)
                np.testing.assert_allclose(now, expected, rtol=0, atol=3e-6 * max(1, np.abs(expected).max()))


NORMS = {"generator_gradient_norm": 0.0, "discriminator_gradient_norm": 0.0}


def test_what_biggan_cannot_make_is_refused_in_one_line(tmp_path):
    from PIL import Image

    known = {"image_size": 32, "channels": 3, "latent_dim": 8, "num_classes": 3}
    for kind in (GENERATORS, DISCRIMINATORS):
        for spec, changes, says in (
            ("biggan", {"image_size": 96}, "image_size must be one of 32, 64, 128, 256, not 96"),
            (
                "biggan",
                {"num_classes": 0},
                "labelled images .class subfolders, with --conditional., and there are no classes",
            ),
            ("biggan:attention=12", {}, "attention must be 0 or one of 8, 16.*, not 12"),
            ("biggan:init=he", {}, "init must be one of normal, orthogonal, not he"),
        ):
            with pytest.raises(UserError, match=f"^[^\n]*{says}$"):
                kind.create(spec, **known | changes)
    with pytest.raises(UserError, match="^[^\n]*latent_dim must be a multiple of 4, the parts of a latent, not 9$"):
        GENERATORS.create("biggan:hierarchical=true,shared_dim=4", **known | {"latent_dim": 9})
    with pytest.raises(UserError, match="^[^\n]*stand beside a shared embedding: give shared_dim too$"):
        GENERATORS.create("biggan:hierarchical=true", **known)
    for index in range(3):
        Image.new("RGB", (32, 32), (80 * index,) * 3).save(tmp_path / f"{index}.png")
    recipe = chosen("biggan_cifar10", f"--data=folder:{tmp_path}", f"--run_dir={tmp_path / 'run'}")
    with pytest.raises(UserError, match="^--conditional needs labels[^\n]*class subfolders[^\n]*$"):
        training.train(recipe)
    assert not (tmp_path / "run").exists()
