import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_gans import cli, data
from keras_gans.data import packing, records
from keras_gans.data.sources import embedded
from keras_gans.errors import UserError

RNG = np.random.default_rng(0)


def arrays(source):
    images, labels = zip(*source.in_order().as_numpy_iterator(), strict=True)
    return np.stack(images), np.array(labels)


@pytest.fixture
def folder(tmp_path):
    for number in range(23):
        name = f"{number:02d}.{'png' if number % 2 else 'jpg'}"
        path = tmp_path / "flags" / ("red" if number < 12 else "blue") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(RNG.integers(0, 256, [10, 12, 3], np.uint8)).save(path)
    return tmp_path / "flags"


def pack(folder, out, *flags):
    return cli.main(["pack", f"--data=folder:{folder}", f"--out={out}", *flags])


def write_records(path, payloads):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for payload in payloads:
            writer.write(payload)


def test_index_and_read_agree_with_tensorflow(tmp_path):
    payloads = [RNG.bytes(length) for length in (0, 1, 5, 1000, 70000)]
    write_records(tmp_path / "a", payloads)
    rows, fault, _ = records.index(tmp_path / "a")
    assert fault is None
    assert [records.read(tmp_path / "a", *row) for row in rows.tolist()] == payloads
    with open(tmp_path / "b", "wb") as file:
        for payload in payloads:
            records.write(file, payload)
    assert (tmp_path / "b").read_bytes() == (tmp_path / "a").read_bytes()


def test_packed_folder_gives_the_same_source(folder, tmp_path, capsys):
    assert pack(folder, tmp_path / "out", "--shards=4") == 0
    assert "packed flags: shards 4" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *(f"flags-{shard:05d}-of-00004.tfrecord" for shard in range(4)),
        "flags.labels.txt",
        "flags.paths.txt",
    ]
    for split in ("train", "holdout", "all"):
        wanted = data.open_source(f"folder:{folder}", image_size=8, split=split)
        packed = data.open_source(f"tfrecord:{tmp_path}/out/*.tfrecord", image_size=8, split=split)
        assert (packed.class_names, packed.name, packed.count) == (("blue", "red"), "flags", wanted.count)
        for one, other in zip(arrays(packed), arrays(wanted), strict=True):
            np.testing.assert_array_equal(one, other)


def test_packed_examples_as_tensorflow_reads_them(folder, tmp_path):
    pack(folder, tmp_path / "out", "--shards=2")
    keys = {
        "image/encoded": tf.io.FixedLenFeature([], tf.string),
        "image/format": tf.io.FixedLenFeature([], tf.string),
        "image/class/label": tf.io.FixedLenFeature([], tf.int64),
        "image/class/text": tf.io.FixedLenFeature([], tf.string),
    }
    files = sorted(str(path) for path in (tmp_path / "out").glob("*.tfrecord"))
    examples = [tf.io.parse_single_example(example, keys) for example in tf.data.TFRecordDataset(files)]
    originals = sorted(folder.rglob("*.*g"))
    assert [example["image/encoded"].numpy() for example in examples] == [path.read_bytes() for path in originals]
    assert [example["image/class/text"].numpy().decode() for example in examples] == [p.parent.name for p in originals]
    assert {example["image/format"].numpy() for example in examples} == {b"PNG", b"JPEG"}


def test_pack_at_a_size_and_by_shard_size(folder, tmp_path):
    assert pack(folder, tmp_path / "out", "--image_size=8", "--shard_mb=0.001") == 0
    shards = list((tmp_path / "out").glob("*.tfrecord"))
    assert len(shards) > 2 and max(path.stat().st_size for path in shards) < 2000
    collection = data.open_collection(f"tfrecord:{tmp_path}/out/*.tfrecord")
    stored = np.stack([np.asarray(Image.open(io.BytesIO(collection.read(number)[0]))) for number in range(23)])
    wanted, _ = arrays(data.open_source(f"folder:{folder}", image_size=8, split="all"))
    np.testing.assert_array_equal(stored, wanted)


