"""Who the workers of a run are, from flags and from TF_CONFIG."""

import json

import pytest

from keras_gans.errors import UserError
from keras_gans.runs import cluster
from keras_gans.runs.cluster import Cluster


@pytest.mark.parametrize(
    "config, expected",
    [
        ({}, None),
        ({"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}, None),
        ({"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 1}}, Cluster(("a:1", "b:1"), 1)),
        # As Vertex AI says it: the chief is a job of its own.
        (
            {"cluster": {"chief": ["a:1"], "worker": ["b:1"]}, "task": {"type": "chief", "index": 0}},
            Cluster(("a:1", "b:1"), 0),
        ),
        (
            {"cluster": {"chief": ["a:1"], "worker": ["b:1"]}, "task": {"type": "worker", "index": "0"}},
            Cluster(("a:1", "b:1"), 1),
        ),
        ({"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 2}}, UserError),
        ({"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "evaluator", "index": 0}}, UserError),
        ({"cluster": {"worker": ["a:1", "b:1"], "ps": ["c:1"]}, "task": {"type": "worker", "index": 0}}, UserError),
        ([], UserError),
    ],
)
def test_the_cluster_of_the_environment(monkeypatch, config, expected):
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    if expected is UserError:
        with pytest.raises(UserError, match="is no cluster of workers with a place for this one"):
            cluster.of_environment()
    else:
        assert cluster.of_environment() == expected


def test_hosts_become_tf_config(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "")
    cluster.of_hosts("a, b:3000,[::1]:4", 1)
    assert cluster.of_environment() == Cluster(("a:2222", "b:3000", "[::1]:4"), 1)
    for hosts, index, message in [
        ("a,b", 2, "--index=2: --hosts has 2 hosts"),
        ("a,b", None, "--index is missing"),
        ("a,a:2222", 0, "a:2222 is in it twice"),
        ("a,b c", 0, "'b c:2222' is no HOST:PORT"),
    ]:
        with pytest.raises(UserError, match=message):
            cluster.of_hosts(hosts, index)
