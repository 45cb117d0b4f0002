"""Documentation of the public face: every public class and function of the rooms says what it takes, raises and comes from.

Public are the classes of a room (all are reachable from its name, tests/test_lazy.py), the functions that a room hands out, and those
of `keras_gans.export`. What is counted, from the text of the code alone:

- arguments: each parameter of the constructor (or function) that its own code has is named in `Args:` (`Attributes:` for the fields of
  dataclasses), and what is said of it has a quantity: a shape, a number, a unit, a type, a choice, or where that is said ("see `...`");
- defaults: of a parameter whose default is a number or a text, that number or text, or the word "default";
- raises: what the constructor (or function) raises by its own `raise` is named under `Raises:`;
- shapes: layers and networks have `Call:` with shapes in brackets; functions `Returns`, if they return something;
- source: what flags can name in rooms of published parts has a paper's year or an author's repository in its docstring or that of
  its module, unless it is in NOBODYS.
"""

import ast
import pathlib
import re

import pytest

import keras_gans

HOME = pathlib.Path(keras_gans.__file__).parent
# Rooms and the functions that they hand out beside their classes.
FUNCTIONS = {
    "callbacks": {"divergence": ["check"]},
    "data": {"fitting": ["open"], "opening": ["open_source", "open_collection"], "pipeline": ["batches"]},
    "kernels": {"dispatch": ["convolve", "convolve_transposed", "normalize"], "switch": ["use"]},
    "metrics": {"evaluator": ["evaluate"]},
}
# Arguments that mean the same wherever they stand, explained once (`Game`, Keras).
KNOWN = {"self", "cls", "args", "kwargs", "name"}
QUANTITY = re.compile(
    r"\[[^\]]*\]|\(h, w|\d|see `|\bas (?:in|of|for) |`\w|\"\w+\"|\b(?:whether|true|false|none|default|int|integer|float|bool|text|list|"
    r"dict|tuple|byte|path|folder|file|callable|function|pixel|image|second|step|sentence|kimg|channel|row|pair|request|number|class|"
    r"network|layer|variable|word|name|seed|tensor|array)s?\b",
    re.IGNORECASE,
)
SOURCE = re.compile(r"\b(?:19|20)\d\d\b|`[\w.-]+/[\w./-]+`")
SHAPE = re.compile(r"\[[a-z][^\]]*\]")
PUBLISHED = "augment data features games layers losses metrics networks penalties pretrained".split()
# Parts whose flags name them but which nobody published: plain arithmetic, tools and what this package made up.
NOBODYS = set("l1 l2 psnr supervised fashion keras lpips poisson jpeg blind gray points_mlp points_autoencoder".split())


def fields(node):
    return [
        part.target.id
        for part in node.body
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name) and not part.target.id.startswith("_")
    ]


def sections(text):
    """Returns {title: text} of a docstring's sections, as `Args:`."""
    found, title = {}, ""
    for line in text.splitlines():
        if match := re.match(r"(Args|Attributes|Call|Raises|Returns|Yields):\s*(.*)$", line):
            title, line = match.groups()
        elif line and not line.startswith(" "):
            title = ""
        found[title] = f"{found.get(title, '')}{line}\n"
    return found


def entries(text):
    """Returns {argument: what is said of it} of a section; `a, b: ...` says it of both."""
    found, names = {}, []
    for line in text.splitlines():
        if match := re.match(r" {4}(\*{0,2}\w+(?:, \*{0,2}\w+)*)(?: \([^)]*\))?: (.*)$", line):
            names = [name.lstrip("*") for name in match[1].split(", ")]
            found |= dict.fromkeys(names, match[2])
        else:
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
    return found


def parameters(function):
    """Returns {parameter: node of its default or None}."""
    args = function.args
    plain = args.posonlyargs + args.args
    defaults = [None] * (len(plain) - len(args.defaults)) + args.defaults
    given = dict(zip((arg.arg for arg in plain), defaults)) | dict(
        zip((arg.arg for arg in args.kwonlyargs), args.kw_defaults)
    )
    return {name: default for name, default in given.items() if name not in KNOWN and not name.startswith("_")}


def raised(function):
    """Returns the names of what a function raises by its own `raise`."""
    return {
        ast.unparse(node.exc.func)
        for node in ast.walk(function)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and not ast.unparse(node.exc.func).startswith("_")
    } - {"NotImplementedError"}


