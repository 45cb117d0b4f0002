"""Trained generators as small folders that can be passed on: `run.json`, `model.safetensors`, a card, a picture.

The tensors have the names and the layout of a checkpoint; they are float16 by default, and computed with in float32 as ever.
A preset opens as a run folder does. It holds the deployed generators alone: a run can start from them, none goes on.
"""

import copy
import io
import json
import pathlib
import re
import shutil

import h5py
import numpy as np

from keras_gans import files, flags
from keras_gans.errors import UserError, shown
from keras_gans.trained.networks import Networks, count_weights
from keras_gans.weights import safetensors, torch_file

WEIGHTS = "model.safetensors"
PICTURE = "samples.png"
_DTYPES = ("float16", "float32")
_LICENSES = frozenset(  # that Hugging Face knows by an identifier of SPDX, in small letters
    """
    afl-3.0 agpl-3.0 apache-2.0 artistic-2.0 bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0
    cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0
    cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc0-1.0 cdla-permissive-1.0 cdla-permissive-2.0 cdla-sharing-1.0
    ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 gpl-2.0 gpl-3.0 isc lgpl-2.1 lgpl-3.0 mit mpl-2.0 ms-pl ncsa ofl-1.1
    osl-3.0 postgresql unknown unlicense wtfpl zlib
    """.split()
)
_DROPPED = ("run_dir", "init_from")  # of the recipe: paths of the machine that trained


def write(trained, directory, dtype="float16", license=None, address=None):
    """Writes the deployed generators of a run, whole.

    Args:
        trained: a `Trained` of a run folder.
        directory: a folder, which is replaced if it is a preset, and else must not exist.
        dtype: of the tensors in the file, `float16` or `float32`. What float16 cannot hold stays float32.
        license: who may use it for what; None where nobody has said.
        address: where it will be opened from, for the card; default: a folder of its name.

    Returns:
        The size of the weights in bytes.

    Raises:
        UserError: the library `safetensors` is missing; `directory` holds something else; another dtype; `trained` is of no
            run folder.
    """
    if dtype not in _DTYPES:
        raise UserError(f"dtype must be {' or '.join(_DTYPES)}, not {dtype}")
    if not hasattr(trained, "deployment"):
        raise UserError(f"{trained.name} is no run, whose flags say how its networks are built; share a run folder")
    numpy_files = _library()
    directory = pathlib.Path(directory)
    if directory.exists() and not (directory / WEIGHTS).is_file():
        raise UserError(f"{directory} is there and is no preset; name a folder that is not there")
    deployed = {
        "generators": trained.deployment.generators,
        "takes": trained.takes,
        "random_at_test": trained.random_at_test,
    }
    record = copy.deepcopy({key: value for key, value in trained.record.items() if key not in ("preset", "exported")})
    record["recipe"] = {key: value for key, value in record["recipe"].items() if key not in _DROPPED}
    for part, key in (("recipe", "data"), ("data", "spec")):
        record[part] = record[part] | {key: _without_folders(record[part].get(key))}
    for score in record.get("finished", {}).get("scores", []):
        score["protocol"] = score["protocol"] | {"reference": _without_folders(score["protocol"].get("reference"))}
    for flag in ("labels", "instances"):  # a palette's colours stand in the record
        if record["recipe"].get(flag):
            record["recipe"][flag] = pathlib.PurePath(record["recipe"][flag]).name
    record |= {"deployed": deployed, "preset": {"step": trained.step, "dtype": dtype, "license": license}}
    with files.whole(directory) as temporary:
        temporary.mkdir(parents=True)
        tensors = {name: _narrow(array, dtype) for name, array in _arrays(trained).items()}
        files.write_bytes(temporary / WEIGHTS, numpy_files.save(tensors, metadata={"format": "keras_gans"}))
        files.write_text(temporary / "run.json", files.to_json(record, indent=2) + "\n")
        picture = _last_grid(trained)
        if picture:
            shutil.copyfile(picture, temporary / PICTURE)
        files.write_text(temporary / "README.md", _card(trained, directory.name, record, bool(picture), address))
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


