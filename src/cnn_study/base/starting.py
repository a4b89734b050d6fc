"""Ctrl-C while a command is still starting: it ends at once, with no traceback out of an import.

What a command is made of takes a second to import. So this is imported before it, and `over` is
called behind it, where others look after signals.
"""

import signal
import threading

IS_PYTHONS = (
    threading.current_thread() is threading.main_thread()
    and signal.getsignal(signal.SIGINT) is signal.default_int_handler
)
"""Whether Ctrl-C would raise here what nobody takes; it may be ignored, or somebody else's."""

if IS_PYTHONS:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def over() -> None:
    """Let Ctrl-C be what it was."""
    if IS_PYTHONS and signal.getsignal(signal.SIGINT) == signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
