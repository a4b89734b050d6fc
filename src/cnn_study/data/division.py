"""How images of one's own are divided into parts: by what they hold, and never through a unit.

A *unit* is what may not stand in two parts: images of one group, say of one patient, and images
that are nearly the same. The place of a unit in the order follows from the keys of its images, so
an image that is added, taken away, renamed or moved changes the part of hardly any other.
"""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np


def join_units(
    groups: Sequence[str | None], alike: Iterable[Sequence[int] | np.ndarray]
) -> np.ndarray:
    """Put images of one group, and images that are alike, into one unit; also by way of others.

    Args:
        groups: for each image the name of its group; None if it stands for itself.
        alike: sets of places of images that are nearly the same.

    Returns:
        (images,) numbers of units.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    members: dict[str, list[int]] = {}
    for place, group in enumerate(groups):
        if group is not None:
            members.setdefault(group, []).append(place)
    sets = [list(places) for places in (*members.values(), *alike)]
    pairs = [(places[0], other) for places in sets for other in places[1:]]
    first, second = np.array(pairs, dtype=int).reshape(-1, 2).T
    links = coo_array((np.ones(len(pairs), "int8"), (first, second)), shape=(len(groups),) * 2)
    return connected_components(links, directed=False)[1]


def deal(labels: np.ndarray, keys: Sequence[str], units: np.ndarray, seed: int) -> np.ndarray:
    """Number the units so that every prefix of them holds the classes close to their shares.

    Units are sorted by the hash of the seed and of their smallest key. Within each class the image
    of rank r in that order gets the place (r + 1/2) / class size; a unit has the mean place of its
    images. Where each image is a unit this is `split.stratified_order`, with a shuffle that each
    image takes along.

    Args:
        labels: (n,) class indices.
        keys: (n,) keys of the images, hexadecimal.
        units: (n,) any number for each unit.
        seed: another one gives another order.

    Returns:
        (n,) the number of each image's unit, 0 for the first.
    """
    if not len(labels):
        return np.empty(0, dtype="int32")
    units = np.unique(units, return_inverse=True)[1]
    smallest: dict[int, str] = {}
    for unit, key in zip(units.tolist(), keys, strict=True):
        smallest[unit] = min(key, smallest.get(unit, key))
    hashes = [
        hashlib.sha256(f"{seed} {smallest[unit]}".encode()).hexdigest()
        for unit in range(len(smallest))
    ]
    by_image = np.array(hashes)[units]
    order = np.lexsort((np.array(keys), by_image))
    place = np.empty(len(labels))
    for label in np.unique(labels):
        members = order[labels[order] == label]
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
    means = np.bincount(units, weights=place) / np.bincount(units)
    dealt = np.empty(len(hashes), dtype="int32")
    dealt[np.lexsort((np.array(hashes), means))] = np.arange(len(hashes))
    return dealt[units]


def choose_test(labels: np.ndarray, dealt: np.ndarray, fraction: float) -> np.ndarray:
    """Choose the test part: the first units that hold the fraction, and one of each class left.

    Args:
        labels: (n,) class indices.
        dealt: (n,) the images' units, as `deal` numbers them.
        fraction: share of the images, between 0 and 1.

    Returns:
        (n,) True for a test image. A class of a single unit has no image left to train on.
    """
    order = np.argsort(dealt, kind="stable")
    wanted = max(1, round(len(labels) * fraction))
    chosen = dealt <= dealt[order[wanted - 1]]
    for label in np.unique(labels):
        if not chosen[labels == label].any():
            chosen |= dealt == dealt[labels == label].min()
    return chosen
