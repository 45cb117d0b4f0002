"""Inception score: exp of the mean KL divergence between p(class | image) and p(class) (Salimans et al. 2016)."""

import numpy as np
from scipy import special

from keras_gans.metrics.records import name_with
from keras_gans.metrics.scores import Result, SetScore
from keras_gans.registry import SCORES


def inception_score(probabilities, splits=10, seed=0):
    """Scores of shuffled, equal splits.

    Args:
        probabilities: [n, classes], rows that sum to 1.
        splits: how many parts; default 10, as published.
        seed: of the shuffle, or None to keep the order.

    Returns:
        float64 [splits]. The published number is their mean, with their standard deviation.
    """
    probabilities = np.asarray(probabilities, np.float64)
    if seed is not None:
        probabilities = np.random.default_rng(seed).permutation(probabilities)
    scores = []
    for part in np.array_split(probabilities, splits):
        divergence = special.rel_entr(part, part.mean(axis=0)).sum(axis=1)
        scores.append(np.exp(divergence.mean()))
    return np.array(scores)


@SCORES.register("inception_score")
class InceptionScore(SetScore):
    """`inception_score` on the 2015 Inception network, `classifier_score_<extractor>` on another classifier; higher is
    better. It never looks at the real images.

    Args:
        splits: parts of the generated images; default 10, as published.
    """

    needs = frozenset({"probabilities"})

    def __init__(self, splits=10):
        self.least = max(2, splits)
        self.splits = splits

    def __call__(self, real, fake, seed):
        splits = min(self.splits, len(fake.probabilities) // 2)
        scores = inception_score(fake.probabilities, splits, seed)
        name = name_with("classifier_score", fake.extractor.name, inception="inception_score")
        return [Result(name, scores.mean(), True, scores.std() / np.sqrt(splits), scores.std(), {"splits": splits})]
