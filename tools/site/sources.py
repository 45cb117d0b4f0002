"""What the documentation site takes from elsewhere: README, flagfiles, commands, registered parts, docstrings.

Nothing of TensorFlow is imported: code is read by Python's own parser.
"""

import ast
import contextlib
import functools
import io
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import faithfulness  # noqa: E402

from keras_gans import cli  # noqa: E402

ROOMS = (
    "kernels layers weights features networks losses penalties augment data games trained using metrics callbacks exporting "
    "serving pretrained runs"
).split()
GROUND = ("export", "registry", "optimizers", "errors", "randomness", "grids")  # public modules that are in no room


def table(title):
    """Returns the rows of the README's table under a heading: a list of lists of cells."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def slug(text):
    """Returns a file's name for a title: its first six words in small letters."""
    return "_".join(re.findall(r"[a-z0-9]+", re.sub(r"\(.*?\)", "", text.lower()))[:6])


@functools.cache
def recipes():
    """Returns {recipe: (fields of its header, first sentence, whole text)}."""
    found = {}
    for name, fields in faithfulness.recipes().items():
        text = (ROOT / f"configs/{name}.flags").read_text(encoding="utf-8")
        first = re.split(r"\n# (?:Paper|Differs):", text, maxsplit=1)[0]
        found[name] = fields, " ".join(line.lstrip("# ") for line in first.splitlines()), text
    return found


def families():
    """Returns {page: recipes} by the README's table of recipes: the page is called as the file in docs/families that one of
    the row's recipes names, else as the first."""
    found = {}
    for names, paper, own in table("Recipes"):
        names = re.findall(r"`([\w-]+)`", names)
        page = next((name for name in names if (ROOT / f"docs/families/{name}.md").exists()), names[0])
        found[page] = names, paper, own
    return found


def verbs():
    """Returns {verb: (summary, all that --help prints)}."""
    found = {}
    for verb in cli._verbs():
        with contextlib.redirect_stdout(io.StringIO()) as out:
            cli.parse(verb, ["--help"])
        found[verb] = out.getvalue().partition("\n")[0], out.getvalue()
    return found


def summary(node):
    """Returns the first sentence of a docstring on one line."""
    first = (ast.get_docstring(node) or "").partition("\n\n")[0]
    return re.sub(r"([*_|<\[])", r"\\\1", re.split(r"(?<=[.:])\s", " ".join(first.split()))[0]).rstrip(":")


@functools.cache
def modules(room):
    """Returns {module: its tree}, of a room's files (or a module of the ground) with public classes or functions, by name."""
    found = {}
    for file in sorted([*(ROOT / "keras_gans" / room).rglob("*.py"), *(ROOT / "keras_gans").glob(f"{room}.py")]):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        if file.name != "__init__.py" and any(public(tree)):
            found[".".join(["keras_gans", *file.relative_to(ROOT / "keras_gans").with_suffix("").parts])] = tree
    return found


def public(tree):
    """Yields the public classes and functions of a module that say what they are."""
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not node.name.startswith("_") and ast.get_docstring(node):
            yield node


@functools.cache
def parts():
    """Returns {kind of part: {name that flags use: (module, class or function, summary)}}."""
    found = {}
    for room in (*ROOMS, *GROUND):
        for module, tree in modules(room).items():
            for node in public(tree):
                for decorator in node.decorator_list:
                    if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith(".register"):
                        kind = ast.unparse(decorator.func).partition(".")[0]
                        found.setdefault(kind, {})[decorator.args[0].value] = module, node.name, summary(node)
    return found
