"""Recipes for one evening: which of the package's `*_light` flagfiles plays the same game as a recipe."""

import pathlib
import re

from keras_gans.flags import defaults
from keras_gans.registry import parse_spec

FOLDER = pathlib.Path(__file__).parents[1] / "flagfiles"
_ALIKE = ("game", "generator", "discriminator")
MUCH = 1 / 4


def lighter(recipe):
    """Names a cheaper recipe of the same game and networks, of images no larger, with what it costs.

    Args:
        recipe: dict of resolved flags.

    Returns:
        Text such as `--recipe=pix2pix_light takes about 50 min on two cores`, or None where there is none.
    """
    return next((said for said, _ in _alike(recipe)), None)


def much_lighter(recipe):
    """Does the same of recipes whose steps see a quarter of the pixels or fewer, and so want far less memory."""
    return next((said for said, text in _alike(recipe) if _pixels(text) <= MUCH * pixels(recipe)), None)


def pixels(recipe):
    """Returns the pixels of a step's images."""
    return recipe["image_size"] ** 2 * recipe["batch_size"]


def _alike(recipe):
    for path in sorted(FOLDER.glob("*_light.flags")):
        text = path.read_text(encoding="utf-8")
        cost = re.search(r"^# Cost:.*?(\d+ min in all)", text, re.MULTILINE)
        smaller = int(_given(text, "image_size")) <= recipe["image_size"]
        if cost and smaller and all(parse_spec(recipe[flag])[0] == parse_spec(_given(text, flag))[0] for flag in _ALIKE):
            yield f"--recipe={path.stem} takes {cost[1].removesuffix(' in all')} on two cores", text


def _pixels(text):
    return pixels({flag: int(_given(text, flag)) for flag in ("image_size", "batch_size")})


def _given(text, flag):
    """Returns what a flagfile gives a flag, or the default."""
    said = re.search(rf"^--{flag}=(.*)$", text, re.MULTILINE)
    return said[1] if said else defaults()[flag]
