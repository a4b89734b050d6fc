"""What the runs of each experiment gave, alone and beside a reference."""

from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from cnn_study.evidence.cells import SETTINGS, Cell, Setting, derived
from cnn_study.report.findings import Change
from cnn_study.report.provenance import Provenance
from cnn_study.report.tables import Tables
from cnn_study.study.model import Experiment


@dataclass(frozen=True)
class Scores:
    """One measure of an experiment's complete runs; None where there are too few."""

    n: int
    mean: float | None
    deviation: float | None
    smallest: float | None
    largest: float | None

    @classmethod
    def of(cls, row: dict[str, Any], measure: str, n: int) -> "Scores":
        """Take them from a row of experiments.csv."""
        names = ("mean", "standard_deviation", "smallest", "largest")
        return cls(n, *(row[f"{measure}_{name}"] for name in names))


@dataclass(frozen=True)
class Result:
    """What the runs of one experiment gave.

    Attributes:
        test, validation: accuracies; calibration: expected calibration error, a share; loss: mean
            cross-entropy in nats. The last two are of the test images.
        scores: test accuracy of each complete run, the lowest first.
        seconds: mean training time of a run; of the processor or on the clock, see `Provenance`.
        training_images: images trained on; None without a complete run.
    """

    id: str
    planned: int
    complete: int
    diverged: int
    failed: int
    missing: int
    test: Scores
    validation: Scores
    calibration: Scores
    loss: Scores
    scores: tuple[float, ...]
    parameters: int
    macs: int
    seconds: float | None
    training_images: int | None


def result_of(row: dict[str, Any], found: Tables, provenance: "Provenance") -> Result:
    """Take what an experiment gave from its row of experiments.csv."""
    id_ = row["experiment"]
    runs = [run for run in found.complete if run["experiment"] == id_]
    return Result(
        id_,
        *(row[f"{kind}_runs"] for kind in ("planned", "complete", "diverged", "failed", "missing")),
        Scores.of(row, "test_accuracy", row["complete_runs"]),
        Scores.of(row, "validation_accuracy", row["validation_accuracy_n"]),
        Scores.of(row, "test_calibration_error", row["complete_runs"]),
        Scores.of(row, "test_loss", row["complete_runs"]),
        tuple(sorted(run["test_accuracy"] for run in runs)),
        row["parameters"],
        row["macs"],
        row[f"{provenance.clock}_mean"],
        max((run["training_images"] for run in runs), default=None),
    )


def best_of(results: dict[str, Result]) -> Result | None:
    """Find the experiment with the highest mean validation accuracy."""
    there = [result for result in results.values() if result.validation.mean is not None]
    return max(there, key=lambda result: result.validation.mean, default=None)


@dataclass(frozen=True)
class Row:
    """One experiment in a comparison with a reference.

    Attributes:
        settings: those that the comparison varies, by name, such as 8-16-32 for filters.
        change: what the evidence says of it; None for the reference itself.
        parameters_ratio, macs_ratio, seconds_ratio: to the reference.
    """

    result: Result
    settings: dict[str, Setting]
    is_reference: bool = False
    change: Change | None = None
    parameters_ratio: float = 1.0
    macs_ratio: float = 1.0
    seconds_ratio: float | None = None

    @property
    def id(self) -> str:
        """Id of the experiment."""
        return self.result.id


def compare(
    result: Result, reference: Result, settings: dict[str, Setting], change: Change | None = None
) -> Row:
    """Set one experiment against its reference."""
    return Row(
        result,
        settings,
        change=change,
        parameters_ratio=_ratio(result.parameters, reference.parameters),
        macs_ratio=_ratio(result.macs, reference.macs),
        seconds_ratio=_ratio(result.seconds, reference.seconds)
        if result.seconds and reference.seconds
        else None,
    )


def _ratio(one: float, other: float) -> float:
    return derived(one / other, "ratio of", one, other)


def chosen_settings(experiment: Experiment, names: Container[str]) -> dict[str, Setting]:
    """Give the named settings of an experiment as text, in the order of the schema."""
    id_ = experiment.id
    return {
        name: Setting(value, Cell(SETTINGS, id_, name, id_))
        for name, value in experiment.settings
        if name in names
    }
