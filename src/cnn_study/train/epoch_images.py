"""The images that one epoch trains on: order and augmentation.

A pure function of the images, the settings, the seed and the epoch. NumPy only, so that every
backend of Keras sees the same pixels in the same order.
"""

import numpy as np

from cnn_study.study.settings import DataSettings

ORDER, AUGMENTATION = 0, 1  # Streams of random numbers that do not touch one another.
CHUNK = 4096  # Images worked on at a time, which bounds memory.


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
    images: np.ndarray, labels: np.ndarray, settings: DataSettings, seed: int, epoch: int
) -> tuple[np.ndarray, np.ndarray]:
    """Give the images and labels of one epoch, shuffled and augmented.

    Args:
        images: (n, height, width, channels) uint8.
        labels: (n,) integers.
        settings: horizontal_flip, shift and cutout are read.
        seed: of the run, 0 or more.
        epoch: 1 is the first.

    Returns:
        Images and labels of the same shapes and types, in training order.
    """
    order = epoch_order(len(images), seed, epoch)
    shuffled = images[order]
    if settings.horizontal_flip or settings.shift or settings.cutout:
        random = np.random.default_rng([seed, epoch, AUGMENTATION])
        mean_colour = _mean_colour(images)
        for start in range(0, len(shuffled), CHUNK):
            part = shuffled[start : start + CHUNK]
            shuffled[start : start + CHUNK] = _augment(part, settings, mean_colour, random)
    return shuffled, labels[order]


def pixel_statistics(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find mean and standard deviation of the pixel values in each channel.

    Args:
        images: (n, height, width, channels) uint8.

    Returns:
        Two arrays (channels,), 0 to 255; exact, from integer sums.
    """
    values = np.arange(256)
    counts = np.zeros((images.shape[-1], 256), dtype=np.int64)
    for start in range(0, len(images), CHUNK):
        for channel, count in enumerate(counts):
            pixels = images[start : start + CHUNK, ..., channel].ravel()
            count += np.bincount(pixels, minlength=256)
    mean = counts @ values / counts.sum(axis=1)
    variance = counts @ values**2 / counts.sum(axis=1) - mean**2
    return mean, np.sqrt(np.maximum(variance, 1e-12))


def _mean_colour(images: np.ndarray) -> np.ndarray:
    return np.rint(pixel_statistics(images)[0]).astype(np.uint8)


def _augment(
    images: np.ndarray,
    settings: DataSettings,
    mean_colour: np.ndarray,
    random: np.random.Generator,
) -> np.ndarray:
    if settings.horizontal_flip:
        images = _flip(images, random)
    if settings.shift:
        images = _shift(images, settings.shift, random)
    if settings.cutout:
        images = _cut_out(images, settings.cutout, mean_colour, random)
    return images


def _flip(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    mirrored = random.random(len(images)) < 0.5
    return np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)


def _shift(images: np.ndarray, most: int, random: np.random.Generator) -> np.ndarray:
    count, height, width, _ = images.shape
    padded = np.pad(images, ((0, 0), (most, most), (most, most), (0, 0)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
    down, right = random.integers(0, 2 * most + 1, (2, count))
    # Windows are (count, places down, places right, channels, height, width).
    return np.moveaxis(windows[np.arange(count), down, right], 1, -1)


def _cut_out(
    images: np.ndarray, side: int, mean_colour: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    count, height, width, _ = images.shape
    # The centre may be any pixel, so that a square may hang over the border.
    top = random.integers(0, height, count)[:, None] - side // 2
    left = random.integers(0, width, count)[:, None] - side // 2
    rows, columns = np.arange(height), np.arange(width)
    inside_rows = (rows >= top) & (rows < top + side)
    inside_columns = (columns >= left) & (columns < left + side)
    covered = inside_rows[:, :, None] & inside_columns[:, None, :]
    return np.where(covered[..., None], mean_colour, images)
