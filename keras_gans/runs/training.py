"""One run from the first step to the shipped model: data, folder, resume, fit, score, export, report."""

import contextlib
import functools
import importlib
import math
import os
import pathlib
import platform
import shutil
import sys
import tempfile
import typing
from importlib import metadata

import keras
import tensorflow as tf

from keras_gans import callbacks, data, files, kernels, plugins, randomness
from keras_gans.data import service
from keras_gans.errors import UserError
from keras_gans.games.gan import batches_of
from keras_gans.metrics import translation
from keras_gans.metrics.evaluator import Evaluator
from keras_gans.progress import progress
from keras_gans.registry import parse_spec
from keras_gans.runs import checks, cluster, held_out, launching, lighter, meeting, remote, report, same_data
from keras_gans.runs.memory import peak_memory_mb
from keras_gans.trained import checkpoints, recipes
from keras_gans.trained.folder import Folder
from keras_gans.trained.trained import Trained

EXPORTS = {"saved_model": "*/saved_model.pb", "tflite": "*.tflite"}
"""What a run may end with -> the files by which a whole one is known."""


class _Place(typing.NamedTuple):
    """Where a run trains: devices, the workers (None for a single process), the folder here, and what brings its changes away."""

    strategy: tf.distribute.Strategy
    several: cluster.Cluster | None
    folder: Folder
    push: typing.Callable

    @property
    def chief(self):
        """Whether this process writes the run's files."""
        return not (self.several and self.several.index)

    def agree(self, what, text):
        """Refuses workers whose `text` is not the chief's; see `cluster.compare`."""
        cluster.compare(self.several, self.strategy, what, text)


def train(recipe):
    """Trains, or goes on with, the run of a recipe.

    Args:
        recipe: dict of resolved flags, see `keras_gans.flags.define_recipe`.

    Returns:
        The exit code: 0, also after SIGTERM or Ctrl-C, when the same command goes on later; 3 where several workers train
        and one was lost or told to stop, so that a launcher starts them all again.

    Raises:
        UserError: anything about the recipe, the data, the folder or the disk that the user can repair; a run that
            diverges.
    """
    with kernels.use(recipe["kernels"]):
        return _train(recipe)


def _train(recipe):
    if recipe["deterministic"]:
        tf.config.experimental.enable_op_determinism()
    several = cluster.of_environment() if recipe["strategy"] == "multi_worker" else None
    if remote.is_remote(recipe["run_dir"]):
        remote.reach(recipe["run_dir"])
    try:
        watch = meeting.meet(several, recipe, recipe["run_dir"]) if several else None
        with watch or contextlib.nullcontext(), cluster.one_line(several), _here(recipe["run_dir"], watch) as (folder, push):
            build = functools.partial(recipes.build_strategy, recipe["strategy"])
            strategy = cluster.join(build) if several else build()
            checks.refuse(recipe | {"run_dir": folder.directory}, strategy.num_replicas_in_sync)
            guess = checks.likely_shapes(recipe)
            game = _build(strategy, recipe, *guess) if guess else None
            return _claim_and_run(_Place(strategy, several, folder, push), recipe, game, guess)
    except cluster.LostWorker as error:
        cluster.say_lost(error)
        if not error.in_training:
            return launching.LOST
        sys.stdout.flush()
        os._exit(launching.LOST)  # TensorFlow's iterators and threads would hold this process for up to a minute


@contextlib.contextmanager
def _here(run_dir, watch):
    """Yields the run's `Folder` on this machine, and a function that brings what has changed to where it belongs."""
    if not remote.is_remote(run_dir):
        yield Folder(run_dir), lambda: None
        return
    with tempfile.TemporaryDirectory(prefix="keras_gans-") as directory:
        if watch:
            watch.leaving.callback(shutil.rmtree, directory, ignore_errors=True)
        mirror = remote.Mirror(run_dir, pathlib.Path(directory) / "run")
        mirror.pull()
        yield Folder(mirror.directory), mirror.push


def _claim_and_run(place, recipe, game, guess):
    if not place.chief:
        return _run(place, recipe, game, guess)
    folder = place.folder
    with files.owned(folder.directory):
        for part in (folder.directory, folder.checkpoints, folder.samples, *(folder.directory / kind for kind in EXPORTS)):
            for name in files.repair(part):
                print(f"{part / name}: half-written by a run that was killed; repaired", flush=True)
        return _run(place, recipe, game, guess)


