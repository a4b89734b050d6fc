"""The receipts of a report's numbers, for the page: table, row, runs, hashes, command."""

import hashlib
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from cnn_study.base.errors import UserError
from cnn_study.base.files import read_json
from cnn_study.evidence import schemas as evidence_schemas
from cnn_study.evidence.cells import FIGURE, INSPECTION, SETTINGS
from cnn_study.evidence.read import Tables, evidence_files
from cnn_study.report.lineage import Behind, Runs
from cnn_study.runs import inspections
from cnn_study.study.model import Study
from cnn_study.study.settings import parameters, value_text
from cnn_study.tables import schemas as table_schemas
from cnn_study.tables.schemas import Column, Table, tables_of

ELEMENT = "receipts"
"""Id of the page's element that holds the receipts."""


# ------------------------------------------------------------------------------- in the text


def mark(text: str, number: Any) -> str:
    """Wrap the text of a number that has a receipt in a mark that names its cells."""
    cells = getattr(number, "cells", ())
    if not cells:
        return text
    key = ";".join([getattr(number, "how", ""), *map(str, cells)])
    experiments = {cell.experiment for cell in cells}
    experiment = experiments.pop() if len(experiments) == 1 else None
    whose = f' data-experiment="{experiment}"' if experiment else ""
    return f'[{text}]{{.receipt data-key="{key}"{whose}}}'


def lead_once_a_row(text: str) -> str:
    """Let only the first number of each experiment in a row of a table lead to its runs on paper.

    Links to the same place beside each other help nobody, least of all those to whom the PDF is
    read aloud; a link at every number takes a third of the time that setting the PDF takes.
    """

    def thinned(row: re.Match[str]) -> str:
        linked = set()

        def kept(link: re.Match[str]) -> str:
            first = link[0] not in linked
            linked.add(link[0])
            return link[0] if first else ""

        return re.sub(r' data-experiment="[^"]*"', kept, row[0])

    return re.sub(r"^\|.*", thinned, text, flags=re.MULTILINE)


# ------------------------------------------------------------------------------- for the page

Receipt = dict[str, Any]
"""What the page shows of one cell: value (as it stands in the file), row (its key), line (of the
file), beside (labels and what stands in the row's other cells), experiments and seeds (of the runs
that it comes from; seeds by experiment where they differ). Where there are such: searched (runs of
the search), why (no run is behind it), source (citation, for what somebody else printed)."""


def receipts(
    text: str, study: Study, results: Path, inspected: Path | None = None
) -> dict[str, Any]:
    """Look up what every mark in a text names.

    Returns:
        study, metric (its label), labels (what experiments are called), confirms (whether it asks
        for fresh seeds), results (the folder as a newcomer sees it), tables (file, sha256, what
        they are, the columns named; figures and the inspection stand among them), cells (a
        `Receipt` of each), experiments (their runs), searched (runs of the search, by row of
        search-runs.csv), budgets (their titles).
    """
    keys = set(re.findall(r'data-key="[^";]*;([^"]+)"', text))
    lookup = Lookup(study, results, inspected)
    for cell in sorted({cell for key in keys for cell in key.split(";")}):
        lookup.add(cell)
    return lookup.content()


