"""Optimizers against Keras's and PyTorch's, gradients from 1e-12 to 10 among them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.errors import UserError
from keras_gans.optimizers import OPTIMIZERS, SCHEDULES, Adam, RMSprop

STEPS = 50


def gradients(count=STEPS):
    rng = np.random.default_rng(0)
    return rng.normal(size=(count, 4, 14)) * 10.0 ** np.arange(-12, 2)  # each column has its own size


def walked(optimizer, count=STEPS):
    """The way from zero, [steps, 4, 14]."""
    variable, way = keras.Variable(np.zeros((4, 14)), dtype="float32"), []
    optimizer.build([variable])
    for gradient in gradients(count):
        optimizer.apply([tf.constant(gradient, tf.float32)], [variable])
        way.append(np.array(variable))
    return np.array(way)


@pytest.mark.parity
@pytest.mark.parametrize(
    "spec, name, arguments",
    [
        ("rmsprop:rho=0.99", "RMSprop", {"alpha": 0.99, "eps": 1e-8}),
        ("rmsprop:rho=0.9,momentum=0.5,epsilon=1e-6", "RMSprop", {"alpha": 0.9, "momentum": 0.5, "eps": 1e-6}),
        ("adam:epsilon_hat=false", "Adam", {"betas": (0.5, 0.999), "eps": 1e-8}),
        ("adam:beta_1=0,beta_2=0.9,epsilon_hat=false", "Adam", {"betas": (0.0, 0.9), "eps": 1e-8}),
        ("sgd:momentum=0.5", "SGD", {"momentum": 0.5}),
    ],
)
def test_fifty_steps_of_pytorch(spec, name, arguments):
    torch = pytest.importorskip("torch", reason="the parity extra is not installed")
    parameter = torch.zeros(4, 14, dtype=torch.float64, requires_grad=True)
    theirs = getattr(torch.optim, name)([parameter], lr=0.01, **arguments)
    way = []
    for gradient in gradients():
        parameter.grad = torch.tensor(gradient)
        theirs.step()
        way.append(parameter.detach().numpy().copy())
    ours, way = walked(OPTIMIZERS.create(spec, learning_rate=0.01)), np.array(way)
    largest = np.abs(way).max(axis=(0, 1))  # of each size of gradients
    assert np.abs(ours - way).max(axis=(0, 1)) / largest == pytest.approx(0, abs=1e-5)


def test_epsilons_of_adam_differ_as_they_say():
    """The first step for a gradient of 1e-6: g / (g + epsilon) and g / (g + epsilon / sqrt(1 - beta_2))."""
    for hat, expected in ((False, 1e-6 / (1e-6 + 1e-8)), (True, 1e-6 / (1e-6 + 1e-8 / np.sqrt(1e-3)))):
        variable, optimizer = keras.Variable([0.0]), Adam(1.0, epsilon_hat=hat)
        optimizer.build([variable])
        optimizer.apply([tf.constant([1e-6])], [variable])
        np.testing.assert_allclose(-np.asarray(variable), expected, rtol=1e-4)


@pytest.mark.parametrize(
    "ours, theirs, arguments",
    [
        (Adam, keras.optimizers.Adam, {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-6}),
        (lambda *a, **k: RMSprop(*a, epsilon_inside=True, **k), keras.optimizers.RMSprop, {"rho": 0.9, "epsilon": 1e-8}),
    ],
    ids=["adam", "rmsprop"],
)
def test_keras_own_on_demand(ours, theirs, arguments):
    ways = [
        walked(kind(keras.optimizers.schedules.ExponentialDecay(1e-2, 10, 0.5), **arguments), count=20)
        for kind in (ours, theirs)
    ]
    np.testing.assert_allclose(*ways, rtol=1e-5, atol=1e-6)


def test_configs_keep_where_epsilon_stands():
    for optimizer in (Adam(epsilon_hat=False), RMSprop(epsilon_inside=True)):
        again = type(optimizer).from_config(optimizer.get_config())
        assert vars(again).get("epsilon_hat") is vars(optimizer).get("epsilon_hat")
        assert vars(again).get("epsilon_inside") is vars(optimizer).get("epsilon_inside")


def test_schedules_of_esrgan():
    """BasicSR: `CosineAnnealingRestartLR` of 4 periods with eta_min, `MultiStepLR` at 1/8, 1/4, 1/2 and 3/4."""
    steps = np.arange(400)
    restarts = SCHEDULES.create("cosine_restarts:periods=4,final=0.0005", learning_rate=2e-4, steps=400)
    theirs = 1e-7 + 0.5 * (2e-4 - 1e-7) * (1 + np.cos(np.pi * (steps % 100) / 100))
    np.testing.assert_allclose(restarts(steps), theirs, rtol=1e-5, atol=1e-10)
    falls = SCHEDULES.create("milestones", learning_rate=1e-4, steps=400)
    theirs = 1e-4 * 0.5 ** np.sum([steps >= place for place in (50, 100, 200, 300)], axis=0)
    np.testing.assert_allclose(falls(steps), theirs, rtol=1e-6)
    one = SCHEDULES.create("milestones:factor=0.1,at=0.6", learning_rate=1e-3, steps=50)
    np.testing.assert_allclose([one(29), one(30), one(49)], [1e-3, 1e-4, 1e-4], rtol=1e-6)
    for schedule in (restarts, falls, one):
        again = type(schedule).from_config(schedule.get_config())
        np.testing.assert_array_equal(again(steps[:50]), schedule(steps[:50]))
    with pytest.raises(UserError, match=r"at in order, not 0.5 and 0.5:0.25$"):
        SCHEDULES.create("milestones:at=0.5:0.25", learning_rate=1e-4, steps=400)
