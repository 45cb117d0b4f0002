"""Reading and writing the flatbuffer that a `.tflite` file is: its metadata, and the runtime that it needs."""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

_ALIGNMENT = 16  # bytes, of the data of tensors, as the schema wants it; the generated writer forgets it


def parts(model):
    """Returns the `schema.ModelT` of the bytes of a model."""
    return schema.ModelT.InitFromPackedBuf(bytearray(model), 0)


def written(parts):
    """Returns the bytes of a `schema.ModelT`."""
    builder = _Aligned(1024)
    builder.Finish(parts.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def noted(parts, name):
    """Returns the bytes that a model has noted under a name, or None."""
    for note in parts.metadata or []:
        if note.name.decode() == name:
            return np.asarray(parts.buffers[note.buffer].data, np.uint8).tobytes()
    return None


def note(parts, name, contents):
    """Notes bytes under a name."""
    parts.buffers.append(schema.BufferT(data=np.frombuffer(contents, np.uint8)))
    parts.metadata = [*(parts.metadata or []), schema.MetadataT(name=name, buffer=len(parts.buffers) - 1)]


def runtime(parts):
    """Returns the oldest version of TensorFlow Lite that has a model's operators, as its converter has noted it."""
    return noted(parts, "min_runtime_version").rstrip(b"\0").decode()


class _Aligned(flatbuffers.Builder):
    def CreateNumpyVector(self, values):
        self.Prep(_ALIGNMENT, values.nbytes)
        return super().CreateNumpyVector(values)
