"""Search the dataset for test images that stand, hardly altered, among the training images.

`data.duplicates` tells which they are. Beside them a few of the test images are kept that every run
of the best experiment misreads. What is written here is read by `runs.look_alikes`, and the dataset
is not needed again.
"""

import statistics
from pathlib import Path
from typing import Literal

import numpy as np

from cnn_study.base import files
from cnn_study.data.arrays import load_prepared
from cnn_study.data.duplicates import (
    FREQUENCIES,
    LEAST_CORRELATION,
    MOST_DIFFERENT_BITS,
    correlate,
    look_alikes_between,
    near_sets,
    too_small,
)
from cnn_study.data.images import Images
from cnn_study.runs import correct_answers, look_alikes, measured, records, sealed
from cnn_study.runs.heartbeat import log
from cnn_study.runs.look_alikes import LookAlikeFacts, Misread, MisreadBy, Pair, Within
from cnn_study.runs.wanted import done, wanted
from cnn_study.study.model import Study

SHOWN_PAIRS = 8
SHOWN_MISREAD = 16
LEAST_RUNS = 2
"""One run agrees with itself in all."""


def look(study: Study, results: Path, data: Path) -> Path:
    """Search the dataset, unless it is done, keep its answers, and give the place of the facts.

    Raises:
        UserError: the dataset is not there, or what was kept is damaged.
    """
    path = look_alikes.place(study, results)
    if path.exists() and correct_answers.read(study, results) is not None:
        look_alikes.read(path)
        log(f"the look-alikes are there already: {path}")
        return path
    images = load_prepared(study.dataset, data)
    correct_answers.keep(study, results, images)
    if not path.exists():
        _write(path, study, results, images)
    return path


def _write(path: Path, study: Study, results: Path, images: Images) -> None:
    """Search, and write facts and images."""
    audit = study.dataset.audit
    # Where different images of a kind pass for near-duplicates, they would pass for look-alikes.
    reason = too_small(images.test_images.shape[1:3]) or (audit.not_compared if audit else "")
    log(reason or f"compare {len(images.test_labels)} test images with the training images")
    pairs = [] if reason else find_pairs(images)
    if not reason:
        log(f"{len(pairs)} of them resemble a training image")
    shown = spread_evenly(len(pairs), SHOWN_PAIRS)
    misread = misread_by_best(study, results, images.test_labels)
    if not study.dataset.publish_images:
        shown, misread = [], misread and misread.model_copy(update={"shown": []})
    kept = [mistake.test_index for mistake in misread.shown] if misread else []
    within = find_within(images) if look_alikes.shows_within(study) and not reason else []
    tests, trained = (
        [getattr(pairs[place], f"{part}_index") for place in shown] for part in ("test", "training")
    )
    arrays = {
        "pairs_images": np.stack(
            [images.test_images[tests], images.training_images[trained]], axis=1
        ),
        "within_images": _images_of(within, images),
        "misread_images": images.test_images[kept],
    }
    file = path.with_suffix(".npz")
    facts = LookAlikeFacts(
        format=1,
        look_alikes_version=look_alikes.LOOK_ALIKES_VERSION,
        fingerprint=path.stem,
        dataset=study.dataset.digest,
        test_images=len(images.test_labels),
        training_images=len(images.training_labels),
        hash_bits=FREQUENCIES**2,
        most_different_bits=MOST_DIFFERENT_BITS,
        least_correlation=LEAST_CORRELATION,
        reason=reason,
        pairs=pairs,
        shown_pairs=shown,
        within=within,
        misread=misread,
        arrays_file=file.name,
        arrays_sha256=files.write_arrays(file, arrays),
    )
    sealed.write(path, facts)


# ------------------------------------------------------------------------------- look-alikes


def find_pairs(images: Images) -> list[Pair]:
    """Find for each look-alike among the test images its training image, the most alike first."""
    alike = look_alikes_between(images.test_images, images.training_images)
    return [
        Pair(
            test_index=test,
            test_class=int(images.test_labels[test]),
            training_index=training,
            training_class=int(images.training_labels[training]),
            different_bits=bits,
            correlation=round(correlation, 6),
        )
        for test, training, bits, correlation in alike
    ]


