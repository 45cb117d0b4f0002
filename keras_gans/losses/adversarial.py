"""Adversarial losses, per example, on the discriminator's logits.

In the formulas D is the logit, sigma the logistic function, x a real image and G(z) a generated one.
"""

import keras
import tensorflow as tf

from keras_gans.losses.reductions import flat_float32, global_mean
from keras_gans.registry import LOSSES


class AdversarialLoss:
    """What the two players want.

    `discriminator(real, fake)` and `generator(real, fake)` take logits [batch, ...] of any float type and return
    float32 values [batch] to be minimised. A patch discriminator answers with a map; its loss is the mean over the map. One of
    several scales answers with a list of maps; its loss is the mean over the scales.

    Subclasses define `generator_values(real, fake)` and, where the sides are not compared, `real_values(real)` and
    `fake_values(fake)`, else `discriminator_values(real, fake)`, on float32 logits [batch, outputs], and return values of the
    same shape.
    """

    relativistic = False  # whether `generator` looks at the logits of real images; else they may be None
    halved = False  # whether the formulas have Mao's factor 1/2, which PyTorch's mean squared error has not

    def discriminator(self, real, fake):
        """Returns the discriminator's loss, float32 [batch], from the logits of both sides."""
        return self._per_example(self.discriminator_values, real, fake)

    def generator(self, real, fake):
        """Returns the generator's loss, float32 [batch]; `real` may be None unless the loss is relativistic."""
        return self._per_example(self.generator_values, real, fake)

    def discriminator_fake(self, fake):
        """Returns the part of the discriminator's loss that is of images which are not real, float32 [batch].

        Raises:
            NotImplementedError: the loss compares both sides.
        """
        return self._per_example(lambda _, fake: self.fake_values(fake), None, fake)

    def discriminator_values(self, real, fake):
        return self.real_values(real) + self.fake_values(fake)

    def real_values(self, real):
        raise NotImplementedError

    def fake_values(self, fake):
        raise NotImplementedError

    def generator_values(self, real, fake):
        raise NotImplementedError

    def _per_example(self, values, real, fake):
        if isinstance(fake, (list, tuple)):
            pairs = zip([None] * len(fake) if real is None else real, fake)
            return tf.reduce_mean([self._per_example(values, *pair) for pair in pairs], axis=0)
        # In float32 from the start: a softplus of float16 logits is zero from 17 on, and its gradient with it.
        fake = flat_float32(fake)
        real = None if real is None else flat_float32(real)
        if real is not None and not real.shape.is_compatible_with(fake.shape):
            raise ValueError(
                f"{type(self).__name__}: logits of real {real.shape} and fake {fake.shape} images differ in shape"
            )
        return tf.reduce_mean(values(real, fake), axis=1)

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@LOSSES.register("minimax")
@keras.saving.register_keras_serializable("keras_gans")
class Minimax(AdversarialLoss):
    """The original game: -log sigma(D(x)) - log(1 - sigma(D(G(z)))) against log(1 - sigma(D(G(z)))).

    The generator's gradient vanishes where the discriminator is sure (Goodfellow et al. 2014, equation 1).
    """

    def real_values(self, real):
        return tf.nn.softplus(-real)

    def fake_values(self, fake):
        return tf.nn.softplus(fake)

    def generator_values(self, real, fake):
        return -tf.nn.softplus(fake)


@LOSSES.register("non_saturating")
@keras.saving.register_keras_serializable("keras_gans")
class NonSaturating(Minimax):
    """The game that everybody trains with: the generator minimises -log sigma(D(G(z))).

    Goodfellow et al. 2014, end of section 3.
    """

    def generator_values(self, real, fake):
        return tf.nn.softplus(-fake)


@LOSSES.register("wasserstein")
@keras.saving.register_keras_serializable("keras_gans")
class Wasserstein(AdversarialLoss):
    """D(G(z)) - D(x) against -D(G(z)) (Arjovsky et al. 2017, algorithm 1).

    Minus the critic's loss estimates the earth mover's distance if the critic is kept Lipschitz: combine it with
    weight clipping or a gradient penalty.
    """

    def real_values(self, real):
        return -real

    def fake_values(self, fake):
        return fake

    def generator_values(self, real, fake):
        return -fake


