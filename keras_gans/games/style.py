"""Style transfer: one player, who wants a photograph's content and a painting's style."""

import functools

import keras
import tensorflow as tf

from keras_gans import data, randomness
from keras_gans.data import paintings
from keras_gans.data.images import BadImage, decode, to_model
from keras_gans.errors import UserError
from keras_gans.games.game import Game
from keras_gans.layers.adaptive_instance_normalization import style_statistics
from keras_gans.losses.style import content_loss, moments, moments_loss, shift_loss, total_variation
from keras_gans.losses.stylization import Stylization
from keras_gans.networks.style_network import StyleNetwork
from keras_gans.registry import AUGMENTS, GAMES

_SHIFT = 8  # pixels at most, for `shift_weight`; a multiple of what the networks' sides are multiples of


class StyleGame(Game):
    """What the games of style transfer share.

    Args:
        generator: a `StyleNetwork`.
        ema_kimg, seed: see `Game`. Default 0: no moving average, as published.

    Raises:
        ValueError: another network.
    """

    kind = "unpaired"
    players = {"generator": ("generator",)}
    takes = "images and a style"

    def __init__(self, generator, *, ema_kimg=0.0, seed=0):
        if not isinstance(generator, StyleNetwork):
            raise ValueError(f"the generator must be adain, arbitrary_style or multi_style, not {type(generator).__name__}")
        super().__init__({"generator": generator}, ema_kimg=ema_kimg, seed=seed)
        transfer = self.ema.transfer_network()
        self.stylize = tf.function(lambda images, style: transfer([images, style], training=False), reduce_retracing=True)

    @classmethod
    def parts(cls, make):
        for side, shape in (("photographs", make.input_shape), ("styles", make.image_shape)):
            if shape[-1] != 3:
                raise UserError(
                    f"style transfer works in colour, but the {side} of --data={make.recipe['data']} have "
                    f"{shape[-1]} channel; give RGB images"
                )
        return super().parts(make)

    @classmethod
    def makers(cls, make):
        return {"generator": make.generator}

    def show(self, content, style):
        """Returns the columns of a sheet of samples: photographs, styles, and the photographs in them."""
        return [content, style, self.stylize(content, self.ema.style(style))]

    def train_step(self, data):
        """Takes one step.

        Args:
            data: a pair (photographs, paintings), float32 [batch, h, w, 3] in [-1, 1], which need not belong together.

        Returns:
            A dict of float32 scalars: the loss, its terms without their weights, and the gradient's norm.
        """
        content, style = data
        with tf.GradientTape() as tape:
            loss, terms = self.losses(content, style, self.step_seed(), tape)
            objective = self.objective(loss, self.generator_optimizer)
        norm = self.descend(objective, tape, "generator")
        logs = {f"{name}_loss": tf.reduce_mean(values) for name, values in terms.items()}
        logs |= {"generator_loss": tf.reduce_mean(loss), "generator_gradient_norm": norm}
        return self.finish_step(logs, images_seen=tf.shape(content)[0])

    def losses(self, content, style, seed, tape):
        """Returns the loss float32 [batch], and a dict of its terms without their weights, float32 [batch] each.

        What need not be differentiated is computed inside `tape.stop_recording()`.
        """
        raise NotImplementedError


