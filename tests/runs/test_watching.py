"""Workers hear of each other's end: who is killed ends all, who ends as it should ends nobody."""

import contextlib
import queue
import socket
import time

import pytest

from keras_gans.errors import UserError
from keras_gans.runs import watching
from keras_gans.runs.cluster import Cluster

HOSTS = ("a:1", "b:2", "c:3")
LOST = "error: a worker of the cluster is lost (worker 1 (b:2) has ended); start all workers again: they go on from the last"


@pytest.fixture
def ends(monkeypatch):
    """The exit codes of workers that were ended, as they come."""
    codes = queue.Queue()
    monkeypatch.setattr(watching.os, "_exit", codes.put)
    monkeypatch.setattr(watching, "_OWN", 0.3)
    return codes


@contextlib.contextmanager
def three(ends):
    """Yields the watches of three workers, entered, and the bare connections of worker 1."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        pairs = [(socket.create_connection(server.getsockname()), server.accept()[0]) for _ in (1, 2)]
    (one, other), (two, another) = pairs
    chief, last = watching.Watch(Cluster(HOSTS, 0), {1: one, 2: two}), watching.Watch(Cluster(HOSTS, 2), {0: another})
    with chief, last:
        yield chief, other, last


def test_a_worker_that_is_killed_ends_all(ends, capsys):
    done = []
    with three(ends) as (chief, worker, last):
        chief.leaving.callback(done.append, True)
        began = time.monotonic()
        worker.close()  # what the kernel does for a process that is killed
        assert [ends.get(timeout=5), ends.get(timeout=5)] == [3, 3] and time.monotonic() - began < 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2 and all(line.startswith(LOST) for line in said) and done


def test_an_error_of_one_ends_all_with_its_line(ends, capsys):
    """But for those that come to it themselves."""
    with three(ends) as (chief, worker, last):
        with pytest.raises(UserError), watching.Watch(Cluster(HOSTS, 1), {0: worker}):
            raise UserError("the disk is full")
        assert [ends.get(timeout=5), ends.get(timeout=5)] == [2, 2]
    assert capsys.readouterr().err.splitlines() == ["error: worker 1 (b:2): the disk is full"] * 2
    with three(ends) as (chief, worker, last):
        watching.send(worker, {"code": 2, "why": "its flags"})
    time.sleep(0.5)
    assert ends.empty()


def test_a_worker_at_its_end_ends_nobody(ends):
    with three(ends) as (chief, worker, last):
        with watching.Watch(Cluster(HOSTS, 1), {0: worker}):
            pass
        time.sleep(0.5)
    assert ends.empty()
