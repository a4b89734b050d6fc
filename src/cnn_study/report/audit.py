"""The images themselves: how many each class has, and what was met while they were read."""

from dataclasses import dataclass
from types import SimpleNamespace

from cnn_study.data.audit import Audit
from cnn_study.data.catalog import MOST_CLASSES
from cnn_study.evidence.cells import Number, derived
from cnn_study.evidence.read import Tables
from cnn_study.study.model import Study

END_ROWS = 10
"""Classes at either end of a table, where there are more than `MOST_CLASSES`."""

FEW = 30
"""Test images of a class: with fewer, one image more or less is over three percentage points."""

UNEVEN = 2
"""Times as many images in the largest class as in the smallest: accuracy then hides the small."""


@dataclass(frozen=True)
class ClassSize:
    """How many images a class has."""

    name: str
    training: int
    test: int
    training_share: Number
    test_share: Number


@dataclass(frozen=True)
class Images:
    """What is known of a dataset's images.

    Attributes:
        sizes: of the classes, the one with the most images first; those that the table shows.
        hidden: classes that it does not show.
        uneven: whether a class has at least twice the test or training images of another.
        smallest: the class with the fewest training images.
        few: names of classes with fewer than 30 test images; untested, untrained: of those that
            have none of a kind.
        read: what was met while the images were read; None where this is not known.
    """

    sizes: list[ClassSize]
    hidden: int
    uneven: bool
    smallest: ClassSize
    few: list[str]
    untested: list[str]
    untrained: list[str]
    read: Audit | None

    least: int = FEW

    @property
    def skipped(self) -> int:
        """Count the files that could not be read."""
        return sum(self.read.skipped.values()) if self.read else 0


def images_of(study: Study, tables: Tables) -> Images:
    """Say how many images each class has, and what is known of them besides."""
    rows = [SimpleNamespace(**row) for row in tables.class_sizes]
    totals = [
        sum(getattr(row, part) for row in rows) for part in ("training_images", "test_images")
    ]
    sizes = [
        ClassSize(
            getattr(row, "class"),
            row.training_images,
            row.test_images,
            derived(row.training_images / totals[0], "share of", row.training_images),
            derived(row.test_images / totals[1], "share of", row.test_images),
        )
        for row in rows
    ]
    ordered = sorted(sizes, key=lambda size: -(size.training + size.test))
    shown = ordered if len(ordered) <= MOST_CLASSES else [*ordered[:END_ROWS], *ordered[-END_ROWS:]]
    return Images(
        sizes=shown,
        hidden=len(ordered) - len(shown),
        uneven=any(
            max(counts) >= UNEVEN * min(counts)
            for counts in (study.dataset.training_counts, study.dataset.test_counts)
        ),
        smallest=min(sizes, key=lambda size: size.training),
        few=[size.name for size in sizes if 0 < size.test < FEW],
        untested=[size.name for size in sizes if not size.test],
        untrained=[size.name for size in sizes if not size.training],
        read=study.dataset.audit,
    )
