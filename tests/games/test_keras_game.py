"""Games as Keras models: what a user of Keras types, and what comes of it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import configured, randomness
from keras_gans.errors import UserError
from keras_gans.games.cyclegan import CycleGAN
from keras_gans.games.game import Game
from keras_gans.games.gan import GAN
from keras_gans.games.pix2pix import Pix2Pix
from keras_gans.optimizers import Adam
from keras_gans.registry import AUGMENTS, LOSSES, PENALTIES, RECONSTRUCTIONS

LATENTS = np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32)


def generator():
    return keras.Sequential([keras.Input([4]), keras.layers.Dense(64, activation="tanh"), keras.layers.Reshape([8, 8, 1])])


def discriminator(channels=1):
    return keras.Sequential([keras.Input([8, 8, channels]), keras.layers.Flatten(), keras.layers.Dense(1)])


def translating(channels=1):
    return keras.Sequential([keras.Input([8, 8, channels]), keras.layers.Conv2D(1, 3, padding="same", activation="tanh")])


def tiny(loss="hinge", **kwargs):
    return GAN(generator(), discriminator(), loss, **kwargs)


def images(count=16, dtype=np.uint8, seed=0):
    drawn = np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 1), np.uint8)
    return drawn if dtype == np.uint8 else (drawn / 127.5 - 1).astype(dtype)


def fit(game, count=16, epochs=1, **kwargs):
    return game.fit(images(count), batch_size=8, epochs=epochs, verbose=0, shuffle=False, **kwargs)


def state(game):
    """Everything that the game's continuation depends on."""
    variables = [*game.weights, *game.optimizer.variables]
    return [np.asarray(variable) for variable in variables]


def assert_same(one, two):
    assert len(one) == len(two)
    for first, second in zip(one, two):
        np.testing.assert_array_equal(first, second)


# === compile ===


@pytest.mark.parametrize(
    "arguments, named, rates",
    [
        ([], {}, (2e-4, 2e-4)),
        (["adam:learning_rate=0.5"], {}, (0.5, 0.5)),
        ([Adam(0.25)], {}, (0.25, 0.25)),
        ([{"generator": "sgd:learning_rate=0.5", "discriminator": Adam(0.25)}], {}, (0.5, 0.25)),
        ([Adam(0.5), Adam(0.25)], {}, (0.5, 0.25)),
        ([], {"generator_optimizer": "adam:learning_rate=0.5", "discriminator_optimizer": Adam(0.25)}, (0.5, 0.25)),
        (["adamw"], {}, (1e-3, 1e-3)),  # not ours: Keras's, with its defaults
    ],
)
def test_optimizers_however_they_are_given(arguments, named, rates):
    game = tiny()
    game.compile(*arguments, **named)
    given = [game.generator_optimizer, game.discriminator_optimizer]
    np.testing.assert_allclose([float(one.learning_rate) for one in given], rates, rtol=1e-6)
    assert given[0] is not given[1] and all(one.built for one in given)


@pytest.mark.parametrize(
    "mistake, said",
    [
        (lambda: tiny("hing"), "unknown loss 'hing'.*did you mean 'hinge'"),
        (lambda: tiny(keras.losses.MeanSquaredError()), "is no loss: it lacks discriminator and generator"),
        (lambda: tiny(penalties="r3"), "unknown penalty 'r3'"),
        (lambda: tiny(augment="adda"), "unknown augmentation 'adda'"),
        (lambda: tiny().compile("hinge"), "unknown optimizer 'hinge'"),
        (lambda: tiny().compile(3), "an optimizer should be text"),
        (lambda: tiny().compile("adam", loss="hinge"), r"part of the game, as in GAN\(..., loss='hinge'\)"),
        (lambda: tiny().compile({"generator": "adam"}), "discriminator and generator; .* optimizers for generator$"),
        (lambda: tiny().compile("adam", critic_optimizer="adam"), "not both"),
        (lambda: tiny().compile(metrics=["fidd"]), "unknown metric 'fidd'"),
        (lambda: tiny().compile(metrics=[keras.metrics.Mean()]), "names of scores, such as 'kid'"),
        (lambda: compiled().evaluate(images()), "compile was given none"),
        (lambda: fit(compiled(), validation_split=0.5), "compile was given none"),
        (lambda: fit(compiled(), class_weight={0: 1.0}), "no use for class_weight"),
        (lambda: fit(compiled(), callbacks=[keras.callbacks.SwapEMAWeights()]), "no SwapEMAWeights here: .*ema_kimg"),
    ],
)
def test_mistakes_are_said_in_one_line(mistake, said):
    with pytest.raises(UserError, match=said) as caught:
        mistake()
    assert "\n" not in str(caught.value)


