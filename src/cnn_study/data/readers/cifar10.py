"""CIFAR-10: found or downloaded, every member checked, decoded without trusting it."""

import errno
import gzip
import hashlib
import io
import os
import pickle
import sys
import tarfile
import time
import zlib
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np

from cnn_study.base.errors import UserError
from cnn_study.data.images import Images

if TYPE_CHECKING:
    from pooch.typing import Downloader

SOURCE_VARIABLE = "CNN_STUDY_DATA"

CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
# The file_hash that Keras pins for the same file (keras/datasets/cifar10.py).
CIFAR10_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
CIFAR10_ARCHIVE = "cifar-10-python.tar.gz"
CIFAR10_FOLDER = "cifar-10-batches-py"
# The MD5s that torchvision pins (torchvision/datasets/cifar.py), in canonical order, test last.
CIFAR10_MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
ARCHIVE_BYTES = 170_498_071
BATCH_BYTES = 2**25
"""More than any batch takes: 31,035,999 bytes are the most."""
UNPACKED_BYTES = 2**29
"""More than twice what the archive holds: a repacked one may hold something beside."""
DOWNLOAD_TIMEOUT_SECONDS = 30
DOWNLOAD_LINE_SECONDS = 5


@dataclass(frozen=True)
class Source:
    """A place to read CIFAR-10 from, and who named it (for messages)."""

    path: Path
    given_by: str


def _reason(error: OSError) -> str:
    """Say in a few words why an operation on a file failed."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "no space left on the disk"
    return error.strerror or str(error)


def read(source: str | Path | None) -> Images:
    """Give CIFAR-10 from its archive or unpacked folder, downloaded where no place is named.

    Args:
        source: of None or "", the environment variable CNN_STUDY_DATA names the place, or, where
            that is not set either, the official archive is downloaded.
    """
    return read_cifar10(find_cifar10(source))


# -------------------------------------------------------------------------------- where it is


def find_cifar10(source: str | Path | None, environ: Mapping[str, str] = os.environ) -> Source:
    """Choose where to read CIFAR-10: the argument, else CNN_STUDY_DATA, else a download."""
    if source:
        return Source(Path(source).expanduser(), "--config data=PATH")
    if environ.get(SOURCE_VARIABLE):
        path = Path(environ[SOURCE_VARIABLE]).expanduser()
        return Source(path, f"environment variable {SOURCE_VARIABLE}")
    return Source(download_cifar10(), f"downloaded from {CIFAR10_URL}")


def download_cifar10(
    url: str = CIFAR10_URL,
    sha256: str = CIFAR10_SHA256,
    cache: Path | None = None,
    size: int = ARCHIVE_BYTES,
) -> Path:
    """Return the archive's place in the cache, downloading it if it is not there whole.

    Pooch writes to a temporary name in the cache, checks the hash, then renames: a bad or partial
    file is never kept, and two processes at once do not harm each other.

    Args:
        url, sha256: of the archive; other values are for tests.
        cache: folder; None means pooch.os_cache("cnn-study").
        size: of the archive, bytes; nothing beyond is taken from the network.

    Raises:
        UserError: no network, not what was expected, no space, or no writable cache.
    """
    import pooch
    import requests

    cache = Path(pooch.os_cache("cnn-study") if cache is None else cache)
    # Called with three values by place; the type that Pooch declares asks for other names.
    fetch = cast("Downloader", partial(_fetch, size))
    try:
        place = pooch.retrieve(
            url, f"sha256:{sha256}", fname=CIFAR10_ARCHIVE, path=cache, downloader=fetch
        )
    except requests.RequestException as error:
        raise _download_error(url, cache, _network_reason(error)) from error
    except (_WebPage, _TooLarge) as error:
        raise _download_error(url, cache, str(error)) from error
    except OSError as error:
        raise _download_error(url, cache, f"cannot write there: {_reason(error)}") from error
    except ValueError as error:  # Pooch: the hash does not match.
        raise _download_error(url, cache, f"what arrived is not the archive ({error})") from error
    return Path(place)


class _DownloadLines:
    """Says on stdout how far a download is, in a line every few seconds; what pooch asks of a bar.

    Attributes:
        total: bytes to come, set by pooch; 0 where the server does not say.
    """

    def __init__(self) -> None:
        self.total = self._done = 0
        self._said = time.monotonic()

    def update(self, size: int) -> None:
        self._done += size
        if time.monotonic() - self._said >= DOWNLOAD_LINE_SECONDS:
            self._said = time.monotonic()
            whole = f" of {self.total / 2**20:.0f}" if self.total else ""
            print(f"downloading: {self._done / 2**20:.0f}{whole} MiB", flush=True)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        """Nothing is left to say."""


class _WebPage(Exception):
    """A web page arrived in the place of the archive."""


class _TooLarge(Exception):
    """More is given than is expected."""


class _Limited:
    """A file that takes so many bytes and refuses one more, whatever a server says or sends."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self.file, self.left = file, size
        self.flush = file.flush

    def write(self, content: bytes) -> None:
        self.left -= len(content)
        if self.left < 0:
            raise _TooLarge("what arrives is larger than the archive is")
        self.file.write(content)


