"""Authors' weight files -> a run folder, checked by number."""

import collections
import contextlib
import dataclasses
import functools
import operator
import pathlib
import platform
from importlib import metadata

from keras_gans import files
from keras_gans import flags as recipe_flags
from keras_gans.errors import UserError, shown
from keras_gans.exporting.parity import exact_float32
from keras_gans.pretrained import matching, metric_files, reference, spelling
from keras_gans.pretrained.family import FAMILIES, spec
from keras_gans.registry import parse_spec
from keras_gans.trained import checkpoints, recipes
from keras_gans.trained.folder import Folder
from keras_gans.trained.networks import Networks, count_weights, without_values
from keras_gans.weights import lookup, weight_files

_MOST_TENSORS = 4096
LIMIT = 1e-3  # a larger difference, of values in [-1, 1], is no rounding


@dataclasses.dataclass(frozen=True)
class Imported:
    """What an import has made.

    Attributes:
        family: name of the family.
        work: the verb for such runs. Text.
        flags: dict of the recipe's flags that were set.
        differences: dict, what was compared -> largest absolute difference.
        reference: what it was compared with. Text.
        without: names of tensors that were left out, since they change nothing.
    """

    family: str
    work: str
    flags: dict
    differences: dict
    reference: str
    without: tuple


def read(paths):
    """Reads weight files.

    Args:
        paths: list of `pathlib.Path`.

    Returns:
        List of `weight_files.Weights`.

    Raises:
        UserError: a file that cannot be read; one line.
    """
    return [weight_files.read(path) for path in paths]


def metric(weights):
    """Recognizes and checks a file of a network that scores use.

    Returns:
        Its `MetricFile` and where it is kept for later (None where it is not the published file); None for other files.

    Raises:
        UserError: the file is one of these, but damaged.
    """
    found = metric_files.recognize(weights[0].networks[""]) if len(weights) == 1 and "" in weights[0].networks else None
    if found is None:
        return None
    found.load(weights[0].path)
    return found, metric_files.keep(found, weights[0].path)


def rename(weights, old, new):
    """Puts `new` in the place of `old` wherever the name of a tensor has it.

    Args:
        weights: list of `weight_files.Weights`.
        old, new: parts of names.

    Returns:
        The same with other names.

    Raises:
        UserError: no name has `old`, or two names would be one.
    """
    changed, count = [], 0
    for each in weights:
        networks = {}
        for network, state in each.networks.items():
            networks[network] = state.renamed(lambda name: name.replace(old, new))
            if len(networks[network]) < len(state):
                raise UserError(f"--rename={shown(old)}:{shown(new)} gives two tensors of {each.path} the same name")
            count += sum(old in name for name in state)
        changed.append(dataclasses.replace(each, networks=networks))
    if not count:
        raise UserError(f"--rename={shown(old)}:{shown(new)} renames nothing; {_contents(weights)}")
    return changed


def make_run(weights, directory, kind=None, source=None, license=None, operations=None):
    """Makes a run folder of weight files.

    Args:
        weights: list of `weight_files.Weights`.
        directory: the folder; it must not exist, or be empty.
        kind: `NAME` or `NAME:key=value,...` of the family, with arguments of its generator that the file does not say or
            that are to be others. Default: the family that the tensors' names and shapes speak of.
        source, license: where the files come from and what may be done with them, for the record.
        operations: what to compare with, see `reference`. Default: PyTorch where it is installed, else NumPy.

    Returns:
        `Imported`.

    Raises:
        UserError: an unknown network, tensors that are missing, unexpected or of another shape, a folder in use, or an
            output that differs from the reference; nothing is written then.
    """
    directory = pathlib.Path(directory)
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UserError(f"--run={directory} is in use; name a new folder")
    where = " and ".join(str(each.path) for each in weights)
    name, family, arguments, states = recognize(weights, kind)
    with _named(where):
        flags, deployment = family.flags(states, arguments), family.deployment(states, arguments)
        input_shape, image_shape = family.shapes(arguments)
    recipe = (
        recipe_flags.defaults()
        | {"game": "none", "data": "none", "discriminator": "none", "export": ["none"], "run_dir": str(directory)}
        | {"image_size": image_shape[0], "channels": image_shape[-1]}
        | flags
    )
    record = {
        "recipe": recipe,
        "data": {
            "spec": f"the authors of {', '.join(each.path.name for each in weights)}",
            "fingerprint": None,
            "image_shape": list(image_shape),
            "class_names": list(family.class_names(arguments)),
            "input_shape": input_shape and list(input_shape),
        },
        "deployed": dataclasses.asdict(deployment),
        "imported": {},
    }
    build = functools.partial(recipes.build_networks, recipe, record, family.networks(states))
    _check_size(build, states, where)
    built = Networks(**build())
    with _named(where):
        parts = family.parts(states, arguments)
    for part in parts:
        described = f"{where} does not fit {part.title or recipe['generator']}"
        matching.load(
            part.slots(operator.attrgetter(part.network)(built)),
            part.state,
            described,
            lambda name, part=part: family.ignored(name) or name in part.without,
        )
    family.finish(built)
    operations = operations or reference.operations()
    with exact_float32():
        differences = family.differences(built, states, arguments, operations)
    worst = max(differences.values())
    if not worst <= LIMIT:  # NaN too
        raise UserError(
            f"{where}: the network made of it differs from {operations.name} by {worst:.3g} (at most {LIMIT:g} "
            "is rounding), so nothing was written; is it a variant of this network?"
        )
    record["imported"] = {
        "family": name,
        "files": {path.name: lookup.sha256(path) for each in weights for path in (each.path, *each.beside)},
        "part": ", ".join(filter(None, (each.part for each in weights))),
        "source": source,
        "license": license,
        "arguments": arguments,
        "parity": {"reference": operations.name, "largest_difference": worst, "differences": differences},
    }
    _write(directory, built, record)
    without = tuple(name for part in parts for name in part.without)
    return Imported(name, family.work, flags, differences, operations.name, without)


