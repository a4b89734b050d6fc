"""Scores of predicted probabilities: loss, accuracy, calibration."""

import numpy as np

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
