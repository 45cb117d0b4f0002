"""Every kind of picture through the local server: right within a level, or 400 in words."""

import base64
import json

import numpy as np
import picture_cases
import pytest
import requests
import tensorflow as tf

CASES = picture_cases.cases()


def negative(url, *files):
    instances = [{"b64": base64.b64encode(data).decode()} for data in files]
    body = json.dumps({"signature_name": "translate", "instances": instances})
    return requests.post(f"{url}/v1/models/tiny:predict", data=body, timeout=60)


def test_kinds_of_pictures_in_one_request(url):
    taken = {name: case for name, case in CASES.items() if not case.refused}
    answer = negative(url, *(case.data for case in taken.values()))
    assert answer.status_code == 200, answer.text
    for (name, case), made in zip(taken.items(), answer.json()["predictions"], strict=True):
        pixels = tf.io.decode_png(base64.b64decode(made["b64"])).numpy().astype(int)
        assert pixels.shape == case.shows.shape and np.abs(255 - pixels - case.shows).max() <= 1, name


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.refused])
def test_kinds_that_are_refused(url, name):
    answer = negative(url, CASES[name].data)
    assert answer.status_code == 400 and CASES[name].refused in answer.json()["error"]
