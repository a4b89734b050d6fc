"""Whether a run's record makes sense: agrees with itself, and with the study that it is read for.

What a value may be by itself, its field in `records` says. Here is what several say together:
numbers that can be worked out twice, sizes that must be those of the data, a name that is a hash.
Reads no file, and decides nothing.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from cnn_study.data.catalog import Dataset
from cnn_study.study.model import Experiment
from cnn_study.study.settings import TRAINING_VERSION, fingerprint

if TYPE_CHECKING:
    from cnn_study.runs.records import Bin, Epoch, Record, Test

Fault = tuple[str, str]
"""Where in a record, and what is wrong there."""

CLOSE = 1e-6
"""Between two ways to work out the same share."""

ROUNDED = 1e-4
"""By how much a probability may lie beyond 1, or beyond the edges of its bin, by rounding."""

MILLISECOND = 1e-3
"""By how much seconds that are kept may be off, by rounding each."""

UNLIKE_OTHERS = (
    "test", "it counts other images of some classes, or has other bins, than most records do"
)  # fmt: skip
"""Of a record that `unlike_others` names."""


def contradictions(record: "Record") -> Iterator[Fault]:
    """Say what in a record contradicts the rest of it."""
    known = fingerprint(record.settings, record.dataset.digest)
    if record.training_version == TRAINING_VERSION and known != record.fingerprint:
        yield "fingerprint", f"{record.fingerprint}; settings and dataset.digest make {known}"
    yield from _of_status(record)
    yield from _of_epochs(record)
    yield from _of_seconds(record)
    if record.test:
        yield from _of_test(record.test, record)


def contradictions_with(
    experiment: Experiment, seed: int, dataset: Dataset, record: "Record"
) -> Iterator[Fault]:
    """Say what in a record contradicts the run that it is to be of.

    Args:
        dataset: that of the study.
    """
    given, known = (record.fingerprint, record.seed), (experiment.fingerprint, seed)
    if given != known:
        what = f"{given[0]}, {given[1]}; it is read as the record of {known[0]}, seed {known[1]}"
        yield "fingerprint, seed", what
    if record.training_version != TRAINING_VERSION:
        yield "training_version", f"{record.training_version}; this version is {TRAINING_VERSION}"
    settings, data = record.settings, record.dataset
    sizes = dataset.sizes(settings.validation_fraction, settings.training_fraction)
    expected = {
        **({"name": dataset.name} if dataset.reader else {}),  # one's own may be called otherwise
        "digest": dataset.digest,
        "training_images": sizes.training,
        "validation_images": sizes.validation,
        "test_images": dataset.test_images,
    }
    for name, value in expected.items():
        if getattr(data, name) != value:
            yield f"dataset.{name}", f"{getattr(data, name)}; the study's dataset has {value}"
    for name in ("parameters", "macs"):
        cost, value = getattr(record.cost, name), getattr(experiment, name)
        if cost != value:
            yield f"cost.{name}", f"{cost:,}; the settings make {value:,}"
    classes = len(dataset.class_names)
    if record.test and len(record.test.confusion) != classes:
        what = f"{len(record.test.confusion)} rows; the study's dataset has {classes} classes"
        yield "test.confusion", what


def unlike_others(records: Mapping[str, "Record"]) -> list[str]:
    """Name the records that count other test images of a class, or in other bins, than most do."""
    scored = {
        name: (
            tuple(map(sum, record.test.confusion)),
            tuple((bin_.lower, bin_.upper) for bin_ in record.test.calibration),
        )
        for name, record in records.items()
        if record.test
    }
    usual = Counter(scored.values()).most_common(1)
    return [name for name, said in scored.items() if said != usual[0][0]]


def _of_status(record: "Record") -> Iterator[Fault]:
    complete = record.status == "complete"
    for name, value in (("test", record.test), ("weights_sha256", record.weights_sha256)):
        if (value is not None) != complete:
            what = "missing, though" if complete else "not null, though"
            yield name, f"{what} the run is {record.status}"
    if (record.reason is None) != complete:
        what = f"{record.reason!r}, though" if complete else "missing, though"
        yield "reason", f"{what} the run is {record.status}"


def _of_epochs(record: "Record") -> Iterator[Fault]:
    numbers = [epoch.epoch for epoch in record.epochs]
    asked = record.settings.epochs
    if numbers != list(range(1, len(numbers) + 1)):
        yield "epochs", "they are not numbered 1, 2, 3, …"
    stopped = record.status == "diverged" and numbers and record.epochs[-1].training_loss is None
    enough = (
        len(numbers) <= asked if stopped or record.status == "failed" else len(numbers) == asked
    )
    if not enough:
        what = f"{len(numbers)}, though the run is {record.status}"
        yield "epochs", f"{what}; settings.epochs asks for {asked}"
    yield from _of_held_out(record)
    for place, epoch in enumerate(record.epochs):
        for name, what in _of_epoch(epoch, record):
            yield f"epochs.{place}.{name}", what


def _of_seconds(record: "Record") -> Iterator[Fault]:
    """Say where a part took longer than the whole: epochs, all training, the run with its scores.

    Of a run that failed in the midst of an epoch the training took longer than its epochs.
    """
    cost, epochs = record.cost, sum(epoch.training_seconds for epoch in record.epochs)
    if epochs > cost.training_seconds + MILLISECOND * (len(record.epochs) + 1):
        what = f"{cost.training_seconds:g}; the epochs took {epochs:.6g}"
        yield "cost.training_seconds", what
    if cost.training_seconds > cost.run_seconds + MILLISECOND:
        what = f"{cost.run_seconds:g}; its training took {cost.training_seconds:g}"
        yield "cost.run_seconds", what


def _of_epoch(epoch: "Epoch", record: "Record") -> Iterator[Fault]:
    if record.status == "complete" and epoch.training_loss is None:
        yield "training_loss", "null, though the run is complete"
    data = record.dataset
    scores = {
        "validation": (epoch.validation_loss, epoch.validation_accuracy, data.validation_images),
        "watched_test": (
            epoch.watched_test_loss,
            epoch.watched_test_accuracy,
            data.test_images * record.settings.watch_test,
        ),
    }
    for name, (loss, accuracy, images) in scores.items():
        if (loss is None) != (accuracy is None):
            yield f"{name}_accuracy", "null, and the loss is not, or the other way round"
        elif accuracy is not None and not images:
            yield f"{name}_accuracy", f"{accuracy}; no image was to be scored"
        elif accuracy is not None and _is_no_share(accuracy, images):
            yield f"{name}_accuracy", f"{accuracy}; no share of {images:,} images is that"

    yield from _of_classes("validation", epoch, data.validation_classes)
    actual = [sum(row) for row in record.test.confusion] if record.test else None
    yield from _of_classes("watched_test", epoch, actual)


def _of_held_out(record: "Record") -> Iterator[Fault]:
    """Say whether the held-out images are counted otherwise class by class than together."""
    classes, images = record.dataset.validation_classes, record.dataset.validation_images
    if classes is None:
        if any(epoch.validation_right for epoch in record.epochs):
            yield "dataset.validation_classes", "null, though epochs count right answers by class"
        return
    if sum(classes) != images:
        what = f"they add up to {sum(classes):,}; dataset.validation_images is {images:,}"
        yield "dataset.validation_classes", what
    if record.test and len(classes) != len(record.test.confusion):
        what = f"{len(classes)} classes; test.confusion has {len(record.test.confusion)}"
        yield "dataset.validation_classes", what


def _of_classes(name: str, epoch: "Epoch", actual: list[int] | None) -> Iterator[Fault]:
    """Say what is wrong with what an epoch counts class by class.

    Args:
        actual: images of each class; None where nobody has said.
    """
    right, predicted = getattr(epoch, f"{name}_right"), getattr(epoch, f"{name}_predicted")
    accuracy, auc = getattr(epoch, f"{name}_accuracy"), getattr(epoch, f"{name}_auc")
    if (right is None) != (predicted is None) or (right is not None and accuracy is None):
        yield f"{name}_right", f"it is counted without {name}_predicted or {name}_accuracy"
    elif right is not None and predicted is not None:
        yield from _of_counts(name, right, predicted, accuracy, actual)
    if auc is not None and (right is None or len(right) != 2):
        yield f"{name}_auc", f"{auc}; it is of two classes that are counted, and of no others"


def _of_counts(
    name: str, right: list[int], predicted: list[int], accuracy: float, actual: list[int] | None
) -> Iterator[Fault]:
    images = sum(predicted)
    actual = actual if actual is not None else predicted
    if not len(right) == len(predicted) == len(actual):
        yield f"{name}_right", f"{len(right)} classes; others count {len(predicted)}, {len(actual)}"
    elif images != sum(actual):
        yield (
            f"{name}_predicted",
            f"they add up to {images:,}, and there are {sum(actual):,} images",
        )
    elif any(n > min(most) for n, *most in zip(right, predicted, actual, strict=True)):
        yield f"{name}_right", "more than there are images of a class, or were taken for it"
    elif abs(sum(right) - accuracy * images) > CLOSE * images:
        yield f"{name}_right", f"{sum(right):,} of {images:,}; {name}_accuracy is {accuracy}"


def _is_no_share(accuracy: float, images: int) -> bool:
    correct = accuracy * images
    return abs(correct - round(correct)) > CLOSE * images


def _of_test(test: "Test", record: "Record") -> Iterator[Fault]:
    confusion, images = test.confusion, record.dataset.test_images
    if test.predictions_file != f"seed-{record.seed}.predictions.npz":
        what = f"{test.predictions_file!r}; it lies beside the record as"
        yield "test.predictions_file", f"{what} seed-{record.seed}.predictions.npz"
    if any(len(row) != len(confusion) for row in confusion):
        yield "test.confusion", "it has not as many columns as rows"
        return
    if test.auc is not None and len(confusion) != 2:
        yield "test.auc", f"{test.auc}; it is of two classes, and there are {len(confusion)}"
    total, right = sum(map(sum, confusion)), sum(row[n] for n, row in enumerate(confusion))
    if total != images:
        yield "test.confusion", f"it counts {total:,} images; dataset.test_images is {images:,}"
        return
    if not images or abs(right / images - test.accuracy) > CLOSE:
        known = f"{right:,} of {images:,}" + (f", {right / images:.6g}" if images else "")
        yield "test.accuracy", f"{test.accuracy}; test.confusion has {known}"
    yield from _of_calibration(test.calibration, images, right)


def _of_calibration(bins: list["Bin"], images: int, right: int) -> Iterator[Fault]:
    """Say what is wrong with bins of so many images, of which so many are classified right."""
    faulty = [place for place, bin_ in enumerate(bins) if not _holds(bin_)]
    for place in faulty:
        yield f"test.calibration.{place}", "its means are null without images alone, and within it"
    counted = sum(bin_.images for bin_ in bins)
    if counted != images:
        yield "test.calibration", f"its bins count {counted:,} images; test.confusion {images:,}"
    elif not faulty:
        correct = sum(bin_.images * (bin_.accuracy or 0) for bin_ in bins)
        if abs(correct - right) > CLOSE * images:
            yield "test.calibration", f"{correct:,.6g} are correct; in test.confusion {right:,}"


def _holds(bin_: "Bin") -> bool:
    if not bin_.images or bin_.mean_probability is None or bin_.accuracy is None:
        return not bin_.images and bin_.mean_probability is None and bin_.accuracy is None
    return bin_.lower - ROUNDED <= bin_.mean_probability <= bin_.upper + ROUNDED
