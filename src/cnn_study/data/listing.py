"""What images there are of a study's own, before any of them is decoded.

Names are relative, for messages: no path of a machine is among them.
"""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from glob import glob
from importlib import import_module
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Literal, Protocol, cast

import numpy as np

from cnn_study.base.words import SHOWN, first_of
from cnn_study.data.audit import kinds
from cnn_study.data.block import DatasetBlock

Part = Literal["training", "test"]

PARTS: dict[str, Part] = {
    "train": "training",
    "training": "training",
    "test": "test",
    "testing": "test",
}
"""Words for a part, in small letters."""

VALIDATION = ("val", "valid", "validation", "dev")

LEAST_CLASSES, MOST_CLASSES = 2, 1000

PACKED = "*.parquet"
"""Files of a folder in which there are images, as the Hugging Face hub keeps them."""

VALIDATION_REMEDY = "merge it into the training images; validation_fraction holds images out"


@dataclass(frozen=True, slots=True)
class Item:
    """One image that is there, whatever it holds.

    Attributes:
        name: relative, with / between folders, in NFC.
        key: what it is known by: SHA-256 (hex) of the file's bytes; of a row of an array, of its
            shape and bytes.
        label: its class as it was given, in NFC.
        part: None where nobody said.
        group: images of one never stand in two parts; None where it stands alone.
        open: gives the file's bytes, or the pixels themselves, (height, width, 1 or 3) uint8;
            raises `pictures.Unreadable`.
    """

    name: str
    key: str
    label: str
    part: Part | None
    group: str | None
    open: Callable[[], bytes | np.ndarray]


@dataclass
class Listing:
    """All that is there.

    Attributes:
        labels: the classes as given, in their order, those without images too.
        class_names: for each label the name that is shown.
        ignored: how many files were left aside, by what they are.
        unread: names of columns, or of arrays, that tell nothing here.
        unreadable: names of files that cannot be opened, and why, as `pictures.Unreadable` says.
        faults: what has to be set right, each with the remedy.
    """

    items: list[Item] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    class_names: list[str] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    unread: list[str] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def let_go(self) -> None:
        """Forget how to open the images, and with it arrays that they were rows of."""
        self.items = [replace(item, open=_let_go) for item in self.items]


def _let_go() -> bytes:
    raise ValueError("this image was read already")


class Source(Protocol):
    """What a module of `data.sources` has."""

    def list_images(self, block: DatasetBlock, folder_of_study: Path) -> Listing:
        """List what is there: all but `class_names`, and labels in their natural order."""
        ...


def list_items(block: DatasetBlock, folder_of_study: Path) -> Listing:
    """List the images that a study's block tells of.

    What is wrong stands in the listing's faults, all at once; then its items may be incomplete.
    """
    source = cast("Source", import_module(f"cnn_study.data.sources.{block.kind}"))
    listing = source.list_images(block, folder_of_study)
    if not listing.faults or listing.items:
        _choose_classes(block, listing)
        _check_groups(block, listing)
    return listing


def called(block: DatasetBlock) -> str:
    """Say what each image is that a block tells of: a file of its own, or not."""
    return "files" if block.kind in ("folder", "table") else "images"


def unreadable_in_words(block: DatasetBlock, unreadable: Sequence[tuple[str, str]], of: int) -> str:
    """Say which of so many images cannot be read, and why, one reason after the other.

    Args:
        unreadable: names and reasons, one or more.
    """
    reasons = list(dict.fromkeys(reason for _, reason in unreadable))
    ordered = sorted(unreadable, key=lambda each: reasons.index(each[1]))
    named = [
        f"{', '.join(name for name, _ in same)} ({reason})"
        for reason, same in groupby(ordered[:SHOWN], key=itemgetter(1))
    ]
    more = len(ordered) - SHOWN
    rest = f" and {more:,} more" if more > 0 else ""
    return f"{len(ordered):,} of {of:,} {called(block)} cannot be read: {', '.join(named)}{rest}"


