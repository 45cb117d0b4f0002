"""Recipes for one evening: which of the package's `*_light` flagfiles plays the same game as a recipe."""

import pathlib
import re

from keras_gans.flags import defaults
from keras_gans.registry import parse_spec

FOLDER = pathlib.Path(__file__).parents[1] / "flagfiles"
_ALIKE = ("game", "generator", "discriminator")


def lighter(recipe):
    """Names a cheaper recipe of the same game and networks, with what it costs.

    Args:
        recipe: dict of resolved flags.

    Returns:
        Text such as `--recipe=pix2pix_light takes about 50 min on two cores`, or None where there is none.
    """
    for path in sorted(FOLDER.glob("*_light.flags")):
        text = path.read_text(encoding="utf-8")
        cost = re.search(r"^# Cost:.*?(\d+ min in all)", text, re.MULTILINE)
        if cost and all(parse_spec(recipe[flag])[0] == _named(text, flag) for flag in _ALIKE):
            return f"--recipe={path.stem} takes {cost[1].removesuffix(' in all')} on two cores"
    return None


def _named(text, flag):
    """Returns the name of the part that a flagfile gives a flag, or that of the default."""
    said = re.search(rf"^--{flag}=(.*)$", text, re.MULTILINE)
    return parse_spec(said[1] if said else defaults()[flag])[0]
