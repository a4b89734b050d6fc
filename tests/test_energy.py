"""Energy is what counters say, made up here: of two processors with memory, and of a GPU."""

import sys
import time
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from cnn_study.train import energy, machine

NOT_MEASURED = {"processor_joules": None, "gpu_joules": None}
RANGE = 65_532_610_987
"""Microjoules after which the counter of an EPYC begins anew."""


class Powercap:
    """A folder as Linux has it, whose counters a test sets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def zone(self, zone: str, name: str, microjoules: int = 0, span: int = RANGE) -> Path:
        path = self.folder / zone
        path.mkdir(parents=True, exist_ok=True)
        (path / "name").write_text(f"{name}\n")
        (path / "max_energy_range_uj").write_text(f"{span}\n")
        self.show(zone, microjoules)
        return path

    def show(self, zone: str, microjoules: int) -> None:
        (self.folder / zone / "energy_uj").write_text(f"{microjoules}\n")


@pytest.fixture
def powercap(tmp_path, monkeypatch) -> Powercap:
    """None of the zones of this machine, and no GPU."""
    monkeypatch.setattr(energy, "POWERCAP", tmp_path / "powercap")
    monkeypatch.setattr(machine, "_OWN_GPU", [])
    return Powercap(tmp_path / "powercap")


class Clocks:
    """Processor time of this process, and of all, in seconds."""

    own = 100.0
    all_ = 5000.0


@pytest.fixture(autouse=True)
def clocks(monkeypatch) -> Clocks:
    clocks = Clocks()
    monkeypatch.setattr(energy.time, "process_time", lambda: clocks.own)
    monkeypatch.setattr(
        energy.psutil, "cpu_times",
        lambda: SimpleNamespace(user=clocks.all_ - 30, system=20, nice=10, idle=9e9, iowait=9e9),
    )  # fmt: skip
    return clocks


def test_a_run_bears_what_its_processor_time_is_of_that_of_all(powercap, clocks):
    """30 + 12 + 6 J of two packages and a memory, of which 10 of 40 seconds are this process's."""
    powercap.zone("intel-rapl:0", "package-0", 1_000_000)
    powercap.zone("intel-rapl:1", "package-1", 2_000_000)
    powercap.zone("intel-rapl:0:1", "dram", 500_000)
    powercap.zone("intel-rapl:0:0", "core")  # a part of its package
    powercap.zone("intel-rapl:2", "psys")  # the whole machine
    powercap.zone("intel-rapl-mmio:0", "package-0")  # the first one by another way
    with energy.Energy() as taken:
        powercap.show("intel-rapl:0", 31_000_000)
        powercap.show("intel-rapl:1", 14_000_000)
        powercap.show("intel-rapl:0:1", 6_500_000)
        for zone in ("intel-rapl:0:0", "intel-rapl:2", "intel-rapl-mmio:0"):
            powercap.show(zone, 900_000_000)
        clocks.own, clocks.all_ = 105.0, 5040.0
        assert taken.taken()["processor_joules"] == 6.0  # by now
        clocks.own = 110.0
    assert taken.taken() == {"processor_joules": 12.0, "gpu_joules": None}
    assert taken.taken(0.25) == {"processor_joules": 3.0, "gpu_joules": None}


def test_a_counter_that_begins_anew_is_added_up(powercap, monkeypatch):
    """Twice within a run: it is looked at while the run goes on, often enough for 500 W."""
    looks = []
    monkeypatch.setattr(energy, "every", lambda *given: looks.append(given) or nullcontext())
    powercap.zone("intel-rapl:0", "package-0", RANGE - 4_000_000)
    with energy.Energy() as taken:
        ((seconds, look),) = looks
        assert 500 * seconds < RANGE / 1e6
        for shown in (3_000_000, RANGE - 1_000_000, 2_000_000):
            powercap.show("intel-rapl:0", shown)
            look()
    # 4 J to its end and 3 beyond; RANGE - 4 J; 1 J to its end and 2 beyond.
    assert taken.taken()["processor_joules"] == pytest.approx(RANGE / 1e6 + 6, abs=0.001)


def test_one_that_works_alone_bears_all_and_never_more(powercap, clocks):
    powercap.zone("intel-rapl:0", "package-0")
    with energy.Energy() as taken:
        powercap.show("intel-rapl:0", 5_000_000)
        clocks.own, clocks.all_ = 100.02, 5000.01  # the system counts in hundredths
    assert taken.taken()["processor_joules"] == 5.0


