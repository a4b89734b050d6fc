"""Images of one's own: kept as arrays, written down, and known again.

From what a study says of them (`block`), by way of `looking`, to the arrays that are trained on
(`arrays`) and to what is kept of them beside the study (`manifest`).
"""

from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

from cnn_study.base.errors import UserError
from cnn_study.base.words import first_of
from cnn_study.data import arrays, manifest
from cnn_study.data.block import DatasetBlock
from cnn_study.data.listing import Listing, is_there
from cnn_study.data.looking import list_whole, listing_digest, look
from cnn_study.data.manifest import KEY_DIGITS, Manifest


class Changed(Exception):
    """Raised where the images that are there are not those that a study was about; says how.

    Attributes:
        what: is another, images or pixels.
        remedy: what to do if that is not meant.
    """

    def __init__(
        self, how: str, what: str = "images", remedy: str = "bring back what was there"
    ) -> None:
        super().__init__(how)
        self.what, self.remedy = what, remedy


class Renamed(Changed):
    """Raised where only classes have other names, and so another order.

    Attributes:
        names: of all classes, in their old order: the old name, and the new one.
    """

    def __init__(self, names: dict[str, str]) -> None:
        super().__init__(f"only names of classes changed: {names}")
        self.names = names


def at(block: DatasetBlock, source: str) -> DatasetBlock:
    """Say where images are, if not where the block has them."""
    if not source:
        return block
    return block.model_copy(update={block.kind: str(Path(source).expanduser().absolute())})


def current(block: DatasetBlock, study: Path, *, accept: bool = False) -> Manifest:
    """Say what is known of a study's images, looking at them where nobody has; writes nothing.

    Args:
        accept: whether other images than those that are known may take their place.

    Raises:
        Changed: there are others.
        UserError: they are not there, or something is wrong with them.
    """
    known = _known(study)
    if known and not is_there(block, study.parent):
        return known
    listing = _list(block, study)
    if known and not (change := _change(block, known, listing)):
        return known
    looked = look(block, listing, study)
    if known and not accept and known.digest != looked.manifest.digest:
        raise _changed(change, known, looked.manifest, _new_names(block, known, listing))
    return looked.manifest


def prepare(
    block: DatasetBlock, study: Path, output: Path | None = None, *, accept: bool = False
) -> tuple[Path, Manifest]:
    """Make the arrays of a study's images, and write down what is known of them.

    Args:
        output: the file of the arrays; None leaves that to their content.
        accept: whether other images than those that are known may take their place.

    Returns:
        The file, and what is known.

    Raises:
        Changed: there are others, or other pixels came out.
        UserError: they are not there, or something is wrong with them.
    """
    known = _known(study)
    if known and not is_there(block, study.parent) and (path := _prepared(block, known, output)):
        return path, known
    listing = _list(block, study)
    change = _change(block, known, listing) if known else ""
    if known and not change and (path := _prepared(block, known, output)):
        return path, known
    looked = look(block, listing, study)
    if known and not accept and known.digest != looked.manifest.digest:
        raise _changed(change, known, looked.manifest, _new_names(block, known, listing))
    path = output or arrays.place(manifest.dataset_of(block, looked.manifest))
    arrays.write(looked.images, path)
    if looked.manifest != known:
        manifest.write(manifest.place(study), looked.manifest)
    return path, looked.manifest


def _list(block: DatasetBlock, study: Path) -> Listing:
    """List the images that are there.

    Raises:
        UserError: none are, or something is wrong with them.
    """
    if not is_there(block, study.parent):
        raise UserError(
            f"the images of {study} are not where it says: {block.kind}: {block.place} is not "
            "there. Correct it; or say where they are on this machine, with --config data=PATH of "
            "snakemake or --source PATH of cnn-study prepare."
        )
    return list_whole(block, study)


def _prepared(block: DatasetBlock, known: Manifest, output: Path | None) -> Path | None:
    """Give the file of the arrays if it is there, whole."""
    dataset = manifest.dataset_of(block, known)
    path = output or arrays.place(dataset)
    return path if arrays.is_prepared(dataset, path) else None


def _known(study: Path) -> Manifest | None:
    place = manifest.place(study)
    return manifest.read(place) if place.exists() else None


# ------------------------------------------------------------------------------- known again


def _change(block: DatasetBlock, known: Manifest, listing: Listing) -> str:
    """Say what is there now and was not then; nothing if all is as it was."""
    if differing := manifest.differing_options(block, known):
        return f"the study has another {first_of(differing)} under dataset"
    if listing_digest(listing) == known.listing:
        return ""
    now, then = Counter(item.key[:KEY_DIGITS] for item in listing.items), known.keys()
    new, gone = (now - then).total(), (then - now).total()
    if new or gone:
        return f"{new:,} new, {gone:,} gone"
    return "the same images, some of another class, part or group"


def _changed(change: str, known: Manifest, ours: Manifest, names: dict[str, str]) -> Changed:
    """Say what is other than it was: images, by their files, or pixels that came out of these.

    Args:
        names: of classes, where these alone are others.
    """
    pixels = _other_pixels(known, ours)
    if names and not pixels:
        return Renamed(names)
    if change:
        return Changed(f"{change}{'; and ' if pixels else ''}{pixels}")
    if pixels:
        return Changed(pixels, "pixels", "read the images with what they were read with")
    return Changed("the images are the same, and divided otherwise, as if it were changed by hand")


def _new_names(block: DatasetBlock, known: Manifest, listing: Listing) -> dict[str, str]:
    """Give each known class the name that its images have now; {} if more than names changed.

    What they are called now stands in the order that they had.
    """
    if set(manifest.differing_options(block, known)) - {"classes"}:
        return {}
    labels: dict[str, set[str]] = defaultdict(set)
    for item in listing.items:
        labels[item.key[:KEY_DIGITS]].add(item.label)
    now = [set(listing.labels) for _ in known.class_names]
    for part in (known.training, known.test):
        for key, place in zip(part.keys, part.classes, strict=True):
            now[place] &= labels[key]
    if any(len(names) != 1 for names in now):
        return {}
    names = dict(zip(known.class_names, (each.pop() for each in now), strict=True))
    back = {new: old for old, new in names.items()}
    if set(back) != set(listing.labels) or all(old == new for old, new in names.items()):
        return {}
    items = [replace(item, label=back[item.label]) for item in listing.items]
    return names if listing_digest(replace(listing, items=items)) == known.listing else {}


def _other_pixels(known: Manifest, ours: Manifest) -> str:
    """Say of how many files other pixels came out, and by what; "" if of none.

    Nothing where something else is to come out: the study says so, or a first image has colour.
    """
    if (known.options, known.image_shape) != (ours.options, ours.image_shape):
        return ""
    then, now = known.pixels(), ours.pixels()
    same = then.keys() & now.keys()
    other = sum(then[key] != now[key] for key in same)
    if not other:
        return ""
    return (
        f"of {len(same):,} images whose files are the same {other:,} have other pixels: "
        f"{_read_with(known.versions, ours.versions)}"
    )


def _read_with(then: dict[str, str], here: dict[str, str]) -> str:
    """Say what read images then and reads them here, as far as that differs."""
    differing = [name for name in {**then, **here} if then.get(name) != here.get(name)]
    if not differing:
        versions = ", ".join(f"{name} {version}" for name, version in here.items())
        return f"they were read with the same versions, {versions}, as another make of one may do"
    made, reads = (
        ", ".join(f"{name} {versions.get(name, 'not at all')}" for name in differing)
        for versions in (then, here)
    )
    return f"they were read with {made}, and are read here with {reads}"
