"""The ledger: every declared change, what it is worth and what it costs."""

import statistics
from typing import Any

from cnn_study.base.inference import Effect, effect, holm, images_margin, paired, seeds_to_settle
from cnn_study.evidence.families import MEASURES, family, without_pairs
from cnn_study.evidence.read import Tables
from cnn_study.study.model import Experiment
from cnn_study.tables.collect import change_text

COUNTS = ("complete_runs", "diverged_runs", "failed_runs", "missing_runs")


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
    row = _heading(name, question, experiment) | dict.fromkeys(COUNTS, 0)
    for images in MEASURES:
        row |= family([Effect(0)], images, 1)[0]
    return row | _cost(experiment, tables.study.experiments[question.reference])


def _cost(ours: Experiment, theirs: Experiment) -> dict[str, int]:
    return {
        "parameters_difference": ours.parameters - theirs.parameters,
        "macs_difference": ours.macs - theirs.macs,
        "training_macs_difference": ours.macs * ours.settings.epochs
        - theirs.macs * theirs.settings.epochs,
    }


def _question_rows(tables: Tables, name: str) -> list[dict[str, Any]]:
    study = tables.study
    question, ids = study.file.questions[name], study.questions[name]
    reference, smallest = question.reference, study.smallest_effect
    unrun = [without_pairs(tables.experiments[id_]) for id_ in ids]
    effects = {
        images: [effect(list(tables.differences(id_, reference, images).values())) for id_ in ids]
        for images in MEASURES
    }
    judged = {images: family(effects[images], images, smallest, unrun) for images in MEASURES}
    tested = sum(difference.p is not None for difference in effects["test"])
    rows = []
    for place, id_ in enumerate(ids):
        row = _heading(name, question, study.experiments[id_])
        row |= {count: int(tables.experiments[id_][count]) for count in COUNTS}
        row |= judged["validation"][place] | judged["test"][place]
        difference = effects["test"][place]
        if difference.n and not effects["validation"][place].n:
            row["validation_verdict"] = "not measured"
        if row["test_verdict"] == "too close to call":
            row["seeds_to_settle"] = seeds_to_settle(difference, smallest, tested)
        rows.append(row | _costs(tables, id_, reference, difference.n))
    return rows


def _costs(tables: Tables, id_: str, reference: str, pairs: int) -> dict[str, Any]:
    experiments = tables.study.experiments
    costs: dict[str, Any] = _cost(experiments[id_], experiments[reference])
    if pairs:
        accuracies = [
            statistics.fmean(tables.scores(of_pair, "test_accuracy").values())
            for of_pair in (id_, reference)
        ]
        costs["test_images_margin"] = images_margin(*accuracies, tables.test_images)
    seconds = paired(tables.scores(id_, tables.clock), tables.scores(reference, tables.clock))
    if seconds:
        costs["seconds_difference"] = statistics.fmean(seconds.values())
    return costs | _time_to_base(tables, id_)


def _time_to_base(tables: Tables, id_: str) -> dict[str, float]:
    """Find how long training takes to the validation accuracy that the base ends with."""
    target = tables.experiments["base"]["validation_accuracy_mean"]
    seconds = tables.scores(id_, tables.clock)
    if target is None or not seconds:
        return {}
    epochs = tables.epochs[tables.epochs["experiment"] == id_]
    reached = epochs[epochs["validation_accuracy"] >= target].groupby("seed")["epoch"].min()
    last = epochs.groupby("seed")["epoch"].max()
    if set(reached.index) != set(seconds):
        return {}
    spent = [seconds[int(seed)] * epoch / last[seed] for seed, epoch in reached.items()]
    return {"seconds_to_base": statistics.fmean(spent), "epochs_to_base": float(reached.mean())}


def over_base_rows(tables: Tables) -> list[dict[str, Any]]:
    """Give what each experiment gains over the base in test accuracy, with its interval."""
    rows = []
    for id_ in tables.study.experiments:
        if id_ != "base":
            gain = effect(list(tables.differences(id_, "base", "test").values()))
            interval = {"lower": gain.lower, "upper": gain.upper}
            row = {"experiment": id_, "pairs": gain.n, "difference": gain.mean, **interval}
            rows.append(row)
    return rows


def difference_rows(tables: Tables) -> list[dict[str, Any]]:
    """Give the single differences behind the ledger."""
    rows = []
    for name, ids in tables.study.questions.items():
        reference = tables.study.file.questions[name].reference
        for id_ in ids:
            by_seed = {images: tables.differences(id_, reference, images) for images in MEASURES}
            rows += [
                {
                    "question": name,
                    "experiment": id_,
                    "reference": reference,
                    "seed": seed,
                    **{f"{images}_difference": by_seed[images].get(seed) for images in MEASURES},
                }
                for seed in sorted(by_seed["validation"].keys() | by_seed["test"].keys())
            ]
    return rows
