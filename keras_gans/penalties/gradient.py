"""Penalties on the gradient of the discriminator's logits with respect to images."""

import keras
import tensorflow as tf

from keras_gans import curves, microbatches, randomness
from keras_gans.losses.reductions import flat_float32, global_mean
from keras_gans.registry import PENALTIES

# The inner gradient is taken of 2^10 times the logits. In float32 and bfloat16 a power of two changes nothing; in a
# float16 network it keeps small gradients from underflowing on their way to the image.
INNER_SCALE = 2.0**10


def squared_gradient_norms(critic, images):
    """Squared L2 norm of the gradient of each example's summed logits with respect to its image.

    Args:
        critic: `critic(images) -> logits [batch, ...]` of any float type; may be of mixed precision.
        images: float [batch, ...].

    Returns:
        float32 [batch], differentiable with respect to the critic's weights.

    Raises:
        ValueError: the logits do not depend on the images.
    """
    images = tf.cast(images, tf.float32)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(images)
        total = INNER_SCALE * tf.reduce_sum(tf.cast(critic(images), tf.float32))
    with microbatches.differentiated_by(()):
        gradients = tape.gradient(total, images)
    if gradients is None:
        raise ValueError("the critic's logits do not depend on the images that it is given")
    return tf.reduce_sum(tf.square(flat_float32(gradients) / INNER_SCALE), axis=1)


class Penalty:
    """A term that the game adds to the discriminator's loss.

    `penalty(critic, real, fake, *, seed)` returns float32 [batch] without the weight. The critic closes over labels
    and augmentation, so that gradients are taken at the image before augmentation. `seed` is int32 [2], stateless.

    Args:
        weight: factor of the term in the loss, a number or a curve.
        interval: lazy regularization: the game applies the penalty at every `interval`-th step only, times `interval`.

    Attributes:
        differentiates: of the class, whether it differentiates the critic; if not, it asks for the logits of the real
            images only, which the game has already.

    Raises:
        ValueError: a negative weight, or an interval that is not a positive integer.
    """

    differentiates = True
    follows = ("weight",)

    def __init__(self, weight, interval=1):
        self.weight = weight if isinstance(weight, curves.Curve) else float(weight)
        self.interval = interval
        if curves.bounds(self.weight)[0] < 0:
            raise ValueError(f"weight should be 0 or more, not {weight}")
        if not isinstance(interval, int) or interval < 1:
            raise ValueError(f"interval should be a positive integer, not {interval}")

    def __call__(self, critic, real, fake, *, seed):
        raise NotImplementedError

    def get_config(self):
        return {"weight": self.weight, "interval": self.interval}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class _SlopePenalty(Penalty):
    """(||grad D|| - 1)^2 at points between two batches; subclasses choose the batches with `ends`."""

    def __init__(self, weight=10.0, one_sided=False, interval=1):
        super().__init__(weight, interval)
        self.one_sided = bool(one_sided)

    def ends(self, real, fake, seed):
        """Returns the two batches between which the points lie, each float32 [batch, ...]."""
        raise NotImplementedError

    def __call__(self, critic, real, fake, *, seed):
        start, end = self.ends(tf.cast(real, tf.float32), tf.cast(fake, tf.float32), seed)
        shape = [_size(start)[0]] + [1] * (start.shape.rank - 1)
        alpha = randomness.uniform(randomness.fold(seed, "alpha"), shape)  # one per example
        squares = squared_gradient_norms(critic, start + alpha * (end - start))
        # Epsilon under the root: its derivative at zero would be infinite and the weights' gradients NaN.
        excess = tf.sqrt(squares + 1e-12) - 1.0
        return tf.square(tf.nn.relu(excess) if self.one_sided else excess)

    def get_config(self):
        return super().get_config() | {"one_sided": self.one_sided}


def _size(images):
    """The shape as a list, with Python integers where they are known."""
    dynamic = tf.shape(images)
    return [dynamic[i] if size is None else size for i, size in enumerate(images.shape)]


@PENALTIES.register("wgan_gp")
@keras.saving.register_keras_serializable("keras_gans")
class WGANGP(_SlopePenalty):
    """(||grad D(x^)|| - 1)^2 at x^ = x + alpha (G(z) - x), alpha ~ U[0, 1) per example.

    Gulrajani et al. 2017, algorithm 1; `igul222/improved_wgan_training`. The critic must not use batch norm: the
    penalty is one of each example's own gradient.

    Args:
        weight: lambda, 10 by default.
        one_sided: penalise only norms above 1: max(0, ||grad D|| - 1)^2. False by default, as in the paper.
        interval: see `Penalty`.
    """

    def ends(self, real, fake, seed):
        return real, fake


@PENALTIES.register("dragan")
@keras.saving.register_keras_serializable("keras_gans")
class DRAGAN(_SlopePenalty):
    """(||grad D(x^)|| - 1)^2 between each real image x and x + 0.5 std U[0, 1) with noise per pixel.

    std is one number for the global batch; the noise is positive only and alpha ~ U[0, 1) is one number per example,
    as in the authors' notebook (`kodalinaveen3/DRAGAN`). Kodali et al. 2017. Meant for the cross-entropy losses
    (`minimax`, `non_saturating`), not for `wasserstein`.

    Args:
        weight: lambda, 10 by default.
        one_sided: penalise only norms above 1, False by default.
        interval: see `Penalty`.
    """

    def ends(self, real, fake, seed):
        deviation = tf.sqrt(global_mean(tf.square(real - global_mean(real))))
        noise = randomness.uniform(randomness.fold(seed, "noise"), _size(real))
        return real, real + 0.5 * deviation * noise


@PENALTIES.register("r1")
@keras.saving.register_keras_serializable("keras_gans")
class R1(Penalty):
    """||grad D(x)||^2 / 2 at real images (Mescheder et al. 2018, equation 9).

    Args:
        weight: the paper's gamma: the term in the loss is weight / 2 * ||grad D||^2, the half being part of the
            penalty. 10 by default.
        interval: see `Penalty`; StyleGAN2 takes 16.
    """

    def __init__(self, weight=10.0, interval=1):
        super().__init__(weight, interval)

    def __call__(self, critic, real, fake, *, seed):
        return 0.5 * squared_gradient_norms(critic, real)


@PENALTIES.register("r2")
@keras.saving.register_keras_serializable("keras_gans")
class R2(R1):
    """||grad D(G(z))||^2 / 2: R1's twin at generated images (Mescheder et al. 2018, equation 10). Same arguments."""

    def __call__(self, critic, real, fake, *, seed):
        return 0.5 * squared_gradient_norms(critic, fake)


@PENALTIES.register("drift")
@keras.saving.register_keras_serializable("keras_gans")
class Drift(Penalty):
    """D(x)^2 at real images: keeps a Wasserstein critic's level near zero (Karras et al. 2018, appendix A.1).

    Args:
        weight: the paper's epsilon_drift, 0.001 by default.
        interval: see `Penalty`.
    """

    differentiates = False

    def __init__(self, weight=0.001, interval=1):
        super().__init__(weight, interval)

    def __call__(self, critic, real, fake, *, seed):
        return tf.reduce_mean(tf.square(flat_float32(critic(real))), axis=1)
