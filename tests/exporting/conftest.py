"""Runs that are exported once for all tests of a worker."""

import pytest
import run_cases
import translation_runs

from keras_gans.exporting import archive, saved_model
from keras_gans.trained.trained import Trained

LATENTS = {
    "plain": run_cases.UNCONDITIONAL,
    "labelled": run_cases.CONDITIONAL | {"latent": "uniform"},
    "styled": run_cases.LABELLED_STYLES | {"image_size": 8, "image_shape": (8, 8, 1)},
}


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """Returns a function: name of a run -> (`Trained`, version folder of its SavedModel, `call` as TF Serving calls).

    Names are those of `LATENTS` and of `CASES` and `STYLES` in `translation_runs`.
    """
    folder, done = tmp_path_factory.mktemp("exported"), {}

    def serve(name):
        if name not in done:
            if name in LATENTS:
                directory = run_cases.make_run(folder / name, **LATENTS[name])
            else:
                directory = translation_runs.make_run(folder, name)
            run = Trained.open(directory)
            path = saved_model.export(run, folder / "models" / name)
            done[name] = run, path, archive.session(path)
        return done[name]

    return serve
