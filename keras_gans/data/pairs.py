"""Sources of pairs: two aligned images, an image and what is left of it, or images of two domains."""

import typing

import numpy as np
import tensorflow as tf

from keras_gans import randomness
from keras_gans.data import decoding
from keras_gans.data import images as image_forms
from keras_gans.data.images import BadImage
from keras_gans.data.source import Positions, Source


def open_pairs(collection, input_channels, image_size, channels, resize, crop, bad, load_size):
    """Makes the source of a collection of aligned pairs.

    The two sides of a pair are kept as one picture with the channels of both, so that they are cropped and mirrored
    alike.

    Args:
        collection: a `Collection` with `pictures(number, channels)` -> two 8-bit `PIL.Image.Image`s; may raise
            `BadImage`.
        input_channels: channels of the side A.
        channels: channels of the side B.
        image_size, resize, crop, bad, load_size: as in `keras_gans.data.open_source`.

    Returns:
        A `PairSource`.
    """

    def load(number):
        sides = collection.pictures(number, (input_channels, channels))
        if sides[0].size != sides[1].size:
            raise BadImage(image_forms.different_sizes(*(side.size for side in sides)))
        fitted = [image_forms.fit(side, image_size, resize, crop, load_size) for side in sides]
        return np.concatenate([image_forms.to_pixels(side) for side in fitted], axis=-1), 0

    shape = (image_size, image_size, input_channels + channels)
    return PairSource(decoding.store(collection, load, shape, bad, load_size), input_channels)


class PairSource(Source):
    """Aligned pairs: (image A, image B).

    Args:
        stacked: a `Source` of the pairs as images [h, w, channels of A + channels of B].
        input_channels: channels of A.
        labels: `label_maps.Labels` where A are label maps. Default None.
    """

    kind = "paired"

    def __init__(self, stacked, input_channels, labels=None):
        height, width, channels = stacked.image_shape
        super().__init__(stacked, stacked.count, (height, width, channels - input_channels))
        self.input_shape = (height, width, input_channels)
        self._stacked, self.labels = stacked, labels

    def elements(self, positions, flip=False, rotate=False):
        pairs, _ = self._stacked.elements(positions, flip, rotate)
        return pairs[..., : self.input_shape[-1]], pairs[..., self.input_shape[-1] :]


class DegradedSource(Source):
    """Pairs made of single images: (degraded image, image). The degradation is drawn anew for each position.

    Args:
        images: a `Source` of images.
        degradation: a `keras_gans.data.degradations.Degradation`.

    Raises:
        UserError: a degradation that does not suit these images.
    """

    kind = "paired"

    def __init__(self, images, degradation):
        super().__init__(images, images.count, images.image_shape, ())
        height, width, channels = images.image_shape
        self.image_shape = height - degradation.margin, width - degradation.margin, channels
        self._whole_shape = degradation.input_shape(images.image_shape)
        self.input_shape = degradation.input_shape(self.image_shape)
        self.degradation = degradation
        self._images = images

    def elements(self, positions, flip=False, rotate=False):
        images, _ = self._images.elements(positions, flip, rotate)
        inputs = tf.map_fn(
            lambda element: self.degradation(*element),
            (images, positions.seed),
            fn_output_signature=tf.TensorSpec(self._whole_shape, tf.uint8),
        )
        return self._windows(inputs, images, positions.seed) if self.degradation.margin else (inputs, images)

    def _windows(self, inputs, images, seeds):
        """Cuts the windows that pairs show, drawn for each, out of what was degraded whole."""
        scale = self.degradation.scale
        steps = self.degradation.margin // scale + 1

        def cut(element):
            small, large, seed = element
            top, left = tf.unstack(
                tf.random.stateless_uniform(
                    [2], randomness.fold(seed, "window"), maxval=steps, dtype=tf.int32, alg="philox", minval=0
                )
            )
            return (
                tf.slice(small, [top, left, 0], self.input_shape),
                tf.slice(large, [scale * top, scale * left, 0], self.image_shape),
            )

        signature = tuple(tf.TensorSpec(shape, tf.uint8) for shape in (self.input_shape, self.image_shape))
        return tf.map_fn(cut, (inputs, images, seeds), fn_output_signature=signature)


class Sides(typing.NamedTuple):
    """Positions of two sequences."""

    a: Positions
    b: Positions


class UnpairedSource(Source):
    """Images of two domains: (image A, image B). Each domain is shuffled, cropped and mirrored on its own.

    An epoch, and `in_order`, is as long as the larger domain; in order the smaller one starts again.

    Args:
        collection: where spec, name and fingerprint come from.
        a, b: `Source`s of images.

    Attributes:
        sides: (a, b).
    """

    kind = "unpaired"

    def __init__(self, collection, a, b):
        super().__init__(collection, max(a.count, b.count), b.image_shape)
        self.input_shape = a.image_shape
        self.sides = (a, b)

    def positions(self, seed, start, size):
        return tf.data.Dataset.zip(
            Sides(
                *(side.positions(randomness.fold(seed, name), start, size) for side, name in zip(self.sides, Sides._fields))
            )
        )

    def fixed(self, index):
        return Sides(*(side.fixed(index % side.count) for side in self.sides))

    def elements(self, positions, flip=False, rotate=False):
        return tuple(side.elements(place, flip, rotate)[0] for side, place in zip(self.sides, positions))
