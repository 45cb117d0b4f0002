"""Runs one signature of a SavedModel the way TF Serving does: by the C API, without Python's TensorFlow or Keras.

    python c_api.py LIBRARY_FOLDER MODEL_FOLDER NODES.json INPUTS.npz OUTPUT.npy

NODES.json maps the names in INPUTS.npz to graph nodes ("node:index") and names the wanted one "output".
"""

import ctypes
import json
import pathlib
import sys

import numpy as np

DTYPES = {1: np.float32, 3: np.int32, 4: np.uint8, 9: np.int64}  # TF_DataType
CODES = {np.dtype(dtype): code for code, dtype in DTYPES.items()}


class Output(ctypes.Structure):
    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


class Buffer(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("length", ctypes.c_size_t), ("deallocator", ctypes.c_void_p)]


def library(folder):
    ctypes.CDLL(str(folder / "libtensorflow_framework.so.2"), ctypes.RTLD_GLOBAL)
    tf = ctypes.CDLL(str(folder / "libtensorflow_cc.so.2"))
    for name in ("NewStatus", "NewGraph", "NewSessionOptions", "LoadSessionFromSavedModel", "AllocateTensor",
                 "TensorData", "GraphOperationByName"):
        getattr(tf, f"TF_{name}").restype = ctypes.c_void_p
    tf.TF_Message.restype = ctypes.c_char_p
    tf.TF_TensorByteSize.restype = ctypes.c_size_t
    tf.TF_Dim.restype = ctypes.c_int64
    return tf


def run(tf, model, nodes, inputs):
    """Returns the output as an array."""
    status = ctypes.c_void_p(tf.TF_NewStatus())

    def check():
        if tf.TF_GetCode(status):
            raise RuntimeError(tf.TF_Message(status).decode())

    graph = ctypes.c_void_p(tf.TF_NewGraph())
    options = ctypes.c_void_p(tf.TF_NewSessionOptions())
    tags = (ctypes.c_char_p * 1)(b"serve")
    session = ctypes.c_void_p(
        tf.TF_LoadSessionFromSavedModel(options, None, str(model).encode(), tags, 1, graph, None, status)
    )
    check()

    def node(name):
        operation, _, index = name.partition(":")
        found = tf.TF_GraphOperationByName(graph, operation.encode())
        if not found:
            raise RuntimeError(f"no node {operation}")
        return Output(found, int(index))

    fed = (Output * len(inputs))(*(node(nodes[name]) for name in inputs))
    tensors = (ctypes.c_void_p * len(inputs))(*(tensor(tf, value) for value in inputs.values()))
    wanted, results = (Output * 1)(node(nodes["output"])), (ctypes.c_void_p * 1)()
    tf.TF_SessionRun(session, None, fed, tensors, len(inputs), wanted, results, 1, None, 0, None, status)
    check()
    return array(tf, ctypes.c_void_p(results[0]))


def tensor(tf, value):
    dims = (ctypes.c_int64 * max(1, value.ndim))(*value.shape)
    made = tf.TF_AllocateTensor(CODES[value.dtype], dims, value.ndim, ctypes.c_size_t(value.nbytes))
    ctypes.memmove(tf.TF_TensorData(ctypes.c_void_p(made)), value.tobytes(), value.nbytes)
    return made


def array(tf, tensor):
    shape = [tf.TF_Dim(tensor, axis) for axis in range(tf.TF_NumDims(tensor))]
    data = ctypes.string_at(tf.TF_TensorData(tensor), tf.TF_TensorByteSize(tensor))
    return np.frombuffer(data, DTYPES[tf.TF_TensorType(tensor)]).reshape(shape)


if __name__ == "__main__":
    folder, model, nodes, inputs, output = map(pathlib.Path, sys.argv[1:])
    with np.load(inputs, allow_pickle=False) as stored:
        result = run(library(folder), model, json.loads(nodes.read_text()), dict(stored))
    np.save(output, result)
    foreign = {"tensorflow", "keras", "keras_gans"} & set(sys.modules)
    assert not foreign, foreign
