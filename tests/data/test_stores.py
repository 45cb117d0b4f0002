"""ZIP archives and folders: what is read of them, and what strangers may put in."""

import io
import json
import os
import zipfile

import numpy as np
import pytest
from PIL import Image

from keras_gans import cli, data
from keras_gans.data.stores import shown
from keras_gans.errors import UserError

RNG = np.random.default_rng(0)


def picture():
    out = io.BytesIO()
    Image.fromarray(RNG.integers(0, 256, [8, 8, 3], np.uint8)).save(out, "PNG")
    return out.getvalue()


def archive(path, files, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return path


def labelled(count, classes):
    """Files of a data set as StyleGAN writes them."""
    names = [f"{number // 8:05d}/img{number:08d}.png" for number in range(count)]
    labels = {"labels": [[name, number % classes] for number, name in enumerate(names)]}
    return {name: picture() for name in names} | {"dataset.json": json.dumps(labels)}


def test_zip_and_folder_are_the_same_data(tmp_path):
    files = labelled(20, 3)
    archive(tmp_path / "set.zip", files)
    for name, content in files.items():
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    packed, plain = (data.open_source(f"folder:{tmp_path}/{name}", image_size=8) for name in ("set.zip", "set"))
    assert packed.class_names == plain.class_names == ("0", "1", "2")
    assert packed.fingerprint == plain.fingerprint and packed.count == plain.count == 20 - packed.left
    for (one, label), (other, wanted) in zip(packed.in_order(), plain.in_order(), strict=True):
        np.testing.assert_array_equal(one, other)
        assert label == wanted
    assert sum(packed.class_counts) == packed.count


def test_names_in_an_archive_reach_nothing_outside(tmp_path):
    outside = tmp_path / "in"
    outside.mkdir()
    archive(outside / "set.zip", {"../../evil.png": picture(), "/etc/a.png": picture(), "a.png": picture()})
    source = data.open_source(f"folder:{outside}/set.zip", image_size=8, split="all")
    assert source.count == 2  # ../.. is hidden, as all that begins with a dot
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["in", "set.zip"]


@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda path: path.write_bytes(b"words"), "is no ZIP archive that can be read"),
        (lambda path: path.write_bytes(path.read_bytes()[:-30]), "is no ZIP archive that can be read"),
        (
            lambda path: archive(path, {"a.png": bytes(2**29)}, zipfile.ZIP_DEFLATED),
            "would unpack to 536870912 bytes in 1 files, more than 100 times its size; it is not read",
        ),
        (lambda path: archive(path, {"a.txt": b"words"}), r"no images in .*: it holds only files of other kinds \(.txt\)"),
    ],
)
def test_bad_archives_end_in_one_line(tmp_path, spoil, message):
    archive(tmp_path / "set.zip", {"a.png": picture()})
    spoil(tmp_path / "set.zip")
    with pytest.raises(UserError, match=message) as error:
        data.open_source(f"folder:{tmp_path}/set.zip", image_size=8, split="all")
    assert "\n" not in str(error.value)


def test_damage_inside_an_archive_is_a_bad_image(tmp_path):
    path = archive(tmp_path / "set.zip", {f"{number}.png": picture() for number in range(3)})
    content = bytearray(path.read_bytes())
    content[60] ^= 255
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"1 of 3 images .*set.zip, 0.png: unreadable: Bad CRC-32"):
        data.open_source(f"folder:{path}", image_size=8, split="all")


def test_names_are_printed_escaped():
    assert shown("caf\u00e9 [1].png") == "caf\u00e9 [1].png"
    assert shown("a\nb\x1b[2J\udce9.png") == "a\\nb\\x1b[2J\\udce9.png"


def test_any_name_is_examined(tmp_path, capsys):
    folder = tmp_path / "set [1] #?*%"
    folder.mkdir()
    for name in (b"caf\xe9.png", b"a\nb.png", b"c%20d#e.png"):
        with open(os.path.join(os.fsencode(folder), name), "wb") as file:
            file.write(picture())
    (folder / "notes.txt").write_text("words")
    (folder / "bad\n.png").write_bytes(b"words")
    assert cli.main(["doctor", f"--data=folder:{folder}"]) == 1
    out = capsys.readouterr().out
    assert "images   4, of which 3 can be read" in out and "left out: 1 .txt" in out
    assert out.count("bad\\n.png: unreadable") == 1
    assert cli.main(["pack", f"--data=folder:{folder}", f"--out={tmp_path}/out", "--bad_images=skip"]) == 0
    spec = capsys.readouterr().out.partition("--data='")[2].rpartition("'")[0]
    assert data.open_source(spec, image_size=8, split="all").count == 3


@pytest.mark.parametrize("heif", [False, True])
def test_heic_is_named_where_it_cannot_be_read(tmp_path, heif, monkeypatch):
    from keras_gans.data import picture_files
    from keras_gans.data.sources import folder

    (tmp_path / "a.png").write_bytes(picture())
    if picture_files.reads_heif() and heif:
        import pillow_heif

        pillow_heif.from_pillow(Image.new("RGB", (16, 16), "red")).save(tmp_path / "b.heic")
        assert data.open_source(f"folder:{tmp_path}", image_size=8, split="all").count == 2
        return
    (tmp_path / "b.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(20))
    monkeypatch.setattr(folder, "suffixes", lambda: (".png",))
    notes = data.open_collection(f"folder:{tmp_path}").notes
    assert notes == ("left out: 1 .heic; pip install 'keras-gans[heic]' reads HEIC",)
