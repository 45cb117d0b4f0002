"""Pictures through a function: translated, restored or stylized, as files or as TFRecords."""

import collections
import contextlib
import dataclasses
import pathlib
import typing

from keras_gans.bulk import engine, pipeline, storage
from keras_gans.data import images, records
from keras_gans.data.picture_files import BadImage
from keras_gans.data.sources import tfrecord
from keras_gans.data.stores import shown
from keras_gans.errors import UserError
from keras_gans.using import pictures

WAYS = ("files", "tfrecord")


@dataclasses.dataclass(frozen=True)
class Drawing(engine.Task):
    """Takes pictures through a function.

    Attributes:
        prepare: without arguments, returns the function, as of `keras_gans.using.pictures.process`; each process calls it
            once.
        said: what the function depends on, plain values.
        out: folder for the results.
        write: "files", a PNG for each picture under its name, or "tfrecord", a file for each shard.
        alpha: as of `keras_gans.using.pictures.process`.
        title: string, what is being done, for the progress display. Default "drawing".
    """

    prepare: typing.Callable = None
    said: tuple = ()
    out: str = ""
    write: str = "files"
    alpha: str = "white"
    title: str = "drawing"

    def settings(self):
        return {name: value for name, value in super().settings().items() if name != "prepare"}

    def open(self, collection):
        return _Tool(self.prepare(), _met_twice(collection))

    def do(self, opened, shard):
        bad, names = [], []
        write = self._files if self.write == "files" else self._records
        with write(opened, shard) as keep:
            for number in range(shard.start, shard.stop):
                name = opened.collection.name_of(number) or f"{number:09d}"
                try:
                    data, label = opened.collection.read(number)
                    made = images.encode_png(self._draw(opened, data, name))
                except BadImage as error:
                    bad.append([opened.collection.where(number), str(error)])
                    continue
                keep(name, made, label)
                names.append(name)
        return {"done": len(names), "bad": bad, "names": names if self.write == "tfrecord" else []}

    def _draw(self, opened, data, name):
        if hasattr(opened.tool.function, "read"):
            raise BadImage("a label map: take it through without --runner")
        with images.open_image(data) as image:
            if getattr(image, "is_animated", False) and image.format == "GIF":
                raise BadImage("animated: take it through without --runner")
        item = pictures.Item(pathlib.PurePosixPath(name), name, pathlib.PurePosixPath(name), "picture")

        def function(image):
            with opened.lock:
                return opened.tool.function(image, item, lambda fraction: None)

        return pictures.draw(function, data, self.alpha)

    @contextlib.contextmanager
    def _files(self, opened, shard):
        def keep(name, made, label):
            plain = pictures.result_name(name, "picture")
            storage.write(f"{self.out}/{pictures.result_name(name, 'picture', plain in opened.tool.twice)}", made)

        yield keep

    @contextlib.contextmanager
    def _records(self, opened, shard):
        classes = opened.collection.class_names
        with storage.writing(self.shard_path(opened.collection, shard)) as file:

            def keep(name, made, label):
                records.write(file, tfrecord.build_example(made, label, classes[label] if classes else ""))

            yield keep

    def shard_path(self, collection, shard):
        """Returns the path of the TFRecord file of a shard."""
        return f"{self.out}/{collection.name}-{shard.number:05d}-of-{shard.of:05d}.tfrecord"


class _Tool(typing.NamedTuple):
    function: typing.Callable
    twice: frozenset


def _met_twice(collection):
    """Returns the names of results that more than one picture would have."""
    found = collections.Counter(pictures.result_name(collection.name_of(n), "picture") for n in range(collection.count))
    return frozenset(name for name, count in found.items() if count > 1)


def draw(task, runner, words, shard_pictures):
    """Takes a collection through a function with Beam.

    Args:
        task: a `Drawing`.
        runner, words: see `pipeline.run`.
        shard_pictures: pictures in a shard.

    Returns:
        How many pictures were drawn, and how many could not be used.

    Raises:
        UserError: see `pipeline.run`; shards of other results in the way; no picture could be used.
    """
    collection = task.collection()
    for note in collection.notes:
        print(f"{task.spec}: {note}", flush=True)
    storage.folder(task.out)
    cut = engine.shards(task, collection, shard_pictures)
    if task.write == "tfrecord":
        ours = {task.shard_path(collection, shard) for shard in cut}
        others = [
            path for path in storage.names(f"{task.out}/{collection.name}-?????-of-?????.tfrecord") if path not in ours
        ]
        if others:
            raise UserError(f"{others[0]} is a shard of other results; remove them or choose another --out")
    notes = pipeline.run(task, cut, runner, words)
    done, bad = sum(note["done"] for note in notes), sum(len(note["bad"]) for note in notes)
    if not done:
        where, reason = notes[0]["bad"][0]
        raise UserError(f"{where} could not be used, nor any of the other {bad - 1}: {reason}")
    if task.write == "tfrecord":
        names = "".join(f"{shown(name)}\n" for note in notes for name in note["names"])
        storage.write(f"{task.out}/{collection.name}.paths.txt", names.encode())
        if collection.class_names:
            classes = "".join(f"{shown(name)}\n" for name in collection.class_names)
            storage.write(f"{task.out}/{collection.name}.labels.txt", classes.encode())
    return done, bad
