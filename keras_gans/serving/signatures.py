"""The signatures of a served model, as the server's metadata tell them."""

import dataclasses

import numpy as np

from keras_gans.serving.errors import ServingError

# Strings are bytes in arrays of Python objects.
DTYPES = {
    "DT_FLOAT": np.float32,
    "DT_DOUBLE": np.float64,
    "DT_HALF": np.float16,
    "DT_INT8": np.int8,
    "DT_INT16": np.int16,
    "DT_INT32": np.int32,
    "DT_INT64": np.int64,
    "DT_UINT8": np.uint8,
    "DT_UINT16": np.uint16,
    "DT_BOOL": np.bool_,
    "DT_STRING": object,
}


@dataclasses.dataclass(frozen=True)
class Tensor:
    """One input or output.

    Attributes:
        dtype: `numpy.dtype`; object for strings.
        shape: tuple of integers, None where a size is free; None when nothing is known.
    """

    dtype: np.dtype
    shape: tuple | None

    def __str__(self):
        sizes = "of any shape" if self.shape is None else str(["?" if size is None else size for size in self.shape])
        return f"{dtype_name(self.dtype)} {sizes}".replace("'", "")

    def takes(self, shape):
        """Says whether an array of this shape fits."""
        return self.shape is None or (
            len(shape) == len(self.shape) and all(size in (None, given) for size, given in zip(self.shape, shape))
        )


@dataclasses.dataclass(frozen=True)
class Signature:
    """What a model takes and gives.

    Attributes:
        inputs, outputs: dicts, name -> `Tensor`.
    """

    inputs: dict
    outputs: dict


def dtype_name(dtype):
    """Returns the name of an array's dtype as messages have it."""
    return "string" if np.dtype(dtype) == object else np.dtype(dtype).name


def of_metadata(signature_def):
    """Reads the JSON of a SignatureDefMap, whose "signature_def" maps names to signatures.

    Raises:
        ServingError: a dtype that this client does not know, or another server's JSON.
    """

    def tensors(described):
        return {name: _tensor(name, info) for name, info in described.items()}

    try:
        return {
            name: Signature(tensors(described.get("inputs", {})), tensors(described.get("outputs", {})))
            for name, described in signature_def["signature_def"].items()
            if not name.startswith("__")
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ServingError("INTERNAL", "the metadata are not those of TensorFlow Serving") from error


def _tensor(name, info):
    dtype = info["dtype"]
    if dtype not in DTYPES:
        raise ServingError("UNIMPLEMENTED", f"{name} is {dtype}; known: {', '.join(DTYPES)}")
    shape = info.get("tensor_shape", {})
    if shape.get("unknown_rank"):
        return Tensor(np.dtype(DTYPES[dtype]), None)
    sizes = [int(dim.get("size", 0)) for dim in shape.get("dim", [])]
    return Tensor(np.dtype(DTYPES[dtype]), tuple(None if size < 0 else size for size in sizes))
