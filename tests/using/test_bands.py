"""Networks with instance norms in bands equal themselves in one piece: other code, the same numbers."""

import keras
import numpy as np
import pytest
from scipy import ndimage

from keras_gans.data import images
from keras_gans.errors import UserError
from keras_gans.layers.instance_normalization import InstanceNormalization
from keras_gans.networks.resnet_generator import ResNetGenerator
from keras_gans.networks.unet import UNet
from keras_gans.using import bands


def picture(height, width, channels=3, seed=0):
    """A smooth uint8 picture whose two halves differ in level and contrast, so that local statistics would show."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(height, width, channels)), (3, 3, 0))
    noise = noise / np.abs(noise).max()
    return (127.5 + np.linspace(-90, 90, height)[:, None, None] + 35 * noise).astype(np.uint8)


def livelier(network, seed=0):
    """Gives a fresh network weights with which its output has contrast, and biases that count."""
    rng = np.random.default_rng(seed)
    for variable in network.trainable_variables:
        noise = rng.normal(size=variable.shape)
        bias = len(variable.shape) == 1
        variable.assign(variable + 0.1 * noise if bias else noise / np.sqrt(np.prod(variable.shape[:-1])))
    return network


def shared_input():
    """Global skip, a norm's output and a norm's input that later stages read again, an affine norm, scale 2."""
    image = keras.Input((None, None, 3))
    first = keras.layers.Conv2D(8, 5, padding="same", dilation_rate=2)(image)
    norm = InstanceNormalization()(first)
    second = InstanceNormalization(affine=True)(keras.layers.Conv2D(8, 3, padding="same")(keras.layers.ReLU()(norm)))
    x = keras.layers.Concatenate()([first, norm, second, image])
    x = keras.layers.UpSampling2D(2, interpolation="nearest")(x)
    return keras.Model(image, keras.layers.Conv2D(3, 3, padding="same", activation="tanh")(x))


NETWORKS = {
    "resnet": lambda: ResNetGenerator(width=8, blocks=2),
    "antialiased": lambda: ResNetGenerator(width=8, blocks=1, antialias=True),
    "unet": lambda: UNet(width=4, depth=4, norm="instance", dropout=0.0),
    "shared": shared_input,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_bands_equal_one_piece(name):
    network = livelier(NETWORKS[name]())
    image = picture(13 * 16, 3 * 16)
    whole = np.asarray(network(images.to_model(image[None])))[0]
    made = bands.Bands(network, getattr(network, "multiple", 1))(image, area=32 * image.shape[1])
    assert_same(made, whole)
    assert whole.std() > 0.1
    # With its own statistics the upper half would be another picture.
    alone = np.asarray(network(images.to_model(image[None, : 6 * 16])))[0]
    assert np.abs(alone - whole[: len(alone)])[: len(alone) // 2].mean() > 0.03


def assert_same(made, whole):
    """At most one grey level apart, and that in two values of a thousand: 1.6e-5 in [-1, 1] on average."""
    difference = np.abs(made.astype(int) - images.to_uint8(whole))
    assert made.shape == whole.shape
    assert difference.max() <= 1 and difference.mean() < 2e-3


def test_bands_are_small_and_compiled_once(monkeypatch):
    read, seen = bands._Store.read, []

    def spy(store, one, top, height):
        rows = read(store, one, top, height)
        pixels = rows.shape[1] // one.rows * 4 * store._image.shape[1]
        seen.append((pixels, len(store._files)))
        return rows

    monkeypatch.setattr(bands._Store, "read", spy)
    banded = bands.Bands(livelier(ResNetGenerator(width=4, blocks=3)), 4)
    fractions = []
    for height, width in ((400, 48), (96, 300)):
        banded(picture(height, width), area=20 * width, report=fractions.append)
    assert {pixels for pixels, _ in seen} == {20 * 48, 20 * 300}  # nothing is read whole
    assert max(files for _, files in seen) == 4  # a residual block's last stage reads two and makes two
    assert {compute.experimental_get_tracing_count() for compute in banded._compute} == {1}
    assert fractions[-1] == 1 and len(fractions) > 100 and min(np.diff(fractions[: len(fractions) // 2])) > 0


def test_room_on_the_disk(monkeypatch):
    network = ResNetGenerator(width=64, blocks=1)
    banded = bands.Bands(network, 4)
    # The input of the first and of the second norm: 64 channels, and 128 at half the size; 24 megapixels.
    assert banded._room(1000, 1500) == 4000 * 6000 * 4 * (64 + 128 / 4)
    monkeypatch.setattr(bands.shutil, "disk_usage", lambda folder: bands.shutil._ntuple_diskusage(1, 1, 1000))
    with pytest.raises(UserError, match=r"a picture of 32x64 needs 0.0 GB for temporary files in .*; set TMPDIR"):
        banded(picture(64, 32), 1000)
    monkeypatch.undo()

    def full(dir):
        return open("/dev/full", "r+b")

    monkeypatch.setattr(bands.tempfile, "TemporaryFile", full)
    with pytest.raises(UserError, match="cannot write temporary files in .*: No space left on device; set TMPDIR"):
        banded(picture(64, 32), 1000)


def test_conditions_reach_norms_and_other_layers():
    class Styled(InstanceNormalization):
        def build(self, inputs_shape, style_shape=None):
            super().build(inputs_shape)

        def call(self, inputs, style, statistics=None):
            return super().call(inputs, statistics) * (1 + style[:, None, None])

    image, style, alpha = keras.Input((None, None, 3)), keras.Input((8,)), keras.Input((1, 1, 1))
    x = Styled()(keras.layers.Conv2D(8, 3, padding="same")(image), style)
    x = keras.layers.ReLU()(x)
    x = Styled()(keras.layers.Conv2D(8, 3, padding="same")(x), style)
    x = keras.layers.Conv2D(3, 3, padding="same", activation="tanh")(x * alpha)
    network = livelier(keras.Model([image, style, alpha], x))
    values = [np.linspace(0, 1, 8, dtype=np.float32)[None], np.full((1, 1, 1, 1), 0.5, np.float32)]
    pixels = picture(100, 20)
    whole = np.asarray(network([images.to_model(pixels[None]), *values]))[0]
    assert_same(bands.Bands(network)(pixels, 20 * 20, values), whole)
    other = np.asarray(network([images.to_model(pixels[None]), -values[0], values[1]]))[0]
    assert np.abs(other - whole).mean() > 0.05


def test_models_inside_a_network_and_layers_called_twice():
    """Two models with layers of the same names, as AdaIN's encoder and decoder are."""
    parts = []
    for channels in (8, 3):
        image = keras.Input((None, None, 8 if parts else 3))
        x = keras.layers.Conv2D(8, 3, padding="same", name="convolution", activation="relu")(image)
        x = InstanceNormalization(name="norm")(x)
        norm, convolution = InstanceNormalization(), keras.layers.Conv2D(8, 3, padding="same")
        x = norm(convolution(norm(convolution(x))))
        parts.append(keras.Model(image, [x, keras.layers.Conv2D(channels, 3, padding="same")(x)]))
    image = keras.Input((None, None, 3))
    network = livelier(keras.Model(image, parts[1](parts[0](image)[1])[1]))
    pixels = picture(100, 20)
    whole = np.asarray(network(images.to_model(pixels[None])))[0]
    assert_same(bands.Bands(network)(pixels, 20 * 20), whole)


def test_what_cannot_be_cut_is_refused():
    image = keras.Input((None, None, 3))
    convolution = keras.layers.Conv2D(3, 3, padding="same")
    x = convolution(image)
    x = x + keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    with pytest.raises(ValueError, match="mixes the whole picture"):
        bands.Bands(keras.Model(image, InstanceNormalization()(x)))
    with pytest.raises(ValueError, match="normalizes the picture itself"):
        bands.Bands(keras.Model(image, InstanceNormalization()(image)))
    inner = keras.Input((None, None, 3))
    model = keras.Model(inner, InstanceNormalization()(keras.layers.Conv2D(3, 3, padding="same")(inner)))
    frames = keras.Input((None, None, None, 3))
    with pytest.raises(ValueError, match="nests instance norms in layers"):
        bands.Bands(keras.Model(frames, keras.layers.TimeDistributed(model)(frames)))
