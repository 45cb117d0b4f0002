"""One signature of an exported model."""

import dataclasses
import operator
import typing

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """What a signature computes, what goes in and comes out of it, and what it must answer.

    Attributes:
        name: of the signature. Text.
        function: takes tensors, in the order of `inputs`; returns a dict of tensors.
        inputs: dict, name -> (`tf.TensorSpec`, what it means).
        outputs: dict, name -> what it means.
        examples: function without arguments -> (inputs, outputs), dicts of arrays: what to ask, and what Keras answers.
            A string output, of image files, is given by its pixels: a list of uint8 [h, w, c].
        limit: the largest difference from Keras that is right. A float, in the outputs' unit.
        calibration: function without arguments -> iterator of inputs, dicts of arrays of one example each, from which
            the ranges of int8 models are taken; None for signatures that are not for phones.
        details: dict of what else a phone's model tells programs in its metadata.
        shown: function outputs -> images float [n, h, w, c] in [0, 1], by which a phone's model is judged.
    """

    name: str
    function: typing.Callable
    inputs: dict
    outputs: dict
    examples: typing.Callable
    limit: float
    calibration: typing.Callable = None
    details: dict = dataclasses.field(default_factory=dict)
    shown: typing.Callable = operator.itemgetter("images")

    def signature(self):
        """Returns the inputs as a list of named `tf.TensorSpec`."""
        return [tf.TensorSpec(spec.shape, spec.dtype, name) for name, (spec, _) in self.inputs.items()]

    def meanings(self):
        """Returns {"inputs": {name: meaning}, "outputs": {name: meaning}}."""
        return {"inputs": {name: meaning for name, (_, meaning) in self.inputs.items()}, "outputs": self.outputs}
