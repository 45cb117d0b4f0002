"""Any style in one fast pair of networks (Ghiasi et al. 2017)."""

import keras
from keras import layers, ops

from keras_gans.features.efficientnet_lite import build_efficientnet_lite0
from keras_gans.features.perceptual import Taps, create_perceptual
from keras_gans.layers.standardization import Standardization
from keras_gans.networks.style_network import StyleNetwork, connect
from keras_gans.networks.style_transfer import build_transfer
from keras_gans.registry import GENERATORS

STAGES = ("stem", "block0", "block2", "block4", "block7", "block10")  # the last of each width, down to 1/16


@GENERATORS.register("arbitrary_style")
@keras.saving.register_keras_serializable("keras_gans")
class ArbitraryStyle(StyleNetwork):
    """A style-prediction network and a transfer network whose instance norms the predicted vector drives.

    Ghiasi et al. 2017, "Exploring the structure of a real-time, arbitrary neural artistic stylization network", made
    for phones: the style is predicted from EfficientNet-Lite0 up to 1/16 of the picture's size (the paper: Inception-v3
    up to Mixed_6e), frozen as trained on ImageNet; the means and deviations of all its stages, not of the last alone,
    standardized by those of the paintings seen in training, become the vector. See `build_transfer` for the transfer
    network.

    Args:
        channels: 3.
        style_dim: length of the style vector. Default 100.
        width: channels of the transfer network at full size. Default 16 (the paper: 32).
        blocks: its residual blocks. Default 5.
        kernel_size: of its first and last convolution. Default 3 (the paper: 9).
        separable: depthwise and pointwise convolutions. Default True (the paper: not).
        pretrained: whether to load EfficientNet-Lite0's weights; False where others are loaded afterwards.

    Call:
        [pictures float [batch, h, w, 3], style images float [batch, h', w', 3]], both in [-1, 1] -> float32
        [batch, h, w, 3] in [-1, 1]; h and w multiples of 4.

    Raises:
        ValueError: channels other than 3.
        UserError: called with other sides, or the weights' package is not installed.
    """

    def __init__(
        self, channels=3, style_dim=100, width=16, blocks=5, kernel_size=3, separable=True, pretrained=True, **kwargs
    ):
        if channels != 3:
            raise ValueError(f"arbitrary_style takes RGB images, not {channels} channels; take --channels=3")

        # === Functional Model ===
        style = build_style(style_dim, pretrained)
        transfer = build_transfer(style_dim, channels, width, blocks, kernel_size, separable, style_vector=True)
        super().__init__(*connect(style, transfer), **kwargs)
        self.style = style
        self.transfer = transfer
        transfer.multiple = self.multiple

        # === Config ===
        self.style_dim = style_dim
        self.width = width
        self.blocks = blocks
        self.kernel_size = kernel_size
        self.separable = separable

    def get_config(self):
        return {
            "style_dim": self.style_dim,
            "width": self.width,
            "blocks": self.blocks,
            "kernel_size": self.kernel_size,
            "separable": self.separable,
            "pretrained": False,
            "name": self.name,
        }


def build_style(style_dim, pretrained):
    """Builds the style-prediction network: images [batch, h, w, 3] in [-1, 1] -> [batch, style_dim]."""
    images, known, *_ = build_efficientnet_lite0()
    outputs = [known[stage] for stage in STAGES]
    if pretrained:
        stages = Taps(images, outputs)
        stages.set_weights(create_perceptual("efficientnet_lite0").taps(STAGES).get_weights())
    else:
        stages = keras.Model(images, outputs)  # weight files have the class in their names
    stages.trainable = False
    images, pooled = keras.Input((None, None, 3), name="images"), []
    for features in stages(images):
        features = ops.cast(features, "float32")
        mean = ops.mean(features, (1, 2), keepdims=True)  # [batch, 1, 1, channels]
        variance = ops.mean(ops.square(features - mean), (1, 2))  # [batch, channels]
        pooled += [mean[:, 0, 0], ops.sqrt(variance + 1e-6)]
    # Adam moves all weights alike, so that the style moves with the sum of 608 inputs: they are small, and what all
    # paintings have in common is taken out.
    pooled = Standardization(name="standardization")(ops.concatenate(pooled, -1)) / 25.0
    style = layers.Dense(style_dim, name="style", dtype="float32")(pooled)
    return keras.Model(images, style, name="style")
