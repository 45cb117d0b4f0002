"""Networks that work through a batch in parts, so that a large batch fits where a small one does.

A part is called, and its activations are forgotten; where the call is differentiated, the part is called again and its
gradient added to that of the others (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost", with the batch in
place of the layers). Losses and penalties see the whole batch, so that those that compare its images stay what they are.
"""

import contextlib
import functools
import math
import threading

import keras
import tensorflow as tf

from keras_gans import randomness
from keras_gans.errors import UserError

_local = threading.local()


def accumulate(network, count, compiled=False):
    """Lets `network` be called in parts while it trains.

    Layers that mix the images of a batch, such as batch norm and minibatch standard deviation, then see a part of it at a
    time, as on a device of its own; all others answer, and are differentiated (once or twice), as in one call.

    Args:
        network: `keras.Model`. Calls without `training=True` are as before.
        count: parts, at least 1. A batch that they do not divide is cut into fewer; 1 undoes it.
        compiled: whether XLA compiles the calls; it must know all shapes. Default False.

    Raises:
        UserError: a layer draws its noise from a state of its own, such as `keras.layers.Dropout`, which would not be the
            same when the part is called again.
    """
    models = [part for part in network._flatten_layers() if isinstance(part, keras.Model)]
    models += [growing.at(size) for growing in models if hasattr(growing, "at") for size in growing.sizes]
    for layer in network._flatten_layers() if count > 1 else ():
        if getattr(layer, "_seed_generators", None):
            raise UserError(
                f"accumulate={count}: {type(layer).__name__} {layer.name} draws its noise from a state, so that a part of a "
                "batch cannot be called twice alike; take a layer of keras_gans.layers that draws by randomness.layer_seed"
            )
    for model in models:
        if count > 1:
            model.call = functools.partial(_call, model, count, compiled)
        elif "call" in model.__dict__:
            del model.call


@contextlib.contextmanager
def differentiated_by(variables):
    """Says what gradients inside are taken of, beside the networks' inputs, so that no others are computed.

    Args:
        variables: of Keras; () for the inputs alone.
    """
    before = getattr(_local, "wanted", None)
    _local.wanted = {id(variable) for variable in variables}
    try:
        yield
    finally:
        _local.wanted = before


def _call(model, count, compiled, inputs, *args, training=None, **kwargs):
    """In the place of `model.call`."""
    if not training or getattr(_local, "inside", False) or isinstance(tf.nest.flatten(inputs)[0], keras.KerasTensor):
        return type(model).call(model, inputs, *args, training=training, **kwargs)
    parts = _parts(tf.nest.flatten(inputs)[0], count)
    if isinstance(parts, int) and parts == 1:
        return type(model).call(model, inputs, *args, training=True, **kwargs)
    if not compiled:
        # Where shapes are known and memory seems scarce, TensorFlow's optimizer (2.21) turns sums into temporary variables,
        # which it then finds made already in the next round of a loop.
        parts = tf.compat.v1.placeholder_with_default(parts, [])
    return _Call(model, parts, inputs, args, kwargs).play()


def _parts(tensor, count):
    """Returns how many parts of the batch of `tensor` there are."""
    rows = tensor.shape[0]
    if rows is not None:
        return math.gcd(rows, count)
    return tf.where(tf.shape(tensor)[0] % count == 0, count, 1)