def faults(node, module, room, bases):
    """Yields what is missing in the documentation of a class or function."""
    text = ast.get_docstring(node) or ""
    if not text:
        yield "nothing is said of it"
        return
    is_class = isinstance(node, ast.ClassDef)
    made = (
        next((part for part in node.body if isinstance(part, ast.FunctionDef) and part.name == "__init__"), None)
        if is_class
        else node
    )
    parts = sections(text)
    if is_class and made is None and any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list):
        said, taken = entries(parts.get("Attributes", "") + parts.get("Args", "")), dict.fromkeys(fields(node))
    else:
        said, taken = entries(parts.get("Args", "")), parameters(made) if made else {}
    rest = set(re.findall(r"`(\w+)`", said.get("kwargs", ""))) | set(taken if "for the arguments" in text else ())
    for name, default in taken.items():
        if name not in said and name in rest:
            continue
        if name not in said:
            yield f"argument {name} is not named"
        elif not QUANTITY.search(said[name]):
            yield f"argument {name} has no shape, unit, range or type: {said[name]!r}"
        elif (
            isinstance(default, ast.Constant)
            and default.value not in (None, True, False)
            and not (str(default.value) in said[name] or re.search(r"default|see `|as (in|of)", said[name], re.IGNORECASE))
        ):
            yield f"the default of {name} is not said: {said[name]!r}"
    if made:
        yield from (
            f"that it raises {error} is not said" for error in sorted(raised(made)) if error not in parts.get("Raises", "")
        )
    if (
        not is_class
        and any(isinstance(part, ast.Return) and part.value for part in ast.walk(node))
        and "Returns" not in text
    ):
        yield "what it returns is not said"
    is_network = (
        is_class and room in ("layers", "networks") and {base.rpartition(".")[2] for base in bases} & {"Layer", "Model"}
    )
    if is_network and not SHAPE.search(parts.get("Call", "")):
        yield "Call: has no shapes"
    registered = [
        decorator.args[0].value
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith(".register")
    ]
    if (
        registered
        and room in PUBLISHED
        and not set(registered) & NOBODYS
        and not SOURCE.search(text + (ast.get_docstring(module) or ""))
    ):
        yield "no paper and no code is named"


def of_room(room):
    """Yields (place, what is missing in it) of each public class and function of a room, or of a module of the ground."""
    for file in sorted([*(HOME / room).rglob("*.py"), *HOME.glob(f"{room}.py")]):
        module = ast.parse(file.read_text(encoding="utf-8"))
        for node in module.body:
            handed_out = room == "export" or node.__dict__.get("name") in FUNCTIONS.get(room, {}).get(file.stem, [])
            public = isinstance(node, ast.ClassDef) or (isinstance(node, ast.FunctionDef) and handed_out)
            if public and not node.name.startswith("_"):
                bases = [ast.unparse(base) for base in getattr(node, "bases", [])]
                yield f"{file.relative_to(HOME)}: {node.name}", list(faults(node, module, room, bases))


def test_every_public_class_and_function_is_documented():
    rooms = [path.parent.name for path in HOME.glob("*/__init__.py") if path.parent.name != "cli"]
    found = {place: missing for room in [*rooms, "export"] for place, missing in of_room(room)}
    assert len(found) > 300 and all(
        f"{name} " in " ".join(place.split(": ")[1] + " " for place in found)
        for files in FUNCTIONS.values()
        for names in files.values()
        for name in names
    )
    counted = [f"{place}: {fault}" for place, missing in found.items() for fault in missing]
    assert not counted, f"{len(counted)} of {len(found)}:\n" + "\n".join(counted)


GOOD = '''
"""Made up 2020."""
@LOSSES.register("made_up")
class MadeUp(keras.layers.Layer):
    """What it is.

    Args:
        width: channels, 1 or more. Default 3.

    Call:
        images float [batch, h, w, c] -> the same.

    Raises:
        ValueError: a width below 1.
    """

    def __init__(self, width=3, **kwargs):
        if width < 1:
            raise ValueError(width)
'''


@pytest.mark.parametrize(
    "spoiled, fault",
    [
        (("", ""), None),
        (("        width: channels, 1 or more. Default 3.\n", ""), "argument width is not named"),
        (("channels, 1 or more. Default 3.", "how wide."), "argument width has no shape"),
        ((" 1 or more. Default 3.", " 1 or more."), "the default of width"),
        (("        ValueError: a width below 1.\n", ""), "it raises ValueError"),
        (("float [batch, h, w, c] ", ""), "Call: has no shapes"),
        (("Made up 2020.", "Made up."), "no paper"),
        (("class MadeUp", "class Undocumented(Other):\n    pass\nclass MadeUp"), "nothing is said"),
    ],
)
def test_what_is_missing_is_counted(spoiled, fault):
    module = ast.parse(GOOD.replace(*spoiled))
    node = next(part for part in module.body if isinstance(part, ast.ClassDef))
    counted = list(faults(node, module, "layers", [ast.unparse(base) for base in node.bases]))
    assert len(counted) == bool(fault) and (not fault or counted[0].startswith(fault) or fault in counted[0])
