"""Image files of a folder: opened with care, and known by their content."""

import hashlib
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cnn_study.base.errors import UserError
from cnn_study.base.files import read_at_most
from cnn_study.data.listing import Item, Listing, Part
from cnn_study.data.pictures import MOST_BYTES, Unreadable
from cnn_study.data.threads import in_threads


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A file that should hold an image, and what is known of it from its place or its row."""

    path: str
    name: str
    label: str
    part: Part | None
    group: str | None = None


def read(path: str) -> bytes:
    """Read a file of images.

    Raises:
        Unreadable: it cannot be opened, or is too large for one.
    """
    try:
        if reason := fault_of(os.stat(path)):
            raise Unreadable(reason)
        return read_at_most(Path(path), MOST_BYTES)
    except FileNotFoundError:
        raise Unreadable("is not there") from None
    except OSError as error:
        raise Unreadable((error.strerror or "cannot be opened").lower()) from None
    except (UserError, ValueError):
        raise Unreadable("changes while it is read") from None


def fault_of(facts: os.stat_result) -> str | None:
    """Say why something is not opened."""
    if not stat.S_ISREG(facts.st_mode):
        return "a folder" if stat.S_ISDIR(facts.st_mode) else "a pipe, a socket or a device"
    if facts.st_size > MOST_BYTES:
        return f"has {facts.st_size / 1e6:,.0f} MB, and {MOST_BYTES / 1e6:,.0f} are the most"
    return None


def add(files: Iterable[ImageFile], listing: Listing) -> None:
    """Add files to a listing, each with the digest of its content."""
    files = list(files)
    keys = in_threads(lambda file: _key(file.path), files, "files are looked through")
    for file, key in zip(files, keys, strict=True):
        if isinstance(key, Unreadable):
            listing.unreadable.append((file.name, str(key)))
        else:
            opening = partial(read, file.path)
            listing.items.append(Item(file.name, key, file.label, file.part, file.group, opening))


def _key(path: str) -> str | Unreadable:
    try:
        return hashlib.sha256(read(path)).hexdigest()
    except Unreadable as fault:
        return fault
