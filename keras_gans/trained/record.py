"""`run.json` read back: whatever stands in the file, what is returned has the parts that its readers rely on."""

import functools
import json
import math

from keras_gans import files, flags
from keras_gans.errors import UserError

_MOST_BYTES = 2**26  # a million class names are 20 MB
_NEEDED = object()


def read(path):
    """Reads a run's record.

    Args:
        path: `pathlib.Path` of `run.json`.

    Returns:
        A dict with at least `recipe`, `data` (with `image_shape` and `class_names`), `seed`, `versions` and `parameters`.

    Raises:
        UserError: it cannot be read, or it is damaged; the message names the first part that is wrong.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UserError(f"cannot read {path}: {files.reason(error)}") from error
    try:
        if len(content) > _MOST_BYTES:
            raise ValueError(f"it has more than {_MOST_BYTES >> 20} MiB")
        record = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"is not JSON ({error})") from error
    try:
        _check(record)
    except ValueError as error:
        raise _damaged(path, f"is damaged: {error}") from error
    return record


def _damaged(path, what):
    return UserError(
        f"{path} {what}; put a copy in its place, or move it away: the train.py command of the run then writes it anew "
        "and goes on from the checkpoints"
    )


def _check(record):
    """Checks a record and fills in what is left out of it.

    Raises:
        ValueError: says which part is wrong.
    """
    if not isinstance(record, dict):
        raise ValueError("it holds no record of a run")
    recipe = _part(record, "recipe", dict)
    for name, value in recipe.items():
        _check_flag(name, value)
    data = _part(record, "data", dict)
    _part(data, "image_shape", list, _is_shape)
    _part(data, "class_names", list, _are_texts, [])
    _part(data, "input_shape", (list, type(None)), lambda shape: shape is None or _is_shape(shape), None)
    _part(data, "labels", (dict, type(None)), _are_labels, None)
    _part(record, "seed", int, default=recipe.get("seed", 0))
    _part(record, "versions", dict, default={})
    _part(record, "parameters", dict, lambda counts: all(map(_is_number, counts.values())), {})
    started = _part(record, "started_from", (dict, type(None)), default=None)
    if started is not None:
        _part(started, "run", str)
        _part(started, "images", int, lambda images: images >= 0)
    if "imported" in record:
        _part(record, "imported", dict)
    if "deployed" in record:
        _check_deployed(_part(record, "deployed", dict))
    for plugin in _part(record, "plugins", list, lambda plugins: all(isinstance(one, dict) for one in plugins), []):
        _part(plugin, "file", str)
        _part(plugin, "sha256", str)
    if "exported" in record:
        _part(record, "exported", dict)
    if "best" in record:
        best = _part(record, "best", dict)
        _part(best, "step", int)
        _part(best, "name", str)
        _part(best, "value", (int, float), _is_number)
    if "finished" in record:
        finished = _part(record, "finished", dict)
        for name in ("step", "seconds", "images_per_second", "peak_memory_mb"):
            if name in finished:
                _part(finished, name, (int, float), _is_number)
        for score in _part(finished, "scores", list, lambda scores: all(isinstance(one, dict) for one in scores), []):
            _part(score, "name", str)
            if _part(score, "value", (int, float, type(None))) is None:
                score["value"] = math.nan  # which JSON does not know
            _part(score, "standard_error", (int, float, type(None)), default=None)
            _part(score, "warnings", list, _are_texts, [])
            _part(score, "protocol", dict, default={})


def _check_deployed(deployed):
    """Checks what an import says of its generators, see `keras_gans.trained.trained.Deployment`."""
    _part(deployed, "generators", dict, lambda generators: generators and _are_texts(generators.values()))
    _part(deployed, "takes", str, lambda takes: takes in ("latents", "images", "images and a style"))
    if deployed.keys() - {"generators", "takes", "random_at_test"} or deployed.get("random_at_test") not in (
        None,
        True,
        False,
    ):
        raise ValueError(f'"deployed" cannot be {json.dumps(deployed)[:60]}')


def _are_labels(described):
    from keras_gans.data.label_maps import Labels  # NumPy and Pillow, which a look at a record does not need

    return not described or bool(Labels.of_record(described))


def _part(record, name, kind, holds=lambda value: True, default=_NEEDED):
    """Returns `record[name]`, set to `default` where it is missing.

    Raises:
        ValueError: it is missing and there is no default, it is of another type, or `holds(value)` is false.
    """
    if name not in record and default is not _NEEDED:
        record[name] = default
    if name not in record:
        raise ValueError(f'"{name}" is missing')
    value = record[name]
    if not isinstance(value, kind) or isinstance(value, bool) or not holds(value):
        raise ValueError(f'"{name}" cannot be {json.dumps(value)[:60]}')
    return value


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_shape(value):
    return 0 < len(value) < 4 and all(
        isinstance(side, int) and not isinstance(side, bool) and 0 < side < 2**31 for side in value
    )


def _are_texts(values):
    return all(isinstance(value, str) for value in values)


@functools.cache
def _recipe_flags():
    known = flags.Flags()
    flags.define_recipe(known)
    return known


def _check_flag(name, value):
    """Checks the value of a recipe's flag; one that this version does not know may be anything."""
    if name not in _recipe_flags():
        return
    flag = _recipe_flags()[name]
    several = isinstance(flag.default, list)
    fits = isinstance(value, list) == several and (value is not None or flag.default is None)
    try:
        for one in value if several and fits else [value]:
            # A parser makes 3 of "3"; here a number must be one.
            fits = fits and (one is None or (flag.parser.parse(one) == one and isinstance(one, bool) == _is_switch(flag)))
    except (ValueError, TypeError):
        fits = False
    if not fits:
        raise ValueError(f'"recipe": --{name} cannot be {json.dumps(value)[:60]}')


def _is_switch(flag):
    return flag.flag_type() == "bool"
