"""Inception score against hand values and torch-fidelity."""

import numpy as np
import pytest
from scipy.special import softmax

from keras_gans.metrics.inception_score import inception_score


def test_known_answers():
    assert inception_score(np.eye(4), splits=1)[0] == pytest.approx(4, rel=1e-12)  # certain and of all classes
    assert inception_score(np.full([8, 4], 0.25), splits=2) == pytest.approx([1, 1], rel=1e-12)  # undecided
    assert inception_score(np.eye(4)[[0, 0, 0]], splits=1)[0] == pytest.approx(1, rel=1e-12)  # one class only


@pytest.mark.parity
def test_agrees_with_torch_fidelity(peer):
    torch, theirs = peer("torch"), peer("torch_fidelity.metric_isc")
    logits = np.random.default_rng(0).normal(size=(500, 30)) * 3
    expected = theirs.isc_features_to_metric(torch.from_numpy(logits), splits=10, shuffle=False)
    scores = inception_score(softmax(logits, axis=1).astype(np.float32), splits=10, seed=None)
    assert scores.mean() == pytest.approx(expected[theirs.KEY_METRIC_ISC_MEAN], rel=1e-5)
    assert scores.std() == pytest.approx(expected[theirs.KEY_METRIC_ISC_STD], rel=1e-5)
