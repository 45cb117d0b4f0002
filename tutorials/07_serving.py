# %% [markdown]
# # 7. Serve under load
#
# A generator as a server that answers many clients: what warm-up, batches and limits do, and how latency is measured. The server is
# `keras-gans serve`, which speaks TensorFlow Serving's REST and gRPC on this machine; the same folder goes to TensorFlow Serving
# in production. About three minutes on two CPU cores, which server and clients share.
#
# Needs `pip install 'keras_gans[serving]'`.

# %%
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
SHORT = bool(os.environ.get("TUTORIAL_SHORT"))  # short measurements: how this page is tested

import numpy as np
from PIL import Image

import keras_gans as kg
from keras_gans import grids

# %% [markdown]
# ## A model to serve
#
# The quickstart's networks, for half its time. (Speed does not depend on what a network has learned.)

# %%
game = kg.games.GAN(
    kg.networks.DCGANGenerator(width=64), kg.networks.DCGANDiscriminator(width=32), loss="non_saturating", ema_kimg=2
)
game.compile("adam:beta_1=0.5")
game.fit(kg.data.open("embedded:fashion", batch_size=32), steps_per_epoch=5 if SHORT else 1250, verbose=0)
print(kg.export.saved_model(game, "models/clothes"))
for path in sorted(pathlib.Path("models").rglob("*")):
    if path.is_file():
        print(f"  {path}  {path.stat().st_size / 1024:.0f} KiB")

# %% [markdown]
# `models/NAME/VERSION/` is what TensorFlow Serving wants. `README.md` in it lists the signatures, and
# `assets.extra/tf_serving_warmup_requests` are requests that the server answers by itself when it loads the model, so that no user is the
# first: the first run of a graph takes many times as long as the next ones.
#
# ## The server


# %%
class Server:
    """`keras-gans serve` as a process, with its addresses."""

    def __init__(self, *flags):
        words = [
            sys.executable,
            "-u",
            "-m",
            "keras_gans",
            "serve",
            "--models=models",
            "--rest_port=0",
            "--grpc_port=0",
            *flags,
        ]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.said = []
        for text in self.process.stdout:
            self.said.append(text.strip())
            if ports := re.search(r":(\d+) \(REST.*:(\d+) \(gRPC\)", text):
                break
        self.rest, self.grpc = f"http://127.0.0.1:{ports[1]}", f"grpc://127.0.0.1:{ports[2]}"
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for text in self.process.stdout:
            self.said.append(text.strip())

    def ready(self, version=1, seconds=120):
        with Client(self.rest, "clothes") as client:
            deadline = time.monotonic() + seconds
            while client.status().get(version) != "AVAILABLE":
                assert time.monotonic() < deadline, self.said
                time.sleep(0.1)

    def close(self):
        self.process.terminate()
        self.process.wait()


from keras_gans.serving.client import Client

server = Server("--max_count=64")
server.ready()
print(*server.said, sep="\n")

# %% [markdown]
# ## A request
#
# The client of this package, by gRPC or REST. With `curl` it would be a POST to `/v1/models/clothes:predict`.

# %%
client = Client(server.grpc, "clothes")
for name, signature in client.signatures().items():
    print(name, {key: str(value) for key, value in signature.inputs.items()})
pictures = client.sample(12, seed=3)
Image.fromarray(grids.grid(np.stack(pictures), 12).squeeze())

# %%
import json
import urllib.request

body = json.dumps({"signature_name": "sample_png", "inputs": {"seed": 3, "count": 1}}).encode()
answer = json.load(urllib.request.urlopen(f"{server.rest}/v1/models/clothes:predict", body))
print(str(answer)[:100], "...")

# %% [markdown]
# ## Warm-up
#
# The first request to the server, which has warmed up, and the first call of the same model loaded in this process, which has not.


# %%
def milliseconds(call, count=1):
    """Returns how long each of `count` calls took."""
    taken = []
    for _ in range(count):
        start = time.perf_counter()
        call()
        taken.append(1000 * (time.perf_counter() - start))
    return taken


import tensorflow as tf

loaded = tf.saved_model.load("models/clothes/1").signatures["serving_default"]
(latent,) = loaded.structured_input_signature[1]
one = np.asarray(game.draw_latent(1, seed=0))
cold = milliseconds(lambda: loaded(**{latent: one}), 20)
served = milliseconds(lambda: client.predict({latent: one}), 20)
print(f"not warmed up: first call {cold[0]:.0f} ms, median of the others {np.median(cold[1:]):.1f} ms")
print(f"warmed up:     first call {served[0]:.0f} ms, median of the others {np.median(served[1:]):.1f} ms")
assert cold[0] > 2 * np.median(cold[1:])

# %% [markdown]
# ## Batches
#
# Thirty-two pictures as thirty-two requests, or as one request with thirty-two latents. A request has a price of its own, and
# products of matrices are faster when they are large.

