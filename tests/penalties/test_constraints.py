"""Weight clipping."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.errors import UserError
from keras_gans.registry import PENALTIES


def test_weights_are_clipped_and_statistics_are_not():
    model = keras.Sequential([keras.layers.Input([3]), keras.layers.Dense(2), keras.layers.BatchNormalization()])
    dense, norm = model.layers
    dense.kernel.assign([[0.5, -0.5], [0.002, -0.002], [0.01, -0.01]])
    PENALTIES.create("weight_clipping")(model.variables)
    np.testing.assert_allclose(dense.kernel, [[0.01, -0.01], [0.002, -0.002], [0.01, -0.01]], rtol=1e-6)
    np.testing.assert_allclose(norm.gamma, [0.01, 0.01], rtol=1e-6)
    np.testing.assert_array_equal(norm.moving_variance, [1.0, 1.0])


def test_limit_in_a_compiled_step():
    variable = tf.Variable([-2.0, 0.02, 2.0])
    clip = PENALTIES.create("weight_clipping:limit=0.05")
    tf.function(lambda: clip([variable]), jit_compile=True)()
    np.testing.assert_allclose(variable, [-0.05, 0.02, 0.05])


def test_config_round_trip():
    clip = PENALTIES.create("weight_clipping:limit=0.1")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(clip))
    assert copy.limit == 0.1


def test_senseless_limit_is_refused():
    with pytest.raises(UserError, match="limit should be positive, not -1"):
        PENALTIES.create("weight_clipping:limit=-1")