class Lookup:
    """Looks cells up, one by one, and keeps what the page shows of them."""

    def __init__(self, study: Study, results: Path, inspected: Path | None = None) -> None:
        self.study, self.results, self._inspected_path = study, results, inspected
        tables = Tables(study, results / "tables")
        self.files = {"tables": tables, "evidence": evidence_files(study, results / "evidence")}
        judges = {row["images"]: row["judge"] for row in self.files["evidence"].texts("judge")}
        fresh = self.files["evidence"].frame("confirmation-runs")
        self.runs = Runs(study, tables.frame("runs"), tables.search_runs, judges, fresh)
        self.tables: dict[str, dict[str, Any]] = {}
        self.cells: dict[str, Receipt] = {}
        self._rows: dict[str, list[dict[str, str]]] = {}

    @cached_property
    def _schemas(self) -> dict[str, tuple[str, Table]]:
        """Each table that a mark can name, with its folder."""
        evidence = (*evidence_schemas.EVIDENCE, *evidence_schemas.CONFIRMED)
        return {
            table.name: (folder, table)
            for folder, tables in (("tables", table_schemas.TABLES), ("evidence", evidence))
            for table in tables_of(self.study, tables)
        }

    def add(self, cell: str) -> None:
        """Look a cell up, as its mark names it."""
        name, row, column = cell.split(":")
        if name.startswith(FIGURE):
            self.cells[cell] = self._of_figure(name, name.removeprefix(FIGURE))
        elif name == INSPECTION:
            self.cells[cell] = self._of_inspection(column)
        elif name == SETTINGS:
            self.cells[cell] = self._of_setting(row, column)
        else:
            self.cells[cell] = self._of_table(name, int(row), column)

    def content(self) -> dict[str, Any]:
        """Give everything that was looked up, with the runs behind it."""
        ids = {id_ for receipt in self.cells.values() for id_ in receipt["experiments"]}
        places = {place for receipt in self.cells.values() for place in receipt.get("searched", ())}
        search = self.study.search
        return {
            "tables": self.tables,
            "cells": self.cells,
            "study": self.study.name,
            "metric": self.study.metric.label,
            "labels": self.study.full_labels,
            "confirms": bool(self.study.fresh_seeds),
            "results": f"results/{self.study.name}",
            "experiments": {id_: self.runs.listed(id_) for id_ in self.study.experiments
                            if id_ in ids},
            "searched": self.runs.listed_search(sorted(places)),
            "budgets": {budget.id: budget.title for budget in search.budgets} if search else {},
        }  # fmt: skip

    # ---------------------------------------------------------------------------- cells of tables

    def _of_table(self, name: str, place: int, column: str) -> Receipt:
        folder, table = self._schemas[name]
        if name not in self._rows:
            files = self.files[folder]
            self._rows[name] = files.texts(name)
            self.tables[name] = _about(folder, table, files.path(name))
        (declared,) = (listed for listed in table.columns if listed.name == column)
        self.tables[name]["columns"][column] = self._column(table, declared)
        row = self._rows[name][place]
        behind = self.runs.behind(declared.sources, row)
        beside = _beside(table, declared, row)
        if behind.chosen_from:
            beside.append(["Chosen from", ", ".join(behind.chosen_from)])
        key = {name: row[name] for name in table.key}
        receipt = _receipt(row[column], key, place + 2, beside) | self._behind(behind)
        if behind.cited and (source := row.get("citation") or self._printed_by):
            receipt["source"] = source
        return receipt

    def _column(self, table: Table, column: Column) -> dict[str, Any]:
        """Say what a column means: those that its description goes on from, then itself."""
        described = {other.name: other.description for other in table.columns}
        meaning = [[name, described[name]] for name in column.after]
        shown = {"shown": unit} if (unit := shown_in(table, column)) else {}
        said = [column.name, self._description(column)]
        return {"meaning": [*meaning, said], "unit": column.unit} | shown

    def _description(self, column: Column) -> str:
        """Say what a column means, as the table does that says it in full."""
        if not column.described_in:
            return column.description
        _, table = self._schemas[column.described_in]
        return next(other.description for other in table.columns if other.name == column.name)

    def _behind(self, behind: Behind) -> Receipt:
        """Give what a cell is made from, shortly: the same seeds of all experiments stand once."""
        seeds = list(behind.seeds.values())
        alike = all(some == seeds[0] for some in seeds)
        receipt: Receipt = {
            "experiments": list(behind.seeds),
            "seeds": behind.seeds if not alike else seeds[0] if seeds else [],
        }
        if behind.searched:
            receipt["searched"] = sorted(behind.searched)
        if behind.reason:
            receipt["why"] = behind.reason
        return receipt

    @property
    def _printed_by(self) -> str:
        """Name the work with the study's published numbers."""
        return self.study.file.published.citation if self.study.file.published else ""

    # --------------------------------------------------------------------------------- and others

    @cached_property
    def _figures(self) -> dict[str, Any]:
        return read_json(self.results / "figures" / "figures.json", "Draw the figures first.")

    def _of_figure(self, name: str, id_: str) -> Receipt:
        """Make the receipt of a figure: its value is the number of its runs."""
        entry = self._figures[id_]
        self.tables[name] = _drawn(self.results / "figures" / entry["file"])
        searched = self.runs.places(entry["searched"])
        count = sum(map(len, entry["runs"].values())) + len(searched)
        receipt = _receipt(str(count), {"figure": id_})
        return receipt | self._behind(Behind(entry["runs"], searched)) | {"seeds": entry["runs"]}

    @cached_property
    def _inspection(self) -> Path:
        """The facts of the inspection.

        Raises:
            UserError: a number is said to come from it, and there is none.
        """
        if self._inspected_path is None:
            raise UserError("there is no inspection that a number could come from")
        return self._inspected_path

    def _of_inspection(self, place: str) -> Receipt:
        """Make the receipt of a fact; its place is baselines, name, field."""
        about = self.tables.setdefault(INSPECTION, _inspected(self._inspection))
        about["columns"][place] = _field(place)
        folders = place.split(".")
        value = json.loads(self._inspection.read_text(encoding="utf-8"))
        for folder in folders:
            value = value[folder]
        row = dict(zip(("of", "method"), folders, strict=False))
        behind = Behind(why="it is measured with the images, without a network of this study")
        return _receipt(str(value), row) | self._behind(behind)

    def _of_setting(self, experiment: str, setting: str) -> Receipt:
        """Make the receipt of a setting: the runs are those that were trained with it."""
        about = self.tables.setdefault(SETTINGS, _study_file(self.study))
        about["columns"][setting] = _parameter(setting)
        place, line = self.study.given(experiment, setting)
        value = value_text(getattr(self.study.experiments[experiment].settings, setting))
        row = {"experiment": experiment, "setting": setting}
        beside = [["Given in", place or "nothing: the default"]]
        behind = Behind({experiment: sorted(self.runs.recorded(experiment))})
        return _receipt(value, row, line, beside) | self._behind(behind)


