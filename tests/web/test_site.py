"""What the site consists of, without a browser."""

import json
import sys

import pytest
from helpers import ROOT, assert_one_line, run

from keras_gans.cli.serve import PAGE
from keras_gans.errors import UserError
from keras_gans.serving.site import Site


@pytest.fixture
def page(tmp_path):
    """A page with a stand-in for LiteRT.js."""
    page = tmp_path / "web"
    for name in (
        "index.html",
        "page.js",
        "site.py",
        "node_modules/@litertjs/core/dist/index.js",
        "node_modules/@litertjs/core/wasm/litert.wasm",
        "node_modules/@litertjs/wasm-utils/dist/bundle.js",
        "node_modules/mediabunny/dist/bundles/mediabunny.min.mjs",
        "paintings/a.jpg",
        "page.webmanifest",
    ):
        (page / name).parent.mkdir(parents=True, exist_ok=True)
        (page / name).write_text(name)
    return page


def test_files(page, tmp_path):
    models = tmp_path / "models"
    models.mkdir()
    (models / "broken.tflite").write_bytes(b"not a model")
    site = Site(page, models)
    files = site.files()
    assert set(files) == {
        "index.html",
        "page.js",
        "litert/core.js",
        "litert/wasm-utils.js",
        "litert/wasm/litert.wasm",
        "mediabunny.js",
        "paintings/a.jpg",
        "page.webmanifest",
        "models.json",
    }
    listed = json.loads(files["models.json"])
    assert listed["models"] == [] and listed["files"] == sorted(files)
    assert site.find("") == page / "index.html"
    for path in ("../models/broken.tflite", "models/broken.tflite", "node_modules/x", "site.py", "litert/wasm/../core.js"):
        assert site.find(path) is None


def test_without_npm(tmp_path):
    with pytest.raises(UserError, match="run `npm ci` in"):
        Site(tmp_path, tmp_path)


@pytest.mark.skipif(
    not (ROOT / "export/web/node_modules").is_dir(), reason="LiteRT.js is not installed (npm ci in export/web)"
)
def test_static_files_are_what_the_server_gives(tmp_path):
    command = [sys.executable, "export/web/site.py", f"--models={tmp_path}"]
    made = run([*command, f"--out={tmp_path / 'site'}"])
    assert made.returncode == 0, made.stderr
    served = Site(PAGE, tmp_path).files()  # of keras-gans serve
    written = {
        path.relative_to(tmp_path / "site").as_posix(): path for path in (tmp_path / "site").rglob("*") if path.is_file()
    }
    assert set(served) == set(written) and len(served) > 20
    for name, content in served.items():
        assert written[name].read_bytes() == (content if isinstance(content, bytes) else content.read_bytes()), name
    assert_one_line(run(command), "--out is missing")
