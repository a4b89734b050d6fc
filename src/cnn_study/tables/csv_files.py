"""CSV files of tables: written and read back, each column with its type."""

from pathlib import Path
from typing import Any

import pandas as pd

from cnn_study.base.errors import UserError
from cnn_study.tables.schemas import Table

SIGNIFICANT_DIGITS = 6
DTYPES = {"string": "string", "integer": "Int64", "number": "float64", "boolean": "boolean"}


def read(folder: Path, table: Table) -> pd.DataFrame:
    """Read one table that `collect` wrote, each column with its type.

    Left to guess, pandas would take a fingerprint such as 7e22000000000000 for a number.

    Raises:
        UserError: the table is not there.
    """
    try:
        return pd.read_csv(
            folder / table.file,
            dtype={column.name: DTYPES[column.type] for column in table.columns},
            keep_default_na=False,
            na_values=[""],
        )
    except FileNotFoundError as error:
        raise UserError(
            f"there is no {error.filename}. Make it first: "
            "python -m cnn_study tables STUDY, then analyse STUDY"
        ) from None


def frame(table: Table, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Make a frame with the declared columns and types; what a row lacks is empty."""
    names = [column.name for column in table.columns]
    unknown = {name for row in rows for name in row} - set(names)
    if unknown:
        raise ValueError(f"{table.name} declares no column {', '.join(sorted(unknown))}")
    return pd.DataFrame(
        {
            column.name: pd.Series(
                [row.get(column.name) for row in rows], dtype=DTYPES[column.type]
            )
            for column in table.columns
        }
    )


def csv_text(frame: pd.DataFrame) -> str:
    """Write a frame as CSV: header, lines ended by a newline, six significant digits."""
    text = frame.copy()
    for name in frame.columns:
        if frame[name].dtype == "boolean":
            text[name] = frame[name].map({True: "true", False: "false"}).astype("string")
    return text.to_csv(index=False, lineterminator="\n", float_format=_float_text)


def rounded(value: float) -> float:
    """Round a number as it stands in a file."""
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")


def _float_text(value: float) -> str:
    short = float(rounded(value))
    return str(int(short)) if short.is_integer() else repr(short)
