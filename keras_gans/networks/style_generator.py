"""What the generators of StyleGAN and StyleGAN2 share: latent -> w -> one style for each layer -> image."""

import keras
from keras import layers

from keras_gans import randomness
from keras_gans.errors import UserError
from keras_gans.layers.equalized import EqualizedDense
from keras_gans.layers.noise import noise_mode
from keras_gans.layers.progressive import PixelNorm
from keras_gans.layers.styles import Styles
from keras_gans.networks.cgan import label_input

_TRUNCATION = 2.0  # psi lies between this and its negative


class StyleGenerator(keras.Model):
    """A mapping and a synthesis network; see `stylegan` and `stylegan2`.

    Args:
        mapping: `keras.Model`, latent (and label) -> w [batch, w_dim].
        synthesis: `keras.Model`, styles [batch, layers_w, w_dim] -> image.

    Call:
        latent float [batch, latent_dim], with classes [latent, label int32 [batch]] -> float32 image [batch, h, w, c].

    Attributes:
        mapping, synthesis: those.
        layers_w: how many styles the synthesis takes.
        w_dim: width of w.
    """

    def __init__(self, mapping, synthesis, **kwargs):
        # === Functional Model ===
        inputs = [keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=tensor.name) for tensor in mapping.inputs]
        inputs = inputs if len(inputs) > 1 else inputs[0]
        layers_w, w_dim = synthesis.inputs[0].shape[1:]
        image = synthesis(Styles(layers_w, name="styles")(mapping(inputs)))
        super().__init__(inputs, image, **kwargs)
        self.layers_w = layers_w
        self.w_dim = w_dim

    @property
    def mapping(self):
        return self.get_layer("mapping")

    @property
    def synthesis(self):
        return self.get_layer("synthesis")

    @property
    def average_w(self):
        """The moving average of w, a float32 variable [w_dim], not trainable; the game keeps it in training."""
        return self.get_layer("styles").average

    def styles(self, latent, label=None, truncation=1.0, cutoff=None):
        """Maps latents to styles.

        Args:
            latent: float [n, latent_dim].
            label: int32 [n], for a conditional generator.
            truncation: psi, -2 to 2 (or a float32 scalar tensor): 1 leaves w as it is, 0 makes it the average w.
            cutoff: how many of the first layers are truncated, 0 to `layers_w`. Default: all.

        Returns:
            float32 [n, layers_w, w_dim].

        Raises:
            UserError: a latent of another width, psi or the cutoff outside its range, labels missing or superfluous.
        """
        self._check_latent(latent)
        if isinstance(truncation, (int, float)) and not -_TRUNCATION <= truncation <= _TRUNCATION:
            raise UserError(f"truncation must be from {-_TRUNCATION:g} to {_TRUNCATION:g}, not {truncation:g}")
        if cutoff is not None and not 0 <= cutoff <= self.layers_w:
            raise UserError(f"cutoff must be from 0 to {self.layers_w} layers, not {cutoff}")
        if (label is None) != (len(self.mapping.inputs) == 1):
            raise UserError(f"{self.name} takes {'a' if label is None else 'no'} label")
        w = self.mapping(latent if label is None else [latent, label])
        return self.get_layer("styles")(w, truncation=truncation, cutoff=cutoff)

    def synthesize(self, styles, noise="constant", seed=None):
        """Makes images of styles, as `training=False` does.

        Args:
            styles: float32 [n, layers_w, w_dim].
            noise: `constant`, `none` or `random`.
            seed: int32 [2] or a Python int, of random noise.

        Returns:
            float32 [n, image_size, image_size, channels] in [-1, 1]; values beyond are to be clipped.

        Raises:
            UserError: styles of another shape, another mode of noise, random noise without a seed.
        """
        expected = (self.layers_w, self.w_dim)
        if tuple(styles.shape[1:]) != expected:
            raise UserError(f"{self.name} takes styles [n, {expected[0]}, {expected[1]}], not {list(styles.shape)}")
        if noise == "random" and seed is None:
            raise UserError("noise=random needs a seed")
        with noise_mode(noise), randomness.scope(None if seed is None else randomness.fold(seed, "noise")):
            return self.synthesis(styles, training=False)

    def __call__(self, inputs, *args, **kwargs):
        self._check_latent(inputs[0] if isinstance(inputs, (list, tuple)) else inputs)
        return super().__call__(inputs, *args, **kwargs)

    def _check_latent(self, latent):
        width = self.inputs[0].shape[-1]
        if tuple(latent.shape[1:]) != (width,):
            raise UserError(f"{self.name} takes latents [n, {width}], not {list(latent.shape)}")


def mapping_network(latent_dim, w_dim, num_classes, depth, embed, gain):
    """Returns the `keras.Model` latent (and label) -> w, in float32; its learning rate is 0.01 of the others'.

    Args:
        latent_dim, w_dim: widths; every layer has w_dim units.
        num_classes: 0 without labels.
        depth: dense layers with LeakyReLU.
        embed: function of the one-hot labels [batch, num_classes], a Keras tensor -> what is put behind the latent.
        gain: (gain, bias_gain) of each layer.
    """
    latent = keras.Input((latent_dim,), name="latent")
    inputs, x = latent, latent
    if num_classes:
        label, one_hot = label_input(num_classes)
        inputs = [latent, label]
        x = embed(x, one_hot)
    else:
        x = PixelNorm(dtype="float32", name="normalize")(x)
    return keras.Model(inputs, mapping_layers(x, w_dim, depth, gain), name="mapping")


def mapping_layers(x, units, depth, gain):
    """Applies `depth` dense layers with LeakyReLU and a learning rate of 0.01."""
    for index in range(depth):
        x = EqualizedDense(units, *gain, lr_multiplier=0.01, dtype="float32", name=f"dense_{index}")(x)
        x = layers.LeakyReLU(negative_slope=0.2, dtype="float32")(x)
    return x
