"""ProGAN (Karras et al. 2018): networks that grow, one resolution after the other, each faded in."""

import bisect
import functools
import math
import threading

import keras
import tensorflow as tf

from keras_gans import randomness
from keras_gans.errors import UserError
from keras_gans.games.gan import GAN
from keras_gans.networks.pyramid import Growing
from keras_gans.registry import GAMES


class Growth:
    """When which resolution plays: `start` for its stable phase, then each fades in and is stable, the last for ever.

    Args:
        sizes: all resolutions of the networks in pixels, from low to high.
        start: the resolution that the run begins with. In pixels.
        fade_kimg, stable_kimg: length of the phases in thousands of images: a number, or numbers joined by `+` for the
            resolutions from `start` on, of which the last counts for all further ones. (`start` does not fade.)
        batch_sizes: images of a round, given in the same way; None for `batch_size`.
        batch_size: images of a step, over all devices. Each phase takes whole steps.

    Raises:
        ValueError: anything that makes no sense.
    """

    def __init__(self, sizes, start, fade_kimg, stable_kimg, batch_sizes, batch_size):
        if start not in sizes:
            raise ValueError(f"start must be one of {', '.join(map(str, sizes))} pixels, not {start}")
        self.batch_size = batch_size
        self.sizes = sizes[sizes.index(start) :]
        fades = [0, *self._numbers("fade_kimg", fade_kimg)[1:]]
        stables = self._numbers("stable_kimg", stable_kimg)
        rounds = self._numbers("batch_sizes", batch_size if batch_sizes is None else batch_sizes)
        self.rounds = {}
        for size, images in zip(self.sizes, rounds):
            if not images or batch_size % images:
                raise ValueError(f"batch_sizes: {images:g} images a round do not divide the {batch_size} of a step")
            self.rounds[size] = batch_size // int(images)
        self.begins, self.phases, step = [], [], 0  # the steps at which phases begin; (size, length of its fade)
        self.fades = {}  # size -> (first step, steps)
        for size, fade, stable in zip(self.sizes, fades, stables):
            self.fades[size] = step, self._steps(fade)
            for length in (self._steps(fade), self._steps(stable)):
                if length:
                    self.begins.append(step)
                    self.phases.append(size)
                step += length
        if not self.phases or self.phases[-1] != self.sizes[-1]:  # a last resolution that neither fades nor stays
            self.begins.append(step)
            self.phases.append(self.sizes[-1])

    def _steps(self, kimg):
        return math.ceil(kimg * 1000 / self.batch_size)

    def _numbers(self, name, given):
        """Returns one number for each resolution."""
        try:
            numbers = [float(part) for part in str(given).split("+")]
        except ValueError:
            numbers = [-1.0]
        if min(numbers) < 0 or not all(map(math.isfinite, numbers)) or len(numbers) > len(self.sizes):
            raise ValueError(
                f"{name} must be numbers of at least 0 joined by +, at most {len(self.sizes)} of them for "
                f"{self.sizes[0]} to {self.sizes[-1]} pixels, not {given}"
            )
        return numbers + numbers[-1:] * (len(self.sizes) - len(numbers))

    def size(self, step):
        """Returns the resolution that plays at a step."""
        return self.phases[bisect.bisect_right(self.begins, step) - 1]

    def begins_phase(self, step):
        """Whether a phase begins with a step, the first phase aside: a fade, or what is stable behind it."""
        return step in self.begins[1:]

    def alpha(self, step, size, part):
        """Returns how far a resolution has faded in, float32 scalar, 0 to 1.

        Args:
            step: int64 scalar tensor.
            size: the resolution, in pixels.
            part: of the step that is over, 0 to 1.
        """
        first, steps = self.fades[size]
        if not steps:
            return tf.constant(1.0)
        return tf.clip_by_value((tf.cast(step - first, tf.float32) + part) / steps, 0.0, 1.0)


