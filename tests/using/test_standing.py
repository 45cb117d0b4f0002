"""Standing statistics and truncated latents."""

import keras
import numpy as np
import pytest
import run_cases
from scipy import stats

from keras_gans import randomness
from keras_gans.errors import UserError
from keras_gans.networks.biggan import BigGANGenerator
from keras_gans.trained.trained import Trained
from keras_gans.using import latents, standing


def of(**keywords):
    keras.utils.set_random_seed(1)
    generator = BigGANGenerator(channels=1, latent_dim=4, num_classes=3, width=2, **keywords)
    record = {"recipe": {"batch_size": 8}, "data": {"spec": "none"}}
    return Trained.of(generator, class_names=("a", "b", "c"), record=record)


def test_statistics_are_the_means_over_the_passes(monkeypatch):
    """Of the first norm in front, whose inputs only the latents make: by NumPy from the same draws."""
    run, seen = of(), []
    before = run.infer([np.zeros([2, 4], np.float32), np.zeros(2, np.int32)]).numpy()
    monkeypatch.setattr(Trained, "draw_latent", recording(Trained.draw_latent, seen))
    standing.accumulate(run, 5, seed=3)
    assert len(seen) == 5 and all(one.shape == (8, 4) for one in seen)
    norm = run.generator.get_layer("block_8_norm_0")
    first = keras.Model(run.generator.inputs, norm.input[0] if isinstance(norm.input, (list, tuple)) else norm.input)
    maps = [first([one, np.zeros(8, np.int32)]).numpy() for one in seen]
    np.testing.assert_allclose(norm.moving_mean, np.mean([one.mean((0, 1, 2)) for one in maps], 0), rtol=0, atol=1e-6)
    np.testing.assert_allclose(norm.moving_variance, np.mean([one.var((0, 1, 2)) for one in maps], 0), rtol=1e-4)
    assert norm.momentum == 0.9
    after = run.infer([np.zeros([2, 4], np.float32), np.zeros(2, np.int32)]).numpy()
    assert np.abs(after - before).max() > 1e-3
    again = of()
    standing.accumulate(again, 5, seed=3)
    for one, other in zip(run.generator.weights, again.generator.weights):
        np.testing.assert_array_equal(one, other)


def recording(draw, seen):
    def record(*args):
        latent = draw(*args)
        seen.append(np.asarray(latent))
        return latent

    return record


def test_truncated_latents_have_the_truncated_normal_s_distribution():
    for limit in (0.3, 2.0):
        drawn = randomness.truncated_normal(randomness.fold(0, "test"), [4000], limit).numpy()
        assert np.abs(drawn).max() <= limit and np.abs(drawn).max() > 0.98 * limit
        assert stats.kstest(drawn, stats.truncnorm(-limit, limit).cdf).pvalue > 0.01
    far = randomness.truncated_normal(randomness.fold(0, "test"), [4000], 8.0).numpy()
    assert np.isfinite(far).all() and stats.kstest(far, "norm").pvalue > 0.01


def test_painter_draws_within_the_limit_and_refuses_what_makes_no_sense(tmp_path):
    run = of()
    painter = latents.Painter(run, truncation=0.5)
    drawn = np.asarray(painter.draw(64, 0))
    assert drawn.shape == (64, 4) and 0.4 < np.abs(drawn).max() <= 0.5
    np.testing.assert_array_equal(painter.draw(64, 0), drawn)
    np.testing.assert_array_equal(latents.Painter(run).draw(5, 1), run.draw_latent(5, 1))
    with pytest.raises(UserError, match="^--truncation=-0.5: the largest value of a latent should be above 0$"):
        latents.Painter(run, truncation=-0.5)
    run.latent = "uniform"
    with pytest.raises(UserError, match="^--truncation: the latents of [^\n]* are uniform, not normal; leave it out$"):
        latents.Painter(run, truncation=0.5)
    styled = Trained.open(run_cases.make_run(tmp_path / "styled", **run_cases.STYLE_BASED))
    with pytest.raises(UserError, match="^--standing=4: the generator of [^\n]* has no batch norm; leave it out$"):
        standing.accumulate(styled, 4, 0)
