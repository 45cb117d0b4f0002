"""PyTorch parameters -> the weights of Keras layers."""

import contextlib

import keras
import numpy as np

from keras_gans.errors import UserError


@contextlib.contextmanager
def fitting(path, network):
    """Turns a missing or misshapen parameter into a `UserError` that names the file and the network."""
    try:
        yield
    except KeyError as error:
        raise UserError(f"{path} has no parameter {error}, which {network} needs; is it another network's?") from error
    except (ValueError, OSError) as error:
        raise UserError(f"{path} does not fit {network}: {' '.join(str(error).split())}") from error


def load_layer(layer, state, name, norm=None, epsilon=1e-3):
    """Sets the weights of a Dense, Conv2D or DepthwiseConv2D layer.

    Args:
        layer: the built layer.
        state: parameter names -> arrays (`torch_file.read_state_dict`).
        name: of the PyTorch layer; its kernel is [out, in] or [out, in / groups, height, width].
        norm: of the batch norm behind it, which is folded in (in float64); the layer needs a bias then.
        epsilon: the batch norm's.
    """
    kernel = state[f"{name}.weight"].astype(np.float64)
    bias = state[f"{name}.bias"].astype(np.float64) if layer.use_bias and not norm else np.zeros(len(kernel))
    if norm:
        scale = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"].astype(np.float64) + epsilon)
        kernel = kernel * scale.reshape([-1] + [1] * (kernel.ndim - 1))
        bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        kernel = kernel.transpose(2, 3, 0, 1)
    elif kernel.ndim == 4:
        kernel = kernel.transpose(2, 3, 1, 0)
    else:
        kernel = kernel.T
    layer.set_weights([kernel, bias] if layer.use_bias else [kernel])
