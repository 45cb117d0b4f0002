"""Milliseconds of CUT's resampling and reflection with their gradients, in the ways that TensorFlow offers.

    taskset -c 0 python benchmarks/resampling.py [--batch=1] [--repeats=10]

For [1, 2, 1] and every other pixel: two average pools (`keras_gans.layers.antialias`), a depthwise convolution, a sum of
shifted images with strides. For doubling by [1, 3, 3, 1]: bilinear resizing (the same module), a sum of shifted images that
are stacked. For a border of one reflected pixel: slices put together (`keras_gans.kernels.reflect`), TensorFlow's padding. The
shapes are those of CUT's generator at 256x256 pixels, and smaller ones of AdaIN's. All ways of a row must agree.
"""

import os

import runs

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

SHAPES = {  # size, channels
    "halved": [(256, 128), (128, 256)],
    "doubled": [(64, 256), (128, 128)],
    "reflected": [(256, 64), (64, 256), (64, 64), (16, 256)],
}


def ways(channels, dtype):
    """Returns {name: function of images} for each of `SHAPES`; ours comes first."""
    import numpy as np
    import tensorflow as tf

    from keras_gans import kernels
    from keras_gans.layers.antialias import BlurDownsample, BlurUpsample

    taps = np.outer([1, 2, 1], [1, 2, 1])[..., None, None] / 16
    kernel = tf.constant(np.repeat(taps, channels, axis=2), dtype)

    def reflected(images):
        return tf.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT")

    def depthwise(images):
        return tf.nn.depthwise_conv2d(reflected(images), kernel, [1, 2, 2, 1], "VALID")

    def strided(images):
        x = reflected(images)
        x = x[:, :-2:2] + 2 * x[:, 1:-1:2] + x[:, 2::2]
        return (x[:, :, :-2:2] + 2 * x[:, :, 1:-1:2] + x[:, :, 2::2]) / 16

    def stacked(images):
        for axis in (1, 2):
            size = images.shape[axis]
            before, after = (tf.gather(images, np.clip(np.arange(size) + step, 0, size - 1), axis=axis) for step in (-1, 1))
            shape = [side * (1 + (index == axis)) for index, side in enumerate(images.shape)]
            images = tf.reshape(tf.stack([0.75 * images + 0.25 * before, 0.75 * images + 0.25 * after], axis + 1), shape)
        return images

    return {
        "halved": {"average pools": BlurDownsample(dtype=dtype), "depthwise": depthwise, "strided slices": strided},
        "doubled": {"bilinear": BlurUpsample(dtype=dtype), "stacked": stacked},
        "reflected": {"slices": lambda images: kernels.reflect(images, (1, 1)), "padding": reflected},
    }


def milliseconds(way, images, repeats):
    """Returns the median over `repeats` calls, and the output."""
    import tensorflow as tf

    @tf.function(autograph=False)
    def call():
        x = tf.convert_to_tensor(images)
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = way(x)
            square = tf.reduce_sum(tf.cast(outputs, tf.float32) ** 2)
        return outputs, tf.reduce_sum(tf.cast(tape.gradient(square, x), tf.float32))

    return runs.milliseconds(lambda: float(call()[1]), repeats), tf.cast(call()[0], tf.float32).numpy()


def main():
    from keras_gans.cli import Flags

    flags = Flags()
    flags.integer("batch", 1, "images in a batch", 1)
    flags.integer("repeats", 10, "timed calls of each", 1)
    runs.parse(flags, __doc__)
    import numpy as np
    import tensorflow as tf

    print("| type | size, channels | | ms |\n|---|---|---|---|")
    for dtype in ("float32", "bfloat16"):
        for kind, shapes in SHAPES.items():
            for size, channels in shapes:
                images = tf.Variable(tf.cast(tf.random.stateless_normal([flags.batch, size, size, channels], [1, 1]), dtype))
                expected = None
                for name, way in ways(channels, dtype)[kind].items():
                    taken, outputs = milliseconds(way, images, flags.repeats)
                    expected = outputs if expected is None else expected
                    np.testing.assert_allclose(outputs, expected, atol=1e-5 if dtype == "float32" else 0.05)
                    what = f"{kind}: {name}"
                    print(f"| {dtype} | {size}, {channels} | {what} | {taken:.1f} |", flush=True)


if __name__ == "__main__":
    main()