class _Call:
    """One call of `model`, in parts, with its first and second derivatives."""

    def __init__(self, model, parts, inputs, args, kwargs):
        self.model, self.parts, self.args, self.kwargs = model, parts, args, kwargs
        self.structure, self.inputs = inputs, tf.nest.flatten(inputs)
        self.floating = [tensor.dtype.is_floating for tensor in self.inputs]
        self.weights = [variable for variable in model.variables if variable._value.trainable]
        self.seed = randomness.scope_seed()
        self.outputs = None  # their structure

    def play(self):
        """Returns what the model answers."""

        @tf.custom_gradient
        def forward(*given):
            inputs, values = _split(_unrecorded(given), len(self.inputs))
            made, _ = _in_parts(self.parts, lambda rows: (self.call(rows, values, moves=True), []), inputs)
            return made, lambda *slopes: self.slope(*_split(given, len(self.inputs)), slopes)

        # Read without the layers' autocast: gradients are summed in the weights' own float32.
        values = [tf.convert_to_tensor(weight._value) for weight in self.weights]
        made = tf.nest.flatten(forward(*self.inputs, *values))
        return tf.nest.pack_sequence_as(self.outputs, made)

    def call(self, rows, values, moves=False):
        """Calls the model on a part, with `values` of its weights; returns the flat outputs.

        With `moves`, moving statistics move.
        """
        inside, _local.inside = getattr(_local, "inside", False), True
        try:
            with randomness.scope(self.seed), keras.StatelessScope(list(zip(self.weights, values))) as state:
                made = self.model(tf.nest.pack_sequence_as(self.structure, rows), *self.args, training=True, **self.kwargs)
        finally:
            _local.inside = inside
        if moves:
            self.outputs = made
            given = {id(weight) for weight in self.weights}
            for variable in self.model.variables:
                value = state.get_current_value(variable)
                if value is not None and id(variable) not in given:
                    variable.assign(value)
        return tf.nest.flatten(made)

    def slope(self, inputs, values, slopes):
        """Returns the gradients of all inputs and weights, None for those that are not wanted."""
        moved = self.wanted()

        @tf.custom_gradient
        def first(*given):
            rows, values = _split(_unrecorded(given), len(self.inputs) + len(slopes))
            made = _in_parts(self.parts, lambda rows: self.slope_of_part(rows, values, moved), rows)
            return _flat(made), lambda *above: self.slope_of_slope(rows, values, moved, above)

        return _spread(tf.nest.flatten(first(*inputs, *slopes, *values)), self.floating + moved)

    def slope_of_part(self, rows, values, moved):
        """Returns the gradients of a part's float inputs, and of the weights that are `moved`."""
        inputs, slopes = _split(rows, len(self.inputs))
        inputs_, weights = _kept(inputs, self.floating), _kept(values, moved)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([*inputs_, *weights])
            made = self.call(inputs, values)
        return _split(_gradients(tape, made, [*inputs_, *weights], slopes), len(inputs_))

    def slope_of_slope(self, rows, values, moved, above):
        """Returns the gradients of what `slope` gave, by the inputs, the slopes above them and the weights."""
        again = self.wanted()
        floating = [tensor.dtype.is_floating for tensor in rows]
        above_rows, above_weights = _split(above, sum(self.floating))

        def of_part(part):
            part, above = _split(part, len(rows))
            given, weights = _kept(part, floating), _kept(values, again)
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch([*given, *weights])
                made = _flat(self.slope_of_part(part, values, moved))
            return _split(_gradients(tape, made, [*given, *weights], [*above, *above_weights]), len(given))

        return _spread(_flat(_in_parts(self.parts, of_part, [*rows, *above_rows])), floating + again)

    def wanted(self):
        """Returns for each weight whether its gradient is asked for."""
        wanted = getattr(_local, "wanted", None)
        return [wanted is None or id(weight) in wanted for weight in self.weights]


def _in_parts(parts, function, tensors):
    """Calls `function` on one part of `tensors` after the other.

    Args:
        parts: how many, an int or a scalar int32 tensor.
        function: list of a part's rows -> (list of tensors by row, list of tensors to be summed).
        tensors: list of tensors of the whole batch.

    Returns:
        (list of tensors of the whole batch, list of sums).
    """
    stacked = [tf.reshape(tensor, tf.concat([[parts, -1], tf.shape(tensor)[1:]], 0)) for tensor in tensors]
    for part, tensor in zip(stacked, tensors):
        rows = None if tensor.shape[0] is None or not isinstance(parts, int) else tensor.shape[0] // parts
        part.set_shape([parts if isinstance(parts, int) else None, rows, *tensor.shape[1:]])

    def play(index):
        with randomness.part(index, parts):
            return function([tensor[index] for tensor in stacked])

    rows, sums = play(0)  # the first part tells what the others give
    arrays = [tf.TensorArray(made.dtype, parts, element_shape=made.shape).write(0, made) for made in rows]

    def body(index, arrays, sums):
        rows, more = play(index)
        arrays = [array.write(index, made) for array, made in zip(arrays, rows)]
        return index + 1, arrays, [total + part for total, part in zip(sums, more)]

    _, arrays, sums = tf.while_loop(
        lambda index, *_: index < parts, body, [tf.constant(1), arrays, list(sums)], parallel_iterations=1
    )
    return [_joined(array.stack()) for array in arrays], sums


def _joined(parts):
    """Returns [parts, rows, ...] as [parts * rows, ...]."""
    shape, sizes = parts.shape, tf.shape(parts)
    joined = tf.reshape(parts, tf.concat([[sizes[0] * sizes[1]], sizes[2:]], 0))
    rows = None if None in shape[:2] else shape[0] * shape[1]
    return tf.ensure_shape(joined, [rows, *shape[2:]])


def _gradients(tape, made, sources, slopes):
    gradients = tape.gradient(made, sources, slopes, unconnected_gradients="zero")
    return [tf.convert_to_tensor(gradient) for gradient in gradients]  # those of embeddings are sparse


def _unrecorded(tensors):
    """Hides what is done with `tensors` from the tapes outside, which would keep all parts' activations."""
    return [tf.stop_gradient(tensor) for tensor in tensors]


def _split(items, count):
    return list(items[:count]), list(items[count:])


def _flat(pair):
    return [*pair[0], *pair[1]]


def _kept(items, mask):
    return [item for item, keep in zip(items, mask) if keep]


def _spread(items, mask):
    items = iter(items)
    return [next(items) if keep else None for keep in mask]
