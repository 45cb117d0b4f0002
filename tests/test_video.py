"""Written videos: colours by the tagged matrix, every frame's own time, nothing half-written."""

import fractions

import numpy as np
import pytest
import video_maker

from keras_gans import files, video

av = pytest.importorskip("av", reason="the video extra is not installed")


@pytest.mark.parametrize("height, width, tag, other", [(64, 96, 6, 1), (720, 1278, 1, 5), (64, 1280, 1, 5), (576, 96, 6, 1)])
def test_colours_are_right_by_the_tag_and_wrong_by_the_other_matrix(tmp_path, height, width, tag, other):
    picture, colors = video_maker.patches(height, width // 3 * 3)
    picture = np.pad(picture, ((0, 0), (0, width - picture.shape[1]), (0, 0)), mode="edge")
    with video.Writer(tmp_path / "a.mp4", fractions.Fraction(10)) as writer:
        writer.write(picture)
    with av.open(str(tmp_path / "a.mp4")) as made:
        context = made.streams.video[0].codec_context
        tags = (context.colorspace, context.color_primaries, context.color_trc, context.color_range)
    assert tags == (tag, tag, tag, video.LIMITED)
    right, wrong = (video_maker.read(tmp_path / "a.mp4", by)[0][0][:, : width // 3 * 3] for by in (None, other))
    assert np.abs(video_maker.middles(right) - colors).max() < 2
    assert np.abs(video_maker.middles(wrong) - colors).max() > 10


def test_times_are_kept_to_the_tick(tmp_path):
    starts = [0, 1, 2, 30, 31, 90]
    with video.Writer(tmp_path / "a.mp4", fractions.Fraction(5), fractions.Fraction(1, 100)) as writer:
        for number, start in enumerate(starts):
            writer.write(np.full((32, 32, 3), 40 * number, np.uint8), start, 20)
    pixels, times = video_maker.read(tmp_path / "a.mp4")
    assert times == [fractions.Fraction(start, 100) for start in starts]
    np.testing.assert_allclose(pixels.mean((1, 2, 3)), np.arange(6) * 40, atol=2)
    with av.open(str(tmp_path / "a.mp4")) as made:
        stream = made.streams.video[0]
        assert stream.duration * stream.time_base == fractions.Fraction(110, 100)


def test_times_that_stand_still_or_are_missing_go_on(tmp_path):
    with video.Writer(tmp_path / "a.mp4", fractions.Fraction(5), fractions.Fraction(1, 100)) as writer:
        for start in (5, 5, 3, None):
            writer.write(np.zeros((32, 32, 1), np.uint8), start, 20)
    times = video_maker.read(tmp_path / "a.mp4")[1]
    assert times == [fractions.Fraction(start, 100) for start in (5, 6, 7, 27)]


def test_failure_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError, match="in the middle"), files.whole(tmp_path / "a.mp4") as temporary:
        with video.Writer(temporary, fractions.Fraction(5)) as writer:
            writer.write(np.zeros((32, 32, 3), np.uint8))
            raise RuntimeError("in the middle")
    assert not list(tmp_path.iterdir())
