"""The images that one epoch trains on: order and augmentation.

A pure function of the images, the settings, the seed and the epoch. NumPy only, so that every
backend of Keras sees the same pixels in the same order.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cnn_study.study.settings import DataSettings
from cnn_study.train.parts import Pixels, chunks, worked_together

ORDER, AUGMENTATION = 0, 1  # Streams of random numbers that do not touch one another.
CHUNK = 4096  # Images worked on at a time; random numbers are drawn for so many together.


def epoch_order(images: int, seed: int, epoch: int) -> np.ndarray:
    """Shuffle: which image stands at each place of this epoch.

    Keras 3.15 on TensorFlow repeats one order in every epoch after
    `keras.utils.set_random_seed`, so the order is made here.

    Args:
        images: how many there are.
        seed: of the run, 0 or more.
        epoch: 1 is the first.

    Returns:
        (images,) a permutation of 0 to images - 1.
    """
    return np.random.default_rng([seed, epoch, ORDER]).permutation(images)


def epoch_images(
    images: Pixels,
    labels: np.ndarray,
    settings: DataSettings,
    mean_colour: np.ndarray,
    seed: int,
    epoch: int,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Give the images and labels of one epoch, shuffled and augmented, a chunk at a time.

    Args:
        images: (n, height, width, channels) uint8.
        labels: (n,) integers.
        settings: horizontal_flip, shift and cutout are read.
        mean_colour: (channels,) uint8, what is cut out is filled with.
        seed: of the run, 0 or more.
        epoch: 1 is the first.

    Yields:
        Images and labels in training order, as many as are worked on together.
    """
    order = epoch_order(len(images), seed, epoch)
    random = np.random.default_rng([seed, epoch, AUGMENTATION])
    size = worked_together(images.shape[1:], CHUNK)
    for start in range(0, len(order), CHUNK):
        places = order[start : start + CHUNK]
        change = _Change.draw(len(places), images.shape[1:3], settings, random)
        for first in range(0, len(places), size):
            some = slice(first, first + size)
            yield change.apply(images[places[some]], some, mean_colour), labels[places[some]]


def mean_colour(images: Pixels) -> np.ndarray:
    """Find the mean of the pixel values in each channel (channels,) uint8."""
    return np.rint(pixel_statistics(images)[0]).astype(np.uint8)


def pixel_statistics(images: Pixels) -> tuple[np.ndarray, np.ndarray]:
    """Find mean and standard deviation of the pixel values in each channel.

    Args:
        images: (n, height, width, channels) uint8.

    Returns:
        Two arrays (channels,), 0 to 255; exact, from integer sums.
    """
    values = np.arange(256)
    counts = np.zeros((images.shape[-1], 256), dtype=np.int64)
    for chunk in chunks(images):
        for channel, count in enumerate(counts):
            count += np.bincount(chunk[..., channel].ravel(), minlength=256)
    mean = counts @ values / counts.sum(axis=1)
    variance = counts @ values**2 / counts.sum(axis=1) - mean**2
    return mean, np.sqrt(np.maximum(variance, 1e-12))


@dataclass(frozen=True)
class _Change:
    """What chance does to images, drawn for all of a chunk; None where nothing of the kind is.

    Attributes:
        mirrored: (n,) whether left and right are exchanged.
        shift: the most pixels that are shifted by.
        moved: (2, n) pixels down and right, 0 to twice `shift`.
        side: of the square that is cut out.
        corners: (n,) its top and its left, which may lie outside.
    """

    mirrored: np.ndarray | None
    shift: int
    moved: np.ndarray | None
    side: int
    corners: tuple[np.ndarray, np.ndarray] | None

    @classmethod
    def draw(
        cls, count: int, size: tuple[int, ...], settings: DataSettings, random: np.random.Generator
    ) -> "_Change":
        """Draw it for so many images of a height and width."""
        most, side = settings.shift, settings.cutout
        mirrored = random.random(count) < 0.5 if settings.horizontal_flip else None
        moved = random.integers(0, 2 * most + 1, (2, count)) if most else None
        # The centre may be any pixel, so that a square may hang over the border.
        corners = None
        if side:
            height, width = size
            tops = random.integers(0, height, count) - side // 2
            corners = tops, random.integers(0, width, count) - side // 2
        return cls(mirrored, most, moved, side, corners)

    def apply(self, images: np.ndarray, some: slice, mean_colour: np.ndarray) -> np.ndarray:
        """Change some of the images for which it was drawn."""
        if self.mirrored is not None:
            images = _flip(images, self.mirrored[some])
        if self.moved is not None:
            images = _shift(images, self.shift, *self.moved[:, some])
        if self.corners is not None:
            tops, lefts = self.corners
            images = _cut_out(images, self.side, tops[some], lefts[some], mean_colour)
        return images


def _flip(images: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
    return np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)


def _shift(images: np.ndarray, most: int, down: np.ndarray, right: np.ndarray) -> np.ndarray:
    count, height, width, _ = images.shape
    padded = np.pad(images, ((0, 0), (most, most), (most, most), (0, 0)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
    # Windows are (count, places down, places right, channels, height, width).
    return np.moveaxis(windows[np.arange(count), down, right], 1, -1)


def _cut_out(
    images: np.ndarray, side: int, tops: np.ndarray, lefts: np.ndarray, mean_colour: np.ndarray
) -> np.ndarray:
    _, height, width, _ = images.shape
    top, left = tops[:, None], lefts[:, None]
    rows, columns = np.arange(height), np.arange(width)
    inside_rows = (rows >= top) & (rows < top + side)
    inside_columns = (columns >= left) & (columns < left + side)
    covered = inside_rows[:, :, None] & inside_columns[:, None, :]
    return np.where(covered[..., None], mean_colour, images)
