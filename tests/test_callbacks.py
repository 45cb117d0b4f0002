"""What happens beside the steps: when it falls due, what it writes, how it ends."""

import json
import os
import signal
import types

import keras
import numpy as np
import pytest
import run_cases
import tensorflow as tf
from PIL import Image

from keras_gans import callbacks, grids
from keras_gans.callbacks.periodic import Periodic
from keras_gans.callbacks.samples import density
from keras_gans.data.images import to_uint8
from keras_gans.errors import UserError
from keras_gans.trained import recipes
from keras_gans.trained.folder import Folder
from keras_gans.trained.trained import Trained


def fit(steps, *beside, steps_per_execution=1):
    """Runs the callbacks beside `steps` steps of a real `fit`."""
    model = keras.Sequential([keras.Input([1]), keras.layers.Dense(1)])
    model.compile("sgd", "mse", steps_per_execution=steps_per_execution)
    x = np.zeros([steps, 1], np.float32)
    model.fit(x, x, batch_size=1, epochs=1, shuffle=False, verbose=0, callbacks=list(beside))


def make_game(classes=0, image_shape=(8, 8, 1), **flags):
    kind = "cdcgan" if classes else "dcgan"
    flags = {
        "generator": f"{kind}:width=2",
        "discriminator": f"{kind}:width=2",
        "latent_dim": 4,
        "conditional": bool(classes),
    } | flags
    keras.utils.set_random_seed(0)  # every game made here begins with the same weights
    return recipes.build_game(run_cases.recipe(**flags), image_shape, classes)


@pytest.fixture
def record(tmp_path):
    """A `Record` of a new run with 4 images to a step."""
    folder = Folder(tmp_path / "run")
    folder.write_record(recipe={}, data={"image_shape": [8, 8, 1], "class_names": []})
    return callbacks.Record(folder, batch_size=4)


def beside(callback, game):
    callback.set_model(game)
    return callback


# === Periodic ===


class Noted(Periodic):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.steps = []

    def due(self, step, logs):
        assert "loss" in logs
        self.steps.append(step)


@pytest.mark.parametrize(
    "every, start, steps, steps_per_execution, due",
    [
        (4, 0, 10, 1, [4, 8, 10]),  # and at the end
        (4, 0, 8, 1, [4, 8]),  # which is not told twice
        (1, 0, 3, 1, [1, 2, 3]),
        (100, 0, 3, 1, [3]),
        (4, 3, 7, 1, [4, 8, 10]),  # resumed: the multiples are those of the whole run
        (4, 4, 6, 1, [8, 10]),
        (4, 0, 12, 3, [6, 9, 12]),  # at the end of the call in which it fell due
        (2, 0, 12, 6, [6, 12]),  # once for several
        (4, 6, 6, 3, [9, 12]),
    ],
)
def test_due_points(every, start, steps, steps_per_execution, due):
    noted = Noted(every, start)
    fit(steps, noted, steps_per_execution=steps_per_execution)
    assert noted.steps == due
    assert noted.done == start + steps


def test_resumed_run_has_the_due_points_of_an_uninterrupted_one():
    whole = Noted(3)
    fit(20, whole)
    for stop in (1, 2, 3, 10, 19):
        parts = [Noted(3), Noted(3, stop)]
        fit(stop, parts[0])
        fit(20 - stop, parts[1])
        together = parts[0].steps + parts[1].steps
        assert sorted(set(together) - {stop}) == sorted(set(whole.steps) - {stop})
        assert len(together) == len(set(together))


# === Samples ===


def test_grid_file_shows_the_averaged_generator(record):
    game = make_game()
    samples = beside(callbacks.Samples(record, 5, Trained.playing(game), count=9), game)
    samples.due(5, None)
    samples.due(10, None)
    assert [path.name for path in sorted(record.folder.samples.iterdir())] == ["000000005.png", "000000010.png"]
    wanted = grids.grid(to_uint8(np.asarray(game.ema(game.draw_latent(9, game.seed), training=False))))
    np.testing.assert_array_equal(np.asarray(Image.open(record.folder.samples / "000000005.png")), wanted[..., 0])
    assert wanted.shape == (32, 32, 1)  # three rows of three
    first, second = (path.read_bytes() for path in record.folder.samples.iterdir())
    assert first == second  # the same latents every time
    game.ema.set_weights([weight + 0.1 for weight in game.ema.get_weights()])
    samples.due(15, None)
    assert (record.folder.samples / "000000015.png").read_bytes() != first


