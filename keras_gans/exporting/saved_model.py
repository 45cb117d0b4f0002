"""The generator of a run as a SavedModel that TensorFlow Serving loads."""

import pathlib

from keras_gans import files
from keras_gans.errors import UserError
from keras_gans.exporting import archive, card, families, parity, warmup


def export(run, out, max_pixels=None, license=None):
    """Writes the next version of a served model, if it answers as Keras does.

    The signatures are those of the run's family: see `keras_gans.exporting.latents`, `translators` and `stylizers`. Their
    names, dtypes, shapes and ranges are written to `README.md` and `model_card.json` beside the model, with its
    data, recipe, scores and
    limits. TF Serving warms up with one request for each signature.

    Args:
        run: a `keras_gans.trained.Trained`.
        out: folder of the model; version 1 or the one after the highest there is written into it.
        max_pixels: most pixels of a picture file, or of all images drawn by one request; larger requests are refused.
            Default: the family's `most_pixels`.
        license: what the card says about who may use the model for what. Default: that it is not stated.

    Returns:
        `pathlib.Path` of the written version folder.

    Raises:
        UserError: not a generator of images, the folder cannot be written, or the written model differs from Keras by
            more than 1e-5 (one grey level for image files); then no version folder is left.
    """
    family = families.of(run)
    max_pixels = max_pixels or family.most_pixels(run)
    endpoints = family.endpoints(run, max_pixels)
    out = pathlib.Path(out)
    path = out / str(_next_version(out))
    with files.whole(path) as temporary:
        archive.write(endpoints, temporary)
        differences, requests = _check(endpoints, temporary)
        warmup.write(temporary, out.resolve().name, requests)
        card.write(temporary, run, family.SUMMARY, endpoints, family.limits(run, max_pixels), license, differences)
    return path


def _next_version(out):
    """Returns one more than the highest version in `out`."""
    versions = [int(path.name) for path in out.glob("[0-9]*") if path.name.isdigit()]
    return max(versions, default=0) + 1


@parity.exact_float32()
def _check(endpoints, path):
    """Compares the model at `path` with Keras, loaded as TensorFlow 2 does and as TF Serving does.

    Returns:
        A dict: what was compared -> largest absolute difference; and the requests, a list of (signature, inputs).

    Raises:
        UserError: a difference above its limit.
    """
    calls = {name: load(path) for name, load in archive.LOADERS.items()}
    differences, requests = {}, []
    for endpoint in endpoints:
        inputs, expected = endpoint.examples()
        requests.append((endpoint.name, inputs))
        for loader, call in calls.items():
            outputs = call(endpoint.name, inputs)
            name = f"{endpoint.name}, {loader}"
            differences[name] = max(parity.difference(outputs[key], values) for key, values in expected.items())
            if not differences[name] <= endpoint.limit:  # NaN too
                raise UserError(
                    f"the exported model differs from Keras by {differences[name]:.3g} ({name}; at most "
                    f"{endpoint.limit} is right), so it was not written: report this with the run's run.json"
                )
    return differences, requests
