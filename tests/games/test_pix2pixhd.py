"""pix2pixHD: a whole step beside the authors' in PyTorch, and its parts in other games."""

import keras
import numpy as np
import pytest
import run_cases
import tensorflow as tf

from keras_gans.errors import UserError
from keras_gans.games.pix2pix import Pix2Pix
from keras_gans.losses.adversarial import AdversarialLoss
from keras_gans.losses.reconstruction import L1
from keras_gans.networks.multiscale import MultiScaleDiscriminator
from keras_gans.networks.resnet_generator import ResNetGenerator
from keras_gans.registry import LOSSES
from keras_gans.trained import recipes


def pair(seed, size=36):
    """Pictures whose half has an odd number of rows: 18, then 9."""
    random = np.random.default_rng(seed)
    return tuple(tf.constant(random.uniform(-1, 1, (2, size, size, 3)), tf.float32) for _ in "ab")


def small(**kwargs):
    networks = ResNetGenerator(width=2, blocks=1, halvings=1), MultiScaleDiscriminator(6, scales=3, halvings=2, width=3)
    return Pix2Pix(*networks, "least_squares", reconstructions=[L1(weight=3)], **kwargs)


@pytest.mark.parity
def test_step_is_the_authors():
    torch = pytest.importorskip("torch", reason="the parity extra is not installed")
    import whole_step
    from torch import nn
    from torch.nn import functional

    class Named(nn.Module):
        def __init__(self, **modules):
            super().__init__()
            for name, module in modules.items():
                self.add_module(name, module)

    class Generator(Named):
        """`GlobalGenerator` with one halving and one block; named by the places in its list."""

        def __init__(self):
            super().__init__(
                conv_1=nn.Conv2d(3, 2, 7),
                conv_4=nn.Conv2d(2, 4, 3, 2, 1),
                block_7_conv_1=nn.Conv2d(4, 4, 3),
                block_7_conv_2=nn.Conv2d(4, 4, 3),
                conv_8=nn.ConvTranspose2d(4, 2, 3, 2, 1, 1),
                conv_12=nn.Conv2d(2, 3, 7),
            )

        def forward(self, x):
            def normed(x):
                return functional.instance_norm(x)

            def around(x, pixels):
                return functional.pad(x, 4 * (pixels,), "reflect")

            x = torch.relu(normed(self.conv_1(around(x, 3))))
            x = torch.relu(normed(self.conv_4(x)))
            y = torch.relu(normed(self.block_7_conv_1(around(x, 1))))
            x = x + normed(self.block_7_conv_2(around(y, 1)))
            x = torch.relu(normed(self.conv_8(x)))
            return torch.tanh(self.conv_12(around(x, 3)))

    class Discriminator(Named):
        """`MultiscaleDiscriminator` with intermediate features: three scales of two halvings."""

        def __init__(self):
            widths = [6, 3, 6, 12, 1]
            super().__init__(
                **{
                    f"scale_{scale}_conv_{index}": nn.Conv2d(*widths[index : index + 2], 4, 2 if index < 2 else 1, 2)
                    for scale in range(3)
                    for index in range(4)
                }
            )

        def forward(self, x):
            result = []
            for scale in range(3):
                made = [x]
                for index in range(4):
                    y = getattr(self, f"scale_{scale}_conv_{index}")(made[-1])
                    y = functional.instance_norm(y) if index in (1, 2) else y
                    made.append(functional.leaky_relu(y, 0.2) if index < 3 else y)
                result.append(made[1:])
                x = functional.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
            return result

    class Step(whole_step.Second):
        """`Pix2PixHDModel.forward`: the generator's optimizer steps before the discriminator's."""

        def squares(self, outputs, goal):
            return sum((made[-1] - goal).square().mean() for made in outputs)

        def step(self, a, b, draws):
            fake = self.generator(a)
            of_fake, of_real = (self.discriminator(torch.cat([a, images], 1)) for images in (fake, b))
            adversarial = self.squares(of_fake, 1)
            features = sum(
                (4 / 3) * (1 / 3) * (one - other.detach()).abs().mean() * 10
                for fakes, reals in zip(of_fake, of_real)
                for one, other in zip(fakes[:-1], reals[:-1])
            )
            l1 = 3 * (fake - b).abs().mean()
            self.descend("generator", adversarial + features + l1)
            of_fake, of_real = (self.discriminator(torch.cat([a, images], 1)) for images in (fake.detach(), b))
            judged = self.squares(of_fake, 0) + self.squares(of_real, 1)
            self.descend("discriminator", 0.5 * judged)
            self.average("ema", 0.0)
            return {
                "generator_loss": adversarial / 6,  # the mean of three, halved
                "discriminator_loss": judged / 6,
                "feature_matching_loss": features,
                "l1_loss": l1,
            }

    # The code's factor of the features is 4 / layers: here 4/3, in the published networks 1.
    game = small(feature_weight=10 * 4 / 3, adversarial_weight=6.0, discriminator_weight=3.0, generator_first=True)
    random = np.random.default_rng(3)
    for weight in (weight for name in game.network_names() for weight in getattr(game, name).trainable_weights):
        scale = np.prod(weight.shape[:-1]) ** -0.5 if len(weight.shape) > 1 else 0.1
        weight.assign(random.normal(0, scale, weight.shape))
    game.ema.set_weights(game.generator.get_weights())
    game.compile(*(keras.optimizers.SGD(1e-3) for _ in game.players))
    second = Step(game, {"generator": Generator(), "discriminator": Discriminator()}, 1e-3)
    # The gradient of a bias in front of a norm is rounding.
    assert whole_step.compare(game, second, [pair(seed) for seed in range(2)], floor=1e-2) < 1e-4


def test_losses_of_several_scales_are_averaged():
    random = np.random.default_rng(0)
    real, fake = ([tf.constant(random.normal(size=(2, s, s, 1)), tf.float32) for s in (5, 3)] for _ in "ab")
    for name in ("least_squares", "hinge", "relativistic_paired"):
        loss: AdversarialLoss = LOSSES.create(name)
        for player in (loss.discriminator, loss.generator):
            each = [player(one, other) for one, other in zip(real, fake)]
            np.testing.assert_allclose(player(real, fake), np.mean(each, axis=0), rtol=1e-6)


def test_features_of_a_discriminator_that_has_none():
    recipe = run_cases.recipe(
        data="paired:a:b",
        image_size=16,
        game="pix2pix:feature_weight=10",
        generator="resnet:width=2,blocks=1",
        discriminator="patchgan:width=2,layers=1",
    )
    with pytest.raises(UserError, match="feature_weight: [^\n]* has no features; take --discriminator=multiscale$"):
        recipes.build_game(recipe, (16, 16, 3), 0, (16, 16, 3))


def test_penalties_and_adaptive_augmentation_take_several_scales():
    game = small(penalties=["r1:weight=1,interval=1"], augment="ada:interval=1")
    game.compile("sgd:learning_rate=1e-3")
    logs = game.train_step(pair(0))
    assert all(np.isfinite(float(value)) for value in logs.values()) and float(logs["penalty"]) > 0
