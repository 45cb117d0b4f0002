"""ADA as a whole: identity, gradients, compilation, its controller, its state."""

import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.augment.ada import ADA, TRANSFORMS, parse_pipe, transform
from keras_gans.errors import UserError
from keras_gans.registry import AUGMENTS

SEED = tf.constant([3, 5], tf.int32)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def test_pipes():
    assert parse_pipe("blit") == ("xflip", "rotate90", "xint")
    bgc = (
        "xflip",
        "rotate90",
        "xint",
        "scale",
        "rotate",
        "aniso",
        "xfrac",
        "brightness",
        "contrast",
        "lumaflip",
        "hue",
        "saturation",
    )
    assert parse_pipe("bgc") == bgc
    assert parse_pipe("bgcfnc") == TRANSFORMS == (*bgc, "imgfilter", "noise", "cutout")
    assert parse_pipe("noise+xflip+color") == ("xflip", *bgc[7:], "noise")
    assert AUGMENTS.create("ada:pipe=bgcf").transforms == (*bgc, "imgfilter")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("ada:pipe=bcg", "pipe='bcg' has no part 'bcg'; known: bg, bgc, .*did you mean 'bg"),
        ("ada:pipe=blit+hues", "has no part 'hues'.*did you mean 'hue'"),
        ("ada:p=1.5", "p=1.5 should be from 0 to 1"),
        ("ada:target=2", "target=2.0 should be between -1 and 1"),
        ("ada:interval=0", "interval=0 should be a whole number of at least 1"),
        ("ada:ada_kimg=0", "ada_kimg=0.0 should be above 0"),
    ],
)
def test_mistakes(spec, message):
    with pytest.raises(UserError, match=message) as error:
        AUGMENTS.create(spec)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("shape", [(4, 16, 16, 1), (4, 16, 24, 3), (2, 9, 9, 5)])
