"""The tables of one study, as the report reads them: every number knows its cell."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cnn_study.base.errors import UserError
from cnn_study.evidence.cells import rows_of
from cnn_study.study.model import Study
from cnn_study.tables import csv_files
from cnn_study.tables import schemas as table_schemas


@dataclass(frozen=True)
class Tables:
    """The tables of one study; an empty cell is None."""

    runs: list[dict[str, Any]]
    epochs: pd.DataFrame
    experiments: dict[str, dict[str, Any]]
    layers: list[dict[str, Any]]
    confusion: pd.DataFrame
    published: list[dict[str, Any]]
    search_runs: pd.DataFrame

    @classmethod
    def read(cls, study: Study, folder: Path) -> "Tables":
        """Read them, and check that they are this study's.

        Raises:
            UserError: a table is missing, or is not this study's.
        """
        wanted = [
            table
            for table in table_schemas.TABLES
            if table is not table_schemas.PUBLISHED or study.file.published
        ]
        remedy = f"Make the tables first: python -m cnn_study tables {study.name}"
        frames = {table.name: csv_files.read(folder, table) for table in wanted}
        rows = {
            name: rows_of(frames[name], name)
            for name in ("experiments", "runs", "layers", "published")
            if name in frames
        }
        experiments = {row["experiment"]: row for row in rows["experiments"]}
        found = cls(
            rows["runs"],
            frames["epochs"],
            experiments,
            rows["layers"],
            frames["confusion"],
            rows.get("published", []),
            frames["search-runs"],
        )
        if list(experiments) != list(study.experiments) or any(
            (experiment.parameters, experiment.macs)
            != (experiments[id_]["parameters"], experiments[id_]["macs"])
            for id_, experiment in study.experiments.items()
        ):
            raise UserError(f"the tables in {folder} are not those of {study.path}. {remedy}")
        return found

    @property
    def complete(self) -> list[dict[str, Any]]:
        """The rows of runs.csv that are complete."""
        return [row for row in self.runs if row["status"] == "complete"]
