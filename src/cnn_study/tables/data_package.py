"""The data dictionary of a folder of CSV files: a Frictionless Data Package."""

import re
from collections.abc import Iterable
from typing import Any

from cnn_study.base.csv_cells import TOLD
from cnn_study.study.model import Study
from cnn_study.tables import answers
from cnn_study.tables.schemas import Column, Table, asked_for, tables_of

DICTIONARY = "datapackage.json"

FIELD = ("name", "type", "description", "unit", "constraints")
"""What the dictionary says of a column: its lineage is for receipts."""


def planned_tables(study: Study) -> list[str]:
    """Name every file that `tables.collect` writes for a study."""
    return [*(table.file for table in asked_for(study)), answers.FILE, DICTIONARY]


def data_package(study: Study, tables: Iterable[Table], of: str = "tables") -> dict[str, Any]:
    """Describe the CSV files as a Frictionless Data Package (specification version 1)."""
    name = re.sub(r"[^a-z0-9._-]+", "-", study.name.lower())
    openings = {
        "tables": "Tables collected from the run records of a study.",
        "evidence": "What the tables of a study say about its changes.",
        "confirmation": "What fresh seeds say of what a study suggests.",
    }
    resources = [_resource(table) for table in tables_of(study, tables)]
    if of == "tables":
        resources.append(_answers(study))
    return {
        # Of a package that holds more than tables each resource says what it is.
        "profile": "data-package" if of == "tables" else "tabular-data-package",
        "name": f"{name}-{of}",
        "title": study.file.title,
        "description": f"{openings[of]} Numbers have at most "
        f"six significant digits; an empty cell means that there is no such value. {TOLD}",
        "resources": resources,
    }


def _answers(study: Study) -> dict[str, Any]:
    more = "" if study.metric.name == "accuracy" else answers.CONTRIBUTIONS
    more += answers.UNITS if study.dataset.test_units else ""
    return {
        "profile": "data-resource",
        "name": "answers",
        "path": answers.FILE,
        "title": answers.TITLE,
        "description": answers.DESCRIPTION + more,
        "format": "npz",
        "mediatype": "application/zip",
    }


def _resource(table: Table) -> dict[str, Any]:
    return {
        "profile": "tabular-data-resource",
        "name": table.name,
        "path": table.file,
        "title": table.title,
        "description": table.description,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "dialect": {"delimiter": ",", "lineTerminator": "\n", "quoteChar": '"', "header": True},
        "schema": {
            "fields": [_field(column) for column in table.columns],
            "missingValues": [""],
            "primaryKey": list(table.key),
            "foreignKeys": [
                {"fields": list(own), "reference": {"resource": other, "fields": list(theirs)}}
                for own, other, theirs in table.links
            ],
        },
    }


def _field(column: Column) -> dict[str, Any]:
    described = {key: getattr(column, key) for key in FIELD}
    return {key: value for key, value in described.items() if value}
