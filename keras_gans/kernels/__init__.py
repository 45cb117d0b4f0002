"""Operations that are slow on a CPU as TensorFlow has them, in forms that are fast there, each with its plain reference.

    from keras_gans import kernels

    outputs = kernels.convolve(inputs, kernel, strides=2, padding="SAME")
    with kernels.use("plain"):
        ...  # TensorFlow's own operations, whatever the device

`kernels.plain` has the references under the same names; `kernels.switch` says which of the two is taken where.
"""

from keras_gans import lazy

__getattr__, __dir__ = lazy.room(
    __name__,
    __path__,
    convolve="dispatch",
    convolve_depthwise="dispatch",
    convolve_transposed="dispatch",
    normalize="dispatch",
    reflect="dispatch",
    use="switch",
)
