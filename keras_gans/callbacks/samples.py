"""The same latents, drawn again and again: what the generator makes of them over time."""

import numpy as np

from keras_gans import grids
from keras_gans.callbacks.periodic import Periodic
from keras_gans.data import images as image_forms


class Samples(Periodic):
    """Writes a grid of the averaged generator's images to `samples/` and to TensorBoard.

    Args:
        record: a `Record`.
        every: steps between grids.
        trained: `keras_gans.trained.Trained` of the game.
        count: images in a grid; a conditional generator makes a row per class. Default 64.
        start: steps done before.
    """

    def __init__(self, record, every, trained, count=64, start=0):
        super().__init__(every, start)
        self.record, self.trained, self.count = record, trained, count

    def due(self, step, logs):
        count, columns, labels = self.count, None, None
        if len(self.trained.image_shape) == 1:
            count = 10_000
        elif self.trained.num_classes:
            columns = 8
            labels = np.repeat(np.arange(min(self.trained.num_classes, 16)), columns)
            count = len(labels)
        images = np.concatenate(list(self.trained.generate(count, self.model.seed, labels)))
        sheet = grids.grid(images, columns) if images.ndim == 4 else density(images)
        grids.write_png(self.record.folder.samples / f"{step:09d}.png", sheet)
        self.record.add_image(step, "samples", sheet)


class Translations(Periodic):
    """Writes a sheet of translated held-out examples, one to a row: input, output and target, or what the game shows.

    Label maps are shown in the colours of their palette, or in colours that tell neighbouring indices apart.

    Args:
        record: a `Record`.
        every: steps between sheets.
        source: `keras_gans.data.Source` of pairs.
        count: rows at most. Default 8.
        start: steps done before.
    """

    def __init__(self, record, every, source, count=8, start=0):
        super().__init__(every, start)
        self.record, self.labels = record, source.labels
        examples = list(source.in_order().take(count).as_numpy_iterator())
        self.examples = [image_forms.to_model(np.stack(side)) for side in zip(*examples)]

    def due(self, step, logs):
        columns = [image_forms.to_uint8(np.asarray(images)) for images in self.model.show(*self.examples)]
        if self.labels:
            columns[0] = self.labels.paint(columns[0])
        sheet = grids.table([displayed(images) for images in columns])
        grids.write_png(self.record.folder.samples / f"{step:09d}.png", sheet)
        self.record.add_image(step, "samples", sheet)


def displayed(images):
    """Returns uint8 images [n, h, w, 1, 3 or 4] as RGB; a fourth channel is a mask, which shows as the hole's grey."""
    return np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images[..., :3]


def density(points, pixels=192):
    """Draws 2-D points as a picture of how many lie where, darker for more.

    Args:
        points: float [n, 2]; the picture shows the square from -5 to 5 if any reaches beyond 2, else from -2 to 2.
        pixels: height and width.

    Returns:
        uint8 [pixels, pixels, 1].
    """
    reach = 5 if np.abs(points).max() > 2 else 2
    counts, *_ = np.histogram2d(-points[:, 1], points[:, 0], bins=pixels, range=[[-reach, reach]] * 2)
    return (255 * np.exp(-counts))[..., None].astype(np.uint8)
