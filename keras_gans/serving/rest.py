"""The client's REST side."""

import threading
import urllib.parse

import requests

from keras_gans.serving import json_tensors, signatures
from keras_gans.serving.errors import ServingError, code_of


class Rest:
    """Calls of one model; see `keras_gans.serving.client.Client` for the arguments."""

    def __init__(self, address, model, version, label):
        self._url = (
            f"{address.scheme}://{address.netloc}{address.path.rstrip('/')}/v1/models/{urllib.parse.quote(model, safe='')}"
        )
        if version is not None:
            self._url += f"/versions/{version}"
        if label is not None:
            self._url += f"/labels/{urllib.parse.quote(label, safe='')}"
        self._local = threading.local()  # a `requests.Session` is for one thread
        self._sessions = []

    def close(self):
        for session in self._sessions:
            session.close()

    def status(self, seconds):
        answer = self._ask("GET", "", seconds)
        return {int(one["version"]): one["state"] for one in answer["model_version_status"]}

    def signatures(self, seconds):
        return signatures.of_metadata(self._ask("GET", "/metadata", seconds)["metadata"]["signature_def"])

    def predict(self, inputs, name, signature, seconds):
        answer = self._ask("POST", ":predict", seconds, json_tensors.request(inputs, name))
        return json_tensors.outputs(answer, signature)

    def _ask(self, method, path, seconds, body=None):
        """Returns the JSON of the answer."""
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._sessions.append(self._local.session)
        url = self._url + path
        try:
            answer = self._local.session.request(
                method, url, data=body, timeout=seconds, allow_redirects=False, headers={"Content-Type": "application/json"}
            )
        except requests.Timeout as error:
            raise ServingError("DEADLINE_EXCEEDED", f"{url} did not answer within {seconds:.3g} s") from error
        except requests.RequestException as error:
            raise ServingError("UNAVAILABLE", f"{url} cannot be reached; is the server running?") from error
        try:
            content = answer.json()
        except ValueError:
            content = None
        if answer.status_code != 200:
            message = content.get("error") if isinstance(content, dict) else None
            raise ServingError(code_of(answer.status_code), str(message or f"{url} answered with HTTP {answer.status_code}"))
        if not isinstance(content, dict):
            raise ServingError("INTERNAL", f"{url} did not answer with JSON; is it a server of TensorFlow Serving's API?")
        return content
