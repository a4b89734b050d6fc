"""The prepared arrays that training reads: made once from a dataset's source, checked when read."""

import math
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

import numpy as np

from cnn_study.base import files
from cnn_study.base.errors import UserError
from cnn_study.data.catalog import Dataset, find_dataset
from cnn_study.data.images import ARRAY_NAMES, Images, content_digest

HEADER_BYTES = 1024
"""More than the header of an array takes in its file."""


class Reader(Protocol):
    """What a module of `data.readers` has."""

    def read(self, source: str | Path | None) -> Images:
        """Give the images of a dataset.

        Args:
            source: where its owner says that they are; None or "" where nothing is said.

        Raises:
            UserError: they cannot be had, or are not what they should be.
        """
        ...


def find_reader(dataset: Dataset) -> Reader:
    """Import the module that reads a dataset: the one of `data.readers` that its entry names."""
    return cast("Reader", import_module(f"cnn_study.data.readers.{dataset.reader}"))


def prepare(name: str, destination: Path, source: str | Path | None = None) -> None:
    """Write the dataset's content to destination, an uncompressed .npz of the four arrays.

    The file appears whole or not at all (temporary name on the same file system, fsync, rename).

    Args:
        name: a key of DATASETS.
        destination: the file to write; its folder is made if absent.
        source: where the data are, as the dataset's reader takes it; None or "" leaves that to
            the reader.

    Raises:
        UserError: the data cannot be had, is not what it should be, or cannot be written.
    """
    dataset = find_dataset(name)
    images = find_reader(dataset).read(source)
    fault = _content_fault(dataset, images)
    if fault is not None:
        raise UserError(f"{dataset.title}: {fault}; update cnn_study and scikit-learn.")
    arrays = {key: getattr(images, key) for key in ARRAY_NAMES}
    files.write_whole(Path(destination), lambda file: np.savez(file, **arrays))


def load_prepared(name: str, path: Path) -> Images:
    """Read a file that prepare wrote, and check its content against the pinned digest.

    Raises:
        UserError: the file is absent, damaged or holds another dataset.
    """
    dataset, path = find_dataset(name), Path(path)
    remedy = f"Delete {path} and run again: it is made anew from the source."
    if path.exists() and not path.is_file():
        raise UserError(f"prepared data: {path} is a folder, a pipe or a device, and no file.")
    if not path.is_file():
        raise UserError(
            f"prepared data of {dataset.title} not found: {path}. "
            f"Make it with: python -m cnn_study prepare {name} --output {path} "
            "(the workflow does so itself)"
        )
    try:
        images = _read_arrays(dataset, path)
    except (OSError, ValueError) as error:
        raise UserError(f"prepared data cannot be read: {path} ({error}). {remedy}") from error
    fault = _content_fault(dataset, images)
    if fault is not None:
        raise UserError(f"prepared data of {dataset.title} is damaged: {path}: {fault}. {remedy}")
    return images


def is_prepared(name: str, path: Path) -> bool:
    """Tell whether a file is there that prepare wrote, as it wrote it."""
    try:
        load_prepared(name, path)
    except UserError:
        return False
    return True


def _read_arrays(dataset: Dataset, path: Path) -> Images:
    """Read the four arrays of an .npz file, which is no larger than this dataset's is."""
    labels = dataset.training_images + dataset.test_images
    largest = labels * (math.prod(dataset.image_shape) + 1) + len(ARRAY_NAMES) * HEADER_BYTES
    arrays = files.read_arrays(path, largest)
    if missing := [name for name in ARRAY_NAMES if name not in arrays]:
        raise ValueError(f"it has no {', '.join(missing)}")
    return Images(**{name: arrays[name] for name in ARRAY_NAMES})


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
