"""Bulk work on Beam: equal to the plain command, pictures per second by workers, memory over many pictures.

    pip install -e '.[beam]' psutil && python benchmarks/bulk.py --pictures=20000

Makes small pictures and a small denoiser, takes a part of them through `keras-gans restore` with one and with two processes
of Beam's direct runner, and compares the files with those of the command without Beam, byte for byte. Pictures per second
are those after each process has finished a shard, so without its start. Then the resident memory of each process is looked at
every second: all pictures through `keras-gans doctor`, and through `keras-gans restore` for as long as --limit_s allows.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time

import numpy as np
import psutil
from PIL import Image

SIZE = 64


def make_pictures(folder, count):
    random = np.random.default_rng(0)
    for number in range(count):
        path = folder / f"{number // 1000:03d}" / f"{number:06d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        small = Image.fromarray(random.integers(0, 256, (8, 8, 3), np.uint8))
        small.resize((SIZE, SIZE), Image.Resampling.BICUBIC).save(path)


def command(*words):
    return [sys.executable, "-m", "keras_gans", *words]


def watch(process, limit):
    """Waits for a process, at most `limit` seconds; returns [seconds, MB of each worker, largest first], every second."""
    seen, start = [], time.monotonic()
    while process.poll() is None:
        if time.monotonic() - start > limit:
            for one in [*psutil.Process(process.pid).children(recursive=True), process]:
                one.kill()
            process.wait()
            return seen
        sizes = []
        for child in psutil.Process(process.pid).children(recursive=True):
            try:
                if "sdk_worker_main" in " ".join(child.cmdline()) and "python" in child.name():
                    sizes.append(round(child.memory_info().rss / 1e6))
            except psutil.Error:
                pass
        seen.append([round(time.monotonic() - start, 1), *sorted(sizes, reverse=True)])
        time.sleep(1)
    if process.returncode:
        raise SystemExit(f"ended with {process.returncode}")
    return seen


def bulk(work, workers, shard_pictures, *words, limit=1e9):
    """Takes pictures through with Beam, shards noted in `work`; returns what was seen, and the memory."""
    start = time.monotonic()
    words += (f"--work={work}", "--runner=direct", f"--shard_pictures={shard_pictures}")
    options = ("--", "--direct_running_mode=multi_processing", f"--direct_num_workers={workers}")
    memory = watch(subprocess.Popen(command(*words, *options)), limit)
    times = sorted(path.stat().st_mtime for path in (work / ".shards").glob("*.json"))
    rate = 0.0
    if len(times) > workers:
        first = times[workers - 1]  # by then each has begun
        rate = sum(moment > first for moment in times) * shard_pictures / (times[-1] - first)
    seconds = time.monotonic() - start
    seen = {"pictures": len(times) * shard_pictures, "pictures_per_second": round(rate, 1), "seconds": round(seconds, 1)}
    return seen, memory


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=20_000)
    parser.add_argument("--part", type=int, default=2_000, help="pictures that are compared and timed by workers")
    parser.add_argument("--limit_s", type=float, default=1e9, help="of the last part")
    parser.add_argument("--note", default="", help="what else the machine was doing")
    parser.add_argument("--out", default="benchmarks/results/bulk.json")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        make_pictures(place / "part", given.part)
        make_pictures(place / "all", given.pictures)
        words = f"--recipe=denoise --data=folder:{place}/part --channels=3 --image_size=32 --batch_size=4 --kimg=0.004"
        words += f" --generator=dncnn:width=4,depth=3 --export=none --run_dir={place}/run"
        subprocess.run(command("train", *words.split()), check=True)
        restore = ("restore", f"--run={place}/run")
        start = time.monotonic()
        subprocess.run(command(*restore, f"--input={place}/part", f"--out={place}/plain"), check=True)
        found = {
            "plain": {"pictures": given.part, "seconds": round(time.monotonic() - start, 1)},
            "workers": {},
            "memory": {},
        }
        names = [path.relative_to(place / "plain") for path in (place / "plain").rglob("*.png")]
        for workers in (1, 2):
            out = place / f"by{workers}"
            seen, _ = bulk(out, workers, given.part // 10, *restore, f"--input={place}/part", f"--out={out}")
            equal = sum((out / name).read_bytes() == (place / "plain" / name).read_bytes() for name in names)
            found["workers"][workers] = seen | {"equal": f"{equal} of {len(names)}"}
            write(given, found)
        for verb, words in {
            "doctor": ("doctor", f"--data=folder:{place}/all"),
            "restore": (*restore, f"--input={place}/all", f"--out={place}/many"),
        }.items():
            seen, memory = bulk(place / verb, 2, given.pictures // 40, *words, limit=given.limit_s)
            found["memory"][verb] = seen | {"mb": memory[:: max(1, len(memory) // 30)]}
            write(given, found)


def write(given, found):
    about = {
        "date": datetime.date.today().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "note": given.note,
        "command": "python benchmarks/bulk.py " + " ".join(word for word in sys.argv[1:] if "=" in word),
        "what": f"{SIZE}x{SIZE} PNG, denoiser dncnn:width=4,depth=3",
    }
    pathlib.Path(given.out).write_text(json.dumps(about | found, indent=1) + "\n")


if __name__ == "__main__":
    main()
