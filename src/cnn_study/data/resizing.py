"""Bringing an image to the size and the channels that a network takes."""

from typing import Literal

import numpy as np
from PIL import Image

Resize = Literal["crop", "pad", "stretch"]

FILTER = Image.Resampling.LANCZOS
"""Widened by the factor of a reduction, as all of Pillow's, so that fine patterns do not turn into
false coarse ones; of those it keeps the most of what the smaller image can hold."""

Size = tuple[int, int]
"""Height and width, in pixels."""


def fit(pixels: np.ndarray, size: Size, resize: Resize, channels: int) -> np.ndarray:
    """Bring an image to a size and a number of channels.

    Args:
        pixels: (height, width, 1 or 3) uint8.
        size: to which height and width it is brought.
        resize: crop takes the middle of the right proportions, pad adds black borders, stretch
            changes the proportions.
        channels: 1 for grey (ITU-R BT.601, where it has colour), 3 for colour.

    Returns:
        (*size, channels) uint8; the same pixels where nothing is to change.
    """
    resized = pixels if pixels.shape[:2] == size else _RESIZES[resize](_image(pixels), size)
    if resized.shape[2] == channels:
        return resized
    if channels == 3:
        return np.repeat(resized, 3, axis=2)
    return _pixels(_image(resized).convert("L"))


def enlargement(original: Size, size: Size, resize: Resize) -> float:
    """Tell by which factor an image is enlarged to fit, of both sides the larger one."""
    height, width = size[0] / original[0], size[1] / original[1]
    return min(height, width) if resize == "pad" else max(height, width)


def _image(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def _pixels(image: Image.Image) -> np.ndarray:
    pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _stretch(image: Image.Image, size: Size) -> np.ndarray:
    return _pixels(image.resize(size[::-1], FILTER))


def _crop(image: Image.Image, size: Size) -> np.ndarray:
    scale = max(size[0] / image.height, size[1] / image.width)
    # Not below 0, where the scale is rounded.
    left = max(0.0, (image.width - size[1] / scale) / 2)
    top = max(0.0, (image.height - size[0] / scale) / 2)
    box = (left, top, image.width - left, image.height - top)
    return _pixels(image.resize(size[::-1], FILTER, box))


def _pad(image: Image.Image, size: Size) -> np.ndarray:
    scale = min(size[0] / image.height, size[1] / image.width)
    height = max(1, round(image.height * scale))
    width = max(1, round(image.width * scale))
    inner = _stretch(image, (height, width))
    padded = np.zeros((*size, inner.shape[2]), np.uint8)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    padded[top : top + height, left : left + width] = inner
    return padded


_RESIZES = {"crop": _crop, "pad": _pad, "stretch": _stretch}
