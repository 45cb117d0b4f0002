"""Names and specs: what they become, and what is said of those that become nothing."""

import sys

import keras
import pytest

from keras_gans.errors import UserError
from keras_gans.registry import LOSSES, Registry, nearest, parse_spec


@pytest.fixture
def registry():
    """Three parts: a class, one that hands its arguments on, a function."""
    parts = Registry("fruit", None)

    @parts.register("apple")
    class Apple:
        def __init__(self, size=3, weight=0.5, ripe=False, name=None):
            if size < 0:
                raise ValueError("size must not\n  be negative")
            self.size, self.weight, self.ripe, self.name = size, weight, ripe, name

    @parts.register("boskop")
    class Boskop(Apple):
        def __init__(self, acid=1.0, size=5, **kwargs):
            super().__init__(size=size, **kwargs)
            self.acid = acid

    @parts.register("peel")
    def peel(fruit, depth=1):
        return fruit, depth

    return parts


def test_spec_is_a_name_and_literals():
    assert parse_spec("hinge") == ("hinge", {})
    assert parse_spec("least_squares:a=0,b=1.5,c=-1e-3") == ("least_squares", {"a": 0, "b": 1.5, "c": -1e-3})
    assert parse_spec(" ada : target=0.6 , fixed=True,kind=geometry,p=none") == (
        "ada",
        {"target": 0.6, "fixed": True, "kind": "geometry", "p": "none"},
    )
    kinds = {key: type(value) for key, value in parse_spec("x:a=1,b=1.0,c=false,d=word,e=a=b")[1].items()}
    assert kinds == {"a": int, "b": float, "c": bool, "d": str, "e": str}


def test_spec_runs_no_code():
    assert parse_spec("x:a=__import__('os').getcwd()")[1] == {"a": "__import__('os').getcwd()"}


def test_spec_without_a_value_is_refused():
    with pytest.raises(UserError, match=r"^'r1:weight': 'weight' should be KEY=VALUE, as in r1:weight=1$"):
        parse_spec("r1:weight")


def test_nearest_name_or_none():
    assert nearest("hing", ["hinge", "wasserstein"]) == "; did you mean 'hinge'?"
    assert nearest("xyz", ["hinge", "wasserstein"]) == ""


def test_unknown_name_lists_the_known_and_the_nearest(registry):
    with pytest.raises(UserError, match=r"^unknown fruit 'aple'; known: apple, boskop, peel; did you mean 'apple'\?$"):
        registry.get("aple")
    with pytest.raises(UserError, match=r"^unknown fruit 'zzz'; known: apple, boskop, peel$"):
        registry.create("zzz:a=1")


def test_unknown_argument_lists_the_taken_and_the_nearest(registry):
    with pytest.raises(
        UserError,
        match=r"^fruit 'apple' has no argument 'sise'; it takes: size, weight, ripe, name; "
        r"did you mean 'size'\?$",
    ):
        registry.create("apple:sise=1")
    with pytest.raises(UserError, match="fruit 'peel' has no argument 'kwargs'; it takes: fruit, depth$"):
        registry.create("peel:kwargs=1")


def test_context_fills_in_what_is_taken_and_the_spec_wins(registry):
    apple = registry.create("apple:size=7", size=1, weight=2.0, price=9)
    assert (apple.size, apple.weight) == (7, 2.0)
    assert registry.create("peel", fruit="pear", size=1) == ("pear", 1)


def test_arguments_that_a_class_hands_on_are_taken(registry):
    boskop = registry.create("boskop:weight=2,acid=3", ripe=True)
    assert (boskop.size, boskop.weight, boskop.acid, boskop.ripe) == (5, 2.0, 3.0, True)
    with pytest.raises(UserError, match="it takes: acid, size, weight, ripe, name"):
        registry.create("boskop:colour=red")


def test_arguments_of_keras_classes_are_not(registry):
    @registry.register("layer")
    class Layer(keras.layers.Layer):
        def __init__(self, width=2, **kwargs):
            super().__init__(**kwargs)
            self.width = width

    assert registry.create("layer:width=4", dtype="float16").dtype == "float32"
    with pytest.raises(UserError, match="has no argument 'trainable'; it takes: width$"):
        registry.create("layer:trainable=false")


@pytest.mark.parametrize(
    "spec, message",
    [
        ("apple:size=big", "size should be a number such as 3, not big"),
        ("apple:weight=true", "weight should be a number such as 0.5, not True"),
        ("apple:ripe=1", "ripe should be true or false, not 1"),
        ("apple:size=-1", "size must not be negative"),
        ("peel:depth=2", "missing 1 required positional argument: 'fruit'"),
    ],
)
def test_value_that_a_part_refuses_is_one_line_with_the_spec(registry, spec, message):
    with pytest.raises(UserError) as error:
        registry.create(spec)
    assert str(error.value).startswith(f"fruit {spec!r}: ") and str(error.value).endswith(message)
    assert "\n" not in str(error.value)


def test_numbers_become_floats_where_the_default_is_one(registry):
    apple = registry.create("apple:weight=2,size=4,name=7")
    assert isinstance(apple.weight, float) and isinstance(apple.size, int) and apple.name == 7


def test_same_name_twice_is_a_mistake_of_the_programmer(registry):
    with pytest.raises(ValueError, match="fruit 'peel' is registered twice"):
        registry.register("peel")(dict)


def test_all_modules_of_the_package_are_imported_at_the_first_look_up(tmp_path, monkeypatch):
    package = tmp_path / "orchard"
    package.mkdir()
    (package / "__init__.py").write_text("from keras_gans.registry import Registry\nTREES = Registry('tree', 'orchard')\n")
    for name in ("oak", "elm"):
        (package / f"{name}_file.py").write_text(f"from orchard import TREES\nTREES.register('{name}')(list)\n")
    monkeypatch.syspath_prepend(tmp_path)
    import orchard

    assert not {"orchard.oak_file", "orchard.elm_file"} & set(sys.modules)
    assert orchard.TREES.names() == ["elm", "oak"]
    assert orchard.TREES.create("oak") == []


def test_the_packages_own_parts_are_found():
    assert {"hinge", "non_saturating", "wasserstein"} <= set(LOSSES.names())
    with pytest.raises(UserError, match="unknown loss 'hing'; known: .*; did you mean 'hinge'"):
        LOSSES.create("hing")
