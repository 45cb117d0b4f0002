"""Checks a source distribution and a wheel: what must be there, what must not, their sizes, and the page on PyPI.

python .ci/distributions.py dist/keras_gans-*.tar.gz dist/keras_gans-*.whl
"""

import pathlib
import re
import sys
import tarfile
import zipfile

MOST = 12 * 2**20  # bytes of either
NEEDED = """
LICENSE README.md CHANGELOG.md CONTRIBUTING.md MANIFEST.in setup.cfg setup.py pyproject.toml train.py .ci/run
configs/quickstart.flags docker/train.Dockerfile docs/pictures.md examples/augment_classifier.py export/saved_model.py
export/web/index.html benchmarks/faithfulness.py tests/conftest.py tests/helpers.py tests/losses/test_adversarial.py
tests/trained/made_by_0_1_0/dcgan/run/run.json keras_gans/data/embedded/t10k-images-idx3-ubyte.gz
keras_gans/exporting/embedded/README.md keras_gans/exporting/embedded/cartoon_resizable_float16.tflite
keras_gans/flagfiles/quickstart.flags keras_gans/features/weights/fashion.npz keras_gans/serving/page/index.html
""".split()
UNWANTED = re.compile(r"^runs/|(^|/)(node_modules|__pycache__)/|\.pyc$|^docs/.*\.(png|jpg)$|^tutorials/.*\.(png|jpg)$")
MODELS = re.compile(r"\.(safetensors|tflite|onnx|keras|pth|pkl|h5|npz|pb)$")
KNOWN_MODELS = re.compile(  # trained on Fashion-MNIST, on the public domain, or on what tests make up
    r"^keras_gans/features/weights/fashion\.npz$|^keras_gans/exporting/embedded/\w+\.tflite$|^tests/"
)


def check(names, size, needed, what):
    """Returns what is wrong with a distribution that has files of these names, a list of lines."""
    wrong = [f"{what}: {name} is missing" for name in needed if name not in names]
    wrong += [f"{what}: {name} should not be in it" for name in names if UNWANTED.search(name)]
    wrong += [
        f"{what}: {name} is a model that nobody knows here"
        for name in names
        if MODELS.search(name) and not KNOWN_MODELS.search(name)
    ]
    return wrong + ([f"{what}: {size} bytes, at most {MOST} are expected"] if size > MOST else [])


def check_page(metadata):
    """Returns what is wrong with the page that PyPI makes of a wheel's metadata, a list of lines."""
    relative = re.findall(r"\]\((?!https?:|#)([^)]*)\)", metadata)
    wrong = [f"PyPI: a relative link to {name}" for name in relative]
    return wrong + ([] if re.search(r"!\[[^\]]*\]\(https://\S+\.(png|jpg)\)", metadata) else ["PyPI: no picture"])


def main(sdist, wheel):
    with tarfile.open(sdist) as archive:
        names = {one.name.partition("/")[2] for one in archive.getmembers() if one.isfile()}
        wrong = check(names, pathlib.Path(sdist).stat().st_size, NEEDED, "sdist")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        needed = [name for name in NEEDED if name.startswith("keras_gans/")]
        wrong += check(names, pathlib.Path(wheel).stat().st_size, needed, "wheel")
        metadata = next(name for name in names if name.endswith(".dist-info/METADATA"))
        wrong += check_page(archive.read(metadata).decode())
        if any(name.startswith(("tests/", "docs/", "configs/")) for name in names):
            wrong.append("wheel: it has more than the package")
    print("\n".join(wrong) or "the distributions are whole")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
