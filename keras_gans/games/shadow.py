"""A second set of weights for a network that cannot be made a second time."""

import keras


class Shadow(keras.Model):
    """Answers as `model` does, in inference, with weights of its own: float32, in the order of `model.weights`.

    Args:
        model: a `keras.Model` that has its weights.
        name: of the shadow.
    """

    def __init__(self, model, name):
        super().__init__(name=name)
        self._model = lambda: model  # behind a function: its weights are not the shadow's
        self.copies = [
            self.add_weight(
                shape=weight.shape, dtype="float32", initializer="zeros", trainable=False, name=f"weight_{index}"
            )
            for index, weight in enumerate(model.weights)
        ]
        self.built = True
        self._build_shapes_dict = model._build_shapes_dict  # what its input was, which exports ask for

    def call(self, inputs, training=False):
        model = self._model()
        ours = {id(weight): copy for weight, copy in zip(model.weights, self.copies)}
        values = [
            [ours.get(id(variable), variable).value for variable in variables]
            for variables in (model.trainable_variables, model.non_trainable_variables)
        ]
        return model.stateless_call(*values, inputs, training=False)[0]
