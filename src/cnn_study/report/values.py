"""Everything that the report may say of a study, from its tables: sorted, compared, counted.

Knows nothing of Keras or of run records, and nothing of how the report puts it. Choices are made
by validation scores; test scores are reported and set against one another.
"""

import math
import statistics
from pathlib import Path
from typing import Any

from cnn_study.base import citation, examples, inference, metrics
from cnn_study.base.places import CITATION, citations
from cnn_study.base.words import duration
from cnn_study.evidence import schemas as evidence_schemas
from cnn_study.evidence.cells import derived
from cnn_study.evidence.expected import LITTLE
from cnn_study.evidence.findings import Findings
from cnn_study.evidence.judged import Change, Confirmation
from cnn_study.evidence.read import Tables
from cnn_study.evidence.results import Result, Scores, best_of, read_results
from cnn_study.report import keras_code
from cnn_study.report.audit import images_of
from cnn_study.report.budgets import budgets_of
from cnn_study.report.called import called
from cnn_study.report.comparison import comparison_of
from cnn_study.report.curves import curve_of
from cnn_study.report.data import data_of
from cnn_study.report.energy import energy_of
from cnn_study.report.enhanced import against_base
from cnn_study.report.exercises import exercises_of
from cnn_study.report.groups import groups_of
from cnn_study.report.inspected import alike_of, baselines_of, live_network
from cnn_study.report.network import (
    further_code,
    network_of,
    own_network_of,
    receptive_fields,
)
from cnn_study.report.others import others_of
from cnn_study.report.pictures import Figure, pages_of, read_figures
from cnn_study.report.provenance import Provenance, behind, fresh_runs
from cnn_study.report.published import published_of
from cnn_study.report.results import chosen_settings, compare
from cnn_study.report.rules_of_thumb import checked
from cnn_study.report.scripts import FOLDER as SCRIPTS
from cnn_study.report.scripts import scripts_of
from cnn_study.report.search import searched_of
from cnn_study.report.summary import summary_of
from cnn_study.report.test_images import few_images_of, look_alikes_of, misread_of, spreads_of
from cnn_study.report.worked_example import worked_example
from cnn_study.runs import inspections, kept_weights, records
from cnn_study.study.model import Study
from cnn_study.study.settings import Settings, parameters
from cnn_study.tables.schemas import in_words, words_of

UNSEEN = 3
"""What none of n images shows befalls at most 3 / n of all of their kind, surely to 95 %: the rule
of three (Hanley and Lippman-Hand, 1983, https://doi.org/10.1001/jama.1983.03330370053031)."""

FAR_APART = 10
"""Times the smallest effect worth having: with a larger standard deviation, runs lie far apart."""


def gather(
    study: Study,
    tables: Path,
    evidence: Path,
    figures: Path,
    inspection: inspections.Inspection | None = None,
    look_alikes: Path | None = None,
) -> dict[str, Any]:
    """Gather everything that the templates may name.

    Args:
        tables: folder of the CSV tables.
        evidence: folder of what `evidence.analyse` wrote.
        figures: folder of the pictures and of figures.json.
        inspection: None where none was made.
        look_alikes: facts about them; None where nobody has looked.

    Raises:
        UserError: tables, evidence or figures are missing or not this study's, or no run has a
            record.
    """
    read, findings = Tables(study, tables), Findings(study, evidence)
    read.check()
    findings.check()
    values = _values(study, read, findings, read_figures(figures))
    return values | {
        "look_alikes": look_alikes_of(study, findings, values["best"], look_alikes),
        "misread": misread_of(study, read, values["best"], look_alikes),
        "baselines": baselines_of(study, inspection),
        "live": live_network(study, inspection),
        "alike": alike_of(study, inspection),
        "kept_weights": [kept.name for kept in kept_weights.shown(study, tables.parent)],
    }


MOST_ROWS = 200
"""Of a table that grows with the study, in the text: what lies beyond is in a file, and on the
page among all experiments. Of so many changes paper has no page for each question."""

MOST_OUTDONE = 50
"""Suggestions named in one sentence that others outdo."""


def _values(
    study: Study, tables: Tables, findings: Findings, figures: dict[str, Figure]
) -> dict[str, Any]:
    provenance = Provenance.of(tables, findings)
    results = read_results(tables)
    enhanced = study.file.enhanced if study.file.enhanced != "base" else None
    searched = searched_of(study, tables, findings, results)
    versions = f"Keras {', '.join(provenance.keras_versions)} on {', '.join(provenance.backends)}"
    return {
        **_of_study(study),
        **_of_base(study, tables, results, enhanced),
        **_of_experiments(study, tables, results, enhanced),
        **_of_questions(study, tables, results, findings, figures, enhanced),
        **_of_advice(study, results, findings),
        "data": (data := data_of(study, tables)),
        "images": images_of(study, tables),
        "rules_of_thumb": checked(study, findings),
        "exercises": exercises_of(study, tables, findings, data),
        "statistics": _statistics(study),
        "figures": figures,
        "all_effects": pages_of(figures, "effects-all"),
        "most_rows": MOST_ROWS,
        "most_outdone": MOST_OUTDONE,
        "provenance": provenance,
        "energy": energy_of(tables),
        "scripts_folder": SCRIPTS,
        "scripts": scripts_of(study, findings, best_of(results), versions),
        "software": citation.read(CITATION),
        "authors": citation.read(citations()[0]).bibtex_authors,
        "searched": searched,
        "budgets": budgets_of(study, tables, findings, results, searched),
        "summary": summary_of(study, tables, findings, results, best_of(results), searched),
        "others": others_of(study, tables, results, searched),
        "spreads": spreads_of(study, findings),
        "in_clone": _is_in_clone(study),
        "few_images": few_images_of(study),
        "published": published_of(study, tables, findings, results),
        "enhanced": against_base(study, tables, findings, results, enhanced) if enhanced else None,
    }