# %%
latents = np.asarray(game.draw_latent(32, seed=1))
alone = sum(milliseconds(lambda: [client.predict({latent: row[None]}) for row in latents]))
together = min(milliseconds(lambda: client.predict({latent: latents}), 3))
print(f"one by one {32000 / alone:.0f} pictures/s, in a batch {32000 / together:.0f} pictures/s")
assert together < alone
apart = np.concatenate([next(iter(client.predict({latent: row[None]}).values())) for row in latents[:4]])
np.testing.assert_allclose(apart, next(iter(client.predict({latent: latents}).values()))[:4], atol=1e-4)

# %% [markdown]
# TensorFlow Serving can put requests of several clients into one batch (`--enable_batching`). `export/tf_serving` of the repository has
# its configuration, and says for which signatures it does not work.
#
# ## Load: how latency is measured
#
# Some clients ask again as soon as they have an answer, for some seconds. Say *percentiles*, not means: the slow answers are the ones that
# users remember. And check the measurement by Little's law: clients = rate x mean latency.


# %%
def load(clients, seconds, address, **options):
    """Asks from several threads at once; returns the answers' milliseconds, the refusals and the seconds it took."""
    taken, refused, together = [], [], threading.Barrier(clients + 1)

    def work():
        with Client(address, "clothes", **options) as own:
            own.signatures()
            together.wait()
            end = time.perf_counter() + seconds
            while time.perf_counter() < end:
                try:
                    taken.extend(milliseconds(lambda: own.predict({latent: one})))
                except ServingError as error:
                    refused.append(error.code)

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    together.wait()
    start = time.perf_counter()
    for thread in threads:
        thread.join()
    return np.array(taken), refused, time.perf_counter() - start


from keras_gans.serving.errors import ServingError

seconds = 1 if SHORT else 8
print("clients   requests/s   p50 ms   p90 ms   p99 ms   rate x mean latency")
for clients in (1, 4, 16):
    taken, refused, wall = load(clients, seconds, server.grpc)
    rate = len(taken) / wall
    p50, p90, p99 = np.percentile(taken, [50, 90, 99])
    busy = rate * taken.mean() / 1000
    print(f"{clients:7}   {rate:10.0f}   {p50:6.1f}   {p90:6.1f}   {p99:6.1f}   {busy:.1f}")
    assert not refused and abs(busy / clients - 1) < 0.25

# %% [markdown]
# More clients than the machine has cores do not make it faster: the rate stays, the latency grows with the clients. That is the
# place where limits belong.
#
# ## Limits
#
# A request may ask for 64 pictures at most here (`--max_count=64`). What is refused is refused at once, in a line, and costs the others
# nothing.

# %%
try:
    client.sample(65)
    raise AssertionError("65 pictures were drawn")
except ServingError as error:
    print(error.code, "-", error)
assert len(client.sample(2)) == 2
client.close()
server.close()

# %% [markdown]
# A queue that is never full hides that a server is too small: everybody waits, until everybody gives up. With a short queue the
# server says UNAVAILABLE (HTTP 503) instead, and clients ask again after a pause that doubles. Here one worker and two waiting requests
# meet sixteen clients, first without and then with repetition.

# %%
server = Server("--workers=1", "--queue=2")
server.ready()
counts = {}
for retries in (0, 12):
    taken, refused, wall = load(16, 1 if SHORT else 4, server.grpc, retries=retries, backoff=0.05)
    counts[retries] = len(taken), len(refused)
    print(f"retries={retries}: {len(taken)} answered, {len(refused)} refused {set(refused) or ''}")
assert counts[0][1] > 0 and counts[12][1] / sum(counts[12]) < counts[0][1] / sum(counts[0])

# %% [markdown]
# ## A new version, without a pause
#
# Export again into the same folder. The server loads version 2 beside version 1, warms it up, and then changes over.

# %%
kg.export.saved_model(game, "models/clothes")
lost, stop = [], threading.Event()


def ask():
    with Client(server.grpc, "clothes") as own:
        while not stop.is_set():
            try:
                own.predict({latent: one})
            except ServingError as error:
                lost.append(error)


thread = threading.Thread(target=ask)
thread.start()
server.ready(version=2)
stop.set()
thread.join()
with Client(server.rest, "clothes") as client:
    print(client.status(), f"{len(lost)} requests lost")
server.close()
assert not lost

# %% [markdown]
# ## In production
#
# The folder `models` is what TensorFlow Serving takes (not run on this page, as it needs Docker):
#
#     docker run -p 8501:8501 -v $PWD/models/clothes:/models/clothes -e MODEL_NAME=clothes tensorflow/serving
#
# `export/tf_serving` has a compose file with monitoring. `python benchmarks/serving.py` measures the local server in the same way, with
# memory over ten thousand requests and requests lost while versions change; `docs/security.md` says what strangers may send.
