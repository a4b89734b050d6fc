"""Images that stand in a dataset more than once, as they are or hardly altered.

Equal pixels are found by a digest of them. Of near-duplicates, which were encoded again, made
brighter or cut a little, a perceptual hash finds the candidates, and the correlation of the pixels
decides. Pure functions of arrays.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

FREQUENCIES = 8
"""Of the cosine transform, to either side: 64 of them make the bits of a hash."""

LEAST_SIDE = 2 * FREQUENCIES
"""Pixels: of smaller images a hash would take in all detail, and not the rough shape alone."""

MOST_DIFFERENT_BITS = 10
"""Of 64: the hashes of unrelated images differ in 32, those of re-encoded ones in very few."""

LEAST_CORRELATION = 0.90

LEAST_BEYOND_TYPICAL = 0.88
"""Of what images show beyond the typical one of all: X-rays correlate to 0.9 by what is in each."""

LEAST_FOR_TYPICAL, MOST_FOR_TYPICAL = 50, 1000
"""Images: of fewer the typical one is too much like each of them; more tell no more."""

LUMA = {1: (1.0,), 3: (0.299, 0.587, 0.114)}
"""Weights of the channels in grey, as in ITU-R BT.601."""

BLOCK = 500
"""Images whose distances to all others are worked out at once: 25 million bytes for CIFAR-10."""

MOST_VALUES = 2**24
"""Pixels times channels that are looked at at once, 134 MB as floats; of large images that is fewer
than a block."""

Sets = list[np.ndarray]
"""Places of images that belong together, two or more in each set, ascending; the sets by their
first places."""

# ------------------------------------------------------------------------------- equal pixels


def equal_sets(images: np.ndarray) -> Sets:
    """Find the images with equal pixels.

    Args:
        images: (n, height, width, channels) uint8.
    """
    numbers: dict[bytes, int] = {}
    digests = (hashlib.sha256(np.ascontiguousarray(image).data).digest() for image in images)
    return sets_of(np.array([numbers.setdefault(digest, len(numbers)) for digest in digests], int))


def across(sets: Sets, values: Sequence[object] | np.ndarray) -> Sets:
    """Give those sets in which the images differ in something, such as their part or class.

    Args:
        values: one for each image of the dataset.
    """
    return [places for places in sets if len({values[place] for place in places}) > 1]


def sets_of(numbers: np.ndarray) -> Sets:
    """Collect the places of equal numbers.

    Args:
        numbers: (n,) int.
    """
    order = np.argsort(numbers, kind="stable")
    starts = np.flatnonzero(np.diff(numbers[order])) + 1
    several = [places for places in np.split(order, starts) if len(places) > 1]
    return sorted(several, key=lambda places: places[0])


# ------------------------------------------------------------------------------- near-duplicates


class LookAlike(NamedTuple):
    """An image, the one of others that is most like it, and how alike they are."""

    ours: int
    theirs: int
    different_bits: int
    correlation: float


def too_small(sides: tuple[int, ...]) -> str:
    """Say why images of this height and width are not searched; nothing if they are."""
    if min(sides) >= LEAST_SIDE:
        return ""
    size = "×".join(map(str, sides))
    return (
        f"images of {size} pixels are too small: a hash of {FREQUENCIES**2} bits would hold nearly "
        "all of them, and different images of a class correlate as look-alikes do"
    )


def look_alikes_between(ours: np.ndarray, theirs: np.ndarray) -> list[LookAlike]:
    """Find for each of our images that has a near-duplicate among theirs the one most like it.

    A pair differs in at most `MOST_DIFFERENT_BITS` bits of its hashes, and its pixels correlate to
    `LEAST_CORRELATION` or more, what they show beyond the typical to `LEAST_BEYOND_TYPICAL`.

    Args:
        ours, theirs: (n or m, height, width, channels) uint8, each side at least `LEAST_SIDE`.

    Returns:
        The most alike first.
    """
    first, second, bits = near(perceptual_hashes(ours), perceptual_hashes(theirs))
    correlations = correlate(ours[first], theirs[second])
    beyond = beyond_typical(ours[first], theirs[second], typical(theirs))
    alike = (correlations >= LEAST_CORRELATION) & (beyond >= LEAST_BEYOND_TYPICAL)
    best: dict[int, int] = {}
    for place in np.argsort(-correlations, kind="stable"):
        if alike[place]:
            best.setdefault(int(first[place]), int(place))
    return [
        LookAlike(image, int(second[place]), int(bits[place]), float(correlations[place]))
        for image, place in best.items()
    ]


def perceptual_hashes(images: np.ndarray) -> np.ndarray:
    """Hash the rough shape of images: 64 bits that hardly change with brightness or encoding.

    Each bit says whether one of the 8 x 8 lowest frequencies of the cosine transform of the grey
    image is above their median (Zauner, 2010, section 3.2; the usual "pHash", without resizing,
    which leaves low frequencies as they are).

    Args:
        images: (n, height, width, channels) uint8, each side at least `LEAST_SIDE`.

    Returns:
        (n,) uint64.
    """
    from scipy.fft import dctn

    weights = np.array(LUMA.get(images.shape[-1], np.full(images.shape[-1], 1 / images.shape[-1])))
    hashes = [np.empty(0, "uint64")]
    block = _block(images)
    for start in range(0, len(images), block):
        grey = images[start : start + block] @ weights.astype("float32")
        low = dctn(grey, axes=(1, 2))[:, :FREQUENCIES, :FREQUENCIES].reshape(len(grey), -1)
        bits = low > np.median(low, axis=1, keepdims=True)
        hashes.append(np.packbits(bits, axis=1).view("uint64")[:, 0])
    return np.concatenate(hashes)


def near(ours: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the pairs of hashes that differ in few bits.

    Args:
        ours, theirs: (n,) and (m,) uint64.

    Returns:
        Places in ours and in theirs, and the number of bits, in order of ours, then of theirs.
    """
    pairs = [np.empty((3, 0), int)]
    for start in range(0, len(ours), BLOCK):
        bits = np.bitwise_count(ours[start : start + BLOCK, None] ^ theirs)
        first, second = np.nonzero(bits <= MOST_DIFFERENT_BITS)
        pairs.append(np.stack([first + start, second, bits[first, second]]))
    first, second, bits = np.concatenate(pairs, axis=1)
    return first, second, bits


