"""A CSV with the columns file and label, and perhaps part and group."""

import os
import unicodedata
from collections import Counter
from pathlib import Path

from cnn_study.base import csv_rows
from cnn_study.base.errors import UserError
from cnn_study.base.files import read_at_most
from cnn_study.base.words import first_lines, first_of
from cnn_study.data import image_files
from cnn_study.data.block import DatasetBlock
from cnn_study.data.image_files import ImageFile
from cnn_study.data.listing import (
    VALIDATION,
    Groups,
    Listing,
    Part,
    in_order,
    part_named,
    place_of,
    shown,
)

COLUMNS = ("file", "label")
READ = (*COLUMNS, "part", "group")
"""Columns that a table must have, and those that it may have."""

Row = dict[str, str]


def list_images(block: DatasetBlock, folder_of_study: Path) -> Listing:
    """List the files that a table names; none may lie outside of the table's folder."""
    listing = Listing()
    place = place_of(block, folder_of_study)
    rows = _rows(place, listing)
    setting = _column(block.groups) if block.groups else None
    groups = Groups(setting, rows[0] if rows else COLUMNS, listing)
    parts = _parts(rows, listing)
    paths = _paths(rows, os.path.realpath(place.parent), listing)
    if listing.faults:
        _add_missing(rows, paths, listing)
        return listing
    files = [
        ImageFile(path, shown(row["file"]), shown(row["label"]), part, groups.of(row, row["file"]))
        for row, part, path in zip(rows, parts, paths, strict=True)
    ]
    listing.labels = in_order({file.label for file in files})
    listing.unread = (
        [name for name in rows[0] if name not in (*READ, groups.column)] if rows else []
    )
    image_files.add(files, listing)
    return listing


def _rows(place: Path, listing: Listing) -> list[Row]:
    """Read the table, and find what is wrong with its rows, each with its line."""
    rows: list[Row] = []
    if place.is_dir():
        listing.faults.append(f"table: {place} is a folder, and should be a file: name the CSV")
        return rows
    try:
        content = read_at_most(place, csv_rows.MOST_BYTES)
        lines = csv_rows.parse(content, csv_rows.mark_of(content))
    except FileNotFoundError:
        faults = ["it is not there"]
    except UnicodeDecodeError:
        faults = ["it is not UTF-8. Save it as CSV in UTF-8"]
    except (OSError, UserError, ValueError) as error:
        faults = [f"it cannot be read as CSV: {error}"]
    else:
        lines[:1] = [(line, list(map(_column, names))) for line, names in lines[:1]]
        faults = csv_rows.faults_of(lines, COLUMNS, others=True)
        if not faults:
            header, *filled = [(line, cells) for line, cells in lines if cells]
            rows = [_row(header[1], cells) for _, cells in filled]
            faults = _row_faults(rows, [line for line, _ in filled])
    listing.faults += [f"table: {place}: {fault}" for fault in first_lines(faults)]
    return rows


def _column(name: str) -> str:
    """Take the name of a column, those that are read in small letters."""
    name = name.strip()
    return name.lower() if name.lower() in READ else name


def _row(header: list[str], cells: list[str]) -> Row:
    # No file has a name with a zero in it.
    return dict(
        zip(
            header,
            (cell.strip().replace("\0", "\N{SYMBOL FOR NULL}") for cell in cells),
            strict=True,
        )
    )


def _row_faults(rows: list[Row], lines: list[int]) -> list[str]:
    faults = []
    for column in COLUMNS:
        empty = [line for line, row in zip(lines, rows, strict=True) if not row[column]]
        if empty:
            where = f"line{'s' * (len(empty) > 1)} {first_of(empty)}"
            faults.append(f"{where}, column {column}: empty. Fill it, or take the row out")
    counts = Counter(os.path.normpath(row["file"]) for row in rows if row["file"])
    if twice := [file for file, count in counts.items() if count > 1]:
        faults.append(
            f"in several rows stands {first_of(list(map(shown, twice)))}: give each file once"
        )
    return faults


def _parts(rows: list[Row], listing: Listing) -> list[Part | None]:
    """Read of which part each row is; None of all where the column is missing or empty."""
    said = [row.get("part", "") for row in rows]
    parts = [part_named(word) for word in said]
    if not any(said) or set(parts) == {"training"}:
        return [None] * len(rows)
    unknown = {word for word, part in zip(said, parts, strict=True) if not part}
    if validation := sorted(word for word in unknown if word.lower() in VALIDATION):
        listing.faults.append(
            f"table: column part says {first_of(map(shown, validation))}. Write train there: "
            "validation_fraction holds images out"
        )
    if others := sorted(unknown - {*validation}):
        words = [
            f"{shown(word) or 'nothing'} ({said.count(word)} of {len(said)})" for word in others
        ]
        listing.faults.append(
            f"table: column part says {first_of(words)}. Write train or test in each row, or leave "
            "the column out"
        )
    if set(parts) == {"test"}:
        listing.faults.append("table: all rows are of the test part; name those of train, too")
    return parts


def _paths(rows: list[Row], root: str, listing: Listing) -> list[str]:
    """Find the files; whether each is there is seen when it is opened."""
    paths = [_path(root, row["file"]) for row in rows]
    outside = [
        shown(row["file"])
        for row, path in zip(rows, paths, strict=True)
        if os.path.commonpath([os.path.realpath(path), root]) != root
    ]
    if outside:
        which = "1 file lies" if len(outside) == 1 else f"{len(outside):,} files lie"
        listing.faults.append(
            f"table: {which} outside of its folder: {first_of(outside)}. Put the table into a "
            "folder that holds all images, and write files relative to it"
        )
    return paths


def _add_missing(rows: list[Row], paths: list[str], listing: Listing) -> None:
    """Say which files are not there, where none is opened since something else is wrong."""
    missing = [
        shown(row["file"])
        for row, path in zip(rows, paths, strict=True)
        if row["file"] and not os.path.lexists(path)
    ]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        listing.faults.append(
            f"table: {len(missing):,} of {len(rows):,} files {verb} not there: "
            f"{first_of(missing)}. Correct the names, or take the rows out"
        )


def _path(root: str, file: str) -> str:
    """Give the place of a file, whose name another system may have written in its own way."""
    ways = [file, file.replace("\\", "/")]
    ways += [unicodedata.normalize(form, way) for form in ("NFC", "NFD") for way in ways]
    paths = [os.path.join(root, way) for way in ways]
    return next((path for path in paths if os.path.lexists(path)), paths[0])
