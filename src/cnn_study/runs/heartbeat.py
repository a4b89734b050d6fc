"""What a training says of itself while it runs: a small file, and lines in its log."""

import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

from cnn_study.base import outputs
from cnn_study.base.files import write_whole
from cnn_study.base.words import percent
from cnn_study.runs.records import Epoch


class Running:
    """A small file that stands while a run is being trained, and says how far it is."""

    def __init__(self, results: Path, name: str, epochs: int) -> None:
        """Begin.

        Args:
            name: of the run, as in `wanted.Run.name`.
        """
        experiment, _, seed = name.split("/")
        self.path = mark(results, name)
        self.facts: dict[str, Any] = {
            "experiment": experiment, "seed": int(seed.removeprefix("seed-")),
            "epoch": 0, "epochs": epochs, "validation_accuracy": None,
            "process": os.getpid(), "machine": platform.node(),
        }  # fmt: skip

    def __enter__(self) -> "Running":
        self._write()
        return self

    def __exit__(self, *error: object) -> None:
        self.path.unlink(missing_ok=True)

    def tell(self, epoch: Epoch) -> None:
        """Note the end of an epoch, in the file and in the log."""
        self.facts |= {"epoch": epoch.epoch, "validation_accuracy": epoch.validation_accuracy}
        self._write()
        log(
            f"epoch {epoch.epoch} of {self.facts['epochs']}: "
            f"training {percent(epoch.training_accuracy)}, "
            f"validation {percent(epoch.validation_accuracy)}, {epoch.training_seconds:.1f} s"
        )

    def _write(self) -> None:
        text = json.dumps(self.facts)
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


def running(results: Path) -> list[dict[str, Any]]:
    """Read what the trainings of this machine that are under way say of themselves.

    Machines may share the folder. Of another one's process nobody here can tell whether it lives,
    so its mark is left aside; one that names no machine, as older versions wrote it, is taken for
    one of this machine.
    """
    here = platform.node()
    trainings = []
    for path in sorted((results / "running").glob("*.json")):
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # It ended just now.
        if facts.get("machine", here) == here and _lives(facts["process"]):
            trainings.append(facts)
    return trainings


def _lives(process: int) -> bool:
    """Tell whether a process of this machine is there; one that was killed leaves its mark."""
    try:
        os.kill(process, 0)
    except PermissionError:
        return True  # It is another user's.
    except OSError:
        return False
    return True
