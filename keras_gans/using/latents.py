"""What users do with latents: paths between them, truncation, noise and style mixing."""

import contextlib
import re

import keras
import numpy as np
import tensorflow as tf

from keras_gans import randomness
from keras_gans.data import images as image_forms
from keras_gans.errors import UserError
from keras_gans.layers.noise import NoiseInjection


def slerp(start, end, t):
    """Moves along great circles (Shoemake 1985), which keeps the length that normal latents have.

    Args:
        start, end: float [n, latent_dim].
        t: float [n, 1], from 0 (the start) to 1.

    Returns:
        float64 [n, latent_dim]. Between parallel latents the arc is a point, and between opposite ones none is defined:
        both take the straight line.
    """
    start, end = np.asarray(start, np.float64), np.asarray(end, np.float64)
    lengths = np.linalg.norm(start, axis=1, keepdims=True) * np.linalg.norm(end, axis=1, keepdims=True)
    angle = np.arccos(np.clip((start * end).sum(1, keepdims=True) / lengths, -1, 1))
    sine = np.sin(angle)
    straight = sine < 1e-6
    arc = (np.sin((1 - t) * angle) * start + np.sin(t * angle) * end) / np.where(straight, 1, sine)
    return np.where(straight, lerp(start, end, t), arc)


def lerp(start, end, t):
    """Moves along straight lines; arguments as in `slerp`, of any shape."""
    return (1 - t) * np.asarray(start, np.float64) + t * np.asarray(end, np.float64)


def loop(keyframes, positions, spherical):
    """Walks through latents or styles and back to the first.

    Args:
        keyframes: float [n, ...], what to visit.
        positions: float [m], from 0 to n: where 0, 1, 2, ... are the keyframes and n is the first again.
        spherical: by `slerp`, for normal latents; False: by `lerp`, for uniform latents and for w.

    Returns:
        float32 [m, ...].
    """
    keyframes, positions = np.asarray(keyframes), np.asarray(positions)
    first = np.floor(positions).astype(int)
    t = (positions - first).reshape(-1, *[1] * (keyframes.ndim - 1))
    start, end = keyframes[first % len(keyframes)], keyframes[(first + 1) % len(keyframes)]
    return (slerp if spherical else lerp)(start, end, t).astype(np.float32)


def mix(left, top, layers):
    """Mixes styles: every pair of two sets (Karras et al. 2019, section 3.1 and figure 3).

    Args:
        left: float [m, layers_w, w_dim]; they give the layers that `layers` names, ...
        top: float [n, layers_w, w_dim]; ... and these give all others.
        layers: list of integers.

    Returns:
        float32 [m * n, layers_w, w_dim], row by row of the table.
    """
    left, top = np.asarray(left, np.float32), np.asarray(top, np.float32)
    table = np.repeat(top[None], len(left), axis=0)
    table[:, :, layers] = left[:, None, layers]
    return table.reshape(-1, *top.shape[1:])


def numbers(text, count, flag, what):
    """Reads numbers such as `0-3` or `0,4-5`.

    Args:
        text: what the user wrote.
        count: the numbers are from 0 to count - 1.
        flag, what: the flag's name and what is numbered ("layers"), for messages.

    Returns:
        List of integers, in the order that they were written in.

    Raises:
        UserError: another form, or numbers outside the range.
    """
    found = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if first > last or last >= count:
            raise UserError(f"--{flag}={text}: there are {what} 0 to {count - 1}; name some as in 0-2 or 0,2")
        found += range(first, last + 1)
    return found


def require_styles(run, flag):
    """Returns the run's generator, see `keras_gans.networks.style_generator`.

    Args:
        run: `keras_gans.trained.Trained`.
        flag: what needs it, for the message ("--mix").

    Raises:
        UserError: it is no style-based one.
    """
    if not hasattr(run.generator, "synthesize"):
        raise UserError(
            f"{flag}: the generator of {run.directory} is not style-based, so it has no w, truncation or "
            "noise; take a run of stylegan or stylegan2"
        )
    return run.generator


