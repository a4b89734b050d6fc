"""How many cores there are to compute on."""

import math
import os
from contextlib import suppress
from pathlib import Path

QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Where Linux says how much processor time a container may take in how much time, microseconds."""


def cores() -> int:
    """Count the cores that this process may compute on.

    That may be fewer than the machine has: of Slurm a job gets some, of Kubernetes a quota of time.
    """
    bound = hasattr(os, "sched_getaffinity")  # not on macOS
    usable = len(os.sched_getaffinity(0)) if bound else os.cpu_count() or 1
    with suppress(OSError, ValueError):  # no quota: "max"
        most, period = map(int, QUOTA.read_text(encoding="ascii").split())
        usable = min(usable, math.ceil(most / period))
    return usable
