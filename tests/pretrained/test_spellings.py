"""Networks under other names than their authors', and in other formats: known by the shapes and the order of their layers."""

import numpy as np
import pytest
import test_cli
import weight_writers

from keras_gans.errors import UserError
from keras_gans.pretrained import importing
from keras_gans.trained.trained import Trained

torch = pytest.importorskip("torch", reason="the parity extra is not installed")
import torch_originals as originals  # noqa: E402
from test_importing import pictures, pixels, planes, saved, without_dropout  # noqa: E402
from torch import nn  # noqa: E402

pytestmark = pytest.mark.parity


def scrambled(module):
    """Returns the tensors with the names of their modules changed, in their order."""
    state, names = {}, {}
    for name, tensor in module.state_dict().items():
        prefix, _, part = name.rpartition(".")
        state[f"net.l{names.setdefault(prefix, len(names))}x.{part}"] = tensor
    return state


def imported(directory, *paths, kind=None):
    """Returns what was made, and the run."""
    made = importing.make_run(importing.read(paths), directory / "run", kind)
    assert max(made.differences.values()) < 1e-4
    return made, Trained.open(directory / "run")


def check(run, expected, *inputs):
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(run.generator(inputs[0] if len(inputs) == 1 else list(inputs)), expected, rtol=0, atol=1e-4)


def array(tensor):
    return tensor.detach().numpy()


def test_cyclegan_with_affine_norms_and_biases_in_front_of_them(tmp_path, capsys):
    module = originals.randomize(originals.ResNet(norm=lambda channels: nn.InstanceNorm2d(channels, affine=True)))
    path = saved(tmp_path, scrambled(module))
    process = test_cli.call(capsys, "import", f"--from={path}", f"--run={tmp_path / 'run'}")
    assert process.returncode == 0, process.stderr
    assert (
        "9 biases in front of norms are left out, since the norms' means take them away: model.1.bias, ..." in process.stdout
    )
    inputs = pictures(1, 32, 32, 3)
    check(Trained.open(tmp_path / "run"), pixels(module(planes(inputs))), inputs)


def test_unet(tmp_path):
    module = originals.randomize(originals.Unet(depth=4))
    _, run = imported(tmp_path, saved(tmp_path, scrambled(module)), kind="unet:dropout=0")
    inputs = pictures(1, 16, 16, 3)
    check(run, pixels(without_dropout(module)(planes(inputs))), inputs)


def test_rrdb_of_ncnn(tmp_path):
    module = originals.randomize(originals.RRDBNet(scale=4, blocks=1))
    layers = [(array(part.weight), array(part.bias)) for part in module.modules() if isinstance(part, nn.Conv2d)]
    text, data = weight_writers.ncnn(layers)
    (tmp_path / "net.param").write_bytes(text)
    (tmp_path / "net.bin").write_bytes(data)
    made, run = imported(tmp_path, tmp_path / "net.bin")
    assert made.flags["generator"].startswith("rrdb:blocks=1,width=6,growth=4,scale=4")
    assert set(run.record["imported"]["files"]) == {"net.param", "net.bin"}
    inputs = pictures(1, 8, 8, 3)
    check(run, 2 * pixels(module((planes(inputs) + 1) / 2)) - 1, inputs)


def test_dcgan_of_the_tutorial(tmp_path):
    def up(inputs, outputs, stride):
        return nn.ConvTranspose2d(inputs, outputs, 4, stride, stride - 1, bias=False)

    def down(inputs, outputs, *rest):
        return nn.Conv2d(inputs, outputs, 4, *rest, bias=False)

    norm, relu, leaky = nn.BatchNorm2d, nn.ReLU(), nn.LeakyReLU(0.2)
    parts = [up(6, 16, 1), norm(16), relu, up(16, 8, 2), norm(8), relu, up(8, 4, 2), norm(4), relu, up(4, 3, 2), nn.Tanh()]
    judge = [down(3, 4, 2, 1), leaky, down(4, 8, 2, 1), norm(8), leaky, down(8, 16, 2, 1), norm(16), leaky, down(16, 1)]
    generator, judge = (originals.randomize(nn.Sequential(*network)).eval() for network in (parts, judge))
    paths = [saved(tmp_path, scrambled(network), f"{index}.tar") for index, network in enumerate((judge, generator))]
    made, run = imported(tmp_path, *paths)
    assert made.flags["discriminator"] == "dcgan:width=4,norm=inner" and run.image_shape == (32, 32, 3)
    assert {"images of two random latents", "logit of a random picture"} == made.differences.keys()
    latent = np.random.default_rng(1).normal(size=(2, 6)).astype(np.float32)
    check(run, pixels(generator(torch.tensor(latent)[:, :, None, None])), latent)


