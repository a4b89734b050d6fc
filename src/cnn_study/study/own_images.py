"""The images of a study's own, where they are: looked at before anybody trains on them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from cnn_study.base.errors import UserError
from cnn_study.base.words import counted, first_of
from cnn_study.data import arrays, manifest, own
from cnn_study.data.block import DatasetBlock
from cnn_study.data.catalog import DATASETS, Dataset
from cnn_study.data.listing import is_there
from cnn_study.data.looking import list_whole
from cnn_study.study.faults import Faults
from cnn_study.study.merge import load
from cnn_study.study.parse import parse
from cnn_study.study.yaml_lines import read_yaml


def known_or_looked_at(study: Path, source: str = "", *, accept: bool = False) -> Dataset | None:
    """Say what is known of a study's own images, looking at them where they are; writes nothing.

    Args:
        source: where the images are, if not where the study says.
        accept: whether other images than those that are known may take their place.

    Returns:
        None of a study of a dataset that comes along.

    Raises:
        UserError: they are not there, are others, or something is wrong with them.
    """
    described = _described(study)
    if isinstance(described, str):
        arrays.check_source(DATASETS[described], source)
        return None
    block = _at(described, study, source)
    try:
        return manifest.dataset_of(block, own.current(block, study, accept=accept))
    except own.Changed as change:
        raise _refusal(study, block, change) from None


def is_known(study: Path, dataset: Dataset | None) -> bool:
    """Tell whether what is known of a study's images is written down, as it is now."""
    described = _described(study)
    if dataset is None or isinstance(described, str):
        return True
    return manifest.is_of(described, dataset, manifest.place(study))


def prepare(study: Path, output: Path | None, source: str = "", *, accept: bool = False) -> str:
    """Make the arrays of a study's images, and write down what is known of its own.

    Args:
        output: the file of the arrays; None leaves that to their content.

    Returns:
        In words, what was made.

    Raises:
        UserError: they are not there, are others, or something is wrong with them.
    """
    described = _described(study)
    if isinstance(described, str):
        dataset = DATASETS[described]
        output = output or arrays.place(dataset)
        arrays.prepare(dataset, output, source)
        return str(output)
    block = _at(described, study, source)
    try:
        output, known = own.prepare(block, study, output, accept=accept)
    except own.Changed as change:
        raise _refusal(study, block, change) from None
    return f"{output}: {in_words(manifest.dataset_of(block, known))}"


def _at(described: DatasetBlock, study: Path, source: str) -> DatasetBlock:
    """Say where the images are: where the study says, or a person.

    Raises:
        UserError: they are not where the person says.
    """
    block = own.at(described, source)
    if source and not is_there(block, study.parent):
        raise UserError(
            f"{source}, given by data= or --source, is not there. Name where the images of "
            f"{study} are, or leave it out."
        )
    return block


def named(study: Path, keys: Sequence[str], source: str = "") -> str:
    """Say which files images are, by the first digits of their keys; of none, of all.

    Args:
        source: where the images are, if not where the study says.

    Returns:
        A line an image: its key, a tab, and its name from the images' folder on.

    Raises:
        UserError: the study has no images of its own, they are not there, or none has such a key.
    """
    described = _described(study)
    if isinstance(described, str):
        raise UserError(
            f"{study}: the images of {described} are no files. Where tables name one, it is by its "
            "place in the test set, from 0, as its makers have it."
        )
    items = list_whole(_at(described, study, source), study).items
    known = sorted((item.key[: manifest.KEY_DIGITS], item.name) for item in items)
    asked = [key.lower() for key in keys]
    unknown = [key for key in asked if not any(pair[0].startswith(key) for pair in known)]
    if unknown:
        raise UserError(
            f"no image of {study} has the key {first_of(unknown)}. Keys are those of "
            f"tables/misread.csv, {manifest.KEY_DIGITS} digits from 0 to f, or their first ones."
        )
    chosen = [pair for pair in known if not asked or pair[0].startswith(tuple(asked))]
    return "\n".join("\t".join(pair) for pair in chosen)


def in_words(dataset: Dataset) -> str:
    """Say in a line what is known of images: how many, of which size, and what was left out."""
    height, width, channels = dataset.image_shape
    kind = "grey" if channels == 1 else "colour"
    left_out = {}
    if audit := dataset.audit:
        left_out = {
            "left out, which cannot be read": sum(audit.skipped.values()),
            "left out, of which equal ones stand elsewhere": audit.same_images.dropped,
        }
    asides = [f"; {count:,} {why}" for why, count in left_out.items() if count]
    if audit and audit.near_duplicates and (sets := audit.near_duplicates.divided):
        asides.append(f"; {counted(sets, 'set')} of near-duplicates with images in both parts")
    return (
        f"{dataset.training_images:,} training and {dataset.test_images:,} test images of "
        f"{len(dataset.class_names):,} classes, {height}×{width} pixels, {kind}{''.join(asides)}"
    )


def _refusal(study: Path, block: DatasetBlock, change: own.Changed) -> UserError:
    """Say what other images would cost, and how they are taken nevertheless."""
    place = manifest.place(study)
    known = load(study, dataset=manifest.dataset_of(block, manifest.read(place)))
    runs = len(known.experiments) * len(known.seeds)
    trained = f"all {runs} runs of {study.stem} would be trained again"
    meant = (
        "If that is meant: snakemake with --config accept_data=true, or cnn-study prepare with "
        "--accept-data."
    )
    if isinstance(change, own.Renamed):
        return UserError(
            f"{_renamed(change.names)}, and {trained}. {meant} To keep them, write below dataset "
            f"in {study}, behind each colon the name to show:\n"
            f"  classes: {_mapping(change.names.values())}"
        )
    return UserError(
        f"other {change.what} than those of {place}: {change}; {trained}. {meant} Otherwise "
        f"{change.remedy}."
    )


def _renamed(names: dict[str, str]) -> str:
    """Say that only names of classes changed, and what that does."""
    new = [f"{old} is now {name}" for old, name in names.items() if old != name]
    return (
        f"the images are the same, and only classes have other names: {first_of(new)}. Classes are "
        "sorted by their names, so they stand in another order"
    )


def _mapping(names: Iterable[str]) -> str:
    """Write names as a study file maps them to themselves."""
    return yaml.safe_dump(
        {name: name for name in names},
        default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6,
    ).strip()  # fmt: skip


def _described(study: Path) -> DatasetBlock | str:
    """Give what a study says of its images: their description, or a dataset's name."""
    content, lines = read_yaml(study)
    return parse(content, Faults(study, lines)).dataset
