"""From training images to those trained on and those held out, by the labels alone."""

import numpy as np

from cnn_study.base.errors import UserError
from cnn_study.data.sizes import split_fault, split_sizes


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


def split(
    labels: np.ndarray,
    validation_fraction: float,
    training_fraction: float = 1.0,
    units: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Divide the training images into a training and a validation part, both stratified.

    Of an order, the first round(n * validation_fraction) are the validation part and the last
    round((n - validation) * training_fraction) the training part: a smaller training part lies
    within every larger one, and the validation part does not change with it. The order is that of
    the units, where they are given, of which none is divided (a part is then so much larger);
    else `stratified_order`.

    Args:
        labels: shape (n,), class indices.
        validation_fraction: share of n, 0 <= fraction < 1; 0 gives an empty validation part.
        training_fraction: share of what is left to train on, 0 < fraction <= 1.
        units: shape (n,), the number of each image's unit, 0, 1, … as `data.division` deals them.

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
    order = stratified_order(labels) if units is None else np.argsort(units, kind="stable")
    dealt = [] if units is None else np.bincount(units).tolist()
    if fault := split_fault(len(order), validation_fraction, training_fraction, dealt):
        raise UserError(": ".join(fault))
    sizes = split_sizes(len(order), validation_fraction, training_fraction, dealt)
    return np.sort(order[len(order) - sizes.training :]), np.sort(order[: sizes.validation])
