"""Runs that paint label maps: the verb, the SavedModel and the phone models give what Keras gives."""

import keras
import numpy as np
import pytest
import run_cases
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from keras_gans import cli
from keras_gans.data import images
from keras_gans.errors import UserError
from keras_gans.exporting import archive, painters, saved_model, tflite
from keras_gans.games.game import power_iterate
from keras_gans.layers.batch_norm import BatchNorm
from keras_gans.layers.label_map import EveryOther, LabelMap, Modulation
from keras_gans.layers.spectral_normalization import SpectralNormalization
from keras_gans.networks.translator import Translator
from keras_gans.registry import GENERATORS
from keras_gans.trained import checkpoints, recipes
from keras_gans.trained.folder import Folder
from keras_gans.trained.trained import Trained
from keras_gans.using import Translator as Translating


class Small(Translator):
    """A painter with each kind of layer that SPADE's generator has, whose graph is written in a twentieth of the time."""

    def __init__(self, labels, channels=3, input_channels=1, **kwargs):
        def convolve(filters, name):
            return keras.layers.Conv2D(filters, 3, padding="same", name=name)

        maps = keras.Input((None, None, input_channels))
        semantics = LabelMap(labels, input_channels == 2, name="labels")(maps)
        quarter = EveryOther(4, name="quarter")(semantics)
        x = BatchNorm(center=False, scale=False, name="norm")(convolve(8, "first")(quarter))
        x = Modulation(name="modulation")(x, *(convolve(8, name)(quarter) for name in ("gamma", "beta")))
        for index in range(2):
            x = keras.layers.LeakyReLU(0.2, name=f"relu_{index}")(x)
            x = SpectralNormalization(convolve(8, f"plain_{index}"), name=f"spectral_{index}")(x)
            x = keras.layers.UpSampling2D(2, interpolation="nearest", name=f"doubled_{index}")(x)
        x = convolve(channels, "last")(keras.layers.Concatenate(name="both")([x, semantics]))
        super().__init__(maps, keras.layers.Activation("tanh", dtype="float32", name="tanh")(x), **kwargs)
        self.multiple = 4
        self.config = {"labels": labels, "channels": channels, "input_channels": input_channels}

    def semantics(self, maps):
        return self.get_layer("labels")(maps)

    def get_config(self):
        return dict(self.config)


COLORS = np.array([[200, 10, 30], [0, 90, 200], [90, 180, 60]], np.uint8)


