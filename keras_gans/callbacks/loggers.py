"""Where a run's numbers and pictures go besides metrics.jsonl and TensorBoard: the trackers of teams, through their own packages."""

import hashlib
import importlib

from keras_gans.errors import UserError
from keras_gans.registry import Registry

LOGGERS = Registry("logger", None)


def _package(name):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UserError(f"--logger={name} needs the package {name}: pip install 'keras_gans[{name}]' ({error})") from error


def _key(folder):
    """Returns what a run is found by again: its folder's name, and a hash of where that lies, as many have one name."""
    return f"{folder.name}-{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:8]}"


@LOGGERS.register("wandb")
class WandbLogger:
    """Sends numbers and pictures to Weights & Biases (extra `wandb`), whose own environment variables say where and as whom.

    Args:
        project: the name of the project. Default "keras_gans".

    Raises:
        UserError: the package is missing.
    """

    def __init__(self, project="keras_gans"):
        self.project, self._wandb, self._run = project, _package("wandb"), None

    def begin(self, folder, recipe):
        """Opens the run, or goes on with it.

        Args:
            folder: `pathlib.Path` of the run's folder, which it is found by again.
            recipe: dict of flags.
        """
        self._run = self._wandb.init(project=self.project, id=_key(folder), name=folder.name, resume="allow", config=recipe)

    def add(self, step, values):
        """Adds numbers, a dict of name -> float, of a step."""
        self._run.log(values, step=step)

    def add_image(self, step, name, image):
        """Adds a picture, uint8 [h, w, c]."""
        self._run.log({name: self._wandb.Image(image)}, step=step)

    def end(self):
        """Closes the run."""
        self._run.finish()


@LOGGERS.register("mlflow")
class MlflowLogger:
    """Sends numbers and pictures to MLflow (extra `mlflow`), to the server that MLFLOW_TRACKING_URI names.

    Args:
        experiment: the name of the experiment. Default "keras_gans".

    Raises:
        UserError: the package is missing.
    """

    def __init__(self, experiment="keras_gans"):
        self.experiment, self._mlflow = experiment, _package("mlflow")

    def begin(self, folder, recipe):
        """Opens the run, or goes on with that of the same folder.

        Args:
            folder: `pathlib.Path` of the run's folder, which it is found by again.
            recipe: dict of flags; MLflow keeps them as text.
        """
        experiment = self._mlflow.set_experiment(self.experiment)
        found = self._mlflow.search_runs(
            [experiment.experiment_id], f"tags.folder = '{_key(folder)}'", max_results=1, output_format="list"
        )
        if found:
            self._mlflow.start_run(run_id=found[0].info.run_id)
            return
        self._mlflow.start_run(run_name=folder.name, tags={"folder": _key(folder)})
        self._mlflow.log_params(recipe)

    def add(self, step, values):
        """Adds numbers, a dict of name -> float, of a step."""
        self._mlflow.log_metrics(values, step=step)

    def add_image(self, step, name, image):
        """Adds a picture, uint8 [h, w, c]."""
        self._mlflow.log_image(image, key=name, step=step)

    def end(self):
        """Closes the run."""
        self._mlflow.end_run()
