"""Scores a trained run against real images, or one folder of images against another.

    keras-gans evaluate --run=runs/quickstart                                    against the run's held-out data
    keras-gans evaluate --run=runs/quickstart --real=folder:photos --metrics=fid,kid --count=10000
    keras-gans evaluate --real=folder:A --fake=folder:B --metrics=fid,precision_recall
    keras-gans evaluate --real=folder:truth --fake=folder:restored --metrics=psnr,ssim,lpips   pairs by file name

Metrics of sets: fid (or fd), kid (or kd), precision_recall, density_coverage, inception_score, sliced_wasserstein. Of a
run: ppl, classification_accuracy. Of pairs: psnr, ssim, ms_ssim, lpips. Options follow a colon, as in
kid:subsets=50,subset_size=500 or ppl:sampling=full.

Every score is stored with its protocol in RUN/scores.jsonl, or where --out says.
"""

import pathlib

from keras_gans.bulk import commands as bulk
from keras_gans.errors import UserError
from keras_gans.flags import define_limits, define_runner

DEFAULT_METRICS = "fid,kid,precision_recall,density_coverage"


def define(flags):
    define_limits(flags)
    flags.string("run", None, "folder of the run whose averaged generator is scored")
    flags.choice("checkpoint", "latest", ("latest", "best"), "which checkpoint of --run")
    flags.string("real", None, "reference images, like --data of train.py; default: the run's own data")
    flags.choice(
        "split",
        None,
        ("train", "holdout", "all"),
        "part of the reference; default: holdout of the run's own data, all of --real",
    )
    flags.string("fake", None, "generated images in place of --run, for example folder:PATH")
    flags.string("metrics", DEFAULT_METRICS, "names separated by commas, see above")
    flags.string(
        "features",
        None,
        "feature extractor of the set metrics (inception2015, fashion, efficientnet_lite0, "
        "keras:path=FILE.keras, ...); default: fashion for embedded:fashion, else inception2015",
    )
    flags.integer(
        "count", None, "images on each side; default: all real images, and as many from --run or all of --fake", lower=1
    )
    flags.integer(
        "image_size",
        None,
        "bring the images of --real and --fake to this size in pixels; default: the "
        "run's, or as they are, which must be one size",
        lower=1,
    )
    flags.integer("seed", 0, "of the latents, the subsets and the scores' own draws")
    flags.choice("color", "rgb", ("rgb", "y"), "psnr, ssim, ms_ssim on all channels or on BT.601 luma")
    flags.integer("crop_border", 0, "psnr, ssim, ms_ssim: pixels cut from each edge", lower=0)
    flags.string("out", None, "write the scores to this JSON file in place of RUN/scores.jsonl")
    define_runner(flags, None, 10_000)


def split_metrics(text):
    """Returns the specs of `fid,kid:subsets=5,subset_size=9,ppl`: a comma before KEY=VALUE continues an option list."""
    specs = []
    for piece in filter(None, (piece.strip() for piece in text.split(","))):
        if specs and "=" in piece.partition(":")[0]:
            specs[-1] += "," + piece
        else:
            specs.append(piece)
    if not specs:
        raise UserError(f"--metrics={text} names no metric; take for example --metrics={DEFAULT_METRICS}")
    return specs


def run(flags):
    if bool(flags.run) == bool(flags.fake):
        raise UserError("give either --run=DIR or --fake=folder:PATH, the images to score")
    if flags.fake and not flags.real:
        raise UserError("--fake needs --real=folder:PATH, the images to compare with")
    from keras_gans.metrics.scores import GeneratorScore, PairScore, SetScore
    from keras_gans.registry import SCORES

    scores = {
        spec: SCORES.create(spec, color=flags.color, crop_border=flags.crop_border) for spec in split_metrics(flags.metrics)
    }

    def specs(kind):
        return [spec for spec, score in scores.items() if isinstance(score, kind)]

    if flags.run and specs(PairScore):
        raise UserError(
            f"{specs(PairScore)[0]} compares pairs of images; give --real=folder:A and --fake=folder:B "
            "with the same file names"
        )
    if flags.fake and specs(GeneratorScore):
        raise UserError(f"{specs(GeneratorScore)[0]} looks into a generator; give --run=DIR in place of --fake")
    if bulk.asked(flags):
        if flags.run or flags.count or len(specs(SetScore)) < len(scores):
            raise UserError(
                "--runner compares all pictures of --real with all of --fake, by metrics of sets such as fid,kid"
            )
        found = bulk.evaluate(flags, specs(SetScore))
    elif flags.run:
        found = _of_run(flags, scores, specs(SetScore), specs(GeneratorScore))
    else:
        found = _of_sets(flags, specs(SetScore)) + _of_pairs(flags, [scores[spec] for spec in specs(PairScore)])
    print(table(found))
    _store(flags, found)
    return 0


