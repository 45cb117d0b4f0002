"""Data of several machines: TFRecords on TensorFlow's file systems and by host, decoded images kept, a tf.data service."""

import collections
import time

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_gans.data import open_source, packing, records, remote, service, snapshots
from keras_gans.data.opening import open_collection
from keras_gans.errors import UserError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Thirty pictures of 16 pixels in two classes, packed in four files."""
    folder, random = tmp_path_factory.mktemp("hosts"), np.random.default_rng(0)
    for number in range(30):
        path = folder / "photos" / "ab"[number % 2] / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (16, 16, 3), np.uint8)).save(path)
    packing.pack(open_collection(f"folder:{folder}/photos"), folder / "packed", shards=4)
    return folder


def images(source):
    return [(image.tobytes(), int(label)) for image, label in source.in_order().as_numpy_iterator()]


def test_records_on_a_file_system_of_tensorflow(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for path in (folder / "packed").iterdir():
        with tf.io.gfile.GFile(f"ram://bucket/packed/{path.name}", "wb") as file:
            file.write(path.read_bytes())
    for split in ("train", "holdout"):
        here = open_source(f"tfrecord:{folder}/packed/*.tfrecord", 16, split=split)
        there = open_source("tfrecord:ram://bucket/packed/*.tfrecord", 16, split=split)
        assert images(there) == images(here) and len(images(here)) > 1
        assert (there.fingerprint, there.class_names) == (here.fingerprint, ("a", "b"))
    monkeypatch.setattr(remote.Bytes, "__getitem__", lambda self, part: pytest.fail("read again"))
    assert open_collection("tfrecord:ram://bucket/packed/*.tfrecord").count == 30  # known from before
    with pytest.raises(UserError, match=r"^no file matches ram://bucket/none\*;"):
        open_collection("tfrecord:ram://bucket/none*")
    tf.io.gfile.remove("ram://bucket/packed/photos-00001-of-00004.tfrecord")
    with pytest.raises(UserError, match=r"^ram://bucket/packed/photos-00001-of-00004.tfrecord is missing"):
        open_collection("tfrecord:ram://bucket/packed/*.tfrecord")


def test_what_does_not_answer_ends_in_one_line():
    with pytest.raises(UserError, match=r"^gs://nobody does not answer within 0 s"):
        remote.within(lambda: time.sleep(2), "gs://nobody", 0.05)
    with pytest.raises(UserError, match=r"^nowhere://x/\* cannot be reached: .*nowhere"):
        remote.find("nowhere://x/*")


def test_hosts_read_their_own_files(folder, monkeypatch):
    spec, opened = f"tfrecord:{folder}/packed/*.tfrecord", []
    whole = {split: open_collection(spec, split) for split in ("train", "holdout")}
    index = records.index
    monkeypatch.setattr(records, "index", lambda path: opened.append(path) or index(path))
    parts = {split: [open_collection(spec, split, host=(host, 3)) for host in range(3)] for split in whole}
    files = [path.name for path in sorted((folder / "packed").glob("*.tfrecord"))]
    assert [path.rpartition("/")[2] for path in opened[:4]] == [files[0], files[3], files[1], files[2]]
    for split, collection in whole.items():
        names = sorted(part.name_of(number) for part in parts[split] for number in range(part.count))
        assert names == sorted(collection.name_of(number) for number in range(collection.count))
    assert len({part.fingerprint for part in parts["train"]}) == 1
    with pytest.raises(UserError, match="4 files, too few for 5 hosts"):
        open_collection(spec, host=(0, 5))
    with pytest.raises(UserError, match="deals out files of tfrecord:GLOB"):
        open_collection(f"folder:{folder}/photos", host=(0, 2))


def test_decoded_images_are_kept_within_a_bound(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "findings"))
    size = 24 * 16 * 16 * 3

    def opened(spec, size=16, most=1e9):
        return open_source(spec, size, cache=snapshots.Cache(tmp_path / "cache", most, f"{size}"))

    spec = f"folder:{folder}/photos"
    plain = images(open_source(spec, 16))
    assert len(plain) * 16 * 16 * 3 >= size
    assert images(opened(spec)) == plain
    assert "decoded images: " in capsys.readouterr().out
    monkeypatch.setattr("keras_gans.data.decoding.MEMORY", 1000)  # so that they stay in the file
    monkeypatch.setattr("keras_gans.data.images.decode", lambda *_: pytest.fail("decoded again"))
    assert images(opened(spec)) == plain
    monkeypatch.undo()
    (first,) = (tmp_path / "cache").glob("*.npy")
    opened(spec, 8, most=first.stat().st_size + 1000)
    assert not first.exists() and len(list((tmp_path / "cache").glob("*.npy"))) == 1
    with pytest.raises(UserError, match="more than --cache_gb=1e-06; allow more"):
        opened(spec, 12, most=1000)


def test_a_service_on_loopback(folder):
    dispatcher = tf.data.experimental.service.DispatchServer()
    address = dispatcher.target.partition("://")[2]
    config = tf.data.experimental.service.WorkerConfig(dispatcher_address=address, heartbeat_interval_ms=100)
    workers = [tf.data.experimental.service.WorkerServer(config) for _ in range(2)]
    spec = f"tfrecord:{folder}/packed/*.tfrecord"
    source, collection = open_source(spec, 16), open_collection(spec, "train")
    batches = service.batches(source, collection, source.count, 0, dispatcher.target, labels=True)
    expected = {(source.to_model(np.frombuffer(pixels, np.uint8)).tobytes(), label) for pixels, label in images(source)}
    seen = collections.Counter(
        (image.tobytes(), label)
        for pixels, labels in batches.take(4).as_numpy_iterator()
        for image, label in zip(pixels, labels.tolist())
    )
    # Each epoch has every image once; a worker that is ahead has begun the fifth.
    assert seen.keys() == expected and set(seen.values()) <= {3, 4, 5} and seen.total() == 4 * len(expected)
    with pytest.raises(UserError, match="PNG files of 8x8 pixels with 3 channels"):
        service.batches(open_source(spec, 8), collection, 4, 0, dispatcher.target)
    del workers, dispatcher
    with pytest.raises(UserError, match=r"^--data_service=grpc://localhost:1 does not answer"):
        service.connect("grpc://localhost:1")
    with pytest.raises(UserError, match="expected grpc://HOST:PORT"):
        service.connect("localhost:1")