def place_of(block: DatasetBlock, folder_of_study: Path) -> Path:
    """Tell where the images are."""
    return folder_of_study / Path(block.place).expanduser()


def is_there(block: DatasetBlock, folder_of_study: Path) -> bool:
    """Tell whether anything is where the images are to be."""
    if block.kind != "parquet" or place_of(block, folder_of_study).is_dir():
        return place_of(block, folder_of_study).exists()
    pattern = str(Path(block.place).expanduser())
    return bool(glob(pattern, root_dir=folder_of_study, recursive=True))


def part_named(word: str) -> Part | None:
    """Tell which part a word stands for, if any."""
    return PARTS.get(word.lower())


def shown(name: str) -> str:
    """Write a name in NFC and so that a screen shows all of it, whatever bytes it is made of."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(
        char.encode("unicode_escape").decode() if _is_unseen(char) else char
        for char in unicodedata.normalize("NFC", text)
    )


UNSEEN = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Signs that change how the text after them is written."""


def _is_unseen(char: str) -> bool:
    return char in UNSEEN or unicodedata.category(char) in ("Cc", "Cs", "Cn", "Zl", "Zp")


# ------------------------------------------------------------------------------- classes


def in_order(labels: set[str]) -> list[str]:
    """Sort labels: as numbers where all are, so that 10 comes after 9; else as text."""
    if all(label.isascii() and label.isdigit() for label in labels):
        return sorted(labels, key=lambda label: (int(label), label))
    return sorted(labels)


SEPARATORS = re.compile(r"(?<=[^\W\d_])[\s_-]+|[\s_-]+(?=[^\W\d_])")
"""Between words; beside numbers alone they mean something, as in 1-2 and -1."""


def spelled_alike(labels: Iterable[str]) -> str:
    """Say which names of classes differ in case, blanks, hyphens or signs alone; "" if none do."""
    by_word: dict[str, list[str]] = {}
    for label in labels:
        word = SEPARATORS.sub("", unicodedata.normalize("NFKC", label).casefold().strip())
        by_word.setdefault(word, []).append(label)
    alike = [" and ".join(names) for names in by_word.values() if len(names) > 1]
    if not alike:
        return ""
    return (
        f"names of classes that differ only in how they are spelled: {first_of(alike)}. If these "
        "are one class, give their images one name"
    )


def _choose_classes(block: DatasetBlock, listing: Listing) -> None:
    """Bring the classes into the block's order, under its names, and leave the others out."""
    names = _names_given(block) or {label: label for label in listing.labels}
    if unknown := [label for label in names if label not in listing.labels]:
        listing.faults.append(
            f"classes: no images are of {first_of(unknown)}; there are "
            f"{first_of(listing.labels, 30) or 'none'}. To show others' names, write classes as a "
            "mapping: {name there: name to show}"
        )
    left_out = [item.label for item in listing.items if item.label not in names]
    if left_out:
        listing.items = [item for item in listing.items if item.label in names]
        listing.ignored["images of classes that are not chosen"] += len(left_out)
    listing.labels = [label for label in names if label in listing.labels]
    listing.class_names = [names[label] for label in listing.labels]
    listing.faults += _class_faults(listing, misnamed=bool(unknown))


def _names_given(block: DatasetBlock) -> dict[str, str]:
    """Give the block's classes, each with the name to show; none where it names none."""
    classes = block.classes or {}
    names = classes if isinstance(classes, dict) else dict(zip(classes, classes, strict=True))
    return {
        unicodedata.normalize("NFC", label): unicodedata.normalize("NFC", name)
        for label, name in names.items()
    }


