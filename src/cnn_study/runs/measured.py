"""The scores of a run by the metric of a study, worked out from its record.

Records hold counts and not scores: what a metric is says `base.metrics` alone. Of a record that is
older than what a metric needs there is no score, and nobody makes one up.
"""

from collections.abc import Iterable, Sequence

from cnn_study.base.metrics import METRICS, Tally, by_classes
from cnn_study.base.words import counted, first_of
from cnn_study.runs.records import Epoch, Record


def of_test(record: Record, metric: str) -> float | None:
    """Give the score of the test images; None where the record does not tell it."""
    test = record.test
    if test is None or metric == "accuracy":
        return test.accuracy if test else None
    if not METRICS[metric].decided_by_classes:
        return test.auc
    return by_classes(metric, Tally.of_confusion(test.confusion))


def of_epoch(record: Record, epoch: Epoch, metric: str, images: str = "validation") -> float | None:
    """Give a score after an epoch; None where there is none, or the record does not tell it.

    Args:
        images: validation or watched_test.
    """
    if metric == "accuracy":
        return getattr(epoch, f"{images}_accuracy")
    if not METRICS[metric].decided_by_classes:
        return getattr(epoch, f"{images}_auc")
    actual = _actual(record, images)
    right, predicted = getattr(epoch, f"{images}_right"), getattr(epoch, f"{images}_predicted")
    if actual is None or right is None or predicted is None:
        return None
    return by_classes(metric, Tally(right, predicted, actual))


def of_validation(record: Record, metric: str) -> float | None:
    """Give the score of the held-out images after the last epoch, as `of_epoch` does."""
    return of_epoch(record, record.epochs[-1], metric) if record.epochs else None


def _actual(record: Record, images: str) -> Sequence[int] | None:
    if images == "validation":
        return record.dataset.validation_classes
    return Tally.of_confusion(record.test.confusion).actual if record.test else None


def too_old(metric: str, known: Iterable[Record]) -> tuple[str, bool]:
    """Say which runs are too old to tell their scores by a metric.

    Returns:
        What is to be said, empty where all tell them; and whether a score of test images is among
        what is not told, without which nothing can be judged.
    """
    old = [(record, images) for record in known if (images := lacks(record, metric))]
    if not old:
        return "", False
    untested = any("test" in images for _, images in old)
    runs: dict[str, list[str]] = {}
    for record, _ in old:
        runs.setdefault(record.experiment, []).append(str(record.seed))
    named = [f"{id_} ({', '.join(seeds)})" for id_, seeds in runs.items()]
    what = "neither their test nor their validation scores" if untested else "no validation scores"
    follows = "" if untested else "; test scores follow from their confusion"
    return (
        f"{counted(len(old), 'run')} of before there were other metrics than accuracy, by "
        f"experiment (seeds): {first_of(named)}. Their records tell {what} by "
        f"{METRICS[metric].label}{follows}. To have them, put these records aside, and the "
        "workflow trains the runs again; or write metric: accuracy."
    ), untested


def lacks(record: Record, metric: str) -> list[str]:
    """Name the images, validation or test, whose score a complete record is too old to tell."""
    if record.test is None or metric == "accuracy":
        return []
    known = {"validation": of_validation(record, metric), "test": of_test(record, metric)}
    if record.dataset.validation_classes is not None:
        return []
    held_out = ["validation"] if record.dataset.validation_images else []
    return [images for images in (*held_out, "test") if known[images] is None]
