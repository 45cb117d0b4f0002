"""Layer norm over whole images: by hand, in networks for phones, and over pictures that go through in bands."""

import numpy as np

from keras_gans.exporting import phone_layers
from keras_gans.layers.bilinear_upsample import BilinearUpsample
from keras_gans.layers.image_layer_normalization import ImageLayerNormalization
from keras_gans.networks.animegan import AnimeGANGenerator
from keras_gans.using import Translator

RANDOM = np.random.default_rng(0)


def test_by_hand():
    layer = ImageLayerNormalization()
    x = RANDOM.normal([0, 3], [1, 5], (2, 6, 4, 2)).astype("float32")
    layer.build(x.shape)
    layer.gamma.assign([2.0, -1.0])
    layer.beta.assign([0.5, 0.0])
    wanted = np.stack([(image - image.mean()) / image.std() for image in x]) * [2, -1] + [0.5, 0]
    for training in (False, True):
        np.testing.assert_allclose(layer(x, training=training), wanted, atol=1e-5)
    again = ImageLayerNormalization.from_config(layer.get_config())
    assert (again.affine, again.epsilon) == (True, 1e-12)


def test_upsampling_keeps_pixels_and_puts_means_behind_them():
    x = RANDOM.normal(size=(1, 3, 2, 1)).astype("float32")
    wanted = np.zeros((6, 4))
    for i, j in np.ndindex(6, 4):
        rows, columns = {i // 2, min((i + 1) // 2, 2)}, {j // 2, min((j + 1) // 2, 1)}
        wanted[i, j] = np.mean([x[0, a, b, 0] for a in rows for b in columns])
    np.testing.assert_allclose(BilinearUpsample()(x)[0, ..., 0], wanted, atol=1e-6)


def test_phones_and_bands_of_large_pictures_answer_the_same():
    network = AnimeGANGenerator(width=4, lite=True)
    for weight in network.trainable_weights:
        if len(weight.shape) == 1:  # scales and offsets that are not all alike
            weight.assign(np.asarray(weight) + RANDOM.normal(0, 0.3, weight.shape))
    picture = RANDOM.integers(0, 256, (12, 9, 3), np.uint8).repeat(16, 0).repeat(16, 1)
    inputs = (picture[None] / 127.5 - 1).astype("float32")
    whole = network(inputs)
    for mobile_gpu in (False, True):
        copy = phone_layers.rewritten(network, mobile_gpu)
        norms = [layer for layer in copy.layers if isinstance(layer, ImageLayerNormalization)]
        assert norms and all(norm.two_stage == mobile_gpu for norm in norms)
        np.testing.assert_allclose(copy(inputs), whole, atol=1e-4)
    made = Translator(network, tile=96)(picture)
    wanted = np.clip(np.round((np.asarray(whole)[0] + 1) * 127.5), 0, 255)
    difference = np.abs(made.astype(int) - wanted)
    assert difference.max() <= 1 and (difference > 0).mean() < 0.01
