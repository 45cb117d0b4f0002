"""Features of pictures for scores, gathered in shards; what comes out does not depend on how they were cut."""

import dataclasses
import hashlib
import io

import numpy as np

from keras_gans.bulk import engine, pipeline, storage
from keras_gans.data import contents, images
from keras_gans.data.picture_files import BadImage
from keras_gans.errors import UserError
from keras_gans.metrics.evaluator import Evaluator
from keras_gans.metrics.frechet import Moments
from keras_gans.metrics.statistics import FEATURES_CAP, Statistics
from keras_gans.registry import EXTRACTORS, SCORES


@dataclasses.dataclass(frozen=True)
class Gathering(engine.Task):
    """Takes pictures through a feature extractor.

    Attributes:
        features: string, the spec of the extractor, as of `--features`.
        image_size: pictures are brought to this size; None: as they are, which must be one size.
        needs: of `keras_gans.metrics.scores.SetScore.needs`, sorted.
    """

    features: str = ""
    image_size: int | None = None
    needs: tuple = ()
    title = "gathering features"

    def open(self, collection):
        return EXTRACTORS.create(self.features)

    def do(self, opened, shard):
        bad, digests, shapes, names = [], [], {}, []
        kept = {kind: [] for kind in ("features", "probabilities")}
        moments, waiting = None, []

        def extract():
            nonlocal moments
            with opened.lock:
                found = opened.tool.extract(np.stack(waiting))
            moments = moments or Moments(opened.tool.dims)
            moments.update(found[0])
            for kind, values in zip(kept, found):
                kept[kind].append(values)
            waiting.clear()

        for number in range(shard.start, shard.stop):
            try:
                data, label = opened.collection.read(number)
                picture = images.decode(data, self.image_size, 3)
            except BadImage as error:
                bad.append([opened.collection.where(number), str(error)])
                continue
            shape = list(picture.shape[:2])
            if waiting and shape != list(waiting[0].shape[:2]):
                extract()
            waiting.append(picture)
            shapes.setdefault(str(shape), [*shape, opened.collection.where(number)])
            names.append(_name(opened.collection, number))
            digests.append([names[-1], hashlib.sha256(data).hexdigest(), int(label)])
            if len(waiting) == opened.tool.batch_size:
                extract()
        if waiting:
            extract()
        if names:
            self._write(shard, names, moments, kept)
        return {"done": len(names), "bad": bad, "pictures": digests, "shapes": list(shapes.values())}

    def _write(self, shard, names, moments, kept):
        count, mean, scatter = moments.scattered()
        arrays = {"count": count, "mean": mean, "scatter": scatter} if "moments" in self.needs else {}
        chosen = sample(names, FEATURES_CAP)
        arrays |= {kind: np.concatenate(kept[kind])[chosen] for kind in kept if kind in self.needs}
        packed = io.BytesIO()
        np.savez(packed, names=np.array(names)[chosen], **arrays)
        storage.write(shard.path(self.work, ".npz"), packed.getvalue())


def _name(collection, number):
    return collection.name_of(number) or str(number)


def sample(names, most):
    """Returns which pictures stand for all: those whose names have the smallest hashes, in the order of the hashes.

    Args:
        names: list of text.
        most: how many, at most.

    Returns:
        int64 [n], numbers of `names`.
    """
    return np.array(sorted(range(len(names)), key=lambda n: (_hash(names[n]), n))[:most], np.int64)


def _hash(name):
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()


