"""Milliseconds and GFLOP/s of the 4x4 stride-2 convolutions of a DCGAN step: TensorFlow's kernels beside matrix products.

    python benchmarks/convolutions.py [--batch=64] [--repeats=20]

This is what the choices in `keras_gans/kernels/four_by_four.py` rest on.
"""

import os

import runs

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

LAYERS = [(32, 1, 64), (16, 64, 128), (8, 128, 256), (8, 256, 512), (16, 128, 256), (32, 1, 128)]  # size, channels, filters


def main():
    from keras_gans.cli import Flags

    flags = Flags()
    flags.integer("batch", 64, "images in a batch", 1)
    flags.integer("repeats", 20, "timed calls of each operation", 1)
    runs.parse(flags, __doc__)
    import tensorflow as tf

    from keras_gans.kernels import four_by_four

    print(
        "| type | size, channels, filters | operation | TensorFlow ms | product ms | TensorFlow GFLOP/s | product GFLOP/s |"
    )
    print("|---|---|---|---|---|---|---|")
    for dtype in (tf.float32, tf.bfloat16):
        for size, channels, filters in LAYERS:

            def variable(*shape, dtype=dtype):
                return tf.Variable(tf.cast(tf.random.normal(shape), dtype))

            x, kernel = variable(flags.batch, size, size, channels), variable(4, 4, channels, filters)
            y = variable(flags.batch, size // 2, size // 2, filters)
            gflop = 2 * flags.batch * (size // 2) ** 2 * 16 * channels * filters / 1e9
            pairs = {
                "input gradient": (
                    lambda: tf.nn.conv2d_transpose(y, kernel, x.shape, 2, "SAME"),
                    lambda: four_by_four._fold(tf.convert_to_tensor(y), tf.convert_to_tensor(kernel)),
                ),
                "filter gradient": (
                    lambda: tf.raw_ops.Conv2DBackpropFilter(
                        input=x, filter_sizes=kernel.shape, out_backprop=y, strides=[1, 2, 2, 1], padding="SAME"
                    ),
                    lambda: four_by_four._filter_product(tf.convert_to_tensor(x), tf.convert_to_tensor(y)),
                ),
            }
            for name, functions in pairs.items():
                ms = [_milliseconds(function, flags.repeats) for function in functions]
                rates = [f"{gflop / m * 1e3:.0f}" for m in ms]
                print(
                    f"| {dtype.name} | {size}, {channels}, {filters} | {name} | {ms[0]:.1f} | {ms[1]:.1f} | "
                    f"{rates[0]} | {rates[1]} |",
                    flush=True,
                )


def _milliseconds(function, repeats):
    import tensorflow as tf

    compiled = tf.function(lambda: tf.reduce_sum(function()[:1, :1]), autograph=False)
    return runs.milliseconds(lambda: compiled().numpy(), repeats)


if __name__ == "__main__":
    main()
