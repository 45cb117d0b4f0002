"""StyleGAN2 and StyleGAN2-ADA of `NVlabs/stylegan2-ada-pytorch`: `ffhq.pkl`, `network-snapshot-*.pkl`, ...

A pickle holds G, D and G_ema; G and D are kept for training on, G_ema makes the images. A .safetensors file holds one
generator, or several networks whose names come first (`G_ema.synthesis.b4.const`).
"""

import re

import keras
import numpy as np
import tensorflow as tf

from keras_gans.errors import UserError
from keras_gans.pretrained import matching
from keras_gans.pretrained.family import FAMILIES, Family, Part, difference, pixels, spec
from keras_gans.pretrained.matching import Slot
from keras_gans.pretrained.reference import Tensors
from keras_gans.pretrained.weight_files import State

_FILTER = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64
_TRUNCATION = 0.7
_GAIN = 2**0.5  # of LeakyReLU


@FAMILIES.register("stylegan2")
class StyleGAN2(Family):
    """Generators of the skip and discriminators of the residual architecture, with [1, 3, 3, 1] filters.

    The authors limit activations to 256 in all layers where they train in float16; here only float16 layers do so.
    """

    looks = "networks G, D and G_ema with tensors such as synthesis.b4.const"
    work = "sample"

    def arguments(self, states):
        networks = _networks(states)
        generator = networks.get("G_ema", networks.get("G"))
        if not generator or "synthesis.b4.const" not in generator:
            return None
        shapes = generator.shapes()
        sizes = _sizes(shapes, r"synthesis\.b(\d+)\..*")
        w_dim = shapes.get("mapping.fc0.weight", (512, 512))[0]
        classes = shapes.get("mapping.embed.weight", (0, 0))[1]
        channels = {size: shapes.get(f"synthesis.b{size}.conv1.weight", (512,))[0] for size in sizes}
        return {"image_size": sizes[-1], "channels": shapes.get(f"synthesis.b{sizes[-1]}.torgb.weight", (3,))[0],
                "latent_dim": shapes.get("mapping.fc0.weight", (512, 512))[1] - (w_dim if classes else 0),
                "num_classes": classes, "w_dim": w_dim, "channel_base": channels[sizes[-1]] * sizes[-1],
                "channel_max": channels[4], "mapping_layers": sum(bool(re.fullmatch(r"mapping\.fc\d+\.weight", name))
                                                                  for name in shapes)}

    def flags(self, states, arguments):
        networks = _networks(states)
        game = {"averaged": True} if {"G", "G_ema"} <= networks.keys() else {}
        own = {name: value for name, value in arguments.items() if name not in ("image_size", "channels", "num_classes")}
        flags = {"game": spec("imported_generator", game), "generator": spec("stylegan2", own),
                 "latent_dim": arguments["latent_dim"], "conditional": arguments["num_classes"] > 0}
        if _residual(networks.get("D")):
            flags["discriminator"] = spec("stylegan2", _discriminator(networks["D"], arguments["image_size"]))
        return flags

    def shapes(self, arguments):
        return None, (arguments["image_size"], arguments["image_size"], arguments["channels"])

    def class_names(self, arguments):
        return tuple(map(str, range(arguments["num_classes"])))

    def parts(self, states, arguments):
        networks = _networks(states)
        for state in networks.values():
            _check_filters(state)
        parts = []
        if "G_ema" in networks:
            parts.append(Part("ema", networks["G_ema"], _generator_slots, "G_ema of stylegan2"))
        if "G" in networks:
            parts.append(Part("generator", networks["G"], _generator_slots, "G of stylegan2"))
        if _residual(networks.get("D")):
            parts.append(Part("discriminator", networks["D"], _discriminator_slots, "D of stylegan2"))
        return parts

    def ignored(self, name):
        return name.endswith("resample_filter")

    def differences(self, game, states, arguments, operations):
        networks = _networks(states)
        tensors = Tensors(operations, networks.get("G_ema", networks.get("G")))
        draw = np.random.default_rng(0)
        latent = draw.normal(size=(1, arguments["latent_dim"])).astype(np.float32)
        label = np.array([arguments["num_classes"] - 1], np.int32) if arguments["num_classes"] else None
        w = _map(tensors, "mapping.", latent, label)
        average = tensors["mapping.w_avg"]
        truncated = average + _TRUNCATION * (w - average)
        ours = game.ema
        styles = ours.styles(latent, label), ours.styles(latent, label, truncation=_TRUNCATION)
        found = {"w": difference(styles[0][:, 0], operations.array(w)),
                 f"w at truncation {_TRUNCATION}": difference(styles[1][:, -1], operations.array(truncated))}
        *expected, image = (pixels(operations, each) for each in _synthesise(tensors, truncated, arguments["image_size"]))
        layers = [layer.output for layer in ours.synthesis.layers if re.fullmatch(r"image_\d+", layer.name)]
        made = _answers(keras.Model(ours.synthesis.inputs, [*layers, ours.synthesis.outputs[0]]), styles[1])
        for layer, one, other in zip(layers, made, expected):
            found[f"what {layer.shape[1]}x{layer.shape[2]} adds"] = difference(one, other)
        found["image"] = difference(made[-1], image)
        if hasattr(game, "discriminator"):
            judge = Tensors(operations, networks["D"])
            logits = _judge(judge, operations.tensor(np.transpose(image, (0, 3, 1, 2))), label, arguments["image_size"])
            inputs = image if label is None else [image, label]
            found["logits"] = difference(_answers(game.discriminator, inputs), operations.array(logits))
        return found


