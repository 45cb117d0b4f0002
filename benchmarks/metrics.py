"""Speed of feature extraction beside torch-fidelity's, and the memory and time of whole scores.

    python benchmarks/metrics.py [--images=256] [--rounds=3] [--count=50000] [--out=benchmarks/results/metrics.json]

Speed: the 2015 Inception network on 64x64 images, resized inside to 299x299, in batches of 32. Both load the same state
dict: --weights=FILE, or random numbers of the right shapes, which cost the same. The contestants take turns, a process
each, so that a slow minute of the machine hits both. torch-fidelity needs the extra `parity`.

Memory: --count images a side are made on the fly and go through an extractor into a score, a process each; the table
has the peak resident memory of all of it, TensorFlow included. The 2048 features are a random projection of the pixels:
as many numbers as Inception's at a fraction of the time. The last row is Inception itself, on --images only.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import util

import runs
from step_time import machine

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

BATCH = 32


def random_weights(path):
    """Writes a state dict of the Inception network with random kernels whose activations neither vanish nor explode."""
    import torch

    from keras_gans.features.inception import build_inception

    state = {}
    for layer in build_inception().layers:
        if layer.weights:
            *window, inputs, width = layer.weights[0].shape
            deviation = (2 / inputs / (window[0] * window[1] if window else 1)) ** 0.5
            weight = torch.randn([width, inputs, *window]) * deviation
            if layer.name == "fc":
                state |= {"fc.weight": weight, "fc.bias": torch.zeros(width)}
                continue
            ones, zeros = torch.ones(width), torch.zeros(width)
            state |= {
                f"{layer.name}.conv.weight": weight,
                f"{layer.name}.bn.weight": ones,
                f"{layer.name}.bn.bias": zeros,
                f"{layer.name}.bn.running_mean": zeros,
                f"{layer.name}.bn.running_var": ones,
                f"{layer.name}.bn.num_batches_tracked": torch.tensor(0),
            }
    torch.save(state, path)
    return {}


def images(count, size):
    """Yields uint8 batches of noise [32, size, size, 3]."""
    import numpy as np

    rng = np.random.default_rng(0)
    for start in range(0, count, BATCH):
        yield rng.integers(0, 256, [min(BATCH, count - start), size, size, 3], np.uint8)


def ours(weights):
    """Returns the function from a uint8 batch to features of this package."""
    from keras_gans.features.inception import InceptionFeatures

    return InceptionFeatures(path=weights, batch_size=BATCH)


def torch_fidelity(weights):
    """Returns the same function of torch-fidelity."""
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):  # torchvision's CPU build lacks them, and fails to import without
        if not hasattr(torch.ops.torchvision, name):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    network = FeatureExtractorInceptionV3("benchmark", ["2048"], feature_extractor_weights_path=str(weights))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network.to(device)

    def extract(batch):
        with torch.inference_mode():
            return network(torch.from_numpy(batch.transpose(0, 3, 1, 2)).to(device))[0].cpu().numpy()

    return extract


CONTESTANTS = {"keras_gans": ours, "torch-fidelity": torch_fidelity}


def speed(name, weights, count):
    """Runs in a process of its own: the seconds of each batch after the first."""
    extract, seconds = CONTESTANTS[name](weights), []
    for batch in images(count + BATCH, 64):
        start = time.perf_counter()
        features = extract(batch)
        seconds.append((time.perf_counter() - start) / len(batch))
    assert features.shape[1] == 2048
    return {"seconds": seconds[1:]}


def projection():
    """Returns an extractor of 2048 features that costs next to nothing."""
    import tensorflow as tf

    from keras_gans.features.base import FeatureExtractor

    class Projection(FeatureExtractor):
        name, dims, resize, weights_sha256 = "projection2048", 2048, "none", None

        def __init__(self):
            super().__init__(256)
            self._kernel = tf.random.stateless_normal([32 * 32 * 3, 2048], [0, 0]) / 50

        def network(self, images):
            pixels = tf.reshape(tf.cast(images, tf.float32) / 127.5 - 1, [-1, 32 * 32 * 3])
            return tf.nn.relu(pixels @ self._kernel), None

    return Projection()


def memory(extractor, metric, weights, count):
    """Runs in a process of its own: the seconds and the peak memory of a score of `count` images a side."""
    from keras_gans.features.fashion import FashionFeatures
    from keras_gans.metrics.statistics import gather
    from keras_gans.progress import progress
    from keras_gans.registry import SCORES
    from keras_gans.runs.memory import peak_memory_mb

    makers = {"projection": projection, "fashion": FashionFeatures, "inception2015": lambda: ours(weights)}
    extractor, score = makers[extractor](), SCORES.create(metric)
    start = time.perf_counter()
    with progress(f"{metric} {extractor.name}", total=2 * count) as bar:
        sides = [
            gather(images(count, 32), extractor, score.needs, count, side, advance=bar.advance)
            for side in ("real", "generated")
        ]
    result = score(*sides, 0)[0]
    return {"name": result.name, "count": count, "seconds": time.perf_counter() - start, "memory_mb": peak_memory_mb()}


def main():
    from keras_gans.cli import Flags

    flags = Flags()
    flags.integer("images", 256, "timed images per contestant and round", BATCH)
    flags.integer("rounds", 3, "how often each contestant has its turn", 1)
    flags.integer("count", 50_000, "images a side of the memory rows", 2)
    flags.string("weights", None, "the Inception state dict (pt_inception-2015-12-05); default: random numbers")
    flags.string("out", "benchmarks/results/metrics.json", "where the numbers are kept")
    flags.string("only", None, "internal: one measurement in this process, as JSON arguments")
    runs.parse(flags, __doc__)
    if flags.only:
        what, *arguments = json.loads(flags.only)
        print(json.dumps({"weights": random_weights, "speed": speed, "memory": memory}[what](*arguments)))
        return
    if not util.find_spec("torch_fidelity"):
        sys.exit("this benchmark compares with torch-fidelity: pip install -e .[parity]")
    with tempfile.TemporaryDirectory() as folder:
        weights = flags.weights
        if not weights:
            weights = os.path.join(folder, "random.pth")
            _in_process("weights", weights)  # this process stays small: its children's peak memory starts from its own
        seconds = {name: [] for name in CONTESTANTS}
        for _ in range(flags.rounds):
            for name, values in seconds.items():
                values += _in_process("speed", name, weights, flags.images)["seconds"]
        rows = [
            ("projection", "fid", flags.count),
            ("projection", "kid", flags.count),
            ("fashion", "fid", flags.count),
            ("inception2015", "fid", flags.images),
        ]
        scores = [_in_process("memory", extractor, metric, weights, count) for extractor, metric, count in rows]
    report(seconds, scores, flags)


def _in_process(*arguments):
    words = [sys.executable, __file__, f"--only={json.dumps(arguments)}"]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{arguments}: {done.stderr[-2000:]}")
    answer = json.loads(done.stdout.splitlines()[-1])
    print(arguments, {key: value for key, value in answer.items() if key != "seconds"}, file=sys.stderr, flush=True)
    return answer


def report(seconds, scores, flags):
    """Prints the tables in Markdown and keeps the numbers."""
    rates = {name: 1 / statistics.median(values) for name, values in seconds.items()}
    weights = flags.weights or "random weights"
    print(f"\n{machine()}\n\n| Inception 2015 features ({weights}) | images/s | to torch-fidelity |\n|---|---|---|")
    for name, rate in rates.items():
        print(f"| {name} | {rate:.2f} | {rate / rates['torch-fidelity']:.2f} |")
    print("\n| score | images a side | seconds | peak memory, MB |\n|---|---|---|---|")
    for row in scores:
        print(f"| {row['name']} | {row['count']} | {row['seconds']:.0f} | {row['memory_mb']:.0f} |")
    path = pathlib.Path(flags.out)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps(
            {
                "date": time.strftime("%Y-%m-%d"),
                "machine": machine(),
                "command": " ".join(sys.argv),
                "weights": weights,
                "images_per_second": rates,
                "scores": scores,
            },
            indent=2,
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
