"""Runs that are exported once for all tests of a worker."""

import types

import pytest
import run_cases
import translation_runs

from keras_gans.exporting import archive, saved_model
from keras_gans.losses import stylization
from keras_gans.networks import adain, arbitrary_style
from keras_gans.trained.trained import Trained

LATENTS = {
    "plain": run_cases.UNCONDITIONAL,
    "labelled": run_cases.CONDITIONAL | {"latent": "uniform"},
    "styled": run_cases.LABELLED_STYLES | {"image_size": 8, "image_shape": (8, 8, 1)},
}


@pytest.fixture(scope="module", autouse=True)
def small_encoders():
    """The first of EfficientNet's blocks, VGG with few channels, and no network for losses, which exports do not have."""
    no_network = types.SimpleNamespace(name="none", taps=lambda layers: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arbitrary_style, "STAGES", ("stem", "block0", "block2"))
        patch.setattr(adain, "WIDTHS", (4, 4, 8, 8))
        patch.setattr(stylization, "create_perceptual", lambda spec: no_network)
        yield


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Returns a function: name of a run -> `Trained`.

    Names are those of `LATENTS` and of `CASES` and `STYLES` in `translation_runs`.
    """
    folder, done = tmp_path_factory.mktemp("runs"), {}

    def make(name):
        if name not in done:
            if name in LATENTS:
                directory = run_cases.make_run(folder / name, **LATENTS[name])
            else:
                directory = translation_runs.make_run(folder, name)
            done[name] = Trained.open(directory)
        return done[name]

    return make


@pytest.fixture(scope="session")
def served(tmp_path_factory, trained):
    """Returns a function: name of a run -> (`Trained`, version folder of its SavedModel, `call` as TF Serving calls)."""
    folder, done = tmp_path_factory.mktemp("exported"), {}

    def serve(name):
        if name not in done:
            path = saved_model.export(trained(name), folder / name)
            done[name] = trained(name), path, archive.session(path)
        return done[name]

    return serve
