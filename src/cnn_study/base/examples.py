"""Examples of text and figures that are worked with numbers, so that none of them is typed.

Pure functions on made-up numbers. Knows nothing of studies.
"""

from typing import Any

import numpy as np


def image() -> dict[str, Any]:
    """Work one small image through a convolution, ReLU and pooling.

    Returns:
        image (6, 6), kernel (3, 3), feature_map (4, 4), rectified (4, 4), pooled (2, 2), strided
        (2, 2; every second place of the feature map) as lists of whole numbers; terms and row_sum:
        what each row of the kernel gives in the first place.
    """
    image = np.ones((6, 6), int)
    image[:4, 2:4] = 7  # A bright bar that ends above the lower border.
    kernel = np.array([[-1, 0, 1]] * 3)
    feature_map = np.array(convolved(image, kernel))
    rectified = np.maximum(feature_map, 0)
    pooled = rectified.reshape(2, 2, 2, 2).max(axis=(1, 3))
    arrays = {"image": image, "kernel": kernel, "feature_map": feature_map}
    arrays |= {"rectified": rectified, "pooled": pooled, "strided": feature_map[::2, ::2]}
    return {name: array.tolist() for name, array in arrays.items()} | {
        "terms": list(zip(kernel[0].tolist(), image[0, :3].tolist(), strict=True)),
        "row_sum": int(kernel[0] @ image[0, :3]),
    }


def convolved(image: Any, kernel: Any) -> list[list[int]]:
    """Lay a kernel on every place of an image, as layers of convolution do, without padding.

    Args:
        image: (height, width).
        kernel: (rows, columns), not larger.
    """
    windows = np.lib.stride_tricks.sliding_window_view(np.array(image), np.shape(kernel))
    return (windows * np.array(kernel)).sum(axis=(2, 3)).tolist()


def distance() -> dict[str, Any]:
    """Work the Euclidean distance of two images of three pixels.

    Returns:
        first, second, differences, the total of their squares, and its root.
    """
    first, second = np.array([10, 200, 30]), np.array([12, 194, 33])
    differences = first - second
    total = int((differences**2).sum())
    return {
        "first": first.tolist(),
        "second": second.tolist(),
        "differences": differences.tolist(),
        "total": total,
        "distance": total**0.5,
    }


TRUE_CLASS = 1
STEP = 1.0
"""Learning rate of the example; so large that one step shows."""


def answer() -> dict[str, Any]:
    """Turn three scores into probabilities and losses, and take one step of gradient descent.

    The slope of the cross-entropy of a softmax to its scores is the probability less 1 for the true
    class and the probability for every other (Goodfellow et al. 2016, section 6.2.2.3).

    Returns:
        scores, probabilities, and losses for each of the three as the true class; true_class (from
        0), learning_rate, slopes, and scores, probability and loss of the true class after a step.
    """
    scores = np.array([2, 1, -2])
    probabilities = _softmax(scores)
    slopes = probabilities - np.eye(3)[TRUE_CLASS]
    moved = scores - STEP * slopes
    after = _softmax(moved)
    return {
        "scores": scores.tolist(),
        "probabilities": probabilities.tolist(),
        "losses": (-np.log(probabilities)).tolist(),
        "true_class": TRUE_CLASS,
        "learning_rate": STEP,
        "slopes": slopes.tolist(),
        "moved": moved.tolist(),
        "probability_after": float(after[TRUE_CLASS]),
        "loss_after": float(-np.log(after[TRUE_CLASS])),
    }


def _softmax(scores: np.ndarray) -> np.ndarray:
    return np.exp(scores) / np.exp(scores).sum()


DESCENTS = {0.05: "too small", 0.3: "about right", 1.04: "too large"}
"""Learning rates at which `descent` is shown, and what they are."""


def descent(learning_rate: float, steps: int = 8, start: float = -0.75) -> list[float]:
    """Take steps of gradient descent on the loss w², whose slope is 2 w.

    Returns:
        The parameter w at first and after each step: it shrinks by the factor 1 - 2 learning_rate.
    """
    path = [start]
    for _ in range(steps):
        path.append(path[-1] - learning_rate * 2 * path[-1])
    return path
