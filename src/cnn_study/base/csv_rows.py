"""CSV as text: every row with its line, and one way to say what is wrong with a file.

Files of people and files that were made are read here alike: one may be cut off, another saved by
a spreadsheet with other marks between cells, in another encoding, or with other columns.
"""

import csv
import io
from collections.abc import Collection, Iterable
from pathlib import Path

from cnn_study.base.csv_cells import as_given
from cnn_study.base.errors import UserError
from cnn_study.base.files import closed, read_at_most
from cnn_study.base.words import first_lines

MOST_BYTES = 2**30
"""Of a file that is read: far more than a table of ten thousand runs takes."""

MARKS = {";": "semicolons", "\t": "tabs", "|": "bars"}
"""What stands between cells where it is not a comma."""

LONGEST_HEADER = 2**16
"""Bytes in which is looked for what stands between cells."""

Line = tuple[int, list[str]]
"""Number of a line, from 1, and its cells."""


def mark_of(content: bytes) -> str:
    """Tell what stands between the cells of a header that people wrote: a comma, if no other."""
    header = content[:LONGEST_HEADER].partition(b"\n")[0].decode("utf-8", "replace")
    return next((mark for mark in MARKS if mark in header and "," not in header), ",")


def parse(content: bytes, mark: str = ",") -> list[Line]:
    """Take CSV in UTF-8 apart.

    Args:
        mark: what stands between cells.

    Returns:
        All lines, the header first, and each with the number that an editor shows; those that are
        empty have no cells. Cells are as they were given to be written: see `csv_cells`.

    Raises:
        ValueError: it is not UTF-8, or no CSV, such as where a quotation mark is never closed.
    """
    try:
        text = io.StringIO(content.decode("utf-8-sig"), newline="")
        reader = csv.reader(text, strict=True, delimiter=mark)
        return [(reader.line_num, list(map(as_given, cells))) for cells in reader]
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}") from None


def faults_of(lines: list[Line], columns: Collection[str], *, others: bool = False) -> list[str]:
    """Say what is wrong with header and numbers of cells, each with line and column.

    Args:
        columns: that it has, in whatever order.
        others: whether it may have more.
    """
    header = lines[0][1] if lines else []
    remedy = f"The columns are: {', '.join(columns)}"
    if not any(header):
        return [f"line 1: there is no header. {remedy}"]
    for mark, name in MARKS.items():
        if set(header[0].split(mark)) & set(columns) - {header[0]}:
            return [
                f"line 1: {name} stand between the cells, as some spreadsheets write them. Save it "
                "as CSV with commas, and with points in numbers"
            ]
    known = [*columns, *header] if others else columns
    if others:
        remedy += f"; there are {', '.join(name or 'one without a name' for name in header[:20])}"
    return _of_header(header, known, remedy) or [
        f"line {line}, column {header[min(len(cells), len(header) - 1)]}: {len(cells)} cells, but "
        f"the header has {len(header)}. Check the commas"
        for line, cells in lines[1:]
        if cells and len(cells) != len(header)
    ]


def _of_header(header: list[str], columns: Collection[str], remedy: str) -> list[str]:
    """Say which columns are missing, unknown or doubled."""
    faults = {name: f"missing. {remedy}" for name in columns if name not in header}
    for name in header:
        if name not in columns:
            faults[name] = f"unknown; remove it. {remedy}"
        elif header.count(name) > 1:
            faults[name] = "stands twice; remove one"
    return [f"line 1, column {name}: {fault}" for name, fault in faults.items()]


def read(path: Path, columns: Collection[str], remedy: str, *, others: bool = False) -> list[Line]:
    """Read the lines of a CSV file that a program wrote, the header first, no empty ones.

    Args:
        columns, others: as `faults_of` has them.
        remedy: what to do about a file that is not as it should be.

    Raises:
        UserError: it is not there, or damaged; lists all faults.
    """
    try:
        content = read_at_most(path, MOST_BYTES)
        lines = parse(content)
    except FileNotFoundError:
        raise UserError(f"there is no {path}. {remedy}") from None
    except PermissionError:
        raise closed(path) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise refused(path, [f"it cannot be read as CSV in UTF-8: {reason}"], remedy) from None
    faults = faults_of(lines, columns, others=others)
    if not faults and not content.endswith(b"\n"):
        faults = [f"line {lines[-1][0]}: the file ends in the middle of it"]
    if faults:
        raise refused(path, faults, remedy)
    return [(line, cells) for line, cells in lines if cells]


def refused(path: Path, faults: Iterable[str], remedy: str) -> UserError:
    """Put the faults of a file into one message."""
    lines = [f"{path} cannot be used:", *(f"  {fault}" for fault in first_lines(faults))]
    return UserError("\n".join([*lines, remedy]))