def correlate(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Give Pearson's correlation of the pixels of each pair of images; 0 where one is plain.

    Args:
        ours, theirs: (n, height, width, channels), image by image.

    Returns:
        (n,) float64.
    """
    return _correlated_rows(ours, theirs, _centred)


def typical(images: np.ndarray) -> np.ndarray:
    """Give what images have in common, whatever the brightness and contrast of each.

    The median of their pixels, each image brought to mean 0 and norm 1; of few images zeros.

    Returns:
        (pixels,) float64.
    """
    if len(images) < LEAST_FOR_TYPICAL:
        return np.zeros(math.prod(images.shape[1:]))
    return np.median(_normed(images[:: -(-len(images) // MOST_FOR_TYPICAL)]), axis=0)


def beyond_typical(ours: np.ndarray, theirs: np.ndarray, common: np.ndarray) -> np.ndarray:
    """Correlate what each pair of images shows beyond what is common to all; see `typical`.

    Args:
        ours, theirs: (n, height, width, channels), image by image.

    Returns:
        (n,) float64.
    """
    return _correlated_rows(ours, theirs, lambda images: _normed(images) - common)


def _correlated_rows(
    ours: np.ndarray, theirs: np.ndarray, rows_of: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Correlate rows of numbers that are made of images, some of which are looked at at once."""
    correlations = [np.empty(0)]
    block = _block(ours)
    for start in range(0, len(ours), block):
        first, second = (rows_of(part[start : start + block]) for part in (ours, theirs))
        scale = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
        product = (first * second).sum(axis=1)
        correlations.append(np.divide(product, scale, out=np.zeros(len(scale)), where=scale > 0))
    return np.concatenate(correlations)


def _block(images: np.ndarray) -> int:
    """Tell how many images are looked at at once."""
    return max(1, min(BLOCK, MOST_VALUES // math.prod(images.shape[1:])))


def _centred(images: np.ndarray) -> np.ndarray:
    rows = images.reshape(len(images), -1).astype(float)
    return rows - rows.mean(axis=1, keepdims=True)


def _normed(images: np.ndarray) -> np.ndarray:
    rows = _centred(images)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, norms, out=rows, where=norms > 0)


# ------------------------------------------------------------------------------- sets of them

MOST_CANDIDATES = 200
"""For each image, on average, that resemble it by their hashes: of photographs far fewer than one
does, of scans of one kind, such as X-rays, it may be each."""

LARGE_SET = 10
"""Images: a smaller set may well be all of a small class."""


def near_sets(images: np.ndarray, labels: np.ndarray) -> tuple[Sets, str]:
    """Find the images that are near-duplicates of others, or of others' near-duplicates.

    Args:
        images: (n, height, width, channels) uint8.
        labels: (n,) int, their classes.

    Returns:
        The sets, with those of equal pixels among them; and why these alone were looked for, ""
        where near-duplicates were, too.
    """
    equal = equal_sets(images)
    if reason := too_small(images.shape[1:3]):
        return equal, reason
    pairs = _near_pairs(images, np.delete(np.arange(len(images)), _repeated(equal)))
    if pairs is None:
        return equal, "nearly all images have the same rough shape, so that it tells none apart"
    links = [(places[0], place) for places in equal for place in places[1:]]
    sets = _connected(len(images), np.concatenate([pairs, np.array(links, int).reshape(-1, 2)]))
    reason = too_alike(sets, labels)
    return (equal if reason else sets), reason


def _repeated(equal: Sets) -> np.ndarray:
    """Give the places of all but the first of each set."""
    return np.concatenate([np.empty(0, int), *(places[1:] for places in equal)])


def _near_pairs(images: np.ndarray, places: np.ndarray) -> np.ndarray | None:
    """Find near-duplicates among images of which no two are equal.

    Args:
        places: (m,) int, of the images to compare.

    Returns:
        (pairs, 2) places; None where too many hashes are alike to look at each pair.
    """
    places = places[_has_shape(images)[places]]
    hashes = perceptual_hashes(images)[places]
    pairs, candidates, common = [np.empty((0, 2), int)], 0, typical(images)
    for start in range(0, len(places), BLOCK):
        first, second, _ = near(hashes[start : start + BLOCK], hashes[start:])
        is_new = first < second
        first, second = places[first[is_new] + start], places[second[is_new] + start]
        candidates += len(first)
        if candidates > MOST_CANDIDATES * len(places):
            return None
        pairs.append(_correlated(images, np.stack([first, second], axis=1), common))
    return np.concatenate(pairs)


def _has_shape(images: np.ndarray) -> np.ndarray:
    """Tell which images are not plain: hashes of those are noise."""
    return np.array([image.min() < image.max() for image in images], bool)


def _correlated(images: np.ndarray, pairs: np.ndarray, common: np.ndarray) -> np.ndarray:
    """Keep the pairs whose pixels correlate, some of which are looked at at once.

    Args:
        common: to the images, see `typical`.
    """
    kept = [np.empty((0, 2), int)]
    block = _block(images)
    for start in range(0, len(pairs), block):
        some = pairs[start : start + block]
        ours, theirs = images[some[:, 0]], images[some[:, 1]]
        alike = correlate(ours, theirs) >= LEAST_CORRELATION
        kept.append(some[alike & (beyond_typical(ours, theirs, common) >= LEAST_BEYOND_TYPICAL)])
    return np.concatenate(kept)


def _connected(count: int, pairs: np.ndarray) -> Sets:
    """Unite pairs that share an image."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    links = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), (count, count))
    return sets_of(connected_components(links, directed=False)[1])


def too_alike(sets: Sets, labels: np.ndarray) -> str:
    """Say that different images of a class pass for one; nothing where they do not."""
    largest = max(sets, key=len, default=np.empty(0, int))
    classes, counts = np.unique(labels[largest], return_counts=True)
    of_class = np.array([np.count_nonzero(labels == label) for label in classes])
    if len(largest) < LARGE_SET or not (2 * counts > of_class).any():
        return ""
    return (
        f"{len(largest):,} images, most of a class among them, would be joined as near-duplicates: "
        "those of one kind are so alike that different ones pass for the same"
    )
