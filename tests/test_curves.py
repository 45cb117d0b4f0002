"""Curves: what they are at, what is refused, and whole runs along them."""

import math

import helpers
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import curves
from keras_gans.errors import UserError
from keras_gans.runs import training
from keras_gans.trained import folder as folders
from keras_gans.trained import recipes


def at(text, kimg, length=100):
    return float(curves.Curve(text, curves.Clock(length, 8)).at(tf.constant(float(kimg))))


@pytest.mark.parametrize(
    "text, values",
    [
        ("linear(1,3)", {0: 1, 25: 1.5, 100: 3, 200: 3}),
        ("linear(1,3,after=20,until=40)", {0: 1, 20: 1, 30: 2, 40: 3, 99: 3}),
        ("linear(0,2e-4,until=10)", {0: 0, 5: 1e-4, 10: 2e-4, 99: 2e-4}),
        ("cosine(5,0.5)", {0: 5, 25: 0.5 + 4.5 * (1 + math.cos(math.pi / 4)) / 2, 50: 2.75, 100: 0.5, 150: 0.5}),
        ("cosine(2,0, warmup=10)", {0: 0, 5: 1, 10: 2, 55: 1, 100: 0}),
        ("cosine(2,0,warmup=10,after=20,until=40)", {5: 1, 15: 2, 30: 1, 40: 0}),
        ("step(1,0.5,30)", {0: 1, 29: 1, 30: 0.5, 60: 0.25, 99: 0.125}),
        ("step(1,0.5,30,warmup=10)", {5: 0.5, 29: 1, 30: 0.5}),
    ],
)
def test_values_by_hand(text, values):
    assert [at(text, kimg) for kimg in values] == pytest.approx(list(values.values()), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(
    "text, message",
    [
        ("sine(1,2)", r"should be a curve: linear\(A,B\[,after=KIMG\]"),
        ("cosine(1)", r"should be cosine\(A,B\["),
        ("cosine(1,2,3)", r"should be cosine\(A,B\["),
        ("linear(1,x)", "'x' has no place"),
        ("linear(1,2,every=3)", "'every=3' has no place"),
        ("linear(1,2,until=-3)", "'until=-3' has no place"),
        ("step(1,0,5)", "F and KIMG above 0"),
        ("linear(1,2,after=200)", "would end at 100 kimg"),
        ("linear(1,nan)", "'nan' has no place"),
    ],
)
def test_what_makes_no_sense_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        curves.Clock(100, 8).curve("x", text)


def test_bounds():
    clock = curves.Clock(100, 8)
    of = {text: curves.bounds(clock.curve("x", text)) for text in ("linear(1,3)", "step(2,0.1,5)", "cosine(2,1,warmup=1)")}
    assert list(of.values()) == [(1, 3), (0, 2), (0, 2)] and curves.bounds(4) == (4, 4)
    assert list(clock.curves) == ["x", "x_2", "x_3"] and clock.curve("x", "linear(1,3)") is clock.curves["x"]


@pytest.mark.parametrize(
    "flag, message",
    [
        ("--penalty=r1:interval=linear(1,2)", "interval should be a number.*cannot follow a curve"),
        ("--penalty=r1:weight=linear(1,-2)", "weight should be 0 or more"),
        ("--generator=dcgan:width=linear(1,2)", "width should be a number"),
        ("--ema_kimg=linear(-1,2)", "--ema_kimg: .*below 0"),
        ("--ema_kimg=linear(1)", "--ema_kimg=.*expected a number of at least 0, or a curve"),
        ("--learning_rate=-1", "--learning_rate=-1: expected a number of at least 0"),
        ("--augment=ada:p=cosine(0,0.5)", "p=.* should be a number unless adaptive=false"),
        ("--augment=ada:adaptive=false,p=cosine(0,1.5)", "should be from 0 to 1"),
        ("--schedule=linear:until=0", "until must be above 0"),
    ],
)
def test_flags_that_make_no_sense_are_one_line(flag, message):
    with pytest.raises(UserError, match=message) as error:
        recipes.build_game(helpers.recipe("runs/none", "--discriminator=dcgan:width=4,norm=false", flag), (32, 32, 1), 0)
    assert "\n" not in str(error.value)


def test_a_curve_and_a_schedule_are_one_too_many():
    with pytest.raises(UserError, match=r"--schedule=linear: the learning rate follows cosine\(1,0\) already"):
        recipes.build_game(helpers.recipe("x", "--learning_rate=cosine(1,0)", "--schedule=linear"), (32, 32, 1), 0)


def test_schedules_may_end_before_the_run():
    """8 images a step, 80 in all: an end at 40 is the fifth step."""
    for name, factors in {"linear": [1, 0.6, 0], "cosine": [1, 0.5 + 0.5 * math.cos(0.4 * math.pi), 0]}.items():
        recipe = helpers.recipe("x", f"--schedule={name}:until=0.04", "--learning_rate=0.1")
        rate = recipes.build_game(recipe, (32, 32, 1), 0).generator_optimizer._learning_rate
        assert [float(rate(step)) for step in (0, 2, 5)] == pytest.approx([0.1 * factor for factor in factors], abs=1e-7)


# R3GAN's five, over 48 images.
FIVE = {
    "--learning_rate": (2e-4, 5e-5),
    "--ema_kimg": (0.0, 0.5),
    "r1_weight": (0.05, 0.005),
    "adam_beta_2": (0.9, 0.99),
    "ada_p": (0.0, 0.55),
}
FLAGS = [
    "--discriminator=dcgan:width=4,norm=false",
    "--penalty=r1:weight=cosine(0.05,0.005,until=0.048)",
    "--penalty=r2:weight=cosine(0.05,0.005,until=0.048)",
    "--optimizer=adam:beta_1=0,beta_2=cosine(0.9,0.99,until=0.048),epsilon_hat=false",
    "--learning_rate=cosine(2e-4,5e-5,until=0.048)",
    "--ema_kimg=cosine(0,0.5,until=0.048)",
    "--augment=ada:p=cosine(0,0.55,until=0.048),adaptive=false,pipe=xflip+color,color_p=0.5",
    "--share_fakes=false",
    "--share_reals=false",
    "--sample_kimg=0",
]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of ten steps along curves that end with the sixth."""
    directory = tmp_path_factory.mktemp("runs") / "curves"
    training.train(helpers.recipe(directory, *FLAGS))
    return folders.Folder(directory)


def test_five_quantities_of_a_run_follow_their_formulae(finished):
    """As logged: before step n the run has seen 8 (n - 1) images."""
    lines = finished.metrics()
    assert [line["step"] for line in lines] == list(range(1, 11))
    for name, (first, last) in FIVE.items():
        done = np.minimum(8 * np.arange(10) / 48, 1)
        expected = last + (first - last) * (1 + np.cos(np.pi * done)) / 2
        logged = [line[name.removeprefix("--")] for line in lines]
        np.testing.assert_allclose(logged, expected, rtol=1e-5, atol=1e-9, err_msg=name)
    assert [line["augment_p"] for line in lines] == [line["ada_p"] for line in lines]


def test_report_shows_the_curves(finished):
    page = (finished.directory / "report.html").read_text()
    for title in ("r1 weight", "r2 weight", "adam beta 2", "learning rate", "ema kimg", "ada p"):
        assert f"<h3>{title}</h3>" in page


def test_stopped_run_goes_on_along_its_curves_bit_for_bit(finished, tmp_path):
    training.train(helpers.recipe(tmp_path / "run", *FLAGS, "--kimg=0.024"))
    training.train(helpers.recipe(tmp_path / "run", *FLAGS, "--steps_per_execution=5"))
    ours, theirs = (helpers.weights(folder.checkpoint_path(10)) for folder in (folders.Folder(tmp_path / "run"), finished))
    for name in theirs:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
