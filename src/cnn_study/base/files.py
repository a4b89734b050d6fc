"""Files that are whole or absent, and digests of arrays."""

import errno
import hashlib
import io
import json
import math
import mmap
import os
import secrets
import stat
import struct
import time
import zipfile
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any

import numpy as np

from cnn_study.base.errors import UserError

PART = ".part"
"""How the name of a file ends that is being written; one that was killed leaves it."""

ARCHIVE_BYTES = 4096
"""More than an .npz file takes around the few arrays that it holds."""

LARGEST_ARRAYS = 2**30
"""Bytes that a file of arrays may hold where nobody knows better what to expect."""

UNFIT = (errno.ENAMETOOLONG, errno.ELOOP, errno.EACCES, errno.ENOTDIR, errno.EISDIR)
"""What the system says of a place that whoever named it must name otherwise."""

ASK_OWNER = "Let its owner give you the right to it, or work in a copy of your own"
"""What to do about a file or folder that is another user's."""


def digest(arrays: Iterable[np.ndarray]) -> str:
    """Hash the bytes of arrays in order: equal arrays, equal digest (sha256, hexadecimal)."""
    sha256 = hashlib.sha256()
    for array in arrays:
        sha256.update(np.ascontiguousarray(array).tobytes())
    return sha256.hexdigest()


def digest_of_file(path: Path) -> str:
    """Hash the bytes of a file (sha256, hexadecimal)."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> str:
    """Write named arrays as a compressed .npz, whole or not at all.

    Returns:
        The file's sha256; equal arrays give equal files.
    """
    content = _compressed(arrays)
    write_whole(path, lambda file: file.write(content))
    return hashlib.sha256(content).hexdigest()


def digest_of_arrays(arrays: dict[str, np.ndarray]) -> str:
    """Give the sha256 of the file that `write_arrays` would write."""
    return hashlib.sha256(_compressed(arrays)).hexdigest()


def _compressed(arrays: dict[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def read_at_most(path: Path, most: int) -> bytes:
    """Read a file that anybody may have put there, unless it is larger than it can rightly be.

    Args:
        most: bytes.

    Raises:
        OSError, UserError: as `opened` does.
    """
    with opened(path, most) as file:
        return file.read()


@contextmanager
def opened(path: Path, most: int) -> Generator[IO[bytes]]:
    """Open a file that anybody may have put there, unless it is larger than it can rightly be.

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
            yield file
    finally:
        os.close(handle)


def read_arrays(source: Path | bytes, largest: int = LARGEST_ARRAYS) -> dict[str, np.ndarray]:
    """Read the named arrays of an .npz file, or of its content; no pickle in it is ever loaded.

    What it says of its sizes is looked at before room is made for anything.

    Args:
        largest: bytes that its arrays may take, with their headers.

    Raises:
        OSError, UserError: the file cannot be opened, is none, or larger than that.
        ValueError: it is damaged, no .npz file, or holds more than that.
    """
    with (
        io.BytesIO(source)
        if isinstance(source, bytes)
        else opened(source, max(largest, LARGEST_ARRAYS)) as file
    ):
        try:
            _check_sizes(file, largest)
            file.seek(0)
            # Opened here: given a path, np.load leaves the file open where it fails.
            with np.load(file, allow_pickle=False) as arrays:
                return dict(arrays)
        except Exception as error:  # damaged bytes raise many kinds in numpy, zipfile and zlib
            raise ValueError(str(error) or type(error).__name__) from error


def map_arrays(path: Path, largest: int) -> dict[str, np.ndarray]:
    """Find the named arrays of an uncompressed .npz file, and read nothing of them.

    What is used of an array later is read from the file, which may be larger than the memory; see
    `let_go`. What the file says of its sizes is looked at as `read_arrays` does.

    Args:
        largest: bytes that its arrays may take, with their headers.

    Raises:
        OSError, UserError: the file cannot be opened, is none, or larger than that.
        ValueError: it is damaged, no .npz file, compressed, or holds more than that.
    """
    with opened(path, max(largest + ARCHIVE_BYTES, LARGEST_ARRAYS)) as file:
        try:
            _check_sizes(file, largest)
            with zipfile.ZipFile(file) as members:
                listed = members.infolist()
            return {
                member.filename.removesuffix(".npy"): _mapped(file, member) for member in listed
            }
        except Exception as error:  # as in `read_arrays`
            raise ValueError(str(error) or type(error).__name__) from error


