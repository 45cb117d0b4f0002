"""BigGAN of `ajbrock/BigGAN-PyTorch`: `G_ema.pth` or `G.pth`, with `D.pth` in a second file or without.

What its SN layers keep is `u0`, from which a pass in evaluation makes v and u anew; our layers get both as they are then.
"""

import re

import numpy as np

from keras_gans.errors import UserError
from keras_gans.layers.spectral_normalization import SpectralNormalization
from keras_gans.pretrained.family import FAMILIES, Family, Part, difference, picture, pixels, planes, spec
from keras_gans.pretrained.matching import Slot
from keras_gans.pretrained.reference import Tensors
from keras_gans.trained.trained import LATENTS, Deployment

_SIZES = {3: 32, 4: 64, 5: 128, 6: 256}  # blocks of the generator; the discriminator has one more
_LAST = {32: 4, 64: 2, 128: 1, 256: 1}  # channels of the generator's last block, of the width


@FAMILIES.register("biggan")
class BigGAN(Family):
    """The generator, alone or with its discriminator: one file for each, in any order."""

    looks = "tensors linear.weight, blocks.0.0.conv1.weight, blocks.0.0.bn1.gain.weight, ... and output_layer.2.weight"
    work = "sample"

    def arguments(self, states):
        roles = [_role(state[""]) if list(state) == [""] else None for state in states]
        if None in roles:
            return None
        if "generator" not in roles:
            raise UserError("this is a BigGAN's discriminator, which makes no images; give its generator too, --from twice")
        if len(set(roles)) != len(roles):
            raise UserError("these are two of the same network of a BigGAN; give one, such as G_ema.pth")
        shapes = states[roles.index("generator")][""].shapes()
        image_size = _size(shapes)
        gain, shared = shapes["blocks.0.0.bn1.gain.weight"], shapes.get("shared.weight", (0, 0))
        part = shapes["linear.weight"][1]
        hierarchical = bool(shared[1]) and gain[1] != shared[1]
        return {
            "image_size": image_size,
            "channels": shapes["output_layer.2.weight"][0],
            "latent_dim": part * (_blocks(shapes) + 1) if hierarchical else part,
            "num_classes": shared[0] or gain[0],
            "width": shapes["output_layer.2.weight"][1] // _LAST[image_size],
            "attention": 8 << _attended(shapes) if _attended(shapes) is not None else 0,
            "hierarchical": hierarchical,
            "shared_dim": shared[1],
        }

    def flags(self, states, arguments):
        own = ("width", "attention", "hierarchical", "shared_dim")
        flags = {
            "generator": spec("biggan", {name: arguments[name] for name in own}),
            "latent_dim": arguments["latent_dim"],
            "conditional": True,
        }
        judge = _states(states).get("discriminator")
        if judge:
            shapes, size = judge.shapes(), arguments["image_size"]
            width = shapes["blocks.0.0.conv1.weight"][0] // (4 if size == 32 else 1)
            attention = size >> (_attended(shapes) + 1) if _attended(shapes) is not None else 0
            flags["discriminator"] = spec("biggan", {"width": width, "attention": attention})
        return flags

    def deployment(self, states, arguments):
        return Deployment({"": "generator"}, LATENTS)

    def networks(self, states):
        return tuple(sorted(_states(states), reverse=True))

    def shapes(self, arguments):
        return None, (arguments["image_size"], arguments["image_size"], arguments["channels"])

    def class_names(self, arguments):
        return tuple(map(str, range(arguments["num_classes"])))

    def parts(self, states, arguments):
        slots = {"generator": generator_slots, "discriminator": discriminator_slots}
        return [
            Part(network, state, slots[network], f"the {network} of biggan") for network, state in _states(states).items()
        ]

    def ignored(self, name):
        return name.endswith(".sv0")  # sigma, which that code only logs

    def finish(self, built):
        for network in filter(None, (getattr(built, name, None) for name in ("generator", "discriminator"))):
            for layer in network._flatten_layers():
                if isinstance(layer, SpectralNormalization):
                    settle(layer)

    def differences(self, built, states, arguments, operations):
        found = {}
        for network, state in _states(states).items():
            layers = _Layers(Tensors(operations, state))
            if network == "generator":
                latent = np.random.default_rng(0).normal(size=(2, arguments["latent_dim"])).astype(np.float32)
                labels = np.array([0, arguments["num_classes"] - 1], np.int32)
                expected = pixels(operations, layers.generate(operations.tensor(latent), labels, arguments))
                found["images of two random latents"] = difference(
                    built.generator([latent, labels], training=False), expected
                )
            else:
                image, label = picture(arguments["image_size"], arguments["channels"]), np.zeros(1, np.int32)
                expected = operations.array(layers.judge(planes(operations, image), label, arguments["image_size"]))
                found["logit of a random picture"] = difference(
                    built.discriminator([image, label], training=False), expected
                )
        return found


