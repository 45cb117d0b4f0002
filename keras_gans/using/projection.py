"""Finds the w of a picture: projection into a style-based generator (Karras et al. 2020, appendix D)."""

import dataclasses
import math
import zipfile

import keras
import numpy as np
import tensorflow as tf

from keras_gans import files, randomness
from keras_gans.data import images as image_forms
from keras_gans.errors import UserError
from keras_gans.losses.perceptual_distance import PerceptualDistance
from keras_gans.progress import progress
from keras_gans.using.latents import noise_images, noise_layers

_ROOM = 2**20  # bytes of a file beside its numbers
_SAMPLES, _BATCH = 10_000, 1000  # latents that the average w and its deviation are measured on
_LEARNING_RATE, _RISE, _FALL = 0.1, 0.05, 0.25  # and the parts of all steps in which it ramps up and down
_EXPLORE, _EXPLORED = 0.05, 0.75  # of the deviation of w is added as noise, falling to 0 in this part of all steps
_NOISE_WEIGHT = 1e5
_SMALLEST_NOISE = 8  # pixels, down to which noise images are regularised at half their size, and half of that


@dataclasses.dataclass(frozen=True)
class Projection:
    """What was found.

    Attributes:
        styles: float32 [layers_w, w_dim].
        noise: dict, name of a noise layer -> float32 [h, w, 1].
        image: uint8 [h, w, c], what the generator makes of them.
        distance, start_distance: perceptual distances to the target, of `image` and of the average w with the first
            noise.
        film: uint8 [n, h, w, c], pictures on the way, the last one is `image`.
    """

    styles: np.ndarray
    noise: dict
    image: np.ndarray
    distance: float
    start_distance: float
    film: np.ndarray


def project(generator, target, space="w", network="vgg16-hed", steps=1000, seed=0, frames=100):
    """Looks for the styles and noise images that make a picture.

    Adam, with a rising and falling learning rate, moves one w (or one for each layer) from the average w, and the noise
    images, towards the target's perceptual features. In the first three quarters w is disturbed, less and less; the
    noise images are kept normal and free of what neighbours have in common, at every scale.

    Args:
        generator: `keras_gans.networks.style_generator.StyleGenerator`; it is not changed. Labels, where it takes them,
            take turns in the average w.
        target: uint8 [h, w, c], of the generator's size.
        space: `w`, one w for all layers, or `w+`, one for each.
        network: see `PerceptualDistance`. Default vgg16-hed, whose weights come in a package.
        steps: default 1000.
        seed: int; the same seed gives the same result.
        frames: pictures of the film, at most.

    Returns:
        A `Projection`.

    Raises:
        UserError: a target of another size, or an unknown network.
    """
    search = _Search(generator, target, space, network, steps, seed)
    film, every = [], max(1, math.ceil(steps / frames))
    with progress("projecting", steps, "steps") as bar:
        for step in range(steps):
            distance = search.step(step)
            if step % every == 0 or step == steps - 1:
                film.append(search.picture()[0])
                bar.advance(0, f"distance {float(distance):.4g}")
            bar.advance()
    noise = {layer.name: image.numpy() for layer, image in zip(search.layers, search.noise)}
    image, distance = search.picture()
    return Projection(np.array(search.styles()[0]), noise, image, distance, search.start_distance, np.stack(film))


