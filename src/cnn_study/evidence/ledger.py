"""The ledger: every declared change, what it is worth and what it costs."""

import statistics
from collections.abc import Iterable
from typing import Any

from cnn_study.base.inference import (
    Effect,
    effect,
    holm,
    seeds_to_settle,
    separated,
    spread_p,
    unpaired,
)
from cnn_study.base.judge import sign_flip_p
from cnn_study.evidence.families import MEASURES, family, without_runs
from cnn_study.evidence.images import images_columns
from cnn_study.evidence.read import Tables
from cnn_study.evidence.training_times import seconds_columns
from cnn_study.study.model import Experiment
from cnn_study.tables.collect import change_text

COUNTS = ("complete_runs", "diverged_runs", "failed_runs", "missing_runs")
COLLAPSED = ("collapsed_runs", "reference_collapsed_runs")


def ledger_rows(tables: Tables) -> list[dict[str, Any]]:
    """Give one row for each declared change, in the order of the study file."""
    study, rows = tables.study, []
    for name in study.file.questions:
        if name in study.declared:
            experiments = study.declared[name]
            rows += [_declared_row(tables, name, experiment) for experiment in experiments]
        else:
            rows += _question_rows(tables, name)
    for row, corrected in zip(rows, holm([row["test_p"] for row in rows]), strict=True):
        row["test_p_holm_all"] = corrected
    return rows


def _heading(name: str, question: Any, experiment: Experiment) -> dict[str, Any]:
    return {
        "question": name,
        "hypothesis": " ".join(question.hypothesis.split()),
        "experiment": experiment.id,
        "reference": question.reference,
        "change": change_text(experiment) or "",
    }


def _declared_row(tables: Tables, name: str, experiment: Experiment) -> dict[str, Any]:
    question = tables.study.file.questions[name]
    row = _heading(name, question, experiment) | dict.fromkeys((*COUNTS, *COLLAPSED), 0)
    for images in MEASURES:
        row |= family([Effect(0)], images, 1)[0]
    return row | _cost(experiment, tables.study.experiments[question.reference])


def _cost(ours: Experiment, theirs: Experiment) -> dict[str, int]:
    return {
        "parameters_difference": ours.parameters - theirs.parameters,
        "macs_difference": ours.macs - theirs.macs,
        "training_macs_difference": ours.training_macs * ours.settings.epochs
        - theirs.training_macs * theirs.settings.epochs,
    }


def _question_rows(tables: Tables, name: str) -> list[dict[str, Any]]:
    study = tables.study
    question, ids = study.file.questions[name], study.questions[name]
    reference, smallest = question.reference, study.smallest_effect
    effects = {images: _effects(tables, ids, reference, images) for images in MEASURES}
    judged = {
        images: _judged(tables, effects[images], ids, reference, images) for images in MEASURES
    }
    spreads = _spreads(tables, ids, reference)
    tested = sum(difference.p is not None for difference in effects["test"])
    rows = []
    for place, id_ in enumerate(ids):
        row = _heading(name, question, study.experiments[id_])
        row |= {count: int(tables.experiments[id_][count]) for count in COUNTS}
        row["collapsed_runs"] = tables.experiments[id_]["collapsed_runs"]
        row["reference_collapsed_runs"] = tables.experiments[reference]["collapsed_runs"]
        for images in MEASURES:
            row |= judged[images][place] | _second_opinions(tables, id_, reference, images)
        difference = effects["test"][place]
        if difference.n and not effects["validation"][place].n:
            row["validation_verdict"] = "not measured"
        if row["test_verdict"] == "too close to call":
            row["seeds_to_settle"] = seeds_to_settle(difference, smallest, tested)
        row["test_clearly"] = _clear_direction(tables, id_, reference, row, tested)
        row |= spreads[place]
        row |= images_columns(tables, id_, reference)
        rows.append(row | _costs(tables, id_, reference))
    return rows


def _clear_direction(
    tables: Tables, id_: str, reference: str, row: dict[str, Any], tested: int
) -> str | None:
    """Say where every run lies beside every run of the reference, if the verdict does not."""
    if row["test_verdict"] not in ("unreliable", "too close to call"):
        return None
    ours, theirs = (
        list(tables.scores(of_pair, "test_score").values()) for of_pair in (id_, reference)
    )
    return separated(ours, theirs, tested)


def _effects(tables: Tables, ids: Iterable[str], reference: str, images: str) -> list[Effect]:
    judge, column = tables.judges[images], f"{images}_score"
    theirs = tables.scores(reference, column)
    return [judge.effect(tables.scores(id_, column), theirs) for id_ in ids]


