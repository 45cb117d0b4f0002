"""A command that is started again where it ends because a worker of its cluster was lost."""

import signal
import subprocess
import sys

LOST = 3
"""Exit code of a run that is not at its end, and goes on when all its workers are started again."""


def supervise(words, restarts):
    """Runs a command to its end, and again where that was the loss of a worker, or a signal that somebody else sent.

    SIGTERM and SIGINT are passed on; then the command is not started again.

    Args:
        words: the command line.
        restarts: how often it is started again, at most.

    Returns:
        Its last exit code; 128 and the number of the signal that ended it.
    """
    told = []
    process = None

    def pass_on(number, frame):
        told.append(number)
        if process is not None:
            process.send_signal(number)

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        for left in range(restarts, -1, -1):
            # In a group of its own, so that Ctrl-C reaches it once.
            process = subprocess.Popen(words, process_group=0)
            code = process.wait()
            if told or left == 0 or not (code == LOST or code < 0):
                break
            ended = f"with exit code {code}" if code > 0 else f"by {signal.Signals(-code).name}"
            print(
                f"the worker has ended {ended}; it is started again, {left - 1} more times at most",
                file=sys.stderr,
                flush=True,
            )
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code
