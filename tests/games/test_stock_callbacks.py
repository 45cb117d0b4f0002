"""Every callback of Keras beside a game; what is refused is refused in one line."""

import csv
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from test_keras_game import assert_same, compiled, fit, state, tiny

from keras_gans.callbacks import Logs
from keras_gans.errors import UserError
from keras_gans.games.keras_game import REFUSED

callbacks = keras.callbacks


def rates(game):
    return [float(game.optimizer_of(player).learning_rate) for player in ("generator", "discriminator")]


def test_every_callback_of_keras_is_tried_here_or_refused():
    with open(__file__, encoding="utf-8") as file:
        text = file.read()
    told = {"Callback", "CallbackList", "History", "ProgbarLogger"}  # what the others are made of, and what `fit` adds
    stock = {name for name in dir(callbacks) if name[0].isupper()} - told
    assert {name for name in stock if f"callbacks.{name}(" in text} == stock - set(REFUSED)


def test_model_checkpoint_whole(tmp_path):
    game = compiled()
    keep = callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras")
    fit(game, epochs=2, callbacks=[keep])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.keras", "2.keras"]
    loaded = keras.saving.load_model(tmp_path / "1.keras")
    fit(loaded)
    assert_same(state(loaded), state(game))


def test_model_checkpoint_weights_alone(tmp_path):
    game = compiled()
    fit(game, callbacks=[callbacks.ModelCheckpoint(tmp_path / "game.weights.h5", save_weights_only=True)])
    again = compiled()
    again.load_weights(tmp_path / "game.weights.h5")
    assert_same(state(again), state(game))


def test_early_stopping_brings_back_the_best():
    game = compiled()
    seen = []
    note = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(game.get_weights()))
    stop = callbacks.EarlyStopping("generator_loss", mode="min", min_delta=1e9, patience=2, restore_best_weights=True)
    fit(game, epochs=9, callbacks=[note, stop])
    assert len(seen) == 3
    assert_same(game.get_weights(), seen[0])


def test_reduce_on_plateau_lowers_the_rates_of_all_players():
    game = tiny()
    game.compile({"generator": "adam:learning_rate=0.5", "discriminator": "sgd:learning_rate=0.25"})
    plateau = callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=1e9)
    history = fit(game, epochs=3, callbacks=[plateau]).history
    assert rates(game) == [0.125, 0.0625]
    np.testing.assert_allclose(history["learning_rate_generator"], [0.5, 0.5, 0.25])


def test_learning_rate_scheduler_asks_for_each_player():
    game = tiny()
    game.compile({"generator": "adam:learning_rate=0.5", "discriminator": "sgd:learning_rate=0.25"})
    fit(game, epochs=3, callbacks=[callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2 if epoch else rate)])
    assert rates(game) == [0.125, 0.0625]


def test_tensorboard(tmp_path):
    game = compiled()
    fit(game, callbacks=[callbacks.TensorBoard(tmp_path, update_freq=1, histogram_freq=1)])
    tags = set()
    for path in tmp_path.rglob("events*"):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            tags |= {value.tag for value in event.summary.value}
    assert {"epoch_generator_loss", "batch_generator_loss", "epoch_learning_rate_discriminator"} <= tags


def test_csv_logger(tmp_path):
    history = fit(compiled(), epochs=2, callbacks=[callbacks.CSVLogger(tmp_path / "log.csv")]).history
    with open(tmp_path / "log.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    np.testing.assert_allclose([float(row["generator_loss"]) for row in rows], history["generator_loss"], rtol=1e-6)


def test_backup_and_restore_goes_on_bit_for_bit(tmp_path):
    whole, game = compiled(), compiled()
    game.set_weights(whole.get_weights())
    fit(whole, epochs=3)

    def fall(epoch, logs):
        if epoch == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        beside = [callbacks.BackupAndRestore(tmp_path / "backup"), callbacks.LambdaCallback(on_epoch_begin=fall)]
        fit(game, epochs=3, callbacks=beside)
    again = compiled()
    fit(again, epochs=3, callbacks=[callbacks.BackupAndRestore(tmp_path / "backup")])
    assert int(again.step) == 6
    assert_same(state(again), state(whole))


def test_terminate_on_nan():
    game = compiled()
    game.generator.set_weights([weight * np.nan for weight in game.generator.get_weights()])
    fit(game, 64, epochs=3, callbacks=[callbacks.TerminateOnNaN()])
    assert int(game.step) == 1


def test_remote_monitor(monkeypatch):
    sent = []

    class Requests:
        class exceptions:
            RequestException = OSError

        @staticmethod
        def post(url, data=None, json=None, headers=None):
            sent.append((url, data or json))

    monkeypatch.setattr("keras.src.callbacks.remote_monitor.requests", Requests)
    fit(compiled(), callbacks=[callbacks.RemoteMonitor("http://nowhere")])
    ((url, data),) = sent
    said = json.loads(data["data"]) if isinstance(data.get("data"), str) else data
    assert url.startswith("http://nowhere") and "generator_loss" in said


def test_lambda_callback_sees_the_step_at_hand_and_the_mean_of_the_epoch():
    batches, epochs = [], []
    beside = callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: batches.append(float(logs["generator_loss"])),
        on_epoch_end=lambda epoch, logs: epochs.append(float(logs["generator_loss"])),
    )
    fit(compiled(), callbacks=[beside])
    assert len(batches) == 2 and batches[0] != batches[1]
    np.testing.assert_allclose(epochs, [np.mean(batches)], rtol=1e-5)


class Recorded:
    """In the place of a `Record`."""

    folder, batch_size = None, 8

    def __init__(self):
        self.lines = []

    def add(self, step, values):
        self.lines.append((step, values))

    def update(self, *_):
        """In the place of the progress bar."""


def test_our_own_logs_are_those_of_the_step_at_hand(monkeypatch):
    batches, record = [], Recorded()
    note = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: batches.append(dict(logs)))
    fit(compiled(), 24, callbacks=[note, Logs(record, record, every=2)])
    assert [step for step, _ in record.lines] == [2, 3]  # and at the end
    for step, values in record.lines:
        logs = {name: float(value) for name, value in batches[step - 1].items() if name != "loss"}
        assert values == logs | {"images_per_second": values["images_per_second"]}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_callbacks_say_why(name):
    class Stock(callbacks.Callback):
        pass

    Stock.__name__ = name  # OrbaxCheckpoint needs a package to be made at all
    with pytest.raises(UserError, match=f"no {name} here: ") as caught:
        fit(compiled(), callbacks=[Stock()])
    assert "\n" not in str(caught.value)
    assert REFUSED[name] in str(caught.value)
