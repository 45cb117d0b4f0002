"""`keras-gans filter`: TFLite models on pictures of any size, against NumPy; and that TensorFlow is not needed."""

import subprocess
import sys

import numpy as np
import picture_cases
import pytest
import tensorflow as tf
from PIL import Image

from keras_gans.cli import main
from keras_gans.exporting import archive, metadata
from keras_gans.exporting.endpoint import Endpoint

ARRAYS = np.random.default_rng(0)


def model(path, function, *shapes, details=(), second="mask", output="images"):
    """Writes a TFLite model of a function of `images` (and `mask`)."""
    inputs = {name: (tf.TensorSpec([1, *shape]), "") for name, shape in zip(("images", second), shapes)}
    endpoint = Endpoint("serving_default", lambda *values: {output: function(*values)}, inputs, {}, None, 0)
    folder = path.with_suffix("")
    archive.write([endpoint], folder)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=["serving_default"])
    path.write_bytes(metadata.added(converter.convert(), dict(details)))
    return path


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")

    def grown(images):
        return tf.repeat(tf.repeat(1 - images, 2, 1), 2, 2)

    return {
        "negative": model(folder / "negative.tflite", lambda images: 1 - images, (32, 32, 3)),
        "oblong": model(folder / "oblong.tflite", lambda images: 1 - images, (32, 48, 3)),
        "grey": model(folder / "grey.tflite", lambda images: tf.concat([images, images, 1 - images], -1), (32, 32, 1)),
        "larger": model(folder / "larger.tflite", grown, (16, 16, 3), details={"scale": 2}),
        "free": model(folder / "free.tflite", lambda images: 1 - images, (None, None, 3), details={"multiple": 8}),
        "any": model(
            folder / "any_style_transfer_x.tflite",
            lambda images, style: 0 * images + style,
            (32, 32, 3),
            (1, 1, 3),
            second="style",
        ),
        "mean": model(
            folder / "any_style_predict_x.tflite",
            lambda images: tf.reduce_mean(images, (1, 2), keepdims=True),
            (16, 16, 3),
            output="style",
        ),
        "alone": model(
            folder / "alone_style_transfer_x.tflite",
            lambda images, style: 0 * images + style,
            (32, 32, 3),
            (1, 1, 3),
            second="style",
        ),
        "numbered": model(
            folder / "numbered.tflite", lambda images, weights: 0 * images + weights, (32, 32, 3), (3,), second="weights"
        ),
        "holes": model(folder / "holes.tflite", lambda images, mask: images * 0 + mask, (32, 32, 3), (32, 32, 1)),
    }


def picture(path, height, width):
    pixels = ARRAYS.integers(0, 256, (height, width, 3), np.uint8)
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(path)
    return pixels


def filtered(model, source, out, *flags):
    code = main(["filter", f"--model={model}", f"--input={source}", f"--out={out}", *flags])
    assert code == 0
    return np.asarray(Image.open(out / f"{source.stem}.png"))


@pytest.mark.parametrize("name", ["negative", "free"])
@pytest.mark.parametrize("size", [(32, 32), (50, 71), (9, 3), (33, 140)])
def test_every_pixel_goes_through(models, tmp_path, name, size):
    pixels = picture(tmp_path / "in" / "a.png", *size)
    flags = ["--tile=64", "--threads=2"] if name == "free" else []
    np.testing.assert_array_equal(filtered(models[name], tmp_path / "in/a.png", tmp_path / "out", *flags), 255 - pixels)


def test_grey_and_growing_models(models, tmp_path):
    pixels = picture(tmp_path / "in" / "a.png", 40, 37)
    made = filtered(models["grey"], tmp_path / "in/a.png", tmp_path / "grey")
    luma = np.asarray(Image.fromarray(pixels).convert("L"))
    np.testing.assert_array_equal(made, np.stack([luma, luma, 255 - luma], -1))
    made = filtered(models["larger"], tmp_path / "in/a.png", tmp_path / "larger")
    np.testing.assert_array_equal(made, 255 - pixels.repeat(2, 0).repeat(2, 1))


def test_resized_pictures_keep_their_size(models, tmp_path):
    shades = np.full((100, 61, 3), 200, np.uint8)
    (tmp_path / "in").mkdir()
    Image.fromarray(shades).save(tmp_path / "in" / "a.png")
    for name in ("negative", "oblong"):
        made = filtered(models[name], tmp_path / "in/a.png", tmp_path / name, "--fit=resize")
        np.testing.assert_array_equal(made, 255 - shades)


def test_masks(models, tmp_path, capsys):
    pixels = picture(tmp_path / "in" / "a.png", 45, 50)
    mask = np.zeros((45, 50), np.uint8)
    mask[5:20, 30:] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    made = filtered(models["holes"], tmp_path / "in/a.png", tmp_path / "out", f"--mask={tmp_path / 'mask.png'}")
    np.testing.assert_array_equal(made, np.where(mask[..., None], 255, pixels))
    arguments = [f"--input={tmp_path / 'in'}", f"--out={tmp_path / 'out'}"]
    assert main(["filter", f"--model={models['holes']}", *arguments]) == 2
    assert "--mask is missing" in capsys.readouterr().err
    assert main(["filter", f"--model={models['negative']}", f"--mask={tmp_path / 'mask.png'}", *arguments]) == 2
    assert "fills no holes" in capsys.readouterr().err


