"""What choosing by test scores would have told, beside what can be expected."""

import statistics
from typing import Any

from cnn_study.evidence.facts import Facts


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


def _best_epochs(facts: Facts) -> list[dict[str, Any]]:
    rows = []
    watched = facts.epochs[facts.epochs["watched_test_accuracy"].notna()]
    for (id_, seed), epochs in watched.groupby(["experiment", "seed"], sort=False):
        scores = epochs.set_index("epoch")["watched_test_accuracy"]
        told, honest = float(scores.max()), float(scores.loc[scores.index.max()])
        rows.append(
            {
                "habit": "best epoch", "among": id_, "seed": int(seed),
                "chosen": f"epoch {scores.idxmax()}", "told": told, "honest": honest,
                "gap": told - honest,
            }
        )  # fmt: skip
    return rows


def _best_experiments(
    facts: Facts, among: str, ids: list[str], images: str
) -> list[dict[str, Any]]:
    """Choose by each seed alone, and expect the mean of the other seeds.

    Experiments with fewer complete runs than others are left out: one that has a single run would
    leave no seed that all of them have.
    """
    tests = {id_: facts.scores(id_, "test_accuracy") for id_ in ids}
    most = max(len(scores) for scores in tests.values())
    tests = {id_: scores for id_, scores in tests.items() if len(scores) == most}
    by = {id_: facts.scores(id_, f"{images}_accuracy") for id_ in tests}
    seeds = sorted(set.intersection(*(set(scores) for scores in (*by.values(), *tests.values()))))
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
