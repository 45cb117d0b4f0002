"""What a user can get wrong, said in one line."""


class UserError(Exception):
    """A mistake that the user can repair.

    The message is one line that says what is wrong, where, and what would be right. Command lines print it
    without a traceback and end with exit code 2.
    """
