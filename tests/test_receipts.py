"""Receipts: each number knows its cell, the mark names it, and the page's data has the value."""

import hashlib
import json
import re

import pandas as pd
import pytest

from cnn_study.report import filters, receipts
from cnn_study.report.receipts import Cell, Count, Number, derived, mark, of_cell, rows_of
from report_by_hand import PLAIN, SCORES, Made


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Made:
    made = Made(tmp_path_factory.mktemp("receipts"), PLAIN)
    for experiment, scores in SCORES.items():
        made.runs(experiment, scores)
    made.text()
    return made


def content(made: Made) -> dict:
    page = made.output.with_name("receipts.html").read_text(encoding="utf-8")
    (found,) = re.findall(r'<script type="application/json" id="receipts">(.*?)</script>', page)
    return json.loads(found)


def test_a_table_gives_numbers_that_know_their_cells():
    frame = pd.DataFrame(
        {
            "experiment": ["base", "wide"],
            "runs": [2, None],
            "mean": [0.5, 0.25],
            "ok": [True, False],
        }
    )
    first, second = rows_of(frame, "experiments")
    assert first == {"experiment": "base", "runs": 2, "mean": 0.5, "ok": True}
    assert second["runs"] is None
    assert second["mean"].cells == (Cell("experiments", 1, "mean", "wide"),)
    assert type(first["ok"]) is bool
    assert type(first["experiment"]) is str


def test_arithmetic_forgets_and_derived_keeps_the_cells():
    one, other = (of_cell(value, Cell("t", row, "c")) for row, value in enumerate((0.5, 2)))
    assert isinstance(one, Number)
    assert isinstance(other, Count)
    assert not hasattr(one + other, "cells")
    ratio = derived(one / other, "ratio of", one, other, 7.0, cells=[Cell("t", 9, "d")])
    assert ratio == 0.25
    assert [str(cell) for cell in ratio.cells] == ["t:0:c", "t:1:c", "t:9:d"]


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0.5, "50"),
        (of_cell(0.5, Cell("runs", 3, "x", "base")),
         '[50]{.receipt data-key=";runs:3:x" data-experiment="base"}'),
        (of_cell(0.5, Cell("runs", 3, "x")), '[50]{.receipt data-key=";runs:3:x"}'),
        (derived(0.5, "mean of", cells=[Cell("a", 0, "x", "b"), Cell("a", 1, "x", "c")]),
         '[50]{.receipt data-key="mean of;a:0:x;a:1:x"}'),
    ],
)  # fmt: skip
def test_the_mark_names_the_cells_and_the_experiment_if_it_is_one(number, expected):
    assert mark("50", number) == expected


def test_marks_never_hold_what_would_end_a_table_cell(made):
    marks = re.findall(r"\{\.receipt [^}]*\}", made.output.read_text(encoding="utf-8"))
    assert len(marks) > 40
    assert not any("|" in one for one in marks)


def test_formulas_hold_no_marks(made):
    text = made.output.read_text(encoding="utf-8")
    formulas = re.findall(r"\$\$.*?\$\$|\$[^$\n]+\$", text, re.DOTALL)
    assert len(formulas) > 5
    assert not any("receipt" in formula for formula in formulas)


def test_every_mark_shows_what_its_cell_holds(made):
    """Marks of one cell with a percentage: printed and stored agree to the last printed digit."""
    text, found = made.output.read_text(encoding="utf-8"), content(made)
    pattern = r'\[(\d+\.\d+)\u00a0%\]\{\.receipt data-key=";([^";]+)"'
    marks = re.findall(pattern, text)
    assert len(marks) > 3
    for printed, cell in marks:
        assert f"{100 * float(found['cells'][cell][0]):.2f}" == printed


def test_receipt_names_row_runs_file_and_hash(made):
    found = content(made)
    value, row, owners = found["cells"]["experiments:0:test_accuracy_mean"]
    assert float(value) == pytest.approx(sum(SCORES["base"]) / len(SCORES["base"]))
    assert row == {"experiment": "base"}
    assert owners == ["base"]
    table = found["tables"]["experiments"]
    assert table["file"] == "tables/experiments.csv"
    assert table["columns"]["test_accuracy_mean"][1] == "share"
    stored = (made.folder / "tables" / "experiments.csv").read_bytes()
    assert table["sha256"] == hashlib.sha256(stored).hexdigest()
    runs = found["experiments"]["base"]
    assert [run[2] for run in runs] == list(SCORES["base"])
    assert all((made.folder / run[3]).is_file() for run in runs)


def test_a_difference_leads_to_the_runs_of_both(made):
    found = content(made)
    cells = [cell for cell in found["cells"] if cell.startswith("ledger:")]
    assert cells
    assert all(len(set(found["cells"][cell][2])) == 2 for cell in cells)


def test_names_from_a_study_cannot_end_the_element(made):
    text = '[1]{.receipt data-key=";experiments:0:test_accuracy_mean"}'
    study = made.study
    hostile = receipts.fragment(text, study, made.folder).split("</script>")
    assert "<" not in hostile[0].split(">", 1)[1]


def test_filters_mark_numbers_from_tables_only():
    known = of_cell(0.5, Cell("experiments", 0, "mean", "base"))
    assert filters.FILTERS["percent"](0.5) == "50.00\u00a0%"
    assert filters.FILTERS["percent"](known).startswith("[50.00\u00a0%]{.receipt")
    assert filters.FILTERS["signed"](None) == "–"
