"""What comes out without a network: nearest neighbours and logistic regression on the pixels.

Choosing reads training and validation images only; the test images are scored once, at the end.
Knows nothing of studies and of files.
"""

import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from cnn_study.base.words import percent
from cnn_study.data.images import Images
from cnn_study.runs.heartbeat import log
from cnn_study.runs.inspections import Baseline, Tried
from cnn_study.study.settings import Settings
from cnn_study.train.parts import Parts, Pixels, chunks, take_parts

NEIGHBOURS = (1, 3, 5, 7, 9, 15, 25)
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)
"""Values of C to try, strongest regularization first, and cheapest to fit."""
STRENGTH_UNCHOSEN = 1e-2
MOST_ITERATIONS = 1000
BLOCK = 500
"""Images worked on at a time, which bounds memory."""

MOST_IMAGES = 50_000
"""Training images that these models are fitted to; CIFAR-10 has no more."""

MOST_SIDE = 32
"""Pixels in height and width; larger images are reduced."""


# -------------------------------------------------------------------------- what they are given


@dataclass(frozen=True)
class Small(Parts):
    """Images as these models are given them: in memory, small, and not too many."""

    training: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]
    note: dict[str, str] = field(default_factory=dict)
    """What was done to them, for the settings of a baseline; empty where nothing was."""


def take_small(images: Images, settings: Settings) -> tuple[Small, np.ndarray]:
    """Take the images that the base is trained on, of many only some, and reduce large ones.

    Returns:
        The images, and the places of those to fit to among all training images.
    """
    chosen, _ = images.split(settings.validation_fraction, settings.training_fraction)
    if len(chosen) > MOST_IMAGES:
        fraction = settings.training_fraction * MOST_IMAGES / len(chosen)
        settings = settings.model_copy(update={"training_fraction": fraction})
        chosen, _ = images.split(settings.validation_fraction, fraction)
    parts = take_parts(images, settings)
    given = (
        (reduced(pixels), labels)
        for pixels, labels in (parts.training, parts.validation, parts.test)
    )
    shape = images.training_images.shape[1:3]
    height, width = (min(side, MOST_SIDE) for side in shape)
    note = {"images": f"reduced to {height} × {width} pixels"} if (height, width) != shape else {}
    return Small(*given, note), chosen


def reduced(images: Pixels) -> np.ndarray:
    """Give images of at most 32 × 32 pixels, each the mean of those in its place."""
    sides = images.shape[1:3]
    edges = [np.linspace(0, side, min(side, MOST_SIDE) + 1).astype(int) for side in sides]
    if max(sides) <= MOST_SIDE:
        return images[:]
    parts = [np.empty((0, *(len(each) - 1 for each in edges), images.shape[3]), "uint8")]
    for chunk in chunks(images):
        sums = chunk.astype("float32")
        for axis, each in enumerate(edges, start=1):
            sums = np.add.reduceat(sums, each[:-1], axis=axis)
        areas = np.outer(*map(np.diff, edges))[..., None]
        parts.append(np.rint(sums / areas).astype("uint8"))
    return np.concatenate(parts)


# -------------------------------------------------------------------------- nearest neighbours


def nearest_neighbours(parts: Small) -> Baseline:
    """Classify by the k nearest training images in pixel distance, k chosen on the validation."""
    clock = time.process_time()
    training, labels = as_rows(parts.training[0]), parts.training[1]
    sizes = [size for size in NEIGHBOURS if size <= len(labels)]
    tried = _try_sizes(sizes, training, labels, *parts.validation)
    chosen = int(best(tried)) if tried else 1
    fitted = time.process_time()
    places, _ = nearest(training, as_rows(parts.test[0]), chosen)
    accuracy = float((vote(labels[places]) == parts.test[1]).mean())
    return Baseline(
        title="k nearest neighbours",
        settings={
            "neighbours": chosen,
            "distance": "Euclidean, of pixels",
            "votes": "equal",
            **parts.note,
        },
        parameter="neighbours",
        chosen=chosen,
        tried=tried,
        converged=True,
        test_accuracy=accuracy,
        fit_seconds=round(fitted - clock, 3),
        predict_seconds=round(time.process_time() - fitted, 3),
        **parts.counts,
    )


def _try_sizes(
    sizes: list[int],
    training: np.ndarray,
    labels: np.ndarray,
    held_out: np.ndarray,
    held_out_labels: np.ndarray,
) -> list[Tried]:
    if not len(held_out_labels):
        return []
    places, _ = nearest(training, as_rows(held_out), max(sizes))
    return [
        _tried("neighbours", size, vote(labels[places[:, :size]]), held_out_labels)
        for size in sizes
    ]


def as_rows(images: np.ndarray) -> np.ndarray:
    """Lay out images (n, height, width, channels) uint8 as (n, values) float32, less 128.

    Distances stay the same, and products of small whole numbers lose less in float32.
    """
    rows = _flat(images)
    rows -= 128
    return rows


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), math.prod(images.shape[1:])).astype("float32")


