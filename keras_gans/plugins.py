"""Parts in a user's own files: `--plugin=my_parts.py` makes what they register as good as ours.

A plug-in is a Python file, and loading it runs it. That is why a run's record only says which it needs: nobody's run folder
makes this program run a file that its user has not named.
"""

import hashlib
import importlib.util
import pathlib
import sys

from keras_gans.errors import UserError

_loaded = {}  # SHA-256 of the contents -> name of the file


def load(paths):
    """Runs files whose parts are then known by name: losses, networks, games, scores, sources of data, ...

    Args:
        paths: of Python files that register parts, as those of the package do (`keras_gans.registry`).

    Raises:
        UserError: no such file, or one that fails; the message has the file, the line and the error.
    """
    for path in map(pathlib.Path, paths):
        if not path.is_file():
            raise UserError(f"--plugin={path}: there is no such file; name a Python file that registers parts")
        digest = sha256(path)
        if digest in _loaded:
            continue
        name = f"keras_gans_plugin_{path.stem}_{digest[:8]}"
        specification = importlib.util.spec_from_file_location(name, path)
        if specification is None:
            raise UserError(f"--plugin={path}: not a Python file (its name should end in .py)")
        module = sys.modules[name] = importlib.util.module_from_spec(specification)
        try:
            specification.loader.exec_module(module)
        except Exception as error:  # whatever a user's file may raise
            del sys.modules[name]
            raise UserError(f"--plugin={path}{_line(error, path)}: {type(error).__name__}: {error}") from error
        _loaded[digest] = path.name


def records():
    """Returns what a run's record says of the plug-ins that are loaded: a list of {"file": name, "sha256": digest}."""
    return [{"file": name, "sha256": digest} for digest, name in _loaded.items()]


def require(recorded, directory):
    """Checks that the plug-ins that a run was trained with are loaded.

    Args:
        recorded: what `records` returned then.
        directory: of the run, for messages.

    Raises:
        UserError: a plug-in that is not loaded.
    """
    for plugin in recorded:
        if plugin["sha256"] in _loaded:
            continue
        if plugin["file"] in _loaded.values():
            print(
                f"{plugin['file']} is not as it was when {directory} was trained (then {plugin['sha256'][:12]})",
                file=sys.stderr,
            )
            continue
        raise UserError(
            f"{directory} needs parts of {plugin['file']} (sha256 {plugin['sha256'][:12]}); add --plugin=PATH/{plugin['file']}"
        )


def sha256(path):
    """Returns the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def _line(error, path):
    """Returns `, line N` of the file in which an error arose, or an empty string."""
    if isinstance(error, SyntaxError):
        return f", line {error.lineno}"
    lines, trace = [], error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == str(path):
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return f", line {lines[-1]}" if lines else ""
