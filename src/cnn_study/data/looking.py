"""Looking at images of one's own: read, divided, and what was met on the way."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import PIL
from PIL import features

from cnn_study.base.errors import UserError
from cnn_study.base.words import first_of, plural
from cnn_study.data import manifest
from cnn_study.data.audit import Audit, Groups, Originals, SameImages, Spread
from cnn_study.data.block import LEAST_SIDE, MOST_SIDE, DatasetBlock
from cnn_study.data.division import choose_test, deal, join_units
from cnn_study.data.duplicates import Sets, across, equal_sets, near_sets, sets_of, too_alike
from cnn_study.data.images import Images, content_digest
from cnn_study.data.listing import (
    Listing,
    list_items,
    of_classes,
    spelled_alike,
    unreadable_in_words,
)
from cnn_study.data.manifest import KEY_DIGITS, PIXEL_DIGITS, Manifest
from cnn_study.data.pictures import ENDINGS, ending
from cnn_study.data.pixels import Pixels, in_words, read_all

TEST_FRACTION = 0.2
"""Where a study names none, and nobody has set a test part aside."""

CODECS = {
    "libjpeg-turbo": "libjpeg_turbo",
    "WebP": "webp",
    "AVIF": "avif",
    "libtiff": "libtiff",
    "OpenJPEG": "jpg_2000",
}
"""What decodes images behind Pillow, and how Pillow calls it."""


@dataclass(frozen=True)
class Looked:
    """What came of looking at a study's images."""

    manifest: Manifest
    images: Images


def list_whole(block: DatasetBlock, study: Path) -> Listing:
    """List a study's images.

    Raises:
        UserError: they are not there, or in no order that can be understood; tells all of it.
    """
    listing = list_items(block, study.parent)
    if listing.faults:
        read = read_all(listing.items, None)  # so that all that is wrong is told at once
        _refuse(listing.faults, block, listing, [*listing.unreadable, *read.unreadable], study)
    return listing


def listing_digest(listing: Listing) -> str:
    """Hash what is there, in any order and under any name.

    Of each image its key, class, part and group; of a file that cannot be opened, why not. Files
    that are left aside are none of it: systems leave such (Thumbs.db) behind wherever they look.
    """
    items = (
        "\t".join((item.key, item.label, item.part or "", item.group or ""))
        for item in listing.items
    )
    lines = sorted(f"{line}\n" for line in (*items, *(why for _, why in listing.unreadable)))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def look(block: DatasetBlock, listing: Listing, study: Path) -> Looked:
    """Read all images that are listed, divide them, and say what was met.

    Raises:
        UserError: something is wrong with them; tells all of it.
    """
    size = (block.image_size[0], block.image_size[1]) if block.image_size else None
    read = read_all(listing.items, size, block.resize, block.channels, block.transparency)
    listing.let_go()  # so that of images in an array two copies are held at most, not three
    unreadable = [*listing.unreadable, *read.unreadable]
    if sizes := [*_sizes(read)]:
        _refuse(sizes, block, listing, unreadable, study)
    collection = _Collection(block, listing, read)
    _refuse([*collection.faults()], block, listing, unreadable, study)
    images, parts = collection.divided()
    facts = Manifest(
        format=1,
        options=manifest.options_of(block),
        versions=versions(),
        listing=listing_digest(listing),
        left_out=collection.left_out(),
        class_names=listing.labels,
        image_shape=images.training_images.shape[1:],
        digest=content_digest(images),
        training=parts[0],
        test=parts[1],
        audit=collection.audit(unreadable),
    )
    return Looked(facts, images)


def versions() -> dict[str, str]:
    """Name what decodes image files here: other versions may give other pixels."""
    known = {name: features.version(codec) for name, codec in CODECS.items()}
    return {"Pillow": PIL.__version__} | {name: known[name] or "" for name in known if known[name]}


# ------------------------------------------------------------------------------- what is wrong


def _refuse(
    faults: Sequence[str],
    block: DatasetBlock,
    listing: Listing,
    unreadable: Sequence[tuple[str, str]],
    study: Path,
) -> None:
    """Refuse a study's images for all that is wrong with them, beside files that cannot be read.

    Raises:
        UserError: something is; the study does not skip such files, or something else is wrong too.
    """
    refuses = block.unreadable == "refuse"
    of = len(listing.items) + len(listing.unreadable)
    said = unreadable_in_words(block, unreadable, of) if unreadable else ""
    all_faults = list(faults)
    if said and refuses:
        all_faults.insert(0, f"{said}. Repair or remove them, or say unreadable: skip")
    if all_faults:
        lines = [f"the images of {study} cannot be used:", *(f"  {fault}" for fault in all_faults)]
        if said and not refuses:
            lines.append(f"That is without those skipped, as the study says: {said}.")
        raise UserError("\n".join(lines))


