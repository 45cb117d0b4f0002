"""Tensors as the JSON of TensorFlow Serving's REST API (https://www.tensorflow.org/tfx/serving/api_rest), both ways.

Strings whose names end in `_bytes` are {"b64": base64}. NaN and infinities are written as in JavaScript.
"""

import base64
import binascii
import json

import numpy as np

from keras_gans.serving.errors import invalid
from keras_gans.serving.signatures import dtype_name

_KINDS = {"f": "fiu", "i": "i", "u": "iu", "b": "b"}  # kinds of numbers that JSON may have for each kind of tensor


def parse(body):
    """Reads the bytes of a request.

    Returns:
        A dict with "instances" (row format) or "inputs" (columnar), and perhaps "signature_name".

    Raises:
        ServingError: anything else.
    """
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
    if tensor.dtype == object:
        return _strings(value, name)
    try:
        made = np.array(value)
    except (ValueError, OverflowError, RecursionError) as error:
        raise invalid(f"{name}: not a tensor: its lists differ in length or depth") from error
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


def _strings(value, name):
    def decode(item):
        if isinstance(item, str):
            return item.encode()
        if _is_base64(item) and isinstance(item["b64"], str):
            try:
                return base64.b64decode(item["b64"], validate=True)
            except binascii.Error as error:
                raise invalid(f"{name}: Unable to base64 decode") from error
        raise invalid(f'{name}: expected strings or {{"b64": ...}} objects')

    shape, level = [], value
    while isinstance(level, list):
        shape.append(len(level))
        level = level[0] if level else None
    made = np.empty(shape, object)
    try:
        flat = _flat(value, shape)
        made.reshape(-1)[:] = [decode(item) for item in flat] if shape else decode(value)
    except (ValueError, TypeError) as error:
        raise invalid(f"{name}: not a tensor: its lists differ in length or depth") from error
    return made


def _flat(value, shape):
    """Returns the leaves of nested lists that all have these lengths."""
    items = [value]
    for length in shape:
        if any(not isinstance(item, list) or len(item) != length for item in items):
            raise ValueError
        items = [leaf for item in items for leaf in item]
    return items


def _only(names, key):
    if len(names) != 1:
        raise invalid(f"'{key}' is a plain list, but this signature takes {_listed(names)}: send objects with these keys")
    return next(iter(names))


def _listed(names):
    return ", ".join(sorted(map(str, names))) or "none"


def _kind(array):
    return {"U": "string", "O": "objects or numbers out of range", "f": "fractions or NaN", "b": "booleans"}.get(
        array.dtype.kind, array.dtype.name
    )
