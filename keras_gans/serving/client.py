"""A client of TensorFlow Serving, by REST or gRPC: tensors in and out, or images in and out."""

import io
import itertools
import random
import time
import urllib.parse

import numpy as np
from PIL import Image

from keras_gans.data import images as image_forms
from keras_gans.errors import UserError
from keras_gans.serving.errors import ServingError, invalid
from keras_gans.serving.signatures import dtype_name

_GENERATED = "generated"  # output of signatures whose input is `images`


class Client:
    """One model of a server: TensorFlow Serving's, or `export/serve.py`.

    What fails because the server is away or busy (UNAVAILABLE) is asked again after a pause that doubles each time, until
    `timeout` is over: to predict changes nothing, so to ask twice is safe. May be used by several threads.

    Args:
        address: "http://HOST:8501" or "https://..." for REST, "grpc://HOST:8500" for gRPC without encryption, "grpcs://..."
            with it.
        model: name of the model.
        version: an integer; default: the latest.
        label: of a version, in place of its number.
        timeout: seconds for a call with all its repetitions. Default 60.0.
        retries: how often a call is repeated at most. An integer. Default 4.
        backoff: seconds before the first repetition, shortened by up to half at random. Default 0.2.

    Raises:
        UserError: an address of another kind, or both a version and a label.
    """

    def __init__(self, address, model, version=None, label=None, timeout=60.0, retries=4, backoff=0.2):
        parts = urllib.parse.urlsplit(address)
        if parts.scheme not in ("http", "https", "grpc", "grpcs") or not parts.hostname:
            raise UserError(f"address {address!r}: expected http://HOST:PORT, https://..., grpc://HOST:PORT or grpcs://...")
        if version is not None and label is not None:
            raise UserError(f"version={version} and label={label}: name one of them")
        self.timeout, self.retries, self.backoff = timeout, retries, backoff
        if parts.scheme.startswith("http"):
            from keras_gans.serving.rest import Rest as Transport
        else:
            from keras_gans.serving.grpc import Grpc as Transport
        self._transport = Transport(parts, model, version, label)
        self._signatures = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Closes the connections."""
        self._transport.close()

    def status(self):
        """Returns {version: state}, "AVAILABLE" for those that answer.

        Raises:
            ServingError: no answer, or no such model.
        """
        return self._call(self._transport.status)

    def signatures(self):
        """Returns {name: `Signature`}; asked for once.

        Raises:
            ServingError: no answer, or no such model.
        """
        if self._signatures is None:
            self._signatures = self._call(self._transport.signatures)
        return self._signatures

    def predict(self, inputs, signature="serving_default"):
        """Calls a signature.

        Args:
            inputs: name -> array, or what becomes one; strings are bytes.
            signature: its name.

        Returns:
            name -> array. What is called `generated` is there as `images`, too.

        Raises:
            ServingError: what the server refuses (its `code` says why), no answer in time, or inputs that do not fit.
        """
        known = self.signatures()
        if signature not in known:
            raise ServingError("NOT_FOUND", f"the model has no signature {signature!r}; known: {', '.join(sorted(known))}")
        wanted = known[signature]
        if set(inputs) != set(wanted.inputs):
            raise invalid(
                f"{signature} takes {', '.join(sorted(wanted.inputs))}, not {', '.join(sorted(inputs)) or 'nothing'}"
            )
        arrays = {name: _array(name, value, wanted.inputs[name]) for name, value in inputs.items()}
        made = self._call(lambda seconds: self._transport.predict(arrays, signature, wanted, seconds))
        if _GENERATED in made:
            made.setdefault("images", made[_GENERATED])  # its name in exports of 0.1.0
        return made

    def translate(self, pictures, masks=None, signature=None):
        """Sends pictures through a model that makes images of images.

        Args:
            pictures: list of uint8 [h, w, 1 or 3], of any sizes.
            masks: list of uint8 [h, w], white where a picture is missing, for models that fill holes.
            signature: default: "restore" with masks, else "translate".

        Returns:
            List of uint8 [h', w', 1 or 3].

        Raises:
            ServingError: as in `predict`.
        """
        inputs = {"image_bytes": [image_forms.encode_png(picture) for picture in pictures]}
        if masks is not None:
            inputs["mask_bytes"] = [image_forms.encode_png(mask[:, :, None]) for mask in masks]
        made = self.predict(inputs, signature or ("translate" if masks is None else "restore"))
        return [_pixels(file) for file in made["images_bytes"]]

    def sample(self, count, seed=0, label=None, signature="sample_png", psi=None):
        """Draws images from a model that makes them of latents.

        Args:
            count: how many.
            seed: any integer; the same seed gives the same images.
            label: list of classes, which image i takes in turn; for models that have them.
            psi: truncation, -2 to 2, of style-based models; default: 1, none.
            signature: its name.

        Returns:
            List of uint8 [h, w, 1 or 3].

        Raises:
            ServingError: as in `predict`.
        """
        inputs = {"seed": seed, "count": count} | ({} if label is None else {"label": label})
        known = self.signatures().get(signature)
        if psi is not None or (known and "psi" in known.inputs):
            inputs["psi"] = 1.0 if psi is None else psi
        return [_pixels(file) for file in self.predict(inputs, signature)["images_bytes"]]

    def _call(self, function):
        deadline = time.monotonic() + self.timeout
        for attempt in itertools.count():
            try:
                return function(max(deadline - time.monotonic(), 1e-3))
            except ServingError as error:
                pause = self.backoff * 2**attempt * random.uniform(0.5, 1)
                late = time.monotonic() + pause >= deadline
                if error.code != "UNAVAILABLE" or attempt >= self.retries or late:
                    raise
            time.sleep(pause)


def _array(name, value, tensor):
    """Returns `value` as an array of the `Tensor`'s dtype, if that loses nothing."""
    if tensor.dtype == object:
        made = np.empty(np.shape(value), object)
        made[...] = value
        bad = next((item for item in made.reshape(-1) if not isinstance(item, (bytes, str))), None)
        if bad is not None:
            raise invalid(f"{name}: expected bytes, not {type(bad).__name__}")
        made.reshape(-1)[:] = [item.encode() if isinstance(item, str) else item for item in made.reshape(-1)]
    else:
        given = np.asarray(value)
        fits = given.dtype.kind in "fiub" and np.can_cast(given.dtype, tensor.dtype, "same_kind")
        if given.dtype.kind in "iu" and tensor.dtype.kind in "iu":
            limits = np.iinfo(tensor.dtype)
            fits = not given.size or (limits.min <= given.min() and given.max() <= limits.max)
        if not fits:
            raise invalid(f"{name}: expected {tensor}, not {dtype_name(given.dtype)}")
        made = given.astype(tensor.dtype)
    if not tensor.takes(made.shape):
        raise invalid(f"{name}: expected {tensor}, not {list(made.shape)}")
    return made


def _pixels(file):
    with Image.open(io.BytesIO(file), formats=["PNG"]) as picture:
        return image_forms.to_pixels(picture if picture.mode == "L" else picture.convert("RGB"))
