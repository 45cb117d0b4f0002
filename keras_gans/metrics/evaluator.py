"""Scores of generated images against real ones: one pass over each side for all scores together."""

import contextlib
import sys

from keras_gans.errors import UserError
from keras_gans.metrics import records
from keras_gans.metrics.arrays import images_of
from keras_gans.metrics.scores import SetScore
from keras_gans.metrics.statistics import FEATURES_CAP, Statistics, cached, gather
from keras_gans.progress import progress
from keras_gans.registry import EXTRACTORS, SCORES

DEFAULT_METRICS = ("fid", "kid", "precision_recall", "density_coverage")


def is_subset(source, count):
    """Returns whether scores see a part of a source only: fewer images, or more than have their features kept."""
    return count < source.count or count > FEATURES_CAP


def source_batches(source, count, seed, batch_size=64):
    """Yields uint8 batches [n, h, w, c] of `count` images of a source.

    A part of a source is drawn with the seed: stored order is often sorted by class.
    """
    if hasattr(source, "batches"):  # images at their own size, in a folder or in memory
        yield from source.batches(count, seed if is_subset(source, count) else None, batch_size)
        return
    images = source.stream(seed).take(count) if is_subset(source, count) else source.in_order()
    for batch, _ in images.batch(batch_size).as_numpy_iterator():
        yield batch


