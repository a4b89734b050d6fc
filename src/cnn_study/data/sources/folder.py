"""A folder with train/CLASS/… and test/CLASS/…, or with CLASS/… alone."""

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from cnn_study.base.words import first_of
from cnn_study.data import image_files
from cnn_study.data.block import DatasetBlock
from cnn_study.data.image_files import ImageFile
from cnn_study.data.listing import (
    PACKED,
    VALIDATION,
    VALIDATION_REMEDY,
    Groups,
    Listing,
    Part,
    check_names,
    in_order,
    part_named,
    place_of,
    shown,
)
from cnn_study.data.pictures import ENDINGS, ending

SYSTEM = ("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "@eadir", "$recycle.bin")
"""What systems leave in folders without a point before its name, in small letters."""

USUAL_ENDING = re.compile("(?=.*[a-z])[a-z0-9]{1,5}")
"""What tells a kind of file; anything else may be a part of its name, and that of a person."""

Entry = tuple[str, str]
"""The name of a file or folder as it is shown, relative to the folder of the study's images, and
its path."""


def list_images(block: DatasetBlock, folder_of_study: Path) -> Listing:
    """List the images of a folder of classes, whatever else is in it."""
    listing = Listing()
    place = place_of(block, folder_of_study)
    if not place.is_dir():
        kind = "is no folder" if os.path.lexists(place) else "is not there"
        listing.faults.append(f"folder: {place} {kind}")
        return listing
    tree = _Tree(os.path.realpath(place), listing)
    classes = _classes(tree)
    groups = Groups(block.groups, (), listing)
    files = [
        ImageFile(path, name, label, part, groups.of({}, name))
        for part, label, folder in classes
        for name, path in tree.images_below(folder)
    ]
    if tree.loose:
        which = "1 image lies" if len(tree.loose) == 1 else f"{len(tree.loose):,} images lie"
        listing.faults.append(
            f"{which} in no class folder: {first_of(tree.loose)}. Move each into the folder of its "
            "class, or name files and classes in a table"
        )
    if not files and any(place.rglob(PACKED)):
        listing.faults.append(
            f"folder: {place} holds no images, but files that hold images themselves: name it "
            "under parquet, and not under folder"
        )
    check_names([file.name for file in files], listing)
    listing.labels = in_order({label for _, label, _ in classes})
    image_files.add(files, listing)
    return listing


class _Tree:
    """What is below a folder.

    Attributes:
        root: the folder itself, behind all links.
        loose: names of images that lie where classes should.
    """

    def __init__(self, root: str, listing: Listing) -> None:
        self.root = root
        self.listing = listing
        self.loose: list[str] = []

    def folders(self, folder: Entry) -> list[Entry]:
        """List the folders in a folder, in which there should be nothing else."""
        folders, images = self._look(folder)
        self.loose += [name for name, _ in images]
        check_names([name for name, _ in folders], self.listing)
        return folders

    def images_below(self, folder: Entry) -> Iterator[Entry]:
        """List the images of a class, however deep; each folder once, whatever links lead to it."""
        waiting, seen = [folder], {os.path.realpath(folder[1])}
        while waiting:
            folders, images = self._look(waiting.pop())
            yield from images
            for below in folders:
                real = os.path.realpath(below[1])
                if real in seen:
                    self.listing.ignored["links to folders that are read already"] += 1
                else:
                    seen.add(real)
                    waiting.append(below)

    def _look(self, folder: Entry) -> tuple[list[Entry], list[Entry]]:
        """List folders and images in a folder, and count what is neither."""
        folders: list[Entry] = []
        images: list[Entry] = []
        try:
            with os.scandir(folder[1]) as entries:
                there = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self.listing.unreadable.append((folder[0], _reason(error)))
            return [], []
        for entry in there:
            name = f"{folder[0]}/{shown(entry.name)}".removeprefix("/")
            if kind := _ignored(entry.name):
                self.listing.ignored[kind] += 1
            elif fault := self._fault(entry):
                self.listing.unreadable.append((name, fault))
            elif entry.is_dir():
                folders.append((name, entry.path))
            elif (kind := ending(name)) in ENDINGS:
                images.append((name, entry.path))
            else:
                is_usual = USUAL_ENDING.fullmatch(kind)
                self.listing.ignored[f"files ending in .{kind}" if is_usual else "other files"] += 1
        return folders, images

    def _fault(self, entry: os.DirEntry[str]) -> str | None:
        """Say why something is not opened, be it a file or a folder."""
        try:
            if entry.is_symlink():
                real = os.path.realpath(entry.path, strict=True)
                if os.path.commonpath([real, self.root]) != self.root:
                    return "a link that leads out of the folder"
                around = os.path.realpath(os.path.dirname(entry.path))
                if os.path.commonpath([real, around]) == real:
                    return "a link to a folder that it lies in itself"
            return None if entry.is_dir() else image_files.fault_of(entry.stat())
        except OSError as error:
            return "a link that leads nowhere" if entry.is_symlink() else _reason(error)


def _reason(error: OSError) -> str:
    return (error.strerror or "cannot be opened").lower()


def _ignored(name: str) -> str | None:
    """Name what systems leave behind, which is counted and else left aside."""
    if name.lower() in SYSTEM:
        return name.strip()
    return "hidden files and folders" if name.startswith(".") else None


# ------------------------------------------------------------------------------- parts


def _classes(tree: _Tree) -> list[tuple[Part | None, str, Entry]]:
    """Find the folders of the classes: of which part each is, its label, and where it is."""
    folders = _unpacked(tree)
    kinds = {name: part_named(_last(name)) for name, _ in folders}
    others = [name for name, part in kinds.items() if not part]
    validation = [name for name in others if _last(name).lower() in VALIDATION]
    # A class may be called train, as in a collection of vehicles: then others stand beside it.
    both = set(kinds.values()) >= {"training", "test"}
    if not both and (not any(kinds.values()) or (others and not validation)):
        tree.listing.faults += _inner_part_faults(folders)
        return [(None, _last(name), (name, path)) for name, path in folders]
    tree.listing.faults += _part_faults(kinds, others, validation)
    return [
        (kinds[name], _last(label), (label, path))
        for name, part_path in folders
        if kinds[name]
        for label, path in tree.folders((name, part_path))
    ]


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _unpacked(tree: _Tree) -> list[Entry]:
    """List the folders in a folder, or in the only one there, which archives unpack to."""
    folders = tree.folders(("", tree.root))
    while len(folders) == 1 and not tree.loose and not part_named(_last(folders[0][0])):
        inner = tree.folders(folders[0])
        if tree.loose or not inner:
            tree.loose.clear()  # It is a class, and its images are looked for later.
            break
        folders = inner
    return folders


def _inner_part_faults(folders: list[Entry]) -> list[str]:
    """Say that parts lie in the classes, and not the classes in the parts."""
    inside_out = [
        name
        for name, path in folders
        if all(os.path.isdir(os.path.join(path, part)) for part in ("train", "test"))
    ]
    if not inside_out:
        return []
    return [
        f"folders train and test lie in {first_of(inside_out)}. Put the classes into them: "
        "train/CLASS and test/CLASS"
    ]


def _part_faults(
    kinds: dict[str, Part | None], others: list[str], validation: list[str]
) -> list[str]:
    """Say what is wrong with the folders of a folder that holds parts."""
    faults = []
    if validation:
        faults.append(f"{first_of(validation)}: {VALIDATION_REMEDY}")
    if more := [name for name in others if name not in validation]:
        faults.append(
            f"beside train and test there are {first_of(more)}. Move the images of each into a "
            "class folder in train or test, or move the folder away"
        )
    counts = Counter(part for part in kinds.values() if part)
    for part, name in (("training", "train"), ("test", "test")):
        if counts[part] > 1:
            faults.append(f"there are {counts[part]} folders for the {part} images; merge them")
        elif not counts[part]:
            faults.append(
                f"there is no folder {name}. Add it, or move the class folders one level up, where "
                "test_fraction divides them"
            )
    return faults
