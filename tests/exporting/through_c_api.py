"""Every signature of exported runs through TensorFlow's C API: a process without Python's TensorFlow or Keras."""

import base64
import json
import pathlib
import subprocess
import sys

import numpy as np
import tensorflow as tf

from keras_gans.exporting import families, parity


def assert_answers_as_keras(served, names):
    """Runs the examples of every signature in one such process.

    Args:
        served: the fixture.
        names: of runs.

    Returns:
        How many signatures were compared.
    """
    jobs, expected = [], {}
    for name in names:
        run, path, _ = served(name)
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            definitions = tf.compat.v1.saved_model.load(session, ["serve"], str(path)).signature_def
        for endpoint in families.of(run).endpoints(run):
            inputs, outputs = endpoint.examples()
            ((output, answer),) = outputs.items()
            nodes = definitions[endpoint.name]
            jobs.append(
                {
                    "model": str(path),
                    "inputs": {nodes.inputs[key].name: packed(value) for key, value in inputs.items()},
                    "output": nodes.outputs[output].name,
                }
            )
            expected[name, endpoint.name] = answer, endpoint.limit
    command = [sys.executable, pathlib.Path(__file__).with_name("c_api.py"), tf.sysconfig.get_lib()]
    done = subprocess.run(command, input=json.dumps(jobs), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    answers = map(unpacked, json.loads(done.stdout))
    differences = {
        key: parity.difference(answer, wanted) for (key, (wanted, _)), answer in zip(expected.items(), answers, strict=True)
    }
    assert all(difference <= expected[key][1] for key, difference in differences.items()), differences
    return len(differences)


def packed(value):
    """An array as c_api.py takes it."""
    value = np.asarray(value)
    if value.dtype == object:
        data = [base64.b64encode(text).decode() for text in value.ravel()]
        return {"dtype": "string", "shape": value.shape, "data": data}
    return {"dtype": value.dtype.name, "shape": value.shape, "data": base64.b64encode(value.tobytes()).decode()}


def unpacked(value):
    if value["dtype"] == "string":
        return np.array([base64.b64decode(text) for text in value["data"]], object).reshape(value["shape"])
    return np.frombuffer(base64.b64decode(value["data"]), value["dtype"]).reshape(value["shape"])
