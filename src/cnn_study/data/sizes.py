"""How many images each part has, before there are images."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple


class Sizes(NamedTuple):
    """How many images a split gives each part."""

    training: int
    validation: int


def split_sizes(
    images: int,
    validation_fraction: float,
    training_fraction: float,
    units: Sequence[int] = (),
) -> Sizes:
    """Count the images to train on and those held out, as `split` divides them.

    Args:
        images: training images of the dataset.
        units: how many images each set has that is never divided, in the order in which they are
            dealt out; without any each image stands for itself.
    """
    validation = _whole(round(images * validation_fraction), units)
    rest = images - validation
    return Sizes(min(rest, _whole(round(rest * training_fraction), units[::-1])), validation)


def _whole(images: int, units: Sequence[int]) -> int:
    """Count the images of as many whole units, from the first on, as hold at least so many."""
    if not units or images == 0:
        return images
    filled = list(accumulate(units))
    return filled[bisect_left(filled, images)]


def split_fault(
    images: int,
    validation_fraction: float,
    training_fraction: float,
    units: Sequence[int] = (),
) -> tuple[str, str] | None:
    """Say which fraction leaves no image where there should be some; None where none does.

    Args:
        images: training images of the dataset.
        validation_fraction: 0 is no fault: it asks for no validation image.
        units: as `split_sizes` takes them.

    Returns:
        The setting, and what is wrong with it.
    """
    sizes = split_sizes(images, validation_fraction, training_fraction, units)
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
