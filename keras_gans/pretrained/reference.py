"""What a network answers according to PyTorch, for comparing; by NumPy where PyTorch is not installed.

The families write their forward passes a second time in these operations, straight from the tensors of the file and in
PyTorch's layout, [batch, channels, height, width]; nothing is shared with our networks. `xp` has the functions that NumPy
and PyTorch have in common.
"""

import importlib.util

import numpy as np


class NumPy:
    """The operations by NumPy, in float64."""

    xp = np

    def __init__(self):
        self.name = f"NumPy {np.__version__}"

    def tensor(self, array):
        return np.asarray(array, np.float64)

    def array(self, tensor):
        return np.asarray(tensor, np.float32)

    def convolve(self, x, kernel, stride=1, pad=0):
        """`kernel` [out, in, h, w]; `pad` zeros on each side."""
        x = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
        rows, columns = ((x.shape[axis] - kernel.shape[axis]) // stride + 1 for axis in (2, 3))
        total = 0.0
        for i in range(kernel.shape[2]):
            for j in range(kernel.shape[3]):
                seen = x[:, :, i : i + stride * rows : stride, j : j + stride * columns : stride]
                total += np.einsum("oc,nchw->nohw", kernel[:, :, i, j], seen, optimize=True)
        return total

    def convolve_transposed(self, x, kernel, stride=2, pad=1, output_pad=0):
        """`kernel` [in, out, h, w]; doubles the sides as `torch.nn.ConvTranspose2d` does."""
        batch, _, *sides = x.shape
        whole = [stride * (side - 1) + size for side, size in zip(sides, kernel.shape[2:])]
        total = np.zeros((batch, kernel.shape[1], *(side + output_pad for side in whole)))
        for i in range(kernel.shape[2]):
            for j in range(kernel.shape[3]):
                total[:, :, i : i + stride * sides[0] : stride, j : j + stride * sides[1] : stride] += np.einsum(
                    "co,nchw->nohw", kernel[:, :, i, j], x, optimize=True
                )
        return total[:, :, pad : total.shape[2] - pad, pad : total.shape[3] - pad]

    def pad(self, x, size, mode):
        """`mode`: "reflect", or "edge" (which PyTorch calls replicate)."""
        return np.pad(x, [(0, 0), (0, 0), (size, size), (size, size)], mode)


class Torch:
    """The operations by PyTorch, in float32; without oneDNN, which TensorFlow too computes with, and which keeps memory."""

    def __init__(self):
        import torch

        self.xp, self.name = torch, f"PyTorch {torch.__version__}"
        self._functional = torch.nn.functional

    def tensor(self, array):
        return self.xp.tensor(np.ascontiguousarray(array, np.float32))

    def array(self, tensor):
        return tensor.numpy()

    def convolve(self, x, kernel, stride=1, pad=0):
        with self.xp.backends.mkldnn.flags(enabled=False):
            return self._functional.conv2d(x, kernel, None, stride, pad)

    def convolve_transposed(self, x, kernel, stride=2, pad=1, output_pad=0):
        with self.xp.backends.mkldnn.flags(enabled=False):
            return self._functional.conv_transpose2d(x, kernel, None, stride, pad, output_pad)

    def pad(self, x, size, mode):
        return self._functional.pad(x, (size,) * 4, {"edge": "replicate"}.get(mode, mode))


def operations():
    """Returns `Torch` where PyTorch is installed, else `NumPy`."""
    return Torch() if importlib.util.find_spec("torch") else NumPy()


class Tensors:
    """A network's tensors as the operations take them, and the layers made of them.

    Args:
        operations: `NumPy` or `Torch`.
        state: names -> arrays.
    """

    def __init__(self, operations, state):
        self.operations, self.state, self.xp = operations, state, operations.xp

    def __contains__(self, name):
        return name in self.state

    def __getitem__(self, name):
        return self.operations.tensor(self.state[name])

    def within(self, prefix):
        """Returns the tensors whose names begin with `prefix`."""
        return Tensors(self.operations, self.state.within(prefix))

    def conv(self, x, name, stride=1, pad=0):
        """The convolution `name`, with its bias if it has one."""
        return self.biased(self.operations.convolve(x, self[f"{name}.weight"], stride, pad), name)

    def transposed(self, x, name, output_pad=0):
        """The transposed convolution `name`, to twice the sides."""
        return self.biased(self.operations.convolve_transposed(x, self[f"{name}.weight"], 2, 1, output_pad), name)

    def biased(self, x, name):
        return x + self[f"{name}.bias"][:, None, None] if f"{name}.bias" in self else x

    def norm(self, x, name, moving=False):
        """(x - mean) / sqrt(variance + 1e-5) of the image, or with `moving` as the file has it; affine if it is so."""
        if moving:
            mean, variance = (self[f"{name}.running_{part}"][:, None, None] for part in ("mean", "var"))
        else:
            mean = x.mean((2, 3))[:, :, None, None]
            variance = ((x - mean) ** 2).mean((2, 3))[:, :, None, None]
        y = (x - mean) / self.xp.sqrt(variance + 1e-5)
        return self.biased(y * self[f"{name}.weight"][:, None, None], name) if f"{name}.weight" in self else y

    def leaky(self, x, slope=0.2):
        return self.xp.where(x > 0, x, slope * x)

    def relu(self, x):
        return self.leaky(x, 0.0)

    def reflect(self, x, size):
        return self.operations.pad(x, size, "reflect")

    def doubled(self, x):
        """Nearest neighbour."""
        batch, channels, height, width = x.shape
        x = x[:, :, :, None, :, None] + self.xp.zeros((1, 1, 1, 2, 1, 2))
        return x.reshape(batch, channels, 2 * height, 2 * width)
