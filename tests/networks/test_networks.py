"""What holds for every registered network; see `network_cases.py`."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from network_cases import CASES, SIDE, inputs_of

from keras_gans import registry
from keras_gans.errors import UserError
from keras_gans.games.game import power_iterate
from keras_gans.layers.progressive import Fade
from keras_gans.networks.style_network import StyleNetwork
from keras_gans.networks.translator import Translator

every_case = pytest.mark.parametrize("case", CASES, ids=str)
with_sizes = pytest.mark.parametrize("case", [case for case in CASES if case.sizes], ids=str)


@functools.cache
def small(case):
    """The small version of `case` as it starts, shared by the tests that do not train it."""
    return case.build()


@functools.cache
def shaken(case):
    """The small version of `case` with every weight moved off its initial value, so that no path starts at zero.

    Of growing networks all resolutions are halfway in. Shared by tests that move batch norm's statistics, but no
    trainable weight.
    """
    network = case.build()
    random = np.random.default_rng(2)
    for variable in network.trainable_variables:
        variable.assign_add(random.normal(scale=0.1, size=variable.shape))
    power_iterate(network)  # spectral norms of these weights
    for layer in network._flatten_layers():
        if isinstance(layer, Fade):
            layer.alpha.assign(0.5)
    return network


def flat(outputs):
    """Outputs as one float array [batch, values]."""
    return np.concatenate([np.reshape(part, (len(part), -1)) for part in tf.nest.flatten(outputs)], axis=1)


def training_pass(network, inputs):
    """The training outputs, and the gradients of their squares' sum, for each weight."""
    with tf.GradientTape() as tape:
        outputs = network(inputs, training=True)
        value = sum(tf.reduce_sum(part**2) for part in tf.nest.flatten(outputs))
    gradients = tape.gradient(value, network.trainable_variables)
    return outputs, [None if gradient is None else tf.convert_to_tensor(gradient) for gradient in gradients]


def test_no_registered_network_is_missing_from_the_cases():
    registered = {("generator", name) for name in registry.GENERATORS.names()}
    registered |= {("discriminator", name) for name in registry.DISCRIMINATORS.names()}
    assert registered == {(case.kind, case.name) for case in CASES}


@with_sizes
def test_builds_at_the_smallest_and_the_largest_size(case):
    for size in {min(case.sizes), max(case.sizes)}:
        network = case.build(size)
        image = network.output if case.kind == "generator" else network.inputs[0]
        assert tuple(image.shape) == (None, size, size, network.channels)


@pytest.mark.parametrize("case", [case for case in CASES if case.sizes and 28 not in case.sizes], ids=str)
def test_another_size_is_refused_in_one_line(case):
    registered = registry.GENERATORS if case.kind == "generator" else registry.DISCRIMINATORS
    with pytest.raises(UserError, match="^[^\n]*image_size must be[^\n]*, not 28$"):
        registered.create(case.name, image_size=28, **dict(case.small))


