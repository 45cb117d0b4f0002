"""What happens beside the steps: logs, samples, scores, checkpoints."""

from keras_gans import lazy

__getattr__, __dir__ = lazy.room(__name__, __path__, check="divergence")
