"""From training images to those trained on and those held out, by the labels alone."""

from typing import NamedTuple

import numpy as np

from cnn_study.base.errors import UserError


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


class Sizes(NamedTuple):
    """How many images a split gives each part."""

    training: int
    validation: int


def split_sizes(images: int, validation_fraction: float, training_fraction: float) -> Sizes:
    """Count the images to train on and those held out, as `split` divides them."""
    validation = round(images * validation_fraction)
    return Sizes(round((images - validation) * training_fraction), validation)


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
    sizes = split_sizes(images, validation_fraction, training_fraction)
    if sizes.training == 0:
        return (
            "training_fraction",
            f"no image is left to train on: {images:,} images, validation_fraction "
            f"{validation_fraction:g}, training_fraction {training_fraction:g}; raise "
            "training_fraction or lower validation_fraction",
        )
    if validation_fraction > 0 and sizes.validation == 0:
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
    sizes = split_sizes(len(order), validation_fraction, training_fraction)
    return np.sort(order[len(order) - sizes.training :]), np.sort(order[: sizes.validation])
