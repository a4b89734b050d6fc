"""The images of a dataset in memory, and the digest that names their content."""

import hashlib
from dataclasses import dataclass

import numpy as np


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


def content_digest(images: Images) -> str:
    """Return the SHA-256 (hex) of the four arrays' bytes, in the order of ARRAY_NAMES."""
    digest = hashlib.sha256()
    for key in ARRAY_NAMES:
        digest.update(np.ascontiguousarray(getattr(images, key)).data)
    return digest.hexdigest()
