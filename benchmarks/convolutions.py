"""Milliseconds and GFLOP/s of convolutions that networks here train with: TensorFlow's kernels beside this package's.

    python benchmarks/convolutions.py [--kinds=four_by_four --kinds=winograd] [--types=float32] [--repeats=20]

`four_by_four`: with stride 2, of a DCGAN at batch 64; `few_pixels`: the same, of pix2pix's inner layers; `winograd`: 3x3
between many channels, of BigGAN, FastGAN and VGG; `depthwise`: of EfficientNet-Lite0 at batch 16 (by themselves; losses
differentiate them with respect to the image).
"""

import functools
import os

import runs

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as in this package's commands

# Kind -> batch, size of the kernel, stride; and of each layer: pixels a side, channels, filters.
LAYERS = {
    "four_by_four": (64, 4, 2, [(32, 1, 64), (16, 64, 128), (8, 128, 256), (8, 256, 512), (16, 128, 256), (32, 1, 128)]),
    "few_pixels": (1, 4, 2, [(2, 512, 512), (8, 512, 512), (16, 256, 512), (4, 256, 256), (16, 128, 256)]),
    "winograd": (4, 3, 1, [(128, 128, 128), (64, 128, 128), (64, 128, 256), (32, 256, 256), (16, 512, 512)]),
    "depthwise": (16, 3, 2, [(56, 96, 96), (28, 240, 240)]),
}


def main():
    from keras_gans.cli import Flags

    flags = Flags()
    flags.choices("kinds", list(LAYERS), tuple(LAYERS), "which; repeat the flag for several")
    flags.choices("types", ["float32", "bfloat16"], ("float32", "bfloat16"), "of the numbers; repeat the flag for several")
    flags.integer("repeats", 20, "timed calls of each operation", 1)
    runs.parse(flags, __doc__)

    from step_time import machine

    print(f"{machine()}\n")
    print(
        "| kernel | type | pixels, channels, filters | operation | TensorFlow ms | ours ms | TensorFlow GFLOP/s | ours GFLOP/s |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for kind in flags.kinds:
        for dtype in flags.types:
            for layer in LAYERS[kind][3]:
                for name, gflop, theirs, ours in operations(kind, dtype, *layer):
                    ms = [_milliseconds(function, flags.repeats) for function in (theirs, ours)]
                    rates = " | ".join(f"{1000 * gflop / m:.0f}" for m in ms)
                    print(
                        f"| {kind} | {dtype} | {', '.join(map(str, layer))} | {name} | {ms[0]:.1f} | {ms[1]:.1f} | {rates} |",
                        flush=True,
                    )


def operations(kind, dtype, size, channels, filters):
    """Yields the name of an operation, its GFLOP as a direct sum, and two functions that do it: TensorFlow's and ours."""
    import tensorflow as tf

    from keras_gans import kernels

    batch, side, stride, _ = LAYERS[kind]
    each = kind == "depthwise"
    convolve = kernels.convolve_depthwise if each else kernels.convolve

    def variable(*shape):
        return tf.Variable(tf.cast(tf.random.normal(shape), dtype))

    x, kernel = variable(batch, size, size, channels), variable(side, side, channels, 1 if each else filters)
    upstream = variable(batch, size // stride, size // stride, filters)
    gflop = 2 * batch * (size // stride) ** 2 * side**2 * channels * (1 if each else filters) / 1e9

    def outputs(choice):
        with kernels.use(choice):
            return convolve(x.value(), kernel.value(), stride, "SAME")

    def gradient(choice, wanted):
        with kernels.use(choice), tf.GradientTape() as tape:
            value = wanted.value()
            tape.watch(value)
            made = convolve(*(value if tensor is wanted else tensor.value() for tensor in (x, kernel)), stride, "SAME")
        return tape.gradient(made, value, upstream.value())

    yield "outputs", gflop, *(functools.partial(outputs, choice) for choice in ("plain", "fast"))
    for name, wanted in (("input gradient", x), ("filter gradient", kernel)):
        yield name, gflop, *(functools.partial(gradient, choice, wanted) for choice in ("plain", "fast"))


def _milliseconds(function, repeats):
    import tensorflow as tf

    compiled = tf.function(lambda: tf.reduce_sum(function()[:1, :1]), autograph=False)
    return runs.milliseconds(lambda: compiled().numpy(), repeats)


if __name__ == "__main__":
    main()
