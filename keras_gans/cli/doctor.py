"""Read every image of a data source and list the bad ones.

    keras-gans doctor --data=folder:photos --image_size=64

Lists each image that is unreadable, truncated, of a mode without known range, too small or a duplicate, with its place
and reason; of pairs also images without a partner and pairs of two sizes. Prints counts, sizes, modes and classes, of
pairs for each side; files that are no pictures by kind. WebP, AVIF and JPEG 2000 carry no checksum: damage in the middle
of such a file may be nothing but wrong pixels, which no decoder tells; of JPEG, too, not all damage is seen. Ends
with 0 where all is well, 1 where something is bad, 2 for a
mistake in the command.
"""

from keras_gans.bulk import commands as bulk
from keras_gans.flags import define_limits, define_runner

MODES = {
    "1": "black and white",
    "L": "grey",
    "LA": "grey with alpha, laid over white",
    "I": "16-bit grey, scaled to 8",
    "I;16": "16-bit grey, scaled to 8",
    "P": "palette, converted to RGB",
    "RGBA": "RGB with alpha, laid over white",
    "CMYK": "converted to RGB",
    "YCbCr": "converted to RGB",
}


def define(flags):
    define_limits(flags)
    flags.string(
        "data",
        None,
        "what to examine: folder:PATH, tfrecord:GLOB, tfds:NAME[/CONFIG][@SPLIT], "
        "embedded:NAME, paired:A:B, ab:DIR, paired:tfds:NAME or unpaired:A:B",
        required=True,
    )
    flags.integer(
        "image_size",
        None,
        "the training size in pixels: images with a shorter side below it are bad (default: any size is fine)",
        lower=1,
    )
    define_runner(flags, None)


def run(flags):
    from keras_gans.data import doctor, opening

    in_shards = bulk.asked(flags)
    collection = opening.open_collection(flags.data)
    parts, troubles = bulk.examine(flags) if in_shards else doctor.examine(collection, flags.image_size)
    troubles += [trouble for part in parts for trouble in part.bad]
    for line in report(collection, parts, troubles):
        print(line)
    return 1 if troubles else 0


def report(collection, parts, troubles):
    """Yields the lines of the report.

    Args:
        collection: a `keras_gans.data.Collection`.
        parts: `keras_gans.data.doctor.Findings` of it, or of its sides.
        troubles: list of (where, reason) of all that is bad.
    """
    yield collection.spec
    for note in collection.notes:
        yield f"  {note}"
    for title, part in zip("AB", parts):
        if len(parts) > 1:
            yield f"{title}: {part.collection.spec}"
        yield from _describe(part)
    if collection.kind == "paired":
        yield f"  pairs    {collection.count:,}"
    if not troubles:
        yield "no trouble found"
        return
    kinds = {}
    for _, reason in troubles:
        kind = reason.split(":")[0]
        kinds[kind] = kinds.get(kind, 0) + 1
    yield f"trouble found: {_counts(kinds)}"
    for where, reason in troubles:
        yield f"  {where}: {reason}"


def _describe(findings):
    import numpy as np

    collection, readable = findings.collection, len(findings.sizes)
    yield f"  images   {collection.count:,}, of which {readable:,} can be read"
    if not readable:
        return
    for side, values in zip(("width", "height"), findings.sizes.T, strict=True):
        yield f"  {side:<8} min {values.min()}, median {np.median(values):g}, max {values.max()} pixels"
    yield f"  formats  {_counts(findings.formats)}"
    yield "  modes    " + ", ".join(
        f"{mode} {count:,}" + (f" ({MODES[mode]})" if mode in MODES else "") for mode, count in findings.modes.most_common()
    )
    if collection.class_names or len(findings.labels) > 1:
        names = dict(enumerate(collection.class_names))
        yield f"  classes  {len(collection.class_names or findings.labels)}"
        for label in sorted({*names, *findings.labels}):
            yield f"    {findings.labels[label]:>8,}  {names.get(label, label)}"


def _counts(counts):
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items(), key=lambda item: -item[1]))
