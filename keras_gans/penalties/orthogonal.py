"""Regularizers: penalties on the weights of a player, whatever its networks answer."""

import keras
import tensorflow as tf

from keras_gans import curves
from keras_gans.registry import PENALTIES


class Regularizer:
    """A term that the game adds to a player's loss once a turn.

    `regularizer(networks)` returns a float32 scalar without the weight.

    Args:
        weight: factor of the term in the loss, a number or a curve.
        player: `generator` or `discriminator`.

    Raises:
        ValueError: a negative weight, another player.
    """

    follows = ("weight",)

    def __init__(self, weight, player):
        self.weight = weight if isinstance(weight, curves.Curve) else float(weight)
        self.player = player
        if curves.bounds(self.weight)[0] < 0:
            raise ValueError(f"weight should be 0 or more, not {weight}")
        if player not in ("generator", "discriminator"):
            raise ValueError(f"player should be generator or discriminator, not {player}")

    def __call__(self, networks):
        raise NotImplementedError

    def get_config(self):
        return {"weight": self.weight, "player": self.player}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@PENALTIES.register("orthogonal")
@keras.saving.register_keras_serializable("keras_gans")
class Orthogonal(Regularizer):
    """||W'W * (1 - I)||^2 / 2 of all kernels W [everything else, outputs]: their outputs should be orthogonal.

    Brock et al. 2019, section 3.1, equation 3, which lets the lengths be free. The half is that of the gradient in the
    authors' code (`ajbrock/BigGAN-PyTorch`, `utils.py`, `ortho`), so that the weight is its `G_ortho` or `D_ortho`. Of
    spectrally normalised layers it is the free kernel, as there. Embeddings are left out, as that code does with the
    generator's shared one and says that one should with all.

    Args:
        weight: 1e-4 by default, the paper's.
        player: whose kernels. Default generator.
    """

    def __init__(self, weight=1e-4, player="generator"):
        super().__init__(weight, player)

    def __call__(self, networks):
        return tf.add_n([self.of(kernel) for network in networks for kernel in kernels(network)] or [tf.zeros([])])

    @staticmethod
    def of(kernel):
        """Returns the term of one kernel [..., outputs], a float32 scalar."""
        matrix = tf.reshape(tf.cast(tf.convert_to_tensor(kernel), tf.float32), [-1, kernel.shape[-1]])
        rows, columns = matrix.shape
        # W'W and WW' have one norm: the smaller is taken.
        gram = tf.matmul(matrix, matrix, transpose_a=columns <= rows, transpose_b=columns > rows)
        lengths = tf.reduce_sum(tf.square(matrix), axis=0)
        return (tf.reduce_sum(tf.square(gram)) - tf.reduce_sum(tf.square(lengths))) / 2


def kernels(network):
    """Returns the trainable weights of two axes or more of a network, without its embeddings."""
    layers = network._flatten_layers(include_self=False)
    tables = {id(layer.embeddings) for layer in layers if isinstance(layer, keras.layers.Embedding)}
    return [weight for weight in network.trainable_weights if len(weight.shape) > 1 and id(weight) not in tables]
