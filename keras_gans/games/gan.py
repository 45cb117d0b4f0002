"""The two-player game (Goodfellow et al. 2014, Algorithm 1), which every other game here builds on."""

import keras
import tensorflow as tf

from keras_gans import randomness
from keras_gans.penalties.constraints import Constraint
from keras_gans.registry import GAMES


@GAMES.register("gan")
class GAN(keras.Model):
    """Trains a generator against a discriminator.

    One `train_step` is `n_critic` discriminator turns on fresh images and one generator turn. All noise is
    stateless, keyed by the seed and the step: a run continues bit for bit from its weights, and does not depend on
    the number of replicas.

    Args:
        generator: `keras.Model`, latent [batch, latent_dim] (or [latent, label]) -> images [batch, h, w, c].
        discriminator: `keras.Model`, images (or [images, label]) -> logits [batch, ...].
        loss: an adversarial loss, see `keras_gans.losses`.
        penalties: penalties and constraints on the discriminator, see `keras_gans.penalties`.
        augment: callable `(images, seed=) -> images` that every image passes on its way to the discriminator, see
            `keras_gans.augment`; its `update(real_logits)`, if it has one, is called once per discriminator turn and
            returns what to log. Default: none.
        n_critic: discriminator turns per generator turn. Default 1.
        share_fakes: the generator's turn reuses the fakes of the last discriminator turn, which saves a forward
            pass of the generator; False draws new ones. Default True.
        latent: distribution of the latent, `normal` (N(0, 1)) or `uniform` (U(-1, 1)).
        ema_kimg: half-life of the generator's moving average in thousands of images. Default 10.
        ema_rampup: the half-life is at most this fraction of the images seen so far. Default 0.05.
        seed: of all noise, an integer. Default 0.

    Attributes:
        ema: the moving average of `generator`, float32, used for samples, scores and export.
        infer: compiled `ema`: latent [batch, latent_dim] (or [latent, label]) -> images [batch, h, w, c] in [-1, 1].
        step: int64 variable, generator steps so far.
        first_bad_step: int64 [2] variable: the step at which the discriminator's and the generator's loss or
            gradient was first not finite; -1 while they are.
    """

    def __init__(self, generator, discriminator, loss, *, penalties=(), augment=None, n_critic=1, share_fakes=True,
                 latent="normal", ema_kimg=10.0, ema_rampup=0.05, seed=0, **kwargs):
        super().__init__(**kwargs)
        if latent not in ("normal", "uniform"):
            raise ValueError(f"latent must be normal or uniform, not {latent!r}")
        self.generator = generator
        self.discriminator = discriminator
        self.adversarial_loss = loss
        self.penalties = [part for part in penalties if not isinstance(part, Constraint)]
        self.constraints = [part for part in penalties if isinstance(part, Constraint)]
        self.augment = augment
        self.n_critic = n_critic
        self.share_fakes = share_fakes
        self.latent = latent
        self.ema_kimg = ema_kimg
        self.ema_rampup = ema_rampup
        self.seed = seed
        self.ema = self._moving_average(generator)
        self.step = self.add_weight(shape=(), dtype="int64", initializer="zeros", trainable=False,
                                    aggregation="only_first_replica", name="step")
        self.first_bad_step = self.add_weight(shape=(2,), dtype="int64", initializer=keras.initializers.Constant(-1),
                                              trainable=False, aggregation="only_first_replica", name="first_bad_step")
        self.infer = tf.function(lambda inputs: self.ema(inputs, training=False), reduce_retracing=True)
        self.built = True

    @staticmethod
    def _moving_average(model):
        """Returns a float32 copy of `model` whose weights only the moving average moves."""
        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy("float32")
        try:
            copy = type(model).from_config(model.get_config() | {"name": "ema"})
        finally:
            keras.config.set_dtype_policy(policy)
        copy.set_weights(model.get_weights())
        copy.trainable = False
        return copy

    def compile(self, generator_optimizer, discriminator_optimizer, **kwargs):
        """Sets the two optimizers (and builds them, so that they are saved and restored with the model).

        Args:
            generator_optimizer, discriminator_optimizer: `keras.optimizers.Optimizer`; for float16, each inside a
                `keras.optimizers.LossScaleOptimizer`.
            **kwargs: `jit_compile`, `steps_per_execution`, `run_eagerly` of `keras.Model.compile`.
        """
        super().compile(optimizer=None, **kwargs)
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer
        with self.distribute_strategy.scope():
            generator_optimizer.build(self.generator.trainable_variables)
            discriminator_optimizer.build(self.discriminator.trainable_variables)

    # --- the step -------------------------------------------------------------------------------------------------

    def train_step(self, data):
        """Plays one round.

        Args:
            data: images float32 [n_critic * batch, h, w, c] in [-1, 1], or a pair (images, labels int32
                [n_critic * batch]). Discriminator turn i takes the rows i, i + n_critic, ...

        Returns:
            A dict of float32 scalars: losses, gradient norms and mean logits of both players.
        """
        images, labels = data if isinstance(data, (tuple, list)) else (data, None)
        seed = randomness.fold(self.seed, self.step.value)
        logs = {}
        for turn in range(self.n_critic):
            turn_seed = randomness.fold(seed, turn)
            rows = slice(turn, None, self.n_critic)
            turn_labels = None if labels is None else labels[rows]
            with tf.GradientTape() as tape:
                fake = self.generate(tf.shape(images[rows])[0], turn_labels, turn_seed)
            logs |= self.discriminator_turn(images[rows], fake, turn_labels, turn_seed)
        seed = randomness.fold(seed, "generator turn")
        if not self.share_fakes:
            with tf.GradientTape() as tape:
                fake = self.generate(tf.shape(fake)[0], turn_labels, seed)
        logs |= self.generator_turn(images[rows], fake, turn_labels, seed, tape)
        return self.finish_step(logs, images_seen=tf.shape(fake)[0])

    def discriminator_turn(self, real, fake, labels, seed):
        """Moves the discriminator once; returns what to log."""
        for constraint in self.constraints:
            constraint(self.discriminator.trainable_variables)
        power_iterate(self.discriminator)
        fake = tf.stop_gradient(fake)
        logs = {}
        with tf.GradientTape() as tape:
            real_logits = self.discriminate(real, labels, randomness.fold(seed, "real"))
            fake_logits = self.discriminate(fake, labels, randomness.fold(seed, "fake"))
            adversarial = loss = self.adversarial_loss.discriminator(real_logits, fake_logits)
            if self.penalties:
                penalty = self.penalize(real, fake, labels, randomness.fold(seed, "penalty"))
                logs["penalty"] = tf.reduce_mean(penalty)
                loss = adversarial + penalty
            objective = self.objective(loss, self.discriminator_optimizer)
        norm = self.descend(objective, tape, self.discriminator, self.discriminator_optimizer)
        if hasattr(self.augment, "update"):
            logs |= self.augment.update(real_logits)
        return logs | {
            "discriminator_loss": tf.reduce_mean(adversarial),
            "discriminator_gradient_norm": norm,
            "real_logits": tf.reduce_mean(real_logits),
            "fake_logits": tf.reduce_mean(fake_logits),
        }

    def generator_turn(self, real, fake, labels, seed, tape):
        """Moves the generator once; `tape` has recorded how `fake` was made. Returns what to log."""
        with tape:
            fake_logits = self.discriminate(fake, labels, randomness.fold(seed, "fake"))
            real_logits = None
            if self.adversarial_loss.relativistic:
                real_logits = self.discriminate(real, labels, randomness.fold(seed, "real"))
            loss = self.adversarial_loss.generator(real_logits, fake_logits)
            objective = self.objective(loss, self.generator_optimizer)
        norm = self.descend(objective, tape, self.generator, self.generator_optimizer)
        return {"generator_loss": tf.reduce_mean(loss), "generator_gradient_norm": norm}

    # --- its parts ------------------------------------------------------------------------------------------------

    def draw_latent(self, count, seed):
        """Draws latents.

        Args:
            count: how many, an int or a scalar int32 tensor.
            seed: int32 [2] or a Python int.

        Returns:
            float32 [count, latent_dim], the same for the same seed.
        """
        seed = randomness.fold(seed, "latent")
        shape = [count, self.latent_dim]
        return randomness.normal(seed, shape) if self.latent == "normal" else 2 * randomness.uniform(seed, shape) - 1

    @property
    def latent_dim(self):
        """The width of the latent."""
        return self.generator.inputs[0].shape[-1]

    def generate(self, count, labels, seed):
        """Makes `count` training images; batch norm uses and updates the batch's statistics."""
        power_iterate(self.generator)
        with randomness.scope(randomness.fold(seed, "generator layers")):
            return self.generator(with_labels(self.generator, self.draw_latent(count, seed), labels), training=True)

    def discriminate(self, images, labels, seed):
        """Scores images; every image that the discriminator sees in training comes this way."""
        if self.augment is not None:
            images = self.augment(images, seed=randomness.fold(seed, "augment"))
        with randomness.scope(randomness.fold(seed, "layers")):
            return self.discriminator(with_labels(self.discriminator, images, labels), training=True)

    def penalize(self, real, fake, labels, seed):
        """Returns the weighted sum of all penalties, float32 [batch]; lazy ones count `interval` times when due."""

        def critic(images):
            return self.discriminate(images, labels, randomness.fold(seed, "critic"))

        total = tf.zeros([tf.shape(real)[0]])
        for index, penalty in enumerate(self.penalties):

            def due(penalty=penalty, seed=randomness.fold(seed, index)):
                return penalty.weight * penalty.interval * penalty(critic, real, fake, seed=seed)

            if penalty.interval == 1:
                total += due()
            else:
                total += tf.cond(self.step % penalty.interval == 0, due, lambda: tf.zeros_like(total))
        return total

    def objective(self, loss, optimizer):
        """Turns losses [batch] into the scalar to differentiate: this replica's part of the mean, scaled for float16."""
        return optimizer.scale_loss(tf.reduce_mean(loss) / self.distribute_strategy.num_replicas_in_sync)

    def descend(self, objective, tape, player, optimizer):
        """Moves `player` down the gradient of `objective`.

        Returns:
            The gradient's norm, unscaled; with several replicas, the norm of this replica's own gradient.
        """
        variables = player.trainable_variables
        gradients = tape.gradient(objective, variables)
        scale = optimizer.scale_loss(1.0) / self.distribute_strategy.num_replicas_in_sync
        norm = tf.linalg.global_norm(gradients) / scale
        optimizer.apply(gradients, variables)
        return norm

    def finish_step(self, logs, images_seen):
        """Moves the average, notes the first trouble, counts the step; returns the logs, the same on all replicas."""
        context = tf.distribute.get_replica_context()
        replicas = context.num_replicas_in_sync
        if replicas > 1:
            values = context.all_reduce(tf.distribute.ReduceOp.MEAN, tf.stack(list(logs.values())))
            logs = dict(zip(logs, tf.unstack(values)))
        bad = tf.stack([self.is_bad(logs, "discriminator"), self.is_bad(logs, "generator")])
        first = self.first_bad_step.value
        self.first_bad_step.assign(tf.where((first < 0) & bad, self.step.value, first))
        self.step.assign_add(1)
        batch = tf.cast(images_seen * replicas, tf.float32)
        half_life = tf.minimum(self.ema_kimg * 1000.0, tf.cast(self.step.value, tf.float32) * batch * self.ema_rampup)
        keep = 0.5 ** (batch / tf.maximum(half_life, 1e-8))
        for average, weight in zip(self.ema.weights, self.generator.weights):
            if weight.trainable:
                average.assign_sub((average - weight) * (1.0 - keep))
            else:  # statistics and the vectors of spectral norms: an average of unit vectors is not one
                average.assign(weight)
        return logs

    def is_bad(self, logs, player):
        """Whether the loss or the gradient of `player` is not finite. (float16 gradients overflow by design.)"""
        watched = [logs[f"{player}_loss"]]
        if not isinstance(getattr(self, f"{player}_optimizer"), keras.optimizers.LossScaleOptimizer):
            watched.append(logs[f"{player}_gradient_norm"])
        return ~tf.reduce_all(tf.math.is_finite(watched))

    def make_train_function(self, force=False):
        """As in Keras, but the logs are already the same on all replicas, so none are gathered.

        (`fit` with MultiWorkerMirroredStrategy fails on gathered scalars.)
        """
        if self.train_function is not None and not force:
            return
        strategy = self.distribute_strategy
        step = self.train_step
        if not self.run_eagerly:
            step = tf.function(step, jit_compile=self.jit_compile, reduce_retracing=True, autograph=False)

        @tf.autograph.experimental.do_not_convert
        def one_step(iterator):
            logs = strategy.run(step, args=(next(iterator),))
            return {name: strategy.experimental_local_results(value)[0] for name, value in logs.items()}

        def several_steps(iterator):
            for _ in tf.range(self.steps_per_execution - 1):
                one_step(iterator)
            return one_step(iterator)

        compiled = several_steps if self.run_eagerly else tf.function(several_steps)

        def train_function(iterator):
            try:
                return compiled(iterator)
            except tf.errors.OutOfRangeError as error:
                raise StopIteration from error

        self.train_function = train_function


def power_iterate(network):
    """Moves the estimate of every spectrally normalised layer's sigma one step; once per turn of its player."""
    for layer in network._flatten_layers():
        if hasattr(layer, "power_iteration"):
            layer.power_iteration()


def with_labels(network, inputs, labels):
    """Returns what to call `network` with: `inputs`, and `labels` behind it if the network takes labels."""
    return [inputs, labels] if len(network.inputs) > 1 else inputs