class Evaluator:
    """Scores one generator after another against the same real images.

    The extractor is built once; the statistics of the real side are gathered (or read from the cache) at the first
    `run` and kept.

    Args:
        metrics: names from `SCORES` that compare two sets of images, such as `fid`, `kid`, `precision_recall`,
            `density_coverage`, `inception_score`, `sliced_wasserstein`; `name:key=value` sets an option.
        features: spec from `EXTRACTORS`, or an extractor.
        real: the reference, a `Source` or `FolderImages`.
        count: images on each side; default: all real images, and as many generated ones.
        seed: of the subset of the real images (where `count` leaves some out) and of the scores' own draws.
        quiet: no progress bars. Default False.
        trained_on: name of the extractor that the generator was trained against, if any: scores by its features say that
            they are biased.

    Raises:
        UserError: no images, a metric that does not compare two sets, or features that are none of one image.
    """

    def __init__(self, metrics, features, real, count=None, seed=0, quiet=True, trained_on=None):
        self.scores = [SCORES.create(spec) for spec in metrics]
        for spec, score in zip(metrics, self.scores):
            if not isinstance(score, SetScore):
                raise UserError(f"{spec} does not compare two sets of images; leave it out here")
        self.needs = frozenset().union(*(score.needs for score in self.scores))
        if len(real.image_shape) != 3:
            raise UserError(f"{real.spec} holds no images; these metrics compare images")
        self.real, self.seed, self.quiet = real, seed, quiet
        self.count = min(count or real.count, real.count)
        self.count_fake = count or real.count
        self.extractor = None
        if self.needs - {"patches"}:
            self.extractor = EXTRACTORS.create(features) if isinstance(features, str) else features
            if not hasattr(self.extractor, "extract"):
                raise UserError(
                    f"{features} measures pairs of images and has no features of one; it serves the metrics lpips and ppl"
                )
        self._note = None
        if trained_on and getattr(self.extractor, "name", None) == trained_on:
            self._note = f"biased: the run was trained on the features of {trained_on}; compare it by other features"
            print(f"note: scores on {trained_on} are {self._note}", file=sys.stderr, flush=True)
        self._real_needs = self.needs - {"probabilities"}  # the inception score never looks at real images
        self._real_statistics = None if self._real_needs else Statistics(self.extractor, {}, 0)

    def run(self, fake, count=None):
        """Scores generated images.

        Args:
            fake: iterator of uint8 batches [n, height, width, channels], or a function that returns one.
            count: how many of them to take; default: `count_fake`, which is the evaluator's `count`.

        Returns:
            A list of records (dicts for JSON): `name`, `value`, `standard_error` and `standard_deviation` (or None),
            `protocol`, `warnings`, and `note` where the score is biased. Warnings are printed to stderr too.

        Raises:
            UserError: too few images, or a score that the extractor cannot serve.
        """
        real = self.real_statistics()
        batches = self._checked(fake() if callable(fake) else fake)
        return self.compare(real, self._gather(batches, self.needs, count or self.count_fake, "generated"))

    def compare(self, real, generated):
        """Scores what is known of both sides.

        Args:
            real, generated: `Statistics`.

        Returns:
            As of `run`.
        """
        results = [
            records.record(result, self._protocol(score, real.count, generated.count)) | self._noted(score)
            for score in self.scores
            for result in score(real, generated, self.seed)
        ]
        records.warn(results)
        return results

    def real_statistics(self):
        """Returns the `Statistics` of the real side."""
        if self._real_statistics is None:
            draws = is_subset(self.real, self.count) or "patches" in self.needs
            key = {
                "fingerprint": self.real.fingerprint,
                "split": getattr(self.real, "split", None),
                "holdout": getattr(self.real, "holdout", None),
                "source_count": self.real.count,
                "image_shape": list(self.real.image_shape),
                "extractor": self.extractor and self.extractor.protocol(),
                "needs": sorted(self._real_needs),
                "count": self.count,
                "seed": self.seed if draws else None,
            }
            batches = source_batches(self.real, self.count, self.seed)
            self._real_statistics = cached(
                key, self.extractor, lambda: self._gather(batches, self._real_needs, self.count, "real")
            )
        return self._real_statistics

    def _checked(self, batches):
        height, width = self.real.image_shape[:2]
        for images in batches:
            if images.shape[1:3] != (height, width):
                raise UserError(
                    f"the generated images are {images.shape[2]}x{images.shape[1]} pixels and the real "
                    f"ones {width}x{height}; give both sides the same size, for example by --image_size"
                )
            yield images

    def _noted(self, score):
        return {"note": self._note} if self._note and score.needs - {"patches"} else {}

    def _gather(self, batches, needs, count, side):
        bar = contextlib.nullcontext() if self.quiet else progress(f"{side} images", total=count)
        with bar as shown:
            advance = shown.advance if shown else lambda images: None
            return gather(batches, self.extractor, needs, count, side, self.seed, advance)

    def _protocol(self, score, count_real, count_fake):
        features = {"extractor": None, "weights_sha256": None, "resize": None}
        if score.needs - {"patches"}:
            features |= self.extractor.protocol()
        inside = features.get("quantization")
        return features | {
            "quantization": f"{records.QUANTIZATION}; extractor: {inside}" if inside else records.QUANTIZATION,
            "image_shape": list(self.real.image_shape),
            "count_real": count_real,
            "count_fake": count_fake,
            "reference": self.real.spec,
            "split": getattr(self.real, "split", None),
            "holdout": getattr(self.real, "holdout", None),
            "subset": "drawn with the seed" if is_subset(self.real, self.count) else "all",
            "fingerprint": self.real.fingerprint,
            "seed": self.seed,
        }


def evaluate(real, fake, metrics=DEFAULT_METRICS, features="inception2015", count=None, seed=0, quiet=True):
    """Scores generated images against real ones.

    Args:
        real: the reference: images uint8 or float in [-1, 1], an array or tensor [n, h, w, c]; a `tf.data.Dataset` of
            batches of them; a folder, or data by name such as `embedded:fashion`; a `Source` or `FolderImages`. Folders are
            compared at their images' own size, as RGB.
        fake: the generated images, in any of these forms; or an iterator of uint8 batches, or a function that returns one.
        metrics, features: see `Evaluator`.
        count: images on each side; default: all real images, and all generated ones (of an iterator, as many as are real).
        seed, quiet: see `Evaluator`.

    Returns:
        A list of records, see `Evaluator.run`.

    Raises:
        UserError: as of `Evaluator.run`; something that holds no images.
    """
    evaluator = Evaluator(metrics, features, images_of(real, "real"), count, seed, quiet)
    if callable(fake) or hasattr(fake, "__next__"):
        return evaluator.run(fake, count)
    fake = images_of(fake, "generated")
    count = min(count or fake.count, fake.count)
    return evaluator.run(source_batches(fake, count, seed), count)
