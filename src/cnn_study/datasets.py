"""Fetch, verify, prepare, load and split the datasets; must not know about models or training.

Only the standard library and numpy are imported at import time: the workflow reads this module's
facts (sizes, digests) to name run records, on machines that have no data and cannot train.
"""

import errno
import gzip
import hashlib
import io
import os
import pickle
import sys
import tarfile
import time
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from cnn_study.errors import UserError

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
DIGITS_TEST_IMAGES = 360
DOWNLOAD_TIMEOUT_SECONDS = 30
DOWNLOAD_LINE_SECONDS = 5


@dataclass(frozen=True)
class Dataset:
    """What is known of a dataset without having its data.

    digest is the SHA-256 (hex) of training_images, training_labels, test_images and test_labels,
    each as uint8 bytes in C order, one after the other (see content_digest).
    """

    name: str
    title: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]  # height, width, channels
    training_images: int
    test_images: int
    digest: str
    source: str


@dataclass
class Images:
    """A dataset's content, uint8, in canonical order.

    Images have the axes (image, height, width, channel) and values 0..255; labels have the axis
    (image) and index Dataset.class_names.
    """

    training_images: np.ndarray
    training_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


ARRAY_NAMES = ("training_images", "training_labels", "test_images", "test_labels")

DATASETS: dict[str, Dataset] = {
    "cifar10": Dataset(
        name="cifar10",
        title="CIFAR-10",
        class_names=(
            "airplane",
            "automobile",
            "bird",
            "cat",
            "deer",
            "dog",
            "frog",
            "horse",
            "ship",
            "truck",
        ),
        image_shape=(32, 32, 3),
        training_images=50_000,
        test_images=10_000,
        digest="80387ddb9a0edf3fc4a964ee3770296169bb26a651050df20035579673099660",
        source=(
            "Alex Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009. "
            "https://www.cs.toronto.edu/~kriz/cifar.html"
        ),
    ),
    "digits": Dataset(
        name="digits",
        title="Optical recognition of handwritten digits",
        class_names=tuple("0123456789"),
        image_shape=(8, 8, 1),
        training_images=1797 - DIGITS_TEST_IMAGES,
        test_images=DIGITS_TEST_IMAGES,
        digest="7e26237e0a5e1c6097cdf9c12dfc590437a34ea52253928a4e793eb4a2753507",
        source=(
            "E. Alpaydin and C. Kaynak: Optical Recognition of Handwritten Digits, UCI Machine "
            "Learning Repository, 1998, https://doi.org/10.24432/C50P49; as shipped with "
            "scikit-learn (load_digits), which holds the 1,797 images of UCI's test part only. "
            "They are divided anew here, so scores compare with no published UCI score, and the "
            "same 13 writers stand in the training and in the test part."
        ),
    ),
}


@dataclass(frozen=True)
class Source:
    """A place to read CIFAR-10 from, and who named it (for messages)."""

    path: Path
    given_by: str


def find_dataset(name: str) -> Dataset:
    """Return the facts of a dataset by name.

    Raises:
        UserError: no such dataset.
    """
    if name not in DATASETS:
        raise UserError(f"unknown dataset {name!r}; known datasets: {', '.join(sorted(DATASETS))}")
    return DATASETS[name]


# ------------------------------------------------------------------- prepared file: write and read


def prepare(name: str, destination: Path, source: str | Path | None = None) -> None:
    """Write the dataset's content to destination, an uncompressed .npz of the four arrays.

    The file appears whole or not at all (temporary name on the same file system, fsync, rename).

    Args:
        name: a key of DATASETS.
        destination: the file to write; its folder is made if absent.
        source: for cifar10, the archive or its unpacked folder. None or "" means the environment
            variable CNN_STUDY_DATA or, where that is not set either, the official archive by
            download. Not used for digits, which scikit-learn ships.

    Raises:
        UserError: the data cannot be had, is not what it should be, or cannot be written.
    """
    dataset = find_dataset(name)
    images = _read_digits() if name == "digits" else read_cifar10(find_cifar10(source))
    if name == "digits" and source:
        print(f"{source} is not read: the digits come with scikit-learn and need no source.")
    fault = _content_fault(dataset, images)
    if fault is not None:
        raise UserError(f"{dataset.title}: {fault}; update cnn_study and scikit-learn.")
    from cnn_study.records import write_whole  # Here, for it needs more than NumPy.

    arrays = {key: getattr(images, key) for key in ARRAY_NAMES}
    write_whole(Path(destination), lambda file: np.savez(file, **arrays))


def load_prepared(name: str, path: Path) -> Images:
    """Read a file that prepare wrote, and check its content against the pinned digest.

    Raises:
        UserError: the file is absent, damaged or holds another dataset.
    """
    dataset, path = find_dataset(name), Path(path)
    remedy = f"Delete {path} and run again: it is made anew from the source."
    if not path.is_file():
        raise UserError(
            f"prepared data of {dataset.title} not found: {path}. "
            f"Make it with: python -m cnn_study prepare {name} --output {path} "
            "(the workflow does so itself)"
        )
    try:
        images = _read_arrays(path)
    except Exception as error:  # numpy's and zipfile's parsers raise many kinds on damaged bytes
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"prepared data cannot be read: {path} ({reason}). {remedy}") from error
    fault = _content_fault(dataset, images)
    if fault is not None:
        raise UserError(f"prepared data of {dataset.title} is damaged: {path}: {fault}. {remedy}")
    return images


