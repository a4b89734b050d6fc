"""How much electric energy a training takes, where the machine tells.

A processor counts what it takes (RAPL), all that runs on it together, which Linux mostly shows to
root alone. A run bears the part of it that its processor time has in that of all processes: what
idles is borne by those who work. A GPU counts likewise (NVML), and a training has one for itself.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any

import psutil

from cnn_study.base.ticking import every
from cnn_study.train.machine import claimed_gpu

POWERCAP = Path("/sys/class/powercap")
"""Where Linux shows the counters of processors, by zone."""

ZONES = ("package", "dram")
"""How the zones are called that are counted; the others lie within these, or hold them."""

LOOK_SECONDS = 30.0
"""Between two looks at a counter: the smallest, of 65 kJ, begins anew after 131 s of 500 W."""

MICROJOULES = 1e-6
MILLIJOULES = 1e-3

UNREADABLE = (OSError, ValueError, ZeroDivisionError)
"""What reading a counter raises that is not there, not for everybody, or holds no number."""


class _Counter:
    """A counter that begins anew at its end, added up from look to look."""

    def __init__(self, read: Callable[[], int], unit: float, span: int) -> None:
        """Begin.

        Args:
            read: gives what the counter shows.
            unit: of that, in joules.
            span: at which it begins anew.
        """
        self._read, self._unit, self._span = read, unit, span
        self._last, self._total = read(), 0

    def look(self) -> None:
        now = self._read()
        self._total += (now - self._last) % self._span
        self._last = now

    @property
    def joules(self) -> float:
        return self._total * self._unit


def _looked_at(counters: list[_Counter]) -> list[_Counter]:
    """Look at counters; where one can no longer be read, none of them tells anything."""
    try:
        for counter in counters:
            counter.look()
    except UNREADABLE:
        return []
    return counters


class Energy:
    """A meter of the energy that goes on while `with` it."""

    def __enter__(self) -> "Energy":
        """Begin; a counter that cannot be read is none."""
        self._processor, self._gpu = _of_processor(), _of_gpu()
        self._times = time.process_time(), _busy_seconds()
        self._one_at_a_time = Lock()
        self._looking = ExitStack()
        self._looking.enter_context(every(LOOK_SECONDS, self._look))
        return self

    def __exit__(self, *error: object) -> None:
        self._looking.close()

    def _look(self) -> None:
        with self._one_at_a_time:
            self._processor, self._gpu = _looked_at(self._processor), _looked_at(self._gpu)

    def taken(self, part: float = 1.0) -> dict[str, float | None]:
        """Give what a run has taken by now, as its record has it.

        Args:
            part: that the run bears of it, where one program trains several side by side.
        """
        self._look()
        own, all_ = time.process_time() - self._times[0], _busy_seconds() - self._times[1]
        ours = min(1.0, own / all_) if all_ > 0 else 1.0
        processor = ours * sum(counter.joules for counter in self._processor)
        gpu = sum(counter.joules for counter in self._gpu)
        # Nothing takes no energy: a counter that stands still is a virtual machine's.
        return {
            "processor_joules": round(part * processor, 3) or None,
            "gpu_joules": round(part * gpu, 3) or None,
        }


def _busy_seconds() -> float:
    """Give the processor time of all processes, seconds."""
    times = psutil.cpu_times()
    return times.user + times.system + getattr(times, "nice", 0.0)


def _of_processor() -> list[_Counter]:
    """Give a counter for each processor and its memory; none where not all can be read."""
    try:
        zones = [
            zone
            for zone in sorted(POWERCAP.glob("intel-rapl:*"))  # AMD's too; -mmio is the same again
            if (zone / "name").read_text(encoding="ascii").startswith(ZONES)
        ]
        return [
            _Counter(
                lambda file=zone / "energy_uj": _number(file),
                MICROJOULES,
                _number(zone / "max_energy_range_uj"),
            )
            for zone in zones
        ]
    except UNREADABLE:
        return []


def _number(file: Path) -> int:
    return int(file.read_text(encoding="ascii"))


def _of_gpu() -> list[_Counter]:
    """Give the counter of the GPU that this process has for itself; none where there is none."""
    name = claimed_gpu()
    if name is None:
        return []
    try:
        return [_Counter(_reader_of_gpu(name), MILLIJOULES, 2**64)]
    except (ImportError, OSError):
        return []


def _reader_of_gpu(name: str) -> Callable[[], int]:
    """Give what reads a GPU's counter, and raises an OSError where it cannot.

    Raises:
        ImportError: what speaks to the driver is not installed.
        OSError: there is no driver, or no such GPU.
    """
    nvml = import_module("pynvml")

    def ask(question: str, *about: Any) -> Any:
        try:
            return getattr(nvml, question)(*about)
        except nvml.NVMLError as error:
            raise OSError(str(error)) from None

    ask("nvmlInit")
    if name.isdecimal():
        handle = ask("nvmlDeviceGetHandleByIndex", int(name))
    else:
        handle = ask("nvmlDeviceGetHandleByUUID", name)
    return lambda: ask("nvmlDeviceGetTotalEnergyConsumption", handle)
