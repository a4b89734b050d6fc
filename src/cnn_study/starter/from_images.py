"""A study for images that nobody has studied: looked at, and a start that fits them."""

import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from string import Template

import numpy as np
from pydantic import ValidationError

from cnn_study.base.errors import UserError
from cnn_study.base.words import first_of
from cnn_study.base.words import listing as listing_of
from cnn_study.data.audit import kinds
from cnn_study.data.block import LEAST_SIDE, MOST_SIDE, UNSAID, DatasetBlock
from cnn_study.data.listing import (
    PACKED,
    Item,
    Listing,
    called,
    list_items,
    spelled_alike,
    unreadable_in_words,
)
from cnn_study.data.pictures import ENDINGS, ending
from cnn_study.data.pixels import Pixels, in_words, read_all
from cnn_study.study.faults import wording

KINDS = {".npz": "arrays", ".csv": "table", ".tsv": "table", ".parquet": "parquet"}
"""Which key of the block a file belongs to, by its ending; a folder is `folder`."""

SAMPLE = 20_000
"""Images at most that are read to learn their sizes."""

SIDES = (128, 96, 64, 48, 32)
"""To which images of many sizes may be brought, in pixels; smaller ones to their own size."""

MOST_PIXELS = 700 * 64**2
"""Over all images: more train for more than some ten seconds a run on one core."""

STEPS = 800
"""Of training, about: enough for a first answer; the report says what longer training would do."""

UNEVEN = 2
"""Times as large as the smallest class the largest may be, and accuracy is a fair measure."""

ACCURACY = "# metric: balanced_accuracy         # for classes of different sizes"
BALANCED = "metric: balanced_accuracy           # every class counts as much: their sizes differ"

LEARNING_RATE = """\
  learning-rate:
    title: Learning rate
    question: Does the size of the steps matter?
    hypothesis: It does, more than most of what is built into a network.
    changes:
      rate-0-0003: {learning_rate: 0.0003}
      rate-0-003: {learning_rate: 0.003}"""
CLASS_WEIGHT = """\
  class-weight:
    title: Class weights
    question: Does it help to give images of small classes more weight?
    hypothesis: It does, by balanced accuracy, and costs accuracy in the large classes.
    changes:
      balanced: {class_weight: balanced}
      balanced-flip-and-shift: {class_weight: balanced, horizontal_flip: true, shift: $shift}"""
"""What is asked last: of classes of much the same size, and of others."""

LEAST_GROUPS = 5
"""Of fewer it is more likely that names begin alike for another reason."""

LEAST_SHARE = 0.2
"""Of the images, in groups of several: most patients of a collection may have one image each."""

MANY_PIXELS = 40
"""From this side on there is a fourth convolution, for a larger receptive field."""


@dataclass(frozen=True)
class Start:
    """What a study of images begins with.

    Attributes:
        values: of the placeholders of `images.yaml`.
        lines: what there is to know, for a person.
    """

    values: dict[str, str]
    lines: list[str] = field(default_factory=list)


