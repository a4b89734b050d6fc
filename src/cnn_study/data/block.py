"""What a study says of images of its own: the keys of its `dataset:` block, and their meaning."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from cnn_study.base.words import first_of
from cnn_study.data.catalog import DATASETS

SOURCES = ("folder", "arrays", "table", "parquet")
"""Where images may come from; a block names exactly one."""

LEAST_SIDE, MOST_SIDE = 8, 256
"""Pixels that the height or the width of an image may have."""

UNSAID = "Not said yet."
"""What a block says that nobody has written yet."""

Side = Annotated[int, Field(ge=LEAST_SIDE, le=MOST_SIDE)]


def _says_something(text: str) -> str:
    if not text.strip():
        raise ValueError("says nothing")
    return text


Text = Annotated[str, AfterValidator(_says_something)]


class DatasetBlock(BaseModel):
    """Images of one's own, and how they are read, divided and shown."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)] = Field(
        description="Short name, of a-z, 0-9 and hyphens."
    )
    title: Text = Field(description="What the report calls the images.")
    source: Text = Field(description="Who made them, when, and under which licence.")
    description: Text = Field(
        description="What they show, how they were taken, and who labelled them; Markdown without "
        "HTML."
    )
    folder: Text | None = Field(
        None,
        description="A folder with train/CLASS/… and test/CLASS/…, or with CLASS/… alone. This and "
        "the three that follow are relative to the study file; exactly one is given.",
    )
    arrays: Text | None = Field(
        None,
        description="An .npz file with x_train and y_train, and perhaps x_test and y_test; images "
        "are uint8.",
    )
    table: Text | None = Field(
        None,
        description="A CSV, with commas, semicolons or tabs, with the columns file and label, and "
        "perhaps part (train or test) and group; files are relative to it.",
    )
    parquet: Text | None = Field(
        None,
        description="Parquet files, as the Hugging Face hub stores images: a folder of them, or a "
        "glob.",
    )
    image_size: Annotated[list[Side], Field(min_length=2, max_length=2)] | None = Field(
        None,
        description="Height and width in pixels, 8 to 256, to which the images are brought; to be "
        "given where their sizes differ.",
    )
    resize: Literal["crop", "pad", "stretch"] = Field(
        "crop",
        description="How an image of other proportions is brought there: crop cuts off what "
        "overhangs, on both sides alike; pad adds black borders; stretch bends it.",
    )
    channels: Literal[1, 3] | None = Field(
        None, description="1 for grey, 3 for colour. Left out, 1 where all images are grey."
    )
    transparency: Literal["white", "black", "refuse"] = Field(
        "white", description="What is laid under images that are transparent."
    )
    classes: list[Text] | dict[Text, Text] | None = Field(
        None,
        description="Which classes, in their order; or a mapping of each to the name that the "
        "report shows. Left out, all, sorted.",
    )
    unreadable: Literal["refuse", "skip"] = Field(
        "refuse", description="What becomes of files that cannot be read; the report tells of them."
    )
    same_image: Literal["refuse", "keep", "drop"] = Field(
        "refuse",
        description="What becomes of images with equal pixels in training and test, or in two "
        "classes: drop takes them from the training images.",
    )
    groups: Text | None = Field(
        None,
        description="Which images belong together and are never divided between parts: a pattern "
        "on file names, whose first parenthesis is the group; or the name of a column.",
    )
    test_fraction: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None,
        description="Share of the images that become the test part, 0.2 if left out; only where "
        "there is none.",
    )
    split_seed: Annotated[int, Field(ge=0, lt=2**31)] = Field(
        0, description="Decides which images are held out."
    )
    publish_images: bool = Field(
        True, description="false: no image, no live page and no weights in the report."
    )

    @property
    def kind(self) -> str:
        """Where the images come from: one of SOURCES."""
        return next(key for key in SOURCES if getattr(self, key) is not None)

    @property
    def place(self) -> str:
        """What the block says of where they are."""
        return getattr(self, self.kind)

    @field_validator("name")
    @classmethod
    def _is_no_other(cls, name: str) -> str:
        if name in DATASETS:
            raise ValueError(f"{name} is a dataset that comes with cnn-study; choose another name")
        return name

    @field_validator("classes", mode="before")
    @classmethod
    def _are_names(cls, classes: object) -> object:
        if classes is None:
            return None
        given = [*classes] if isinstance(classes, dict | list) else [classes]
        names = given + (list(classes.values()) if isinstance(classes, dict) else [])
        others = [name for name in names if not isinstance(name, str)]
        if others or isinstance(classes, str):
            raise ValueError(
                f"not allowed is {first_of(map(repr, others or [classes]))}. Give a list such as "
                "[cat, dog], or a mapping of each to the name that the report shows, such as "
                "{cat: Cats, dog: Dogs}; numbers in quotes, as in ['0', '1']"
            )
        return classes

    @field_validator("classes")
    @classmethod
    def _are_several(cls, classes: list[str] | dict[str, str] | None) -> object:
        if classes is None:
            return None
        shown = list(classes.values()) if isinstance(classes, dict) else classes
        if twice := [name for name, count in Counter(shown).items() if count > 1]:
            raise ValueError(f"{', '.join(twice)}: given twice")
        if not 2 <= len(shown) <= 1000:
            raise ValueError(f"{len(shown)} given; allowed are 2 to 1,000 classes")
        return classes

    @model_validator(mode="after")
    def _is_of_one_piece(self) -> "DatasetBlock":
        for fault in faults_between(self.model_dump()):
            raise ValueError(fault)
        return self


def faults_between(given: Mapping[str, object]) -> Iterator[str]:
    """Say which rules between keys of a block are broken, whatever else is wrong with it."""
    named = [key for key in SOURCES if given.get(key) is not None]
    if len(named) != 1:
        said = ", ".join(named) or "none"
        yield f"exactly one of {', '.join(SOURCES)} is to be given, not {said}"
    if named == ["folder"] and isinstance(given.get("groups"), str):
        yield from _pattern_faults(str(given["groups"]))


def _pattern_faults(groups: str) -> Iterator[str]:
    """Say what is wrong with a pattern on file names."""
    try:
        pattern = re.compile(groups)
    except re.error as error:
        yield f"groups: {groups!r} is no regular expression: {error}"
        return
    if pattern.groups < 1:
        yield (
            f"groups: {groups!r} has no parentheses; the first pair of them is the group, as in "
            r"^(patient\d+)_"
        )
