"""The workers of one run on several machines: who they are, that they mean the same run, and that one is lost.

What trains together is TensorFlow's matter (`tf.distribute.MultiWorkerMirroredStrategy`, which finds the others by the
environment variable TF_CONFIG). Before it begins, the workers meet (`keras_gans.runs.meeting`).
"""

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import re
import sys

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context as tensorflow_context

from keras_gans.errors import UserError, shown

PORT = 2222
"""Of a host that is named without one."""

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
