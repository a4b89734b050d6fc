"""An .npz file with x_train and y_train, and perhaps x_test and y_test."""

import hashlib
from functools import partial
from pathlib import Path

import numpy as np
import psutil

from cnn_study.base.errors import UserError
from cnn_study.base.files import read_arrays
from cnn_study.base.words import first_of
from cnn_study.data.block import DatasetBlock
from cnn_study.data.listing import VALIDATION_REMEDY, Item, Listing, Part, in_order, place_of, shown

SIDES: dict[str, Part] = {"train": "training", "test": "test"}

Arrays = dict[str, np.ndarray]


def list_images(block: DatasetBlock, folder_of_study: Path) -> Listing:
    """List the rows of arrays. groups is what the names of further arrays begin with.

    With groups: patient these are patient_train and patient_test, a number or text for each image.
    """
    listing = Listing()
    place = place_of(block, folder_of_study)
    if place.is_dir():
        listing.faults.append(f"arrays: {place} is a folder, and should be a file: name the .npz")
        return listing
    try:
        # What they would take is looked at before room is made for it.
        arrays = read_arrays(place, psutil.virtual_memory().available)
    except (OSError, UserError, ValueError) as error:
        reason = (
            "is not there" if isinstance(error, FileNotFoundError) else f"cannot be read: {error}"
        )
        listing.faults.append(f"arrays: {place} {reason}")
        return listing
    _list(arrays, block.groups, listing)
    return listing


def _list(arrays: Arrays, groups: str | None, listing: Listing) -> None:
    sides = [side for side in SIDES if side == "train" or {f"x_{side}", f"y_{side}"} & set(arrays)]
    used: set[str] = set()
    for side in sides:
        names = [f"{name}_{side}" for name in ("x", "y", groups) if name]
        used.update(names)
        if faults := _faults(arrays, names):
            listing.faults += faults
        else:
            part = SIDES[side] if len(sides) > 1 else None
            listing.items += _items(part, *names, arrays=arrays)
    if validation := [name for name in arrays if name.startswith("x_val")]:
        listing.faults.append(f"arrays: {validation[0]}: {VALIDATION_REMEDY}")
    if others := len(arrays.keys() - used):
        listing.ignored["arrays of other names"] = others
    listing.labels = in_order({item.label for item in listing.items})


def _items(
    part: Part | None, images_name: str, labels_name: str, groups_name: str = "", *, arrays: Arrays
) -> list[Item]:
    images = arrays[images_name]
    images = images[..., None] if images.ndim == 3 else images
    start = repr(images.shape[1:]).encode()
    labels = _texts(arrays[labels_name])
    groups = _texts(arrays[groups_name]) if groups_name else [None] * len(images)
    return [
        Item(
            name=f"{images_name}[{place}]",
            key=hashlib.sha256(start + image.tobytes()).hexdigest(),
            label=labels[place],
            part=part,
            group=groups[place],
            open=partial(_row, images, place),
        )
        for place, image in enumerate(images)
    ]


def _row(images: np.ndarray, place: int) -> np.ndarray:
    return images[place]


def _texts(array: np.ndarray) -> list[str]:
    """Write labels as text, of the shape (n,) or, as Keras has them, (n, 1)."""
    values = array.reshape(-1).tolist()
    return [
        shown(value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value))
        for value in values
    ]


# ------------------------------------------------------------------------------- what is wrong


def _faults(arrays: Arrays, names: list[str]) -> list[str]:
    """Say what is wrong with the arrays of a part, the images' first, and how they should be."""
    if missing := [name for name in names if name not in arrays]:
        there = f"there is no {' and no '.join(missing)}, but {first_of(arrays)}"
        return [f"arrays: {there}. Save what is meant under that name"]
    images, *others = (arrays[name] for name in names)
    faults = [_image_fault(images), *(_label_fault(other, images) for other in others)]
    return [f"{name} {fault}" for name, fault in zip(names, faults, strict=True) if fault]


def _image_fault(images: np.ndarray) -> str | None:
    shape = _shape(images)
    if images.ndim == 4 and images.shape[1] in (1, 3) and images.shape[3] not in (1, 3):
        return f"is {shape}: the channels come last; give np.moveaxis(x, 1, 3)"
    if images.ndim not in (3, 4) or images.shape[3:] not in ((), (1,), (3,)):
        return f"is {shape}: give images × height × width, with or without 1 or 3 channels behind"
    if images.size == 0:
        return f"is {shape}: it holds no pixel"
    if images.dtype == np.uint8:
        return None
    holds = f" from {images.min():g} to {images.max():g}" if images.dtype.kind in "iuf" else ""
    return f"is {images.dtype}{holds}: give uint8, 0 to 255"


def _label_fault(labels: np.ndarray, images: np.ndarray) -> str | None:
    if labels.ndim == 2 and labels.shape[1] > 1:
        return f"is {_shape(labels)}: give one label an image; of one-hot rows np.argmax(y, axis=1)"
    if labels.ndim not in (1, 2) or labels.dtype.kind not in "iuUS":
        holds = f"{labels.dtype}, {_shape(labels)}"
        return f"is {holds}: give a whole number or a text for each image"
    if images.ndim and len(labels) != len(images):
        return f"has {len(labels):,} rows, and there are {len(images):,} images"
    return None


def _shape(array: np.ndarray) -> str:
    return "×".join(f"{side:,}" for side in array.shape) or "one value"
