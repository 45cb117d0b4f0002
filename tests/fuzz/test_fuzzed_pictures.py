"""Damaged and hostile pictures, archives, data specs and flag values: a result or one line, in bounded memory,
without programs."""

import functools
import io
import os
import pathlib
import subprocess
import tempfile
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from keras_gans import cli, data
from keras_gans.data import holdout, images, picture_files
from keras_gans.errors import UserError

BOUND = 2**29  # bytes above what the process has at the start
PIXELS = 2**20
bounded = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@functools.cache
def seeds():
    """Small files of every format that is read, and of some that must not be."""
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, [9, 12, 4], np.uint8))
    made = []
    for kind in sorted({*picture_files.formats()} - {"MPO", "PSD", "HEIF"}):
        for mode in ("RGB", "L", "P", "RGBA"):
            out = io.BytesIO()
            try:
                picture.convert("RGB").convert(mode).save(out, kind)
            except (OSError, ValueError, KeyError):
                continue
            made.append(out.getvalue())
    out = io.BytesIO()
    picture.convert("RGB").save(out, "GIF", save_all=True, append_images=[Image.new("RGB", (12, 9))])
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n{} loop\n%%EOF\n"
    return [*made, out.getvalue(), postscript, b"\0\0\0\x18ftypheic" + bytes(40)]


def peak():
    """The largest resident memory so far, in bytes; 0 where the system does not say."""
    status = pathlib.Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)


@pytest.fixture(autouse=True)
def watched(monkeypatch):
    """No program starts, and memory stays in its bound."""

    def refuse(*arguments, **keywords):
        raise AssertionError(f"a program was started: {arguments}")

    for place, name in ((subprocess, "Popen"), (os, "system"), (os, "posix_spawn"), (os, "fork"), (os, "popen")):
        monkeypatch.setattr(place, name, refuse)
    monkeypatch.setitem(picture_files._limit, "pixels", PIXELS)
    before = peak()
    yield
    assert peak() - before < BOUND


@st.composite
def files(draw):
    """A file with some bytes changed, cut off, doubled or with numbers of its head made large."""
    content = bytearray(draw(st.sampled_from(seeds())))
    for _ in range(draw(st.integers(0, 6))):
        at = (
            draw(st.integers(0, len(content) - 1))
            if draw(st.booleans())
            else draw(st.integers(0, min(40, len(content) - 1)))
        )
        content[at : at + 1] = draw(
            st.sampled_from([b"\xff", b"\0", b"\x7f\xff\xff\xff", b"\x80", draw(st.binary(max_size=3))])
        )
        content = content or bytearray(b"x")
    if draw(st.booleans()):
        content = content[: draw(st.integers(0, len(content)))]
    return bytes(content)


@settings(bounded, max_examples=300)
@given(files(), st.sampled_from([1, 3]), st.sampled_from([(None, None), (8, None), (8, 0), (8, 16)]))
def test_any_file_is_a_picture_or_one_line(content, channels, sizes):
    try:
        pixels = images.decode(content, sizes[0], channels, load_size=sizes[1])
    except UserError as error:
        assert "\n" not in str(error) and len(str(error)) < 400
    else:
        assert pixels.dtype == np.uint8 and pixels.shape[2] == channels and pixels[..., 0].size <= max(PIXELS, 16 * 2**16)


names = st.text(st.sampled_from("ab/.\\:\0\n\x1b*[]?#%\u00e9 ~"), max_size=12)


@bounded
@given(st.lists(st.tuples(names, files()), max_size=4), st.binary(max_size=40), st.booleans())
def test_any_archive_is_data_or_one_line(entries, junk, spoiled):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "set.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for number, (name, content) in enumerate(entries):
                archive.writestr(f"{number}{name}.png", content)
            archive.writestr("dataset.json", junk)
        if spoiled:
            content = bytearray(path.read_bytes())
            content[len(content) // 2 :: 17] = bytes(len(content[len(content) // 2 :: 17]))
            path.write_bytes(content)
        try:
            collection = data.open_collection(f"folder:{path}")
            for number in range(collection.count):
                try:
                    images.decode(collection.read(number)[0], 8, 3)
                except UserError as error:
                    assert "\n" not in str(error)
                assert "\n" not in collection.where(number)
        except UserError as error:
            assert "\n" not in str(error)
        assert os.listdir(folder) == ["set.zip"]


specs = st.one_of(
    st.text(max_size=20),
    st.builds(
        "{}:{}".format,
        st.sampled_from(["folder", "paired", "unpaired", "ab", "tfrecord", "embedded", "none", ""]),
        st.one_of(names, st.builds("{}:{}".format, names, names)),
    ),
)


@settings(bounded, max_examples=150)
@given(
    specs, st.sampled_from(["train", "holdout", "all"]), st.one_of(st.text(max_size=8), st.sampled_from(["0.1", "every:3"]))
)
def test_any_spec_of_data_is_opened_or_one_line(spec, split, out):
    with tempfile.TemporaryDirectory() as folder:
        here = os.getcwd()
        os.chdir(folder)  # where nothing is
        try:
            data.open_collection(spec, split, out)
        except UserError as error:
            assert "\n" not in str(error)
        finally:
            os.chdir(here)
        assert os.listdir(folder) == []


@bounded
@given(
    st.sampled_from(["max_pixels", "holdout", "data", "image_size", "load_size", "bad_images", "seed"]), st.text(max_size=12)
)
def test_any_value_of_a_flag_is_taken_or_one_line(name, value):
    try:
        flags = cli.parse("train", [f"--{name}={value}"])
        holdout.parse(flags.holdout or holdout.DEFAULT)
    except UserError as error:
        assert "\n" not in str(error)
