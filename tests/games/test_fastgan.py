"""FastGAN: two whole steps of its game beside PyTorch, what is redrawn, and what is refused."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.augment.diffaugment import DiffAugment
from keras_gans.errors import UserError
from keras_gans.games.fastgan import FastGAN, nearest, quarter
from keras_gans.losses.adversarial import Hinge
from keras_gans.losses.reconstruction import L2
from keras_gans.networks.fastgan_discriminator import FastGANDecoder, FastGANDiscriminator


def small_game(**keywords):
    """A game at 64x64 whose generator is one dense layer."""
    keras.utils.set_random_seed(4)
    dense = [keras.layers.Dense(64 * 64 * 3, "tanh", name="dense"), keras.layers.Reshape((64, 64, 3))]
    discriminator = FastGANDiscriminator(64, width=8)
    decoders = [FastGANDecoder(channels, 64, width=4) for channels in (64, 32)]
    return FastGAN(
        keras.Sequential([keras.Input((4,)), *dense]),
        discriminator,
        *decoders,
        "hinge",
        **{"reconstructions": ["l2:weight=8"], "ema_kimg": 0.0, "seed": 1} | keywords,
    )


def pictures(seed, count=4):
    return tf.constant(np.random.default_rng(seed).uniform(-1, 1, (count, 64, 64, 3)), tf.float32)


def test_what_is_drawn_again():
    images = np.arange(2 * 4 * 4).reshape(2, 4, 4, 1)
    for index, part in enumerate([images[:, :2, :2], images[:, :2, 2:], images[:, 2:, :2], images[:, 2:, 2:]]):
        np.testing.assert_array_equal(quarter(tf.constant(images), tf.constant(index)), part)
    np.testing.assert_array_equal(nearest(tf.constant(images), 2), images[:, ::2, ::2])
    np.testing.assert_array_equal(nearest(tf.constant(images), 8), images.repeat(2, 1).repeat(2, 2))


def test_decoders_learn_the_augmented_pictures_and_are_of_no_use_afterwards():
    augmented = []

    class Noting(DiffAugment):
        def __call__(self, images, *, seed):
            augmented.append(super().__call__(images, seed=seed))
            return augmented[-1]

    class Measure(L2):
        def __call__(self, targets, outputs):
            assert np.isin(np.unique(targets), np.unique(augmented[0])).all()
            return super().__call__(targets, outputs)

    game = small_game(augment=Noting(), reconstructions=[Measure()])
    game.compile(keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.01))
    before = game.decoder.get_weights()
    logs = game.train_step(pictures(0))
    assert len(augmented) == 3  # the reals once, the fakes in each turn
    assert {"whole_l2_loss", "quarter_l2_loss"} <= logs.keys()
    assert any((one != other).any() for one, other in zip(before, game.decoder.get_weights(), strict=True))
    assert game.deployed == {"": "ema"} and game.averages == {"ema": "generator"}


def test_it_is_saved_whole(tmp_path):
    game = small_game()
    game.compile(keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.01))
    game.train_step(pictures(0))
    game.save(tmp_path / "game.keras")
    again = keras.saving.load_model(tmp_path / "game.keras")
    for one, other in zip(game.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    one, other = game.train_step(pictures(1)), again.train_step(pictures(1))
    assert float(one["quarter_l2_loss"]) == float(other["quarter_l2_loss"])


def test_in_parts(monkeypatch):
    """Two parts that are alike have the statistics of the whole batch: all weights move as without them."""
    moves = []
    for count in (1, 2):
        game = small_game()
        game.compile(keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.01), accumulate=count)
        assert ("call" in vars(game._encode.__self__)) == (count == 2)
        latents = tf.repeat(game.draw_latent(1, 0), 4, axis=0) * [[1.0], [-1.0], [1.0], [-1.0]]
        monkeypatch.setattr(game, "draw_latent", lambda count, seed, latents=latents: latents)
        variables = [variable for player in game.players for variable in game.variables_of(player)]
        before = [np.array(variable) for variable in variables]
        game.train_step(tf.concat(2 * [pictures(0, 2)], axis=0))
        moves.append([np.array(variable) - then for variable, then in zip(variables, before, strict=True)])
    for one, other in zip(*moves, strict=True):
        assert np.abs(one - other).max() <= 1e-3 * np.abs(one).max() + 1e-8


def test_refuses_in_one_line():
    with pytest.raises(ValueError, match=r"^give it a measure of what is redrawn, such as --reconstruction=lpips:[^\n]*$"):
        small_game(reconstructions=())

    class Make:
        recipe = {"discriminator": "dcgan"}
        generator = discriminator = staticmethod(lambda: keras.Sequential([keras.Input((4,))]))

    with pytest.raises(UserError, match=r"^--game=fastgan redraws .*--discriminator=dcgan does not give[^\n]*$"):
        FastGAN.parts(Make)


# Counted in the authors' models.py, Discriminator(64, 3, SIZE) without its small branch, and its decoders.
@pytest.mark.parametrize("size, count", [(256, 7_692_016), (512, 7_692_352), (1024, 7_694_048)])
def test_discriminator_has_the_original_s_parameters(size, count):
    discriminator = FastGANDiscriminator(size)
    assert sum(int(np.prod(weight.shape)) for weight in discriminator.trainable_weights) == count


@pytest.mark.parametrize("channels, count", [(512, 1_439_712), (256, 849_888)])
def test_decoder_has_the_original_s_parameters(channels, count):
    decoder = FastGANDecoder(channels)
    assert sum(int(np.prod(weight.shape)) for weight in decoder.trainable_weights) == count
    assert decoder.output_shape == (None, 128, 128, 3)


@pytest.mark.parity
def test_two_whole_steps_beside_pytorch():
    torch = pytest.importorskip("torch", reason="the parity extra is not installed")
    import whole_step
    from fastgan_in_torch import Decoder, Discriminator, iterate
    from torch.nn import functional as F

    class Step(whole_step.Second):
        """The authors' `train.py` with margins of 1, as the paper's equations have them, and the square as distance."""

        names = {f"{name}_inner": name for name in Discriminator(8, 64).convolutions + Decoder(8, 4, 64).convolutions}

        def step(self, real, draws):
            iterate(self.discriminator, self.decoder, self.part_decoder)
            fake = self.generator(draws.latents[0])
            logits, middle, last = self.discriminator(real)
            row, column = divmod(int(draws.integers[0]), 2)
            whole = F.mse_loss(self.decoder(last), real)
            part = real[:, :, 32 * row :, 32 * column :][:, :, :32, :32]
            part = F.interpolate(part, 64)  # nearest
            middle = middle[:, :, 8 * row :, 8 * column :][:, :, :8, :8]
            quarter = F.mse_loss(self.part_decoder(middle), part)
            of_fake, _, _ = self.discriminator(fake.detach())
            d_loss = F.relu(1 - logits).mean() + F.relu(1 + of_fake).mean()
            self.descend("discriminator", d_loss + 8 * whole + 8 * quarter)
            g_loss = -self.discriminator(fake)[0].mean()
            self.descend("generator", g_loss)
            self.average("ema", 0.0)
            return {
                "discriminator_loss": d_loss,
                "generator_loss": g_loss,
                "whole_l2_loss": 8 * whole,
                "quarter_l2_loss": 8 * quarter,
            }

    class Generator(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.dense = torch.nn.Linear(4, 64 * 64 * 3)

        def forward(self, z):
            return torch.tanh(self.dense(z)).reshape(-1, 64, 64, 3).permute(0, 3, 1, 2)

    game = small_game()
    game.compile(keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.01))
    modules = {
        "generator": Generator(),
        "discriminator": Discriminator(8, 64),
        "decoder": Decoder(64, 4, 64),
        "part_decoder": Decoder(32, 4, 64),
    }
    assert isinstance(game.adversarial_loss, Hinge)
    assert whole_step.compare(game, Step(game, modules, 0.01), [pictures(0, 2), pictures(100, 2)]) < 2e-5
