"""Adaptive discriminator augmentation.

Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data".
"""

import keras
import tensorflow as tf

from keras_gans import curves
from keras_gans.augment import color, corruption, geometry
from keras_gans.augment.draw import Draw, batch_of
from keras_gans.configured import Configured
from keras_gans.errors import UserError
from keras_gans.registry import AUGMENTS, nearest

GROUPS = {
    "blit": geometry.BLIT,
    "geom": geometry.WARP,
    "color": color.COLOR,
    "filter": ("imgfilter",),
    "noise": ("noise",),
    "cutout": ("cutout",),
}
PRESETS = {
    "bg": ("blit", "geom"),
    "bgc": ("blit", "geom", "color"),
    "bgcf": ("blit", "geom", "color", "filter"),
    "bgcfn": ("blit", "geom", "color", "filter", "noise"),
    "bgcfnc": ("blit", "geom", "color", "filter", "noise", "cutout"),
}
TRANSFORMS = tuple(name for group in GROUPS.values() for name in group)


def parse_pipe(pipe):
    """Returns the names of the transformations that `pipe` stands for: presets, groups and names joined by `+`.

    Raises:
        UserError: an unknown name.
    """
    chosen = set()
    for name in str(pipe).split("+"):
        known = [*PRESETS, *GROUPS, *TRANSFORMS]
        if name not in known:
            raise UserError(
                f"augmentation ada: pipe={pipe!r} has no part {name!r}; "
                f"known: {', '.join(dict.fromkeys(known))}{nearest(name, known)}"
            )
        for group in PRESETS.get(name, (name,)):
            chosen.update(GROUPS.get(group, (group,)))
    return tuple(name for name in TRANSFORMS if name in chosen)


def transform(images, names, seed, p, color_p=1.0):
    """Transforms each image in its own way; linear in the images, with exact gradients of any order.

    Args:
        images: [batch, h, w, c] in [-1, 1]; h and w known.
        names: of `TRANSFORMS`; each happens to an image with probability `p`, in the order of the original.
        seed: int32 [2].
        p: float or float32 scalar; above 1 is as 1.
        color_p: factor of `p` for the colours.

    Returns:
        Images of the same shape and dtype, not clipped. They are computed in float32.
    """
    dtype, images = images.dtype, tf.cast(images, tf.float32)
    height, width = images.shape[1:3]
    draw = Draw(seed, batch_of(images), p)
    if geometric := [name for name in names if name in geometry.BLIT + geometry.WARP]:
        move = geometry.warp if set(geometric) & set(geometry.WARP) else geometry.blit
        images = move(images, geometry.draw_matrix(geometric, draw, height, width))
    if colors := [name for name in names if name in color.COLOR]:
        draw.p = color_p * p
        images = color.recolor(images, *color.draw_colors(colors, draw))
        draw.p = p
    if "imgfilter" in names:
        images = corruption.amplify(images, corruption.draw_gains(draw))
    if "noise" in names:
        images = corruption.add_noise(images, draw)
    if "cutout" in names:
        images = corruption.cut_out(images, *corruption.draw_cutout(draw))
    return tf.cast(images, dtype)


