"""Self-attention over the positions of a feature map."""

import keras
from keras import layers, ops

from keras_gans.layers.spectral_normalization import SpectralNormalization


@keras.saving.register_keras_serializable("keras_gans")
class SelfAttention2D(layers.Layer):
    """x + gamma * o(softmax(theta(x) phi(x)') g(x)), where gamma starts at 0.

    Zhang et al. 2019 (SAGAN). As in the authors' code (`brain-research/self-attention-gan`, `non_local.py`) and
    BigGAN, unlike equation 1 of the paper: theta and phi have channels / 8, g has channels / 2, and phi and g are
    max-pooled 2x2, a quarter of the positions to attend to. Four 1x1 convolutions without bias; no 1/sqrt(d).

    Args:
        spectral: whether the convolutions are spectrally normalised. True by default.
        spectral_epsilon: see `SpectralNormalization`. Default 1e-12.
        kernel_initializer: of the convolutions, as Keras names or configures it; each draws its own. Default Glorot's.

    Call:
        inputs: float [batch, height, width, channels]; even height and width, channels divisible by 8.

    Raises:
        ValueError: sizes that do not divide.
    """

    def __init__(self, spectral=True, spectral_epsilon=1e-12, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.spectral = spectral
        self.spectral_epsilon = spectral_epsilon
        self.kernel_initializer = kernel_initializer

    def build(self, input_shape):
        _, height, width, channels = input_shape
        if channels % 8:
            raise ValueError(f"self-attention wants channels divisible by 8, not {channels}")
        if (height or 0) % 2 or (width or 0) % 2:
            raise ValueError(f"self-attention wants an even height and width, not {height}x{width}")

        def convolution(name, inputs, filters):
            layer = layers.Conv2D(
                filters,
                1,
                use_bias=False,
                kernel_initializer=self.kernel_initializer,
                dtype=self.dtype_policy,
                name=name,
            )
            layer = SpectralNormalization(layer, epsilon=self.spectral_epsilon, name=name) if self.spectral else layer
            layer.build((*input_shape[:-1], inputs))
            return layer

        self.theta = convolution("theta", channels, channels // 8)
        self.phi = convolution("phi", channels, channels // 8)
        self.g = convolution("g", channels, channels // 2)
        self.o = convolution("o", channels // 2, channels)
        self.gamma = self.add_weight(name="gamma", shape=(), initializer="zeros")

    def call(self, inputs):
        _, height, width, channels = ops.shape(inputs)
        queries = ops.reshape(self.theta(inputs), (-1, height * width, channels // 8))  # [batch, positions, channels / 8]

        def pooled(maps, filters):
            # As a maximum over blocks: XLA's second derivative of max_pool is wrong (TensorFlow 2.21, CPU).
            blocks = ops.reshape(maps, (-1, height // 2, 2, width // 2, 2, filters))
            return ops.reshape(ops.max(blocks, axis=(2, 4)), (-1, (height // 2) * (width // 2), filters))

        # [batch, places, channels / 8], [.., channels / 2]
        keys, values = pooled(self.phi(inputs), channels // 8), pooled(self.g(inputs), channels // 2)
        scores = ops.cast(ops.matmul(queries, ops.transpose(keys, (0, 2, 1))), "float32")  # [batch, positions, places]
        attention = ops.cast(ops.softmax(scores, axis=-1), values.dtype)  # [batch, positions, places]
        mixed = ops.reshape(ops.matmul(attention, values), (-1, height, width, channels // 2))
        return inputs + ops.cast(self.gamma, inputs.dtype) * self.o(mixed)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {
            "spectral": self.spectral,
            "spectral_epsilon": self.spectral_epsilon,
            "kernel_initializer": self.kernel_initializer,
        }
