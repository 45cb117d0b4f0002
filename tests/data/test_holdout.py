"""What is held out: by the hash of the names, every n-th, nothing, a folder."""

import json
import re
import unicodedata

import numpy as np
import pytest
from PIL import Image

from keras_gans import data
from keras_gans.data import holdout
from keras_gans.data.holdout import NothingHeldOut
from keras_gans.errors import UserError

RNG = np.random.default_rng(0)
NAMES = [f"cats/{number:05d}.png" for number in range(2000)]


def held(names, text="0.1"):
    return {name for name, out in zip(names, holdout.is_held_out(names, holdout.parse(text))) if out}


def write(folder, names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(RNG.integers(0, 256, [8, 8, 3], np.uint8)).save(path)
    return folder


@pytest.mark.parametrize("share", [0.05, 0.1, 0.5])
def test_the_share_is_held_out(share):
    assert abs(len(held(NAMES, str(share))) - share * 2000) < 4 * np.sqrt(2000 * share * (1 - share))


def test_known_places():
    """Pinned: another hash would let held-out pictures train."""
    assert [name for name in NAMES[:40] if name in held(NAMES[:40])] == PINNED


PINNED = ["cats/00015.png", "cats/00021.png"]


def test_nothing_moves_when_pictures_come_and_go():
    fewer = NAMES[5:700] + NAMES[900:]
    assert held(fewer) == held(NAMES) & set(fewer)
    assert held([f"{name}x" for name in NAMES] + NAMES) >= held(NAMES)
    nfd = [unicodedata.normalize("NFD", f"caf\u00e9{name}") for name in NAMES]
    assert {unicodedata.normalize("NFC", name) for name in held(nfd)} == held([f"caf\u00e9{name}" for name in NAMES])


@pytest.mark.parametrize("count", [2, 3, 9, 11])
@pytest.mark.parametrize("share", ["0.001", "0.1", "0.999"])
def test_one_at_least_is_held_out_and_one_trains(count, share):
    assert 1 <= len(held(NAMES[:count], share)) <= count - 1


def test_every_nth_is_that_of_version_0_1_0():
    assert sorted(held(NAMES[:40], "every:10")) == [NAMES[number] for number in (9, 19, 29, 39)]
    assert held(NAMES, "none") == set()


@pytest.mark.parametrize(
    "text", ["", "0", "1", "1.5", "-0.1", "nan", "every:1", "every:x", "every:-3", "folder:", "all", "none:1"]
)
def test_mistakes_end_in_one_line(text):
    with pytest.raises(UserError, match="is not possible; take a share such as 0.1, every:10, none or folder:DIR"):
        data.open_source("embedded:fashion", holdout=text)


def test_splits_share_nothing_and_pairs_go_by_their_stems(tmp_path):
    a = write(tmp_path / "A", [f"{number}.png" for number in range(30)])
    b = write(tmp_path / "B", [f"{number}.bmp" for number in range(30)])
    spec = f"paired:{a}:{b}"
    train, out, whole = (data.open_collection(spec, split) for split in ("train", "holdout", "all"))
    assert train.count + out.count == whole.count == 30 and out.count >= 1
    assert train.left == out.count
    of_b = data.open_collection(f"paired:{b}:{a}", "holdout")
    assert sorted(of_b.where(n).split(" with ")[::-1] for n in range(of_b.count)) == sorted(
        out.where(n).split(" with ") for n in range(out.count)
    )


def test_a_folder_of_its_own(tmp_path):
    train = write(tmp_path / "train", [f"{kind}/{number}.png" for kind in "ab" for number in range(4)])
    val = write(tmp_path / "val", [f"{kind}/{number}.png" for kind in "ab" for number in range(3)])
    source = data.open_source(f"folder:{train}", image_size=8, holdout=f"folder:{val}")
    out = data.open_source(f"folder:{train}", image_size=8, split="holdout", holdout=f"folder:{val}")
    assert (source.count, out.count, out.class_names) == (8, 6, ("a", "b"))
    write(val, ["c/1.png"])
    with pytest.raises(UserError, match="holds the classes a, b, c, and folder:.* a, b; they must have the same"):
        data.open_source(f"folder:{train}", image_size=8, split="holdout", holdout=f"folder:{val}")
    with pytest.raises(UserError, match="goes with one folder, not with paired:A:B"):
        data.open_source(f"paired:{train}:{train}", image_size=8, holdout=f"folder:{val}")


def test_none_holds_nothing_out(tmp_path):
    folder = write(tmp_path, [f"{number}.png" for number in range(12)])
    assert data.open_source(f"folder:{folder}", image_size=8, holdout="none").count == 12
    with pytest.raises(NothingHeldOut, match="of 12 images --holdout=none holds none out"):
        data.open_source(f"folder:{folder}", image_size=8, holdout="none", split="holdout")


LAYOUTS = {
    "classes": (["cats/0.png", "cats/1.png", "dogs/0.png"], ("cats", "dogs"), ()),
    "parts above classes": (
        ["train/cats/0.png", "train/dogs/0.png", "val/cats/0.png", "val/dogs/0.png"],
        ("cats", "dogs"),
        ("train and val in .* are taken as parts of one set, .*--data=folder:.*/train --holdout=folder:.*/val",),
    ),
    "parts alone": (["train/0.png", "test/1.png"], (), ("test and train in .* are taken as parts of one set",)),
    "stylegan's shards": (
        ["00000/img00000000.png", "00001/img00001000.png"],
        (),
        ("the 2 numbered folders of .* are shards, not classes",),
    ),
    "ffhq's shards": (["00000/00012.png", "01000/01003.png"], (), ("are shards, not classes",)),
    "numbered classes": (["00000/00000_00000.png", "00001/00000_00000.png"], ("00000", "00001"), ()),
    "a stray picture": (
        ["cats/0.png", "dogs/0.png", "preview.png"],
        (),
        (r"1 of the pictures \(preview.png\) lie beside the folders cats, dogs, so these are no classes",),
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_folders_mean(tmp_path, name):
    files, classes, notes = LAYOUTS[name]
    found = data.open_collection(f"folder:{write(tmp_path, files)}")
    assert found.class_names == classes and len(found.notes) == len(notes)
    for note, wanted in zip(found.notes, notes):
        assert re.search(wanted, note)


@pytest.mark.parametrize(
    "text, message",
    [
        ('{"labels": [["a.png", 0]]}', "has no label for 1 of 2 pictures, such as b.png"),
        ('{"labels": [["a.png", -1], ["b.png", 0]]}', "the label '-1' is no number from 0 to 99999"),
        ('{"labels": [["a.png", 1e99], ["b.png", 0]]}', "is no number from 0"),
        ('{"labels": 5}', r'expected {"labels": \[\["00000/img00000000.png", 0\], ...\]}'),
        ("[" * 10**5, "is not JSON that can be read"),
    ],
)
def test_bad_labels_of_stylegan_end_in_one_line(tmp_path, text, message):
    write(tmp_path, ["a.png", "b.png"])
    (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(UserError, match=message) as error:
        data.open_collection(f"folder:{tmp_path}")
    assert "\n" not in str(error.value)


def test_one_hot_labels_and_counts(tmp_path):
    write(tmp_path, [f"{number}.png" for number in range(6)])
    labels = [[f"{number}.png", [0, 0, 1] if number < 2 else [1, 0, 0]] for number in range(6)]
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels}))
    source = data.open_source(f"folder:{tmp_path}", image_size=8, split="all")
    assert (source.class_names, source.class_counts) == (("0", "1", "2"), (4, 0, 2))
    told = list(source.understood())
    assert "3 classes: 0 (4), 1 (0), 2 (2)" in told and "1 of 3 classes have no images to train on (1)" in told


def test_colons_in_names_and_drives(tmp_path, monkeypatch):
    from keras_gans.data.sources import paired

    monkeypatch.chdir(tmp_path)
    assert paired._two_paths("A:B", "paired") == ("A", "B")
    assert paired._two_paths("C:\\a:D:\\b", "paired") == ("C:\\a", "D:\\b")
    assert paired._two_paths("/x/a:b", "paired") == ("/x/a", "b")
    (tmp_path / "a:1").mkdir()
    (tmp_path / "b").mkdir()
    assert paired._two_paths("a:1:b", "paired") == ("a:1", "b")
    with pytest.raises(UserError, match="it takes two folders, paired:A:B"):
        paired._two_paths("a:b:c", "paired")
