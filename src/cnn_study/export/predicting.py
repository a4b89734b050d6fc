"""Answers a kept network gives to images that nobody has labelled.

What it says of its own certainty is set beside how often it was right when it was as certain: by
the test images, as the record of its run has them.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cnn_study.base import outputs
from cnn_study.base.errors import UserError
from cnn_study.base.words import count, counted, first_lines, percent
from cnn_study.data import manifest
from cnn_study.data.block import DatasetBlock
from cnn_study.data.image_files import read
from cnn_study.data.pictures import Unreadable, read_picture
from cnn_study.data.resizing import fit
from cnn_study.runs import kept_weights, measured, records
from cnn_study.runs.kept_weights import Kept
from cnn_study.runs.records import Record
from cnn_study.study.model import Study
from cnn_study.train import keras_one
from cnn_study.train.machine import import_keras

if TYPE_CHECKING:
    import keras

NAMED_CLASSES = 3
"""So many answers are told of each image, the likeliest first."""


KNOWN = {
    "training": "; it is one of the study's training images, and of these a network is surer",
    "test": "; it is one of the study's test images",
}
"""What is told of a file that is none of the new ones, by its part."""


@dataclass(frozen=True)
class Answer:
    """What a network says of one image.

    Attributes:
        probabilities: (classes,) float, of which the sum is 1.
        part: of the study's own images, training or test, if the file is one of them.
    """

    image: Path
    probabilities: np.ndarray
    part: str = ""


def best_kept(study: Study, results: Path) -> Kept:
    """Give the network with the best validation score of those whose weights are there.

    Raises:
        UserError: there is none.
    """
    kept = kept_weights.here(study, results)
    if not kept:
        raise UserError(
            f"no network of {study.name} is kept yet. `snakemake` trains the base and keeps it."
        )
    metric = study.metric.name

    def score(each: Kept) -> float:
        return measured.of_validation(records.read(each.record), metric) or 0.0

    return max(kept, key=score)


def predict(study: Study, kept: Kept, images: Sequence[Path]) -> tuple[list[Answer], str]:
    """Let a network answer to images, brought to its size as those that it was trained on.

    Returns:
        What it says of each that can be read; and in words which cannot, "" if all can.

    Raises:
        UserError: the weights are damaged.
    """
    read = _read(study, images)
    if not read.paths:
        return [], read.unread(len(images))
    with outputs.hushed():  # a backend tells of its devices
        import_keras()
        probabilities = keras_one.predict(_model(study, kept), np.stack(read.pixels))
    parts = _parts(study)
    answers = [
        Answer(image, row, parts.get(key, ""))
        for image, row, key in zip(read.paths, probabilities, read.keys, strict=True)
    ]
    return answers, read.unread(len(images))


def _parts(study: Study) -> dict[str, str]:
    """Tell by its key of which part each of a study's own images is."""
    place = manifest.place(study.path)
    if not isinstance(study.file.dataset, DatasetBlock) or not place.exists():
        return {}
    known = manifest.read(place)
    sides = {"training": known.training, "test": known.test}
    return {key: part for part, side in sides.items() for key in side.keys}


@dataclass
class _Read:
    """Images that were read, and the others.

    Attributes:
        pixels: of each, (height, width, channels) uint8.
        keys: of their files.
        faults: the other files, with what is wrong with each.
    """

    paths: list[Path] = field(default_factory=list)
    pixels: list[np.ndarray] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def unread(self, of: int) -> str:
        """Say which of so many images cannot be read; "" if all can."""
        if not self.faults:
            return ""
        which = f"{len(self.faults):,} of {counted(of, 'image')} cannot be read:"
        return "\n".join([which, *first_lines(self.faults, "  … and {} more")])


def _read(study: Study, images: Sequence[Path]) -> _Read:
    """Read images, and bring them to the study's size."""
    height, width, channels = study.dataset.image_shape
    block = study.file.dataset
    own = block if isinstance(block, DatasetBlock) else None
    resize, transparency = (own.resize, own.transparency) if own else ("crop", "white")
    done = _Read()
    for path in images:
        try:
            content = read(str(path))
            picture = read_picture(content, path.name, transparency)
        except Unreadable as fault:
            done.faults.append(f"  {path} ({fault})")
            continue
        done.paths.append(path)
        done.pixels.append(fit(picture.pixels, (height, width), resize, channels))
        done.keys.append(hashlib.sha256(content).hexdigest()[: manifest.KEY_DIGITS])
    return done


def _model(study: Study, kept: Kept) -> "keras.Model":
    from cnn_study.train.network import build

    record = records.read(kept.record)
    weights = kept_weights.checked(kept.weights, record)
    scaling = kept_weights.read_scaling(kept.weights)
    if scaling is None:
        raise UserError(
            f"{kept.weights} is of before networks were kept with what they do to a pixel first. "
            f"Delete it: `cnn-study weights {study.name}` trains its run again and keeps it."
        )
    scale, offset = map(np.array, scaling)
    shape, classes = study.dataset.image_shape, len(study.dataset.class_names)
    model = build(record.settings, shape, classes, -offset / scale, 1 / scale)
    model.set_weights(list(weights.values()))
    return keras_one.answering_of(model, record.settings)


# ------------------------------------------------------------------------------- in words


def in_words(study: Study, kept: Kept, answers: Sequence[Answer]) -> str:
    """Say what a network answers, and how far such answers are to be trusted."""
    record = records.read(kept.record)
    lines = [
        f"{kept.name} of {study.name}, which gets {percent(record.tested.accuracy)} of "
        f"{count(record.dataset.test_images)} test images right{_score(study, record)}:"
    ]
    for answer in answers:
        order = np.argsort(-answer.probabilities, kind="stable")[:NAMED_CLASSES]
        named = ", ".join(
            f"{study.dataset.class_names[place]} ({percent(answer.probabilities[place], 0)})"
            for place in order
        )
        trust = _trust(record, answer.probabilities.max())
        lines.append(f"{answer.image}: {named}; {trust}{KNOWN.get(answer.part, '')}")
    return "\n".join(lines)


def _score(study: Study, record: Record) -> str:
    """Give the score by the study's metric, unless it is accuracy, and that of guessing."""
    metric = study.metric
    score = measured.of_test(record, metric.name)
    if metric.name == "accuracy" or score is None:
        return f" (guessing gets {percent(study.dataset.chance())})"
    guessing = percent(study.dataset.chance(metric.name))
    return f" ({metric.label} {percent(score)}; guessing has {guessing})"


def _trust(record: Record, probability: float) -> str:
    """Say how often the network was right where it was about as certain (Guo et al., 2017)."""
    for each in record.tested.calibration:
        if each.lower < probability <= each.upper and each.accuracy is not None:
            return (
                f"of {count(each.images)} test images of which it was {percent(each.lower, 0)} to "
                f"{percent(each.upper, 0)} sure, it got {percent(each.accuracy, 0)} right"
            )
    return "of no test image it was as sure"
