"""Calls SavedModels the way TF Serving does: by the C API, without Python's TensorFlow or Keras.

    python c_api.py LIBRARY_FOLDER < jobs.json > answers.json

A job is {"model": folder, "inputs": {graph node: array}, "output": graph node}; an answer is an array. Arrays are
{"dtype": ..., "shape": [...], "data": base64}, those of strings {"dtype": "string", "shape": [...], "data": [base64, ...]}.
"""

import base64
import ctypes
import json
import pathlib
import sys

import numpy as np

DTYPES = {1: np.float32, 3: np.int32, 4: np.uint8, 9: np.int64}  # TF_DataType
CODES = {np.dtype(dtype): code for code, dtype in DTYPES.items()}
STRING, STRING_SIZE = 7, 24  # TF_STRING; sizeof(TF_TString)


class Output(ctypes.Structure):
    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


def library(folder):
    ctypes.CDLL(str(folder / "libtensorflow_framework.so.2"), ctypes.RTLD_GLOBAL)
    tf = ctypes.CDLL(str(folder / "libtensorflow_cc.so.2"))
    for name in (
        "NewStatus",
        "NewGraph",
        "NewSessionOptions",
        "LoadSessionFromSavedModel",
        "AllocateTensor",
        "TensorData",
        "GraphOperationByName",
    ):
        getattr(tf, f"TF_{name}").restype = ctypes.c_void_p
    tf.TF_Message.restype = ctypes.c_char_p
    tf.TF_TensorByteSize.restype = ctypes.c_size_t
    tf.TF_Dim.restype = ctypes.c_int64
    tf.TF_StringGetSize.restype = ctypes.c_size_t
    tf.TF_StringGetDataPointer.restype = ctypes.c_void_p
    return tf


class Model:
    """A session with a SavedModel."""

    def __init__(self, tf, folder):
        self.tf, self.status = tf, ctypes.c_void_p(tf.TF_NewStatus())
        self.graph = ctypes.c_void_p(tf.TF_NewGraph())
        options, tags = ctypes.c_void_p(tf.TF_NewSessionOptions()), (ctypes.c_char_p * 1)(b"serve")
        self.session = ctypes.c_void_p(
            tf.TF_LoadSessionFromSavedModel(options, None, folder.encode(), tags, 1, self.graph, None, self.status)
        )
        self.check()

    def check(self):
        if self.tf.TF_GetCode(self.status):
            raise RuntimeError(self.tf.TF_Message(self.status).decode())

    def node(self, name):
        operation, _, index = name.partition(":")
        found = self.tf.TF_GraphOperationByName(self.graph, operation.encode())
        if not found:
            raise RuntimeError(f"no node {operation}")
        return Output(found, int(index))

    def run(self, inputs, output):
        fed = (Output * len(inputs))(*map(self.node, inputs))
        tensors = (ctypes.c_void_p * len(inputs))(*(tensor(self.tf, value) for value in inputs.values()))
        wanted, results = (Output * 1)(self.node(output)), (ctypes.c_void_p * 1)()
        self.tf.TF_SessionRun(self.session, None, fed, tensors, len(inputs), wanted, results, 1, None, 0, None, self.status)
        self.check()
        return array(self.tf, ctypes.c_void_p(results[0]))


def tensor(tf, value):
    shape = value["shape"]
    dims = (ctypes.c_int64 * max(1, len(shape)))(*shape)
    if value["dtype"] == "string":
        size = STRING_SIZE * len(value["data"])
        made = tf.TF_AllocateTensor(STRING, dims, len(shape), ctypes.c_size_t(size))
        place = tf.TF_TensorData(ctypes.c_void_p(made))
        for index, text in enumerate(map(base64.b64decode, value["data"])):
            string = ctypes.c_void_p(place + STRING_SIZE * index)
            tf.TF_StringInit(string)
            tf.TF_StringCopy(string, text, ctypes.c_size_t(len(text)))
        return made
    data = base64.b64decode(value["data"])
    made = tf.TF_AllocateTensor(CODES[np.dtype(value["dtype"])], dims, len(shape), ctypes.c_size_t(len(data)))
    ctypes.memmove(tf.TF_TensorData(ctypes.c_void_p(made)), data, len(data))
    return made


def array(tf, tensor):
    shape = [tf.TF_Dim(tensor, axis) for axis in range(tf.TF_NumDims(tensor))]
    place, code = tf.TF_TensorData(tensor), tf.TF_TensorType(tensor)
    if code == STRING:
        strings = [ctypes.c_void_p(place + STRING_SIZE * index) for index in range(int(np.prod(shape)))]
        texts = [ctypes.string_at(tf.TF_StringGetDataPointer(string), tf.TF_StringGetSize(string)) for string in strings]
        return {"dtype": "string", "shape": shape, "data": [base64.b64encode(text).decode() for text in texts]}
    data = ctypes.string_at(place, tf.TF_TensorByteSize(tensor))
    return {"dtype": np.dtype(DTYPES[code]).name, "shape": shape, "data": base64.b64encode(data).decode()}


if __name__ == "__main__":
    tf, models, answers = library(pathlib.Path(sys.argv[1])), {}, []
    for job in json.load(sys.stdin):
        if job["model"] not in models:
            models[job["model"]] = Model(tf, job["model"])
        answers.append(models[job["model"]].run(job["inputs"], job["output"]))
    foreign = {"tensorflow", "keras", "keras_gans"} & set(sys.modules)
    assert not foreign, foreign
    json.dump(answers, sys.stdout)
