"""`keras-gans synthesize`: what it writes reads back with the run's pixels and labels, and is whole or absent."""

import importlib.util

import helpers
import numpy as np
import pytest
import run_cases
from PIL import Image

from keras_gans import data, randomness
from keras_gans.cli import main, synthesize
from keras_gans.trained.folder import Folder
from keras_gans.trained.trained import Trained


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    return run_cases.make_run(tmp_path_factory.mktemp("runs") / "labelled", **run_cases.CONDITIONAL)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return run_cases.make_run(tmp_path_factory.mktemp("runs") / "plain", **run_cases.UNCONDITIONAL)


def call(run, out, *flags):
    return main(["synthesize", f"--run={run}", f"--out={out}", *flags])


def read(spec):
    """All images and labels of a source in stored order, and its class names."""
    source = data.open_source(spec, image_size=16, split="all")
    images, labels = zip(*source.in_order().as_numpy_iterator())
    return np.stack(images), np.array(labels), source.class_names


def expected(run, per_class, seed):
    """The run's images, made one batch of the verb at a time."""
    labels = np.repeat(range(3), per_class)
    batches = [
        np.concatenate(
            list(
                Trained.open(run).generate(
                    len(labels[start : start + 64]), randomness.fold(seed, start), labels[start : start + 64]
                )
            )
        )
        for start in range(0, len(labels), 64)
    ]
    return np.concatenate(batches), labels


def test_folder_reads_back_as_labelled_images(labelled, tmp_path, capsys):
    assert call(labelled, tmp_path / "made", "--per_class=30", "--seed=3") == 0  # a batch ends inside a class
    assert capsys.readouterr().out == (
        f"wrote 30 images of each of 3 classes; use them with --data=folder:{tmp_path}/made\n"
    )
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == ["bag", "shirt", "shoe"]
    assert [path.name for path in sorted((tmp_path / "made" / "bag").iterdir())] == [f"{i:06d}.png" for i in range(30)]
    images, labels, names = read(f"folder:{tmp_path}/made")
    assert names == ("bag", "shirt", "shoe")  # in the order of the names; the run's is shirt, shoe, bag
    wanted, wanted_labels = expected(labelled, 30, 3)
    for label, name in enumerate(run_cases.CLASSES):
        np.testing.assert_array_equal(images[labels == names.index(name)], wanted[wanted_labels == label], err_msg=name)
    assert len(np.unique(images.reshape(90, -1), axis=0)) == 90


