"""Changed bytes of videos of every kind: a result or one line, nothing half-written, in bounded memory."""

import pathlib
import random

import numpy as np
import pytest
import video_maker

from keras_gans.errors import UserError
from keras_gans.using import pictures

pytest.importorskip("av", reason="the video extra is not installed")
KINDS = {
    "a.mp4": {"sound": "aac"},
    "a.mkv": {"sound": "flac"},
    "a.avi": {"codec": "mpeg4", "sound": "pcm_s16le"},
    "a.webm": {"codec": "libvpx-vp9"},
}
BOUND = 2**28  # bytes above what the process has at the start


def changed(data, source):
    """Returns the file with one to a hundred bytes changed, half of them near its ends, where headers stand; or cut."""
    data = bytearray(data)
    for _ in range(source.choice((1, 3, 10, 100))):
        reach = source.choice((600, len(data)))
        place = source.randrange(min(reach, len(data)))
        place = source.choice((place, len(data) - 1 - place))
        data[place] = source.choice((0, 255, source.randrange(256), data[place] ^ 1 << source.randrange(8)))
    return data[: source.randrange(len(data))] if source.random() < 0.2 else data


def peak():
    """The largest resident memory so far, in bytes; 0 where the system does not say."""
    status = pathlib.Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)


@pytest.mark.parametrize("name", KINDS)
def test_changed_videos_are_read_or_refused_in_one_line(tmp_path, name):
    frames = list(np.random.default_rng(0).integers(0, 256, (12, 32, 48, 3), np.uint8))
    video_maker.write(tmp_path / name, frames, **KINDS[name])
    whole, source, out = (tmp_path / name).read_bytes(), random.Random(0), tmp_path / "out"
    pictures.process(lambda image, item, report: image, pictures.find(tmp_path / name, out), "copying")
    before, outcomes = peak(), set()
    for _ in range(40):
        (tmp_path / name).write_bytes(changed(whole, source))
        (out / "a.mp4").unlink(missing_ok=True)
        try:
            pictures.process(lambda image, item, report: image, pictures.find(tmp_path / name, out), "copying")
            outcomes.add("read")
        except UserError as error:
            assert len(str(error).splitlines()) == 1
            assert not list(out.iterdir())
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}
    assert peak() - before < BOUND
