"""FastGAN (Liu et al. 2021): the discriminator must describe real images well enough to draw them again."""

import keras
import tensorflow as tf

from keras_gans import randomness
from keras_gans.errors import UserError
from keras_gans.games.game import power_iterate
from keras_gans.games.gan import GAN
from keras_gans.games.pix2pix import reconstruct
from keras_gans.networks.fastgan_discriminator import FastGANDecoder
from keras_gans.registry import GAMES, RECONSTRUCTIONS


@GAMES.register("fastgan")
@keras.saving.register_keras_serializable("keras_gans")
class FastGAN(GAN):
    """A GAN whose discriminator is an encoder too: small decoders redraw real images from its maps.

    Liu et al. 2021. One decoder redraws the whole image from the map of 8x8, the other a quarter of it, drawn for each
    turn, from that quarter of the map of 16x16. Both are trained with the discriminator, on real images alone, as they
    have been augmented. What a decoder redraws is brought to its size by the nearest pixels, as in the authors' code.
    The decoders are computed in float32.

    Args:
        generator: `keras.Model`, latent [batch, latent_dim] -> images [batch, h, w, c].
        discriminator: `keras.Model` with `features`, such as `FastGANDiscriminator`, images -> logits [batch, ...].
        decoder: `FastGANDecoder` of the whole image.
        part_decoder: `FastGANDecoder` of the quarter.
        loss: an adversarial loss; the paper's is `hinge`.
        reconstructions: between an image and what is redrawn, at least one, see `keras_gans.losses.reconstruction`; the
            paper's is `lpips`.
        **kwargs: see `GAN`.

    Raises:
        UserError: a discriminator without such maps.
        ValueError: no reconstruction loss.
    """

    players = {"discriminator": ("discriminator", "decoder", "part_decoder"), "generator": ("generator",)}

    def __init__(self, generator, discriminator, decoder, part_decoder, loss, *, reconstructions=(), **kwargs):
        if not reconstructions:
            raise ValueError("give it a measure of what is redrawn, such as --reconstruction=lpips:network=vgg16-hed")
        super().__init__(generator, discriminator, loss, **kwargs)
        self.decoder = decoder
        self.part_decoder = part_decoder
        self.reconstructions = RECONSTRUCTIONS.resolve_all(reconstructions, "__call__")
        # Kept as a function: as a model, its weights would be saved under the names of this and not the discriminator's.
        self._encode = discriminator.features().__call__

    @classmethod
    def parts(cls, make):
        networks = super().parts(make)
        discriminator = networks["discriminator"]
        if not hasattr(discriminator, "features"):
            raise UserError(
                f"--game=fastgan redraws images from maps, which --discriminator={make.recipe['discriminator']} does not "
                "give; take --discriminator=fastgan, or --game=gan"
            )
        _, middle, last = discriminator.features().outputs
        of_image = {"channels": discriminator.channels, "image_size": discriminator.image_size}
        of_image["width"] = discriminator.width // 2
        decoders = {
            "decoder": FastGANDecoder(last.shape[-1], **of_image, name="decoder"),
            "part_decoder": FastGANDecoder(middle.shape[-1], **of_image, name="part_decoder"),
        }
        return networks | decoders | {"reconstructions": make.reconstructions()}

    def called_models(self):
        return [*super().called_models(), self._encode.__self__]

    def discriminator_turn(self, real, fake, labels, seed, fake_labels=None):
        for decoder in (self.decoder, self.part_decoder):
            power_iterate(decoder)
        return super().discriminator_turn(real, fake, labels, seed, fake_labels)

    def discriminate_real(self, real, labels, seed):
        real = self.augmented(real, seed)
        logits, middle, last = self._encode(real, training=True)
        index = randomness.integers(randomness.fold(seed, "quarter"), [], 4)
        pairs = {
            "whole": (real, self.decoder(last, training=True)),
            "quarter": (quarter(real, index), self.part_decoder(quarter(middle, index), training=True)),
        }
        terms = {}
        for what, (image, drawn) in pairs.items():
            losses = reconstruct(self.reconstructions, nearest(image, drawn.shape[1]), drawn)
            terms |= {f"{what}_{name}": values for name, values in losses.items()}
        return logits, terms


def quarter(images, index):
    """Returns the quarter `index` of images [batch, h, w, c]: 0 and 1 above, 2 and 3 below, [batch, h / 2, w / 2, c]."""
    _, height, width, channels = images.shape
    halves = tf.reshape(images, [-1, 2, height // 2, 2, width // 2, channels])
    return tf.gather(tf.gather(halves, index // 2, axis=1), index % 2, axis=2)


def nearest(images, size):
    """Resizes square images [batch, h, h, c] to `size`, by a power of two: every so many pixels, or each repeated."""
    side = images.shape[1]
    if side > size:
        return images[:, :: side // size, :: side // size]
    return tf.repeat(tf.repeat(images, size // side, axis=1), size // side, axis=2)
