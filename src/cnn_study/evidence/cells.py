"""Numbers that know which cells of which tables they come from.

A value read from a table is a `Number` or a `Count`; printed, it leaves a mark in the text that
names its cells. Arithmetic gives plain numbers; `derived` keeps the cells where a result is to
have a receipt.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from cnn_study.evidence.schemas import EVIDENCE
from cnn_study.study.settings import value_text
from cnn_study.tables.lineage import PRINTED
from cnn_study.tables.schemas import TABLES

INSPECTION = "inspection"
"""In the place of a table: the facts of the inspection."""

SETTINGS = "settings"
"""In the place of a table: what the study file says; a row is an experiment, a column a setting."""

FIGURE = "figure-"
"""In the place of a table: a figure, with its id behind it."""

PUBLISHED = {
    table.name: tuple(column.name for column in table.columns if PRINTED in column.sources)
    for table in (*TABLES, *EVIDENCE)
}
"""Columns by table that hold what somebody else published, not what runs of ours gave."""


class Cell(NamedTuple):
    """One cell of a table: row 0 is the first below the header."""

    table: str
    row: int | str
    column: str
    experiment: str | None = None

    def __str__(self) -> str:
        """Write it as marks do."""
        return f"{self.table}:{self.row}:{self.column}"


class Number(float):
    """A number with the cells that it comes from, and how it was made of several."""

    cells: tuple[Cell, ...] = ()
    how: str = ""


class Count(int):
    """A whole number with its cell."""

    cells: tuple[Cell, ...] = ()
    how: str = ""


class Setting(str):
    """A setting's value as text, with the cell that says it."""

    cells: tuple[Cell, ...]

    def __new__(cls, value: Any, cell: Cell) -> "Setting":
        """Write the value as ids and tables do."""
        setting = super().__new__(cls, value_text(value))
        setting.cells = (cell,)
        return setting


def rows_of(
    rows: Iterable[Mapping[str, Any]], table: str, names: Mapping[str, str] = MappingProxyType({})
) -> list[dict[str, Any]]:
    """Let the numbers in the rows of a table know their cells.

    Args:
        names: what the result calls a column, where that is not its header.
    """
    published = PUBLISHED.get(table, ())
    known = []
    for place, row in enumerate(rows):
        ours = row.get("experiment") or row.get("better_experiment")
        known.append(
            {
                names.get(header, header): of_cell(
                    value, Cell(table, place, header, None if header in published else ours)
                )
                if isinstance(value, int | float)
                else value
                for header, value in row.items()
            }
        )
    return known


def of_cell(value: Any, cell: Cell) -> Any:
    """Let a number know its cell; anything else stays what it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    known = Count(value) if isinstance(value, int) else Number(value)
    known.cells = (cell,)
    return known


def derived(value: float, how: str, *numbers: Any, cells: Iterable[Cell] = ()) -> Number:
    """Let a computed number know the cells that it was computed from.

    Args:
        how: in words, such as "mean of".
        numbers: what it was computed from; those without cells add none.
        cells: further cells.
    """
    known = Number(value)
    known.cells = (*(cell for number in numbers for cell in getattr(number, "cells", ())), *cells)
    known.how = how
    return known


def ratio(numerator: float, denominator: float) -> Number:
    """Divide, and let the result know the cells of both."""
    return derived(numerator / denominator, "ratio of", numerator, denominator)
