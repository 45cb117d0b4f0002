"""Weight files -> runs: every family against PyTorch modules of the same names, whose files are made here."""

import numpy as np
import pytest

from keras_gans.data.images import to_uint8
from keras_gans.errors import UserError
from keras_gans.pretrained import importing, reference
from keras_gans.pretrained.families import stylegan2
from keras_gans.runs import report, training
from keras_gans.trained import recipes
from keras_gans.trained.trained import Trained
from keras_gans.using import Translator

torch = pytest.importorskip("torch", reason="the parity extra is not installed")

import run_cases  # noqa: E402
import torch_originals as originals  # noqa: E402
import weight_writers  # noqa: E402

pytestmark = pytest.mark.parity
BATCH = torch.nn.BatchNorm2d


def saved(tmp_path, value, name="file.pth", **options):
    torch.save(value, tmp_path / name, **options)
    return tmp_path / name


def imported(directory, *paths, **options):
    """Imports files; returns the run, opened as users do, after checking its record."""
    made = importing.make_run(importing.read(paths), directory / "run", **options)
    report.write(directory / "run")
    run = Trained.open(directory / "run")
    record = run.record["imported"]
    assert record["parity"]["differences"] == made.differences and record["family"] == made.family
    assert 0 <= record["parity"]["largest_difference"] < 1e-4
    assert set(record["files"]) == {path.name for path in paths}
    assert "largest_difference" in (run.directory / "report.html").read_text()
    return run


def planes(images):
    return torch.tensor(np.transpose(images, (0, 3, 1, 2)))


def pixels(tensor):
    return tensor.detach().permute(0, 2, 3, 1).numpy()


def pictures(*shape, seed=5):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def without_dropout(module):
    """In the mode of the authors' test, batch statistics, but for what is random."""
    for part in module.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
    return module.train()


def assert_equal(run, module, inputs):
    expected = pixels(module(planes(inputs)))
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(run.generator(inputs, training=False), expected, atol=1e-4)


# === translators ===


@pytest.mark.parametrize(
    "module, operations, random",
    [
        (lambda: originals.ResNet(), reference.Torch, False),
        (lambda: originals.ResNet(norm=BATCH, dropout=True, channels=1), reference.Torch, True),
        (lambda: originals.ResNet(blocks=1, antialias=True), reference.NumPy, False),
        (lambda: originals.Unet(depth=6), reference.Torch, True),
        (lambda: originals.Unet(depth=3, norm=torch.nn.InstanceNorm2d), reference.NumPy, True),
    ],
    ids=["CycleGAN", "pix2pix ResNet", "CUT", "pix2pix U-Net", "U-Net instance"],
)
def test_generators_of_junyanz(tmp_path, module, operations, random):
    module = originals.randomize(module())
    run = imported(tmp_path, saved(tmp_path, module.state_dict()), operations=operations())
    assert_equal(run, without_dropout(module), pictures(1, 64, 64, 3))
    assert operations.__name__ in run.record["imported"]["parity"]["reference"]
    assert run.random_at_test == random
    picture = to_uint8(pictures(40, 56, 3))
    assert Translator.of(run)(picture).shape[:2] == (40, 56)


def test_file_of_2017(tmp_path):
    """Instance norms with running statistics, which the authors drop; names with `module.`; PyTorch's older layout."""
    module = originals.randomize(
        originals.ResNet(norm=lambda channels: torch.nn.InstanceNorm2d(channels, track_running_stats=True))
    )
    state = {f"module.{name}": value for name, value in module.state_dict().items()}
    assert "module.model.2.running_mean" in state
    run = imported(tmp_path, saved(tmp_path, state, _use_new_zipfile_serialization=False))
    assert_equal(run, module.train(), pictures(1, 32, 32, 3))


def test_arguments_of_as_win(tmp_path):
    """Batch norm by moving statistics, for what was tested with --eval."""
    module = originals.randomize(originals.ResNet(norm=BATCH))
    run = imported(tmp_path, saved(tmp_path, module.state_dict()), kind="resnet:norm=batch")
    assert_equal(run, module.eval(), pictures(2, 32, 32, 3))


