"""One run from the first step to the shipped model: data, folder, resume, fit, score, export, report."""

import importlib
import math
import os
import platform
import resource
import sys
from importlib import metadata

import keras
import tensorflow as tf

from keras_gans import callbacks, data, plugins
from keras_gans.errors import UserError
from keras_gans.games.gan import batches_of
from keras_gans.metrics import translation
from keras_gans.metrics.evaluator import Evaluator
from keras_gans.progress import progress
from keras_gans.runs import report
from keras_gans.trained import networks, recipes
from keras_gans.trained.folder import Folder
from keras_gans.trained.trained import Trained


def train(recipe):
    """Trains, or goes on with, the run of a recipe.

    Args:
        recipe: dict of resolved flags, see `keras_gans.flags.define_recipe`.

    Returns:
        The exit code: 0, also after SIGTERM or Ctrl-C, when the same command goes on later.

    Raises:
        UserError: anything about the recipe, the data, the folder or the disk that the user can repair; a run that
            diverges.
    """
    if recipe["deterministic"]:
        tf.config.experimental.enable_op_determinism()
    strategy = recipes.build_strategy(recipe["strategy"])
    folder = Folder(recipe["run_dir"])
    folder.refuse_other_recipe(recipe)
    source = recipes.build_source(recipe, "train")
    num_classes = _classes(recipe, source)
    keras.utils.set_random_seed(recipe["seed"])
    with strategy.scope():
        game = recipes.build_game(recipe, source.image_shape, num_classes, source.input_shape)
    chief = is_chief(strategy)
    if chief:
        _write_record(folder, recipe, source, game)
    start, total = _restore(game, folder, recipe), recipes.total_steps(recipe)
    if start < total:
        # Never beyond the end, also where the run was stopped between two calls of other lengths.
        game.steps_per_execution = math.gcd(total - start, recipe["steps_per_execution"])
        batches = distribute(strategy, source, recipe, start, bool(num_classes))
        if chief:
            stopped_by = _train_and_record(game, batches, recipe, folder, num_classes, start, total)
            if stopped_by:
                print(f"stopped by {stopped_by} at step {int(game.step.numpy())}; the same command goes on from there")
                return 0
        else:
            _fit(game, batches, total - start, [])
    if chief:
        finish(folder, recipe, new_weights=start < total)
    return 0


def _classes(recipe, source):
    if not recipe["conditional"]:
        return 0
    if not source.num_classes:
        raise UserError(
            f"--conditional needs labels, and --data={recipe['data']} has none; use class subfolders, or --noconditional"
        )
    return source.num_classes


def is_chief(strategy):
    """Whether this process writes the run's files: always, but for the further workers of multi_worker."""
    resolver = strategy.cluster_resolver
    return resolver is None or not resolver.cluster_spec() or resolver.task_id in (None, 0)


