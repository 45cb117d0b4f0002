"""CycleGAN against the authors' step written out in PyTorch, and what a game promises."""

import keras
import numpy as np
import pytest
import run_cases
import tensorflow as tf

from keras_gans import randomness
from keras_gans.errors import UserError
from keras_gans.games.cyclegan import CycleGAN
from keras_gans.losses.adversarial import LeastSquares, NonSaturating
from keras_gans.networks.patchgan import PatchGAN
from keras_gans.networks.resnet_generator import ResNetGenerator
from keras_gans.optimizers import Linear, LinearEpochs
from keras_gans.trained import recipes


class Recorder(keras.optimizers.SGD):
    """Plain gradient descent that keeps its gradients, by the variables' paths."""

    def apply(self, gradients, variables=None):
        self.seen = [np.asarray(gradient) for gradient in gradients]
        super().apply(gradients, variables)


def images(count=2, size=32, channels=(3, 3)):
    random = np.random.default_rng(5)
    return tuple(random.uniform(-1, 1, (count, size, size, depth)).astype("float32") for depth in channels)


def small(size=32, rate=0.1, loss=None, **kwargs):
    """Narrow networks with weights that make full use of their range; plain gradient descent."""
    networks = [ResNetGenerator(width=4, blocks=2) for _ in range(2)] + [PatchGAN(layers=2, width=8) for _ in range(2)]
    random = np.random.default_rng(3)
    for weight in (weight for network in networks for weight in network.weights):
        spread = np.prod(weight.shape[:3]) ** -0.5 if len(weight.shape) == 4 else 0.1
        weight.assign(random.normal(scale=spread, size=weight.shape))
    game = CycleGAN(*networks, loss or LeastSquares(), image_shapes=((size, size, 3),) * 2, **kwargs)
    game.compile(Recorder(rate), Recorder(rate))
    return game


@pytest.mark.parity
@pytest.mark.parametrize("identity, loss", [(0.5, "lsgan"), (0.0, "lsgan"), (0.5, "vanilla")])
def test_step_is_the_authors(identity, loss):
    torch = pytest.importorskip("torch", reason="the parity extra is not installed")
    from networks import torch_translators as reference

    game = small(identity_weight=identity, loss=NonSaturating() if loss == "vanilla" else None)
    modules = {
        name: reference.resnet(4, 2) if "generator" in name else reference.patchgan(2, 8) for name in game.network_names()
    }
    for name, module in modules.items():
        reference.copy_weights(getattr(game, name), module)
    g_ab, g_ba, d_a, d_b = modules.values()
    descents = {
        player: torch.optim.SGD([p for name in names for p in modules[name].parameters()], 0.1)
        for player, names in game.players.items()
    }
    inputs = images()
    a, b = map(reference.planes, inputs)
    l1, distance = torch.nn.L1Loss(), torch.nn.BCEWithLogitsLoss() if loss == "vanilla" else torch.nn.MSELoss()

    def toward(logits, target):
        return distance(logits, torch.full_like(logits, target))

    fake_b, fake_a = g_ab(a), g_ba(b)
    losses = {
        "generator_ab": toward(d_b(fake_b), 1.0),
        "generator_ba": toward(d_a(fake_a), 1.0),
        "cycle_a": 10.0 * l1(g_ba(fake_b), a),
        "cycle_b": 10.0 * l1(g_ab(fake_a), b),
    }
    if identity:
        losses |= {"identity_a": 10.0 * 0.5 * l1(g_ba(a), a), "identity_b": 10.0 * 0.5 * l1(g_ab(b), b)}
    losses["generator"] = sum(losses.values())
    for optimizer in descents.values():
        optimizer.zero_grad()
    losses["generator"].backward()
    descents["generator"].step()
    descents["discriminator"].zero_grad()
    fake_a, fake_b = fake_a.detach(), fake_b.detach()  # the pools are empty: they hand back what they get
    losses["discriminator_a"] = 0.5 * (toward(d_a(a), 1.0) + toward(d_a(fake_a), 0.0))
    losses["discriminator_b"] = 0.5 * (toward(d_b(b), 1.0) + toward(d_b(fake_b), 0.0))
    losses["discriminator"] = losses["discriminator_a"] + losses["discriminator_b"]
    losses["discriminator"].backward()
    descents["discriminator"].step()

    logs = game.train_step(tuple(map(tf.constant, inputs)))
    assert {f"{name}_loss" for name in losses} == {name for name in logs if name.endswith("_loss")}
    for name, loss in losses.items():
        np.testing.assert_allclose(logs[f"{name}_loss"], loss.item(), rtol=1e-4, err_msg=name)
    for player, names in game.players.items():
        assert_gradients(game.optimizer_of(player).seen, [p for name in names for p in modules[name].parameters()])
        norm = torch.sqrt(sum(p.grad.square().sum() for name in names for p in modules[name].parameters()))
        np.testing.assert_allclose(logs[f"{player}_gradient_norm"], float(norm), rtol=1e-3)
    for name, module in modules.items():
        for ours, theirs in zip(getattr(game, name).weights, module.parameters(), strict=True):
            np.testing.assert_allclose(ours, in_keras(theirs.detach()), atol=1e-5, err_msg=ours.path)


