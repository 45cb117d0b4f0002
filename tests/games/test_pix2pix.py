"""Games on pairs against a second implementation of their step, written out."""

import keras
import numpy as np
import pytest
import run_cases
import tensorflow as tf

from keras_gans.errors import UserError
from keras_gans.games.pix2pix import Pix2Pix
from keras_gans.games.restoration import Restoration, Supervised
from keras_gans.layers.dropout import Dropout
from keras_gans.losses.adversarial import NonSaturating
from keras_gans.losses.reconstruction import L1, L2
from keras_gans.registry import PENALTIES
from keras_gans.trained import recipes


@keras.saving.register_keras_serializable("tests")
class Filter(keras.Model):
    """Dropout, then a 3x3 convolution without bias: enough to be a generator or a discriminator here."""

    def __init__(self, input_channels, channels, rate=0.0, **kwargs):
        images = keras.Input((None, None, input_channels))
        x = Dropout(rate, name="dropout")(images)
        super().__init__(
            images,
            keras.layers.Conv2D(channels, 3, use_bias=False, name="filter")(keras.layers.ZeroPadding2D()(x)),
            **kwargs,
        )
        self.config = {"input_channels": input_channels, "channels": channels, "rate": rate}

    def get_config(self):
        return self.config | {"name": self.name}


def pairs(count=4):
    random = np.random.default_rng(1)
    return (
        tf.constant(random.uniform(-1, 1, (count, 8, 8, 1)), tf.float32),
        tf.constant(random.uniform(-1, 1, (count, 8, 8, 3)), tf.float32),
    )


def compiled(game, rate=0.1):
    optimizers = [keras.optimizers.SGD(rate) for _ in game.players]
    game.compile(*optimizers)
    return game


def kernels(game):
    return {name: np.asarray(getattr(game, name).weights[0], np.float64) for name in game.network_names()}