def check_size(build, path):
    """Refuses networks that would have many more weights than the file, before any memory is taken for them.

    Args:
        build: function without arguments that returns a dict of them, of the names that the preset has.
        path: of its `model.safetensors`.

    Raises:
        UserError: they would, or the file is damaged.
    """
    with torch_file.opened(path, "weight file") as mapped:
        found = sum(array.size for array in safetensors.parse(mapped).values())
    needed = count_weights(build)
    if needed > 2 * found + 2**20:
        raise UserError(f"{path} belongs to other networks: run.json speaks of {needed:,} weights, and it has {found:,}")


def _datasets(file):
    found = {}
    file.visititems(lambda name, item: found.update({name: item}) if isinstance(item, h5py.Dataset) else None)
    return found


def _without_folders(spec):
    """Returns a spec of data with the last part of each path: where they lay on the machine that trained is its own."""
    return spec if not spec or "tfds:" in spec else re.sub(r"[^:]*/(?=[^/:])", "", spec)


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


def _card(trained, name, record, picture, address):
    """Returns README.md: what the hubs read above, and what people read below."""
    preset, data, finished = record["preset"], record["data"], record.get("finished", {})
    verb = {"latents": "sample", "images": "translate", "images and a style": "stylize"}[trained.takes]
    shape, where = "x".join(map(str, trained.image_shape)), address or name
    scores = finished.get("scores", []) if finished.get("step", trained.step) == trained.step else []
    lines = [*_for_hubs(trained, record), "", f"# {name}", ""]
    before = record.get("started_from")
    began = f", from the weights of `{before['run']}` ({before['images']:,} images)" if before else ""
    lines += [
        f"Makes images of {shape} from {trained.takes}; trained with keras_gans for {trained.step:,} steps{began}.",
        "",
    ]
    lines += [f"![samples, not selected]({PICTURE})", ""] if picture else []
    lines += ["## Use", "", "    pip install 'keras_gans[hub]'", "", "    import keras_gans as kg", ""]
    lines += [f'    trained = kg.Trained.from_preset("{where}")', ""]
    lines += [f"or `keras-gans {verb} --run={where}`, `keras-gans export --run={where}`.", ""]
    fingerprint = (data.get("fingerprint") or "not said")[:16]  # an import has none
    lines += ["## Data", "", f"`{data.get('spec', 'not said')}`, fingerprint `{fingerprint}`.", ""]
    lines += ["## Recipe", "", *(f"    {word}" for word in flags.words(_known(record["recipe"]))), ""]
    lines += ["## Scores", "", *(map(_said, scores) if scores else ["None taken at this step."]), ""]
    lines += ["Whole protocols are in `run.json`.", ""] if scores else []
    lines += ["## Limits", "", "It shows what its training data show, and their bias. The weights are those of the averaged"]
    lines += [f"generator, {preset['dtype']} in the file; a run can start from it (`--init_from`), none goes on.", ""]
    lines += ["## License", "", preset["license"] or "Not stated. Those of the training data may bind the model.", ""]
    return "\n".join(lines)


def _for_hubs(trained, record):
    """Returns the lines above a card that Hugging Face reads (YAML)."""
    tags = dict.fromkeys(["keras_gans", "gan", record["recipe"].get("game", "gan").partition(":")[0]])
    pipeline = "image-to-image" if trained.translates else "unconditional-image-generation"
    license = record["preset"]["license"]
    known = (license or "unknown").lower() in _LICENSES
    lines = ["---", "library_name: keras", f"pipeline_tag: {pipeline}", "tags:", *(f"- {tag}" for tag in tags)]
    lines.append(f"license: {(license or 'unknown').lower() if known else 'other'}")
    return lines + ([] if known else [f"license_name: {json.dumps(license)}"]) + ["---"]


def _said(score):
    """Returns a score and what makes it comparable, as a line of the card."""
    protocol, error = score["protocol"], score.get("standard_error")
    words = [f"{score['value']:.5g}" + (f" ± {error:.2g} (standard error)" if error else "")]
    if protocol.get("extractor"):
        words.append(f"features {protocol['extractor']} (SHA-256 `{str(protocol.get('weights_sha256'))[:12]}`)")
    if "count_fake" in protocol:
        words.append(f"{protocol['count_fake']} generated against {protocol['count_real']} real images")
    if protocol.get("reference"):
        words.append(f"of `{protocol['reference']}`, {protocol.get('split') or 'all'}")
    return f"- {score['name']}: {', '.join(words)}"


def _known(recipe):
    """Returns the flags of a recipe that this version has."""
    return {name: value for name, value in recipe.items() if name in flags.defaults()}
