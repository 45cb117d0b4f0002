"""Scores of a game that translates: what is compared with what."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.data.images import to_model
from keras_gans.errors import UserError
from keras_gans.metrics import paired, translation
from keras_gans.trained.trained import Trained

A, B = np.random.default_rng(0).integers(0, 256, (2, 12, 16, 16, 1), np.uint8)


class Pairs:
    spec, name, split, fingerprint, count = "paired:a:b", "pairs", "holdout", "f" * 64, len(A)
    input_shape, image_shape = A.shape[1:], B.shape[1:]

    def in_order(self):
        return tf.data.Dataset.from_tensor_slices((A, B))


def shifting(by):
    """Returns a `Trained` that translates by adding `by`: 2 / 255 is one grey level, 127 becoming 128 and so on."""
    image = keras.Input((None, None, 1))
    return Trained.of(keras.Model(image, keras.layers.Rescaling(1.0, by)(image)))


def test_pairs_and_sets_see_the_translations_of_a_beside_b():
    records = translation.evaluator(["kid", "psnr", "ssim"], "fashion", shifting(2 / 255), Pairs(), paired=True)()
    by_name = {record["name"]: record for record in records}
    assert list(by_name) == ["psnr", "ssim", "kd_fashion"]
    outputs = np.minimum(A.astype(int) + 1, 255).astype(np.uint8)
    expected = np.mean([paired.psnr(b, output) for b, output in zip(B, outputs)])
    assert by_name["psnr"]["value"] == pytest.approx(expected, abs=1e-9)
    assert by_name["psnr"]["protocol"]["count_real"] == 12
    assert by_name["kd_fashion"]["protocol"]["reference"] == "paired:a:b, side B"
    # The kernel distance of the outputs to A is below that to B: it was not the inputs that it was measured against.
    side = translation.Side(Pairs(), 0)
    assert side.image_shape == (16, 16, 1) and side.fingerprint != translation.Side(Pairs(), 1).fingerprint
    np.testing.assert_array_equal(next(iter(side.in_order().as_numpy_iterator()))[0], A[0])


def test_quantized_outputs_of_the_identity_are_the_inputs():
    batches = list(shifting(0.0).translations(Pairs(), batch_size=5))
    np.testing.assert_array_equal(np.concatenate(batches), A)
    assert to_model(A).min() >= -1


def test_scores_of_pairs_want_pairs():
    with pytest.raises(UserError, match="--scores=psnr compares an output with its target, and --data=paired:a:b has none"):
        translation.evaluator(["psnr"], "fashion", shifting(2 / 255), Pairs(), paired=False)