def _fetch(size: int, url: str, output_file: str, pooch_object: Any) -> None:
    """Download one file for pooch, and tell a web page from an archive while it is there."""
    import pooch

    get = pooch.HTTPDownloader(
        # Not on a terminal: pooch's bar would fill a log with itself.
        progressbar=sys.stderr.isatty() or _DownloadLines(),
        chunk_size=2**18,
        timeout=DOWNLOAD_TIMEOUT_SECONDS,
        headers={"Accept-Encoding": "identity"},  # the archive's own bytes, not unpacked on the way
    )
    with open(output_file, "wb") as file:
        get(url, _Limited(file, size), pooch_object)
    if _looks_like_web_page(_first_bytes(Path(output_file))):
        raise _WebPage(
            "what arrived starts like a web page, not like an archive "
            "(perhaps the login page of a network or proxy: open the address in a browser)"
        )


def _network_reason(error: Exception) -> str:
    """Say in words of a user why a download failed (requests' own words are for programmers)."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy set in the environment (HTTPS_PROXY, HTTP_PROXY) did not let it through"
    if isinstance(error, requests.exceptions.SSLError):
        return f"no trusted connection ({error})"
    if isinstance(error, requests.Timeout):
        return f"no answer within {DOWNLOAD_TIMEOUT_SECONDS} seconds"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off before the end; run again"
    # urllib3's reason is one sentence; requests wraps it in the names of three classes.
    detail = getattr(error.args[0] if error.args else error, "reason", error)
    return f"the connection failed: is there a network? ({detail})"


def _download_error(url: str, cache: Path, fault: str) -> UserError:
    """Compose the message for a failed download."""
    return UserError(
        f"CIFAR-10 could not be downloaded: {fault}\n"
        f"  address:  {url}\n"
        f"  cache:    {cache}\n"
        f"  ways out: {_WAYS_OUT}"
    )


_WAYS_OUT = (
    f"get {CIFAR10_URL} by any means,\n"
    "            and name the archive or its unpacked folder with --config data=PATH or with the\n"
    f"            environment variable {SOURCE_VARIABLE}; with neither, it is downloaded\n"
    "            (163 MiB) into the user's cache"
)


# --------------------------------------------------------------------------------- reading it


def read_cifar10(source: Source, expected_md5: Mapping[str, str] = CIFAR10_MD5) -> Images:
    """Read CIFAR-10 from its archive or unpacked folder, checking the MD5 of every batch.

    Args:
        source: an archive (.tar.gz or .tar; only its members are checked, so a repacked one is
            fine), its unpacked folder, or a folder that holds either.
        expected_md5: batch name → MD5, in canonical order, the test batch last.

    Raises:
        UserError: absent, neither archive nor folder, cut off, or batches missing or altered.
    """
    batches: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    altered: list[str] = []
    with _source_faults(source):
        for name, content in _members(source, expected_md5):
            if hashlib.md5(content, usedforsecurity=False).hexdigest() == expected_md5[name]:
                batches[name] = _decode_batch(content, name, source)
            else:
                altered.append(name)
    missing = [name for name in expected_md5 if name not in (*batches, *altered)]
    faults = [f"missing: {', '.join(missing)}"] if missing else []
    faults += [f"altered: {', '.join(altered)} (MD5 is not the published one)"] if altered else []
    if faults:
        raise _source_error(source, "; ".join(faults))
    *training, test = (batches.pop(name) for name in expected_md5)
    training_images, training_labels = map(np.concatenate, zip(*training, strict=True))
    return Images(training_images, training_labels, *test)


def _members(source: Source, wanted: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """Return what yields the wanted batches of this source as (name, content) pairs.

    Raises:
        UserError: there is no source, or it is neither an archive nor a folder with the batches.
    """
    if not source.path.exists():
        raise _source_error(source, "there is no such file or folder")
    if source.path.is_file():
        return _read_archive(source, source.path, wanted)
    if not source.path.is_dir():
        raise _source_error(source, "it is a pipe or a device, and no file and no folder")
    for folder in (source.path, source.path / CIFAR10_FOLDER):
        if any((folder / name).is_file() for name in wanted):
            return _read_folder(folder, wanted)
    if (archive := source.path / CIFAR10_ARCHIVE).is_file():
        return _read_archive(source, archive, wanted)
    raise _source_error(source, "this folder holds neither the batches nor the archive")


def _read_folder(folder: Path, wanted: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of the wanted files that are there."""
    for name in wanted:
        if (folder / name).is_file():
            _check_size(name, (folder / name).stat().st_size)
            yield name, (folder / name).read_bytes()


