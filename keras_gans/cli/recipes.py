"""Lists the recipes that come with the package: paper, data, cost.

    keras-gans recipes                   all of them
    keras-gans recipes --show=dcgan      the whole file: what differs from the paper, cost, score, and every flag

Train one with keras-gans train --recipe=NAME; flags behind it win.
"""

import pathlib
import re

from keras_gans.errors import UserError
from keras_gans.registry import nearest

TENSORFLOW = False
FOLDER = pathlib.Path(__file__).parents[1] / "flagfiles"


def define(flags):
    flags.string("show", None, "name of a recipe to print")


def run(flags):
    if flags.show:
        print(path_of(flags.show).read_text(encoding="utf-8").rstrip())
        return
    rows = [("recipe", "paper", "data", "cost")]
    rows += [(name, header["Paper"], header["data"], header["Cost"]) for name, header in headers().items()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def names():
    """Returns the names of all recipes, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.flags"))


def path_of(name):
    """Returns the flagfile of a recipe.

    Raises:
        UserError: there is no such recipe; the message has the nearest name.
    """
    if name not in names():
        raise UserError(f"{name!r}: there is no such recipe{nearest(name, names())} (keras-gans recipes lists them)")
    return FOLDER / f"{name}.flags"


def headers():
    """Returns what a table says of each recipe: dict, name -> {"Paper": who and when, "data": spec, "Cost": of a kimg}."""
    found = {}
    for name in names():
        text = path_of(name).read_text(encoding="utf-8")
        paper = re.search(r"^# Paper: +(.*?\d{4})", text, re.M)
        data = re.search(r"^--data=(.*)$", text, re.M)
        cost = re.search(r"^# Cost: +([^(,;\n]*)", text, re.M)
        found[name] = {
            "Paper": paper[1] if paper else "-",
            "data": data[1] if data else "yours",
            "Cost": cost[1].strip() if cost else "not measured",
        }
    return found
