"""Where a command speaks: a screen, a pipe or a file, which may be full, broken or closed."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from typing import TextIO

UNHEARD = 1
"""What a command ends with where it could not say all that it had to say."""

_FAULTS: dict[str, OSError] = {}
"""By the names of outputs: why one of them took nothing, the last time that it did not."""


_SCREENS: list[int] = []
"""Where stderr led before `without` led it through another process."""


def closed() -> bool:
    """Tell whether this process began without stdout or stderr: the next file would take its place.

    What a library then prints would go into that file.
    """
    return sys.stdout is None or sys.stderr is None


def say(line: str, output: TextIO) -> None:
    """Say something on the way. That nobody can hear it is no reason to lose what is computed."""
    try:
        print(line, file=output, flush=True)
    except OSError as error:
        _FAULTS[output.name] = error


@contextmanager
def hushed() -> Generator[None]:
    """Keep back what libraries write to stderr by themselves; where it ends in an error, say it."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        except BaseException:
            said.seek(0)
            os.write(kept, said.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


@contextmanager
def without(chatter: str) -> Generator[None]:
    """Keep from stderr the lines that libraries' C++ writes and that are no fault.

    Another process passes on all others, also where this one is aborted meanwhile.

    Args:
        chatter: an extended regular expression (POSIX) for them.
    """
    if sys.stderr is None or not shutil.which("grep"):
        yield
        return
    sys.stderr.flush()
    screen = os.dup(2)  # stays open: another thread may be about to hand it to a process
    command = ["grep", "--line-buffered", "-a", "-v", "-E", chatter]
    given, way = os.pipe()
    with subprocess.Popen(command, stdin=given, stdout=screen, stderr=screen):
        os.dup2(way, 2)
        os.close(given)
        os.close(way)
        _SCREENS.append(screen)
        try:
            yield
        finally:
            sys.stderr.flush()
            _SCREENS.remove(screen)
            os.dup2(screen, 2)


def screen() -> int:
    """Name the descriptor of stderr for a process that is begun, also within `without`.

    That waits until nobody holds the way through it any more.
    """
    return _SCREENS[-1] if _SCREENS else 2


def is_fault_of_output(error: Exception) -> bool:
    """Tell whether an error came of something that was said, by saying a little more."""
    if isinstance(error, OSError) and error.filename is None:
        for output in (sys.stdout, sys.stderr):
            if not _FAULTS:
                say("", output)
    return bool(_FAULTS)


def unheard() -> bool:
    """Tell whether something that was said did not arrive, and say so where that can be heard.

    Nobody is told of a pipe that is read no more, as after `| head`.
    """
    for output in (sys.stdout, sys.stderr):
        try:
            output.flush()
        except OSError as error:
            _FAULTS[output.name] = error
        if output.name in _FAULTS:  # Python would try again as it ends, and complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())
    for name, error in _FAULTS.items():
        if not isinstance(error, BrokenPipeError):
            print(f"{name} cannot be written: {error.strerror}", file=sys.stderr)
    return bool(_FAULTS)
