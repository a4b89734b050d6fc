"""Leads every number of the pages that has a receipt back to cells, and every cell to records.

It reads what a reader gets, `claims.csv`, HTML and PDF, and asks nobody who made them.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from cnn_study.archive.checks import SHOWN, Check, Fault
from cnn_study.archive.pages import Page, plain, texts_of_pdf
from cnn_study.base import csv_rows

CLAIMS = "claims.csv"
BETWEEN = "; "
NEEDED = {"claim", "sentence", "printed", "cells", "values", "runs", "without_runs"}
"""Columns of claims.csv that are read here."""

LISTS = ("tables/runs.csv", "evidence/confirmation-runs.csv")
"""Tables that say where the record of a run lies that is named by experiment and seed."""

Row = dict[str, str]


@dataclass
class Files:
    """The CSV files of a results folder, each read once."""

    results: Path
    _rows: dict[str, list[list[str]]] = field(default_factory=dict)

    def rows(self, name: str) -> list[list[str]]:
        """Give the lines of a file, its header first; none where it is not there."""
        if name not in self._rows:
            try:
                lines = csv_rows.parse((self.results / name).read_bytes())
                self._rows[name] = [cells for _, cells in lines]
            except (OSError, ValueError):
                self._rows[name] = []
        return self._rows[name]

    def named(self, name: str) -> list[Row]:
        """Give the rows of a file by the names of its columns."""
        lines = self.rows(name)
        return [dict(zip(lines[0], line, strict=False)) for line in lines[1:]]

    def cell(self, name: str, line: int, column: str) -> str | None:
        """Give a cell; None where there is none."""
        try:
            return self.rows(name)[line - 1][self.rows(name)[0].index(column)]
        except (LookupError, ValueError):
            return None


def check_claims(results: Path) -> Check:
    """Check that each claim of the report's list stands in the pages, and comes from the tables."""
    promise = (
        "Every number with a receipt, in HTML and PDF, leads to cells that hold what the list of "
        "claims says, and every cell to runs whose records are here."
    )
    files = Files(results)
    places = [name for name in ("published", "report") if (results / name / CLAIMS).exists()]
    if not places:
        fault = Fault(f"report/{CLAIMS}", "", "it is not there")
        return Check("claims", "R1", promise, "", (fault,))
    name = f"{'report' if 'report' in places else 'published'}/{CLAIMS}"
    claims = files.named(name)
    if not claims or NEEDED - claims[0].keys():
        fault = Fault(name, "line 1", f"it lacks a column: {', '.join(sorted(NEEDED))} are needed")
        return Check("claims", "R1", promise, "", (fault,))
    faults = [*_of_cells(name, claims, files), *_of_runs(name, claims, files)]
    pages = [
        place for place in ("published", "report") if (results / place / "index.html").exists()
    ]
    for place in pages:
        faults += _shortened(list(_of_page(results, f"{place}/index.html", claims)))
        faults += _shortened(list(_of_pdf(results, f"{place}/index.pdf", claims)))
    cells = sum(len(claim["cells"].split(BETWEEN)) for claim in claims)
    where = " and ".join(pages) or "no page that is here"
    looked_at = f"{len(claims):,} numbers with {cells:,} cells, looked up in {where}"
    return Check("claims", "R1", promise, looked_at, tuple(faults))


def _shortened(faults: list[Fault]) -> list[Fault]:
    more = len(faults) - SHOWN
    rest = [Fault(faults[0].file, "", f"{more} further numbers differ")] if more > 0 else []
    return faults[:SHOWN] + rest


# ----------------------------------------------------------------------------- back to the runs


def _of_cells(name: str, claims: list[Row], files: Files) -> Iterator[Fault]:
    """Name claims whose cells do not hold what they say."""
    for number, claim in enumerate(claims, start=2):
        cells, values = claim["cells"].split(BETWEEN), claim["values"].split(BETWEEN)
        if len(cells) != len(values):
            continue  # a value with the mark between values in it: nothing to be told apart
        for cell, value in zip(cells, values, strict=True):
            file, line, column = _parts(cell)
            if file.endswith(".csv") and (known := files.cell(file, line, column)) != value:
                what = f"{cell} holds {known or 'nothing'}, not {value or 'nothing'}"
                yield Fault(name, f"line {number}", what)


