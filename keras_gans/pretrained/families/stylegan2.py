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
from keras_gans.pretrained import stylegan2_reference as theirs
from keras_gans.pretrained.family import FAMILIES, Family, Part, difference, pixels, planes, spec
from keras_gans.pretrained.matching import Slot
from keras_gans.pretrained.reference import Tensors
from keras_gans.trained.trained import LATENTS, Deployment

_TRUNCATION = 0.7
_WHOLE = 16  # pixels up to which networks are compared as a whole; above, layers of one resolution on a small piece


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
        return {
            "image_size": sizes[-1],
            "channels": shapes.get(f"synthesis.b{sizes[-1]}.torgb.weight", (3,))[0],
            "latent_dim": shapes.get("mapping.fc0.weight", (512, 512))[1] - (w_dim if classes else 0),
            "num_classes": classes,
            "w_dim": w_dim,
            "channel_base": channels[sizes[-1]] * sizes[-1],
            "channel_max": channels[4],
            "mapping_layers": sum(bool(re.fullmatch(r"mapping\.fc\d+\.weight", name)) for name in shapes),
        }

    def flags(self, states, arguments):
        networks = _networks(states)
        own = {name: value for name, value in arguments.items() if name not in ("image_size", "channels", "num_classes")}
        flags = {
            "generator": spec("stylegan2", own),
            "latent_dim": arguments["latent_dim"],
            "conditional": arguments["num_classes"] > 0,
        }
        if _residual(networks.get("D")):
            flags["discriminator"] = spec("stylegan2", _discriminator(networks["D"], arguments["image_size"]))
        return flags

    def deployment(self, states, arguments):
        return Deployment({"": "ema" if _averaged(states) else "generator"}, LATENTS)

    def networks(self, states):
        judged = ("discriminator",) if _residual(_networks(states).get("D")) else ()
        return ("generator", *(("ema",) if _averaged(states) else ()), *judged)

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
            parts.append(
                Part("ema" if _averaged(states) else "generator", networks["G_ema"], _generator_slots, "G_ema of stylegan2")
            )
        if "G" in networks:
            parts.append(Part("generator", networks["G"], _generator_slots, "G of stylegan2"))
        if _residual(networks.get("D")):
            parts.append(Part("discriminator", networks["D"], _discriminator_slots, "D of stylegan2"))
        return parts

    def ignored(self, name):
        return name.endswith("resample_filter")

    def differences(self, built, states, arguments, operations):
        generator = getattr(built, "ema" if _averaged(states) else "generator")
        networks, whole = _networks(states), min(arguments["image_size"], _WHOLE)
        tensors = Tensors(operations, networks.get("G_ema", networks.get("G")))
        draw = np.random.default_rng(0)
        latent = draw.normal(size=(1, arguments["latent_dim"])).astype(np.float32)
        label = np.array([arguments["num_classes"] - 1], np.int32) if arguments["num_classes"] else None
        w = theirs.map_latents(tensors, latent, label)
        average = tensors["mapping.w_avg"]
        truncated = average + _TRUNCATION * (w - average)
        styles = generator.styles(latent, label), generator.styles(latent, label, truncation=_TRUNCATION)
        found = {
            "w": difference(styles[0][:, 0], operations.array(w)),
            f"w at truncation {_TRUNCATION}": difference(styles[1][:, -1], operations.array(truncated)),
        }
        synthesis = generator.synthesis
        outputs = [synthesis.get_layer(f"image_{size}").output for size in _doublings(4, whole)]
        outputs += synthesis.outputs[:1] if whole == arguments["image_size"] else []
        made = _answers(keras.Model(synthesis.inputs, outputs), styles[1])
        names = [f"what {size}x{size} adds" for size in _doublings(4, whole)] + ["image"]
        for name, one, other in zip(names, made, theirs.synthesize(tensors, truncated, whole)):
            found[name] = difference(one, pixels(operations, other))
        for size in _doublings(2 * whole, arguments["image_size"]):
            x = draw.normal(size=(1, 8, 8, synthesis.get_layer(f"conv0_up_{size}").input[0].shape[-1])).astype(np.float32)
            expected = theirs.block(tensors, planes(operations, x), truncated, size)
            found[f"layers of {size}x{size}"] = max(
                difference(one, pixels(operations, other))
                for one, other in zip(_block(synthesis, x, styles[1][:, 0], size), expected, strict=True)
            )
        if hasattr(built, "discriminator"):
            found |= self._judgments(built.discriminator, Tensors(operations, networks["D"]), label, whole, draw)
        return found

    def _judgments(self, network, tensors, label, whole, draw):
        """Compares the discriminator; its largest resolutions one by one."""
        operations, largest, found = tensors.operations, network.image_size, {}
        x = draw.normal(size=(1, 16, 16, network.channels)).astype(np.float32)
        expected = theirs.from_image(tensors, planes(operations, x), largest)
        made = network.get_layer(f"from_image_{largest}_bias")(network.get_layer(f"from_image_{largest}")(x))
        found["layer of the image"] = difference(made, pixels(operations, expected))
        for size in _doublings(whole, largest)[:0:-1]:
            x = draw.normal(size=(1, 16, 16, made.shape[-1])).astype(np.float32)
            made = _judging_block(network, x, size)
            found[f"discriminator's layers of {size}x{size}"] = difference(
                made, pixels(operations, theirs.judging_block(tensors, planes(operations, x), size))
            )
        first = network.get_layer(f"skip_down_{whole}").input
        x = draw.normal(size=(1, *first.shape[1:])).astype(np.float32)
        judge = keras.Model([first, *network.inputs[1:]], network.outputs[0])
        found["logits"] = difference(
            _answers(judge, [x] if label is None else [x, label]),
            operations.array(theirs.judge(tensors, planes(operations, x), label, whole)),
        )
        return found


