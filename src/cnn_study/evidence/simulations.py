"""What simulated studies say of the ways to judge, summed up by kind of study.

The simulations are the project's, made by `benchmarks/judge.py`; they know no study of anybody's.
"""

import statistics
from collections.abc import Callable, Iterable
from typing import Any

from cnn_study.base import csv_rows
from cnn_study.base.places import SIMULATIONS

ALL = "all"
"""In simulations.csv, what is said of all kinds of studies together."""

COLUMNS: dict[str, tuple[str, Callable[[Iterable[float]], float]]] = {
    "coverage": ("coverage", statistics.fmean),
    "coverage_least": ("coverage", min),
    "false_in_question": ("false_in_question", statistics.fmean),
    "false_in_question_most": ("false_in_question", max),
    "false_in_study": ("false_in_study", statistics.fmean),
    "false_in_study_most": ("false_in_study", max),
    "half_width": ("half_width", statistics.fmean),
    "power_1": ("power_1", statistics.fmean),
    "power_2": ("power_2", statistics.fmean),
    "wrong_sign_1": ("wrong_sign_1", statistics.fmean),
    "exaggeration_1": ("exaggeration_1", statistics.fmean),
    "coverage_error": ("coverage_error", max),
    "false_in_study_error": ("false_in_study_error", max),
}
"""By column: the column of the simulations, and what is taken of it over the settings."""


NEEDED = ("group", "judged_by", "studies", *dict.fromkeys(name for name, _ in COLUMNS.values()))
"""Columns of the simulations that are read here."""

REMEDY = "It is part of the project: get it back from there, or make it: python benchmarks/judge.py"


def simulation_rows() -> list[dict[str, Any]]:
    """Give one row for each kind of study and way to judge, all kinds together last."""
    (_, header), *lines = csv_rows.read(SIMULATIONS, NEEDED, REMEDY, others=True)
    settings = [dict(zip(header, cells, strict=True)) for _, cells in lines]
    groups = list(dict.fromkeys(row["group"] for row in settings))
    ways = list(dict.fromkeys(row["judged_by"] for row in settings))
    return [
        _summary(group, way, [
            row for row in settings if group in (row["group"], ALL) and row["judged_by"] == way
        ])
        for group in (*groups, ALL)
        for way in ways
    ]  # fmt: skip


def _summary(group: str, way: str, rows: list[dict[str, str]]) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "group": group,
        "judged_by": way,
        "settings": len(rows),
        "studies": sum(int(row["studies"]) for row in rows),
    }
    for column, (source, summed_up) in COLUMNS.items():
        summary[column] = summed_up([float(row[source]) for row in rows if row[source]])
    return summary