def filtered(images, kernel):
    """The same convolution in float64 NumPy."""
    padded = np.pad(np.asarray(images, np.float64), [(0, 0), (1, 1), (1, 1), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    return np.einsum("nhwcij,ijco->nhwo", windows, kernel)


def filter_gradient(images, upstream):
    """d sum(filtered(images, k) * upstream) / dk."""
    padded = np.pad(np.asarray(images, np.float64), [(0, 0), (1, 1), (1, 1), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    return np.einsum("nhwcij,nhwo->ijco", windows, upstream)


def input_gradient(upstream, kernel):
    return filtered(upstream, kernel[::-1, ::-1].transpose(0, 1, 3, 2))


def softplus(x):
    return np.logaddexp(0, x)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("conditional", [True, False], ids=["pix2pix", "restoration"])
def test_step_by_hand(conditional):
    """Discriminator first, on (input, image) or the image alone; then the generator, with the L1 term beside it."""
    if conditional:
        game = Pix2Pix(Filter(1, 3), Filter(4, 1), NonSaturating(), reconstructions=[L1(weight=100)])
        share, weight = 0.5, 1.0
    else:
        game = Restoration(
            Filter(1, 3), Filter(3, 1), NonSaturating(), adversarial_weight=0.25, reconstructions=[L1(weight=100)]
        )
        share, weight = 1.0, 0.25
    compiled(game)
    before, (a, b) = kernels(game), pairs()
    logs = game.train_step((a, b))
    after = kernels(game)

    def judged(images):
        return np.concatenate([a, images], axis=-1) if conditional else np.asarray(images, np.float64)

    generator, critic = before["generator"], before["discriminator"]
    fake = filtered(a, generator)
    real_logits, fake_logits = filtered(judged(b), critic), filtered(judged(fake), critic)
    size = real_logits.size
    gradient = share * (
        filter_gradient(judged(b), -sigmoid(-real_logits) / size)
        + filter_gradient(judged(fake), sigmoid(fake_logits) / size)
    )
    np.testing.assert_allclose(after["discriminator"], critic - 0.1 * gradient, atol=2e-6)
    np.testing.assert_allclose(
        logs["discriminator_loss"], softplus(-real_logits).mean() + softplus(fake_logits).mean(), rtol=1e-5
    )
    critic = after["discriminator"]
    fake_logits = filtered(judged(fake), critic)
    of_image = input_gradient(-weight * sigmoid(-fake_logits) / size, critic)[..., -3:]
    of_image += 100 * np.sign(fake - b) / fake.size
    np.testing.assert_allclose(after["generator"], generator - 0.1 * filter_gradient(a, of_image), atol=2e-5)
    np.testing.assert_allclose(logs["generator_loss"], softplus(-fake_logits).mean(), rtol=1e-5)
    np.testing.assert_allclose(logs["l1_loss"], 100 * np.abs(fake - b).mean(), rtol=1e-5)
    for average, weight in zip(game.ema.weights, game.generator.weights):  # no half-life: a copy
        np.testing.assert_array_equal(average, weight)


def test_pix2pix_test_keeps_dropout_on_and_answers_the_same_twice():
    game = compiled(Pix2Pix(Filter(1, 3, rate=0.5), Filter(4, 1), NonSaturating()))
    a, b = pairs()
    still = game.ema(a, training=False)
    dropped = game.translate(a)
    np.testing.assert_array_equal(dropped, game.translate(a))
    assert np.abs(dropped - still).max() > 0.1
    columns = game.show(a, b)
    np.testing.assert_array_equal(columns[1], dropped)
    assert columns[0] is a and columns[2] is b
    plain = compiled(Restoration(Filter(1, 3, rate=0.5), Filter(3, 1), NonSaturating()))
    np.testing.assert_allclose(plain.translate(a), plain.ema(a, training=False), atol=1e-6)


def test_dropout_differs_from_step_to_step_and_resumes():
    steps = []
    for first in (0, 0, 1):
        game = compiled(Pix2Pix(Filter(1, 3, rate=0.5), Filter(4, 1), NonSaturating(), reconstructions=[L1()]), rate=0.0)
        keras.utils.set_random_seed(0)
        game.generator.weights[0].assign(np.full((3, 3, 1, 3), 0.1))
        game.step.assign(first)
        steps.append([float(game.train_step(pairs())["l1_loss"]) for _ in range(2)])
    assert steps[0] == steps[1] and steps[0][0] != steps[0][1] and steps[2][0] == steps[0][1]


def test_penalties_are_taken_of_what_the_discriminator_sees():
    game = compiled(Pix2Pix(Filter(1, 3), Filter(4, 1), NonSaturating(), penalties=[PENALTIES.create("r1:weight=1")]))
    a, b = pairs()
    critic = kernels(game)["discriminator"]
    penalty = float(game.train_step((a, b))["penalty"])
    ones = np.ones((4, 8, 8, 1))
    squared = (input_gradient(ones, critic) ** 2).sum(axis=(1, 2, 3))  # all four channels
    weight = 0.5  # gamma / 2
    np.testing.assert_allclose(penalty, weight * squared.mean(), rtol=1e-4)


def test_supervised_step_by_hand():
    game = compiled(Supervised(Filter(1, 3), reconstructions=[L1(weight=2), L2(weight=3)]))
    before, (a, b) = kernels(game)["generator"], [side.numpy() for side in pairs()]
    logs = game.train_step((a, b))
    difference = filtered(a, before) - b
    upstream = (2 * np.sign(difference) + 6 * difference) / difference.size
    np.testing.assert_allclose(kernels(game)["generator"], before - 0.1 * filter_gradient(a, upstream), atol=2e-6)
    np.testing.assert_allclose(logs["generator_loss"], 2 * np.abs(difference).mean() + 3 * (difference**2).mean(), rtol=1e-5)
    assert set(game.players) == {"generator"} and game.first_bad_step.shape == (1,)


TRANSLATION = {
    "data": "paired:a:b",
    "image_size": 16,
    "generator": "resnet:width=4,blocks=1",
    "discriminator": "patchgan:width=4,layers=1",
    "batch_size": 2,
}


@pytest.mark.parametrize("precision, jit", [("bfloat16", False), ("float16", False), ("bfloat16", True)])
def test_mixed_precision_is_near_float32(precision, jit):
    losses = []
    for name in ("float32", precision):
        recipe = run_cases.recipe(
            **TRANSLATION, game="pix2pix", reconstruction=["l1:weight=10"], precision=name, jit_compile=jit
        )
        keras.utils.set_random_seed(0)  # as training does
        game = recipes.build_game(recipe, (16, 16, 3), 0, (16, 16, 1))
        random = np.random.default_rng(0)
        data = tuple(tf.constant(random.uniform(-1, 1, (2, 16, 16, channels)), tf.float32) for channels in (1, 3))
        step = tf.function(game.train_step, jit_compile=jit, autograph=False)
        logs = [step(data) for _ in range(3)][-1]
        losses.append([float(logs[key]) for key in ("l1_loss", "discriminator_loss")])
        assert game.first_bad_step.numpy().tolist() == [-1, -1]
    np.testing.assert_allclose(losses[1], losses[0], rtol=0.05)


@pytest.mark.parametrize(
    "flags, message",
    [
        (
            {"data": "embedded:fashion"},
            "--game=pix2pix learns from pairs, .*not from --data=embedded:fashion, which is plain",
        ),
        ({"data": "unpaired:a:b"}, "--game=pix2pix learns from pairs.* which is two kinds of images"),
        ({"game": "gan"}, "--game=gan learns from plain images.* which is pairs"),
        (
            {"game": "gan", "data": "folder:a", "degrade": "noise"},
            "not from --data=folder:a --degrade=noise, which is pairs",
        ),
        ({"n_critic": 5}, "--n_critic=5: --game=pix2pix has no use for it; leave it out"),
        ({"game": "supervised", "loss": "hinge"}, "--loss=hinge: --game=supervised has no use for it"),
        ({"game": "supervised"}, "--discriminator=patchgan:width=4,layers=1: --game=supervised has no use for it"),
        ({"game": "supervised", "discriminator": "dcgan"}, "give it something to minimise, such as --reconstruction=l1"),
        ({"penalty": ["r1"], "discriminator": "patchgan:norm=batch"}, "--penalty=r1 bounds the gradient per image"),
        ({"reconstruction": ["l3"]}, "unknown reconstruction loss 'l3'; known: charbonnier, l1, l2.*"),
        ({"reconstruction": ["l1:weight=-1"]}, "weight should be 0 or more, not -1"),
    ],
)
def test_nonsense_is_refused(flags, message):
    recipe = run_cases.recipe(**TRANSLATION | {"game": "pix2pix"} | flags)
    with pytest.raises(UserError, match=message):
        recipes.build_game(recipe, (16, 16, 3), 0, (16, 16, 1))
