"""Pictures that exported models and Keras are compared on."""

import numpy as np
from PIL import Image


def drawn(height, width, channels, seed):
    """Draws a picture uint8 [height, width, channels] with smooth parts and edges."""
    coarse = np.random.default_rng(seed).integers(0, 256, [5, 7, channels], np.uint8)
    layers = [
        np.asarray(Image.fromarray(layer).resize((width, height), Image.Resampling.BICUBIC))
        for layer in np.moveaxis(coarse, -1, 0)
    ]
    picture = np.stack(layers, -1)
    picture[height // 4 : height // 2, width // 3 :] //= 2
    return picture
