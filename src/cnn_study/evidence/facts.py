"""The tables that evidence is made from, and a family of effects judged together."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from cnn_study.base.inference import Effect, holm, paired, verdict
from cnn_study.study.model import Study
from cnn_study.tables import csv_files
from cnn_study.tables import schemas as table_schemas

MEASURES = ("validation", "test")


@dataclass(frozen=True)
class Facts:
    """The tables that evidence is made from.

    Attributes:
        runs: rows of runs.csv that are complete.
        clock: training_cpu_seconds where every run was made on a CPU, else training_seconds.
    """

    study: Study
    runs: pd.DataFrame
    epochs: pd.DataFrame
    experiments: dict[str, dict[str, Any]]
    classes: pd.DataFrame
    published: pd.DataFrame | None
    search_runs: pd.DataFrame
    search_values: pd.DataFrame
    clock: str

    @classmethod
    def read(cls, study: Study, folder: Path) -> "Facts":
        """Read the tables of a study."""
        runs, epochs, experiments, classes = (
            csv_files.read(folder, table)
            for table in (
                table_schemas.RUNS,
                table_schemas.EPOCHS,
                table_schemas.EXPERIMENTS,
                table_schemas.CLASSES,
            )
        )
        complete = runs[runs["status"] == "complete"]
        return cls(
            study,
            complete,
            epochs.merge(complete[["experiment", "seed"]]),
            {row["experiment"]: row for row in experiments.to_dict("records")},
            classes,
            csv_files.read(folder, table_schemas.PUBLISHED) if study.file.published else None,
            csv_files.read(folder, table_schemas.SEARCH_RUNS),
            csv_files.read(folder, table_schemas.SEARCH_VALUES),
            clock(runs),
        )

    def scores(self, experiment: str, column: str) -> dict[int, float]:
        """Give one column of an experiment's complete runs by seed; empty cells are left out."""
        if experiment not in self._runs_of:
            return {}
        scores = self._runs_of[experiment][column].dropna()
        return {int(seed): float(value) for seed, value in scores.items()}

    @cached_property
    def _runs_of(self) -> dict[str, pd.DataFrame]:
        """The complete runs of each experiment by seed; looked up many times."""
        return {id_: runs.set_index("seed") for id_, runs in self.runs.groupby("experiment")}

    def differences(self, experiment: str, reference: str, images: str) -> dict[int, float]:
        """Give the paired differences in accuracy by seed."""
        column = f"{images}_accuracy"
        return paired(self.scores(experiment, column), self.scores(reference, column))

    @property
    def test_images(self) -> int:
        """Test images that a run is scored on."""
        return self.study.dataset.test_images


def clock(runs: pd.DataFrame) -> str:
    """Choose the column of runs.csv that tells training time best.

    Processor time depends less on what else a machine does; on a GPU it says nothing.
    """
    devices = set(runs["device"].dropna())
    return "training_cpu_seconds" if devices == {"CPU"} else "training_seconds"


def family(
    effects: list[Effect], images: str, smallest: float, unrun: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """Correct the p values of a family together and give the columns of each effect.

    Args:
        unrun: for each effect, what its verdict is where it has no pair.
    """
    corrected = holm([found.p for found in effects])
    reasons = list(unrun) or ["not run"] * len(effects)
    rows = []
    for found, p_holm, reason in zip(effects, corrected, reasons, strict=True):
        said = verdict(found, p_holm, smallest) if found.n else reason
        rows.append(
            {
                f"{images}_pairs": found.n,
                f"{images}_difference": found.mean,
                f"{images}_deviation": found.deviation,
                f"{images}_lower": found.lower,
                f"{images}_upper": found.upper,
                f"{images}_p": found.p,
                f"{images}_p_holm": p_holm,
                f"{images}_verdict": said,
            }
        )
    return rows


def without_pairs(experiment: dict[str, Any]) -> str:
    """Say why a change has no pair of complete runs."""
    ended = experiment["diverged_runs"] + experiment["failed_runs"]
    return "does not train" if ended and not experiment["complete_runs"] else "not run"
