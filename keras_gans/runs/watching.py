"""The workers of a run hear of each other's end while they train: each stays connected with the chief.

TensorFlow notices a lost worker too, but not while it prepares a step or waits for all to join, which takes minutes for a large
game. A connection that breaks is seen at any moment.
"""

import contextlib
import json
import os
import socket
import sys
import threading

from keras_gans.errors import UserError, shown
from keras_gans.runs import cluster, launching

_LONGEST = 2**20  # bytes of a message
_OWN = 5  # seconds that a worker has to come to the same error by itself
_SILENT = 5  # seconds, five times: a machine that does not answer for so long is lost


def send(connection, message):
    """Sends a dict as a line of JSON."""
    connection.sendall(json.dumps(message).encode() + b"\n")


def receive(connection, seconds):
    """Returns the dict that the other side sends.

    Args:
        connection: a socket.
        seconds: that it may take; None waits for ever.

    Raises:
        OSError, ValueError: it sends none.
    """
    connection.settimeout(None if seconds is None else max(0.1, seconds))
    line = b""
    while not line.endswith(b"\n"):
        more = connection.recv(1)  # not a byte of the next message
        line += more
        if not more or len(line) > _LONGEST or not line.startswith(b"{"):
            raise ValueError("not a worker")
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("not a worker")
    return message


class Watch:
    """Ends this process where another worker of its run ends before its time; tells the others how this one ends.

    A context manager. Between its beginning and its end, a worker that is killed, or whose machine is gone for 25 seconds, ends
    this process with exit code 3 and one line, whatever it is at; one that ends with a `UserError` ends it with that line and
    exit code 2, so that launchers do not start it again.

    Args:
        workers: a `cluster.Cluster`.
        links: dict of sockets by the place of the worker that each is connected with: all others for the chief, the chief
            for all others.

    Attributes:
        leaving: a `contextlib.ExitStack` of what is to be done before this process is ended so.
    """

    def __init__(self, workers, links):
        self.workers, self.links, self.leaving = workers, links, contextlib.ExitStack()
        self._over, self._deciding = threading.Event(), threading.Lock()
        for link in links.values():
            link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if hasattr(socket, "TCP_KEEPIDLE"):  # not on macOS, whose keepalive takes two hours
                for option, value in (("TCP_KEEPIDLE", _SILENT), ("TCP_KEEPINTVL", _SILENT), ("TCP_KEEPCNT", 4)):
                    link.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)

    def __enter__(self):
        for index, link in self.links.items():
            threading.Thread(target=self._look, args=(index, link), daemon=True).start()
        return self

    def __exit__(self, kind, error, trace):
        with self._deciding:
            self._over.set()
        if error is None:
            self._tell(0, "")
        elif isinstance(error, UserError):
            self._tell(2, f"{self.workers.named(self.workers.index)}: {error}")
        else:
            self._tell(launching.LOST, str(error) or kind.__name__)
        for link in self.links.values():
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)  # the thread that looks at it ends
            link.close()

    def _tell(self, code, why):
        for link in self.links.values():
            with contextlib.suppress(OSError):
                send(link, {"code": code, "why": why})

    def _look(self, index, link):
        try:
            end = receive(link, None)
            code, why = end["code"] if end["code"] in (0, 2) else launching.LOST, shown(end["why"], 600)
        except (OSError, ValueError, KeyError):
            code, why = launching.LOST, f"{self.workers.named(index)} has ended"
        if code == 0 or (code == 2 and self._over.wait(_OWN)):
            return
        with self._deciding:
            if not self._over.is_set():
                self._over.set()
                self._leave(code, why)

    def _leave(self, code, why):
        self._tell(code, why)
        self.leaving.close()
        if code == launching.LOST:
            cluster.say_lost(why)
        else:
            print(f"error: {why}", file=sys.stderr, flush=True)
        sys.stdout.flush()
        os._exit(code)  # TensorFlow cannot be told to give up what it is at
