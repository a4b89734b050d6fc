"""What a person sees of a study: what is planned, done, running and left, and how good so far.

Only validation scores are shown: nobody should choose by test scores while a study runs.
"""

import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from cnn_study import records, runs
from cnn_study.estimate import duration, seconds_left
from cnn_study.heartbeat import percent, running
from cnn_study.settings import value_text
from cnn_study.study import Experiment, Study

REFRESH_SECONDS = 2.0


def outcome(record: records.Record) -> str:
    """Sum up one run in a line, without its test score."""
    what = f"{record.experiment} seed {record.seed}: "
    if record.status != "complete":
        return f"{what}{record.status}, {record.reason}"
    accuracy = record.epochs[-1].validation_accuracy
    scored = "" if accuracy is None else f"validation accuracy {percent(accuracy)}, "
    return f"{what}{scored}{duration(record.cost.run_seconds)}"


def standing(study: Study, results: Path) -> str:
    """Say how many runs are done and how long the rest will take."""
    there, missing = _read(study, results)
    said = f"{len(there)} of {len(there) + len(missing)} runs done"
    if not missing:
        return said
    at_once = max(1, len(running(results)))
    left = seconds_left(study, missing, list(there.values())) / at_once
    return f"{said}, about {duration(left)} left with {at_once} at a time"


def check(study: Study, results: Path) -> None:
    """Print the experiments of a sound study: parameters, MACs, seeds, done and missing runs."""
    Console().print(_overview(study, results))


def watch(study: Study, results: Path) -> None:
    """Show the standing of a study until it is done or the person stops looking."""
    with Live(_overview(study, results), refresh_per_second=1) as live:
        while len(runs.done(study, results)) < len(runs.wanted(study)):
            time.sleep(REFRESH_SECONDS)
            live.update(_overview(study, results))
        live.update(_overview(study, results))


def _read(study: Study, results: Path) -> tuple[dict[str, records.Record], list[runs.Run]]:
    there = {name: records.read(path) for name, path in runs.done(study, results).items()}
    return there, [run for run in runs.wanted(study) if run.name not in there]


def _overview(study: Study, results: Path) -> Group:
    there, missing = _read(study, results)
    table = Table(title=f"{study.path}: {study.file.title}", title_justify="left")
    for name, side in (
        ("experiment", "left"), ("change", "left"), ("parameters", "right"), ("MACs", "right"),
        ("seeds", "left"), ("done", "right"), ("missing", "right"),
        ("validation accuracy", "right"),
    ):  # fmt: skip
        table.add_column(name, justify=side, overflow="fold")
    for experiment in study.experiments.values():
        table.add_row(*_row(study, experiment, there))
    parts: list[Any] = [table]
    for facts in running(results):
        accuracy = facts["validation_accuracy"]
        parts.append(
            f"running: {facts['experiment']} seed {facts['seed']}, epoch {facts['epoch']} of "
            f"{facts['epochs']}"
            + (f", validation accuracy {percent(accuracy)}" if accuracy is not None else "")
        )
    for name, experiments in study.declared.items():
        ids = ", ".join(experiment.id for experiment in experiments)
        parts.append(f"declared, not trained: {name} ({ids})")
    at_once = len(running(results)) or os.cpu_count() or 1
    parts.append(f"{len(there)} of {len(there) + len(missing)} runs done")
    if missing:
        left = seconds_left(study, missing, list(there.values())) / at_once
        parts[-1] += f"; the rest takes about {duration(left)} with {at_once} at a time"
    return Group(*parts)


def _row(study: Study, experiment: Experiment, there: dict[str, records.Record]) -> list[str]:
    own = [record for record in there.values() if record.fingerprint == experiment.fingerprint]
    states = Counter(record.status for record in own)
    broken = ", ".join(f"{states[state]} {state}" for state in ("diverged", "failed")
                       if states[state])  # fmt: skip
    scores = [record.epochs[-1].validation_accuracy for record in own
              if record.status == "complete"]  # fmt: skip
    known = [score for score in scores if score is not None]
    change = ", ".join(f"{key} {value_text(value)}" for key, value in experiment.change.items())
    return [
        experiment.id, change or "–", f"{experiment.parameters:,}", f"{experiment.macs:,}",
        ", ".join(map(str, study.seeds)), f"{len(own)}{f' ({broken})' if broken else ''}",
        str(len(study.seeds) - len(own)), percent(sum(known) / len(known) if known else None),
    ]  # fmt: skip
