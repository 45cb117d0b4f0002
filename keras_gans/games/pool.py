"""The history of generated images that a discriminator learns from (Shrivastava et al. 2017, section 2.3)."""

import keras
import tensorflow as tf

from keras_gans import randomness


class ImagePool(keras.layers.Layer):
    """Hands back images made before in the place of new ones, half of the time.

    As `util/image_pool.py` of `junyanz/pytorch-CycleGAN-and-pix2pix`, image by image: while there is room, an image is
    kept and handed back. From then on, with probability 1/2, it takes the place of a random image of the pool, which is
    handed back; else it is handed back itself.

    What is kept is saved with the game. Of several replicas, each holds the same pool, through which the images of all
    of them pass: the answers do not depend on their number.

    Args:
        size: how many images are kept, 50 as published; 0 hands back every image.
        image_shape: (height, width, channels) of an image.

    Raises:
        ValueError: a negative size.
    """

    def __init__(self, size, image_shape, **kwargs):
        super().__init__(trainable=False, dtype="float32", **kwargs)
        if size < 0:
            raise ValueError(f"the pool's size must be 0 or more, not {size}")
        self.size = size
        self.images = self._state("images", (size, *image_shape), "float32")
        self.filled = self._state("filled", (), "int32")
        self.built = True

    def _state(self, name, shape, dtype):
        return self.add_weight(
            shape=shape, dtype=dtype, initializer="zeros", trainable=False, aggregation="only_first_replica", name=name
        )

    def query(self, images, seed):
        """Passes images through the pool, in their order.

        Args:
            images: float32 [batch, h, w, c].
            seed: int32 [2].

        Returns:
            float32 [batch, h, w, c].
        """
        if not self.size:
            return images
        draws = randomness.uniform(seed, [tf.shape(images)[0], 2])
        everything, draws = gather(images), gather(draws)  # [global batch, h, w, c], [global batch, 2]
        order = tf.range(tf.shape(everything)[0])
        room = self.filled.value + order < self.size
        slots = tf.where(room, self.filled.value + order, tf.cast(draws[:, 0] * self.size, tf.int32))
        swapped = ~room & (draws[:, 1] > 0.5)
        # [i, j]: whether image j is put where image i goes. Images of one batch can meet in a slot.
        puts = (room | swapped)[None] & (slots[None] == slots[:, None])
        old = tf.gather(self.images.value, slots)  # [global batch, h, w, c]

        def content(puts):
            last = tf.reduce_max(tf.where(puts, order[None], -1), axis=1)
            return tf.where(_over_pixels(last >= 0), tf.gather(everything, tf.maximum(last, 0)), old)

        answers = tf.where(_over_pixels(swapped), content(puts & (order[None] < order[:, None])), everything)
        self.images.value.scatter_update(tf.IndexedSlices(content(puts), slots))
        self.filled.assign(tf.minimum(self.filled.value + tf.size(order), self.size))
        return tf.ensure_shape(own_rows(answers), images.shape)


def gather(values):
    """Returns the rows of all replicas, in the order of the global batch; see `randomness`."""
    context = tf.distribute.get_replica_context()
    if not context or context.num_replicas_in_sync == 1:
        return values
    everything = context.all_gather(values[:, None], axis=1)  # [batch, replicas, ...]
    return tf.reshape(everything, tf.concat([[-1], tf.shape(values)[1:]], 0))


def own_rows(values):
    """Returns this replica's rows of a global batch."""
    context = tf.distribute.get_replica_context()
    if not context or context.num_replicas_in_sync == 1:
        return values
    by_replica = tf.reshape(values, tf.concat([[-1, context.num_replicas_in_sync], tf.shape(values)[1:]], 0))
    return tf.gather(by_replica, context.replica_id_in_sync_group, axis=1)


def _over_pixels(mask):
    return mask[:, None, None, None]
