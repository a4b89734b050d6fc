"""Where two versions of a file part: by line, by cell, by key, by page, by word."""

import json
from collections.abc import Callable, Iterator
from itertools import zip_longest
from pathlib import PurePath
from typing import Any

import numpy as np

from cnn_study.archive.checks import SHOWN, Fault
from cnn_study.archive.pages import Passage, passages_of_html, passages_of_pdf
from cnn_study.base import csv_rows
from cnn_study.base.files import read_arrays

AROUND = 40
"""Characters shown before the first one that differs."""

Difference = tuple[str, str]
"""Place, and what stands there in either version."""


def faults(name: str, kept: bytes, anew: bytes) -> list[Fault]:
    """Say where a file differs from what was made anew; nothing where no byte does.

    Args:
        name: of the file, from the results folder on; its ending says how it is read.
        kept: as it is there.
        anew: as it was made anew.
    """
    if kept == anew:
        return []
    look = LOOKS.get(PurePath(name).suffix, _lines)
    try:
        listed = list(look(kept, anew))
    except (ValueError, LookupError):  # so damaged that it cannot be read as what it should be
        listed = []
    listed = listed or list(_bytes(kept, anew))
    more = len(listed) - SHOWN
    shown = [Fault(name, place, what) for place, what in listed[:SHOWN]]
    return [*shown, *([Fault(name, "", f"{more} further places differ")] if more > 0 else [])]


def against(kept: object, anew: object) -> str:
    """Put what is there beside what was made anew."""
    return f"{kept!s} stands here; made anew it is {anew!s}"


def _shown(kept: str, anew: str) -> str:
    """Show two texts from shortly before the first character that differs."""
    start = next((n for n, (a, b) in enumerate(zip(kept, anew, strict=False)) if a != b),
                 min(len(kept), len(anew)))  # fmt: skip
    start = max(0, start - AROUND)
    parts = (text[start : start + 2 * AROUND].strip() or "nothing" for text in (kept, anew))
    return against(*(f"“{part}”" if part != "nothing" else part for part in parts))


def _lines(kept: bytes, anew: bytes) -> Iterator[Difference]:
    pairs = zip_longest(*(text.decode().splitlines() for text in (kept, anew)), fillvalue="")
    for number, (left, right) in enumerate(pairs, start=1):
        if left != right:
            yield f"line {number}", _shown(left, right)


def _cells(kept: bytes, anew: bytes) -> Iterator[Difference]:
    """Compare two tables cell by cell, so long as they have the same columns."""
    left, right = ([cells for _, cells in csv_rows.parse(text)] for text in (kept, anew))
    if left[:1] != right[:1]:
        yield "line 1", _shown(",".join(left[0]), ",".join(right[0]))
        return
    for number, (ours, theirs) in enumerate(zip_longest(left, right, fillvalue=[]), start=1):
        if not ours or not theirs:
            what = "is left out" if not ours else "is too many"
            yield f"line {number}", f"the row of {' '.join((ours or theirs)[:4])} {what}"
            continue
        for column, cell, other in zip_longest(left[0], ours, theirs, fillvalue=""):
            if cell != other:
                key = " ".join(theirs[:2])
                yield (
                    f"line {number} ({key}), column {column}",
                    against(cell or "nothing", other or "nothing"),
                )


def _keys(kept: bytes, anew: bytes) -> Iterator[Difference]:
    yield from _values(json.loads(kept), json.loads(anew), "")


def _values(left: Any, right: Any, place: str) -> Iterator[Difference]:
    if isinstance(left, dict) and isinstance(right, dict):
        for key in dict.fromkeys([*left, *right]):
            step = f"{place}.{key}" if place else str(key)
            yield from _values(left.get(key), right.get(key), step)
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for number, pair in enumerate(zip(left, right, strict=True)):
            yield from _values(*pair, f"{place}[{number}]")
    elif left != right:
        yield place, against(*(json.dumps(value, ensure_ascii=False) for value in (left, right)))


def _passages(read: Callable[[bytes], list[Passage]]) -> Callable[..., Iterator[Difference]]:
    def compare(kept: bytes, anew: bytes) -> Iterator[Difference]:
        empty = Passage("the end", "")
        for left, right in zip_longest(read(kept), read(anew), fillvalue=empty):
            if left.text != right.text:
                yield right.place or left.place, _shown(left.text, right.text)
                if left is empty or right is empty:
                    return

    return compare


def _arrays(kept: bytes, anew: bytes) -> Iterator[Difference]:
    """Name the first place in each array that differs."""
    left, right = (read_arrays(content) for content in (kept, anew))
    for name in dict.fromkeys([*left, *right]):
        ours, theirs = left.get(name), right.get(name)
        if ours is None or theirs is None:
            yield name, f"the array {'is left out' if ours is None else 'is too many'}"
        elif (ours.shape, ours.dtype) != (theirs.shape, theirs.dtype):
            yield name, against(*(f"{array.dtype}{list(array.shape)}" for array in (ours, theirs)))
        elif (places := np.argwhere(ours != theirs)).size:
            first = tuple(places[0].tolist())
            where = f"{len(places):,} of {ours.size:,} numbers differ; the first: "
            yield f"{name}{list(first)}", where + against(ours[first], theirs[first])


def _bytes(kept: bytes, anew: bytes) -> Iterator[Difference]:
    pairs = enumerate(zip(kept, anew, strict=False))
    first = next((n for n, (a, b) in pairs if a != b), min(len(kept), len(anew)))
    yield f"byte {first + 1:,}", "other bytes than those made anew, in nothing that a reader sees"


LOOKS: dict[str, Callable[[bytes, bytes], Iterator[Difference]]] = {
    ".csv": _cells,
    ".json": _keys,
    ".html": _passages(passages_of_html),
    ".pdf": _passages(passages_of_pdf),
    ".npz": _arrays,
}
"""How files are compared, by their ending; others line by line."""