GENERATIONS = {
    "esrgan": [
        ("conv_body", "trunk_conv"),
        ("body.", "RRDB_trunk."),
        ("rdb", "RDB"),
        ("conv_up", "upconv"),
        ("conv_hr", "HRconv"),
    ],
    "old": [
        (".weight", ".0.weight"),
        (".bias", ".0.bias"),
        ("conv_body.0", "model.1.sub.2"),
        ("body.", "model.1.sub."),
        ("rdb", "RDB"),
        ("conv_first.0", "model.0"),
        ("conv_up1.0", "model.3"),
        ("conv_up2.0", "model.6"),
        ("conv_hr.0", "model.8"),
        ("conv_last.0", "model.10"),
    ],
    "new": [],
}


@pytest.mark.parametrize("generation, scale", [("new", 4), ("esrgan", 2), ("old", 1)])
def test_rrdb(tmp_path, generation, scale):
    module = originals.randomize(originals.RRDBNet(scale=scale))
    state = {}
    for name, value in module.state_dict().items():
        for before, behind in GENERATIONS[generation]:
            name = name.replace(before, behind)
        state[name] = value
    if generation == "new":
        path = saved(tmp_path, {"params": {name: 0 * value for name, value in state.items()}, "params_ema": state})
    else:
        path = weight_writers.safetensors(
            tmp_path / "net.safetensors", {name: array.numpy() for name, array in state.items()}
        )
    run = imported(tmp_path, path)
    assert run.record["imported"]["part"] == ("params_ema" if generation == "new" else "")
    inputs = pictures(1, 16, 24, 3)
    expected = 2 * pixels(module((planes(inputs) + 1) / 2)) - 1
    assert expected.shape == (1, 16 * scale, 24 * scale, 3) and np.abs(expected).max() > 0.1
    np.testing.assert_allclose(run.generator(inputs), expected, atol=1e-4)


def test_fine_tuning_takes_all_weights(tmp_path):
    """As `generator_ab` of CycleGAN; and where layers of two parts have one name, weight by weight."""
    module = originals.randomize(originals.ResNet())
    run = imported(tmp_path, saved(tmp_path, module.state_dict()))
    recipe = run_cases.recipe(
        data="unpaired:a:b",
        game="cyclegan",
        generator="resnet:width=4,blocks=2",
        discriminator="patchgan:width=4",
        loss="least_squares",
        image_size=32,
    )
    game = recipes.build_game(recipe, (32, 32, 3), 0, (32, 32, 3))
    training.init_from(game, run.networks(training.names(game)))
    inputs = pictures(1, 32, 32, 3)
    np.testing.assert_allclose(game.translate(inputs), pixels(module(planes(inputs))), atol=1e-4)
    assert Trained.playing(game).generator is game.ema_ab


# === style transfer ===


@pytest.fixture(scope="module")
def adain(tmp_path_factory):
    """The modules, and the run made of their two files."""
    directory = tmp_path_factory.mktemp("adain")
    encoder, decoder = map(originals.randomize, originals.sequential_of_adain())
    paths = saved(directory, encoder.state_dict(), "vgg.pth"), saved(directory, decoder.state_dict(), "decoder.pth")
    return encoder, decoder, imported(directory, *paths)


def test_adain(adain):
    encoder, decoder, run = adain
    content, style = pictures(1, 32, 40, 3), pictures(1, 48, 32, 3, seed=6)
    features, of_style = (encoder((planes(images) + 1) / 2) for images in (content, style))
    deviation, mean = torch.std_mean(of_style, (2, 3), correction=0, keepdim=True)
    mixed = torch.nn.functional.instance_norm(features) * deviation + mean  # epsilon 1e-5 on the content alone
    expected = 2 * pixels(decoder(mixed)) - 1
    assert np.std(expected) > 0.01
    np.testing.assert_allclose(run.generator([content, style]), expected, atol=1e-4)


def test_half_of_adain_is_refused(tmp_path, adain):
    path = adain[2].directory.parent / "decoder.pth"
    with pytest.raises(UserError, match="two files, decoder.pth and vgg_normalised.pth"):
        importing.make_run(importing.read([path]), tmp_path / "run")


