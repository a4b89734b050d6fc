"""Rankings that published numbers make, checked by our runs."""

from typing import Any

import pandas as pd

from cnn_study.base.inference import single_run_margin
from cnn_study.evidence.families import family
from cnn_study.evidence.read import Tables

OUTCOMES = {
    "helps": "stands",
    "hurts": "reversed",
    "no meaningful difference": "no meaningful difference",
}


def ranking_rows(tables: Tables) -> list[dict[str, Any]]:
    """Check every ranking of two published numbers by our runs."""
    if not tables.study.file.published:
        return []
    rows = []
    for comparison, numbers in tables.frame("published").groupby("comparison", sort=False):
        rows += _rankings(tables, str(comparison), numbers)
    return rows


def _rankings(tables: Tables, comparison: str, numbers: pd.DataFrame) -> list[dict[str, Any]]:
    models = {
        model: (float(group["published_test_accuracy"].iloc[0]), list(group["experiment"]))
        for model, group in numbers.groupby("model", sort=False)
    }
    ranked = sorted(models, key=lambda model: -models[model][0])
    pairs = [
        (better, worse, ours, other)
        for place, better in enumerate(ranked)
        for worse in ranked[place + 1 :]
        for ours, other in zip(models[better][1], models[worse][1], strict=False)
        if ours != other and models[better][0] > models[worse][0]
    ]
    judge, scores = tables.judges["test"], tables.scores
    effects = [
        judge.effect(scores(ours, "test_accuracy"), scores(other, "test_accuracy"))
        for *_, ours, other in pairs
    ]
    doubts = [
        any(tables.partly_collapsed(id_, "test_accuracy") for id_ in pair[2:]) for pair in pairs
    ]
    judged = family(effects, "test", tables.study.smallest_effect, unreliable=doubts)
    rows = []
    for (better, worse, ours, other), difference, row in zip(pairs, effects, judged, strict=True):
        margin = single_run_margin(
            *(list(tables.scores(id_, "test_accuracy").values()) for id_ in (ours, other))
        )
        rows.append(
            {
                "comparison": comparison, "better": better, "worse": worse,
                "published_difference": models[better][0] - models[worse][0],
                "better_experiment": ours, "worse_experiment": other, **row,
                "single_run_margin": margin,
                "outcome": OUTCOMES.get(row["test_verdict"], "open"),
                "single_runs_could_tell":
                    None if margin is None or difference.mean is None
                    else abs(difference.mean) > margin,
            }
        )  # fmt: skip
    return rows
