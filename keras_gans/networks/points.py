"""Networks for points in the plane (`ring8`, `grid25`), where modes can be counted."""

import keras
from keras import layers

from keras_gans.registry import DISCRIMINATORS, GENERATORS


def _mlp(x, width, depth, outputs, name, output_name):
    """`depth` ReLU layers (He initialization) and a linear float32 one."""
    for index in range(depth):
        x = layers.Dense(width, "relu", kernel_initializer="he_uniform", name=f"{name}_{index}")(x)
    return layers.Dense(outputs, dtype="float32", name=output_name)(x)


@GENERATORS.register("points_mlp")
@keras.saving.register_keras_serializable("keras_gans")
class PointsGenerator(keras.Model):
    """A ReLU network from latent to points.

    The defaults are the size of Metz et al. 2017 (Unrolled GAN, appendix A); `width=512,depth=3` with a 2-D latent is
    `gan_toy.py` of Gulrajani et al. 2017.

    Args:
        latent_dim: default 2.
        width: units of each hidden layer. Default 128.
        depth: hidden layers. Default 2.

    Call:
        latent float [batch, latent_dim] -> float32 [batch, 2].
    """

    def __init__(self, latent_dim=2, width=128, depth=2, **kwargs):
        # === Functional Model ===
        latent = keras.Input((latent_dim,), name="latent")
        super().__init__(latent, _mlp(latent, width, depth, 2, "hidden", "points"), **kwargs)

        # === Config ===
        self.latent_dim = latent_dim
        self.width = width
        self.depth = depth

    def get_config(self):
        return {"latent_dim": self.latent_dim, "width": self.width, "depth": self.depth, "name": self.name}


@DISCRIMINATORS.register("points_mlp")
@keras.saving.register_keras_serializable("keras_gans")
class PointsDiscriminator(keras.Model):
    """A ReLU network from points to one logit; sizes as in `PointsGenerator`.

    Args:
        width: units of each hidden layer. Default 128.
        depth: hidden layers. Default 2.

    Call:
        points float [batch, 2] -> float32 logits [batch, 1].
    """

    def __init__(self, width=128, depth=2, **kwargs):
        # === Functional Model ===
        points = keras.Input((2,), name="points")
        super().__init__(points, _mlp(points, width, depth, 1, "hidden", "logits"), **kwargs)

        # === Config ===
        self.width = width
        self.depth = depth

    def get_config(self):
        return {"width": self.width, "depth": self.depth, "name": self.name}


@DISCRIMINATORS.register("points_autoencoder")
@keras.saving.register_keras_serializable("keras_gans")
class PointsAutoencoder(keras.Model):
    """BEGAN's critic for points: an autoencoder whose code is narrower than the plane, so that it can't copy.

    Args:
        code_dim: width of the code. Default 1.
        width: units of each hidden layer. Default 128.
        depth: hidden layers of the encoder and of the decoder. Default 2.

    Call:
        points float [batch, 2] -> float32 reconstruction [batch, 2].
    """

    def __init__(self, code_dim=1, width=128, depth=2, **kwargs):
        # === Functional Model ===
        points = keras.Input((2,), name="points")
        code = _mlp(points, width, depth, code_dim, "encoder", "code")
        super().__init__(points, _mlp(code, width, depth, 2, "decoder", "reconstruction"), **kwargs)

        # === Config ===
        self.code_dim = code_dim
        self.width = width
        self.depth = depth

    def get_config(self):
        return {"code_dim": self.code_dim, "width": self.width, "depth": self.depth, "name": self.name}
