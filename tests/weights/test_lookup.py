import functools
import hashlib
import http.server
import threading

import pytest

from keras_gans.errors import UserError
from keras_gans.weights import lookup

CONTENT = b"weights" * 1000


@pytest.fixture
def server(tmp_path):
    """A web server on this machine that has one file, and the folder of kept files, empty."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "net.pth").write_bytes(CONTENT)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site)) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/net.pth"
        running.shutdown()


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_GANS_WEIGHTS", str(tmp_path / "kept"))
    return tmp_path / "kept"


def published(url="http://127.0.0.1:9/net.pth", algorithm="sha256", digits=8):
    return lookup.WeightFile("net.pth", url, hashlib.new(algorithm, CONTENT).hexdigest()[:digits], algorithm)


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_downloads_once_and_checks(server, kept, algorithm):
    path = lookup.find(published(server, algorithm))
    assert path == kept / "net.pth" and path.read_bytes() == CONTENT
    assert lookup.find(published(algorithm=algorithm)) == path  # from the folder: that address answers nobody
    assert lookup.sha256(path) == hashlib.sha256(CONTENT).hexdigest()


def test_what_is_not_the_published_file_is_not_kept(server, kept):
    wrong = lookup.WeightFile("net.pth", server, "00000000")
    with pytest.raises(UserError, match=r"what came from .* is not the published file"):
        lookup.find(wrong)
    assert not any(kept.iterdir())
    (kept / "net.pth").write_bytes(b"other")
    with pytest.raises(UserError, match=r"net.pth is not the published file .*; delete it"):
        lookup.find(published())


def test_without_a_network_the_line_says_where_from_and_where_to(server, kept):
    for url in ("http://127.0.0.1:9/net.pth", server.replace("net", "missing")):
        with pytest.raises(UserError) as caught:
            lookup.find(published(url))
        message = str(caught.value)
        assert url in message and str(kept / "net.pth") in message and "path=FILE" in message and "\n" not in message
    assert not any(kept.iterdir())


def test_a_given_path_is_taken_as_it_is(tmp_path):
    own = tmp_path / "own.pth"
    own.write_bytes(b"mine")
    assert lookup.find(published(), own) == own
    assert lookup.packaged("os", "none", "extra", own) == own
    with pytest.raises(UserError, match=r"none\.pth does not exist; expected is net.pth, which is at http"):
        lookup.find(published(), tmp_path / "none.pth")


def test_default_folder_is_in_the_home(monkeypatch, tmp_path):
    monkeypatch.delenv("KERAS_GANS_WEIGHTS")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert lookup.folder() == tmp_path / ".cache" / "keras_gans" / "weights"


def test_files_of_packages():
    assert lookup.packaged("http", "server.py", "extra").name == "server.py"
    with pytest.raises(UserError, match=r"none.h5 of the package http is not installed: pip .*\[extra\]"):
        lookup.packaged("http", "weights/none.h5", "extra")
    with pytest.raises(UserError, match="of the package no_such_package"):
        lookup.packaged("no_such_package", "none.h5", "extra")


@pytest.mark.parametrize("record", [b"", b"\xff\xfe", b"abc\n"])
def test_a_damaged_record_of_the_first_use_is_said(tmp_path, monkeypatch, record):
    monkeypatch.setenv("KERAS_GANS_WEIGHTS", str(tmp_path))
    (tmp_path / "x.pth").write_bytes(b"weights")
    file = lookup.WeightFile("x.pth", "http://127.0.0.1:9/x.pth", None)
    assert lookup.find(file) == tmp_path / "x.pth"
    (tmp_path / "x.pth.sha256").write_bytes(record)
    with pytest.raises(UserError, match=r"x\.pth\.sha256 is damaged"):
        lookup.find(file)