def find_within(images: Images) -> list[Within]:
    """Take two images of some sets of near-duplicates in a part, those of two classes first."""
    pairs = []
    parts: list[tuple[Literal["training", "test"], np.ndarray, np.ndarray]] = [
        ("training", images.training_images, images.training_labels),
        ("test", images.test_images, images.test_labels),
    ]
    for part, pixels, labels in parts:
        for first, second in (_two_of(places, labels) for places in near_sets(pixels, labels)[0]):
            correlation = correlate(pixels[[first]], pixels[[second]])[0]
            pairs.append(
                Within(
                    part=part,
                    indices=(first, second),
                    classes=(int(labels[first]), int(labels[second])),
                    correlation=round(float(correlation), 6),
                )
            )
    crossing = [pair for pair in pairs if len({*pair.classes}) > 1][:SHOWN_PAIRS]
    others = [pair for pair in pairs if len({*pair.classes}) == 1]
    shown = spread_evenly(len(others), SHOWN_PAIRS - len(crossing))
    return crossing + [others[place] for place in shown]


def _two_of(places: np.ndarray, labels: np.ndarray) -> tuple[int, int]:
    """Take the first image of a set, and the first of another class if there is one, or another."""
    of_another = places[labels[places] != labels[places[0]]]
    return int(places[0]), int((of_another if len(of_another) else places[1:])[0])


def _images_of(within: list[Within], images: Images) -> np.ndarray:
    """Give the images of such pairs (pairs, 2, height, width, channels)."""
    parts = {"training": images.training_images, "test": images.test_images}
    shape = (0, 2, *images.test_images.shape[1:])
    chosen = [parts[pair.part][list(pair.indices)] for pair in within]
    return np.stack(chosen) if chosen else np.empty(shape, "uint8")


def spread_evenly(count: int, most: int) -> list[int]:
    """Take at most so many places of 0 to count - 1, evenly spread, the first and the last too."""
    return sorted({round(place) for place in np.linspace(0, count - 1, min(count, most))})


# ------------------------------------------------------------------------------- misread images


def misread_by_best(study: Study, results: Path, labels: np.ndarray) -> MisreadBy | None:
    """Find the test images that all runs of the best experiment misread alike.

    The best is that with the highest mean validation score after the last epoch.

    Returns:
        None where no experiment has validation scores, or where the best has fewer than
        `LEAST_RUNS` complete runs or not all of their predictions.

    Raises:
        UserError: a record or its predictions are damaged.
    """
    runs = _runs_of_best(study, results)
    kept = [records.predictions(path, record) for path, record in runs]
    predictions = [arrays for arrays in kept if arrays is not None]
    if len(predictions) < max(len(runs), LEAST_RUNS):
        return None
    record = runs[0][1]
    classes = np.stack([arrays["classes"] for arrays in predictions])
    sure = np.mean([arrays["probabilities"] for arrays in predictions], axis=0)
    misread = np.flatnonzero((classes == classes[0]).all(axis=0) & (classes[0] != labels))
    surest = misread[np.argsort(-sure[misread], kind="stable")][:SHOWN_MISREAD]
    return MisreadBy(
        experiment=record.experiment,
        fingerprint=record.fingerprint,
        seeds=[record.seed for _, record in runs],
        images=len(misread),
        shown=[
            Misread(
                test_index=int(place),
                true_class=int(labels[place]),
                predicted_class=int(classes[0, place]),
                probability=round(float(sure[place]), 6),
            )
            for place in surest
        ],
    )


Recorded = tuple[Path, records.Record]
"""A record, and where it lies."""


def _runs_of_best(study: Study, results: Path) -> list[Recorded]:
    """Give the complete runs of the experiment that is best on the validation images, by seed."""
    paths = done(study, results)
    runs: dict[str, list[Recorded]] = {}
    for run in wanted(study):
        path = paths.get(run.name)
        if path and (record := records.read(path)).status == "complete":
            runs.setdefault(run.experiment.id, []).append((path, record))
    metric = study.metric.name
    means = {id_: _mean(complete, metric) for id_, complete in runs.items()}
    # Of equal ones the first in the study file, as `evidence.results.best_of` has it.
    scored = [id_ for id_ in study.experiments if means.get(id_) is not None]
    return runs[max(scored, key=lambda id_: means[id_] or 0)] if scored else []


def _mean(runs: list[Recorded], metric: str) -> float | None:
    """Average the validation scores of those runs that have one; None without any."""
    scores = [measured.of_validation(record, metric) for _, record in runs]
    known = [score for score in scores if score is not None]
    return statistics.fmean(known) if known else None
