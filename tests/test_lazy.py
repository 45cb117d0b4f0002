"""Every public class is reachable from its room's name, and nothing is imported before it is."""

import ast
import importlib
import pathlib

import pytest

import keras_gans

ROOMS = sorted(
    path.parent.name for path in pathlib.Path(keras_gans.__file__).parent.glob("*/__init__.py") if path.parent.name != "cli"
)


def classes(room):
    """Returns {name: modules} of the public classes of a room, as Python's own parser finds them."""
    folder, found = pathlib.Path(keras_gans.__file__).parent / room, {}
    for file in sorted(folder.rglob("*.py")):
        module = ".".join([room, *file.relative_to(folder).with_suffix("").parts])
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(module)
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_class_is_reachable_from_its_room(room):
    if room == "bulk":
        pytest.importorskip("apache_beam", reason="the beam extra is not installed")
    if room == "serving":
        pytest.importorskip("aiohttp", reason="the serving extra is not installed")
    package = getattr(keras_gans, room)
    assert room in dir(keras_gans)
    for name, modules in classes(room).items():
        assert name in dir(package)
        part = getattr(package, name)
        assert isinstance(part, type) and part.__module__ in [f"keras_gans.{module}" for module in modules]


def test_a_name_has_one_home():
    twice = {(room, name) for room in ROOMS for name, modules in classes(room).items() if len(modules) > 1}
    ours = {"InstanceNormalization", "SpectralNormalization", "Conv2DTranspose"}  # those of tensorflow-addons give way
    assert twice == {("layers", name) for name in ours}
    assert all(getattr(keras_gans.layers, name).__module__ != "keras_gans.layers.addons" for name in ours)


@pytest.mark.parametrize(
    "room, name, module",
    [
        ("metrics", "evaluate", "evaluator"),
        ("callbacks", "check", "divergence"),
        ("data", "open_source", "opening"),
        ("losses", "adversarial", None),
    ],
)
def test_functions_and_modules_too(room, name, module):
    home = importlib.import_module(f"keras_gans.{room}.{module or name}")
    assert getattr(getattr(keras_gans, room), name) is (getattr(home, name) if module else home)


def test_unknown_name():
    with pytest.raises(AttributeError, match=r"module 'keras_gans\.losses' has no attribute 'NonSaturation'"):
        keras_gans.losses.NonSaturation
