"""`python export/serve.py` as a process: an exported run is served, asked, and the server ends when it is told to."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import numpy as np
import pytest
import run_cases
from helpers import ROOT, run

from keras_gans.serving.client import Client
from keras_gans.trained.trained import Trained


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder with an exported run of random weights, and that run."""
    from keras_gans.exporting import saved_model

    made = Trained.open(run_cases.make_run(tmp_path_factory.mktemp("run"), **run_cases.UNCONDITIONAL))
    folder = tmp_path_factory.mktemp("models")
    saved_model.export(made, folder / "drawn")
    return folder, made


def wait_until_ready(rest):
    """A model that was exported less than two seconds ago is loaded a little after the server is up."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{rest}/healthz").close()
        except urllib.error.HTTPError as error:
            assert error.code == 503 and time.monotonic() < deadline
            time.sleep(0.1)


@pytest.fixture
def serve(models):
    """The process with its ports."""
    words = [sys.executable, "export/serve.py", f"--models={models[0]}", "--rest_port=0", "--grpc_port=0"]
    with subprocess.Popen(
        words, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
    ) as process:
        try:
            for line in process.stdout:
                if found := re.search(r"127.0.0.1:(\d+) \(REST.*127.0.0.1:(\d+) \(gRPC\)", line):
                    wait_until_ready(found[1])
                    yield process, *found.groups()
                    break
            else:
                pytest.fail("the server ended")
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serves_an_exported_run_until_it_is_told_to_end(models, serve, number):
    process, rest, remote = serve
    _, made = models
    expected = np.concatenate(list(made.generate(3, seed=5)))
    for address in (f"http://127.0.0.1:{rest}", f"grpc://127.0.0.1:{remote}"):
        with Client(address, "drawn") as client:
            drawn = np.array(client.sample(3, seed=5))
            assert np.abs(drawn.astype(int) - expected).max() <= 1
            latent = np.asarray(made.draw_latent(2, 0))
            given = client.predict({"latent": latent})["images"]
            np.testing.assert_allclose(given, np.asarray(made.generator(latent, training=False)), atol=1e-5)
    assert json.load(urllib.request.urlopen(f"http://127.0.0.1:{rest}/healthz"))["models"] == ["drawn"]
    process.send_signal(number)
    rest_of_output = process.stdout.read()
    assert process.wait(60) == 0
    assert "requests that are running are answered first" in rest_of_output and "Traceback" not in rest_of_output


def test_help_and_mistakes(models):
    helped = run([sys.executable, "export/serve.py", "--help"])
    assert helped.returncode == 0 and "use TensorFlow Serving in production" in helped.stdout
    missing = run([sys.executable, "export/serve.py", "--models=nowhere"])
    assert missing.returncode == 2 and missing.stderr.count("\n") == 1 and "nowhere is not a folder" in missing.stderr
    too_deep = run([sys.executable, "export/serve.py", f"--models={models[0]}/drawn"])
    assert too_deep.returncode == 2 and too_deep.stderr.count("\n") == 1 and f"holds it: {models[0]}," in too_deep.stderr


@pytest.mark.skipif(not shutil.which("tensorflow_model_server"), reason="tensorflow_model_server is not on the PATH")
def test_the_same_client_and_tensorflow_serving(models, tmp_path):
    folder, made = models
    import socket
    import time

    ports = []
    for _ in range(2):
        with socket.create_server(("127.0.0.1", 0)) as free:
            ports.append(free.getsockname()[1])
    with (
        open(tmp_path / "log", "w") as log,
        subprocess.Popen(
            [
                "tensorflow_model_server",
                f"--port={ports[0]}",
                f"--rest_api_port={ports[1]}",
                "--model_name=drawn",
                f"--model_base_path={folder / 'drawn'}",
            ],
            stdout=log,
            stderr=log,
        ) as process,
    ):
        try:
            expected = np.concatenate(list(made.generate(3, seed=5)))
            for address in (f"grpc://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}"):
                with Client(address, "drawn", retries=20) as client:
                    deadline = time.monotonic() + 60
                    while client.status().get(1) != "AVAILABLE" and time.monotonic() < deadline:
                        time.sleep(0.2)
                    assert np.abs(np.array(client.sample(3, seed=5)).astype(int) - expected).max() <= 1
        finally:
            process.terminate()
