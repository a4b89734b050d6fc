"""Doing something every so often while something else goes on."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Event, Thread


@contextmanager
def every(seconds: float, do: Callable[[], object]) -> Generator[None]:
    """Do something again and again, in a thread, until the block ends.

    Args:
        seconds: between the end of one time and the next.
        do: must not raise: nobody would hear of it.
    """
    ended = Event()

    def go_on() -> None:
        while not ended.wait(seconds):
            do()

    thread = Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
