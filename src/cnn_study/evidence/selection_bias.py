"""Selection bias: what a choice by one seed's scores reports, beside what can be expected."""

import statistics
from typing import Any

from cnn_study.base.inference import effect
from cnn_study.evidence.families import MEASURES
from cnn_study.evidence.read import Tables
from cnn_study.evidence.schemas import BEST_EPOCH


def selection_bias_rows(tables: Tables) -> list[dict[str, Any]]:
    """Give, for each choice by one seed, what is reported and what can be expected."""
    rows = _best_epochs(tables)
    held_out = {id_ for id_ in tables.study.experiments if tables.scores(id_, "validation_score")}
    groups = {
        name: [tables.study.file.questions[name].reference, *ids]
        for name, ids in tables.study.questions.items()
    }
    for images in ("test", "validation"):
        for among, ids in [*groups.items(), ("all experiments", list(tables.study.experiments))]:
            candidates = [id_ for id_ in dict.fromkeys(ids) if id_ in held_out]
            if len(candidates) > 1:
                rows += _best_experiments(tables, among, candidates, images)
    return rows


def selection_bias_means(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Average the choices of all seeds, and give the optimism its interval."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["rule"], row["among"]), []).append(row)
    means = []
    for (rule, among), choices in groups.items():
        optimism = effect([row["optimism"] for row in choices])
        means.append(
            {
                "rule": rule, "among": among, "seeds": optimism.n,
                "reported": statistics.fmean(row["reported"] for row in choices),
                "expected": statistics.fmean(row["expected"] for row in choices),
                "optimism": optimism.mean,
                "optimism_lower": optimism.lower, "optimism_upper": optimism.upper,
                "always_the_same": len({row["chosen"] for row in choices}) == 1,
            }
        )  # fmt: skip
    return means


def _best_epochs(tables: Tables) -> list[dict[str, Any]]:
    """Choose an epoch by each seed alone, and expect the mean of the other seeds after it."""
    rows = []
    watched = tables.epochs[tables.epochs["watched_test_score"].notna()]
    for id_, epochs in watched.groupby("experiment", sort=False):
        scores = epochs.pivot(index="epoch", columns="seed", values="watched_test_score")
        scores = scores.dropna()  # epochs after which every seed has a score
        for seed in scores.columns if len(scores) and len(scores.columns) > 1 else ():
            chosen = scores[seed].idxmax()
            reported = float(scores.loc[chosen, seed])
            expected = float(scores.loc[chosen].drop(seed).mean())
            rows.append(
                {
                    "rule": BEST_EPOCH, "among": id_, "seed": int(seed),
                    "chosen": f"epoch {chosen}", "reported": reported, "expected": expected,
                    "optimism": reported - expected,
                }
            )  # fmt: skip
    return rows


def _best_experiments(
    tables: Tables, among: str, ids: list[str], images: str
) -> list[dict[str, Any]]:
    """Choose by each seed alone, and expect the mean of the other seeds.

    By either kind of images the choice is among the same runs: those that have both scores.
    """
    scored = {
        id_: {measure: tables.scores(id_, f"{measure}_score") for measure in MEASURES}
        for id_ in ids
    }
    both = {id_: set.intersection(*map(set, scores.values())) for id_, scores in scored.items()}
    kept, seeds = comparable(both)
    by, tests = ({id_: scored[id_][measure] for id_ in kept} for measure in (images, "test"))
    rows = []
    for seed in seeds if len(by) > 1 < len(seeds) else ():
        chosen = max(by, key=lambda id_: by[id_][seed])
        reported = tests[chosen][seed]
        expected = statistics.fmean(tests[chosen][other] for other in seeds if other != seed)
        rows.append(
            {
                "rule": f"best by {images}", "among": among, "seed": seed, "chosen": chosen,
                "reported": reported, "expected": expected, "optimism": reported - expected,
            }
        )  # fmt: skip
    return rows


def comparable(scored: dict[str, set[int]]) -> tuple[list[str], list[int]]:
    """Keep the experiments that a choice can be made among, and the seeds that all of them have.

    Experiments with fewer such runs than others are left out: one that has a single run would
    leave no seed that all of them have.

    Args:
        scored: seeds of the runs with both scores, by experiment; at least one.
    """
    most = max(map(len, scored.values()))
    kept = [id_ for id_, seeds in scored.items() if len(seeds) == most]
    return kept, sorted(set.intersection(*(scored[id_] for id_ in kept)))
