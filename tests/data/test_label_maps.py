"""Label maps beside their photographs: what is read, kept together and refused."""

import itertools
import json
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from keras_gans import data
from keras_gans.data.label_maps import Labels, borders
from keras_gans.errors import UserError

PALETTE = (
    "GIMP Palette\nName: land\nColumns: 2\n# from low to high\n  0   0 128\tsea\n 40 160  60 grass and trees\n250 250 250\n"
)
COLORS = np.array([[0, 0, 128], [40, 160, 60], [250, 250, 250]], np.uint8)


def write(path, pixels, **options):
    path.parent.mkdir(exist_ok=True, parents=True)
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    picture.save(path, **options)
    return path


def with_palette(indices):
    picture = Image.fromarray(indices).convert("P")
    picture.putdata(indices.ravel().tolist())
    picture.putpalette(COLORS.ravel().tolist())
    return picture


@pytest.fixture
def folders(tmp_path):
    """Six maps of 3 labels and 255 with their photographs, whose red is 60 times the label, and whose green the row."""
    random = np.random.default_rng(0)
    maps = random.integers(0, 3, (6, 12, 20), np.uint8)
    maps[0, :2, 8:11] = 255
    for number, one in enumerate(maps):
        photograph = np.zeros([12, 20, 3], np.uint8)
        photograph[..., 0], photograph[..., 1] = np.where(one == 255, 240, 60 * one), np.arange(12)[:, None]
        write(tmp_path / f"maps/{number}.png", one)
        write(tmp_path / f"colored/{number}.png", COLORS[one % 3])
        write(tmp_path / f"things/{number}.png", 300 * (one % 2).astype(np.uint16))
        write(tmp_path / f"photos/{number}.bmp", photograph)
    (tmp_path / "land.gpl").write_text(PALETTE)
    return tmp_path, maps


def taken(source, count, **options):
    batch = next(iter(data.batches(source, count, seed=0, **options)))
    return [np.round((np.asarray(side) + 1) * 127.5).astype(np.uint8) for side in batch]


def test_maps_and_photographs_stay_together_by_the_nearest_pixel(folders):
    """Whatever is cut, mirrored and turned, the photograph says which label it shows."""
    folder, maps = folders
    spec = f"paired:{folder}/maps:{folder}/photos"
    for options in ({}, {"load_size": 12}, {"image_size": 24, "load_size": 36, "resize": "nearest"}):
        options = {"image_size": 8, "resize": "nearest", "labels": "3", "dont_care": 255, "split": "all"} | options
        source = data.open_source(spec, **options)
        assert (source.kind, source.input_shape[-1], source.image_shape[-1], source.labels.count) == ("paired", 1, 3, 4)
        given, shown = taken(source, 24, flip=True, rotate=True)
        np.testing.assert_array_equal(given[..., 0], np.where(shown[..., 0] == 240, 3, shown[..., 0] // 60))
        assert set(np.unique(given)) == {0, 1, 2, 3}
    smooth = data.open_source(spec, image_size=6, labels="3", dont_care=255, split="all", resize="bilinear")
    assert set(np.unique(taken(smooth, 24)[0])) <= {0, 1, 2, 3}
    assert smooth.fingerprint == source.fingerprint != data.open_source(spec, image_size=6, split="all").fingerprint


def test_edges_of_instances_are_the_second_channel(folders):
    folder, maps = folders
    spec = f"paired:{folder}/colored:{folder}/photos"
    source = data.open_source(
        spec, image_size=12, crop="none", labels=f"{folder}/land.gpl", instances=f"{folder}/things", split="all"
    )
    assert source.input_shape == (12, 12, 2) and source.labels.names == ("sea", "grass and trees", "2")
    wide = source.labels
    first = next(iter(source.in_order().as_numpy_iterator()))[0]
    things = np.asarray(Image.fromarray((maps[0] % 2).astype(np.uint8)).resize((12, 12), Image.Resampling.NEAREST))
    np.testing.assert_array_equal(first[..., 1], borders(things))
    expected = np.zeros([4, 4], np.uint8)
    expected[1:3, 0:4] = expected[0:4, 1:3] = 255
    expected[[0, 0, 3, 3], [0, 3, 0, 3]] = 0
    np.testing.assert_array_equal(borders(np.kron([[1, 2], [3, 4]], np.ones([2, 2], int))), expected)
    again = Labels.of_record(json.loads(json.dumps(wide.describe())))
    np.testing.assert_array_equal(again.paint(first[..., :1]), COLORS[first[..., 0]])
    assert any(name.startswith("C/") for name in source.inventory)


def test_every_way_in_which_png_keeps_indices(tmp_path):
    few = np.array([[0, 1, 2], [3, 2, 1]], np.uint8)
    grey = write(tmp_path / "grey.png", few)
    # A PNG of two bits a pixel, made by hand: Pillow does not write them in grey.
    rows = b"".join(b"\0" + bytes([row[0] << 6 | row[1] << 4 | row[2] << 2]) for row in few.tolist())
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 3, 2, 2, 0, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    thin = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part)) + kind + part + struct.pack(">I", zlib.crc32(kind + part)) for kind, part in chunks
    )
    deep = write(tmp_path / "deep.png", few.astype(np.uint16))
    inside = write(tmp_path / "inside.png", with_palette(few % 3))
    for file in (grey, thin, deep):
        np.testing.assert_array_equal(Labels(4).read(file), few)
    np.testing.assert_array_equal(Labels(3).read(inside), few % 3)
    np.testing.assert_array_equal(Labels(3, colors=COLORS).read(inside), few % 3)  # the same by its colours
    np.testing.assert_array_equal(Labels(2).read(write(tmp_path / "bits.png", few > 1)), few > 1)
    np.testing.assert_array_equal(Labels(4).inputs(grey, edges=True)[..., 1], borders(few))


