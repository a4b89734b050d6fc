"""Orders of printed numbers, checked by our runs."""

from typing import Any

import pandas as pd

from cnn_study.base.inference import effect, single_run_margin
from cnn_study.evidence.facts import Facts, family

OUTCOMES = {
    "helps": "stands",
    "hurts": "reversed",
    "no meaningful difference": "no meaningful difference",
}


def order_rows(facts: Facts) -> list[dict[str, Any]]:
    """Check every order of two printed numbers by our runs."""
    if facts.published is None:
        return []
    rows = []
    for comparison, numbers in facts.published.groupby("comparison", sort=False):
        rows += _orders(facts, comparison, numbers)
    return rows


def _orders(facts: Facts, comparison: str, numbers: pd.DataFrame) -> list[dict[str, Any]]:
    models = {
        model: (float(group["published_test_accuracy"].iloc[0]), list(group["experiment"]))
        for model, group in numbers.groupby("model", sort=False)
    }
    ranked = sorted(models, key=lambda model: -models[model][0])
    pairs = [
        (better, worse, mine, other)
        for place, better in enumerate(ranked)
        for worse in ranked[place + 1 :]
        for mine, other in zip(models[better][1], models[worse][1], strict=False)
        if mine != other and models[better][0] > models[worse][0]
    ]
    effects = [
        effect(list(facts.differences(mine, other, "test").values())) for *_, mine, other in pairs
    ]
    judged = family(effects, "test", facts.study.smallest_effect)
    rows = []
    for (better, worse, mine, other), found, row in zip(pairs, effects, judged, strict=True):
        margin = single_run_margin(
            *(list(facts.scores(one, "test_accuracy").values()) for one in (mine, other))
        )
        rows.append(
            {
                "comparison": comparison, "better": better, "worse": worse,
                "printed_difference": models[better][0] - models[worse][0],
                "better_experiment": mine, "worse_experiment": other, **row,
                "single_run_margin": margin,
                "outcome": OUTCOMES.get(row["test_verdict"], "open"),
                "single_runs_could_tell":
                    None if margin is None or not found.n else abs(found.mean) > margin,
            }
        )  # fmt: skip
    return rows
