"""Where the numbers come from: runs, days, machines, versions."""

import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cnn_study.base.errors import UserError
from cnn_study.evidence.cells import Number, derived
from cnn_study.evidence.findings import Findings
from cnn_study.evidence.read import Tables
from cnn_study.evidence.results import Scores
from cnn_study.study.model import Study


@dataclass(frozen=True)
class Behind:
    """The runs behind an experiment's numbers."""

    id: str
    fingerprint: str
    seeds: list[int]
    commits: list[str]


def behind(study: Study, tables: Tables, id_: str) -> Behind:
    """List the complete runs of an experiment, and the commits that made them."""
    runs = tables.complete_by_experiment.get(id_, [])
    return Behind(
        id_,
        study.experiments[id_].fingerprint,
        [int(row["seed"]) for row in runs],
        _distinct(row["commit"] for row in runs),
    )


@dataclass(frozen=True)
class Fresh:
    """The runs of an experiment by which a suggestion is confirmed, by what became of them.

    Attributes:
        seeds, broken, missing: with a complete run, with one that did not reach its end, and with
            none yet.
        test: scores of the complete runs.
    """

    id: str
    fingerprint: str
    seeds: list[int]
    broken: list[int]
    missing: list[int]
    test: Scores
    commits: list[str]


def fresh_runs(study: Study, findings: Findings) -> list[Fresh]:
    """Give the runs with fresh seeds, an entry for each experiment; none where none are wanted."""
    by_experiment: dict[str, list[dict[str, Any]]] = {}
    for row in findings.files.rows("confirmation-runs"):
        by_experiment.setdefault(row["experiment"], []).append(row)
    return [_fresh(study, id_, rows) for id_, rows in by_experiment.items()]


def _fresh(study: Study, id_: str, rows: list[dict[str, Any]]) -> Fresh:
    def seeds(*statuses: str) -> list[int]:
        return [int(row["seed"]) for row in rows if row["status"] in statuses]

    scores = [row["test_score"] for row in rows if row["status"] == "complete"]
    mean = derived(statistics.fmean(scores), "mean of", *scores) if scores else None
    deviation = None
    if len(scores) > 1:
        deviation = derived(statistics.stdev(scores), "standard deviation of", *scores)
    test = Scores(
        len(scores), mean, deviation, min(scores, default=None), max(scores, default=None)
    )
    return Fresh(
        id_,
        study.experiments[id_].fingerprint,
        seeds("complete"),
        seeds("diverged", "failed"),
        seeds("missing"),
        test,
        _distinct(row["commit"] for row in rows),
    )


@dataclass(frozen=True)
class Engines:
    """What trained the complete runs.

    Attributes:
        runs: how many each engine trained.
        mixed: ids of experiments whose runs are of several.
        across: each change that is compared with a reference whose runs are of others, and that.
        comparisons: how many there are in all, of experiments with runs.
    """

    runs: dict[str, int]
    mixed: list[str]
    across: list[tuple[str, str]]
    comparisons: int

    @classmethod
    def of(cls, tables: Tables) -> "Engines":
        """Take it from runs.csv and the study's comparisons."""
        complete = tables.complete_by_experiment
        trained = {id_: {row["engine"] for row in rows} for id_, rows in complete.items()}
        counts = Counter(row["engine"] for rows in complete.values() for row in rows)
        pairs = [pair for pair in tables.study.comparisons if trained.keys() >= set(pair)]
        return cls(
            dict(sorted(counts.items())),
            [id_ for id_, engines in trained.items() if len(engines) > 1],
            [(id_, other) for id_, other in pairs if len(trained[id_] | trained[other]) > 1],
            len(pairs),
        )


DELAY = 1.5
"""Times their processor time: trainings that take as long on the clock, waited much of it."""

MOMENT = 1e-3
"""Seconds: to that a run's times are recorded."""

KINDS = ("planned", "complete", "diverged", "failed", "missing")


@dataclass(frozen=True)
class Provenance:
    """Where the numbers come from.

    Attributes:
        clock: as `Tables.clock` says.
        training_seconds: of all runs that have a record, on the clock, added up; run_seconds: with
            what comes before, and scoring.
        delay: times as long as by their processor time that the complete runs trained on the clock,
            where that time is the study's measure; None where it is not, or hardly more.
        fresh_runs, fresh_seconds: those with fresh seeds that have a record, which are not among
            the others, and their training.
        first_day, last_day: on which one of either was begun.
        counts: of planned, complete, diverged, failed and missing runs, with their cells.
        troubles: runs that are not complete and not missing.
        engines: what trained the complete ones.
    """

    planned: int
    complete: int
    diverged: int
    failed: int
    missing: int
    clock: str
    training_seconds: float
    run_seconds: float
    delay: Number | None
    fresh_runs: int
    fresh_seconds: float
    first_day: str
    last_day: str
    backends: list[str]
    keras_versions: list[str]
    devices: list[str]
    processors: list[str]
    commits: list[str]
    changed_since_commit: bool
    counts: dict[str, Number]
    troubles: list[dict[str, Any]]
    engines: Engines

    def uses(self, package: str) -> bool:
        """Tell whether a backend is this package."""
        return any(backend.startswith(package) for backend in self.backends)

    @classmethod
    def of(cls, tables: Tables, findings: Findings) -> "Provenance":
        """Take it from runs.csv and confirmation-runs.csv.

        Raises:
            UserError: no run has a record.
        """
        runs = tables.runs
        recorded = [row for row in runs if row["status"] != "missing"]
        if not recorded:
            raise UserError("no run of this study has a record yet: train at least one run first.")
        statuses = [row["status"] for row in runs]
        fresh = [
            row for row in findings.files.rows("confirmation-runs") if row["status"] != "missing"
        ]
        days = sorted(row["started"][:10] for row in [*recorded, *fresh])
        return cls(
            len(runs),
            *(statuses.count(kind) for kind in ("complete", "diverged", "failed", "missing")),
            tables.clock,
            sum(row["training_seconds"] for row in recorded),
            sum(row["run_seconds"] for row in recorded),
            _delay(tables),
            len(fresh),
            sum(row["training_seconds"] for row in fresh),
            days[0],
            days[-1],
            _distinct(
                f"{row['backend']} {row['backend_version'] or ''}".strip() for row in recorded
            ),
            _distinct(row["keras_version"] for row in recorded),
            _distinct(row["device"] for row in recorded),
            _distinct(row["processor"] for row in recorded),
            _distinct(row["commit"] for row in [*recorded, *fresh]),
            any(row["changed_since_commit"] for row in recorded),
            {kind: _sum(tables, f"{kind}_runs") for kind in KINDS},
            [row for row in recorded if row["status"] != "complete"],
            Engines.of(tables),
        )


def _delay(tables: Tables) -> Number | None:
    """Compare the clock with processor time, over the experiments' mean trainings."""
    rows = [row for row in tables.experiments.values() if row["complete_runs"]]
    if tables.clock != "training_cpu_seconds" or not rows:
        return None
    clock, processor = (
        [row[f"{name}_mean"] for row in rows] for name in ("training_seconds", tables.clock)
    )
    times = sum(clock) / max(sum(processor), MOMENT)
    return derived(times, "ratio of the sums of", *clock, *processor) if times >= DELAY else None


def _sum(tables: Tables, column: str) -> Number:
    cells = [row[column] for row in tables.experiments.values()]
    return derived(sum(cells), "sum of", *cells)


def _distinct(texts: Iterable[str | None]) -> list[str]:
    return sorted({text for text in texts if text})
