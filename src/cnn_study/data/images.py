"""The images of a dataset, in memory or in their file, and the digest that names their content."""

import hashlib
import json
from dataclasses import dataclass

import numpy as np

from cnn_study.base import files
from cnn_study.data.split import split


@dataclass
class Images:
    """A dataset's content in canonical order.

    Images have the axes (image, height, width, channel), uint8, and values 0..255; labels have the
    axis (image) and index Dataset.class_names: uint8, from 257 classes on uint16.

    Attributes:
        training_units: the unit of each training image, as `split` takes it; None of a built-in
            dataset.
    """

    training_images: np.ndarray
    training_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    training_units: np.ndarray | None = None

    def split(
        self, validation_fraction: float, training_fraction: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Give the places of the training images to train on, and of those held out."""
        fractions = validation_fraction, training_fraction
        return split(self.training_labels, *fractions, self.training_units)


ARRAY_NAMES = ("training_images", "training_labels", "test_images", "test_labels")


UNITS = "training_units"

DIGEST_BLOCK = 1000
"""Images that are hashed at a time, which bounds memory."""


def content_digest(images: Images) -> str:
    """Return the SHA-256 (hex) that names a dataset's content.

    It is that of the four arrays' bytes, in the order of ARRAY_NAMES. Of images that are dealt out
    in units, which are a study's own, their shapes, the number of classes and the units go before.
    """
    digest = hashlib.sha256()
    if images.training_units is not None:
        classes = int(max(images.training_labels.max(), images.test_labels.max())) + 1
        shapes = {name: getattr(images, name).shape for name in ARRAY_NAMES}
        digest.update(json.dumps({"classes": classes, **shapes}).encode())
        digest.update(np.ascontiguousarray(images.training_units, "<i4").data)
    for name in ARRAY_NAMES:
        array = getattr(images, name)
        for start in range(0, len(array), DIGEST_BLOCK):
            block = array[start : start + DIGEST_BLOCK]
            digest.update(np.ascontiguousarray(block, array.dtype.newbyteorder("<")).data)
            files.let_go(array)
    return digest.hexdigest()