def look(place: Path, study: Path, name: str) -> Start:
    """Look at images, and choose what a study of them begins with.

    Args:
        place: a folder, an .npz file, a CSV, or a pattern of Parquet files.
        study: the folder of the study file, from which the images are to be named.
        name: of the study.

    Raises:
        UserError: there is nothing that could be studied; says what to do.
    """
    kind = _kind_of(place)
    unsaid = dict.fromkeys(("title", "source", "description"), UNSAID)
    where = str(place.expanduser().absolute())
    try:
        block = DatasetBlock.model_validate({"name": name, **unsaid, kind: where})
    except ValidationError as error:
        raise UserError(f"{name}: {wording(error.errors()[0])}. Choose another name.") from None
    listing = list_items(block, Path())
    step = -(-len(listing.items) // SAMPLE) or 1
    read = read_all(listing.items[::step], None)
    unreadable = _unreadable(block, listing, read, step)
    if listing.faults or not len(read.places):
        faults = [*filter(None, [unreadable]), *listing.faults]
        raise UserError("\n  ".join([f"no study can be made of {place}:", *faults]))
    options, lines = _options(block, listing, read, unreadable)
    if alike := spelled_alike(listing.labels):
        lines.append(alike)
    training = sum(item.part != "test" for item in listing.items)
    base = _base(int(_side(listing, read)[0]), training)
    uneven = _is_uneven(listing.items)
    if uneven:
        lines.append(
            "classes differ in size, so the study goes by balanced accuracy, in which each counts "
            "as much (metric)"
        )
    values = {
        "name": name, "unsaid": UNSAID, "kind": kind, "place": _named_from(place, study),
        "options": "\n".join(f"  {option}" for option in options) or "  # image_size: [64, 64]",
        "metric": BALANCED if uneven else ACCURACY,
        "last": Template(CLASS_WEIGHT if uneven else LEARNING_RATE).substitute(base), **base,
    }  # fmt: skip
    return Start(values, [_counts(block, listing, read), *lines])


def _kind_of(place: Path) -> str:
    """Tell which key of the block images belong under.

    Raises:
        UserError: a file of another kind.
    """
    if place.is_dir():
        return "parquet" if _is_packed(place) else "folder"
    kind = KINDS.get(place.suffix.lower())
    if kind is None and place.is_file():
        raise UserError(
            f"{place} is no file of images that is known here: give a folder, or a file ending in "
            f"{listing_of(KINDS, 'or')}."
        )
    return kind or "folder"


def _is_packed(folder: Path) -> bool:
    """Tell whether what is in a folder are files of Parquet, and no images."""
    packed = False
    for path in folder.rglob("*"):
        if ending(path.name) in ENDINGS:
            return False
        packed = packed or path.match(PACKED)
    return packed


def _unreadable(block: DatasetBlock, listing: Listing, read: Pixels, step: int) -> str:
    """Say which of the images that were looked at cannot be read; nothing if all can."""
    unreadable = [*listing.unreadable, *read.unreadable]
    if not unreadable:
        return ""
    of = len(listing.items[::step]) + len(listing.unreadable)
    sampled = f" (of every {step}th)" if step > 1 else ""
    return unreadable_in_words(block, unreadable, of) + sampled


def _named_from(place: Path, study: Path) -> str:
    """Name the images from the study file if they lie beside it, or else by their whole path."""
    whole = place.expanduser().absolute()
    whole = whole.resolve() if ".." in whole.parts else whole  # a link keeps its own name
    if whole.is_relative_to(study.absolute().parent):
        return json.dumps(os.path.relpath(whole, study.absolute()))
    home = Path.home()
    at_home = whole.is_relative_to(home) and home != Path("/")
    return json.dumps(f"~/{whole.relative_to(home)}" if at_home else str(whole))


# ------------------------------------------------------------------------------- what is said


def _counts(block: DatasetBlock, listing: Listing, read: Pixels) -> str:
    """Say how many images there are, of which classes and sizes."""
    by_class = Counter(item.label for item in listing.items)
    largest_first = sorted(listing.labels, key=lambda label: -by_class[label])
    named = first_of([f"{label} {by_class[label]:,}" for label in largest_first])
    parts = Counter(item.part for item in listing.items)
    given = "" if None in parts else f", {parts['test']:,} of them for testing"
    return (
        f"{len(listing.items):,} {called(block)} of {len(by_class):,} classes ({named}){given}; "
        f"images are {in_words(read.sizes)}"
    )


def _options(
    block: DatasetBlock, listing: Listing, read: Pixels, unreadable: str
) -> tuple[list[str], list[str]]:
    """Choose the options of the block that the images ask for, and say why."""
    options, lines = [], []
    side, differ = _side(listing, read)
    if differ:
        options.append(f"image_size: [{side}, {side}]              # height and width, in pixels")
        lines.append(f"they are brought to {side}×{side} pixels, cut to a square (image_size)")
    if unreadable:
        options.append("unreadable: skip                  # refuse, once they are repaired")
        lines.append(f"{unreadable}; they are skipped (unreadable)")
    if same := _contradicting(listing.items):
        options.append("same_image: drop                  # from the training images")
        lines.append(
            "equal images in two classes, or in training and test, which are taken from the "
            f"training images: {first_of(same)}"
        )
    named = [item for item in listing.items if called(block) == "files" and item.group is None]
    if pattern := suggest_groups(named):
        options.append(f"# groups: {json.dumps(pattern[0])}")
        lines.append(
            f"names begin alike, such as {pattern[1]}: if these are images of one thing or person, "
            f"take the # from groups in the study, so that none stands in two parts"
        )
    if listing.ignored:
        left_aside = kinds(dict(listing.ignored.most_common()))
        lines.append(f"left aside: {first_of(left_aside)}")
    if listing.unread:
        lines.append(
            f"not read: {_columns(listing.unread)}. One that says to which part an image belongs "
            "is to be called part; one that says which images belong together is named by groups"
        )
    return options, lines


def _columns(names: list[str]) -> str:
    return f"column{'s' * (len(names) > 1)} {first_of(names)}"


def _is_uneven(items: Iterable[Item]) -> bool:
    sizes = Counter(item.label for item in items).values()
    return max(sizes) > UNEVEN * min(sizes)


def _side(listing: Listing, read: Pixels) -> tuple[int, bool]:
    """Choose to which side images are brought, and whether they have to be."""
    shorter = int(np.median(read.sizes.min(axis=1)))
    if read.images is not None and all(
        LEAST_SIDE <= side <= MOST_SIDE for side in read.images.shape[1:3]
    ):
        return shorter, False
    affordable = (MOST_PIXELS / len(listing.items)) ** 0.5
    fitting = [side for side in SIDES if side <= max(32, min(shorter, affordable))]
    if shorter >= SIDES[-1]:
        return max(fitting), True
    return max(LEAST_SIDE, shorter // 8 * 8), True


def _contradicting(items: Iterable[Item]) -> list[str]:
    """Name files that stand with the same content in two classes or in both parts."""
    places: dict[str, set[tuple[str, str | None]]] = defaultdict(set)
    names: dict[str, list[str]] = defaultdict(list)
    for item in items:
        places[item.key].add((item.label, item.part))
        names[item.key].append(item.name)
    return [" = ".join(names[key]) for key, where in places.items() if len(where) > 1]


def suggest_groups(items: Iterable[Item]) -> tuple[str, str] | None:
    """Guess from file names which images belong together.

    Returns:
        A pattern, and an example of what it takes for a group; None where names say nothing.
    """
    names = [PurePosixPath(item.name).stem for item in items]
    for pattern in (r"^([A-Za-z]+[-_ ]?\d+)[-_ ]", r"^(\d+)[-_ ]", r"^([^-_ ]+)[-_ ]"):
        groups = Counter(match[1] for name in names if (match := re.match(pattern, name)))
        several = {group: count for group, count in groups.items() if count > 1}
        if len(several) >= LEAST_GROUPS and sum(several.values()) > LEAST_SHARE * len(names):
            return pattern, max(several, key=lambda group: several[group])
    return None


# ------------------------------------------------------------------------------- the base


def _base(side: int, training: int) -> dict[str, str]:
    """Choose a network and a length of training for so many images of a size."""
    filters = [16, 32, 64, 64] if side >= MANY_PIXELS else [16, 32, 64]
    if side < 16:
        filters = filters[:2]
    epochs = min(30, max(5, round(STEPS * 32 / training)))
    return {
        "filters": str(filters),
        "narrow": str([number // 2 for number in filters]),
        "wide": str([number * 2 for number in filters]),
        "epochs": str(epochs),
        "shift": str(max(1, side // 8)),
    }
