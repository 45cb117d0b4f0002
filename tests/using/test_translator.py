"""The translator: any size, grey or colour, masks, and which way large pictures take."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_gans.data import images
from keras_gans.errors import UserError
from keras_gans.layers.instance_normalization import InstanceNormalization
from keras_gans.networks.gated import GatedInpainter
from keras_gans.networks.resnet_generator import ResNetGenerator
from keras_gans.networks.unet import UNet
from keras_gans.using import Translator, bands, tiles


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def convolutions(inputs=3, outputs=3, scale=1, depth=2):
    """A fully convolutional network without norms, 5x5 zero-padded."""
    image = x = keras.Input((None, None, inputs))
    initializer = keras.initializers.VarianceScaling(2.0)
    for _ in range(depth):
        x = keras.layers.Conv2D(4, 5, padding="same", activation="relu", kernel_initializer=initializer)(x)
    x = keras.layers.UpSampling2D(scale, interpolation="nearest")(x)
    network = keras.Model(image, keras.layers.Conv2D(outputs, 3, padding="same", activation="tanh")(x))
    network.scale = scale
    return network


def in_one_piece(network, image):
    return images.to_uint8(np.asarray(network(images.to_model(image[None]))))[0]


def test_padding_is_reflected_and_cut_off():
    network = ResNetGenerator(width=4, blocks=1)
    for height, width in ((41, 30), (1, 1), (16, 17), (3, 50)):
        image = noise(height, width, 3)
        below, right = -max(height, 16) % 4 + max(16 - height, 0), -max(width, 16) % 4 + max(16 - width, 0)
        padded = np.pad(image, ((0, below), (0, right), (0, 0)), "reflect")
        expected = in_one_piece(network, padded)[:height, :width]
        made = Translator(network)(image)
        assert made.dtype == np.uint8
        assert np.abs(made.astype(int) - expected).max() <= 1


def test_colours_are_those_that_the_network_wants():
    colour = noise(20, 24, 3)
    grey = np.asarray(Image.fromarray(colour).convert("L"))[..., None]
    to_colour, to_grey = convolutions(inputs=1), convolutions(outputs=1)
    for image in (colour, grey):
        np.testing.assert_array_equal(Translator(to_colour)(image), in_one_piece(to_colour, grey))
    assert Translator(to_grey)(colour).shape == (20, 24, 1)
    np.testing.assert_array_equal(Translator(to_grey)(grey), in_one_piece(to_grey, np.repeat(grey, 3, -1)))


def test_masked_pixels_are_made_and_the_others_kept():
    network = convolutions(inputs=4)
    translator = Translator(network)
    image, mask = noise(30, 40, 3), np.zeros((30, 40), np.uint8)
    mask[10:20, 5:15], mask[0, 0], mask[1, 1] = 255, 128, 127
    hole = mask >= 128
    inputs = np.concatenate([np.where(hole[..., None], 127, image), 255 * hole[..., None]], -1)
    expected = in_one_piece(network, inputs.astype(np.uint8))
    made = translator(image, mask)
    np.testing.assert_array_equal(made[~hole], image[~hole])
    np.testing.assert_array_equal(made[hole], expected[hole])
    assert translator.takes_mask and not Translator(convolutions()).takes_mask
    # What stands in the hole does not matter.
    np.testing.assert_array_equal(translator(np.where(hole[..., None], 255 - image, image), mask), made)


def test_masks_are_asked_for_and_checked():
    image = noise(30, 40, 3)
    with pytest.raises(UserError, match="it needs a mask that says where"):
        Translator(convolutions(inputs=4))(image)
    with pytest.raises(UserError, match="the mask has 40x31 pixels, the picture 40x30; they must have the same size"):
        Translator(convolutions(inputs=4))(image, np.zeros((31, 40), np.uint8))
    with pytest.raises(UserError, match="takes no mask"):
        Translator(convolutions())(image, np.zeros((30, 40), np.uint8))


@pytest.mark.parametrize("scale", [1, 3])
def test_large_pictures_without_norms_equal_one_piece(scale):
    network = convolutions(scale=scale)
    translator = Translator(network, tile=64 * scale)
    image, fractions = noise(203, 130, 3), []
    made = translator(image, report=fractions.append)
    expected = in_one_piece(network, image)
    assert made.shape == (203 * scale, 130 * scale, 3)
    assert np.abs(made.astype(int) - expected).max() <= 1 and np.mean(made != expected) < 1e-3
    assert translator._margin() == 5  # two 5x5 and a 3x3, of which at three times the size a third of a pixel is one
    assert len(fractions) > 6


def test_margins_end_somewhere():
    translator = Translator(convolutions(depth=60, scale=2))
    assert 40 < translator._margin() <= 48  # 96 pixels of the result; 120 would be reached


def test_norms_take_bands_and_agree_with_one_piece(monkeypatch):
    monkeypatch.setattr(tiles, "cut", None)
    monkeypatch.setattr(tiles, "blend", None)
    network = ResNetGenerator(width=4, blocks=1)
    image = noise(131, 67, 3)
    made, whole = Translator(network, tile=64)(image), Translator(network)(image)
    assert made.shape == image.shape
    assert np.abs(made.astype(int) - whole).max() <= 1


def test_unets_fade(monkeypatch):
    monkeypatch.setattr(tiles, "cut", None)
    monkeypatch.setattr(bands, "Bands", None)
    network = UNet(width=2, depth=4)
    made = Translator(network, tile=64)(noise(150, 70, 3))
    assert made.shape == (150, 70, 3)
    smooth = np.broadcast_to(np.linspace(0, 255, 150)[:, None, None], (150, 70, 3)).astype(np.uint8)
    training = Translator(network, training=True, tile=64)(smooth)
    assert np.std(training) > 0


def test_a_smooth_fill_fades_without_a_seam():
    """Holes in a slope, over the borders of the tiles; the fill of each tile knows less than that of the whole."""
    network = GatedInpainter(width=2, smooth=True)
    slope = np.broadcast_to(np.linspace(20, 220, 200)[:, None, None], (200, 150, 3)).astype(np.uint8)
    mask = np.zeros((200, 150), np.uint8)
    mask[30:180:50, 20:130] = mask[40:60, 40:120] = 255
    made, whole = Translator(network, tile=96)(slope, mask), Translator(network)(slope, mask)
    assert np.abs(made.astype(int) - whole).max() <= 3
    assert np.abs(np.diff(made.astype(int), axis=1)).max() <= 3


def test_noise_in_training_is_the_pictures_own():
    network = UNet(width=4, depth=6, dropout=0.5)
    image = noise(64, 64, 3)
    one, other, another = (Translator(network, training=True, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one(image), other(image))
    np.testing.assert_array_equal(one(image), one(image))
    assert np.mean(one(image) != another(image)) > 0.1
    assert np.mean(one(image) != Translator(network)(image)) > 0.1


def test_conditions_go_with_every_picture():
    image, level = keras.Input((None, None, 1)), keras.Input((1, 1, 1))
    negative = np.full((1, 1, 1, 1), -1, np.float32)
    translator = Translator(keras.Model([image, level], image * level), conditions=[negative])
    picture = noise(20, 20, 1)
    assert np.abs(translator(picture).astype(int) - (255 - picture)).max() <= 1
    translator.conditions = [np.zeros((1, 1, 1, 1), np.float32)]
    assert np.all(translator(picture) == 128)


def test_network_that_cannot_be_cut_says_what_to_do():
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(3, 3, padding="same")(image)
    x = InstanceNormalization()(x + keras.layers.GlobalAveragePooling2D(keepdims=True)(x))
    translator = Translator(keras.Model(image, x), tile=64)
    with pytest.raises(UserError, match="mixes the whole picture.*; take a tile .*, --tile=100"):
        translator(noise(80, 100, 3))
    assert translator(noise(40, 100, 3)).shape == (40, 100, 3)


def test_no_memory_is_said(monkeypatch):
    translator = Translator(convolutions())

    def exhausted(*arguments):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    monkeypatch.setattr(translator, "_infer", exhausted)
    with pytest.raises(UserError, match="no memory for pieces of 1024x1024 pixels; .*, such as --tile=512"):
        translator(noise(20, 20, 3))
