"""Presets on the hubs: `hf://user/repo[@revision]`, and `kaggle://owner/model/framework/variation[/version]`.

Of a repository, the two files that a preset opens with are fetched, by their names and within limits, into the cache of the
hub's own client. Nothing else of it is asked for, and nothing of it is executed.
"""

import contextlib
import importlib
import pathlib
import re

from keras_gans.errors import UserError, shown
from keras_gans.trained import presets

LIMITS = {"run.json": 2**26, presets.WEIGHTS: 2**32}
"""What is fetched -> most bytes of it."""
_SENT = (*LIMITS, "README.md", presets.PICTURE)
_REPOSITORY = re.compile(r"(?:hf://)?([\w-][\w.-]*/[\w-][\w.-]*)(?:@([\w-][\w./-]*))?", re.ASCII)
_MODEL = re.compile(r"kaggle://([\w-]+(?:/[\w.-]+){2}/[\w-]+(?:/\d+)?)", re.ASCII)
_SECONDS = 20  # to wait for an answer


def is_address(name):
    """Whether the name of a run is an address on a hub."""
    return str(name).startswith(("hf://", "kaggle://"))


def title(address):
    """Returns what a preset is called: the repository's name, or the variation of Kaggle's model."""
    if address.startswith("kaggle://"):
        return _matched(_MODEL, address, "kaggle://owner/model/framework/variation")[1].split("/")[3]
    return _repository(address)[0].split("/")[1]


def fetched(address):
    """Returns the folder of a preset on a hub, fetched where it is not in the cache yet.

    Args:
        address: `hf://user/repo`, `hf://user/repo@revision` or `kaggle://owner/model/framework/variation[/version]`.

    Returns:
        `pathlib.Path` of a folder with `run.json` and `model.safetensors`, in the cache of the hub's client. Without a
        network, that of an earlier time.

    Raises:
        UserError: the hub's client is not installed, there is no such repository, it is none of a preset, a file is too
            large, the hub cannot be reached.
    """
    return (_from_kaggle if address.startswith("kaggle://") else _from_hugging_face)(address)


def push(folder, address, private=None, message="A generator of keras_gans"):
    """Puts a preset into a repository of Hugging Face, which is made if needed.

    Args:
        folder: of the preset.
        address: `user/repo`, with or without `hf://`.
        private: whether a new repository is; None for what the hub does.
        message: of the commit.

    Returns:
        The address of the commit's page.

    Raises:
        UserError: the client is not installed, nobody is logged in or may not write, the hub refuses it or cannot be reached.
    """
    repository, revision = _repository(address)
    if revision:
        raise UserError(f"{address}: a preset is sent to the main branch; leave out @{revision}")
    client = _client("huggingface_hub", "hub")
    folder = pathlib.Path(folder)
    files = [
        client.CommitOperationAdd(path_in_repo=name, path_or_fileobj=str(folder / name))
        for name in _SENT
        if (folder / name).is_file()
    ]
    with _one_line(client, f"hf://{repository}"):
        api = client.HfApi()
        api.create_repo(repository, private=private, exist_ok=True)
        return api.create_commit(repository, files, commit_message=message).commit_url


def _from_hugging_face(address):
    repository, revision = _repository(address)
    client = _client("huggingface_hub", "hub")
    with _one_line(client, address):
        try:
            found = client.HfApi().model_info(repository, revision=revision, files_metadata=True, timeout=_SECONDS)
        except (client.errors.HfHubHTTPError, ValueError):
            raise
        except Exception as error:  # the client raises what its network library does, which has changed between versions
            return _cached(client, repository, revision, address, error)
        sizes = {file.rfilename: file.size for file in found.siblings}
        for name, most in LIMITS.items():
            _check(address, name, sizes.get(name), most)
        folders = {pathlib.Path(client.hf_hub_download(repository, name, revision=revision)).parent for name in LIMITS}
    if len(folders) > 1:
        raise UserError(f"{address} was changed while it was fetched; fetch it again")
    return folders.pop()


def _check(address, name, size, most):
    if size is None:
        raise UserError(f"{address} is no preset of keras_gans: it has no {name}; keras-gans share makes such repositories")
    if size > most:
        raise UserError(f"{address}: {name} has {size:,} bytes, and at most {most:,} are fetched")


def _cached(client, repository, revision, address, error):
    """Returns the folder that was fetched another time, where the hub cannot be reached."""
    try:
        paths = [client.hf_hub_download(repository, name, revision=revision, local_files_only=True) for name in LIMITS]
    except client.errors.LocalEntryNotFoundError:
        raise UserError(
            f"{address}: the hub cannot be reached, and it was not fetched before ({_first_line(error)})"
        ) from error
    return pathlib.Path(paths[0]).parent


def _from_kaggle(address):
    handle = _matched(_MODEL, address, "kaggle://owner/model/framework/variation")[1]
    client = _client("kagglehub", "kaggle")
    try:
        paths = [pathlib.Path(client.model_download(handle, path=name)) for name in LIMITS]
    except Exception as error:  # of the client, of its network library, of its cache
        raise UserError(f"{address} cannot be fetched: {_first_line(error)}") from error
    for path, (name, most) in zip(paths, LIMITS.items()):
        _check(address, name, path.stat().st_size, most)
    return paths[0].parent


def _repository(address):
    match = _matched(_REPOSITORY, address, "hf://user/repo or hf://user/repo@revision")
    return match[1], match[2]


def _matched(pattern, address, right):
    match = pattern.fullmatch(address)
    if not match or ".." in address:
        raise UserError(f"{shown(address)} is no address on a hub; it should look like {right}")
    return match


def _client(module, extra):
    try:
        with contextlib.suppress(ModuleNotFoundError):  # which Hugging Face's does not import by itself
            importlib.import_module(f"{module}.errors")
        return importlib.import_module(module)
    except ImportError as error:
        raise UserError(f"hubs are reached by the package {module}: pip install 'keras_gans[{extra}]'") from error


@contextlib.contextmanager
def _one_line(client, address):
    """Turns what goes wrong on the way to Hugging Face and back into one line."""
    errors = client.errors
    page = f"{client.HfApi().endpoint}/{_repository(address)[0]}"
    try:
        yield
    except UserError:
        raise
    except errors.GatedRepoError as error:
        raise UserError(
            f"{address} is for those who have been let in; ask on {page}, and log in with hf auth login"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise UserError(
            f"{address}: there is no such repository, or not for you; look at {page}, and log in with hf auth login "
            "if it is private"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise UserError(
            f"{address}: the repository has no such revision; name a branch, a tag or a commit of {page}"
        ) from error
    except errors.LocalEntryNotFoundError as error:  # not asked for: what the client says when the hub falls silent
        raise UserError(f"{address}: the hub cannot be reached ({_first_line(error)})") from error
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        if status in (401, 403):
            raise UserError(
                f"{address}: the hub does not let you; log in with hf auth login, or set HF_TOKEN, with a token that may write"
            ) from error
        raise UserError(f"{address}: the hub answers {status} ({_first_line(error)})") from error
    except ValueError as error:  # a card or a name that the hub does not take
        raise UserError(f"{address}: the hub refuses it ({_first_line(error)})") from error
    except Exception as error:  # of the network library, or of the disk
        raise UserError(f"{address}: the hub cannot be reached ({_first_line(error)})") from error


def _first_line(error):
    return shown((str(error).strip().splitlines() or [type(error).__name__])[0])
