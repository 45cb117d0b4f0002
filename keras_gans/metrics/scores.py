"""The three kinds of score, and what each hands back."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Result:
    """One number of a score.

    Attributes:
        name: how it is called in tables and logs, such as `fid` or `kd_fashion`.
        value: float.
        higher_is_better: which way it improves; the best checkpoint is chosen by it. True or False.
        standard_error: of `value`, or None where no estimate is made.
        standard_deviation: over the subsets, splits or images that `protocol` names, or None.
        protocol: dict of what the score itself chose (neighbours, subsets, ...).
        warnings: sentences for the user.
    """

    name: str
    value: float
    higher_is_better: bool = False
    standard_error: float | None = None
    standard_deviation: float | None = None
    protocol: dict = dataclasses.field(default_factory=dict)
    warnings: tuple = ()


class SetScore:
    """Compares a set of generated images with a set of real ones.

    Attributes:
        least: images that it takes on each side.
        needs: what has to be gathered of each side: `moments`, `features`, `probabilities`, `patches`.
    """

    least = 2
    needs = frozenset()

    def __call__(self, real, fake, seed):
        """Returns a list of `Result` from the `Statistics` of both sides."""
        raise NotImplementedError


class PairScore:
    """Compares a generated image with the one that it should be; one pair will do."""

    least = 1

    def __call__(self, reference, generated):
        """Returns a float from two uint8 images [h, w, c] of the same size."""
        raise NotImplementedError

    def summary(self, values):
        """Returns the `Result` of all pairs, from float [n]."""
        raise NotImplementedError


class GeneratorScore:
    """Looks into a generator, or draws labelled images from it."""

    least = 2

    def __call__(self, run, real, features, count, seed):
        """Returns a list of `Result`.

        Args:
            run: `keras_gans.trained.Trained`.
            real: the reference, a `Source`.
            features: the feature extractor's spec.
            count: how many images or paths.
            seed: int.
        """
        raise NotImplementedError
