"""CartoonGAN and AnimeGANv2: whole steps, the warm-up among them, beside the authors' written in PyTorch."""

import keras
import numpy as np
import plain_edges
import pytest
import tensorflow as tf
import whole_step
from keras import layers

from keras_gans.games import cartoongan
from keras_gans.games.animegan import AnimeGAN
from keras_gans.games.cartoongan import CartoonGAN
from keras_gans.networks.animegan import AnimeGANGenerator
from keras_gans.networks.cartoongan import CartoonGANDiscriminator, CartoonGANGenerator

torch = pytest.importorskip("torch", reason="the parity extra is not installed")
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402
from torch.nn.functional import leaky_relu, relu  # noqa: E402

SIZE, RATE = 16, 1e-4


class Judge:
    """In the place of VGG19: two convolutions of fixed weights, with the layer that the games ask for."""

    name = "vgg19"

    def __init__(self):
        image = keras.Input((None, None, 3))
        hidden = layers.Conv2D(4, 3, 2, "same", activation="softplus", name="hidden")(image)
        self.model = keras.Model(image, layers.Conv2D(5, 3, padding="same", name="conv4_4")(hidden))
        random = np.random.default_rng(2)
        for weight in self.model.weights:
            weight.assign(random.normal(0, 0.3, weight.shape))

    def taps(self, names):
        assert names == ["conv4_4"]
        return lambda images: [self.model(images)]

    def in_torch(self, x):
        k_0, b_0, k_1, b_1 = (torch.tensor(np.asarray(weight), dtype=torch.float64) for weight in self.model.weights)
        x = functional.conv2d(functional.pad(x, (0, 1, 0, 1)), k_0.permute(3, 2, 0, 1), b_0, 2)
        return functional.conv2d(functional.softplus(x), k_1.permute(3, 2, 0, 1), b_1, padding=1)


@pytest.fixture
def judge(monkeypatch):
    judge = Judge()
    monkeypatch.setattr(cartoongan, "create_perceptual", lambda spec: judge)
    return judge


def pictures(seed, count=2):
    """Photographs of noise, and drawings with flat parts, in 8 bits."""
    random = np.random.default_rng(seed)
    photographs = random.uniform(-1, 1, (count, SIZE, SIZE, 3))
    blocks = random.integers(0, 256, (count, 4, 4, 3)).repeat(4, 1).repeat(4, 2)
    drawings = np.where(np.arange(SIZE)[:, None, None] < 6, blocks[:, :1, :1], blocks) / 127.5 - 1
    return tf.constant(photographs, tf.float32), tf.constant(drawings, tf.float32)


def compiled(game, seed=3):
    """With SGD, and weights of a size that makes full use of their range."""
    random = np.random.default_rng(seed)
    for weight in (weight for name in game.network_names() for weight in getattr(game, name).trainable_weights):
        if len(weight.shape) > 1:
            weight.assign(random.normal(0, np.prod(weight.shape[:-1]) ** -0.5, weight.shape))
        else:
            weight.assign(np.asarray(weight) + random.normal(0, 0.1, weight.shape))
    game.ema.set_weights(game.generator.get_weights())
    game.compile(*(keras.optimizers.SGD(RATE) for _ in game.players))
    return game


class Modules(nn.Module):
    def convolution(self, name, *sides, **keywords):
        self.add_module(f"{name}_conv", nn.Conv2d(*sides, **keywords))


class LayerNorm(nn.Module):
    """`tf.contrib.layers.layer_norm`: over height, width and channels."""

    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        centred = x - x.mean((1, 2, 3), keepdim=True)
        x = centred / (centred.square().mean((1, 2, 3), keepdim=True) + 1e-12).sqrt()
        return x * self.weight[:, None, None] + self.bias[:, None, None]


def enlarged(x):
    """`tf.image.resize_images` of TensorFlow 1 to twice the sides."""
    for axis in (2, 3):
        after = torch.cat([x.narrow(axis, 1, x.shape[axis] - 1), x.narrow(axis, x.shape[axis] - 1, 1)], axis)
        x = torch.stack([x, (x + after) / 2], axis + 1).flatten(axis, axis + 1)
    return x


