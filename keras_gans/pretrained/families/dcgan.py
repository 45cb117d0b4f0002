"""DCGAN in PyTorch, of 4x4 kernels without biases: as textbooks list it (`conv1`, `bn1`, `conv2`, ...), as PyTorch's
tutorial does (`main.0`, `main.1`, `main.3`, ...), or under other names.

The generator's first layer is a transposed convolution of [latent, 1, 1] to 4x4, which is our dense layer; the textbooks'
discriminator has batch norm behind its first convolution too, our `norm=all`, the tutorial's has not.
"""

import re

import numpy as np

from keras_gans.errors import UserError
from keras_gans.pretrained import matching, spelling
from keras_gans.pretrained.family import FAMILIES, Family, Part, difference, picture, pixels, planes, spec
from keras_gans.pretrained.matching import Slot
from keras_gans.pretrained.reference import Tensors
from keras_gans.trained.trained import LATENTS, Deployment


@FAMILIES.register("dcgan")
class DCGAN(Family):
    """DCGAN (Radford et al. 2016): the generator, alone or with its discriminator: one file for each, in any order."""

    looks = "tensors conv1.weight, bn1.weight, conv2.weight, ... of the generator, and of the discriminator in a second file"
    work = "sample"

    def arguments(self, states):
        roles = [_role(state[""]) if list(state) == [""] else None for state in states]
        if None in roles or len(set(roles)) != len(roles):
            return None
        if "generator" not in roles:
            raise UserError("this is a DCGAN's discriminator, which makes no images; give its generator too, --from twice")
        shapes = states[roles.index("generator")][""].shapes()
        last = _count(shapes)
        return {
            "image_size": 4 << (last - 1),
            "channels": shapes[f"conv{last}.weight"][1],
            "latent_dim": shapes["conv1.weight"][0],
            "width": shapes[f"conv{last}.weight"][0],
        }

    def order(self, layers):
        convolutions, norms = layers.of("conv"), layers.of("norm")
        last = len(convolutions)
        if last < 2 or len(norms) not in (last - 1, last - 2) or not layers.only("conv", "norm"):
            return None
        if not spelling.chain(convolutions, [(None, None, 4, 4)] * last) or any("bias" in c.parts for c in convolutions):
            return None
        names = {layer.name: f"conv{index}" for index, layer in enumerate(convolutions, 1)}
        return names | {layer.name: f"bn{index}" for index, layer in enumerate(norms, last - len(norms))}

    def guess(self, layers):
        convolutions = layers.of("conv")
        if not 3 <= len(convolutions) <= 8 or any(layer.shape[2:] != (4, 4) for layer in convolutions):
            return None
        (latent, *_), (width, channels, *_) = convolutions[0].shape, convolutions[-1].shape
        return {
            "image_size": 2 << len(convolutions),
            "channels": channels,
            "latent_dim": latent,
            "width": width,
        }

    def flags(self, states, arguments):
        flags = {
            "generator": spec("dcgan", {"width": arguments["width"]}),
            "latent_dim": arguments["latent_dim"],
        }
        judge = _states(states).get("discriminator")
        if judge:
            norm = "all" if "bn1.weight" in judge else "inner"
            flags["discriminator"] = spec("dcgan", {"width": judge.shapes()["conv1.weight"][0], "norm": norm})
        return flags

    def deployment(self, states, arguments):
        return Deployment({"": "generator"}, LATENTS)

    def networks(self, states):
        return tuple(sorted(_states(states), reverse=True))

    def shapes(self, arguments):
        return None, (arguments["image_size"], arguments["image_size"], arguments["channels"])

    def parts(self, states, arguments):
        slots = {"generator": _generator_slots, "discriminator": _discriminator_slots}
        return [
            Part(network, state, slots[network], f"the {network} of dcgan") for network, state in _states(states).items()
        ]

    def differences(self, built, states, arguments, operations):
        found = {}
        for network, state in _states(states).items():
            tensors = Tensors(operations, state)
            if network == "generator":
                latent = np.random.default_rng(0).normal(size=(2, arguments["latent_dim"])).astype(np.float32)
                expected = pixels(operations, _generate(tensors, operations.tensor(latent[:, :, None, None])))
                found["images of two random latents"] = difference(built.generator(latent, training=False), expected)
            else:
                image = picture(arguments["image_size"], arguments["channels"])
                expected = operations.array(_judge(tensors, planes(operations, image)))[:, :, 0, 0]
                found["logit of a random picture"] = difference(built.discriminator(image, training=False), expected)
        return found


def _count(shapes):
    """Returns how many convolutions there are."""
    return sum(bool(re.fullmatch(r"conv\d+\.weight", name)) for name in shapes)


def _role(state):
    """Returns which of the two networks the tensors are, or None."""
    shapes = state.shapes()
    last = _count(shapes)
    names = [f"conv{index}.weight" for index in range(1, last + 1)]
    norms = [f"bn{index}.weight" for index in range(1, last)]
    if (
        last < 2
        or not all(len(shapes.get(name, ())) == 4 for name in names)
        or not all(name in shapes for name in norms[1:])
    ):
        return None
    if norms[0] not in shapes:
        return "discriminator" if last > 2 else None
    # Transposed convolutions have what goes in first, the others what comes out.
    normed = shapes[norms[-1]][0]
    inputs, outputs = shapes[names[-2]][:2], shapes[names[-1]][:2]
    if inputs[1] == normed == outputs[0]:
        return "generator"
    return "discriminator" if inputs[0] == normed == outputs[1] else None


def _states(states):
    return {_role(state[""]): state[""] for state in states}


def _generator_slots(network):
    sizes = [4 << index for index in range(network.image_size.bit_length() - 2)]
    layers = {f"bn{index + 1}": network.get_layer(f"norm_{size}") for index, size in enumerate(sizes[:-1])}
    layers |= {f"conv{index + 1}": network.get_layer(f"up_{size}") for index, size in enumerate(sizes) if index}
    weight = network.get_layer("project").kernel
    shape = (weight.shape[0], weight.shape[1] // 16, 4, 4)
    first = Slot(weight, shape, lambda tensor: tensor.transpose(0, 2, 3, 1).reshape(weight.shape))
    return {"conv1.weight": first} | matching.of_layers(layers)


def _discriminator_slots(network):
    stages = network.image_size.bit_length() - 3
    layers = {f"conv{stages + 1}": network.get_layer("score")}
    for index in range(1, stages + 1):
        size = network.image_size >> index
        layers[f"conv{index}"] = network.get_layer(f"down_{size}")
        if index > 1 or network.norm == "all":
            layers[f"bn{index}"] = network.get_layer(f"norm_{size}")
    return matching.of_layers(layers)


def _generate(tensors, x):
    """Latents [n, latent_dim, 1, 1] -> images [n, c, h, w]."""
    last = _count(tensors.state.shapes())
    x = tensors.operations.convolve_transposed(x, tensors["conv1.weight"], 1, 0)
    for index in range(2, last + 1):
        x = tensors.transposed(tensors.relu(tensors.norm(x, f"bn{index - 1}", moving=True)), f"conv{index}")
    return tensors.xp.tanh(x)


def _judge(tensors, x):
    """Images [n, c, h, w] -> logits [n, 1, 1, 1]."""
    last = _count(tensors.state.shapes())
    for index in range(1, last):
        x = tensors.conv(x, f"conv{index}", 2, 1)
        x = tensors.leaky(tensors.norm(x, f"bn{index}", moving=True) if f"bn{index}.weight" in tensors else x)
    return tensors.conv(x, f"conv{last}")
