"""RRDBNet of ESRGAN and Real-ESRGAN: `RRDB_ESRGAN_x4.pth`, `RRDB_ESRGAN_x4_old_arch.pth`, `RealESRGAN_x4plus.pth`, ...

Three generations of names for the same layers: `body.0.rdb1.conv1.weight` (`xinntao/BasicSR`, Real-ESRGAN, within `params`
or `params_ema`), `RRDB_trunk.0.RDB1.conv1.weight` (`xinntao/ESRGAN`) and `model.1.sub.0.RDB1.conv1.0.weight` (its first
files).
"""

import re

from keras_gans.pretrained import spelling
from keras_gans.pretrained.family import FAMILIES, EnlargerFamily, size

_BLOCKS = {"new": "body.{}.rdb{}.conv{}", "esrgan": "RRDB_trunk.{}.RDB{}.conv{}", "old": "model.1.sub.{}.RDB{}.conv{}.0"}
_ENDS = ("conv_first", "conv_body", "conv_up1", "conv_up2", "conv_hr", "conv_last")
_NAMES = {
    "new": _ENDS,
    "esrgan": ("conv_first", "trunk_conv", "upconv1", "upconv2", "HRconv", "conv_last"),
    "old": ("model.0", "model.1.sub.{}", "model.3", "model.6", "model.8", "model.10"),
}


@FAMILIES.register("rrdb")
class RRDB(EnlargerFamily):
    """Pixels are in [0, 1] within the files, which our network is made for."""

    generator = "rrdb"
    looks = "tensors such as body.0.rdb1.conv1.weight"

    def recognize(self, state):
        generation = _generation(state)
        if not generation:
            return None
        first, last = _NAMES[generation][0], _NAMES[generation][-1]
        channels = size(state, f"{last}.weight", 0, 3)
        seen = size(state, f"{first}.weight", 1, channels)
        scale = {channels: 4, 4 * channels: 2, 16 * channels: 1}.get(seen, 4)
        return {
            "blocks": _count(state, generation),
            "width": size(state, f"{first}.weight", 0, 64),
            "growth": size(state, _BLOCKS[generation].format(0, 1, 1) + ".weight", 0, 32),
            "scale": scale,
            "channels": channels,
            "input_channels": seen // (4 // scale) ** 2,
        }

    def order(self, layers):
        convolutions = layers.of("conv")
        blocks = (len(convolutions) - 6) // 15
        if blocks < 1 or not layers.only("conv"):
            return None
        width, growth = convolutions[0].shape[0], convolutions[1].shape[0]
        dense = [(growth if n < 5 else width, width + (n - 1) * growth, 3, 3) for n in range(1, 6)]
        between = [(width, width, 3, 3)] * 4
        shapes = [(width, None, 3, 3), *(3 * blocks * dense), *between, (None, width, 3, 3)]
        if not spelling.chain(convolutions, shapes):
            return None
        theirs = names("new", blocks)
        inner = [name for name in theirs if name.startswith("body_")]
        ours = [_ENDS[0], *inner, *_ENDS[1:]]
        return {layer.name: theirs[name] for layer, name in zip(convolutions, ours, strict=True)}

    def guess(self, layers):
        convolutions = layers.of("conv")
        if len(convolutions) < 21 or len(layers) > len(convolutions):
            return None
        width, seen = convolutions[0].shape[:2]
        blocks = min((len(convolutions) - 6) // 15, 64)
        return {"blocks": blocks, "width": width, "growth": convolutions[1].shape[0], "input_channels": seen}

    def layers(self, network, state):
        named = names(_generation(state) or "new", network.blocks)
        return {theirs: network.get_layer(ours) for ours, theirs in named.items()}

    def reference(self, tensors, images, arguments):
        named = names(_generation(tensors.state), arguments["blocks"])

        def conv(x, name):
            return tensors.conv(x, named[name], 1, 1)

        x = _unshuffled((images + 1) / 2, 4 // arguments["scale"])
        first = x = conv(x, "conv_first")
        for block in range(arguments["blocks"]):
            y = x
            for dense in (1, 2, 3):
                z = [y]
                for number in range(1, 5):
                    z.append(tensors.leaky(conv(tensors.xp.concatenate(z, 1), f"body_{block}_rdb{dense}_conv{number}")))
                y = y + 0.2 * conv(tensors.xp.concatenate(z, 1), f"body_{block}_rdb{dense}_conv5")
            x = x + 0.2 * y
        x = first + conv(x, "conv_body")
        for name in ("conv_up1", "conv_up2"):
            x = tensors.leaky(conv(tensors.doubled(x), name))
        return 2 * conv(tensors.leaky(conv(x, "conv_hr")), "conv_last") - 1


def names(generation, blocks):
    """Returns a dict, name of our layer -> of theirs."""
    ends = {ours: theirs.format(blocks) for ours, theirs in zip(_ENDS, _NAMES[generation], strict=True)}
    return ends | {
        f"body_{block}_rdb{dense}_conv{number}": _BLOCKS[generation].format(block, dense, number)
        for block in range(blocks)
        for dense in (1, 2, 3)
        for number in range(1, 6)
    }


def _generation(state):
    """Returns the generation of the names, or None."""
    return next((name for name, block in _BLOCKS.items() if f"{block.format(0, 1, 1)}.weight" in state), None)


def _count(state, generation):
    pattern = re.escape(_BLOCKS[generation]).replace(r"\{\}", r"(\d+)") + r"\.weight"
    return 1 + max(int(found[1]) for found in (re.fullmatch(pattern, name) for name in state) if found)


def _unshuffled(x, factor):
    """Blocks of factor x factor pixels become channels, the block's place counting fastest."""
    batch, channels, height, width = x.shape
    x = x.reshape(batch, channels, height // factor, factor, width // factor, factor)
    x = x.swapaxes(2, 3).swapaxes(3, 5).swapaxes(4, 5)  # batch, channels, row and column in the block, block
    return x.reshape(batch, channels * factor**2, height // factor, width // factor)
