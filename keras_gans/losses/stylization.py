"""The objective of style transfer: one object for the optimisation of pixels and for the training of networks."""

import tensorflow as tf

from keras_gans.features.perceptual import create_perceptual
from keras_gans.losses.style import content_loss, gram, gram_loss, total_variation

VGG_LAYERS = ("relu3_1",), ("relu1_1", "relu2_1", "relu3_1", "relu4_1")  # of the content, and of the style
LAYERS = {"efficientnet_lite0": (("block4",), ("stem", "expand1", "expand3", "expand5", "expand8"))}  # others: a VGG


class Stylization:
    """content_weight * content + style_weight * style + variation_weight * total variation.

    Gatys, Ecker, Bethge 2016, with one change: each layer's term is relative to its target, so that the weights hold
    for any network, layer and style. The content term of a layer is sum (F - T)^2 / sum T^2 of features; the style term
    the same of Gram matrices; layers count equally, by their mean.

    Args:
        network: spec of a perceptual network: vgg19 or vgg16 (their weights must be had), vgg16-hed, or
            efficientnet_lite0.
        content_network: spec of the network that sees the content, for a `network` that knows textures but not what a
            photograph shows (vgg16-hed finds edges and forgets light, dark and colour; efficientnet_lite0 knows them,
            and its textures are noise). Default: `network`.
        content_layers: whose features the picture keeps. Default: see `LAYERS`.
        style_layers: whose Gram matrices it takes from the style. Default: see `LAYERS`.
        content_weight, style_weight, variation_weight: default 1, 1 and 0.

    Raises:
        UserError: unknown network or layer, or no weights.
    """

    def __init__(
        self,
        network="vgg19",
        content_layers=None,
        style_layers=None,
        content_weight=1.0,
        style_weight=1.0,
        variation_weight=0.0,
        content_network=None,
    ):
        judge = create_perceptual(network)
        other = create_perceptual(content_network) if content_network else judge
        self.name = judge.name
        content_layers = content_layers or LAYERS.get(other.name, VGG_LAYERS)[0]
        style_layers = style_layers or LAYERS.get(judge.name, VGG_LAYERS)[1]
        self.content_weight, self.style_weight, self.variation_weight = content_weight, style_weight, variation_weight
        self._content, self._style = other.taps(content_layers), judge.taps(style_layers)
        self._both = [self._content, self._style] if content_network else [judge.taps([*content_layers, *style_layers])]
        self._split = len(content_layers)

    def content_targets(self, images):
        """Returns what is kept of `images`, float [batch, h, w, 3] in [-1, 1]: a list of features."""
        return self._content(images)

    def style_targets(self, images):
        """Returns the style of `images`, float [batch, h, w, 3] in [-1, 1]: Gram matrices, float32 [batch, c, c] each.

        Styles are blended by blending these.
        """
        return [gram(features) for features in self._style(images)]

    def terms(self, images, content, style):
        """Compares pictures with their targets.

        Args:
            images: float [batch, h, w, 3] in [-1, 1].
            content: of `content_targets`, with the same batch.
            style: of `style_targets`, with the same batch, or with one for all.

        Returns:
            A dict of float32 [batch], without the weights: content, style, total_variation.
        """
        features = [layer for network in self._both for layer in network(images)]
        return {
            "content": _mean(_relative(content_loss, features[: self._split], content)),
            "style": _mean(_relative(gram_loss, [gram(layer) for layer in features[self._split :]], style)),
            "total_variation": total_variation(images),
        }

    def __call__(self, images, content, style):
        """Returns the weighted sum of `terms`, float32 [batch], and the terms."""
        terms = self.terms(images, content, style)
        return (
            self.content_weight * terms["content"]
            + self.style_weight * terms["style"]
            + self.variation_weight * terms["total_variation"]
        ), terms


def _relative(loss, values, targets):
    return [
        loss(value, target) / (loss(target, tf.zeros_like(target)) + 1e-8)
        for value, target in zip(values, targets, strict=True)
    ]


def _mean(values):
    return tf.add_n(values) / len(values)
