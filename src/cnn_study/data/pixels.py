"""From the images of a listing to one array, in which each is upright and of one size."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from cnn_study.data.listing import Item
from cnn_study.data.pictures import Picture, Unreadable, read_picture
from cnn_study.data.resizing import Resize, Size, enlargement, fit
from cnn_study.data.threads import in_threads


@dataclass
class Pixels:
    """What was read.

    Attributes:
        images: (n, height, width, 1 or 3) uint8; None where no size was given and the images have
            several.
        places: (n,) int, of each image its place among the items.
        sizes: (n, 2) int, height and width of the originals, upright.
        unreadable: names of those that cannot be read, and why.
        notes: how often something was done, by key of `pictures.NOTES`.
        enlarged: how many have fewer pixels than was asked for.
    """

    images: np.ndarray | None
    places: np.ndarray
    sizes: np.ndarray
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    enlarged: int = 0


def read_all(
    items: Sequence[Item],
    size: Size | None,
    resize: Resize = "crop",
    channels: int | None = None,
    transparency: str = "white",
) -> Pixels:
    """Read all images into one array, which takes hardly more memory than they do.

    Args:
        size: height and width; None where all have the same.
        channels: 1 or 3; None for 1 where all are grey.
        transparency: white, black or refuse.
    """
    array = _Growing(len(items), channels)
    result = Pixels(None, np.empty(0, int), np.empty((0, 2), int))
    places, sizes = [], []
    read = partial(_read, size=size, resize=resize, channels=channels, transparency=transparency)
    for place, read_one in enumerate(in_threads(read, items, "images are read")):
        if isinstance(read_one, Unreadable):
            result.unreadable.append((items[place].name, str(read_one)))
            continue
        pixels, original, notes = read_one
        places.append(place)
        sizes.append(original)
        result.notes.update(notes)
        result.enlarged += size is not None and enlargement(original, size, resize) > 1
        array.add(pixels)
    result.places = np.array(places, int)
    result.sizes = np.array(sizes, int).reshape(-1, 2)
    result.images = array.images()
    return result


def in_words(sizes: np.ndarray) -> str:
    """Say in which range heights and widths (n, 2) lie."""
    (low, narrow), (high, wide) = sizes.min(0), sizes.max(0)
    heights, widths = (
        str(least) if least == most else f"{least} to {most}"
        for least, most in ((low, high), (narrow, wide))
    )
    return f"{heights} pixels high and {widths} wide"


def _read(
    item: Item, size: Size | None, resize: Resize, channels: int | None, transparency: str
) -> tuple[np.ndarray, Size, frozenset[str]] | Unreadable:
    """Read one image: its pixels in the size that is asked for, its own size, and notes."""
    try:
        content = item.open()
        if isinstance(content, bytes):
            picture = read_picture(content, item.name, transparency)
        else:
            picture = Picture(content)
    except Unreadable as fault:
        return fault
    height, width, own_channels = picture.pixels.shape
    wanted = size or (height, width)
    pixels = fit(picture.pixels, wanted, resize, channels or own_channels)
    return pixels, (height, width), picture.notes


class _Growing:
    """An array that has room for all images from the first on, and for colour once one has it.

    Where one image has another size there is none.
    """

    def __init__(self, most: int, channels: int | None) -> None:
        self.most = most
        self.count = 0
        self.array: np.ndarray | None = None
        self.channels = channels
        self.differs = False

    def add(self, pixels: np.ndarray) -> None:
        if self.array is None and not self.differs:
            self.array = np.empty((self.most, *pixels.shape), np.uint8)
        if self.array is None or pixels.shape[:2] != self.array.shape[1:3]:
            self.array, self.differs = None, True
            return
        if pixels.shape[2] > self.array.shape[3]:
            self.array = np.repeat(self.array, 3, axis=3)
        self.array[self.count] = pixels
        self.count += 1

    def images(self) -> np.ndarray | None:
        return None if self.array is None else self.array[: self.count]
