"""Tensors as the JSON of TensorFlow Serving's REST API (https://www.tensorflow.org/tfx/serving/api_rest), both ways.

Strings whose names end in `_bytes` are {"b64": base64}. NaN and infinities are written as in JavaScript.
"""

import base64
import json

import numpy as np

from keras_gans.serving.errors import invalid
from keras_gans.serving.signatures import dtype_name

_KINDS = {"f": "fiu", "i": "i", "u": "iu", "b": "b"}  # kinds of numbers that JSON may have for each kind of tensor
_MOST_AXES = 32


def parse(body, containers=None):
    """Reads the bytes of a request.

    Args:
        body: the bytes.
        containers: how many lists and objects it may hold, which cost far more memory than they have bytes; None for any
            number.

    Returns:
        A dict with "instances" (row format) or "inputs" (columnar), and perhaps "signature_name".

    Raises:
        ServingError: anything else.
    """
    if containers is not None and body.count(b"[") + body.count(b"{") > containers:
        raise invalid(f"at most {containers} lists and objects are taken")
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:  # bad UTF-8 is a ValueError too
        raise invalid(f"JSON Parse error: {error}") from error
    if not isinstance(request, dict):
        raise invalid("JSON Parse error: the request must be an object")
    if not isinstance(request.get("signature_name", ""), str):
        raise invalid("'signature_name' key must be a string value")
    if "instances" in request and "inputs" in request:
        raise invalid("Not expecting both 'instances' and 'inputs'")
    if "instances" not in request and "inputs" not in request:
        raise invalid("Missing 'inputs' or 'instances' key")
    return request


def arrays(request, signature):
    """Returns the inputs of a parsed request: name -> array.

    Raises:
        ServingError: names, types or nesting that do not fit the signature.
    """
    names = set(signature.inputs)
    if "inputs" in request:
        values = request["inputs"]
        if not isinstance(values, dict) or _is_base64(values):
            values = {_only(names, "inputs"): values}
        if set(values) != names:
            raise invalid(f"inputs must have the keys {_listed(names)}, not {_listed(values)}")
        return {name: to_array(value, signature.inputs[name], name) for name, value in values.items()}
    rows = request["instances"]
    if not isinstance(rows, list) or not rows:
        raise invalid("Expecting 'instances' value to be a list that is not empty")
    if not isinstance(rows[0], dict) or _is_base64(rows[0]):
        return {name: to_array(rows, signature.inputs[name], name) for name in [_only(names, "instances")]}
    for number, row in enumerate(rows):
        if not isinstance(row, dict) or set(row) != names:
            raise invalid(f"element {number} of 'instances' must be an object with the keys {_listed(names)}")
    return {name: to_array([row[name] for row in rows], signature.inputs[name], name) for name in sorted(names)}


def to_array(value, tensor, name):
    """Turns nested lists into an array of a `Tensor`'s dtype; its shape is not looked at.

    Raises:
        ServingError: ragged lists, or values of another type or range.
    """
    shape, leaves = _flattened(value, name)
    if tensor.dtype == object:
        return _strings(shape, leaves, name)
    others = set(map(type, leaves)) - {int, float, bool}
    if others:
        raise invalid(f"{name}: expected {dtype_name(tensor.dtype)}, not {'string' if others == {str} else 'objects'}")
    try:
        made = np.array(leaves).reshape(shape)
    except OverflowError as error:
        raise invalid(f"{name}: expected {dtype_name(tensor.dtype)}, not numbers out of range") from error
    if made.size == 0 and made.dtype.kind == "f":  # of an empty list nothing is known
        return made.astype(tensor.dtype)
    if made.dtype.kind not in _KINDS[tensor.dtype.kind]:
        raise invalid(f"{name}: expected {dtype_name(tensor.dtype)}, not {_kind(made)}")
    if tensor.dtype.kind in "iu":
        limits = np.iinfo(tensor.dtype)
        if made.min() < limits.min or made.max() > limits.max:
            raise invalid(f"{name}: a value is outside of {dtype_name(tensor.dtype)}")
    with np.errstate(over="ignore"):  # to infinity
        return made.astype(tensor.dtype)