def make_run(folder, name, **flags):
    """Writes a run with random weights, its label maps in indices and in colours, instance maps and photographs."""
    random = np.random.default_rng(0)
    for number in range(12):
        coarse = random.integers(0, 3, (4, 4), np.uint8)
        maps = np.kron(coarse, np.ones([8, 8], np.uint8))
        for kind, pixels in {"maps": maps, "colors": COLORS[maps], "photos": random.integers(0, 256, (32, 32, 3))}.items():
            (folder / kind).mkdir(exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / kind / f"{number:02d}.png")
    (folder / "palette").write_text("".join(f"{r} {g} {b} kind {r}\n" for r, g, b in COLORS))
    recipe = run_cases.recipe(
        **{
            "data": f"paired:{folder}/maps:{folder}/photos",
            "image_size": 32,
            "game": "supervised",
            "reconstruction": ["l1"],
            "generator": "small",
        }
        | flags
    )
    source = recipes.build_source(recipe)
    game = recipes.build_game(recipe, source.image_shape, 0, source.input_shape)
    for weight in game.ema.weights:
        if len(weight.shape) > 1:
            weight.assign(random.normal(0, np.prod(weight.shape[:-1]) ** -0.5, weight.shape))
        elif "moving_variance" in weight.path:
            weight.assign(random.uniform(0.5, 1.5, weight.shape))
    for _ in range(15):  # what the spectral norms know is of the kernels before
        power_iterate(game.ema)
    run, data = Folder(folder / name), {"spec": recipe["data"], "fingerprint": "f" * 64, "class_names": []}
    data |= {"image_shape": source.image_shape, "input_shape": source.input_shape, "labels": source.labels.describe()}
    run.write_record(recipe=recipe, seed=0, versions={}, parameters={}, data=data)
    checkpoints.save(game, run.checkpoint_path(7))
    return run.directory


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs: of indices with 255 for no label, and of a palette with edges."""
    folder = tmp_path_factory.mktemp("painting")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(GENERATORS._parts, "small", Small)
        yield _runs(folder)


def _runs(folder):
    colored = {"data": f"paired:{folder}/colors:{folder}/photos", "labels": f"{folder}/palette"}
    return {
        "indices": make_run(folder, "indices", labels="3", dont_care=255),
        "colors": make_run(folder, "colored", **colored, instances=f"{folder}/maps"),
    }


def specimen(kind, height, width):
    """Returns a label map as `Labels` reads it, and its file."""
    coarse = np.random.default_rng(5).integers(0, 3, (4, 5), np.uint8)
    maps = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.NEAREST)).copy()
    if kind == "colors":
        return maps, images.encode_png(COLORS[maps])
    maps[:5, :7] = 3
    return maps, images.encode_png(np.where(maps == 3, np.uint8(255), maps)[..., None])


@pytest.mark.parametrize("kind", ["indices", "colors"])
def test_verb_and_signatures_paint_what_keras_paints(kind, runs, tmp_path, capsys):
    """The palette is gone: the record has it. A SavedModel of one kind is written, which compares all signatures with Keras."""
    palette = runs[kind].parent / "palette"
    hidden = palette.rename(tmp_path / "gone")
    try:
        run = Trained.open(runs[kind])
        maps, file = specimen(kind, 38, 64)
        (tmp_path / "map.png").write_bytes(file)
        words = ["translate", f"--run={runs[kind]}", f"--input={tmp_path}/map.png", f"--out={tmp_path}/out"]
        assert cli.main(words) == 0
        painted = np.asarray(Image.open(tmp_path / "out/map.png", formats=["PNG"]))
        inputs = run.labels.inputs(file, edges=kind == "colors")
        np.testing.assert_array_equal(inputs[..., 0], maps)
        whole = images.to_model(np.pad(inputs, [(0, 2), (0, 0), (0, 0)], "reflect")[None])
        expected = images.to_uint8(np.asarray(run.generator(whole, training=False)))[0, :38]
        np.testing.assert_array_equal(painted, expected)
        assert painted.std() > 10
        wrong = images.encode_png(np.full([32, 32, 3 if kind == "colors" else 1], 77, np.uint8))
        (tmp_path / "map.png").write_bytes(wrong)
        assert cli.main(words) == 2
        said = {
            "colors": "the colour 77 77 77 is none of its 3",
            "indices": "77, but labels go from 0 to 2, and 255 for none",
        }
        assert said[kind] in capsys.readouterr().err
        if kind == "colors":
            call = archive.session(saved_model.export(run, tmp_path / "served"))
        else:
            signatures = {one.name: one.function for one in painters.endpoints(run)}

            def call(name, given):
                return signatures[name](**{key: tf.constant(value) for key, value in given.items()})

        (made,) = call("translate", {"image_bytes": np.array([file], object)})["images_bytes"]
        assert np.abs(tf.io.decode_png(made).numpy().astype(int) - expected).max() <= 1
        refused = {
            "colours that are not in the palette|indices from 0 to 2, and 255": (
                "translate",
                "image_bytes",
                np.array([wrong], object),
            ),
            "multiples of 4, not": ("serving_default", "labels", np.zeros([1, 32, 42, 1], np.uint8)),
            "labels: there are indices from 0 to 2": ("serving_default", "labels", np.full([1, 32, 32, 1], 3, np.uint8)),
        }
        for message, (name, key, value) in refused.items():
            with pytest.raises(tf.errors.InvalidArgumentError, match=message):
                call(name, {key: value})
    finally:
        hidden.rename(palette)


@pytest.mark.parametrize("kind, option", [("indices", "mobile_gpu"), ("colors", "resizable")])
def test_phones_take_indices(kind, option, runs, tmp_path):
    """In float16 and int8, and as Keras paints."""
    run, gpu = Trained.open(runs[kind]), option == "mobile_gpu"
    variants = ("float16", "int8") if gpu else ("float16",)
    models = tflite.export_variants(run, tmp_path, variants=variants, keep=variants, **{option: True})
    maps, _ = specimen(kind, 32, 32 if gpu else 64)
    whole = painters._Painter(run)._whole(maps[None, ..., None])
    expected = np.clip((np.asarray(run.generator(whole, training=False)) + 1) / 2, 0, 1)
    report = (tmp_path / "tflite_report.md").read_text()
    for model, floor in zip(models, (50, 25)):
        interpreter = Interpreter(model_path=str(model.path))
        given = interpreter.get_input_details()[0]
        assert given["dtype"] == (np.float32 if gpu else np.uint8)
        runner = interpreter.get_signature_runner("serving_default")
        made = runner(labels=maps[None, ..., None].astype(given["dtype"]))["images"]
        error = np.mean((made - expected) ** 2)
        print(model.name, f"{-10 * np.log10(error):.1f} dB")
        assert made.shape == expected.shape and expected.std() > 0.03 and -10 * np.log10(error) > floor
        assert model.name in report and " dB" in report


def test_pictures_are_no_label_maps(runs):
    with pytest.raises(UserError, match=r"^this network paints label maps of 1 channel\(s\), and takes no pictures$"):
        Translating.of(Trained.open(runs["indices"]))(np.zeros([32, 32, 3], np.uint8))