@pytest.mark.parametrize("classes, rows", [(3, 3), (20, 16)])
def test_grid_of_a_conditional_generator_has_a_row_per_class(record, classes, rows):
    game = make_game(classes)
    game.ema.set_weights([np.random.default_rng(0).normal(0, 0.5, w.shape) ** 2 for w in game.ema.get_weights()])
    beside(callbacks.Samples(record, 5, Trained.playing(game, classes)), game).due(5, None)
    latent = game.draw_latent(rows * 8, game.seed)
    labels = keras.ops.repeat(keras.ops.arange(rows), 8)
    wanted = grids.grid(to_uint8(np.asarray(game.ema([latent, labels], training=False))), 8)
    sheet = np.asarray(Image.open(record.folder.samples / "000000005.png"))
    assert sheet.shape == (rows * 10 + 2, 8 * 10 + 2)
    np.testing.assert_allclose(sheet.astype(int), wanted[..., 0], atol=1)  # another batch size may round otherwise
    other = grids.grid(to_uint8(np.asarray(game.ema([latent, labels[::-1]], training=False))), 8)
    assert np.abs(sheet.astype(int) - other[..., 0]).max() > 1


def test_density_of_points():
    picture = density(np.array([[1.5, 1.0]] * 10 + [[-1.0, -0.5]]))
    assert picture.shape == (192, 192, 1) and picture.dtype == np.uint8
    # 48 pixels to a unit, y upwards: (1.5, 1) is 3.5 units from the left and 1 from the top.
    dark = {(int(row), int(column)): int(picture[row, column, 0]) for row, column in np.argwhere(picture[..., 0] < 255)}
    assert dark == {(48, 168): 0, (120, 48): 93}  # 255 exp(-1) = 93.8
    reach_of_five = density(np.array([[1.5, 1.0], [0.0, 3.0]]))
    assert set(map(tuple, np.argwhere(reach_of_five[..., 0] < 255))) == {(76, 124), (38, 96)}


def test_points_are_drawn_as_a_density(record):
    game = make_game(image_shape=(2,), generator="points_mlp:width=8", discriminator="points_mlp:width=8")
    beside(callbacks.Samples(record, 5, Trained.playing(game)), game).due(5, None)
    assert Image.open(record.folder.samples / "000000005.png").size == (192, 192)


class Examples:
    """Five held-out pairs: pictures of half the size with a mask, and their targets."""

    labels = None
    a = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 4), np.uint8)
    b = np.random.default_rng(1).integers(0, 256, (5, 16, 16, 3), np.uint8)

    def in_order(self):
        return tf.data.Dataset.from_tensor_slices((self.a, self.b))


class Shows(keras.Model):
    """A game that shows its examples and the negative of the targets."""

    def show(self, a, b):
        return [a, tf.constant(-b), b]


def test_sheet_of_translations_has_a_row_per_example(record):
    beside(callbacks.Translations(record, every=5, source=Examples(), count=3), Shows()).due(5, None)
    sheet = np.asarray(Image.open(record.folder.samples / "000000005.png"))
    assert sheet.shape == (3 * 18 + 2, 3 * 18 + 2, 3)
    for row in range(3):
        cells = [sheet[2 + 18 * row :][:16, 2 + 18 * column :][:, :16] for column in range(3)]
        np.testing.assert_array_equal(cells[0], Examples.a[row, ..., :3].repeat(2, 0).repeat(2, 1))
        np.testing.assert_allclose(cells[1], 255 - Examples.b[row].astype(int), atol=1)
        np.testing.assert_array_equal(cells[2], Examples.b[row])


# === Scores ===


class FakeEvaluator:
    """Looks at the images and answers with what it was given."""

    count_fake = 10

    def __init__(self, *values, name="kid", higher=False):
        self.values, self.name, self.higher, self.seen = list(values), name, higher, []

    def run(self, fakes):
        self.seen.append(np.concatenate(list(fakes)))
        value = self.values.pop(0)
        first = {"name": self.name, "value": value, "standard_error": 0.25, "higher_is_better": self.higher}
        return [first, {"name": "other", "value": 7.0, "standard_error": None, "higher_is_better": True}]


def kept(folder):
    """The score and step of the best checkpoint, and the value that marks its weights."""
    best = Folder(folder.directory).record.get("best")
    if best is None:
        return None
    game = make_game()
    game.load_weights(folder.best_checkpoint)
    return best["value"], best["step"], int(game.step.numpy())