class _Search:
    """The state of a projection; its methods are compiled."""

    def __init__(self, generator, target, space, network, steps, seed):
        size = generator.output_shape[1:]
        if target.shape != tuple(size):
            raise UserError(f"the target has the shape {list(target.shape)}, and the generator makes {list(size)}")
        self.generator, self.steps, self.seed = generator, steps, randomness.fold(seed, "project")
        self.distance = PerceptualDistance(network)
        self.target = self.distance.features(tf.constant(image_forms.to_model(target[None])))
        average, self.deviation = average_w(generator, randomness.fold(self.seed, "average"))
        count = 1 if space == "w" else generator.layers_w
        self.w = tf.Variable(np.tile(average, (1, count, 1)))
        self.layers = noise_layers(generator)
        self.noise = [
            tf.Variable(randomness.normal(randomness.fold(self.seed, layer.name), layer.constant.shape))
            for layer in self.layers
        ]
        self.variables = [self.w, *self.noise]
        self.optimizer = keras.optimizers.Adam(0.0, epsilon=1e-8)
        self.optimizer.build(self.variables)
        self._move, self._paint = (tf.function(method, autograph=False) for method in (self._moved, self._painted))
        self.start_distance = self.picture()[1]

    def styles(self, disturbance=0.0):
        return tf.tile(self.w + disturbance, [1, self.generator.layers_w // self.w.shape[1], 1])

    def step(self, step):
        """Moves once; returns the distance before."""
        done = step / self.steps
        ramp = 0.5 - 0.5 * math.cos(math.pi * min(1.0, (1 - done) / _FALL))
        self.optimizer.learning_rate.assign(_LEARNING_RATE * ramp * min(1.0, done / _RISE))
        scale = self.deviation * _EXPLORE * max(0.0, 1 - done / _EXPLORED) ** 2
        return self._move(tf.constant(step), tf.constant(scale, tf.float32))

    def picture(self):
        """Returns what is found so far, uint8 [h, w, c], and its distance."""
        image, distance = self._paint()
        return image.numpy(), float(distance)

    def _images(self, styles):
        with noise_images(self.layers, self.noise):
            return self.generator.synthesize(styles)

    def _painted(self):
        images = self._images(self.styles())
        return image_forms.to_uint8(images)[0], self.distance.between(self.target, images)[0]

    def _moved(self, step, scale):
        disturbance = scale * randomness.normal(randomness.fold(self.seed, step), self.w.shape)
        with tf.GradientTape() as tape:
            distance = self.distance.between(self.target, self._images(self.styles(disturbance)))[0]
            loss = distance + _NOISE_WEIGHT * sum(map(noise_penalty, self.noise))
        self.optimizer.apply(tape.gradient(loss, self.variables), self.variables)
        for image in self.noise:
            centred = image - tf.reduce_mean(image)
            image.assign(centred * tf.math.rsqrt(tf.reduce_mean(tf.square(centred))))
        return distance


def average_w(generator, seed):
    """Measures w on 10,000 latents.

    Args:
        generator: `keras_gans.networks.style_generator.StyleGenerator`.
        seed: int32 [2].

    Returns:
        The average w, float32 [w_dim], and the root of the mean squared distance from it, a float.
    """
    width, made = generator.inputs[0].shape[-1], []
    for start in range(0, _SAMPLES, _BATCH):
        latents = randomness.normal(randomness.fold(seed, start), [_BATCH, width])
        labels = tf.range(_BATCH) % generator.num_classes if generator.num_classes else None
        made.append(generator.mapping(latents if labels is None else [latents, labels], training=False))
    w = tf.concat(made, 0).numpy()
    average = w.mean(0, dtype=np.float64)
    return average.astype(np.float32), float(np.sqrt(np.square(w - average).sum(1).mean()))


def noise_penalty(image):
    """How much neighbours of a noise image have in common, at its size and its halves (appendix D, equation 5).

    Args:
        image: float32 [h, w, 1], h = w a power of two.

    Returns:
        float32 scalar: the sum over scales and both axes of the squared mean product of neighbours, around the border.
    """
    penalty, image = 0.0, image[None]
    while True:
        for axis in (1, 2):
            penalty += tf.square(tf.reduce_mean(image * tf.roll(image, 1, axis)))
        if image.shape[1] <= _SMALLEST_NOISE:
            return penalty
        image = tf.nn.avg_pool2d(image, 2, 2, "VALID")


def painted(generator, styles, noise):
    """Makes pictures of styles with noise images of their own.

    Args:
        generator: `keras_gans.networks.style_generator.StyleGenerator`.
        styles: float32 [n, layers_w, w_dim].
        noise: as in `Projection`; {} for the generator's own.

    Returns:
        uint8 [n, h, w, c].
    """
    with noise_images([generator.synthesis.get_layer(name) for name in noise], list(noise.values())):
        return image_forms.to_uint8(generator.synthesize(tf.constant(styles)).numpy())


def save(path, projection):
    """Writes styles (`w`, [1, layers_w, w_dim]) and noise images (`noise/LAYER`) as a .npz file."""
    with files.whole(path) as temporary:
        np.savez(
            temporary, w=projection.styles[None], **{f"noise/{name}": image for name, image in projection.noise.items()}
        )


def load(path, generator):
    """Reads what `save` has written, or a file with a `w` alone.

    Returns:
        Styles float32 [layers_w, w_dim] and noise, as in `Projection` ({} if the file has none).

    Raises:
        UserError: no such file, or of another generator.
    """
    expected = (generator.layers_w, generator.w_dim)
    sizes = {layer.name: tuple(layer.constant.shape) for layer in noise_layers(generator)}
    try:
        with np.load(path, allow_pickle=False) as arrays:
            files.check_unpacked(arrays.zip, _ROOM + 8 * sum(map(math.prod, (expected, *sizes.values()))))
            styles = np.asarray(arrays["w"], np.float32)
            noise = {name.removeprefix("noise/"): np.asarray(arrays[name], np.float32) for name in arrays if name != "w"}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, MemoryError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is no .npz file with an array w; give one that keras-gans project has made") from error
    if styles.shape not in ((1, *expected), (1, 1, expected[1])):
        raise UserError(
            f"{path}: its w has the shape {list(styles.shape)}, and this generator takes {[1, *expected]}; "
            "project the picture into this run"
        )
    if noise and {name: image.shape for name, image in noise.items()} != sizes:
        raise UserError(f"{path}: its noise images are not those of this generator; project the picture into this run")
    return np.broadcast_to(styles[0], expected), noise
