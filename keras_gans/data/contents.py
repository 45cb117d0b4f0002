"""What the files of a data set hold: a hash of each, computed once and kept by its size and time."""

import contextlib
import hashlib
import json
import os
import pathlib
import time
import types

from keras_gans import files
from keras_gans.data.picture_files import BadImage
from keras_gans.data.threads import for_all
from keras_gans.errors import UserError

_YOUNG = 2.0  # seconds in which a file can change again without a new time


def cache_folder():
    """Returns where findings about data are kept: `$XDG_CACHE_HOME/keras_gans`, or `~/.cache/keras_gans`."""
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "keras_gans"


def hashes(store, names):
    """Returns the contents of files as hashes.

    Args:
        store: `keras_gans.data.stores.Directory` or `Archive`.
        names: of its files.

    Returns:
        {name: SHA-256 (hex), or why it cannot be read}, in the order of the names.
    """
    place = hashlib.sha256(os.fsencode(os.path.realpath(store.path))).hexdigest()[:32]
    cache = cache_folder() / "hashes" / f"{place}.json"
    try:
        kept = json.loads(cache.read_text(encoding="utf-8"))
        known = {name: tuple(stamp) for name, *stamp in kept}
    except (OSError, ValueError, TypeError):
        known = {}
    stamps = {name: store.stamp(name) for name in names}
    found = {name: known[name][2] for name in names if name in known and stamps[name] == known[name][:2]}
    missing = [name for name in names if name not in found]

    def read(number):
        name = missing[number]
        return hashlib.sha256(store.read(name)).hexdigest()

    work = types.SimpleNamespace(count=len(missing), name=pathlib.Path(store.path).name)
    for number, value, error in for_all(read, work, f"looking for changes in {work.name}"):
        found[missing[number]] = str(error) if error else value
    old = time.time_ns() - _YOUNG * 1e9
    lines = [
        [name, *stamp, found[name]] for name, stamp in stamps.items() if stamp and stamp[1] < old and len(found[name]) == 64
    ]
    if missing and lines:
        with contextlib.suppress(UserError, BadImage):  # without a cache the next start reads the files again
            files.write_text(cache, json.dumps(lines))
    return {name: found[name] for name in names}


def fingerprint(*parts):
    """Returns the SHA-256 (hex) of several texts."""
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()