def _averaged(states):
    """Whether the files hold a moving average beside the generator; else what they hold is one."""
    return {"G", "G_ema"} <= _networks(states).keys()


def _doublings(first, last):
    """Returns first, 2 first, ... up to last."""
    return [first << step for step in range(max(0, (last // first).bit_length()))]


def _answers(network, inputs):
    """Calls a network as a graph, which unlike Keras forgets what lies between as soon as it has been used."""
    return tf.function(lambda inputs: network(inputs, training=False), autograph=False)(inputs)


def _block(synthesis, x, w, size):
    """What the layers of one resolution make of features [1, h, w, c] at half of it: features, and what the image gets."""

    def modulated(x, name):
        return synthesis.get_layer(name)([x, synthesis.get_layer(f"{name}_style")(w)])

    for name in (f"conv0_up_{size}", f"conv1_{size}"):
        x, noise = modulated(x, name), synthesis.get_layer(f"{name}_noise")
        x = x + noise.constant[: x.shape[1], : x.shape[2]] * (noise.strength * noise.gain)
        x = synthesis.get_layer(f"{name}_bias")(x)
    return x, synthesis.get_layer(f"to_image_{size}_bias")(modulated(x, f"to_image_{size}"))


def _judging_block(network, x, size):
    """What the discriminator's layers of one resolution make of features [1, h, w, c]."""
    skip = network.get_layer(f"skip_{size}")(network.get_layer(f"skip_down_{size}")(x))
    for name in ("conv0_{}", "conv0_{}_bias", "blur_{}", "conv1_down_{}", "conv1_down_{}_bias"):
        x = network.get_layer(name.format(size))(x)
    return x + skip


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
    return {
        "channel_base": shapes.get(f"b{image_size}.fromrgb.weight", (1,))[0] * image_size,
        "channel_max": shapes["b4.conv.weight"][0],
    }


def _check_filters(state):
    for name in state:
        if name.endswith("resample_filter") and (
            state[name].shape != theirs.FILTER.shape or np.abs(state[name] - theirs.FILTER).max() > 1e-6
        ):
            raise UserError(f"{name} is another filter than [1, 3, 3, 1], the only one that this network has")


def _generator_slots(network):
    synthesis, slots = network.synthesis, {"mapping.w_avg": Slot(network.average_w)} | _mapping_slots(network.mapping)
    constant = synthesis.get_layer("constant").weights[0]
    slots["synthesis.b4.const"] = Slot(constant, (constant.shape[-1], 4, 4), lambda tensor: tensor.transpose(1, 2, 0))
    for layer in synthesis.layers:
        found = re.fullmatch(r"(conv0_up|conv1|to_image)_(\d+)", layer.name)
        if not found:
            continue
        name = f"synthesis.b{found[2]}." + {"conv0_up": "conv0", "conv1": "conv1", "to_image": "torgb"}[found[1]]
        slots |= (
            matching.of_layers({name: layer})
            | matching.of_layers({name: synthesis.get_layer(f"{layer.name}_bias")})
            | matching.of_layers({f"{name}.affine": synthesis.get_layer(f"{layer.name}_style")})
        )
        if found[1] != "to_image":
            noise = synthesis.get_layer(f"{layer.name}_noise")
            slots[f"{name}.noise_strength"] = Slot(noise.strength)
            slots[f"{name}.noise_const"] = Slot(noise.constant, noise.constant.shape[:2], lambda tensor: tensor[..., None])
    return slots


def _mapping_slots(network):
    """Of `mapping.embed`, `mapping.fc0`, ... in both networks."""
    layers = {"mapping.embed": "embedding"} | {f"mapping.fc{index}": f"dense_{index}" for index in range(100)}
    known = {layer.name: layer for layer in network.layers}
    return matching.of_layers({name: known[ours] for name, ours in layers.items() if ours in known})


def _discriminator_slots(network):
    slots = _mapping_slots(network) | matching.of_layers({"b4.out": network.get_layer("score")})
    for layer in network.layers:
        found = re.fullmatch(r"(from_image|conv0|conv1_down|skip|conv)_(\d+)", layer.name)
        if found:
            kind = {"from_image": "fromrgb", "conv1_down": "conv1"}.get(found[1], found[1])
            name = f"b{found[2]}.{kind}"
            slots |= matching.of_layers({name: layer})
            if kind != "skip":
                slots |= matching.of_layers({name: network.get_layer(f"{layer.name}_bias")})
    dense = network.get_layer("dense").weights[0]
    units = dense.shape[1]

    def rows_first(tensor):  # theirs counts channels first, then rows and columns
        return tensor.reshape(units, -1, 4, 4).transpose(2, 3, 1, 0).reshape(dense.shape)

    slots["b4.fc.weight"] = Slot(dense, (units, dense.shape[0]), rows_first)
    slots["b4.fc.bias"] = Slot(network.get_layer("dense_bias").weights[0])
    return slots
