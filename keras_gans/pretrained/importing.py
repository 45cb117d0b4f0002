"""Authors' weight files -> a run folder, checked by number."""

import contextlib
import dataclasses
import functools
import math
import operator
import pathlib
import platform
from importlib import metadata

import keras
from keras.src.backend.common import global_state  # nothing public forgets variables that were never given values

from keras_gans import files
from keras_gans import flags as recipe_flags
from keras_gans.errors import UserError, shown
from keras_gans.exporting.parity import exact_float32
from keras_gans.pretrained import matching, metric_files, reference
from keras_gans.pretrained.family import FAMILIES
from keras_gans.registry import parse_spec
from keras_gans.trained import checkpoints, recipes
from keras_gans.trained.folder import Folder
from keras_gans.trained.networks import Networks
from keras_gans.weights import lookup, weight_files

_MOST_TENSORS = 4096
LIMIT = 1e-3  # a larger difference, of values in [-1, 1], is no rounding


@dataclasses.dataclass(frozen=True)
class Imported:
    """What an import has made.

    Attributes:
        family: name of the family.
        work: the verb for such runs.
        flags: dict of the recipe's flags that were set.
        differences: dict, what was compared -> largest absolute difference.
        reference: what it was compared with.
    """

    family: str
    work: str
    flags: dict
    differences: dict
    reference: str


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
    states, where = [each.networks for each in weights], " and ".join(str(each.path) for each in weights)
    name, family, arguments = recognize(weights, kind)
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
        matching.load(part.slots(operator.attrgetter(part.network)(built)), part.state, described, family.ignored)
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
        "files": {str(each.path.name): lookup.sha256(each.path) for each in weights},
        "part": ", ".join(filter(None, (each.part for each in weights))),
        "source": source,
        "license": license,
        "parity": {"reference": operations.name, "largest_difference": worst, "differences": differences},
    }
    _write(directory, built, record)
    return Imported(name, family.work, flags, differences, operations.name)


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
    try:
        with _named(where), keras.StatelessScope(initialize_variables=False):  # variables have shapes there, but no values
            needed = sum(math.prod(weight.shape) for network in build().values() for weight in network.weights)
    finally:
        global_state.set_global_attribute("uninitialized_variables", [])  # or Keras gives them values later
    found = sum(tensor.size for state in states for tensors in state.values() for tensor in tensors.values())
    if needed > 2 * found + 2**20:
        raise UserError(f"{where}: the network that its shapes speak of has {needed} weights, but there are {found}")


def recognize(weights, kind=None):
    """Finds the family of files.

    Args:
        weights, kind: see `make_run`.

    Returns:
        (name, `Family`, arguments of its generator).

    Raises:
        UserError: none, or not the one that `kind` names.
    """
    states = [each.networks for each in weights]
    if sum(len(tensors) for state in states for tensors in state.values()) > _MOST_TENSORS:
        raise UserError(f"{_contents(weights)}: no network that is known here has more than {_MOST_TENSORS}")
    with _named(_contents(weights)):
        return _recognized(weights, states, kind)


def _recognized(weights, states, kind):
    if kind:
        name, changes = parse_spec(kind)
        family = FAMILIES.get(name)()
        arguments = family.arguments(states)
        if arguments is None:
            raise UserError(f"--as={name}: expected are {family.looks}; {_contents(weights)}")
        return name, family, arguments | changes
    for name in FAMILIES.names():
        family = FAMILIES.get(name)()
        arguments = family.arguments(states)
        if arguments is not None:
            return name, family, arguments
    raise UserError(
        f"{_contents(weights)}: no network that is known here ({', '.join(FAMILIES.names())}); "
        "keras-gans import --help says which files are"
    )


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
