"""The workers of one run on several machines: who they are, that they mean the same run, and that one is lost.

What trains together is TensorFlow's matter (`tf.distribute.MultiWorkerMirroredStrategy`, which finds the others by the
environment variable TF_CONFIG). Before it begins, the workers meet at the same addresses: the chief calls each of the others,
compares what they were started with, and lets all go at once. So a worker that is missing or means another run is named, in
place of a cluster that waits for ever or trains nonsense.
"""

import contextlib
import dataclasses
import errno
import functools
import hashlib
import json
import os
import pathlib
import re
import socket
import sys
import threading
import time
import uuid
from importlib import metadata

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context as tensorflow_context

import keras_gans
from keras_gans import files, plugins
from keras_gans.errors import UserError, shown
from keras_gans.flags import defaults

WAIT = 40
"""Seconds that the workers wait for each other at the start."""
PORT = 2222
"""Of a host that is named without one."""
_SEES = 15  # seconds until a file on a network file system must be seen by the others
_LONGEST = 2**20  # bytes of a message

LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
)
"""What TensorFlow raises where another worker has ended or cannot be reached."""


class LostWorker(Exception):
    """Another worker of the cluster has ended, or cannot be reached.

    Attributes:
        in_training: whether TensorFlow has found it out, whose threads are at work then.
    """

    in_training = False


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The workers of a run.

    Args:
        addresses: tuple of HOST:PORT, the chief's first.
        index: of this process among them; 0 is the chief, which writes the run's files.
    """

    addresses: tuple
    index: int

    def named(self, index):
        """Returns a worker as messages name it."""
        return f"worker {index} ({self.addresses[index]})"


def of_hosts(hosts, index):
    """Sets TF_CONFIG to what `--hosts` and `--index` say.

    Args:
        hosts: HOST[:PORT],HOST[:PORT],...
        index: of this machine among them, from 0.

    Raises:
        UserError: no such list, a host that is in it twice, an index that is not in it.
    """
    addresses = [host.strip() if re.search(r":\d+$", host) else f"{host.strip()}:{PORT}" for host in hosts.split(",")]
    for address in addresses:
        if not re.fullmatch(r"([\w.-]+|\[[0-9a-fA-F:.]+\]):\d{1,5}", address):
            raise UserError(
                f"--hosts={hosts}: {address!r} is no HOST:PORT; give all hosts alike, as in --hosts=a:2222,b:2222"
            )
        if addresses.count(address) > 1:
            raise UserError(f"--hosts={hosts}: {address} is in it twice; give each worker a host or a port of its own")
    if index is None or not 0 <= index < len(addresses):
        given = "--index is missing" if index is None else f"--index={index}"
        raise UserError(
            f"{given}: --hosts has {len(addresses)} hosts; give each its own place in the list, from 0 to {len(addresses) - 1}"
        )
    os.environ["TF_CONFIG"] = json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}})


def of_environment():
    """Returns the `Cluster` that TF_CONFIG tells of; None where this process trains alone.

    Raises:
        UserError: what it says is no cluster of workers.
    """
    text = os.environ.get("TF_CONFIG", "")
    try:
        config = json.loads(text or "{}")
        jobs, task = config.get("cluster", {}), config.get("task", {})
        addresses = tuple(address for job in ("chief", "worker") for address in jobs.get(job, ()))
        if len(addresses) < 2:
            return None
        of_job = list(jobs[task["type"]])
        index = int(task["index"]) + (len(jobs.get("chief", ())) if task["type"] == "worker" else 0)
        if task["type"] not in ("chief", "worker") or set(jobs) - {"chief", "worker"} or not of_job[int(task["index"])]:
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise UserError(
            f"TF_CONFIG={shown(text)} is no cluster of workers with a place for this one; it should be like "
            '{"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}}; '
            "--hosts=a:2222,b:2222 --index=0 sets it"
        ) from error
    return Cluster(addresses, index)


# === What the workers compare ===


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


# === Meeting ===


def meet(cluster, recipe, directory):
    """Waits until all workers are there and mean the same run.

    Args:
        cluster: a `Cluster`.
        recipe: dict of resolved flags.
        directory: of the run, a path or a URL, in which the chief leaves a file for a moment that the others must see.

    Raises:
        UserError: a worker was started with another place, other flags or other code, or does not see the folder. All
            workers that have been reached say so.
        LostWorker: one is not there within `WAIT` seconds.
    """
    deadline = time.monotonic() + WAIT
    mine = {"index": cluster.index, "card": card(recipe)}
    with _listening(cluster) as listener:
        if cluster.index == 0:
            with _telling_other_chiefs(listener, mine):
                _call_all(cluster, mine, os.fspath(directory), deadline)
        else:
            _answer_chief(cluster, listener, mine, os.fspath(directory), deadline)


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


def _send(connection, message):
    connection.sendall(json.dumps(message).encode() + b"\n")


def _receive(connection, seconds):
    """Returns the dict that the other side sends.

    Raises:
        OSError, ValueError: it sends none.
    """
    connection.settimeout(max(0.1, seconds))
    line = b""
    while not line.endswith(b"\n"):
        more = connection.recv(65536)
        if not more or len(line) > _LONGEST or not line.startswith(b"{"[: len(line)]):
            raise ValueError("not a worker")
        line += more
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("not a worker")
    return message


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
                    _receive(connection, 5)
                    _send(connection, mine)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _call_all(cluster, mine, directory, deadline):
    """The chief's part."""
    sign, answers = f".cluster-{uuid.uuid4().hex}", {}
    with contextlib.ExitStack() as stack:
        stack.enter_context(_left(directory, sign))
        waiting = set(range(1, len(cluster.addresses)))
        while waiting and time.monotonic() < deadline:
            for index in sorted(waiting):
                try:
                    host, _, port = cluster.addresses[index].rpartition(":")
                    connection = stack.enter_context(socket.create_connection((host.strip("[]"), int(port)), timeout=2))
                    _send(connection, mine | {"calls": index, "sign": sign, "seconds": deadline - time.monotonic()})
                    answers[index] = connection, _receive(connection, min(_SEES + 10, deadline - time.monotonic()))
                    waiting.discard(index)
                except (OSError, ValueError):
                    continue
            time.sleep(0.2 if waiting else 0)
        problem = _problem(cluster, mine, {index: answer for index, (_, answer) in answers.items()}, waiting)
        for index, (connection, _) in answers.items():
            try:
                _send(connection, {"problem": problem, "missing": sorted(waiting)})
                _receive(connection, 5)
            except (OSError, ValueError):
                waiting.add(index)  # it was there, and has ended since
    _judge(cluster, problem, sorted(waiting))


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
    """The part of every other worker."""
    while (left := deadline - time.monotonic()) > 0:
        listener.settimeout(left)
        try:
            connection, _ = listener.accept()
            with connection:
                call = _receive(connection, 5)
                if call.get("calls") == cluster.index and call.get("index") == 0:
                    sees = _sees(directory, str(call.get("sign")))
                    _send(connection, mine | {"sees": sees, "directory": _whole(directory)})
                    # The chief waits for the last of the others, who may have begun later.
                    verdict = _receive(connection, float(call.get("seconds", WAIT)) + 10)
                    _send(connection, {"heard": True})
                    return _judge(cluster, verdict.get("problem"), list(verdict.get("missing", ())))
                _send(connection, mine)  # whoever takes this host for another worker
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