def _answers(network, inputs):
    """Calls a network as a graph, which unlike Keras forgets what lies between as soon as it has been used."""
    return tf.function(lambda inputs: network(inputs, training=False), autograph=False)(inputs)


def _networks(states):
    """Returns a dict of G, D and G_ema, those that there are -> `State`."""
    if len(states) != 1:
        return {}
    networks = dict(states[0])
    if "" in networks:
        state = networks.pop("")
        for name in ("G", "D", "G_ema"):
            if part := state.within(f"{name}."):
                networks[name] = part
        networks = networks or {"G_ema": state}
    return {name: networks[name] for name in ("G", "D", "G_ema") if name in networks}


def _sizes(names, pattern):
    return sorted({int(found[1]) for found in (re.fullmatch(pattern, name) for name in names) if found})


def _residual(state):
    """Whether a discriminator is of the residual architecture; of others we have none."""
    return bool(state) and "b8.skip.weight" in state and "b4.conv.weight" in state


def _discriminator(state, image_size):
    shapes = state.shapes()
    return {"channel_base": shapes.get(f"b{image_size}.fromrgb.weight", (1,))[0] * image_size,
            "channel_max": shapes["b4.conv.weight"][0]}


def _check_filters(state: State):
    for name in state:
        if name.endswith("resample_filter") and (
                state[name].shape != _FILTER.shape or np.abs(state[name] - _FILTER).max() > 1e-6):
            raise UserError(f"{name} is another filter than [1, 3, 3, 1], the only one that this network has")


# --- names -----------------------------------------------------------------------------------------------------------


def _generator_slots(network):
    synthesis, slots = network.synthesis, {"mapping.w_avg": Slot(network.average_w)} | _mapping_slots(network.mapping)
    constant = synthesis.get_layer("constant").weights[0]
    slots["synthesis.b4.const"] = Slot(constant, (constant.shape[-1], 4, 4), lambda tensor: tensor.transpose(1, 2, 0))
    for layer in synthesis.layers:
        found = re.fullmatch(r"(conv0_up|conv1|to_image)_(\d+)", layer.name)
        if not found:
            continue
        theirs = f"synthesis.b{found[2]}." + {"conv0_up": "conv0", "conv1": "conv1", "to_image": "torgb"}[found[1]]
        slots |= matching.of_layers({theirs: layer}) | matching.of_layers({
            theirs: synthesis.get_layer(f"{layer.name}_bias")}) | matching.of_layers({
                f"{theirs}.affine": synthesis.get_layer(f"{layer.name}_style")})
        if found[1] != "to_image":
            noise = synthesis.get_layer(f"{layer.name}_noise")
            slots[f"{theirs}.noise_strength"] = Slot(noise.strength)
            slots[f"{theirs}.noise_const"] = Slot(noise.constant, noise.constant.shape[:2], lambda tensor: tensor[..., None])
    return slots


def _mapping_slots(network):
    """Of `mapping.embed`, `mapping.fc0`, ... in both networks."""
    layers = {"mapping.embed": "embedding"} | {f"mapping.fc{index}": f"dense_{index}" for index in range(100)}
    known = {layer.name: layer for layer in network.layers}
    return matching.of_layers({theirs: known[ours] for theirs, ours in layers.items() if ours in known})


def _discriminator_slots(network):
    slots = _mapping_slots(network) | matching.of_layers({"b4.out": network.get_layer("score")})
    for layer in network.layers:
        found = re.fullmatch(r"(from_image|conv0|conv1_down|skip|conv)_(\d+)", layer.name)
        if found:
            kind = {"from_image": "fromrgb", "conv1_down": "conv1"}.get(found[1], found[1])
            theirs = f"b{found[2]}.{kind}"
            slots |= matching.of_layers({theirs: layer})
            if kind != "skip":
                slots |= matching.of_layers({theirs: network.get_layer(f"{layer.name}_bias")})
    dense = network.get_layer("dense").weights[0]
    units = dense.shape[1]

    def rows_first(tensor):  # theirs counts channels first, then rows and columns
        return tensor.reshape(units, -1, 4, 4).transpose(2, 3, 1, 0).reshape(dense.shape)

    slots["b4.fc.weight"] = Slot(dense, (units, dense.shape[0]), rows_first)
    slots["b4.fc.bias"] = Slot(network.get_layer("dense_bias").weights[0])
    return slots


# --- the reference ---------------------------------------------------------------------------------------------------