def _of_run(flags, scores, set_specs, generator_specs):
    from keras_gans.data import open_source
    from keras_gans.metrics import Evaluator, records
    from keras_gans.progress import progress
    from keras_gans.trained import recipes
    from keras_gans.trained.trained import Trained

    trained = Trained.open(flags.run, flags.checkpoint)
    size, channels = trained.recipe["image_size"], trained.recipe["channels"]
    if flags.image_size not in (None, size):
        raise UserError(f"--image_size={flags.image_size} does not fit {flags.run}, which makes {size}x{size} pixels")
    if flags.real:
        split = flags.split or "all"
        real = open_source(flags.real, image_size=size, channels=channels, split=split)
    else:
        split = flags.split or "holdout"
        real = trained.source(split)
    features = flags.features or ("fashion" if real.spec.startswith("embedded:fashion") else "inception2015")
    found = []
    if set_specs:
        judges = recipes.trained_on(trained.recipe)
        evaluator = Evaluator(set_specs, features, real, flags.count, flags.seed, quiet=False, trained_on=judges)
        found += evaluator.run(trained.generate(evaluator.count_fake, flags.seed))
    shared = {"reference": real.spec, "fingerprint": real.fingerprint, "image_shape": list(real.image_shape)}
    for spec in generator_specs:
        with progress(spec, unit="scores") as bar:
            results = scores[spec](trained, real, features, flags.count or real.count, flags.seed)
            bar.advance(len(results))
        found += [records.record(result, shared) for result in results]
    origin = {"run": str(flags.run), "checkpoint": flags.checkpoint, "step": trained.step, "split": split}
    return [one | {"protocol": one["protocol"] | origin} for one in found]


def _of_sets(flags, specs):
    if not specs:
        return []
    from keras_gans.data import open_source
    from keras_gans.metrics import Evaluator
    from keras_gans.metrics.evaluator import source_batches
    from keras_gans.metrics.folders import FolderImages

    def side(spec):
        if flags.image_size:
            return open_source(spec, image_size=flags.image_size, channels=3, split="all")
        return FolderImages(spec)

    real, fake = side(flags.real), side(flags.fake)
    evaluator = Evaluator(specs, flags.features or "inception2015", real, flags.count, flags.seed, quiet=False)
    count = min(flags.count or fake.count, fake.count)
    return evaluator.run(source_batches(fake, count, flags.seed), count)


def _of_pairs(flags, scores):
    if not scores:
        return []
    from keras_gans.metrics.folders import FolderImages, pairs
    from keras_gans.metrics.paired import score_pairs
    from keras_gans.progress import progress

    reference, generated = FolderImages(flags.real), FolderImages(flags.fake)
    with progress("pairs", total=reference.count, unit="pairs") as bar:

        def shown():
            for pair in pairs(reference, generated):
                yield pair
                bar.advance()

        return score_pairs(shown(), scores, {"reference": reference.spec, "fingerprint": reference.fingerprint})


def _store(flags, found):
    from keras_gans.files import to_json, write_text
    from keras_gans.trained import hub

    if flags.out:
        write_text(flags.out, to_json(found, indent=2) + "\n")
        print(f"wrote {flags.out}")
    elif flags.run and not hub.is_address(flags.run):
        path = pathlib.Path(flags.run) / "scores.jsonl"
        before = path.read_text(encoding="utf-8") if path.is_file() else ""
        write_text(path, before + "".join(to_json(one) + "\n" for one in found))
        print(f"added to {path}")


def table(found):
    """Returns the scores as aligned lines: name, value +- standard error, images on each side."""
    rows = [("score", "value", "real", "generated")]
    for one in found:
        error = one["standard_error"]
        value = f"{one['value']:.5g}" + ("" if error is None else f" +- {error:.2g}")
        rows.append((one["name"], value, str(one["protocol"]["count_real"]), str(one["protocol"]["count_fake"])))
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)
