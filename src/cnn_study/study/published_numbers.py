"""Numbers that somebody else printed: reads and checks the CSV that a study file may name.

Knows nothing of runs, and imports neither pandas nor Keras, so that planning can ask it.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from cnn_study.base import csv_rows, files
from cnn_study.base.errors import UserError
from cnn_study.base.words import first_of
from cnn_study.study.file import Draft
from cnn_study.study.parts import Fault


@dataclass(frozen=True)
class PublishedNumber:
    """One number that somebody else printed; accuracy as a share, time in seconds."""

    comparison: str
    model: str
    filters: str
    kernel_size: int | None
    published_test_accuracy: float
    published_seconds_per_epoch: float | None
    experiments: tuple[str, ...]


COLUMNS = (
    "comparison",
    "model",
    "filters",
    "kernel_size",
    "test_accuracy_percent",
    "seconds_per_epoch",
    "validation_accuracy_by_epoch",
    "experiment",
)
"""What a CSV of published numbers must have; accuracies by epoch are shares between spaces."""

LARGEST = 2**20
"""Bytes of such a file; one of a thousand numbers has less than a tenth of that."""


def read(path: Path, experiments: Collection[str]) -> tuple[list[PublishedNumber], list[str]]:
    """Read and check a CSV of published numbers.

    Its columns are `COLUMNS`. kernel_size, seconds_per_epoch and validation_accuracy_by_epoch may
    be empty; experiment holds ids with spaces between.

    Args:
        experiments: ids that it may name.

    Returns:
        The numbers; and every fault found, each with line and column, and what is allowed.
    """
    rows, faults = _rows(path)
    numbers: list[PublishedNumber] = []
    places: dict[tuple[str, str, str], int] = {}
    for line, cells in rows:
        row = _Row(line, cells, faults)
        number = row.number(experiments)
        for id_ in number.experiments:
            first = places.setdefault((number.comparison, number.model, id_), line)
            if first != line:
                row.fault("model", f"line {first} has this comparison, model and experiment")
        numbers.append(number)
    return numbers, faults


def faults_of(draft: Draft) -> list[Fault]:
    """Find what is wrong with the CSV that a study file names, for the place that names it."""
    if draft.file.published is None:
        return []
    name = draft.file.published.file
    _, faults = read(draft.path.parent / name, draft.experiments)
    return [(("published", "file"), f"{name}: {fault}") for fault in faults]


def _rows(path: Path) -> tuple[list[tuple[int, dict[str, str]]], list[str]]:
    """Read the lines of the CSV, each with its number, and check header and commas."""
    try:
        read = csv_rows.parse(files.read_at_most(path, LARGEST))
    except UserError as error:
        return [], [str(error)]
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        return [], [
            f"cannot be read as CSV in UTF-8: {reason}. Put the file of the printed numbers at "
            f"{path}, or take `published` out of the study file"
        ]
    lines = [(line, [cell.strip() for cell in cells]) for line, cells in read if any(cells)]
    if faults := csv_rows.faults_of(lines, COLUMNS):
        return [], faults
    header = lines[0][1]
    return [(line, dict(zip(header, cells, strict=True))) for line, cells in lines[1:]], []


class _Row:
    """Turns the cells of one line into numbers, collecting every fault on the way."""

    def __init__(self, line: int, cells: dict[str, str], faults: list[str]) -> None:
        self.line, self.cells, self.faults = line, cells, faults

    def number(self, experiments: Collection[str]) -> PublishedNumber:
        percent = self._number("test_accuracy_percent", 100, required=True)
        for share in self.cells["validation_accuracy_by_epoch"].split():
            self._parse("validation_accuracy_by_epoch", share, 1)
        size = self._number("kernel_size", 1000)
        if size is not None and size != int(size):
            self.fault("kernel_size", f"{size:g} is not a whole number of pixels. Correct it")
        return PublishedNumber(
            self._text("comparison"),
            self._text("model"),
            self._text("filters"),
            None if size is None else int(size),
            (percent or 0) / 100,
            self._number("seconds_per_epoch", math.inf),
            self._ids(experiments),
        )

    def fault(self, column: str, message: str) -> None:
        self.faults.append(f"line {self.line}, column {column}: {message}")

    def _text(self, column: str) -> str:
        if not self.cells[column]:
            self.fault(column, "is empty. Fill it in, or remove the line")
        return self.cells[column]

    def _ids(self, experiments: Collection[str]) -> tuple[str, ...]:
        ids = self._text("experiment").split()
        for id_ in ids:
            if id_ not in experiments:
                known = first_of(experiments)
                self.fault("experiment", f"the study has no experiment {id_}. Use one of: {known}")
        return tuple(dict.fromkeys(ids))

    def _number(self, column: str, largest: float, *, required: bool = False) -> float | None:
        text = self._text(column) if required else self.cells[column]
        return self._parse(column, text, largest) if text else None

    def _parse(self, column: str, text: str, largest: float) -> float | None:
        allowed = f"from 0 to {largest}" if math.isfinite(largest) else "of at least 0"
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if math.isfinite(value) and 0 <= value <= largest:
            return value
        self.fault(column, f"{text!r} is not a number {allowed}. Correct it")
        return None
