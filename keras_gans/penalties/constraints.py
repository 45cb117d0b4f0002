"""Constraints: what is done to the discriminator's weights around an update."""

import keras
import tensorflow as tf

from keras_gans.registry import PENALTIES


class Constraint:
    """Changes variables in place: `constraint(variables)`, called by the game before each discriminator update."""

    def __call__(self, variables):
        raise NotImplementedError


@PENALTIES.register("weight_clipping")
@keras.saving.register_keras_serializable("keras_gans")
class WeightClipping(Constraint):
    """Clips every trainable weight to [-limit, limit].

    Arjovsky et al. 2017, algorithm 1, whose authors' code clips before each critic update. Statistics of batch norm
    are not trainable and stay as they are; its gamma and beta are clipped as in that code.

    Args:
        limit: 0.01 by default.

    Raises:
        ValueError: a limit that is not positive.
    """

    def __init__(self, limit=0.01):
        self.limit = float(limit)
        if self.limit <= 0:
            raise ValueError(f"limit should be positive, not {limit}")

    def __call__(self, variables):
        for variable in variables:
            if variable.trainable:
                variable.assign(tf.clip_by_value(tf.convert_to_tensor(variable), -self.limit, self.limit))

    def get_config(self):
        return {"limit": self.limit}

    @classmethod
    def from_config(cls, config):
        return cls(**config)