def _class_faults(listing: Listing, *, misnamed: bool) -> list[str]:
    """Say what is wrong with the classes and how many there are.

    Args:
        misnamed: whether some that were chosen are not there, so that too few follow from that.
    """
    counts = Counter(item.label for item in listing.items)
    faults = []
    if empty := [label for label in listing.labels if not counts[label]]:
        said, it = of_classes(empty, "has", "have"), "it" if len(empty) == 1 else "them"
        faults.append(f"{said} no image: remove {it}, or leave {it} out of classes")
    if misnamed and len(listing.labels) < LEAST_CLASSES:
        return faults
    if not listing.labels:
        return [*faults, "there are no images" + _what_instead(listing)]
    if len(listing.labels) == 1:
        only = f'there is only one class, "{listing.labels[0]}", and two are the least'
        return [*faults, f"{only}. Each class has a folder or a label of its own"]
    if len(listing.labels) > MOST_CLASSES:
        faults.append(
            f"there are {len(listing.labels):,} classes, and {MOST_CLASSES:,} are the most. "
            "Choose with classes"
        )
    return faults


def of_classes(labels: Sequence[str], verb: str, verbs: str) -> str:
    """Name classes as the subject of a sentence: class "cat" has, classes "cat", "dog" have."""
    named = first_of([f'"{label}"' for label in labels])
    return f"class {named} {verb}" if len(labels) == 1 else f"classes {named} {verbs}"


def _what_instead(listing: Listing) -> str:
    """Say what there is where no images are."""
    there = kinds(dict(listing.ignored.most_common()))
    return f", but {first_of(there)}" if there else ""


# ------------------------------------------------------------------------------- groups


class Groups:
    """Which images belong together, as a column or a pattern on file names tells.

    Args:
        setting: what the block says. Without, a column called group is taken, if there is one.
        columns: of the table; none of a folder.
        listing: takes what is wrong.

    Attributes:
        column: that tells, if there is one of this name.
    """

    def __init__(self, setting: str | None, columns: Collection[str], listing: Listing) -> None:
        self.column = setting or "group"
        self._pattern = None
        if setting and setting not in columns:
            self._pattern = _pattern(setting, columns, listing)

    def of(self, row: Mapping[str, object], name: str) -> str | None:
        """Give the group of an image, by its row or by the last part of its file's name."""
        if self._pattern:
            match = self._pattern.search(name.rpartition("/")[2])
            return (match[1] or None) if match else None
        value = row.get(self.column)
        return None if value is None else shown(str(value)).strip() or None


def _pattern(setting: str, columns: Collection[str], listing: Listing) -> re.Pattern[str] | None:
    try:
        pattern = re.compile(setting)
    except re.error as error:
        listing.faults.append(f"groups: {setting!r} is no regular expression: {error}")
        return None
    if pattern.groups:
        return pattern
    known = f"; the columns are {first_of(list(columns))}" if columns else ""
    listing.faults.append(
        f"groups: {setting!r} is no column, and no pattern with parentheses around the group{known}"
    )
    return None


def _check_groups(block: DatasetBlock, listing: Listing) -> None:
    """Find groups that stand in both parts, and a pattern that finds none."""
    parts: dict[str, set[Part]] = {}
    for item in listing.items:
        if item.group is not None and item.part is not None:
            parts.setdefault(item.group, set()).add(item.part)
    if both := [group for group, its in parts.items() if len(its) > 1]:
        which = "1 group stands" if len(both) == 1 else f"{len(both):,} groups stand"
        whose = "its images" if len(both) == 1 else "the images of each"
        listing.faults.append(
            f"{which} in training and test: {first_of(both)}. Move {whose} to one of them"
        )
    if block.groups and listing.items and not any(item.group for item in listing.items):
        listing.faults.append(f"groups: {block.groups!r} finds no group in any of the images")


def check_names(names: Sequence[str], listing: Listing) -> None:
    """Find files whose names are one name in NFC."""
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        which = "1 name stands" if len(twice) == 1 else f"{len(twice):,} names stand"
        listing.faults.append(
            f"{which} for several files, which differ in how Unicode is written: "
            f"{first_of(twice)}. Rename them"
        )
