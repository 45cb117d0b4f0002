"""Throughput, latency and memory of the local server and of direct calls, and requests while a version is swapped.

    python benchmarks/serving.py [--generator=resnet:width=16,blocks=3] [--side=64] [--seconds=10] [--requests=10000]

One request is one PNG file in, one out (signature `translate`), through a generator with random weights. The server is a
process of `export/serve.py`; its clients are threads of this one, so they share the processor with it. Direct calls run the
same SavedModel in this process, by as many threads. Fills docs/results.md and benchmarks/results/serving.json.
"""

import concurrent.futures
import contextlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import runs

CLIENTS = (1, 8, 64)
SETTLE = 2.5  # seconds after which the server takes a folder for whole


def main():
    from keras_gans.cli import Flags

    flags = Flags()
    flags.string("generator", "resnet:width=16,blocks=3", "spec of the generator")
    flags.integer("side", 64, "of the picture, in pixels", 16)
    flags.number("seconds", 10, "for each measurement of speed", 0.1)
    flags.integer("requests", 10_000, "for the measurement of memory", 10)
    runs.parse(flags, __doc__)

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        write_model(folder / "models/photos/1", flags.generator)
        write_model(folder / "next", flags.generator)
        time.sleep(SETTLE)
        picture = photo(flags.side)
        rows = []
        with serving(folder / "models") as (process, addresses):
            for kind, address in addresses.items():
                for clients in CLIENTS:
                    rows.append(
                        {"way": kind, "clients": clients}
                        | speed(lambda: by_client(address, picture), clients, flags.seconds)
                    )
            facts = {
                "memory": memory(process.pid, lambda: by_client(addresses["gRPC"], picture), flags.requests),
                "swap": swap(folder, addresses, picture),
            }
        for clients in CLIENTS:
            rows.append(
                {"way": "direct", "clients": clients}
                | speed(direct(folder / "models/photos/2", picture), clients, flags.seconds)
            )
    about = runs.keep("benchmarks/results/serving.json", rows, generator=flags.generator, side=flags.side, **facts)
    text = document(rows, about, flags, **facts)
    runs.fill("docs/results.md", "serving", text)
    print(text)


def write_model(path, spec):
    """Writes a SavedModel with the signature `translate`, as exported runs have it."""
    import keras
    import tensorflow as tf

    from keras_gans.data import images
    from keras_gans.exporting import picture_files
    from keras_gans.registry import GENERATORS

    keras.utils.set_random_seed(0)
    network = GENERATORS.create(spec)

    def one(file):
        pixels = picture_files.decode(file, 3, 2**21)
        return tf.io.encode_png(images.to_uint8(network(images.to_model(pixels[None]), training=False)[0]))

    archive = keras.export.ExportArchive()
    archive.track(network)
    archive.add_endpoint(
        "translate",
        lambda image_bytes: {"images_bytes": tf.map_fn(one, image_bytes)},
        [tf.TensorSpec([None], tf.string, "image_bytes")],
    )
    archive.write_out(str(path), verbose=False)


def photo(side):
    from PIL import Image

    coarse = Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8))
    return np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC))