def _read_arrays(path: Path) -> Images:
    """Read the four arrays of an .npz file; no pickle in it is ever loaded."""
    if not zipfile.is_zipfile(path):
        raise zipfile.BadZipFile("not an .npz file, or cut off")
    # Opened here: given a path, np.load leaves the file open where it fails.
    with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
        return Images(**{key: arrays[key] for key in ARRAY_NAMES})


def content_digest(images: Images) -> str:
    """Return the SHA-256 (hex) of the four arrays' bytes, in the order of ARRAY_NAMES."""
    digest = hashlib.sha256()
    for key in ARRAY_NAMES:
        digest.update(np.ascontiguousarray(getattr(images, key)).data)
    return digest.hexdigest()


def _content_fault(dataset: Dataset, images: Images) -> str | None:
    """Say how the content differs from the dataset's facts; None where it does not."""
    counts = {"training": dataset.training_images, "test": dataset.test_images}
    for part, count in counts.items():
        for kind, shape in (("images", (count, *dataset.image_shape)), ("labels", (count,))):
            array = getattr(images, f"{part}_{kind}")
            if array.shape != shape or array.dtype != np.uint8:
                return f"{part}_{kind} is {array.dtype}{array.shape}, expected uint8{shape}"
    digest = content_digest(images)
    if digest != dataset.digest:
        return f"content has the digest {digest}, expected {dataset.digest}"
    return None


