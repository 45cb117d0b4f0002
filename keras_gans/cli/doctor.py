"""Read every image of a data source and list the bad ones.

    keras-gans doctor --data=folder:photos --image_size=64

Lists each image that is unreadable, truncated, of a mode without known range, too small or a duplicate, with its place
and reason; prints counts, sizes, modes and classes. Ends with 0 where all is well, 1 where something is bad, 2 for a
mistake in the command.
"""

MODES = {
    "1": "black and white", "L": "grey", "LA": "grey with alpha, laid over white", "I": "16-bit grey, scaled to 8",
    "I;16": "16-bit grey, scaled to 8", "P": "palette, converted to RGB", "RGBA": "RGB with alpha, laid over white",
    "CMYK": "converted to RGB", "YCbCr": "converted to RGB"}


def define(flags):
    flags.string("data", None, "what to examine: folder:PATH, tfrecord:GLOB, tfds:NAME[/CONFIG][@SPLIT] or "
                               "embedded:NAME", required=True)
    flags.integer("image_size", None, "the training size in pixels: images with a shorter side below it are bad "
                                      "(default: any size is fine)", lower=1)


def run(flags):
    from keras_gans.data import doctor, opening

    collection = opening.open_collection(flags.data)
    findings = doctor.examine(collection, flags.image_size)
    for line in report(collection, findings):
        print(line)
    return 1 if findings.bad else 0


def report(collection, findings):
    """Yields the lines of the report.

    Args:
        collection: a `keras_gans.data.Collection`.
        findings: what `keras_gans.data.doctor.examine` found in it.
    """
    import numpy as np

    readable = len(findings.sizes)
    yield f"{collection.spec}"
    yield f"  images   {collection.count:,}, of which {readable:,} can be read"
    if readable:
        for side, values in zip(("width", "height"), findings.sizes.T, strict=True):
            yield f"  {side:<8} min {values.min()}, median {np.median(values):g}, max {values.max()} pixels"
        yield f"  formats  {_counts(findings.formats)}"
        yield "  modes    " + ", ".join(f"{mode} {count:,}" + (f" ({MODES[mode]})" if mode in MODES else "")
                                        for mode, count in findings.modes.most_common())
        if collection.class_names or len(findings.labels) > 1:
            names = dict(enumerate(collection.class_names))
            yield f"  classes  {len(collection.class_names or findings.labels)}"
            for label in sorted({*names, *findings.labels}):
                yield f"    {findings.labels[label]:>8,}  {names.get(label, label)}"
    if not findings.bad:
        yield "no trouble found"
        return
    kinds = {}
    for _, reason in findings.bad:
        kind = reason.split(":")[0]
        kinds[kind] = kinds.get(kind, 0) + 1
    yield f"trouble found: {_counts(kinds)}"
    for where, reason in findings.bad:
        yield f"  {where}: {reason}"


def _counts(counts):
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items(), key=lambda item: -item[1]))
