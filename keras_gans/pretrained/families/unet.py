"""U-Net generators of `junyanz/pytorch-CycleGAN-and-pix2pix`: `*_net_G.pth` of pix2pix, unet_256 and unet_128.

Each block holds the next one within its `nn.Sequential`, so that names grow inwards: `model.model.0.weight`,
`model.model.1.model.1.weight`, `model.model.1.model.3.model.1.weight`, ...
"""

import re

from keras_gans.pretrained import spelling
from keras_gans.pretrained.family import FAMILIES, TranslatorFamily, size

_OUTER = "model.model"
_DEEPEST = 10  # halvings, of pictures of 1024x1024


@FAMILIES.register("unet")
class UNet(TranslatorFamily):
    """Batch norm takes the picture's own statistics and dropout stays on, as in the authors' test, batches of one.

    Dropout leaves no trace in a file: it is taken to be there, as by default; `--as=unet:dropout=0` says that it is not.
    """

    generator = "unet"
    looks = "tensors such as model.model.1.model.1.weight"

    def recognize(self, state):
        down = [name for name in state if re.fullmatch(r"model\.model\.1\.model\.(3\.model\.)*1\.weight", name)]
        if not 0 < len(down) < _DEEPEST:
            return None
        depth = 1 + len(down)
        return {
            "depth": depth,
            "width": size(state, f"{_OUTER}.0.weight", 0, 64),
            "input_channels": size(state, f"{_OUTER}.0.weight", 1, 3),
            "channels": size(state, f"{_OUTER}.3.weight", 1, 3),
            "norm": "affine_instance" if f"{_block(1)}.6.weight" in state else "instance",
            "dropout": 0.5,
        }

    def order(self, layers):
        convolutions, norms = layers.of("conv"), layers.of("norm")
        depth = len(convolutions) // 2
        if not 3 <= depth <= _DEEPEST or len(convolutions) % 2 or len(norms) not in (0, 2 * depth - 3):
            return None
        if not layers.only("conv", "norm") or any(layer.shape[2:] != (4, 4) for layer in convolutions):
            return None
        down, up = convolutions[:depth], convolutions[depth:]
        widths = [layer.shape[0] for layer in down]
        inputs = [widths[-1], *(2 * width for width in widths[-2::-1])]
        if not spelling.chain(down[1:], [(None, width, 4, 4) for width in widths[:-1]]):
            return None
        if not spelling.chain(up, [(i, o, 4, 4) for i, o in zip(inputs, [*widths[-2::-1], None])]):
            return None
        inner = range(1, depth - 1)
        places = [f"{_OUTER}.0", *(f"{_block(level)}.1" for level in range(1, depth))]
        places += [f"{_block(depth - 1)}.3", *(f"{_block(level)}.5" for level in reversed(inner)), f"{_OUTER}.3"]
        behind = [f"{_block(level)}.2" for level in inner] + [f"{_block(depth - 1)}.4"]
        behind += [f"{_block(level)}.6" for level in reversed(inner)]
        names = dict(zip((layer.name for layer in convolutions), places, strict=True))
        return names | dict(zip((layer.name for layer in norms), behind))

    def shapes(self, arguments):
        side = self.side(arguments)
        return tuple((side, side, channels) for _, _, channels in super().shapes(arguments))

    def side(self, arguments):
        return 1 << arguments.get("depth", 8)

    def layers(self, network, state):
        depth = sum(layer.name.startswith("up_relu") for layer in network.layers)
        layers = {f"{_OUTER}.0": network.get_layer("down_0"), f"{_OUTER}.3": network.get_layer("up_0")}
        for level in range(1, depth):
            block, innermost = _block(level), level == depth - 1
            layers[f"{block}.1"] = network.get_layer(f"down_{level}")
            layers[f"{block}.{3 if innermost else 5}"] = network.get_layer(f"up_{level}")
            layers[f"{block}.{4 if innermost else 6}"] = network.get_layer(f"up_norm_{level}")
            if not innermost:
                layers[f"{block}.2"] = network.get_layer(f"down_norm_{level}")
        return layers

    def ignored(self, name):
        return name.endswith((".num_batches_tracked", ".running_mean", ".running_var"))

    def reference(self, tensors, images, arguments):
        moving = arguments["norm"] == "batch"
        x = self._inside(tensors, tensors.conv(images, f"{_OUTER}.0", 2, 1), 1, arguments["depth"], moving)
        return tensors.xp.tanh(tensors.transposed(tensors.relu(x), f"{_OUTER}.3"))

    def _inside(self, tensors, x, level, depth, moving):
        """The block of a level, behind whose input (as LeakyReLU in place has left it) its output is put."""
        block, innermost = _block(level), level == depth - 1
        skipped = tensors.leaky(x)
        x = tensors.conv(skipped, f"{block}.1", 2, 1)
        if not innermost:
            x = self._inside(tensors, tensors.norm(x, f"{block}.2", moving), level + 1, depth, moving)
        up, norm = (3, 4) if innermost else (5, 6)
        x = tensors.norm(tensors.transposed(tensors.relu(x), f"{block}.{up}"), f"{block}.{norm}", moving)
        return tensors.xp.concatenate([skipped, x], 1)


def _block(level):
    """Returns where the block of a level begins."""
    return f"{_OUTER}.1.model" + ".3.model" * (level - 1)