@GAMES.register("adain")
@keras.saving.register_keras_serializable("keras_gans")
class AdaINGame(StyleGame):
    """The decoder learns to show what adaptive instance normalization made of the features.

    Huang & Belongie 2017, equations 11 to 13: the content's target is the normalised features themselves, the style's
    the means and deviations of relu1_1 to relu4_1 (or to the generator's `layer`); reductions as in
    `xunhuang1995/AdaIN-style`. One network, the generator's encoder, encodes and judges.

    Args:
        generator: `keras_gans.networks.adain.AdaIN`.
        content_weight, style_weight: default 1 and 0.01, as in that code.
        variation_weight: of the total variation. Default 0, as published; above 0 for an encoder that makes noise
            (efficientnet_lite0).
        ema_kimg, seed: see `StyleGame`.
    """

    def __init__(self, generator, *, content_weight=1.0, style_weight=0.01, variation_weight=0.0, ema_kimg=0.0, seed=0):
        super().__init__(generator, ema_kimg=ema_kimg, seed=seed)
        self.content_weight, self.style_weight, self.variation_weight = content_weight, style_weight, variation_weight

    def losses(self, content, style, seed, tape):
        encoder, normalize = self.generator.encoder, self.generator.transfer.get_layer("adain")
        with tape.stop_recording():
            both = encoder(tf.concat([content, style], 0), training=True)  # of each block [2 batch, h', w', c']
            of_content, *_ = tf.split(both[-1], 2)  # [batch, h', w', c'] of the deepest
            of_style = [tf.split(features, 2)[1] for features in both]
            target = normalize(of_content, style_statistics(of_style[-1]))
            wanted = [moments(features, epsilon=0.0) for features in of_style]
        drawn = self.generator.decoder(target, training=True)  # [batch, h, w, 3]
        shown = encoder(drawn, training=True)
        terms = {
            "content": content_loss(shown[-1], target),
            "style": tf.add_n([moments_loss(moments(features), goal) for features, goal in zip(shown, wanted, strict=True)]),
        }
        loss = self.content_weight * terms["content"] + self.style_weight * terms["style"]
        if self.variation_weight:
            terms["total_variation"] = total_variation(drawn)
            loss += self.variation_weight * terms["total_variation"]
        return loss, terms


class PerceptualStyleGame(StyleGame):
    """A network learns to make pictures that a perceptual network likes, see `Stylization`.

    Args:
        generator: a `StyleNetwork`.
        network: spec of the perceptual network, see `Stylization`. Default vgg19.
        content_network: another one for the content. Default: the same.
        content_layer: whose features the picture keeps; a shallower one keeps more of the photograph. Default: relu3_1
            of a VGG, block4 of efficientnet_lite0.
        content_weight, style_weight, variation_weight: of the terms of `Stylization`. Default 1, 5 and 0.01.
        shift_weight: of the mean squared difference between the stylisations of a photograph and of the same one moved
            by up to 8 pixels, for video that does not flicker; each step then takes two passes of the generator.
            Default 0.
        ema_kimg, seed: see `StyleGame`.
    """

    def __init__(
        self,
        generator,
        *,
        network="vgg19",
        content_network=None,
        content_layer=None,
        content_weight=1.0,
        style_weight=5.0,
        variation_weight=0.01,
        shift_weight=0.0,
        ema_kimg=0.0,
        seed=0,
    ):
        super().__init__(generator, ema_kimg=ema_kimg, seed=seed)
        self.wanted = Stylization(
            network,
            content_layer and (content_layer,),
            content_weight=content_weight,
            style_weight=style_weight,
            variation_weight=variation_weight,
            content_network=content_network,
        )
        self.shift_weight = shift_weight

    def losses(self, content, style, seed, tape):
        if self.shift_weight:
            rows, columns = (randomness.integers(randomness.fold(seed, f"shift {axis}"), [], _SHIFT + 1) for axis in (0, 1))
            size = tf.shape(content) - [0, _SHIFT, _SHIFT, 0]
            moved = tf.slice(content, [0, rows, columns, 0], size)  # [batch, h - shift, w - shift, 3], as is content below
            content = content[:, :-_SHIFT, :-_SHIFT]
        with tape.stop_recording():
            style, of_style = self.style_of(style, tf.shape(content)[0], seed)
            of_content = self.wanted.content_targets(content)
        if not self.shift_weight:
            return self.wanted(self.generator([content, style], training=True), of_content, of_style)
        both = self.generator([tf.concat([content, moved], 0), tf.concat([style, style], 0)], training=True)
        outputs, shifted = tf.split(both, 2)
        loss, terms = self.wanted(outputs, of_content, of_style)
        terms["shift"] = shift_loss(outputs, shifted, rows, columns, _SHIFT)
        return loss + self.shift_weight * terms["shift"], terms

    def style_of(self, style, count, seed):
        """Returns the generator's second input and the style's targets, for `count` photographs."""
        raise NotImplementedError