@contextlib.contextmanager
def serving(models):
    """Starts `export/serve.py`; gives the process and its addresses."""
    words = [sys.executable, "export/serve.py", f"--models={models}", "--rest_port=0", "--grpc_port=0"]
    with subprocess.Popen(words, cwd=runs.ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            ports = next(found for line in process.stdout if (found := re.search(r":(\d+) \(REST.*:(\d+) \(gRPC\)", line)))
            threading.Thread(target=process.stdout.read, daemon=True).start()
            yield process, {"REST": f"http://127.0.0.1:{ports[1]}", "gRPC": f"grpc://127.0.0.1:{ports[2]}"}
        finally:
            process.terminate()


def by_client(address, picture):
    """Returns a function that makes one request."""
    from keras_gans.serving.client import Client

    client = Client(address, "photos", retries=0, timeout=120)
    return lambda: client.translate([picture])


def direct(path, picture):
    """Returns a maker of functions that make one call in this process."""
    from keras_gans.data.images import encode_png
    from keras_gans.serving.local.servable import Servable

    servable = Servable(path)
    inputs = {"image_bytes": np.array([encode_png(picture)], object)}
    return lambda: lambda: servable.run("translate", inputs, 120)


def speed(make, clients, seconds):
    """Calls in `clients` threads for some seconds; returns requests per second and latencies in milliseconds."""
    start_together, latencies = threading.Barrier(clients + 1), []

    def work():
        call = make()
        call()
        start_together.wait()
        deadline, own = time.perf_counter() + seconds, []
        while time.perf_counter() < deadline:
            start = time.perf_counter()
            call()
            own.append(time.perf_counter() - start)
        latencies.extend(own)

    with concurrent.futures.ThreadPoolExecutor(clients) as threads:
        running = [threads.submit(work) for _ in range(clients)]
        start_together.wait()
        start = time.perf_counter()
        for one in running:
            one.result()
        taken = time.perf_counter() - start
    p50, p99 = 1000 * np.percentile(latencies, [50, 99])
    return {"requests": len(latencies), "per_second": len(latencies) / taken, "p50_ms": p50, "p99_ms": p99}


def memory(process, make, requests):
    """Makes requests from 8 threads; returns the resident megabytes of the process after each tenth of them."""

    def work(count):
        call = make()
        for _ in range(count):
            call()

    resident = [megabytes(process)]
    for _ in range(10):
        with concurrent.futures.ThreadPoolExecutor(8) as threads:
            list(threads.map(work, [requests // 80 + 1] * 8))
        resident.append(megabytes(process))
    return {"requests": (requests // 80 + 1) * 80, "resident_mb": resident}


def megabytes(process):
    """Returns the resident memory of a process."""
    found = re.search(r"VmRSS:\s+(\d+) kB", pathlib.Path(f"/proc/{process}/status").read_text())
    return int(found[1]) / 1024


def swap(folder, addresses, picture):
    """Adds a version while 8 clients ask; returns how many requests were answered, how many were lost, and the slowest."""
    from keras_gans.serving.client import Client

    stop, latencies, lost = threading.Event(), [], []

    def work(address):
        call = by_client(address, picture)
        while not stop.is_set():
            start = time.perf_counter()
            try:
                call()
                latencies.append(time.perf_counter() - start)
            except Exception as error:
                lost.append(str(error))

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        running = [threads.submit(work, address) for address in list(addresses.values()) * 4]
        (folder / "next").rename(folder / "models/photos/2")
        with Client(addresses["REST"], "photos") as client:
            while client.status() != {2: "AVAILABLE"} and not all(one.done() for one in running):
                time.sleep(0.1)
        time.sleep(1)
        stop.set()
    return {"answered": len(latencies), "lost": len(lost), "slowest_ms": 1000 * max(latencies), "reasons": lost[:5]}


def document(rows, about, flags, memory, swap):
    """Returns the Markdown."""
    lines = [
        f"`python benchmarks/serving.py`, {about['date']}, {about['machine']}. A request is a PNG file of "
        f"{flags.side}x{flags.side} pixels, in and out, through `{flags.generator}` with random weights; server and clients share the machine.",
        "",
        "| way | clients | requests/s | p50, ms | p99, ms |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['way']} | {row['clients']} | {row['per_second']:.1f} | {row['p50_ms']:.1f} | {row['p99_ms']:.1f} |"
        for row in rows
    ]
    resident = memory["resident_mb"]
    return "\n".join(
        [
            *lines,
            "",
            f"Resident memory of the server over {memory['requests']} requests: {resident[0]:.0f} MB before, "
            f"{min(resident[1:]):.0f} to {max(resident[1:]):.0f} MB after each tenth. While a version was swapped under 8 clients "
            f"{swap['answered']} requests were answered and {swap['lost']} lost; the slowest took {swap['slowest_ms']:.0f} ms.",
        ]
    )


if __name__ == "__main__":
    main()