class SRVGG(nn.Module):
    """Pixels in [0, 1]."""

    def __init__(self, scale=3, width=5, depth=2):
        super().__init__()
        self.scale, parts, inputs = scale, [], 3
        for _ in range(depth + 1):
            parts += [nn.Conv2d(inputs, width, 3, 1, 1), nn.PReLU(width)]
            inputs = width
        self.body = nn.Sequential(*parts, nn.Conv2d(width, 3 * scale**2, 3, 1, 1))

    def forward(self, x):
        return nn.functional.pixel_shuffle(self.body(x), self.scale) + nn.functional.interpolate(x, scale_factor=self.scale)


def test_srvgg_of_two_files_and_of_tensorflowjs(tmp_path):
    modules = [originals.randomize(SRVGG(), seed) for seed in (0, 1)]
    paths = [saved(tmp_path, {"params": module.state_dict()}, f"{index}.pth") for index, module in enumerate(modules)]
    blend, state = SRVGG(), {}
    for name, tensor in modules[0].state_dict().items():
        state[name] = 0.8 * tensor + 0.2 * modules[1].state_dict()[name]
    blend.load_state_dict(state)
    inputs = pictures(1, 6, 9, 3)
    made, run = imported(tmp_path, *paths, kind="srvgg:denoise=0.8")
    assert made.flags["generator"] == "srvgg:scale=3,width=5,depth=2,channels=3,input_channels=3"
    assert run.record["imported"]["arguments"]["denoise"] == 0.8 and run.generator.scale == 3
    assert (run.input_shape, run.image_shape) == ((85, 85, 3), (255, 255, 3))
    check(run, 2 * pixels(blend((planes(inputs) + 1) / 2)) - 1, inputs)
    with pytest.raises(UserError, match=r"denoise=1.5 should be in \[0, 1\]"):
        importing.make_run(importing.read(paths), tmp_path / "other", "srvgg:denoise=1.5")
    weights = []
    for index, part in enumerate(modules[0].body):
        name = f"layer_{index // 2}"
        if isinstance(part, nn.Conv2d):
            weights += [
                (f"{name}/kernel", array(part.weight.permute(2, 3, 1, 0)).copy()),
                (f"{name}/bias", array(part.bias)),
            ]
        else:
            weights.append((f"slopes_{index // 2}/alpha", array(part.weight)[None, None]))
    text, data = weight_writers.tfjs(weights)
    (tmp_path / "model.json").write_bytes(text)
    (tmp_path / "numbers.bin").write_bytes(data)
    _, run = imported(tmp_path / "tfjs", tmp_path / "model.json")
    check(run, 2 * pixels(modules[0]((planes(inputs) + 1) / 2)) - 1, inputs)


class SRResNet(nn.Module):
    """As ports have it: convolutions with biases, a slope for all channels, tanh at the end; pixels in [0, 1] at the begin."""

    def __init__(self, width=4, blocks=2):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, width, 9, 1, 4), nn.PReLU())
        self.blocks = nn.ModuleList(
            nn.Sequential(
                *(nn.Conv2d(width, width, 3, 1, 1), nn.BatchNorm2d(width), nn.PReLU()),
                *(nn.Conv2d(width, width, 3, 1, 1), nn.BatchNorm2d(width)),
            )
            for _ in range(blocks)
        )
        self.body = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1), nn.BatchNorm2d(width))
        self.up = nn.Sequential(nn.Conv2d(width, 4 * width, 3, 1, 1), nn.PixelShuffle(2), nn.PReLU())
        self.last = nn.Conv2d(width, 3, 9, 1, 4)

    def forward(self, x):
        first = x = self.first(x)
        for block in self.blocks:
            x = x + block(x)
        return torch.tanh(self.last(self.up(first + self.body(x))))