def noise_layers(generator):
    """Returns the `NoiseInjection` layers of a style-based generator, a list."""
    return [layer for layer in generator.get_layer("synthesis").layers if isinstance(layer, NoiseInjection)]


@contextlib.contextmanager
def noise_images(layers, images):
    """Takes other images for the constant noise of layers meanwhile; gradients reach them.

    Args:
        layers: list of `NoiseInjection`.
        images: float32 [h, w, 1] for each.
    """
    with keras.StatelessScope(
        state_mapping=[(layer.constant, tf.convert_to_tensor(image)) for layer, image in zip(layers, images, strict=True)]
    ):
        yield


class Painter:
    """Makes pictures of a run's latents, with truncation and the controls of style-based generators.

    Args:
        run: `keras_gans.trained.Trained` that makes images of latents.
        truncation, cutoff: see `StyleGenerator.styles`; None: no truncation, or of all layers. Of other generators of
            normal latents, truncation is the largest value that a latent may have: what lies outside is drawn again (Brock
            et al. 2019, section 3.1).
        noise: `constant`, `none` or `random`.
        seed: int, of random noise. It is drawn for every picture.

    Raises:
        UserError: a control, and the generator is not style-based; a cutoff without truncation; a truncation of latents
            that are not normal, or one that is not above 0.
    """

    def __init__(self, run, truncation=None, cutoff=None, noise="constant", seed=0):
        self._limit = None
        if truncation is not None and not hasattr(run.generator, "synthesize"):
            if run.latent != "normal":
                raise UserError(f"--truncation: the latents of {run.directory} are {run.latent}, not normal; leave it out")
            if not truncation > 0:
                raise UserError(f"--truncation={truncation:g}: the largest value of a latent should be above 0")
            self._limit, truncation = truncation, None
        given = {"--truncation": truncation is not None, "--cutoff": cutoff is not None, "--noise": noise != "constant"}
        for flag, is_given in given.items():
            if is_given:
                require_styles(run, flag)
        if cutoff is not None and truncation is None:
            raise UserError(f"--cutoff={cutoff} says which layers --truncation is for; give that too")
        self.run = run
        self._controlled = any(given.values())
        self._truncation, self._cutoff = 1.0 if truncation is None else truncation, cutoff
        self._noise, self._seed, self._done = noise, randomness.fold(seed, "pictures"), 0

    def draw(self, count, seed):
        """Draws latents float32 [count, latent_dim], truncated where they are; the same for the same seed (int)."""
        if self._limit is None:
            return self.run.draw_latent(count, seed)
        shape = [count, self.run.generator.inputs[0].shape[-1]]
        return randomness.truncated_normal(randomness.fold(seed, "truncated latents"), shape, self._limit)

    def styles(self, latents, labels=None):
        """Returns truncated styles, float32 [n, layers_w, w_dim].

        Args:
            latents: float32 [n, latent_dim].
            labels: int [n], or None.

        Raises:
            UserError: psi or the cutoff is outside its range.
        """
        labels = None if labels is None else tf.constant(labels, tf.int32)
        return self.run.generator.styles(tf.constant(latents), labels, self._truncation, self._cutoff).numpy()

    def of_styles(self, styles):
        """Returns pictures, uint8 [n, h, w, c], of styles [n, layers_w, w_dim]."""
        seed = randomness.fold(self._seed, self._done)
        self._done += len(styles)
        return image_forms.to_uint8(self.run.generator.synthesize(tf.constant(styles), self._noise, seed).numpy())

    def of_latents(self, latents, labels=None):
        """Returns pictures, uint8 [n, h, w, c], of latents [n, latent_dim] and labels int [n] (or None)."""
        if self._controlled:
            return self.of_styles(self.styles(latents, labels))
        inputs = latents if labels is None else [latents, np.asarray(labels, np.int32)]
        return image_forms.to_uint8(np.asarray(self.run.infer(inputs)))
