"""Files on TensorFlow's own file systems (gs://, ram://, ...), and the patience with those that do not answer."""

import threading

from keras_gans.errors import UserError

PATIENCE = 45.0  # seconds; TensorFlow alone would try for minutes


def is_remote(path):
    """Returns whether a path names a file system, as gs://bucket/file does."""
    return "://" in str(path)


def within(function, where, seconds=PATIENCE):
    """Calls a function that may wait for a network.

    Args:
        function: without arguments.
        where: what it looks at, for messages.
        seconds: how long to wait.

    Returns:
        What the function returns.

    Raises:
        UserError: no answer in time, or an error of TensorFlow's or of the system.
    """
    answer = {}

    def ask():
        try:
            answer["found"] = function()
        except BaseException as error:
            answer["error"] = error

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    if asking.is_alive():
        raise UserError(f"{where} does not answer within {seconds:.0f} s; is there a network, and does the place exist?")
    error = answer.get("error")
    if error is None:
        return answer["found"]
    if isinstance(error, UserError):
        raise error
    line = next(iter((getattr(error, "message", None) or str(error)).splitlines()), "") or type(error).__name__
    raise UserError(f"{where} cannot be reached: {line[:300]}") from error
