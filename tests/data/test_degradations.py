import io
import itertools
import math

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageDraw

from keras_gans import data
from keras_gans.data import degradations
from keras_gans.data.degradations import DEGRADATIONS
from keras_gans.errors import UserError

RNG = np.random.default_rng(0)


def degrade(spec, image, count=1):
    """Returns `count` degraded versions of an image, uint8 [count, h, w, c], each with its own seed."""
    degradation = DEGRADATIONS.create(spec)
    seeds = tf.stack([tf.range(count), tf.fill([count], 7)], axis=1)
    shape = degradation.input_shape(image.shape)
    run = tf.function(
        lambda image, seeds: tf.map_fn(
            lambda seed: degradation(image, seed), seeds, fn_output_signature=tf.TensorSpec(shape, tf.uint8)
        )
    )
    return run(tf.constant(image), seeds).numpy()


def flat(value, size=64, channels=3):
    return np.full([size, size, channels], value, np.uint8)


def scene(size=64):
    """A picture with shades, edges and fine lines in several colours."""
    y, x = np.mgrid[:size, :size] / size
    red = 128 + 90 * np.sin(5 * x + 2 * y)
    green = np.where((x - 0.5) ** 2 + (y - 0.4) ** 2 < 0.1, 220, 60) + 30 * y
    blue = 128 + 60 * np.sin(40 * x * y) + 40 * (x > 0.7)
    return np.clip(np.stack([red, green, blue], axis=-1), 0, 255).astype(np.uint8)


def psnr(one, other):
    return 10 * np.log10(255**2 / np.mean((one.astype(float) - other.astype(float)) ** 2))


# Strengths. A sample deviation of n draws has the standard error 1 / sqrt(2 n); each bound is 5 of them and more.


@pytest.mark.parametrize("sigma", [10, 25])
def test_noise_has_its_standard_deviation(sigma):
    residual = degrade(f"noise:sigma={sigma}", flat(128), 4).astype(float) - 128
    np.testing.assert_allclose(residual.std(axis=(1, 2, 3)), np.sqrt(sigma**2 + 1 / 12), rtol=0.033)
    np.testing.assert_allclose(residual.mean(axis=(1, 2, 3)), 0, atol=sigma * 0.046)
    assert abs(np.corrcoef(residual[..., 0].ravel(), residual[..., 1].ravel())[0, 1]) < 0.04  # each channel its own


def test_noise_of_a_range_is_drawn_for_each_image():
    spread = degrade("noise:low=10,high=40", flat(128, 32), 100).std(axis=(1, 2, 3))
    assert 9 < spread.min() < 13 and 37 < spread.max() < 42
    assert 22 < spread.mean() < 28  # 25 and 5.8 standard errors of 0.87 (and of the measurement)


@pytest.mark.parametrize("peak", [30, 100])
def test_poisson_counts_photons(peak):
    value = 100
    noisy = degrade(f"poisson:peak={peak}", flat(value), 1).astype(float)
    photons = value / 255 * peak
    np.testing.assert_allclose(noisy.mean(), value, atol=1.5)
    np.testing.assert_allclose(noisy.std(), 255 / peak * math.sqrt(photons), rtol=0.04)
    skewness = np.mean((noisy - noisy.mean()) ** 3) / noisy.std() ** 3
    np.testing.assert_allclose(skewness, photons**-0.5, atol=0.11)  # not Gaussian, whose skewness is 0
    assert len(np.unique(noisy)) < peak  # whole photons


def test_poisson_keeps_black():
    assert not degrade("poisson", flat(0)).any()


def jpeg(image, quality):
    out = io.BytesIO()
    Image.fromarray(image).save(out, "JPEG", quality=quality)
    return np.asarray(Image.open(out))


def test_jpeg_is_that_of_pillow():
    for quality in (10, 30, 90):
        found = degrade(f"jpeg:low={quality},high={quality}", scene())[0]
        difference = np.abs(found.astype(int) - jpeg(scene(), quality))
        assert difference.mean() < 0.5 and difference.max() <= 8  # two builds of libjpeg upsample the colours


def test_jpeg_quality_is_drawn_from_its_range():
    worst, best = psnr(jpeg(scene(), 10), scene()), psnr(jpeg(scene(), 40), scene())
    found = np.array([psnr(image, scene()) for image in degrade("jpeg:low=10,high=40", scene(), 100)])
    assert worst - 0.2 < found.min() < worst + 1 and best - 1 < found.max() < best + 0.2
    every = {image.tobytes() for image in degrade("jpeg:low=10,high=13", scene(), 100)}
    assert len(every) == 4  # both ends included
    assert degrade("jpeg", flat(9, 16, 1)).shape == (1, 16, 16, 1)


