"""TFLite's standard metadata: what Android Studio and the Task library read of a model.

A flatbuffer of its own, noted in the model under "TFLITE_METADATA". Its tables are those of TFLite Support's
`metadata_schema.fbs`, version 1.1.0 (identifier "M001"); below, the numbers are those of the fields there.
"""

import flatbuffers
import numpy as np
from flatbuffers import number_types

from keras_gans.exporting import flatbuffer

NOTE, IDENTIFIER = "TFLITE_METADATA", b"M001"
_PARSER = "1.0.0"  # the oldest version of the schema that has all fields that are used
_RGB, _GRAYSCALE = 1, 2
_FEATURE, _IMAGE = 1, 2  # kinds of content
_NORMALIZATION = 1  # a kind of process unit
_VALUE_LABELS = 3  # a kind of file


def added(model, name, about, labels_file=None):
    """Returns the bytes of a model with standard metadata.

    Images of 8 bits become [0, 1] by (value - 0) / 255, and back by (value - 0) / (1 / 255).

    Args:
        model: bytes.
        name: of the model.
        about: dict: `summary`, `made_by`, `step`, and `inputs` and `outputs`, name -> meaning; `license` may be None.
        labels_file: name of the file behind the model that names the classes that the input `label` counts, or None.
    """
    parts = flatbuffer.parts(model)
    graph, signature, writer = parts.subgraphs[0], parts.signatureDefs[0], _Writer()
    sides = []
    for side, order, ends in (
        ("inputs", graph.inputs, signature.inputs),
        ("outputs", graph.outputs, signature.outputs),
    ):
        names = {end.tensorIndex: end.name.decode() for end in ends}
        sides.append(
            [
                writer.tensor(
                    names[index],
                    about[side][names[index]],
                    graph.tensors[index],
                    side == "outputs",
                    labels_file if names[index] == "label" else None,
                )
                for index in order
            ]
        )
    flatbuffer.note(parts, NOTE, writer.model(name, about, *sides))
    return flatbuffer.written(parts)


class _Writer:
    """Writes tables; every method returns the place of one."""

    def __init__(self):
        self._builder = flatbuffers.Builder(1024)

    def model(self, name, about, inputs, outputs):
        graph = self._table(7, {2: self._tables(inputs), 3: self._tables(outputs)})
        fields = {
            0: self._string(name),
            1: self._string(f"{about['summary']}, at step {about['step']}"),
            2: self._string(f"step {about['step']}"),
            3: self._tables([graph]),
            4: self._string(about["made_by"]),
            7: self._string(_PARSER),
        }
        if about["license"]:
            fields[5] = self._string(about["license"])
        self._builder.Finish(self._table(8, fields), file_identifier=IDENTIFIER)
        return bytes(self._builder.Output())

    def tensor(self, name, meaning, tensor, is_output, labels_file):
        fields = {0: self._string(name), 1: self._string(meaning)}
        channels = tensor.shape[-1] if len(tensor.shape) == 4 and name in ("images", "mask") else None
        if channels:
            image = self._table(2, {0: np.int8(_RGB if channels == 3 else _GRAYSCALE)})
            fields[3] = self._table(3, {0: np.uint8(_IMAGE), 1: image})
            scale = self._table(2, {0: self._floats(0), 1: self._floats(1 / 255 if is_output else 255)})
            fields[4] = self._tables([self._table(2, {0: np.uint8(_NORMALIZATION), 1: scale})])
            fields[5] = self._table(2, {0: self._floats(1), 1: self._floats(0)})
        else:
            fields[3] = self._table(3, {0: np.uint8(_FEATURE), 1: self._table(0, {})})
        if labels_file:
            file = {0: self._string(labels_file), 1: self._string("names of the classes"), 2: np.int8(_VALUE_LABELS)}
            fields[6] = self._tables([self._table(4, file)])
        return self._table(7, fields)

    def _table(self, slots, fields):
        """Writes a table of fields, number -> place, or a number with its NumPy type."""
        self._builder.StartObject(slots)
        for number, value in fields.items():
            if isinstance(value, np.generic):
                kind = {np.int8: number_types.Int8Flags, np.uint8: number_types.Uint8Flags}[type(value)]
                self._builder.PrependSlot(kind, number, int(value), 0)
            else:
                self._builder.PrependUOffsetTRelativeSlot(number, value, 0)
        return self._builder.EndObject()

    def _tables(self, places):
        self._builder.StartVector(4, len(places), 4)
        for place in reversed(places):
            self._builder.PrependUOffsetTRelative(place)
        return self._builder.EndVector()

    def _floats(self, *values):
        return self._builder.CreateNumpyVector(np.array(values, np.float32))

    def _string(self, text):
        return self._builder.CreateString(text)
