"""The images that one epoch trains on: what chance draws for them, and what that does to them.

Drawing is a pure function of the settings, the seed and the epoch, and NumPy's alone; a draw is
applied by NumPy, or by JAX on its device, to the same pixels. So every engine sees the same pixels
in the same order.
"""

from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from cnn_study.study.settings import DataSettings
from cnn_study.train.parts import Pixels, chunks, worked_together

ORDER, AUGMENTATION, HALVES = 0, 1, 2  # Streams of random numbers that do not touch one another.
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
        settings: horizontal_flip, flip_order, shift and cutout are read.
        mean_colour: (channels,) uint8, what is cut out is filled with.
        seed: of the run, 0 or more.
        epoch: 1 is the first.

    Yields:
        Images and labels in training order, as many as are worked on together.
    """
    drawn = draw(len(images), images.shape[1:3], settings, seed, epoch)
    size = worked_together(images.shape[1:], CHUNK)
    for start in range(0, len(images), CHUNK):
        for first in range(start, min(start + CHUNK, len(images)), size):
            some = drawn.of(slice(first, min(first + size, start + CHUNK)))
            yield apply(images[some.order], some, settings, mean_colour), labels[some.order]


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


class Draws(NamedTuple):
    """What chance does to the images of an epoch; None where nothing of the kind is done.

    Attributes:
        order: (n,) which image stands at each place. All else is of these places.
        mirrored: (n,) whether left and right are exchanged.
        moved: (n, 2) pixels down and right, 0 to twice the largest shift.
        corner: (n, 2) top and left of the square that is cut out, which may lie outside.
    """

    order: np.ndarray
    mirrored: np.ndarray | None
    moved: np.ndarray | None
    corner: np.ndarray | None

    def of(self, some: slice) -> "Draws":
        """Take those of some places."""
        others = (None if drawn is None else drawn[some] for drawn in self[1:])
        return Draws(self.order[some], *others)


def draw(count: int, size: tuple[int, ...], settings: DataSettings, seed: int, epoch: int) -> Draws:
    """Draw the order of so many images of a height and width, and what is done to each."""
    order = epoch_order(count, seed, epoch)
    random = np.random.default_rng([seed, epoch, AUGMENTATION])
    lengths = (min(CHUNK, count - start) for start in range(0, count, CHUNK))
    drawn = [_draw_chunk(length, size, settings, random) for length in lengths]
    mirrored, moved, corner = (
        None if parts[0] is None else np.concatenate(parts) for parts in zip(*drawn, strict=True)
    )
    if settings.horizontal_flip and settings.flip_order == "alternating":
        mirrored = _alternating(count, seed, epoch)[order]
    return Draws(order, mirrored, moved, corner)


def _alternating(count: int, seed: int, epoch: int) -> np.ndarray:
    """Tell which images an epoch mirrors: a half drawn once, the others in every second epoch.

    As Jordan (2024) has it.

    Returns:
        (count,) in the order of the images.
    """
    first = np.random.default_rng([seed, 0, HALVES]).random(count) < 0.5
    return first if epoch % 2 else ~first


def _draw_chunk(
    count: int, size: tuple[int, ...], settings: DataSettings, random: np.random.Generator
) -> tuple[np.ndarray | None, ...]:
    """Draw what is done to so many images: all of `Draws` but the order."""
    most, side = settings.shift, settings.cutout
    by_chance = settings.horizontal_flip and settings.flip_order == "random"
    mirrored = random.random(count) < 0.5 if by_chance else None
    moved = random.integers(0, 2 * most + 1, (2, count)).T if most else None
    # The centre may be any pixel, so that a square may hang over the border.
    corner = None
    if side:
        centres = [random.integers(0, length, count) for length in size]
        corner = np.stack(centres, axis=1) - side // 2
    return mirrored, moved, corner


def apply(
    images: Any,
    draws: Draws,
    settings: DataSettings,
    mean_colour: Any,
    numbers: ModuleType = np,
) -> Any:
    """Do to images what was drawn for them.

    Args:
        images: (n, height, width, channels) uint8, in the order of the draws.
        draws: arrays of `numbers`.
        settings: shift and cutout are read.
        mean_colour: (channels,) uint8, what is cut out is filled with.
        numbers: the library that computes: numpy or jax.numpy.

    Returns:
        Images of the same shape and type.
    """
    if draws.mirrored is not None:
        images = _flip(images, draws.mirrored, numbers)
    if draws.moved is not None:
        shift = _shift if numbers is np else _shift_by_places
        images = shift(images, settings.shift, *draws.moved.T)
    if draws.corner is not None:
        images = _cut_out(images, settings.cutout, *draws.corner.T, mean_colour, numbers)
    return images


def _flip(images: Any, mirrored: Any, numbers: ModuleType) -> Any:
    return numbers.where(mirrored[:, None, None, None], images[:, :, ::-1], images)


def _shift(images: np.ndarray, most: int, down: np.ndarray, right: np.ndarray) -> np.ndarray:
    count, height, width, _ = images.shape
    padded = np.pad(images, ((0, 0), (most, most), (most, most), (0, 0)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
    # Windows are (count, places down, places right, channels, height, width).
    return np.moveaxis(windows[np.arange(count), down, right], 1, -1)


def _shift_by_places(images: Any, most: int, down: Any, right: Any) -> Any:
    """Do the same as `_shift` for JAX, which has no windows; NumPy takes three times as long so."""
    count, height, width, _ = images.shape
    rows = _reflected(down[:, None] + np.arange(height) - most, height)
    columns = _reflected(right[:, None] + np.arange(width) - most, width)
    return images[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]


def _reflected(places: Any, size: int) -> Any:
    """Give the place in 0 to size - 1 of which one outside is the mirror image, however far."""
    period = max(2 * (size - 1), 1)
    return size - 1 - abs(places % period - (size - 1))


def _cut_out(
    images: Any, side: int, tops: Any, lefts: Any, mean_colour: Any, numbers: ModuleType
) -> Any:
    _, height, width, _ = images.shape
    top, left = tops[:, None], lefts[:, None]
    rows, columns = np.arange(height), np.arange(width)
    inside_rows = (rows >= top) & (rows < top + side)
    inside_columns = (columns >= left) & (columns < left + side)
    covered = inside_rows[:, :, None] & inside_columns[:, None, :]
    return numbers.where(covered[..., None], mean_colour, images)
