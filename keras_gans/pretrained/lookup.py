"""Where published weight files are found: given, kept from before, or downloaded and checked."""

import dataclasses
import hashlib
import http.client
import importlib.util
import os
import pathlib
import urllib.error
import urllib.request

from keras_gans.errors import UserError
from keras_gans.files import whole
from keras_gans.progress import progress


@dataclasses.dataclass(frozen=True)
class WeightFile:
    """A weight file that its authors published.

    Attributes:
        name: the file's name.
        url: where it is downloaded from.
        digest: the first hex digits of its SHA-256 (PyTorch writes eight of them into its files' names), or of its MD5
            where `algorithm` says so (Keras publishes those).
        algorithm: "sha256" or "md5".
    """

    name: str
    url: str
    digest: str
    algorithm: str = "sha256"


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
    elif not _is(published, kept):
        raise UserError(f"{kept} is not the published file (its {published.algorithm} does not begin with "
                        f"{published.digest}); delete it, or put {published.url} there")
    return kept


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
        raise UserError(f"{name} of the package {package} is not installed: pip install keras_gans[{extra}], or name "
                        f"the file itself")
    return shipped


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


def _is(published, path):
    return _hash(path, published.algorithm).startswith(published.digest)


def _download(published, destination):
    with whole(destination) as temporary:
        try:
            with urllib.request.urlopen(published.url, timeout=30) as answer, temporary.open("wb") as file:
                size = int(answer.headers.get("Content-Length") or 0) or None
                with progress(f"downloading {published.name}", size and size / 2**20, "MB") as bar:
                    while block := answer.read(2**20):
                        file.write(block)
                        bar.advance(len(block) / 2**20)
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            reason = getattr(error, "reason", error)
            raise UserError(f"cannot download {published.url} ({reason}); get it on another machine and put it at "
                            f"{destination}, or name it with path=FILE") from error
        if not _is(published, temporary):
            raise UserError(f"what came from {published.url} is not the published file (its {published.algorithm} does "
                            f"not begin with {published.digest}); try again, or put the file at {destination}")
