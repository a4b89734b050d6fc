"""What each image contributes to a score, so that what holds of accuracy holds of other metrics.

Pure functions of answers; know nothing of studies. The contributions of a run's images have its
score as their mean. Those to accuracy are 1 where the answer is right, else 0. To any other score
an image contributes the score itself and what it would move, were there a little more of it: the
infinitesimal jackknife (Efron, 1982, The Jackknife, the Bootstrap and Other Resampling Plans,
chapter 6). Their variance over the images is then that of the score, by the delta method: of
balanced accuracy the sum of p (1 - p) / (K² n_c), and of AUC that of DeLong, DeLong and
Clarke-Pearson (1988), but for n in place of n - 1.
"""

import numpy as np

from cnn_study.base.metrics import Tally, auc, by_classes, ranks


def of_answers(metric: str, labels: np.ndarray, answers: np.ndarray, classes: int) -> np.ndarray:
    """Give what each image contributes to a score that follows from counts of classes.

    Args:
        labels: (images,) true classes.
        answers: (images,) of one run.

    Returns:
        (images,) float.
    """
    right = answers == labels
    if metric == "accuracy":
        return right.astype(float)
    tally = Tally.of(labels, answers, classes)
    score, known = by_classes(metric, tally), np.asarray(tally.actual) > 0
    counted, predicted, actual = (
        np.asarray(of, dtype=float) for of in (tally.right, tally.predicted, tally.actual)
    )
    weight = len(labels) / known.sum()
    if metric == "balanced_accuracy":
        recalls = counted / np.maximum(actual, 1)
        return score + weight * (right - recalls[labels]) / actual[labels]
    both = np.maximum(predicted + actual, 1)
    f1 = 2 * counted / both
    moved = (2 * right - f1[labels]) / both[labels] - known[answers] * f1[answers] / both[answers]
    return score + weight * moved


def of_probabilities(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray | None:
    """Give what each image contributes to the AUC.

    Args:
        labels: (images,) 0 or 1.
        probabilities: (images,) of class 1, or anything that rises with it.

    Returns:
        (images,) float; None where a class has no image.
    """
    score, second = auc(labels, probabilities), labels == 1
    if score is None:
        return None
    among_all, shares = ranks(probabilities), np.empty(len(labels))
    for own, is_second in ((second, True), (~second, False)):
        below = (among_all[own] - ranks(probabilities[own])) / (~own).sum()  # ties by half
        in_order = below if is_second else 1 - below
        shares[own] = score + len(labels) * (in_order - score) / own.sum()
    return shares
