"""The page of `export/web` with all that it needs, as files of a web server."""

import functools
import json
import pathlib
import urllib.parse

from keras_gans.errors import UserError
from keras_gans.exporting import metadata
from keras_gans.exporting.metadata import predictor

_LITERT, _MEDIA = "node_modules/@litertjs", "node_modules/mediabunny"
_SUFFIXES = (".html", ".css", ".js", ".webmanifest", ".svg")


class Site:
    """Maps the paths of the site to files.

    Args:
        page: the folder `export/web`, after `npm ci` there.
        models: folder of `.tflite` files.

    Raises:
        UserError: LiteRT.js or Mediabunny is not installed.
    """

    def __init__(self, page, models):
        self._page, self._models = pathlib.Path(page), pathlib.Path(models)
        for name, folder in (("LiteRT.js", f"{_LITERT}/core"), ("Mediabunny", _MEDIA)):
            if not (self._page / folder).is_dir():
                raise UserError(f"{name} is not installed; run `npm ci` in {self._page}")

    def files(self):
        """Returns path in the site -> `pathlib.Path`, or the bytes of a JSON file."""
        found = {path.name: path for path in sorted(self._page.iterdir()) if path.suffix in _SUFFIXES}
        found |= {f"paintings/{path.name}": path for path in sorted(self._page.glob("paintings/*.jpg"))}
        found["mediabunny.js"] = self._page / _MEDIA / "dist/bundles/mediabunny.min.mjs"
        found["litert/core.js"] = self._page / _LITERT / "core/dist/index.js"
        found["litert/wasm-utils.js"] = self._page / _LITERT / "wasm-utils/dist/bundle.js"
        for path in sorted((self._page / _LITERT / "core/wasm").iterdir()):
            found[f"litert/wasm/{path.name}"] = path
        filters = []
        for path in sorted(self._models.glob("*.tflite")):
            if described := _described(path):
                filters.append(described)
                pair = (path, predictor(path)) if "predict" in described else (path,)
                found |= {f"models/{one.name}": one for one in pair}
        listed = [_url(name) for name in (*found, "models.json")]
        found["models.json"] = json.dumps({"models": filters, "files": sorted(listed)}, indent=1).encode()
        return found

    def find(self, path):
        """Returns what is at a path of the site; None if there is nothing."""
        return self.files().get(path or "index.html")


def _url(name):
    """Returns the address of a file of the site, in which # and % of its name mean themselves."""
    return urllib.parse.quote(name)


def _described(path):
    """Describes a filter for the page; None if the model makes no image of an image, or its pair is not whole."""
    signature = _signature(path, *_state(path))
    if signature is None:
        return None
    others = set(signature["inputs"]) - {"images", "alpha", "mask"}
    images, made = signature["inputs"].get("images", []), signature["outputs"].get("images", [])
    if list(signature["outputs"]) != ["images"] or len(images) != 4 or images[-1] not in (1, 3) or len(made) != 4:
        return None
    about = signature["about"]
    scale = made[1] // images[1] if images[1] > 0 else about.get("scale", 1)
    described = {"name": path.stem, **_file(path, signature), "multiple": about.get("multiple", 1), "scale": scale}
    if others == {"style"}:
        first = predictor(path)
        predict = _signature(first, *_state(first)) if first.exists() else None
        if not predict or list(predict["inputs"]) != ["images"] or list(predict["outputs"]) != ["style"]:
            return None
        return described | {"predict": _file(first, predict)}
    return described if others in (set(), {"weights"}) else None


def _state(path):
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _file(path, signature):
    shapes = {side: signature[side] for side in ("inputs", "outputs")}
    return {"file": _url(f"models/{path.name}"), "bytes": path.stat().st_size, **shapes}


@functools.lru_cache(maxsize=256)
def _signature(path, size, changed):
    """Returns what is known of a model: shapes of inputs and outputs by name, -1 where they are open, and its metadata.

    Returns:
        {"inputs": {name: [sides]}, "outputs": ..., "about": dict}; None if it has no signature.
    """
    from ai_edge_litert.interpreter import Interpreter

    try:
        runner = Interpreter(str(path)).get_signature_runner("serving_default")
        details = {"inputs": runner.get_input_details(), "outputs": runner.get_output_details()}
    except (RuntimeError, ValueError):  # not a model, or one that is being written
        return None
    shapes = {
        side: {name: one["shape_signature"].tolist() for name, one in tensors.items()} for side, tensors in details.items()
    }
    return {**shapes, "about": metadata.read(path) or {}}