@pytest.mark.parametrize("spec, scale", [("downscale", 4), ("downscale4", 4), ("downscale2", 2), ("downscale:scale=3", 3)])
def test_downscale_is_pillows_bicubic(spec, scale):
    for image in (scene(48), RNG.integers(0, 256, [48, 48, 3], np.uint8)):
        wanted = Image.fromarray(image).resize((48 // scale, 48 // scale), Image.Resampling.BICUBIC)
        difference = np.abs(degrade(spec, image)[0].astype(int) - np.asarray(wanted))
        assert difference.max() <= 1 and difference.mean() < 0.3  # Pillow rounds after each of its two passes


def test_gray_is_pillows_luma():
    image = RNG.integers(0, 256, [64, 64, 3], np.uint8)
    difference = np.abs(degrade("gray", image)[0, ..., 0].astype(int) - np.asarray(Image.fromarray(image).convert("L")))
    assert difference.max() <= 1 and difference.mean() < 0.01


def test_blind_strengths_vary():
    found = np.array([psnr(image, scene()) for image in degrade("blind", scene(), 100)])
    assert 13 < found.min() < 20 and 27 < found.max() < 36
    gentle = [psnr(image, scene()) for image in degrade("blind:sigma=0,peak=1e6,quality=95", scene(), 5)]
    np.testing.assert_allclose(gentle, psnr(jpeg(scene(), 95), scene()), atol=1)


# Masks


@pytest.mark.parametrize(
    "spec, low, high",
    [
        ("mask", 0.1, 0.4),
        ("mask:shape=box", 0.1, 0.4),
        ("mask:shape=both,low=0.2,high=0.3", 0.2, 0.3),
        ("mask:shape=free,low=0.5,high=0.52", 0.5, 0.52),
    ],
)
def test_share_of_missing_pixels_is_bounded(spec, low, high):
    image = scene()
    found = degrade(spec, image, 200)
    missing = found[..., 3] == 255
    assert set(np.unique(found[..., 3])) == {0, 255}
    np.testing.assert_array_equal(found[missing][:, :3], 127)
    np.testing.assert_array_equal(found[~missing][:, :3], np.broadcast_to(image, [200, 64, 64, 3])[~missing])
    share = missing.mean(axis=(1, 2))
    rounding = 0.02 if "bo" in spec else 0  # the sides of a box are whole pixels
    assert low - rounding <= share.min() < low + 0.3 * (high - low)
    assert high - 0.3 * (high - low) < share.max() <= high + rounding
    assert low + 0.3 * (high - low) < share.mean() < high


def is_box(mask):
    rows, columns = mask.any(axis=1).nonzero()[0], mask.any(axis=0).nonzero()[0]
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()


def test_boxes_and_strokes():
    masks = {shape: degrade(f"mask:shape={shape}", scene(), 200)[..., 3] > 0 for shape in ("free", "box", "both")}
    boxes = {shape: np.array([is_box(mask) for mask in found]) for shape, found in masks.items()}
    assert boxes["box"].all() and not boxes["free"].any()
    assert 65 < boxes["both"].sum() < 135  # 200 coins: 5 standard deviations
    sides = np.array([(mask.any(axis=1).sum(), mask.any(axis=0).sum()) for mask in masks["box"]])
    aspect = sides[:, 0] / sides[:, 1]
    assert 0.45 < aspect.min() < 0.6 and 1.65 < aspect.max() < 2.2
    for shape in ("free", "box"):  # every part of the picture is missing now and then, and no half more often
        often = masks[shape].mean(axis=0).reshape(8, 8, 8, 8).mean(axis=(1, 3))
        assert often.min() > 0.005 and often.max() < 0.75
        for halves in (often[:4], often[4:]), (often[:, :4], often[:, 4:]):
            np.testing.assert_allclose(halves[0].mean(), halves[1].mean(), rtol=0.25)


def pillow_stroke(size):
    """Algorithm 1 of Yu et al. 2019 with a brush of Pillow's."""
    mask = Image.new("L", (size, size))
    pen, diagonal = ImageDraw.Draw(mask), math.hypot(size, size)
    width = RNG.uniform(12, 40) * size / 256
    middle, spread = 2 * math.pi / 5, 2 * math.pi / 15
    low, high = middle - RNG.uniform(0, spread), middle + RNG.uniform(0, spread)
    x, y = RNG.uniform(0, size, 2)
    for line in range(RNG.integers(4, 12)):
        angle = RNG.uniform(low, high) * (-1 if line % 2 == 0 else 1)
        length = np.clip(RNG.normal(diagonal / 8, diagonal / 16), 0, diagonal / 4)
        end = x + length * math.cos(angle), y + length * math.sin(angle)
        pen.line([(x, y), end], fill=1, width=round(width))
        for point in ((x, y), end):
            pen.ellipse([part + sign * width / 2 for sign in (-1, 1) for part in point], fill=1)
        x, y = end
    if RNG.random() < 0.5:
        mask = mask.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return np.asarray(mask)


def test_a_stroke_covers_what_pillows_does():
    @tf.function
    def strokes(seeds):
        return tf.map_fn(lambda seed: degradations.stroke((128, 128), seed), seeds, fn_output_signature=tf.bool)

    ours = strokes(tf.stack([tf.range(400), tf.zeros(400, tf.int32)], axis=1)).numpy()
    theirs = np.stack([pillow_stroke(128) for _ in range(400)])
    ours, theirs = ours.mean(axis=(1, 2)), theirs.mean(axis=(1, 2))
    error = math.hypot(ours.std() / 20, theirs.std() / 20)
    assert abs(ours.mean() - theirs.mean()) < 5 * error and error < 0.06 * theirs.mean()
    np.testing.assert_allclose(ours.std(), theirs.std(), rtol=0.25)


# In the pipeline


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("scenes")
    for number in range(5):
        Image.fromarray(np.roll(scene(24), number, axis=1)).save(path / f"{number}.png")
    return path


def take(dataset, count):
    return [np.stack(side) for side in zip(*itertools.islice(dataset.as_numpy_iterator(), count), strict=True)]


@pytest.mark.parametrize(
    "spec, shape",
    [("downscale", (6, 6, 3)), ("noise", (24, 24, 3)), ("mask:shape=both", (24, 24, 4)), ("gray", (24, 24, 1))],
)
def test_pairs_of_degraded_images(folder, spec, shape):
    source = data.open_source(f"folder:{folder}", image_size=24, split="all", degrade=spec)
    assert (source.kind, source.input_shape, source.image_shape) == ("paired", shape, (24, 24, 3))
    plain = data.open_source(f"folder:{folder}", image_size=24, split="all")
    inputs, images = take(source.stream(3), 10)
    assert inputs.shape == (10, *shape) and inputs.dtype == np.uint8
    np.testing.assert_array_equal(images, take(plain.stream(3), 10)[0])  # the same order as without
    first, second = next(data.batches(source, 10, 3).as_numpy_iterator())
    np.testing.assert_array_equal(first, inputs / np.float32(127.5) - 1)
    np.testing.assert_array_equal(second, images / np.float32(127.5) - 1)


def test_drawn_anew_each_epoch_but_fixed_in_order(folder):
    source = data.open_source(f"folder:{folder}", image_size=24, split="all", degrade="noise")
    inputs, images = take(source.stream(3), 20)
    for number in range(5):
        same = [image for image, target in zip(inputs, images) if (target == images[number]).all()]
        assert len({image.tobytes() for image in same}) == 4
    in_order = take(source.in_order(), 9)
    for one, other in zip(in_order, take(source.in_order(), 9), strict=True):
        np.testing.assert_array_equal(one, other)
    noise = (in_order[0].astype(int) - in_order[1]).reshape(5, -1)
    assert len(noise) == 5 and np.abs(np.corrcoef(noise) - np.eye(5)).max() < 0.2  # each image has noise of its own


def test_images_are_mirrored_before_they_are_degraded(folder):
    source = data.open_source(f"folder:{folder}", image_size=24, degrade="downscale2")
    inputs, images = next(data.batches(source, 30, 3, flip=True).as_numpy_iterator())
    restored = np.repeat(np.repeat(inputs, 2, axis=1), 2, axis=2)
    near, far = (np.abs(restored - other).mean(axis=(1, 2, 3)) for other in (images, images[:, :, ::-1]))
    assert (near < far).all()


@pytest.mark.parametrize(
    "spec, message",
    [
        ("blur", "unknown degradation 'blur'; known: blind, downscale, downscale2, downscale4, gray, jpeg, mask, noise, p"),
        ("noise:sigma=0", "sigma should be from 0 to 255 grey levels, not 0"),
        ("noise:low=30,high=20", "low=30.0 and high=20.0 should be in order and from 0 to 255"),
        ("noise:strength=3", "degradation 'noise' has no argument 'strength'; it takes: sigma, low, high"),
        ("poisson:peak=0", "peak should be positive, not 0"),
        ("jpeg:low=0", "low=0 and high=40 should be in order and from 1 to 100"),
        ("jpeg:low=50", "low=50 and high=40 should be in order and from 1 to 100"),
        ("blind:quality=99", "quality from 1 to 95"),
        ("downscale:scale=1", "scale should be an integer of at least 2, not 1"),
        ("downscale:scale=2.5", "scale should be an integer of at least 2, not 2.5"),
        ("downscale:scale=5", "images of 24x24 cannot be made 5 times smaller; take an --image_size that is a multiple"),
        ("mask:shape=star", "shape should be free, box or both, not star"),
        ("mask:low=0.5,high=0.4", "low=0.5 and high=0.4 should be in order and from 0 to 1"),
        ("mask:low=0.4", "low=0.4 should be below high=0.4"),
    ],
)
def test_mistakes_end_in_one_line(folder, spec, message):
    with pytest.raises(UserError, match=message) as error:
        data.open_source(f"folder:{folder}", image_size=24, degrade=spec)
    assert "\n" not in str(error.value)


def test_colour_is_not_learnt_from_grey(folder):
    with pytest.raises(UserError, match="the images are grey already; colour is learnt from colour images"):
        data.open_source(f"folder:{folder}", image_size=24, channels=1, degrade="gray")