def test_fine_tuning_of_adain(adain):
    """Layers of its encoder and decoder have the same names."""
    *_, run = adain
    recipe = run_cases.recipe(data="unpaired:a:b", game="adain", generator="adain:encoder=vgg19,pretrained=false")
    game = recipes.build_game(recipe, (32, 32, 3), 0, (32, 32, 3))
    copied, count = training.init_from(game, run.networks(training.names(game)))
    assert copied == count
    for one, other in zip(game.ema.get_weights(), run.generator.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


# === StyleGAN2 ===


@pytest.mark.parametrize(
    "classes, protocol, operations, whole, compared",
    [
        (0, 3, reference.Torch, 16, {"what 16x16 adds", "image", "logits"}),
        (3, 4, reference.NumPy, 8, {"layers of 16x16", "discriminator's layers of 16x16", "logits"}),
    ],
    ids=["as a whole", "classes, the largest layers by themselves"],
)
def test_stylegan2(tmp_path, monkeypatch, classes, protocol, operations, whole, compared):
    monkeypatch.setattr(stylegan2, "_WHOLE", whole)
    torch.manual_seed(0)
    modules = {
        "G": originals.Generator(c_dim=classes),
        "D": originals.Discriminator(c_dim=classes),
        "G_ema": originals.Generator(c_dim=classes),
        "augment_pipe": None,
        "training_set_kwargs": {"class_name": "Dataset", "max_size": 7},
    }
    source = f"open({str(tmp_path / 'was_here')!r}, 'w')"
    path = weight_writers.networks(tmp_path / "net.pkl", modules, source, protocol)
    run = imported(tmp_path, path, operations=operations())
    assert not (tmp_path / "was_here").exists()
    assert compared <= run.record["imported"]["parity"]["differences"].keys()
    assert run.num_classes == classes and run.latent == "normal"
    latent = np.random.default_rng(1).normal(size=(4, 6)).astype(np.float32)
    label = np.array([0, 2, 1, 2], np.int32) if classes else None
    c = torch.nn.functional.one_hot(torch.tensor(label).long(), 3).float() if classes else torch.zeros(4, 0)
    networks = run.networks(["generator", "discriminator"])
    for generator, module in ((networks["generator"], modules["G"]), (run.generator, modules["G_ema"])):
        np.testing.assert_allclose(
            generator.mapping(latent if label is None else [latent, label]),
            module.mapping(torch.tensor(latent), c).detach(),
            atol=1e-4,
        )
        for psi in (1.0, 0.6):
            image = pixels(module(torch.tensor(latent), c, psi)[-1])
            assert image.std() > 0.5
            np.testing.assert_allclose(generator.synthesize(generator.styles(latent, label, psi)), image, atol=1e-4)
    logits = modules["D"](planes(image), c).detach().numpy()
    assert logits.std() > 0.01
    made = networks["discriminator"](image if label is None else [image, label], training=False)
    np.testing.assert_allclose(made, logits, atol=1e-4)
    assert np.concatenate(list(run.generate(5, seed=1))).shape == (5, 16, 16, 3)


def test_stylegan2_of_one_network_and_with_another_discriminator(tmp_path):
    torch.manual_seed(0)
    module, other = originals.Generator(), originals.Discriminator()
    del other.b16.skip, other.b8.skip  # the "orig" architecture of the CIFAR-10 networks
    run = imported(tmp_path, weight_writers.networks(tmp_path / "net.pkl", {"G_ema": module, "D": other}))
    assert run.recipe["discriminator"] == "none" and set(run.networks(["generator", "discriminator"])) == {"generator"}
    path = weight_writers.safetensors(
        tmp_path / "net.safetensors", {name: value.numpy() for name, value in module.state_dict().items()}
    )
    again = imported(tmp_path / "again", path)
    latent = np.zeros((1, 6), np.float32) + 0.5
    np.testing.assert_array_equal(run.generator(latent), again.generator(latent))


def in_tensorflow(module):
    """Returns the variables of a generator or a discriminator as StyleGAN2's TensorFlow code names and stores them."""
    variables = {}
    for name, tensor in module.state_dict().items():
        array, words = tensor.numpy(), name.split(".")
        if name == "mapping.w_avg":
            variables["dlatent_avg"] = array
        elif words[0] == "mapping":
            variables[f"mapping/Dense{words[1][2:]}/{words[2]}"] = array.T
        elif name == "synthesis.b4.const":
            variables["synthesis/4x4/Const/const"] = array[None]
        elif words[0] == "synthesis" and words[-1] == "noise_const":
            size = int(words[1][1:]).bit_length() - 1
            variables[f"synthesis/noise{2 * size - (5 if words[2] == 'conv0' else 4)}"] = array[None, None]
        elif words[-1] != "resample_filter":
            size = words[-3 if words[-2] != "affine" else -4][1:]
            layer = words[-2 if words[-2] != "affine" else -3]
            if words[0] == "synthesis":
                layer = {"conv0": "Conv0_up", "conv1": "Conv" if size == "4" else "Conv1", "torgb": "ToRGB"}[layer]
                place = f"synthesis/{size}x{size}/{layer}"
            else:
                layer = {"fromrgb": "FromRGB", "conv0": "Conv0", "conv1": "Conv1_down", "skip": "Skip", "conv": "Conv"}.get(
                    layer, {"fc": "Dense0", "out": "Output"}.get(layer)
                )
                place = "Output" if layer == "Output" else f"{size}x{size}/{layer}"
            if words[-2] == "affine":
                variables[f"{place}/mod_{words[-1]}"] = array.T if words[-1] == "weight" else array - 1
            elif array.ndim == 4:
                array = array.transpose(2, 3, 1, 0)
                variables[f"{place}/weight"] = array[::-1, ::-1].copy() if layer == "Conv0_up" else array
            else:
                variables[f"{place}/{words[-1]}"] = array.T
    return variables


def test_stylegan2_of_tensorflow(tmp_path):
    torch.manual_seed(0)
    generators, judge = [originals.Generator() for _ in range(2)], originals.Discriminator()
    written = [in_tensorflow(module) for module in (generators[0], judge, generators[1])]
    run = imported(tmp_path, weight_writers.tensorflow_networks(tmp_path / "net.pkl", written))
    networks = run.networks(["generator", "discriminator"])
    latent = np.random.default_rng(1).normal(size=(2, 6)).astype(np.float32)
    for network, module in zip((networks["generator"], run.generator), generators):
        image = pixels(module(torch.tensor(latent), torch.zeros(2, 0))[-1])
        np.testing.assert_allclose(network.synthesize(network.styles(latent)), image, atol=1e-4)
    logits = judge(planes(image), torch.zeros(2, 0)).detach().numpy()
    np.testing.assert_allclose(networks["discriminator"](image, training=False), logits, atol=1e-4)
    other = weight_writers.tensorflow_networks(tmp_path / "other.pkl", [{"4x4/Conv/weight": np.zeros((3, 3, 1, 1))}])
    with pytest.raises(UserError, match="of another kind than StyleGAN2"):
        importing.read([other])


# === trouble ===


def test_tensors_are_listed_by_name_with_the_nearest_expected(tmp_path):
    state = originals.ResNet().state_dict()
    state["model.1.weights"] = state.pop("model.1.bias")
    state["model.12.weight"] = torch.zeros(8, 8, 3, 3)
    path = saved(tmp_path, state)
    with pytest.raises(UserError) as caught:
        importing.make_run(importing.read([path]), tmp_path / "run")
    message = str(caught.value)
    assert f"{path} does not fit resnet:blocks=2" in message and "\n" not in message
    assert "missing model.1.bias;" in message
    assert "unexpected model.1.weights (nearest expected: model.1.weight)" in message
    assert "of another shape model.12.weight (8x8x3x3, expected 16x8x3x3)" in message
    assert not (tmp_path / "run").exists()


def test_another_network_and_another_filter_are_refused(tmp_path):
    path = saved(tmp_path, torch.nn.Sequential(torch.nn.Linear(2, 3)).state_dict())
    for kind, says in (
        (None, "holds 2 tensors, such as 0.weight, 0.bias: no network that is known here"),
        ("unet", "--as=unet: expected are tensors such as model.model.1"),
        ("u_net", "did you mean 'unet'"),
    ):
        with pytest.raises(UserError, match=says):
            importing.make_run(importing.read([path]), tmp_path / "run", kind)
    module = originals.ResNet(antialias=True)
    module.model[7].filt.mul_(2)
    with pytest.raises(UserError, match="model.7.filt resamples with another filter"):
        importing.make_run(importing.read([saved(tmp_path, module.state_dict())]), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_outputs_that_differ_are_refused(tmp_path):
    module = originals.ResNet()
    module.model[1].weight.data[0, 0, 0, 0] = float("nan")
    with pytest.raises(UserError, match="differs from PyTorch .* by nan .*nothing was written"):
        importing.make_run(importing.read([saved(tmp_path, module.state_dict())]), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_in_use_is_refused(tmp_path):
    path = saved(tmp_path, originals.ResNet().state_dict())
    with pytest.raises(UserError, match="is in use; name a new folder"):
        importing.make_run(importing.read([path]), tmp_path)
    assert list(tmp_path.iterdir()) == [path]
