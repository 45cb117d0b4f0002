"""Collects pictures in the public domain, on which the filters inside the package are trained.

    cd FOLDER
    apt-get download gcompris-qt-data lomiri-wallpapers-16.04; for file in *.deb; do dpkg-deb -x $file .; done
    pip download --no-deps --python-version 3.8 --only-binary=:all: scipy==1.9.3; unzip scipy-*.whl 'scipy/misc/*'
    python benchmarks/public_domain.py --packages=FOLDER --out=FOLDER/photos [--shared=../shared/data]

Takes the photographs of --shared's photos_free, those of GCompris that its copyright file calls public domain or CC0 and that
are not among them, the CC0 one of Lomiri's wallpapers, and SciPy's raccoon; CREDITS.md beside them names each. GCompris keeps
its pictures in Qt's resource files: needs PySide6-Essentials.
"""

import bz2
import io
import pathlib
import re
import shutil

import runs
from PIL import Image

DATA = "usr/share/gcompris-qt/rcc"
COPYRIGHT = "usr/share/doc/gcompris-qt-data/copyright"
ACTIVITIES = ("categorization", "explore_world_animals")  # those with photographs
LOMIRI = "usr/share/backgrounds/seeding_by_Clements_Engelhardt.jpg"
LONGEST = 640  # pixels, as in photos_free


def main():
    from keras_gans.cli import Flags

    flags = Flags()
    flags.string("packages", None, "folder of the unpacked packages", required=True)
    flags.string("shared", "../shared/data", "folder of the pictures, see its README.md")
    flags.string("out", None, "folder of the photographs; it must not be there yet", required=True)
    runs.parse(flags, __doc__)
    packages, shared, out = (pathlib.Path(path).resolve() for path in (flags.packages, flags.shared, flags.out))
    out.mkdir(parents=True)
    credits = (shared / "photos_free/CREDITS.md").read_text(encoding="utf-8").splitlines()
    for path in sorted((shared / "photos_free").glob("*.jpg")):
        shutil.copyfile(path, out / path.name)
    for name, content, license, author in [*gcompris(packages), *others(packages)]:
        if not (out / f"{name}.jpg").exists():
            image = (
                Image.open(io.BytesIO(content), formats=["WEBP", "JPEG", "PNG"]) if isinstance(content, bytes) else content
            )
            image.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
            image.convert("RGB").save(out / f"{name}.jpg", quality=95)
            credits.append(f"| {name}.jpg | {license} | {author} |")
    (out / "CREDITS.md").write_text("\n".join(credits) + "\n", encoding="utf-8")
    print(f"{len(list(out.glob('*.jpg')))} photographs in {out}")


def gcompris(packages):
    """Yields name, bytes, licence and author of each photograph that GCompris may give to anybody."""
    from PySide6.QtCore import QFile, QIODevice, QResource

    for activity in ACTIVITIES:
        if not QResource.registerResource(str(packages / DATA / f"{activity}.rcc")):
            raise SystemExit(f"cannot open {packages / DATA / activity}.rcc")
    for entry in (packages / COPYRIGHT).read_text(encoding="utf-8").split("\n\n"):
        fields = dict(re.findall(r"^(\w+): *((?:.*)(?:\n .*)*)", entry, re.MULTILINE))
        if fields.get("License", "").split("\n")[0] not in ("public-domain", "CC0-1.0"):
            continue
        for name in fields.get("Files", "").split():
            match = re.fullmatch(r"src/activities/(\w+)/resource/(.*)\.(?:jpg|png)", name)
            file = QFile(f":/gcompris/{name.rpartition('.')[0]}.webp")
            if match and match[1] in ACTIVITIES and file.open(QIODevice.OpenModeFlag.ReadOnly):
                content = bytes(file.readAll().data())
                yield (
                    f"{match[1]}_{match[2].replace('/', '_')}",
                    content,
                    fields["License"].split("\n")[0],
                    fields["Copyright"],
                )


def others(packages):
    yield "lomiri_seeding", (packages / LOMIRI).read_bytes(), "CC0-1.0", "Clemens Engelhardt"
    raccoon = bz2.decompress((packages / "scipy/misc/face.dat").read_bytes())  # scipy.misc.face: 768 rows
    yield "scipy_raccoon", Image.frombytes("RGB", (1024, 768), raccoon), "public-domain", "Judy Weggelaar, pixnio.com"


if __name__ == "__main__":
    main()
