"""Work in shards on Beam's direct runner: what comes out is what the same commands make without Beam."""

import json
import pathlib

import numpy as np
import pytest
from PIL import Image

from keras_gans.cli import main
from keras_gans.data.opening import open_collection

pytest.importorskip("apache_beam", reason="the beam extra is not installed")

PROCESSES = ["--", "--direct_running_mode=multi_processing", "--direct_num_workers=2"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Twenty-three pictures in two classes, two of them bad, and two that meet in one name."""
    folder, random = tmp_path_factory.mktemp("beam") / "photos", np.random.default_rng(0)
    for number in range(20):
        path = folder / "ab"[number % 2] / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (32, 32, 3), np.uint8)).save(path)
    Image.fromarray(random.integers(0, 256, (32, 32, 3), np.uint8)).save(folder / "a/00.jpg")
    (folder / "a/broken.png").write_bytes(b"no picture")
    (folder / "b/cut.png").write_bytes((folder / "b/01.png").read_bytes()[:500])
    return folder


@pytest.fixture(scope="module")
def sound(photos):
    """The same without the bad ones."""
    folder = photos.with_name("sound")
    for path in photos.rglob("*"):
        if path.is_file() and path.name not in ("broken.png", "cut.png"):
            copy = folder / path.relative_to(photos)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    return folder


@pytest.fixture(scope="module")
def run(sound):
    words = f"--recipe=denoise --data=folder:{sound} --image_size=32 --generator=dncnn:width=4,depth=3 --export=none"
    directory = sound.with_name("run")
    assert main(["train", *words.split(), "--batch_size=4", "--kimg=0.004", f"--run_dir={directory}"]) == 0
    return directory


def contents(folder, ending):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob(f"*{ending}")}


def bad(folder):
    return {pathlib.Path(json.loads(line)["where"]).name for line in (folder / "bad.jsonl").read_text().splitlines()}


def test_drawn_in_processes_as_without_beam_and_finished_shards_stay(photos, run, tmp_path, capsys):
    command = ["restore", f"--run={run}", f"--input={photos}"]
    assert main([*command, f"--out={tmp_path / 'plain'}"]) == 1
    beamed = [*command, f"--out={tmp_path / 'beamed'}", "--runner=direct", "--shard_pictures=5"]
    assert main([*beamed, *PROCESSES]) == 1
    said = capsys.readouterr().out
    assert "restoring: pictures 21, bad pictures 2, shards 5, shards passed over 0" in said
    assert len(contents(tmp_path / "plain", ".png")) == 21
    assert contents(tmp_path / "beamed", ".png") == contents(tmp_path / "plain", ".png")
    assert bad(tmp_path / "beamed") == {"broken.png", "cut.png"}

    notes = sorted((tmp_path / "beamed/.shards").glob("*.json"))
    notes[1].unlink()
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "beamed").rglob("*.png")}
    assert main(beamed) == 1
    assert "restoring: 4 of 5 shards are finished already" in capsys.readouterr().out
    assert sum(path.stat().st_mtime_ns != time for path, time in times.items()) in (
        4,
        5,
    )  # one shard, of which one may be bad
    assert bad(tmp_path / "beamed") == {"broken.png", "cut.png"}


def test_drawn_as_records(photos, run, tmp_path):
    command = ["restore", f"--run={run}", f"--input={photos}"]
    main([*command, f"--out={tmp_path / 'plain'}"])
    main([*command, f"--out={tmp_path / 'beamed'}", "--runner=direct", "--shard_pictures=9", "--write=tfrecord"])
    drawn = open_collection(f"tfrecord:{tmp_path}/beamed/*.tfrecord")
    assert (drawn.count, drawn.class_names) == (21, ("a", "b"))
    plain = contents(tmp_path / "plain", ".png")
    made = {drawn.name_of(number): drawn.read(number) for number in range(drawn.count)}
    assert made["a/02.png"] == (plain["a/02.png"], 0)
    assert made["b/03.png"] == (plain["b/03.png"], 1)
    assert made["a/00.jpg"] == (plain["a/00.jpg.png"], 0)


@pytest.mark.parametrize("words", [[], ["--image_size=16"]])
def test_packed_as_without_beam(photos, tmp_path, words):
    command = ["pack", f"--data=folder:{photos}", "--bad_images=skip", "--shards=3", *words]
    main([*command, f"--out={tmp_path / 'plain'}"])
    beamed = [*command, f"--out={tmp_path / 'beamed'}", "--runner=direct", "--shard_pictures=5"]
    main(beamed)
    for ending in (".tfrecord", ".txt"):
        assert contents(tmp_path / "beamed", ending) == contents(tmp_path / "plain", ending) != {}
    assert bad(tmp_path / "beamed") == {"broken.png", "cut.png"}
    before = contents(tmp_path / "beamed", ".tfrecord")
    (tmp_path / "beamed/.shards/packed/00001-of-00003.json").unlink()
    main(beamed)
    assert contents(tmp_path / "beamed", ".tfrecord") == before


@pytest.mark.parametrize("kind", ["folder:{0}", "unpaired:{0}/a:{0}/b"])
def test_examined_as_without_beam(photos, tmp_path, capsys, kind):
    command = ["doctor", f"--data={kind.format(photos)}", "--image_size=33"]
    assert main(command) == 1
    plain = capsys.readouterr().out
    assert main([*command, "--runner=direct", "--shard_pictures=4", f"--work={tmp_path}"]) == 1
    assert [line for line in capsys.readouterr().out.splitlines() if not line.startswith("examining")] == plain.splitlines()


def test_scored_as_without_beam_whatever_the_shards(sound, run, tmp_path, capsys):
    command = ["evaluate", f"--real=folder:{sound}/a", f"--fake=folder:{sound}/b", "--features=fashion", "--metrics=fd,kd"]
    scores = {}
    for name, words in {"plain": [], "one": ["99"], "seven": ["2"]}.items():
        out = tmp_path / f"{name}.json"
        words = [
            word for size in words for word in ("--runner=direct", f"--shard_pictures={size}", f"--work={tmp_path / name}")
        ]
        assert main([*command, f"--out={out}", *words]) == 0
        scores[name] = {one["name"]: one for one in json.loads(out.read_text())}
    for name in ("fd_fashion", "kd_fashion"):
        assert scores["one"][name]["value"] == pytest.approx(scores["seven"][name]["value"], rel=1e-6)
        assert scores["one"][name]["protocol"]["fingerprint"] == scores["plain"][name]["protocol"]["fingerprint"]
    assert scores["one"]["fd_fashion"]["value"] == pytest.approx(scores["plain"]["fd_fashion"]["value"], rel=1e-6)


def test_the_sample_is_chosen_by_name():
    from keras_gans.bulk import scoring

    names = [f"{number:05d}.png" for number in range(1000)]
    chosen = [names[n] for n in scoring.sample(names, 10)]
    parts = [names[start::7] for start in range(7)]
    pool = [part[n] for part in parts for n in scoring.sample(part, 10)]
    assert [pool[n] for n in scoring.sample(pool, 10)] == chosen
    assert len(set(chosen)) == 10


@pytest.mark.parametrize(
    "words, said",
    [
        (["--runner=flonk"], "expected direct|flink|spark|dataflow"),
        (["--runner=direct", "--out=gs://nobody/x"], "Beam has no file system for gs:// here"),
        (["--runner=direct", "--out={photos}/made"], "lies inside --input"),
        (["--runner=direct", "--input=tfrecord:/nowhere/*.tfrecord"], "no file matches /nowhere/*.tfrecord"),
        (["--write=tfrecord"], "--write goes with --runner"),
        (["--", "--direct_num_workers=2"], "goes with --runner"),
    ],
)
def test_one_line_errors(photos, run, tmp_path, capsys, words, said):
    words = [word.format(photos=photos) for word in words]
    assert main(["restore", f"--run={run}", f"--input={photos}", f"--out={tmp_path}", *words]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
