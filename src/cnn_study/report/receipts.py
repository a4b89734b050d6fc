"""Numbers that know which cells of which tables they come from, and the receipts for them.

A value read from a table is a `Number` or a `Count`; printed, it leaves a mark in the text that
names its cells, and the page opens the receipt: table, row, runs, hashes, commit, command.
Arithmetic gives plain numbers; `derived` keeps the cells where a result is to have a receipt.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cnn_study import columns, tables
from cnn_study.study import Study

ELEMENT = "receipts"
"""Id of the page's element that holds the receipts."""

OWNERS = ("experiment", "reference", "better_experiment", "worse_experiment")
"""Columns that name experiments."""

SCRIPT = Path(__file__).resolve().parents[3] / "report" / "theme" / "receipts.js"


@dataclass(frozen=True)
class Cell:
    """One cell of a table: row 0 is the first below the header."""

    table: str
    row: int
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


def rows_of(frame: pd.DataFrame, table: str) -> list[dict[str, Any]]:
    """Turn a table into dictionaries; an empty cell is None, a number knows its cell."""
    plain = frame.astype(object).where(frame.notna(), None)
    return [
        {name: of_cell(value, Cell(table, place, name, _experiment(row)))
         for name, value in row.items()}
        for place, row in enumerate(plain.to_dict("records"))
    ]  # fmt: skip


def _experiment(row: dict[str, Any]) -> str | None:
    return row.get("experiment") or row.get("better_experiment")


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


# ------------------------------------------------------------------------------- in the text


def mark(text: str, number: Any) -> str:
    """Wrap the text of a number that has a receipt in a mark that names its cells."""
    cells = getattr(number, "cells", ())
    if not cells:
        return text
    key = ";".join([number.how, *map(str, cells)])
    experiments = {cell.experiment for cell in cells}
    one = experiments.pop() if len(experiments) == 1 else None
    whose = f' data-experiment="{one}"' if one else ""
    return f'[{text}]{{.receipt data-key="{key}"{whose}}}'


# ------------------------------------------------------------------------------- for the page


def fragment(text: str, study: Study, results: Path) -> str:
    """Write the receipts of every mark in a text, and the script that shows them, as HTML.

    Args:
        text: the report's text.
        results: the study's results folder, with `tables` and `evidence`.
    """
    content = json.dumps(receipts(text, study, results), ensure_ascii=False, sort_keys=True)
    content = content.replace("<", "\\u003c")
    script = SCRIPT.read_text(encoding="utf-8")
    return (
        f'<script type="application/json" id="{ELEMENT}">{content}</script>\n'
        f"<script>\n{script}</script>\n"
    )


def receipts(text: str, study: Study, results: Path) -> dict[str, Any]:
    """Look up what every mark in a text names.

    Returns:
        study, results (the folder as a newcomer sees it), tables (file, sha256, what they are, the
        columns named), cells (value as it stands in the file, its row's key, the experiments whose
        runs it comes from), experiments (their runs).
    """
    keys = set(re.findall(r'data-key="[^";]*;([^"]+)"', text))
    cells = sorted({cell for key in keys for cell in key.split(";")})
    known = {
        table.name: (folder, table)
        for folder, several in (("tables", columns.TABLES), ("evidence", columns.EVIDENCE))
        for table in several
    }
    found: dict[str, Any] = {"tables": {}, "cells": {}}
    frames: dict[str, pd.DataFrame] = {}
    for cell in cells:
        name, row, column = cell.split(":")
        folder, table = known[name]
        if name not in frames:
            path = results / folder / table.file
            frames[name] = pd.read_csv(path, dtype=str, keep_default_na=False)
            found["tables"][name] = _about(folder, table, path)
        described = next(one for one in table.columns if one.name == column)
        found["tables"][name]["columns"][column] = [described.description, described.unit]
        values = frames[name].iloc[int(row)]
        row_key = {key: values[key] for key in table.key}
        whose = [values[name] for name in OWNERS if values.get(name)]
        found["cells"][cell] = [values[column], row_key, whose]
    return found | {
        "study": study.name,
        "results": f"results/{study.name}",
        "experiments": _experiments(results),
    }


def _about(folder: str, table: columns.Table, path: Path) -> dict[str, Any]:
    return {
        "file": f"{folder}/{table.file}",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "title": table.title,
        "made": "analyse" if folder == "evidence" else "tables",
        "columns": {},
    }


def _experiments(results: Path) -> dict[str, list[list[Any]]]:
    """List seed, status, test accuracy, record, weights and commit of each experiment's runs."""
    wanted = ["seed", "status", "test_accuracy", "record", "weights_sha256", "commit"]
    runs = tables.read(results / "tables", columns.RUNS)
    plain = runs.astype(object).where(runs.notna(), None)
    return {
        name: [[row[column] for column in wanted] for row in rows.to_dict("records")]
        for name, rows in plain.groupby("experiment", sort=False)
    }
