"""What a user can get wrong, said in one line."""


class UserError(Exception):
    """A mistake that the user can repair.

    The message is one line that says what is wrong, where, and what would be right. Command lines print it
    without a traceback and end with exit code 2. What would break the line (a flag's value, a name in an archive) is
    escaped.
    """

    def __init__(self, message=""):
        super().__init__(_on_one_line(str(message)))


def _on_one_line(text):
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def shown(text, longest=120):
    """Returns text of a stranger's file as messages show it: on one line, escaped, cut to `longest` characters."""
    text = str(text)
    said = _on_one_line(text[: longest + 1])
    return said if len(said) <= longest else said[: longest - 3] + "..."
