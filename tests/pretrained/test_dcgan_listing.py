"""The textbooks' DCGAN: state dicts of its two networks, made by plain PyTorch, import and answer the same."""

import helpers
import numpy as np
import pytest

from keras_gans.errors import UserError
from keras_gans.pretrained import importing
from keras_gans.runs import training
from keras_gans.trained.folder import Folder
from keras_gans.trained.trained import Trained

torch = pytest.importorskip("torch", reason="the parity extra is not installed")
from torch import nn  # noqa: E402

pytestmark = pytest.mark.parity


class Generator(nn.Module):
    def __init__(self, latent=100, channels=1, width=128):
        super().__init__()
        self.conv1 = nn.ConvTranspose2d(latent, 4 * width, 4, 1, 0, bias=False)
        self.bn1 = nn.BatchNorm2d(4 * width)
        self.conv2 = nn.ConvTranspose2d(4 * width, 2 * width, 4, 2, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(2 * width)
        self.conv3 = nn.ConvTranspose2d(2 * width, width, 4, 2, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.conv4 = nn.ConvTranspose2d(width, channels, 4, 2, 1, bias=False)

    def forward(self, z):
        z = torch.relu(self.bn1(self.conv1(z)))
        z = torch.relu(self.bn2(self.conv2(z)))
        z = torch.relu(self.bn3(self.conv3(z)))
        return torch.tanh(self.conv4(z))


class Discriminator(nn.Module):
    def __init__(self, channels=1, width=64):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 4, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(2 * width)
        self.conv3 = nn.Conv2d(2 * width, 4 * width, 4, 2, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.conv4 = nn.Conv2d(4 * width, 1, 4, 1, 0, bias=False)

    def forward(self, x):
        for conv, norm in ((self.conv1, self.bn1), (self.conv2, self.bn2), (self.conv3, self.bn3)):
            x = nn.functional.leaky_relu(norm(conv(x)), 0.2)
        return self.conv4(x)


def lived(network):
    """With weights and statistics as after some training."""
    torch.manual_seed(0)
    for name, tensor in network.state_dict().items():
        if name.endswith("running_mean"):
            tensor.copy_(0.1 * torch.randn(tensor.shape))
        elif name.endswith(("running_var", "bn1.weight", "bn2.weight", "bn3.weight")):
            tensor.copy_(0.5 + torch.rand(tensor.shape))
        elif name.endswith("bias"):
            tensor.copy_(0.1 * torch.randn(tensor.shape))
    return network.eval()


def written(directory, **networks):
    paths = [directory / f"{name}.pth" for name in networks]
    for path, network in zip(paths, networks.values()):
        torch.save(network.state_dict(), path)
    return importing.read(paths)


def test_listing_has_as_many_weights_as_the_textbook_says():
    assert sum(weight.numel() for weight in Discriminator().parameters()) == 661_376
    assert sum(weight.numel() for weight in Generator().parameters()) == 3_444_480


@pytest.mark.parametrize("channels, widths", [(1, (128, 64)), (3, (4, 8))], ids=["listing", "narrow, in colour"])
def test_both_networks_import_and_answer_the_same(tmp_path, channels, widths):
    generator = lived(Generator(channels=channels, width=widths[0]))
    discriminator = lived(Discriminator(channels, widths[1]))
    made = importing.make_run(written(tmp_path, d=discriminator, g=generator), tmp_path / "run")
    assert made.family == "dcgan" and made.work == "sample" and max(made.differences.values()) < 1e-5
    assert made.flags["generator"] == f"dcgan:width={widths[0]}"
    assert made.flags["discriminator"] == f"dcgan:width={widths[1]},norm=all"

    opened = Trained.open(tmp_path / "run")
    latent = np.random.default_rng(1).normal(size=(3, 100)).astype("float32")
    with torch.no_grad():
        images = generator(torch.tensor(latent)[:, :, None, None])
        logits = discriminator(images)[:, :, 0, 0]
    np.testing.assert_allclose(opened.infer(latent), images.permute(0, 2, 3, 1), rtol=0, atol=1e-5)
    assert (opened.generator.count_params(), opened.record["parameters"]["discriminator"]) == tuple(
        sum(t.numel() for name, t in network.state_dict().items() if "num_batches" not in name)
        for network in (generator, discriminator)
    )
    np.testing.assert_allclose(
        judge(tmp_path / "run", images.permute(0, 2, 3, 1).numpy(), channels), logits, rtol=0, atol=1e-5
    )


def judge(directory, images, channels):
    """What the imported discriminator answers."""
    from keras_gans.trained import checkpoints, networks, recipes

    folder = Folder(directory)
    built = recipes.build_networks(folder.recipe, folder.record, ("generator", "discriminator"))
    checkpoints.load(networks.Networks(**built), folder.checkpoint_path(0))
    return built["discriminator"](images, training=False)


def test_generator_alone_imports_and_the_discriminator_alone_is_refused(tmp_path):
    made = importing.make_run(written(tmp_path, g=lived(Generator(width=4))), tmp_path / "run")
    assert list(made.differences) == ["images of two random latents"] and "discriminator" not in made.flags
    with pytest.raises(UserError, match="discriminator, which makes no images; give its generator too"):
        importing.make_run(written(tmp_path, d=lived(Discriminator(width=4))), tmp_path / "other")


def test_training_goes_on_from_an_import(tmp_path, capsys):
    narrow = lived(Generator(latent=8, width=4)), lived(Discriminator(width=4))
    importing.make_run(written(tmp_path, g=narrow[0], d=narrow[1]), tmp_path / "run")
    tuned = helpers.recipe(
        tmp_path / "tuned",
        "--discriminator=dcgan:width=4,norm=all",
        f"--init_from={tmp_path / 'run'}",
        "--kimg=0.008",
        "--sample_kimg=0",
    )
    training.train(tuned)
    assert "of" in capsys.readouterr().out