def _parts(cell: str) -> tuple[str, int, str]:
    file, _, rest = cell.partition(":")
    line, _, column = rest.partition(":")
    return file, int(line) if line.isdecimal() else 0, column


def _of_runs(name: str, claims: list[Row], files: Files) -> Iterator[Fault]:
    """Name claims without a run, or with one whose record is not here.

    What is told of runs that are missing comes from there being no record.
    """
    listed = {
        f"{row.get('experiment')}/seed-{row.get('seed')}": row
        for table in LISTS
        for row in files.named(table)
    }

    @cache
    def is_as_listed(run: str) -> bool:
        row = listed.get(run, {"record": run})  # those of the search are named by their records
        if row.get("status") == "missing":
            return True
        return bool(row.get("record")) and (files.results / row["record"]).is_file()

    for number, claim in enumerate(claims, start=2):
        runs = list(_runs(claim["runs"]))
        for run in runs:
            if not is_as_listed(run):
                yield Fault(name, f"line {number}", f"{run} has no record here")
        if not (runs or claim["without_runs"]):
            yield Fault(name, f"line {number}", "no run is behind it, and nothing else is said")


def _runs(text: str) -> Iterator[str]:
    """Take apart what stands in the column `runs`."""
    for part in filter(None, text.split(BETWEEN)):
        ids, colon, seeds = part.partition(": ")
        if not colon:
            yield part
            continue
        for id_ in ids.split(", "):
            yield from (f"{id_}/seed-{seed}" for seed in seeds.split())


# ----------------------------------------------------------------------------- out to the pages


def _of_page(results: Path, name: str, claims: list[Row]) -> Iterator[Fault]:
    """Name numbers of an HTML page that are not those of the claims, in their order."""
    marked = Page((results / name).read_text(encoding="utf-8", errors="replace")).marked
    if len(marked) != len(claims):
        what = f"it has {len(marked):,} numbers with a receipt; the list of claims {len(claims):,}"
        yield Fault(name, "", what)
    for mark, claim in zip(marked, claims, strict=False):
        if mark.text != _typeset(claim["printed"]) or _key(mark.key) != _key_of(claim):
            what = (
                f"“{mark.text}” stands where claim {claim['claim']} says “{claim['printed']}”, "
                f"from {claim['cells'][:120]}: {claim['sentence'][:160]}"
            )
            yield Fault(name, mark.place, what)


def _typeset(text: str) -> str:
    """Write a text as the page does."""
    return plain(text.replace("'", "’").replace("...", "…"))


def _key(key: str) -> list[str]:
    """Name the columns of a mark's cells."""
    return [cell.rpartition(":")[2] for cell in key.split(";")[1:]]


def _key_of(claim: Row) -> list[str]:
    return [cell.rpartition(":")[2] for cell in claim["cells"].split(BETWEEN)]


def _of_pdf(results: Path, name: str, claims: list[Row]) -> Iterator[Fault]:
    """Name numbers that the PDF has less often than the claims.

    Lines break anywhere in a PDF, so that numbers are counted and not followed.
    """
    if not (results / name).exists():
        return
    try:
        text = "\n".join(texts_of_pdf((results / name).read_bytes()))
    except ValueError as error:
        yield Fault(name, "", str(error))
        return
    joined = re.sub(r"(?<=\d,)\s*\n(?=\d{3})", "", text)  # a number may go over two lines
    printed = Counter(_numbers(text)) | Counter(_numbers(joined))
    asked: Counter[str] = Counter()
    for claim in claims:
        for number in _numbers(claim["printed"]):
            asked[number] += 1
            if asked[number] > printed[number]:
                what = (
                    f"“{claim['printed']}” of claim {claim['claim']} stands there less often than "
                    f"it is claimed: {claim['sentence'][:160]}"
                )
                yield Fault(name, "", what)


def _numbers(text: str) -> list[str]:
    return re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", plain(text))