def nearest(training: np.ndarray, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the nearest rows in Euclidean distance, from |a - b|² = |a|² - 2 ab + |b|².

    Args:
        training: (n, values) float32, whole numbers.
        queries: (m, values) float32, whole numbers.
        count: how many to find, at most n.

    Returns:
        (m, count) places in `training`, nearest first, the lower place first where distances are
        equal, and (m, count) the distances.
    """
    lengths = np.concatenate([_squares(part) for part in _blocks(training)]).astype("float32")
    places, distances = [], []
    for block in _blocks(queries):
        apart = block @ training.T
        apart *= -2
        apart += lengths
        closest = _smallest(apart, count)
        squares = np.take_along_axis(apart, closest, axis=1) + _squares(block)[:, None]
        places.append(closest)
        distances.append(np.sqrt(np.maximum(squares, 0)))
    return np.concatenate(places), np.concatenate(distances)


def _blocks(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]


def _squares(rows: np.ndarray) -> np.ndarray:
    return (rows.astype("float64") ** 2).sum(axis=1)


def _smallest(values: np.ndarray, count: int) -> np.ndarray:
    """Find the places (rows, count) of the smallest values (rows, n), smallest and lowest first."""
    places = np.sort(np.argpartition(values, count - 1, axis=1)[:, :count], axis=1)
    smallest = np.take_along_axis(values, places, axis=1)
    places = np.take_along_axis(places, np.argsort(smallest, axis=1, kind="stable"), axis=1)
    # Of several that share the last place, argpartition takes any.
    shared = (values <= smallest.max(axis=1, keepdims=True)).sum(axis=1) > count
    for row in np.flatnonzero(shared):
        places[row] = np.argsort(values[row], kind="stable")[:count]
    return places


def vote(labels: np.ndarray) -> np.ndarray:
    """Take the most frequent class in each row (m, k), of equals the one that comes first."""
    count = labels.shape[1]
    classes = np.arange(int(labels.max()) + 1)
    is_class = labels[:, :, None] == classes
    first = np.where(is_class.any(axis=1), is_class.argmax(axis=1), count)
    return (is_class.sum(axis=1) * (count + 1) - first).argmax(axis=1)


# -------------------------------------------------------------------------- logistic regression


def logistic_regression(parts: Small) -> Baseline:
    """Fit one weight for each pixel value and class; C is chosen on the validation images.

    Pixels are scaled to 0 to 1, less the mean training image.
    """
    clock = time.process_time()
    mean = parts.training[0].mean(axis=0, dtype="float64").ravel() / 255

    def features(images: np.ndarray) -> np.ndarray:
        rows = _flat(images)
        rows /= 255
        rows -= mean
        return rows

    model, tried = _choose_strength(parts, features)
    fitted = time.process_time()
    accuracy = float((model.predict(features(parts.test[0])) == parts.test[1]).mean())
    return Baseline(
        title="multinomial logistic regression",
        settings={
            "C": model.C, "solver": model.solver, "tol": model.tol, "max_iter": model.max_iter,
            "pixels": "0 to 1, less the mean training image", **parts.note,
        },
        parameter="C",
        chosen=model.C,
        tried=tried,
        converged=_converged(model),
        test_accuracy=accuracy,
        fit_seconds=round(fitted - clock, 3),
        predict_seconds=round(time.process_time() - fitted, 3),
        **parts.counts,
    )  # fmt: skip


def _choose_strength(
    parts: Small, features: Callable[[np.ndarray], np.ndarray]
) -> tuple[LogisticRegression, list[Tried]]:
    """Weaken the regularization until the validation accuracy falls or fitting does not end.

    Each fit starts from the weights of the one before, which ends it sooner at the same optimum.
    """
    rows, labels = features(parts.training[0]), parts.training[1]
    held_out, held_out_labels = features(parts.validation[0]), parts.validation[1]
    if not len(held_out_labels):
        return _fit(STRENGTH_UNCHOSEN, rows, labels, None), []
    models: list[LogisticRegression] = []
    tried: list[Tried] = []
    for strength in STRENGTHS:
        model = _fit(strength, rows, labels, models[-1] if models else None)
        models.append(model)
        answers = model.predict(held_out)
        tried.append(_tried("C", strength, answers, held_out_labels, _converged(model)))
        if best(tried) != strength or not _converged(model):
            break
    return next(model for model in models if best(tried) == model.C), tried


def _fit(
    strength: float, rows: np.ndarray, labels: np.ndarray, start: LogisticRegression | None
) -> LogisticRegression:
    model = LogisticRegression(C=strength, max_iter=MOST_ITERATIONS, warm_start=True)
    if start is not None:
        model.coef_, model.intercept_ = start.coef_.copy(), start.intercept_.copy()
        model.classes_ = start.classes_
    with warnings.catch_warnings():  # _converged tells it.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(rows, labels)


def _converged(model: LogisticRegression) -> bool:
    return int(model.n_iter_.max()) < model.max_iter


# ------------------------------------------------------------------------------------- of both


def best(tried: list[Tried]) -> float:
    """Take the value with the highest validation accuracy, the first one of equals.

    One whose fitting did not come to its end is taken only where none did.
    """
    highest = max(tried, key=lambda value: (value.converged, value.validation_accuracy))
    return highest.value


def _tried(
    name: str, value: float, answers: np.ndarray, labels: np.ndarray, converged: bool = True
) -> Tried:
    accuracy = float((answers == labels).mean())
    note = "" if converged else ", not converged"
    log(f"{name} {value:g}: validation {percent(accuracy)}{note}")
    return Tried(value=value, validation_accuracy=accuracy, converged=converged)
