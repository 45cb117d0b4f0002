"""Spectral normalization with the right gradient: W / sigma(W) in the graph, one power iteration per step."""

import keras
import tensorflow as tf

_TRANSPOSED = (keras.layers.Conv1DTranspose, keras.layers.Conv2DTranspose, keras.layers.Conv3DTranspose)
_INPUTS_LAST = (*_TRANSPOSED, keras.layers.DepthwiseConv2D)  # of their kernels' axes
_SUPPORTED = (
    keras.layers.Dense,
    keras.layers.Embedding,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    *_INPUTS_LAST,
)
_ITERATIONS_AT_BUILD = 15


@keras.saving.register_keras_serializable("keras_gans")
class SpectralNormalization(keras.layers.Wrapper):
    """Calls a layer with its kernel divided by the kernel's largest singular value.

    sigma(W) = v' W u, where u and v are the singular vectors as power iteration has them; the gradient flows through W
    and not through u and v (Miyato et al. 2018, section 2.1 and appendix A). The stored kernel stays the free
    parameter; `keras.layers.SpectralNormalization` overwrites it at each call and so loses sigma's gradient.

    A call never moves u and v. The game calls `power_iteration()` once per discriminator turn, so that the
    discriminator is one function for the real batch, the fake batch and the penalties of a turn.

    W is the matrix [everything else, output channels], which is the original's transposed; for transposed
    convolutions too (PyTorch: `dim=1`), whose Keras kernels end in the input channels, and for depthwise ones (PyTorch:
    as many groups as channels). All in float32, or float64 for a float64 layer, whatever the compute type.

    Args:
        layer: a Dense, Embedding, Conv, ConvTranspose or DepthwiseConv2D layer (of one output for each input).
        power_iterations: steps per `power_iteration()`, 1 by default as in the paper.
        epsilon: least norm that is divided by, 1e-12 by default.

    Raises:
        ValueError: another kind of layer, or an argument out of range.
    """

    def __init__(self, layer, power_iterations=1, epsilon=1e-12, **kwargs):
        if not isinstance(layer, _SUPPORTED):
            known = ", ".join(kind.__name__ for kind in _SUPPORTED)
            raise ValueError(f"spectral normalization knows {known}, not {type(layer).__name__}")
        if getattr(layer, "depth_multiplier", 1) != 1:
            raise ValueError(f"spectral normalization knows a depth_multiplier of 1, not {layer.depth_multiplier}")
        if power_iterations < 1:
            raise ValueError(f"power_iterations should be 1 or more, not {power_iterations}")
        if epsilon <= 0:
            raise ValueError(f"epsilon should be positive, not {epsilon}")
        # The layer inside casts its own inputs and, after the division, its kernel.
        kwargs["dtype"] = layer.dtype_policy
        super().__init__(layer, autocast=False, **kwargs)
        self.power_iterations = power_iterations
        self.epsilon = epsilon

    def build(self, input_shape=None):
        super().build(input_shape)
        rows, columns = self._matrix().shape

        def vector(name, size):
            return self.add_weight(
                name=name,
                shape=(size,),
                initializer="random_normal",
                dtype=keras.backend.result_type(self._kernel.dtype, "float32"),
                trainable=False,
                autocast=False,
                aggregation="only_first_replica",  # all replicas hold the same kernel
            )

        self.u, self.v = vector("u", columns), vector("v", rows)
        self._iterate(_ITERATIONS_AT_BUILD)

    @property
    def _kernel(self):
        return self.layer.embeddings if isinstance(self.layer, keras.layers.Embedding) else self.layer.kernel

    def _matrix(self):
        """The kernel as [everything else, output channels] in u's type."""
        kernel = tf.convert_to_tensor(self._kernel)
        if isinstance(self.layer, _INPUTS_LAST):
            kernel = tf.experimental.numpy.swapaxes(kernel, -1, -2)
        matrix = tf.reshape(kernel, [-1, kernel.shape[-1]])
        return tf.cast(matrix, keras.backend.result_type(self._kernel.dtype, "float32"))

    def power_iteration(self):
        """Moves u and v towards the singular vectors of the present kernel; once per discriminator turn."""
        self._iterate(self.power_iterations)

    def _iterate(self, steps):
        matrix, u = self._matrix(), tf.convert_to_tensor(self.u)
        for _ in range(steps):
            v = self._unit(tf.linalg.matvec(matrix, u))
            u = self._unit(tf.linalg.matvec(matrix, v, transpose_a=True))
        self.u.assign(u)
        self.v.assign(v)

    def _unit(self, vector):
        return vector / tf.maximum(tf.norm(vector), self.epsilon)

    def sigma(self):
        """Returns the largest singular value as u and v see it, a scalar, differentiable in the kernel."""
        return tf.tensordot(self.v, tf.linalg.matvec(self._matrix(), self.u), 1)

    def call(self, inputs):
        sigma = tf.maximum(self.sigma(), self.epsilon)
        kernel = tf.convert_to_tensor(self._kernel)
        normalised = tf.cast(tf.cast(kernel, sigma.dtype) / sigma, kernel.dtype)
        # Inside this scope the layer reads these values where it reads its variables.
        values = [
            (variable, normalised if variable is self._kernel else variable.value) for variable in self.layer.variables
        ]
        with keras.StatelessScope(values):
            return self.layer(inputs)

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)

    def get_config(self):
        return super().get_config() | {"power_iterations": self.power_iterations, "epsilon": self.epsilon}
