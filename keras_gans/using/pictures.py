"""Pictures from files and back: single ones, folders of them, animations and videos, through any function.

What a function makes of a picture becomes a PNG, of an animated GIF a GIF, of a video an MP4, under its input's name.
"""

import collections
import contextlib
import dataclasses
import pathlib
import sys

import numpy as np
from PIL import Image, ImageSequence

from keras_gans import files, grids, video
from keras_gans.data import images
from keras_gans.data.picture_files import BadImage, reason, suffixes
from keras_gans.data.stores import list_files
from keras_gans.data.video_files import SUFFIXES as VIDEOS
from keras_gans.data.video_files import VideoFile, open_container
from keras_gans.errors import UserError
from keras_gans.progress import progress
from keras_gans.using.smoothing import Smoother

_STILL = 100  # milliseconds: what viewers take for a GIF's duration of 0
MOST_ANIMATED = 2**33  # pixels of all frames together: an hour of 320x240 at 30 frames per second
_SHOWN = 4e6  # pixels from which on the progress of a single picture is shown


@dataclasses.dataclass(frozen=True)
class Item:
    """A file to be processed.

    Attributes:
        path: of the input. A `pathlib.Path`.
        name: its path inside the input folder, with forward slashes; of a single file its name.
        target: of the output. A `pathlib.Path`.
        kind: "picture", "animation" (GIF) or "video".
    """

    path: pathlib.Path
    name: str
    target: pathlib.Path
    kind: str


def find(source, out, flag="input"):
    """Lists what is to be processed.

    Args:
        source: a picture, an animated GIF, a video, or a folder of any of these, at every depth; hidden files and those
            of other kinds are left out.
        out: folder for the results, which keep their names and folders. An ending changes to that of the result; where
            two inputs would meet in one name (`a.jpg` and `a.png`), it stays in front of it (`a.jpg.png`).
        flag: what names the source, for messages. Default input.

    Returns:
        List of `Item`s, in the order of the names.

    Raises:
        UserError: nothing there, nothing usable, no PyAV for a video, or a result that would take the place of an
            input.
    """
    source, out = pathlib.Path(source).expanduser(), pathlib.Path(out).expanduser()
    if not source.exists():
        raise UserError(f"--{flag}={source} does not exist; name a picture, a GIF, a video, or a folder of them")
    if out.exists() and not out.is_dir():
        raise UserError(f"--out={out} is a file; name a folder for the results")
    single = not source.is_dir()
    names = [source.name] if single else list_files(source)
    folder = source.parent if single else source
    results_inside = not single and source.resolve() in out.resolve().parents  # of an earlier call: no inputs
    usable = [
        name
        for name in names
        if pathlib.PurePosixPath(name).suffix.lower() in suffixes() + VIDEOS
        and not (results_inside and out.resolve() in (folder / name).resolve().parents)
    ]
    if not usable:
        what = f"--{flag}={source} is no picture" if single else f"no pictures in --{flag}={source}"
        raise UserError(f"{what}: they end in {', '.join(suffixes()[:4])}, ..., .gif, {', '.join(VIDEOS[:3])}, ...")
    kinds = [_kind(folder / name) for name in usable]
    if "video" in kinds:
        video.library()
    taken = collections.Counter(map(result_name, usable, kinds))
    results = [result_name(name, kind, taken[result_name(name, kind)] > 1) for name, kind in zip(usable, kinds)]
    items = [Item(folder / name, name, out / result, kind) for name, kind, result in zip(usable, kinds, results)]
    inputs = {item.path.resolve() for item in items}
    for item in items:
        if item.target.resolve() in inputs:
            raise UserError(f"--out={out}: {item.target} would take the place of an input; name another folder")
    return items


def result_name(name, kind, taken=False):
    """Returns the path of a result inside `--out`.

    Args:
        name: path of the input inside its folder.
        kind: "picture", "animation" or "video".
        taken: whether another input has this result's name, too: then the input's ending stays in front of it.
    """
    return name + _ENDINGS[kind] if taken else pathlib.PurePosixPath(name).with_suffix(_ENDINGS[kind]).as_posix()