def test_srresnet_with_biases_and_one_slope(tmp_path):
    module = originals.randomize(SRResNet()).eval()
    made, run = imported(tmp_path, saved(tmp_path, module.state_dict()), kind="srresnet:activation=tanh")
    assert made.flags["generator"].startswith("srresnet:blocks=2,width=4,scale=2")
    inputs = pictures(1, 6, 10, 3)
    check(run, pixels(module((planes(inputs) + 1) / 2)), inputs)


def test_multi_style_with_a_width_for_each_layer(tmp_path):
    draw, styles, widths = np.random.default_rng(0), 3, (4, 6, 8, 8, 8, 5, 2, 3)
    initial, nodes = {}, []
    for index, (inputs, outputs) in enumerate(zip((3, *widths), widths)):
        side = 5 if index in (0, 7) else 3
        initial[f"w{index}"] = (draw.normal(size=(outputs, inputs, side, side)) / side / inputs**0.5).astype(np.float32)
        initial |= {
            f"n{index}.{part}": draw.normal(1, 0.5, (styles, outputs)).astype(np.float32) for part in ("gamma", "beta")
        }
        nodes += [
            ("Conv", ["x", f"w{index}"], "y", {}),
            *(("Mul", ["s", f"n{index}.{p}"], "z", {}) for p in ("gamma", "beta")),
        ]
    (tmp_path / "net.onnx").write_bytes(weight_writers.onnx(initial, nodes))
    made, run = imported(tmp_path, tmp_path / "net.onnx")
    spec = "multi_style:num_styles=3,widths=4-6-8-5-2,blocks=1,kernel_size=5,channels=3"
    assert (made.flags["generator"], made.work) == (spec, "stylize")
    weights = {name: torch.tensor(value) for name, value in initial.items()}
    inputs, shares = pictures(1, 20, 24, 3), np.float32([[0.2, 0.5, 0.3]])

    def layer(x, index, stride=1):
        kernel = weights[f"w{index}"]
        x = nn.functional.pad(x, (kernel.shape[2] // 2,) * 4, "reflect")
        x = nn.functional.instance_norm(nn.functional.conv2d(x, kernel, stride=stride))
        gamma, beta = ((torch.tensor(shares) @ weights[f"n{index}.{part}"])[:, :, None, None] for part in ("gamma", "beta"))
        return gamma * x + beta

    x = (planes(inputs) + 1) / 2
    for index in range(3):
        x = layer(x, index, 1 + (index > 0)).relu()
    x = x + layer(layer(x, 3).relu(), 4)
    for index in (5, 6):
        x = layer(nn.functional.interpolate(x, scale_factor=2), index).relu()
    check(run, 2 * pixels(torch.sigmoid(layer(x, 7))) - 1, inputs, shares)


def test_names_are_changed_by_hand_and_the_nearest_family_is_told(tmp_path, capsys):
    state = {name.replace(".conv_block.", ".b."): tensor for name, tensor in originals.ResNet().state_dict().items()}
    del state["model.19.weight"], state["model.19.bias"]
    path = saved(tmp_path, state)
    says = "the nearest is resnet:blocks=2,width=4,norm=instance: 18 of 20 tensors fit"
    test_cli.refused(capsys, "import", f"--from={path}", f"--run={tmp_path / 'run'}", says=says)
    words = ("import", f"--from={path}", f"--run={tmp_path / 'run'}")
    test_cli.refused(
        capsys, *words, "--rename=.b.:.conv_block.", says="18 of 20 tensors fit; missing model.19.weight, model.19.bias"
    )
    for rename, says in (
        (".zz.:.conv_block.", "--rename=.zz.:.conv_block. renames nothing; "),
        ("weight:bias", "gives two tensors of"),
        (".b.", "--rename=.b. should be OLD:NEW"),
    ):
        test_cli.refused(capsys, *words, f"--rename={rename}", says=says)
    assert not (tmp_path / "run").exists()