def _role(state):
    """Returns which of the two networks the tensors are, or None."""
    if "linear.weight" not in state or "blocks.0.0.conv1.weight" not in state or "blocks.0.0.conv3.weight" in state:
        return None  # conv3 is BigGAN-deep's
    if "output_layer.2.weight" in state and "blocks.0.0.bn1.gain.weight" in state:
        return "generator"
    return "discriminator" if "embed.weight" in state else None


def _states(states):
    return {_role(state[""]): state[""] for state in states}


def _blocks(names):
    return sum(bool(re.fullmatch(r"blocks\.\d{1,2}\.0\.conv1\.weight", name)) for name in names)


def _size(shapes):
    """Returns the generator's image size."""
    blocks = _blocks(shapes)
    if blocks not in _SIZES:
        raise UserError(f"a BigGAN generator of {blocks} blocks is none of {', '.join(map(str, _SIZES.values()))} pixels")
    return _SIZES[blocks]


def _attended(names):
    """Returns the number of the block with attention behind it, or None."""
    return next((index for index in range(_blocks(names)) if f"blocks.{index}.1.theta.weight" in names), None)


def settle(layer):
    """Moves u and v of a spectrally normalised layer, of which one is the file's, to where that code's pass has them."""
    if hasattr(layer.layer, "embeddings"):  # it counts classes as outputs: ours is v
        u = np.array(layer.v) @ np.array(layer.layer.embeddings)
        u = u / max(np.linalg.norm(u), layer.epsilon)
        layer.u.assign(u)
        layer.power_iteration()
        layer.u.assign(u)
    else:
        layer.power_iteration()


# --- whose tensor is whose ------------------------------------------------------------------------------------------


def _spectral(name, layer, convert=None):
    """Slots of a convolution or a linear layer; `convert` brings its outputs, the first axis, into our order."""
    if convert is None:
        slots = {f"{name}.weight": Slot(layer.layer.kernel)}
    else:
        weight = layer.layer.kernel
        slots = {f"{name}.weight": Slot(weight, weight.shape[::-1], lambda tensor: convert(tensor).T)}
    convert = convert or (lambda tensor: tensor)
    if layer.layer.use_bias:
        slots[f"{name}.bias"] = Slot(layer.layer.bias, convert=convert)
    slots[f"{name}.u0"] = Slot(layer.u, (1, layer.u.shape[0]), lambda tensor: convert(tensor[0]))
    return slots


def _table(name, weight):
    return {f"{name}.weight": Slot(weight, weight.shape, lambda tensor: tensor)}


def _moving(name, layer):
    return {
        f"{name}.stored_mean": Slot(layer.moving_mean),
        f"{name}.stored_var": Slot(layer.moving_variance),
    }


def _attention(name, layer):
    slots = {f"{name}.gamma": Slot(layer.gamma)}
    for part in ("theta", "phi", "g", "o"):
        slots |= _spectral(f"{name}.{part}", getattr(layer, part))
    return slots


