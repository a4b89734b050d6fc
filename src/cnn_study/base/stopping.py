"""Ending in time: what SIGTERM, SIGHUP and Ctrl-C do to a process and to all that it started.

A container, a cluster or a terminal that closes gives a process seconds, and kills it then. So the
first such signal ends what is in hand as Ctrl-C does, hands itself on to every process below, and
sees to it that nothing outlives the time.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)

STOPPED = "stopped; whatever is whole is kept, and the same command goes on"

COMMAND_SECONDS = 3.0
"""What a command has to end; whatever waits for it has longer, and Docker gives 10 in all."""

WORKFLOW_SECONDS = 6.0

LOOK_SECONDS = 0.2


class Stopped(KeyboardInterrupt):
    """Raised where this process is when a signal comes that asks it to end."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.status = 128 + number
        """What the process ends with, as a shell tells the signal."""


def told_in_a_line() -> None:
    """Let what a signal ends say so in a line, where nobody takes what it raises."""
    before = sys.excepthook

    def tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, KeyboardInterrupt):
            print(STOPPED, file=sys.stderr)
        else:
            before(kind, error, trace)

    sys.excepthook = tell


def stop_on_signals(seconds: float = COMMAND_SECONDS) -> None:
    """Let this process end by the first signal, with all that it started, within some seconds.

    A signal that is ignored, as `nohup` has it or a script for what runs in its background, stays
    so. Called by the main thread.
    """
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        if not stopping.is_set():  # one more, such as Ctrl-C to the whole group, changes nothing
            stopping.set()
            status = Stopped(number)
            # What other threads wait for is ended under them: that they fail then is no news.
            threading.excepthook = lambda failure: None
            # No daemon: this process waits with its end for what it has started.
            threading.Thread(target=_end, args=(seconds, status.status)).start()
            raise status

    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, stop)


def _end(seconds: float, status: int) -> None:
    """End every process below this one, and this one too if it has not ended by itself in time."""
    import psutil

    own, below, end = psutil.Process(), set(), time.monotonic() + seconds
    while time.monotonic() < end:
        # Again and again: another thread may have been about to start one.
        for process in set(own.children(recursive=True)) - below:
            if not _ends_by_itself(process):
                _send(process.terminate)
                below.add(process)
        ended = not threading.main_thread().is_alive()
        time.sleep(LOOK_SECONDS)
        if ended:
            break
    # Whatever waits for others has done so by now: what still lives takes no signal.
    for process in below:
        _send(process.kill)
    if threading.main_thread().is_alive():
        os._exit(status)


def _ends_by_itself(process: "psutil.Process") -> bool:
    """Tell Python's own tracker of resources, which takes no signal and is asked to the last."""
    import psutil

    try:
        return "resource_tracker" in " ".join(process.cmdline())
    except psutil.Error:
        return False


def _send(signal_to: Callable[[], None]) -> None:
    import psutil

    try:
        signal_to()
    except psutil.Error:
        return  # It ended just now, or is another user's.


def end_with(parent: int) -> None:
    """Let this process, a worker of another one, end when that one does, however it ends.

    Ctrl-C in a terminal reaches both: the parent ends what it started.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    watch(lambda: os.getppid() != parent, 1)


def watch(over: Callable[[], bool], status: int) -> None:
    """End this process, whatever it waits for, when something is over."""

    def look() -> None:
        while not over():
            time.sleep(LOOK_SECONDS)
        os._exit(status)

    threading.Thread(target=look, daemon=True).start()