@pytest.mark.parametrize(
    "labels, dont_care, message",
    [
        ("0", None, "--labels=0 is not possible; take 1 to 256 labels, or a palette file"),
        ("256", 255, "take 1 to 255 labels"),
        ("3", 2, "--dont_care=2 is no index beside the labels 0 to 2; take 3 to 255"),
        ("nowhere.gpl", None, "neither a number nor a palette file that can be read: No such file"),
        ("1 2 3 a\n4 5 b\n", None, "line 2, '4 5 b', is no colour; a palette has lines such as 128 64 0 road"),
        ("1 2 300 a\n", None, "line 1, '1 2 300 a', is no colour"),
        ("1 2 3 a\n1 2 3 b\n", None, "line 2 has the colour of 'a' again"),
        ("# none\n", None, "names 0 colours"),
        ("1 2 3 a\n", 255, "--dont_care=255 is for maps of indices"),
    ],
)
def test_labels_that_cannot_be(labels, dont_care, message, tmp_path):
    if " " in labels:
        (tmp_path / "palette").write_text(labels)
        labels = str(tmp_path / "palette")
    with pytest.raises(UserError, match=f"^[^\n]*{message}[^\n]*$"):
        Labels.of_flags(labels, dont_care)


def test_maps_that_do_not_fit_are_named_in_one_line(folders, capsys):
    folder, _ = folders

    def refused(message, maps="maps", photos="photos", **options):
        options = {"image_size": 8, "split": "all", "labels": "3"} | options
        with pytest.raises(UserError, match=f"^[^\n]*{message}[^\n]*$"):
            data.open_source(f"paired:{folder}/{maps}:{folder}/{photos}", **options)

    refused(r"1 of 6 pairs .*/0.png with .*side A is index out of range: 255, but labels go from 0 to 2 \(row 0, column 8\)")
    refused("side A is index out of range: 2, but labels go from 0 to 1, and 255 for none", labels="2", dont_care=255)
    refused("in colours .RGB.: maps of indices are grey, or have a palette inside; give --labels a palette file", "colored")
    (folder / "two.gpl").write_text("0 0 128 sea\n40 160 60 land\n")
    refused("not in the palette: the colour 250 250 250 is none of its 2", "colored", labels=str(folder / "two.gpl"))
    refused("--fit=pad puts black beside pictures, which is no label", crop="pad", dont_care=255)
    refused("no folder|does not exist", instances=f"{folder}/nothing", dont_care=255)
    write(folder / "lossy/0.jpg", COLORS[np.zeros([12, 20], int)], format="JPEG")
    refused("lossy: JPEG does not keep the values of label maps; save them as PNG", "lossy", bad="skip")
    write(folder / "small/0.png", np.zeros([12, 21], np.uint8))
    refused("different sizes: A is 21x12, B is 20x12", "small", bad="skip")
    away = (folder / "maps/5.png").rename(folder / "5.png")
    refused("photos/5.bmp: no partner: there is no .*/maps/5.[*] .keras-gans doctor lists all", dont_care=255)
    away.rename(folder / "maps/5.png")
    (folder / "things/3.png").unlink()
    refused("3.png: no partner: there is no .*things/3", instances=f"{folder}/things", dont_care=255)
    part = data.open_source(
        f"paired:{folder}/maps:{folder}/photos",
        image_size=8,
        split="all",
        labels="3",
        dont_care=255,
        instances=f"{folder}/things",
        bad="skip",
    )
    assert part.count == 5
    with pytest.raises(
        UserError, match="^--labels=3 takes side A of pairs for label maps; give --data=paired:A:B, not folder"
    ):
        data.open_source(f"folder:{folder}/maps", image_size=8, labels="3")
    with pytest.raises(UserError, match="^--dont_care=255 is about label maps; give --labels too"):
        data.open_source(f"paired:{folder}/maps:{folder}/photos", image_size=8, dont_care=255)


def test_colours_to_look_at_tell_neighbours_apart():
    colors = Labels(256).paint(np.arange(256, dtype=np.uint8)[:, None]).astype(int)
    gaps = [np.abs(colors[a] - colors[b]).max() for a, b in itertools.combinations(range(40), 2)]
    assert len(np.unique(colors, axis=0)) == 256 and min(gaps) >= 32
