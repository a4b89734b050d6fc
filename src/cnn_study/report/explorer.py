"""Every experiment and winner as data for the page, where a reader sorts and compares them.

Nothing is judged here: verdicts and intervals are those of the evidence, and what it does not
have is left out. Accuracies and differences are shares.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from cnn_study.base.inference import LEVEL, Effect
from cnn_study.evidence.findings import Findings
from cnn_study.evidence.judged import Change
from cnn_study.evidence.read import Tables
from cnn_study.evidence.results import Result, read_results
from cnn_study.report.energy import energy_of
from cnn_study.study.groups import ORDER
from cnn_study.study.model import Study
from cnn_study.study.settings import value_text

ELEMENT = "explorer-data"
"""Id of the page's element that holds the experiments."""

WINNER = "search-"
"""Stands before a budget's id in the id of its winner."""

DIGITS = 4
"""Decimals of an epoch's accuracies: more than a curve shows."""

CLOCKS = {
    "training_cpu_seconds": "processor time of a training, seconds",
    "training_seconds": "time of a training, seconds",
}
"""What `Tables.clock` tells, in words."""


def explored(study: Study, tables: Tables, findings: Findings) -> dict[str, Any]:
    """Gather what the page needs to sort, filter and compare; ready for JSON.

    Returns:
        study, results (the folder as a newcomer sees it), metric (its label), accuracy (whether
        that stands beside it), level (of the intervals), seconds (which clock), classes, groups
        (in order), questions (title and group), base (its settings as text), rows (one an
        experiment, with the joules of a training where any was measured, then one a winner of the
        search).
    """
    results, energy = read_results(tables), energy_of(tables)
    experiments = [
        _experiment(study, tables, findings, id_, result)
        | ({"joules": energy.of[id_]} if energy else {})
        for id_, result in results.items()
    ]
    return {
        "study": study.name,
        "results": f"results/{study.name}",
        "metric": study.metric.label,
        "accuracy": study.metric.name != "accuracy",
        "level": LEVEL,
        "seconds": CLOCKS[tables.clock],
        "classes": list(study.dataset.class_names),
        "groups": [group for group in ORDER if group in study.groups],
        "questions": {
            name: {"title": study.file.questions[name].title, "group": group}
            for group, names in study.groups.items()
            for name in names
        },
        "base": _settings(study, "base"),
        "rows": [*experiments, *_winners(study, tables, findings)],
    }


# ------------------------------------------------------------------------------- an experiment


def _experiment(
    study: Study, tables: Tables, findings: Findings, id_: str, result: Result
) -> dict[str, Any]:
    change = findings.changes.get(id_)
    return {
        "id": id_,
        "label": study.full_label(id_),
        "kind": "experiment",
        **_costs(result.macs, result.parameters, result.seconds),
        "test": [result.test.mean, result.test.deviation],
        "accuracy": [result.accuracy.mean, result.accuracy.deviation],
        "validation": [result.validation.mean, result.validation.deviation],
        "calibration": result.calibration.mean,
        "planned": result.planned,
        "complete": result.complete,
        "changed": _changed(study, id_),
        "seeds": _seeds(tables, id_),
        "curve": _curve(tables, id_),
        "classes": _classes(study, tables, id_),
        "against": [
            *_judged(study, findings, change),
            *_over_base(findings, id_, change),
            *_ranked(findings, id_, change),
        ],
        "fresh": _fresh(findings, id_),
    }


def _costs(macs: int | None, parameters: int | None, seconds: float | None) -> dict[str, Any]:
    return {"macs": macs, "parameters": parameters, "seconds": seconds}


def _settings(study: Study, id_: str) -> dict[str, str]:
    given = study.experiments[id_].settings.model_dump()
    return {name: value_text(value) for name, value in given.items()}


def _changed(study: Study, id_: str) -> dict[str, str]:
    """Give the settings in which an experiment differs from the base."""
    base = _settings(study, "base")
    return {name: value for name, value in _settings(study, id_).items() if value != base[name]}


def _seeds(tables: Tables, id_: str) -> list[list[Any]]:
    """Give seed, status, validation and test score of every run of an experiment."""
    names = ("seed", "status", "validation_score", "test_score")
    return [[row[name] for name in names] for row in tables.runs_by_experiment[id_]]


def _curve(tables: Tables, id_: str) -> dict[str, list[float]]:
    """Give the mean accuracies over the complete runs, epoch by epoch; empty without any."""
    epochs = tables.epochs_by_experiment.get(id_)
    kinds = {"training": "training_accuracy", "validation": "validation_accuracy"}
    if epochs is None:
        return {kind: [] for kind in kinds}
    means = epochs.groupby("epoch")[list(kinds.values())].mean()
    return {
        kind: [] if means[name].isna().any() else [round(value, DIGITS) for value in means[name]]
        for kind, name in kinds.items()
    }


