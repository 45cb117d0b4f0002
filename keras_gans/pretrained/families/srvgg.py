"""SRVGGNetCompact of `xinntao/Real-ESRGAN`: `realesr-animevideov3.pth`, `realesr-general-x4v3.pth`, within `params`.

`realesr-general-x4v3` comes in two files, the second (`-wdn-`) of which leaves noise alone: given both, the weights lie between
them as that code's `--denoise_strength` has it.
"""

from keras_gans.errors import UserError
from keras_gans.pretrained import matching, spelling
from keras_gans.pretrained.family import FAMILIES, EnlargerFamily, Part
from keras_gans.weights.weight_files import State


@FAMILIES.register("srvgg")
class SRVGG(EnlargerFamily):
    """Pixels are in [0, 1] within the files, which our network is made for.

    Of two files of the same shapes, `denoise` (in [0, 1], default 0.5 as in that code; `--as=srvgg:denoise=0.8`) is the share
    of the first, 1 - denoise that of the second.
    """

    generator = "srvgg"
    looks = "tensors such as body.0.weight, body.1.weight (slopes) and body.2.weight"

    def arguments(self, states):
        found = [self.recognize(state[""]) if list(state) == [""] else None for state in states]
        if None in found or len(states) > 2:
            return None
        if len(states) == 1:
            return found[0]
        if found[0] != found[1]:
            raise UserError("two files of SRVGG are blended where they have the same shapes; these have not")
        return found[0] | {"denoise": 0.5}

    def recognize(self, state):
        layers = spelling.layers(state)
        return self._arguments(layers) if self.order(layers) == {layer.name: layer.name for layer in layers} else None

    def order(self, layers):
        if not self._arguments(layers):
            return None
        return {layer.name: f"body.{place}" for place, layer in enumerate(layers)}

    def _arguments(self, layers):
        """Returns what the layers' shapes say where they are convolutions and slopes in turn, else None."""
        convolutions, slopes = layers.of("conv"), layers.of("prelu")
        depth, kinds = len(convolutions) - 2, [layer.kind for layer in layers]
        if depth < 0 or kinds != ["conv", "prelu"] * (depth + 1) + ["conv"]:
            return None
        (width, channels), outputs = convolutions[0].shape[:2], convolutions[-1].shape[0]
        shapes = [(width, channels, 3, 3), *(depth * [(width, width, 3, 3)]), (outputs, width, 3, 3)]
        scale = round((outputs / max(channels, 1)) ** 0.5)
        if not spelling.chain(convolutions, shapes) or not spelling.chain(slopes, [(width,)] * (depth + 1)):
            return None
        if channels * scale**2 != outputs or not scale:
            return None
        return {"scale": scale, "width": width, "depth": depth, "channels": channels, "input_channels": channels}

    def guess(self, layers):
        convolutions = layers.of("conv")
        if len(convolutions) < 3 or not layers.of("prelu"):
            return None
        return {"width": convolutions[0].shape[0], "depth": min(len(convolutions) - 2, 64)}

    def flags(self, states, arguments):
        return super().flags(states, {name: value for name, value in arguments.items() if name != "denoise"})

    def parts(self, states, arguments):
        state = _blended(states, arguments)
        return [Part("generator", state, _slots)]

    def differences(self, built, states, arguments, operations):
        return super().differences(built, [{"": _blended(states, arguments)}], arguments, operations)

    def reference(self, tensors, images, arguments):
        scale, channels = arguments["scale"], arguments["channels"]
        x = unit = (images + 1) / 2
        for index in range(arguments["depth"] + 1):
            x = tensors.conv(x, f"body.{2 * index}", 1, 1)
            x = tensors.leaky(x, tensors[f"body.{2 * index + 1}.weight"][:, None, None])
        x = tensors.conv(x, f"body.{2 * arguments['depth'] + 2}", 1, 1)
        batch, _, height, width = x.shape
        x = x.reshape(batch, channels, scale, scale, height, width)
        x = x.swapaxes(2, 4).swapaxes(3, 4).swapaxes(4, 5)  # batch, channels, height, row, width, column
        x = x + unit[:, :, :, None, :, None]
        return 2 * x.reshape(batch, channels, scale * height, scale * width) - 1


def _slots(network):
    layers = {f"body.{2 * index}": network.get_layer(f"conv_{index}") for index in range(network.depth + 1)}
    layers[f"body.{2 * network.depth + 2}"] = network.get_layer("conv_last")
    slots = matching.of_layers(layers)
    for index in range(network.depth + 1):
        weight = network.get_layer(f"prelu_{index}").alpha
        slots[f"body.{2 * index + 1}.weight"] = matching.Slot(
            weight, (weight.shape[-1],), lambda tensor, shape=weight.shape: tensor.reshape(shape)
        )
    return slots


def _blended(states, arguments):
    """The tensors of one file, or a share of each of two."""
    first, *others = (state[""] for state in states)
    if not others:
        return first
    share = arguments["denoise"]
    if not isinstance(share, int | float) or not 0 <= share <= 1:
        raise UserError(f"--as=srvgg:denoise={share} should be in [0, 1]")
    return State({name: share * first[name] + (1 - share) * others[0][name] for name in first})
