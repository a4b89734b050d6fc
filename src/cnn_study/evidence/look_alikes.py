"""Every accuracy with and without the test images that resemble a training image."""

from typing import Any

import numpy as np

from cnn_study.base.image_variance import of_part, reach
from cnn_study.evidence.read import Tables
from cnn_study.tables.answers import Answers


def look_alike_rows(tables: Tables) -> list[dict[str, Any]]:
    """Give one row for each experiment whose runs' answers are known; none without look-alikes."""
    alike = np.zeros(tables.test_images, dtype=bool)
    alike[tables.look_alikes["test_index"].to_numpy(dtype=int)] = True
    if alike.all() or not alike.any():
        return []
    rows = {id_: _row(id_, answers, alike) for id_, answers in tables.answers.items()}
    for id_, row in rows.items():
        reference = tables.study.experiments[id_].reference
        if reference in rows:
            row |= _against(row, reference, rows[reference])
    return list(rows.values())


def _row(experiment: str, answers: Answers, alike: np.ndarray) -> dict[str, Any]:
    correct = answers.correct
    all_, rest = float(correct.mean()), float(correct[:, ~alike].mean())
    known = of_part(correct, alike, answers.units)
    half = reach(known) if known else None
    return {
        "experiment": experiment,
        "runs": len(correct),
        "images": int(alike.sum()),
        "test_accuracy": all_,
        "test_accuracy_without": rest,
        "look_alikes_accuracy": float(correct[:, alike].mean()),
        "gain": all_ - rest,
        "gain_lower": None if half is None else all_ - rest - half,
        "gain_upper": None if half is None else all_ - rest + half,
    }


def _against(row: dict[str, Any], reference: str, theirs: dict[str, Any]) -> dict[str, Any]:
    """Give the difference to the experiment that was changed, with and without."""
    names = ("test_accuracy", "test_accuracy_without")
    with_all, without = (row[name] - theirs[name] for name in names)
    return {
        "reference": reference,
        "difference": with_all,
        "difference_without": without,
        "shift": without - with_all,
    }
