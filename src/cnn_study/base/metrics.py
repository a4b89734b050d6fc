"""The scores that a study may go by: what each is called, worked out, and had by guessing.

Pure functions of counts and probabilities; knows nothing of studies, records or tables. Every
score is a share: 0 to 1, and more is better. Words and chance are wanted where there is no NumPy
yet, so only what is given arrays imports it.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np

MetricName = Literal["accuracy", "balanced_accuracy", "macro_f1", "auc"]


@dataclass(frozen=True)
class Metric:
    """One way to score answers, and its words.

    Attributes:
        name: as the study file and the columns of tables say it.
        label: as sentences and axes say it, such as balanced accuracy.
        meaning: what it is, in words that go on from *its label is*.
        why: what it is good for.
    """

    name: MetricName
    label: str
    meaning: str
    why: str

    @property
    def title(self) -> str:
        """Its label at the beginning of a sentence or of an axis."""
        return self.label[0].upper() + self.label[1:]

    @property
    def with_article(self) -> str:
        """Its label as one of several, such as an AUC."""
        return f"{'an' if self.label[0] in 'aA' else 'a'} {self.label}"

    @property
    def decided_by_classes(self) -> bool:
        """Whether right answers, predictions and images of each class are enough for it."""
        return self.name != "auc"


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "accuracy",
            "accuracy",
            "the share of images classified correctly",
            "for classes that have about as many images each",
        ),
        Metric(
            "balanced_accuracy",
            "balanced accuracy",
            "the mean over the classes of the share of their images classified correctly "
            "(recall): a class with few images counts as much as one with many",
            "for classes of different sizes",
        ),
        Metric(
            "macro_f1",
            "macro F1",
            "the mean over the classes of F1, which is twice the images of a class classified "
            "correctly, over its images and the predictions of it together: a class counts as "
            "much as another, and is not had by naming it often",
            "for classes of different sizes, where false alarms matter as much as misses",
        ),
        Metric(
            "auc",
            "AUC",
            "the area under the receiver operating characteristic, which is how often an image of "
            "the second class is given a higher probability of it than one of the first, ties by "
            "half",
            "for two classes, where the threshold is chosen later",
        ),
    )
}


@dataclass(frozen=True)
class Tally:
    """What answers to images of known classes come to, class by class.

    Attributes:
        right: images of each class classified correctly.
        predicted: images that were taken for it.
        actual: images of it.
    """

    right: Sequence[int]
    predicted: Sequence[int]
    actual: Sequence[int]

    @classmethod
    def of(cls, labels: "np.ndarray", answers: "np.ndarray", classes: int) -> "Tally":
        """Count answers (images,) against labels (images,)."""
        import numpy as np

        right = np.bincount(labels[labels == answers], minlength=classes)
        predicted, actual = (np.bincount(of, minlength=classes) for of in (answers, labels))
        return cls(right.tolist(), predicted.tolist(), actual.tolist())

    @classmethod
    def of_confusion(cls, confusion: Sequence[Sequence[int]]) -> "Tally":
        """Add up a confusion matrix [true class][predicted class]."""
        right = [row[place] for place, row in enumerate(confusion)]
        predicted = [sum(column) for column in zip(*confusion, strict=True)]
        return cls(right, predicted, [sum(row) for row in confusion])


def by_classes(metric: str, tally: Tally) -> float:
    """Work out accuracy, balanced accuracy or macro F1.

    Classes without an image are left out of the means, as scikit-learn's balanced_accuracy_score
    does, and f1_score where it is told which labels there are. F1 of a class is 2 right /
    (predicted + actual) (van Rijsbergen, 1979).

    Args:
        tally: of one image or more.
    """
    classes = [
        one for one in zip(tally.right, tally.predicted, tally.actual, strict=True) if one[2]
    ]
    if metric == "accuracy":
        return sum(tally.right) / sum(tally.actual)
    if metric == "balanced_accuracy":
        return statistics.fmean(right / actual for right, _, actual in classes)
    if metric == "macro_f1":
        return statistics.fmean(2 * right / (said + actual) for right, said, actual in classes)
    raise ValueError(f"{metric} does not follow from counts of classes")


def ranks(values: "np.ndarray") -> "np.ndarray":
    """Rank values from 1 on, equal ones by the mean of their ranks.

    As scipy.stats.rankdata, whose import would add 73 MiB and a second to each training.
    """
    import numpy as np

    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (counts.cumsum() - (counts - 1) / 2)[places]


def auc(labels: "np.ndarray", probabilities: "np.ndarray") -> float | None:
    """Work out the area under the receiver operating characteristic of two classes.

    The share of pairs of an image of either class that are in order, ties by half (Mann and
    Whitney, 1947).

    Args:
        labels: (images,) 0 or 1.
        probabilities: (images,) of class 1.

    Returns:
        None where a class has no image.
    """
    second = labels == 1
    n, m = int(second.sum()), int((~second).sum())
    if not n or not m:
        return None
    return float((ranks(probabilities)[second].sum() - n * (n + 1) / 2) / (n * m))


def chance(metric: str, class_counts: Sequence[int]) -> float:
    """Give the most that can be expected of answers for which no image was looked at.

    Accuracy: of always naming the largest class. Balanced accuracy: any such answers have a mean
    recall of 1 / classes. Macro F1: naming each class as often as it occurs, p, gives it a
    precision and a recall of p each, which is best: the sum of 2 p q / (p + q) over shares q that
    add up to 1 is largest at q = p. AUC: one half.

    Args:
        class_counts: images of each class, one or more in all.
    """
    sizes = [count for count in class_counts if count]
    if metric == "auc":
        return 0.5
    return max(sizes) / sum(sizes) if metric == "accuracy" else 1 / len(sizes)


def images_like(metric: str, class_counts: Sequence[int]) -> int:
    """Give how many images of equally large classes tell a score as exactly as these do.

    A mean over K classes of shares of n_c images each has the variance of the sum of
    p (1 - p) / (K² n_c), which N images of equally large classes make p (1 - p) / N. For F1 and
    AUC, which hang on the classes in the same way, it is a rule of thumb.

    Args:
        class_counts: images of each class, one or more in all.
    """
    sizes = [count for count in class_counts if count]
    if metric == "accuracy":
        return sum(sizes)
    return round(len(sizes) ** 2 / sum(1 / size for size in sizes))


LEARNED = 1 / 18
"""Of the way from chance to all right; for ten classes that count alike it is half of chance."""

COLLAPSE = 1.5
"""Times chance."""


def collapse_below(chance: float) -> float:
    """Give the score below which a run has learned next to nothing.

    1.5 times chance. Above one tenth that would be much, and beyond 1 where a class has most of
    the images, so there it is an eighteenth of the way from chance to 1.
    """
    return min(COLLAPSE * chance, chance + LEARNED * (1 - chance))


def collapsed(scores: Sequence[float], chance: float) -> int:
    """Count the runs that hardly do better than guessing."""
    least = collapse_below(chance) - 1e-9  # a score that is equal but for rounding has not
    return sum(score < least for score in scores)