def _sizes(read: Pixels) -> Iterator[str]:
    """Say that the images have no size in common, or none that is allowed."""
    if not len(read.places):
        yield "none of the images can be read"
    elif read.images is None:
        yield (
            f"images have {len(np.unique(read.sizes, axis=0)):,} sizes, {in_words(read.sizes)}: "
            "give image_size, to which they are brought"
        )
    elif not all(LEAST_SIDE <= side <= MOST_SIDE for side in read.images.shape[1:3]):
        yield (
            f"images have {_size(read.images.shape[1:3])} pixels (height × width), and "
            f"{LEAST_SIDE} to {MOST_SIDE} are allowed: give image_size"
        )


def _size(sides: Iterable[int]) -> str:
    return "×".join(map(str, sides))


# ------------------------------------------------------------------------------- what is taken


class _Collection:
    """The images that were read, and what becomes of each.

    Attributes:
        pixels: (n, height, width, channels) uint8.
        labels: (n,) places of their classes.
        equal: sets of places with equal pixels.
        taken: (n,) False for those left out on account of images with equal pixels.
    """

    def __init__(self, block: DatasetBlock, listing: Listing, read: Pixels) -> None:
        self.block, self.listing, self.read = block, listing, read
        self.items = [listing.items[place] for place in read.places]
        self.pixels = np.empty(0) if read.images is None else read.images
        place_of = {label: place for place, label in enumerate(listing.labels)}
        self.labels = np.array([place_of[item.label] for item in self.items])
        self.equal = equal_sets(self.pixels)
        self.taken = np.ones(len(self.items), dtype=bool)
        if block.same_image == "drop":
            self._drop()

    @cached_property
    def _given_test(self) -> np.ndarray:
        """Of which images somebody said that they are the test part."""
        return np.array([item.part == "test" for item in self.items])

    def _contradicting(self) -> Sets:
        """List the sets of equal images that stand in both parts, or in two classes."""
        return across(self.equal, list(zip(self.labels, self._given_test, strict=True)))

    def _drop(self) -> None:
        """Take from the training images what stands in the test part too, or in two classes."""
        for places in self._contradicting():
            self.taken[places[~self._given_test[places]]] = False

    def faults(self) -> Iterator[str]:
        """Say what must be set right before the images can be used."""
        contradicting = self._contradicting()
        if contradicting and self.block.same_image == "refuse":
            sets = [" = ".join(self.items[place].name for place in each) for each in contradicting]
            yield (
                f"{plural(len(sets), 'set')} of equal images in training and test, or in two "
                f"classes: {first_of(sets)}. Keep one of each, or say same_image: keep or drop"
            )
        if self.block.test_fraction is not None and self._given_test.any():
            yield (
                "test_fraction is for images without a test part, and these have one. Take the "
                "line out; or divide anew: put the images of both parts together"
            )
        yield from self._faults_of_classes()

    def _faults_of_classes(self) -> Iterator[str]:
        left = self.labels[self.taken & ~self._is_test]
        counts = np.bincount(left, minlength=len(self.listing.labels))
        without = [self.listing.labels[place] for place in np.flatnonzero(counts == 0)]
        if not without:
            return
        it = "it" if len(without) == 1 else "them"
        yield (
            f"{of_classes(without, 'has', 'have')} no image left to train on: give {it} more, of "
            f"several groups if all are of one, or leave {it} out of classes"
        )
        if alike := spelled_alike(self.listing.labels):
            yield alike

    # --------------------------------------------------------------------------- parts

    @cached_property
    def _alike(self) -> tuple[Sets, str]:
        """Sets of images that are nearly the same; and why they were not looked for, if so."""
        sets, reason = near_sets(self.pixels, self.labels)
        grouped, joined = (sets_of(self._joined(each)) for each in ([], sets))
        if not reason and not too_alike(grouped, self.labels):
            reason = too_alike(joined, self.labels)  # by way of groups that have images of several
        return (self.equal if reason else sets), reason

    @cached_property
    def _units(self) -> np.ndarray:
        """(n,) the number of each image's unit, in no order."""
        return self._joined(self._alike[0])

    def _joined(self, alike: Sets) -> np.ndarray:
        """Number the units that groups and sets of images make, (n,)."""
        return join_units([item.group for item in self.items], alike)

    def _dealt(self, chosen: np.ndarray) -> np.ndarray:
        """Number the units of chosen images in the order in which they are dealt out."""
        keys = [self.items[place].key for place in chosen]
        return deal(self.labels[chosen], keys, self._units[chosen], self.block.split_seed)

    @cached_property
    def _is_test(self) -> np.ndarray:
        """(n,) whether an image is of the test part: as was said, or else by its content."""
        if self._given_test.any():
            return self._given_test & self.taken
        chosen = np.flatnonzero(self.taken)
        is_test = np.zeros(len(self.items), dtype=bool)
        if len(chosen):
            fraction = self.block.test_fraction or TEST_FRACTION
            is_test[chosen] = choose_test(self.labels[chosen], self._dealt(chosen), fraction)
        return is_test

    def divided(self) -> tuple[Images, tuple[manifest.Part, manifest.Part]]:
        """Give the arrays, each part in the order of its keys, and what is written down of them."""
        training = self._by_key(np.flatnonzero(self.taken & ~self._is_test))
        test = self._by_key(np.flatnonzero(self.taken & self._is_test))
        units = self._dealt(training)
        kind = "uint8" if len(self.listing.labels) <= 256 else "uint16"
        images = Images(
            self.pixels[training],
            self.labels[training].astype(kind),
            self.pixels[test],
            self.labels[test].astype(kind),
            units,
        )
        return images, (
            self._part(training, units.tolist()),
            self._part(test, self._units_of_several(test)),
        )

    def _units_of_several(self, chosen: np.ndarray) -> list[int]:
        """Number the units of chosen images; not at all where each image stands for itself."""
        units = self._dealt(chosen).tolist()
        return units if len(set(units)) < len(units) else []

    def _by_key(self, places: np.ndarray) -> np.ndarray:
        return np.array(sorted(places, key=lambda place: self.items[place].key), dtype=int)

    def _part(self, places: np.ndarray, units: list[int]) -> manifest.Part:
        return manifest.Part(
            keys=[self.items[place].key[:KEY_DIGITS] for place in places],
            pixels=[
                hashlib.sha256(self.pixels[place].tobytes()).hexdigest()[:PIXEL_DIGITS]
                for place in places
            ],
            classes=self.labels[places].tolist(),
            units=units,
        )

    def left_out(self) -> list[str]:
        """Give the keys of what is listed and in no part."""
        read = set(self.read.places.tolist())
        unread = [item.key for place, item in enumerate(self.listing.items) if place not in read]
        dropped = [self.items[place].key for place in np.flatnonzero(~self.taken)]
        return sorted(key[:KEY_DIGITS] for key in (*unread, *dropped))

    # --------------------------------------------------------------------------- what was met

    def audit(self, unreadable: Sequence[tuple[str, str]]) -> Audit:
        """Count what was met; names no file."""
        notes = self.read.notes
        groups = Counter(item.group for item in self.items if item.group is not None)
        alike, reason = self._alike
        return Audit(
            files=len(self.items) + len(unreadable),
            skipped=dict(Counter(reason for _, reason in unreadable)),
            ignored=dict(self.listing.ignored),
            animations=notes["animation"],
            pages=notes["pages"],
            sixteen_bit=notes["16 bit"],
            misnamed=notes["wrong ending"],
            turned=notes["turned"],
            transparent=notes["transparent"],
            originals=self._originals(),
            same_images=self._same_images(),
            near_duplicates=None if reason else self._near_duplicates(alike),
            not_compared=reason,
            groups=_groups(groups.values()) if groups else None,
        )

    def _near_duplicates(self, alike: Sets) -> Groups:
        taken = [places[self.taken[places]] for places in alike]
        counts = {
            "divided": len(across(taken, self._is_test)),
            "across_classes": len(across(taken, self.labels)),
        }
        return _groups(map(len, taken)).model_copy(update=counts)

    def _originals(self) -> Originals:
        heights, widths = self.read.sizes.T
        kinds = Counter(ENDINGS.get(ending(item.name), "") for item in self.items)
        return Originals(
            sizes=len(np.unique(self.read.sizes, axis=0)),
            heights=_spread(heights),
            widths=_spread(widths),
            enlarged=self.read.enlarged,
            resize=self.block.resize if self._has_other_proportions() else "",
            kinds={kind: count for kind, count in kinds.items() if kind},
        )

    def _has_other_proportions(self) -> bool:
        heights, widths = self.read.sizes.T
        height, width = self.pixels.shape[1:3]
        return bool((heights * width != widths * height).any())

    def _same_images(self) -> SameImages:
        return SameImages(
            sets=len(self.equal),
            images=sum(map(len, self.equal)),
            across_parts=len(across(self.equal, self._is_test)),
            across_classes=len(across(self.equal, self.labels)),
            dropped=int((~self.taken).sum()),
        )


def _spread(sides: np.ndarray) -> Spread:
    return Spread(
        smallest=int(sides.min()), median=float(np.median(sides)), largest=int(sides.max())
    )


def _groups(sizes: Iterable[int]) -> Groups:
    """Count groups of two images or more."""
    several = [size for size in sizes if size > 1]
    return Groups(groups=len(several), images=sum(several), largest=max(several, default=0))
