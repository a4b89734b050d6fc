"""What was met while a folder of images was read: counts alone, no names of files.

The report tells it (see `report/audit.py`). Nobody's file names stand here: they may hold names of
people.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from cnn_study.base.words import counted

SEVERAL = re.compile(r"\b(file|folder|link|image|array)s\b")
"""What kinds of things are called, as of several."""

Count = Annotated[int, Field(ge=0)]


def kinds(counts: Mapping[str, int]) -> list[str]:
    """Say how many there are of each kind of thing, such as 12 hidden files or 1 other file."""
    return [
        f"{number:,} {_of_one(kind) if number == 1 else kind}" for kind, number in counts.items()
    ]


def _of_one(kind: str) -> str:
    if kind == "hidden files and folders":
        return "hidden file or folder"
    return SEVERAL.sub(r"\1", kind, count=1)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Spread(_Part):
    """A side in pixels over all images."""

    smallest: Count
    median: float
    largest: Count


class Originals(_Part):
    """The images as they were before they were brought to one size, those of both parts."""

    sizes: Annotated[int, Field(ge=1, description="Different pairs of height and width.")]
    heights: Spread
    widths: Spread
    enlarged: Count = Field(description="Images with a side that had fewer pixels than it has now.")
    resize: Literal["", "crop", "pad", "stretch"] = Field(
        "",
        description="How those of other proportions were brought there; empty if none were.",
    )
    kinds: dict[str, Count] = Field(
        {}, description="Images by what they were stored as, such as JPEG; {} of arrays."
    )


class SameImages(_Part):
    """Sets of images with equal pixels; a set counts once in each line that it belongs to."""

    sets: Count = Field(0, description="Sets of two images or more.")
    images: Count = Field(0, description="Images in these sets.")
    across_parts: Count = Field(0, description="Sets that stand in training and test.")
    across_classes: Count = Field(0, description="Sets that stand in two classes or more.")
    dropped: Count = Field(
        0, description="Images taken from the training part for it (same_image: drop)."
    )


class Groups(_Part):
    """Images that belong together, by what the study says, or since they are alike."""

    groups: Count = Field(description="Groups of two images or more, none of which was divided.")
    images: Count = Field(description="Images in these groups.")
    largest: Count = Field(description="Images in the largest.")
    divided: Count = Field(
        0, description="Groups that stand in both parts, since the test part was given."
    )
    across_classes: Count = Field(
        0, description="Sets of near-duplicates with images of two classes or more."
    )


class Audit(_Part):
    """What was met while images were read.

    A count that is 0 says that it was looked for and not met.
    """

    files: Count = Field(description="Files that were taken for images; rows of arrays or tables.")
    skipped: dict[str, Count] = Field(
        {}, description="Files that could not be read, by the reason, such as 'cut off'."
    )
    ignored: dict[str, Count] = Field(
        {}, description="Files that are no images, by what they are, such as 'hidden files'."
    )
    animations: Count = Field(0, description="Images of several frames; the first was taken.")
    pages: Count = Field(0, description="Images of several pages (TIFF); the first was taken.")
    sixteen_bit: Count = Field(0, description="Grey images of 16 bits, brought to 8.")
    misnamed: Count = Field(0, description="Files that hold another format than their ending says.")
    turned: Count = Field(0, description="Images turned as their camera noted (EXIF).")
    transparent: Count = Field(0, description="Images under which a colour was laid.")
    originals: Originals
    same_images: SameImages = SameImages()
    near_duplicates: Groups | None = Field(
        None,
        description="Sets of images so alike that they were kept in one part; None where they were "
        "not looked for.",
    )
    not_compared: str = Field(
        "", description="Why near-duplicates were not looked for; empty where they were."
    )
    groups: Groups | None = Field(
        None, description="Those that the study names; None where it names none."
    )

    @property
    def has_near_duplicates_within(self) -> bool:
        """Whether some stand in one part; of those that stand in both, look-alikes tell."""
        sets = self.near_duplicates
        return bool(sets and sets.groups > sets.divided)

    @property
    def belonging(self) -> list[str]:
        """Say in how many sets images come of which one tells of another, such as 2 groups."""
        kinds = (
            (self.groups, "group", "groups"),
            (self.near_duplicates, "set of near-duplicates", "sets of near-duplicates"),
        )
        return [
            counted(sets.groups, one, more) for sets, one, more in kinds if sets and sets.groups
        ]