def distribute(strategy, source, recipe, start, labels):
    """Returns the batches of one step from step `start` on, as `fit` takes them.

    Every replica gets its own rows of the same global batch that a single device would see.
    """
    rows = recipe["batch_size"] * batches_of(recipe["n_critic"], recipe["share_reals"])
    replicas = strategy.num_replicas_in_sync
    if recipe["batch_size"] % replicas:
        raise UserError(
            f"--batch_size={recipe['batch_size']} cannot be shared by {replicas} replicas; take a multiple of {replicas}"
        )
    arguments = {"seed": recipe["seed"], "start": start * rows, "labels": labels}
    arguments |= {name: recipe[name] for name in ("flip", "rotate", "dequantize")}
    if replicas == 1:
        return data.batches(source, rows, **arguments)

    def of_worker(context):
        worker = (context.input_pipeline_id, context.num_input_pipelines)
        return data.batches(source, rows, worker=worker, **arguments).rebatch(rows // replicas)

    return strategy.distribute_datasets_from_function(of_worker)


def _fit(game, batches, steps, beside):
    try:
        game.fit(batches, steps_per_epoch=steps, epochs=1, verbose=0, shuffle=False, callbacks=beside)
    except tf.errors.ResourceExhaustedError as error:
        raise UserError("out of memory: take a smaller --batch_size, or --precision=bfloat16") from error


def _train_and_record(game, batches, recipe, folder, num_classes, start, total):
    """Fits with everything beside it; returns the name of the signal that stopped the run, or None."""
    batch_size = recipe["batch_size"]
    record = callbacks.Record(folder, batch_size, start)
    stop = callbacks.StopSignals()
    scores = None

    def steps(flag):
        return max(1, round(recipe[flag] * 1000 / batch_size))

    trained = Trained.playing(game, num_classes)
    evaluator = _evaluator(recipe, trained)
    with progress(f"training {folder.directory}", total * batch_size, initial=start * batch_size) as bar:
        beside = [callbacks.Logs(record, bar, steps("log_kimg"), start)]
        if recipe["sample_kimg"]:
            beside.append(_samples(record, recipe, trained, steps("sample_kimg"), start))
        if evaluator:
            scores = callbacks.Scores(record, evaluator, steps("score_kimg"), start)
            beside.append(scores)
        # Behind the others, so that a resumed run does not lack what fell due at the checkpoint's step.
        beside.append(callbacks.Checkpoints(folder, steps("checkpoint_kimg"), recipe["keep_checkpoints"], start))
        if recipe["strategy"] != "multi_worker":  # the others would wait for a worker that stops alone
            beside.append(stop)
        _fit(game, batches, total - start, beside)
    if not stop.caught:
        rate = (total - start) * batch_size / (record.seconds - record.seconds_before)
        folder.write_record(
            finished={
                "step": total,
                "seconds": round(record.seconds, 1),
                "images_per_second": round(rate, 1),
                "peak_memory_mb": peak_memory_mb(),
                "scores": scores.results if scores else [],
            }
        )
    return stop.caught


def _samples(record, recipe, trained, every, start):
    if recipes.kind_of_data(recipe) == "images":
        return callbacks.Samples(record, every, trained, start=start)
    return callbacks.Translations(record, every, recipes.build_source(recipe, "holdout"), start=start)


def _evaluator(recipe, trained):
    """Returns a function that scores the game's averaged generators on held-out data, or None."""
    if not recipe["scores"]:
        return None
    holdout = recipes.build_source(recipe, "holdout")
    count = min(recipe["score_count"], holdout.count)
    kind = recipes.kind_of_data(recipe)
    if kind == "images":
        evaluator = Evaluator(recipe["scores"], recipe["score_features"], holdout, count, recipe["seed"])
        seed = trained.seed + 1  # not the latents of the sample grid
        return lambda: evaluator.run(trained.generate(evaluator.count_fake, seed))
    return translation.evaluator(recipe["scores"], recipe["score_features"], trained, holdout, kind == "paired")


def _write_record(folder, recipe, source, game):
    versions = {name: metadata.version(name) for name in ("keras_gans", "tensorflow", "keras", "numpy")}
    folder.write_record(
        recipe=recipe,
        seed=recipe["seed"],
        plugins=plugins.records(),
        versions=versions | {"python": platform.python_version()},
        data={
            "spec": source.spec,
            "fingerprint": source.fingerprint,
            "count": source.count,
            "image_shape": list(source.image_shape),
            "class_names": list(source.class_names),
            "input_shape": source.input_shape and list(source.input_shape),
        },
        parameters={name: getattr(game, name).count_params() for name in game.network_names()},
    )


def _restore(game, folder, recipe):
    """Loads the newest checkpoint, or the weights that --init_from names; returns the step to go on from."""
    steps = folder.checkpoint_steps()
    if steps:
        networks.load(game, folder.checkpoint_path(steps[-1]))
        print(f"going on from step {steps[-1]} of {folder.directory}", flush=True)
        return steps[-1]
    if recipe["init_from"]:
        copied, count = init_from(game, Trained.open(recipe["init_from"]).networks(names(game)))
        print(f"started from {copied} of {count} weights of {recipe['init_from']}", flush=True)
    return 0


def init_from(game, other):
    """Copies the weights of other networks into the networks of `game` where names and shapes agree.

    Networks of the same shapes are copied weight by weight. Otherwise what has the same name and shape is; the name is that
    of the layer and the weight, so that a network of another image size shares the layers of the resolutions that both have.

    Args:
        game: a `keras_gans.games.game.Game`.
        other: dict, name as of `names` -> `keras.Model`; those that the other run does not have are not there.

    Returns:
        (weights copied, weights that `game` has).

    Raises:
        UserError: nothing agrees.
    """
    copied = count = 0
    for name in names(game):
        weights, theirs = getattr(game, name).weights, other[name].weights if name in other else []
        same = [weight.shape for weight in weights] == [weight.shape for weight in theirs]
        known = {_name(weight): weight for weight in theirs}
        for index, weight in enumerate(weights):
            count += 1
            twin = theirs[index] if same else known.get(_name(weight))
            if twin is not None and twin.shape == weight.shape:
                weight.assign(twin)
                copied += 1
    if not copied:
        raise UserError(
            "--init_from: no weight of that run fits these networks; take the same --generator and "
            "--discriminator (dcgan: at twice the image size half the width)"
        )
    return copied, count


def names(game):
    """Returns the names of all networks of a game, its moving averages included."""
    return [*game.network_names(), *game.averages]


def _name(weight):
    return "/".join(weight.path.split("/")[-2:])


def peak_memory_mb():
    """Returns the largest resident memory of this process so far, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3))


def finish(folder, recipe, new_weights=True):
    """Exports the run, writes its report, and prints where everything is.

    Args:
        folder: the run's `Folder`.
        recipe: its flags.
        new_weights: whether there are any; without, only exports that are missing are made.
    """
    opened = Trained.open(folder.directory)
    places = {"samples": max(folder.samples.glob("*.png"), default=None), "checkpoint": opened.checkpoint}
    for kind in recipe["export"]:
        out = folder.directory / kind
        if kind == "none" or not new_weights and out.exists():
            continue
        exporter = importlib.import_module(f"keras_gans.exporting.{kind}")
        places[kind] = exporter.export(opened, out)
    places["report"] = report.write(folder.directory)
    finished = folder.record.get("finished", {})
    for score in finished.get("scores", []):
        error = score.get("standard_error")
        print(f"{score['name']}: {score['value']:.5g}" + (f" +- {error:.2g} (standard error)" if error else ""))
    for name, path in places.items():
        if path:
            print(f"{name + ':':<13}{os.fspath(path)}")
    if finished:
        print(
            f"{finished['seconds']:.0f} s of training, {finished['images_per_second']:.0f} images/s, "
            f"{finished['peak_memory_mb']} MB of memory at most"
        )
