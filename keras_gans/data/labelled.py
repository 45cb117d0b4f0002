"""Pairs of a label map and its photograph."""

import numpy as np
from PIL import Image

from keras_gans.data import decoding, label_maps
from keras_gans.data import images as image_forms
from keras_gans.data.images import BadImage
from keras_gans.data.pairs import PairSource
from keras_gans.data.sources.folder import Folder
from keras_gans.data.sources.paired import Pairs, by_name, stem
from keras_gans.errors import UserError


def labelled(pairs, labels, dont_care=None, instances=None):
    """Takes the first pictures of pairs for label maps.

    Args:
        pairs: the `Collection` of `paired:A:B`.
        labels: text of `--labels`; dont_care: see `label_maps.Labels.of_flags`.
        instances: a folder of instance maps, whose partners have the path of the label map but for the suffix; or None.

    Returns:
        `LabelledPairs`.

    Raises:
        UserError: other data, labels that cannot be, or no such folder.
    """
    if not isinstance(pairs, Pairs):
        raise UserError(f"--labels={labels} takes side A of pairs for label maps; give --data=paired:A:B, not {pairs.spec}")
    found = label_maps.Labels.of_flags(labels, dont_care)
    sides, partners, faults = list(pairs.sides), pairs.partners, list(pairs.faults)
    if instances:
        if not isinstance(sides[0], Folder):
            raise UserError(f"--instances={instances} goes with two folders, --data=paired:A:B, not with {pairs.spec}")
        folder = Folder(instances, "all", f"folder:{instances}", "none", "--instances takes a folder of instance maps")
        numbers, more = by_name(folder)
        names = [stem(sides[0].paths[number]) for number in partners[:, 0].tolist()]
        faults += more
        faults += [
            (sides[0].where(number), f"no partner: there is no {folder.folder / name}.*")
            for number, name in zip(partners[:, 0].tolist(), names)
            if name not in numbers
        ]
        kept = [place for place, name in enumerate(names) if name in numbers]
        third = np.array([numbers[names[place]] for place in kept], int)
        partners, sides = np.concatenate([partners[kept], third[:, None]], 1), [*sides, folder]
    return LabelledPairs(pairs, sides, partners, faults, found)


class LabelledPairs(Pairs):
    """Label maps, photographs and, as a third side, instance maps.

    Args:
        pairs: the `Pairs` that they were.
        sides: `Collection`s A and B, and C of instance maps where there are any.
        partners: int [n, sides].
        faults: see `Collection`.
        labels: `label_maps.Labels`.
    """

    def __init__(self, pairs, sides, partners, faults, labels):
        identity = (*pairs.identity, "labels", str(labels.describe()))
        super().__init__(pairs.spec, pairs.name, pairs.split, pairs.holdout, sides, partners, faults, pairs.total, identity)
        self.labels = labels

    def source(self, image_size, channels, resize, crop, bad, load_size):
        """Makes the source; label maps and instance maps are brought to size by the nearest pixel, whatever `resize` says."""
        if crop == "pad":
            raise UserError("--fit=pad puts black beside pictures, which is no label; take --fit=crop or squash")
        self.refuse_faults(bad)
        channels = channels or decoding.natural_channels(self.sides[1])
        inputs = len(self.sides) - 1

        def load(number):
            maps, photograph = self._read(number, channels)
            if {one.size for one in maps} != {photograph.size}:
                other = next(one.size for one in maps if one.size != photograph.size)
                raise BadImage(image_forms.different_sizes(other, photograph.size))
            fitted = [np.asarray(image_forms.fit(one, image_size, "nearest", crop, load_size)) for one in maps]
            if len(fitted) > 1:
                fitted[1] = label_maps.borders(fitted[1])
            pixels = image_forms.to_pixels(image_forms.fit(photograph, image_size, resize, crop, load_size))
            return np.concatenate([*(one[..., None] for one in fitted), pixels], -1), 0

        shape = (image_size, image_size, inputs + channels)
        return PairSource(decoding.store(self, load, shape, bad, load_size), inputs, self.labels)

    def _read(self, number, channels):
        """Returns the maps, `PIL.Image.Image`s of one layer, and the photograph."""
        readers = [self.labels.read, lambda data: image_forms.upright(data, channels), label_maps.read_instances]
        found = []
        for title, side, partner, read in zip("ABC", self.sides, self.partners[number].tolist(), readers):
            try:
                found.append(read(side.read(partner)[0]))
            except BadImage as error:
                raise BadImage(f"side {title} is {error}") from error
        labels, photograph, *instances = found
        return [Image.fromarray(one) for one in (labels, *instances)], photograph
