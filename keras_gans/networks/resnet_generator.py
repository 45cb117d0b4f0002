"""The ResNet generator of CycleGAN (Zhu et al. 2017) and CUT (Park et al. 2020).

After `ResnetGenerator` of `junyanz/pytorch-CycleGAN-and-pix2pix` and `taesungp/contrastive-unpaired-translation`
(`models/networks.py`). Layers are called by their index in its `nn.Sequential`, of which `features` speaks.
"""

import keras
from keras import layers

from keras_gans.layers.antialias import BlurDownsample, BlurUpsample
from keras_gans.layers.dropout import Dropout
from keras_gans.layers.padding import PaddedConv2D, PaddedConv2DTranspose, ReflectionPadding2D
from keras_gans.networks.translator import Translator, initializer, normalization
from keras_gans.registry import GENERATORS


@GENERATORS.register("resnet")
@keras.saving.register_keras_serializable("keras_gans")
class ResNetGenerator(Translator):
    """Halves the picture, passes it through residual blocks, and restores its size; ReLU, tanh at the end.

    7x7 convolutions begin and end it; these and the blocks pad by reflection.

    Args:
        channels: of the output. Default 3.
        input_channels: of the input. Default 3.
        width: channels at full size; 2^halvings times as many in the blocks. Default 64.
        blocks: residual blocks. Default 9, as published for 256x256; 6 for 128x128.
        norm: "instance" (default; convolutions have biases) or "batch" (they have none).
        dropout: rate inside the blocks. Default 0; 0.5 where the original's dropout is asked for.
        antialias: resample by fixed filters beside convolutions of stride 1, as CUT does. Default False.
        init: "normal", N(0, 0.02^2) (default), or "xavier", 0.02 times Glorot's normal one (CUT).
        halvings: how often the picture is halved, and channels doubled. Default 2; 4 is the global generator of pix2pixHD
            (Wang et al. 2018).

    Call:
        images float [batch, h, w, input_channels] in [-1, 1], h and w multiples of 2^halvings, at least twice that
        -> float32 [batch, h, w, channels] in [-1, 1].

    Raises:
        ValueError: an unknown norm or distribution.
        UserError: called with sides that are no multiples of 2^halvings.
    """

    def __init__(
        self,
        channels=3,
        input_channels=3,
        width=64,
        blocks=9,
        norm="instance",
        dropout=0.0,
        antialias=False,
        init="normal",
        halvings=2,
        **kwargs,
    ):
        biased = norm == "instance"

        # === Functional Model ===
        images = x = keras.Input((None, None, input_channels), name="images")
        outputs = []  # of each module of the original's nn.Sequential

        def add(make, *arguments, kind, **keywords):
            nonlocal x
            x = make(*arguments, name=f"{kind}_{len(outputs)}", **keywords)(x)
            outputs.append(x)

        def convolve(make, filters, kernel_size, use_bias=biased, **keywords):
            add(make, filters, kernel_size, kind="conv", use_bias=use_bias, kernel_initializer=initializer(init), **keywords)

        def activate():
            add(lambda name: normalization(norm, name), kind="norm")
            add(layers.ReLU, kind="relu")

        add(ReflectionPadding2D, 3, kind="pad")
        convolve(PaddedConv2D, width, 7, pad=0)  # [batch, h, w, width]
        activate()
        widths = [width << level for level in range(halvings + 1)]
        for filters in widths[1:]:  # at the default to [batch, h / 4, w / 4, 4 width]
            convolve(PaddedConv2D, filters, 3, strides=1 if antialias else 2)
            activate()
            if antialias:
                add(BlurDownsample, kind="down")
        for _ in range(blocks):
            x = _block(x, norm, dropout, init, f"block_{len(outputs)}")
            outputs.append(x)
        for filters in widths[-2::-1]:  # and back to [batch, h, w, width]
            if antialias:
                add(BlurUpsample, kind="up")
                convolve(PaddedConv2D, filters, 3)
            else:
                convolve(PaddedConv2DTranspose, filters, 3)
            activate()
        add(ReflectionPadding2D, 3, kind="pad")
        convolve(PaddedConv2D, channels, 7, use_bias=True, pad=0)
        add(layers.Activation, "tanh", kind="tanh", dtype="float32")
        super().__init__(images, x, **kwargs)
        self._outputs_by_index = tuple(outputs)

        # === Config ===
        self.channels = channels
        self.input_channels = input_channels
        self.width = width
        self.blocks = blocks
        self.halvings = halvings
        self.multiple = 1 << halvings
        self.norm = norm
        self.dropout = dropout
        self.antialias = antialias
        self.init = init

    def features(self, indices=(0, 4, 8, 12, 16)):
        """Returns a model, on the same weights, that answers features beside the picture in one pass (PatchNCE).

        Args:
            indices: of the modules of the original's `nn.Sequential` whose outputs to give. With `antialias`, CUT's
                0, 4, 8, 12, 16 are: the picture with its reflected border of 3 pixels; the outputs of the second and
                the third convolution (before their norms); of the first and of the fifth residual block.

        Returns:
            keras.Model: images -> [one feature map [batch, h', w', c'] for each index..., picture].

        Raises:
            ValueError: an index beyond the network.
        """
        last = len(self._outputs_by_index) - 1
        wrong = [index for index in indices if not 0 <= index <= last]
        if wrong:
            raise ValueError(f"features: {self.name} has the layers 0 to {last}, not {wrong[0]}")
        return keras.Model(self.input, [self._outputs_by_index[index] for index in indices] + [self.output])

    def get_config(self):
        return {
            "channels": self.channels,
            "input_channels": self.input_channels,
            "width": self.width,
            "blocks": self.blocks,
            "norm": self.norm,
            "dropout": self.dropout,
            "antialias": self.antialias,
            "init": self.init,
            "halvings": self.halvings,
            "name": self.name,
        }


def _block(x, norm, dropout, init, name):
    """x + two 3x3 convolutions between reflections; the sum is not activated."""
    y = x
    for index in (1, 2):
        y = ReflectionPadding2D(1, name=f"{name}_pad_{index}")(y)
        y = PaddedConv2D(
            x.shape[-1],
            3,
            pad=0,
            use_bias=norm == "instance",
            kernel_initializer=initializer(init),
            name=f"{name}_conv_{index}",
        )(y)
        y = normalization(norm, f"{name}_norm_{index}")(y)
        if index == 1:
            y = layers.ReLU(name=f"{name}_relu")(y)
            if dropout:
                y = Dropout(dropout, name=f"{name}_dropout")(y)
    return layers.Add(name=name)([x, y])
