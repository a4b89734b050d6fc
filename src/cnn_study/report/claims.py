"""What a report claims, number by number: each with its sentence, its cells and its runs.

The page shows these one at a time, as receipts; `claims.csv` has them all, for whoever reads with
a program.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cnn_study.base import csv_cells, csv_rows

FILE = "claims.csv"
"""Beside the text."""

COLUMNS = {
    "claim": "Number of the claim, from 1, in the order of the text.",
    "section": "Heading that it stands under.",
    "sentence": "Sentence, or row of a table with its headings, that it stands in.",
    "printed": "The number as it is printed.",
    "made": "How it is worked out of its cells; empty where it is its cell's value.",
    "cells": "Its cells, each as file:line:column; files of results from the study's folder on.",
    "values": "What stands in these cells, in their order.",
    "runs": "Runs behind it, as experiment: seeds; those of the search by their records.",
    "without_runs": "What it comes from where no run is behind it.",
}
"""The columns of claims.csv, and what each means."""

OPENING = "]{.receipt "
"""Stands in each mark of `receipts.mark`, and nowhere else."""

MARK = re.compile(
    r"\[((?:[^][\\]|\\.|\[[^][]*\])*)\]"
    r'\{\.receipt data-key="([^";]*);([^"]*)"[^}]*\}', re.DOTALL,
)  # fmt: skip
"""A number with a receipt, as `receipts.mark` writes it: text, how it was made, cells."""

HELD = re.compile("\ue000(\\d+)\ue001")
"""Stands for a mark, by its place among all, while a text is taken apart: whatever the marked words
hold, full stops or brackets or line breaks, a mark stays whole and in one place."""

BETWEEN = "; "
"""Stands between cells, values and runs."""


@dataclass(frozen=True)
class Claim:
    """One printed number."""

    claim: int
    section: str
    sentence: str
    printed: str
    made: str
    cells: str
    values: str
    runs: str
    without_runs: str


def claims(text: str, receipts: Mapping[str, Any]) -> list[Claim]:
    """List every number of a text that has a receipt, in order.

    Args:
        text: Quarto Markdown with the marks of `receipts.mark`.
        receipts: what `receipts.receipts` gives for it.

    Raises:
        RuntimeError: a number with a receipt would not be listed, or twice, or not in its place.
    """
    marks = list(MARK.finditer(text))
    numbers = iter(range(len(marks)))
    places: list[int] = []
    listed: list[Claim] = []
    for section, sentence in _sentences(MARK.sub(lambda _: f"\ue000{next(numbers)}\ue001", text)):
        where = [_shown(part, marks) for part in (section, sentence)]
        for held in HELD.finditer(sentence):
            places.append(int(held[1]))
            listed.append(_claim(len(places), *where, marks[places[-1]], receipts))
    _refuse_lost(text, marks, places)
    return listed


def _claim(
    number: int, section: str, sentence: str, mark: re.Match[str], receipts: Mapping[str, Any]
) -> Claim:
    keys = mark[3].split(";")
    return Claim(
        number,
        section,
        sentence,
        _plain(mark[1]),
        mark[2],
        BETWEEN.join(_place(key, receipts) for key in keys),
        BETWEEN.join(receipts["cells"][key]["value"] for key in keys),
        BETWEEN.join(_runs(keys, receipts)),
        BETWEEN.join(dict.fromkeys(_reasons(keys, receipts))),
    )


def _refuse_lost(text: str, marks: list[re.Match[str]], places: list[int]) -> None:
    """Refuse a list that does not have each number of the text once, in its order."""
    if text.count(OPENING) != len(marks):
        ends = {mark.start() + len(mark[1]) + 1 for mark in marks}
        strays = (stray.start() for stray in re.finditer(re.escape(OPENING), text))
        start = next(start for start in strays if start not in ends)
        raise RuntimeError(
            f"{text.count(OPENING) - len(marks)} receipts in the text cannot be read as marks of "
            f"`receipts.mark`, the first one: {text[max(0, start - 60) : start + 120]!r}"
        )
    if places != list(range(len(marks))):
        lost = [marks[place][0] for place in range(len(marks)) if place not in places]
        raise RuntimeError(
            f"{FILE} would not list each number of the text once and in its order; not listed: "
            f"{lost[:3] or 'none'}"
        )


def csv_text(listed: Iterable[Claim]) -> str:
    """Write claims as CSV."""
    return _written(list(COLUMNS), (asdict(claim) for claim in listed))


def _written(columns: list[str], rows: Iterable[dict[str, Any]]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {key: csv_cells.harmless(str(cell)) for key, cell in row.items()} for row in rows
    )
    return file.getvalue()


def with_column(path: Path, name: str, value: str) -> str:
    """Give the claims of a file with one more column, which has one value."""
    (_, header), *lines = csv_rows.read(path, COLUMNS, "Make it first: cnn-study write STUDY")
    rows = [dict(zip([*header, name], [*cells, value], strict=True)) for _, cells in lines]
    return _written([*header, name], rows)


# ------------------------------------------------------------------------------- from the text


def _sentences(text: str) -> Iterator[tuple[str, str]]:
    """Give each sentence that holds a mark, and each such row of a table, with its section."""
    section, headings = "", []
    for block in _blocks(text):
        if heading := re.match(r"#+ +(.*)", block):
            section = heading[1]
            if HELD.search(section):
                yield section, section
        elif block.startswith("|"):
            cells = _cells(block)
            if set("".join(cells)) <= set(":- "):
                continue
            if HELD.search(block):
                yield section, BETWEEN.join(_under(headings, cells))
            else:
                headings = cells
        else:
            if abstract := re.match(r"abstract:\s*[|>]?[+-]?\s*", block):
                section, block = "Abstract", block[abstract.end() :]
            for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z[@*`(\ue000])", block):
                if HELD.search(sentence):
                    yield section, sentence


def _blocks(text: str) -> Iterator[str]:
    """Take a text apart into headings, rows, paragraphs and items of lists, each on one line."""
    block: list[str] = []
    for line in [*text.splitlines(), ""]:
        parts = not line.strip() or line.startswith((":::", "---"))
        starts = re.match(r"#+ |\||: |[-*] |\d+\. |\w+:", line.lstrip())
        if block and (parts or starts or block[0].startswith(("#", "|"))):
            yield " ".join(block)
            block = []
        if not parts:
            block.append(line.strip())


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]


def _under(headings: list[str], cells: list[str]) -> list[str]:
    """Put its heading before each cell of a row, where the table has as many."""
    if len(headings) != len(cells):
        return cells
    pairs = zip(headings, cells, strict=True)
    return [f"{heading}: {cell}" if heading else cell for heading, cell in pairs]


def _shown(text: str, marks: list[re.Match[str]]) -> str:
    """Put the words of marks where these are held, and give what a reader sees."""
    return _plain(HELD.sub(lambda held: marks[int(held[1])][1], text))


def _plain(text: str) -> str:
    """Take the marks of Markdown out of a text."""
    text = re.sub(r"^(?:[-*:]|\d+\.) +|\{[^}]*\}", "", text.strip())
    text = re.sub(r"\[([^][]*)\](?:\([^)]*\))?", r"\1", text)
    text = re.sub(r"(?<![\w\\])_(\w+)_(?!\w)", r"\1", text)
    return re.sub(r"(?<!\\)[*`]|\\(?=[\W_])", "", text).strip()


# ------------------------------------------------------------------------------- from receipts


def _place(key: str, receipts: Mapping[str, Any]) -> str:
    """Name a cell as a person looks it up: file, line, column."""
    table, row, column = key.split(":")
    about, receipt = receipts["tables"][table], receipts["cells"][key]
    file = about.get("file") or about["path"]
    line = receipt["line"] or (row if row not in ("", "0") else "")
    return ":".join(filter(None, [file, str(line), column]))


def _runs(keys: list[str], receipts: Mapping[str, Any]) -> Iterator[str]:
    """Name the runs behind cells; experiments of the same seeds together."""
    seeds: dict[str, set[int]] = {}
    places: set[int] = set()
    for receipt in (receipts["cells"][key] for key in keys):
        for id_ in receipt["experiments"]:
            known = receipt["seeds"]
            seeds.setdefault(id_, set()).update(known[id_] if isinstance(known, dict) else known)
        places.update(receipt.get("searched", ()))
    alike: dict[str, list[str]] = {}
    for id_, numbers in seeds.items():
        alike.setdefault(" ".join(map(str, sorted(numbers))), []).append(id_)
    for numbers, ids in alike.items():
        if numbers:
            yield f"{', '.join(ids)}: {numbers}"
    column = 7  # of `Runs.listed_search`
    yield from dict.fromkeys(receipts["searched"][place][column] for place in sorted(places))


def _reasons(keys: list[str], receipts: Mapping[str, Any]) -> Iterator[str]:
    for receipt in (receipts["cells"][key] for key in keys):
        if why := receipt.get("why"):
            source = receipt.get("source")
            yield f"{why} ({source})" if source else why
