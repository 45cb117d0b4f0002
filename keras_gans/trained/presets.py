"""Trained generators as small folders that can be passed on: `run.json`, `model.safetensors`, a card, a picture.

The tensors have the names and the layout of a checkpoint; they are float16 by default, and computed with in float32 as ever.
A preset opens as a run folder does. It holds the deployed generators alone, and so is not trained on.
"""

import io
import pathlib
import re
import shutil

import h5py
import numpy as np

from keras_gans import files, flags
from keras_gans.errors import UserError, shown
from keras_gans.weights import safetensors, torch_file

WEIGHTS = "model.safetensors"
PICTURE = "samples.png"
_DTYPES = ("float16", "float32")
_DROPPED = ("run_dir", "init_from")  # of the recipe: paths of the machine that trained


def write(trained, directory, dtype="float16", license=None):
    """Writes the deployed generators of a run, whole.

    Args:
        trained: a `Trained` of a run folder.
        directory: a folder, which is replaced if it is a preset, and else must not exist.
        dtype: of the tensors in the file, `float16` or `float32`. What float16 cannot hold stays float32.
        license: who may use it for what; None where nobody has said.

    Returns:
        The size of the weights in bytes.

    Raises:
        UserError: the library `safetensors` is missing; `directory` holds something else; another dtype.
    """
    if dtype not in _DTYPES:
        raise UserError(f"dtype must be {' or '.join(_DTYPES)}, not {dtype}")
    numpy_files = _library()
    directory = pathlib.Path(directory)
    if directory.exists() and not (directory / WEIGHTS).is_file():
        raise UserError(f"{directory} is there and is no preset; name a folder that is not there")
    deployed = {
        "generators": trained.deployment.generators,
        "takes": trained.takes,
        "random_at_test": trained.random_at_test,
    }
    record = {key: value for key, value in trained.record.items() if key != "preset"}
    record["recipe"] = {key: value for key, value in record["recipe"].items() if key not in _DROPPED}
    for part, key in (("recipe", "data"), ("data", "spec")):
        record[part] = record[part] | {key: _without_folders(record[part].get(key))}
    record |= {"deployed": deployed, "preset": {"step": trained.step, "dtype": dtype, "license": license}}
    with files.whole(directory) as temporary:
        temporary.mkdir(parents=True)
        tensors = {name: _narrow(array, dtype) for name, array in _arrays(trained).items()}
        files.write_bytes(temporary / WEIGHTS, numpy_files.save(tensors, metadata={"format": "keras_gans"}))
        files.write_text(temporary / "run.json", files.to_json(record, indent=2) + "\n")
        picture = _last_grid(trained)
        if picture:
            shutil.copyfile(picture, temporary / PICTURE)
        files.write_text(temporary / "README.md", _card(trained, directory.name, record, bool(picture)))
    return (directory / WEIGHTS).stat().st_size


def load(model, path):
    """Gives a model, such as `networks.Networks`, the tensors of a preset.

    Args:
        model: with the networks under the names that the preset has them by.
        path: of its `model.safetensors`, read by this package's bounded reader.

    Raises:
        UserError: damaged, or of other networks.
    """
    with torch_file.opened(path, "weight file") as mapped:
        arrays = {name: np.array(array, np.float32) for name, array in safetensors.parse(mapped).items()}
    memory = _Checkpoint()
    model.save_weights(memory)
    memory.seek(0)
    with h5py.File(memory, "r+") as file:  # of which only the numbers are other ones
        known = _datasets(file)
        wrong = [name for name in known if name not in arrays or arrays[name].shape != known[name].shape]
        wrong += [name for name in arrays if name not in known]
        if wrong:
            raise UserError(f"{path} belongs to other networks: {shown(wrong[0])} does not fit")
        for name, dataset in known.items():
            dataset[...] = arrays[name]
    memory.seek(0)
    model.load_weights(memory)


def _datasets(file):
    found = {}
    file.visititems(lambda name, item: found.update({name: item}) if isinstance(item, h5py.Dataset) else None)
    return found