def generator_slots(network):
    """Returns a dict, name of a tensor of `G.pth` -> `Slot`."""

    def rows_first(tensor):  # theirs counts channels first, then rows and columns
        tensor = tensor.reshape(-1, 16, *tensor.shape[1:])
        return np.moveaxis(tensor, 0, 1).reshape(-1, *tensor.shape[2:])

    slots = _spectral("linear", network.get_layer("project"), rows_first)
    if network.shared_dim:
        slots |= _table("shared", network.get_layer("shared").embeddings)
    for index in range(network.image_size.bit_length() - 3):
        size, block = 8 << index, f"blocks.{index}"
        for ours, theirs in (("conv_0", "conv1"), ("conv_1", "conv2"), ("shortcut", "conv_sc")):
            slots |= _spectral(f"{block}.0.{theirs}", network.get_layer(f"block_{size}_{ours}"))
        for ours, theirs in (("norm_0", "bn1"), ("norm_1", "bn2")):
            slots |= _moving(f"{block}.0.{theirs}", network.get_layer(f"block_{size}_{ours}"))
            for part in ("gain", "bias"):
                layer, name = network.get_layer(f"block_{size}_{ours}_{part}"), f"{block}.0.{theirs}.{part}"
                slots |= _spectral(name, layer) if network.shared_dim else _table(name, layer.embeddings)
        if size == network.attention:
            slots |= _attention(f"{block}.1", network.get_layer("attention"))
    norm = network.get_layer("norm")
    slots |= {"output_layer.0.gain": Slot(norm.gamma), "output_layer.0.bias": Slot(norm.beta)}
    return slots | _moving("output_layer.0", norm) | _spectral("output_layer.2", network.get_layer("to_image"))


