"""Directions in w that change pictures most, found without examples (SeFa: Shen & Zhou 2021)."""

import keras
import numpy as np


def affines(generator):
    """Lists the layers that turn w into styles.

    Where a convolution and the image's layer share a place in the styles, the convolution stands for both, as in the
    authors' code (`genforce/sefa`).

    Args:
        generator: `keras_gans.networks.style_generator.StyleGenerator`.

    Returns:
        A list of float64 [channels, w_dim], one for each of the `layers_w` places.
    """
    synthesis = generator.synthesis
    found = [layer for layer in synthesis.layers if layer.name.endswith("_style")]
    # What arrives at a layer tells its place, when every style holds the number of its place.
    places = np.arange(generator.layers_w, dtype=np.float32)[None, :, None].repeat(generator.w_dim, axis=2)
    arriving = keras.Model(synthesis.inputs[0], [layer.input for layer in found])(places)
    matrices = {}
    for layer, w in sorted(zip(found, arriving), key=lambda pair: not pair[0].name.startswith("to_image")):
        matrices[int(w[0, 0])] = np.asarray(layer.kernel, np.float64).T
    return [matrices[place] for place in range(generator.layers_w)]


def sefa(generator, layers=None):
    """Finds the unit directions n that maximise |A n|: eigenvectors of A^T A (equation 7).

    A has a row for each style of the layers, at unit length, as in the authors' code: no style counts for more because
    its scale is larger.

    Args:
        generator: `keras_gans.networks.style_generator.StyleGenerator`.
        layers: numbers of the layers, places in the styles. Default: all.

    Returns:
        Directions, float32 [w_dim, w_dim], a row each, of unit length and orthogonal, and their eigenvalues, float64
        [w_dim], largest first. Of the two opposite directions the one is taken whose largest component is positive.
    """
    matrices = affines(generator)
    rows = np.concatenate([matrices[layer] for layer in (range(len(matrices)) if layers is None else layers)])
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = rows / np.where(lengths > 0, lengths, 1)
    values, vectors = np.linalg.eigh(rows.T @ rows)
    directions, values = vectors.T[::-1], values[::-1]
    largest = np.take_along_axis(directions, np.abs(directions).argmax(1)[:, None], 1)
    return (directions * np.sign(largest)).astype(np.float32), values


def edited(styles, direction, amounts, layers=None):
    """Moves styles along a direction.

    Args:
        styles: float [layers_w, w_dim], of one picture.
        direction: float [w_dim].
        amounts: float [m], how far.
        layers: numbers of the layers that move. Default: all.

    Returns:
        float32 [m, layers_w, w_dim].
    """
    moved = np.repeat(np.asarray(styles, np.float32)[None], len(amounts), axis=0)
    step = np.asarray(amounts, np.float32)[:, None, None] * np.asarray(direction, np.float32)
    moved[:, slice(None) if layers is None else layers] += step
    return moved
