"""Test images that every run of an experiment takes for the same wrong class, one by one.

They are named by their place in the test set and, where they are the study's own, by their key:
names of files may tell what is nobody's business, and are not known here.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from cnn_study.study.model import Study
from cnn_study.tables.answers import Given, misread_alike


def misread_rows(
    study: Study,
    given: Mapping[str, Given],
    labels: np.ndarray | None,
    listed: Collection[str],
) -> list[dict[str, Any]]:
    """Give a row for each such image of some experiments, those that it is surest of first.

    Args:
        given: what the runs of each experiment answered, in the order of the study.
        labels: the correct answers (test images,); None where they are not known.
        listed: the experiments; all are asked which of them agree.
    """
    if labels is None:
        return []
    known = {id_: answers for id_, answers in given.items() if len(answers.classes) > 1}
    wrong = {
        id_: np.flatnonzero(misread_alike(answers.classes, labels))
        for id_, answers in known.items()
    }
    agreeing = Counter(
        (int(image), int(known[id_].classes[0, image]))
        for id_, images in wrong.items()
        for image in images
    )
    names, keys = study.dataset.class_names, study.dataset.test_keys
    rows = []
    for id_, answers in ((id_, known[id_]) for id_ in known if id_ in listed):
        surest = wrong[id_][np.argsort(-answers.probability[wrong[id_]], kind="stable")]
        for image in map(int, surest):
            predicted = int(answers.classes[0, image])
            rows.append(
                {
                    "experiment": id_,
                    "test_index": image,
                    "image_key": keys[image] if keys else None,
                    "true_class": names[labels[image]],
                    "predicted_class": names[predicted],
                    "mean_probability": float(answers.probability[image]),
                    "runs": len(answers.classes),
                    "experiments": agreeing[image, predicted],
                }
            )
    return rows