def test_tfrecords_read_back_with_the_runs_labels(labelled, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(synthesize, "_SHARD_BYTES", 40 * 16 * 16)
    assert call(labelled, tmp_path / "made", "--per_class=30", "--seed=3", "--format=tfrecord") == 0
    assert f"--data='tfrecord:{tmp_path}/made/*.tfrecord'" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == [
        *(f"made-{shard:05d}-of-00003.tfrecord" for shard in range(3)),
        "made.labels.txt",
    ]
    images, labels, names = read(f"tfrecord:{tmp_path}/made/*.tfrecord")
    wanted, wanted_labels = expected(labelled, 30, 3)
    assert names == run_cases.CLASSES
    np.testing.assert_array_equal(labels, wanted_labels)
    np.testing.assert_array_equal(images, wanted)


def test_seed_decides_the_pixels(labelled, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        assert call(labelled, tmp_path / name, "--per_class=2", f"--seed={seed}") == 0
    one, again, other = (read(f"folder:{tmp_path}/{name}")[0] for name in "abc")
    np.testing.assert_array_equal(one, again)
    assert np.mean(one != other) > 0.5


def test_class_names_that_are_no_folder_names(tmp_path, capsys):
    run = run_cases.make_run(tmp_path / "run", **run_cases.CONDITIONAL)
    names = ["T-shirt/top", "..", "a:b"]
    record = Folder(run).record
    Folder(run).write_record(data=record["data"] | {"class_names": names})
    assert call(run, tmp_path / "made", "--per_class=1") == 0
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == ["T-shirt_top", "_.", "a_b"]
    Folder(run).write_record(data=record["data"] | {"class_names": ["a/b", "a_b", "c"]})
    capsys.readouterr()
    assert call(run, tmp_path / "again", "--per_class=1") == 2
    assert "would have the folder 'a_b'; take --format=tfrecord" in capsys.readouterr().err
    assert call(run, tmp_path / "again", "--per_class=1", "--format=tfrecord") == 0


@pytest.mark.parametrize("form", ["folder", "tfrecord"])
@pytest.mark.parametrize("trouble, code", [(KeyboardInterrupt, 130), (OSError(28, "No space left on device"), 2)])
def test_interrupted_leaves_nothing(labelled, tmp_path, capsys, monkeypatch, form, trouble, code):
    """Stopped in its second batch, when the first has been written."""
    first_batch = Trained.generate

    def generate(self, count, seed, labels, batch_size):
        if labels[-1] == 2:
            assert next(iter(tmp_path.iterdir())).name.startswith(".tmp-")
            raise trouble
        return first_batch(self, count, seed, labels, batch_size)

    monkeypatch.setattr(Trained, "generate", generate)
    assert call(labelled, tmp_path / "made", "--per_class=40", f"--format={form}") == code
    assert not list(tmp_path.iterdir())
    said = capsys.readouterr()
    assert not said.out and said.err.count("\n") == 1
    if code == 2:
        assert said.err.startswith(f"error: cannot write {tmp_path}/made: No space left on device")


def test_memory_holds_one_batch_of_images(labelled, tmp_path, monkeypatch):
    """However many are made, the generator makes at most 64 at a time, and each batch is written before the next."""
    asked, written = [], []
    generate, encode = Trained.generate, data.images.encode_png

    def noted(self, count, seed, labels, batch_size):
        assert len(written) == sum(asked)
        asked.append(count)
        return generate(self, count, seed, labels, batch_size)

    monkeypatch.setattr(Trained, "generate", noted)
    monkeypatch.setattr(data.images, "encode_png", lambda pixels: written.append(1) or encode(pixels))
    assert call(labelled, tmp_path / "made", "--per_class=50") == 0
    assert asked == [64, 64, 22] and len(written) == 150


@pytest.mark.parametrize(
    "run, flags, message",
    [
        ("plain", [], "was trained without labels, so its images belong to no class; train with --conditional"),
        ("labelled", ["--per_class=0"], "--per_class=0"),
        ("labelled", ["--format=zip"], "--format=zip"),
        ("labelled", ["--run=/nowhere"], "/nowhere is not a run folder"),
        ("labelled", ["--checkpoint=best"], "has no best checkpoint yet"),
        ("labelled", ["--out=/proc/nowhere/a", "--per_class=1"], "cannot write /proc/nowhere/a"),
    ],
)
def test_mistakes_end_in_one_line(request, tmp_path, capsys, run, flags, message):
    assert call(request.getfixturevalue(run), tmp_path / "made", *flags) == 2
    said = capsys.readouterr()
    assert message in said.err and said.err.startswith("error: ") and said.err.count("\n") == 1 and not said.out
    assert not list(tmp_path.iterdir())


def test_existing_folder_is_refused_and_kept(labelled, tmp_path, capsys):
    Image.new("L", (4, 4)).save(tmp_path / "mine.png")
    assert call(labelled, tmp_path) == 2
    assert capsys.readouterr().err == f"error: --out={tmp_path} exists; remove it, or name a folder that does not\n"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.png"]


# === examples/augment_classifier.py ===


@pytest.fixture
def example():
    path = helpers.ROOT / "examples" / "augment_classifier.py"
    spec = importlib.util.spec_from_file_location("augment_classifier", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def flat_images(folder, grey, **counts):
    """A folder of images of one grey value, `counts` of them per class."""
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.new("L", (8, 8), grey).save(folder / name / f"{number:03d}.png")
    return f"folder:{folder}"


def test_example_trains_on_what_its_table_says(example, tmp_path, capsys, monkeypatch):
    from keras_gans.data import holdout
    from keras_gans.metrics import classification

    sets = []

    def accuracy(images, labels, test_images, test_labels, classes, epochs, seed):
        sets.append(
            (
                int(np.sum(images[:, 0, 0, 0] == 100)),
                int(np.sum(images[:, 0, 0, 0] == 200)),
                np.bincount(labels).tolist(),
                len(test_labels),
                classes,
                epochs,
            )
        )
        return {0: 0.5, 1: 0.6}[seed] + 0.01 * len(sets) * (seed + 1)

    monkeypatch.setattr(classification, "classification_accuracy", accuracy)
    monkeypatch.setattr(holdout, "DEFAULT", "every:10")
    real = flat_images(tmp_path / "real", 100, cat=60, dog=40)  # every tenth is held out: 54 and 36 are left
    made = flat_images(tmp_path / "made", 200, cat=64, dog=64)
    flags = [f"--real={real}", f"--synthetic={made}", "--real_per_class=4", "--image_size=8", "--steps=40", "--seeds=2"]
    assert main(flags, verb=example) == 0
    # (real images, synthetic ones, per class, tested, classes, epochs): 40 steps of 64 images whatever the set
    for seed in (0, 1):
        few, few_and_made, made, real, real_and_made = sets[5 * seed : 5 * seed + 5]
        assert few == (8, 0, [4, 4], 10, 2, 40)
        assert few_and_made == (128, 128, [128, 128], 10, 2, 10)
        assert made == (0, 128, [64, 64], 10, 2, 20)
        assert real == (90, 0, [54, 36], 10, 2, 20)
        assert real_and_made[:2] == (128, 128) and real_and_made[3:] == (10, 2, 10)
        assert abs(real_and_made[2][0] - (64 + 54 / 90 * 128)) < 9  # 38 of the 90 twice: 4 standard deviations
    # Seed 0 answers 0.51 ... 0.55, seed 1 0.6 + 0.12 ... 0.20.
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("accuracy on 10 held-out images")
    assert [line.split("  ")[0] for line in lines[1:]] == [
        "8 real",
        "8 real + 128 synthetic",
        "128 synthetic",
        "90 real",
        "90 real + 128 synthetic",
    ]
    assert lines[1].split()[-4:] == ["61.50", "+-", "14.85", "%"]
    assert lines[2].endswith("63.00 +- 15.56 %   gain +1.50 +- 0.71")
    assert "gain" not in lines[3] + lines[4]


def test_example_refuses_other_classes(example, tmp_path, capsys):
    real = flat_images(tmp_path / "real", 100, cat=10, dog=10)
    made = flat_images(tmp_path / "made", 200, cat=2, cow=2)
    assert main([f"--real={real}", f"--synthetic={made}", "--image_size=8"], verb=example) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: --real has the classes cat, dog and --synthetic cat, cow; give sets with the same")
    assert said.count("\n") == 1
