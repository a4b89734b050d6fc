"""What choosing by test scores would have told, beside what can be expected."""

import statistics
from typing import Any

from cnn_study.base.inference import effect
from cnn_study.evidence.facts import MEASURES, Facts
from cnn_study.evidence.schemas import BEST_EPOCH


def habit_rows(facts: Facts) -> list[dict[str, Any]]:
    """Give what choosing by test scores would have told, beside what can be expected."""
    rows = _best_epochs(facts)
    held_out = [id_ for id_ in facts.study.experiments if facts.scores(id_, "validation_accuracy")]
    groups = {
        name: [facts.study.file.questions[name].reference, *ids]
        for name, ids in facts.study.questions.items()
    }
    for images in ("test", "validation"):
        for among, ids in [*groups.items(), ("all experiments", list(facts.study.experiments))]:
            candidates = [id_ for id_ in dict.fromkeys(ids) if id_ in held_out]
            if len(candidates) > 1:
                rows += _best_experiments(facts, among, candidates, images)
    return rows


def habit_means(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Average the choices of all seeds, and give the optimism its interval."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["habit"], row["among"]), []).append(row)
    found = []
    for (habit, among), mine in groups.items():
        gap = effect([row["gap"] for row in mine])
        found.append(
            {
                "habit": habit, "among": among, "seeds": gap.n,
                "told": statistics.fmean(row["told"] for row in mine),
                "honest": statistics.fmean(row["honest"] for row in mine),
                "gap": gap.mean, "gap_lower": gap.lower, "gap_upper": gap.upper,
                "always_the_same": len({row["chosen"] for row in mine}) == 1,
            }
        )  # fmt: skip
    return found


def _best_epochs(facts: Facts) -> list[dict[str, Any]]:
    """Choose an epoch by each seed alone, and expect the mean of the other seeds after it."""
    rows = []
    watched = facts.epochs[facts.epochs["watched_test_accuracy"].notna()]
    for id_, epochs in watched.groupby("experiment", sort=False):
        scores = epochs.pivot(index="epoch", columns="seed", values="watched_test_accuracy")
        scores = scores.dropna()  # epochs after which every seed has a score
        for seed in scores.columns if len(scores) and len(scores.columns) > 1 else ():
            chosen = scores[seed].idxmax()
            told = float(scores.loc[chosen, seed])
            honest = float(scores.loc[chosen].drop(seed).mean())
            rows.append(
                {
                    "habit": BEST_EPOCH, "among": id_, "seed": int(seed),
                    "chosen": f"epoch {chosen}", "told": told, "honest": honest,
                    "gap": told - honest,
                }
            )  # fmt: skip
    return rows


def _best_experiments(
    facts: Facts, among: str, ids: list[str], images: str
) -> list[dict[str, Any]]:
    """Choose by each seed alone, and expect the mean of the other seeds.

    By either kind of images the choice is among the same runs: those that have both scores.
    """
    scored = {id_: {one: facts.scores(id_, f"{one}_accuracy") for one in MEASURES} for id_ in ids}
    both = {id_: set.intersection(*map(set, scores.values())) for id_, scores in scored.items()}
    kept, seeds = comparable(both)
    by, tests = ({id_: scored[id_][one] for id_ in kept} for one in (images, "test"))
    rows = []
    for seed in seeds if len(by) > 1 < len(seeds) else ():
        chosen = max(by, key=lambda id_: by[id_][seed])
        told = tests[chosen][seed]
        honest = statistics.fmean(tests[chosen][other] for other in seeds if other != seed)
        rows.append(
            {
                "habit": f"best by {images}", "among": among, "seed": seed, "chosen": chosen,
                "told": told, "honest": honest, "gap": told - honest,
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
