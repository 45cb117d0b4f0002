import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_gans import cli

RNG = np.random.default_rng(0)


def noise(*shape):
    return Image.fromarray(RNG.integers(0, 256, shape, np.uint8))


@pytest.fixture
def folder(tmp_path):
    """Six good images of several modes in two classes."""
    for name in ("cats", "dogs/old"):
        (tmp_path / name).mkdir(parents=True)
    noise(20, 16, 3).save(tmp_path / "cats" / "a.png")
    noise(40, 24).save(tmp_path / "cats" / "b.png")
    noise(16, 16, 4).save(tmp_path / "cats" / "c.png")
    noise(30, 30, 3).convert("CMYK").save(tmp_path / "dogs" / "d.jpg")
    noise(30, 30, 3).convert("P").save(tmp_path / "dogs" / "e.gif")
    Image.fromarray(RNG.integers(0, 65536, [18, 50]).astype(np.uint16)).save(tmp_path / "dogs" / "old" / "f.png")
    return tmp_path


def doctor(capsys, spec, *flags):
    code = cli.main(["doctor", f"--data={spec}", *flags])
    return code, capsys.readouterr()


def test_healthy_folder(folder, capsys):
    code, output = doctor(capsys, f"folder:{folder}", "--image_size=16")
    assert code == 0
    lines = [line.strip() for line in output.out.splitlines()]
    assert lines[:4] == [
        f"folder:{folder}",
        "images   6, of which 6 can be read",
        "width    min 16, median 27, max 50 pixels",
        "height   min 16, median 25, max 40 pixels",
    ]
    assert lines[4] == "formats  PNG 4, JPEG 1, GIF 1"
    for mode in (
        "RGB 1",
        "L 1 (grey)",
        "RGBA 1 (RGB with alpha, laid over white)",
        "CMYK 1 (converted to RGB)",
        "P 1 (palette, converted to RGB)",
        "I;16 1 (16-bit grey, scaled to 8)",
    ):
        assert mode in lines[5]
    assert lines[6:] == ["classes  2", "3  cats", "3  dogs", "no trouble found"]


def test_every_kind_of_trouble_is_listed_with_path_and_reason(folder, capsys):
    (folder / "dogs" / "g.png").write_bytes(b"")
    (folder / "dogs" / "h.png").write_text("words")
    (folder / "dogs" / "i.png").write_bytes((folder / "cats" / "a.png").read_bytes()[:200])
    Image.new("F", (20, 20)).save(folder / "dogs" / "j.tiff")
    noise(20, 15, 3).save(folder / "dogs" / "old" / "k.png")
    Image.open(folder / "cats" / "a.png").save(folder / "dogs" / "old" / "l.bmp")  # the same pixels in another format
    code, output = doctor(capsys, f"folder:{folder}", "--image_size=16")
    assert code == 1
    assert "images   12, of which 8 can be read" in output.out
    assert "trouble found: unreadable 2, truncated 1, wrong mode 1, too small 1, duplicate 1" in output.out
    found = [line.strip() for line in output.out.split("trouble found")[1].splitlines()[1:]]
    assert [line.split(": ")[:2] for line in found] == [
        [f"{folder}/dogs/g.png", "unreadable"],
        [f"{folder}/dogs/h.png", "unreadable"],
        [f"{folder}/dogs/i.png", "truncated"],
        [f"{folder}/dogs/j.tiff", "wrong mode"],
        [f"{folder}/dogs/old/k.png", "too small"],
        [f"{folder}/dogs/old/l.bmp", "duplicate"],
    ]
    assert found[4].endswith("too small: 15x20, wanted at least 16x16")
    assert found[5].endswith(f"the same pixels as {folder}/cats/a.png")
    code, output = doctor(capsys, f"folder:{folder}")
    assert code == 1 and "too small" not in output.out


def test_corrupt_records_are_listed(folder, tmp_path_factory, capsys):
    out = tmp_path_factory.mktemp("packed")
    assert cli.main(["pack", f"--data=folder:{folder}", f"--out={out}", "--shards=1"]) == 0
    (path,) = out.glob("*.tfrecord")
    assert doctor(capsys, f"tfrecord:{path}")[0] == 0
    content = bytearray(path.read_bytes())
    content[100] ^= 255
    path.write_bytes(content[:-20])
    code, output = doctor(capsys, f"tfrecord:{path}")
    assert code == 1
    assert f"{path}, record 1: corrupt record: the checksum of its data is wrong" in output.out
    assert f"{path}: corrupt file: record 6 (byte " in output.out and ") is cut off" in output.out
    assert "trouble found: corrupt file 1, corrupt record 1" in output.out


def test_nothing_but_an_example_without_image(tmp_path, capsys):
    with tf.io.TFRecordWriter(str(tmp_path / "x.tfrecord")) as writer:
        writer.write(tf.train.Example().SerializeToString())
    code, output = doctor(capsys, f"tfrecord:{tmp_path}/x.tfrecord")
    assert code == 1 and "images   1, of which 0 can be read" in output.out and "record 1: no image" in output.out


