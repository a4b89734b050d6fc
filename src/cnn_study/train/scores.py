"""Scores of predicted probabilities: loss, accuracy, class by class, calibration."""

import numpy as np

from cnn_study.base.metrics import Tally, auc
from cnn_study.runs import records


def score(probabilities: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Find mean cross-entropy in nats and accuracy.

    Args:
        probabilities: (images, classes); clipped to [1e-7, 1 - 1e-7], as Keras does.
        labels: (images,) true classes.
    """
    right = probabilities[np.arange(len(labels)), labels].astype("float64")
    loss = -np.log(np.clip(right, 1e-7, 1 - 1e-7)).mean()
    return float(loss), float((probabilities.argmax(axis=1) == labels).mean())


def tally(probabilities: np.ndarray, labels: np.ndarray) -> Tally:
    """Count, class by class, images that are classified correctly and that are taken for it."""
    return Tally.of(labels, probabilities.argmax(axis=1), probabilities.shape[1])


def area_under_curve(probabilities: np.ndarray, labels: np.ndarray) -> float | None:
    """Find the AUC of two classes; None of more, and where one has no image.

    By p1 / p0, which keeps apart what single precision still tells of images that are sure: p1
    alone is 1 for many.
    """
    if probabilities.shape[1] != 2:
        return None
    first, second = np.maximum(probabilities, np.finfo("float32").tiny).astype("float64").T
    return auc(labels, second / first)


MOST_CLASSES_KEPT = 20
"""Of more classes only the highest probability of an image is kept."""


def kept_predictions(probabilities: np.ndarray) -> dict[str, np.ndarray]:
    """Give what is kept of the answers to the test images.

    Of two classes AUC needs small probabilities apart, so they are float16 (4 bytes an image); of
    more, steps of 1/255 are enough, and most of them are 0 and take little room.
    """
    classes = probabilities.shape[1]
    kept = {
        "classes": probabilities.argmax(axis=1).astype(np.min_scalar_type(classes - 1)),
        "probabilities": _steps(probabilities.max(axis=1)),
    }
    if classes == 2:
        kept["class_probabilities"] = probabilities.astype("float16")
    elif classes <= MOST_CLASSES_KEPT:
        kept["class_probabilities"] = _steps(probabilities)
    return kept


def _steps(probabilities: np.ndarray) -> np.ndarray:
    return np.rint(probabilities * 255).astype("uint8")


def calibration(probabilities: np.ndarray, labels: np.ndarray) -> list[records.Bin]:
    """Sort images into equal-width bins of their highest probability (Guo et al., 2017)."""
    highest = probabilities.max(axis=1).astype("float64")
    correct = probabilities.argmax(axis=1) == labels
    edges = np.linspace(0, 1, records.CALIBRATION_BINS + 1)
    place = np.clip(np.digitize(highest, edges, right=True) - 1, 0, records.CALIBRATION_BINS - 1)
    bins = []
    for number in range(records.CALIBRATION_BINS):
        inside = place == number
        some = bool(inside.any())
        bins.append(
            records.Bin(
                lower=round(float(edges[number]), 6),
                upper=round(float(edges[number + 1]), 6),
                images=int(inside.sum()),
                mean_probability=float(highest[inside].mean()) if some else None,
                accuracy=float(correct[inside].mean()) if some else None,
            )
        )
    return bins