def process(function, items, title, smooth=0.0, alpha="white"):
    """Takes every item through a function and writes the results, each whole or not at all.

    What cannot be read, or what the function refuses with `BadImage`, is named on stderr in one line and passed over.
    Pictures are read as docs/pictures.md promises it, and videos are turned, too. Of animations and videos every frame keeps
    its time; no more than some dozens are in memory. Animations keep how often they are repeated, videos their sound and
    the matrix of their colours; their pixels become squares.

    Args:
        function: (uint8 [h, w, 3], item, report) -> uint8 [h', w', 1 or 3]; it may call `report` with the fraction
            done. Where it has an attribute `read`, a function of a path -> uint8 [h, w, c], it is given what that makes of
            each picture in the place of its colours, and animations and videos are refused.
        items: what `find` returned.
        title: what is being done, for the progress display ("translating").
        smooth: strength of the smoothing of animations and videos over time, see `keras_gans.using.smoothing`. Default
            0: none.
        alpha: "white", or "keep": of a single picture that has alpha (or a transparent colour) the result has it too,
            brought to its size, and `function` is given the colours that are not laid over white.

    Returns:
        Number of items that failed.

    Raises:
        UserError: all failed, or the results cannot be written.
    """
    failed, read = 0, getattr(function, "read", None)
    with progress(title, sum(map(_length, items)), "pictures") as bar:
        for item in items:
            smoother = Smoother(smooth) if smooth and item.kind != "picture" else None

            def translate(image):
                def report(fraction):
                    if image.shape[0] * image.shape[1] >= _SHOWN:
                        bar.advance(0, f"{item.name} {fraction:.0%}")

                made = function(image, item, report)
                if smoother is not None:
                    made = smoother(image, made)
                bar.advance(1, "")
                return made

            try:
                if read is None and item.kind == "picture":
                    _process_picture(translate, item, alpha)
                elif read is None:
                    _PROCESSES[item.kind](translate, item)
                elif item.kind == "picture":
                    grids.write_png(item.target, translate(read(item.path)))
                else:
                    raise BadImage(f"a label map is a picture, and this is {_ARTICLES[item.kind]}")
            except BadImage as error:
                failed += 1
                if failed == len(items):
                    others = f", nor could any of the other {failed - 1}" if failed > 1 else ""
                    raise UserError(f"{item.path} could not be used{others}: {error}") from error
                print(f"passed over {item.path}: {error}", file=sys.stderr)
    return failed


def _kind(path):
    suffix = path.suffix.lower()
    if suffix in VIDEOS:
        return "video"
    if suffix == ".gif":
        with contextlib.suppress(BadImage), images.open_image(path) as opened:
            return "animation" if getattr(opened, "is_animated", False) else "picture"
    return "picture"


def _length(item):
    """Returns how many frames an item has, as far as its header tells."""
    if item.kind == "animation":
        with contextlib.suppress(BadImage):
            return len(list(_gif_frames(item.path)))
    if item.kind == "video":
        with contextlib.suppress(BadImage), VideoFile(item.path) as opened:
            return opened.length
    return 1


def draw(translate, image, alpha="white"):
    """Takes one picture through a function.

    Args:
        translate: uint8 [h, w, 3] -> uint8 [h', w', 1 or 3].
        image: the picture file's bytes, or its path.
        alpha: as of `process`.

    Returns:
        uint8 [h', w', 1 or 3], with an alpha channel more where it is kept.

    Raises:
        BadImage: it cannot be read.
    """
    if alpha != "keep":
        return translate(images.decode(image, None, 3))
    colors, alpha = images.layers(image)
    made = translate(colors)
    if alpha is not None:
        whole = Image.fromarray(alpha).resize(made.shape[1::-1], Image.Resampling.BICUBIC)  # of the same size: a copy
        made = np.concatenate([made, np.asarray(whole)[..., None]], -1)
    return made


def _process_picture(translate, item, alpha="white"):
    grids.write_png(item.target, draw(translate, item.path, alpha))


def _process_animation(translate, item):
    with images.open_image(item.path) as opened:
        loop = opened.info.get("loop")
    grids.write_gif(item.target, ((translate(frame), duration) for frame, duration in _gif_frames(item.path)), loop)


def _gif_frames(path):
    """Yields the frames of a GIF, uint8 [h, w, 3], with their durations in milliseconds."""
    with images.open_image(path) as opened:
        try:
            frames = getattr(opened, "n_frames", 1)
            if frames * opened.width * opened.height > MOST_ANIMATED:
                raise BadImage(f"too long: {frames} frames of {opened.width}x{opened.height} pixels")
            for frame in ImageSequence.Iterator(opened):
                duration, frame = frame.info.get("duration") or _STILL, frame.convert("RGBA")
                opaque = Image.alpha_composite(Image.new("RGBA", frame.size, "white"), frame)
                yield np.asarray(opaque.convert("RGB")), duration
        except BadImage:
            raise
        except Exception as error:  # Pillow's parsers raise what they stumble over
            raise BadImage(reason(error)) from error


def _process_video(translate, item):
    try:
        with (
            VideoFile(item.path) as source,
            open_container(item.path) as sound,
            files.whole(item.target) as temporary,
            video.Writer(temporary, source.rate, source.ticks, source.colors) as made,
        ):
            made.add_sound(sound.streams.audio)
            for frame in source.frames():
                made.write(translate(frame.pixels), frame.start, frame.duration)
    except video.library().FFmpegError as error:  # those of reading frames are BadImage, those of the disk UserError
        raise BadImage(f"the sound cannot be read, or the result not be written as H.264: {error.strerror}") from error


_ARTICLES = {"animation": "an animation", "video": "a video"}
_ENDINGS = {"picture": ".png", "animation": ".gif", "video": ".mp4"}
_PROCESSES = {"animation": _process_animation, "video": _process_video}
