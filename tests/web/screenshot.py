"""Takes the README's picture of the page.

python tests/web/screenshot.py --models=models --filter=NAME --picture=photo.jpg --out=docs/web.png
"""

import os
import pathlib
import shutil
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
ROOT = pathlib.Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]


def main():
    import served_models
    from playwright import sync_api

    from keras_gans import files
    from keras_gans.cli import Flags
    from keras_gans.serving.site import Site

    flags = Flags()
    flags.string("models", None, "folder of .tflite files", required=True)
    flags.string("filter", None, "name of the model", required=True)
    flags.string("picture", None, "picture to filter", required=True)
    flags.string("out", None, "PNG file", required=True)
    flags(sys.argv)
    with tempfile.TemporaryDirectory() as empty, sync_api.sync_playwright() as driver:
        with served_models.serving(empty, site=Site(ROOT / "export/web", flags.models)) as server:
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 420, "height": 720}, color_scheme="light")
            page.goto(f"http://127.0.0.1:{server.rest_port}/")
            page.get_by_role("combobox", name="Filter").select_option(flags.filter)
            page.get_by_text(f"{flags.filter}: takes").wait_for()
            page.get_by_label("Picture", exact=True).set_input_files(flags.picture)
            page.locator("#stage").wait_for()
            page.wait_for_timeout(1000)
            with files.whole(flags.out) as path:
                page.screenshot(path=path, full_page=True)
            browser.close()


if __name__ == "__main__":
    main()
