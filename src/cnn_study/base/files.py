"""Files that are whole or absent, and digests of arrays."""

import hashlib
import io
import os
import stat
import tempfile
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from cnn_study.base.errors import UserError


def digest(arrays: Iterable[np.ndarray]) -> str:
    """Hash the bytes of arrays in order: equal arrays, equal digest (sha256, hexadecimal)."""
    sha256 = hashlib.sha256()
    for array in arrays:
        sha256.update(np.ascontiguousarray(array).tobytes())
    return sha256.hexdigest()


def digest_of_file(path: Path) -> str:
    """Hash the bytes of a file (sha256, hexadecimal)."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> str:
    """Write named arrays as a compressed .npz, whole or not at all.

    Returns:
        The file's sha256; equal arrays give equal files.
    """
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_whole(path, lambda file: file.write(buffer.getvalue()))
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def read_at_most(path: Path, most: int) -> bytes:
    """Read a file that anybody may have put there, unless it is larger than it can rightly be.

    Nothing is waited for: a pipe would keep whoever reads it until somebody writes.

    Args:
        most: bytes.

    Raises:
        OSError: it cannot be read.
        UserError: it is a folder or no file at all, or too large.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            kind = "folder" if stat.S_ISDIR(facts.st_mode) else "pipe or device"
            raise UserError(f"{path} is a {kind}, and should be a file. Move it away.")
        if facts.st_size > most:
            raise UserError(
                f"{path} has {facts.st_size:,} bytes, and such a file at most {most:,}. Move it "
                "away, or get the right one back."
            )
        with open(handle, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(handle)


def read_text(path: Path) -> str:
    """Read a text that a person wrote.

    Raises:
        UserError: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as UTF-8 text: {error}") from None


def write_whole(path: Path, write_to: Callable[[Any], Any]) -> None:
    """Write a file under a temporary name beside it, flush it to disk, then rename it.

    Raises:
        UserError: it cannot be written; what was there before is there still.
    """
    with writable(path):
        _write_whole(path, write_to)


@contextmanager
def writable(path: Path) -> Generator[None]:
    """Turn the system's refusal to write into a message."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{path} cannot be written: {error.strerror or error}. Make room or name another "
            "place, then run again; nothing half-written was left behind."
        ) from error


def _write_whole(path: Path, write_to: Callable[[Any], Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            write_to(file)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
