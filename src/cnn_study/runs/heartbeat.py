"""What a training says of itself while it runs: a small file, and lines in its log."""

import os
import platform
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cnn_study.base import outputs
from cnn_study.base.errors import UserError
from cnn_study.base.files import read_at_most, write_whole
from cnn_study.base.ticking import every
from cnn_study.base.words import percent
from cnn_study.runs.records import Amount, Count, Epoch, Seed, Share
from cnn_study.study.parts import Id

MOST_BYTES = 2**16
"""Of a training's file, which has a few hundred."""

BEAT_SECONDS = 20.0
"""After which a training renews the time of its file: an epoch may take much longer."""

FRESH_SECONDS = 120.0
"""For which a file of another machine counts as one of a training that lives.

Clocks differ by seconds, and what NFS tells of a file may be a minute old.
"""


class Beat(BaseModel):
    """What a training's file says.

    Attributes:
        epoch: how many have come to their end.
        machine: None in files of older versions.
        processes: number of the set in which `process` is a number, of which a container has its
            own; None where there is one set, and in files of older versions.
        epoch_seconds: wall time of the last epoch, with its scoring, of the first with what is
            built before it; None before its end, and in files of older versions.
    """

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)

    experiment: Id
    seed: Seed
    epoch: Count
    epochs: Count
    validation_accuracy: Share | None
    process: int = Field(ge=1, lt=2**31)
    machine: str | None = None
    processes: int | None = None
    epoch_seconds: Amount | None = None

    @property
    def elsewhere(self) -> str | None:
        """The machine, if it is another one."""
        return None if self.machine in (None, platform.node()) else self.machine

    @property
    def can_be_asked_for(self) -> bool:
        """Whether its process has the same number here."""
        return not self.elsewhere and self.processes in (None, _set_of_processes())


class Running:
    """A small file that stands while a run is being trained, and says how far it is."""

    def __init__(self, results: Path, name: str, epochs: int) -> None:
        """Begin.

        Args:
            name: of the run, as in `wanted.Run.name`.
        """
        experiment, _, seed = name.split("/")
        self.path = mark(results, name)
        self.facts = Beat(
            experiment=experiment, seed=int(seed.removeprefix("seed-")),
            epoch=0, epochs=epochs, validation_accuracy=None,
            process=os.getpid(), machine=platform.node(), processes=_set_of_processes(),
        )  # fmt: skip
        self._beating = ExitStack()

    def __enter__(self) -> "Running":
        self._write()
        self._told = time.monotonic()
        self._beating.enter_context(every(BEAT_SECONDS, self._beat))
        return self

    def __exit__(self, *error: object) -> None:
        self._beating.close()
        self.path.unlink(missing_ok=True)

    def _beat(self) -> None:
        with suppress(OSError):  # a folder of another machine that cannot be reached just now
            os.utime(self.path)

    def tell(self, epoch: Epoch) -> None:
        """Note the end of an epoch, in the file and in the log."""
        now = time.monotonic()
        facts = {
            "epoch": epoch.epoch,
            "validation_accuracy": epoch.validation_accuracy,
            "epoch_seconds": now - self._told,
        }
        self._told = now
        self.facts = self.facts.model_copy(update=facts)
        self._write()
        log(
            f"{self.facts.experiment} seed {self.facts.seed}: "
            f"epoch {epoch.epoch} of {self.facts.epochs}, "
            f"training {percent(epoch.training_accuracy)}, "
            f"validation {percent(epoch.validation_accuracy)}, {epoch.training_seconds:.1f} s"
        )

    def _write(self) -> None:
        text = self.facts.model_dump_json()
        write_whole(self.path, lambda file: file.write(text.encode()))


def mark(results: Path, name: str) -> Path:
    """Name the file of `Running`. It stays where the process was ended from outside.

    Args:
        name: of the run, as in `wanted.Run.name`.
    """
    return results / "running" / f"{name.replace('/', '-')}.json"


def log(line: str) -> None:
    """Write one line to the log of this job."""
    outputs.say(line, sys.stderr)


def running(results: Path) -> list[Beat]:
    """Read what the trainings that are under way say of themselves.

    Machines and containers may share the folder. Of another one's process nobody here can tell
    whether it lives, but it renews its file while it does. A file that names no machine, as older
    versions wrote it, is taken for one of this machine. What no training writes is left aside.
    """
    trainings = []
    for path in sorted((results / "running").glob("*.json")):
        try:
            facts = Beat.model_validate_json(read_at_most(path, MOST_BYTES))
            age = time.time() - path.stat().st_mtime
        except (OSError, UserError, ValidationError):
            continue  # It ended just now, or is no training's.
        if _lives(facts.process) if facts.can_be_asked_for else age < FRESH_SECONDS:
            trainings.append(facts)
    return trainings


def _set_of_processes() -> int | None:
    """Number the set of processes among which this one has its number, under Linux."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return None


def _lives(process: int) -> bool:
    """Tell whether a process of this machine is there; one that was killed leaves its mark."""
    try:
        os.kill(process, 0)
    except PermissionError:
        return True  # It is another user's.
    except OSError:
        return False
    return True
