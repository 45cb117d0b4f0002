#!/usr/bin/env python3
"""Writes the numbers and model files of tensorflow-addons that tests/layers/test_addons.py compares with.

tensorflow-addons cannot be imported beside Keras 3; it runs in an environment of its own (Python 3.9 to 3.11):

    python3 -m venv tfa_env
    tfa_env/bin/pip install "tensorflow==2.15.*" "tensorflow-addons==0.23.*"
    tfa_env/bin/python tools/tfa_golden.py tests/layers/golden

Writes layers.npz (inputs and outputs of single layers), average.npz (weights and their moving average after each
step), and one small trained model as generator.h5 (its optimizer with it) and generator.keras, with its answers in
generator.npz.
"""

import argparse
import pathlib

import numpy as np
import tensorflow as tf
import tensorflow_addons as tfa
from tensorflow.keras import layers

# Options of each normalization, and the shape of its input.
NORMALIZATIONS = {
    "instance": (tfa.layers.InstanceNormalization, {}, (2, 4, 3, 6)),
    "instance_epsilon": (tfa.layers.InstanceNormalization, {"epsilon": 1e-5}, (2, 4, 3, 6)),
    "instance_plain": (tfa.layers.InstanceNormalization, {"center": False, "scale": False}, (2, 4, 3, 6)),
    "group": (tfa.layers.GroupNormalization, {"groups": 3}, (2, 4, 3, 6)),
    "group_epsilon": (tfa.layers.GroupNormalization, {"groups": 2, "epsilon": 1e-5}, (2, 4, 3, 6)),
}
SPECTRAL = {
    "dense": (lambda: layers.Dense(5), (3, 7)),
    "conv": (lambda: layers.Conv2D(6, 3, strides=2), (2, 5, 5, 3)),
}


def single_layers(rng):
    values = {}
    for name, (kind, options, shape) in NORMALIZATIONS.items():
        layer = kind(**options)
        inputs = rng.normal(1.5, 2.0, shape).astype("float32")
        layer.build(shape)
        layer.set_weights([rng.normal(1.0, 0.5, weight.shape) for weight in layer.get_weights()])
        values[f"{name}/inputs"] = inputs
        values[f"{name}/outputs"] = layer(inputs).numpy()
        for weight in layer.weights:
            values[f"{name}/{weight.name.split(':')[0].split('/')[-1]}"] = weight.numpy()
    for name, (make, shape) in SPECTRAL.items():
        layer = tfa.layers.SpectralNormalization(make(), power_iterations=100)
        inputs = rng.normal(size=shape).astype("float32")
        layer(inputs)
        values[f"{name}/inputs"] = inputs
        values[f"{name}/kernel"] = layer.w.numpy()
        values[f"{name}/outputs"] = layer(inputs, training=True).numpy()  # divides the kernel once
        values[f"{name}/normalised"] = layer.w.numpy()
    return values


def moving_average(rng):
    """A quadratic bowl under plain gradient descent: the weights and, after each of six steps, their average."""
    weights = tf.Variable(rng.normal(size=[4]).astype("float32"))
    optimizer = tfa.optimizers.MovingAverage(tf.keras.optimizers.legacy.SGD(0.3), average_decay=0.9)
    path, averages = [weights.numpy()], []
    for _ in range(6):
        optimizer.apply_gradients([(2.0 * weights - 1.0, weights)])
        path.append(weights.numpy())
        averages.append(optimizer.get_slot(weights, "average").numpy())
    return {"weights": np.stack(path), "averages": np.stack(averages)}


def generator():
    images = layers.Input([None, None, 3])
    x = layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False)(images)
    x = layers.Activation("relu")(tfa.layers.InstanceNormalization()(x))
    x = tfa.layers.SpectralNormalization(layers.Conv2D(4, 3, padding="same"))(x)
    x = layers.LeakyReLU(0.2)(tfa.layers.GroupNormalization(groups=2)(x))
    x = layers.Conv2DTranspose(3, 3, strides=2, padding="same", use_bias=False)(x)
    x = tfa.layers.InstanceNormalization(epsilon=1e-5, center=False, scale=False)(x)
    return tf.keras.Model(images, layers.Activation("tanh")(x))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=pathlib.Path, help="where the files go: tests/layers/golden")
    directory = parser.parse_args().directory
    directory.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    tf.keras.utils.set_random_seed(0)
    np.savez_compressed(directory / "layers.npz", **single_layers(rng))
    np.savez_compressed(directory / "average.npz", **moving_average(rng))

    model = generator()
    model.compile(tfa.optimizers.MovingAverage(tf.keras.optimizers.legacy.SGD(0.01)), "mse")
    images = rng.normal(size=[4, 8, 8, 3]).astype("float32")
    model.fit(images, np.tanh(images[:, ::-1]), batch_size=2, epochs=3, verbose=0)
    model.save(directory / "generator.h5")
    plain = generator()  # never compiled: no optimizer in the file
    plain.set_weights(model.get_weights())
    plain.save(directory / "generator.keras")
    np.savez_compressed(directory / "generator.npz", images=images, outputs=model.predict(images, verbose=0))


if __name__ == "__main__":
    main()
