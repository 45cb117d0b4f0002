"""The workers of a run meet before they train: the chief calls each of the others at the address that TensorFlow takes later,
compares what they were started with, and lets all go at once.

So a worker that is missing or means another run is named, in place of a cluster that waits for ever or trains nonsense. The
connections stay, and tell who ends (`keras_gans.runs.watching`).
"""

import contextlib
import errno
import hashlib
import os
import pathlib
import re
import socket
import threading
import time
import uuid
from importlib import metadata

import tensorflow as tf

import keras_gans
from keras_gans import files, plugins, startup
from keras_gans.errors import UserError, shown
from keras_gans.flags import defaults
from keras_gans.runs.cluster import LostWorker
from keras_gans.runs.watching import Watch, receive, send

WAIT = 50
"""Seconds from the start of a command until it gives up the workers that are not there; half of them, if the start took longer."""
_SEES = 15  # seconds until a file on a network file system must be seen by the others


def card(recipe):
    """Returns what all workers of a run have in common, a dict: name -> text."""
    flags = {f"--{name}": "" if value is None else str(value) for name, value in recipe.items() if name in defaults()}
    versions = {name: metadata.version(name) for name in ("tensorflow", "keras")}
    plugged = ", ".join(f"{plugin['file']} {plugin['sha256'][:12]}" for plugin in plugins.records())
    return flags | {
        "keras_gans": f"{keras_gans.__version__}, sources {_sources()[:12]}",
        "TensorFlow": versions["tensorflow"],
        "Keras": versions["keras"],
        "plug-ins": plugged or "none",
        "GPUs": str(len(tf.config.list_physical_devices("GPU"))),
    }


def _sources():
    """Returns a hash of the package's own code."""
    root, digest = pathlib.Path(keras_gans.__file__).parent, hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _difference(ours, theirs):
    """Returns how a worker's card differs from the chief's, in words, or None."""
    said = [
        f"{name}={theirs.get(name, '')} (the chief has {ours.get(name, '')})"
        if name.startswith("--")
        else f"{name} {theirs.get(name, 'unknown')} (the chief has {ours.get(name, 'unknown')})"
        for name in sorted(set(ours) | set(theirs))
        if ours.get(name) != theirs.get(name)
    ]
    return shown(", ".join(said), 400) if said else None


def meet(cluster, recipe, directory):
    """Waits until all workers are there and mean the same run.

    Args:
        cluster: a `Cluster`.
        recipe: dict of resolved flags.
        directory: of the run, a path or a URL, in which the chief leaves a file for a moment that the others must see.

    Returns:
        A `Watch` of the others, to be entered.

    Raises:
        UserError: a worker was started with another place, other flags or other code, or does not see the folder. All
            workers that have been reached say so.
        LostWorker: one is not there in time (`WAIT`).
    """
    deadline = time.monotonic() + WAIT - min(time.monotonic() - startup.BEGAN, WAIT / 2)
    mine = {"index": cluster.index, "card": card(recipe)}
    with _listening(cluster) as listener:
        if cluster.index == 0:
            with _telling_other_chiefs(listener, mine):
                links = _call_all(cluster, mine, os.fspath(directory), deadline)
        else:
            links = {0: _answer_chief(cluster, listener, mine, os.fspath(directory), deadline)}
    return Watch(cluster, links)


@contextlib.contextmanager
def _listening(cluster):
    address = cluster.addresses[cluster.index]
    port = int(address.rpartition(":")[2])
    try:
        if socket.has_dualstack_ipv6():
            listener = socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
        else:
            listener = socket.create_server(("", port))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise UserError(f"{cluster.named(cluster.index)} cannot listen at port {port}: {files.reason(error)}") from error
        raise UserError(
            f"port {port} of {cluster.named(cluster.index)} is taken on this machine; is another worker with the same place "
            "running here? Give each worker an --index of its own, or the host another port"
        ) from error
    with listener:
        yield listener


