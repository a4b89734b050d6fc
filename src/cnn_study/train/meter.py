"""What a training takes: seconds on the clock and of the processor, memory."""

import resource
import sys
import time
from contextlib import suppress
from pathlib import Path


def peak_memory(of: int = resource.RUSAGE_SELF) -> float:
    """Find the most memory that this process, or a child that has ended, has held, in MiB."""
    most = resource.getrusage(of).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 2**10)


def forget_peak_memory() -> None:
    """Let `peak_memory` of this process begin anew, where the system can: Linux."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


class Stopwatch:
    """A stopwatch of wall and processor time: `with` adds to it."""

    def __init__(self) -> None:
        self.wall = self.cpu = self.last = 0.0

    def __enter__(self) -> None:
        self._start = time.perf_counter(), time.process_time()

    def __exit__(self, *error: object) -> None:
        self.last = time.perf_counter() - self._start[0]
        self.wall += self.last
        self.cpu += time.process_time() - self._start[1]

    def add(self, other: "Stopwatch", sharing: int) -> None:
        """Add the share that one of several has of what another stopwatch measured."""
        self.wall += other.wall / sharing
        self.cpu += other.cpu / sharing