@GAMES.register("arbitrary_style")
@keras.saving.register_keras_serializable("keras_gans")
class ArbitraryStyleGame(PerceptualStyleGame):
    """Style and transfer network learn together, from any number of paintings (Ghiasi et al. 2017).

    Args:
        generator: a network of any style: `keras_gans.networks.arbitrary_style.ArbitraryStyle`, or
            `keras_gans.networks.adain.AdaIN`, whose decoder then learns from this objective in place of its own.
        augment: callable `(images, seed=) -> images` for the paintings, see `keras_gans.augment`; the paper too makes
            more of them (by flipping, rotating, scaling, cropping and colouring). Default: none.
        network, content_network, content_layer, content_weight, style_weight, variation_weight, shift_weight, ema_kimg,
            seed: see `PerceptualStyleGame`.
    """

    def __init__(self, generator, *, augment=None, **kwargs):
        super().__init__(generator, **kwargs)
        self.augment = AUGMENTS.resolve(augment, "__call__")

    def style_of(self, style, count, seed):
        if self.augment is not None:
            style = tf.clip_by_value(self.augment(style, seed=randomness.fold(seed, "augment")), -1.0, 1.0)
        return style, self.wanted.style_targets(style)


@GAMES.register("multi_style")
@keras.saving.register_keras_serializable("keras_gans")
class MultiStyleGame(PerceptualStyleGame):
    """Each photograph is drawn in one of N styles (Dumoulin, Shlens, Kudlur 2017; Johnson et al. 2016 for N = 1).

    Args:
        generator: `keras_gans.networks.multi_style.MultiStyle`.
        styles: the N paintings, a list of uint8 [h, w, 3], or a function that returns them, which is called before the
            first step (a game with a function can't be saved whole).
        network, content_network, content_layer, content_weight, style_weight, variation_weight, shift_weight, ema_kimg,
            seed: see `PerceptualStyleGame`.
    """

    def __init__(self, generator, *, styles, **kwargs):
        super().__init__(generator, **kwargs)
        self._load, self._targets = styles if callable(styles) else lambda: styles, None

    @classmethod
    def parts(cls, make):
        return super().parts(make) | {"styles": functools.partial(load_styles, make.recipe)}

    def make_train_function(self, force=False):
        self.targets()
        super().make_train_function(force)

    def targets(self):
        """Returns the Gram matrices of all styles: a list of float32 [num_styles, c, c].

        Raises:
            UserError: another number of pictures than the generator has styles.
        """
        if self._targets is None:
            pictures = self._load()
            if len(pictures) != self.generator.num_styles:
                raise UserError(
                    f"there are {len(pictures)} styles and the generator has room for "
                    f"{self.generator.num_styles}; take --generator=multi_style:num_styles={len(pictures)}"
                )
            each = [self.wanted.style_targets(to_model(picture[None])) for picture in pictures]
            self._targets = [tf.concat(layer, 0) for layer in zip(*each, strict=True)]
        return self._targets

    def style_of(self, style, count, seed):
        numbers = randomness.integers(randomness.fold(seed, "styles"), [count], self.generator.num_styles)
        return (tf.one_hot(numbers, self.generator.num_styles), [tf.gather(layer, numbers) for layer in self.targets()])

    def show(self, content, style):
        """Returns the columns of a sheet of samples: photographs, and each in all styles."""
        shares = tf.eye(self.generator.num_styles)
        return [content] + [self.stylize(content, tf.repeat(share[None], len(content), 0)) for share in shares]


def load_styles(recipe):
    """Reads the pictures of domain B, whole, with a shorter side of `--load_size` (or `--image_size`) pixels.

    Args:
        recipe: dict of resolved flags.

    Returns:
        A list of uint8 [h, w, 3], in the order of their names.

    Raises:
        UserError: a picture that cannot be read.
    """
    folder = data.open_collection(recipe["data"], "all").sides[1]
    size = recipe["load_size"] or recipe["image_size"]
    pictures = []
    for number in range(folder.count):
        try:
            pictures.append(paintings.fit_style(decode(folder.read(number)[0], None, 3), size))
        except BadImage as error:
            raise UserError(f"the style {folder.where(number)} is {error}") from error
    return pictures
