"""`keras-gans sample` on small runs: what it writes, that the seed decides the pixels, and what it refuses."""

import numpy as np
import pytest
import run_cases
from PIL import Image, ImageSequence

from keras_gans import grids
from keras_gans.cli import main
from keras_gans.trained.trained import Trained


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return run_cases.make_run(tmp_path_factory.mktemp("runs") / "plain", **run_cases.UNCONDITIONAL)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    return run_cases.make_run(tmp_path_factory.mktemp("runs") / "labelled", **run_cases.CONDITIONAL)


def sample(run, out, *flags):
    return main(["sample", f"--run={run}", f"--out={out}", *flags])


def pixels(path):
    return np.asarray(Image.open(path).convert("L"))


def images(run, **arguments):
    return np.concatenate(list(Trained.open(run).generate(**arguments)))


def test_grid_holds_the_runs_images_and_the_seed_decides_them(plain, tmp_path, capsys):
    assert sample(plain, tmp_path / "a.png", "--count=10", "--seed=3") == 0
    assert capsys.readouterr().out == f"wrote {tmp_path / 'a.png'}\n"
    np.testing.assert_array_equal(pixels(tmp_path / "a.png"), grids.grid(images(plain, count=10, seed=3))[..., 0])
    assert sample(plain, tmp_path / "b.png", "--count=10", "--seed=3") == 0
    assert sample(plain, tmp_path / "c.png", "--count=10", "--seed=4") == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert np.mean(pixels(tmp_path / "a.png") != pixels(tmp_path / "c.png")) > 0.5


@pytest.mark.parametrize("folder", ["files", "v1.5/"])
def test_folder_gets_single_files(plain, tmp_path, capsys, folder):
    assert sample(plain, f"{tmp_path}/{folder}", "--count=70") == 0
    assert capsys.readouterr().out == f"wrote 70 images to {tmp_path}/{folder}\n"
    paths = sorted((tmp_path / folder).iterdir())
    assert [path.name for path in paths] == [f"{number:06d}.png" for number in range(70)]
    np.testing.assert_array_equal([pixels(path) for path in paths], images(plain, count=70, seed=0)[..., 0])


def test_labels_are_names_or_numbers_and_take_turns(labelled, tmp_path):
    assert sample(labelled, tmp_path / "a.png", "--count=4", "--label=bag", "--label=0") == 0
    expected = images(labelled, count=4, seed=0, labels=[2, 0, 2, 0])
    np.testing.assert_array_equal(pixels(tmp_path / "a.png"), grids.grid(expected)[..., 0])
    assert not np.array_equal(expected, images(labelled, count=4, seed=0, labels=[0, 0, 0, 0]))


def test_animation_visits_the_latents_and_comes_back(plain, tmp_path):
    assert sample(plain, tmp_path / "a.gif", "--count=3", "--frames=4", "--fps=10") == 0
    gif = Image.open(tmp_path / "a.gif")
    assert gif.info["duration"] == 100
    frames = [np.asarray(frame.convert("L")) for frame in ImageSequence.Iterator(gif)]
    assert len(frames) == 12
    # A latent in a batch of another size may round to the next grey.
    np.testing.assert_allclose(np.array(frames[::4], int), images(plain, count=3, seed=0)[..., 0], atol=1)
    steps = [np.abs(np.subtract(frames[index], frames[index - 1], dtype=int)).mean() for index in range(12)]
    assert max(steps) < 3 * np.mean(steps)  # no jump, not where the loop closes either


def test_animation_of_a_run_with_labels_has_a_cell_per_class(labelled, tmp_path):
    av = pytest.importorskip("av", reason="the video extra is not installed")
    assert sample(labelled, tmp_path / "a.gif", "--count=2", "--frames=2") == 0
    assert sample(labelled, tmp_path / "b.gif", "--count=2", "--frames=2", "--label=shoe") == 0
    assert sample(labelled, tmp_path / "a.mp4", "--count=2", "--frames=2") == 0
    three, one = pixels(tmp_path / "a.gif"), pixels(tmp_path / "b.gif")
    assert three.shape == (38, 38) and one.shape == (20, 20)
    np.testing.assert_allclose(one[2:18, 2:18].astype(int), three[2:18, 20:36], atol=1)
    with av.open(str(tmp_path / "a.mp4")) as film:
        assert [(frame.height, frame.width) for frame in film.decode(video=0)] == [(38, 38)] * 4


@pytest.mark.parametrize(
    "run, flags, message",
    [
        ("plain", ["--label=shirt"], "was trained without labels; leave the flag out"),
        ("labelled", ["--label=shirts"], "known are shirt, shoe, bag, or 0 to 2; did you mean 'shirt'?"),
        ("labelled", ["--label=3"], "known are shirt, shoe, bag, or 0 to 2"),
        ("plain", ["--truncation=-0.7"], "--truncation=-0.7: the largest value of a latent should be above 0"),
        ("plain", ["--out=a.jpg"], "should end in .png (a grid), .gif or .mp4 (an animation), or be a folder"),
        ("plain", ["--count=0"], "--count=0"),
        ("plain", ["--checkpoint=best"], "has no best checkpoint yet"),
        ("plain", ["--out=/proc/nowhere/a.png", "--count=1"], "cannot write /proc/nowhere/a.png"),
        ("plain", ["--run=/nowhere"], "/nowhere is not a run folder"),
    ],
)
def test_mistakes_end_in_one_line(request, tmp_path, capsys, run, flags, message):
    assert sample(request.getfixturevalue(run), tmp_path / "a.png", *flags) == 2
    said = capsys.readouterr()
    assert message in said.err and said.err.startswith("error: ") and said.err.count("\n") == 1 and not said.out
    assert not list(tmp_path.iterdir())


def test_points_are_no_images(tmp_path, capsys):
    run_cases.make_run(tmp_path / "points", image_shape=(2,), **run_cases.POINTS)
    assert sample(tmp_path / "points", tmp_path / "a.png") == 2
    assert "makes points, not images" in capsys.readouterr().err