def _is_in_clone(study: Study) -> bool:
    """Tell whether a study lies in a clone of this project, not in a folder of its own."""
    return (study.path.resolve().parent.parent / "src" / "cnn_study").is_dir()


def _of_study(study: Study) -> dict[str, Any]:
    """Give what the study file and the examples say."""
    base = study.experiments["base"]
    return {
        "study": study,
        "metric": study.metric,
        "guessing": _guessing(study),
        "title": study.file.title,
        "subtitle": study.file.subtitle,
        **called(study),
        "titles": {name: question.title for name, question in study.file.questions.items()},
        "settings": base.settings,
        "given": chosen_settings(base, Settings.model_fields),
        "parameters": _read_by_base(study),
        "watched": [
            id_ for id_, experiment in study.experiments.items() if experiment.settings.watch_test
        ],
        "example": examples.image() | examples.answer(),
        "adam": keras_code.ADAM,
    }


def _guessing(study: Study) -> dict[str, Any]:
    """Give what is had without a look at the images, and the score below which runs collapsed.

    Returns:
        score (by the study's metric), accuracy, collapse, and far: whether that is not told by
        how many times chance it is.
    """
    collapse = metrics.collapse_below(study.chance)
    return {
        "score": study.chance,
        "accuracy": study.dataset.chance(),
        "collapse": collapse,
        "far": collapse < metrics.COLLAPSE * study.chance - 1e-9,
    }


def _read_by_base(study: Study) -> list[dict[str, Any]]:
    """List the parameters, of both kinds of network those that the base's reads."""
    own = bool(study.experiments["base"].settings.model)
    return [row for row in parameters() if row["group"] != ("model" if own else "own")]


def _of_base(
    study: Study, tables: Tables, results: dict[str, Result], enhanced: str | None
) -> dict[str, Any]:
    """Give what there is to say of the base alone."""
    return {
        "base": results["base"],
        "base_curve": curve_of(tables, "base"),
        "network": network_of(study, tables),
        "layer_kinds": {row["kind"] for row in tables.layers},
        "own_network": own_network_of(study, tables),
        "further_code": further_code(study),
        "receptive_fields": receptive_fields(study, enhanced or "base"),
    }


def _of_experiments(
    study: Study, tables: Tables, results: dict[str, Result], enhanced: str | None
) -> dict[str, Any]:
    """Give what each experiment gave, and those that stand out."""
    timed = [(result.seconds, result) for result in results.values() if result.seconds is not None]
    timed.sort(key=_number)
    best = best_of(results)
    return {
        "results": results,
        "best": best,
        "ranked": sum(result.validation.mean is not None for result in results.values()),
        "quickest": timed[0][1] if timed else None,
        "slowest": timed[-1][1] if timed else None,
        "same_time": bool(timed) and duration(timed[0][0]) == duration(timed[-1][0]),
        "all_about_as_long": bool(timed) and compare(timed[-1][1], timed[0][1], {}).about_as_long,
        "calibration": _calibration(tables, results, enhanced or "base"),
        "cited": behind(study, tables, best.id if best else "base"),
        "receipts": [behind(study, tables, id_) for id_ in study.experiments],
    }


def _of_questions(
    study: Study,
    tables: Tables,
    results: dict[str, Result],
    findings: Findings,
    figures: dict[str, Figure],
    enhanced: str | None,
) -> dict[str, Any]:
    """Give what the evidence says, question by question and over all."""
    example = worked_example(findings, tables)
    shown_before = frozenset(
        id_ for id_ in (example.change.id if example else None, enhanced) if id_
    )
    comparisons = [
        comparison_of(study, name, results, findings, figures, shown_before)
        for name in study.questions
    ]
    groups = groups_of(study, comparisons, figures)
    return {
        "worked_example": example,
        "comparisons": comparisons,
        "groups": groups,
        "group_figures": [figure for group in groups for figure in group.figures],
        "findings": findings,
        "judge": findings.judges["test"],
        "corrected": findings.corrected,
        "longer": _only_longer(study, findings),
        "images_margin": findings.images_margin,
        "unseen": UNSEEN / study.dataset.test_images,
    }


