"""The page of export/web in a real browser: pixels against `keras-gans filter`, without a network, by keyboard, on a phone."""

import base64
import contextlib
import hashlib
import pathlib
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

from keras_gans.exporting import embedded_models, metadata
from keras_gans.exporting.phone_filter import Filter

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
NAMED = "not #1, but 100%.tflite"
SECONDS = 20e3  # milliseconds, on a busy machine


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder with the two ways of a translator, a filter with a strength, and a model that is no filter."""
    from translation_runs import make_run

    from keras_gans.exporting import tflite
    from keras_gans.trained.trained import Trained

    folder = tmp_path_factory.mktemp("models")
    tflite.export(Trained.open(make_run(tmp_path_factory.mktemp("run"), "both")), folder)

    def image(side, channels=3, name="images"):
        return tf.TensorSpec([1, side, side, channels], tf.float32, name)

    def near(images):
        """Tiles show in what looks at neighbours, and at the mean of the whole picture."""
        return tf.nn.avg_pool2d(images, 5, 1, "SAME") * 0.7 + tf.reduce_mean(images, [1, 2], keepdims=True) * 0.3

    alpha, style = tf.TensorSpec([1], tf.float32, "alpha"), tf.TensorSpec([1, 1, 1, 6], tf.float32, "style")
    write(folder / "darker.tflite", lambda images, alpha: images * (1 - alpha), [image(8), alpha])
    write(folder / "same.tflite", lambda images: images, [image(20)])
    write(folder / NAMED, lambda images: 1 - images, [image(20)])
    write(folder / "holes.tflite", lambda images, mask: near(images) * (1 - mask), [image(24), image(24, 1, "mask")])
    write(
        folder / "larger.tflite",
        lambda images: tf.repeat(tf.repeat(near(images), 2, 1), 2, 2),
        [image(24)],
        about={"scale": 2},
    )
    write(folder / "any_style_transfer_x.tflite", lambda images, style: near(images) * style[..., :3], [image(24), style])
    write(
        folder / "any_style_predict_x.tflite",
        lambda images: tf.concat([tf.reduce_mean(images, [1, 2], keepdims=True), tf.reduce_max(images, [1, 2], True)], -1),
        [image(16)],
        "style",
    )
    weights = tf.TensorSpec([1, 3], tf.float32, "weights")
    write(
        folder / "numbered.tflite",
        lambda images, weights: near(images) * tf.reshape(weights, [1, 1, 1, 3]),
        [image(None), weights],
        about={"multiple": 4},
    )
    write(folder / "noise.tflite", lambda latent: latent * 2, [tf.TensorSpec([1, 8], tf.float32, "latent")])
    return folder


def write(path, function, signature, output="images", about=None):
    module = tf.Module()
    module.f = tf.function(lambda *inputs: {output: function(*inputs)}, input_signature=signature)
    folder = path.with_suffix("")
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.f})
    model = tf.lite.TFLiteConverter.from_saved_model(str(folder)).convert()
    path.write_bytes(metadata.added(model, about) if about else model)
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
    settle(page)
    page.evaluate(
        "() => { document.getElementById('after').dataset.frames = 0; document.getElementById('fit').value = 'tiles';"
        " document.getElementById('strength').value = 1; document.getElementById('keep').checked = true }"
    )
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


def settle(page):
    """Waits until all that was asked for is done."""
    page.wait_for_function("() => document.getElementById('stage').getAttribute('aria-busy') === 'false'")


def wait_frames(page, count=1):
    page.wait_for_function("count => Number(document.getElementById('after').dataset.frames) >= count", arg=count)


def choose(page, name):
    page.wait_for_function("() => document.getElementById('filter').options.length > 0")
    page.get_by_role("combobox", name="Filter").select_option(name)
    settle(page)
    assert page.locator("#status").inner_text().startswith(f"{name}:")


def show(page, path):
    page.get_by_label("Picture or video", exact=True).set_input_files(path)
    settle(page)


def photograph(path, width, height, alpha=False):
    """Writes a smooth picture; returns uint8 [h, w, 3 or 4]."""
    coarse = np.random.default_rng(1).integers(0, 256, (7, 9, 3 + alpha), np.uint8)
    made = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    made.save(path)
    return np.asarray(made)


def test_pixels_agree_with_python_and_nothing_comes_from_elsewhere(opened, page, address, models, picture):
    _, asked, complaints = opened
    (model,) = models.glob("both_ba*float32.tflite")
    choose(page, model.stem)
    show(page, picture)

    given = np.asarray(Image.open(picture))
    np.testing.assert_array_equal(pixels(page, "before"), given)
    runner = Interpreter(str(model)).get_signature_runner("serving_default")
    expected = runner(images=given.astype(np.float32)[None] / 255)["images"][0] * 255
    made = pixels(page, "after")
    assert np.abs(made - expected).max() <= 2
    assert np.std(expected) > 10  # a picture, not one colour
    assert re.fullmatch(r"\d+ ms; 32 x 32 pixels", page.locator("#speed").inner_text())

    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    saved = download.value.path()
    np.testing.assert_array_equal(np.asarray(Image.open(saved).convert("RGB")), made)
    assert download.value.suggested_filename == f"picture_{model.stem}.png"

    assert asked and all(url.startswith((address, f"blob:{address}")) for url in asked), asked
    assert not complaints


STYLES = {"any_style_transfer_x": ["hokusai", "renoir"], "numbered": ["0", "2"]}


def test_photographs_are_those_of_keras_gans_filter(page, models, tmp_path):
    """In tiles and made smaller; in a style, in the blend of two, with weights and with a mask."""
    given = photograph(tmp_path / "photo.png", 75, 53)
    mask = np.zeros(given.shape[:2], np.uint8)
    mask[10:30, 20:50], mask[40:, 60:] = 255, 140
    Image.fromarray(mask).save(tmp_path / "mask.png")
    show(page, tmp_path / "photo.png")
    for name in [next(models.glob("both_ab*float32.tflite")).stem, "larger", "any_style_transfer_x", "numbered", "holes"]:
        choose(page, name)
        if name == "any_style_transfer_x":
            page.get_by_role("combobox", name="Second style").select_option("Renoir: Girls at the Piano")
        if name == "numbered":
            page.get_by_label("Style 2").fill("1")
        if name == "holes":
            page.get_by_label("Mask from a file").set_input_files(tmp_path / "mask.png")
        for fit in ["tiles"] if name == "numbered" else ["tiles", "resize"]:
            if name != "numbered":
                page.get_by_label("Large pictures").select_option(fit)
            settle(page)
            chosen = [str(WEB / f"paintings/{one}.jpg") if "style" in name else one for one in STYLES.get(name, [])]
            model = Filter(models / f"{name}.tflite", chosen, fit)
            expected = model(given, mask if model.takes_mask else None)
            made = pixels(page, "after").astype(int)
            assert made.shape[:2] == expected.shape[:2], name
            assert np.abs(made - expected).max() <= 2, (name, fit)
            assert np.std(expected) > 10


def test_strength_of_a_style(page, models, tmp_path):
    """Of a pair it blends the styles, of numbered styles the pictures."""
    given = photograph(tmp_path / "photo.png", 24, 24)
    show(page, tmp_path / "photo.png")
    choose(page, "any_style_transfer_x")
    page.get_by_label("Strength", exact=True).fill("0")
    settle(page)
    model = Filter(models / "any_style_transfer_x.tflite", [str(tmp_path / "photo.png")])
    assert np.abs(pixels(page, "after").astype(int) - model(given)).max() <= 2
    choose(page, "numbered")
    assert np.abs(pixels(page, "after").astype(int) - given).max() <= 1


def test_brush_by_mouse_and_keyboard(page, tmp_path):
    photograph(tmp_path / "photo.png", 60, 40)
    choose(page, "holes")
    show(page, tmp_path / "photo.png")
    page.get_by_text("Paint over what is missing").wait_for()
    page.locator("#pictures").scroll_into_view_if_needed()
    area = page.locator("#pictures").bounding_box()
    page.mouse.move(area["x"] + area["width"] * 0.25, area["y"] + area["height"] * 0.25)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] * 0.25, area["y"] + area["height"] * 0.75, steps=3)
    page.mouse.up()
    settle(page)
    black = (pixels(page, "after") == 0).all(-1)
    assert black[12:28, 14:16].all() and not black[:, 30:].any()
    page.locator("#brush").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    settle(page)
    assert (pixels(page, "after") == 0).all(-1)[:, 18:].any()
    page.get_by_role("button", name="Clear").click()
    page.get_by_text("Paint over what is missing").wait_for()


def test_alpha_is_kept_or_laid_over_white(page, tmp_path):
    given = photograph(tmp_path / "photo.png", 30, 20, alpha=True)
    choose(page, NAMED.removesuffix(".tflite"))
    show(page, tmp_path / "photo.png")
    keep = page.get_by_label("Keep what is transparent")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    saved = np.asarray(Image.open(download.value.path()))
    np.testing.assert_array_equal(saved[..., 3], given[..., 3])
    share = given[..., 3:] / 255
    wanted = (255 - given[..., :3].astype(int)) * share + 255 * (1 - share)  # what is seen over white
    assert np.abs(saved[..., :3] * share + 255 * (1 - share) - wanted).max() <= 2
    keep.uncheck()
    settle(page)
    wanted = 255 - (given[..., :3] * share + 255 * (1 - share))
    assert np.abs(pixels(page, "after") - wanted).max() <= 2


def test_names_with_signs_and_the_same_file_twice(page, tmp_path):
    odd = tmp_path / "a #1 100% b.png"
    photograph(odd, 20, 20)
    choose(page, NAMED.removesuffix(".tflite"))
    for _ in range(2):
        page.evaluate("() => { document.getElementById('after').dataset.frames = 0 }")
        show(page, odd)
        wait_frames(page, 1)
    assert page.locator("#status").inner_text() == "a #1 100% b.png, 20 x 20 pixels"
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert re.fullmatch(r"a #1 100[%_] b_not #1, but 100[%_]\.png", download.value.suggested_filename)


def test_strength_divider_keyboard_and_phone(page, picture):
    page.wait_for_function("() => document.getElementById('filter').options.length > 0")
    assert page.locator("#filter option").count() == 9  # neither the model of latents nor that of styles
    assert page.locator("#strength").is_hidden()
    choose(page, "darker")
    show(page, picture)
    assert not pixels(page, "after").any()
    page.get_by_label("Strength", exact=True).fill("0")
    page.get_by_label("Large pictures").select_option("tiles")
    settle(page)
    assert np.abs(pixels(page, "after").astype(int) - pixels(page, "before")).max() <= 1

    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    reached = []
    page.locator("h1").click()
    for _ in range(8):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
    assert reached == ["filter", "accelerator", "fit", "strength", "file", "camera", "download", "divide"]
    page.locator("#divide").focus()
    before = page.evaluate("document.getElementById('after').style.clipPath")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.getElementById('after').style.clipPath") != before


UNKNOWN = ("tiff", "jpeg 2000")  # to Chromium
REFUSED = ("png, profile of tables", "png, damaged table in a profile", "png, profile without black", "jpeg cmyk, profile")


def test_kinds_of_pictures_are_upright_in_srgb_over_white(page, tmp_path):
    """As docs/pictures.md promises: all of `picture_cases`."""
    choose(page, "same")
    keep = page.get_by_label("Keep what is transparent")
    for count, (name, case) in enumerate(CASES.items()):
        path = tmp_path / f"{count}.picture"
        path.write_bytes(case.data)
        show(page, path)
        words = page.locator("#status").inner_text()
        if name in UNKNOWN + REFUSED:
            assert ("is not a picture" if name in UNKNOWN else "its colour profile is not taken") in words, name
            continue
        assert words.startswith(f"{count}.picture, "), (name, words)
        if keep.is_visible() and keep.is_checked():
            keep.uncheck()
            settle(page)
        seen = pixels(page, "before").astype(int)
        assert seen.shape == case.shows.shape, name
        assert np.abs(seen - case.shows).max() <= 1, name


def test_webp_of_all_orientations(page, tmp_path):
    rgb = picture_cases.smooth(3)
    choose(page, "same")
    for number, turn in picture_cases.TURNS.items():
        path = tmp_path / f"{number}.webp"
        path.write_bytes(picture_cases.saved(rgb, "WEBP", lossless=True, exif=picture_cases.exif(number)))
        show(page, path)
        np.testing.assert_array_equal(pixels(page, "before"), turn(rgb), str(number))


def test_film(opened, page, tmp_path):
    """Frames keep their times, pixels become squares, HD its matrix, and the sound is there."""
    pytest.importorskip("av", reason="the video extra is not installed")
    import video_maker

    coarse = np.random.default_rng(3).integers(0, 256, (4, 2, 3, 3), np.uint8)
    frames = [np.repeat(np.repeat(frame, 24, 0), 16, 1) for frame in coarse]
    times = [0, 1, 6, 7]
    path = tmp_path / "film #1.mp4"
    video_maker.write(path, frames, times=times, ratio=2, tags={"colorspace": 1, "color_range": 1}.items(), sound="aac")
    choose(page, NAMED.removesuffix(".tflite"))
    show(page, path)
    assert pixels(page, "before").shape == (48, 96, 3)
    page.get_by_role("button", name="Filter the video").click()
    settle(page)
    assert "is ready; Download saves it" in page.locator("#status").inner_text()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    made = tmp_path / ("made" + pathlib.Path(download.value.suggested_filename).suffix)
    download.value.save_as(made)
    shown, moments = video_maker.read(made)
    np.testing.assert_allclose([float(moment) for moment in moments], [time / 10 for time in times], atol=2e-3)
    assert shown.shape == (4, 48, 96, 3)
    centers = 255 - coarse.astype(int)
    assert np.abs(shown[:, 12::24, 16::32].astype(int) - centers).max() <= 24  # two rounds of chroma at half the size
    assert np.abs(shown[:, 12::24, 16::32].astype(int) - centers).mean() <= 5
    import av

    with av.open(str(made)) as container:
        assert len(container.streams.audio) == 1
    assert not opened[2]


def test_camera_says_what_it_does(page):
    choose(page, "darker")
    button = page.get_by_role("button", name="Camera")
    button.click()
    wait_frames(page, 3)
    assert button.get_attribute("aria-pressed") == "true"
    assert re.fullmatch(r"The camera is on: \d+ x \d+ pixels.", page.locator("#status").inner_text())
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert page.locator("#status").inner_text() == "The camera is off."
    button.click()
    page.get_by_text("The camera is on").wait_for()
    page.evaluate("() => document.getElementById('video').srcObject.getTracks()[0].dispatchEvent(new Event('ended'))")
    assert "The camera has gone" in page.locator("#status").inner_text()
    assert button.get_attribute("aria-pressed") == "false"
    settle(page)


def test_every_control_has_a_name_and_the_page_can_be_installed(page):
    nameless = page.evaluate(
        "() => [...document.querySelectorAll('button, input, select, canvas, progress, video[controls]')].filter((one) =>"
        " !(one.labels?.length || one.getAttribute('aria-label') || one.textContent.trim())).map((one) => one.outerHTML)"
    )
    assert nameless == []
    browser = page.context.new_cdp_session(page)
    errors = browser.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert {error["errorId"] for error in errors} <= {"in-incognito"}  # as the contexts of tests are
    assert not browser.send("Page.getAppManifest")["errors"]


def test_mistakes_are_one_line(browser, address, tmp_path):
    context = browser.new_context(service_workers="block")  # which would answer in the place of `route`
    page = context.new_page()
    page.goto(address)
    choose(page, "darker")
    text = tmp_path / "notes.png"
    text.write_text("not a picture")
    page.get_by_label("Picture or video", exact=True).set_input_files(text)
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
        page.get_by_label("Picture or video", exact=True).set_input_files(picture)
        wait_frames(page)


def test_the_filters_of_the_package(browser, tmp_path):
    """`--models=embedded`: all three, as `keras-gans filter` has them."""
    given = photograph(tmp_path / "photo.png", 96, 64)
    with phone(browser) as page, site(embedded_models.folder("embedded")) as address:
        page.goto(address)
        for name in embedded_models.MODELS:
            path = embedded_models.located(f"embedded:{name}")
            choose(page, path.stem)
            show(page, tmp_path / "photo.png")
            styles = [str(WEB / "paintings/hokusai.jpg")] if name == "style" else []
            expected = Filter(path, styles)(given)
            made = pixels(page, "after").astype(int)
            assert made.shape == expected.shape, name
            assert np.abs(made - expected).max() <= 2, name
            assert np.std(expected) > 10


def test_policy_names_the_import_map():
    html = (WEB / "index.html").read_text()
    written = re.search('<script type="importmap">(.*?)</script>', html, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(written.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in html
