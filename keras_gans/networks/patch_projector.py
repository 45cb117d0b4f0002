"""The projector of CUT (Park et al. 2020): from features to the space in which patches are compared."""

import keras
from keras import layers

from keras_gans.networks.translator import initializer


@keras.saving.register_keras_serializable("keras_gans")
class PatchProjector(keras.Model):
    """A perceptron with one hidden layer for each layer of features, applied to single places.

    `PatchSampleF` of `taesungp/contrastive-unpaired-translation`, `models/networks.py`; its last step, the division by
    the length, is in `keras_gans.losses.patch_nce`.

    Args:
        channels: of each layer's features, integers.
        width: of both layers of each perceptron. Default 256.
        init: of the kernels, see `keras_gans.networks.translator.initializer`. Default "xavier".

    Call:
        a list of features float [batch, places, channels] -> a list of float [batch, places, width].
    """

    def __init__(self, channels, width=256, init="xavier", **kwargs):
        # === Functional Model ===
        features = [keras.Input((None, count), name=f"features_{index}") for index, count in enumerate(channels)]
        projected = []
        for index, x in enumerate(features):
            x = layers.Dense(width, "relu", kernel_initializer=initializer(init), name=f"hidden_{index}")(x)
            projected.append(layers.Dense(width, kernel_initializer=initializer(init), name=f"projected_{index}")(x))
        super().__init__(features, projected, **kwargs)

        # === Config ===
        self.channels = list(channels)
        self.width = width
        self.init = init

    def get_config(self):
        return {"channels": self.channels, "width": self.width, "init": self.init, "name": self.name}
