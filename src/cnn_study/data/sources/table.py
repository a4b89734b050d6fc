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
    VALIDATION_REMEDY,
    Groups,
    Listing,
    Part,
    in_order,
    part_named,
    place_of,
    shown,
)

COLUMNS = ("file", "label")

Row = dict[str, str]


def list_images(block: DatasetBlock, folder_of_study: Path) -> Listing:
    """List the files that a table names; none may lie outside of the table's folder."""
    listing = Listing()
    place = place_of(block, folder_of_study)
    rows = _rows(place, listing)
    groups = Groups(block.groups, rows[0] if rows else COLUMNS, listing)
    parts = _parts(rows, listing)
    paths = _paths(rows, os.path.realpath(place.parent), listing)
    if listing.faults:
        return listing
    files = [
        ImageFile(path, shown(row["file"]), shown(row["label"]), part, groups.of(row, row["file"]))
        for row, part, path in zip(rows, parts, paths, strict=True)
    ]
    listing.labels = in_order({file.label for file in files})
    image_files.add(files, listing)
    return listing


def _rows(place: Path, listing: Listing) -> list[Row]:
    """Read the table, and find what is wrong with its rows, each with its line."""
    rows: list[Row] = []
    try:
        lines = csv_rows.parse(read_at_most(place, csv_rows.MOST_BYTES))
    except FileNotFoundError:
        faults = ["it is not there"]
    except UnicodeDecodeError:
        faults = ["it is not UTF-8. Save it as CSV in UTF-8"]
    except (OSError, UserError, ValueError) as error:
        faults = [f"it cannot be read as CSV: {error}"]
    else:
        lines[:1] = [(line, [name.strip() for name in names]) for line, names in lines[:1]]
        faults = csv_rows.faults_of(lines, COLUMNS, others=True)
        if not faults:
            header, *filled = [(line, cells) for line, cells in lines if cells]
            rows = [_row(header[1], cells) for _, cells in filled]
            faults = _row_faults(rows, [line for line, _ in filled])
    listing.faults += [f"table: {place}: {fault}" for fault in first_lines(faults)]
    return rows


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
    faults = [
        f"line {line}, column {column}: it is empty"
        for line, row in zip(lines, rows, strict=True)
        for column in COLUMNS
        if not row[column]
    ]
    counts = Counter(os.path.normpath(row["file"]) for row in rows if row["file"])
    if twice := [file for file, count in counts.items() if count > 1]:
        faults.append(
            f"in several rows stands {first_of(list(map(shown, twice)))}: give each file once"
        )
    return faults


def _parts(rows: list[Row], listing: Listing) -> list[Part | None]:
    """Read of which part each row is; None of all where the column is missing or empty."""
    said = [row.get("part", "").lower() for row in rows]
    parts = [part_named(word) for word in said]
    if not any(said) or set(parts) == {"training"}:
        return [None] * len(rows)
    if set(said) & set(VALIDATION):
        listing.faults.append(f"table: part {VALIDATION[0]}: {VALIDATION_REMEDY}")
    unknown = {word for word, part in zip(said, parts, strict=True) if not part} - {*VALIDATION}
    if unknown:
        words = [shown(word) or "nothing" for word in sorted(unknown)]
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
        listing.faults.append(
            f"table: outside of its folder lies {first_of(outside)}. Put the table into a folder "
            "that holds all images, and write files relative to it"
        )
    return paths


def _path(root: str, file: str) -> str:
    """Give the place of a file, whose name another system may have written in its own way."""
    ways = [file, file.replace("\\", "/")]
    ways += [unicodedata.normalize(form, way) for form in ("NFC", "NFD") for way in ways]
    paths = [os.path.join(root, way) for way in ways]
    return next((path for path in paths if os.path.lexists(path)), paths[0])
