"""Adversarial losses, per example, on the discriminator's logits."""

from keras import ops

from keras_gans.registry import LOSSES


class AdversarialLoss:
    """What the two players want.

    Subclasses define `discriminator(real, fake)` and `generator(real, fake)`. Both take logits [batch, ...] (a patch
    discriminator answers with a map; the loss is the mean over it) and return float32 values [batch] to be minimised.
    """

    relativistic = False  # whether `generator` looks at the logits of real images


def per_example(values):
    """Means over everything but the batch: [batch, ...] -> float32 [batch]."""
    values = ops.cast(values, "float32")
    return ops.mean(ops.reshape(values, (ops.shape(values)[0], -1)), axis=1)


@LOSSES.register("non_saturating")
class NonSaturating(AdversarialLoss):
    """-log D(x) - log(1 - D(G(z))) against -log D(G(z)) (Goodfellow et al. 2014, section 3)."""

    def discriminator(self, real, fake):
        return per_example(ops.softplus(-real)) + per_example(ops.softplus(fake))

    def generator(self, real, fake):
        return per_example(ops.softplus(-fake))
