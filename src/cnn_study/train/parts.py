"""The images of one run: trained on, held out, tested on."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnn_study.base import files
from cnn_study.data.images import Images
from cnn_study.study.settings import Settings

WORK_BYTES = 2**24
"""Of images that are worked on at a time."""

SCORED_TOGETHER = 500
"""Images that a network answers together, and never more pixels than of so many of 64 × 64."""

LARGE = 2**28
"""Bytes of images in a file: of more, not all are held in memory that were asked for once."""

BLOCK = 50
"""Of so large a file, images read at a time: with each, up to 2 MiB around it come to memory."""


class Chosen:
    """Some images of an array that may lie in a file; what is asked for is read then.

    Attributes:
        shape: as an array of these images has it.
        dtype: uint8.
    """

    def __init__(self, images: np.ndarray, places: np.ndarray) -> None:
        """Take all images, and the places of those that are meant."""
        self._images, self._places = images, places
        self.shape, self.dtype = (len(places), *images.shape[1:]), images.dtype

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, wanted: slice | np.ndarray) -> np.ndarray:
        """Copy images to memory, by a slice or their numbers among those that are meant."""
        places = self._places[wanted]
        if self._images.nbytes <= LARGE:
            return self._images[places]
        copied = np.empty((len(places), *self.shape[1:]), self.dtype)
        for start in range(0, len(places), BLOCK):
            block = places[start : start + BLOCK]
            copied[start : start + BLOCK] = self._images[block]
            files.let_go(self._images)
        return copied

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Copy all of them to memory, for whoever has seen that there is room."""
        return self[:].astype(dtype or self.dtype, copy=False)


def all_of(images: np.ndarray) -> Chosen:
    """Choose all images of an array that may lie in a file."""
    return Chosen(images, np.arange(len(images)))


Pixels = np.ndarray | Chosen
"""Images (n, height, width, channels) uint8; slices and rows of them are arrays."""


def scoring_batch(shape: tuple[int, ...]) -> int:
    """Count the images of a shape (height, width, channels) that a network answers together."""
    height, width, _ = shape
    return max(1, min(SCORED_TOGETHER, SCORED_TOGETHER * 64 * 64 // (height * width)))


def worked_together(shape: tuple[int, ...], most: int) -> int:
    """Count the images of a shape that are worked on at a time, `most` at the most."""
    return max(1, min(most, WORK_BYTES // math.prod(shape)))


def chunks(pixels: Pixels) -> Iterator[np.ndarray]:
    """Go through images, in their order; each chunk but the last holds whole batches to answer."""
    batch = scoring_batch(pixels.shape[1:])
    size = max(1, worked_together(pixels.shape[1:], 8 * batch) // batch) * batch
    for start in range(0, len(pixels), size):
        yield pixels[start : start + size]


@dataclass(frozen=True)
class Parts:
    """The images of one run, with (n,) labels."""

    training: tuple[Pixels, np.ndarray]
    validation: tuple[Pixels, np.ndarray]
    test: tuple[Pixels, np.ndarray]

    @property
    def counts(self) -> dict[str, Any]:
        """Count the images of each part, under the names that records have for it."""
        return {
            "training_images": len(self.training[1]),
            "validation_images": len(self.validation[1]),
            "test_images": len(self.test[1]),
        }


def take_parts(images: Images, settings: Settings) -> Parts:
    """Split the training images as the settings ask; the test set stays apart."""
    chosen, held_out = images.split(settings.validation_fraction, settings.training_fraction)
    pixels, labels = images.training_images, images.training_labels
    return Parts(
        (Chosen(pixels, chosen), labels[chosen]),
        (Chosen(pixels, held_out), labels[held_out]),
        (all_of(images.test_images), images.test_labels),
    )
