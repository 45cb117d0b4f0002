"""What Keras expects of a model, for models of several players: compile, fit, evaluate, predict, save."""

import inspect
import pathlib

import keras
import tensorflow as tf

from keras_gans import files, microbatches, optimizers
from keras_gans.configured import Configured
from keras_gans.data.images import to_model
from keras_gans.errors import UserError
from keras_gans.games.means import Means
from keras_gans.games.players import PlayersOptimizers
from keras_gans.registry import EVALUATIONS, SCORES, parse_spec

# Callbacks of Keras that a game cannot serve, with the reason.
REFUSED = {
    "SwapEMAWeights": "a game keeps its own moving averages, which predict, evaluate and the exports use; set their "
    "half-life with ema_kimg",
    "OrbaxCheckpoint": "it stores one optimizer, and a game has one for each player; take ModelCheckpoint or "
    "BackupAndRestore",
}


class KerasGame(Configured, keras.Model):
    """The side of a game that Keras sees.

    Subclasses name their `players` and what is `deployed`, and have `variables_of` and `optimizer_of`; see `Game`.
    """

    def compile(
        self,
        optimizer=None,
        discriminator_optimizer=None,
        *,
        metrics=(),
        features="inception2015",
        jit_compile="auto",
        steps_per_execution=1,
        run_eagerly=False,
        accumulate=1,
        **named,
    ):
        """Sets the optimizers (and builds them, so that they are saved and restored with the model).

        Args:
            optimizer: of all players: text such as "adam" or "adam:learning_rate=1e-4" (see `keras_gans.optimizers.get`),
                a `keras.optimizers.Optimizer`, of which each further player gets a copy, or a dict, player -> either.
                Default "adam". With `discriminator_optimizer` it is the generator's.
            discriminator_optimizer: the discriminator's.
            metrics: names of scores for `evaluate` and `validation_data`, such as "kid" or "psnr", see
                `keras_gans.metrics`. Default: none.
            features: the feature extractor that the scores measure on. Default inception2015, whose weights must be had;
                "fashion" comes with the package.
            jit_compile, steps_per_execution, run_eagerly: see `keras.Model.compile`.
            accumulate: in how many parts the players' networks work through a batch, see `keras_gans.microbatches`: gradients
                are those of the whole batch, activations are kept of a part, and each network is called once more. Default 1.
            **named: in the place of `optimizer`, one for each player: `generator_optimizer=`, `discriminator_optimizer=`
                and so on.

        The optimizer of a player with float16 networks is put into a `keras.optimizers.LossScaleOptimizer`.

        Raises:
            UserError: a player without an optimizer or an optimizer without a player, an unknown name.
        """
        chosen = self._choose(optimizer, discriminator_optimizer, named)
        metrics = [metrics] if isinstance(metrics, str) else list(metrics or ())
        for spec in metrics:
            if not isinstance(spec, str):
                raise UserError(f"metrics of a game are names of scores, such as 'kid' or 'psnr', not {spec!r}")
            SCORES.get(parse_spec(spec)[0])
        for player, given in chosen.items():
            self.check_optimizer(player, given)
            for network in self.networks_of(player):
                require_weights(network)
        super().compile(
            optimizer=None, jit_compile=jit_compile, steps_per_execution=steps_per_execution, run_eagerly=run_eagerly
        )
        for model in self.called_models():
            microbatches.accumulate(model, accumulate, bool(self.jit_compile))
        with self.distribute_strategy.scope():
            for player, given in chosen.items():
                setattr(self, f"{player}_optimizer", given)
                given.build(self.variables_of(player))
        self.optimizer = PlayersOptimizers(self)
        self._means = Means()
        self._scoring = None
        self._compiled_with = lambda: {
            "metrics": metrics,
            "features": features,
            "jit_compile": jit_compile,
            "steps_per_execution": steps_per_execution,
            "run_eagerly": run_eagerly,
            "accumulate": accumulate,
        }

    def _choose(self, optimizer, discriminator_optimizer, named):
        """Returns a dict, player -> its own optimizer, from what `compile` was given."""
        players, name = list(self.players), type(self).__name__
        if "loss" in named:
            raise UserError(
                f"compile takes no loss: what the players want is part of the game, as in {name}(..., loss='hinge')"
            )
        if discriminator_optimizer is not None:
            named["discriminator_optimizer"] = discriminator_optimizer
            if optimizer is not None:
                named["generator_optimizer"], optimizer = optimizer, None
        if named:
            optimizer = {} if optimizer is None else optimizer
            if not isinstance(optimizer, dict):
                raise UserError(f"{name} takes one optimizer for all players, or one for each; not both")
            optimizer = optimizer | {key.removesuffix("_optimizer"): value for key, value in named.items()}
        if not isinstance(optimizer, dict):
            first = optimizers.get("adam" if optimizer is None else optimizer)
            optimizer = {
                player: first if player == players[0] else type(first).from_config(first.get_config()) for player in players
            }
        if set(optimizer) != set(players):
            raise UserError(
                f"{name} is played by {' and '.join(players) or 'nobody'}; compile was given optimizers for "
                f"{' and '.join(optimizer) or 'nobody'}"
            )
        chosen = {player: optimizers.get(optimizer[player]) for player in players}
        for player, given in chosen.items():
            half = any(network.compute_dtype == "float16" for network in self.networks_of(player))
            if half and not isinstance(given, keras.optimizers.LossScaleOptimizer):
                chosen[player] = keras.optimizers.LossScaleOptimizer(given)
        return chosen

    def check_optimizer(self, player, optimizer):
        """Raises UserError for an optimizer that the game cannot do with; subclasses say which."""

    # --- training -------------------------------------------------------------------------------------------------

    def fit(self, *args, **kwargs):
        """Trains: arguments and result as of `keras.Model.fit`.

        Args:
            x, y: images [n, h, w, c], uint8 or float32 in [-1, 1], and the labels or targets where the game has them; or a
                `tf.data.Dataset` of batches, such as `keras_gans.data.open` gives. A step of n_critic discriminator turns
                takes n_critic times its images from one batch.
            *args, **kwargs: the rest. `validation_data` is scored by the `metrics` of `compile`.

        Returns:
            A `keras.callbacks.History`. Logs of a batch are those of its last step; of an epoch, the means over its steps.
            Beside the players' own there is `loss`, the sum of the players' losses: it says that something is NaN, not
            that the game goes well.

        Raises:
            UserError: validation without metrics, or a callback that a game cannot serve.
        """
        given = inspect.signature(keras.Model.fit).bind(self, *args, **kwargs).arguments
        for unused in ("class_weight", "sample_weight"):
            if given.get(unused) is not None:
                raise UserError(f"fit: a game has no use for {unused}; leave it out")
        if (given.get("validation_data") is not None or given.get("validation_split")) and not self._metrics_given():
            raise UserError("fit: " + _NO_METRICS)
        beside = given.get("callbacks") or ()
        for callback in getattr(beside, "callbacks", beside if isinstance(beside, (list, tuple)) else [beside]):
            for name in {base.__name__ for base in type(callback).__mro__} & set(REFUSED):
                raise UserError(f"fit: no {name} here: {REFUSED[name]}")
        if isinstance(given.get("x"), tf.data.Dataset) and "shuffle" not in given:
            kwargs["shuffle"] = False  # which Keras leaves to the dataset, with a warning
        self._scoring = None
        return super().fit(*args, **kwargs)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Does nothing: a game and its optimizers are built before `fit`.

        (Keras's takes the mean of a batch over the workers first, which MultiWorkerMirroredStrategy cannot do with the
        images and labels, or the two images, of one.)
        """

    def make_train_function(self, force=False):
        """As in Keras, but the logs are already the same on all replicas, so none are gathered.

        (`fit` with MultiWorkerMirroredStrategy fails on gathered scalars.)
        """
        if self.train_function is None or force:
            self.train_function = self.compile_steps(self.train_step, self.steps_per_execution)

    def compile_steps(self, step, count):
        """Returns a function that plays `count` steps.

        Args:
            step: `train_step`, or a function like it.
            count: at least 1.

        Returns:
            A function: iterator over batches -> the logs of the last step, with `loss`. It raises StopIteration at the
            data's end.
        """
        strategy = self.distribute_strategy

        def play(data):
            return step(played(data))

        if not self.run_eagerly:
            play = tf.function(play, jit_compile=self.jit_compile, reduce_retracing=True, autograph=False)

        @tf.autograph.experimental.do_not_convert
        def one_step(data):
            logs = strategy.run(play, args=(data,))
            logs = {name: strategy.experimental_local_results(value)[0] for name, value in logs.items()}
            losses = [logs[f"{player}_loss"] for player in self.players if f"{player}_loss" in logs]
            if losses:
                logs["loss"] = tf.add_n(losses)
            return logs, tf.stack([tf.cast(value, tf.float32) for value in logs.values()])

        def several_steps(iterator):
            logs, total = one_step(next(iterator))
            for _ in tf.range(count - 1):
                logs, values = one_step(next(iterator))
                total += values
            return logs, total

        compiled = several_steps if self.run_eagerly else tf.function(several_steps)

        def train_function(iterator):
            steps = count
            try:
                if isinstance(iterator, (tf.data.Iterator, tf.distribute.DistributedIterator)):
                    logs, total = compiled(iterator)
                else:  # the one batch of train_on_batch
                    logs, total = one_step(tuple(part for part in next(iterator) if part is not None))
                    steps = 1
            except tf.errors.OutOfRangeError as error:
                raise StopIteration from error
            self._means.add(tuple(logs), total, steps)
            return logs

        return train_function

    def reset_metrics(self):
        """Begins the epoch's means anew."""
        super().reset_metrics()
        self._means.reset()

    def get_metrics_result(self):
        """Returns the means of the logs since `reset_metrics`."""
        return self._means.result()

    # --- evaluate and predict -------------------------------------------------------------------------------------

    def evaluate(
        self,
        x=None,
        y=None,
        batch_size=None,
        verbose="auto",
        sample_weight=None,
        steps=None,
        callbacks=None,
        return_dict=False,
        **kwargs,
    ):
        """Scores what the averaged generators make, by the `metrics` of `compile`.

        Args:
            x, y: the reference: real images as in `fit`, with the labels that a conditional generator then draws; or pairs,
                which are translated.
            batch_size: images at a time. Default 64.
            steps: batches of a dataset; default: all.
            verbose, callbacks, return_dict: see `keras.Model.evaluate`.

        Returns:
            The scores in the order of `compile`, a list of floats (one float if there is one score); with `return_dict`, a
            dict: name -> float.

        Raises:
            UserError: no metrics, or scores that these data or this game cannot serve.
        """
        self._assert_compile_called("evaluate")
        again = kwargs.pop("_use_cached_eval_dataset", False)  # Keras says so from the second epoch of `fit` on
        if sample_weight is not None or kwargs:
            raise UserError(f"evaluate: a game has no use for {', '.join(kwargs) or 'sample_weight'}; leave it out")
        if not self._metrics_given():
            raise UserError("evaluate: " + _NO_METRICS)
        if not (again and self._scoring):
            compiled_with = self._compiled_with()
            score = EVALUATIONS.get(self.kind)
            self._scoring = score(
                self, x, y, compiled_with["metrics"], compiled_with["features"], batch_size=batch_size or 64, steps=steps
            )
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks = keras.callbacks.CallbackList(
                callbacks, add_progbar=verbose != 0, verbose=verbose, epochs=1, steps=1, model=self
            )
        callbacks.on_test_begin()
        logs = {record["name"]: record["value"] for record in self._scoring()}
        callbacks.on_test_batch_end(0, logs)
        callbacks.on_test_end(logs)
        if return_dict:
            return logs
        values = list(logs.values())
        return values[0] if len(values) == 1 else values

    def _metrics_given(self):
        return self.compiled and self._compiled_with()["metrics"]

    def call(self, inputs, training=None):
        """Makes images with the moving average, as `predict` does.

        Args:
            inputs: what the generator takes: latents [batch, latent_dim] or [latents, labels]; of a game that translates,
                images; of style transfer, [photographs, paintings].
            training: ignored; the average is only ever used.

        Returns:
            float32 images [batch, h, w, c] in [-1, 1].
        """
        return getattr(self, next(iter(self.deployed.values())))(inputs, training=False)

    # --- saving ---------------------------------------------------------------------------------------------------

    def save(self, filepath, overwrite=True, **kwargs):
        """As `keras.Model.save`, but whole or not at all: a failure leaves what was there.

        Raises:
            UserError: a part that has no config, or no room on the disk.
        """
        path = pathlib.Path(filepath)
        if path.exists() and not overwrite:
            return super().save(filepath, overwrite=False, **kwargs)
        with files.whole(path) as temporary:
            super().save(temporary, **kwargs)

    def get_compile_config(self):
        """Returns what `compile` was given, JSON-ready, with the optimizers as they are."""
        given = {player: self.optimizer_of(player) for player in self.players}
        serialized = {player: keras.saving.serialize_keras_object(optimizer) for player, optimizer in given.items()}
        return self._compiled_with() | {"optimizer": serialized}

    def compile_from_config(self, config):
        """Compiles as the game was that gave `config`."""
        given = {player: keras.saving.deserialize_keras_object(one) for player, one in config["optimizer"].items()}
        self.compile(**config | {"optimizer": given})


_NO_METRICS = (
    "a game is judged by scores, of which compile was given none; for example compile(..., metrics=['kid'], "
    "features='fashion'), or ['psnr', 'ssim'] for pairs"
)


def played(data):
    """Returns a batch as networks see it: images of uint8 as float32 in [-1, 1], float64 as float32."""

    def convert(part):
        if part.dtype == tf.uint8 and part.shape.rank == 4:
            return to_model(part)
        return tf.cast(part, tf.float32) if part.dtype == tf.float64 else part

    data = tf.nest.map_structure(convert, data)
    return data[0] if isinstance(data, tuple) and len(data) == 1 else data


def require_weights(model):
    """Raises UserError for a network that has no weights yet."""
    if not model.built or any(not layer.built for layer in model._flatten_layers()):
        raise UserError(
            f"{type(model).__name__} has no weights yet; call it once on an example of its input before it plays, as in "
            "generator(keras.ops.zeros((1, 64)))"
        )
