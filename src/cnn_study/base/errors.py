"""The one exception that stands for a user's mistake: its message is shown as it is."""


class UserError(Exception):
    """What was given, where, what is allowed and what to do; shown without a traceback."""