def compiled(**kwargs):
    game = tiny(**kwargs)
    game.compile("adam")
    return game


def test_float16_networks_get_a_scaled_loss():
    keras.config.set_dtype_policy("mixed_float16")
    networks = generator(), discriminator()
    keras.config.set_dtype_policy("float32")
    game = GAN(*networks, "hinge")
    game.compile("adam")
    for player in game.players:
        assert isinstance(game.optimizer_of(player), keras.optimizers.LossScaleOptimizer)


# === fit ===


@pytest.mark.parametrize("steps_per_execution", [1, 2])
def test_logs_of_an_epoch_are_means_over_its_steps(steps_per_execution):
    noted = {1: [], steps_per_execution: []}
    start = tiny().get_weights()
    for steps, logs_of_batches in noted.items():
        game = tiny()
        game.set_weights(start)
        game.compile("adam:learning_rate=0.1", steps_per_execution=steps)
        note = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs, noted=logs_of_batches: noted.append(dict(logs))
        )
        history = fit(game, 32, epochs=2, callbacks=[note]).history
    each, noted = noted[1], noted[steps_per_execution]
    assert len(each) == 8 and len(noted) == 8 // steps_per_execution
    for name in ("generator_loss", "discriminator_gradient_norm", "loss"):
        values = np.array([float(logs[name]) for logs in each]).reshape(2, 4)
        assert np.ptp(values, axis=1).min() > 1e-4  # a mean that is no last value
        np.testing.assert_allclose(history[name], values.mean(axis=1), rtol=1e-4)
    for logs in noted:
        np.testing.assert_allclose(logs["loss"], logs["generator_loss"] + logs["discriminator_loss"], rtol=1e-5)


@pytest.mark.parametrize("form", ["float32", "float64", "dataset", "uint8 dataset"])
def test_arrays_and_datasets_are_one(form):
    wanted = compiled()
    start = wanted.get_weights()
    fit(wanted)
    game = compiled()
    game.set_weights(start)
    if "dataset" in form:
        x = images() if form.startswith("uint8") else images(dtype=np.float32)
        game.fit(tf.data.Dataset.from_tensor_slices(x).batch(8), verbose=0)
    else:
        game.fit(images(dtype=form), batch_size=8, verbose=0, shuffle=False)
    for one, two in zip(game.get_weights(), wanted.get_weights()):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


def test_train_on_batch_is_a_step_of_fit():
    wanted, game = compiled(), compiled()
    game.set_weights(wanted.get_weights())
    history = fit(wanted, 8).history
    logs = game.train_on_batch(images(8), return_dict=True)
    np.testing.assert_allclose(logs["generator_loss"], history["generator_loss"], rtol=1e-6)
    assert_same(state(game), state(wanted))


# === predict and evaluate ===


def test_predict_draws_with_the_averaged_generator():
    game = compiled()
    game.ema.set_weights([weight + 0.1 for weight in game.ema.get_weights()])
    wanted = np.asarray(game.ema(LATENTS))
    np.testing.assert_allclose(game.predict(LATENTS, batch_size=4, verbose=0), wanted, atol=1e-6)
    assert np.abs(np.asarray(game.generator(LATENTS)) - wanted).max() > 1e-4


def test_predict_translates():
    game = Pix2Pix(translating(), discriminator(2), "non_saturating", reconstructions="l1:weight=10")
    game.compile("adam", metrics=["psnr"])
    x, y = images(8, np.float32), images(8, np.float32, seed=1)
    game.fit(x, y, batch_size=4, verbose=0)
    made = game.predict(x, batch_size=4, verbose=0)
    np.testing.assert_allclose(made, np.asarray(game.translate(x)), atol=1e-6)
    uint8 = np.clip(np.floor(made * 127.5 + 128), 0, 255)
    error = np.mean((uint8 - images(8, seed=1)) ** 2, axis=(1, 2, 3))
    wanted = np.mean(10 * np.log10(255**2 / error))
    np.testing.assert_allclose(game.evaluate(x, y, verbose=0), wanted, rtol=1e-4)


