"""Milliseconds of a modulated convolution with its gradients, in the forms that it can take.

    python benchmarks/modulated_convolution.py [--batch=16] [--repeats=10] [--jit] [--types=float32 --types=bfloat16]

- scaled: one convolution for all images, whose inputs and outputs are scaled (`keras_gans.layers.modulated_convolution`);
- grouped: a kernel for each image, one convolution in as many groups (the authors' fused form). TensorFlow has no gradient
  of it on a CPU, so there it is compiled by XLA;
- loop: a kernel for each image, one convolution after the other.

All with demodulation, 3x3, the gradients with respect to images, kernel and styles; the shapes are those of the recipe at 32
pixels and of the authors' network at 64 to 256. --jit compiles all by XLA. On a GPU the same command prints its table.
"""

import os

import runs

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

SHAPES = [(32, 32, 32), (16, 64, 64), (64, 64, 64), (256, 64, 64)]  # size, channels, filters


def forms():
    """Returns {name: function of images, kernel and styles}."""
    import tensorflow as tf

    from keras_gans.layers.modulated_convolution import modulated_convolution

    def kernels(kernel, styles, dtype):
        own = kernel[None] * styles[:, None, None, :, None]
        return tf.cast(own * tf.math.rsqrt(tf.reduce_sum(own**2, axis=(1, 2, 3), keepdims=True) + 1e-8), dtype)

    def grouped(images, kernel, styles):
        batch, height, width, channels = images.shape
        own = tf.reshape(tf.transpose(kernels(kernel, styles, images.dtype), [1, 2, 3, 0, 4]), [3, 3, channels, -1])
        side_by_side = tf.reshape(tf.transpose(images, [1, 2, 0, 3]), [1, height, width, batch * channels])
        outputs = tf.reshape(tf.nn.conv2d(side_by_side, own, 1, "SAME"), [height, width, batch, -1])
        return tf.transpose(outputs, [2, 0, 1, 3])

    def loop(images, kernel, styles):
        own = tf.unstack(kernels(kernel, styles, images.dtype))
        return tf.concat([tf.nn.conv2d(image[None], part, 1, "SAME") for image, part in zip(tf.unstack(images), own)], 0)

    return {"scaled": lambda *inputs: modulated_convolution(*inputs, training=True), "grouped": grouped, "loop": loop}


def milliseconds(form, dtype, batch, size, channels, filters, jit, repeats):
    """Returns the median over `repeats` calls, and the outputs' sum of squares."""
    import tensorflow as tf

    images = tf.Variable(tf.cast(tf.random.stateless_normal([batch, size, size, channels], [1, 1]), dtype))
    kernel = tf.Variable(tf.random.stateless_normal([3, 3, channels, filters], [1, 2]))
    styles = tf.Variable(tf.random.stateless_normal([batch, channels], [1, 3]))

    @tf.function(autograph=False, jit_compile=jit)
    def call():
        inputs = [tf.convert_to_tensor(value) for value in (images, kernel, styles)]
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            square = tf.reduce_sum(tf.cast(form(*inputs), tf.float32) ** 2)
        return square, [tf.reduce_sum(tf.cast(slope, tf.float32)) for slope in tape.gradient(square, inputs)]

    return runs.milliseconds(lambda: [float(part) for part in call()[1]], repeats), float(call()[0])


def main():
    from keras_gans.cli import Flags

    flags = Flags()
    flags.integer("batch", 16, "images in a batch", 1)
    flags.integer("repeats", 10, "timed calls of each", 1)
    flags.boolean("jit", False, "compile all by XLA")
    flags.strings("types", ["float32", "bfloat16"], "of the images: float32, bfloat16, float16")
    flags.strings("forms", [], "scaled, grouped, loop; default: all")
    flags.integer("largest", 256, "leave out larger images", 1)
    runs.parse(flags, __doc__)
    import tensorflow as tf

    gpu = bool(tf.config.list_physical_devices("GPU"))
    table = {name: form for name, form in forms().items() if not flags.forms or name in flags.forms}
    print(f"| type | size, channels, filters | {' | '.join(f'{name} ms' for name in table)} |")
    print("|---" * (len(table) + 2) + "|")
    for dtype in flags.types:
        for shape in SHAPES:
            if shape[0] > flags.largest:
                continue
            cells, expected = [], None
            for name, form in table.items():
                jit = flags.jit or (name == "grouped" and not gpu)
                taken, value = milliseconds(form, dtype, flags.batch, *shape, jit, flags.repeats)
                expected = expected or value
                assert abs(value / expected - 1) < 0.02, (name, value, expected)
                cells.append(f"{taken:.1f}")
            print(f"| {dtype} | {', '.join(map(str, shape))} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