def gather(task, runner, words, shard_pictures):
    """Gathers what is known of one side with Beam.

    Args:
        task: a `Gathering`.
        runner, words: see `pipeline.run`.
        shard_pictures: pictures in a shard.

    Returns:
        `Statistics`, and a `Side`.

    Raises:
        UserError: see `pipeline.run`; pictures that cannot be used, or are not of one size.
    """
    collection = task.collection()
    cut = engine.shards(task, collection, shard_pictures)
    notes = pipeline.run(task, cut, runner, words)
    bad = [one for note in notes for one in note["bad"]]
    if bad:
        raise UserError(f"{bad[0][0]} is {bad[0][1]}; repair or remove it ({len(bad)} in all, listed in {task.bad}.jsonl)")
    shapes = [shape for note in notes for shape in note["shapes"]]
    for height, width, where in shapes:
        if [height, width] != shapes[0][:2]:
            raise UserError(
                f"{shapes[0][2]} is {shapes[0][1]}x{shapes[0][0]} pixels and {where} {width}x{height}; give --image_size to "
                "bring all images to one size"
            )
    moments, rows = None, {}
    for shard in cut:
        with np.load(io.BytesIO(storage.read(shard.path(task.work, ".npz"))), allow_pickle=False) as stored:
            if "mean" in stored:
                found = Moments.of(stored["count"], stored["mean"], stored["scatter"])
                moments = found if moments is None else moments
                if moments is not found:
                    moments.merge(found)
            for kind in ("names", *task.needs):
                if kind in stored.files:
                    rows[kind] = np.concatenate([rows[kind], stored[kind]]) if kind in rows else stored[kind]
        chosen = sample(rows["names"].tolist(), FEATURES_CAP)
        rows = {kind: values[chosen] for kind, values in rows.items()}
    arrays = {kind: values for kind, values in rows.items() if kind != "names"}
    if moments:
        gaussian = moments.gaussian()
        arrays |= {"mean": gaussian.mean, "covariance": gaussian.covariance}
    lines = ("\0".join(map(str, picture)) for note in notes for picture in note["pictures"])
    side = Side(task.spec, collection.count, (*shapes[0][:2], 3), contents.fingerprint(*lines))
    return Statistics(EXTRACTORS.create(task.features), arrays, collection.count), side


@dataclasses.dataclass(frozen=True)
class Side:
    """What a score's record says of one side.

    Attributes:
        spec, count, image_shape, fingerprint: as of a `Source`.
    """

    spec: str
    count: int
    image_shape: tuple
    fingerprint: str


def evaluate(metrics, real, fake, seed, runner, words, shard_pictures):
    """Scores one set of pictures against another with Beam.

    Args:
        metrics: names from `SCORES`.
        real, fake: `Gathering`s; their `needs` are filled in here.
        seed: of the scores' own draws.
        runner, words, shard_pictures: see `gather`.

    Returns:
        List of records, as of `Evaluator.run`.

    Raises:
        UserError: see `gather`; a score that looks at whole pictures, or an extractor that cannot serve.
    """
    needs = frozenset().union(*(SCORES.create(metric).needs for metric in metrics))
    if "patches" in needs:
        raise UserError("sliced_wasserstein draws patches in an order of its own; leave it out, or take it without --runner")
    extractor = EXTRACTORS.create(real.features)
    if not hasattr(extractor, "extract") or ("probabilities" in needs and not extractor.classes):
        raise UserError(f"--features={real.features} does not serve {', '.join(metrics)}; take inception2015")
    (real_statistics, real_side), (fake_statistics, fake_side) = (
        gather(dataclasses.replace(side, needs=tuple(sorted(wanted))), runner, words, shard_pictures)
        for side, wanted in ((real, needs - {"probabilities"}), (fake, needs))
    )
    if real_side.image_shape != fake_side.image_shape:
        sizes = ["x".join(map(str, side.image_shape[1::-1])) for side in (fake_side, real_side)]
        raise UserError(
            f"the generated images are {sizes[0]} pixels and the real ones {sizes[1]}; give both sides the same size, for "
            "example by --image_size"
        )
    found = Evaluator(metrics, extractor, real_side, seed=seed).compare(real_statistics, fake_statistics)
    drawn = {"sample": f"the {FEATURES_CAP} images whose names have the smallest hashes, in that order"}
    return [one | {"protocol": one["protocol"] | drawn} for one in found]
