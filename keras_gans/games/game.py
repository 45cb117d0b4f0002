"""What every game shares: players that descend, moving averages, and a step that resumes exactly."""

import keras
import tensorflow as tf

from keras_gans import microbatches, randomness
from keras_gans.curves import Curve, now
from keras_gans.errors import UserError
from keras_gans.games.keras_game import KerasGame, require_weights
from keras_gans.games.shadow import Shadow


class Game(KerasGame):
    """Players with their networks and optimizers, whatever they play; subclasses own `train_step`.

    All noise is stateless, keyed by the seed and the step: a run continues bit for bit from its weights, and does not
    depend on the number of replicas.

    Args:
        networks: dict, name -> `keras.Model`; each becomes the attribute of its name. Together they must be those that
            `players` names.
        ema_kimg: half-life of the moving averages in thousands of images, a number or a curve; 0 copies the weights.
            Default 10.
        ema_rampup: the half-life is at most this fraction of the images seen so far, but where it follows a curve.
            Default 0.05.
        seed: of all noise, an integer. Default 0.

    Attributes:
        kind: of the class, the data that it learns from: "images", "paired" or "unpaired".
        players: dict of the class, player ("discriminator", "generator") -> the names of its networks, in the order of
            their turns.
        averages: dict of the class, name -> name of the network that it is the moving average of: float32, used for
            samples, scores and export.
        deployed: dict of the class, direction ("ab" and "ba" where images become others, else "") -> name of the network
            that does the work when the run is over. All tools after training take these and nothing else.
        least: of the class, the fewest pictures of each side that it can learn from.
        pace_changes: the steps from which on a step costs something else; () where all steps are alike.
        takes: of the class, what those networks take: "latents" (and labels), "images" or "images and a style".
        step: int64 variable, generator steps so far.
        first_bad_step: int64 [players] variable: the step at which each player's loss or gradient was first not finite;
            -1 while they are.
        clock: `keras_gans.curves.Clock` of the curves that its numbers follow, see `follow`; None without any.
    """

    clock = None
    kind = "images"
    least = 1
    pace_changes = ()
    players = {"discriminator": ("discriminator",), "generator": ("generator",)}
    averages = {"ema": "generator"}
    deployed = {"": "ema"}
    takes = "latents"

    def __init__(self, networks, *, ema_kimg=10.0, ema_rampup=0.05, seed=0, **kwargs):
        super().__init__(**kwargs)
        for name, network in networks.items():
            setattr(self, name, network)
        for average, name in self.averages.items():
            setattr(self, average, moving_average(networks[name], average))
        self.ema_kimg = ema_kimg
        self.ema_rampup = ema_rampup
        self.seed = seed
        self.step = self.add_weight(
            shape=(), dtype="int64", initializer="zeros", trainable=False, aggregation="only_first_replica", name="step"
        )
        self.first_bad_step = self.add_weight(
            shape=(len(self.players),),
            dtype="int64",
            initializer=keras.initializers.Constant(-1),
            trainable=False,
            aggregation="only_first_replica",
            name="first_bad_step",
        )
        self.built = True

    @classmethod
    def makers(cls, make):
        """Returns how each network that the flags name is built, so that some can be built without the others.

        Args:
            make: `keras_gans.trained.recipes.Maker`, which builds what the flags name.

        Returns:
            A dict, name of the network -> function without arguments that returns a new `keras.Model`.
        """
        return {"generator": make.generator, "discriminator": make.discriminator}

    @classmethod
    def parts(cls, make):
        """Returns the arguments of this game's constructor that are made of flags and data; by default the networks.

        Args:
            make: see `makers`.
        """
        return {name: build() for name, build in cls.makers(make).items()}

    def follow(self, clock):
        """Lets the curves of `clock` go by the steps of this game, and logs them."""
        clock.start(self.step)
        self.clock = clock

    def network(self, name):
        """Returns the network called `name` as it plays now, a `keras.Model`."""
        return getattr(self, name)

    def networks_of(self, player):
        """Returns the networks of a player as they play now, a list of `keras.Model`."""
        return [self.network(name) for name in self.players[player]]

    def lazy_interval(self, player):
        """Returns the longest interval of what regularizes `player` lazily; 1 if nothing does."""
        return 1

    def network_names(self):
        """Returns the names of all players' networks."""
        return [name for names in self.players.values() for name in names]

    def called_models(self):
        """Returns what the step calls: the players' networks, and models that were made of their layers."""
        return [getattr(self, name) for name in self.network_names()]

    def variables_of(self, player):
        """Returns the trainable variables of a player."""
        return [variable for network in self.networks_of(player) for variable in network.trainable_variables]

    def optimizer_of(self, player):
        """Returns the optimizer of a player."""
        return getattr(self, f"{player}_optimizer")

    def objective(self, loss, optimizer):
        """Turns losses [batch] into the scalar to differentiate: this replica's part of the mean, scaled for float16."""
        return optimizer.scale_loss(tf.reduce_mean(loss) / self.distribute_strategy.num_replicas_in_sync)

    def descend(self, objective, tape, player):
        """Moves the networks of `player` down the gradient of `objective`.

        Returns:
            The gradient's norm, unscaled; with several replicas, the norm of this replica's own gradient.
        """
        variables, optimizer = self.variables_of(player), self.optimizer_of(player)
        with microbatches.differentiated_by(variables):
            gradients = tape.gradient(objective, variables)
        scale = optimizer.scale_loss(1.0) / self.distribute_strategy.num_replicas_in_sync
        norm = tf.linalg.global_norm(gradients) / scale
        optimizer.apply(gradients, variables)
        return norm

    def finish_step(self, logs, images_seen):
        """Moves the averages, notes the first trouble, counts the step; returns the logs, the same on all replicas."""
        context = tf.distribute.get_replica_context()
        replicas = context.num_replicas_in_sync
        if replicas > 1:
            values = context.all_reduce(tf.distribute.ReduceOp.MEAN, tf.stack(list(logs.values())))
            logs = dict(zip(logs, tf.unstack(values)))
        bad = tf.stack([self.is_bad(logs, player) for player in self.players])
        first = self.first_bad_step.value
        self.first_bad_step.assign(tf.where((first < 0) & bad, self.step.value, first))
        half_life = now(self.ema_kimg) * 1000.0
        if self.clock is not None:
            logs |= self.clock.values()
        self.step.assign_add(1)
        batch = tf.cast(images_seen * replicas, tf.float32)
        if not isinstance(self.ema_kimg, Curve):
            half_life = tf.minimum(half_life, tf.cast(self.step.value, tf.float32) * batch * self.ema_rampup)
        keep = 0.5 ** (batch / tf.maximum(half_life, 1e-8))
        moves = isinstance(self.ema_kimg, Curve) or self.ema_kimg > 0
        for name, network in self.averages.items():
            for average, weight in zip(getattr(self, name).weights, getattr(self, network).weights):
                if weight.trainable and moves:
                    average.assign_sub((average - weight) * (1.0 - keep))
                else:  # copies; so are statistics and the vectors of spectral norms: an average of unit vectors is not one
                    average.assign(weight)
        return logs

    def is_bad(self, logs, player):
        """Whether the loss or the gradient of `player` is not finite. (float16 gradients overflow by design.)"""
        watched = [logs[f"{player}_loss"]]
        if not isinstance(self.optimizer_of(player), keras.optimizers.LossScaleOptimizer):
            watched.append(logs[f"{player}_gradient_norm"])
        return ~tf.reduce_all(tf.math.is_finite(watched))

    def step_seed(self):
        """Returns the seed of all noise of the step at hand, int32 [2]."""
        return randomness.fold(self.seed, self.step.value)


def moving_average(model, name):
    """Returns a float32 copy of `model` whose weights only the moving average moves.

    It is a second network made from the config; of a subclassed model without one, a `Shadow`.

    Raises:
        UserError: a model without weights yet, or with a config that its class does not take.
    """
    require_weights(model)
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        config = model.get_config()
        copy = type(model).from_config(config | {"name": name} if "name" in config else config)
        if not copy.built:
            copy.build_from_config(model.get_build_config())
    except NotImplementedError:
        copy = Shadow(model, name)
    except TypeError as error:
        raise UserError(
            f"the moving average is a second {type(model).__name__}, which cannot be made from its get_config: "
            f"{str(error).splitlines()[0]}"
        ) from error
    finally:
        keras.config.set_dtype_policy(policy)
    copy.set_weights(model.get_weights())
    copy.trainable = False
    return copy


def power_iterate(network):
    """Moves the estimate of every spectrally normalised layer's sigma one step; once per turn of its player."""
    for layer in network._flatten_layers():
        if hasattr(layer, "power_iteration"):
            layer.power_iteration()
