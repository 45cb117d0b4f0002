"""Pictures in a style: one call for networks of one style, of numbered styles and of any style."""

import numpy as np
import tensorflow as tf

from keras_gans.data import paintings
from keras_gans.data.images import to_model
from keras_gans.errors import UserError

COLORS = ("style", "luma", "match")


class Stylizer:
    """Takes pictures through a run in one style, in several at once, or in one for each region.

    Args:
        translator: `Translator` of the run's network.
        network: the `StyleNetwork` whose `transfer_network` that is, or None for a network with one style of its own.
        chosen: the styles: pictures, uint8 [h, w, 3] of any size, for a network of any style; numbers, from 0, for one
            of numbered styles; none for another network.
        weights: of the styles, see `paintings.blend_weights`.
        alpha: strength. Of a network of any style it blends the style with the picture's own, before the picture is
            drawn (Huang & Belongie 2017, equation 14, by statistics in place of features); of any other it blends
            pixels.
        colors: "style", "luma" (the picture keeps its chroma, see `paintings.keep_chroma`) or "match" (the style is given
            the picture's colours, see `paintings.match_colors`).
        masks: one for each style, see `paintings.paint_regions`; then the styles are not blended.
        style_size: shorter side that style pictures are brought to, in pixels. Default 256.

    Raises:
        UserError: styles, weights, strength, colours or masks that do not fit the network or one another.
    """

    def __init__(self, translator, network, chosen=(), *, weights=None, alpha=1.0, colors="style", masks=(), style_size=256):
        paintings.check_alpha(alpha)
        self._translator, self._network = translator, network
        self._any = network is not None and network.style is not None
        self._alpha, self._colors, self._masks, self._size = alpha, colors, masks, style_size
        if network is None and (chosen or masks or weights is not None):
            raise UserError("this run has one style of its own; leave out --style, --weight and --mask")
        if colors == "match" and not self._any:
            raise UserError("--colors=match changes the style's picture, and this run takes none; take --colors=luma")
        if masks and len(masks) != len(chosen):
            raise UserError(f"{len(masks)} masks do not fit {len(chosen)} styles; give one for each")
        if masks and weights is not None:
            raise UserError("--weight blends styles and --mask keeps them apart; leave one of them out")
        self._shares = paintings.blend_weights(weights, len(chosen)) if network is not None else None
        if self._any:
            self._chosen = [paintings.fit_style(picture, style_size) for picture in chosen]
            self._vectors = None if colors == "match" else [self._style(picture) for picture in self._chosen]
        elif network is not None:
            wrong = [number for number in chosen if not 0 <= number < network.num_styles]
            if wrong:
                raise UserError(f"this run has the styles 0 to {network.num_styles - 1}, not {wrong[0]}")
            self._vectors = [np.eye(network.num_styles, dtype=np.float32)[number][None] for number in chosen]

    def __call__(self, image, report=lambda fraction: None):
        """Draws a picture: uint8 [h, w, 3] -> uint8 [h, w, 3]; `report` is called with the fraction done."""
        painted = np.broadcast_to(self._paint(image, report), image.shape)  # a filter's result may be grey
        if self._alpha < 1 and not self._any:
            painted = np.rint(self._alpha * painted + (1 - self._alpha) * image).astype(np.uint8)
        return paintings.keep_chroma(painted, image) if self._colors == "luma" else painted

    def _paint(self, image, report):
        if self._shares is None:
            return self._translator(image, report=report)
        vectors = self._vectors
        if vectors is None:
            vectors = [self._style(paintings.match_colors(picture, image)) for picture in self._chosen]
        if not self._masks:
            vectors = [sum(share * vector for share, vector in zip(self._shares, vectors))]
        if self._any and self._alpha < 1:
            own = self._style(self._within(image))
            vectors = [self._alpha * vector + (1 - self._alpha) * own for vector in vectors]
        pictures = []
        for number, vector in enumerate(vectors):
            self._translator.conditions = [vector]
            pictures.append(self._translator(image, report=lambda done: report((number + done) / len(vectors))))
        return paintings.paint_regions(image, pictures, self._masks) if self._masks else pictures[0]

    def _within(self, image):
        """Returns the picture as it is where it can be encoded in one piece, else smaller."""
        height, width = image.shape[:2]
        too_small = min(height, width) < self._network.smallest
        too_large = height * width > self._translator.tile**2
        return paintings.fit_style(image, self._size) if too_small or too_large else image

    def _style(self, picture):
        return self._network.style(tf.constant(to_model(picture[None])), training=False).numpy()
