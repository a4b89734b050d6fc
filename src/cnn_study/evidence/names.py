"""What the code calls those columns of the evidence that the files call otherwise.

Headers stay what they are; only what writes and reads the files knows both names.
"""

from collections.abc import Iterable
from typing import Any

from cnn_study.tables.schemas import Table

IN_CODE = {
    "habits": {"habit": "rule", "told": "reported", "honest": "expected", "gap": "optimism"},
    "habit-means": {
        "habit": "rule",
        "told": "reported",
        "honest": "expected",
        "gap": "optimism",
        "gap_lower": "optimism_lower",
        "gap_upper": "optimism_upper",
    },
    "orders": {"printed_difference": "published_difference"},
    "search-finalists": {"gap": "optimism"},
    "search-gaps": {
        "gap": "optimism",
        "gap_lower": "optimism_lower",
        "gap_upper": "optimism_upper",
    },
}
"""By file and header."""


def in_code(table: str) -> dict[str, str]:
    """Give the code's names of a file's columns, where they are not its headers."""
    return IN_CODE.get(table, {})


def as_in_file(table: Table, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Call the columns of rows as the file does."""
    names = {**table.called, **in_code(table.name)}
    headers = {name: header for header, name in names.items()}
    return [{headers.get(name, name): value for name, value in row.items()} for row in rows]