def test_pairs_draw_in_any_style(models, tmp_path):
    """The mean colour of the style, by a model that lies beside the other."""
    source = tmp_path / "in" / "a.png"
    picture(source, 40, 37)
    for name, color in (("red", (200, 0, 0)), ("blue", (0, 0, 100))):
        Image.new("RGB", (50, 20), color).save(tmp_path / f"{name}.png")
    made = filtered(models["any"], source, tmp_path / "out", f"--style={tmp_path}/red.png")
    np.testing.assert_array_equal(made, np.full((40, 37, 3), (200, 0, 0)))
    made = filtered(models["any"], source, tmp_path / "out", f"--style={tmp_path}/red.png", f"--style={tmp_path}/blue.png")
    np.testing.assert_array_equal(made, np.full((40, 37, 3), (100, 0, 50)))
    made = filtered(models["numbered"], source, tmp_path / "out", "--style=2", "--style=0")
    np.testing.assert_array_equal(made, np.full((40, 37, 3), (128, 0, 128)))


def test_kinds_of_pictures_reach_the_model_upright_in_srgb_over_white(models, tmp_path):
    """The phone's model is given tensors; this verb decodes for it as docs/pictures.md promises."""
    cases = picture_cases.cases()
    (tmp_path / "in").mkdir()
    for number, case in enumerate(cases.values()):
        (tmp_path / "in" / f"{number}.png").write_bytes(case.data)
    arguments = [f"--model={models['free']}", f"--input={tmp_path / 'in'}", f"--out={tmp_path / 'out'}"]
    assert main(["filter", *arguments]) == 0
    for number, (name, case) in enumerate(cases.items()):
        made = np.asarray(Image.open(tmp_path / "out" / f"{number}.png")).astype(int)
        assert made.shape == case.shows.shape and np.abs(255 - made - case.shows).max() <= 1, name
    rgba = picture_cases.smooth()
    Image.fromarray(rgba).save(tmp_path / "a.png")
    arguments = [f"--model={models['larger']}", f"--input={tmp_path / 'a.png'}", f"--out={tmp_path / 'kept'}"]
    assert main(["filter", *arguments, "--alpha=keep"]) == 0
    whole = Image.fromarray(rgba[..., 3]).resize((2 * rgba.shape[1], 2 * rgba.shape[0]), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "kept/a.png"))[..., 3], whole)


def test_animations_stay_animations(models, tmp_path):
    frames = [Image.new("RGB", (40, 36), color) for color in ("white", "black")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=80)
    assert (
        main(["filter", f"--model={models['negative']}", f"--input={tmp_path / 'a.gif'}", f"--out={tmp_path / 'out'}"]) == 0
    )
    with Image.open(tmp_path / "out" / "a.gif") as made:
        assert made.n_frames == 2 and made.size == (40, 36) and made.convert("RGB").getpixel((9, 9)) == (0, 0, 0)


@pytest.mark.parametrize(
    "name, flags, words",
    [
        (
            "negative",
            ["--model=/nowhere.tflite"],
            "--model=/nowhere.tflite is not there",
        ),
        ("negative", ["--model={input}"], "is no TFLite model"),
        ("oblong", [], "takes 48x32 pixels, and tiles are square; take --fit=resize"),
        ("free", ["--fit=resize"], "takes pictures of any size"),
        ("any", [], "--style is missing: "),
        ("any", ["--style=/nowhere.png"], "--style=/nowhere.png is "),
        ("alone", ["--style={input}"], "alone_style_predict_x.tflite is not beside it"),
        ("numbered", ["--style=3"], "take 0 to 2"),
        ("negative", ["--style=1"], "has one style of its own"),
        ("negative", ["--input=/nowhere"], "--input=/nowhere does not exist"),
    ],
)
def test_mistakes_are_one_line(models, tmp_path, capsys, name, flags, words):
    picture(tmp_path / "in" / "a.png", 20, 20)
    flags = [flag.format(input=tmp_path / "in/a.png") for flag in flags]
    arguments = [f"--model={models[name]}", f"--input={tmp_path / 'in/a.png'}", f"--out={tmp_path / 'out'}", *flags]
    assert main(["filter", *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1


def test_other_models_are_refused(tmp_path, capsys):
    path = model(tmp_path / "two.tflite", lambda images: images, (8, 8, 3))
    folder = tmp_path / "latents"
    archive.write(
        [
            Endpoint(
                "serving_default", lambda latent: {"images": latent}, {"latent": (tf.TensorSpec([1, 4]), "")}, {}, None, 0
            )
        ],
        folder,
    )
    path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(folder)).convert())
    picture(tmp_path / "in" / "a.png", 20, 20)
    assert main(["filter", f"--model={path}", f"--input={tmp_path / 'in'}", f"--out={tmp_path / 'out'}"]) == 2
    assert "makes images of latent; a filter makes images of images" in capsys.readouterr().err


def test_nothing_of_tensorflow_is_imported(models, tmp_path):
    pixels = picture(tmp_path / "in" / "a.png", 40, 40)
    code = f"""
import sys
from keras_gans.cli import main
assert main(["filter", "--model={models["negative"]}", "--input={tmp_path / "in"}", "--out={tmp_path / "out"}"]) == 0
assert main(["predict", "--server=http://127.0.0.1:9", "--model=a", "--out={tmp_path / "out"}", "--retries=0"]) == 2  # REST
foreign = {{"tensorflow", "keras"}} & set(sys.modules)
assert not foreign, foreign
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "error: http://127.0.0.1:9/v1/models/a" in done.stderr
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out" / "a.png")), 255 - pixels)