def in_keras(tensor):
    return tensor.permute(2, 3, 1, 0).numpy() if tensor.ndim == 4 else tensor.numpy()


def assert_gradients(ours, parameters):
    """Per tensor, to 1e-3 of its length. The gradient of a bias in front of a norm is zero but for rounding."""
    gradients = [in_keras(parameter.grad) for parameter in parameters]
    rounding = 1e-5 * max(map(np.linalg.norm, gradients))
    for mine, theirs in zip(ours, gradients, strict=True):
        if theirs.ndim == 1 and np.linalg.norm(theirs) < rounding:
            assert np.linalg.norm(mine) < rounding
        else:
            assert np.linalg.norm(mine - theirs) < 1e-3 * np.linalg.norm(theirs)


def test_discriminators_learn_from_the_pools():
    """With weights that stay where they are, a later loss is that of what the pool hands back."""
    game = small(rate=0.0, pool_size=1)
    first, second = ([tf.constant(side[index : index + 1]) for side in images()] for index in range(2))

    def swaps(seed, side):
        return randomness.uniform(randomness.fold(randomness.fold(seed, 1), f"pool {side}"), [1, 2])[0, 1] > 0.5

    game.seed = next(seed for seed in range(100) if swaps(seed, "a") and swaps(seed, "b"))
    game.train_step(first)
    logs = game.train_step(second)
    for network, generator, real, source in (
        ("discriminator_a", game.generator_ba, second[0], first[1]),
        ("discriminator_b", game.generator_ab, second[1], first[0]),
    ):
        discriminator = getattr(game, network)
        real_logits, fake_logits = discriminator(real), discriminator(generator(source))
        expected = 0.5 * np.mean((real_logits - 1) ** 2) + 0.5 * np.mean(np.square(fake_logits))
        np.testing.assert_allclose(logs[f"{network}_loss"], expected, rtol=1e-5)


