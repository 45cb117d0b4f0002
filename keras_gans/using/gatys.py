"""Style transfer by optimisation of the pixels (Gatys, Ecker, Bethge 2016): slow, and the measure of the fast ways."""

import numpy as np
import tensorflow as tf
from scipy import optimize

from keras_gans import randomness
from keras_gans.data import paintings
from keras_gans.data.images import to_model, to_uint8
from keras_gans.errors import UserError
from keras_gans.progress import progress


def stylize(content, style_pictures, objective, weights=None, steps=200, start="content", seed=0):
    """Finds the picture that an objective likes best, by L-BFGS (SciPy's, without bounds; clipped at the end).

    Args:
        content: uint8 [h, w, 3].
        style_pictures: list of uint8 [h', w', 3], each of a size of its own; structures are taken at their size in
            pixels.
        objective: `keras_gans.losses.stylization.Stylization`.
        weights: of the styles, see `paintings.blend_weights`.
        steps: iterations. Default 200.
        start: `content`, or `noise` (N(0, 0.1) about grey, as the paper has it).
        seed: of the noise, an integer.

    Returns:
        The picture, uint8 [h, w, 3], the same for the same arguments, and its losses: a dict of floats, see
        `Stylization.terms`.

    Raises:
        UserError: weights that do not fit, another start, or no steps.
    """
    if start not in ("content", "noise"):
        raise UserError(f"start={start} is not possible; take content or noise")
    if steps < 1:
        raise UserError(f"steps={steps} is not possible; take 1 or more")
    shares = paintings.blend_weights(weights, len(style_pictures))
    picture = to_model(content[None])
    of_content = objective.content_targets(picture)
    each = [objective.style_targets(to_model(style[None])) for style in style_pictures]
    of_style = [tf.tensordot(shares, tf.concat(layer, 0), 1)[None] for layer in zip(*each, strict=True)]
    first = picture if start == "content" else 0.1 * randomness.normal(randomness.fold(seed, "gatys"), picture.shape)

    @tf.function
    def evaluate(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss, terms = objective(images, of_content, of_style)
        return loss[0], tape.gradient(loss, images), terms

    def loss_and_gradient(pixels):
        loss, gradient, _ = evaluate(tf.constant(pixels.reshape(picture.shape), tf.float32))
        return float(loss), gradient.numpy().ravel().astype(np.float64)

    with progress("optimising the picture", steps, "steps") as bar:
        found = optimize.minimize(
            loss_and_gradient,
            np.asarray(first, np.float64).ravel(),
            jac=True,
            method="L-BFGS-B",
            callback=lambda intermediate_result: bar.advance(1, f"loss {intermediate_result.fun:.4g}"),
            options={"maxiter": steps, "maxfun": 4 * steps, "maxcor": 20, "ftol": 0.0, "gtol": 0.0},
        )
    result = to_uint8(found.x.reshape(picture.shape).astype(np.float32))
    terms = evaluate(tf.constant(to_model(result)))[2]
    return result[0], {name: float(value[0]) for name, value in terms.items()}
