"""The correct answers of the test images, kept beside the runs: known where the dataset is not.

With them the kept predictions say image by image what each run got right. Whoever has the images
in hand keeps them; everybody else reads them here, or does without.
"""

from pathlib import Path

import numpy as np

from cnn_study.base import files
from cnn_study.base.errors import UserError
from cnn_study.data.catalog import Dataset
from cnn_study.data.images import Images
from cnn_study.study.model import Study

REMEDY = (
    "Delete it; the workflow, or `python -m cnn_study look-alikes STUDY`, makes it again from the "
    "dataset."
)


def place(study: Study, results: Path) -> Path:
    """Name the file of a study's correct answers after the content of its dataset."""
    return results / "answers" / f"{study.dataset.digest}.npz"


def keep(study: Study, results: Path, images: Images) -> None:
    """Write the correct answers of the test images, unless they are there.

    The file is whole or absent, and the same whoever writes it: two processes do no harm.

    Args:
        images: the study's dataset.
    """
    path = place(study, results)
    if not path.exists():
        files.write_arrays(path, {"labels": images.test_labels})


def read(study: Study, results: Path) -> np.ndarray | None:
    """Read the correct answers of the test images, in canonical order.

    Returns:
        (test images,), places in the class names, of the type Dataset.label_type; None where
        nobody has kept them.

    Raises:
        UserError: the file is damaged, or cannot be this dataset's.
    """
    path = place(study, results)
    if not path.exists():
        return None

    def refuse(fault: str) -> UserError:
        return UserError(f"{path} does not hold this dataset's answers: {fault}. {REMEDY}")

    labels = files.intact_arrays(path, refuse, ["labels"])["labels"]
    if fault := _fault(labels, study.dataset):
        raise refuse(fault)
    return labels


def _fault(labels: np.ndarray, dataset: Dataset) -> str:
    """Say what is wrong with labels by themselves; nothing if all is well."""
    images, classes, expected = dataset.test_images, len(dataset.class_names), dataset.label_type
    if labels.dtype != expected or labels.shape != (images,):
        return f"labels is {labels.dtype}{labels.shape}, expected {expected}({images},)"
    if labels.max(initial=0) >= classes:
        return f"it names class {labels.max()}, and the last one is {classes - 1}"
    return ""