def test_samples_show_both_ways():
    game = small()
    a, b = map(tf.constant, images())
    columns = game.show(a, b)
    expected = [
        a,
        game.generator_ab(a),
        game.generator_ba(game.generator_ab(a)),
        b,
        game.generator_ba(b),
        game.generator_ab(game.generator_ba(b)),
    ]
    for ours, theirs in zip(columns, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


CYCLEGAN = {
    "data": "unpaired:a:b",
    "image_size": 16,
    "game": "cyclegan:pool_size=2",
    "loss": "least_squares",
    "generator": "resnet:width=4,blocks=1",
    "discriminator": "patchgan:width=4,layers=1",
    "batch_size": 2,
    "ema_kimg": 0.0,
}


def play(game, steps, jit=False):
    data = tuple(map(tf.constant, images(size=16)))
    step = tf.function(game.train_step, jit_compile=jit, autograph=False)
    return [{name: float(value) for name, value in step(data).items()} for _ in range(steps)]


def test_goes_on_bit_for_bit(tmp_path):
    """Weights, optimizers, averages, pools and noise (dropout)."""
    recipe = run_cases.recipe(**CYCLEGAN | {"generator": "resnet:width=4,blocks=1,dropout=0.5", "ema_kimg": 1.0})
    one, other = (recipes.build_game(recipe, (16, 16, 3), 0, (16, 16, 3)) for _ in range(2))
    play(one, 3)
    one.save_weights(tmp_path / "game.weights.h5")
    other.load_weights(tmp_path / "game.weights.h5")
    assert play(one, 3) == play(other, 3)
    for ours, theirs in zip(one.weights, other.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=ours.path)


@pytest.mark.parametrize(
    "ways",
    [
        [("bfloat16", False), ("float16", False)],
        # XLA must keep the types that the layers ask for
        pytest.param([("bfloat16", True)], marks=pytest.mark.slow),
    ],
    ids=["", "jit"],
)
def test_mixed_precision_is_near_float32(ways):
    losses = {}
    for precision, jit in [("float32", False), *ways]:
        recipe = run_cases.recipe(**CYCLEGAN, precision=precision)
        keras.utils.set_random_seed(0)
        game = recipes.build_game(recipe, (16, 16, 3), 0, (16, 16, 3))
        logs = play(game, 3, jit)[-1]
        losses[precision, jit] = [logs["generator_loss"], logs["discriminator_loss"]]
        assert game.first_bad_step.numpy().tolist() == [-1, -1]
        assert {network.layers[1].compute_dtype for network in (game.ema_ab, game.ema_ba)} == {"float32"}
    for found in losses.values():
        np.testing.assert_allclose(found, losses["float32", False], rtol=0.05)


def test_sides_may_differ_in_channels():
    game = recipes.build_game(
        run_cases.recipe(**CYCLEGAN | {"game": "cyclegan:identity_weight=0"}), (16, 16, 3), 0, (16, 16, 1)
    )
    a, b = map(tf.constant, images(size=16, channels=(1, 3)))
    assert "identity_a_loss" not in game.train_step((a, b))
    assert game.translate(a).shape == b.shape and game.translate(b, "ba").shape == a.shape


@pytest.mark.parametrize(
    "flags, input_channels, message",
    [
        ({}, 1, "identity loss compares images of 1 and of 3 channels; take identity_weight=0, or the same --channels"),
        ({"game": "cyclegan:pool_size=-1"}, 3, "the pool's size must be 0 or more, not -1"),
        ({"data": "paired:a:b"}, 3, "--game=cyclegan:pool_size=2 learns from two kinds of images.* which is pairs"),
        ({"penalty": ["r1"]}, 3, "--penalty=r1: --game=cyclegan:pool_size=2 has no use for it"),
    ],
)
def test_nonsense_is_refused(flags, input_channels, message):
    with pytest.raises(UserError, match=message):
        recipes.build_game(run_cases.recipe(**CYCLEGAN | flags), (16, 16, 3), 0, (16, 16, input_channels))


@pytest.mark.parametrize("constant, decaying", [(100, 100), (150, 50)])
def test_schedule_is_the_authors(constant, decaying):
    """`lambda_rule`, once per epoch, against one step at a time: equal within the change of one epoch."""
    epochs, steps = constant + decaying, 20
    schedule = Linear(2e-4, epochs * steps, hold=constant / epochs)
    epoch = np.repeat(np.arange(epochs), steps)
    theirs = 2e-4 * (1 - np.maximum(0, epoch + 1 - constant) / (decaying + 1))
    np.testing.assert_allclose(schedule(np.arange(epochs * steps)), theirs, atol=1.01 * 2e-4 / decaying)
    by_epoch = LinearEpochs(2e-4, epochs * steps, epochs, hold=constant / epochs)
    np.testing.assert_allclose(by_epoch(np.arange(epochs * steps)), theirs, rtol=1e-6)
    assert LinearEpochs.from_config(by_epoch.get_config()).get_config() == by_epoch.get_config()
    assert float(schedule(constant * steps)) == float(schedule(0)) and float(schedule(epochs * steps)) == 0