def _dense(tensors, x, name, multiplier=1.0):
    kernel, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
    return (x @ kernel.T * (multiplier / kernel.shape[1] ** 0.5)) + bias * multiplier


def _activated(tensors, x, gain=_GAIN):
    return tensors.leaky(x) * gain


def _normalised(tensors, x):
    return x / tensors.xp.sqrt((x**2).mean(1)[:, None] + 1e-8)


def _map(tensors, prefix, latent, label):
    """Latents [n, d] or None, and labels [n] or None, through a mapping network."""
    parts = [] if latent is None else [_normalised(tensors, tensors.operations.tensor(latent))]
    if label is not None:
        one_hot = tensors.operations.tensor(np.eye(tensors[f"{prefix}embed.weight"].shape[1])[label])
        parts.append(_normalised(tensors, _dense(tensors, one_hot, f"{prefix}embed")))
    x, index = tensors.xp.concatenate(parts, 1), 0
    while f"{prefix}fc{index}.weight" in tensors:
        x = _activated(tensors, _dense(tensors, x, f"{prefix}fc{index}", 0.01))
        index += 1
    return x


def _modulated(tensors, x, w, name, demodulate=True, up=False):
    """A convolution of one image whose kernel's inputs are scaled by its style."""
    operations, kernel = tensors.operations, tensors[f"{name}.weight"]
    style = _dense(tensors, w, f"{name}.affine")[0]
    if not demodulate:
        style = style / (kernel.shape[1] * kernel.shape[2] * kernel.shape[3]) ** 0.5
    kernel = kernel * style[None, :, None, None]
    if demodulate:
        kernel = kernel / tensors.xp.sqrt((kernel**2).sum((1, 2, 3)) + 1e-8)[:, None, None, None]
    if up:
        x = operations.convolve_transposed(x, kernel.swapaxes(0, 1), 2, 0)
        return _filtered(tensors, x, 1) * 4
    return operations.convolve(x, kernel, 1, kernel.shape[2] // 2)


def _filtered(tensors, x, pad, stride=1):
    """Every channel by itself, with zeros outside."""
    batch, channels, height, width = x.shape
    kernel = tensors.operations.tensor(_FILTER[None, None])
    x = tensors.operations.convolve(x.reshape(batch * channels, 1, height, width), kernel, stride, pad)
    return x.reshape(batch, channels, *x.shape[2:])


def _doubled(tensors, x):
    batch, channels, height, width = x.shape
    kernel = tensors.operations.tensor(4 * _FILTER[None, None])
    x = tensors.operations.convolve_transposed(x.reshape(batch * channels, 1, height, width), kernel, 2, 1)
    return x.reshape(batch, channels, 2 * height, 2 * width)


def _synthesise(tensors, w, image_size):
    """Yields what each resolution adds to the image, and the image, with constant noise; w [1, d] for all layers."""
    image, size = None, 4
    while size <= image_size:
        block = f"synthesis.b{size}"
        if size == 4:
            x = tensors[f"{block}.const"][None]
        for layer in ("conv0", "conv1")[size == 4 :]:
            name = f"{block}.{layer}"
            x = _modulated(tensors, x, w, name, up=layer == "conv0")
            x = x + tensors[f"{name}.noise_const"] * tensors[f"{name}.noise_strength"]
            x = _activated(tensors, tensors.biased(x, name))
        added = tensors.biased(_modulated(tensors, x, w, f"{block}.torgb", demodulate=False), f"{block}.torgb")
        image = added if image is None else _doubled(tensors, image) + added
        yield added
        size *= 2
    yield image


def _judge(tensors, x, label, image_size):
    """Returns the logits [1, 1] of an image [1, c, h, w]."""

    def conv(x, name, stride=1, pad=0, gain=_GAIN):
        kernel = tensors[f"{name}.weight"]
        fan_in = kernel.shape[1] * kernel.shape[2] * kernel.shape[3]
        x = tensors.operations.convolve(x, kernel / fan_in**0.5, stride, pad)
        return _activated(tensors, tensors.biased(x, name), gain) if f"{name}.bias" in tensors else x * gain

    half, size = 0.5**0.5, image_size
    x = conv(x, f"b{size}.fromrgb")
    while size > 4:
        skip = conv(_filtered(tensors, x, 1, 2), f"b{size}.skip", gain=half)
        x = _filtered(tensors, conv(x, f"b{size}.conv0", 1, 1), 2)
        x = conv(x, f"b{size}.conv1", 2, 0, gain=_GAIN * half) + skip
        size //= 2
    deviation = x[:, :1] * 0 + 1e-8**0.5  # of a group of one image
    x = conv(tensors.xp.concatenate([x, deviation], 1), "b4.conv", 1, 1)
    x = _activated(tensors, _dense(tensors, x.reshape(1, -1), "b4.fc"))
    x = _dense(tensors, x, "b4.out")
    if label is None:
        return x
    return (x * _map(tensors, "mapping.", None, label)).sum(1)[:, None] / x.shape[1] ** 0.5