def _mapped(file: IO[bytes], member: zipfile.ZipInfo) -> np.ndarray:
    """Map the array of a member that lies in the file as it is."""
    if member.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{member.filename} is compressed")
    # Before a member stand 30 bytes, its name and an extra field; bytes 26 to 29 are their lengths.
    file.seek(member.header_offset + 26)
    start = member.header_offset + 30 + sum(struct.unpack("<HH", file.read(4)))
    if start + member.file_size > os.fstat(file.fileno()).st_size:
        raise ValueError(f"{member.filename} reaches beyond the end of the file")
    file.seek(start)
    shape, is_fortran, dtype = _read_header(file)
    order = "F" if is_fortran else "C"
    if math.prod(shape) == 0:
        return np.empty(shape, dtype, order)
    return np.memmap(file, dtype, "r", file.tell(), shape, order)


def let_go(array: np.ndarray) -> None:
    """Take out of this process's memory what it has read of an array that lies in a file.

    The system keeps it, so long as there is room, and reads it again where it is asked for.
    """
    held = getattr(array, "_mmap", None)
    if held is not None and hasattr(mmap, "MADV_DONTNEED"):
        held.madvise(mmap.MADV_DONTNEED)


def closed(path: Path) -> UserError:
    """Say what to do about what the system keeps from this user, and what may be whole."""
    return UserError(
        f"{path} cannot be read: Permission denied. It may well be whole, so delete nothing. "
        f"{ASK_OWNER}."
    )


def intact_arrays(
    path: Path,
    refuse: Callable[[str], UserError],
    names: Iterable[str] = (),
    sha256: str | None = None,
) -> dict[str, np.ndarray]:
    """Read the named arrays of an .npz file that is what was written.

    Args:
        refuse: makes of what is wrong, such as "it is not there", the message that also says what
            to do.
        names: arrays that it must have.
        sha256: of the file, where somebody said it.

    Raises:
        UserError: the file is not there, is another one, or is damaged.
    """
    try:
        content = read_at_most(path, LARGEST_ARRAYS)
        if sha256 and (given := hashlib.sha256(content).hexdigest()) != sha256:
            raise refuse(f"its sha256 is {given}, and should be {sha256}")
        arrays = read_arrays(content)
    except FileNotFoundError:
        raise refuse("it is not there") from None
    except PermissionError:
        raise closed(path) from None
    except (OSError, ValueError) as error:
        raise refuse(f"it is damaged ({' '.join(str(error).split())})") from None
    if missing := sorted(set(names) - arrays.keys()):
        raise refuse(f"it has no array {', '.join(missing)}")
    return arrays


def _check_sizes(file: IO[bytes], largest: int) -> None:
    """Refuse arrays that are too large, or are not as large as their headers say."""
    if not zipfile.is_zipfile(file):
        raise ValueError("not an .npz file, or cut off")
    with zipfile.ZipFile(file) as members:
        holds = sum(member.file_size for member in members.infolist())
        if holds > largest:
            raise ValueError(f"it holds {holds:,} bytes, and at most {largest:,} are expected")
        for member in members.infolist():
            with members.open(member) as array:
                said = _size_said(array)
            if said != member.file_size:
                raise ValueError(
                    f"{member.filename} is to take {said:,} bytes by its header, and takes "
                    f"{member.file_size:,}"
                )


def _size_said(array: IO[bytes]) -> int:
    """Read the header of an array's file, and tell how large the file then is, in bytes."""
    shape, _, dtype = _read_header(array)
    if dtype.hasobject:
        raise ValueError("it holds Python objects (a pickle), which are never loaded")
    return array.tell() + math.prod(shape) * dtype.itemsize


