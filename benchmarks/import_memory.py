"""Memory and time of importing a large weight file: a pickle of StyleGAN2 at 512x512, as afhqcat.pkl is.

    python benchmarks/import_memory.py

The file (G, D and G_ema with random weights; PyTorch writes it) and the run lie in a temporary folder. The import runs in a
process of its own, whose largest resident memory is what counts.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

TESTS = pathlib.Path(__file__).parents[1] / "tests" / "pretrained"
WIDTHS = {4: 512, 8: 512, 16: 512, 32: 512, 64: 512, 128: 256, 256: 128, 512: 64}

_IMPORT = """
import pathlib, resource, sys, time
from keras_gans.pretrained import importing
start = time.monotonic()
made = importing.make_run(importing.read([pathlib.Path(sys.argv[1])]), sys.argv[2])
print(__import__("json").dumps({
    "seconds": time.monotonic() - start, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
    "reference": made.reference, "largest_difference": max(made.differences.values())}))
"""


def write(path):
    """Writes the pickle; returns its size in MB."""
    sys.path.insert(0, str(TESTS))
    import torch
    import torch_originals
    import weight_writers

    torch.manual_seed(0)
    modules = {"G": torch_originals.Generator(512, 0, 512, WIDTHS, depth=8), "D": torch_originals.Discriminator(0, WIDTHS)}
    modules["G_ema"] = torch_originals.Generator(512, 0, 512, WIDTHS, depth=8)
    weight_writers.networks(path, modules)
    return path.stat().st_size / 1e6


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "net.pkl"
        size = subprocess.run(
            [
                sys.executable,
                "-c",
                f"import sys; sys.path.insert(0, {str(pathlib.Path(__file__).parent)!r}); "
                f"import import_memory, pathlib; print(import_memory.write(pathlib.Path({str(path)!r})))",
            ],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        made = subprocess.run(
            [sys.executable, "-c", _IMPORT, path, pathlib.Path(folder) / "run"], capture_output=True, text=True
        )
        if made.returncode:
            sys.exit(made.stderr)
        print(json.dumps({"file_mb": float(size)} | json.loads(made.stdout.splitlines()[-1])))


if __name__ == "__main__":
    main()
