"""Paths, mixing, truncation, noise and directions against formulas in NumPy and SciPy."""

import numpy as np
import pytest
import run_cases
from scipy.spatial import geometric_slerp

from keras_gans.data.images import to_uint8
from keras_gans.errors import UserError
from keras_gans.networks.stylegan import StyleGANGenerator
from keras_gans.trained.trained import Trained
from keras_gans.using import directions, latents

RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def styled(tmp_path_factory):
    return Trained.open(run_cases.make_run(tmp_path_factory.mktemp("runs") / "styled", **run_cases.STYLE_BASED))


# === Paths ===


def test_spherical_loop_agrees_with_scipy_and_keeps_the_length():
    keyframes = RANDOM.normal(size=(4, 100))
    keyframes /= np.linalg.norm(keyframes, axis=1, keepdims=True)
    walk = latents.loop(keyframes, np.arange(24) / 6, spherical=True)
    assert walk.shape == (24, 100) and walk.dtype == np.float32
    np.testing.assert_allclose(walk[::6], keyframes, atol=1e-7)
    for leg in range(4):
        expected = geometric_slerp(keyframes[leg], keyframes[(leg + 1) % 4], np.arange(6) / 6)
        np.testing.assert_allclose(walk[leg * 6 : leg * 6 + 6], expected, atol=1e-7)


def test_slerp_of_latents_of_different_lengths():
    start, end, t = RANDOM.normal(size=(3, 8)), 2 * RANDOM.normal(size=(3, 8)), np.array([[0.0], [0.3], [1.0]])
    angle = np.arccos([a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(start, end)])[:, None]
    expected = np.sin((1 - t) * angle) / np.sin(angle) * start + np.sin(t * angle) / np.sin(angle) * end
    np.testing.assert_allclose(latents.slerp(start, end, t), expected, atol=1e-12)


def test_spherical_loop_of_parallel_latents_is_finite():
    walk = latents.loop([[1.0, 2.0], [2.0, 4.0], [-1.0, -2.0]], np.arange(6) / 2, spherical=True)
    np.testing.assert_allclose(walk, [[1, 2], [1.5, 3], [2, 4], [0.5, 1], [-1, -2], [0, 0]], atol=1e-6)


def test_linear_loop_by_hand():
    walk = latents.loop([[[0.0, 0.0]], [[1.0, -1.0]]], np.arange(8) / 4, spherical=False)
    there = [[0, 0], [0.25, -0.25], [0.5, -0.5], [0.75, -0.75]]
    back = [[1, -1], [0.75, -0.75], [0.5, -0.5], [0.25, -0.25]]
    np.testing.assert_allclose(walk, np.array(there + back)[:, None], atol=1e-7)


def test_numbers():
    assert latents.numbers("0-2, 5,4", 6, "layers", "layers") == [0, 1, 2, 5, 4]
    for text in ("0-6", "6", "2-1", "", "-1", "a", "0-", "1;2"):
        with pytest.raises(UserError, match=f"^--layers={text}: there are layers 0 to 5; name some as in 0-2 or 0,2$"):
            latents.numbers(text, 6, "layers", "layers")


def test_mixing_takes_the_named_layers_from_the_left():
    left, top = RANDOM.normal(size=(2, 6, 4)), RANDOM.normal(size=(3, 6, 4))
    mixed = latents.mix(left, top, [0, 1, 4]).reshape(2, 3, 6, 4)
    for row in range(2):
        for column in range(3):
            for layer in range(6):
                source = left[row] if layer in (0, 1, 4) else top[column]
                np.testing.assert_array_equal(mixed[row, column, layer], source[layer].astype(np.float32))


# === Truncation and noise ===


def test_truncation_draws_the_first_layers_to_the_average(styled):
    drawn, generator = styled.draw_latent(3, 1), styled.generator
    w, average = np.asarray(generator.mapping(drawn)), np.asarray(generator.average_w)
    assert np.abs(average).max() > 0.5
    styles = latents.Painter(styled, 0.7, 2).styles(drawn)
    np.testing.assert_allclose(styles[:, :2], np.repeat((average + 0.7 * (w - average))[:, None], 2, 1), atol=1e-6)
    np.testing.assert_allclose(styles[:, 2:], np.repeat(w[:, None], 4, 1), atol=1e-6)