def _read_header(array: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Read of an array's file its shape, whether it is in Fortran's order, and its type."""
    version = np.lib.format.read_magic(array)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[version]
    return read_header(array)


LARGEST_TEXT = 2**26
"""Bytes of a text, be it a whole report; what a person writes by hand has far fewer."""


def read_text(path: Path, most: int = LARGEST_TEXT) -> str:
    """Read a text that a person wrote; a mark of byte order before it is left out.

    Args:
        most: bytes.

    Raises:
        UserError: it cannot be read, is too large, or is not UTF-8.
    """
    try:
        text = read_at_most(path, most).decode("utf-8-sig")
        return text.replace("\r\n", "\n").replace("\r", "\n")
    except PermissionError:
        raise closed(path) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as UTF-8 text: {error}") from None


def read_json(
    path: Path, remedy: str, object_hook: Callable[[dict[str, Any]], Any] | None = None
) -> Any:
    """Read what a command left as JSON.

    Args:
        remedy: what to do where it cannot be read.
        object_hook: makes of each mapping what is to stand for it.

    Raises:
        UserError: it is not there, or not whole.
    """
    try:
        return json.loads(read_at_most(path, LARGEST_TEXT), object_hook=object_hook)
    except FileNotFoundError:
        raise UserError(f"there is no {path}. {remedy}") from None
    except PermissionError:
        raise closed(path) from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged: {error}. {remedy}") from None


def write_whole(path: Path, write_to: Callable[[Any], Any]) -> None:
    """Write a file under a temporary name beside it, flush it to disk, then rename it.

    Raises:
        UserError: it cannot be written, or a pipe or a device is there, such as /dev/null, which
            other programs need; what was there before is there still.
    """
    with writable(path):
        if path.exists() and not path.is_file():
            raise UserError(
                f"{path} is a folder, a pipe or a device, and a file would take its place. Name "
                "another place."
            )
        _write_whole(path, write_to)


@contextmanager
def unfit_told() -> Generator[None]:
    """Turn what the system says of a place that it does not let be into a message."""
    try:
        yield
    except OSError as error:
        if error.errno not in UNFIT or not error.filename:
            raise
        remedy = ASK_OWNER if isinstance(error, PermissionError) else "Name another place"
        raise UserError(f"{error.filename}: {error.strerror}. {remedy}.") from error


@contextmanager
def writable(path: Path) -> Generator[None]:
    """Turn the system's refusal to write into a message."""
    try:
        yield
    except OSError as error:
        is_closed = isinstance(error, PermissionError)
        remedy = ASK_OWNER if is_closed else "Make room or name another place"
        raise UserError(
            f"{path} cannot be written: {error.strerror or error}. {remedy}, then run again; "
            "nothing half-written was left behind."
        ) from error


def out_of_the_future(paths: Iterable[Path]) -> None:
    """Give files the time of now that, by the clock, are yet to be written.

    A clock that was set back leaves them so, and Snakemake takes whatever is made from them
    for older than they are, and fails the job. What is current, their content says.
    """
    now = time.time()
    for path in paths:
        with suppress(OSError):  # not there, or another user's
            if path.stat().st_mtime > now:
                os.utime(path, (now, now))


def look_anew(path: Path) -> None:
    """See to it that a file shows which another machine has just written to a shared folder.

    A machine keeps for up to a minute what it knows of a folder of a network file system, and asks
    again when it has changed the folder itself (nfs(5), "Directory entry caching").
    """
    folder = next(parent for parent in path.parents if parent.is_dir())
    with writable(folder), NamedTemporaryFile(dir=folder, prefix=".", suffix=PART):
        return


def _write_whole(path: Path, write_to: Callable[[Any], Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Opened as any other file, so that the person's umask decides who may read it.
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PART}")
    try:
        with open(part, "xb") as file:
            write_to(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
