"""N styles in one network (Dumoulin et al. 2017), as Magenta has it: `magenta/models/image_stylization/model.py`.

There are no names that all files share: a file is recognized by its layers, each convolution with the scales and offsets of N
styles behind it (`gamma` and `beta`, [N, channels]). Pixels are in [0, 1] there, behind a sigmoid at the end: the first
convolution and the last norm are changed to take and make [-1, 1].
"""

import numpy as np

from keras_gans.pretrained import matching, spelling
from keras_gans.pretrained.family import FAMILIES, TranslatorFamily, difference, picture, pixels, planes
from keras_gans.pretrained.matching import Slot
from keras_gans.pretrained.reference import Tensors
from keras_gans.trained.trained import STYLES, Deployment


@FAMILIES.register("multi_style")
class MultiStyle(TranslatorFamily):
    """Convolutions without biases, padded by reflection; halvings by strides, doublings of the nearest neighbour."""

    generator = "multi_style"
    looks = "convolutions, each with tables gamma and beta [styles, channels] behind it"
    work = "stylize"

    def order(self, layers):
        convolutions, tables = layers.of("conv"), layers.of("table")
        blocks = (len(convolutions) - 6) // 2
        if blocks < 1 or len(tables) != len(convolutions) or not layers.only("conv", "table"):
            return None
        full, half, inner = (layer.shape[0] for layer in convolutions[:3])
        half_again, full_again, channels = (layer.shape[0] for layer in convolutions[-3:])
        ends, styles = convolutions[0].shape[2], tables[0].shape[0]
        shapes = [(full, channels, ends, ends), (half, full, 3, 3), (inner, half, 3, 3)]
        shapes += 2 * blocks * [(inner, inner, 3, 3)]
        shapes += [(half_again, inner, 3, 3), (full_again, half_again, 3, 3), (channels, full_again, ends, ends)]
        if not spelling.chain(convolutions, shapes) or any("bias" in layer.parts for layer in convolutions):
            return None
        if not spelling.chain(tables, [(styles, layer.shape[0]) for layer in convolutions]):
            return None
        names = {layer.name: f"conv{index}" for index, layer in enumerate(convolutions)}
        return names | {layer.name: f"norm{index}" for index, layer in enumerate(tables)}

    def recognize(self, state):
        layers = spelling.layers(state)
        names = self.order(layers)
        if not names or any(name != ours for name, ours in names.items()):
            return None
        convolutions = layers.of("conv")
        widths = [convolutions[index].shape[0] for index in (0, 1, 2, -3, -2)]
        return {
            "num_styles": layers.of("table")[0].shape[0],
            "widths": "-".join(map(str, widths)),
            "blocks": (len(convolutions) - 6) // 2,
            "kernel_size": convolutions[0].shape[2],
            "channels": convolutions[-1].shape[0],
        }

    def guess(self, layers):
        if not layers.of("table"):
            return None
        convolutions = layers.of("conv")
        styles, width = layers.of("table")[0].shape[0], convolutions[0].shape[0]
        return {"num_styles": styles, "width": width, "blocks": min((len(convolutions) - 5) // 2, 64)}

    def deployment(self, states, arguments):
        return Deployment({"": "generator"}, STYLES)

    def shapes(self, arguments):
        return ((256, 256, arguments.get("channels", 3)),) * 2

    def parts(self, states, arguments):
        (part,) = super().parts(states, arguments)
        part.slots = _slots
        return [part]

    def finish(self, built):
        first, last = built.generator.get_layer("first_conv").kernel, built.generator.get_layer("last_norm")
        first.assign(first / 2)  # what is added to the pixels is taken away by the norm
        for table in (last.gammas, last.betas):
            table.assign(table / 2)  # tanh(x / 2) is 2 sigmoid(x) - 1

    def differences(self, built, states, arguments, operations):
        images, tensors = picture(32, arguments["channels"]), Tensors(operations, states[0][""])
        weights = np.linspace(0, 1, arguments["num_styles"] + 1, dtype=np.float32)[1:]
        weights = weights[None] / weights.sum()  # all styles at once
        expected = pixels(operations, _stylize(tensors, (planes(operations, images) + 1) / 2, weights, arguments))
        made = built.generator([images, weights], training=False)
        return {"outputs of a random picture of 32x32, all styles blended": difference(made, 2 * expected - 1)}


def _names(network):
    """Returns the begin of the names of our layers, in order."""
    inner = [f"block{number}_{half}" for number in range(1, network.blocks + 1) for half in (1, 2)]
    return ["first", "down_2", "down_4", *inner, "up_2", "up_1", "last"]


def _slots(network):
    slots = {}
    for index, name in enumerate(_names(network)):
        slots |= matching.of_layers({f"conv{index}": network.get_layer(f"{name}_conv")})
        norm = network.get_layer(f"{name}_norm")
        for part, table in (("gamma", norm.gammas), ("beta", norm.betas)):
            slots[f"norm{index}.{part}"] = Slot(table, tuple(table.shape), lambda tensor: tensor)
    return slots


def _stylize(tensors, x, weights, arguments):
    """[n, c, h, w] in [0, 1] -> the same in the blend of styles."""
    weights, last = tensors.operations.tensor(weights), 5 + 2 * arguments["blocks"]

    def layer(x, index, stride=1):
        kernel = tensors[f"conv{index}.weight"]
        x = tensors.operations.convolve(tensors.reflect(x, kernel.shape[2] // 2), kernel, stride)
        gamma, beta = ((weights @ tensors[f"norm{index}.{part}"])[:, :, None, None] for part in ("gamma", "beta"))
        return tensors.norm(x, "none") * gamma + beta

    for index in range(3):
        x = tensors.relu(layer(x, index, 1 if index == 0 else 2))
    for index in range(3, last - 2, 2):
        x = x + layer(tensors.relu(layer(x, index)), index + 1)
    for index in (last - 2, last - 1):
        x = tensors.relu(layer(tensors.doubled(x), index))
    return 1 / (1 + tensors.xp.exp(-layer(x, last)))
