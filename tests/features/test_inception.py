import hashlib

import numpy as np
import pytest
from PIL import Image

from keras_gans.errors import UserError
from keras_gans.features.inception import InceptionFeatures, build_inception, resize_clean, resize_tf1
from keras_gans.registry import EXTRACTORS


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


@pytest.fixture(scope="module")
def fidelity(peer):
    return peer("torch"), peer("torch_fidelity.feature_extractor_inceptionv3")


@pytest.fixture(scope="module")
def random_weights(fidelity, tmp_path_factory):
    """A state dict of the right shapes whose activations stay near 1 in every layer."""
    torch, _ = fidelity
    path = tmp_path_factory.mktemp("inception") / "random.pth"
    generator = torch.Generator().manual_seed(0)
    state = {}
    for layer in build_inception().layers:
        if not layer.weights:
            continue
        kernel = layer.weights[0].shape
        inputs, outputs = int(np.prod(kernel[:-1])), kernel[-1]
        shape = [outputs, *[kernel[-2], *kernel[:-2]]]
        weight = torch.randn(shape, generator=generator) * (2 / inputs) ** 0.5
        if layer.name == "fc":
            state |= {"fc.weight": weight, "fc.bias": torch.randn(outputs, generator=generator)}
            continue
        state |= {
            f"{layer.name}.conv.weight": weight,
            f"{layer.name}.bn.weight": 1 + 0.1 * torch.randn(outputs, generator=generator),
            f"{layer.name}.bn.bias": 0.1 * torch.randn(outputs, generator=generator),
            f"{layer.name}.bn.running_mean": 0.1 * torch.randn(outputs, generator=generator),
            f"{layer.name}.bn.running_var": 0.8 + 0.4 * torch.rand(outputs, generator=generator),
            f"{layer.name}.bn.num_batches_tracked": torch.tensor(0),
        }
    torch.save(state, path)
    return path


@pytest.mark.parity
def test_all_taps_and_logits_agree_with_torch_fidelity(fidelity, random_weights):
    torch, module = fidelity
    names = ["64", "192", "768", "2048", "logits_unbiased"]
    theirs = module.FeatureExtractorInceptionV3("test", names, feature_extractor_weights_path=str(random_weights))
    images = noise(2, 70, 45, 3)
    expected = theirs(torch.from_numpy(images.transpose(0, 3, 1, 2)))
    ours = InceptionFeatures(path=random_weights, batch_size=2)
    outputs = ours.model((resize_tf1(images, 299) - 128.0) / 128.0)
    for name, output, reference in zip(names, outputs, expected, strict=True):
        reference = reference.numpy()
        assert 0.05 < np.abs(reference).mean() < 20, name  # activations near 1, so that the tolerance means something
        np.testing.assert_allclose(output, reference, rtol=0, atol=1e-4, err_msg=name)
    features, probabilities = ours.extract(images)
    np.testing.assert_allclose(features, expected[3].numpy(), rtol=0, atol=1e-4)
    np.testing.assert_allclose(probabilities, torch.softmax(expected[4], 1).numpy(), rtol=0, atol=1e-5)
    assert ours.protocol() | {"weights_sha256": "x"} == {
        "extractor": "inception2015",
        "mode": "legacy",
        "weights": "random.pth",
        "weights_sha256": "x",
        "dims": 2048,
        "resize": "299x299, bilinear, TensorFlow 1 (no antialiasing)",
        "quantization": "uint8 images",
    }
    assert ours.weights_sha256 == hashlib.sha256(random_weights.read_bytes()).hexdigest()


@pytest.mark.parity
def test_clean_mode_and_taps(random_weights):
    tap = EXTRACTORS.create(f"inception2015:mode=clean,tap=64,batch_size=1,path={random_weights}")
    image = noise(1, 20, 31, 1)
    colour = np.repeat(image, 3, -1)
    expected = tap.model((resize_clean(colour, 299) - 128) / 128)[0]
    np.testing.assert_allclose(tap(image), expected, atol=1e-5)
    assert tap.name == "inception2015_64" and tap.dims == 64 and tap.protocol()["mode"] == "clean"
    assert "bicubic" in tap.resize and "not rounded" in tap.quantization


@pytest.mark.parity
@pytest.mark.parametrize("size", [(7, 5), (32, 48), (299, 299), (400, 301)])
def test_tf1_resize_agrees_with_torch_fidelity(fidelity, size):
    torch, module = fidelity
    images = noise(2, *size, 3)
    expected = module.interpolate_bilinear_2d_like_tensorflow1x(
        torch.from_numpy(images.transpose(0, 3, 1, 2)).float(), size=(299, 299), align_corners=False
    )
    np.testing.assert_allclose(resize_tf1(images, 299), expected.numpy().transpose(0, 2, 3, 1), rtol=0, atol=1e-3)


def test_tf1_resize_by_hand():
    row = np.array([0, 100], np.uint8).reshape(1, 1, 2, 1)
    np.testing.assert_allclose(np.ravel(resize_tf1(row, 4)[0, 0]), [0, 50, 100, 100], atol=1e-5)


@pytest.mark.parametrize("size", [(7, 5), (20, 60)])
def test_clean_resize_is_pillows_before_rounding(size):
    images = noise(2, *size, 3) // 3 + 80  # far from 0 and 255, where Pillow clips between its two passes
    ours = resize_clean(images, 24)
    pillow = np.stack([Image.fromarray(image).resize((24, 24), Image.Resampling.BICUBIC) for image in images])
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, pillow, rtol=0, atol=1.2)  # Pillow rounds twice: 0.5 * 1.3 + 0.5
    assert np.abs(ours - pillow).mean() < 0.4 and np.abs(ours - np.round(ours)).mean() > 0.1  # not rounded
    np.testing.assert_array_equal(resize_clean(pillow, 24), pillow)


def test_clean_resize_clips_what_bicubic_overshoots():
    step = np.repeat(np.array([0, 255], np.uint8), 4).reshape(1, 1, 8, 1).repeat(8, 1)
    resized = resize_clean(step, 64)
    assert resized.min() == 0 and resized.max() == 255


@pytest.mark.parametrize(
    "spec, message",
    [
        ("inception2015:mode=clear", "it has legacy and clean"),
        ("inception2015:tap=100", "it has 64, 192, 768, 2048"),
        ("inception2015:path=/nowhere.pth", "/nowhere.pth does not exist"),
    ],
)
def test_wrong_arguments_end_in_one_line(spec, message):
    with pytest.raises(UserError, match=message):
        EXTRACTORS.create(spec)


@pytest.mark.parity
def test_another_networks_file_is_refused(fidelity, tmp_path):
    torch, _ = fidelity
    torch.save({"weight": torch.ones(2)}, tmp_path / "other.pth")
    with pytest.raises(UserError, match="other.pth has no parameter 'Conv2d_1a_3x3"):
        EXTRACTORS.create(f"inception2015:path={tmp_path / 'other.pth'}")
