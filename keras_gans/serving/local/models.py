"""The models of a folder: new versions loaded, old ones dropped, without a gap."""

import contextlib
import dataclasses
import os
import pathlib
import stat
import threading
import time

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from keras_gans.errors import shown
from keras_gans.serving.errors import ServingError

CONFIG = "models.config"
_HIGHEST = 2**63 - 1  # version, in gRPC's messages
_SETTLED = 2.0  # seconds without a change after which a folder is taken for whole


@dataclasses.dataclass
class _Version:
    servable: object
    users: int = 0
    retired: bool = False


@dataclasses.dataclass(frozen=True)
class State:
    """Of a version, as TensorFlow Serving's API tells it.

    Attributes:
        version: an integer.
        state: `AVAILABLE` or `END`.
        code: name of the gRPC status. Default `OK`.
        message: of the error, text. Default none.
    """

    version: int
    state: str
    code: str = "OK"
    message: str = ""


class Models:
    """What is served of `FOLDER/MODEL/VERSION/`.

    The highest version of each model is served, and takes the place of the one before once it has answered a request.
    A file `FOLDER/models.config`, as TensorFlow Serving takes it, may ask for other versions (`model_version_policy`) and
    give them labels; only the names of its models are looked at, not their `base_path`.

    A folder is loaded when nothing in it has changed for two seconds, by its dates or before our eyes. What cannot be loaded
    is left alone until it changes.

    Args:
        folder: of the models. A `pathlib.Path`.
        load: function of a path -> servable with `close()`.
        log: function that takes a line of what happens.
    """

    def __init__(self, folder, load, log=print):
        self._folder, self._load, self._log = pathlib.Path(folder), load, log
        self._lock = threading.Lock()
        self._versions = {}  # name -> {number: _Version}
        self._failed = {}  # (name, number) -> (fingerprint, error)
        self._seen = {}  # (name, number) -> (fingerprint, when it was first seen)
        self._told = set()  # lines that have been logged
        self._labels = {}
        self._config_error = None

    def scan(self):
        """Looks at the folder once. To be called by one thread at a time."""
        policies = self._policies()
        self._say_what_is_left_out()
        names = {path.name for path in _folders(self._folder) if not path.name.startswith(".")}
        for name in sorted(names | set(self._versions)):
            self._update(name, policies.get(name))

    def names(self):
        """Returns the models that have an available version."""
        with self._lock:
            return sorted(name for name, versions in self._versions.items() if versions)

    def states(self, name, version=None, label=None):
        """Returns the `State`s of a model's versions, the latest first.

        Raises:
            ServingError: there are none.
        """
        version = self._labelled(name, label) if label is not None else version
        with self._lock:
            states = {number: State(number, "AVAILABLE") for number in self._versions.get(name, {})}
        states |= {
            number: State(number, "END", error.code, str(error))
            for (model, number), (_, error) in list(self._failed.items())
            if model == name and number not in states
        }
        if version is not None:
            states = {number: state for number, state in states.items() if number == version}
        if not states:
            what = "any versions" if version is None else f"version {version}"
            raise ServingError("NOT_FOUND", f"Could not find {what} of model {name}")
        return [states[number] for number in sorted(states, reverse=True)]

    @contextlib.contextmanager
    def lease(self, name, version=None, label=None):
        """Gives (number, servable) of a version that stays loaded meanwhile.

        Raises:
            ServingError: unknown model, version or label.
        """
        version = self._labelled(name, label) if label is not None else version
        with self._lock:
            versions = self._versions.get(name) or {}
            number = max(versions, default=None) if version is None else version
            if number not in versions:
                which = f"Latest({name})" if version is None else f"Specific({name}, {version})"
                raise ServingError("NOT_FOUND", f"Servable not found for request: {which}")
            entry = versions[number]
            entry.users += 1
        try:
            yield number, entry.servable
        finally:
            with self._lock:
                entry.users -= 1
                done = entry.retired and not entry.users
            if done:
                entry.servable.close()

    def close(self):
        """Drops all versions; those in use go when they are free."""
        for name in list(self._versions):
            for number in list(self._versions[name]):
                self._drop(name, number)

    def _update(self, name, policy):
        wanted = policy or (lambda versions: versions[:1])
        on_disk = {int(path.name): path for path in _folders(self._folder / name) if _is_version(path.name)}
        self._failed = {key: value for key, value in self._failed.items() if key[0] != name or key[1] in on_disk}
        self._seen = {key: value for key, value in self._seen.items() if key[0] != name or key[1] in on_disk}
        with self._lock:
            loaded = self._versions.setdefault(name, {})
        candidates = sorted(on_disk, reverse=True)
        # A version that cannot be loaded leaves its place to the next one.
        while broken := [
            number for number in wanted(candidates) if number not in loaded and not self._add(name, on_disk[number])
        ]:
            candidates = [number for number in candidates if number not in broken]
        for number in set(loaded) - set(wanted(candidates)):
            self._drop(name, number)
        if not loaded:
            with self._lock:
                del self._versions[name]

    def _add(self, name, path):
        """Loads a version; says whether it is there."""
        number = int(path.name)
        try:
            fingerprint, changed = _look(path)
        except OSError:  # it is just going away
            return False
        if not self._settled((name, number), fingerprint, changed) or not (path / "saved_model.pb").exists():
            return False
        if self._failed.get((name, number), (None,))[0] == fingerprint:
            return False
        try:
            _check_kinds(path)
            servable = self._load(path)
        except ServingError as error:
            self._failed[name, number] = fingerprint, error
            self._log(f"{name} version {number} cannot be loaded: {error}")
            return False
        self._failed.pop((name, number), None)
        with self._lock:
            self._versions[name][number] = _Version(servable)
        self._log(f"{name} version {number} is served")
        return True

    def _settled(self, key, fingerprint, changed):
        """Whether nothing has changed for a while. Dates may be of a clock that is ahead of ours: then it must be seen."""
        ahead = changed - time.time()
        known, since = self._seen.get(key, (None, 0))
        if known != fingerprint:
            since = time.monotonic()
            self._seen[key] = fingerprint, since
            if ahead > _SETTLED:
                self._log(f"{key[0]} version {key[1]} is dated {ahead:.0f} s ahead of this machine's clock")
        return -ahead >= _SETTLED or time.monotonic() - since >= _SETTLED

    def _say_what_is_left_out(self):
        """Logs, once each, what looks like a version and is none."""
        for folder in _folders(self._folder):
            for path in [] if folder.name.startswith(".") else _entries(folder):
                if path.name.isascii() and path.name.isdigit() and not (_is_version(path.name) and path.is_dir()):
                    why = "no folder" if not path.is_dir() else f"no number from 0 to {_HIGHEST}, without zeros before it"
                    line = f"{folder.name}/{shown(path.name)} is left out: {why}"
                    if line not in self._told:
                        self._told.add(line)
                        self._log(line)

    def _drop(self, name, number):
        with self._lock:
            entry = self._versions[name].pop(number)
            entry.retired = True
            unused = not entry.users
        if unused:
            entry.servable.close()
        self._log(f"{name} version {number} is dropped")

    def _labelled(self, name, label):
        if label not in self._labels.get(name, {}):
            raise ServingError("INVALID_ARGUMENT", f"Unrecognized servable version label: {label}")
        return self._labels[name][label]

    def _policies(self):
        """Reads `models.config`; returns name -> function of the versions, the latest first -> those to serve."""
        config = model_server_config_pb2.ModelServerConfig()
        error = None
        try:
            if (self._folder / CONFIG).is_file():
                text_format.Parse((self._folder / CONFIG).read_text(encoding="utf-8"), config)
        except (OSError, ValueError, text_format.ParseError) as problem:
            error = str(problem)
            if error != self._config_error:
                self._log(f"{self._folder / CONFIG} is left out: {error}")
        self._config_error = error
        models = config.model_config_list.config
        self._labels = {model.name: dict(model.version_labels) for model in models}
        return {model.name: _policy(model.model_version_policy) for model in models}


