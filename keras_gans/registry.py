"""Names <-> constructors: how a flag such as `--loss=least_squares:a=0,b=1,c=1` becomes an object."""

import ast
import difflib
import importlib
import inspect
import pkgutil
import re

from keras_gans import curves
from keras_gans.errors import UserError


def nearest(name, known):
    """Returns `; did you mean X?` for the known name nearest to `name`, or an empty string."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def between_commas(text):
    """Returns the parts of a text between the commas that stand in no parentheses."""
    return re.split(r",(?![^()]*\))", text)


def parse_spec(spec):
    """Splits `name:key=value,key=value` into the name and a dict of literals.

    Args:
        spec: text; values are Python numbers, `true`/`false`, plain words, or curves such as `cosine(1,0.1)`.

    Raises:
        UserError: an argument without `=`.
    """
    name, _, arguments = spec.partition(":")
    keywords = {}
    for argument in filter(None, between_commas(arguments)):
        key, equals, value = argument.partition("=")
        if not equals:
            raise UserError(f"{spec!r}: {argument!r} should be KEY=VALUE, as in {name}:{argument}=1")
        keywords[key.strip()] = _literal(value.strip())
    return name.strip(), keywords


def _literal(text):
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def parameters(part):
    """Returns {name: default} of the arguments that `part` takes, those that a class hands on to its bases included."""
    if not inspect.isclass(part):
        return {p.name: p.default for p in inspect.signature(part).parameters.values() if p.kind in _NAMED}
    found = {}
    for base in part.__mro__:
        if "__init__" in vars(base) and base.__module__.partition(".")[0] not in ("builtins", "keras"):
            parameters = list(inspect.signature(base.__init__).parameters.values())[1:]
            found = found | {p.name: p.default for p in parameters if p.kind in _NAMED and p.name not in found}
            if not any(p.kind == p.VAR_KEYWORD for p in parameters):
                break
    return found


def _like(default, key, value):
    """Returns `value`, as a float where `default` is one.

    Raises:
        ValueError: `default` is a number or a truth value, and `value` is not.
    """
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise ValueError(f"{key} should be true or false, not {value}")
    elif isinstance(default, (int, float)):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            known = "; it cannot follow a curve" if curves.is_curve(value) else ""
            raise ValueError(f"{key} should be a number such as {default}, not {value}{known}")
        return float(value) if isinstance(default, float) else value
    return value


class Registry:
    """The constructors of one kind of part, by the name that papers and flags use.

    Every module of `package` is imported at the first look-up, so that a new part is one new file.

    Args:
        kind: what the parts are, for messages ("loss").
        package: dotted name of the package whose modules register the parts; None when they all stand in the
            module that holds the registry.
    """

    def __init__(self, kind, package):
        self.kind = kind
        self.package = package
        self._parts = {}
        self._imported = False

    def register(self, name):
        """Returns a decorator that stores a class or function under `name`."""

        def decorate(part):
            if name in self._parts:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._parts[name] = part
            return part

        return decorate

    def names(self):
        """Returns all registered names, sorted."""
        if self.package and not self._imported:
            package = importlib.import_module(self.package)
            for module in pkgutil.iter_modules(package.__path__):
                importlib.import_module(f"{self.package}.{module.name}")
            self._imported = True
        return sorted(self._parts)

    def get(self, name):
        """Returns the constructor called `name`.

        Raises:
            UserError: unknown name; the message lists the known ones and the nearest.
        """
        known = self.names()
        if name not in self._parts:
            raise UserError(f"unknown {self.kind} {name!r}; known: {', '.join(known)}{nearest(name, known)}")
        return self._parts[name]

    def create(self, spec, **context):
        """Builds the part that `spec` names.

        Args:
            spec: `name` or `name:key=value,key=value`.
            **context: arguments that the caller knows (image size, channels, ...); those that the
                constructor does not take are left out, those in `spec` win. `clock` is the `curves.Clock` of what may
                follow a curve: the arguments that the part names in its attribute `follows`.

        Raises:
            UserError: unknown name or argument, or a value that the constructor refuses (ValueError).
        """
        name, keywords = parse_spec(spec)
        part = self.get(name)
        accepted = parameters(part)
        unknown = [key for key in keywords if key not in accepted]
        if unknown:
            raise UserError(
                f"{self.kind} {name!r} has no argument {unknown[0]!r}; it takes: "
                f"{', '.join(accepted) or 'none'}{nearest(unknown[0], accepted)}"
            )
        arguments = {key: value for key, value in context.items() if key in accepted}
        follows = getattr(part, "follows", ()) if context.get("clock") else ()
        try:
            for key, value in keywords.items():
                if key in follows and curves.is_curve(value):
                    arguments[key] = context["clock"].curve(f"{name}_{key}", value)
                else:
                    arguments[key] = _like(accepted[key], key, value)
            return part(**arguments)
        except (TypeError, ValueError) as error:
            message = " ".join(str(error).split())
            raise UserError(f"{self.kind} {spec!r}: {message}") from error

    def resolve(self, given, *methods):
        """Returns the part that text names, or what is given in its place.

        Args:
            given: a spec as of `create`; or a part, handed back; or None.
            *methods: what a part of this kind can do.

        Raises:
            UserError: as of `create`; something that is no such part.
        """
        if isinstance(given, str):
            return self.create(given)
        if given is None or all(callable(getattr(given, method, None)) for method in methods):
            return given
        raise UserError(
            f"{given!r} is no {self.kind}: it lacks {' and '.join(methods)}; name one of {', '.join(self.names())}, or "
            "give an object of that kind"
        )

    def resolve_all(self, given, *methods):
        """Returns the list of the parts that are given: as `resolve` takes them, one text or a sequence."""
        return [self.resolve(part, *methods) for part in ([given] if isinstance(given, str) else given)]


DEGRADATIONS = Registry("degradation", "keras_gans.data.real_world")
GAMES = Registry("game", "keras_gans.games")
GENERATORS = Registry("generator", "keras_gans.networks")
DISCRIMINATORS = Registry("discriminator", "keras_gans.networks")
LOSSES = Registry("loss", "keras_gans.losses")
RECONSTRUCTIONS = Registry("reconstruction loss", "keras_gans.losses")
PENALTIES = Registry("penalty", "keras_gans.penalties")
AUGMENTS = Registry("augmentation", "keras_gans.augment")
EXTRACTORS = Registry("feature extractor", "keras_gans.features")
SCORES = Registry("metric", "keras_gans.metrics")
EVALUATIONS = Registry("kind of game to score", "keras_gans.metrics")