@AUGMENTS.register("ada")
@keras.saving.register_keras_serializable("keras_gans")
class ADA(Configured, keras.layers.Layer):
    """Augments what the discriminator sees: the more, the more it overfits.

    Overfitting shows as r = E[sign D(real)]: near 0 at first, 1 when the discriminator knows all training images by
    heart. Every `interval` discriminator turns, the probability p of each transformation moves by a constant step
    towards where r is at `target`:

        p <- max(0, p + sign(r - target) * interval * global batch / (1000 ada_kimg))

    p has no upper bound, as in the original; above 1 it acts as 1. Its numbers are the defaults of `train.py` and
    `training/training_loop.py` in `NVlabs/stylegan2-ada-pytorch`. While p is 0 nothing is computed.

    Args:
        pipe: `bgc` (default), `bg`, `bgcf`, `bgcfn`, `bgcfnc`, or parts joined by `+`: `blit`, `geom`, `color`,
            `filter`, `noise`, `cutout` or the name of a single transformation, as in `pipe=xflip+xint+color`.
            (Pixel **b**litting, **g**eometry, **c**olour, **f**ilter, **n**oise, **c**utout.) Grey images get no hue
            and saturation, nor do images of any other number of channels than three.
        p: probability at the start; or, with `adaptive=False`, a curve that it follows. Default 0.
        color_p: factor of p for the colours (R3GAN: 0.5). Default 1.
        target: where r should be, in (-1, 1). Default 0.6.
        interval: discriminator turns between adjustments of p. Default 4.
        ada_kimg: thousands of images in which p can move by 1. Default 500.
        adaptive: whether p moves. Default True.

    Raises:
        UserError: an unknown part of `pipe`, or a number outside its range.
    """

    follows = ("p",)

    def __init__(self, pipe="bgc", p=0.0, target=0.6, interval=4, ada_kimg=500.0, adaptive=True, color_p=1.0):
        super().__init__(name="ada", dtype="float32", autocast=False, trainable=False)
        self.transforms = parse_pipe(pipe)
        for name, value, good, rule in (
            ("p", str(p), 0 <= curves.bounds(p)[0] <= curves.bounds(p)[1] <= 1, "from 0 to 1"),
            ("p", str(p), not (adaptive and isinstance(p, curves.Curve)), "a number unless adaptive=false"),
            ("color_p", color_p, 0 <= color_p <= 1, "from 0 to 1"),
            ("target", target, -1 < target < 1, "between -1 and 1"),
            ("interval", interval, interval >= 1 and interval == int(interval), "a whole number of at least 1"),
            ("ada_kimg", ada_kimg, ada_kimg > 0, "above 0"),
        ):
            if not good:
                raise UserError(f"augmentation ada: {name}={value} should be {rule}")
        self.target = target
        self.interval = interval
        self.ada_kimg = ada_kimg
        self.adaptive = adaptive
        self.color_p = color_p
        self.curve = p if isinstance(p, curves.Curve) else None
        self.p = self._state("p", 0.0 if self.curve else p)
        self.signs = self._state("signs", 0.0)  # sum of E[sign D(real)] over the turns since the last adjustment
        self.turns = self._state("turns", 0.0)  # since the last adjustment
        self.real_sign = self._state("real_sign", 0.0)  # r at the last adjustment
        self.built = True

    def _state(self, name, value):
        return self.add_weight(
            name=name,
            shape=(),
            initializer=keras.initializers.Constant(value),
            trainable=False,
            aggregation="only_first_replica",
        )

    def call(self, images, *, seed):
        """Augments images [batch, h, w, c] with the noise of `seed`, int32 [2]; the dtype stays."""
        p = self.probability()
        return tf.cond(
            p > 0.0, lambda: transform(images, self.transforms, seed, p, self.color_p), lambda: tf.identity(images)
        )

    def probability(self):
        """Returns p as it is now, a float32 scalar."""
        return self.curve() if self.curve else tf.convert_to_tensor(self.p)

    def update(self, real_logits):
        """Counts a turn of the discriminator and, every `interval` turns, moves p.

        Args:
            real_logits: [batch, ...], the discriminator's answers to the augmented real images of this replica.

        Returns:
            What to log, float32 scalars: `augment_p`, and `real_sign`, which is r at the last adjustment.
        """
        sign = tf.reduce_mean(tf.sign(tf.cast(real_logits, tf.float32)))
        batch = tf.cast(tf.shape(real_logits)[0], tf.float32)
        context = tf.distribute.get_replica_context()
        if context.num_replicas_in_sync > 1:
            sign = context.all_reduce(tf.distribute.ReduceOp.MEAN, sign)
            batch *= context.num_replicas_in_sync
        turns, signs = self.turns + 1.0, self.signs + sign
        due = turns >= float(self.interval)
        real_sign = tf.where(due, signs / turns, self.real_sign)
        if self.adaptive:
            step = tf.sign(real_sign - self.target) * turns * batch / (1000.0 * self.ada_kimg)
            self.p.assign(tf.where(due, tf.maximum(self.p + step, 0.0), self.p))
        self.real_sign.assign(real_sign)
        self.turns.assign(tf.where(due, 0.0, turns))
        self.signs.assign(tf.where(due, 0.0, signs))
        return {"augment_p": self.probability(), "real_sign": real_sign}
