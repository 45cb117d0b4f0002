"""CartoonGAN (Chen, Lai, Liu 2018): photographs become drawings with outlines, without pairs."""

import functools

import keras
import tensorflow as tf

from keras_gans import randomness
from keras_gans.data import edges
from keras_gans.errors import UserError
from keras_gans.features.perceptual import create_perceptual
from keras_gans.games.gan import GAN
from keras_gans.games.progan import reset
from keras_gans.games.translation import Translation, apply
from keras_gans.losses.adversarial import AdversarialLoss
from keras_gans.losses.drawing import feature_distance
from keras_gans.registry import GAMES

LAYERS = {"vgg16": "conv4_3", "vgg16-hed": "conv4_3", "efficientnet_lite0": "block4"}  # others: conv4_4


@GAMES.register("cartoongan")
@keras.saving.register_keras_serializable("keras_gans")
class CartoonGAN(Translation, GAN):
    """Drawings without their edges are fakes too, so that the generator must draw edges (equations 2 to 4).

    First the generator learns alone to keep the content (section 3.3); then both play, and its optimizer starts anew. The
    edge-smoothed drawings are made in the step, of the drawings as they were cropped and mirrored.

    Args:
        generator: `keras.Model`, photographs [batch, h, w, 3] -> drawings.
        discriminator: `keras.Model`, drawings -> logits [batch, ...].
        loss: an adversarial loss that judges fakes alone, see `keras_gans.losses`; the paper's is `non_saturating`.
        network: spec of the perceptual network that sees the content, see `keras_gans.features`. Default vgg19.
        layer: of it. Default conv4_4 of a VGG19, before the activation; conv4_3 of a VGG16, block4 of efficientnet_lite0.
        scale: factor of its features, for networks whose features are of another size than those that the weights are
            for. Default 1.
        adversarial_weight: of the generator's adversarial loss. Default 1.
        discriminator_weight: of the discriminator's whole loss. Default 1.
        smooth_weight: of the edge-smoothed drawings in it. Default 1.
        content_weight: of the mean absolute difference of features. Default 10.
        warmup_kimg: length of the first phase, in thousands of images. Default 0.
        batch_size: images of a step, over all devices; the flag of that name. Default 8.
        penalties, augment: see `GAN`.
        ema_kimg, seed: see `Game`. Default 0: no moving average, as published.

    Raises:
        ValueError: a loss that compares both sides; a negative length.
        UserError: an unknown network or layer, or no weights.
    """

    kind = "unpaired"
    least = 2  # what drawings have in common is the style

    def __init__(
        self,
        generator,
        discriminator,
        loss,
        *,
        network="vgg19",
        layer=None,
        scale=1.0,
        adversarial_weight=1.0,
        discriminator_weight=1.0,
        smooth_weight=1.0,
        content_weight=10.0,
        warmup_kimg=0.0,
        batch_size=8,
        penalties=(),
        augment=None,
        ema_kimg=0.0,
        seed=0,
    ):
        super().__init__(generator, discriminator, loss, penalties=penalties, augment=augment, ema_kimg=ema_kimg, seed=seed)
        judging = getattr(type(self.adversarial_loss), "fake_values", AdversarialLoss.fake_values)
        if judging is AdversarialLoss.fake_values:
            raise ValueError("the discriminator's loss of fakes alone is wanted, which this --loss does not have")
        if warmup_kimg < 0:
            raise ValueError(f"warmup_kimg should be 0 or more, not {warmup_kimg}")
        judge = create_perceptual(network)
        taps = judge.taps([layer or LAYERS.get(judge.name, "conv4_4")])
        self.features = lambda images: scale * taps(images)[0]  # a function: no part of what is trained and saved
        self.adversarial_weight, self.discriminator_weight = adversarial_weight, discriminator_weight
        self.smooth_weight, self.content_weight = smooth_weight, content_weight
        self.warmup_steps = round(warmup_kimg * 1000 / batch_size)
        self.pace_changes = (self.warmup_steps,)

    @classmethod
    def parts(cls, make):
        for side, shape in (("photographs", make.input_shape), ("drawings", make.image_shape)):
            if shape[-1] != 3:
                raise UserError(
                    f"--game={make.recipe['game']} works in colour, but the {side} of --data={make.recipe['data']} have "
                    f"{shape[-1]} channel; give RGB images and --channels=3"
                )
        return super().parts(make)

    # --- the phases -----------------------------------------------------------------------------------------------

    def train_step(self, data):
        """Takes one step of the phase that is due; eager, see `make_train_function`. Arguments as of `play`."""
        return self.play(data, warming=self.warming())

    def make_train_function(self, force=False):
        """Makes one compiled step for each phase, when it is due."""
        if self.train_function is not None and not force:
            return
        steps = [self.compile_steps(functools.partial(self.play, warming=warming), 1) for warming in (False, True)]

        def train_function(iterator):
            for _ in range(self.steps_per_execution):
                logs = steps[self.warming()](iterator)
            return logs

        self.train_function = train_function

    def warming(self):
        """Whether the step at hand is of the first phase; behind it, starts the generator's optimizer anew."""
        step = int(self.step.numpy())
        if step == self.warmup_steps > 0:
            reset(self.generator_optimizer)
        return step < self.warmup_steps

    def play(self, data, warming):
        """Takes one step.

        Args:
            data: photographs and drawings, float32 [batch, h, w, 3] in [-1, 1], which need not belong together.
            warming: whether the generator learns alone.

        Returns:
            A dict of float32 scalars: losses, gradient norms and mean logits of both players; of the discriminator, zeros
            in the first phase.
        """
        photographs, drawings = data
        seed = self.step_seed()
        with tf.GradientTape() as tape:
            fake = apply(self.generator, photographs, seed)
            shown = self.features(fake)
            with tape.stop_recording():
                wanted = self.features(photographs)
            terms = {"content": self.content_weight * feature_distance(shown, wanted)}
            if not warming:
                terms |= self.drawn(photographs, drawings, fake, shown, tape)
        if warming:
            logs = self.warm_up(terms["content"], tape)
        else:
            logs = self.discriminator_turn(drawings, fake, None, randomness.fold(seed, "discriminator turn"))
            seed = randomness.fold(seed, "generator turn")
            logs |= self.generator_turn(drawings, fake, None, seed, tape, self.adversarial_weight, terms)
        return self.finish_step(logs, images_seen=tf.shape(photographs)[0])

    def warm_up(self, content, tape):
        """Moves the generator alone down the weighted content loss, float32 [batch], of which `tape` knows."""
        with tape:
            objective = self.objective(content, self.generator_optimizer)
        norm = self.descend(objective, tape, "generator")
        loss, nothing = tf.reduce_mean(content), tf.zeros([])
        return {
            "discriminator_loss": nothing,
            "discriminator_gradient_norm": nothing,
            "generator_loss": loss,
            "generator_gradient_norm": norm,
            "content_loss": loss,
        }

    # --- its parts ------------------------------------------------------------------------------------------------

    def drawn(self, photographs, drawings, fake, shown, tape):
        """Returns what the generator minimises beside adversarial and content loss: a dict, name -> weighted float32 [batch].

        Args:
            photographs, drawings, fake: images.
            shown: the features of `fake`.
            tape: records; what need not be differentiated is computed inside `tape.stop_recording()`.
        """
        return {}

    def other_fakes(self, drawings):
        """Returns further images that are no drawings: a dict, name -> (their weight, images)."""
        return {"smooth": (self.smooth_weight, edges.smooth_edges(drawings))}

    def discriminate_real(self, real, labels, seed):
        terms = {}
        for name, (weight, images) in self.other_fakes(real).items():
            logits = self.discriminate(images, labels, randomness.fold(seed, name))
            terms[name] = weight * self.adversarial_loss.discriminator_fake(logits)
        return self.discriminate(real, labels, seed), terms

    def objective(self, loss, optimizer):
        weight = self.discriminator_weight if optimizer is self.discriminator_optimizer else 1.0
        return super().objective(weight * loss, optimizer)

    def show(self, a, b):
        """Returns the columns of a sheet of samples: photographs, their drawings, and drawings."""
        return [a, self.translate(a), b]