def score_at(record, evaluator, *steps):
    """Scores at `steps`, the game's step counter being its mark; returns what was kept after each."""
    game, found = make_game(), []

    def evaluate():
        return evaluator.run(Trained.playing(game).generate(evaluator.count_fake, game.seed + 1))

    scores = beside(callbacks.Scores(record, evaluate, every=5), game)
    for step in steps:
        game.step.assign(step)
        scores.due(step, None)
        found.append(kept(record.folder))
    return found


def test_scores_are_written_and_see_the_averaged_generator(record):
    evaluator = FakeEvaluator(3.0)
    score_at(record, evaluator, 5)
    (line,) = record.folder.metrics()
    assert line["step"] == 5 and line["kimg"] == 0.02
    assert {name: line[name] for name in ("kid", "kid_standard_error", "other")} == {
        "kid": 3.0,
        "kid_standard_error": 0.25,
        "other": 7.0,
    }
    assert "other_standard_error" not in line
    game = make_game()
    wanted = to_uint8(np.asarray(game.ema(game.draw_latent(10, game.seed + 1), training=False)))
    np.testing.assert_array_equal(evaluator.seen[0], wanted)


@pytest.mark.parametrize("stopped", [True, False])
def test_a_run_that_is_told_to_stop_does_not_score_first(record, stopped):
    taken = []
    result = {"name": "kid", "value": 1.0, "standard_error": None, "higher_is_better": False}
    scores = beside(callbacks.Scores(record, lambda: taken.append(1) or [result], every=5), make_game())
    scores.on_train_batch_end(2)
    scores.model.stop_training = stopped
    scores.on_train_end()
    assert len(taken) == (0 if stopped else 1)


def test_best_checkpoint_is_kept_lower_is_better(record):
    found = score_at(record, FakeEvaluator(3.0, 5.0, 2.0, 2.0, 4.0), 5, 10, 15, 20, 25)
    assert found == [(3.0, 5, 5), (3.0, 5, 5), (2.0, 15, 15), (2.0, 15, 15), (2.0, 15, 15)]


def test_best_checkpoint_is_kept_higher_is_better(record):
    found = score_at(record, FakeEvaluator(3.0, 5.0, 2.0, higher=True), 5, 10, 15)
    assert found == [(3.0, 5, 5), (5.0, 10, 10), (5.0, 10, 10)]


def test_score_that_is_no_number_is_not_the_best(record):
    found = score_at(record, FakeEvaluator(float("nan"), 5.0, float("nan")), 5, 10, 15)
    assert found == [None, (5.0, 10, 10), (5.0, 10, 10)]


def test_best_of_a_resumed_run(record):
    score_at(record, FakeEvaluator(3.0), 5)
    resumed = callbacks.Record(Folder(record.folder.directory), batch_size=4, start=5)
    assert score_at(resumed, FakeEvaluator(4.0, 1.0), 10, 15) == [(3.0, 5, 5), (1.0, 15, 15)]
    # Another first score than before: its values are not compared with those of the old one.
    assert score_at(resumed, FakeEvaluator(40.0, name="fid"), 20) == [(40.0, 20, 20)]


# === Checkpoints ===


def test_last_checkpoints_are_kept(record):
    game = make_game()
    saver = beside(callbacks.Checkpoints(record.folder, every=5, keep=2), game)
    for step in (5, 10, 15, 20):
        game.step.assign(step)
        saver.due(step, None)
        assert record.folder.checkpoint_steps() == [known for known in (step - 5, step) if known]
    again = make_game()
    again.load_weights(record.folder.checkpoint_path(15))
    assert int(again.step.numpy()) == 15
    assert {path.name for path in record.folder.checkpoints.iterdir()} == {
        "step-000000015.weights.h5",
        "step-000000020.weights.h5",
    }


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_weights_that_are_no_numbers_are_not_saved(record, player):
    game = make_game()
    saver = beside(callbacks.Checkpoints(record.folder, every=5, keep=2), game)
    saver.due(5, None)
    game.step.assign(10)
    weight = getattr(game, player).weights[-1]
    weight.assign(np.full(weight.shape, np.inf))
    with pytest.raises(callbacks.DivergenceError) as error:
        saver.due(10, None)
    assert f"the {player}'s weight " in str(error.value) and "is NaN or infinite at step 10" in str(error.value)
    assert f"the last good checkpoint is {record.folder.checkpoint_path(5)}" in str(error.value)
    assert record.folder.checkpoint_steps() == [5]


# === Record and logs ===


