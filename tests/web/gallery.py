"""Makes the pictures of docs/page.md with the page itself, in Chromium: before and after, and how it looks on two screens.

python tests/web/gallery.py --models=models --photos=../shared/data/photos_free --out=docs/page

The models are those that docs/page.md names.
"""

import io
import os
import pathlib
import shutil
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
ROOT = pathlib.Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

PAIR, NUMBERED, LARGER = "magenta_style_transfer_float16", "styles26_resizable_float16", "animevideov3_resizable_float16"
HEIGHT = 256  # of a picture in the sheet
QUALITY = 88  # of its JPEG

# Name, photograph, filter, and what is chosen: option or value by the label of its control.
SHOTS = [
    ("hokusai", "skimage_chelsea.jpg", PAIR, {"First style": "Hokusai: The Great Wave off Kanagawa"}),
    ("van_gogh", "skimage_coffee.jpg", PAIR, {"First style": "Van Gogh: Village Street in Auvers"}),
    (
        "blend",
        "skimage_rocket.jpg",
        PAIR,
        {
            "First style": "Hokusai: The Great Wave off Kanagawa",
            "Second style": "Kandinsky: Composition VIII",
            "Blend, share of the second style": "0.5",
        },
    ),
    ("half", "skimage_astronaut.jpg", PAIR, {"First style": "Kandinsky: Composition VIII", "Strength": "0.5"}),
    ("numbered", "skimage_astronaut.jpg", NUMBERED, {"Style 0": "0", "Style 5": "0.5", "Style 18": "0.5"}),
    ("transparent", "cut_out.png", NUMBERED, {"Style 0": "0", "Style 12": "1"}),
    ("larger", "small.png", LARGER, {}),
]


class Page:
    """The page, as a person uses it."""

    def __init__(self, page, address):
        self.page = page
        page.set_default_timeout(240e3)  # milliseconds, on a busy machine
        page.goto(address)
        page.wait_for_function("() => document.getElementById('filter').options.length > 0")
        self.settle()

    def settle(self):
        self.page.wait_for_function("() => document.getElementById('stage').getAttribute('aria-busy') === 'false'")

    def choose(self, label, value):
        control = self.page.get_by_role("combobox", name=label)
        if control.count():
            control.select_option(value)
        else:
            self.page.get_by_role("slider", name=label, exact=True).fill(value)
        self.settle()

    def open(self, path):
        self.page.get_by_label("Picture or video", exact=True).set_input_files(path)
        self.settle()

    def download(self):
        """Returns the result's bytes."""
        with self.page.expect_download() as download:
            self.page.get_by_role("button", name="Download").click()
        return pathlib.Path(download.value.path()).read_bytes()


def main():
    import served_models
    from PIL import Image
    from playwright import sync_api

    from keras_gans import files
    from keras_gans.cli import Flags
    from keras_gans.serving.site import Site

    flags = Flags()
    flags.string("models", None, "folder of .tflite files", required=True)
    flags.string("photos", None, "folder of the photographs", required=True)
    flags.string("out", None, "folder for the pictures", required=True)
    flags(sys.argv)
    photos, out = pathlib.Path(flags.photos), pathlib.Path(flags.out)
    with tempfile.TemporaryDirectory() as empty, sync_api.sync_playwright() as driver:
        made = pathlib.Path(empty) / "photos"
        made.mkdir()
        cut_out(photos / "skimage_coffee.jpg").save(made / "cut_out.png")
        Image.open(photos / "skimage_chelsea.jpg", formats=["PNG", "JPEG"]).crop((130, 70, 258, 166)).save(
            made / "small.png"
        )
        with served_models.serving(empty, site=Site(ROOT / "export/web", flags.models)) as server:
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            view = browser.new_page(viewport={"width": 360, "height": 800}, color_scheme="light")
            page = Page(view, f"http://127.0.0.1:{server.rest_port}/")
            for name, photo, model, chosen in SHOTS:
                path = made / photo if (made / photo).exists() else photos / photo
                page.choose("Filter", model)
                page.open(path)
                if model == PAIR:
                    page.choose("Large pictures", "resize")
                    page.choose("Strength", "1")
                    page.choose("Second style", "none")
                for label, value in chosen.items():
                    page.choose(label, value)
                with files.whole(out / f"{name}.jpg") as target:
                    sheet(
                        Image.open(path, formats=["PNG", "JPEG"]),
                        Image.open(io.BytesIO(page.download()), formats=["PNG", "JPEG"]),
                    ).save(target, "JPEG", quality=QUALITY)
                if name == "blend":
                    for width in (360, 1280):
                        view.set_viewport_size({"width": width, "height": 800})
                        with files.whole(out / f"screen_{width}.jpg") as target:
                            view.screenshot(path=target, full_page=True, type="jpeg", quality=QUALITY)
            browser.close()


def cut_out(path):
    """A photograph whose corners are transparent."""
    from PIL import Image, ImageDraw, ImageFilter

    picture = Image.open(path, formats=["PNG", "JPEG"]).convert("RGB")
    alpha = Image.new("L", picture.size)
    ImageDraw.Draw(alpha).ellipse([40, 20, picture.width - 40, picture.height - 20], 255)
    picture.putalpha(alpha.filter(ImageFilter.GaussianBlur(4)))
    return picture


def sheet(before, after):
    """Returns a picture beside what was made of it, over a chequer where they are transparent."""
    import numpy as np
    from PIL import Image

    width = round(HEIGHT * before.width / before.height)
    made = Image.new("RGB", (2 * width + 4, HEIGHT), "white")
    for left, picture in ((0, before), (width + 4, after)):
        resampling = Image.Resampling.LANCZOS if picture.height > HEIGHT else Image.Resampling.NEAREST
        small = picture.convert("RGBA").resize((width, HEIGHT), resampling)
        down, across = np.indices((HEIGHT, width)) // 8
        chequer = Image.fromarray(np.where((down + across) % 2, 255, 190).astype(np.uint8)).convert("RGBA")
        made.paste(Image.alpha_composite(chequer, small).convert("RGB"), (left, 0))
    return made


if __name__ == "__main__":
    main()
