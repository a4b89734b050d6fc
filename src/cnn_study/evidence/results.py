"""What the runs of each experiment gave, summed up; read from tables, never worked out anew."""

from dataclasses import dataclass
from typing import Any

from cnn_study.evidence.read import Tables


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
        collapsed: complete runs that do hardly better than guessing.
        test, validation: scores by the study's metric.
        accuracy, calibration, loss: of the test images: accuracy, expected calibration error, a
            share, and mean cross-entropy in nats.
        scores: test score of each complete run, the lowest first.
        seconds: mean training time of a run, by `Tables.clock`.
        training_images: images trained on; None without a complete run.
    """

    id: str
    planned: int
    complete: int
    collapsed: int
    diverged: int
    failed: int
    missing: int
    test: Scores
    validation: Scores
    accuracy: Scores
    calibration: Scores
    loss: Scores
    scores: tuple[float, ...]
    parameters: int
    macs: int
    seconds: float | None
    training_images: int | None


def read_results(tables: Tables) -> dict[str, Result]:
    """Give the result of each experiment, in the order of the study."""
    return {id_: _result(row, tables) for id_, row in tables.experiments.items()}


def _result(row: dict[str, Any], tables: Tables) -> Result:
    id_, complete = row["experiment"], row["complete_runs"]
    runs = tables.complete_by_experiment.get(id_, [])
    kinds = ("planned", "complete", "collapsed", "diverged", "failed", "missing")
    return Result(
        id=id_,
        **{kind: row[f"{kind}_runs"] for kind in kinds},
        test=Scores.of(row, "test_score", complete),
        validation=Scores.of(row, "validation_score", row["validation_score_n"]),
        accuracy=Scores.of(row, "test_accuracy", complete),
        calibration=Scores.of(row, "test_calibration_error", complete),
        loss=Scores.of(row, "test_loss", complete),
        scores=tuple(sorted(run["test_score"] for run in runs)),
        parameters=row["parameters"],
        macs=row["macs"],
        seconds=row[f"{tables.clock}_mean"],
        training_images=max((run["training_images"] for run in runs), default=None),
    )


def best_of(results: dict[str, Result]) -> Result | None:
    """Find the experiment with the highest mean validation score."""
    scored = [
        (result.validation.mean, result)
        for result in results.values()
        if result.validation.mean is not None
    ]
    return max(scored, key=lambda pair: pair[0])[1] if scored else None
