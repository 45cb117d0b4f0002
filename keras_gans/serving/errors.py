"""What a server answers when it does not answer with tensors."""

from keras_gans.errors import UserError

# TensorFlow Serving's HTTP status of each gRPC status.
HTTP = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "DATA_LOSS": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
_LONGEST = 500


class ServingError(UserError):
    """A request that was refused or failed; the message is one line.

    Args:
        code: name of the gRPC status, text.
        message: text; made one line, and cut where it is too long.

    Attributes:
        code: name of the gRPC status, "INVALID_ARGUMENT" for example.
    """

    def __init__(self, code, message):
        message = " ".join(message.split())
        super().__init__(message if len(message) <= _LONGEST else message[: _LONGEST - 3] + "...")
        self.code = code


def invalid(message):
    """Returns the error of a request that can never be right."""
    return ServingError("INVALID_ARGUMENT", message)


def unexpected(error):
    """Returns what a client is told of an error that nobody has foreseen; the server's log has more."""
    if isinstance(error, MemoryError):
        return ServingError("RESOURCE_EXHAUSTED", "the server has not enough memory for this request")
    return ServingError("INTERNAL", f"the server failed: {type(error).__name__}")


def code_of(status):
    """Returns the name of the gRPC status that an HTTP status stands for."""
    if status == 413:  # a body that is too large
        return "RESOURCE_EXHAUSTED"
    first = next((code for code, known in HTTP.items() if known == status), None)
    return first or ("INVALID_ARGUMENT" if 400 <= status < 500 else "UNAVAILABLE" if status == 502 else "UNKNOWN")
