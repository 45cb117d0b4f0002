"""AdaIN in PyTorch: `decoder.pth` and `vgg_normalised.pth` of `naoto0804/pytorch-AdaIN`, converted by its author from the
Lua files of `xunhuang1995/AdaIN-style`.

Both are one `nn.Sequential` each, whose tensors are called by their places: `0.weight`, `2.weight`, ... Pixels are in
[0, 1] there: the first convolution of the encoder and the last of the decoder are changed to take and make [-1, 1].
"""

import re

import numpy as np

from keras_gans.errors import UserError
from keras_gans.pretrained import matching
from keras_gans.pretrained.family import FAMILIES, Family, Part, difference, picture, pixels, planes, spec
from keras_gans.pretrained.reference import Tensors
from keras_gans.trained.trained import STYLES, Deployment

_ENCODER = (0, 2, 5, 9, 12, 16, 19, 22, 25, 29)  # places of the convolutions up to relu4_1
_POOLS = (5, 12, 25)  # convolutions that are followed by a halving
_DECODER = (1, 5, 8, 11, 14, 18, 21, 25, 28)
_DOUBLED = (1, 14, 21)  # convolutions that are followed by a doubling
_SIDES = 32, 48  # pixels of the picture and of the style that are compared


@FAMILIES.register("adain")
class AdaIN(Family):
    """Statistics are those of the Lua code and the paper (biased variances, an epsilon on the content's alone).

    The PyTorch code takes unbiased ones and adds the epsilon to the style's too, which changes the style's strength by
    less than a thousandth where feature maps have 1000 positions.
    """

    looks = "two files with tensors such as 5.weight, decoder.pth and vgg_normalised.pth"
    work = "stylize"

    def arguments(self, states):
        kinds = {_kind(state) for state in states} - {None}
        if not kinds:
            return None
        if len(states) != 2 or len(kinds) != 2:
            raise UserError("AdaIN is made of two files, decoder.pth and vgg_normalised.pth; give both (--from twice)")
        return {"encoder": "vgg19", "width": 64, "pretrained": False}

    def flags(self, states, arguments):
        return {"generator": spec("adain", arguments)}

    def deployment(self, states, arguments):
        return Deployment({"": "generator"}, STYLES)

    def shapes(self, arguments):
        return (256, 256, 3), (256, 256, 3)

    def parts(self, states, arguments):
        return [
            Part(
                "generator.encoder",
                _tensors(states, "encoder"),
                lambda encoder: _slots(encoder, _ENCODER),
                "the encoder of adain",
            ),
            Part(
                "generator.decoder",
                _tensors(states, "decoder"),
                lambda decoder: _slots(decoder, _DECODER),
                "the decoder of adain",
            ),
        ]

    def ignored(self, name):
        place = re.match(r"(\d+)\.", name)
        return bool(place) and int(place[1]) > _ENCODER[-1]  # the rest of the VGG

    def finish(self, built):
        first, last = built.generator.encoder.get_layer("preprocess"), built.generator.decoder.layers[-1]
        kernel, bias = map(np.asarray, first.get_weights())
        first.set_weights([kernel / 2, bias + kernel.sum((0, 1, 2)) / 2])
        kernel, bias = map(np.asarray, last.get_weights())
        last.set_weights([2 * kernel, 2 * bias - 1])

    def differences(self, built, states, arguments, operations):
        encoder, decoder = (Tensors(operations, _tensors(states, kind)) for kind in ("encoder", "decoder"))
        content, style = (picture(side, 3, seed) for seed, side in enumerate(_SIDES))
        features = [_encode(encoder, (planes(operations, images) + 1) / 2) for images in (content, style)]
        mixed = _normalize(encoder.xp, *features)
        expected = 2 * pixels(operations, _decode(decoder, mixed)) - 1
        return {
            f"outputs of a random picture of {_SIDES[0]}x{_SIDES[0]} and style of {_SIDES[1]}x{_SIDES[1]}": difference(
                built.generator([content, style], training=False), expected
            )
        }


def _kind(networks):
    """Returns "encoder", "decoder" or None."""
    state = networks.get("")
    if not state or not all(re.fullmatch(r"\d+\.(weight|bias)", name) for name in state):
        return None
    shapes = state.shapes()
    if shapes.get("0.weight") == (3, 3, 1, 1):
        return "encoder"
    return "decoder" if shapes.get("1.weight", ())[1:] == (512, 3, 3) else None


def _tensors(states, kind):
    return next(state[""] for state in states if _kind(state) == kind)


def _slots(network, places):
    """Pairs the names of a file with the weights of our convolutions, in order."""
    layers = [layer for layer in network.layers if layer.weights]
    return matching.of_layers({str(place): layer for place, layer in zip(places, layers, strict=True)})


def _encode(tensors, x):
    """[n, 3, h, w] in [0, 1] -> features of relu4_1."""
    for place in _ENCODER:
        x = tensors.conv(tensors.reflect(x, 1) if place else x, str(place))
        x = tensors.relu(x) if place else x
        if place in _POOLS:
            batch, channels, height, width = x.shape
            x = x.reshape(batch, channels, height // 2, 2, width // 2, 2)
            x = tensors.xp.amax(x, (3, 5))
    return x


def _normalize(xp, content, style):
    """The content's features with the style's means and deviations."""
    (mean, variance), (style_mean, style_variance) = map(_moments, (content, style))
    return (content - mean) / xp.sqrt(variance + 1e-5) * xp.sqrt(style_variance) + style_mean


def _moments(x):
    mean = x.mean((2, 3))[:, :, None, None]
    return mean, ((x - mean) ** 2).mean((2, 3))[:, :, None, None]


def _decode(tensors, x):
    for place in _DECODER:
        x = tensors.conv(tensors.reflect(x, 1), str(place))
        x = x if place == _DECODER[-1] else tensors.relu(x)
        x = tensors.doubled(x) if place in _DOUBLED else x
    return x
