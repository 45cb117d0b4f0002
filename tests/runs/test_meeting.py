"""Workers meet before they train: who is missing or means another run is named, to all of them."""

import contextlib
import socket
import threading

import pytest
import run_cases

from keras_gans.errors import UserError
from keras_gans.runs import meeting, watching
from keras_gans.runs.cluster import Cluster, LostWorker


def addresses(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return tuple(f"127.0.0.1:{one.getsockname()[1]}" for one in sockets)


def meet(*workers):
    """Lets workers (address list, index, folder, flags that differ) meet; returns what each raised, as text, or None."""
    said = [None] * len(workers)

    def one(place, hosts, index, folder, changes):
        try:
            with meeting.meet(Cluster(hosts, index), run_cases.recipe(**changes), folder):
                pass
        except (UserError, LostWorker) as error:
            said[place] = f"{type(error).__name__}: {error}"

    threads = [threading.Thread(target=one, args=(place, *worker)) for place, worker in enumerate(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return said


@pytest.fixture(autouse=True)
def none_is_ended(monkeypatch):
    """The workers are threads of this process."""
    ended = []
    monkeypatch.setattr(watching.os, "_exit", ended.append)
    yield
    assert not ended


@pytest.fixture
def soon(monkeypatch):
    meeting.card(run_cases.recipe())  # what it imports takes a while
    monkeypatch.setattr(meeting, "WAIT", 3)
    monkeypatch.setattr(meeting, "_SEES", 0.5)


def test_workers_alike_go_on_and_leave_nothing(tmp_path):
    hosts = addresses(3)
    assert meet(*((hosts, index, tmp_path / "run", {}) for index in (2, 0, 1))) == [None] * 3
    assert not (tmp_path / "run").exists()
    for address in hosts:  # the ports are free again for TensorFlow
        socket.create_server(("", int(address.rpartition(":")[2]))).close()


def test_who_means_another_run_is_named_to_all(tmp_path, monkeypatch):
    monkeypatch.setattr(meeting, "_SEES", 0.5)
    hosts, run = addresses(3), tmp_path / "run"
    expected = {
        "flags": f"worker 2 ({hosts[2]}) was started with --batch_size=4 (the chief has 64); start all workers alike",
        "folder": f"worker 2 ({hosts[2]}) does not see the chief's --run_dir: {tmp_path / 'other'} there is another folder",
    }
    said = meet((hosts, 0, run, {}), (hosts, 1, run, {}), (hosts, 2, run, {"batch_size": 4}))
    assert said == [f"UserError: {expected['flags']}"] * 3
    said = meet((hosts, 0, run, {}), (hosts, 1, run, {}), (hosts, 2, tmp_path / "other", {}))
    assert len(set(said)) == 1 and said[0].startswith(f"UserError: {expected['folder']}")
    assert "sources" in meeting.card(run_cases.recipe())["keras_gans"]  # compared as the flags are


def test_who_is_missing_is_named_to_all(tmp_path, soon):
    hosts, run = addresses(3), tmp_path / "run"
    said = meet((hosts, 0, run, {}), (hosts, 2, run, {}))
    assert said == [f"LostWorker: worker 1 ({hosts[1]}) is not there after 3 seconds"] * 2
    (said,) = meet((hosts, 1, run, {}))
    assert said == f"LostWorker: worker 0 ({hosts[0]}) has not called worker 1 ({hosts[1]}) within 3 seconds"


def test_two_with_one_place(tmp_path, soon):
    one, two = addresses(2)
    run = tmp_path / "run"
    # As on two machines: the second chief stands at the address of worker 1, and is gone when it has seen that.
    first, second = meet(((one, two), 0, run, {}), ((two, two), 0, tmp_path / "two", {}))
    refused = f"UserError: {two} was started as worker 0, and is worker 1 in the chief's list of 2"
    assert second.startswith(refused)
    assert first.startswith(refused) or first == f"LostWorker: worker 1 ({two}) is not there after 3 seconds"
    said = meet(((one, two), 0, run, {}), ((one, two), 0, run, {}))  # as on one machine
    assert (
        sum(text.startswith(f"UserError: port {one.rpartition(':')[2]} of worker 0 ({one}) is taken") for text in said) == 1
    )
