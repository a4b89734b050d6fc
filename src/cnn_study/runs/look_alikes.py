"""Test images that resemble a training image, and test images that every seed misreads: kept.

Tables, figures and text read it, so this knows neither the dataset nor how it was searched. The
module `inspection.look_alikes` makes what is read here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from cnn_study.base.errors import UserError
from cnn_study.base.fingerprints import hash_meaning
from cnn_study.runs import sealed
from cnn_study.runs.records import Part
from cnn_study.runs.sealed import Sealed
from cnn_study.study.model import Study

LOOK_ALIKES_VERSION = 1
"""Raised by one when the same images would be searched in another way."""

WITHIN_VERSION = 1
"""Raised by one when other near-duplicates within a part would be kept to be shown."""


class Pair(Part):
    """A test image and the training image that resembles it most."""

    test_index: int = Field(description="Place in the test set, from 0.")
    test_class: int = Field(description="What the test image shows.")
    training_index: int = Field(description="Place in the whole training set, from 0.")
    training_class: int = Field(description="What the training image shows.")
    different_bits: int = Field(description="Bits in which their perceptual hashes differ.")
    correlation: float = Field(description="Pearson's correlation of their pixels.")


class Within(Part):
    """Two images of one part that are nearly the same."""

    part: Literal["training", "test"] = Field(description="In which both stand.")
    indices: tuple[int, int] = Field(description="Their places in it, from 0.")
    classes: tuple[int, int] = Field(description="What they show.")
    correlation: float = Field(description="Pearson's correlation of their pixels.")


class Misread(Part):
    """A test image that all runs of an experiment call the same, and not what its label says."""

    test_index: int = Field(description="Place in the test set, from 0.")
    true_class: int = Field(description="What its label says.")
    predicted_class: int = Field(description="What every run says.")
    probability: float = Field(description="Mean of what the runs give that answer, 0 to 1.")


class MisreadBy(Part):
    """The images that one experiment misreads with every seed, of which some are kept."""

    experiment: str = Field(description="Id that it had: then the best on the validation images.")
    fingerprint: str = Field(description="That of its settings; finds it under a new id.")
    seeds: list[int] = Field(description="Seeds of the runs that agree.")
    images: int = Field(description="How many test images all of them misread alike.")
    shown: list[Misread] = Field(
        description="Those that they are surest of, the surest first. Their images: array "
        "misread_images."
    )


class LookAlikeFacts(Sealed):
    """What was seen."""

    format: Literal[1] = Field(description="Version of this format.")
    look_alikes_version: int = Field(description="Version of what searching means.")
    fingerprint: str = Field(description="Hash of that and of the dataset; the file's name.")
    dataset: str = Field(description="sha256 of the dataset's content.")
    test_images: int = Field(description="Test images that were searched for.")
    training_images: int = Field(description="Training images that were searched among.")
    hash_bits: int = Field(description="Bits of a perceptual hash.")
    most_different_bits: int = Field(description="In so many bits the hashes of a pair differ.")
    least_correlation: float = Field(description="From here on the pixels of a pair correlate.")
    reason: str = Field(description="Why nothing was searched; empty where it was.")
    pairs: list[Pair] = Field(description="One for each look-alike, the most alike first.")
    shown_pairs: list[int] = Field(
        description="Places in `pairs`, from 0, of those whose images are kept, spread evenly over "
        "them: array pairs_images."
    )
    within: list[Within] = Field(
        [],
        description="Of images of the study's own, two of some sets of near-duplicates, those of "
        "two classes first. Their images: array within_images.",
    )
    misread: MisreadBy | None = Field(description="null where no experiment had two runs.")
    arrays_file: str = Field(description="File beside this one, with the images.")
    arrays_sha256: str = Field(description="sha256 of that file.")


@dataclass(frozen=True)
class LookAlikes:
    """What was seen, as it was read.

    Attributes:
        path: of the facts.
        arrays: by name; with h, w and c for an image's height, width and channels:
            pairs_images (pairs, 2, h, w, c) uint8, test image and training image;
            within_images (pairs, 2, h, w, c) uint8, not in files of before there were any;
            misread_images (images, h, w, c) uint8.
    """

    path: Path
    facts: LookAlikeFacts
    arrays: Mapping[str, np.ndarray]


def place(study: Study, results: Path) -> Path:
    """Name the facts after all that decides which images look alike: dataset and method."""
    meaning: dict[str, object] = {
        "look_alikes_version": LOOK_ALIKES_VERSION,
        "dataset": study.dataset.digest,
    }
    if not study.dataset.publish_images:
        meaning["images"] = False
    elif shows_within(study):  # so that facts of before any were kept are not taken for these
        meaning["within_version"] = WITHIN_VERSION
    return results / "look-alikes" / f"{hash_meaning(meaning)}.json"


def shows_within(study: Study) -> bool:
    """Tell whether near-duplicates within a part are to be shown: of images of one's own."""
    audit = study.dataset.audit
    return study.dataset.publish_images and bool(audit and audit.has_near_duplicates_within)


def find(study: Study, results: Path) -> Path | None:
    """Find the facts; None if nobody has searched."""
    path = place(study, results)
    return path if path.exists() else None


def read_facts(path: Path) -> LookAlikeFacts:
    """Read the facts alone.

    Raises:
        UserError: they are damaged; names the file and what to do.
    """
    return sealed.read(path, LookAlikeFacts, _damaged)


def read(path: Path) -> LookAlikes:
    """Read facts and images, the images checked.

    Raises:
        UserError: a file is damaged; names it and what to do.
    """
    facts = read_facts(path)
    arrays = sealed.read_arrays(path, facts.arrays_file, facts.arrays_sha256, _damaged)
    return LookAlikes(path, facts, arrays)


def _damaged(file: Path, fault: str) -> UserError:
    facts = file.with_suffix(".json")
    return UserError(
        f"{file} is not whole: {fault}. Delete {facts}; the workflow, or "
        "`python -m cnn_study look-alikes STUDY`, then makes it again from the dataset."
    )
