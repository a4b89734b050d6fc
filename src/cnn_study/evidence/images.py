"""What the test images leave open of each difference: alone, and together with the seeds."""

from typing import Any

import numpy as np

from cnn_study.base.image_variance import (
    Variance,
    margin,
    of_both,
    of_images,
    of_rest,
    reach,
)
from cnn_study.evidence.read import Tables
from cnn_study.tables.answers import Answers


def images_columns(tables: Tables, experiment: str, reference: str) -> dict[str, Any]:
    """Give the ledger's columns of one change that tell of test images.

    Empty where it is not known which images each run classifies correctly. What the seeds make of
    it is as the study's judge has it.
    """
    ours, theirs = (tables.answers.get(id_) for id_ in (experiment, reference))
    if ours is None or theirs is None:
        return {}
    by_images = of_images(ours.correct, theirs.correct)
    columns: dict[str, Any] = {"test_images_margin": margin(by_images)}
    judge = tables.judges["test"]
    difference = judge.effect(
        *(tables.scores(id_, "test_score") for id_ in (experiment, reference))
    )
    rest = _of_rest(ours, theirs, paired=judge.paired)
    mean, error, freedom = difference.mean, difference.error, difference.freedom
    if rest and mean is not None and error is not None and freedom is not None:
        both = reach(of_both(Variance(error**2, freedom), by_images, rest))
        # More degrees of freedom may make it narrower than what the seeds alone leave open.
        half = max(both, reach(Variance(error**2, freedom)))
        columns |= {"test_both_lower": mean - half, "test_both_upper": mean + half}
    return columns


def _of_rest(ours: Answers, theirs: Answers, *, paired: bool) -> list[Variance]:
    """Give what neither seeds nor images alone make of the variance of a difference.

    Args:
        paired: whether runs are set against each other seed by seed, or group against group.

    Returns:
        Of the paired differences, or of each group; empty where there are fewer than two runs.
    """
    groups: list[np.ndarray] = [ours.correct, theirs.correct]
    if paired:
        seeds = sorted(set(ours.seeds) & set(theirs.seeds))
        same = [answers.correct[np.isin(answers.seeds, seeds)] for answers in (ours, theirs)]
        groups = [same[0].astype(int) - same[1]]
    rest = [part for part in map(of_rest, groups) if part]
    return rest if len(rest) == len(groups) else []
