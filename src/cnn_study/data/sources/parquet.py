"""Parquet files as the Hugging Face hub keeps images: a column of their bytes, one of labels.

Needs the extra `parquet`. What the columns are stands in the files' metadata, as the library
datasets writes it (https://huggingface.co/docs/hub/datasets-image).
"""

import glob
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from functools import lru_cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any

from cnn_study.base.words import first_of
from cnn_study.data.block import DatasetBlock
from cnn_study.data.listing import (
    PACKED,
    VALIDATION,
    Groups,
    Item,
    Listing,
    Part,
    in_order,
    part_named,
    shown,
)
from cnn_study.data.pictures import MOST_BYTES, Unreadable

IMAGE_COLUMNS = ("image", "img")
LABEL_COLUMNS = ("label", "labels")

NEEDED = 'parquet: this needs the extra `parquet`. In a clone: pip install -e ".[parquet]"'

KEPT_GROUPS = 2
"""Groups of rows in memory: images are read in their order, some of them at once."""

Row = dict[str, Any]


def list_images(block: DatasetBlock, folder_of_study: Path) -> Listing:
    """List the rows of all files that a pattern names.

    They are to be read in this order: of any other a whole group of rows would be read for each.
    """
    listing = Listing()
    pattern = Path(block.place).expanduser()
    if (folder_of_study / pattern).is_dir():
        pattern = Path(glob.escape(str(pattern))) / "**" / PACKED
    paths = sorted(glob.glob(str(pattern), root_dir=folder_of_study, recursive=True))
    try:
        import_module("pyarrow.parquet")
    except ImportError:
        listing.faults.append(NEEDED)
        return listing
    if not paths:
        listing.faults.append(f"parquet: no file is named {pattern}")
    parts = _parts(paths, listing)
    if listing.faults:
        return listing
    # Of classes that have names the order is their makers'.
    names: dict[str, None] = {}
    for path, part in parts.items():
        names.update(dict.fromkeys(_list_file(folder_of_study / path, part, block.groups, listing)))
    listing.labels = [*names, *in_order({item.label for item in listing.items} - set(names))]
    return listing


# ------------------------------------------------------------------------------- parts


def _parts(paths: list[str], listing: Listing) -> dict[str, Part | None]:
    """Tell from the names of files, or of their folders, of which part each is."""
    words = {path: _word(Path(path)) for path in paths}
    if validation := [Path(path).name for path, word in words.items() if word in VALIDATION]:
        listing.faults.append(
            f"parquet: {first_of(validation)}: validation_fraction holds images out. Give it a "
            "name that begins with train, or name by the pattern those that are meant"
        )
    parts = {path: part_named(word) for path, word in words.items() if word not in VALIDATION}
    kinds = set(parts.values())
    if kinds == {"test"}:
        listing.faults.append("parquet: all files are of the test part; name those of train, too")
    elif None in kinds and len(kinds) > 1:
        neither = [Path(path).name for path, part in parts.items() if part is None]
        listing.faults.append(
            f"parquet: {first_of(neither)}: train or test begins the names of others, and not "
            "this. Rename it, or name by the pattern those that are meant"
        )
    return dict.fromkeys(parts) if kinds == {"training"} else parts


def _word(path: Path) -> str:
    """Give the word for a part with which a file's name begins, or which is its folder's name."""
    words = [re.split(r"[-_.]", path.name)[0].lower(), path.parent.name.lower()]
    return next((word for word in words if part_named(word) or word in VALIDATION), "")


# ------------------------------------------------------------------------------- rows


def _list_file(path: Path, part: Part | None, groups: str | None, listing: Listing) -> list[str]:
    """Add the rows of one file, and give the names of its classes, if it has any."""
    unlabelled = 0
    try:
        file = _File(path)
        belonging = Groups(groups, file.columns, listing)
        known = {file.image, file.label, belonging.column, *listing.unread}
        listing.unread += [name for name in file.columns if name not in known]
        for place, row in enumerate(file.rows(belonging.column)):
            name = f"{path.name}[{place}]"
            image = _image(row[file.image])
            label = file.label_of(row)
            if label is None:
                unlabelled += 1
            elif not image["bytes"]:
                listing.unreadable.append((name, "holds no bytes of an image"))
            else:
                key = hashlib.sha256(image["bytes"]).hexdigest()
                group = belonging.of(row, shown(image["path"] or ""))
                opening = partial(file.content, place)
                listing.items.append(Item(name, key, label, part, group, opening))
    except _UnknownColumns as fault:
        listing.faults.append(f"parquet: {path.name}: {fault}")
        return []
    except Exception as error:  # damaged bytes raise many kinds in pyarrow
        listing.faults.append(f"parquet: {path.name} cannot be read: {error}")
        return []
    if unlabelled:
        which = "1 image has" if unlabelled == 1 else f"{unlabelled:,} images have"
        listing.faults.append(f"parquet: {path.name}: {which} no label")
    return file.class_names