def discriminator_slots(network):
    """Returns a dict, name of a tensor of `D.pth` -> `Slot`."""
    embedding = network.get_layer("embedding")
    slots = _spectral("linear", network.get_layer("logits")) | _table("embed", embedding.layer.embeddings)
    slots["embed.u0"] = Slot(embedding.v, (1, embedding.v.shape[0]), lambda tensor: tensor[0])
    for layer in network.layers:
        found = re.fullmatch(r"block_(\d+)_(\d+)_(conv_0|conv_1|shortcut)", layer.name)
        if found:
            theirs = {"conv_0": "conv1", "conv_1": "conv2", "shortcut": "conv_sc"}[found[3]]
            slots |= _spectral(f"blocks.{found[1]}.0.{theirs}", layer)
    if network.attention:
        index = (network.image_size // network.attention).bit_length() - 2
        slots |= _attention(f"blocks.{index}.1", network.get_layer("attention"))
    return slots


# --- the same networks a second time --------------------------------------------------------------------------------


class _Layers:
    """BigGAN in the operations of `pretrained.reference`, as that code runs it in evaluation."""

    def __init__(self, tensors):
        self.tensors, self.operations, self.xp = tensors, tensors.operations, tensors.xp

    def weight(self, name):
        """The weight over its singular value, where it has one."""
        weight = self.tensors[f"{name}.weight"]
        if f"{name}.u0" not in self.tensors:
            return weight
        matrix, u = weight.reshape(weight.shape[0], -1), self.tensors[f"{name}.u0"]
        v = self.unit(u @ matrix)
        u = self.unit(v @ matrix.T)
        return weight / (v @ matrix.T @ u.T)[0, 0]

    def unit(self, vector):
        return vector / (vector * vector).sum() ** 0.5

    def conv(self, x, name):
        weight = self.weight(name)
        return self.tensors.biased(self.operations.convolve(x, weight, 1, weight.shape[2] // 2), name)

    def linear(self, x, name):
        x = x @ self.weight(name).T
        return x + self.tensors[f"{name}.bias"] if f"{name}.bias" in self.tensors else x

    def normalised(self, x, name):
        mean, variance = (self.tensors[f"{name}.stored_{part}"][:, None, None] for part in ("mean", "var"))
        return (x - mean) / self.xp.sqrt(variance + 1e-5)

    def conditional(self, x, name, labels, condition):
        """Batch norm by the class: by tables, or by linear layers of `condition`."""

        def of(part):
            made = self.weight(f"{name}.{part}")[labels] if condition is None else self.linear(condition, f"{name}.{part}")
            return made[:, :, None, None]

        return self.normalised(x, name) * (1 + of("gain")) + of("bias")

    def pooled(self, x):
        """[n, c, h, w] -> [n, c, h / 2, 2, w / 2, 2]."""
        return x.reshape(*x.shape[:2], x.shape[2] // 2, 2, x.shape[3] // 2, 2)

    def attend(self, x, name):
        n, _, height, width = x.shape
        if f"{name}.theta.weight" not in self.tensors:
            return x
        keys, values = (self.xp.amax(self.pooled(self.conv(x, f"{name}.{part}")), axis=(3, 5)) for part in ("phi", "g"))
        queries, keys, values = (
            part.reshape(n, part.shape[1], -1) for part in (self.conv(x, f"{name}.theta"), keys, values)
        )
        scores = self.xp.einsum("ncq,nck->nqk", queries, keys)
        shares = self.xp.exp(scores - self.xp.amax(scores, axis=-1)[..., None])
        shares = shares / shares.sum(-1)[..., None]
        mixed = self.xp.einsum("nqk,nck->ncq", shares, values).reshape(n, -1, height, width)
        return x + self.tensors[f"{name}.gamma"] * self.conv(mixed, f"{name}.o")

    def generate(self, latent, labels, arguments):
        """[n, latent_dim] and labels [n] -> images [n, c, h, w]."""
        blocks = _blocks(self.tensors.state)
        parts, conditions = [latent], [None] * blocks
        if arguments["shared_dim"]:
            shared = self.tensors["shared.weight"][labels]
            conditions = [shared] * blocks
        if arguments["hierarchical"]:
            each = latent.shape[1] // (blocks + 1)
            parts = [latent[:, start : start + each] for start in range(0, latent.shape[1], each)]
            conditions = [self.xp.concatenate([shared, part], 1) for part in parts[1:]]
        x = self.linear(parts[0], "linear")
        x = x.reshape(len(latent), -1, 4, 4)
        for index, condition in enumerate(conditions):
            name = f"blocks.{index}.0"
            y = self.tensors.doubled(self.tensors.relu(self.conditional(x, f"{name}.bn1", labels, condition)))
            y = self.tensors.relu(self.conditional(self.conv(y, f"{name}.conv1"), f"{name}.bn2", labels, condition))
            x = self.conv(y, f"{name}.conv2") + self.conv(self.tensors.doubled(x), f"{name}.conv_sc")
            x = self.attend(x, f"blocks.{index}.1")
        gain, bias = (self.tensors[f"output_layer.0.{part}"][:, None, None] for part in ("gain", "bias"))
        x = self.tensors.relu(self.normalised(x, "output_layer.0") * gain + bias)
        return self.xp.tanh(self.conv(x, "output_layer.2"))

    def judge(self, x, labels, image_size):
        """Images [n, c, h, w] and labels [n] -> logits [n, 1]."""
        blocks = _blocks(self.tensors.state)
        halving = 2 if image_size == 32 else blocks - 1
        for index in range(blocks):
            name = f"blocks.{index}.0"
            y = self.conv(self.tensors.relu(x) if index else x, f"{name}.conv1")
            y = self.conv(self.tensors.relu(y), f"{name}.conv2")
            if f"{name}.conv_sc.weight" in self.tensors:
                x = self.conv(x, f"{name}.conv_sc")
            x = x + y
            if index < halving:
                x = self.pooled(x).mean((3, 5))
            x = self.attend(x, f"blocks.{index}.1")
        features = self.tensors.relu(x).sum((2, 3))
        embedded = self.weight("embed")[labels]
        return self.linear(features, "linear") + (embedded * features).sum(1)[:, None]