def _run(place, recipe, game, guess):
    strategy, folder = place.strategy, place.folder
    recipe = same_data.settle(folder, recipe)
    folder.refuse_other_recipe(same_data.at_its_old_place(folder, recipe))
    source = recipes.build_source(recipe, "train", host_of(strategy) if recipe["shard_data"] == "files" else (0, 1))
    place.agree(f"reads other data than the chief from --data={recipe['data']}", source.fingerprint)
    for line in source.understood():
        print(line, flush=True)
    checks.refuse_too_few(recipe, source)
    warnings = [checks.few_pictures(recipe, source), checks.without_accelerator(recipe)]
    for warning in (*warnings, checks.slow_precision(recipe) if place.chief else None):
        if warning:
            print(f"warning: {warning}", file=sys.stderr, flush=True)
    same_data.compare(folder, recipe, source)
    num_classes = _classes(recipe, source)
    shapes = (source.image_shape, num_classes, source.input_shape)
    if shapes != guess:
        if game is not None:
            game = None
            keras.utils.clear_session()  # its memory and its layers' names are for the right one
        game = _build(strategy, recipe, *shapes)
    before = recipe | (folder.record["recipe"] if folder.record_path.is_file() else {})
    start, total = _restore(game, folder, recipe, place.chief), recipes.total_steps(recipe)
    place.agree(f"sees other checkpoints than the chief in {folder.checkpoints}", str(start))
    if place.chief:
        _say_length(folder, recipe, before, start, total)
        _write_record(folder, recipe | ({"kimg": before["kimg"]} if start > total else {}), source, game, start)
        place.push()  # a bucket that cannot be written is told before the first step
    if start < total:
        # Never beyond the end, also where the run was stopped between two calls of other lengths.
        game.steps_per_execution = math.gcd(total - start, recipe["steps_per_execution"])
        batches = distribute(strategy, source, recipe, start, bool(num_classes))
        stop = callbacks.StopSignals(cluster.together(strategy) if place.several else None)
        if place.chief:
            _train_and_record(place, recipe, game, batches, num_classes, range(start, total), stop)
        else:
            _fit(game, batches, total - start, [stop])
        if stop.caught:
            print(f"stopped by {stop.caught} at step {int(game.step.numpy())}; the same command goes on from there")
            return launching.LOST if place.several else 0
    if place.chief:
        finish(folder, recipe)
        place.push()
        if remote.is_remote(recipe["run_dir"]):
            print(f"all of it is in {recipe['run_dir']} now")
    place.agree("is at another end than the chief", str(total))  # nobody leaves before all is written
    return 0


def _build(strategy, recipe, image_shape, num_classes, input_shape):
    try:
        keras.utils.set_random_seed(recipe["seed"])
        with strategy.scope():
            return recipes.build_game(recipe, image_shape, num_classes, input_shape)
    except (MemoryError, OverflowError, tf.errors.ResourceExhaustedError, tf.errors.InvalidArgumentError) as error:
        raise UserError(
            f"--generator={recipe['generator']} and --discriminator={recipe['discriminator']} do not fit into memory "
            f"({_first_line(error)}); take smaller networks or a smaller --image_size"
        ) from error


def _first_line(error):
    text = getattr(error, "message", None) or str(error) or type(error).__name__
    return text.splitlines()[0][:200]


def _say_length(folder, recipe, before, start, total):
    """Says what a length other than before does to a run that goes on."""
    if start > total:
        print(
            f"{folder.directory} has {start} steps, more than the {total} of --kimg={recipe['kimg']:g}; it stays as it is",
            flush=True,
        )
    elif start and _ends_with_the_run(recipe["schedule"]) and recipes.total_steps(before) != total:
        print(
            f"--kimg={recipe['kimg']:g} (was {before['kimg']:g}): --schedule={recipe['schedule']} is stretched over the new "
            "length, so that the learning rate jumps and the run is not the same as one of this length from the start",
            flush=True,
        )


def _ends_with_the_run(schedule):
    """Whether a schedule is laid over the whole of `--kimg`, and not over a length of its own."""
    name, arguments = parse_spec(schedule)
    return name != "constant" and "until" not in arguments


def _classes(recipe, source):
    if not recipe["conditional"]:
        return 0
    if not source.num_classes:
        why = f" ({source.why_no_classes})" if source.why_no_classes else ""
        raise UserError(
            f"--conditional needs labels, and --data={recipe['data']} has none{why}; use class subfolders, or "
            "--noconditional"
        )
    return source.num_classes