def to_json(array, name):
    """Turns an array into nested lists; an array of bytes into strings, or into base64 by its name."""
    if array.dtype != object:
        return array.tolist()
    form = _base64 if name.endswith("_bytes") else lambda value: value.decode(errors="replace")
    return _nested(array.tolist(), form)


def response(outputs, by_rows):
    """Returns the bytes of an answer.

    Args:
        outputs: name -> array.
        by_rows: whether the request was in the row format.

    Raises:
        ServingError: row format for outputs that have no batch in common.
    """
    if not by_rows:
        columns = {name: to_json(array, name) for name, array in outputs.items()}
        return _dump({"outputs": columns if len(columns) > 1 else next(iter(columns.values()))})
    batches = {array.shape[:1] for array in outputs.values()}
    if len(batches) > 1 or () in batches:
        raise invalid("the outputs have no batch size in common; send columns ('inputs') in place of rows ('instances')")
    columns = {name: to_json(array, name) for name, array in outputs.items()}
    rows = zip(*columns.values())
    return _dump({"predictions": [dict(zip(columns, row)) if len(columns) > 1 else row[0] for row in rows]})


def request(inputs, signature_name):
    """Returns the bytes of a request in the columnar format, of name -> array."""
    return _dump(
        {
            "signature_name": signature_name,
            "inputs": {
                name: _nested(array.tolist(), _base64) if array.dtype == object else array.tolist()
                for name, array in inputs.items()
            },
        }
    )


def outputs(answer, signature):
    """Returns name -> array of an answer's "outputs"."""
    values = answer["outputs"]
    if len(signature.outputs) == 1:
        values = {next(iter(signature.outputs)): values}
    return {name: to_array(value, signature.outputs[name], name) for name, value in values.items()}


def _dump(value):
    return json.dumps(value, separators=(",", ":")).encode()


def _base64(value):
    return {"b64": base64.b64encode(value).decode()}


def _is_base64(value):
    return isinstance(value, dict) and set(value) == {"b64"}


def _nested(value, function):
    return [_nested(item, function) for item in value] if isinstance(value, list) else function(value)


def _strings(shape, leaves, name):
    def decode(item):
        if isinstance(item, str):
            return item.encode()
        if _is_base64(item) and isinstance(item["b64"], str):
            return decode_base64(item["b64"])
        raise invalid(f'{name}: expected strings or {{"b64": ...}} objects')

    try:
        strings = [decode(item) for item in leaves]
    except UnicodeEncodeError as error:
        raise invalid(f"{name}: a string is no text") from error
    except ValueError as error:
        raise invalid(f"{name}: Unable to base64 decode") from error
    made = np.empty(len(strings), object)
    made[:] = strings
    return made.reshape(shape)


def decode_base64(text):
    """Returns the bytes of base64, whose padding may be missing and whose lines may be broken, as in TensorFlow Serving.

    Raises:
        ValueError: anything else.
    """
    text = "".join(text.split())
    return base64.b64decode(text if "=" in text else text + "=" * (-len(text) % 4), validate=True)


def _flattened(value, name):
    """Returns (shape, leaves) of nested lists; the leaves are those that there are, whatever the first lists promise."""
    shape, leaves = [], [value]
    while leaves and isinstance(leaves[0], list):
        if len(shape) == _MOST_AXES:
            raise invalid(f"{name}: not a tensor: more than {_MOST_AXES} lists within each other")
        length = len(leaves[0])
        if any(not isinstance(item, list) or len(item) != length for item in leaves):
            raise invalid(f"{name}: not a tensor: its lists differ in length or depth")
        shape.append(length)
        leaves = [leaf for item in leaves for leaf in item]
    if any(isinstance(leaf, list) for leaf in leaves):
        raise invalid(f"{name}: not a tensor: its lists differ in length or depth")
    return shape, leaves


def _only(names, key):
    if len(names) != 1:
        raise invalid(f"'{key}' is a plain list, but this signature takes {_listed(names)}: send objects with these keys")
    return next(iter(names))


def _listed(names):
    return ", ".join(sorted(map(str, names))) or "none"


def _kind(array):
    return {"O": "numbers out of range", "f": "fractions or NaN", "b": "booleans"}.get(array.dtype.kind, array.dtype.name)