@GAMES.register("progan")
@keras.saving.register_keras_serializable("keras_gans")
class ProGAN(GAN):
    """Begins at a low resolution and lets the higher ones in. The reals fade too.

    A step always counts `batch_size` images. Where a resolution has a smaller batch, the step is as many rounds, each a
    turn of both players. Adam starts anew at both ends of each fade, as in the authors' code.

    The paper's own: `--loss=wasserstein --penalty=wgan_gp --penalty=drift`, learning rate 1e-3, betas 0 and 0.99; the
    authors' average decays by 0.999 with every batch of 16, which is `--ema_kimg=11.1`.

    Args:
        generator, discriminator: `Growing` networks, such as progan.
        loss: see `GAN`.
        batch_size: images of a step, over all devices; the flag of that name. Default 64.
        start: the resolution that the run begins with, in pixels. Default 4 (StyleGAN: 8).
        fade_kimg, stable_kimg: length of the phases in thousands of images, a number or, for the resolutions from
            `start` on, such as `10+20+40`: the last counts for all further ones. Default 600 (the authors').
        batch_sizes: images of a round at each resolution, such as `64+64+32+16`. Default: `batch_size`.
        penalties, augment, latent: see `GAN`.
        **kwargs: `ema_kimg`, `ema_rampup`, `seed`, see `Game`.

    Raises:
        ValueError: networks that do not grow, or a schedule that makes no sense.
    """

    def __init__(
        self,
        generator,
        discriminator,
        loss,
        *,
        batch_size=64,
        start=4,
        fade_kimg="600",
        stable_kimg="600",
        batch_sizes=None,
        penalties=(),
        augment=None,
        latent="normal",
        ema_kimg=10.0,
        ema_rampup=0.05,
        seed=0,
    ):
        super().__init__(
            generator,
            discriminator,
            loss,
            penalties=penalties,
            augment=augment,
            latent=latent,
            ema_kimg=ema_kimg,
            ema_rampup=ema_rampup,
            seed=seed,
        )
        for player, network in zip(("generator", "discriminator"), self.growing()):
            if not isinstance(network, Growing):
                raise ValueError(
                    f"the {player} must grow, such as progan or stylegan, not {type(getattr(self, player)).__name__}"
                )
        self.growth = Growth(discriminator.sizes, start, fade_kimg, stable_kimg, batch_sizes, batch_size)
        self.pace_changes = tuple(self.growth.begins)
        self._step = threading.local()  # replicas are traced in threads of their own
        for network in (*self.growing(), *self.growing("ema")):
            network.grow(start)

    def growing(self, generator="generator"):
        """Returns what grows of the generator called `generator`, and of the discriminator."""
        return getattr(self, generator), self.discriminator

    @property
    def size(self):
        """The resolution in pixels that plays in the step at hand; None between steps."""
        return getattr(self._step, "size", None)

    def network(self, name):
        network = getattr(self, name)
        return network if self.size is None else network.at(self.size)

    def check_optimizer(self, player, optimizer):
        """Raises UserError for an optimizer with a schedule of its own."""
        if not isinstance(optimizer.learning_rate, keras.Variable):
            raise UserError("growing networks start their optimizers anew in every phase; take --schedule=constant")

    # --- the step -------------------------------------------------------------------------------------------------

    def train_step(self, data):
        """Plays one step at the resolution that is due; eager, see `make_train_function`. Arguments as in `GAN`."""
        return self.play(data, size=self.enter(int(self.step.numpy())))

    def make_train_function(self, force=False):
        """Makes one compiled step for each resolution, when it is due."""
        if self.train_function is not None and not force:
            return
        steps = {}

        def train_function(iterator):
            for _ in range(self.steps_per_execution):
                size = self.enter(int(self.step.numpy()))
                if size not in steps:
                    steps[size] = self.compile_steps(functools.partial(self.play, size=size), 1)
                logs = steps[size](iterator)
            return logs

        self.train_function = train_function

    def enter(self, step):
        """Starts Adam anew where a phase begins; returns the resolution of the step."""
        if self.growth.begins_phase(step):
            for player in self.players:
                reset(self.optimizer_of(player))
        return self.growth.size(step)

    def play(self, data, size):
        """Plays one step at a resolution.

        Args:
            data: images float32 [batch, h, w, c] in [-1, 1], at the full size, or a pair (images, labels int32 [batch]).
            size: the resolution in pixels.

        Returns:
            A dict of float32 scalars, of the last round.
        """
        images, labels = data if isinstance(data, (tuple, list)) else (data, None)
        rounds = self.growth.rounds[size]
        self._step.size = size
        try:
            for part in range(rounds):
                rows = slice(part, None, rounds)
                alpha = self.growth.alpha(self.step.value, size, part / rounds)
                for network in self.growing():
                    network.grow(size, alpha)
                real = fading(images[rows], size, alpha)
                logs = self.round(real, None if labels is None else labels[rows], randomness.fold(self.step_seed(), part))
        finally:
            self._step.size = None
        logs |= {"resolution": tf.constant(float(size)), "alpha": alpha}
        return self.finish_step(logs, images_seen=tf.shape(images)[0])

    def round(self, real, labels, seed):
        """Plays one turn of each player on one batch of fakes; returns what to log."""
        with tf.GradientTape() as tape:
            fake = self.generate(tf.shape(real)[0], labels, seed)
        logs = self.discriminator_turn(real, fake, labels, seed)
        return logs | self.generator_turn(real, fake, labels, randomness.fold(seed, "generator turn"), tape)


def fading(images, size, alpha):
    """Returns images as a network that grows to `size` pixels sees them.

    Args:
        images: float [batch, h, w, c].
        size: the resolution, a divisor of h and w.
        alpha: how far it has faded in, 0 to 1: at 0, pixels are alike in squares of 2x2, as in an enlarged image.

    Returns:
        [batch, size, size, c].
    """
    images = tf.nn.avg_pool2d(images, images.shape[1] // size, images.shape[1] // size, "VALID")
    if size == 4:
        return images
    squares = tf.nn.avg_pool2d(images, 2, 2, "VALID")
    return alpha * images + (1 - alpha) * tf.repeat(tf.repeat(squares, 2, axis=1), 2, axis=2)


def reset(optimizer):
    """Sets the moments and the step count of an optimizer to zero."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    for variable in optimizer.variables:
        if variable is not optimizer._learning_rate:
            variable.assign(tf.zeros_like(variable))
