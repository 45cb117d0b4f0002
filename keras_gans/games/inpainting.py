"""Inpainting in two stages (Yu et al. 2019, DeepFill v2)."""

import tensorflow as tf

from keras_gans.errors import UserError
from keras_gans.games.pix2pix import reconstruct
from keras_gans.games.restoration import Restoration
from keras_gans.games.translation import apply
from keras_gans.registry import GAMES


@GAMES.register("inpainting")
class Inpainting(Restoration):
    """Both stages' predictions must be like the picture, everywhere; the discriminator sees the mask beside the picture.

    After `inpaint_model.py` of `JiahuiYu/generative_inpainting`. There each turn has masks and pictures of its own; here
    both turns of a step have the same.

    Args:
        generator: `keras.Model` with `stages`, a picture and its mask [batch, h, w, c + 1] -> pictures [batch, h, w, c].
        discriminator: `keras.Model`, a picture and its mask -> logits [batch, ...].
        loss: an adversarial loss; the paper's is `hinge`.
        adversarial_weight: of the generator's adversarial loss. Default 1.
        discriminator_weight: of the discriminator's loss. Default 0.5: the authors halve both sides of the hinge loss.
        reconstructions: between the picture and each stage's prediction; the paper's is `l1:weight=1`.
        generator_first, penalties, augment, ema_kimg, seed: see `Restoration`.

    Raises:
        UserError: a generator without stages.
    """

    def __init__(self, generator, discriminator, loss, *, adversarial_weight=1.0, discriminator_weight=0.5, **kwargs):
        if not hasattr(generator, "stages"):
            raise UserError(
                f"--game=inpainting trains two stages, which --generator={generator.name} does not have; take "
                "--generator=deepfill, or --game=restoration"
            )
        super().__init__(generator, discriminator, loss, adversarial_weight=adversarial_weight, **kwargs)
        self.discriminator_weight = discriminator_weight
        # Kept as a function: as a model, its weights would be saved under the names of this and not the generator's.
        self._stages = generator.stages().__call__

    @classmethod
    def parts(cls, make):
        return {
            "generator": make.generator(),
            "discriminator": make.discriminator(channels=make.image_shape[-1] + 1),
            "reconstructions": make.reconstructions(),
        }

    def called_models(self):
        return [*super().called_models(), self._stages.__self__]

    def produce(self, inputs, targets, seed):
        *predictions, outputs = apply(self._stages, inputs, seed)
        terms = {}
        for stage, prediction in zip(("coarse", "fine"), predictions, strict=True):
            losses = reconstruct(self.reconstructions, targets, prediction)
            terms |= {f"{stage}_{name}": values for name, values in losses.items()}
        return outputs, terms

    def judged(self, inputs, images):
        return tf.concat([images, (inputs[..., -1:] + 1) / 2], axis=-1)
