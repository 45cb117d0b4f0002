"""AC-GAN (Odena, Olah, Shlens 2017): the discriminator names the class too, and both players want that to be right."""

import contextlib
import threading

import keras
import tensorflow as tf

from keras_gans.curves import now
from keras_gans.games.gan import GAN
from keras_gans.registry import GAMES


@GAMES.register("acgan")
@keras.saving.register_keras_serializable("keras_gans")
class ACGAN(GAN):
    """Adds -log P(class | image), of real and generated images, to the losses of both players (section 3).

    The discriminator minimises its adversarial loss plus the class losses of real and generated images; the generator
    its own plus the class loss of its images. (In its turn the real images' term is there only if the loss is
    relativistic, and does not depend on it.)

    Args:
        generator: `keras.Model`, [latent, label] -> images.
        discriminator: `keras.Model`, images -> {"logits": [batch, ...], "class_logits": [batch, num_classes]}.
        loss: an adversarial loss on the logits; the paper's is `non_saturating`.
        class_weight: factor of the class losses, a number or a curve. Default 1.
        **kwargs: see `GAN`.

    Raises:
        ValueError: a discriminator without a class head.
    """

    follows = ("class_weight",)

    def __init__(self, generator, discriminator, loss, *, class_weight=1.0, **kwargs):
        if not isinstance(discriminator.output, dict) or set(discriminator.output) != {"logits", "class_logits"}:
            raise ValueError(
                "the discriminator must answer with logits and class_logits, such as acgan, "
                f"not {type(discriminator).__name__}"
            )
        super().__init__(generator, discriminator, loss, **kwargs)
        self.class_weight = class_weight
        self._turn = threading.local()  # replicas are traced in threads of their own

    def discriminator_turn(self, real, fake, labels, seed, fake_labels=None):
        with self._class_losses() as losses:
            logs = super().discriminator_turn(real, fake, labels, seed, fake_labels)
        of_real, of_fake = losses
        return logs | {"real_class_loss": tf.reduce_mean(of_real), "fake_class_loss": tf.reduce_mean(of_fake)}

    def generator_turn(self, real, fake, labels, seed, tape):
        with self._class_losses():
            return super().generator_turn(real, fake, labels, seed, tape)

    @contextlib.contextmanager
    def _class_losses(self):
        """Yields the list of the class losses [batch] of all images that are discriminated inside, in their order."""
        outer = getattr(self._turn, "class_losses", None)
        self._turn.class_losses = []
        try:
            yield self._turn.class_losses
        finally:
            self._turn.class_losses = outer

    def discriminate(self, images, labels, seed):
        """Returns the logits alone, and notes the class loss for the turn."""
        answer = super().discriminate(images, labels, seed)
        self._turn.class_losses.append(
            keras.losses.sparse_categorical_crossentropy(
                labels, tf.cast(answer["class_logits"], tf.float32), from_logits=True
            )
        )
        return answer["logits"]

    def penalize(self, *args):
        with self._class_losses():  # of images that have no class: not the turn's
            return super().penalize(*args)

    def objective(self, loss, optimizer):
        return super().objective(loss + now(self.class_weight) * sum(self._turn.class_losses), optimizer)