@pytest.mark.parametrize("fault", ["no folder", "not for everybody", "no number", "no range"])
def test_what_cannot_be_read_is_not_measured(powercap, monkeypatch, fault):
    if fault != "no folder":
        powercap.zone("intel-rapl:0", "package-0", span=0 if fault == "no range" else RANGE)
        zone = powercap.zone("intel-rapl:1", "package-1")
    if fault == "no number":
        (zone / "energy_uj").write_text("")
    if fault == "not for everybody":
        refuse_reading(monkeypatch, zone / "energy_uj")
    with energy.Energy() as taken:
        if fault == "no range":
            powercap.show("intel-rapl:0", 7)
    assert taken.taken() == NOT_MEASURED


def refuse_reading(monkeypatch, path: Path) -> None:
    """Let a file be as those of root are, also where root runs the tests."""
    read = Path.read_text

    def refuse(self: Path, *given: object, **named: object) -> str:
        if self == path:
            raise PermissionError(13, "Permission denied", str(self))
        return read(self, *given, **named)

    monkeypatch.setattr(Path, "read_text", refuse)


def test_what_can_no_longer_be_read_is_not_measured(powercap, monkeypatch):
    powercap.zone("intel-rapl:0", "package-0")
    zone = powercap.zone("intel-rapl:1", "package-1")
    with energy.Energy() as taken:
        powercap.show("intel-rapl:0", 7_000_000)
        refuse_reading(monkeypatch, zone / "energy_uj")
    assert taken.taken() == NOT_MEASURED


def test_a_counter_that_stands_still_is_a_virtual_machine_s(powercap):
    powercap.zone("intel-rapl:0", "package-0", 7_000_000)
    with energy.Energy() as taken:
        pass
    assert taken.taken() == NOT_MEASURED


# ------------------------------------------------------------------------------- a GPU


class NVMLError(Exception):
    pass


class Nvml:
    """What `pynvml` has, of one GPU that counts and one that does not."""

    NVMLError = NVMLError
    millijoules = 10_000_000

    def nvmlInit(self) -> None:
        pass

    def nvmlDeviceGetHandleByUUID(self, name: str) -> str:
        if name not in ("GPU-aa-0", "MIG-cc-2"):
            raise NVMLError("Not Found")
        return name

    def nvmlDeviceGetHandleByIndex(self, number: int) -> str:
        return f"GPU-aa-{number}"

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> int:
        if handle != "GPU-aa-0":
            raise NVMLError("Not Supported")
        return self.millijoules


@pytest.fixture
def nvml(monkeypatch, powercap) -> Nvml:
    nvml = Nvml()
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    return nvml


@pytest.mark.parametrize("name", ["GPU-aa-0", "0"])
def test_a_run_bears_what_its_gpu_takes(nvml, monkeypatch, name):
    monkeypatch.setattr(machine, "_OWN_GPU", [name])
    with energy.Energy() as taken:
        nvml.millijoules += 90_500
    assert taken.taken() == {"processor_joules": None, "gpu_joules": 90.5}
    assert taken.taken(0.2)["gpu_joules"] == 18.1


@pytest.mark.parametrize("name", ["GPU-bb-1", "MIG-cc-2", "1", None])
def test_a_gpu_that_does_not_count_or_is_nobody_s_own_is_not_measured(nvml, monkeypatch, name):
    monkeypatch.setattr(machine, "_OWN_GPU", [name] if name else [])
    with energy.Energy() as taken:
        nvml.millijoules += 90_500
    assert taken.taken() == NOT_MEASURED


@pytest.mark.parametrize("lost", ["the package", "the driver", "the GPU, meanwhile"])
def test_without_what_speaks_to_the_gpu_it_is_not_measured(nvml, monkeypatch, lost):
    monkeypatch.setattr(machine, "_OWN_GPU", ["GPU-aa-0"])

    def refuse(*about: object) -> None:
        raise NVMLError("Driver Not Loaded")

    if lost == "the package":
        monkeypatch.setitem(sys.modules, "pynvml", None)
    if lost == "the driver":
        nvml.nvmlInit = refuse
    with energy.Energy() as taken:
        nvml.millijoules += 90_500
        if lost == "the GPU, meanwhile":
            nvml.nvmlDeviceGetTotalEnergyConsumption = refuse
    assert taken.taken() == NOT_MEASURED


def test_a_process_knows_the_gpu_that_it_has_taken(nvml, monkeypatch):
    monkeypatch.setattr(machine, "gpus", lambda: ("GPU-aa-0",))
    monkeypatch.setattr(machine, "CLAIMS", f"test-{time.monotonic_ns()}")
    for name in ("CUDA_VISIBLE_DEVICES", machine.KNOWN):
        monkeypatch.setenv(name, "")  # so that they are put back to what they were
    assert machine.claimed_gpu() is None
    claimed = machine.own_gpu.__wrapped__()
    assert machine.claimed_gpu() == "GPU-aa-0"
    claimed.close()