def test_probability_zero(shape):
    images = noise(*shape)
    np.testing.assert_array_equal(ADA("bgcfnc")(images, seed=SEED), images)
    # So does the pipeline itself when nothing happens in it: the filters reconstruct perfectly.
    np.testing.assert_allclose(transform(images, TRANSFORMS, SEED, 0.0), images, rtol=0, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_each_transformation(name, channels):
    """Acts on some images and not on others, and anew with each seed."""
    images = np.repeat(noise(1, 16, 16, channels), 64, axis=0)
    ada = ADA(name, p=0.3)
    result = ada(images, seed=SEED).numpy()
    changed = np.abs(result - images).max(axis=(1, 2, 3)) > 1e-4
    if name in ("hue", "saturation") and channels != 3:
        assert not changed.any()
        return
    assert 0.03 < changed.mean() < 0.9
    assert np.isfinite(result).all()
    np.testing.assert_array_equal(ada(images, seed=SEED), result)
    assert np.abs(ada(images, seed=SEED + 1) - result).max() > 0.1


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("pipe", ["blit", "bgcfnc"])
def test_compiled(pipe, channels):
    images, ada = noise(16, 9, 12, channels), ADA(pipe, p=0.6)
    compiled = tf.function(lambda x, seed: ada(x, seed=seed), jit_compile=True)
    np.testing.assert_allclose(compiled(images, SEED), ada(images, seed=SEED), rtol=0, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_dtype_stays(dtype):
    images = noise(8, 16, 16, 3)
    result = ADA("bgcfnc", p=0.7)(tf.cast(images, dtype), seed=SEED)
    assert result.dtype == dtype
    exact = transform(tf.cast(tf.cast(images, dtype), "float32"), TRANSFORMS, SEED, 0.7)
    np.testing.assert_allclose(tf.cast(result, "float32"), exact, rtol=0.01, atol=0.01)


def test_unknown_batch_size():
    images = noise(6, 8, 8, 3)
    ada = ADA("bgcfnc", p=0.7)
    function = tf.function(lambda x: ada(x, seed=SEED), input_signature=[tf.TensorSpec([None, 8, 8, 3])])
    np.testing.assert_allclose(function(images), ada(images, seed=SEED), rtol=0, atol=1e-4)


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("spec", ["ada:pipe=bgcfnc,p=0.8", "ada:pipe=blit,p=0.8", "diffaugment"])
def test_gradients(spec, jit):
    """First and second order are those of a critic behind y = A x + b, with A and b measured.

    The critic is D(x) = v . tanh(W y), so that dD/dx = A' W' (v (1 - tanh^2)); the penalty |dD/dx|^2 is differentiated
    in NumPy by central differences in float64.
    """
    augment = AUGMENTS.create(spec)
    image = noise(1, 6, 6, 1)
    pixels = 36
    apply = tf.function(lambda x: tf.reshape(augment(x, seed=SEED), [pixels]))
    offset = apply(np.zeros_like(image)).numpy()
    basis = np.eye(pixels, dtype=np.float32).reshape(pixels, 1, 6, 6, 1)
    matrix = np.stack([apply(one).numpy() - offset for one in basis], axis=1).astype(np.float64)
    inner, outer = noise(5, pixels, seed=1) / 2, noise(5, seed=2)

    def gradient_and_penalty_gradient(x):
        with tf.GradientTape() as second:
            second.watch(x)
            with tf.GradientTape() as first:
                first.watch(x)
                hidden = tf.tanh(tf.reshape(augment(x, seed=SEED), [1, pixels]) @ inner.T)
                logit = tf.reduce_sum(hidden * outer)
            gradient = first.gradient(logit, x)
            penalty = tf.reduce_sum(gradient**2)
        return gradient, second.gradient(penalty, x)

    def by_hand(x):
        hidden = np.tanh(inner @ (matrix @ x + offset))
        return matrix.T @ (inner.T @ (outer * (1 - hidden**2)))

    x = image.ravel().astype(np.float64)
    step = 1e-5
    expected = np.array(
        [(np.sum(by_hand(x + step * e) ** 2) - np.sum(by_hand(x - step * e) ** 2)) / (2 * step) for e in np.eye(pixels)]
    )
    gradient, second = tf.function(gradient_and_penalty_gradient, jit_compile=jit)(tf.constant(image))
    scale = np.abs(by_hand(x)).max(), np.abs(expected).max()
    assert min(scale) > 1e-3
    np.testing.assert_allclose(gradient.numpy().ravel(), by_hand(x), rtol=0, atol=1e-4 * scale[0])
    np.testing.assert_allclose(second.numpy().ravel(), expected, rtol=0, atol=1e-3 * scale[1])


def test_controller():
    """By hand: interval 2, 10 images a turn, 1 kimg: p moves by 20 / 1000 with the sign of the mean of two turns."""
    ada = ADA(target=0.6, interval=2, ada_kimg=1)
    update = tf.function(ada.update)
    turns = [  # positive logits of ten; p and the mean sign after the turn
        (10, 0.0, 0.0),
        (9, 0.02, 0.9),  # signs 1 and 0.8
        (9, 0.02, 0.9),
        (10, 0.04, 0.9),
        (6, 0.04, 0.9),
        (7, 0.02, 0.3),  # signs 0.2 and 0.4
        (0, 0.02, 0.3),
        (0, 0.0, -1.0),
        (0, 0.0, -1.0),
        (0, 0.0, -1.0),  # not below 0
        (9, 0.0, -1.0),
        (7, 0.0, 0.6),  # signs 0.8 and 0.4: at the target
    ]
    for turn, (positive, p, real_sign) in enumerate(turns):
        logits = tf.constant([[3.0]] * positive + [[-0.1]] * (10 - positive))
        logs = update(logits)
        np.testing.assert_allclose([logs["augment_p"], logs["real_sign"]], [p, real_sign], atol=1e-6, err_msg=str(turn))
    assert float(tf.convert_to_tensor(ada.p)) == float(logs["augment_p"])


def test_controller_beyond_one():
    """p has no upper bound, as in the original; patches count one by one, and 0 is neither sign."""
    ada = ADA(p=1.0, target=0.3, interval=1, ada_kimg=0.004)
    patches = tf.constant([[1.0, 2.0, 0.0], [0.5, -1.0, 0.0]])[:, :, None]
    logs = ada.update(patches)
    np.testing.assert_allclose([logs["augment_p"], logs["real_sign"]], [1.5, 2 / 6], rtol=1e-6)
    images = noise(4, 8, 8, 3)
    np.testing.assert_allclose(ada(images, seed=SEED), transform(images, ada.transforms, SEED, 1.0), rtol=0, atol=1e-5)


def test_fixed_probability():
    ada = AUGMENTS.create("ada:p=0.25,adaptive=false,interval=1,ada_kimg=0.001")
    assert float(ada.update(tf.ones([4, 1]))["augment_p"]) == 0.25


def test_state_is_saved(tmp_path):
    def build():
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.augment = ADA(interval=3, ada_kimg=1)
        return model

    one, two = build(), build()
    for _ in range(4):
        one.augment.update(tf.ones([5, 1]))
    one.save_weights(tmp_path / "one.weights.h5")
    two.load_weights(tmp_path / "one.weights.h5")
    for _ in range(2):
        logs = [model.augment.update(tf.ones([5, 1])) for model in (one, two)]
    assert logs[0] == logs[1] and float(logs[1]["augment_p"]) == pytest.approx(2 * 15 / 1000)
    assert not one.augment.trainable_variables


TWO_REPLICAS = """
import numpy as np
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from keras_gans.registry import AUGMENTS

strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
images = np.random.default_rng(0).uniform(-1, 1, (6, 8, 8, 3)).astype(np.float32)
logits = np.array([[1], [1], [1], [-1], [1], [1]], np.float32)
seed = tf.constant([3, 5])

def rows(values):
    take = lambda context: tf.constant(values[context.replica_id_in_sync_group :: 2])
    return strategy.experimental_distribute_values_from_function(take)

for spec in ("ada:pipe=bgcfnc,p=0.7,interval=2,ada_kimg=1", "diffaugment"):
    one = AUGMENTS.create(spec)
    with strategy.scope():
        many = AUGMENTS.create(spec)
    seen = strategy.run(tf.function(lambda x: many(x, seed=seed)), args=(rows(images),))
    seen = np.stack(strategy.experimental_local_results(seen), axis=1).reshape(images.shape)
    np.testing.assert_allclose(seen, one(images, seed=seed), rtol=0, atol=2e-5)
    if spec == "diffaugment":
        continue
    for _ in range(3):
        logs = strategy.run(tf.function(many.update), args=(rows(logits),))
        for name, value in one.update(logits).items():
            np.testing.assert_allclose(strategy.experimental_local_results(logs[name]), [value] * 2, rtol=1e-6)
    np.testing.assert_allclose(one.p, 0.7 + 2 * 6 / 1000, rtol=1e-6)  # E[sign] = 2 / 3
"""


def test_two_replicas_see_what_one_sees():
    root = pathlib.Path(__file__).parents[2]
    words = [sys.executable, "-c", TWO_REPLICAS]
    process = subprocess.run(words, cwd=root, capture_output=True, text=True, timeout=300)
    assert process.returncode == 0, process.stderr[-2000:]