@contextlib.contextmanager
def _telling_other_chiefs(listener, mine):
    """Answers whoever calls the chief meanwhile: another chief, or itself in the place of another worker."""
    done = threading.Event()
    listener.settimeout(0.1)

    def answer():
        while not done.is_set():
            with contextlib.suppress(OSError, ValueError):
                connection, _ = listener.accept()
                with connection:
                    receive(connection, 5)
                    send(connection, mine)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _call_all(cluster, mine, directory, deadline):
    """The chief's part; returns its connections to the others, by their places."""
    sign, answers = f".cluster-{uuid.uuid4().hex}", {}
    with contextlib.ExitStack() as stack:
        stack.enter_context(_left(directory, sign))
        waiting = set(range(1, len(cluster.addresses)))
        while waiting and time.monotonic() < deadline:
            for index in sorted(waiting):
                try:
                    host, _, port = cluster.addresses[index].rpartition(":")
                    connection = stack.enter_context(socket.create_connection((host.strip("[]"), int(port)), timeout=2))
                    send(connection, mine | {"calls": index, "sign": sign, "seconds": deadline - time.monotonic()})
                    answers[index] = connection, receive(connection, min(_SEES + 10, deadline - time.monotonic()))
                    waiting.discard(index)
                except (OSError, ValueError):
                    continue
            time.sleep(0.2 if waiting else 0)
        problem = _problem(cluster, mine, {index: answer for index, (_, answer) in answers.items()}, waiting)
        for index, (connection, _) in answers.items():
            try:
                send(connection, {"problem": problem, "missing": sorted(waiting)})
                receive(connection, 5)
            except (OSError, ValueError):
                waiting.add(index)  # it was there, and has ended since
        _judge(cluster, problem, sorted(waiting))
        links = {index: connection.dup() for index, (connection, _) in answers.items()}
    return links


@contextlib.contextmanager
def _left(directory, sign):
    """Leaves a file in a folder for a moment."""
    try:
        tf.io.gfile.makedirs(directory)
        with tf.io.gfile.GFile(f"{directory}/{sign}", "w") as file:
            file.write("the workers of a run look whether they see this\n")
    except tf.errors.OpError as error:
        raise UserError(f"cannot write to --run_dir={directory}: {' '.join(error.message.split())[:200]}") from error
    try:
        yield
    finally:
        with contextlib.suppress(tf.errors.OpError, OSError):
            tf.io.gfile.remove(f"{directory}/{sign}")
            os.rmdir(directory)  # where the run has not begun


def _problem(cluster, mine, answers, waiting):
    """Returns what is wrong with the workers that answered, or None."""
    for index, answer in sorted(answers.items()):
        who = cluster.named(index)
        if answer.get("index") != index:
            return (
                f"{cluster.addresses[index]} was started as worker {answer.get('index')}, and is worker {index} in the chief's "
                f"list of {len(cluster.addresses)}; give each host its own --index"
            )
        if difference := _difference(mine["card"], answer.get("card", {})):
            return f"{who} was started with {difference}; start all workers alike"
        if not answer.get("sees"):
            return (
                f"{who} does not see the chief's --run_dir: {answer.get('directory')} there is another folder; name one that "
                "all machines share"
            )
    return None


def _answer_chief(cluster, listener, mine, directory, deadline):
    """The part of every other worker; returns its connection to the chief."""
    while (left := deadline - time.monotonic()) > 0:
        listener.settimeout(left)
        try:
            connection, _ = listener.accept()
            with connection:
                call = receive(connection, 5)
                if call.get("calls") == cluster.index and call.get("index") == 0:
                    sees = _sees(directory, str(call.get("sign")))
                    send(connection, mine | {"sees": sees, "directory": _whole(directory)})
                    # The chief waits for the last of the others, who may have begun later.
                    verdict = receive(connection, float(call.get("seconds", WAIT)) + 10)
                    send(connection, {"heard": True})
                    _judge(cluster, verdict.get("problem"), list(verdict.get("missing", ())))
                    return connection.dup()
                send(connection, mine)  # whoever takes this host for another worker
                if call.get("calls") is not None:
                    raise UserError(
                        f"{cluster.named(cluster.index)} is called as worker {call.get('calls')} by worker "
                        f"{call.get('index')}; give each host its own --index, and all the same --hosts"
                    )
        except (OSError, ValueError):
            continue
    raise LostWorker(f"{cluster.named(0)} has not called {cluster.named(cluster.index)} within {WAIT} seconds")


def _judge(cluster, problem, missing):
    if problem:
        raise UserError(problem)
    if missing:
        names = " and ".join(cluster.named(index) for index in missing)
        raise LostWorker(f"{names} {'is' if len(missing) == 1 else 'are'} not there after {WAIT} seconds")


def _whole(directory):
    return directory if "://" in directory else os.path.abspath(directory)


def _sees(directory, sign):
    """Whether a file of that name comes to be seen in a folder."""
    if not re.fullmatch(r"\.cluster-[0-9a-f]{32}", sign):
        return False
    until = time.monotonic() + _SEES
    while not tf.io.gfile.exists(f"{directory}/{sign}"):
        if time.monotonic() > until:
            return False
        time.sleep(0.2)
    return True