# === While they train ===


def compare(cluster, strategy, what, text):
    """Checks that a text is the same on all workers; waits for them.

    Args:
        cluster: a `Cluster`, or None, where nothing is compared.
        strategy: of the cluster.
        what: of the worker, in words, for messages.
        text: this worker's.

    Raises:
        UserError: names the first worker whose text is not the chief's.
    """
    if cluster is None:
        return
    everybody = np.asarray(together(strategy)(list(hashlib.sha256(text.encode()).digest())))
    for index, other in enumerate(everybody):
        if (other != everybody[0]).any():
            raise UserError(f"{cluster.named(index)} {what}")


def together(strategy):
    """Returns a function that all workers call at once: a list of numbers -> what each gave, float32 [workers, numbers].

    Args:
        strategy: a `tf.distribute.MultiWorkerMirroredStrategy`.
    """

    def of_replica(values):
        return tf.distribute.get_replica_context().all_gather(values[None], axis=0)

    @tf.function
    def gather(values):
        return strategy.experimental_local_results(strategy.run(of_replica, args=(values,)))[0]

    replicas = len(strategy.extended.worker_devices)  # of this worker; all have as many
    return lambda values: gather(tf.constant(values, tf.float32))[::replicas]


@contextlib.contextmanager
def one_line(cluster):
    """Turns what TensorFlow raises where a worker is lost into `LostWorker`."""
    if cluster is not None:
        # What a filter takes out of the traceback is freed at once, and an iterator waits up to a minute for that.
        keras.config.disable_traceback_filtering()
        tf.debugging.disable_traceback_filtering()
    try:
        yield
    except LOST as error:
        if cluster is None:
            raise
        lines = error.message.splitlines() or [""]
        lost = LostWorker(next((line for line in lines if "aborted" in line), lines[0]))
        lost.in_training = True
        raise lost from error


def join(build):
    """Returns what `build()` returns, a strategy of a cluster that has met.

    A worker that ended since the meeting is waited for by TensorFlow for an hour, unless it is told otherwise, which it takes
    by no public name.
    """
    context = tensorflow_context.context()
    context.configure_coordination_service = functools.partial(
        context.configure_coordination_service, cluster_register_timeout_in_ms=20_000
    )
    return build()


def say_lost(error):
    """Prints that a worker is lost, in one line."""
    print(
        f"error: a worker of the cluster is lost ({error}); start all workers again: they go on from the last checkpoint",
        file=sys.stderr,
        flush=True,
    )
