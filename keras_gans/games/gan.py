"""The two-player game (Goodfellow et al. 2014, Algorithm 1), which every other game here builds on."""

import keras
import tensorflow as tf

from keras_gans import flags, randomness
from keras_gans.curves import now
from keras_gans.errors import UserError
from keras_gans.games.game import Game, power_iterate
from keras_gans.losses.reductions import joined
from keras_gans.penalties.constraints import Constraint
from keras_gans.penalties.orthogonal import Regularizer
from keras_gans.registry import AUGMENTS, GAMES, LOSSES, PENALTIES


@GAMES.register("gan")
@keras.saving.register_keras_serializable("keras_gans")
class GAN(Game):
    """Trains a generator against a discriminator.

    One `train_step` is `n_critic` discriminator turns on fresh images and one generator turn.

    Args:
        generator: `keras.Model`, latent [batch, latent_dim] (or [latent, label]) -> images [batch, h, w, c].
        discriminator: `keras.Model`, images (or [images, label]) -> logits [batch, ...].
        loss: an adversarial loss or its name, such as "hinge", see `keras_gans.losses`.
        penalties: penalties and constraints on the discriminator and regularizers of either player's weights, or their
            names, such as "r1:weight=1", see `keras_gans.penalties`.
        augment: callable `(images, seed=) -> images` that every image passes on its way to the discriminator, or its name,
            see `keras_gans.augment`; its `update(real_logits)`, if it has one, is called once per discriminator turn and
            returns what to log. Default: none.
        n_critic: discriminator turns per generator turn. Default 1.
        share_fakes: the generator's turn reuses the fakes of the last discriminator turn, which saves a forward
            pass of the generator; False draws new ones. Default True.
        share_reals: the generator's turn sees the reals (and labels) of the last discriminator turn; False gives it
            images of its own, so that a step takes a batch more; it needs `share_fakes=False`, as the labels are theirs.
            Default True.
        draw_labels: the labels of fakes are drawn, each class as often as another, and not those of the reals; for losses
            and penalties that do not compare fakes with reals one by one. Default False.
        latent: distribution of the latent, see `randomness.latents`. Default `normal`.
        **kwargs: `ema_kimg`, `ema_rampup`, `seed`, see `Game`.

    Attributes:
        ema: the moving average of `generator`, float32, used for samples, scores and export.

    Raises:
        ValueError: a latent that is not known, `share_fakes` without `share_reals`, or `draw_labels` with penalties or a
            relativistic loss.
    """

    def __init__(
        self,
        generator,
        discriminator,
        loss,
        *,
        penalties=(),
        augment=None,
        n_critic=1,
        share_fakes=True,
        share_reals=True,
        draw_labels=False,
        latent="normal",
        **kwargs,
    ):
        if latent not in flags.LATENTS:
            raise ValueError(f"latent must be one of {', '.join(flags.LATENTS)}, not {latent!r}")
        if share_fakes and not share_reals:
            raise ValueError("fakes that are shared have the labels of the shared reals; take share_fakes=false too")
        super().__init__({"generator": generator, "discriminator": discriminator}, **kwargs)
        self.adversarial_loss = LOSSES.resolve(loss, "discriminator", "generator")
        penalties = PENALTIES.resolve_all(penalties, "__call__")
        self.constraints = [part for part in penalties if isinstance(part, Constraint)]
        self.regularizers = [part for part in penalties if isinstance(part, Regularizer)]
        self.penalties = [part for part in penalties if not isinstance(part, (Constraint, Regularizer))]
        if draw_labels and (self.penalties or getattr(self.adversarial_loss, "relativistic", False)):
            raise ValueError("draw_labels: penalties and relativistic losses lay fakes beside reals of the same labels")
        self.augment = AUGMENTS.resolve(augment, "__call__")
        self.n_critic = n_critic
        self.share_fakes = share_fakes
        self.share_reals = share_reals
        self.draw_labels = draw_labels
        self.latent = latent

    # --- the step -------------------------------------------------------------------------------------------------

    def train_step(self, data):
        """Plays one round.

        Args:
            data: images float32 [batches * batch, h, w, c] in [-1, 1], or a pair (images, labels int32
                [batches * batch]). Discriminator turn i takes the rows i, i + batches, ...; `batches` is `n_critic`, and
                one more for the generator's turn without `share_reals`.

        Returns:
            A dict of float32 scalars: losses, gradient norms and mean logits of both players.
        """
        images, labels = data if isinstance(data, (tuple, list)) else (data, None)
        seed = self.step_seed()
        logs = {}
        batches = batches_of(self.n_critic, self.share_reals)
        for turn in range(self.n_critic):
            turn_seed = randomness.fold(seed, turn)
            rows = slice(turn, None, batches)
            turn_labels = None if labels is None else labels[rows]
            fake_labels = self.fake_labels(turn_labels, turn_seed)
            with tf.GradientTape() as tape:
                fake = self.generate(tf.shape(images[rows])[0], fake_labels, turn_seed)
            logs |= self.discriminator_turn(images[rows], fake, turn_labels, turn_seed, fake_labels)
        seed = randomness.fold(seed, "generator turn")
        if not self.share_reals:
            rows = slice(self.n_critic, None, batches)
            turn_labels = None if labels is None else labels[rows]
        if not self.share_fakes:
            fake_labels = self.fake_labels(turn_labels, seed)
            with tf.GradientTape() as tape:
                fake = self.generate(tf.shape(fake)[0], fake_labels, seed)
        logs |= self.generator_turn(images[rows], fake, fake_labels, seed, tape)
        return self.finish_step(logs, images_seen=tf.shape(fake)[0])

    def discriminator_turn(self, real, fake, labels, seed, fake_labels=None):
        """Moves the discriminator once; returns what to log. The fakes' labels are by default those of the reals."""
        fake_labels = labels if fake_labels is None else fake_labels
        for constraint in self.constraints:
            constraint(self.discriminator.trainable_variables)
        power_iterate(self.discriminator)
        fake = tf.stop_gradient(fake)
        logs = {}
        with tf.GradientTape() as tape:
            real_logits, terms = self.discriminate_real(real, labels, randomness.fold(seed, "real"))
            fake_logits = self.discriminate(fake, fake_labels, randomness.fold(seed, "fake"))
            adversarial = self.adversarial_loss.discriminator(real_logits, fake_logits)
            loss = sum(terms.values(), adversarial)
            if self.penalties:
                penalty = self.penalize(real, fake, labels, randomness.fold(seed, "penalty"), real_logits)
                logs["penalty"] = tf.reduce_mean(penalty)
                loss += penalty
            objective = self.objective(loss + self.regularization("discriminator"), self.discriminator_optimizer)
        norm = self.descend(objective, tape, "discriminator")
        if hasattr(self.augment, "update"):
            logs |= self.augment.update(joined(real_logits))
        logs |= {f"{name}_loss": tf.reduce_mean(values) for name, values in terms.items()}
        return logs | {
            "discriminator_loss": tf.reduce_mean(adversarial),
            "discriminator_gradient_norm": norm,
            "real_logits": tf.reduce_mean(joined(real_logits)),
            "fake_logits": tf.reduce_mean(joined(fake_logits)),
        }

    def generator_turn(self, real, fake, labels, seed, tape, weight=1.0, terms=None):
        """Moves the generator once.

        Args:
            real, fake, labels, seed: as in `discriminator_turn`.
            tape: has recorded how `fake` was made.
            weight: of the adversarial loss, a number or a curve.
            terms: dict, name -> further losses float32 [batch], weighted, recorded by `tape`.

        Returns:
            What to log.
        """
        terms = terms or {}
        with tape:
            fake_logits, more = self.discriminate_fake(real, fake, labels, seed)
            terms = terms | more
            real_logits = None
            if self.adversarial_loss.relativistic:
                real_logits = self.discriminate(real, labels, randomness.fold(seed, "real"))
            loss = self.adversarial_loss.generator(real_logits, fake_logits)
            total = now(weight) * loss + sum(terms.values()) + self.regularization("generator")
            objective = self.objective(total, self.generator_optimizer)
        norm = self.descend(objective, tape, "generator")
        logs = {"generator_loss": tf.reduce_mean(loss), "generator_gradient_norm": norm}
        return logs | {f"{name}_loss": tf.reduce_mean(values) for name, values in terms.items()}

    # --- its parts ------------------------------------------------------------------------------------------------

    def draw_latent(self, count, seed):
        """Draws latents.

        Args:
            count: how many, an int or a scalar int32 tensor.
            seed: int32 [2] or a Python int.

        Returns:
            float32 [count, latent_dim], the same for the same seed.
        """
        return randomness.latents(seed, count, self.latent_dim, self.latent)

    def fake_labels(self, labels, seed):
        """Returns the labels of the fakes that stand beside reals with `labels`, int32 [batch] or None."""
        if labels is None or not self.draw_labels:
            return labels
        return randomness.integers(randomness.fold(seed, "labels"), [tf.shape(labels)[0]], self.generator.num_classes)

    @property
    def latent_dim(self):
        """The width of the latent: of the generator's input, or what a subclassed generator has as `latent_dim`.

        Raises:
            UserError: neither.
        """
        if getattr(self.generator, "inputs", None):
            return self.generator.inputs[0].shape[-1]
        if not hasattr(self.generator, "latent_dim"):
            raise UserError(
                f"{type(self.generator).__name__} does not say how wide its latent is; give it the attribute latent_dim"
            )
        return self.generator.latent_dim

    def generate(self, count, labels, seed):
        """Makes `count` training images; batch norm uses and updates the batch's statistics."""
        generator = self.network("generator")
        power_iterate(generator)
        with randomness.scope(randomness.fold(seed, "generator layers")):
            return generator(with_labels(generator, self.draw_latent(count, seed), labels), training=True)

    def discriminate(self, images, labels, seed):
        """Scores images; every image that the discriminator sees in training comes this way."""
        images = self.augmented(images, seed)
        discriminator = self.network("discriminator")
        with randomness.scope(randomness.fold(seed, "layers")):
            return discriminator(with_labels(discriminator, images, labels), training=True)

    def augmented(self, images, seed):
        """Returns images as the discriminator sees them."""
        return images if self.augment is None else self.augment(images, seed=randomness.fold(seed, "augment"))

    def discriminate_real(self, real, labels, seed):
        """Scores the reals of the discriminator's turn; games add what else it should learn of them.

        Returns:
            The logits, and further losses of the discriminator: a dict, name -> float32 [batch], weighted.
        """
        return self.discriminate(real, labels, seed), {}

    def discriminate_fake(self, real, fake, labels, seed):
        """Scores the fakes of the generator's turn; games add what else it should learn of the discriminator.

        Returns:
            The logits, and further losses of the generator: a dict, name -> float32 [batch], weighted.
        """
        return self.discriminate(fake, labels, randomness.fold(seed, "fake")), {}

    def regularization(self, player):
        """Returns the weighted sum of what regularizes the weights of `player`, a scalar."""
        networks = self.networks_of(player)
        return sum(now(part.weight) * part(networks) for part in self.regularizers if part.player == player)

    def lazy_interval(self, player):
        return max([penalty.interval for penalty in self.penalties if player == "discriminator"], default=1)

    def penalize(self, real, fake, labels, seed, real_logits):
        """Returns the weighted sum of all penalties, float32 [batch]; lazy ones count `interval` times when due.

        Those that do not differentiate the critic take the turn's own `real_logits`.
        """

        def critic(images):
            return joined(self.discriminate(images, labels, randomness.fold(seed, "critic")))

        total = tf.zeros([tf.shape(real)[0]])
        for index, penalty in enumerate(self.penalties):

            def due(penalty=penalty, seed=randomness.fold(seed, index)):
                asked = critic if penalty.differentiates else lambda images: joined(real_logits)
                return now(penalty.weight) * penalty.interval * penalty(asked, real, fake, seed=seed)

            if penalty.interval == 1:
                total += due()
            else:
                total += tf.cond(self.step % penalty.interval == 0, due, lambda: tf.zeros_like(total))
        return total


def batches_of(n_critic, share_reals):
    """Returns how many batches of images a step takes."""
    return n_critic + (not share_reals)


def with_labels(network, inputs, labels):
    """Returns what to call `network` with: `inputs`, and `labels` behind it if the network takes labels.

    A subclassed network that does has the attribute `takes_labels`, True.
    """
    takes = len(network.inputs) > 1 if getattr(network, "inputs", None) else getattr(network, "takes_labels", False)
    return [inputs, labels] if takes else inputs
