"""CSV files of tables: written and read back, each column with its type."""

import csv
import io
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cnn_study.base import csv_rows
from cnn_study.base.csv_cells import as_given, harmless
from cnn_study.tables.schemas import Table

SIGNIFICANT_DIGITS = 6
DTYPES = {"string": "string", "integer": "Int64", "number": "float64", "boolean": "boolean"}


REMEDY = (
    "Make it first: python -m cnn_study tables STUDY, then analyse STUDY. The workflow does so by "
    "itself. What is to be changed by hand is a copy of it."
)


def read(folder: Path, table: Table) -> pd.DataFrame:
    """Read one table that `collect` wrote, each column with its type.

    Left to guess, pandas would take a fingerprint such as 7e22000000000000 for a number.

    Raises:
        UserError: the table is not there, or damaged; says where, and in what.
    """
    lines = rows(folder, table)
    try:
        with np.errstate(invalid="ignore"):  # pandas itself refuses what is no whole number
            frame = pd.read_csv(
                folder / table.file,
                dtype={column.name: DTYPES[column.type] for column in table.columns},
                keep_default_na=False,
                na_values=[""],
                encoding="utf-8-sig",
            )
    except (ValueError, TypeError, OverflowError) as error:
        faults = list(_wrong_cells(lines, table)) or [" ".join(str(error).split())]
        raise csv_rows.refused(folder / table.file, faults, REMEDY) from None
    return _with_texts(frame, as_given)


def rows(folder: Path, table: Table) -> list[csv_rows.Line]:
    """Read one table as the text that stands in its file, the header first.

    Raises:
        UserError: the table is not there, or damaged.
    """
    return csv_rows.read(folder / table.file, [column.name for column in table.columns], REMEDY)


def values(folder: Path, table: Table) -> list[dict[str, Any]]:
    """Read one table as rows of what `read` gives, by header; an empty cell is None.

    Most tables have few rows, of which a frame takes many times as long.

    Raises:
        UserError: the table is not there, or damaged.
    """
    lines = rows(folder, table)
    if faults := list(_wrong_cells(lines, table)):
        raise csv_rows.refused(folder / table.file, faults, REMEDY)
    (_, header), *rest = lines
    columns = [(column.name, header.index(column.name), VALUES[column.type])
               for column in table.columns]  # fmt: skip
    return [
        {name: value(cells[place]) if cells[place] else None for name, place, value in columns}
        for _, cells in rest
    ]


def _wrong_cells(lines: list[csv_rows.Line], table: Table) -> Iterator[str]:
    """Name the cells that are not of their column's type."""
    types = {column.name: column.type for column in table.columns}
    header = lines[0][1]
    for line, cells in lines[1:]:
        for name, cell in zip(header, cells, strict=True):
            if cell and not IS_OF[types[name]](cell):
                yield f"line {line}, column {name}: {cell[:60]!r} is no {types[name]}"


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


IS_OF: dict[str, Callable[[str], bool]] = {
    "string": lambda text: True,
    "integer": lambda text: re.fullmatch(r"[+-]?\d{1,18}", text) is not None,
    "number": _is_number,
    "boolean": lambda text: text in ("true", "false"),
}
"""Whether the text of a cell is of a type."""

VALUES: dict[str, Callable[[str], Any]] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": lambda text: text == "true",
}
"""The value of such a text."""


def frame(table: Table, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Make a frame with the declared columns and types; what a row lacks is empty."""
    _refuse_undeclared(table, rows)
    return pd.DataFrame(
        {
            column.name: pd.Series(
                [row.get(column.name) for row in rows], dtype=DTYPES[column.type]
            )
            for column in table.columns
        }
    )


def _refuse_undeclared(table: Table, rows: list[dict[str, Any]]) -> None:
    unknown = {name for row in rows for name in row} - {column.name for column in table.columns}
    if unknown:
        raise ValueError(f"{table.name} declares no column {', '.join(sorted(unknown))}")


def text_of(table: Table, rows: list[dict[str, Any]]) -> str:
    """Write rows as `csv_text` writes their frame, without making one."""
    _refuse_undeclared(table, rows)
    columns = [(column.name, TEXTS[column.type]) for column in table.columns]
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(name for name, _ in columns)
    for row in rows:
        values = [(row.get(name), text) for name, text in columns]
        writer.writerow("" if pd.isna(value) else text(value) for value, text in values)
    return file.getvalue()


def csv_text(frame: pd.DataFrame) -> str:
    """Write a frame as CSV: header, lines ended by a newline, six significant digits."""
    text = _with_texts(frame.copy(), harmless)
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.BooleanDtype):
            text[name] = frame[name].map({True: "true", False: "false"}).astype("string")
    return text.to_csv(index=False, lineterminator="\n", float_format=_float_text)


def _with_texts(frame: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    """Change the texts of a frame; few are, so that most columns are only looked at."""
    for name in frame.columns:
        column = frame[name]
        if isinstance(column.dtype, pd.StringDtype):
            texts = {text for text in column.tolist() if isinstance(text, str)}
            changed = {text: new for text in texts if (new := change(text)) != text}
            if changed:
                frame[name] = column.replace(changed)
    return frame


def rounded(value: float) -> float:
    """Round a number as it stands in a file."""
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")


def _float_text(value: float) -> str:
    short = float(rounded(value))
    return str(int(short)) if short.is_integer() else repr(short)


def _integer_text(value: float) -> str:
    if value != int(value):
        raise ValueError(f"{value} is no whole number")
    return str(int(value))


TEXTS: dict[str, Callable[[Any], str]] = {
    "string": harmless,
    "integer": _integer_text,
    "number": _float_text,
    "boolean": lambda value: "true" if value else "false",
}
"""How a value of a type is written."""
