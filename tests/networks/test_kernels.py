"""Every network that takes a kernel made for a CPU, on a machine with a card, which is faked: its graph has none of them."""

import collections
import pathlib

import pytest
import tensorflow as tf
from network_cases import CASES, inputs_of

import keras_gans
from keras_gans import kernels
from keras_gans.kernels import dispatch, switch

ROOT = pathlib.Path(keras_gans.__file__).parent
MADE_FOR_A_CPU = {*dispatch.CONVOLVING, *dispatch.TRANSPOSING, *dispatch.NORMALIZING}
ON_A_CPU = {  # what some networks, as narrow as these, are known to take there
    "generator-dcgan": {"four_by_four"},
    "discriminator-dcgan": {"four_by_four"},
    "generator-cdcgan": {"four_by_four"},
    "discriminator-cdcgan": {"four_by_four"},
    "generator-r3gan": {"groups"},
    "discriminator-r3gan": {"groups"},
    "generator-progan": {"four_by_four"},
    "discriminator-progan": {"four_by_four"},
    "generator-stylegan": {"four_by_four", "instance_norm"},
    "discriminator-stylegan": {"four_by_four"},
    "generator-unet": {"four_by_four", "instance_norm"},
    "generator-resnet": {"instance_norm"},
    "discriminator-patchgan": {"few_filters"},
    "generator-srresnet": {"few_filters"},
    "discriminator-srgan": {"halving"},
    "generator-adain": {"instance_norm"},
    "generator-arbitrary_style": {"instance_norm"},
    "generator-multi_style": {"instance_norm"},
}


def operations(network, inputs):
    """Counts the operations of a training pass by type, of all functions in its graph.

    Gradients follow from them: those of a kernel are made by its custom gradient, an IdentityN.
    """
    graph = tf.function(lambda: network(inputs, training=True), autograph=False).get_concrete_function().graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    counted = collections.Counter(node.op for node in nodes)
    del counted["NoOp"]  # which asks for the device
    return counted


@pytest.fixture
def taken(monkeypatch):
    """The names of the kernels made for a CPU that have been called."""
    names = set()

    def noting(name, function):
        def noted(*arguments):
            names.add(name)
            return function(*arguments)

        return noted

    for module in MADE_FOR_A_CPU:
        for function in {"convolve", "convolve_transposed", "normalize"} & set(vars(module)):
            noted = noting(module.__name__.rpartition(".")[2], getattr(module, function))
            monkeypatch.setattr(module, function, noted)
    return names


# Of a network's versions the last has all that the others have. Networks that take none on a CPU have nothing to show.
WITH_KERNELS = [
    case for case in {(case.kind, case.name): case for case in CASES}.values() if f"{case.kind}-{case.name}" in ON_A_CPU
]


@pytest.mark.parametrize("case", WITH_KERNELS, ids=str)
def test_with_a_card_no_kernel_is_made_for_a_cpu(case, taken, monkeypatch):
    network = case.build()
    inputs = inputs_of(network)
    without = operations(network, inputs)
    on_a_cpu = set(taken)
    assert on_a_cpu == ON_A_CPU[f"{case.kind}-{case.name}"]
    taken.clear()
    monkeypatch.setattr(switch, "default_device_type", lambda: "GPU")
    card = operations(network, inputs)
    assert not taken
    # A gradient of one's own is an IdentityN; TensorFlow's swish has one too.
    assert card["IdentityN"] == sum(type(operation).__name__ == "Silu" for operation in network.operations)
    assert (card == without) == (not on_a_cpu)
    with kernels.use("plain"):
        assert operations(network, inputs) == card


def test_layers_and_networks_ask_for_no_device():
    """The question stands once, in `keras_gans.kernels.switch`."""
    rooms = [package for name in ("kernels", "layers", "networks") for package in (ROOT / name).glob("*.py")]
    asking = [path.name for path in rooms if "l_devices(" in path.read_text(encoding="utf-8")]
    assert asking == ["switch.py"]
