"""Which images a study of one's own is about, without the images: a file beside the study, kept.

It says what was read, by keys that follow from the files' contents, how that was divided, and what
came out. A study is planned and its report made from it, on machines that have no images; and it
tells whether the images that are there are still these.
"""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal
from unicodedata import normalize

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cnn_study.base import files, readable_json
from cnn_study.base.errors import UserError, first_line
from cnn_study.base.fingerprints import hash_facts
from cnn_study.data.audit import Audit
from cnn_study.data.block import SOURCES, DatasetBlock, Side
from cnn_study.data.catalog import Dataset

FORMAT = 1
MOST_BYTES = 2**28
KEY_DIGITS = 16
"""Of an image's key, hexadecimal: 64 bits, so that a million images hardly ever share one."""
PIXEL_DIGITS = 8

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
TEXTS = {"title", "source", "description", "publish_images", "name", *SOURCES}
"""What a block may say otherwise, and its images are the same."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Part(_Strict):
    """The images of one part, in their order, image by image."""

    keys: list[str] = Field(
        description=f"First {KEY_DIGITS} digits of the sha256 of the file's bytes; of a row of an "
        "array, of its shape and bytes. Ascending."
    )
    pixels: list[str] = Field(
        description=f"First {PIXEL_DIGITS} digits of the sha256 of the pixels that came out."
    )
    classes: list[int] = Field(description="Place of its class in class_names, from 0.")
    units: list[int] = Field(
        description="Number of the unit that is never divided, in the order in which units are "
        "held out for validation; of test images only where a unit has several."
    )

    @model_validator(mode="after")
    def _is_of_one_length(self) -> "Part":
        lengths = {len(self.keys), len(self.pixels), len(self.classes)}
        if len(lengths) > 1 or len(self.units) not in (0, len(self.keys)):
            raise ValueError("its lists have different lengths")
        if self.units and set(self.units) != set(range(max(self.units) + 1)):
            raise ValueError("its units are not numbered 0, 1, 2 and so on")
        return self


class Manifest(_Strict):
    """What is known of a study's own images."""

    format: Literal[1]
    options: dict[str, Any] = Field(
        description="The keys of the block that decide what comes out, without those at default."
    )
    versions: dict[str, str] = Field(description="What decoded the files.")
    listing: Digest = Field(
        description="sha256 of what was there: key, class, part and group of each file; of files "
        "that cannot be opened, why not."
    )
    left_out: list[str] = Field(
        description="Keys of what was there and is in no part: not readable, of no class that the "
        "study names, or taken from the training images."
    )
    class_names: list[str] = Field(description="As the files name them, in their order.")
    image_shape: tuple[Side, Side, Literal[1, 3]] = Field(description="Height, width, channels.")
    digest: Digest = Field(description="sha256 of the arrays, their shapes and their parts.")
    training: Part
    test: Part
    audit: Audit
    facts_sha256: Digest | None = Field(
        None,
        description="sha256 of everything else in this file, as JSON with sorted keys and no "
        "spaces.",
    )

    @model_validator(mode="after")
    def _is_of_one_piece(self) -> "Manifest":
        classes = {*self.training.classes, *self.test.classes}
        if classes - set(range(len(self.class_names))):
            raise ValueError("there are images of classes that have no name")
        if len(self.training.units) != len(self.training.keys):
            raise ValueError("the training images have units")
        return self

    def keys(self) -> Counter[str]:
        """Count what was there by its key."""
        return Counter([*self.training.keys, *self.test.keys, *self.left_out])

    def pixels(self) -> dict[str, str]:
        """Give the pixels that came out of each key, by their digest."""
        parts = (self.training, self.test)
        return {
            key: pixels
            for part in parts
            for key, pixels in zip(part.keys, part.pixels, strict=True)
        }


def place(study: Path) -> Path:
    """Name the manifest of a study's images: it lies beside the study file."""
    return study.with_suffix(".data.json")


def options_of(block: DatasetBlock) -> dict[str, Any]:
    """Take from a block what decides which pixels and labels come out.

    Names that the report shows instead of the files' are no part of it.
    """
    options = block.model_dump(exclude_defaults=True, exclude=TEXTS)
    if isinstance(options.get("classes"), dict):
        options["classes"] = list(options["classes"])
    return {"from": block.kind, **options}


def differing_options(block: DatasetBlock, manifest: Manifest) -> list[str]:
    """Name the keys of a block that are not as they were when its images were read."""
    ours, theirs = options_of(block), manifest.options
    return [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]


def is_of(block: DatasetBlock, dataset: Dataset, path: Path) -> bool:
    """Tell whether a manifest is there that says of images what is known of them now."""
    if not path.exists():
        return False
    written = read(path)
    return (
        written.digest == dataset.digest
        and written.listing == dataset.listing
        and not differing_options(block, written)
    )


def read(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        UserError: it is not there, or not whole; says what to do.
    """
    try:
        text = files.read_text(path, MOST_BYTES)
        facts = json.loads(text)
        if isinstance(facts, dict) and facts.get("format", 0) not in (0, FORMAT):
            raise UserError(f"{path} was made by a newer version of cnn-study: update it.")
        manifest = Manifest.model_validate_json(text, strict=True)
        if facts.pop("facts_sha256", None) != hash_facts(facts):
            raise ValueError("it was changed after it was made: its own digest is of other facts")
        return manifest
    except (ValidationError, ValueError, RecursionError) as error:
        raise UserError(
            f"{path} is not a whole list of a study's images: {first_line(error)}. Get it back, "
            "with git say; or delete it, and the workflow makes it again from the images."
        ) from None


def write(path: Path, manifest: Manifest) -> None:
    """Write a manifest, whole or not at all."""
    facts = manifest.model_dump(mode="json", exclude={"facts_sha256"})
    text = readable_json.text({**facts, "facts_sha256": hash_facts(facts)})
    files.write_whole(path, lambda file: file.write(text.encode()))


def dataset_of(block: DatasetBlock, manifest: Manifest) -> Dataset:
    """Say what is known of the images: what the block tells of them, and what was read."""
    given = block.classes if isinstance(block.classes, dict) else {}
    shown = {normalize("NFC", name): normalize("NFC", title) for name, title in given.items()}
    training, test = manifest.training, manifest.test
    order = sorted(range(len(training.units)), key=lambda image: training.units[image])
    counts = Counter(training.units)
    return Dataset(
        name=block.name,
        title=block.title,
        class_names=tuple(shown.get(name, name) for name in manifest.class_names),
        image_shape=manifest.image_shape,
        training_images=len(training.keys),
        test_images=len(test.keys),
        digest=manifest.digest,
        listing=manifest.listing,
        source=block.source,
        reader="",
        description=block.description,
        publish_images=block.publish_images,
        training_counts=_per_class(training.classes, len(manifest.class_names)),
        test_counts=_per_class(test.classes, len(manifest.class_names)),
        units=tuple(counts[unit] for unit in sorted(counts)),
        unit_classes=tuple(training.classes[image] for image in order),
        test_units=tuple(test.units),
        test_classes=tuple(test.classes),
        training_keys=tuple(training.keys),
        test_keys=tuple(test.keys),
        audit=manifest.audit,
    )


def _per_class(classes: Iterable[int], number: int) -> tuple[int, ...]:
    """Count the images of each class."""
    counts = Counter(classes)
    return tuple(counts[place] for place in range(number))