@every_case
def test_answers_are_finite_float32_of_the_promised_shape(case):
    network = small(case)
    outputs = network(inputs_of(network), training=False)
    for part in tf.nest.flatten(outputs):
        assert part.dtype == tf.float32
        assert np.isfinite(part).all()
    if case.kind == "generator" and case.sizes:
        assert outputs.shape == (4, network.image_size, network.image_size, network.channels)
    elif isinstance(outputs, dict):
        assert {name: part.shape for name, part in outputs.items()} == {
            "logits": (4, 1),
            "class_logits": (4, network.num_classes),
        }
    elif case.name in ("began", "points_autoencoder"):
        assert outputs.shape == (4, *network.inputs[0].shape[1:])
    elif isinstance(network, Translator):
        assert outputs.shape == (4, network.scale * SIDE, network.scale * SIDE, network.channels)
    elif case.name == "patchgan":
        side = SIDE // 2**network.convolutions - (2 if network.convolutions else 0)
        assert outputs.shape == (4, side, side, 1)
    elif case.name == "multiscale":
        assert [part.shape for part in outputs] == [(4, 11, 11, 1), (4, 7, 7, 1)]
    elif case.name == "cartoongan":
        assert outputs.shape == (4, SIDE // 4, SIDE // 4, 1)
    elif case.name == "unet_sn":
        assert outputs.shape == (4, SIDE, SIDE, 1)
    elif case.name == "sn_patchgan":
        assert outputs.shape == (4, 1, 1, 4 * network.width)
    elif case.name == "projected":
        assert outputs.shape == (4, 3 * 5 * 5 + 1)  # heads that end at 8, 8, 8 and 4 pixels
    elif case.kind == "discriminator":
        assert outputs.shape == (4, 25 if case.name == "fastgan" else 1)


@every_case
def test_every_input_matters(case):
    network = shaken(case)
    inputs = tf.nest.flatten(inputs_of(network))
    other = tf.nest.flatten(inputs_of(network, seed=1))
    before = flat(network(inputs if len(inputs) > 1 else inputs[0], training=False))
    for index in range(len(inputs)):
        changed = [*inputs]
        changed[index] = other[index]
        if "int" in str(changed[index].dtype):
            changed[index] = (inputs[index] + 1) % network.num_classes
        after = flat(network(changed if len(inputs) > 1 else changed[0], training=False))
        assert np.abs(after - before).max() > 1e-6


@every_case
def test_every_weight_gets_a_gradient(case):
    network = shaken(case)
    _, gradients = training_pass(network, inputs_of(network))
    for variable, gradient in zip(network.trainable_variables, gradients):
        assert gradient is not None, variable.path
        assert np.isfinite(gradient).all(), variable.path
        assert np.abs(gradient).max() > 0, variable.path


@every_case
def test_keras_file_round_trip(case, tmp_path):
    network = shaken(case)
    network.save(tmp_path / "network.keras")
    again = keras.models.load_model(tmp_path / "network.keras")
    assert type(again) is type(network)
    assert again.get_config() == network.get_config()
    for weight, other in zip(network.weights, again.weights, strict=True):
        np.testing.assert_array_equal(weight, other)
    inputs = inputs_of(network)
    np.testing.assert_array_equal(flat(again(inputs, training=False)), flat(network(inputs, training=False)))


# Of a network's versions the last has all that the others have.
LAST = list({(case.kind, case.name): case for case in CASES}.values())


@pytest.mark.parametrize(
    "policy, case",
    [("mixed_bfloat16", case) for case in CASES]
    + [("mixed_float16", case) for case in LAST if ("encoder", "vgg16") not in case.small],  # slow in float16 on a CPU
    ids=str,
)
def test_half_precision(policy, case):
    """Built under the policy, used under float32: same weights, float32 answers near the float32 network's."""
    keras.config.set_dtype_policy(policy)
    try:
        network = case.build()
    finally:
        keras.config.set_dtype_policy("float32")
    assert {weight.dtype for weight in network.trainable_weights} == {"float32"}
    layers = network._flatten_layers(include_self=False)
    assert any(layer.compute_dtype == policy.removeprefix("mixed_") for layer in layers)
    inputs = inputs_of(network)
    outputs = network(inputs, training=False)
    assert all(part.dtype == tf.float32 for part in tf.nest.flatten(outputs))
    expected = flat(small(case)(inputs, training=False))
    # bfloat16 has 8 bits: 2^-9 a rounding, some tens of them on the way.
    # A style scales each of the maps, here by N(0, 1).
    tolerance = 0.2 if isinstance(network, StyleNetwork) else 0.06
    assert np.abs(flat(outputs) - expected).max() <= tolerance * np.abs(expected).max() + 1e-6
    for variable, gradient in zip(network.trainable_variables, training_pass(network, inputs)[1]):
        assert np.isfinite(gradient).all(), variable.path


# Networks that are made of the layers of others are left out: StyleGAN2's generator stands for the other
# growing ones, SAGAN's two for SNGAN's and WGAN-GP's, DCGAN's for those with labels, DeepFill's for holes,
# CycleGAN's for CartoonGAN's, multi_style's for arbitrary_style's.
OF_OTHERS = """
    acgan arbitrary_style cartoongan cdcgan cgan dncnn gated points_autoencoder points_mlp progan sn_patchgan sngan srgan
    stylegan vgg_style wgan_gp_resnet
""".split()
COMPILED = [case for case in LAST if case.name not in OF_OTHERS and (case.kind, case.name) != ("discriminator", "stylegan2")]


@pytest.mark.slow
@pytest.mark.parametrize("case", COMPILED, ids=str)
def test_compiled_by_xla(case):
    network = shaken(case)
    inputs = inputs_of(network)
    outputs, gradients = training_pass(network, inputs)
    compiled_outputs, compiled_gradients = tf.function(training_pass, jit_compile=True)(network, inputs)
    np.testing.assert_allclose(flat(compiled_outputs), flat(outputs), rtol=1e-4, atol=5e-5)
    largest = max(np.abs(gradient).max() for gradient in gradients)
    for variable, gradient, compiled in zip(network.trainable_variables, gradients, compiled_gradients):
        # A bias in front of a norm has no gradient but rounding noise, whose size goes by the other gradients.
        tolerance = 1e-3 * np.abs(gradient).max() + 1e-5 * largest
        np.testing.assert_allclose(compiled, gradient, rtol=0, atol=tolerance, err_msg=variable.path)