def _policy(policy):
    if policy.HasField("all"):
        return lambda versions: versions
    if policy.HasField("specific"):
        return lambda versions: [number for number in versions if number in policy.specific.versions]
    return lambda versions: versions[: policy.latest.num_versions or 1]


def _is_version(name):
    return name.isascii() and name.isdigit() and str(int(name)) == name and int(name) <= _HIGHEST


def _folders(folder):
    return [path for path in _entries(folder) if path.is_dir()]


def _entries(folder):
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _status(item):
    """Returns what a link leads to, or of one that leads nowhere the link."""
    try:
        return os.stat(item)
    except OSError:
        return os.lstat(item)


def _walk(path):
    for directory, _, files in os.walk(path):
        yield directory
        for file in files:
            yield os.path.join(directory, file)


def _check_kinds(path):
    """Refuses what is no file, such as a pipe, whose reader waits for ever."""
    for item in _walk(path):
        mode = _status(item).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)):
            raise ServingError("FAILED_PRECONDITION", f"{item} is neither a file nor a folder")


def _look(path):
    """Returns (fingerprint, time of the last change) of a folder with all that is in it."""
    seen = []
    for item in _walk(path):
        status = _status(item)
        seen.append((item, status.st_size, max(status.st_mtime, status.st_ctime)))
    return sorted(seen), max((changed for *_, changed in seen), default=time.time())
