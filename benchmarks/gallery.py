"""The first page of docs/results.md: of each kind of work a few rows of its sheet, as they are, with what it took.

    python benchmarks/gallery.py

Cuts docs/gallery/ out of the sheets that the other benchmarks draw, so it runs after them. Rows are the first ones, not chosen.
"""

import collections

import runs
from PIL import Image

Piece = collections.namedtuple("Piece", "name sheet rows of factor words")
Piece.__doc__ = """What is shown: its file; the sheet in docs/; how many of its rows, of how many; by how many whole pixels it is
enlarged; what stands above it."""
PIECES = (
    Piece(
        name="style",
        sheet="style/arbitrary_style_strokes.jpg",
        rows=3,
        of=6,
        factor=1,
        words="**Any painting's style**, by one network, twelve minutes on one core ([numbers](#style-transfer)).",
    ),
    Piece(
        name="clothes",
        sheet="zoo.png",
        rows=14,
        of=14,
        factor=1,
        words="**Clothes from noise**, by thirteen papers' recipes, at most 25 minutes of one core each "
        "([numbers, and why some fail](#every-objective-for-the-same-time)).",
    ),
    Piece(
        name="stylegan2",
        sheet="growing/stylegan2_samples.png",
        rows=3,
        of=8,
        factor=3,
        words="The same by StyleGAN2 ([numbers](#growing-and-style-based-generators)).",
    ),
    Piece(
        name="kinds",
        sheet="few/projected_kinds.png",
        rows=21,
        of=21,
        factor=1,
        words="**Figures of a game, a row for each of 21 kinds**, by Projected GAN from 3,620 pictures, under five hours of one core in "
        "all ([numbers, and which kinds fail](#few-pictures-at-64x64)).",
    ),
    Piece(
        name="enlarged",
        sheet="translation/real_world.jpg",
        rows=3,
        of=6,
        factor=1,
        words="**Small, blurred, noisy, compressed pictures enlarged**: bicubic, the package's `embedded:enlarge4`, RRDB "
        "trained on clean pictures, the authors' weights imported here (two), the original ([numbers](#enlargement-of-damaged-pictures)).",
    ),
    Piece(
        name="map",
        sheet="translation/spade.png",
        rows=3,
        of=8,
        factor=1,
        words="**Label maps painted**: heights to satellite pictures by SPADE, 23 minutes of one core ([numbers](#image-to-image)).",
    ),
)
QUALITY = 90  # of JPEG


def main():
    from keras_gans.cli import Flags

    flags = Flags()
    flags.string("document", "docs/results.md", "where the pictures stand")
    flags.string("pictures", "docs/gallery", "folder of the pieces")
    runs.parse(flags, __doc__)
    folder = runs.ROOT / flags.pictures
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for piece in PIECES:
        cut(piece).save(folder / f"{piece.name}.jpg", quality=QUALITY)
        lines += [piece.words, "", f"![{piece.name}]({folder.name}/{piece.name}.jpg)", ""]
    runs.fill(flags.document, "gallery", "\n".join(lines))


def cut(piece):
    """Returns the first rows of a sheet."""
    with Image.open(runs.ROOT / "docs" / piece.sheet, formats=["PNG", "JPEG"]) as sheet:
        rows = sheet.convert("RGB").crop((0, 0, sheet.width, round(sheet.height * piece.rows / piece.of)))
    return rows.resize((rows.width * piece.factor, rows.height * piece.factor), Image.Resampling.NEAREST)


if __name__ == "__main__":
    main()
