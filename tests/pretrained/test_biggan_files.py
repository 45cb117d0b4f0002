"""G_ema.pth and D.pth of BigGAN, as a second implementation in PyTorch writes them: import, gradients, refusals."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans.errors import UserError
from keras_gans.layers.spectral_normalization import SpectralNormalization
from keras_gans.networks.biggan import BigGANDiscriminator, BigGANGenerator
from keras_gans.pretrained import importing
from keras_gans.pretrained.families import biggan as family
from keras_gans.pretrained.reference import NumPy
from keras_gans.trained.trained import Trained

torch = pytest.importorskip("torch", reason="the parity extra is not installed")
import torch_biggan as theirs  # noqa: E402

pytestmark = pytest.mark.parity

# What the presets have, narrow, at each size: the arguments of G and of D.
KINDS = {
    "cifar": ({"size": 32, "latent": 6}, {"size": 32}),
    "shared 64": ({"size": 64, "latent": 4, "shared": 5, "attention": 16}, {"size": 64, "width": 4, "attention": 16}),
    "imagenet 128": (
        {"size": 128, "latent": 12, "width": 2, "hierarchical": True, "shared": 5, "attention": 32},
        {"size": 128, "width": 4, "attention": 32},
    ),
}


def modules(kind):
    torch.manual_seed(3)
    of_g, of_d = KINDS[kind]
    made = theirs.Generator(**of_g), theirs.Discriminator(**of_d)
    for part in made[0].modules():
        if isinstance(part, torch.nn.Embedding):
            torch.nn.init.normal_(part.weight, std=0.2)  # with 1, gains multiply rounding at every norm
    for module in made * 5:  # near the singular values, not at them: a pass in evaluation is a step of its own
        theirs.iterate(module)
    return made


def test_published_presets_have_the_original_s_parameters():
    """Counted in ajbrock/BigGAN-PyTorch with the arguments of its two scripts; the tests below tie ours to these."""
    counts = []
    with torch.device("meta"):
        for of_g, of_d in (
            ({"size": 32, "latent": 128, "classes": 10, "width": 64}, {"size": 32, "classes": 10, "width": 64}),
            (
                {"size": 128, "latent": 120, "classes": 1000, "width": 96}
                | {"attention": 64, "hierarchical": True, "shared": 128},
                {"size": 128, "classes": 1000, "width": 96, "attention": 64},
            ),
        ):
            both = theirs.Generator(**of_g), theirs.Discriminator(**of_d)
            counts.append(tuple(sum(parameter.numel() for parameter in module.parameters()) for module in both))
    assert counts == [(4_304_387, 4_207_361), (70_433_988, 87_982_370)]


def written(directory, **networks):
    paths = [directory / f"{name}.pth" for name in networks]
    for path, network in zip(paths, networks.values()):
        torch.save(network.state_dict(), path)
    return importing.read(paths)


@pytest.mark.parametrize("kind", ["cifar", "imagenet 128"])
def test_values_and_gradients(kind):
    """Training outputs 1e-4, gradients of all weights 1e-3 of the largest in the tensor (1e-5 in the network)."""
    of_g, of_d = KINDS[kind]
    generator, discriminator = (module.double().train() for module in modules(kind))
    numbers = np.random.default_rng(0)
    latent, labels = numbers.normal(size=(3, of_g["latent"])), np.array([0, 2, 1], np.int32)
    images = numbers.uniform(-1, 1, (3, of_g["size"], of_g["size"], 3))
    width = of_g.get("width", 2)
    pairs = [
        (BigGANGenerator(**{"channels": 3, "num_classes": 3, "width": width} | theirs.ours(of_g)), latent, generator),
        (BigGANDiscriminator(**{"channels": 3, "num_classes": 3, "width": 2} | theirs.ours(of_d)), images, discriminator),
    ]
    for network, inputs, module in pairs:
        slots = (family.generator_slots if module is generator else family.discriminator_slots)(network)
        for name, slot in slots.items():
            slot.weight.assign(np.array(slot.convert(module.state_dict()[name].numpy()), "float32"))
        for layer in network._flatten_layers():
            if isinstance(layer, SpectralNormalization):
                family.settle(layer)
        for part in module.modules():
            if isinstance(part, theirs.Spectral):
                theirs.Spectral.iterate(part)
        with tf.GradientTape() as tape:
            made = network([tf.constant(inputs, tf.float32), tf.constant(labels)], training=True)
            value = tf.reduce_sum(made**2)
        gradients = dict(zip([v.path for v in network.trainable_weights], tape.gradient(value, network.trainable_weights)))
        inputs = torch.tensor(np.moveaxis(inputs, -1, 1) if inputs.ndim == 4 else inputs)
        expected = module(inputs, torch.tensor(labels, dtype=torch.int64))
        (expected**2).sum().backward()
        expected = expected.detach().numpy()
        expected = np.moveaxis(expected, 1, -1) if expected.ndim == 4 else expected
        np.testing.assert_allclose(made, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
        parameters = dict(module.named_parameters())
        assert {slots[name].weight.path for name in parameters} == set(gradients)
        largest = max(float(parameter.grad.abs().max()) for parameter in parameters.values())
        for name, parameter in parameters.items():
            other = slots[name].convert(parameter.grad.numpy())
            mine = np.asarray(tf.convert_to_tensor(gradients[slots[name].weight.path]))
            assert np.abs(mine - other).max() <= 1e-3 * np.abs(other).max() + 1e-5 * largest, name


@pytest.mark.parametrize("kind", ["cifar", "shared 64"])
def test_files_import_and_answer_the_same(tmp_path, kind):
    generator, discriminator = (module.eval() for module in modules(kind))
    files = written(tmp_path, D=discriminator, G_ema=generator)
    if kind == "shared 64":  # the second reference, which is used without PyTorch
        importing.make_run(files, tmp_path / "by_numpy", operations=NumPy())
    made = importing.make_run(files, tmp_path / "run")
    assert made.family == "biggan" and made.work == "sample" and max(made.differences.values()) < 2e-5
    opened, of_g = Trained.open(tmp_path / "run"), KINDS[kind][0]
    assert opened.num_classes == 3 and opened.generator.latent_dim == of_g["latent"]
    latent = np.random.default_rng(1).normal(size=(3, of_g["latent"])).astype("float32")
    labels = np.array([2, 0, 1], np.int32)
    with torch.no_grad():
        images = generator(torch.tensor(latent), torch.tensor(labels, dtype=torch.int64)).permute(0, 2, 3, 1)
    np.testing.assert_allclose(opened.infer([latent, labels]), images, rtol=0, atol=2e-5)
    assert opened.generator.attention == of_g.get("attention", 0)


def test_what_is_no_whole_biggan_is_refused_in_one_line(tmp_path):
    generator, discriminator = modules("cifar")
    with pytest.raises(UserError, match="discriminator, which makes no images; give its generator too"):
        importing.make_run(written(tmp_path, D=discriminator), tmp_path / "run")
    with pytest.raises(UserError, match="two of the same network of a BigGAN; give one, such as G_ema.pth"):
        importing.make_run(written(tmp_path, G=generator, G_ema=generator), tmp_path / "run")
    del generator.blocks[-1]
    with pytest.raises(UserError, match="a BigGAN generator of 2 blocks is none of 32, 64, 128, 256 pixels"):
        importing.make_run(written(tmp_path, G=generator), tmp_path / "run")
    assert not (tmp_path / "run").exists()