def _without_folders(spec):
    """Returns a spec of data with the last part of each path: where they lay on the machine that trained is its own."""
    return spec and re.sub(r"[^:]*/(?=[^/:])", "", spec)


class _Checkpoint(io.BytesIO):
    """A file that Keras takes for a checkpoint by its name."""

    def __str__(self):
        return "in_memory.weights.h5"


def _library():
    try:
        import safetensors.numpy as numpy_files
    except ImportError as error:
        raise UserError("presets are written by the library safetensors: pip install 'keras_gans[hub]'") from error
    return numpy_files


def _arrays(trained):
    """Returns the tensors of the deployed generators, by their place in a checkpoint."""
    from keras_gans.trained.networks import Networks

    memory = _Checkpoint()
    names = trained.deployment.generators
    Networks(**{name: trained.generators[direction] for direction, name in names.items()}).save_weights(memory)
    memory.seek(0)
    with h5py.File(memory, "r") as file:
        return {name: np.asarray(dataset[()]) for name, dataset in _datasets(file).items()}


def _narrow(array, dtype):
    """Returns an array in float16 if that is asked for and holds all of its values."""
    if dtype == "float32" or array.dtype != np.float32 or np.abs(array).max(initial=0) > np.finfo(np.float16).max:
        return array
    return array.astype(np.float16)


def _last_grid(trained):
    grids = sorted((int(path.stem), path) for path in trained.folder.samples.glob("*.png") if path.stem.isdigit())
    return grids[-1][1] if grids else None


def _card(trained, name, record, picture):
    """Returns README.md: what the hubs read above, and what people read below."""
    pipeline = "image-to-image" if trained.translates else "unconditional-image-generation"
    license = record["preset"]["license"]
    data, finished = record["data"], record.get("finished", {})
    verb = {"latents": "sample", "images": "translate", "images and a style": "stylize"}[trained.takes]
    tags = dict.fromkeys(["keras_gans", "gan", record["recipe"].get("game", "gan").partition(":")[0]])
    lines = ["---", "library_name: keras", f"pipeline_tag: {pipeline}", "tags:", *(f"- {tag}" for tag in tags)]
    lines += [f"license: {license or 'unknown'}", "---", "", f"# {name}", ""]
    shape = "x".join(map(str, trained.image_shape))
    lines += [f"Makes images of {shape} from {trained.takes}; trained with keras_gans for {trained.step:,} steps.", ""]
    lines += [f"![samples, not selected]({PICTURE})", ""] if picture else []
    lines += ["## Use", "", "    import keras_gans as kg", "", f'    trained = kg.Trained.open("{name}")', ""]
    lines += [f"or `keras-gans {verb} --run={name}`, `keras-gans export --run={name}`.", ""]
    lines += [
        "## Data",
        "",
        f"`{data.get('spec', 'not said')}`, fingerprint `{data.get('fingerprint', 'not said')[:16]}`.",
        "",
    ]
    lines += ["## Recipe", "", *(f"    {word}" for word in flags.words(_known(record["recipe"]))), ""]
    lines += ["## Scores", ""]
    for score in finished.get("scores", []) if finished.get("step", trained.step) == trained.step else []:
        error = score.get("standard_error")
        lines.append(f"- {score['name']}: {score['value']:.5g}" + (f" ± {error:.2g} (standard error)" if error else ""))
    lines += ["", "Their protocol is in `run.json`.", ""] if lines[-1].startswith("- ") else ["None taken at this step.", ""]
    lines += ["## Limits", "", "It shows what its training data show, and their bias. The weights are those of the averaged"]
    lines += [f"generator, {record['preset']['dtype']} in the file; there is nothing here to train on with.", ""]
    lines += ["## License", "", license or "Not stated. Those of the training data may bind the model.", ""]
    return "\n".join(lines)


def _known(recipe):
    """Returns the flags of a recipe that this version has."""
    return {name: value for name, value in recipe.items() if name in flags.defaults()}
