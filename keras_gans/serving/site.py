"""The page of `export/web` with all that it needs, as files of a web server."""

import functools
import json
import pathlib

from keras_gans.errors import UserError

_LITERT = "node_modules/@litertjs"
_SUFFIXES = (".html", ".css", ".js", ".webmanifest", ".svg")


class Site:
    """Maps the paths of the site to files.

    Args:
        page: the folder `export/web`, after `npm ci` there.
        models: folder of `.tflite` files.

    Raises:
        UserError: LiteRT.js is not installed.
    """

    def __init__(self, page, models):
        self._page, self._models = pathlib.Path(page), pathlib.Path(models)
        if not (self._page / _LITERT / "core").is_dir():
            raise UserError(f"LiteRT.js is not installed; run `npm ci` in {self._page}")

    def files(self):
        """Returns path in the site -> `pathlib.Path`, or the bytes of a JSON file."""
        found = {path.name: path for path in sorted(self._page.iterdir()) if path.suffix in _SUFFIXES}
        found["litert/core.js"] = self._page / _LITERT / "core/dist/index.js"
        found["litert/wasm-utils.js"] = self._page / _LITERT / "wasm-utils/dist/bundle.js"
        for path in sorted((self._page / _LITERT / "core/wasm").iterdir()):
            found[f"litert/wasm/{path.name}"] = path
        filters = []
        for path in sorted(self._models.glob("*.tflite")):
            status = path.stat()
            if described := _described(path, status.st_size, status.st_mtime_ns):
                filters.append(described)
                found[described["file"]] = path
        found["models.json"] = json.dumps({"models": filters, "files": sorted(found)}, indent=1).encode()
        return found

    def find(self, path):
        """Returns what is at a path of the site; None if there is nothing."""
        return self.files().get(path or "index.html")


@functools.lru_cache(maxsize=256)
def _described(path, size, changed):
    """Describes a model for the page; None if it does not make an image of an image of one size."""
    from ai_edge_litert.interpreter import Interpreter

    try:
        interpreter = Interpreter(str(path))
        signature = interpreter.get_signature_list().get("serving_default", {"inputs": [], "outputs": []})
        runner = interpreter.get_signature_runner("serving_default") if signature["inputs"] else None
    except (RuntimeError, ValueError):  # not a model, or one that is being written
        return None
    inputs = {name: one["shape_signature"].tolist() for name, one in runner.get_input_details().items()} if runner else {}
    images, others = inputs.get("images", []), set(inputs) - {"images", "alpha"}
    fixed = all(size > 0 for shape in inputs.values() for size in shape)  # LiteRT.js does not resize inputs
    if signature["outputs"] != ["images"] or len(images) != 4 or images[-1] not in (1, 3) or others or not fixed:
        return None
    return {"name": path.stem, "file": f"models/{path.name}", "bytes": size, "inputs": inputs}