def test_pack_refuses_or_skips_bad_images(folder, tmp_path, capsys):
    (folder / "red" / "03.png").write_bytes(b"broken")
    assert pack(folder, tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert "1 of 23 images" in error and "03.png: unreadable" in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()
    assert pack(folder, tmp_path / "out", "--bad_images=skip") == 0
    assert data.open_collection(f"tfrecord:{tmp_path}/out/*").count == 22


def test_pack_that_ends_early_leaves_no_shards(folder, tmp_path, monkeypatch):
    """Some of the shards would be read as a smaller set."""
    written, real = [], records.write

    def full(file, content):
        written.append(len(content))
        if len(written) == 8:  # in the second shard
            raise OSError(28, "full")
        real(file, content)

    monkeypatch.setattr(records, "write", full)
    with pytest.raises(UserError, match="^cannot write .*No space left on device"):
        packing.pack(data.open_collection(f"folder:{folder}"), tmp_path / "out", shards=4)
    assert len(written) == 8 and not [path.name for path in (tmp_path / "out").iterdir() if "tfrecord" in path.name]


def test_pack_does_not_mix_two_packings(folder, tmp_path, capsys):
    pack(folder, tmp_path / "out", "--shards=2")
    before = sorted((tmp_path / "out").iterdir())
    assert pack(folder, tmp_path / "out", "--shards=3") == 2
    assert "holds shards of another packing" in capsys.readouterr().err
    assert sorted((tmp_path / "out").iterdir()) == before
    assert pack(folder, tmp_path / "out", "--shards=2") == 0  # the same again replaces


def test_labels_without_names(tmp_path):
    out = io.BytesIO()
    Image.new("L", (8, 8)).save(out, "PNG")
    features = {"image/encoded": tf.train.Feature(bytes_list=tf.train.BytesList(value=[out.getvalue()]))}
    plain = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
    features["image/class/label"] = tf.train.Feature(int64_list=tf.train.Int64List(value=[2]))
    labelled = tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
    write_records(tmp_path / "plain.tfrecord", [plain, plain])
    write_records(tmp_path / "labelled.tfrecord", [plain, labelled])
    assert data.open_source(f"tfrecord:{tmp_path}/plain.tfrecord", image_size=8).class_names == ()
    source = data.open_source(f"tfrecord:{tmp_path}/labelled.tfrecord", image_size=8, split="all")
    assert source.class_names == ("0", "1", "2") and arrays(source)[1].tolist() == [0, 2]
    (tmp_path / "labelled.labels.txt").write_text("cat\ndog\n")
    with pytest.raises(UserError, match="has a label 2 but only 2 class names"):
        data.open_source(f"tfrecord:{tmp_path}/labelled.tfrecord", image_size=8, split="all")


def _spoil(path, position, change=b"\xff\xfe"):
    content = bytearray(path.read_bytes())
    content[position : position + len(change)] = change
    path.write_bytes(content)


def _truncate(path, _):
    path.write_bytes(path.read_bytes()[:-10])


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda path, rows: _spoil(path, rows[2][0] + 40), r"record 3: corrupt record: the checksum of its data is wrong"),
        (lambda path, rows: _spoil(path, rows[2][0] - 12), r"record 3 \(byte \d+\) has a wrong length checksum"),
        (_truncate, r"record 23 \(byte \d+\) is cut off"),
        (lambda path, rows: path.write_bytes(b"x" * 100), r"record 1 \(byte 0\) has a wrong length checksum"),
        (lambda path, rows: path.write_bytes(b"x" * 5), r"record 1 \(byte 0\) is cut off"),
        (lambda path, rows: write_records(path, [b"\xff\xff"]), r"record 1: corrupt record: not a tf.train.Example"),
        (lambda path, rows: write_records(path, [b""]), r"record 1: no image: the Example should hold image/encoded"),
        (lambda path, rows: path.write_bytes(b""), "no records in .*: nothing but empty files"),
    ],
)
def test_damage_ends_in_one_line(folder, tmp_path, damage, message):
    pack(folder, tmp_path / "out", "--shards=1")
    (path,) = (tmp_path / "out").glob("*.tfrecord")
    damage(path, records.index(path)[0])
    with pytest.raises(UserError, match=message) as error:
        data.open_source(f"tfrecord:{path}", image_size=8, split="all")
    assert "\n" not in str(error.value) and str(path) in str(error.value)


def test_damage_can_be_skipped(folder, tmp_path, capsys):
    pack(folder, tmp_path / "out", "--shards=2")
    first, second = sorted((tmp_path / "out").glob("*.tfrecord"))
    rows = records.index(first)[0]
    _spoil(first, rows[2][0] + 40)  # one record
    _spoil(second, records.index(second)[0][5][0] - 12)  # this one and the rest of the file
    source = data.open_source(f"tfrecord:{tmp_path}/out/*.tfrecord", image_size=8, split="all", bad="skip")
    assert source.count == len(rows) - 1 + 5
    assert capsys.readouterr().err.count("skipped: ") == 2
    first.write_bytes(b"x" * 100)
    with pytest.raises(UserError, match="record 1 .* has a wrong length checksum"):
        data.open_source(f"tfrecord:{first}", image_size=8, bad="skip")  # nothing is left


def test_no_file(tmp_path):
    with pytest.raises(UserError, match=r"no file matches .*nothing\*; --data=tfrecord:GLOB takes a pattern"):
        data.open_source(f"tfrecord:{tmp_path}/nothing*")
    with pytest.raises(UserError, match=r"did you mean .*/\*.tfrecord\?"):
        data.open_source(f"tfrecord:{tmp_path}")


def test_embedded_packs_and_reads_back(tmp_path, monkeypatch):
    few = RNG.integers(0, 256, [30, 28, 28], np.uint8), np.arange(30) % 10, "stand-in"
    monkeypatch.setattr(embedded, "_fashion", lambda: few)
    wanted = data.open_source("embedded:fashion", split="all")
    assert cli.main(["pack", "--data=embedded:fashion", f"--out={tmp_path}"]) == 0
    packed = data.open_source(f"tfrecord:{tmp_path}/fashion-*", split="all")
    assert packed.class_names == embedded.FASHION_CLASSES and packed.image_shape == (32, 32, 1)
    for one, other in zip(arrays(packed), arrays(wanted), strict=True):
        np.testing.assert_array_equal(one, other)
