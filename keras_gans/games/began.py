"""BEGAN (Berthelot, Schumm, Metz 2017): the discriminator is an autoencoder, and k keeps the two players in balance."""

import keras
import tensorflow as tf

from keras_gans.errors import UserError
from keras_gans.games.gan import GAN
from keras_gans.losses.adversarial import AdversarialLoss
from keras_gans.registry import GAMES

_STALLED = 0.99  # a window counts as progress if its mean M is below this times the last one's


class BoundaryEquilibrium(AdversarialLoss):
    """L(x) - k L(G(z)) against L(G(z)), on reconstruction errors L in place of logits (section 3.4).

    Args:
        k: scalar variable.
    """

    def __init__(self, k):
        self.k = k

    def discriminator_values(self, real, fake):
        return real - self.k * fake

    def generator_values(self, real, fake):
        return fake


def reconstruction_error(autoencoder):
    """Returns the network that answers with the mean absolute error of `autoencoder`'s image, float32 [batch, 1].

    It shares the layers and weights of `autoencoder`.

    Raises:
        ValueError: a network that does not answer with an image like its input.
    """
    image = autoencoder.inputs[0]
    if not hasattr(autoencoder.output, "shape") or tuple(autoencoder.output.shape) != tuple(image.shape):
        raise ValueError(
            "the discriminator must be an autoencoder, such as began or points_autoencoder, "
            f"not {type(autoencoder).__name__}"
        )
    error = keras.ops.abs(autoencoder.output - image)
    error = keras.ops.mean(error, axis=tuple(range(1, len(image.shape))))
    return keras.Model(autoencoder.input, keras.ops.expand_dims(error, 1), name=autoencoder.name)


@GAMES.register("began")
@keras.saving.register_keras_serializable("keras_gans")
class BEGAN(GAN):
    """Plays for reconstruction errors L(v) = mean |v - D(v)| (L1, as carpedm20/BEGAN-tensorflow).

    After both players' turns, k <- clip(k + lambda_k (gamma L(x) - L(G(z))), 0, 1), from 0, where L(G(z)) is the error
    in the generator's turn. The convergence measure M = L(x) + |gamma L(x) - L(G(z))| is logged as `convergence`. When
    its mean over `patience_kimg` is not below 0.99 times the mean over the `patience_kimg` before, both learning rates
    are halved ("decaying by a factor of 2 when the measure of convergence stalls", section 4.1; that code's fixed
    halving every 100,000 steps of 16 images has the same window). All of this is state that a checkpoint keeps.

    Args:
        generator, discriminator: as in `GAN`; the discriminator is an autoencoder, images -> images.
        loss: not used: the game's own takes its place. Default none.
        gamma: the diversity ratio, 0 to 1. Default 0.5.
        lambda_k: the gain of k. Default 0.001.
        patience_kimg: thousands of images over which M is averaged before the learning rate is judged. Default 1600.
        min_learning_rate: where halving ends. Default 2e-5.
        latent: default `uniform`.
        **kwargs: see `GAN`.

    Attributes:
        k: float32 scalar variable.

    Raises:
        ValueError: gamma outside 0 to 1, a discriminator that is no autoencoder, or an augmentation that goes by the
            sign of logits.
    """

    def __init__(
        self,
        generator,
        discriminator,
        loss=None,
        *,
        gamma=0.5,
        lambda_k=0.001,
        patience_kimg=1600.0,
        min_learning_rate=2e-5,
        latent="uniform",
        **kwargs,
    ):
        if not 0 <= gamma <= 1:
            raise ValueError(f"gamma must be from 0 to 1, not {gamma}")
        super().__init__(generator, reconstruction_error(discriminator), None, latent=latent, **kwargs)
        if hasattr(self.augment, "update"):
            raise ValueError("adaptive augmentation goes by the sign of logits, which an autoencoder does not have")
        self.gamma = gamma
        self.lambda_k = lambda_k
        self.patience_kimg = patience_kimg
        self.min_learning_rate = min_learning_rate
        self.k = self._state("k", 0.0)
        self.window_mean = self._state("window_mean", 0.0)  # of M, over the images of this window so far
        self.window_images = self._state("window_images", 0.0)
        self.last_mean = self._state("last_mean", float("inf"))
        self.adversarial_loss = BoundaryEquilibrium(self.k)

    def _state(self, name, value):
        return self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(value),
            trainable=False,
            aggregation="only_first_replica",
            name=name,
        )

    def check_optimizer(self, player, optimizer):
        """Raises UserError for an optimizer with a schedule of its own."""
        if not isinstance(optimizer.learning_rate, keras.Variable):
            raise UserError("--game=began halves the learning rate itself when it stalls; take --schedule=constant")

    def finish_step(self, logs, images_seen):
        """Ends the step as `GAN` does, then moves k and judges the learning rate by the means over all replicas."""
        logs = super().finish_step(logs, images_seen)
        real, fake = logs.pop("real_logits"), logs.pop("fake_logits")
        balance = self.gamma * real - logs["generator_loss"]
        convergence = real + tf.abs(balance)
        self.k.assign(tf.clip_by_value(self.k + self.lambda_k * balance, 0.0, 1.0))
        self._judge(convergence, images_seen * tf.distribute.get_replica_context().num_replicas_in_sync)
        return logs | {
            "real_error": real,
            "fake_error": fake,
            "k": tf.identity(self.k),
            "convergence": convergence,
            "learning_rate": tf.identity(self.generator_optimizer.learning_rate),
        }

    def _judge(self, convergence, images):
        """Takes M of a step of `images` images into the window; at its end, halves the learning rates if it stalled."""
        images = tf.cast(images, tf.float32)
        seen = self.window_images + images
        mean = self.window_mean + (convergence - self.window_mean) * images / seen
        ended = seen >= 1000 * self.patience_kimg
        halve = ended & (mean > _STALLED * self.last_mean)
        for optimizer in (self.generator_optimizer, self.discriminator_optimizer):
            rate = tf.convert_to_tensor(optimizer.learning_rate)
            lower = tf.minimum(rate, tf.maximum(rate / 2, self.min_learning_rate))
            optimizer.learning_rate = tf.where(halve, lower, rate)
        self.last_mean.assign(tf.where(ended, mean, self.last_mean))
        self.window_mean.assign(tf.where(ended, 0.0, mean))
        self.window_images.assign(tf.where(ended, 0.0, seen))