def test_psi_0_gives_one_picture_and_psi_1_the_runs_own(styled):
    drawn = styled.draw_latent(3, 1)
    own = np.concatenate(list(styled.generate(3, 1)))
    assert np.abs(own[0].astype(float) - own[1]).mean() > 20
    one = latents.Painter(styled, 0.0).of_latents(drawn)
    average = np.broadcast_to(styled.generator.average_w, (1, 6, 10))
    assert np.ptp(one, axis=0).max() <= 1  # grey level: rows of a batch may round differently
    np.testing.assert_allclose(one[:1].astype(int), to_uint8(np.asarray(styled.generator.synthesize(average))), atol=1)
    np.testing.assert_allclose(latents.Painter(styled, 1.0).of_latents(drawn).astype(int), own, atol=1)


def test_noise_is_constant_absent_or_drawn_for_every_picture(styled):
    drawn = np.repeat(styled.draw_latent(1, 1), 2, axis=0)
    made = {
        noise: latents.Painter(styled, noise=noise).of_latents(drawn).astype(float)
        for noise in ("constant", "none", "random")
    }
    assert np.ptp(made["constant"], axis=0).max() <= 1 and np.ptp(made["none"], axis=0).max() <= 1
    pictures = [made["constant"][0], made["none"][0], *made["random"]]
    for first in range(4):
        for second in range(first):
            assert np.abs(pictures[first] - pictures[second]).mean() > 5, (first, second)
    painter = latents.Painter(styled, noise="random")
    np.testing.assert_array_equal(painter.of_latents(drawn), made["random"])
    assert np.abs(painter.of_latents(drawn) - made["random"]).mean() > 5  # the next batch
    assert np.abs(latents.Painter(styled, noise="random", seed=1).of_latents(drawn) - made["random"]).mean() > 5


# === Directions ===


@pytest.mark.parametrize(
    "name, names",
    [
        ("stylegan2", "conv1_4 conv0_up_8 conv1_8 conv0_up_16 conv1_16 to_image_16"),
        ("stylegan", "constant_4 conv1_4 conv0_up_8 conv1_8"),
    ],
)
def test_directions_are_eigenvectors_of_the_styles_weights(styled, name, names):
    generator = styled.generator
    if name == "stylegan":
        generator = StyleGANGenerator(
            image_size=8, channels=1, latent_dim=4, w_dim=6, channel_base=64, channel_max=8, mapping_layers=1
        )
    weights = [
        np.asarray(generator.synthesis.get_layer(f"{layer}_style").raw_kernel, np.float64).T for layer in names.split()
    ]
    assert len(weights) == generator.layers_w
    for layers in (None, [1, 2]):
        a = np.concatenate(weights if layers is None else [weights[1], weights[2]])
        a /= np.linalg.norm(a, axis=1, keepdims=True)
        values, vectors = np.linalg.eigh(a.T @ a)
        found, strengths = directions.sefa(generator, layers)
        np.testing.assert_allclose(strengths, values[::-1], rtol=1e-6)
        np.testing.assert_allclose(np.abs((found * vectors.T[::-1]).sum(1)), 1, atol=1e-5)  # up to their sign
        np.testing.assert_allclose(found @ found.T, np.eye(generator.w_dim), atol=1e-5)
        np.testing.assert_allclose(np.square(a @ found.T).sum(0), values[::-1], rtol=1e-4)
        assert values[-1] > 1.3 * values.mean()  # else all directions would do


def test_edit_moves_the_named_layers_both_ways():
    styles, direction = RANDOM.normal(size=(6, 4)).astype(np.float32), RANDOM.normal(size=4).astype(np.float32)
    moved = directions.edited(styles, direction, [-2, 0, 1], [0, 3])
    for place in range(6):
        for row, amount in enumerate([-2, 0, 1]):
            expected = styles[place] + (amount * direction if place in (0, 3) else 0)
            np.testing.assert_allclose(moved[row, place], expected, atol=1e-6)