def _statistics(study: Study) -> dict[str, Any]:
    """Give the rules by which the evidence judges."""
    return {
        "level": inference.LEVEL,
        "error": 1 - inference.LEVEL,
        "quantile": inference.UPPER_QUANTILE,
        # of a test that flips the signs of the differences: all the same, to either side
        "least_p": 0.5 ** (len(study.seeds) - 1),
        # of one that deals the scores out anew between two experiments
        "least_p_of_two": 2 / math.comb(2 * len(study.seeds), len(study.seeds)),
        "power": inference.POWER,
        "collapse": metrics.COLLAPSE,
        # of one run in ten, by chance in none of the study's
        "missed_collapse": 0.9 ** len(study.seeds),
        "least_runs": inference.LEAST_RUNS,
        "most_seeds": inference.MOST_SEEDS,
        "strong_runs": inference.STRONG_RUNS,
        "verdicts": {
            verdict: in_words(when, words_of(study))
            for verdict, when in evidence_schemas.VERDICTS.items()
        },
        "smallest": study.smallest_effect,
        "little": LITTLE * study.smallest_effect,
        "far_apart": FAR_APART * study.smallest_effect,
    }


def _of_advice(study: Study, results: dict[str, Result], findings: Findings) -> dict[str, Any]:
    """Set each advised change beside its reference; name the parameters of the first ones."""
    advised = findings.advice.advice
    for entry in advised:
        entry.confirmation = findings.confirmations[entry.experiment]
        chosen = chosen_settings(study.experiments[entry.experiment], vars(entry.change))
        pair = results[entry.experiment], results[entry.reference]
        entry.row = compare(*pair, chosen, findings.changes[entry.experiment])
    firsts = {entry.reference: entry.row.settings for entry in reversed(advised)}
    named = {name for settings in firsts.values() for name in settings}
    return {
        "explained": [entry for entry in parameters() if entry["name"] in named],
        "fresh_runs": fresh_runs(study, findings),
        "confirmation": _confirmation(study, list(findings.confirmations.values())),
    }


def _confirmation(study: Study, suggested: list[Confirmation]) -> dict[str, Any]:
    """Say how many suggestions fresh seeds confirm, and how much they leave of the first gains.

    Returns:
        seeds (none where the study asks for none), suggested (how many are), judged (those with all
        of their fresh runs), confirmed, told (those with a fresh gain), missing (whether runs are),
        and the means over those told: first, fresh, shrinkage; None without any.
    """
    told = [one for one in suggested if one.fresh.n]
    columns = {"first": "first_difference", "fresh": "fresh_difference", "shrinkage": "shrinkage"}
    cells = {name: [one.row[column] for one in told] for name, column in columns.items()}
    means = {
        name: derived(statistics.fmean(values), "mean of", *values) if values else None
        for name, values in cells.items()
    }
    return means | {
        "seeds": study.fresh_seeds,
        "suggested": len(suggested),
        "judged": [one for one in suggested if one.outcome in ("confirmed", "not confirmed")],
        "confirmed": [one for one in suggested if one.outcome == "confirmed"],
        "told": told,
        "missing": any(one.row["fresh_missing_runs"] for one in suggested),
    }


def _only_longer(study: Study, findings: Findings) -> list[Change]:
    """List the changes to the base that are trained, with more epochs and nothing else."""
    experiments = study.experiments
    return [
        change
        for change in findings.changes.values()
        if change.reference == "base"
        and change.experiment in experiments
        and set(experiments[change.experiment].change) == {"epochs"}
        and experiments[change.experiment].settings.epochs > experiments["base"].settings.epochs
    ]


def _calibration(tables: Tables, results: dict[str, Result], enhanced: str) -> dict[str, Any]:
    """Give base and enhanced, and the experiments with the smallest and the largest error."""
    errors = sorted(
        (
            (result.calibration.mean, result)
            for result in results.values()
            if result.calibration.mean is not None
        ),
        key=_number,
    )
    ours, theirs = results[enhanced].calibration, results["base"].calibration
    return {
        "bins": records.CALIBRATION_BINS,
        "base": results["base"],
        "enhanced": results[enhanced],
        "apart": _lie_apart(ours, theirs),
        "overstated": _overstated(tables, enhanced) > max(_overstated(tables, "base"), 0),
        "best": errors[0][1] if errors else None,
        "worst": errors[-1][1] if errors else None,
    }


def _lie_apart(ours: Scores, theirs: Scores) -> bool:
    """Tell whether two means lie further apart than runs of one experiment mostly do."""
    if ours.mean is None or theirs.mean is None:
        return False
    return abs(ours.mean - theirs.mean) > max(ours.deviation or 0, theirs.deviation or 0)


def _overstated(tables: Tables, id_: str) -> float:
    """Work out by how much the probabilities of all answers exceed the share that is right."""
    rows = [row for row in tables.rows("calibration") if row["experiment"] == id_ and row["images"]]
    gaps = [row["images"] * (row["mean_probability"] - row["accuracy"]) for row in rows]
    return sum(gaps) / max(sum(row["images"] for row in rows), 1)


def _number(pair: tuple[float, Result]) -> float:
    return pair[0]
