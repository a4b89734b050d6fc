"""Everything that the report may say of a study, from its tables: sorted, compared, counted.

Knows nothing of Keras or of run records, and nothing of how the report puts it. Choices are made
by validation scores; test scores are told and set against one another.
"""

from pathlib import Path
from typing import Any

from cnn_study import __version__
from cnn_study.base import examples, inference
from cnn_study.evidence import schemas as evidence_schemas
from cnn_study.report import keras_code, worked_example
from cnn_study.report.comparison import comparison_of
from cnn_study.report.curves import curve_of
from cnn_study.report.data import data_of
from cnn_study.report.enhanced import against_base
from cnn_study.report.findings import Change, Findings
from cnn_study.report.inspected import alike_of, baselines_of, live_network
from cnn_study.report.network import network_of, receptive_fields
from cnn_study.report.pictures import Figure, pages_of, read_figures
from cnn_study.report.provenance import Provenance, behind
from cnn_study.report.published import published_of
from cnn_study.report.results import Result, best_of, chosen_settings, compare, result_of
from cnn_study.report.search import searched_of
from cnn_study.report.tables import Tables
from cnn_study.runs import inspections, records
from cnn_study.study.model import Study
from cnn_study.study.settings import Settings, parameters

FAR_APART = 10
"""Times the smallest effect worth having: with a larger standard deviation, runs lie far apart."""


def gather(
    study: Study, tables: Path, evidence: Path, figures: Path, inspected: Path | None = None
) -> dict[str, Any]:
    """Gather everything that the templates may name.

    Args:
        tables: folder of the CSV tables.
        evidence: folder of what `evidence.analyse` wrote.
        figures: folder of the pictures and of figures.json.
        inspected: facts of the inspection, if there is one.

    Raises:
        UserError: tables, evidence or figures are missing or not this study's, or no run has a
            record.
    """
    found = Tables.read(study, tables)
    context = _values(study, found, Findings.read(study, evidence), read_figures(figures))
    seen = inspections.read(inspected) if inspected else None
    return context | {
        "baselines": baselines_of(study, seen),
        "live": live_network(study, seen),
        "alike": alike_of(study, seen),
    }


def _values(
    study: Study, found: Tables, findings: Findings, figures: dict[str, Figure]
) -> dict[str, Any]:
    provenance = Provenance.of(found)
    results = {id_: result_of(row, found, provenance) for id_, row in found.experiments.items()}
    base, enhanced = results["base"], study.file.enhanced
    if enhanced == "base":
        enhanced = None
    example = worked_example.comparison(list(findings.changes.values()), found.complete)
    told = frozenset([*([example.change] if example else []), *([enhanced] if enhanced else [])])
    comparisons = [
        comparison_of(study, name, results, findings, figures, told) for name in study.questions
    ]
    timed = [result for result in results.values() if result.seconds is not None]
    context = {
        "study": study,
        "title": study.file.title,
        "subtitle": study.file.subtitle,
        "data": data_of(study, found),
        "settings": study.experiments["base"].settings,
        "given": chosen_settings(study.experiments["base"], Settings.model_fields),
        "parameters": parameters(),
        "results": results,
        "base": base,
        "watched": [id_ for id_, one in study.experiments.items() if one.settings.watch_test],
        "base_curve": curve_of(found, "base"),
        "network": network_of(study, found),
        "example": examples.image() | examples.answer(),
        "receptive_fields": receptive_fields(study, enhanced or "base"),
        "comparison_example": example,
        "comparisons": comparisons,
        "findings": findings,
        "titles": {name: question.title for name, question in study.file.questions.items()},
        "statistics": {
            "level": inference.LEVEL,
            "error": 1 - inference.LEVEL,
            "quantile": (1 + inference.LEVEL) / 2,
            # of a test that flips the signs of the differences: all the same, to either side
            "least_p": 0.5 ** (len(study.seeds) - 1),
            "power": inference.POWER,
            "least_pairs": inference.LEAST_PAIRS,
            "most_seeds": inference.MOST_SEEDS,
            "strong_pairs": inference.STRONG_PAIRS,
            "verdicts": evidence_schemas.VERDICTS,
            "smallest": study.smallest_effect,
            "far_apart": FAR_APART * study.smallest_effect,
        },
        "best": best_of(results),
        "quickest": min(timed, key=_seconds, default=None),
        "slowest": max(timed, key=_seconds, default=None),
        "calibration": _calibration(results, enhanced or "base"),
        "corrected": findings.corrected,
        "longer": _only_longer(study, findings),
        "images_margin": findings.images_margin,
        "adam": keras_code.ADAM,
        "figures": figures,
        "all_effects": pages_of(figures, "effects-all"),
        "provenance": provenance,
        "version": __version__,
        "cited": behind(study, found, best.id if (best := best_of(results)) else "base"),
        "called": {id_: f"`{id_}`" for id_ in results} | {enhanced: "*enhanced*"},
        "receipts": [behind(study, found, id_) for id_ in study.experiments],
        "searched": searched_of(study, found, findings, results),
        "enhanced": None,
        "published": None,
    }
    if enhanced:
        context["enhanced"] = against_base(study, found, findings, results, enhanced)
    if study.file.published:
        context["published"] = published_of(study, found, findings, results)
    for entry in findings.advice.advice:
        changed = set(vars(entry.change))
        chosen = chosen_settings(study.experiments[entry.experiment], changed)
        entry.row = compare(results[entry.experiment], results[entry.reference], chosen)
    firsts = {entry.reference: entry.row.settings for entry in reversed(findings.advice.advice)}
    named = {name for settings in firsts.values() for name in settings}
    context["explained"] = [one for one in parameters() if one["name"] in named]
    return context


def _seconds(result: Result) -> float:
    return result.seconds


def _only_longer(study: Study, findings: Findings) -> list[Change]:
    """List the changes to the base that are trained, with more epochs and nothing else."""
    there = study.experiments
    return [
        one
        for one in findings.changes.values()
        if one.reference == "base"
        and one.id in there
        and set(there[one.id].change) == {"epochs"}
        and there[one.id].settings.epochs > there["base"].settings.epochs
    ]


def _calibration(results: dict[str, Result], enhanced: str) -> dict[str, Any]:
    """Give base and enhanced, and the experiments with the smallest and the largest error."""
    there = [one for one in results.values() if one.calibration.mean is not None]
    there.sort(key=lambda one: one.calibration.mean)
    return {
        "bins": records.CALIBRATION_BINS,
        "base": results["base"],
        "enhanced": results[enhanced],
        "best": there[0] if there else None,
        "worst": there[-1] if there else None,
    }