def _receipt(
    value: str,
    row: Mapping[str, str],
    line: int | None = None,
    beside: list[list[str]] | None = None,
) -> Receipt:
    return {"value": value, "row": row, "line": line, "beside": beside or []}


# ------------------------------------------------------------------------------ what they stand in


def _about(folder: str, table: Table, path: Path) -> dict[str, Any]:
    return {
        "kind": "Table",
        "file": f"{folder}/{table.file}",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "title": table.title,
        "description": table.description,
        "made": _made(folder, table),
        "columns": {},
    }


def _made(folder: str, table: Table) -> str:
    """Name the command that makes a table."""
    if table.name in {other.name for other in evidence_schemas.CONFIRMED}:
        return "confirmed"
    return "analyse" if folder == "evidence" else "tables"


NOT_IN_PERCENT = re.compile(r"(^|_)(p|p_holm\w*|correlation\w*|place|probability|by_chance)$")
"""Names of shares that the text writes as they are."""

IN_POINTS = re.compile(r"_(deviation|error)(_mean|_smallest|_largest)?$")
"""Names of shares from 0 to 1 that the text writes in percentage points."""

ENDS_OF_ACCURACIES = {
    *(("search-prices", f"test_{end}") for end in ("lower", "upper")),
    *(("published", f"prediction_{end}") for end in ("lower", "upper")),
}
"""Table and column where the ends of an interval are accuracies, not differences."""


def shown_in(table: Table, column: Column) -> str:
    """Say in what the text writes a share: accuracies in percent, differences in points."""
    if column.unit != "share" or NOT_IN_PERCENT.search(column.name):
        return ""
    if (table.name, column.name) in ENDS_OF_ACCURACIES:
        return "%"
    in_points = IN_POINTS.search(column.name) or "maximum" not in column.constraints
    return "points" if in_points else "%"


def _beside(table: Table, column: Column, row: Mapping[str, str]) -> list[list[str]]:
    """Give what stands beside a cell, shares in their unit; not what is the cell itself."""
    units = {other.name: unit for other in table.columns if (unit := shown_in(table, other))}
    told = {name: _hundredfold(text) if name in units else text for name, text in row.items()}
    listed = []
    for value in column.beside:
        names = {units.get(name, "") for name in value.named}
        text = value.text(told)
        if text and value.named != (column.name,):
            listed.append([value.label, f"{text} {names.pop()}" if len(names) == 1 else text])
    return [[label, text.strip()] for label, text in listed]


def _hundredfold(share: str) -> str:
    """Write a share as percent or points, with all its digits."""
    return f"{(Decimal(share) * 100).normalize():f}" if share else ""


def _drawn(path: Path) -> dict[str, Any]:
    """Describe a figure as `_about` does a table."""
    meaning = "How many runs the figure is drawn from."
    return {
        "kind": "Figure",
        "file": f"figures/{path.name}",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "title": "Drawn from the tables and the evidence",
        "description": "Its main numbers stand in words in its alternative text.",
        "made": "figures",
        "columns": {"runs": {"meaning": [["runs", meaning]], "unit": ""}},
    }


def _inspected(path: Path) -> dict[str, Any]:
    """Describe the facts of an inspection as `_about` does a table."""
    return {
        "kind": "Facts",
        "file": f"inspection/{path.name}",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "title": "Inspection",
        "description": "What was measured with the images at hand, without a network.",
        "made": "inspect",
        "columns": {},
    }


def _field(place: str) -> dict[str, Any]:
    """Say what a number of a baseline means."""
    field = inspections.Baseline.model_fields[place.split(".")[-1]]
    return {"meaning": [[place, field.description]], "unit": ""}


def _study_file(study: Study) -> dict[str, Any]:
    """Describe the study file as `_about` does a table."""
    return {
        "kind": "Study file",
        "path": f"experiments/{study.path.name}",
        "sha256": hashlib.sha256(study.path.read_bytes()).hexdigest(),
        "title": "Settings",
        "description": "The study file gives them; the rest is at default. Each run's record has "
        "all of them.",
        "made": "check",
        "columns": {},
    }


def _parameter(name: str) -> dict[str, Any]:
    (parameter,) = (listed for listed in parameters() if listed["name"] == name)
    return {"meaning": [[name, parameter["description"]]], "unit": parameter["unit"]}
