"""Where the numbers come from: runs, days, machines, versions."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cnn_study.base.errors import UserError
from cnn_study.evidence.cells import Number, derived
from cnn_study.report.tables import Tables
from cnn_study.study.model import Study


@dataclass(frozen=True)
class Behind:
    """The runs behind an experiment's numbers."""

    id: str
    fingerprint: str
    seeds: list[int]
    commits: list[str]


def behind(study: Study, found: Tables, id_: str) -> Behind:
    """List the complete runs of an experiment, and the commits that made them."""
    mine = [row for row in found.complete if row["experiment"] == id_]
    return Behind(
        id_,
        study.experiments[id_].fingerprint,
        [int(row["seed"]) for row in mine],
        _distinct(row["commit"] for row in mine),
    )


KINDS = ("planned", "complete", "diverged", "failed", "missing")


@dataclass(frozen=True)
class Provenance:
    """Where the numbers come from.

    Attributes:
        clock: training_cpu_seconds where every run was made on a CPU (steadier on a shared
            machine), else training_seconds.
        training_seconds: of all runs that have a record, on the clock, added up.
        counts: of planned, complete, diverged, failed and missing runs, with their cells.
        troubles: runs that are not complete and not missing.
    """

    planned: int
    complete: int
    diverged: int
    failed: int
    missing: int
    clock: str
    training_seconds: float
    run_seconds: float
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

    def uses(self, package: str) -> bool:
        """Tell whether a backend is this package."""
        return any(backend.startswith(package) for backend in self.backends)

    @classmethod
    def of(cls, found: Tables) -> "Provenance":
        """Take it from runs.csv.

        Raises:
            UserError: no run has a record.
        """
        made = [row for row in found.runs if row["status"] != "missing"]
        if not made:
            raise UserError("no run of this study has a record yet: train at least one run first.")
        statuses = [row["status"] for row in found.runs]
        days = sorted(row["started"][:10] for row in made)
        devices = _distinct(row["device"] for row in made)

        return cls(
            len(found.runs),
            *(statuses.count(kind) for kind in ("complete", "diverged", "failed", "missing")),
            "training_cpu_seconds" if devices == ["CPU"] else "training_seconds",
            sum(row["training_seconds"] for row in made),
            sum(row["run_seconds"] for row in made),
            days[0],
            days[-1],
            _distinct(f"{row['backend']} {row['backend_version'] or ''}".strip() for row in made),
            _distinct(row["keras_version"] for row in made),
            devices,
            _distinct(row["processor"] for row in made),
            _distinct(row["commit"] for row in made),
            any(row["changed_since_commit"] for row in made),
            {kind: _sum(found, f"{kind}_runs") for kind in KINDS},
            [row for row in made if row["status"] != "complete"],
        )


def _sum(found: Tables, column: str) -> Number:
    cells = [row[column] for row in found.experiments.values()]
    return derived(sum(cells), "sum of", *cells)


def _distinct(texts: Iterable[str | None]) -> list[str]:
    return sorted({text for text in texts if text})