class Pixels:
    """An extractor whose features are the first pixels."""

    name, dims, batch_size, classes = "pixels", 8, 64, None

    def extract(self, images):
        return images.reshape(len(images), -1)[:, :8].astype(np.float32) / 255, None

    def protocol(self):
        return {"extractor": "pixels", "weights_sha256": "00", "resize": "none"}


def test_scores_by_evaluate_and_while_training(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_GANS_CACHE", str(tmp_path))
    game = tiny()
    game.compile("sgd:learning_rate=0", metrics=["fd", "precision_recall"], features=Pixels())
    held_out = images(32, seed=3)
    history = fit(game, epochs=2, validation_data=held_out).history
    scores = game.evaluate(held_out, verbose=0, return_dict=True)
    assert list(scores) == ["fd_pixels", "precision_pixels", "recall_pixels"]
    assert game.evaluate(tf.data.Dataset.from_tensor_slices(held_out).batch(5), verbose=0) == list(scores.values())
    for name, value in scores.items():
        np.testing.assert_allclose(history[f"val_{name}"], [value, value], rtol=1e-6)


# === save ===


@keras.saving.register_keras_serializable("tests")
class Critic(keras.Model):
    """A subclassed network with a config."""

    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.flatten, self.hidden, self.out = keras.layers.Flatten(), keras.layers.Dense(width), keras.layers.Dense(1)

    def call(self, images, training=False):
        return self.out(keras.ops.relu(self.hidden(self.flatten(images))))

    def get_config(self):
        return super().get_config() | {"width": self.width}


@keras.saving.register_keras_serializable("tests")
class Artist(keras.Model):
    """A subclassed generator, which says how wide its latent is."""

    latent_dim = 4

    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.hidden, self.out = keras.layers.Dense(width), keras.layers.Dense(64, activation="tanh")

    def call(self, latents, training=False):
        return keras.ops.reshape(self.out(self.hidden(latents)), [-1, 8, 8, 1])

    def get_config(self):
        return super().get_config() | {"width": self.width}


def subclassed():
    networks = Artist(3), Critic(5)
    for network, shape in zip(networks, ([1, 4], [1, 8, 8, 1])):
        network(np.zeros(shape, np.float32))
    return GAN(*networks, "hinge", ema_kimg=1.0)


def cyclegan():
    networks = translating(), translating(), discriminator(), discriminator()
    return CycleGAN(*networks, "least_squares", image_shapes=[(8, 8, 1), (8, 8, 1)], pool_size=3)


GAMES = {
    "names": lambda: tiny(
        penalties=["r1:weight=1", "weight_clipping"], augment="ada:p=0.5,pipe=xflip", seed=3, ema_kimg=1.0
    ),
    "objects": lambda: tiny(LOSSES.create("least_squares:a=-1"), augment=AUGMENTS.create("diffaugment:policy=color")),
    "subclassed": subclassed,
    "cyclegan": cyclegan,
}


@pytest.mark.parametrize("name", GAMES)
def test_saved_whole_it_goes_on_bit_for_bit(name, tmp_path):
    game = GAMES[name]()
    game.compile({"generator": "adam:learning_rate=0.01", "discriminator": "rmsprop"}, steps_per_execution=2)
    x = (images(16, np.float32),) * (2 if name == "cyclegan" else 1)
    game.fit(*x, batch_size=4, verbose=0, shuffle=False)
    game.save(tmp_path / "game.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["game.keras"]
    loaded = keras.saving.load_model(tmp_path / "game.keras")
    assert type(loaded) is type(game) and int(loaded.step) == 4 and loaded.steps_per_execution == 2
    assert_same(state(loaded), state(game))
    for one in (game, loaded):
        one.fit(*x, batch_size=4, verbose=0, shuffle=False)
    assert_same(state(loaded), state(game))
    inputs = x[0] if name == "cyclegan" else LATENTS
    np.testing.assert_array_equal(loaded.predict(inputs, verbose=0), game.predict(inputs, verbose=0))


def test_a_save_that_fails_leaves_what_was_there(tmp_path):
    class Mine:
        relativistic = False

        def discriminator(self, real, fake):
            return fake - real

        def generator(self, real, fake):
            return -fake

    game = compiled(loss=Mine())
    with pytest.raises(UserError, match="GAN: loss is a Mine, which cannot be saved; give that class get_config") as caught:
        game.save(tmp_path / "game.keras")
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())
    compiled().save(tmp_path / "game.keras")
    before = (tmp_path / "game.keras").read_bytes()
    with pytest.raises(UserError, match="cannot be saved"):
        game.save(tmp_path / "game.keras")
    assert (tmp_path / "game.keras").read_bytes() == before and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("registry", [LOSSES, PENALTIES, AUGMENTS, RECONSTRUCTIONS], ids=lambda registry: registry.kind)
def test_every_part_is_made_again_from_its_config(registry):
    for name in registry.names():
        if name in ("perceptual", "lpips"):  # need a weight file
            continue
        part = registry.create(name)
        again = configured.loaded(configured.saved(part, name))
        assert type(again) is type(part) and again.get_config() == part.get_config()


class Nameless(keras.Model):
    """A subclassed generator of which Keras knows nothing but how to call it."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.norm = layer, keras.layers.BatchNormalization()

    def call(self, latents, training=False):
        return keras.ops.reshape(self.norm(self.layer(latents), training=training), [-1, 8, 8, 1])


def test_a_subclassed_generator_without_a_config_is_averaged(tmp_path):
    network = Nameless(keras.layers.Dense(64))
    with pytest.raises(UserError, match="Nameless has no weights yet; call it once"):
        GAN(network, discriminator(), "hinge")
    network(np.zeros([1, 4], np.float32))
    game = GAN(network, discriminator(), "hinge", ema_kimg=1.0)
    with pytest.raises(UserError, match="how wide its latent is; give it the attribute latent_dim"):
        game.draw_latent(1, 0)
    network.latent_dim = 4
    game.compile("adam:learning_rate=0.1")
    fit(game, 32)
    trained, averaged = game.generator.get_weights(), game.ema.get_weights()
    assert [weight.shape for weight in trained] == [weight.shape for weight in averaged]
    made = game.predict(LATENTS, verbose=0)
    game.generator.set_weights(averaged)
    np.testing.assert_allclose(made, np.asarray(network(LATENTS)), atol=1e-5)
    game.generator.set_weights(trained)
    assert np.abs(made - np.asarray(network(LATENTS))).max() > 1e-3
    with pytest.raises(UserError, match="GAN: generator is a Nameless, which cannot be saved"):
        game.save(tmp_path / "game.keras")
    game.save_weights(tmp_path / "game.weights.h5")
    game.ema.set_weights([weight + 1 for weight in averaged])
    game.load_weights(tmp_path / "game.weights.h5")
    assert_same(game.ema.get_weights(), averaged)


# === any number of players ===


class Three(Game):
    """An encoder learns to find the latent again."""

    players = {"discriminator": ("discriminator",), "generator": ("generator",), "encoder": ("encoder",)}

    def train_step(self, data):
        latent = randomness.normal(self.step_seed(), [tf.shape(data)[0], 4])
        with tf.GradientTape(persistent=True) as tape:
            fake = self.generator(latent, training=True)
            real_logits, fake_logits = self.discriminator(data), self.discriminator(fake)
            losses = {
                "discriminator": tf.reduce_mean(tf.nn.softplus(fake_logits) + tf.nn.softplus(-real_logits), 1),
                "generator": tf.reduce_mean(tf.nn.softplus(-fake_logits), 1),
                "encoder": tf.reduce_mean((self.encoder(tf.stop_gradient(fake)) - latent) ** 2, 1),
            }
            objectives = {player: self.objective(loss, self.optimizer_of(player)) for player, loss in losses.items()}
        logs = {f"{player}_loss": tf.reduce_mean(loss) for player, loss in losses.items()}
        for player, objective in objectives.items():
            logs[f"{player}_gradient_norm"] = self.descend(objective, tape, player)
        return self.finish_step(logs, images_seen=tf.shape(data)[0])


def test_a_game_of_three_players():
    encoder = keras.Sequential([keras.Input([8, 8, 1]), keras.layers.Flatten(), keras.layers.Dense(4)])
    game = Three({"generator": generator(), "discriminator": discriminator(), "encoder": encoder})
    with pytest.raises(UserError, match="Three is played by discriminator and generator and encoder"):
        game.compile({"generator": "adam", "discriminator": "adam"})
    game.compile("adam:learning_rate=0.01")
    before = game.encoder.get_weights()[0]
    history = fit(game, 32, epochs=3).history
    assert history["encoder_loss"][-1] < history["encoder_loss"][0]
    assert np.abs(game.encoder.get_weights()[0] - before).max() > 1e-3
    assert [player.name for player in game.optimizer.optimizers] == ["discriminator", "generator", "encoder"]
