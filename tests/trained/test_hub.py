"""Presets on Hugging Face: its own client against a stand-in of the hub, and what may lie there."""

import base64
import hashlib
import http.server
import json
import re
import sys
import threading
import types
import urllib.parse

import numpy as np
import pytest
import run_cases
import tensorflow as tf

from keras_gans import cli
from keras_gans.errors import UserError
from keras_gans.trained import hub, presets
from keras_gans.trained.trained import Trained

pytest.importorskip("safetensors.numpy", reason="the hub extra is not installed")
client = pytest.importorskip("huggingface_hub", reason="the hub extra is not installed")

COMMIT = "c0ffee" + "0" * 34


class _Hub(http.server.BaseHTTPRequestHandler):
    """What huggingface_hub asks for: repositories in memory, small files in the commit, large ones by the LFS protocol."""

    def do_GET(self):
        self.server.asked.append(self.path)
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        about = re.fullmatch(r"/api/models/(\w+/\w+)(?:/revision/(.+))?", path)
        file = re.fullmatch(r"/(\w+/\w+)/resolve/([^/]+)/(.+)", path)
        if about:
            return self._about(*about.groups())
        if file and file[3] in self.server.repositories.get(file[1], {}):
            return self._answer(200, self.server.repositories[file[1]][file[3]])
        return self._answer(404, b"", {"X-Error-Code": "RepoNotFound"})

    do_HEAD = do_GET

    def _about(self, name, revision):
        if self.server.status != 200:
            return self._answer(self.server.status, b"{}", self.server.headers)
        if name not in self.server.repositories:
            return self._answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        if revision not in (None, "main", "v1", COMMIT):
            return self._answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        sizes = {file: len(content) for file, content in self.server.repositories[name].items()} | self.server.claims
        files = [{"rfilename": file, "size": size, "blobId": "0" * 40} for file, size in sizes.items()]
        return self._json({"id": name, "sha": COMMIT, "siblings": files, "tags": [], "downloads": 0, "likes": 0})

    def do_POST(self):
        length = self.headers["Content-Length"]
        content = self._chunks() if length is None else self.rfile.read(int(length))
        if self.server.status != 200 or self.headers["Authorization"] != "Bearer hf_right":
            return self._answer(401, b'{"error": "who are you?"}')
        if self.path == "/api/repos/create":
            asked = json.loads(content)
            name = f"{asked['organization']}/{asked['name']}"
            self.server.repositories.setdefault(name, {})
            self.server.private[name] = asked.get("private", asked.get("visibility") == "private")
            return self._json({"url": f"{self.server.url}/{name}", "name": name, "id": "1"})
        if self.path == "/api/validate-yaml":
            return self._json({"errors": [], "warnings": []})
        if "/preupload/" in self.path:
            modes = {True: "lfs", False: "regular"}
            return self._json(
                {
                    "files": [
                        {
                            "path": one["path"],
                            "uploadMode": modes[one["path"].endswith("safetensors")],
                            "shouldIgnore": False,
                        }
                        for one in json.loads(content)["files"]
                    ]
                }
            )
        if self.path.endswith(".git/info/lfs/objects/batch"):
            objects = [
                one | {"actions": {"upload": {"href": f"{self.server.url}/large/{one['oid']}"}}}
                for one in json.loads(content)["objects"]
            ]
            return self._json({"transfer": "basic", "objects": objects})
        name = re.fullmatch(r"/api/models/(\w+/\w+)/commit/main", self.path)[1]
        for line in map(json.loads, content.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                self.server.repositories[name][value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                self.server.repositories[name][value["path"]] = self.server.large[value["oid"]]
        page = f"{self.server.url}/{name}/commit/{COMMIT}"
        return self._json({"success": True, "commitOid": COMMIT, "commitUrl": page, "hookOutput": ""})

    def do_PUT(self):
        content = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.path == f"/large/{hashlib.sha256(content).hexdigest()}"
        self.server.large[self.path.rpartition("/")[2]] = content
        return self._answer(200, b"")

    def _chunks(self):
        found = b""
        while size := int(self.rfile.readline(), 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def _json(self, value):
        return self._answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _answer(self, status, content, headers=()):
        self.send_response(status)
        known = {"ETag": f'"{hashlib.sha1(content).hexdigest()}"', "X-Repo-Commit": COMMIT, "Content-Length": len(content)}
        for name, value in (known | dict(headers)).items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *words):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A stand-in of the hub that huggingface_hub goes to, with an empty cache, logged in."""
    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    served.url = f"http://127.0.0.1:{served.server_port}"
    served.repositories, served.large, served.private, served.asked = {}, {}, {}, []
    served.claims, served.status, served.headers = {}, 200, {}
    threading.Thread(target=served.serve_forever, daemon=True).start()
    for name, value in {
        "ENDPOINT": served.url,
        "HUGGINGFACE_CO_URL_TEMPLATE": served.url + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HUB_DISABLE_XET": True,
        "HF_HUB_CACHE": str(tmp_path / "cache"),
    }.items():
        monkeypatch.setattr(f"huggingface_hub.constants.{name}", value)
    monkeypatch.setenv("HF_TOKEN", "hf_right")
    yield served
    served.shutdown()
    served.server_close()


def _pictures(trained):
    latents = trained.draw_latent(4, 3)
    return trained.generator([latents, tf.range(4) % 3] if trained.num_classes else latents)


def _one_line(says, address, **arguments):
    with pytest.raises(UserError, match=says) as caught:
        Trained.from_preset(address, **arguments)
    assert "\n" not in str(caught.value) and str(caught.value).isprintable()


def test_a_run_goes_there_and_back(tmp_path, server, capsys):
    directory = run_cases.make_run(tmp_path / "run", data="folder:/home/me/cats", **run_cases.CONDITIONAL)
    run = Trained.open(directory)
    pictures = _pictures(run)
    page = run.push_to_hub("user/clothes", "float32", "MIT", private=True)
    assert page == f"{server.url}/user/clothes/commit/{COMMIT}" and server.private == {"user/clothes": True}
    assert set(server.repositories["user/clothes"]) == {"run.json", "model.safetensors", "README.md"}
    card = client.ModelCard(server.repositories["user/clothes"]["README.md"].decode()).data
    assert (card.library_name, card.license, card.pipeline_tag) == ("keras", "mit", "unconditional-image-generation")
    server.repositories["user/clothes"] |= {
        "model.pkl": b"cos\nsystem\n",
        "../../evil": b"",
        "setup.py": b"raise SystemExit",
    }
    server.asked.clear()
    for address in ("hf://user/clothes", "hf://user/clothes@v1"):
        again = Trained.from_preset(address)
        np.testing.assert_array_equal(_pictures(again), pictures)
        assert (again.name, again.step, again.class_names) == ("clothes", run.step, run.class_names)
    asked = {path.rpartition("/")[2] for path in server.asked if "/resolve/" in path}
    assert asked == {"run.json", "model.safetensors"}  # of all that lies there
    assert cli.main(["sample", "--run=hf://user/clothes", f"--out={tmp_path}/grid.png", "--count=3"]) == 0
    # the command sends it too, and says what is wrong
    assert cli.main(["share", f"--run={directory}", "--to=hf://user/other", "--license=my own"]) == 0
    assert "take --run=hf://user/other" in capsys.readouterr().out
    assert b'license: other\nlicense_name: "my own"' in server.repositories["user/other"]["README.md"]
    assert b'from_preset("hf://user/other")' in server.repositories["user/other"]["README.md"]
    for words, says in {
        ("--to=user/other",): "expected hf://user/repo",
        (): "--out and --to are missing",
        ("--to=hf://user/other@v1",): "leave out @v1",
    }.items():
        assert cli.main(["share", f"--run={directory}", *words]) == 2
        assert re.fullmatch(rf"error: [^\n]*{says}[^\n]*\n", capsys.readouterr().err)
    # without a network, what was fetched is there; without a token, nobody writes
    server.shutdown()
    server.server_close()
    np.testing.assert_array_equal(_pictures(Trained.from_preset("hf://user/clothes")), pictures)
    _one_line("user/more: the hub cannot be reached, and it was not fetched before", "hf://user/more")


def test_what_cannot_be_had_is_one_line(tmp_path, server, monkeypatch):
    server.repositories["user/other"] = {"README.md": b"", "config.json": b"{}"}
    _one_line(
        r"hf://user/none: there is no such repository, or not for you; look at http://[^ ]*/user/none, ", "hf://user/none"
    )
    _one_line("no preset of keras_gans: it has no run.json", "hf://user/other")
    server.repositories["user/other"] |= {"run.json": b"../../etc/passwd", "model.safetensors": b"\x80\x04cos\nsystem\n"}
    _one_line("the repository has no such revision", "hf://user/other@v2")
    _one_line(r"run.json is not JSON", "hf://user/other")  # of git's symbolic links the hub gives the text
    server.claims = {"model.safetensors": 2**32 + 1}
    _one_line(r"model.safetensors has 4,294,967,297 bytes, and at most 4,294,967,296 are fetched", "hf://user/other")
    for address in ("hf://user", "hf://../../etc/passwd", "hf://user/other/file", "hf://user/other@../../x", "kaggle://a/b"):
        _one_line("is no address on a hub; it should look like (hf|kaggle)://", address)
    for server.status, server.headers, says in (
        (403, {"X-Error-Code": "GatedRepo"}, "for those who have been let in"),
        (403, {}, "the hub does not let you"),
        (500, {}, "the hub answers 500"),
    ):
        _one_line(says, "hf://user/other")
    run = Trained.open(run_cases.make_run(tmp_path / "run", **run_cases.UNCONDITIONAL))
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(UserError, match=r"^hf://user/mine: [^\n]*log in with hf auth login[^\n]*$"):
        run.push_to_hub("user/mine")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    _one_line(r"reached by the package huggingface_hub: pip install 'keras_gans\[hub\]'", "hf://user/other")


def test_a_stranger_s_record_takes_no_memory(tmp_path):
    run = Trained.open(run_cases.make_run(tmp_path / "run", **run_cases.UNCONDITIONAL))
    presets.write(run, tmp_path / "preset")
    record = json.loads((tmp_path / "preset" / "run.json").read_text())
    record["recipe"]["generator"] = "dcgan:width=1000000"
    (tmp_path / "preset" / "run.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match=r"^[^\n]*run.json speaks of \d{2},?[\d,]{12,} weights, and it has [\d,]+$"):
        _ = Trained.from_preset(tmp_path / "preset").generator


def test_kaggle_is_asked_for_two_files(tmp_path, monkeypatch):
    run = Trained.open(run_cases.make_run(tmp_path / "run", **run_cases.UNCONDITIONAL))
    presets.write(run, tmp_path / "small", "float32")
    asked = []

    def download(handle, path):
        asked.append((handle, path))
        return str(tmp_path / "small" / path)

    monkeypatch.setitem(sys.modules, "kagglehub", types.SimpleNamespace(model_download=download))
    again = Trained.from_preset("kaggle://me/clothes/keras/small/2")
    assert asked == [("me/clothes/keras/small/2", "run.json"), ("me/clothes/keras/small/2", "model.safetensors")]
    np.testing.assert_array_equal(_pictures(again), _pictures(run))
    assert again.name == "small"
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(UserError, match=r"^hubs are reached by the package kagglehub: pip install 'keras_gans\[kaggle\]'$"):
        hub.fetched("kaggle://me/clothes/keras/small")