def _check_size(name: str, size: int) -> None:
    if size > BATCH_BYTES:
        raise _TooLarge(f"{name} is to take {size:,} bytes, and no batch takes {BATCH_BYTES:,}")


class _Bounded:
    """An archive as tarfile reads it, which never asks for what lies beyond all that is expected.

    Whatever a header claims, of a member or of a header of its own: nothing is unpacked for it.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.tell = file, file.tell

    def read(self, size: int) -> bytes:
        self._check(self.tell() + size)
        return self.file.read(size)

    def seek(self, place: int) -> int:
        self._check(place)
        return self.file.seek(place)

    def _check(self, end: int) -> None:
        if end > UNPACKED_BYTES:
            raise _TooLarge(
                f"it is to hold {end:,} bytes or more, and CIFAR-10 takes less than "
                f"{UNPACKED_BYTES:,}"
            )


def _bounded(file: Any) -> IO[bytes]:
    return cast("IO[bytes]", _Bounded(file))


def _read_archive(
    source: Source, archive: Path, wanted: Mapping[str, str]
) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of the wanted members in one pass; nothing is extracted to disk."""
    first = _first_bytes(archive)
    if _looks_like_web_page(first):
        raise _source_error(
            source, "it starts like a web page, not like an archive (a proxy's login page?)"
        )
    is_gzip = first.startswith(b"\x1f\x8b")
    if not is_gzip and first[257:262] != b"ustar":
        raise _source_error(source, "it is neither a .tar.gz nor a .tar archive")
    with (
        gzip.open(archive) if is_gzip else open(archive, "rb") as file,
        tarfile.open(fileobj=_bounded(file), mode="r:") as tar,
    ):
        for member in tar:
            name = PurePosixPath(member.name).name
            content = tar.extractfile(member) if member.isfile() and name in wanted else None
            if content is not None:
                _check_size(name, member.size)
                yield name, content.read()


def _first_bytes(path: Path) -> bytes:
    """Return the first 512 bytes: one tar header, and enough to know a web page by."""
    with open(path, "rb") as file:
        return file.read(512)


def _looks_like_web_page(first: bytes) -> bool:
    """Tell whether a file that starts with these bytes is HTML (or XML)."""
    text = first.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return text.startswith((b"<!doctype", b"<html", b"<head", b"<script", b"<!--", b"<?xml"))


@contextmanager
def _source_faults(source: Source) -> Generator[None]:
    """Turn what a damaged or unreadable source raises into one UserError."""
    try:
        yield
    except _TooLarge as error:
        raise _source_error(source, str(error)) from error
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        fault = f"the archive is damaged or was cut off ({error})"
        raise _source_error(source, fault) from error
    except OSError as error:
        raise _source_error(source, f"cannot be read: {_reason(error)}") from error


def _source_error(source: Source, fault: str) -> UserError:
    """Compose the message for a source of CIFAR-10 that cannot be used."""
    return UserError(
        f"CIFAR-10 could not be read: {fault}\n"
        f"  given:    {source.path} ({source.given_by})\n"
        f"  expected: the archive {CIFAR10_ARCHIVE}, its unpacked folder {CIFAR10_FOLDER}\n"
        "            or a folder that holds one of them, each batch as published\n"
        f"  ways out: {_WAYS_OUT}"
    )


# All the names that a batch's pickle uses. numpy has moved _reconstruct between modules: the
# function is taken from numpy itself, and found under its old name (the published batches') and
# its new one.
_BATCH_NAMES = {
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy._core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class _BatchUnpickler(pickle.Unpickler):
    """Unpickles arrays and plain values; refuses every other name, so no code of a file runs."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in _BATCH_NAMES:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no batch needs")
        return _BATCH_NAMES[module, name]


def _decode_batch(content: bytes, name: str, source: Source) -> tuple[np.ndarray, np.ndarray]:
    """Turn a pickled batch into images (n, 32, 32, 3) and labels (n,), both uint8.

    A batch holds one row of 3072 bytes an image: 1024 red, 1024 green, 1024 blue, each row by row.
    """
    try:
        batch = _BatchUnpickler(io.BytesIO(content), encoding="bytes").load()
        rows = batch[b"data"].reshape(-1, 3, 32, 32)
        images = np.ascontiguousarray(rows.transpose(0, 2, 3, 1), dtype=np.uint8)
        return images, np.asarray(batch[b"labels"], dtype=np.uint8)
    except Exception as error:  # damaged bytes raise many kinds in pickle and numpy
        fault = f"{name} was refused: {str(error) or type(error).__name__}"
        raise _source_error(source, fault) from error
