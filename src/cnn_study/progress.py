"""What a person sees while a study trains: who runs, how far, how good so far."""

import json
import os
import sys
import time
from pathlib import Path

from cnn_study import records


def say(line: str) -> None:
    """Write one line to the log of this job."""
    print(line, file=sys.stderr, flush=True)


def percent(share: float | None) -> str:
    """Write a share such as 0.5842 as 58.42 %."""
    return "-" if share is None else f"{100 * share:.2f} %"


def outcome(record: records.Record) -> str:
    """Sum up one run in a line, without its test score."""
    what = f"{record.experiment} seed {record.seed}: "
    if record.status != "complete":
        return f"{what}{record.status}, {record.reason}"
    last = record.epochs[-1]
    scored = (
        ""
        if last.validation_accuracy is None
        else (f"validation accuracy {percent(last.validation_accuracy)}, ")
    )
    return f"{what}{scored}{record.cost.run_seconds:.0f} s"


class Running:
    """A small file that stands while a run is being trained, and says how far it is."""

    def __init__(self, results: Path, experiment: str, seed: int, epochs: int) -> None:
        self.path = results / "running" / f"{experiment}-seed-{seed}.json"
        self.facts = {
            "experiment": experiment,
            "seed": seed,
            "epoch": 0,
            "epochs": epochs,
            "validation_accuracy": None,
            "training_accuracy": None,
            "process": os.getpid(),
            "started": time.time(),
        }

    def __enter__(self) -> "Running":
        self._write()
        return self

    def __exit__(self, *error: object) -> None:
        self.path.unlink(missing_ok=True)

    def tell(self, epoch: records.Epoch) -> None:
        """Note the end of an epoch, in the file and in the log."""
        self.facts |= {
            "epoch": epoch.epoch,
            "validation_accuracy": epoch.validation_accuracy,
            "training_accuracy": epoch.training_accuracy,
        }
        self._write()
        say(
            f"{self.facts['experiment']} seed {self.facts['seed']} epoch {epoch.epoch} of "
            f"{self.facts['epochs']}: training {percent(epoch.training_accuracy)}, "
            f"validation {percent(epoch.validation_accuracy)}, {epoch.training_seconds:.1f} s"
        )

    def _write(self) -> None:
        text = json.dumps(self.facts)
        records.write_whole(self.path, lambda file: file.write(text.encode()))