def _reason(error: OSError) -> str:
    """Say in a few words why an operation on a file failed."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "no space left on the disk"
    return error.strerror or str(error)


# ------------------------------------------------------------------------- CIFAR-10: where it is


def find_cifar10(source: str | Path | None, environ: Mapping[str, str] = os.environ) -> Source:
    """Choose where to read CIFAR-10: the argument, else CNN_STUDY_DATA, else a download."""
    if source:
        return Source(Path(source).expanduser(), "--config data=PATH")
    if environ.get(SOURCE_VARIABLE):
        path = Path(environ[SOURCE_VARIABLE]).expanduser()
        return Source(path, f"environment variable {SOURCE_VARIABLE}")
    return Source(download_cifar10(), f"downloaded from {CIFAR10_URL}")


def download_cifar10(
    url: str = CIFAR10_URL, sha256: str = CIFAR10_SHA256, cache: Path | None = None
) -> Path:
    """Return the archive's place in the cache, downloading it if it is not there whole.

    Pooch writes to a temporary name in the cache, checks the hash, then renames: a bad or partial
    file is never kept, and two processes at once do not harm each other.

    Args:
        url, sha256: of the archive; other values are for tests.
        cache: folder; None means pooch.os_cache("cnn-study").

    Raises:
        UserError: no network, not what was expected, no space, or no writable cache.
    """
    import pooch
    import requests

    cache = Path(pooch.os_cache("cnn-study") if cache is None else cache)
    try:
        place = pooch.retrieve(
            url, f"sha256:{sha256}", fname=CIFAR10_ARCHIVE, path=cache, downloader=_fetch
        )
    except requests.RequestException as error:
        raise _download_error(url, cache, _network_reason(error)) from error
    except _WebPage as error:
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


def _fetch(url: str, output_file: str, pooch_object: object) -> None:
    """Download one file for pooch, and tell a web page from an archive while it is there."""
    import pooch

    get = pooch.HTTPDownloader(
        # Not on a terminal: pooch's bar would fill a log with itself.
        progressbar=sys.stderr.isatty() or _DownloadLines(),
        chunk_size=2**18,
        timeout=DOWNLOAD_TIMEOUT_SECONDS,
        headers={"Accept-Encoding": "identity"},  # the archive's own bytes, not unpacked on the way
    )
    get(url, output_file, pooch_object)
    if _looks_like_web_page(_first_bytes(Path(output_file))):
        raise _WebPage(
            "what arrived starts like a web page, not like an archive "
            "(perhaps the login page of a network or proxy: open the address in a browser)"
        )


def _network_reason(error: Exception) -> str:
    """Say in words of a user why a download failed (requests' own words are for programmers)."""
    import requests

    if isinstance(error, requests.HTTPError):
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


# ---------------------------------------------------------------------- CIFAR-10: reading it


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
            yield name, (folder / name).read_bytes()


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
    with tarfile.open(archive, "r:gz" if is_gzip else "r:") as members:
        for member in members:
            name = PurePosixPath(member.name).name
            if member.isfile() and name in wanted:
                yield name, members.extractfile(member).read()


def _first_bytes(path: Path) -> bytes:
    """Return the first 512 bytes: one tar header, and enough to know a web page by."""
    with open(path, "rb") as file:
        return file.read(512)


def _looks_like_web_page(first: bytes) -> bool:
    """Tell whether a file that starts with these bytes is HTML (or XML)."""
    text = first.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return text.startswith((b"<!doctype", b"<html", b"<head", b"<script", b"<!--", b"<?xml"))


@contextmanager
def _source_faults(source: Source) -> Iterator[None]:
    """Turn what a damaged or unreadable source raises into one UserError."""
    try:
        yield
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
    except pickle.UnpicklingError as error:
        raise _source_error(source, f"{name} was refused: {error}") from error
    rows = batch[b"data"].reshape(-1, 3, 32, 32)
    images = np.ascontiguousarray(rows.transpose(0, 2, 3, 1), dtype=np.uint8)
    return images, np.asarray(batch[b"labels"], dtype=np.uint8)


# ------------------------------------------------------------------------------------- digits


def _read_digits() -> Images:
    """Read scikit-learn's digits, scale 0..16 to 0..255 and divide them into training and test.

    The scaling loses nothing: 17 values stay 17 values. The test part is the first 360 indices of
    stratified_order; both parts keep the canonical order.
    """
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    images = np.rint(pixels * 255 / 16).astype(np.uint8).reshape(-1, 8, 8, 1)
    labels = labels.astype(np.uint8)
    order = stratified_order(labels)
    test, training = np.sort(order[:DIGITS_TEST_IMAGES]), np.sort(order[DIGITS_TEST_IMAGES:])
    return Images(images[training], labels[training], images[test], labels[test])


# -------------------------------------------------------------------------------------- split


def stratified_order(labels: np.ndarray, seed: int = 0) -> np.ndarray:
    """Order the indices so that every prefix holds the classes close to their shares.

    Each class is shuffled (in class order, by one generator), its image of rank r gets the place
    (r + 1/2) / class size in 0..1, and all images are sorted by place, ties by class. The order
    depends on the labels and the seed only. With classes of equal size each class is within 1 of
    its share in every prefix; in general within (1 + C * class size / n) / 2, C classes.

    Args:
        labels: shape (n,), class indices.

    Returns:
        Shape (n,), a permutation of 0..n-1.
    """
    labels = np.asarray(labels)
    generator = np.random.default_rng(seed)
    place = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        place[generator.permutation(members)] = (np.arange(len(members)) + 0.5) / len(members)
    return np.lexsort((labels, place))


def split_sizes(
    images: int, validation_fraction: float, training_fraction: float
) -> tuple[int, int]:
    """Count the images to train on and those held out, as `split` divides them."""
    validation_count = round(images * validation_fraction)
    return round((images - validation_count) * training_fraction), validation_count


def split_fault(
    images: int, validation_fraction: float, training_fraction: float
) -> tuple[str, str] | None:
    """Say which fraction leaves no image where there should be some; None where none does.

    Args:
        images: training images of the dataset.
        validation_fraction: 0 is no fault: it asks for no validation image.

    Returns:
        The setting, and what is wrong with it.
    """
    training_count, validation_count = split_sizes(images, validation_fraction, training_fraction)
    if training_count == 0:
        return (
            "training_fraction",
            f"no image is left to train on: {images:,} images, validation_fraction "
            f"{validation_fraction:g}, training_fraction {training_fraction:g}; raise "
            "training_fraction or lower validation_fraction",
        )
    if validation_fraction > 0 and validation_count == 0:
        return (
            "validation_fraction",
            f"no image is held out: {validation_fraction:g} of {images:,} images rounds to none; "
            "raise it, or give 0 for no validation scores",
        )
    return None


def split(
    labels: np.ndarray, validation_fraction: float, training_fraction: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Divide the training images into a training and a validation part, both stratified.

    Of stratified_order, the first round(n * validation_fraction) are the validation part and the
    last round((n - validation) * training_fraction) the training part: a smaller training part
    lies within every larger one, and the validation part does not change with it.

    Args:
        labels: shape (n,), class indices.
        validation_fraction: share of n, 0 <= fraction < 1; 0 gives an empty validation part.
        training_fraction: share of what is left to train on, 0 < fraction <= 1.

    Returns:
        Training indices and validation indices, each ascending (canonical order).

    Raises:
        UserError: a fraction out of range, an empty training part, or an empty validation part
            although there should be one.
    """
    if not 0 <= validation_fraction < 1:
        raise UserError(f"validation_fraction is {validation_fraction}; allowed: 0 <= value < 1")
    if not 0 < training_fraction <= 1:
        raise UserError(f"training_fraction is {training_fraction}; allowed: 0 < value <= 1")
    order = stratified_order(labels)
    if fault := split_fault(len(order), validation_fraction, training_fraction):
        raise UserError(": ".join(fault))
    training_count, validation_count = split_sizes(
        len(order), validation_fraction, training_fraction
    )
    return np.sort(order[len(order) - training_count :]), np.sort(order[:validation_count])