def _image(value: object) -> dict[str, Any]:
    """Give bytes and path of an image that is kept as bytes alone, or as both."""
    given = value if isinstance(value, dict) else {"bytes": value}
    content, path = given.get("bytes"), given.get("path")
    return {
        "bytes": content if isinstance(content, bytes) else b"",
        "path": path if isinstance(path, str) else None,
    }


class _UnknownColumns(Exception):
    """Which columns cannot be told, and what to do."""


class _File:
    """One file, and what its columns are.

    Attributes:
        image, label: names of columns.
        class_names: what the label's numbers stand for; none where it is text or says nothing.
    """

    def __init__(self, path: Path) -> None:
        self._parquet = import_module("pyarrow.parquet").ParquetFile(path)
        schema = self._parquet.schema_arrow
        features = _features(schema.metadata or {})
        self.columns: list[str] = schema.names
        self.image = self._column(features, "Image", IMAGE_COLUMNS)
        self.label = self._column(features, "ClassLabel", LABEL_COLUMNS)
        columns = {IMAGE_COLUMNS[0]: self.image, LABEL_COLUMNS[0]: self.label}
        if missing := [usual for usual, name in columns.items() if not name]:
            raise _UnknownColumns(
                f"there is no column {' and no '.join(missing)}, but {first_of(self.columns)}. "
                "Rename what is meant"
            )
        names = features.get(self.label, {}).get("names", [])
        self.class_names = [shown(str(name)) for name in names]
        facts = self._parquet.metadata
        self._sizes = [facts.row_group(place).num_rows for place in range(facts.num_row_groups)]
        self._lock = threading.Lock()
        self._contents = lru_cache(KEPT_GROUPS)(self._read_contents)

    def _column(self, features: dict[str, Any], kind: str, usual: tuple[str, ...]) -> str:
        """Find a column by its usual name, or else as the only one of its kind; "" if neither."""
        named = [name for name in usual if name in self.columns]
        of_kind = [name for name, facts in features.items() if facts.get("_type") == kind]
        return named[0] if named else of_kind[0] if len(of_kind) == 1 else ""

    def rows(self, group: str) -> Iterator[Row]:
        """Read all rows, of each the image, the label and, if there is one, that column."""
        columns = sorted({self.image, self.label, group} & set(self.columns))
        for batch in self._parquet.iter_batches(batch_size=64, columns=columns):
            yield from batch.to_pylist()

    def label_of(self, row: Row) -> str | None:
        """Write the label of a row as text; None where it has none (the hub's -1), or no name."""
        label = row[self.label]
        if label is None or label == -1 or label == "":
            return None
        if self.class_names and isinstance(label, int):
            return self.class_names[label] if 0 <= label < len(self.class_names) else None
        return shown(str(label))

    def content(self, place: int) -> bytes:
        """Give the bytes of an image again, by the place of its row.

        Raises:
            Unreadable: the file is another one by now, or the image too large.
        """
        group = 0
        while place >= self._sizes[group]:
            place -= self._sizes[group]
            group += 1
        try:
            with self._lock:
                content = _image(self._contents(group)[place].as_py())["bytes"]
        except Exception as error:  # as above
            raise Unreadable(f"cannot be read again: {error}") from None
        if len(content) > MOST_BYTES:
            raise Unreadable(f"has {len(content):,} bytes, and {MOST_BYTES:,} are the most")
        return content

    def _read_contents(self, group: int) -> Any:
        return self._parquet.read_row_group(group, columns=[self.image]).column(0)


def _features(metadata: dict[bytes, bytes]) -> dict[str, Any]:
    """Read what the library datasets notes of the columns; nothing where it did not write them."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        return {name: facts for name, facts in features.items() if isinstance(facts, dict)}
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        return {}
