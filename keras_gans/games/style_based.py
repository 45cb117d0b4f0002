"""What the games of style-based generators share: mixed styles, and the moving average of w (Karras et al. 2019)."""

import tensorflow as tf

from keras_gans import randomness
from keras_gans.games.gan import with_labels
from keras_gans.networks.style_generator import StyleGenerator


class StyleBased:
    """A mixin of games whose generator is a `StyleGenerator`.

    Args:
        generator: the generator, for its kind.
        style_mixing: how often a batch is made of two latents, the second one's styles from a random layer on; 0 to 1.
        w_decay: what a step leaves of the moving average of w, 0 to 1.

    Raises:
        ValueError: another generator, or a number outside its range.
    """

    def set_styles(self, generator, style_mixing, w_decay):
        if not isinstance(generator, StyleGenerator):
            raise ValueError(
                f"the generator must be style-based, such as stylegan or stylegan2, not {type(generator).__name__}"
            )
        for name, value in (("style_mixing", style_mixing), ("w_decay", w_decay)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} must be from 0 to 1, not {value}")
        self.style_mixing = style_mixing
        self.w_decay = w_decay

    def draw_styles(self, count, labels, seed, layers):
        """Draws the styles of `count` training images.

        Args:
            count: how many, an int or a scalar int32 tensor.
            labels: int32 [count], or None.
            seed: int32 [2].
            layers: how many of the first layers are in use; the change from one latent to the other lies among them.

        Returns:
            (styles float32 [count, layers_w, w_dim]; w float32 [count, w_dim] of the first latents alone).
        """
        # The latents of an image lie side by side, so that each replica draws its own rows.
        latent = tf.reshape(self.draw_pairs(count, seed), [2 * count, self.latent_dim])
        labels = None if labels is None else tf.repeat(labels, 2)
        w = self.generator.mapping(with_labels(self.generator, latent, labels), training=True)
        first, second = tf.unstack(tf.reshape(w, [count, 2, self.generator.w_dim]), axis=1)
        change = 1 + randomness.integers(randomness.fold(seed, "change"), [], layers - 1)
        mixes = randomness.uniform(randomness.fold(seed, "mixes"), []) < self.style_mixing
        of_first = tf.range(self.generator.layers_w) < tf.where(mixes, change, self.generator.layers_w)
        return tf.where(of_first[:, None], first[:, None, :], second[:, None, :]), first

    def draw_pairs(self, count, seed):
        """Draws two latents for each image, float32 [count, 2 latent_dim], as `draw_latent` draws one."""
        return randomness.latents(seed, count, 2 * self.latent_dim, self.latent)

    def average_styles(self, w):
        """Moves the average w towards the mean of `w`, float32 [batch, w_dim], over all replicas."""
        mean = tf.reduce_mean(tf.stop_gradient(w), axis=0)
        context = tf.distribute.get_replica_context()
        if context.num_replicas_in_sync > 1:
            mean = context.all_reduce(tf.distribute.ReduceOp.MEAN, mean)
        average = self.generator.average_w
        average.assign(mean + self.w_decay * (average - mean))
