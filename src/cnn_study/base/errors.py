"""The one exception that stands for a user's mistake: its message is shown as it is."""

from pydantic import ValidationError


class UserError(Exception):
    """What was given, where, what is allowed and what to do; shown without a traceback."""


def first_line(error: Exception) -> str:
    """Say what is wrong with a file; of many faults that Pydantic found, the first."""
    if isinstance(error, ValidationError):
        fault = error.errors()[0]
        return ": ".join(filter(None, (".".join(map(str, fault["loc"])), fault["msg"])))
    return str(error)
