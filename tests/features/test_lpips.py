import numpy as np
import pytest
import tensorflow as tf

from keras_gans.data.images import to_model
from keras_gans.errors import UserError
from keras_gans.features.lpips import LPIPS
from keras_gans.precision import precision
from keras_gans.registry import EXTRACTORS

pytestmark = pytest.mark.parity


@pytest.fixture(scope="module", params=["alex", "vgg"])
def pair(request, peer, tmp_path_factory):
    """The package's LPIPS on a random backbone, and ours on the same one, read from a file as torchvision saves it."""
    torch, lpips = peer("torch"), peer("lpips")
    torch.manual_seed(0)
    theirs = lpips.LPIPS(net=request.param, pnet_rand=True, verbose=False)
    path = tmp_path_factory.mktemp("lpips") / "backbone.pth"
    torch.save(
        {"features." + name.split(".", 1)[1]: value for name, value in theirs.net.state_dict().items()}
        | {"classifier.6.bias": torch.zeros(1000)},
        path,
    )
    return theirs, LPIPS(request.param, path=path, batch_size=2), path


def images(seed=0, size=(64, 47), count=3, channels=3):
    return np.random.default_rng(seed).integers(0, 256, (count, *size, channels), np.uint8)


def test_distances_agree_with_the_package(pair):
    import torch

    theirs, ours, _ = pair
    first = images(0)
    second = np.stack([images(1)[0], first[1] // 2, np.roll(first[2], 3, 0)])
    with torch.no_grad():
        expected = theirs(*[torch.from_numpy(to_model(x).transpose(0, 3, 1, 2)) for x in (first, second)])
    expected = expected.numpy().ravel()
    distances = ours(first, second)
    assert distances.shape == (3,) and distances.dtype == np.float32 and expected.min() > 0.01
    np.testing.assert_allclose(distances, expected, rtol=0, atol=1e-5)


def test_same_image_is_at_zero_and_order_does_not_matter(pair):
    _, ours, _ = pair
    first, second = images(0), images(1)
    np.testing.assert_allclose(ours(first, first), 0, atol=1e-12)
    np.testing.assert_allclose(ours(first, second), ours(second, first), rtol=1e-6)
    grey = images(2, channels=1)
    np.testing.assert_array_equal(ours(grey, first), ours(np.repeat(grey, 3, -1), first))


def test_gradient_agrees_with_the_package_and_is_finite_on_equal_images(pair):
    import torch

    theirs, ours, _ = pair
    first, second = [to_model(images(seed, count=1)) for seed in (0, 1)]
    leaf = torch.from_numpy(first.transpose(0, 3, 1, 2)).requires_grad_()
    theirs(leaf, torch.from_numpy(second.transpose(0, 3, 1, 2))).sum().backward()
    expected = leaf.grad.numpy().transpose(0, 2, 3, 1)

    variable = tf.Variable(first)
    with tf.GradientTape(persistent=True) as tape:
        distance = ours.distance(variable, tf.constant(second))
        nothing = ours.distance(variable, tf.constant(first))
    np.testing.assert_allclose(tape.gradient(distance, variable), expected, rtol=0, atol=1e-4 * np.abs(expected).max())
    assert np.isfinite(tape.gradient(nothing, variable)).all()


def test_in_bfloat16_the_backbone_alone_is_rounded(pair):
    _, ours, path = pair
    with precision("bfloat16"):
        rounded = LPIPS(ours.net, path=path)
    first, second = (tf.constant(to_model(images(seed))) for seed in (0, 1))
    exact, near = ours.distance(first, second), rounded.distance(first, second)
    assert near.dtype == tf.float32 and np.abs(near - exact).max() > 0
    np.testing.assert_allclose(near, exact, rtol=0.02)


def test_protocol_names_backbone_and_heads(pair):
    _, ours, _ = pair
    protocol = ours.protocol()
    assert protocol["extractor"] == ours.name and protocol["weights"] == "backbone.pth" and protocol["version"] == "0.1"
    assert len(protocol["weights_sha256"]) == len(protocol["heads_sha256"]) == 64


def test_what_cannot_be_compared_ends_in_one_line(pair):
    _, ours, _ = pair
    with pytest.raises(UserError, match="pairs of one size"):
        ours(images(), images(count=2))
    with pytest.raises(UserError, match="at least (31|16) pixels"):
        ours(images(size=(12, 64)), images(size=(12, 64)))


def test_another_networks_weights_are_refused(pair, tmp_path):
    import torch

    torch.save({"features.0.weight": torch.zeros(64, 3, 11, 11)}, tmp_path / "short.pth")
    for net in ("alex", "vgg"):
        with pytest.raises(UserError, match="short.pth (does not fit|has no parameter)"):
            EXTRACTORS.create(f"lpips-{net}:path={tmp_path / 'short.pth'}")
    with pytest.raises(UserError, match="it has alex, vgg"):
        LPIPS("squeeze")
