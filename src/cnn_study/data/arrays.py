"""The prepared arrays that training reads: made once from a dataset's source, checked when read."""

import math
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

import numpy as np

from cnn_study.base import files
from cnn_study.base.errors import UserError
from cnn_study.data.catalog import DATASETS, Dataset
from cnn_study.data.images import ARRAY_NAMES, UNITS, Images, content_digest

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


def place(dataset: Dataset) -> Path:
    """Name the file of a dataset's arrays, from the working directory.

    Other images of one name, which a study's own may have in time, are in another file.
    """
    name = dataset.name if dataset.reader else f"{dataset.name}-{dataset.digest[:16]}"
    return Path("data") / f"{name}.npz"


def check_source(dataset: Dataset, source: str | Path | None) -> None:
    """Refuse a source that nobody would look at.

    Raises:
        UserError: one is given, and the dataset takes none.
    """
    if source and not dataset.takes_source:
        takers = ", ".join(each.name for each in DATASETS.values() if each.takes_source)
        raise UserError(
            f"{source}: a source is given, by data= or --source, and {dataset.name} takes none. "
            f"It is for {takers}; images of your own are described in the study, under dataset."
        )
    if source and not Path(source).expanduser().exists():
        raise UserError(
            f"{source}, given by data= or --source, is not there. Name the archive of "
            f"{dataset.title} or its unpacked folder, or leave it out."
        )


def prepare(dataset: Dataset, destination: Path, source: str | Path | None = None) -> None:
    """Write the content of a built-in dataset to destination, an uncompressed .npz.

    Args:
        dataset: one of DATASETS.
        destination: the file to write; its folder is made if absent.
        source: where the data are, as the dataset's reader takes it; None or "" leaves that to
            the reader.

    Raises:
        UserError: the data cannot be had, is not what it should be, or cannot be written.
    """
    check_source(dataset, source)
    images = find_reader(dataset).read(source)
    fault = _content_fault(dataset, images)
    if fault is not None:
        raise UserError(f"{dataset.title}: {fault}; update cnn_study and scikit-learn.")
    write(images, destination)


def write(images: Images, destination: Path) -> None:
    """Write a dataset's arrays, whole or not at all."""
    arrays = {name: getattr(images, name) for name in (*ARRAY_NAMES, UNITS)}
    kept = {name: array for name, array in arrays.items() if array is not None}
    files.write_whole(Path(destination), lambda file: np.savez(file, **kept))


def load_prepared(dataset: Dataset, path: Path) -> Images:
    """Read a file that prepare wrote, and check its content against the dataset's digest.

    Raises:
        UserError: the file is absent, damaged or holds another dataset.
    """
    path = Path(path)
    remedy = f"Delete {path} and run again: it is made anew from the source."
    if path.exists() and not path.is_file():
        raise UserError(f"prepared data: {path} is a folder, a pipe or a device, and no file.")
    if not path.is_file():
        name = dataset.name if dataset.reader else "STUDY"
        raise UserError(
            f"prepared data of {dataset.title} not found: {path}. "
            f"Make it with: python -m cnn_study prepare {name} --output {path} "
            "(the workflow does so itself)"
        )
    try:
        images = _read_arrays(dataset, path)
    except PermissionError:
        raise files.closed(path) from None
    except (OSError, ValueError) as error:
        raise UserError(f"prepared data cannot be read: {path} ({error}). {remedy}") from error
    fault = _content_fault(dataset, images)
    if fault is not None:
        raise UserError(f"prepared data of {dataset.title} is damaged: {path}: {fault}. {remedy}")
    return images


def is_prepared(dataset: Dataset, path: Path) -> bool:
    """Tell whether a file is there that prepare wrote, as it wrote it."""
    try:
        load_prepared(dataset, path)
    except UserError:
        return False
    return True


def _read_arrays(dataset: Dataset, path: Path) -> Images:
    """Read the four arrays of an .npz file, which is no larger than this dataset's is."""
    names = ARRAY_NAMES if dataset.reader else (*ARRAY_NAMES, UNITS)
    images = dataset.training_images + dataset.test_images
    beside = np.dtype(dataset.label_type).itemsize + 4 * (not dataset.reader)
    largest = images * (math.prod(dataset.image_shape) + beside) + len(names) * HEADER_BYTES
    arrays = files.map_arrays(path, largest)
    if missing := [name for name in names if name not in arrays]:
        raise ValueError(f"it has no {', '.join(missing)}")
    # Images stay in the file; what stands beside them is small.
    arrays |= {name: np.array(arrays[name]) for name in names if not name.endswith("_images")}
    return Images(**{name: arrays[name] for name in names})


def _content_fault(dataset: Dataset, images: Images) -> str | None:
    """Say how the content differs from the dataset's facts; None where it does not."""
    counts = {"training": dataset.training_images, "test": dataset.test_images}
    for part, count in counts.items():
        expected = {
            "images": (np.dtype("uint8"), (count, *dataset.image_shape)),
            "labels": (np.dtype(dataset.label_type), (count,)),
        }
        for kind, (dtype, shape) in expected.items():
            array = getattr(images, f"{part}_{kind}")
            if array.shape != shape or array.dtype != dtype:
                return f"{part}_{kind} is {array.dtype}{array.shape}, expected {dtype}{shape}"
    digest = content_digest(images)
    if digest != dataset.digest:
        return f"content has the digest {digest}, expected {dataset.digest}"
    return None
