"""CUT and FastCUT (Park et al. 2020): one direction, without pairs, whose patches keep their content."""

import keras
import tensorflow as tf

from keras_gans import randomness
from keras_gans.curves import now
from keras_gans.errors import UserError
from keras_gans.games.gan import GAN
from keras_gans.games.translation import Translation, apply, published_weights
from keras_gans.losses.patch_nce import patch_nce
from keras_gans.networks.patch_projector import PatchProjector
from keras_gans.registry import GAMES

LAYERS = (0, 4, 8, 12, 16)  # of the generator, as `ResNetGenerator.features` counts them


@GAMES.register("cut")
@keras.saving.register_keras_serializable("keras_gans")
class CUT(Translation, GAN):
    """A GAN whose generator's own encoder must recognise each patch of the output by the input's patch at its place.

    After `models/cut_model.py` of `taesungp/contrastive-unpaired-translation`. Features and output come from one pass,
    where the authors encode the inputs again. Patches and flips are drawn for each image (there: for each batch, which
    is the same for the published batches of one). PatchNCE is computed in float32; with the published initial weights,
    features underflow in float16, so take bfloat16.

    Args:
        generator: `keras.Model` with `features`, images of A [batch, h, w, c] -> images of B.
        discriminator: `keras.Model`, images of B -> logits [batch, ...].
        projector: `PatchProjector` for the features; trained with the generator.
        loss: an adversarial loss, see `keras_gans.losses`; the paper's is `least_squares`.
        adversarial_weight: of the generator's adversarial loss. Default: as the authors count any loss, 1 or, for
            `least_squares`, 2: their squared errors have no factor 1/2, which ours have.
        discriminator_weight: of the discriminator's loss. Default: as the authors count it, 0.5; 1 for `least_squares`.
        nce_weight: of PatchNCE. Default 1 (CUT; FastCUT: 10). More holds colours in place where both sides have many
            (docs/results.md, emoji).
        identity_nce: images of B, too, should keep their patches; both PatchNCE losses then count half. Default True
            (CUT; FastCUT: False).
        flip_equivariance: mirror half of the inputs left to right, and the features of their outputs back. Default
            False (CUT; FastCUT: True).
        patches: places that are compared in each layer's features, at most all. Default 256.
        temperature: of PatchNCE. Default 0.07.
        nce_includes_all_negatives_from_minibatch: a patch is told from those of all images of the batch (of a replica,
            where there are several), not of its own image alone; as the authors' flag of that name. Default False.
        penalties, augment: see `GAN`.
        ema_kimg, seed: see `Game`. Default 0: no moving average, as published.

    Raises:
        ValueError: PatchNCE of B with a generator for images of other channels.
    """

    kind = "unpaired"
    players = {"discriminator": ("discriminator",), "generator": ("generator", "projector")}

    def __init__(
        self,
        generator,
        discriminator,
        projector,
        loss,
        *,
        adversarial_weight=None,
        discriminator_weight=None,
        nce_weight=1.0,
        identity_nce=True,
        flip_equivariance=False,
        patches=256,
        temperature=0.07,
        nce_includes_all_negatives_from_minibatch=False,
        penalties=(),
        augment=None,
        ema_kimg=0.0,
        seed=0,
    ):
        taken, made = generator.input_shape[-1], generator.output_shape[-1]
        if identity_nce and taken != made:
            raise ValueError(
                f"identity_nce passes images of {made} channels through a generator that takes {taken}; "
                "take identity_nce=false, or the same --channels for both sides"
            )
        super().__init__(generator, discriminator, loss, penalties=penalties, augment=augment, ema_kimg=ema_kimg, seed=seed)
        self.projector = projector
        self.adversarial_weight, self.discriminator_weight = published_weights(
            self.adversarial_loss, adversarial_weight, discriminator_weight
        )
        self.nce_weight = nce_weight
        self.identity_nce = identity_nce
        self.flip_equivariance = flip_equivariance
        self.patches = patches
        self.temperature = temperature
        self.whole_batch = nce_includes_all_negatives_from_minibatch
        whole = generator.features(LAYERS)
        encoder = keras.Model(whole.inputs, whole.outputs[:-1])
        # Kept as functions: as models, their weights would be saved under the names of these and not the generator's.
        self._whole, self._encoder = whole.__call__, encoder.__call__

    def called_models(self):
        return [*super().called_models(), self._whole.__self__, self._encoder.__self__]

    @classmethod
    def parts(cls, make):
        networks, named = super().parts(make), make.recipe["generator"]
        generator = networks["generator"]
        if not hasattr(generator, "features"):
            raise UserError(
                f"--game=cut compares features, which --generator={named} does not give; take "
                "--generator=resnet:antialias=true,init=xavier"
            )
        channels = [output.shape[-1] for output in generator.features(LAYERS).outputs[:-1]]
        return networks | {"projector": PatchProjector(channels)}

    def train_step(self, data):
        """Plays one round.

        Args:
            data: images of A and of B, float32 [batch, h, w, c] in [-1, 1], which need not belong together.

        Returns:
            A dict of float32 scalars: losses, gradient norms and mean logits of both players.
        """
        a, b = data
        seed = self.step_seed()
        with tf.GradientTape() as tape:
            fake, losses = self.contrast(a, b, seed)
        logs = self.discriminator_turn(b, fake, None, randomness.fold(seed, "discriminator turn"))
        seed = randomness.fold(seed, "generator turn")
        logs |= self.generator_turn(b, fake, None, seed, tape, self.adversarial_weight, losses)
        return self.finish_step(logs, images_seen=tf.shape(a)[0])

    def contrast(self, a, b, seed):
        """Returns the fakes of B, and the weighted PatchNCE losses: a dict, name -> float32 [batch]."""
        sources = tf.concat([a, b], axis=0) if self.identity_nce else a  # [batch, h, w, c], or both batches
        flips = None
        if self.flip_equivariance:
            flips = randomness.uniform(randomness.fold(seed, "flip"), [tf.shape(a)[0]]) < 0.5
            flips = tf.concat([flips, flips], axis=0) if self.identity_nce else flips
        # Of each layer [.., h', w', c'], and images of B.
        *keys, outputs = apply(self._whole, flipped(sources, flips), randomness.fold(seed, "output"))
        queries = apply(self._encoder, outputs, randomness.fold(seed, "queries"))
        if flips is not None:
            queries = [flipped(query, flips) for query in queries]
            keys = tf.cond(
                tf.reduce_any(flips), lambda: apply(self._encoder, sources, randomness.fold(seed, "keys")), lambda: keys
            )
        count = tf.shape(a)[0]
        weight = now(self.nce_weight) / 2 if self.identity_nce else now(self.nce_weight)
        of_a = [[features[:count] for features in side] for side in (queries, keys)]
        losses = {"nce": weight * self.nce(*of_a, randomness.fold(seed, "patches of a"))}
        if self.identity_nce:
            of_b = [[features[count:] for features in side] for side in (queries, keys)]
            losses["identity_nce"] = weight * self.nce(*of_b, randomness.fold(seed, "patches of b"))
        return outputs[:count], losses

    def nce(self, queries, keys, seed):
        """Returns PatchNCE, the mean over the layers, float32 [batch]; each list has a feature map per layer."""
        places = [self.draw_places(features, randomness.fold(seed, index)) for index, features in enumerate(keys)]
        queries, keys = (
            self.projector([pick(*pair) for pair in zip(side, places)], training=True) for side in (queries, keys)
        )
        losses = [patch_nce(*pair, self.temperature, self.whole_batch) for pair in zip(queries, keys)]
        return tf.add_n(losses) / len(places)

    def draw_places(self, features, seed):
        """Draws different places of a feature map [batch, h, w, c] for each image: int32 [batch, n]."""
        batch, height, width, _ = tf.unstack(tf.shape(features))
        draws = randomness.uniform(seed, [batch, height * width])
        return tf.math.top_k(draws, tf.minimum(self.patches, height * width), sorted=False).indices

    def objective(self, loss, optimizer):
        weight = self.discriminator_weight if optimizer is self.discriminator_optimizer else 1.0
        return super().objective(weight * loss, optimizer)

    def show(self, a, b):
        """Returns the columns of a sheet of samples: A, its translation, B (with identity_nce, also translated)."""
        return [a, self.translate(a), b] + ([self.translate(b)] if self.identity_nce else [])


def flipped(images, flips):
    """Mirrors those images [batch, h, w, c] left to right that `flips`, bool [batch] or None, names."""
    return images if flips is None else tf.where(flips[:, None, None, None], tf.reverse(images, axis=[2]), images)


def pick(features, places):
    """Returns the features [batch, h, w, c] at places int32 [batch, n], float32 [batch, n, c]."""
    batch, height, width = tf.unstack(tf.shape(features)[:3])
    flat = tf.reshape(features, [batch, height * width, features.shape[-1]])
    return tf.cast(tf.gather(flat, places, batch_dims=1), tf.float32)