def _judged(
    tables: Tables, effects: list[Effect], ids: Iterable[str], reference: str, images: str
) -> list[dict[str, Any]]:
    """Judge the changes of a question together."""
    column = f"{images}_score"
    unrun = [without_runs(tables.experiments[id_]) for id_ in ids]
    doubts = [
        any(tables.partly_collapsed(of_pair, column) for of_pair in (id_, reference)) for id_ in ids
    ]
    return family(effects, images, tables.study.smallest_effect, unrun, doubts)


def _second_opinions(tables: Tables, id_: str, reference: str, images: str) -> dict[str, Any]:
    """Give what other tests say of the same runs; no verdict goes by it."""
    column = f"{images}_score"
    runs = (list(tables.scores(of_pair, column).values()) for of_pair in (id_, reference))
    differences = list(tables.differences(id_, reference, images).values())
    opinions = {"paired": effect(differences), "welch": unpaired(*runs)}
    row: dict[str, Any] = {f"{images}_pairs": len(differences)}
    for name, opinion in opinions.items():
        for part in ("lower", "upper", "p"):
            row[f"{images}_{name}_{part}"] = getattr(opinion, part)
    return row | {f"{images}_sign_flip_p": sign_flip_p(differences)}


def _spreads(tables: Tables, ids: Iterable[str], reference: str) -> list[dict[str, Any]]:
    """Compare how far runs lie apart with the reference, for the changes of a question."""
    theirs = list(tables.scores(reference, "test_score").values())
    samples = [list(tables.scores(id_, "test_score").values()) for id_ in ids]
    p_values = [spread_p(ours, theirs) for ours in samples]
    return [
        {}
        if p is None
        else {
            "test_spread_ratio": statistics.stdev(ours) / statistics.stdev(theirs),
            "test_spread_p": p,
            "test_spread_p_holm": corrected,
        }
        for ours, p, corrected in zip(samples, p_values, holm(p_values), strict=True)
    ]


def _costs(tables: Tables, id_: str, reference: str) -> dict[str, Any]:
    experiments = tables.study.experiments
    costs: dict[str, Any] = _cost(experiments[id_], experiments[reference])
    return costs | seconds_columns(tables, id_, reference) | _time_to_base(tables, id_)


def _time_to_base(tables: Tables, id_: str) -> dict[str, float]:
    """Find how long training takes to the validation accuracy that the base ends with."""
    target = tables.experiments["base"]["validation_score_mean"]
    seconds = tables.scores(id_, tables.clock)
    if target is None or not seconds:
        return {}
    epochs = tables.epochs_by_experiment[id_]
    reached = epochs[epochs["validation_score"] >= target].groupby("seed")["epoch"].min()
    last = epochs.groupby("seed")["epoch"].max()
    if set(reached.index) != set(seconds):
        return {}
    spent = [seconds[int(seed)] * epoch / last[seed] for seed, epoch in reached.items()]
    return {"seconds_to_base": statistics.fmean(spent), "epochs_to_base": float(reached.mean())}


def over_base_rows(tables: Tables) -> list[dict[str, Any]]:
    """Give what each experiment gains over the base in test accuracy, with its interval."""
    judge, base, rows = tables.judges["test"], tables.scores("base", "test_score"), []
    for id_ in tables.study.experiments:
        if id_ != "base":
            gain = judge.effect(tables.scores(id_, "test_score"), base)
            interval = {"lower": gain.lower, "upper": gain.upper}
            row = {"experiment": id_, "runs": gain.n, "difference": gain.mean, **interval}
            rows.append(row)
    return rows


def difference_rows(tables: Tables) -> list[dict[str, Any]]:
    """Give the runs behind the ledger, each against its reference."""
    return [
        {"question": name, "experiment": id_, "reference": reference, "seed": seed, **row}
        for name, ids in tables.study.questions.items()
        for reference in [tables.study.file.questions[name].reference]
        for id_ in ids
        for seed, row in _against_reference(tables, id_, reference).items()
    ]


def _against_reference(tables: Tables, id_: str, reference: str) -> dict[int, dict[str, float]]:
    """Set each run against that with the same seed, and against the mean of all runs."""
    rows: dict[int, dict[str, float]] = {}
    for images in MEASURES:
        ours, theirs = (tables.scores(of_pair, f"{images}_score") for of_pair in (id_, reference))
        for seed, score in ours.items() if theirs else ():
            row = rows.setdefault(seed, {})
            row[f"{images}_over_mean"] = score - statistics.fmean(theirs.values())
            if seed in theirs:
                row[f"{images}_difference"] = score - theirs[seed]
    return dict(sorted(rows.items()))
