"""Numbers of the figures: tables and evidence of one study, read once, in percent and points.

Nothing is worked out here that the evidence holds already. pandas is imported only to read.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnn_study.base.inference import Effect
from cnn_study.evidence import schemas as evidence_schemas
from cnn_study.figures.words import NO_RUN
from cnn_study.runs import inspections
from cnn_study.tables import schemas as table_schemas

if TYPE_CHECKING:
    import numpy
    import pandas


@dataclass(frozen=True)
class Summary:
    """One experiment's row of experiments.csv. Accuracies are in percent, NaN without any run.

    Attributes:
        troubles: which of its runs are not complete, in words.
        mean, deviation, smallest, largest: of the test accuracy.
        validation, validation_smallest, validation_largest: of the validation accuracy, the
            first its mean.
        calibration, calibration_smallest, calibration_largest: of the expected calibration error
            of test images, the first its mean.
        seconds: mean training time, on the clock of `Results.clock`.
    """

    id: str
    complete: int
    macs: int
    parameters: int
    seconds: float
    troubles: tuple[str, ...]
    mean: float
    deviation: float
    smallest: float
    largest: float
    validation: float
    validation_smallest: float
    validation_largest: float
    calibration: float
    calibration_smallest: float
    calibration_largest: float

    @property
    def words(self) -> str:
        """The mean with the number of runs, or that there is none."""
        return f"{self.mean:.1f} % (n = {self.complete})" if self.complete else NO_RUN


@dataclass(frozen=True)
class Change:
    """One row of the ledger: what a change does to the test accuracy, in percentage points.

    Attributes:
        found: mean difference and interval, without p value.
        verdict: a word of `columns.VERDICTS`.
        differences: of the single seeds, in the order of the seeds.
    """

    experiment: str
    reference: str
    found: Effect
    verdict: str
    differences: tuple[float, ...]


@dataclass(frozen=True)
class Contrast:
    """One row of the contrasts, on the test accuracy, in percentage points.

    Attributes:
        name: what is set against what.
        kind: main effect, interaction or combination.
        experiment, parts: the experiment that joins changes, and these; empty for grids.
        found, verdict, differences: as of a `Change`.
    """

    name: str
    kind: str
    experiment: str
    parts: tuple[str, ...]
    found: Effect
    verdict: str
    differences: tuple[float, ...]


class Results:
    """The tables, the evidence and the inspection of one study, each read once.

    Attributes:
        inspection: None where none was made.
        clock: column of runs.csv that tells training time best.
    """

    def __init__(self, tables: Path, evidence: Path, inspected: Path | None = None) -> None:
        self.folder = tables.parent
        self.inspection = inspections.read(inspected) if inspected else None
        self.folders = {table.name: (tables, table) for table in table_schemas.TABLES}
        self.folders |= {table.name: (evidence, table) for table in evidence_schemas.EVIDENCE}
        self.read = cache(self._read)
        runs = self.read("runs")
        self.clock = _clock(runs)
        self.runs = runs[runs["status"] == "complete"].sort_values("seed")
        rows = self.read("experiments").to_dict("records")
        self.summaries = {row["experiment"]: _summary(row, self.clock) for row in rows}

    def _read(self, name: str) -> "pandas.DataFrame":
        """Read one table or one piece of evidence, each column with its type."""
        from cnn_study.tables import csv_files

        return csv_files.read(*self.folders[name])

    def first_kernels(self, network: inspections.Network) -> "numpy.ndarray":
        """Give the kernels of a network's first convolution: (filters, side, side, channels)."""
        return inspections.weights(network, self.folder)["convolution_1/kernel"].transpose(
            3, 0, 1, 2
        )

    def of(self, ids: Iterable[str]) -> list[Summary]:
        """Give the summaries of these experiments."""
        return [self.summaries[id_] for id_ in ids]

    def by_seed(self, id_: str) -> dict[int, float]:
        """Give the test accuracy in percent of each complete run."""
        return self._by_seed.get(id_, {})

    @cached_property
    def _by_seed(self) -> dict[str, dict[int, float]]:
        found: dict[str, dict[int, float]] = {}
        columns_ = (self.runs[name] for name in ("experiment", "seed", "test_accuracy"))
        for id_, seed, score in zip(*columns_, strict=True):
            found.setdefault(id_, {})[int(seed)] = 100 * float(score)
        return found

    def scores(self, id_: str) -> list[float]:
        """Give the test accuracy in percent of each complete run, by seed."""
        return list(self.by_seed(id_).values())

    def recalls(self, id_: str) -> dict[str, list[float]]:
        """Give, by class, the share of its test images that each run recognized, in percent.

        A class without test images is left out: nothing is known of it.
        """
        rows = self.read("classes")
        rows = rows[(rows["experiment"] == id_) & (rows["images"] > 0)].sort_values("seed")
        shares = 100 * rows["correct"] / rows["images"]
        return {
            name: [float(share) for share in group]
            for name, group in shares.groupby(rows["class"], sort=False)
        }

    def calibration(self, id_: str) -> list[tuple[float, float, int]]:
        """Give mean probability and accuracy in percent, and images, of each bin that has any."""
        rows = self.read("calibration")
        rows = rows[(rows["experiment"] == id_) & (rows["images"] > 0)]
        return [
            (100 * float(row["mean_probability"]), 100 * float(row["accuracy"]), int(row["images"]))
            for row in rows.to_dict("records")
        ]

    def calibration_error(self, id_: str) -> list[float]:
        """Give the expected calibration error in percent of each complete run, by seed."""
        mine = self.runs[self.runs["experiment"] == id_]
        return [100 * float(error) for error in mine["test_calibration_error"]]

    def changes(self, question: str) -> list[Change]:
        """Give the changes of a question, in the order of the study file."""
        return self._changes.get(question, [])

    @cached_property
    def _changes(self) -> dict[str, list[Change]]:
        """Give the changes of each question."""
        single = self.read("differences").dropna(subset="test_difference")
        by = {
            among: tuple(100 * float(number) for number in group["test_difference"])
            for among, group in single.groupby(["question", "experiment"])
        }
        found: dict[str, list[Change]] = {}
        for row in self.read("ledger").to_dict("records"):
            question, id_ = row["question"], row["experiment"]
            change = Change(
                id_,
                row["reference"],
                _points(row),
                row["test_verdict"],
                by.get((question, id_), ()),
            )
            found.setdefault(question, []).append(change)
        return found

    def change(self, experiment: str, reference: str) -> Change | None:
        """Find a change in the ledger; None if it is not set against this reference there."""
        of_all = chain.from_iterable(self._changes.values())
        mine = (one for one in of_all if (one.experiment, one.reference) == (experiment, reference))
        return next(mine, None)

    def contrasts(self, question: str) -> list[Contrast]:
        """Give main effects, interactions and combinations of a question."""
        rows, single = self.read("contrasts"), self.read("contrast-differences")
        single = single[single["question"] == question].dropna(subset="test_difference")
        by = {
            name: tuple(100 * float(number) for number in group["test_difference"])
            for name, group in single.groupby("contrast")
        }
        rows = rows[rows["question"] == question].fillna({"experiment": "", "parts": ""})
        return [
            Contrast(
                row["contrast"],
                row["kind"],
                row["experiment"],
                tuple(row["parts"].split()),
                _points(row),
                row["test_verdict"],
                by.get(row["contrast"], ()),
            )
            for row in rows.to_dict("records")
        ]

    def gaps(self, habit: str) -> dict[str, tuple[Effect, tuple[float, ...]]]:
        """Give what a habit adds to the truth, in points: mean, interval and single seeds.

        Args:
            habit: one that habits.csv knows, such as best by test.

        Returns:
            By what was chosen among.
        """
        rows, means = (self.read(name) for name in ("habits", "habit-means"))
        single = {
            among: tuple(100 * float(gap) for gap in group["gap"])
            for among, group in rows[rows["habit"] == habit].groupby("among")
        }
        return {
            row["among"]: (_optimism(row), single[row["among"]])
            for row in means[means["habit"] == habit].to_dict("records")
        }


