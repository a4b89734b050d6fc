"""The handwritten digits that scikit-learn brings along."""

from pathlib import Path

import numpy as np

from cnn_study.data.catalog import DIGITS_TEST_IMAGES
from cnn_study.data.images import Images
from cnn_study.data.split import stratified_order


def read(source: str | Path | None) -> Images:
    """Give the digits, which no source is taken for."""
    return read_digits()


def read_digits() -> Images:
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
