"""The order of the house: a room imports from floors below it only, and nobody but the entry scripts imports `cli`."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PACKAGE = ROOT / "keras_gans"
GROUND = (
    "errors",
    "curves",
    "registry",
    "files",
    "hdf5",
    "progress",
    "randomness",
    "precision",
    "startup",
    "video",
    "grids",
    "optimizers",
    "flags",
    "plugins",
    "configured",
    "lazy",
    "microbatches",
)
FLOORS = (  # from below; docs/architecture.md shows them
    *GROUND,
    "kernels",
    "layers",
    "weights",
    "data",
    "features",
    "networks",
    "losses",
    "penalties",
    "augment",
    "games",
    "trained",
    "using",
    "metrics",
    "bulk",
    "callbacks",
    "exporting",
    "export",
    "serving",
    "pretrained",
    "runs",
    "cli",
)


def modules():
    """Yields (dotted name below the package, its syntax tree)."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        yield name, ast.parse(path.read_text(encoding="utf-8"))


def imported(tree):
    """Yields what a file imports of the package, at any depth, dotted and without the package's name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            names = []
        yield from (name.removeprefix("keras_gans.") for name in names if name.startswith("keras_gans."))


def room(name):
    return name.partition(".")[0]


def test_every_module_has_a_floor():
    rooms = {room(name) for name, _ in modules()} - {"__init__", "__main__"}
    assert rooms <= set(FLOORS), f"say in FLOORS where {rooms - set(FLOORS)} belong"
    assert set(FLOORS) <= rooms, f"{set(FLOORS) - rooms} are no longer there"


@pytest.mark.parametrize("floor", FLOORS)
def test_rooms_import_from_below(floor):
    below = set(FLOORS[: FLOORS.index(floor)]) | {floor, "__version__"}
    upwards = {
        f"{name} imports {other}"
        for name, tree in modules()
        if room(name) == floor
        for other in imported(tree)
        if room(other) not in below
    }
    assert not upwards


def test_no_circle_between_modules():
    """A circle inside a room, too, is one."""
    graph = {}
    for name, tree in modules():
        graph[name] = {other if other in names else other.rpartition(".")[0] for other in imported(tree)} - {"", name}
    names.update(graph)
    done, path = set(), []

    def visit(name):
        if name in path:
            raise AssertionError(" -> ".join([*path[path.index(name) :], name]))
        if name not in done and name in graph:
            path.append(name)
            for other in sorted(graph[name]):
                visit(other)
            path.pop()
            done.add(name)

    for name in graph:
        visit(name)


names = {name for name, _ in modules()}


def test_only_entry_scripts_import_the_command_line():
    scripts = [ROOT / "train.py", *(ROOT / "export").rglob("*.py")]
    assert any("cli" in map(room, imported(ast.parse(path.read_text()))) for path in scripts)
    inside = [name for name, tree in modules() if room(name) != "cli" and "cli" in map(room, imported(tree))]
    assert inside in ([], ["__main__"])


def test_nothing_but_training_seeds_global_random_numbers():
    seeding = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in ("set_random_seed", "set_seed", "seed")
        and isinstance(node.value, (ast.Attribute, ast.Name))
        and ast.unparse(node.value) in ("keras.utils", "tf.random", "random", "np.random", "numpy.random")
    }
    assert seeding == {"runs.training", "randomness"}  # which gives them back
