"""What the test images leave open of scores and differences: alone, and with the seeds."""

import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np

from cnn_study.base.image_variance import (
    Variance,
    alone,
    margin,
    of_both,
    of_images,
    of_rest,
    reach,
)
from cnn_study.base.inference import effect
from cnn_study.base.power import least_above_chance
from cnn_study.evidence.read import Tables
from cnn_study.study.model import Study
from cnn_study.tables.answers import Answers


def images_columns(tables: Tables, experiment: str, reference: str) -> dict[str, Any]:
    """Give the ledger's columns of one change that tell of test images.

    Empty where it is not known which images each run classifies correctly, or where all are of one
    unit. What the seeds make of it is as the study's judge has it.
    """
    ours, theirs = (tables.answers.get(id_) for id_ in (experiment, reference))
    if ours is None or theirs is None or ours.scored.shape[1] < 2:
        return {}
    by_images = of_images(ours.scored, theirs.scored)
    columns: dict[str, Any] = {"test_images_margin": margin(by_images)}
    judge = tables.judges["test"]
    difference = judge.effect(
        *(tables.scores(id_, "test_score") for id_ in (experiment, reference))
    )
    rest = _of_rest(ours, theirs, paired=judge.paired)
    mean, error, freedom = difference.mean, difference.error, difference.freedom
    if rest and mean is not None and error is not None and freedom is not None:
        half = _half(Variance(error**2, freedom), by_images, rest)
        # No difference of shares lies beyond, however few degrees of freedom there are.
        ends = {"test_both_lower": max(mean - half, -1.0), "test_both_upper": min(mean + half, 1.0)}
        columns |= ends
    return columns


def _half(seeds: Variance, images: Variance, rest: Sequence[Variance]) -> float:
    """Give the half width of the interval over seeds and images.

    More degrees of freedom may make it narrower than what the seeds alone leave open; it is not.
    """
    return max(reach(of_both(seeds, images, rest)), reach(seeds))


def score_rows(tables: Tables) -> list[dict[str, Any]]:
    """Give what seeds and test images leave open of each experiment's mean score itself."""
    rows = []
    for id_ in tables.study.experiments:
        scores = list(tables.scores(id_, "test_score").values())
        mean = effect(scores)
        row: dict[str, Any] = {"experiment": id_, "runs": mean.n, "mean": mean.mean}
        row |= {"lower": mean.lower, "upper": mean.upper}
        answers = tables.answers.get(id_)
        if answers is not None and mean.mean is not None and answers.scored.shape[1] > 1:
            row |= _open(answers, scores, mean.mean)
        if mean.mean is not None:
            better = beats_guessing(tables.study, mean.mean, row.get("images_margin"))
            row["better_than_guessing"] = better
        rows.append(row)
    return rows


def beats_guessing(study: Study, mean: float, margin: float | None) -> bool:
    """Tell whether a mean test score is surely better than what answers get that look at no image.

    Args:
        margin: what the choice of test images leaves open of it; None where that is not known, and
            what it makes of guessing is all there is to go by.
    """
    metric = study.metric.name
    least = least_above_chance(metric, study.chance, study.dataset.test_witnesses_for(metric))
    return mean > least and mean - (margin or 0) > study.chance


def _open(answers: Answers, scores: list[float], mean: float) -> dict[str, float]:
    """Say what the choice of test images leaves open of a mean score, alone and with the seeds."""
    images = alone(answers.scored)
    columns, rest = {"images_margin": margin(images)}, of_rest(answers.scored)
    if rest is not None:
        seeds = Variance(statistics.variance(scores) / len(scores), len(scores) - 1)
        half = _half(seeds, images, [rest])
        columns |= {"both_lower": max(mean - half, 0.0), "both_upper": min(mean + half, 1.0)}
    return columns


def _of_rest(ours: Answers, theirs: Answers, *, paired: bool) -> list[Variance]:
    """Give what neither seeds nor images alone make of the variance of a difference.

    Args:
        paired: whether runs are set against each other seed by seed, or group against group.

    Returns:
        Of the paired differences, or of each group; empty where there are fewer than two runs.
    """
    groups: list[np.ndarray] = [ours.scored, theirs.scored]
    if paired:
        seeds = sorted(set(ours.seeds) & set(theirs.seeds))
        same = [answers.scored[np.isin(answers.seeds, seeds)] for answers in (ours, theirs)]
        groups = [same[0].astype(float) - same[1]]
    rest = [part for part in map(of_rest, groups) if part]
    return rest if len(rest) == len(groups) else []
