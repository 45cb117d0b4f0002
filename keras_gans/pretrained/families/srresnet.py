"""SRResNet, the generator of SRGAN (Ledig et al. 2017), as ports to PyTorch have it under many names.

A file is recognized by its layers: a 9x9 convolution, blocks of two with batch norm, one more, convolutions to four times the
channels before each pixel shuffle, a 9x9 one; slopes for each channel or one for all. Convolutions may have biases in front of
batch norms: these go into the moving means. What is not seen in a file is how it ends: `--as=srresnet:activation=tanh` says
that by tanh, as some do; pixels are in [0, 1] at the begin.
"""

import numpy as np

from keras_gans.pretrained import matching, spelling
from keras_gans.pretrained.family import FAMILIES, EnlargerFamily
from keras_gans.pretrained.matching import Slot


@FAMILIES.register("srresnet")
class SRResNet(EnlargerFamily):
    """Batch norm by moving statistics, as everywhere where pictures are enlarged."""

    generator = "srresnet"
    looks = "9x9 convolutions at both ends, blocks of two 3x3 with batch norm and slopes of PReLU, enlarging convolutions"

    def order(self, layers):
        convolutions, norms, slopes = layers.of("conv"), layers.of("norm"), layers.of("prelu")
        blocks, ups = (len(norms) - 1) // 2, len(convolutions) - len(norms) - 2
        if blocks < 1 or ups < 0 or len(norms) % 2 == 0 or len(slopes) != 1 + blocks + ups:
            return None
        if not layers.only("conv", "norm", "prelu"):
            return None
        width = convolutions[0].shape[0]
        shapes = [(width, None, 9, 9), *(2 * blocks + 1) * [(width, width, 3, 3)]]
        shapes += [*ups * [(4 * width, width, 3, 3)], (None, width, 9, 9)]
        if not spelling.chain(convolutions, shapes):
            return None
        inner, enlarging = _inner(blocks), [f"up_{index}" for index in range(ups)]
        names = ["first", *inner, *(f"{name}_conv" for name in enlarging), "last"]
        behind = [
            "first_prelu",
            *(f"block_{index}_prelu" for index in range(blocks)),
            *(f"{name}_prelu" for name in enlarging),
        ]
        pairs = [(convolutions, names), (norms, [f"{name}_norm" for name in inner]), (slopes, behind)]
        return {layer.name: name for found, ours in pairs for layer, name in zip(found, ours, strict=True)}

    def recognize(self, state):
        shapes = state.shapes()
        if "first.weight" not in shapes or "body_conv_norm.weight" not in shapes:
            return None
        return {
            "blocks": sum(name.startswith("block_") and name.endswith("_prelu.weight") for name in shapes),
            "width": shapes["first.weight"][0],
            "scale": 1 << sum(name.startswith("up_") and name.endswith("_conv.weight") for name in shapes),
            "channels": shapes["last.weight"][0],
            "input_channels": shapes["first.weight"][1],
        }

    def guess(self, layers):
        convolutions = layers.of("conv")
        if len(convolutions) < 5 or convolutions[0].shape[2:] != (9, 9) or not layers.of("prelu"):
            return None
        return {"blocks": min(max(len(layers.of("norm")) // 2, 1), 64), "width": convolutions[0].shape[0]}

    def parts(self, states, arguments):
        (part,) = super().parts(states, arguments)
        part.slots = lambda network: _slots(network, part.state)
        part.without = tuple(name for name in part.state if name.endswith(".bias") and _normed(name, part.state))
        return [part]

    def reference(self, tensors, images, arguments):
        first = x = self._slope(tensors, tensors.conv((images + 1) / 2, "first", 1, 4), "first_prelu")
        for index in range(arguments["blocks"]):
            y = self._normed(tensors, x, f"block_{index}_conv_1")
            x = x + self._normed(tensors, self._slope(tensors, y, f"block_{index}_prelu"), f"block_{index}_conv_2")
        x = first + self._normed(tensors, x, "body_conv")
        for index in range(arguments["scale"].bit_length() - 1):
            x = tensors.conv(x, f"up_{index}_conv", 1, 1)
            batch, channels, height, width = x.shape
            x = x.reshape(batch, channels // 4, 2, 2, height, width).swapaxes(2, 4).swapaxes(3, 4).swapaxes(4, 5)
            x = self._slope(tensors, x.reshape(batch, channels // 4, 2 * height, 2 * width), f"up_{index}_prelu")
        x = tensors.conv(x, "last", 1, 4)
        return tensors.xp.tanh(x) if arguments.get("activation") == "tanh" else x

    def _normed(self, tensors, x, name):
        return tensors.norm(tensors.conv(x, name, 1, 1), f"{name}_norm", moving=True)

    def _slope(self, tensors, x, name):
        return tensors.leaky(x, tensors[f"{name}.weight"].reshape(-1)[:, None, None])


def _inner(blocks):
    return [f"block_{index}_conv_{half}" for index in range(blocks) for half in (1, 2)] + ["body_conv"]


def _normed(name, state):
    """Whether a convolution's bias stands in front of a batch norm."""
    return f"{name.removesuffix('.bias')}_norm.running_mean" in state


def _slots(network, state):
    names = ["first", "last", *_inner(network.blocks)]
    names += [f"{name}_norm" for name in _inner(network.blocks)]
    names += [layer.name for layer in network.layers if layer.name.startswith("up_") and layer.name.endswith("_conv")]
    slots = matching.of_layers({name: network.get_layer(name) for name in names})
    for name in _inner(network.blocks):
        bias = f"{name}.bias"
        if bias in state:
            slots[f"{name}_norm.running_mean"].convert = lambda mean, bias=bias: mean - state[bias]
    for layer in network.layers:
        if layer.name.endswith("_prelu"):
            name, shape = f"{layer.name}.weight", tuple(layer.alpha.shape)
            found = state.shapes().get(name, ())
            one = found if found in ((), (1,)) else (shape[-1],)  # a slope for all channels, or one for each
            slots[name] = Slot(layer.alpha, one, lambda tensor, shape=shape: np.broadcast_to(tensor, shape))
    return slots