@contextlib.contextmanager
def _named(where):
    """Turns what goes wrong with tensors of strange shapes into one line."""
    try:
        yield
    except (LookupError, ValueError, TypeError, AttributeError, ArithmeticError) as error:
        raise UserError(f"{where}: no network can be made of tensors of these shapes ({shown(error)})") from error


def _check_size(build, states, where):
    """Refuses a network that would have many more weights than the files, before any memory is taken for it.

    A tensor of no elements, or views of a few numbers, can have the shapes of a network of any size.
    """
    with _named(where):
        needed = count_weights(build)
    found = sum(tensor.size for state in states for tensors in state.values() for tensor in tensors.values())
    if needed > 2 * found + 2**20:
        raise UserError(f"{where}: the network that its shapes speak of has {needed} weights, but there are {found}")


def recognize(weights, kind=None):
    """Finds the family of files: by the names of their tensors, else by the shapes and the order of their layers.

    Args:
        weights, kind: see `make_run`.

    Returns:
        (name, `Family`, arguments of its generator, the files' networks under the names that the family knows).

    Raises:
        UserError: none, or not the one that `kind` names.
    """
    states = [each.networks for each in weights]
    if sum(len(tensors) for state in states for tensors in state.values()) > _MOST_TENSORS:
        raise UserError(f"{_contents(weights)}: no network that is known here has more than {_MOST_TENSORS}")
    with _named(_contents(weights)):
        return _recognized(weights, states, kind)


def _recognized(weights, states, kind):
    asked, changes = parse_spec(kind) if kind else (None, {})
    families = {name: FAMILIES.get(name)() for name in ([asked] if asked else FAMILIES.names())}
    for spell in (lambda family: states, lambda family: _respelled(family, states)):
        for name, family in families.items():
            spelled = spell(family)
            arguments = spelled and family.arguments(spelled)
            if arguments is not None:
                return name, family, arguments | changes, spelled
    if asked:
        raise UserError(
            f"--as={asked}: expected are {families[asked].looks}; {_contents(weights)}{_nearest(families, states)}"
        )
    raise UserError(
        f"{_contents(weights)}: no network that is known here ({', '.join(FAMILIES.names())}){_nearest(families, states)}; "
        "keras-gans import --help says which files are"
    )


def _respelled(family, states):
    """Returns the networks under the names that a family knows, or None where one of them is not its."""
    if not all(list(state) == [""] for state in states):
        return None
    found = [spelling.respelled(family, state[""]) for state in states]
    return None if None in found else [{"": state} for state in found]


def _nearest(families, states):
    """Says which network is nearest to a file, and how many of its tensors have the shapes of tensors in the file."""
    if len(states) != 1 or list(states[0]) != [""]:
        return ""
    shapes, best = collections.Counter(states[0][""].shapes().values()), None
    for name, family in families.items():
        arguments = family.guess(spelling.layers(states[0][""]))
        if arguments is None:
            continue
        try:
            expected = collections.Counter(_expected(family, arguments))
        except (ValueError, LookupError, UserError):  # no such network
            continue
        fit, count = (expected & shapes).total(), expected.total()
        if 4 * fit >= count and (best is None or fit * best[1] > best[0] * count):
            best = fit, count, spec(name, arguments)
    return f"; the nearest is {best[2]}: {best[0]} of {best[1]} tensors fit" if best else ""


def _expected(family, arguments):
    """Returns the shapes of the tensors of a family's generator; no memory is taken for it."""
    flags = recipe_flags.defaults() | family.flags([{"": {}}], arguments)
    input_shape, image_shape = family.shapes(arguments)
    record = {
        "data": {"image_shape": list(image_shape), "class_names": [], "input_shape": input_shape and list(input_shape)}
    }
    recipe = flags | {"image_size": image_shape[0], "channels": image_shape[-1]}
    with without_values():
        network = recipes.build_networks(recipe, record, ("generator",))["generator"]
        return [matching.to_torch(weight.shape) for weight in network.weights]


def _contents(weights):
    """Says in few words what the files hold."""
    said = []
    for each in weights:
        names = [name for state in each.networks.values() for name in state]
        labels = shown(", ".join(filter(None, each.networks)))
        such = ", ".join(map(shown, names[:3]))
        said.append(f"{each.path} holds {f'{labels} with ' if labels else ''}{len(names)} tensors, such as {such}")
    return "; ".join(said)


def _write(directory, built, record):
    versions = {name: metadata.version(name) for name in ("keras_gans", "tensorflow", "keras", "numpy")}
    parameters = {
        name: getattr(built, name).count_params() for name in ("generator", "discriminator") if hasattr(built, name)
    }
    files.repair(directory.parent)  # what a killed import has left there
    with files.whole(directory) as temporary:
        folder = Folder(temporary)
        folder.write_record(
            **record,
            seed=record["recipe"]["seed"],
            versions=versions | {"python": platform.python_version()},
            parameters=parameters,
        )
        checkpoints.save(built, folder.checkpoint_path(0))
