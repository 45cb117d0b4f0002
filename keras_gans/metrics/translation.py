"""Scores of generators that translate, on held-out examples."""

from keras_gans.errors import UserError
from keras_gans.metrics.evaluator import Evaluator
from keras_gans.metrics.paired import score_pairs
from keras_gans.metrics.scores import PairScore
from keras_gans.registry import SCORES


class Side:
    """One side of a source of pairs, as the scores' reference.

    Args:
        source: `keras_gans.data.Source` of pairs.
        index: 0 for A, 1 for B.
    """

    def __init__(self, source, index):
        self.source, self.index = source, index
        self.spec, self.name, self.split = f"{source.spec}, side {'AB'[index]}", source.name, source.split
        self.holdout = getattr(source, "holdout", None)
        self.fingerprint, self.count = f"{source.fingerprint}-{'ab'[index]}", source.count
        self.image_shape = (source.input_shape, source.image_shape)[index]

    def in_order(self):
        """Yields (uint8 [h, w, c], label 0), as `Source.in_order`."""
        return self.source.in_order().map(lambda a, b: ((a, b)[self.index], 0))


def evaluator(specs, features, trained, source, paired):
    """Returns a function that scores translations from A to B.

    Args:
        specs: names from `SCORES`. Those of pairs (psnr, ssim, lpips) compare each output with its target; those of sets
            (kid, fid, ...) compare all outputs with side B. The results come in this order.
        features: spec from `EXTRACTORS`, for scores of sets.
        trained: `keras_gans.trained.Trained` that translates.
        source: held-out `keras_gans.data.Source` of pairs.
        paired: whether A and B belong together; else scores of pairs are refused.

    Returns:
        A function without arguments; its records are those of `Evaluator.run`.

    Raises:
        UserError: unknown scores, or scores of pairs without pairs.
    """
    built = {spec: SCORES.create(spec) for spec in specs}
    of_pairs = [score for score in built.values() if isinstance(score, PairScore)]
    if of_pairs and not paired:
        name = next(spec for spec, score in built.items() if isinstance(score, PairScore))
        raise UserError(
            f"--scores={name} compares an output with its target, and --data={source.spec} has none; take kid, "
            "fid or another score of sets"
        )
    targets = Side(source, 1)
    of_sets = [spec for spec, score in built.items() if not isinstance(score, PairScore)]
    sets = Evaluator(of_sets, features, targets) if of_sets else None

    def evaluate():
        records = []
        if of_pairs:
            pairs = (
                (target, output[0])
                for (target, _), output in zip(targets.in_order().as_numpy_iterator(), trained.translations(source))
            )
            records += score_pairs(pairs, of_pairs, {"reference": source.spec, "fingerprint": source.fingerprint})
        return records + (sets.run(trained.translations(source)) if sets else [])

    return evaluate
