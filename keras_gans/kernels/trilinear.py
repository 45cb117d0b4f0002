"""Gradients of any order for a convolution that is computed in a way of its own."""

import tensorflow as tf


class Trilinear:
    """A convolution and its two gradients, which are each other's gradients.

    <upstream, convolve(inputs, kernel)> is linear in each of the three, and each function is its derivative by one of them.

    Args:
        convolve: function (inputs, kernel) -> outputs.
        transposed: function (upstream, kernel) -> gradient of the inputs.
        filter_gradient: function (inputs, upstream) -> gradient of the kernel.

    The attributes of these names are the same functions, differentiable any number of times.
    """

    def __init__(self, convolve, transposed, filter_gradient):
        def convolve_with_gradient(inputs, kernel):
            return convolve(inputs, kernel), lambda upstream: (
                self.transposed(upstream, kernel),
                self.filter_gradient(inputs, upstream),
            )

        def transposed_with_gradient(upstream, kernel):
            return transposed(upstream, kernel), lambda inputs: (
                self.convolve(inputs, kernel),
                self.filter_gradient(inputs, upstream),
            )

        def filter_gradient_with_gradient(inputs, upstream):
            return filter_gradient(inputs, upstream), lambda kernel: (
                self.transposed(upstream, kernel),
                self.convolve(inputs, kernel),
            )

        self.convolve = tf.custom_gradient(convolve_with_gradient)
        self.transposed = tf.custom_gradient(transposed_with_gradient)
        self.filter_gradient = tf.custom_gradient(filter_gradient_with_gradient)
