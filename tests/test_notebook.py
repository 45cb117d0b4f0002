"""What a user of Keras writes in a notebook, and the example of the README: both run."""

import pathlib
import re

import keras
import numpy as np
import tensorflow as tf

import keras_gans as kg

README = pathlib.Path(__file__).parents[1] / "README.md"


def test_own_networks_stock_callbacks_save_load_continue_predict_export(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_GANS_CACHE", str(tmp_path / "cache"))
    images = np.random.default_rng(0).integers(0, 256, (48, 32, 32, 1), np.uint8)
    generator = keras.Sequential(
        [
            keras.Input([16]),
            keras.layers.Dense(8 * 8 * 4, activation="relu"),
            keras.layers.Reshape([8, 8, 4]),
            keras.layers.Conv2DTranspose(4, 4, 2, "same"),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.Conv2DTranspose(1, 4, 2, "same", activation="tanh"),
        ]
    )
    discriminator = keras.Sequential(
        [
            keras.Input([32, 32, 1]),
            keras.layers.Conv2D(4, 4, 2, "same"),
            keras.layers.LeakyReLU(0.2),
            keras.layers.Flatten(),
            keras.layers.Dense(1),
        ]
    )
    game = kg.games.GAN(generator, discriminator, loss="hinge", penalties=["r1:weight=1"], ema_kimg=0.1)
    game.compile(
        {"generator": "adam", "discriminator": keras.optimizers.AdamW(4e-4)}, metrics=["kid:subsets=2"], features="fashion"
    )
    beside = [
        keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", "val_kd_fashion", mode="min", save_best_only=True),
        keras.callbacks.ReduceLROnPlateau("generator_loss", mode="min"),
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        keras.callbacks.TerminateOnNaN(),
    ]
    history = game.fit(images[:32], batch_size=16, epochs=2, validation_data=images[32:], callbacks=beside, verbose=0)
    assert len(history.history["val_kd_fashion"]) == 2 and (tmp_path / "best.keras").is_file()

    game.save(tmp_path / "game.keras")
    again = keras.saving.load_model(tmp_path / "game.keras")
    for one in (game, again):
        one.fit(images, batch_size=16, epochs=1, shuffle=False, verbose=0)
    latents = game.draw_latent(5, seed=1)
    made = again.predict(latents, verbose=0)
    np.testing.assert_array_equal(made, game.predict(latents, verbose=0))
    assert made.shape == (5, 32, 32, 1) and np.abs(made).max() <= 1

    version = kg.export.saved_model(again, tmp_path / "served")
    served = tf.saved_model.load(str(version)).signatures["serving_default"]
    (name,) = [name for name in served.structured_input_signature[1] if "latent" in name or "input" in name]
    (images_out,) = [value for value in served(**{name: latents}).values() if value.shape.rank == 4]
    np.testing.assert_allclose(images_out, made, atol=1e-5)
    (phone,) = kg.export.tflite(again, tmp_path / "phone")
    assert phone.stat().st_size > 1000 and phone.suffix == ".tflite"


def test_example_of_the_readme(tmp_path, monkeypatch):
    """As it stands, but for a smaller network and fewer images, so that it takes seconds."""
    code = re.search(r"## From Python\n+```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[1]
    assert len([line for line in code.splitlines() if line.strip()]) == 6
    small = code.replace("width=64", "width=2")
    monkeypatch.setenv("KERAS_GANS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(small, "README.md", "exec"), names)
    assert names["shirts"].shape == (64, 32, 32, 1)
    assert int(names["game"].step) == 125
    assert (tmp_path / "models/shirts/1/saved_model.pb").is_file()