def test_tfds(tmp_path, monkeypatch, capsys):
    import tensorflow_datasets as tfds

    class HealthySquares(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            features = tfds.features.FeaturesDict({"image": tfds.features.Image()})
            return tfds.core.DatasetInfo(builder=self, features=features)

        def _split_generators(self, dl_manager):
            return {"train": self._generate_examples()}

        def _generate_examples(self):
            for number in range(5):
                yield number, {"image": RNG.integers(0, 256, [8, 9, 3], np.uint8)}

    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    code, output = doctor(capsys, "tfds:healthy_squares")
    assert code == 0 and "images   5, of which 5 can be read" in output.out


@pytest.fixture
def pairs(tmp_path):
    """Four pairs, in A grey JPEGs."""
    for side, suffix, shape in (("A", "jpg", [20, 30]), ("B", "png", [20, 30, 3])):
        (tmp_path / side).mkdir()
        for number in range(4):
            noise(*shape).save(tmp_path / side / f"{number}.{suffix}")
    return tmp_path


def test_healthy_pairs(pairs, capsys):
    code, output = doctor(capsys, f"paired:{pairs}/A:{pairs}/B", "--image_size=20")
    assert code == 0
    a, b = (
        [
            "  images   4, of which 4 can be read",
            "  width    min 30, median 30, max 30 pixels",
            "  height   min 20, median 20, max 20 pixels",
            f"  formats  {kind} 4",
            f"  modes    {mode}",
        ]
        for kind, mode in (("JPEG", "L 4 (grey)"), ("PNG", "RGB 4"))
    )
    assert output.out.splitlines() == [
        f"paired:{pairs}/A:{pairs}/B",
        f"A: folder:{pairs}/A",
        *a,
        f"B: folder:{pairs}/B",
        *b,
        "  pairs    4",
        "no trouble found",
    ]
    code, output = doctor(capsys, f"unpaired:{pairs}/A:{pairs}/B")
    assert code == 0 and output.out.count("of which 4 can be read") == 2 and "pairs  " not in output.out


def test_trouble_with_pairs(pairs, capsys):
    (pairs / "A" / "1.jpg").rename(pairs / "A" / "x.jpg")  # both sides lack a partner now
    noise(20, 31, 3).save(pairs / "B" / "2.png")
    (pairs / "B" / "3.png").write_text("words")
    code, output = doctor(capsys, f"paired:{pairs}/A:{pairs}/B")
    assert code == 1 and "  pairs    3\n" in output.out
    assert "images   4, of which 4 can be read" in output.out and "images   4, of which 3 can be read" in output.out
    assert output.out.split("trouble found: ")[1].splitlines() == [
        "no partner 2, different sizes 1, unreadable 1",
        f"  {pairs}/A/x.jpg: no partner: there is no {pairs}/B/x.*",
        f"  {pairs}/B/1.png: no partner: there is no {pairs}/A/1.*",
        f"  {pairs}/A/2.jpg with {pairs}/B/2.png: different sizes: A is 30x20, B is 31x20",
        f"  {pairs}/B/3.png: unreadable: not an image that Pillow knows",
    ]


def test_turned_pictures_are_compared_upright(pairs, capsys):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    noise(30, 20).save(pairs / "A" / "1.jpg", exif=exif)
    assert doctor(capsys, f"paired:{pairs}/A:{pairs}/B")[0] == 0
    noise(20, 30).save(pairs / "A" / "1.jpg", exif=exif)
    assert doctor(capsys, f"paired:{pairs}/A:{pairs}/B")[0] == 1


def test_pairs_side_by_side(tmp_path, capsys):
    for number, width in enumerate((40, 40, 41, 36)):
        noise(20, width, 3).save(tmp_path / f"{number}.png")
    code, output = doctor(capsys, f"ab:{tmp_path}", "--image_size=20")
    assert code == 1 and "images   4, of which 4 can be read" in output.out and "  pairs    4\n" in output.out
    assert output.out.split("trouble found: ")[1].splitlines() == [
        "odd width 1, too small 1",
        f"  {tmp_path}/2.png: odd width: 41x20 has no two halves of the same size",
        f"  {tmp_path}/3.png: too small: 18x20, wanted at least 20x20",
    ]


def test_an_empty_side(pairs, capsys):
    (pairs / "C").mkdir()
    for spec in (f"paired:{pairs}/A:{pairs}/C", f"unpaired:{pairs}/C:{pairs}/A"):
        code, output = doctor(capsys, spec)
        assert code == 2 and f"no images in {pairs}/C: it is empty" in output.err and output.err.count("\n") == 1


@pytest.mark.parametrize(
    "spec, message",
    [
        ("folder:/nowhere/at/all", "/nowhere/at/all does not exist"),
        ("embedded:ring8", "embedded:ring8 holds 2-D points, not images"),
        (
            "floder:x",
            "unknown data scheme 'floder'; known: ab, embedded, folder, paired, tfds, tfrecord, unpaired; did you "
            "mean 'folder'?",
        ),
    ],
)
def test_mistakes_end_with_2_and_one_line(capsys, spec, message):
    code, output = doctor(capsys, spec)
    assert code == 2 and output.out == ""
    assert output.err.startswith("error: ") and message in output.err and output.err.count("\n") == 1


def test_one_bad_byte_in_the_middle_of_a_png(tmp_path, capsys):
    out = io.BytesIO()
    noise(40, 40, 3).save(out, "PNG")
    data = bytearray(out.getvalue())
    data[len(data) // 2] ^= 255
    (tmp_path / "a.png").write_bytes(data)
    code, output = doctor(capsys, f"folder:{tmp_path}")
    assert code == 1 and "a.png: unreadable" in output.out