class Anime(Modules):
    """`G_net` of `net/generator.py`."""

    def __init__(self, w=2):
        super().__init__()
        self.plan = [("full_0", 3, w, 7, 1), ("half_0", w, 2 * w, 3, 2), ("half_1", 2 * w, 2 * w, 3, 1)]
        self.plan += [("quarter_0", 2 * w, 4 * w, 3, 2), *((f"quarter_{i}", 4 * w, 4 * w, 3, 1) for i in (1, 2))]
        self.tail = [("quarter_3", 8 * w, 4 * w, 3, 1), *((f"half_{i}", 4 * w, 4 * w, 3, 1) for i in (2, 3))]
        self.tail += [("full_1", 4 * w, 2 * w, 3, 1), ("full_2", 2 * w, 2 * w, 3, 1), ("full_3", 2 * w, w, 7, 1)]
        for name, inputs, outputs, size, stride in self.plan + self.tail:
            self.convolution(name, inputs, outputs, size, stride, bias=False)
            self.add_module(f"{name}_norm", LayerNorm(outputs))
        for index, inputs in enumerate((4 * w, 8 * w, 8 * w, 8 * w)):
            name = f"block_{index}"
            self.convolution(f"{name}_expand", inputs, 2 * inputs, 1, bias=False)
            self.add_module(f"{name}_depthwise", nn.Conv2d(2 * inputs, 2 * inputs, 3, groups=2 * inputs))
            self.convolution(f"{name}_project", 2 * inputs, 8 * w, 1, bias=False)
            for part, channels in (("expand", 2 * inputs), ("depthwise", 2 * inputs), ("project", 8 * w)):
                self.add_module(f"{name}_{part}_norm", LayerNorm(channels))
        self.convolution("to_image", w, 3, 1, bias=False)

    def unit(self, x, name, size, stride):
        before = 0 if stride == 2 else size // 2
        x = functional.pad(x, (before, size // 2, before, size // 2), "reflect")
        return leaky_relu(getattr(self, f"{name}_norm")(getattr(self, f"{name}_conv")(x)), 0.2)

    def forward(self, x):
        for name, _, _, size, stride in self.plan:
            x = self.unit(x, name, size, stride)
        for name in (f"block_{index}" for index in range(4)):
            y = leaky_relu(getattr(self, f"{name}_expand_norm")(getattr(self, f"{name}_expand_conv")(x)), 0.2)
            y = getattr(self, f"{name}_depthwise")(functional.pad(y, (1, 1, 1, 1), "reflect"))
            y = leaky_relu(getattr(self, f"{name}_depthwise_norm")(y), 0.2)
            y = getattr(self, f"{name}_project_norm")(getattr(self, f"{name}_project_conv")(y))
            x = x + y if x.shape == y.shape else y
        for name, _, _, size, stride in self.tail:
            x = self.unit(enlarged(x) if name in ("half_2", "full_1") else x, name, size, stride)
        return torch.tanh(self.to_image_conv(x))


class Cartoon(Modules):
    """`Transformer` of the released weights, with two residual blocks."""

    def __init__(self, w=2):
        super().__init__()
        self.convolution("full", 3, w, 7)
        for name, inputs in (("half", w), ("quarter", 2 * w)):
            self.convolution(f"{name}_0", inputs, 2 * inputs, 3, stride=2, padding=1)
            self.convolution(f"{name}_1", 2 * inputs, 2 * inputs, 3, padding=1)
        for name in ("block_0_0", "block_0_1", "block_1_0", "block_1_1"):
            self.convolution(name, 4 * w, 4 * w, 3)
        for name, inputs in (("up_half", 4 * w), ("up_full", 2 * w)):
            self.add_module(f"{name}_0", nn.ConvTranspose2d(inputs, inputs // 2, 3, 2, 1, 1))
            self.convolution(f"{name}_1", inputs // 2, inputs // 2, 3, padding=1)
        norms = [("full", w), ("half", 2 * w), ("quarter", 4 * w), ("up_half", 2 * w), ("up_full", w)]
        norms += [(f"block_{i}_{j}", 4 * w) for i in (0, 1) for j in (0, 1)]
        for name, channels in norms:
            self.add_module(f"{name}_norm", nn.InstanceNorm2d(channels, affine=True))
        self.convolution("to_image", w, 3, 7)

    def reflected(self, x, name, pixels):
        return getattr(self, f"{name}_conv")(functional.pad(x, 4 * (pixels,), "reflect"))

    def forward(self, x):
        x = relu(self.full_norm(self.reflected(x, "full", 3)))
        x = relu(self.half_norm(self.half_1_conv(self.half_0_conv(x))))
        x = relu(self.quarter_norm(self.quarter_1_conv(self.quarter_0_conv(x))))
        for name in ("block_0", "block_1"):
            y = relu(getattr(self, f"{name}_0_norm")(self.reflected(x, f"{name}_0", 1)))
            x = x + getattr(self, f"{name}_1_norm")(self.reflected(y, f"{name}_1", 1))
        x = relu(self.up_half_norm(self.up_half_1_conv(self.up_half_0(x))))
        x = relu(self.up_full_norm(self.up_full_1_conv(self.up_full_0(x))))
        return torch.tanh(self.reflected(x, "to_image", 3))


class Spectral(nn.Conv2d):
    """A convolution whose kernel is divided by its spectral norm, as u and v see it."""

    def __init__(self, inputs, outputs, stride=1):
        super().__init__(inputs, outputs, 3, stride, 1, bias=False)
        self.register_buffer("u", torch.zeros(outputs))
        self.register_buffer("v", torch.zeros(9 * inputs))

    def matrix(self):
        return self.weight.permute(2, 3, 1, 0).flatten(0, 2)

    def iterate(self):
        with torch.no_grad():
            self.v.copy_(functional.normalize(self.matrix() @ self.u, dim=0))
            self.u.copy_(functional.normalize(self.matrix().T @ self.v, dim=0))

    def forward(self, x):
        return functional.conv2d(x, self.weight / (self.v @ self.matrix() @ self.u), None, self.stride, 1)


class Patches(nn.Module):
    """`D_net`: spectral norms and layer norms, or (CartoonGAN) biases and instance norms."""

    def __init__(self, w=2, spectral=True):
        super().__init__()

        def add(name, inputs, outputs, stride=1):
            layer = Spectral(inputs, outputs, stride) if spectral else nn.Conv2d(inputs, outputs, 3, stride, 1)
            self.add_module(name, layer)
            if name.startswith(("wide", "last")):
                norm = LayerNorm(outputs) if spectral else nn.InstanceNorm2d(outputs, affine=True)
                self.add_module(f"{name}_norm", norm)

        add("first", 3, w)
        for index, inputs in enumerate((w, 4 * w)):
            add(f"half_{index}", inputs, 2 * w << index, 2)
            add(f"wide_{index}", 2 * w << index, 4 * w << index)
        add("last", 8 * w, 8 * w)
        add("to_logits", 8 * w, 1)

    def forward(self, x):
        for name in ("first", "half_0", "wide_0", "half_1", "wide_1", "last"):
            x = getattr(self, name)(x)
            x = leaky_relu(getattr(self, f"{name}_norm", nn.Identity())(x), 0.2)
        return self.to_logits(x)


def smoothed(drawings):
    """The same made by loops, of float64 [n, c, h, w]."""
    pixels = np.rint((drawings.permute(0, 2, 3, 1).numpy() + 1) * 127.5).astype(np.uint8)
    return whole_step.to_torch(np.stack([plain_edges.smoothed(picture) for picture in pixels]) / 127.5 - 1)


class Step(whole_step.Second):
    """A step of content alone, then steps of both players."""

    warm_up, judge, content_weight = 1, None, 10.0

    def step(self, photographs, drawings, draws):
        fake = self.generator(photographs)
        shown = self.judge.in_torch(fake)
        content = self.content_weight * (shown - self.judge.in_torch(photographs)).abs().mean()
        if self.warm_up:
            self.warm_up -= 1
            self.descend("generator", content)
            losses = {"content_loss": content, "generator_loss": content, "discriminator_loss": 0.0}
        else:
            losses = self.discriminate(drawings, fake.detach())
            losses |= self.generate(photographs, drawings, fake, shown, content) | {"content_loss": content}
        self.average("ema", 0.0)
        return losses


class CartoonStep(Step):
    """Equations 1 to 4, with the loss that does not saturate."""

    def judged(self, images, goal):
        answer = self.discriminator(images)
        return functional.binary_cross_entropy_with_logits(answer, torch.full_like(answer, goal))

    def discriminate(self, drawings, fake):
        two = self.judged(drawings, 1.0) + self.judged(fake, 0.0)
        smooth = self.judged(smoothed(drawings), 0.0)
        self.descend("discriminator", two + smooth)
        return {"discriminator_loss": two, "smooth_loss": smooth}

    def generate(self, photographs, drawings, fake, shown, content):
        adversarial = self.judged(fake, 1.0)
        self.descend("generator", adversarial + content)
        return {"generator_loss": adversarial}


class AnimeStep(Step):
    """`AnimeGANv2.py` with the weights of "Hayao"."""

    content_weight = 1.5

    def squares(self, images, goal):
        return (self.discriminator(images) - goal).square().mean()

    def discriminate(self, drawings, fake):
        for layer in self.discriminator.children():
            if isinstance(layer, Spectral):
                layer.iterate()
        real, fake, gray, blur = (
            self.squares(images, goal)
            for images, goal in ((drawings, 1), (fake, 0), (luma(drawings), 0), (luma(smoothed(drawings)), 0))
        )
        self.descend("discriminator", 300 * (1.2 * real + 1.2 * fake + 1.2 * gray + 0.8 * blur))
        return {"discriminator_loss": (real + fake) / 2, "grey_loss": gray / 2, "smooth_loss": 0.8 / 1.2 * blur / 2}

    def generate(self, photographs, drawings, fake, shown, content):
        texture = self.judge.in_torch(luma(drawings))
        style = 2.5 * (gram(shown) - gram(texture)).abs().mean()
        (y, u, v), (y_0, u_0, v_0) = yuv(fake), yuv(photographs)
        color = 15 * ((y - y_0).abs().mean() + functional.huber_loss(u, u_0) + functional.huber_loss(v, v_0))
        variation = sum((fake.diff(dim=axis).square().sum() / 2) / fake.diff(dim=axis).numel() for axis in (2, 3))
        adversarial = self.squares(fake, 1)
        self.descend("generator", 300 * adversarial + content + style + color + variation)
        return {
            "generator_loss": adversarial / 2,
            "style_loss": style,
            "color_loss": color,
            "total_variation_loss": variation,
        }


def luma(x):
    grey = 0.299 * x[:, 0] + 0.587 * x[:, 1] + 0.114 * x[:, 2]
    return torch.stack([grey] * 3, 1)


def gram(x):
    rows = x.flatten(2)
    return rows @ rows.transpose(1, 2) / x[0].numel()


def yuv(x):
    """`tf.image.rgb_to_yuv` of [0, 1]."""
    matrix = [[0.299, 0.587, 0.114], [-0.14714119, -0.28886916, 0.43601035], [0.61497538, -0.51496512, -0.10001026]]
    return torch.einsum("kc,nchw->knhw", torch.tensor(matrix, dtype=x.dtype), (x + 1) / 2)


@pytest.mark.parity
@pytest.mark.parametrize("name", ["cartoongan", "animegan"])
def test_step_is_the_authors(name, judge):
    if name == "cartoongan":
        networks = CartoonGANGenerator(width=2, blocks=2), CartoonGANDiscriminator(width=2)
        game = CartoonGAN(*networks, "non_saturating", warmup_kimg=0.002, batch_size=2)
        modules, kind = {"generator": Cartoon(), "discriminator": Patches(spectral=False)}, CartoonStep
    else:
        networks = AnimeGANGenerator(width=2), CartoonGANDiscriminator(width=2, norm="layer", spectral=True)
        game = AnimeGAN(*networks, "least_squares", warmup_kimg=0.002, batch_size=2)
        modules, kind = {"generator": Anime(), "discriminator": Patches()}, AnimeStep
        kind.names = {f"block_{i}_depthwise/kernel": (f"block_{i}_depthwise.weight", (2, 3, 0, 1)) for i in range(4)}
    second = kind(compiled(game), modules, RATE)
    second.judge = judge
    # The gradient of a bias in front of a norm is rounding.
    assert whole_step.compare(game, second, [pictures(seed) for seed in range(3)], floor=1e-2) < 1e-4
