"""The graph of a network, cut at its instance norms.

The first stage leads from the picture to the input of the first norm. Each norm begins a stage of its own, which takes
the statistics of its input as given and leads on to the inputs of the next ones.
"""

import dataclasses

import keras
import tensorflow as tf

from keras_gans.layers.instance_normalization import InstanceNormalization

_WHOLE = "the network nests instance norms in layers, or models that are no graphs; it cannot be cut into bands"


def norms(network):
    """Returns the layers of a network that take statistics of the picture they see, those inside other layers too."""
    return [layer for layer in network._flatten_layers() if isinstance(layer, InstanceNormalization)]


@dataclasses.dataclass(eq=False)
class Map:
    """A spatial tensor that one stage makes and later ones read.

    Attributes:
        tensor: of the graph, [n, h, w, c].
        norm: the `InstanceNormalization` that wants its statistics, or None.
        last: number of the last stage that reads it; -1 for the result.
        rows, columns: of it, for each `multiple` rows and columns of the picture. Filled in by `Bands`.
    """

    tensor: keras.KerasTensor
    norm: InstanceNormalization = None
    last: int = -1
    rows: int = 0
    columns: int = 0


@dataclasses.dataclass(eq=False)
class Stage:
    """The operations from one norm to the next.

    Attributes:
        norm: the first operation; None in the first stage.
        normalized: what it makes, a tensor of the graph.
        reads: `Map`s; the norm's input comes first.
        makes: `Map`s.
        norm_conditions, conditions: indices of the network's other inputs that the norm and the model read.
        model: `keras.Model`, the operations behind the norm.
        halo: times `multiple` rows of the picture that a band needs above and below. Filled in by `Bands`.
    """

    norm: InstanceNormalization = None
    normalized: keras.KerasTensor = None
    reads: list = dataclasses.field(default_factory=list)
    makes: list = dataclasses.field(default_factory=list)
    norm_conditions: list = dataclasses.field(default_factory=list)
    conditions: list = dataclasses.field(default_factory=list)
    model: keras.Model = None
    halo: int = 0

    def run(self, windows, conditions, statistics, training):
        """Computes the stage on a window of the picture.

        Args:
            windows: float32 [1, h_i, w_i, c_i] of each map that it reads.
            conditions: the network's other inputs.
            statistics: (mean, variance) of the norm's input, float32 [1, 1, 1, c]; None without a norm.
            training: whether dropout and batch statistics are on.

        Returns:
            List of float32 [1, h_j, w_j, c_j], one for each map that it makes.
        """
        values = [tf.convert_to_tensor(value) for value in windows]
        conditions = [tf.convert_to_tensor(value) for value in conditions]
        if self.norm:
            styles = [conditions[index] for index in self.norm_conditions]
            values[0] = self.norm(values[0], *styles, statistics=statistics)
        outputs = self.model(values + [conditions[index] for index in self.conditions], training=training)
        return outputs if isinstance(outputs, (list, tuple)) else [outputs]


def calls(network):
    """Calls a network's layers anew, those of models inside it too.

    Args:
        network: functional keras.Model.

    Returns:
        (its new inputs; its new output; a list of (operation, tensors that it takes, tensors that it makes), each behind
        those whose tensors it takes).
    """
    made = []

    def recorded(operation):
        if isinstance(operation, keras.Model) and hasattr(operation, "_run_through_graph"):
            return lambda *args, **_: operation._run_through_graph(args, recorded)

        def call(*args, **kwargs):
            outputs = operation(*args, **kwargs)
            taken = [tensor for tensor in keras.tree.flatten((args, kwargs)) if isinstance(tensor, keras.KerasTensor)]
            made.append((operation, taken, keras.tree.flatten(outputs)))
            return outputs

        return call

    inputs = [keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype) for tensor in network.inputs]
    return inputs, keras.tree.flatten(network._run_through_graph(inputs, recorded))[0], made


def cut(network):
    """Cuts a network into stages.

    Args:
        network: functional keras.Model, from a picture (and conditions) to a picture.

    Returns:
        (stages, in an order in which they can be computed; the `Map` of the picture; the `Map` of the result).

    Raises:
        ValueError: a network that is no plain graph of layers, or that normalizes the picture before anything else.
    """
    (picture, *others), result, operations = calls(network)
    conditions = {id(tensor): index for index, tensor in enumerate(others)}
    made = {id(tensor): 0 for tensor in (picture, *others)}  # by which stage
    maps = {id(picture): Map(picture)}
    stages, reads = [Stage()], [{}]  # what the models read, by id
    for operation, inputs, outputs in operations:
        if isinstance(operation, InstanceNormalization):
            if inputs[0] is picture:
                raise ValueError("the network normalizes the picture itself; bands begin behind another layer")
            if any(id(tensor) not in conditions for tensor in inputs[1:]):
                raise ValueError(f"{operation.name} reads another map beside its own; it cannot be cut into bands")
            number = len(stages)
            own = maps.setdefault(id(inputs[0]), Map(inputs[0]))
            own.norm, own.last = operation, number
            styles = [conditions[id(tensor)] for tensor in inputs[1:]]
            stages.append(Stage(operation, outputs[0], [own], norm_conditions=styles))
            reads.append({})
        else:
            number = max(made[id(tensor)] for tensor in inputs)
            reads[number] |= {
                id(tensor): tensor
                for tensor in inputs
                if made[id(tensor)] < number or tensor is picture or id(tensor) in conditions
            }
        made |= {id(tensor): number for tensor in outputs}
    if len(stages) <= len(norms(network)):
        raise ValueError(_WHOLE)
    for number, (stage, read) in enumerate(zip(stages, reads)):
        stage.conditions = [conditions[key] for key in read if key in conditions]
        for key, tensor in read.items():
            if key not in conditions:
                one = maps.setdefault(key, Map(tensor))
                one.last = max(one.last, number)
                stage.reads.append(one)
    maps.setdefault(id(result), Map(result))
    for key, one in maps.items():
        if one.tensor is not picture:
            stages[made[key]].makes.append(one)
    for stage in stages:
        stage.model = _model(stage, others)
    return stages, maps[id(picture)], maps[id(result)]


def _model(stage, conditions):
    begin = [one.tensor for one in stage.reads]
    if stage.norm:
        begin[0] = stage.normalized
    begin += [conditions[index] for index in stage.conditions]
    # An output that is an input as well would make it no graph: it gets an operation.
    end = [
        keras.layers.Identity()(one.tensor) if any(one.tensor is tensor for tensor in begin) else one.tensor
        for one in stage.makes
    ]
    return keras.Model(begin, end)
