"""AnimeGANv2 (Chen, Liu, Chen 2020, and `TachibanaYoshino/AnimeGANv2`): CartoonGAN with the texture of grey drawings."""

import keras

from keras_gans.data import edges
from keras_gans.games.cartoongan import CartoonGAN
from keras_gans.losses.drawing import color_distance, texture_distance
from keras_gans.losses.style import total_variation
from keras_gans.registry import GAMES


@GAMES.register("animegan")
@keras.saving.register_keras_serializable("keras_gans")
class AnimeGAN(CartoonGAN):
    """Textures are those of grey drawings, colours those of the photograph; grey drawings are fakes, smoothed ones are grey.

    After `AnimeGANv2.py` and `tools/ops.py` there. The defaults are those of its style "Hayao".

    Args:
        generator, discriminator: see `CartoonGAN`.
        loss: see `CartoonGAN`; the authors' is `least_squares`.
        adversarial_weight: of the generator's adversarial loss. Default: as the authors count it, 300; 600 for
            `least_squares`: their squared errors have no factor 1/2, which ours have.
        discriminator_weight: of the discriminator's whole loss. Default: as the authors count it, 360 or 720: 300 times the
            1.2 of drawings, generated ones and grey ones, which count alike in all of their styles.
        grey_weight: of grey drawings in it. Default 1.
        smooth_weight: of edge-smoothed grey drawings in it. Default 2/3, the authors' 0.8 to 1.2 ("Paprika" 0.005, "Shinkai"
            0.588).
        content_weight: see `CartoonGAN`. Default 1.5 (2, 1.2).
        style_weight: of the difference of Gram matrices between the result and a grey drawing. Default 2.5 (0.6, 2).
        color_weight: of the difference of colours between the result and its photograph. Default 15 (50, 10).
        variation_weight: of half the total variation. Default 1 (0.1, 1).
        **kwargs: network, layer, scale, warmup_kimg, batch_size, penalties, augment, ema_kimg, seed, see `CartoonGAN`.
    """

    def __init__(
        self,
        generator,
        discriminator,
        loss,
        *,
        adversarial_weight=None,
        discriminator_weight=None,
        grey_weight=1.0,
        smooth_weight=2 / 3,
        content_weight=1.5,
        style_weight=2.5,
        color_weight=15.0,
        variation_weight=1.0,
        **kwargs,
    ):
        super().__init__(
            generator, discriminator, loss, smooth_weight=smooth_weight, content_weight=content_weight, **kwargs
        )
        halves = 2.0 if getattr(self.adversarial_loss, "halved", False) else 1.0
        self.adversarial_weight = 300.0 * halves if adversarial_weight is None else adversarial_weight
        self.discriminator_weight = 360.0 * halves if discriminator_weight is None else discriminator_weight
        self.grey_weight, self.style_weight = grey_weight, style_weight
        self.color_weight, self.variation_weight = color_weight, variation_weight

    def drawn(self, photographs, drawings, fake, shown, tape):
        with tape.stop_recording():
            texture = self.features(edges.grey(drawings))
        return {
            "style": self.style_weight * texture_distance(shown, texture),
            "color": self.color_weight * color_distance(fake, photographs),
            "total_variation": self.variation_weight * total_variation(fake) / 2,
        }

    def other_fakes(self, drawings):
        return {
            "grey": (self.grey_weight, edges.grey(drawings)),
            "smooth": (self.smooth_weight, edges.grey(edges.smooth_edges(drawings))),
        }