def host_of(strategy):
    """Returns (index, count): which of how many hosts this process is."""
    resolver = strategy.cluster_resolver
    hosts = resolver.cluster_spec().as_dict() if resolver and resolver.cluster_spec() else {}
    chiefs, workers = len(hosts.get("chief", ())), len(hosts.get("worker", ()))
    if chiefs + workers < 2:
        return 0, 1
    return (0 if resolver.task_type == "chief" else chiefs + resolver.task_id), chiefs + workers


def distribute(strategy, source, recipe, start, labels):
    """Returns the batches of one step from step `start` on, as `fit` takes them.

    Every replica gets its own rows of the same global batch that a single device would see; with --shard_data=files, those
    of its host come from the host's own files, in an order of their own.
    """
    turns = batches_of(recipe["n_critic"], recipe["share_reals"])
    rows = recipe["batch_size"] * turns
    replicas = strategy.num_replicas_in_sync
    if recipe["data_service"]:
        return _served(strategy, source, recipe, rows, labels)
    arguments = {"seed": recipe["seed"], "start": start * rows, "labels": labels}
    arguments |= {name: recipe[name] for name in ("flip", "rotate", "dequantize")}
    if replicas == 1:
        return data.batches(source, rows, **arguments)

    def of_files(context):
        index, hosts = host_of(strategy)
        own = arguments | {"seed": randomness.fold(recipe["seed"], index), "start": start * rows // hosts}
        return data.batches(source, rows // hosts, **own).rebatch(rows // replicas)

    if recipe["shard_data"] == "files" and host_of(strategy)[1] > 1:
        return strategy.distribute_datasets_from_function(of_files)

    def of_worker(context):
        index, hosts = context.input_pipeline_id, context.num_input_pipelines
        own = data.batches(source, rows, worker=(index, hosts), replicas=replicas // hosts, turns=turns, **arguments)
        return own.rebatch(rows // replicas)

    return strategy.distribute_datasets_from_function(of_worker)


def _served(strategy, source, recipe, rows, labels):
    """Returns batches from a tf.data service."""
    collection = recipes.find_collection(recipe)
    batches = service.batches(source, collection, rows, recipe["seed"], recipe["data_service"], labels, recipe["flip"])
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return batches
    return strategy.distribute_datasets_from_function(lambda context: batches.rebatch(rows // replicas))


def _fit(game, batches, steps, beside):
    try:
        game.fit(batches, steps_per_epoch=steps, epochs=1, verbose=0, shuffle=False, callbacks=beside)
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise UserError("out of memory: take a smaller --batch_size, or --precision=bfloat16") from error


def _train_and_record(place, recipe, game, batches, num_classes, left, stop):
    """Fits with everything beside it; `left`: the steps from here on, a range."""
    folder, batch_size = place.folder, recipe["batch_size"]
    start, total = left.start, left.stop
    loggers = [callbacks.loggers.LOGGERS.create(spec) for spec in recipe["logger"]]
    record = callbacks.Record(folder, batch_size, start, recipe, loggers)
    scores = None

    def steps(flag):
        return max(1, round(recipe[flag] * 1000 / batch_size))

    trained = Trained.playing(game, num_classes)
    evaluator = _evaluator(recipe, trained)
    with progress(f"training {folder.directory}", total * batch_size, initial=start * batch_size) as bar:
        beside = [
            callbacks.Logs(record, bar, steps("log_kimg"), start),
            callbacks.Cost(total, batch_size, start, lighter.lighter(recipe), game.pace_changes),
        ]
        if recipe["sample_kimg"]:
            beside.append(_samples(record, recipe, trained, steps("sample_kimg"), start))
        if evaluator:
            scores = callbacks.Scores(record, evaluator, steps("score_kimg"), start)
            beside.append(scores)
        # Behind the others, so that a resumed run does not lack what fell due at the checkpoint's step.
        beside.append(callbacks.Checkpoints(folder, steps("checkpoint_kimg"), recipe["keep_checkpoints"], start, place.push))
        try:
            _fit(game, batches, total - start, [*beside, stop])
        finally:
            record.end()
    if not stop.caught:
        folder.write_record(
            finished={
                "step": total,
                "kimg": round(record.kimg(total), 6),  # that of the recipe, rounded up to whole calls
                "seconds": round(record.seconds, 1),
                "images_per_second": round(record.images_per_second(total), 1),
                "peak_memory_mb": peak_memory_mb(),
                "scores": scores.results if scores else [],
            }
        )


def _samples(record, recipe, trained, every, start):
    if recipes.kind_of_data(recipe) == "images":
        return callbacks.Samples(record, every, trained, start=start)
    shown = held_out.source(recipe) or recipes.build_source(recipe, "train")
    return callbacks.Translations(record, every, shown, start=start)


def _evaluator(recipe, trained):
    """Returns a function that scores the game's averaged generators on held-out data, or None."""
    if not recipe["scores"]:
        return None
    holdout = held_out.source(recipe)
    scores = held_out.possible(recipe, holdout)
    if not scores:
        return None
    count = min(recipe["score_count"], holdout.count)
    kind = recipes.kind_of_data(recipe)
    if kind == "images":
        judges = recipes.trained_on(recipe)
        evaluator = Evaluator(scores, recipe["score_features"], holdout, count, recipe["seed"], trained_on=judges)
        seed = trained.seed + 1  # not the latents of the sample grid
        return lambda: evaluator.run(trained.generate(evaluator.count_fake, seed))
    return translation.evaluator(scores, recipe["score_features"], trained, holdout, kind == "paired")


def _write_record(folder, recipe, source, game, start):
    known = folder.record if folder.record_path.is_file() else {}
    # Version 0.1.0 did not note the step of an export.
    exported = {kind: start for kind, whole in EXPORTS.items() if any((folder.directory / kind).glob(whole))}
    versions = {name: metadata.version(name) for name in ("keras_gans", "tensorflow", "keras", "numpy")}
    folder.write_record(
        recipe=recipe,
        seed=recipe["seed"],
        plugins=plugins.records(),
        versions=versions | {"python": platform.python_version()},
        data=same_data.describe(source),
        parameters={name: getattr(game, name).count_params() for name in game.network_names()},
        exported=known.get("exported", exported),
        started_from=known.get("started_from") or _started_from(recipe["init_from"]),
    )
    same_data.write_list(folder, source)


def _started_from(address):
    """Returns what `run.json` says of the run that --init_from names: its name, and the images that its weights have seen."""
    if not address:
        return None
    try:
        other = Trained.open(address)
    except UserError:  # gone, since this run began
        return None
    before = (other.record.get("started_from") or {}).get("images", 0)
    name = address if "://" in address else pathlib.PurePath(address).name  # no path of this machine
    return {"run": name, "images": before + other.step * other.record.get("recipe", {}).get("batch_size", 0)}


def _restore(game, folder, recipe, chief):
    """Loads the newest sound checkpoint, or the weights that --init_from names; returns the step to go on from."""
    step = checkpoints.newest(folder, lambda path: checkpoints.load(game, path))
    if step is not None:
        for damaged in folder.checkpoint_steps() if chief else ():
            if damaged > step:  # out of the way of the checkpoint that the run will write there
                path = folder.checkpoint_path(damaged)
                path.rename(path.with_name(f"{path.name}.damaged"))
        print(f"going on from step {step} of {folder.directory}", flush=True)
        return step
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


def finish(folder, recipe):
    """Exports the run, writes its report, and prints where everything is.

    What has been exported from the same weights already, and is whole, is not exported again.

    Args:
        folder: the run's `Folder`.
        recipe: its flags.
    """
    opened = Trained.open(folder.directory)
    places = {"samples": max(folder.samples.glob("*.png"), default=None), "checkpoint": opened.checkpoint}
    for kind in recipe["export"]:
        if kind == "none":
            continue
        out, exported = folder.directory / kind, folder.record.get("exported", {})
        if any(out.glob(EXPORTS[kind])) and exported.get(kind) == opened.step:
            continue
        exporter = importlib.import_module(f"keras_gans.exporting.{kind}")
        places[kind] = exporter.export(opened, out)
        folder.write_record(exported=exported | {kind: opened.step})
    places["report"] = report.write(folder.directory)
    finished = folder.record.get("finished", {})
    for score in finished.get("scores", []):
        error = score.get("standard_error")
        print(f"{score['name']}: {score['value']:.5g}" + (f" +- {error:.2g} (standard error)" if error else ""))
    for name, path in places.items():
        if path:
            print(f"{name + ':':<13}{os.fspath(path)}")
    if {"seconds", "images_per_second", "peak_memory_mb"} <= finished.keys():
        print(
            f"{finished['seconds']:.0f} s of training, {finished['images_per_second']:.0f} images/s, "
            f"{finished['peak_memory_mb']} MB of memory at most"
        )
