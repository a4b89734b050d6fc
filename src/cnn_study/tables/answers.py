"""Which test images each run classifies correctly: one bit an image, beside the tables.

The bits come from the predictions that lie beside the records and from the correct answers, and
are held against what the records say. Of an experiment all complete runs are known, or none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnn_study.base.errors import UserError
from cnn_study.base.files import intact_arrays, write_arrays
from cnn_study.base.image_variance import by_unit
from cnn_study.runs import records
from cnn_study.runs.records import Record

FILE = "answers.npz"
TITLE = "Answers"
DESCRIPTION = (
    "Which test images each complete run classifies correctly, of the experiments whose "
    "predictions are all kept. NumPy arrays: experiments and seeds, one of each for a run; images, "
    "the number of test images; correct, a row for each run, with a bit for each image in the "
    "order of the dataset, eight to a byte, the first the highest (numpy.unpackbits)."
)
CONTRIBUTIONS = (
    " Also contributions, by run and image: of these, the score of a run by the study's metric is "
    "the mean, and their variance over the images is that of the score (infinitesimal jackknife)."
)

UNITS = (
    " Also units, for each image the number of the unit to which it belongs: images of one group, "
    "or nearly the same, which are no independent witnesses."
)

Recorded = tuple[Path, Record]
"""Where a record lies, and what it says."""


@dataclass(frozen=True)
class Answers:
    """What the complete runs of one experiment answered to the test images.

    Attributes:
        seeds: of the runs.
        correct: (runs, test images) bool.
        contributions: of each image to each run's score by the study's metric; None where that is
            accuracy.
        units: (test images,) the number of the unit to which each belongs, from 0; None where each
            stands for itself.
    """

    seeds: tuple[int, ...]
    correct: np.ndarray
    contributions: np.ndarray | None = None
    units: np.ndarray | None = None

    @property
    def scored(self) -> np.ndarray:
        """What each image, or unit of images, contributes to each run's score (runs, units)."""
        scored = self.correct if self.contributions is None else self.contributions
        return scored if self.units is None else by_unit(scored, self.units)


@dataclass(frozen=True)
class Given:
    """What complete runs of one experiment answered to the test images.

    Attributes:
        classes: predicted by each run (runs, test images).
        probability: that they give their answers, mean over the runs (test images,).
    """

    classes: np.ndarray
    probability: np.ndarray


def answers_of(runs: Iterable[Recorded], labels: np.ndarray | None) -> Given | None:
    """Read what complete runs answered, and check it.

    Args:
        runs: complete ones, of one experiment.
        labels: the correct answers (test images,); None where they are not known.

    Returns:
        None where answers or predictions are not kept, or where there is no run.

    Raises:
        UserError: predictions are not those that a run left, or do not lead to its scores.
    """
    classes, probabilities = [], []
    for path, record in runs:
        kept = records.predictions(path, record)
        if kept is None or labels is None:
            return None
        _check(path, record, kept["classes"], labels)
        classes.append(kept["classes"])
        probabilities.append(kept["probabilities"])
    return Given(np.stack(classes), np.mean(probabilities, axis=0)) if classes else None


def _check(path: Path, record: Record, classes: np.ndarray, labels: np.ndarray) -> None:
    """Refuse answers from which the record's confusion matrix and accuracy do not follow."""
    confusion = np.array(record.tested.confusion)
    fault = ""
    if classes.shape != labels.shape or classes.max(initial=0) >= len(confusion):
        fault = "they are of other test images"
    else:
        counted = np.zeros_like(confusion)
        np.add.at(counted, (labels, classes), 1)
        share = float((classes == labels).mean())
        if (counted != confusion).any():
            fault = f"{(counted != confusion).sum()} cells of its confusion matrix are others"
        elif abs(share - record.tested.accuracy) > 1e-6:
            fault = f"{share:.6f} of them are correct, and it says {record.tested.accuracy:.6f}"
    if fault:
        raise UserError(
            f"{path}: the predictions beside it and the correct answers do not give what it says: "
            f"{fault}. Either the answers are another dataset's: delete the folder `answers` of "
            "these results, and `python -m cnn_study look-alikes STUDY` makes it again from the "
            "dataset. Or the record was changed: delete it; the run is then trained again."
        )


def misread_images(classes: np.ndarray | None, labels: np.ndarray | None) -> int | None:
    """Count the test images that all runs call the same, and not what they show.

    Args:
        classes: predicted by each run (runs, test images).

    Returns:
        None for fewer than two runs, which agree in all.
    """
    if classes is None or labels is None or len(classes) < 2:
        return None
    return int(misread_alike(classes, labels).sum())


def misread_alike(classes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Tell of each test image whether all runs call it the same, and not what it shows."""
    return (classes == classes[0]).all(axis=0) & (classes[0] != labels)


def write(path: Path, answers: dict[str, Answers], images: int, units: Sequence[int] = ()) -> None:
    """Write the answers of all experiments, whole or not at all; equal ones give equal bytes.

    Args:
        images: how many test images there are.
        units: for each of them the number of its unit; none where each stands for itself.
    """
    runs = [(id_, seed) for id_, given in answers.items() for seed in given.seeds]
    bits = [np.packbits(given.correct, axis=1) for given in answers.values()]
    arrays = {
        "experiments": np.array([id_ for id_, _ in runs], dtype="U"),
        "seeds": np.array([seed for _, seed in runs], dtype="int64"),
        "images": np.array(images),
        "correct": np.concatenate([np.empty((0, -(-images // 8)), "uint8"), *bits]),
    }
    known = [each.contributions for each in answers.values() if each.contributions is not None]
    if known and len(known) == len(answers):
        arrays["contributions"] = np.concatenate(known).astype("float32")
    if units:
        arrays["units"] = np.array(units, dtype="int32")
    write_arrays(path, arrays)


def read(folder: Path) -> dict[str, Answers]:
    """Read the answers beside the tables by experiment, in the order of the study.

    Raises:
        UserError: they are not there, or damaged.
    """

    def refuse(fault: str) -> UserError:
        return UserError(
            f"{folder / FILE}: {fault}. Make it first: python -m cnn_study tables STUDY"
        )

    arrays = intact_arrays(folder / FILE, refuse, ["experiments", "seeds", "images", "correct"])
    names, seeds = arrays["experiments"], arrays["seeds"]
    correct = np.unpackbits(arrays["correct"], axis=1, count=int(arrays["images"]))
    contributions, places = arrays.get("contributions"), dict[str, list[int]]()
    for place, id_ in enumerate(names.tolist()):
        places.setdefault(id_, []).append(place)
    return {
        id_: Answers(
            tuple(seeds[own].tolist()),
            correct[own].astype(bool),
            None if contributions is None else contributions[own].astype(float),
            arrays.get("units"),
        )
        for id_, own in places.items()
    }