def _clock(runs: "pandas.DataFrame") -> str:
    """Take the clock by which the evidence tells training time."""
    from cnn_study.evidence.facts import clock

    return clock(runs)


def _summary(row: dict[str, Any], clock: str) -> Summary:
    planned = int(row["planned_runs"])
    counts = {name: int(row[f"{name}_runs"]) for name in ("diverged", "failed", "missing")}
    three = ("mean", "smallest", "largest")
    return Summary(
        row["experiment"],
        int(row["complete_runs"]),
        int(row["macs"]),
        int(row["parameters"]),
        float(row[f"{clock}_mean"]),
        tuple(f"{count} of {planned} {name}" for name, count in counts.items() if count),
        *_percentages(row, "test_accuracy", ("mean", "standard_deviation", "smallest", "largest")),
        *_percentages(row, "validation_accuracy", three),
        *_percentages(row, "test_calibration_error", three),
    )


def _percentages(row: dict[str, Any], measure: str, names: Sequence[str]) -> list[float]:
    return [100 * float(row[f"{measure}_{name}"]) for name in names]


def _points(row: dict[str, Any]) -> Effect:
    """Take the effect on the test accuracy from a row of evidence, in percentage points."""
    names = ("difference", "deviation", "lower", "upper")
    return Effect(int(row["test_pairs"]), *(_of_share(row[f"test_{name}"]) for name in names))


def _optimism(row: dict[str, Any]) -> Effect:
    """Take the mean optimism of a habit from its row, in percentage points."""
    mean, lower, upper = (_of_share(row[name]) for name in ("gap", "gap_lower", "gap_upper"))
    return Effect(int(row["seeds"]), mean, None, lower, upper)


def _of_share(share: float) -> float | None:
    return None if math.isnan(share) else 100 * float(share)
