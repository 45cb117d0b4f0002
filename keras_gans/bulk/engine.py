"""Work over the shards of a collection: each is done once, noted as finished, and passed over from then on."""

import dataclasses
import hashlib
import importlib.util
import json
import threading

from keras_gans import plugins, startup
from keras_gans.data import picture_files
from keras_gans.data.opening import open_collection
from keras_gans.errors import UserError


@dataclasses.dataclass(frozen=True)
class Shard:
    """Neighbouring pictures of a collection.

    Attributes:
        number, of: which of how many shards, from 0.
        start, stop: numbers of its pictures in the collection, without `stop`.
        fingerprint: SHA-256 (hex) of what is done and of what the pictures are known by; of another one is no result kept.
    """

    number: int
    of: int
    start: int
    stop: int
    fingerprint: str

    def path(self, folder, ending):
        """Returns the path of a file of this shard."""
        return f"{folder}/{self.number:05d}-of-{self.of:05d}{ending}"


@dataclasses.dataclass(frozen=True)
class Task:
    """What is done with each shard. It travels to the workers, so that its attributes are plain values.

    Attributes:
        spec: the collection, as `--data` names it.
        work: folder where finished shards are noted.
        bad: path, without its ending `.jsonl`, of the list of what could not be used.
        plugin: tuple of paths of plug-ins, which workers load. Default: none.
        max_pixels: as of `--max_pixels`.
        side: 0 or 1 for a side of a collection of pairs.
    """

    spec: str
    work: str
    bad: str
    plugin: tuple = ()
    max_pixels: int = picture_files.PIXELS
    side: int | None = None

    title = "working"

    def collection(self):
        """Opens the `Collection`."""
        found = open_collection(self.spec)
        return found if self.side is None else found.sides[self.side]

    def settings(self):
        """Returns all that the result of a shard depends on beside the pictures, for JSON."""
        idle = ("work", "bad", "plugin")
        return {"task": type(self).__name__, "plugins": plugins.records()} | {
            field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name not in idle
        }

    def fingerprint(self, collection, start, stop):
        """Returns the fingerprint of a `Shard`: files are known by path, size and time, records by what their files hold."""
        store = getattr(collection, "store", None)

        def known_by(number):
            name = collection.name_of(number)
            return [name, *(store.stamp(name) or ())] if store else [name, number]

        parts = [self.settings(), None if store else collection.fingerprint, [known_by(n) for n in range(start, stop)]]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def open(self, collection):
        """Returns what is made once in each process, such as a network with its weights; the least is None."""

    def do(self, opened, shard):
        """Works off a shard.

        Args:
            opened: an `Opened`.
            shard: a `Shard`.

        Returns:
            A dict for JSON, with `done`, how many pictures were used, and `bad`, a list of [where, reason] of the others.
        """
        raise NotImplementedError


class Opened:
    """What a process keeps while it works: the collection, and what the task makes once.

    Args:
        task: a `Task`.

    Attributes:
        collection: a `Collection`.
        tool: what `Task.open` returned.
        lock: of the tool, which one thread at a time may use.
    """

    def __init__(self, task):
        startup.import_tensorflow()
        plugins.load(task.plugin)
        picture_files.allow(task.max_pixels)
        self.collection = task.collection()
        self.tool, self.lock = task.open(self.collection), threading.Lock()


def shards(task, collection, pictures):
    """Cuts a collection into shards.

    Args:
        task: a `Task`.
        collection: its `Collection`.
        pictures: in a shard, at most.

    Returns:
        List of `Shard`s.
    """
    starts = range(0, collection.count, pictures)
    ends = [min(start + pictures, collection.count) for start in starts]
    return [
        Shard(number, len(starts), start, end, task.fingerprint(collection, start, end))
        for number, (start, end) in enumerate(zip(starts, ends))
    ]


def finished(task, shard):
    """Returns what was noted of a finished shard, or None where it is still to be done."""
    from keras_gans.bulk import storage

    note = storage.read_json(shard.path(task.work, ".json"))
    return note if isinstance(note, dict) and note.get("fingerprint") == shard.fingerprint else None


def work_off(task, opened, shard):
    """Does a shard, unless it is finished.

    Returns:
        What is noted of it, and whether it was finished before.

    Raises:
        UserError: this process sees other pictures than the one that made the shards.
    """
    from keras_gans.bulk import storage

    note = finished(task, shard)
    if note:
        return note, True
    if task.fingerprint(opened.collection, shard.start, shard.stop) != shard.fingerprint:
        raise UserError(
            f"{task.spec}: a worker sees other pictures than the start did (shard {shard.number}); they must not change "
            "meanwhile, and all workers must see them under the same path"
        )
    note = task.do(opened, shard) | {"fingerprint": shard.fingerprint}
    storage.write_json(shard.path(task.work, ".json"), note)
    return note, False


def require():
    """Raises a `UserError` where Beam is not installed."""
    if importlib.util.find_spec("apache_beam") is None:
        raise UserError("--runner needs Apache Beam, which is not installed; pip install 'keras-gans[beam]'")