@LOSSES.register("least_squares")
@keras.saving.register_keras_serializable("keras_gans")
class LeastSquares(AdversarialLoss):
    """(D(x) - b)^2 / 2 + (D(G(z)) - a)^2 / 2 against (D(G(z)) - c)^2 / 2 (Mao et al. 2017, equations 2 and 9).

    Args:
        a: the discriminator's target for fakes, 0 by default.
        b: its target for real images, 1 by default.
        c: the value that the generator wants for its fakes, 1 by default. a=-1, b=1, c=0 minimises the Pearson
            chi-squared divergence (equation 8).

    Raises:
        ValueError: a and b are equal, or one of the three is not a number.
    """

    halved = True

    def __init__(self, a=0.0, b=1.0, c=1.0):
        self.a, self.b, self.c = float(a), float(b), float(c)
        if self.a == self.b:
            raise ValueError(f"a and b are both {a}: the discriminator would have one target for real and fake")

    def real_values(self, real):
        return 0.5 * tf.square(real - self.b)

    def fake_values(self, fake):
        return 0.5 * tf.square(fake - self.a)

    def generator_values(self, real, fake):
        return 0.5 * tf.square(fake - self.c)

    def get_config(self):
        return {"a": self.a, "b": self.b, "c": self.c}


@LOSSES.register("hinge")
@keras.saving.register_keras_serializable("keras_gans")
class Hinge(AdversarialLoss):
    """max(0, 1 - D(x)) + max(0, 1 + D(G(z))) against -D(G(z)) (Miyato et al. 2018, equations 16 and 17)."""

    def real_values(self, real):
        return tf.nn.relu(1.0 - real)

    def fake_values(self, fake):
        return tf.nn.relu(1.0 + fake)

    def generator_values(self, real, fake):
        return -fake


@LOSSES.register("relativistic_paired")
@keras.saving.register_keras_serializable("keras_gans")
class RelativisticPaired(AdversarialLoss):
    """-log sigma(D(x) - D(G(z))) against -log sigma(D(G(z)) - D(x)), each fake with one real image.

    Jolicoeur-Martineau 2018 (RSGAN); Huang et al. 2024 (R3GAN) add R1 and R2.
    """

    relativistic = True

    def discriminator_values(self, real, fake):
        return tf.nn.softplus(fake - real)

    def generator_values(self, real, fake):
        return tf.nn.softplus(real - fake)


@LOSSES.register("relativistic_average")
@keras.saving.register_keras_serializable("keras_gans")
class RelativisticAverage(AdversarialLoss):
    """-log sigma(D(x) - E D(G(z))) - log(1 - sigma(D(G(z)) - E D(x))), and the same with the sides exchanged.

    E is the mean over the global batch and the patches. Jolicoeur-Martineau 2018 (RaSGAN); Wang et al. 2018 (ESRGAN,
    equations 1 and 2).

    Args:
        scale: factor of both players' losses. Default 1, as both papers write them; the code of both (BasicSR,
            `esrgan_model.py`) takes 0.5.
        detach: in the discriminator's turn the means are constants (BasicSR); else gradients flow through them too, as
            the equations have it. Default False.
    """

    relativistic = True

    def __init__(self, scale=1.0, detach=False):
        self.scale = scale
        self.detach = detach

    def discriminator_values(self, real, fake):
        kept = tf.stop_gradient if self.detach else tf.identity
        return self._values(real, fake, kept(global_mean(real)), kept(global_mean(fake)))

    def generator_values(self, real, fake):
        return self._values(fake, real, global_mean(fake), global_mean(real))

    def _values(self, upper, lower, upper_mean, lower_mean):
        return self.scale * (tf.nn.softplus(lower_mean - upper) + tf.nn.softplus(lower - upper_mean))

    def get_config(self):
        return {"scale": self.scale, "detach": self.detach}
