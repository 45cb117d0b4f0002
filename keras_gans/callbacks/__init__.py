"""What happens beside the steps: logs, samples, scores, checkpoints."""

from keras_gans.callbacks.checkpoints import Checkpoints, StopSignals
from keras_gans.callbacks.divergence import DivergenceError, check
from keras_gans.callbacks.logs import Logs, Record
from keras_gans.callbacks.samples import Samples, Translations
from keras_gans.callbacks.scores import Scores

__all__ = ["Checkpoints", "DivergenceError", "Logs", "Record", "Samples", "Scores", "StopSignals", "Translations", "check"]
