"""Which device decides, and the switch over all; the card is faked where TensorFlow lists its devices."""

import threading

import pytest
import tensorflow as tf

from keras_gans import kernels
from keras_gans.kernels import switch


@pytest.fixture
def card(monkeypatch):
    """A machine with a GPU."""
    listed = [tf.config.LogicalDevice("/device:CPU:0", "CPU"), tf.config.LogicalDevice("/device:GPU:0", "GPU")]
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda: listed)


def traced(function):
    """What `function` says while a graph is made of it."""
    said = []
    tf.function(lambda: said.append(function()), autograph=False).get_concrete_function()
    return said


def under(scope):
    with scope:
        return switch.fast()


def test_without_a_card():
    assert switch.fast()
    assert traced(switch.fast) == [True]
    assert traced(lambda: under(tf.device("/GPU:0"))) == [False]


def test_with_a_card(card):
    assert traced(switch.fast) == [False]
    assert traced(lambda: under(tf.device("CPU"))) == [True]
    assert traced(lambda: under(tf.device("/job:localhost/task:0/device:CPU:0"))) == [True]
    assert traced(lambda: under(tf.device("/GPU:0"))) == [False]


@pytest.mark.parametrize("kind", [tf.distribute.OneDeviceStrategy, lambda name: tf.distribute.MirroredStrategy([name])])
def test_a_strategy_says_its_device(card, kind):
    said = []
    strategy = kind("/cpu:0")
    tf.function(lambda: strategy.run(lambda: said.append(switch.fast())), autograph=False).get_concrete_function()
    assert said == [True]


def test_a_scope_outside_cannot_be_seen_and_use_is_the_way(card):
    with tf.device("CPU"):
        assert switch.fast()  # no function between
        assert traced(switch.fast) == [False]
        with kernels.use("fast"):
            assert traced(switch.fast) == [True]


def test_use_is_nested_and_holds_on_every_thread():
    seen = []
    with kernels.use("plain"):
        thread = threading.Thread(target=lambda: seen.append(switch.fast()))
        thread.start()
        thread.join()
        with kernels.use("fast"):
            seen.append(under(tf.device("CPU")))
        with kernels.use("auto"):
            seen.append(switch.fast())
        seen.append(switch.fast())
        with pytest.raises(KeyError), kernels.use("fast"):
            raise KeyError
        seen.append(switch.fast())
    assert seen == [False, True, True, False, False]
    assert switch.fast()


def test_another_choice_is_refused():
    with pytest.raises(ValueError, match=r"^kernels must be one of auto, plain, fast, not 'quick'$"), kernels.use("quick"):
        pass
