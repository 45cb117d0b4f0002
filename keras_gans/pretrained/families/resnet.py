"""ResNet generators of `junyanz/pytorch-CycleGAN-and-pix2pix` (CycleGAN, pix2pix) and of
`taesungp/contrastive-unpaired-translation` (CUT, FastCUT): `*_net_G*.pth`.

Tensors are called by their places in an `nn.Sequential`: `model.1.weight`, ..., `model.10.conv_block.5.bias`. Batch norm
has its own; files from before 2018 hold running statistics of instance norms too, which the authors drop when they load
them. CUT's resampling filters are buffers, `model.7.filt`.
"""

import re

import numpy as np

from keras_gans.errors import UserError
from keras_gans.pretrained import matching, spelling
from keras_gans.pretrained.family import FAMILIES, TranslatorFamily, size

_DOWN, _UP = (1.0, 2.0, 1.0), (1.0, 3.0, 3.0, 1.0)  # the filters that our antialiased network has


@FAMILIES.register("resnet")
class ResNet(TranslatorFamily):
    """Batch norm takes the picture's own statistics, as the authors' test does with batches of one.

    Biases in front of norms of the picture's own statistics change nothing; those of an affine one are left out.
    """

    generator = "resnet"
    looks = "tensors such as model.10.conv_block.1.weight"

    def recognize(self, state):
        blocks = sorted({int(name.split(".")[1]) for name in state if re.match(r"model\.\d+\.conv_block\.", name)})
        if not blocks:
            return None
        antialias = any(name.endswith(".filt") for name in state)
        last = max((int(name.split(".")[1]) for name in state if re.fullmatch(r"model\.\d+\.weight", name)), default=0)
        return {
            "blocks": len(blocks),
            "width": size(state, "model.1.weight", 0, 64),
            "input_channels": size(state, "model.1.weight", 1, 3),
            "channels": size(state, f"model.{last}.weight", 0, 3),
            "norm": "affine_instance" if "model.2.weight" in state else "instance",
            "dropout": 0.5 if _dropout(state) else 0.0,
            "antialias": antialias,
            "init": "xavier" if antialias else "normal",
        }

    def order(self, layers):
        convolutions, norms = layers.of("conv"), layers.of("norm")
        blocks = (len(convolutions) - 6) // 2
        if blocks < 1 or len(norms) not in (0, len(convolutions) - 1) or not layers.only("conv", "norm"):
            return None
        width = convolutions[0].shape[0]
        shapes = [(width, None, 7, 7), (2 * width, width, 3, 3), (4 * width, 2 * width, 3, 3)]
        shapes += 2 * blocks * [(4 * width, 4 * width, 3, 3)]
        shapes += [(4 * width, 2 * width, 3, 3), (2 * width, width, 3, 3), (None, width, 7, 7)]
        if not spelling.chain(convolutions, shapes):
            return None
        names = dict(zip((layer.name for layer in convolutions), _places(blocks, 0)))
        return names | dict(zip((layer.name for layer in norms), _places(blocks, 1)))

    def guess(self, layers):
        convolutions = layers.of("conv")
        if len(convolutions) < 8 or convolutions[0].shape[2:] != (7, 7):
            return None
        norm = "affine_instance" if any("weight" in layer.parts for layer in layers.of("norm")) else "instance"
        blocks = min((len(convolutions) - 5) // 2, 64)
        return {"blocks": blocks, "width": convolutions[0].shape[0], "norm": norm}

    def layers(self, network, state):
        second = 6 if network.dropout else 5  # of a block's convolutions
        layers = {}
        for layer in network.layers:
            plain = re.fullmatch(r"(conv|norm)_(\d+)", layer.name)
            inner = re.fullmatch(r"block_(\d+)_(conv|norm)_([12])", layer.name)
            if plain:
                layers[f"model.{plain[2]}"] = layer
            elif inner:
                place = (1 if inner[3] == "1" else second) + (inner[2] == "norm")
                layers[f"model.{inner[1]}.conv_block.{place}"] = layer
        return layers

    def parts(self, states, arguments):
        for name, tensor in states[0][""].items():
            if name.endswith(".filt"):
                _check_filter(name, tensor)
        (part,) = super().parts(states, arguments)
        if arguments["norm"] == "affine_instance":
            names = part.state.shapes()
            last = max(int(name.split(".")[1]) for name in names if re.fullmatch(r"model\.\d+\.weight", name))
            part.without = tuple(
                name
                for name in names
                if name.endswith(".bias")
                and len(names.get(f"{name.removesuffix('bias')}weight", ())) == 4
                and name != f"model.{last}.bias"
            )
        return [part]

    def ignored(self, name):
        return name.endswith((".num_batches_tracked", ".running_mean", ".running_var", ".filt"))

    def reference(self, tensors, images, arguments):
        moving = arguments["norm"] == "batch"
        places = sorted({int(name.split(".")[1]) for name in tensors.state})
        convolutions = [
            place
            for place in places
            if f"model.{place}.weight" in tensors and tensors.state.shapes()[f"model.{place}.weight"][2:]
        ]
        blocks = [place for place in places if any(name.startswith(f"model.{place}.conv_block.") for name in tensors.state)]
        x = images
        for place in places:
            name = f"model.{place}"
            if place in blocks:
                x = x + self._block(tensors.within(f"{name}.conv_block."), x, moving)
            elif f"{name}.filt" in tensors:
                x = _resample(tensors, x, f"{name}.filt", up=place > blocks[-1])
            elif place in convolutions:
                x = self._convolution(tensors, x, place, convolutions, blocks, arguments["antialias"])
                if place == convolutions[-1]:
                    return tensors.xp.tanh(x)
                x = tensors.relu(tensors.norm(x, f"model.{place + 1}", moving))
        return x

    def _convolution(self, tensors, x, place, convolutions, blocks, antialias):
        name = f"model.{place}"
        if place in (convolutions[0], convolutions[-1]):
            return tensors.conv(tensors.reflect(x, 3), name)
        if antialias:
            return tensors.conv(x, name, 1, 1)
        if place < blocks[0]:
            return tensors.conv(x, name, 2, 1)
        return tensors.transposed(x, name, output_pad=1)

    def _block(self, tensors, x, moving):
        second = 6 if _dropout(tensors.state, "") else 5
        x = tensors.relu(tensors.norm(tensors.conv(tensors.reflect(x, 1), "1"), "2", moving))
        return tensors.norm(tensors.conv(tensors.reflect(x, 1), f"{second}"), f"{second + 1}", moving)


def _places(blocks, behind):
    """Returns the names of the convolutions of a network without dropout; with `behind` 1, of the norms behind them."""
    outer = [f"model.{place + behind}" for place in (1, 4, 7, 10 + blocks, 13 + blocks, 17 + blocks)]
    inner = [f"model.{10 + block}.conv_block.{place + behind}" for block in range(blocks) for place in (1, 5)]
    return outer[:3] + inner + outer[3:]


def _dropout(state, prefix=r"model\.\d+\.conv_block\."):
    """Whether dropout stands between the convolutions of a block and moves the second from place 5 to 6."""
    return not any(re.fullmatch(prefix + r"5\.weight", name) and len(shape) == 4 for name, shape in state.shapes().items())


def _check_filter(name, tensor):
    taps = np.array(_DOWN if tensor.shape[-1] == 3 else _UP)
    expected = np.outer(taps, taps) / taps.sum() ** 2 * (1 if len(taps) == 3 else 4)
    if tensor.shape[1:] != (1, *expected.shape) or np.abs(tensor - expected).max() > 1e-6:
        raise UserError(
            f"{name} resamples with another filter ({matching.size_text(tensor.shape)}) than this network "
            "has, [1, 2, 1] down and [1, 3, 3, 1] up"
        )


def _resample(tensors, x, name, up):
    """Filters every channel by itself, to half or to twice the sides."""
    batch, channels, height, width = x.shape
    x, kernel = x.reshape(batch * channels, 1, height, width), tensors[name][:1]
    if up:
        x = tensors.operations.convolve_transposed(tensors.operations.pad(x, 1, "edge"), kernel, 2, 2)[:, :, 1:-1, 1:-1]
    else:
        x = tensors.operations.convolve(tensors.reflect(x, 1), kernel, 2)
    return x.reshape(batch, channels, *x.shape[2:])
