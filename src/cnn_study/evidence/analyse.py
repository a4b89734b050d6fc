"""What the tables of a study say about its changes: ledger, contrasts, selection bias, rankings.

Reads tables and the study, never records or images, and imports no backend. Sentences, tables and
figures of the report all take their numbers from what is written here.
"""

import json
from pathlib import Path
from typing import Any

from cnn_study.base.files import write_whole
from cnn_study.evidence import ledger_text, suggestions
from cnn_study.evidence import schemas as evidence_schemas
from cnn_study.evidence.behaviour import (
    Behaviours,
    behaviour_change_rows,
    behaviour_contrast_rows,
    behaviour_rows,
)
from cnn_study.evidence.classes import class_rows
from cnn_study.evidence.contrasts import contrast_difference_rows, contrast_rows, contrasts
from cnn_study.evidence.expectations import expectation_rows
from cnn_study.evidence.expected import expected_rows
from cnn_study.evidence.images import score_rows
from cnn_study.evidence.judge_rows import judge_rows, spread_rows
from cnn_study.evidence.ledger import difference_rows, ledger_rows, over_base_rows
from cnn_study.evidence.look_alikes import look_alike_rows
from cnn_study.evidence.names import as_in_file
from cnn_study.evidence.published_rankings import ranking_rows
from cnn_study.evidence.read import Tables
from cnn_study.evidence.search import search_rows
from cnn_study.evidence.selection_bias import selection_bias_means, selection_bias_rows
from cnn_study.evidence.simulations import simulation_rows
from cnn_study.evidence.spreads import parted_spread_rows, spread_median_rows, spreads_of
from cnn_study.study.model import Study
from cnn_study.tables import csv_files
from cnn_study.tables.data_package import DICTIONARY, data_package
from cnn_study.tables.schemas import tables_of


def analyse(study: Study, folder: Path, output: Path) -> None:
    """Write the evidence of a study: CSV files with their data dictionary, texts, suggestions.

    Each file is written whole or not at all. The same tables give the same bytes.

    Args:
        study: what was asked for.
        folder: of the study's tables.
        output: folder of the evidence.

    Raises:
        UserError: a table is missing.
    """
    tables = Tables(study, folder)
    ledger, gains = ledger_rows(tables), over_base_rows(tables)
    unjudged, choices = contrasts(tables), selection_bias_rows(tables)
    behaviours = Behaviours(tables)
    spreads = parted_spread_rows(tables, spreads_of(tables))
    rows = {
        evidence_schemas.LEDGER.name: ledger,
        evidence_schemas.EXPECTED.name: expected_rows(tables, ledger),
        evidence_schemas.BEHAVIOUR.name: behaviour_rows(behaviours),
        evidence_schemas.BEHAVIOUR_CHANGES.name: behaviour_change_rows(behaviours),
        evidence_schemas.BEHAVIOUR_CONTRASTS.name: behaviour_contrast_rows(behaviours, unjudged),
        evidence_schemas.JUDGE.name: judge_rows(tables),
        evidence_schemas.JUDGE_SPREADS.name: list(spread_rows(tables)),
        evidence_schemas.DIFFERENCES.name: difference_rows(tables),
        evidence_schemas.CONTRASTS.name: contrast_rows(tables, unjudged),
        evidence_schemas.CONTRAST_DIFFERENCES.name: contrast_difference_rows(tables, unjudged),
        evidence_schemas.CLASS_EFFECTS.name: class_rows(tables),
        evidence_schemas.SELECTION_BIAS.name: choices,
        evidence_schemas.SELECTION_BIAS_MEANS.name: selection_bias_means(choices),
        evidence_schemas.OVER_BASE.name: gains,
        evidence_schemas.SCORES.name: score_rows(tables),
        evidence_schemas.SPREADS.name: spreads,
        evidence_schemas.SPREAD_MEDIANS.name: spread_median_rows(spreads),
        evidence_schemas.LOOK_ALIKES.name: look_alike_rows(tables),
        evidence_schemas.PUBLISHED_RANKINGS.name: ranking_rows(tables),
        evidence_schemas.EXPECTATIONS.name: expectation_rows(tables),
        evidence_schemas.SIMULATIONS_TABLE.name: simulation_rows(),
        **search_rows(tables),
    }
    for table in tables_of(study, evidence_schemas.EVIDENCE):
        _write(output / table.file, csv_files.text_of(table, as_in_file(table, rows[table.name])))
    package = data_package(study, evidence_schemas.EVIDENCE, "evidence")
    _write(output / DICTIONARY, json.dumps(package, indent=2) + "\n")
    _write(output / "ledger.md", ledger_text.markdown(ledger))
    _write(output / "ledger.tex", ledger_text.latex(ledger))
    advice = suggestions.suggest(study, ledger, gains)
    text = json.dumps(_short(advice), indent=2, ensure_ascii=False, allow_nan=False)
    _write(output / "suggestions.json", text + "\n")


def _short(value: Any) -> Any:
    """Round every number as the tables do."""
    if isinstance(value, dict):
        return {key: _short(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_short(part) for part in value]
    if isinstance(value, float):
        return csv_files.rounded(value)
    return value


def _write(path: Path, text: str) -> None:
    write_whole(path, lambda file: file.write(text.encode()))
