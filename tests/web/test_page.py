"""The page of export/web in a real browser: pixels against Python's LiteRT, without a network, by keyboard, on a phone."""

import base64
import contextlib
import hashlib
import re
import shutil
import sys

import numpy as np
import picture_cases
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from helpers import ROOT
from PIL import Image

sys.path.insert(0, str(ROOT / "tests/exporting"))  # translation_runs

WEB = ROOT / "export/web"
playwright = pytest.importorskip("playwright.sync_api", reason="the browser extra is not installed")
pytest.importorskip("aiohttp", reason="the serving extra is not installed")
CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed (apt-get install chromium)"),
    pytest.mark.skipif(not (WEB / "node_modules").is_dir(), reason="LiteRT.js is not installed (npm ci in export/web)"),
]
CASES = picture_cases.cases()
SIDE = 32
SECONDS = 60e3  # milliseconds, on a busy machine


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder with the two ways of a translator, a filter with a strength, and a model that is no filter."""
    from translation_runs import make_run

    from keras_gans.exporting import tflite
    from keras_gans.trained.trained import Trained

    folder = tmp_path_factory.mktemp("models")
    tflite.export(Trained.open(make_run(tmp_path_factory.mktemp("run"), "both")), folder)

    image, alpha = tf.TensorSpec([1, 8, 8, 3], tf.float32, "images"), tf.TensorSpec([1], tf.float32, "alpha")
    write(folder / "darker.tflite", lambda images, alpha: images * (1 - alpha), [image, alpha])
    write(folder / "same.tflite", lambda images: images, [tf.TensorSpec([1, 20, 20, 3], tf.float32, "images")])
    write(folder / "noise.tflite", lambda latent: latent * 2, [tf.TensorSpec([1, 8], tf.float32, "latent")])
    return folder


def write(path, function, signature):
    module = tf.Module()
    module.f = tf.function(lambda *inputs: {"images": function(*inputs)}, input_signature=signature)
    folder = path.with_suffix("")
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.f})
    path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(folder)).convert())
    shutil.rmtree(folder)


@contextlib.contextmanager
def site(models):
    import served_models

    from keras_gans.serving.site import Site

    with served_models.serving(models, site=Site(WEB, models)) as server:
        yield f"http://127.0.0.1:{server.rest_port}/"


@pytest.fixture(scope="module")
def address(models):
    with site(models) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    flags = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield opened
        opened.close()


@contextlib.contextmanager
def phone(browser):
    context = browser.new_context(viewport={"width": 360, "height": 640}, accept_downloads=True)
    context.set_default_timeout(SECONDS)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def opened(browser, address):
    """The page, what it has asked for and what it complains about; opened once: LiteRT.js takes seconds to start."""
    asked, complaints = [], []
    with phone(browser) as page:
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if "Security Policy" in message.text else None)
        page.goto(address)
        yield page, asked, complaints


@pytest.fixture
def page(opened):
    page, *_ = opened
    page.evaluate("() => { document.getElementById('after').dataset.frames = 0 }")
    return page


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "picture.png"
    pixels = np.random.default_rng(0).integers(0, 256, [SIDE, SIDE, 3], np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def pixels(page, name):
    """Reads a canvas, uint8 [h, w, 3]."""
    height, width, data = page.evaluate(
        "name => { const c = document.getElementById(name);"
        " return [c.height, c.width, Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data)] }",
        name,
    )
    return np.array(data, np.uint8).reshape(height, width, 4)[..., :3]


BLACK = """() => { const c = document.getElementById('after');
    return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.every((level, at) => at % 4 == 3 || level == 0) }"""


def wait_frames(page, count=1):
    page.wait_for_function("count => Number(document.getElementById('after').dataset.frames) >= count", arg=count)


def choose(page, name):
    page.get_by_role("combobox", name="Filter").select_option(name)
    page.wait_for_function("name => document.getElementById('status').textContent.startsWith(name + ':')", arg=name)


@pytest.mark.parametrize("way, channels", [("ab", 1), ("ba", 3)])
def test_pixels_agree_with_python_and_nothing_comes_from_elsewhere(opened, page, address, models, picture, way, channels):
    _, asked, complaints = opened
    (model,) = models.glob(f"both_{way}*float32.tflite")
    choose(page, model.stem)
    page.get_by_label("Picture", exact=True).set_input_files(picture)
    wait_frames(page)

    given = np.asarray(Image.open(picture))
    np.testing.assert_array_equal(pixels(page, "before"), given)
    runner = Interpreter(str(model)).get_signature_runner("serving_default")
    taken = given.astype(np.float32) if channels == 3 else (given @ np.float32([0.299, 0.587, 0.114]))[..., None]
    expected = runner(images=taken[None] / 255)["images"][0] * 255
    made = pixels(page, "after")
    assert np.abs(made - expected).max() <= 2
    assert np.std(expected) > 10  # a picture, not one colour
    assert re.fullmatch(r"\d+ ms, [\d.]+ frames per second", page.locator("#speed").inner_text())

    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    saved = download.value.path()
    np.testing.assert_array_equal(np.asarray(Image.open(saved).convert("RGB")), made)
    assert download.value.suggested_filename == f"{model.stem}.png"

    assert asked and all(url.startswith((address, f"blob:{address}")) for url in asked), asked
    assert not complaints


def test_strength_divider_keyboard_and_phone(page, picture):
    page.wait_for_function("() => document.getElementById('filter').options.length > 0")
    assert page.locator("#filter option").count() == 4  # the model of latents is no filter
    assert page.locator("#strength").is_hidden()
    choose(page, "darker")
    page.get_by_label("Picture", exact=True).set_input_files(picture)
    page.get_by_label("Strength").fill("1")
    page.wait_for_function(BLACK)
    page.get_by_label("Strength").fill("0")
    page.wait_for_function(f"() => !({BLACK})()")
    assert np.abs(pixels(page, "after").astype(int) - pixels(page, "before")).max() <= 1

    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    reached = []
    page.locator("h1").click()
    for _ in range(8):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
    assert reached[:7] == ["filter", "accelerator", "strength", "file", "camera", "download", "divide"]
    page.locator("#divide").focus()
    before = page.evaluate("document.getElementById('after').style.clipPath")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.getElementById('after').style.clipPath") != before


KINDS = {
    "png alpha": 1,
    "png transparent colour": 1,
    "png palette, transparent colour": 1,
    "gif, frame inside, transparent colour": 1,
    "gif, frame beyond the screen": 1,
    "webp alpha": 1,
    "png, damaged profile": 1,
    "png grey, profile of grey": 2,
    "bmp 32 bits, fourth byte 0": 1,
    "bmp palette": 1,
    "jpeg, orientation 6": 1,
    "png, profile: red and blue swapped": 2,  # the browser's own arithmetic of colours
    "png, profile: display p3": 2,
}


def test_kinds_of_pictures_are_upright_in_srgb_over_white(page, tmp_path):
    """As docs/pictures.md promises; decoding is the browser's. They are cut to a square of 20 pixels here."""
    choose(page, "same")
    for count, (name, most) in enumerate(KINDS.items(), 1):
        case = CASES[name]
        path = tmp_path / f"{count}.picture"
        path.write_bytes(case.data)
        page.get_by_label("Picture", exact=True).set_input_files(path)
        wait_frames(page, count)
        shown = case.shows[: case.shows.shape[0] // 2 * 2, : case.shows.shape[1] // 2 * 2]
        top, left = ((side - 20) // 2 for side in shown.shape[:2])
        if shown.shape[0] == 20 or shown.shape[1] == 20:  # others are made smaller
            wanted = shown[top : top + 20, left : left + 20].astype(int)
            assert np.abs(pixels(page, "before") - wanted).max() <= most, name
        else:
            assert (pixels(page, "before")[0, 0] == 255).all(), name


def test_camera(page):
    choose(page, "darker")
    button = page.get_by_role("button", name="Camera")
    button.click()
    wait_frames(page, 3)
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert button.get_attribute("aria-pressed") == "false"


def test_mistakes_are_one_line(browser, address, tmp_path):
    context = browser.new_context(service_workers="block")  # which would answer in the place of `route`
    page = context.new_page()
    page.goto(address)
    choose(page, "darker")
    text = tmp_path / "notes.png"
    text.write_text("not a picture")
    page.get_by_label("Picture", exact=True).set_input_files(text)
    alert = page.get_by_role("alert")
    alert.wait_for()
    assert "notes.png is not a picture" in alert.inner_text()
    page.route("**/darker.tflite", lambda route: route.fulfill(status=404))
    page.evaluate("() => document.getElementById('filter').dispatchEvent(new Event('change'))")
    page.get_by_text("HTTP 404").wait_for()
    context.close()


def test_works_when_the_server_is_gone(browser, models, picture):
    with phone(browser) as page:
        with site(models) as address:
            page.goto(address)
            choose(page, "darker")
        page.reload()
        choose(page, "darker")
        page.get_by_label("Picture", exact=True).set_input_files(picture)
        wait_frames(page)


def test_policy_names_the_import_map():
    html = (WEB / "index.html").read_text()
    written = re.search('<script type="importmap">(.*?)</script>', html, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(written.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in html
