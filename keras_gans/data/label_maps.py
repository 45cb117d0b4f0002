"""Label maps: pictures whose pixels are the numbers of labels, or the colours that stand for them."""

import pathlib
import re

import numpy as np

from keras_gans import files
from keras_gans.data.picture_files import BadImage, open_image, reason, room
from keras_gans.errors import UserError

_LOSSY = ("JPEG", "MPO", "JPEG2000", "AVIF", "HEIF")
_SPREAD = {"L;2": 85, "L;4": 17}  # Pillow spreads the values of such a PNG over 0 to 255
_PALETTE_BYTES = 2**20
_IN_PALETTES = r"GIMP Palette|(Name|Columns|Channels):.*|#.*|"  # lines without a colour


class Labels:
    """What the numbers of label maps mean.

    Args:
        count: of different numbers, those of the labels and one more where `dont_care` is given; from 1 to 256.
        dont_care: what stands for "no label" in files, which is read as `count - 1`. Default None: nothing does.
        colors: (r, g, b) of each label, 0 to 255, for maps in colours. Default (): maps of indices.
        names: of the labels, in their order. Default (): nobody knows.

    Raises:
        ValueError: parts that cannot be.
    """

    def __init__(self, count, dont_care=None, colors=(), names=()):
        self.count, self.dont_care = count, dont_care
        self.colors, self.names = tuple(tuple(map(int, color)) for color in colors), tuple(names)
        if (
            not isinstance(count, int)
            or not 1 <= count <= 256
            or len(self.colors) not in (0, count)
            or len(self.names) not in (0, count)
        ):
            raise ValueError(f"{count} labels with {len(self.colors)} colours and {len(self.names)} names")
        if dont_care is not None and (self.colors or not count - 1 <= dont_care <= 255):
            raise ValueError(f"{dont_care} cannot stand for no label beside {count - 1} labels")
        if any(len(color) != 3 or not all(0 <= level <= 255 for level in color) for color in self.colors):
            raise ValueError("colours should be three levels from 0 to 255")

    @classmethod
    def of_flags(cls, labels, dont_care=None):
        """Reads `--labels` and `--dont_care`.

        Args:
            labels: how many, in digits, or the path of a palette file.
            dont_care: an int, or None.

        Raises:
            UserError: numbers that cannot be, a file that cannot be read or that is no palette.
        """
        if not labels.isdecimal():
            if dont_care is not None:
                raise UserError(
                    f"--dont_care={dont_care} is for maps of indices; give what has no label a line of its own in {labels}"
                )
            return cls._of_palette(pathlib.Path(labels).expanduser())
        least, most = 1, 256 if dont_care is None else 255
        count = int(labels)
        if not least <= count <= most:
            raise UserError(f"--labels={labels} is not possible; take {least} to {most} labels, or a palette file")
        if dont_care is None:
            return cls(count)
        if not count <= dont_care <= 255:
            raise UserError(f"--dont_care={dont_care} is no index beside the labels 0 to {count - 1}; take {count} to 255")
        return cls(count + 1, dont_care)

    @classmethod
    def _of_palette(cls, path):
        try:
            with open(path, "rb") as file:
                text = file.read(_PALETTE_BYTES).decode("utf-8", "replace")
        except (OSError, ValueError) as error:
            raise UserError(
                f"--labels={path} is neither a number nor a palette file that can be read: {files.reason(error)}"
            ) from error
        found = {}
        for number, line in enumerate(text.splitlines(), 1):
            line = line.strip()
            if re.fullmatch(_IN_PALETTES, line):
                continue
            parts = re.fullmatch(r"(\d{1,3})\s+(\d{1,3})\s+(\d{1,3})(?:\s+(.*))?", line)
            color = parts and tuple(int(parts[index]) for index in (1, 2, 3))
            if not color or max(color) > 255:
                raise UserError(
                    f"--labels={path}: line {number}, {line[:40]!r}, is no colour; a palette has lines such as 128 64 0 road"
                )
            if color in found:
                raise UserError(f"--labels={path}: line {number} has the colour of {found[color]!r} again")
            found[color] = parts[4] or str(len(found))
        if not 1 <= len(found) <= 256:
            raise UserError(f"--labels={path} names {len(found)} colours; a palette of label maps has 1 to 256")
        return cls(len(found), None, found, found.values())

    @classmethod
    def of_record(cls, described):
        """Returns what `describe` described; of None, None.

        Raises:
            ValueError: it described nothing.
        """
        if described is None:
            return None
        try:
            return cls(*(described[part] for part in ("count", "dont_care", "colors", "names")))
        except (KeyError, TypeError) as error:
            raise ValueError(f'"labels" cannot be {str(described)[:60]}') from error

    def describe(self):
        """Returns what `run.json` says of the labels."""
        return {
            "count": self.count,
            "dont_care": self.dont_care,
            "colors": [list(color) for color in self.colors],
            "names": list(self.names),
        }

    def read(self, file):
        """Reads a label map, grey or with a palette inside; in colours where the labels have colours.

        Args:
            file: its bytes, or its path.

        Returns:
            uint8 [h, w], from 0 to `count - 1`.

        Raises:
            BadImage: as of `picture_files.open_image`; a format that does not keep values, colours where indices are wanted,
                an index out of range, or a colour that the palette does not have.
        """
        values = _values(file, bool(self.colors))
        if self.colors:
            codes = np.array([_code(np.array(color)) for color in self.colors])
            order = np.argsort(codes)
            place = np.searchsorted(codes, values, sorter=order).clip(max=len(codes) - 1)
            found = order[place]
            wrong = codes[found] != values
        else:
            last = self.count - (self.dont_care is not None)
            found = np.where(values == self.dont_care, last, values) if self.dont_care is not None else values
            wrong = (found < 0) | (found >= self.count) | ((found == last) & (values != self.dont_care))
        if wrong.any():
            row, column = np.argwhere(wrong)[0].tolist()
            raise BadImage(f"{self._what_is_wrong(int(values[row, column]))} (row {row}, column {column})")
        return found.astype(np.uint8)

    def _what_is_wrong(self, value):
        if self.colors:
            color = f"{value >> 16} {value >> 8 & 255} {value & 255}"
            return f"not in the palette: the colour {color} is none of its {self.count}"
        last = self.count - 1 - (self.dont_care is not None)
        more = f", and {self.dont_care} for none" if self.dont_care is not None else ""
        return f"index out of range: {value}, but labels go from 0 to {last}{more}"

    def inputs(self, file, edges=False):
        """Reads what a network takes: a label map and, with `edges`, the borders between its labels.

        Args:
            file: of the map.
            edges: whether the network takes those of instances, for which the borders between labels stand here.

        Returns:
            uint8 [h, w, 1 or 2].

        Raises:
            BadImage: see `read`.
        """
        found = self.read(file)
        return np.stack([found, borders(found)] if edges else [found], -1)

    def paint(self, maps):
        """Returns label maps uint8 [..., 1 or 2] in colours to look at, uint8 [..., 3]; edges are dark."""
        table = np.array(self.colors or [_distinct(index) for index in range(self.count)], np.uint8)
        painted = table[np.minimum(maps[..., 0], self.count - 1)]
        return painted if maps.shape[-1] == 1 else np.where(maps[..., 1:] >= 128, painted // 3, painted)


def read_instances(file):
    """Reads an instance map: pixels of one thing have one value, grey of 8 or 16 bits or a colour.

    Args:
        file: its bytes, or its path.

    Returns:
        int32 [h, w].

    Raises:
        BadImage: as of `Labels.read`.
    """
    return _values(file, None)


def borders(values):
    """Returns where a pixel differs from one beside, above or below it: uint8 [h, w], 255 there, else 0."""
    found = np.zeros(values.shape, bool)
    across, down = values[:, 1:] != values[:, :-1], values[1:] != values[:-1]
    found[:, 1:] |= across
    found[:, :-1] |= across
    found[1:] |= down
    found[:-1] |= down
    return found * np.uint8(255)


def _values(file, colors):
    """Returns the values of a picture, int32 [h, w]: codes of its colours, or its indices; with None whatever it has."""
    with open_image(file) as opened, room.take(opened.size):
        if opened.format in _LOSSY:
            raise BadImage(f"lossy: {opened.format} does not keep the values of label maps; save them as PNG")
        stored = opened.tile[0][3] if opened.format == "PNG" and opened.tile else None
        grey = opened.mode in ("1", "L", "P") or opened.mode.startswith("I")
        try:
            if colors or (colors is None and not grey):
                return _code(np.asarray(opened.convert("RGB"), np.int32))
            if not grey:
                raise BadImage(
                    f"in colours ({opened.mode}): maps of indices are grey, or have a palette inside; give --labels a palette "
                    "file for maps in colours"
                )
            return np.asarray(opened).astype(np.int32) // _SPREAD.get(stored, 1)
        except BadImage:
            raise
        except Exception as error:  # Pillow's parsers raise what they stumble over
            raise BadImage(reason(error)) from error


def _code(colors):
    """Returns one number for each colour, int [...] of [..., 3]."""
    return colors[..., 0] << 16 | colors[..., 1] << 8 | colors[..., 2]


def _distinct(index):
    """Returns a colour that differs from those of the numbers nearby: bits go to channels in turn, high ones first."""
    return [sum((index >> (3 * place + channel) & 1) << (7 - place) for place in range(3)) for channel in range(3)]
