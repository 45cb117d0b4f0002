"""What a request may cost."""

import dataclasses
import io

import numpy as np
from PIL import Image

from keras_gans.serving.errors import invalid
from keras_gans.serving.signatures import dtype_name

_MOST_FILES = 2**14  # strings of one tensor
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")  # those that exported models decode


@dataclasses.dataclass(frozen=True)
class Limits:
    """Bounds of one request and of all at once.

    Attributes:
        body: bytes of a request, and of a tensor when it is unpacked.
        pixels: height times width times number of the images in one tensor, and of each picture file.
        count: images that `sample` may be asked for.
        seconds: from the first byte of a request to its answer.
        workers: requests that are computed at the same time.
        queue: requests that wait for a worker; more are refused with UNAVAILABLE.
    """

    body: int = 64 * 2**20
    pixels: int = 2**21
    count: int = 256
    seconds: float = 60.0
    workers: int = 2
    queue: int = 128

    @property
    def bodies(self):
        """Bytes of all REST requests that are being read, wait or are computed."""
        return 8 * self.body

    @property
    def containers(self):
        """Lists and objects of a request in JSON: one for each pixel, and one for its row."""
        return 2 * self.pixels + 2**16

    def check(self, inputs, signature):
        """Refuses inputs that do not fit a signature or cost too much.

        Args:
            inputs: name -> array.
            signature: `keras_gans.serving.signatures.Signature`.

        Raises:
            ServingError: wrong names, dtypes or shapes, NaN or infinite values, or more than the limits.
        """
        extra, missing = (
            ", ".join(sorted(names)) for names in (set(inputs) - set(signature.inputs), set(signature.inputs) - set(inputs))
        )
        if extra or missing:
            raise invalid(
                f"input size does not match signature: sent extra: {{{extra}}}; missing but required: {{{missing}}}"
            )
        for name, array in inputs.items():
            tensor = signature.inputs[name]
            if array.dtype != tensor.dtype:
                raise invalid(f"{name}: expected {tensor}, not {dtype_name(array.dtype)}")
            if not tensor.takes(array.shape):
                raise invalid(f"{name}: expected {tensor}, not {list(array.shape)}")
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise invalid(f"{name}: a value is NaN or infinite")
            if array.ndim == 4 and np.prod(array.shape[:3], dtype=np.int64) > self.pixels:
                raise invalid(f"{name}: at most {self.pixels} pixels are taken, not {' x '.join(map(str, array.shape[:3]))}")
            if array.dtype == object:
                if array.size > _MOST_FILES:
                    raise invalid(f"{name}: at most {_MOST_FILES} strings are taken, not {array.size}")
                for file in array.reshape(-1):
                    self._check_file(name, file)
            if name == "count" and array.ndim == 0 and not 0 < array <= self.count:
                raise invalid(f"count: 1 to {self.count} are taken, not {array}")

    def _check_file(self, name, file):
        """Refuses a picture by its header; what is no picture is left to the model."""
        try:
            with Image.open(io.BytesIO(file), formats=_FORMATS) as opened:
                width, height = opened.size
        except Image.DecompressionBombError as error:
            raise invalid(f"{name}: at most {self.pixels} pixels are taken; this picture has far more") from error
        except Exception:  # Pillow's parsers raise what they stumble over
            return
        if width * height > self.pixels:
            raise invalid(f"{name}: at most {self.pixels} pixels are taken, not {height} x {width}")
