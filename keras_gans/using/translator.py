"""A generator of images from images, for pictures of any size."""

import numpy as np
import tensorflow as tf
from PIL import Image

from keras_gans import randomness
from keras_gans.data import images
from keras_gans.errors import UserError
from keras_gans.trained.trained import IMAGES
from keras_gans.using import bands, stages, tiles
from keras_gans.using.reach import reach

_LEAST_SIDE = 16  # pixels: what reflection padding of a few pixels at a quarter of the size can work with
_LARGEST_HALO = 96  # pixels of the output around a tile
_MISSING = 128  # a mask's values from here on say that a pixel is missing
_HOLE = 127  # what stands in the place of a missing pixel's colour


class Translator:
    """Takes pictures through a network.

    A picture up to `tile` x `tile` pixels goes through in one piece, padded to the network's multiple by reflection
    (and to 16 pixels), and is cut back. A larger one goes through in pieces of that area, in memory that does not grow
    with it apart from the pixels themselves:

    - with instance norms: in bands, with the statistics of the whole picture (`keras_gans.using.bands`); equal to
      one piece but for rounding;
    - a network that must see multiples of more than 4 pixels (a U-Net) or that runs in training mode (pix2pix, whose
      batch norm takes the piece's own statistics): overlapping tiles that fade into one another;
    - any other: tiles with a margin as wide as the network reaches, which is cut off; equal to one piece but for
      rounding, unless the network reaches farther than 96 pixels of the output, where the margin ends.

    Args:
        network: functional keras.Model, float [n, h, w, input_channels] in [-1, 1] (and `conditions`) -> float32
            [n, h * scale, w * scale, channels] in [-1, 1]. Its attributes `multiple` and `scale` (default 1) say what
            it takes and makes. With 2 or 4 input channels the last one is a mask, 1 where a pixel is missing; but one with
            `semantics` takes label maps.
        training: whether dropout and batch statistics are on, as in pix2pix's published test. Default False.
        seed: of that dropout, int; the same picture gives the same output. Default 0.
        conditions: values of the network's other inputs, float [1, ...], such as a style. Default none.
        tile: side of the largest square of the result's pixels that goes through in one piece. Default 1024, which
            takes a ResNet generator about 3 GB, TensorFlow included.

    Attributes:
        scale: sides of the result over those of the picture.
        takes_mask: whether a picture needs a mask.
        takes_labels: whether pictures are label maps.
    """

    def __init__(self, network, *, training=False, seed=0, conditions=(), tile=1024):
        self.tile = tile
        self.conditions = conditions
        self.scale = getattr(network, "scale", 1)
        self.takes_labels = hasattr(network, "semantics")
        self.takes_mask = network.inputs[0].shape[-1] in (2, 4) and not self.takes_labels
        self._network, self._training = network, training
        self._multiple = getattr(network, "multiple", 1)
        self._colors = network.inputs[0].shape[-1] - self.takes_mask
        self._seed = randomness.fold(seed, "test")
        self._bands = self._halo = None
        signature = [
            tf.TensorSpec([None, None, None, network.inputs[0].shape[-1]]),
            [tf.TensorSpec([1, *condition.shape[1:]]) for condition in network.inputs[1:]],
            tf.TensorSpec([2], tf.int32),
        ]
        self._infer = tf.function(self._call, input_signature=signature)

    @classmethod
    def of(cls, trained, direction="ab"):
        """Makes one of a trained generator.

        Args:
            trained: `keras_gans.trained.Trained`.
            direction: "ab", or "ba" where both have been learned.

        Raises:
            UserError: it draws from latents or in a style, or does not know the direction.
        """
        if not trained.translates:
            raise UserError(
                f"{trained.directory} makes images from latents and has nothing to translate; draw from it with "
                "keras-gans sample"
            )
        if trained.takes != IMAGES:
            raise UserError(f"{trained.directory} draws pictures in a style; use keras-gans stylize")
        if direction not in trained.generators:
            known = " and ".join(trained.generators)
            raise UserError(f"--direction={direction}: {trained.directory} translates {known} only")
        return cls(trained.generators[direction], training=trained.random_at_test, seed=trained.seed)

    def __call__(self, image, mask=None, report=lambda fraction: None):
        """Translates one picture.

        Args:
            image: uint8 [h, w, 1 or 3]; becomes grey (ITU-R 601 luma) or RGB as the network wants it. A label map is uint8
                [h, w, 1 or 2] as of `keras_gans.data.label_maps.Labels.inputs`.
            mask: uint8 [h, w], from 128 on where pixels are missing; for a network that takes masks. The other pixels
                are those of the picture in the result too.
            report: called with the fraction done, of a picture in pieces.

        Returns:
            uint8 [h * scale, w * scale, channels].

        Raises:
            UserError: no mask where one is needed, one where none is, or one of another size; no room on the disk
                or in memory, or a network with instance norms that cannot be taken to pieces.
        """
        height, width = image.shape[:2]
        if self.takes_labels and image.shape[-1] != self._colors:
            raise UserError(f"this network paints label maps of {self._colors} channel(s), and takes no pictures")
        image = _colored(image, self._colors)
        missing = self._missing(image, mask)
        inputs = image
        if missing is not None:
            known = np.where(missing, np.uint8(_HOLE), image)
            inputs = np.concatenate([known, missing * np.uint8(255)], axis=-1)
        try:
            made = self._translate(self._padded(inputs), report)
        except tf.errors.ResourceExhaustedError as error:
            raise UserError(
                f"no memory for pieces of {self.tile}x{self.tile} pixels; take a smaller tile, such as "
                f"--tile={self.tile // 2}"
            ) from error
        made = made[: height * self.scale, : width * self.scale]
        return made if missing is None else np.where(missing, made, image)

    def _missing(self, image, mask):
        """Returns bool [h, w, 1], or None for a network without masks."""
        if self.takes_mask != (mask is not None):
            raise UserError(
                "this network fills holes: it needs a mask that says where"
                if self.takes_mask
                else "this network takes no mask"
            )
        if mask is None:
            return None
        if mask.shape[:2] != image.shape[:2]:
            raise UserError(
                f"the mask has {mask.shape[1]}x{mask.shape[0]} pixels, the picture "
                f"{image.shape[1]}x{image.shape[0]}; they must have the same size"
            )
        return mask.reshape(*mask.shape[:2], 1) >= _MISSING

    def _padded(self, image):
        wanted = [-(-max(side, _LEAST_SIDE) // self._multiple) * self._multiple for side in image.shape[:2]]
        return np.pad(image, [(0, want - side) for want, side in zip(wanted, image.shape)] + [(0, 0)], "reflect")

    def _translate(self, image, report):
        """Translates uint8 [h, w, c] whose sides the network can take."""
        area = self.tile**2 // self.scale**2
        if image.shape[0] * image.shape[1] <= area:
            return images.to_uint8(self._piece(image))
        if stages.norms(self._network):
            try:
                self._bands = self._bands or bands.Bands(self._network, self._multiple, self._training)
            except ValueError as error:
                raise UserError(f"{error}; take a tile as large as the picture, --tile={max(image.shape)}") from error
            return self._bands(image, area, self.conditions, self._seed, report)
        window = tiles.side(self.tile // self.scale, self._multiple)
        shape = self._multiple, self.scale, self._network.outputs[0].shape[-1]
        if self._multiple > 4 or self._training:
            return tiles.blend(self._piece, image, window, *shape, report)
        return tiles.cut(self._piece, image, window, self._margin(), *shape, report)

    def _piece(self, image, number=0):
        """Translates uint8 [h, w, c] in one piece; returns float32."""
        seed = randomness.fold(self._seed, number) if number else self._seed
        return self._infer(images.to_model(image[None]), list(self.conditions), seed)[0].numpy()

    def _call(self, inputs, conditions, seed):
        with randomness.scope(seed):
            return self._network([inputs, *conditions] if conditions else inputs, training=self._training)

    def _margin(self):
        """Returns how far the network reaches, in pixels of its input, or what stands for it."""
        if self._halo is None:
            most = -(-_LARGEST_HALO // self.scale // self._multiple) * self._multiple
            noise = np.random.default_rng(0).uniform(-1, 1, (1, 2 * most, 32, self._network.inputs[0].shape[-1]))
            (rows,) = reach(
                lambda inputs: [self._infer(inputs[0], list(self.conditions), self._seed)], [noise.astype(np.float32)]
            )
            self._halo = min(most, -(-rows // self.scale))
        return self._halo


def _colored(image, channels):
    """Returns uint8 [h, w, channels] of uint8 [h, w, 1 or 3]."""
    if image.shape[-1] == channels:
        return image
    if channels == 1:
        return np.asarray(Image.fromarray(image).convert("L"))[..., None]
    return np.repeat(image, channels, -1)
