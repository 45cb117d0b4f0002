"""The flags of `--runner` -> tasks; imports nothing of TensorFlow or Beam until there is something to do."""

import functools
import os
import types

from keras_gans.errors import UserError

_NAMES = ("work", "shard_pictures", "write")


def asked(flags):
    """Returns whether work is to be done with Beam.

    Raises:
        UserError: flags of `--runner` without it; no Beam; no `--work` where there is no folder for results.
    """
    given = [f"--{name}" for name in _NAMES if name in flags and flags[name].value is not None]
    given += ["what stands behind --"] * bool(flags.beyond)
    if flags.runner is None:
        if given:
            raise UserError(f"{given[0]} goes with --runner, such as --runner=direct")
        return False
    from keras_gans.bulk import engine

    engine.require()
    return True


def _task(kind, flags, spec, place, **settings):
    return kind(spec, f"{place}/.shards", f"{place}/bad", tuple(flags.plugin), flags.max_pixels, **settings)


def _folder(flags, place):
    """Returns the folder of the notes and of the list of bad pictures."""
    given = flags.work or place
    if given is None:
        raise UserError("--work is missing: folder where --runner notes finished shards")
    return _expanded(given)


def _expanded(path):
    return path if "://" in path else os.path.abspath(os.path.expanduser(path))


def draw(prepare, flags, source, flag, title, alpha):
    """Takes a collection through what `prepare(flags)` returns; returns the exit code."""
    from keras_gans.bulk import drawing

    if flags.smooth:
        raise UserError("--smooth is for videos, which --runner does not take; leave out one of them")
    spec = source if source.partition(":")[0] in ("folder", "tfrecord") else f"folder:{source}"
    out = _expanded(flags.out)
    if spec.startswith("folder:") and f"{out}/".startswith(f"{_expanded(spec.removeprefix('folder:'))}/"):
        raise UserError(f"--out={flags.out} lies inside --{flag}, where results would be taken for pictures; take another")
    values = {name: flags[name].value for name in flags}
    depends = {name: value for name, value in values.items() if name not in _IDLE} | {"weights": _weights(values)}
    task = _task(
        drawing.Drawing,
        flags,
        spec,
        _folder(flags, out),
        prepare=functools.partial(prepare, types.SimpleNamespace(**values)),
        said=tuple(f"{name}={value}" for name, value in sorted(depends.items())),
        out=out,
        write=flags.write or "files",
        alpha=alpha,
        title=title,
    )
    prepare(flags)  # what is wrong with the run is said before workers start
    done, bad = drawing.draw(task, flags.runner, flags.beyond, flags.shard_pictures or 1000)
    print(f"wrote {done} results to {flags.out}" + (f"; {bad} could not be used: {task.bad}.jsonl" if bad else ""))
    return 1 if bad else 0


# Flags that do not change a result.
_IDLE = ("runner", "work", "shard_pictures", "out", "input", "content", "plugin", "max_pixels", "flagfile", "undefok")


def _weights(values):
    """Returns when the checkpoints of the run were written."""
    folder = os.path.join(values.get("run") or "", "checkpoints")
    if not values.get("run") or not os.path.isdir(folder):
        return []
    return sorted((entry.name, entry.stat().st_size, entry.stat().st_mtime_ns) for entry in os.scandir(folder))


def pack(flags):
    """Packs a collection; returns the paths of the TFRecord files and their bytes."""
    from keras_gans.bulk import packing

    out = _expanded(flags.out)
    task = _task(packing.Checking, flags, flags.data, _folder(flags, out), image_size=flags.image_size)
    pictures = flags.shard_pictures or 1000
    return packing.pack(task, out, flags.shards, flags.shard_mb, flags.bad_images, flags.runner, flags.beyond, pictures)


def examine(flags):
    """Examines a collection, as `keras_gans.data.doctor.examine` does."""
    from keras_gans.bulk import examining

    task = _task(examining.Examining, flags, flags.data, _folder(flags, None))
    return examining.examine(task, flags.image_size, flags.runner, flags.beyond, flags.shard_pictures or 1000)


def evaluate(flags, metrics):
    """Scores one set of pictures against another; returns the records."""
    from keras_gans.bulk import scoring

    work, features = _folder(flags, None), flags.features or "inception2015"
    real, fake = (
        _task(scoring.Gathering, flags, spec, f"{work}/{side}", features=features, image_size=flags.image_size)
        for side, spec in (("real", flags.real), ("fake", flags.fake))
    )
    pictures = flags.shard_pictures or 10_000
    return scoring.evaluate(metrics, real, fake, flags.seed, flags.runner, flags.beyond, pictures)
