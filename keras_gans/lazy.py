"""Rooms whose public names are there at once, and whose modules are imported when a name is used."""

import functools
import importlib
import pathlib
import re

_CLASS = re.compile(r"^class ([A-Za-z]\w*)", re.MULTILINE)


def room(package, path, behind=(), **functions):
    """Makes every public class of a package reachable from the package's own name.

    The names are read from the text of its files, when the first of them is asked for: nothing is imported for it.

    Args:
        package: the package's `__name__`.
        path: its `__path__`.
        behind: modules of the package whose names give way to the same names of others.
        **functions: further public names, each with the module of the package where it is defined.

    Returns:
        `__getattr__` and `__dir__` for the package.
    """

    @functools.cache
    def homes():
        files = {}
        for file in sorted(pathlib.Path(path[0]).rglob("*.py")):
            module = ".".join(file.relative_to(path[0]).with_suffix("").parts)
            if file.name != "__init__.py":
                files[module] = file
        found = {}
        for module in sorted(files, key=lambda module: (module in behind, module)):
            for name in _CLASS.findall(files[module].read_text(encoding="utf-8")):
                found.setdefault(name, module)
        return found | functions, {module.partition(".")[0] for module in files}

    def get(name):
        names, modules = homes()
        if name in names:
            return getattr(importlib.import_module(f"{package}.{names[name]}"), name)
        if name in modules:
            return importlib.import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def names():
        return sorted({*vars(importlib.import_module(package)), *homes()[0]})

    return get, names
