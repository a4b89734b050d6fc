"""Imports of large libraries, in a fraction of their time."""

import gc
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any


@contextmanager
def absent(*packages: str) -> Generator[None]:
    """Let packages that are not imported yet seem not to be installed.

    Many libraries take long to import others, for functions which nothing here calls, and do
    without those that are not there.
    """
    hidden = [name for name in packages if name not in sys.modules]
    modules: dict[str, Any] = sys.modules  # None, which its type leaves out, refuses an import
    modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextmanager
def lean(*unused: str) -> Generator[None]:
    """Import libraries without packages that are not used, and without looking for garbage.

    What is imported stays until the process ends, so Python need not look through it for garbage
    again and again, now or later.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        with absent(*unused):
            yield
    finally:
        if collects:
            gc.enable()
    gc.freeze()