def test_record_of_a_resumed_run_goes_on_where_the_checkpoint_is(record):
    for step in (1, 2, 3):
        record.add(step, {"loss": float(step)})
    with open(record.folder.metrics_path, "a") as file:
        file.write('{"step": 4, "lo')  # killed while writing
    seconds = record.folder.metrics()[1]["seconds"]
    resumed = callbacks.Record(record.folder, batch_size=4, start=2)
    resumed.add(3, {"loss": 30.0})
    lines = [json.loads(line) for line in record.folder.metrics_path.read_text().splitlines()]
    found = [(line["step"], line["kimg"], line["loss"]) for line in lines]
    assert found == [(1, 0.004, 1), (2, 0.008, 2), (3, 0.012, 30)]
    assert lines[2]["seconds"] >= seconds


def test_record_that_cannot_be_written(record):
    record.folder.metrics_path.unlink()
    record.folder.metrics_path.mkdir()
    message = f"^cannot write to {record.folder.directory}: Is a directory; .* goes on from it$"
    with pytest.raises(UserError, match=message):
        record.add(1, {"loss": 1.0})


def test_logs_count_images_and_stop_what_diverges(record):
    game, shown = make_game(), []
    bar = types.SimpleNamespace(update=lambda done, note=None: shown.append((done, note)))
    logs = beside(callbacks.Logs(record, bar, every=2, start=10), game)
    values = {"discriminator_loss": np.float32(1.25), "generator_loss": np.float32(0.5)}
    for batch in range(3):
        logs.on_train_batch_end(batch, values)
    (line,) = record.folder.metrics()
    assert line["step"] == 12 and line["discriminator_loss"] == 1.25 and line["images_per_second"] > 0
    assert shown == [(44, None), (48, "D 1.250  G 0.500"), (48, None), (52, None)]
    game.first_bad_step.assign([-1, 11])
    message = "the generator's loss or gradient is NaN or infinite at step 11; there is no checkpoint yet"
    with pytest.raises(callbacks.DivergenceError, match=message):
        logs.on_train_batch_end(3, values)


# === Signals ===


class Kill(keras.callbacks.Callback):
    """Sends signals to this process at the start of step `at`, and counts the steps."""

    def __init__(self, at, *signals):
        super().__init__()
        self.at, self.signals, self.steps = at, signals, 0

    def on_train_batch_begin(self, batch, logs=None):
        if batch == self.at:
            for number in self.signals:
                os.kill(os.getpid(), number)

    def on_train_batch_end(self, batch, logs=None):
        self.steps = batch + 1


@pytest.fixture
def handlers():
    """Notes what reaches the handlers that were there before; restores them."""
    reached = []
    before = {
        number: signal.signal(number, lambda number, frame: reached.append(signal.Signals(number).name))
        for number in callbacks.StopSignals.SIGNALS
    }
    mine = {number: signal.getsignal(number) for number in before}
    yield reached
    assert {number: signal.getsignal(number) for number in before} == mine  # the callback has put them back
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_signal_ends_the_run_after_the_step_at_hand(handlers, name):
    stop, kill, noted = callbacks.StopSignals(), Kill(3, getattr(signal, name)), Noted(100)
    fit(10, kill, noted, stop)
    assert stop.caught == name and kill.steps == 4
    assert noted.steps == [4]  # what is due at the end of a run is done: the checkpoint
    assert not handlers


def test_second_signal_is_not_held_back(handlers):
    stop = callbacks.StopSignals()
    fit(10, Kill(3, signal.SIGTERM, signal.SIGTERM), stop)
    assert handlers == ["SIGTERM"] and stop.caught == "SIGTERM"


def test_all_workers_end_behind_the_step_that_follows_a_signal_to_one(handlers):
    """What the others say stands beside this worker's own answer."""
    said = []

    def together(values):
        said.append(values)
        return np.array([values, [signal.SIGINT if len(said) == 4 else 0]])

    stop, kill = callbacks.StopSignals(together), Kill(100)
    fit(10, kill, stop)
    assert stop.caught == "SIGINT" and kill.steps == 5  # another worker's, told behind the fourth step
    said.clear()
    stop, kill = (
        callbacks.StopSignals(lambda values: said.append(values) or np.array([values, [0]])),
        Kill(3, signal.SIGTERM),
    )
    fit(10, kill, stop)
    assert stop.caught == "SIGTERM" and kill.steps == 5 and said == [[0]] * 3 + [[signal.SIGTERM]] * 2


def test_run_without_signals_ends_by_itself(handlers):
    stop, kill = callbacks.StopSignals(), Kill(3)
    fit(10, kill, stop)
    assert stop.caught is None and kill.steps == 10
