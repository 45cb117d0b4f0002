"""Real-ESRGAN's weights on the page (export/web), in Chromium: the difference from Keras and from ncnn, and the time.

    python benchmarks/official_weights_page.py [--photos=../shared/data/photos_free] [--work=runs/official]

Needs what benchmarks/official_weights.py and tests/web need; what the former has left in --work is taken as it is. Fills
docs/imports.md, docs/imports/page.jpg and benchmarks/results/official_weights_page.json.
"""

import io
import pathlib
import re
import shutil
import statistics
import sys
import tempfile

import numpy as np
import official_weights
import runs
from PIL import Image

sys.path[:0] = [str(runs.ROOT / "tests"), str(runs.ROOT / "tests/web")]
ROUNDS = 3


def main():
    from keras_gans.cli import Flags

    flags = Flags()
    flags.string("photos", "../shared/data/photos_free", "folder of pictures that may be shown")
    flags.string("work", "runs/official", "folder of the runs and exported models")
    runs.parse(flags, __doc__)
    work, photos = pathlib.Path(flags.work).resolve(), pathlib.Path(flags.photos).resolve()
    official_weights.command(work / "x4plus", "import", "--from=package_realesrgan_x4plus", f"--run={work / 'x4plus'}")
    small = work / "small.png"
    official_weights.square(photos / "skimage_chelsea.jpg", official_weights.SMALL).save(small)
    keras = work / "keras"
    official_weights.command(keras, "restore", f"--run={work / 'x4plus'}", f"--input={small}", f"--out={keras}")
    peers = {
        "Keras": official_weights.read(next(keras.glob("*.png"))),
        "ncnn": np.clip(np.rint(255 * official_weights.by_ncnn("x4plus", 2)(small)), 0, 255).astype(np.uint8),
    }
    made, milliseconds = by_page(official_weights.lite_model(work, "x4plus", photos), small)
    differences = {peer: official_weights.difference(made, image) for peer, image in peers.items()}
    before = np.asarray(Image.open(small, formats=["PNG", "JPEG"]).resize(made.shape[1::-1], Image.NEAREST))
    official_weights.labelled(
        {"96 px": before, "Keras": peers["Keras"], "the page": made}, official_weights.DOCS / "page.jpg"
    )
    row = {"network": "Real-ESRGAN x4plus, 96x96", "runtime": "page", "median_ms": milliseconds}
    about = runs.keep("benchmarks/results/official_weights_page.json", [row], differences=differences)
    runs.fill("docs/imports.md", "official page", document(differences, milliseconds, about))
    print(document(differences, milliseconds, about))


def by_page(model, small):
    """Returns what the page makes of a picture, uint8 [h, w, 3], and the median of the milliseconds that it shows."""
    import gallery
    import served_models
    from playwright import sync_api

    from keras_gans.serving.site import Site

    with tempfile.TemporaryDirectory() as empty, sync_api.sync_playwright() as driver:
        with served_models.serving(empty, site=Site(runs.ROOT / "export/web", model.parent)) as server:
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            view = browser.new_page()
            page, times = gallery.Page(view, f"http://127.0.0.1:{server.rest_port}/"), []
            page.choose("Filter", model.stem)
            for _ in range(ROUNDS):
                page.open(small)
                times.append(int(re.match(r"\d+", view.locator("#speed").inner_text())[0]))
            made = np.asarray(Image.open(io.BytesIO(page.download()), formats=["PNG", "JPEG"]).convert("RGB"))
            browser.close()
    return made, round(statistics.median(times))


def document(differences, milliseconds, about):
    """Returns the Markdown."""
    apart = ", ".join(
        f"{largest} at most and {mean} in the mean from {peer}" for peer, (largest, mean) in differences.items()
    )
    return (
        f"`python benchmarks/official_weights_page.py`, {about['date']}, {about['machine']}: what the page in Chromium makes\n"
        f"of that picture with the same float16 `.tflite` differs, in grey levels, by {apart}.\n"
        f"It takes {milliseconds} ms (WebAssembly; the median of {ROUNDS}, beside other programs).\n\n"
        "![the same photograph by the page](imports/page.jpg)"
    )


if __name__ == "__main__":
    main()
