"""What a score says besides its number: the protocol that makes two numbers comparable."""

import importlib.metadata
import platform
import re
import sys

import keras_gans

QUANTIZATION = "generated images are uint8, floor(127.5 x + 128) clamped to 0..255"


def record(result, protocol):
    """Returns the JSON-ready dict of a `Result`, its own protocol added to the shared one."""
    return {
        "name": result.name,
        "value": float(result.value),
        "higher_is_better": result.higher_is_better,
        "standard_error": None if result.standard_error is None else float(result.standard_error),
        "standard_deviation": None if result.standard_deviation is None else float(result.standard_deviation),
        "protocol": protocol | result.protocol | {"versions": versions()},
        "warnings": list(result.warnings),
    }


def name_with(score, extractor, inception=None):
    """Returns what a score is called on the features of `extractor`.

    Args:
        score: the general name, such as `fd`.
        extractor: the extractor's name.
        inception: the name kept for the 2015 Inception network alone, such as `fid`; default: none is.
    """
    if inception and extractor == "inception2015":
        return inception
    return f"{score}_{re.sub(r'[^0-9A-Za-z]+', '_', extractor).strip('_')}"


def versions():
    """Returns a dict of the versions that a score may depend on."""
    libraries = {name: importlib.metadata.version(name) for name in ("tensorflow", "keras", "numpy", "scipy")}
    return {"keras_gans": keras_gans.__version__, "python": platform.python_version()} | libraries


def warn(records):
    """Prints the warnings of `records` to stderr, each once."""
    for text in dict.fromkeys(text for one in records for text in one["warnings"]):
        print(f"warning: {text}", file=sys.stderr)