def _classes(study: Study, tables: Tables, id_: str) -> list[float | None]:
    """Give the share of each class's test images that the complete runs get right."""
    if id_ not in tables.classes_by_experiment:
        return [None] * len(study.dataset.class_names)
    sums = tables.classes_by_experiment[id_].groupby("class")[["correct", "images"]].sum()
    shares = (sums["correct"] / sums["images"]).round(DIGITS).to_dict()
    return [shares.get(name) for name in study.dataset.class_names]


# ------------------------------------------------------------------------------- differences


def _judged(study: Study, findings: Findings, change: Change | None) -> Iterable[dict[str, Any]]:
    """Give what the ledger says of a change; nothing of the base."""
    if change is None:
        return
    effects = findings.class_effects
    names = study.dataset.class_names
    keys = [(change.experiment, change.reference, name) for name in names]
    classes = [_class_effect(effects[key]) for key in keys if key in effects]
    yield _against(change.reference, change.test, "evidence/ledger.csv") | {
        "question": change.question,
        "verdict": change.verdict,
        "p": change.test.p_holm,
        "survives": bool(change.survives),
        "validation_verdict": change.validation.verdict,
        "seeds_to_settle": change.row["seeds_to_settle"],
        "classes": classes if len(classes) == len(names) else [],
    }


def _against(reference: str, effect: Effect, file: str) -> dict[str, Any]:
    return {
        "reference": reference,
        "difference": effect.mean,
        "lower": effect.lower,
        "upper": effect.upper,
        "runs": effect.n,
        "file": file,
    }


def _class_effect(effect: Effect) -> list[Any]:
    return [effect.mean, effect.verdict]


def _over_base(findings: Findings, id_: str, change: Change | None) -> Iterable[dict[str, Any]]:
    """Give what an experiment gains over the base, where the ledger sets it against another."""
    effect = findings.over_base.get(id_)
    if effect and change and change.reference != "base":
        yield _against("base", effect, "evidence/over-base.csv")


def _ranked(findings: Findings, id_: str, change: Change | None) -> Iterable[dict[str, Any]]:
    """Give what is said of an experiment and those that somebody published to be worse.

    Once of each, though several published numbers may say so, and not what the ledger judges.
    """
    pairs = [pair for ranking in findings.rankings for pair in ranking.ours if pair.better == id_]
    for worse, pair in {pair.worse: pair for pair in pairs}.items():
        if change is None or worse != change.reference:
            given = _against(worse, pair.effect, "evidence/orders.csv")
            yield given | {"verdict": pair.effect.verdict}


def _fresh(findings: Findings, id_: str) -> dict[str, Any] | None:
    """Give what fresh seeds say of a suggestion; None of what is none, or has no fresh runs."""
    said = findings.confirmations.get(id_)
    if said is None or not said.fresh.n:
        return None
    reference = findings.changes[id_].reference
    given = _against(reference, said.fresh, "evidence/confirmation.csv")
    return given | {"outcome": said.outcome}


# ------------------------------------------------------------------------------- winners


def _winners(study: Study, tables: Tables, findings: Findings) -> Iterable[dict[str, Any]]:
    """Give the winner at each budget that has one."""
    if study.search is None:
        return
    for row in findings.search("prices"):
        if row["test_score"] is not None:
            yield _winner(study, tables, row)


def _winner(study: Study, tables: Tables, row: Mapping[str, Any]) -> dict[str, Any]:
    seeds = _winner_seeds(tables, row["price"])
    changed = json.loads(row["change"] or "{}")
    return {
        "id": WINNER + row["price"],
        "label": f"search winner, {row['title'][:1].lower()}{row['title'][1:]}",
        "kind": "winner",
        **_costs(row["macs"], row["parameters"], row[tables.clock]),
        "test": [row["test_score"], row["test_deviation"]],
        "interval": [row["test_lower"], row["test_upper"]],
        "accuracy": [row["test_accuracy"], None],
        "validation": [row["validation_score"], None],
        "calibration": None,
        "planned": len(seeds),
        "complete": row["runs"],
        "changed": {name: value_text(value) for name, value in changed.items()},
        "seeds": seeds,
        "curve": {"training": [], "validation": []},
        "classes": [],
        "against": _over_experiments(study, row),
        "fresh": None,
    }


def _winner_seeds(tables: Tables, budget: str) -> list[list[Any]]:
    runs = tables.search_runs
    mine = runs[(runs["price"] == budget) & (runs["stage"] == "winner")]
    names = ["seed", "status", "validation_score", "test_score"]
    plain = mine[names].astype(object).where(mine[names].notna(), None)
    return plain.to_numpy().tolist()


def _over_experiments(study: Study, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give what a winner gains over the base and the enhanced model, as far as it is known."""
    others = {"over_base": "base", "over_enhanced": study.file.enhanced}
    return [
        _against(
            reference,
            Effect(row["runs"], row[name], lower=row[f"{name}_lower"], upper=row[f"{name}_upper"]),
            "evidence/search-prices.csv",
        )
        for name, reference in others.items()
        if reference and row[name] is not None and (name == "over_base" or reference != "base")
    ]
