"""SPADE: a whole step beside the authors' in PyTorch; label maps in games, runs, papers' options and refusals."""

import keras
import numpy as np
import pytest
import run_cases
import tensorflow as tf

from keras_gans.errors import UserError
from keras_gans.games.game import power_iterate
from keras_gans.games.spade import SPADE
from keras_gans.layers.label_map import EveryOther, LabelMap
from keras_gans.losses.reconstruction import L1
from keras_gans.networks.multiscale import MultiScaleDiscriminator
from keras_gans.networks.spade import SPADEGenerator
from keras_gans.trained import recipes


def pair(seed, height=64, width=64, labels=3):
    """Label maps with edges, and photographs."""
    random = np.random.default_rng(seed)
    maps = np.kron(random.integers(0, labels, (2, height // 8, width // 8, 1)), np.ones([8, 8, 1]))
    edges = random.integers(0, 2, maps.shape)
    inputs = np.concatenate([maps / 127.5 - 1, 2 * edges - 1], -1)
    return tf.constant(inputs, tf.float32), tf.constant(random.uniform(-1, 1, (2, height, width, 3)), tf.float32)


def small(style_dim=0):
    generator = SPADEGenerator(3, input_channels=2, width=1, hidden=3, style_dim=style_dim, start=2)
    discriminator = MultiScaleDiscriminator(7, width=2, spectral=True, init="xavier")
    return SPADE(generator, discriminator, "hinge", share_fakes=False, reconstructions=[L1(weight=3)])


@pytest.mark.parity
@pytest.mark.parametrize("style_dim", [0, 5])
def test_step_is_the_authors(style_dim):
    """Without their image encoder, and with it."""
    torch = pytest.importorskip("torch", reason="the parity extra is not installed")
    import whole_step
    from torch import nn
    from torch.nn import functional

    class Spectral(nn.Conv2d):
        """A convolution whose kernel is divided by its spectral norm, as u and v see it."""

        def __init__(self, inputs, outputs, size, stride=1, padding=0, bias=True):
            super().__init__(inputs, outputs, size, stride, padding, bias=bias)
            self.register_buffer("u", torch.zeros(outputs))
            self.register_buffer("v", torch.zeros(size * size * inputs))

        def matrix(self):
            return self.weight.permute(2, 3, 1, 0).flatten(0, 2)

        def iterate(self):
            with torch.no_grad():
                self.v.copy_(functional.normalize(self.matrix() @ self.u, dim=0))
                self.u.copy_(functional.normalize(self.matrix().T @ self.v, dim=0))

        def forward(self, x):
            kernel = self.weight / (self.v @ self.matrix() @ self.u)
            return functional.conv2d(x, kernel, self.bias, self.stride, self.padding)

    class Player(nn.Module):
        def iterate(self):
            for layer in self.modules():
                if isinstance(layer, Spectral):
                    layer.iterate()

    class Generator(Player):
        """`SPADEGenerator` of three labels and edges, with 16 channels in the first blocks; modules by their joined names."""

        blocks = [
            ("head_0", 16, 16),
            ("G_middle_0", 16, 16),
            ("G_middle_1", 16, 16),
            ("up_0", 16, 8),
            ("up_1", 8, 4),
            ("up_2", 4, 2),
            ("up_3", 2, 1),
        ]

        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(style_dim, 2 * 2 * 16) if style_dim else nn.Conv2d(4, 16, 3, 1, 1)
            widths = [3, 1, 2, 4, 8, 8, 8]
            for index in range(6 if style_dim else 0):  # `ConvEncoder`
                self.add_module(f"half_{index}", Spectral(*widths[index : index + 2], 3, 2, 1, bias=False))
            if style_dim:
                self.mean, self.log_variance = (nn.Linear(4 * 4 * 8, style_dim) for _ in range(2))
            for name, inputs, outputs in self.blocks:
                middle = min(inputs, outputs)
                self.add_module(f"{name}_conv_0", Spectral(inputs, middle, 3, 1, 1))
                self.add_module(f"{name}_conv_1", Spectral(middle, outputs, 3, 1, 1))
                norms = {"norm_0": inputs, "norm_1": middle}
                if inputs != outputs:
                    self.add_module(f"{name}_conv_s", Spectral(inputs, outputs, 1, bias=False))
                    norms["norm_s"] = inputs
                for norm, channels in norms.items():
                    self.add_module(f"{name}_{norm}", whole_step.BatchNorm2d(channels, affine=False))
                    self.add_module(f"{name}_{norm}_shared", nn.Conv2d(4, 3, 3, 1, 1))
                    for part in ("gamma", "beta"):
                        self.add_module(f"{name}_{norm}_{part}", nn.Conv2d(3, channels, 3, 1, 1))
            self.conv_img = nn.Conv2d(1, 3, 3, 1, 1)

        def normed(self, x, labels, name):
            made = torch.relu(getattr(self, f"{name}_shared")(functional.interpolate(labels, x.shape[2:], mode="nearest")))
            gamma, beta = (getattr(self, f"{name}_{part}")(made) for part in ("gamma", "beta"))
            return getattr(self, name)(x) * (1 + gamma) + beta

        def block(self, x, labels, name):
            shortcut = x
            if hasattr(self, f"{name}_conv_s"):
                shortcut = getattr(self, f"{name}_conv_s")(self.normed(x, labels, f"{name}_norm_s"))
            for index in (0, 1):
                x = functional.leaky_relu(self.normed(x, labels, f"{name}_norm_{index}"), 0.2)
                x = getattr(self, f"{name}_conv_{index}")(x)
            return shortcut + x

        def encode(self, x):
            x = functional.interpolate(x, (256, 256), mode="bilinear")
            for index in range(6):
                x = functional.leaky_relu(functional.instance_norm(getattr(self, f"half_{index}")(x)), 0.2)
            x = x.permute(0, 2, 3, 1).flatten(1)
            return self.mean(x), self.log_variance(x)

        def forward(self, labels, photographs, draws):
            """Paints, and returns the divergence of the styles beside it."""
            self.iterate()
            start, divergence = [side // 32 for side in labels.shape[2:]], torch.zeros(())
            if style_dim:
                mean, log_variance = self.encode(photographs)
                style = mean + torch.exp(0.5 * log_variance) * draws.normals.pop(0)
                divergence = -0.5 * torch.sum(1 + log_variance - mean**2 - log_variance.exp()) / len(labels)
                x = self.fc(style).unflatten(1, (2, 2, 16)).permute(0, 3, 1, 2)
            else:
                x = self.fc(functional.interpolate(labels, start, mode="nearest"))
            for index, (name, *_) in enumerate(self.blocks):
                if index not in (0, 2):
                    x = functional.interpolate(x, scale_factor=2, mode="nearest")
                x = self.block(x, labels, name)
            return torch.tanh(self.conv_img(functional.leaky_relu(x, 0.2))), divergence

    class Discriminator(Player):
        """`MultiscaleDiscriminator` of `NLayerDiscriminator`s of four layers."""

        def __init__(self):
            super().__init__()
            widths = [7, 2, 4, 8, 16, 1]
            for scale in range(2):
                for index in range(5):
                    sides = (*widths[index : index + 2], 4, 2 if index < 3 else 1, 2)
                    layer = Spectral(*sides, bias=False) if index in (1, 2, 3) else nn.Conv2d(*sides)
                    self.add_module(f"scale_{scale}_conv_{index}", layer)

        def forward(self, x):
            found = []
            for scale in range(2):
                made = [x]
                for index in range(5):
                    y = getattr(self, f"scale_{scale}_conv_{index}")(made[-1])
                    y = functional.instance_norm(y) if index in (1, 2, 3) else y
                    made.append(functional.leaky_relu(y, 0.2) if index < 4 else y)
                found.append(made[1:])
                x = functional.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
            return found

    class Step(whole_step.Second):
        """`run_generator_one_step`, then `run_discriminator_one_step`, for which the generator paints anew."""

        names = {f"{name}_conv_{index}_plain": f"{name}_conv_{index}" for name, *_ in Generator.blocks for index in "01s"}
        names |= {f"half_{index}_plain": f"half_{index}" for index in range(6)}
        names |= {
            f"scale_{scale}_spectral_{index}": f"scale_{scale}_conv_{index}" for scale in (0, 1) for index in (1, 2, 3)
        }

        def step(self, maps, photographs, draws):
            index = ((maps[:, 0] + 1) * 127.5).round().long()
            labels = torch.cat([functional.one_hot(index, 3).permute(0, 3, 1, 2), (maps[:, 1:] + 1) / 2], 1)
            painted, divergence = self.generator(labels, photographs, draws)
            fakes, reals = (self.discriminator(torch.cat([labels, images], 1)) for images in (painted, photographs))
            adversarial = sum(-made[-1].mean() for made in fakes) / 2
            features = sum(
                (one - other.detach()).abs().mean() * 10 / 2
                for fake, real in zip(fakes, reals)
                for one, other in zip(fake[:-1], real[:-1])
            )
            l1 = 3 * (painted - photographs).abs().mean()
            self.descend("generator", adversarial + features + l1 + 0.05 * divergence)
            painted = self.generator(labels, photographs, draws)[0].detach()
            self.discriminator.iterate()
            fakes, reals = (self.discriminator(torch.cat([labels, images], 1)) for images in (painted, photographs))
            judged = sum(torch.relu(1 + f[-1]).mean() + torch.relu(1 - r[-1]).mean() for f, r in zip(fakes, reals)) / 2
            self.descend("discriminator", judged)
            self.average("ema", 0.0)
            return {
                "generator_loss": adversarial,
                "feature_matching_loss": features,
                "l1_loss": l1,
                "discriminator_loss": judged,
            } | ({"style_loss": 0.05 * divergence} if style_dim else {})

    game = small(style_dim)
    random = np.random.default_rng(3)
    for weight in (weight for name in game.network_names() for weight in getattr(game, name).trainable_weights):
        scale = np.prod(weight.shape[:-1]) ** -0.5 if len(weight.shape) > 1 else 0.1
        weight.assign(random.normal(0, scale, weight.shape))
    for _ in range(5):
        for name in game.network_names():
            power_iterate(getattr(game, name))
    game.ema.set_weights(game.generator.get_weights())
    game.compile(*(keras.optimizers.SGD(1e-4) for _ in game.players))
    second = Step(game, {"generator": Generator(), "discriminator": Discriminator()}, 1e-4)
    # The gradient of a bias in front of a norm is rounding.
    assert whole_step.compare(game, second, [pair(seed) for seed in range(2)], floor=1e-2) < 1e-3


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_all_labels_are_told_apart_whatever_the_precision(dtype):
    maps = np.stack([np.arange(256).reshape(1, 16, 16) / 127.5 - 1, np.full([1, 16, 16], 1)], -1).astype("float32")
    found = LabelMap(256, edges=True, dtype=dtype)(maps)
    assert found.dtype == dtype.removeprefix("mixed_")
    np.testing.assert_array_equal(np.reshape(tf.cast(found, tf.float32), [256, 257]), np.eye(256, 257) + np.eye(257)[256])
    np.testing.assert_array_equal(LabelMap(9)(maps[..., :1])[0, 0, 9:], np.zeros([7, 9]))
    np.testing.assert_array_equal(EveryOther(4)(maps), maps[:, ::4, ::4])


def test_styles():
    """A photograph's style is painted as it is given; maps alone have the mean one; other sizes are stretched."""
    generator = SPADEGenerator(3, input_channels=2, width=2, hidden=3, style_dim=4, start=2)
    maps, photographs = pair(0)
    mean, log_variance = generator.encode(photographs)
    assert mean.shape == log_variance.shape == (2, 4)
    plain, styled = generator(maps), generator.paint(maps, mean + 100)
    np.testing.assert_array_equal(plain, generator.paint(maps, tf.zeros([2, 4])))
    assert np.abs(styled - plain).max() > 1e-3
    assert generator.paint(maps[:, :32], mean).shape == (2, 32, 64, 3)
    with pytest.raises(ValueError, match="style_dim should be 0 or more and start 1 or more, not -1 and 8"):
        SPADEGenerator(3, style_dim=-1)


RECIPE = {
    "data": "paired:a:b",
    "image_size": 32,
    "game": "spade",
    "loss": "hinge",
    "generator": "spade:width=1,hidden=3",
    "discriminator": "multiscale:width=2,spectral=true",
    "labels": "5",
}


def test_half_precision_and_shared_fakes():
    """And a run: --labels make the networks' sizes; the generator paints once a step, or twice."""
    statistics = {}
    for share_fakes in (True, False):
        recipe = run_cases.recipe(**RECIPE, precision="bfloat16", share_fakes=share_fakes, dont_care=255, batch_size=2)
        game = recipes.build_game(recipe, (32, 32, 3), 0, (32, 32, 1))
        assert (game.generator.labels, game.discriminator.channels) == (6, 9)
        inputs, photographs = pair(0, 32, 32, labels=6)
        logs = game.train_step((inputs[..., :1], photographs))
        assert all(np.isfinite(float(value)) for value in logs.values()) and float(logs["feature_matching_loss"]) > 0
        statistics[share_fakes] = float(game.generator.get_layer("head_0_norm_0").moving_variance[0])
    assert abs((1 - statistics[True]) * 1.9 - (1 - statistics[False])) < 0.02  # 0.1, then 0.19 of the way


def test_half_precision_with_styles():
    generator = "spade:width=1,hidden=3,style_dim=2,start=1"
    recipe = run_cases.recipe(**RECIPE | {"generator": generator}, precision="bfloat16", batch_size=2, style_weight=0.5)
    game = recipes.build_game(recipe, (32, 32, 3), 0, (32, 32, 1))
    inputs, photographs = pair(0, 32, 32, labels=5)
    before = [np.array(weight) for weight in game.generator.encoder.trainable_weights]
    logs = game.train_step((inputs[..., :1], photographs))
    assert all(np.isfinite(float(value)) for value in logs.values()) and float(logs["style_loss"]) > 0
    assert all(np.abs(one - two).max() > 0 for one, two in zip(before, game.generator.encoder.trainable_weights))


def test_size_that_is_no_multiple():
    message = (
        "^--image_size=48: --generator=spade:width=1,hidden=3 takes sides that are multiples of 32; take --image_size=64$"
    )
    with pytest.raises(UserError, match=message):
        recipes.build_game(run_cases.recipe(**RECIPE | {"image_size": 48}), (48, 48, 3), 0, (48, 48, 1))


@pytest.mark.parametrize(
    "flags, message",
    [
        ({"labels": None}, "--game=spade paints label maps: say what side A of --data=paired:a:b is, with --labels=NUMBER"),
        (
            {"generator": "resnet:width=2,blocks=1"},
            "--labels=5: --generator=resnet:width=2,blocks=1 takes pictures; take --gen",
        ),
        ({"game": "pix2pix", "generator": "unet:width=1"}, "--labels=5: --generator=unet:width=1 takes pictures; take"),
        ({"discriminator": "patchgan:width=2"}, "feature_weight: patch_gan.* has no features; take --discriminator=multi"),
        (
            {"batch_size": 1},
            "--batch_size=1 of 32x32 pixels leaves batch norm in .* one value of each channel; take --image_size=64",
        ),
        ({"batch_size": 4, "accumulate": 4}, "--batch_size=4 of 32x32 pixels in as many parts .* or at least 8 images"),
    ],
)
def test_what_does_not_go_together(flags, message):
    with pytest.raises(UserError, match=f"^[^\n]*{message}[^\n]*$"):
        recipes.build_game(run_cases.recipe(**RECIPE | flags), (32, 32, 3), 0, (32, 32, 1))
