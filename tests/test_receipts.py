"""Receipts: each number knows its cell, the mark names it, and the page's data has the value."""

import hashlib
import json
import re
from types import SimpleNamespace

import pandas as pd
import pytest

from cnn_study.base.errors import UserError
from cnn_study.base.words import numeral
from cnn_study.evidence.cells import Cell, Count, Number, derived, of_cell, rows_of
from cnn_study.report import filters, page, receipts
from cnn_study.report.receipts import mark
from cnn_study.study import published_numbers
from report_by_hand import PLAIN, SCORES, Made


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Made:
    made = Made(tmp_path_factory.mktemp("receipts"), PLAIN)
    for experiment, scores in SCORES.items():
        made.runs(experiment, scores)
    made.text()
    return made


def content(made: Made) -> dict:
    page = made.output.with_name("page.html").read_text(encoding="utf-8")
    (found,) = re.findall(r'<script type="application/json" id="receipts">(.*?)</script>', page)
    return json.loads(found)


def test_a_table_gives_numbers_that_know_their_cells():
    rows = [
        {"experiment": "base", "runs": 2, "mean": 0.5, "ok": True},
        {"experiment": "wide", "runs": None, "mean": 0.25, "ok": False},
    ]
    first, second = rows_of(rows, "experiments")
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


def test_on_paper_the_first_number_of_a_row_leads_to_its_runs():
    def of(row: int, experiment: str) -> str:
        return mark("50", of_cell(0.5, Cell("runs", row, "x", experiment)))

    prose = f"From {of(1, 'base')} to {of(2, 'base')}."
    row = f"| {of(1, 'base')} | {of(2, 'wide')} | {of(3, 'base')} | {of(4, 'wide')} |"
    thinned = (
        '| [50]{.receipt data-key=";runs:1:x" data-experiment="base"} '
        '| [50]{.receipt data-key=";runs:2:x" data-experiment="wide"} '
        '| [50]{.receipt data-key=";runs:3:x"} | [50]{.receipt data-key=";runs:4:x"} |'
    )
    text = f"{prose}\n\n{row}\n{row}\n"
    assert receipts.lead_once_a_row(text) == f"{prose}\n\n{thinned}\n{thinned}\n"


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
    for shown, cell in marks:
        decimals = len(shown.partition(".")[2])
        assert f"{100 * float(found['cells'][cell]['value']):.{decimals}f}" == shown


def test_a_number_of_changes_leads_to_their_verdicts(made):
    text, found = made.output.read_text(encoding="utf-8"), content(made)
    pattern = r'\[([\w ]+)\]\{\.receipt data-key="number of;([^"]+)"'
    marks = re.findall(pattern, text)
    assert marks
    verdicts = set(pd.read_csv(made.folder / "evidence" / "ledger.csv")["test_verdict"])
    for number, keys in marks:
        cells = keys.split(";")
        assert number == numeral(len(cells))
        assert {found["cells"][cell]["value"] for cell in cells} <= verdicts


def test_a_figure_leads_to_its_file_and_the_runs_that_it_shows(made):
    text, found = made.output.read_text(encoding="utf-8"), content(made)
    key = 'data-key=";figure-rate:0:runs" data-experiment="base"'
    assert f"![Caption of rate. [n = 2 runs of base.]{{.receipt {key}}}](figures/rate.svg)" in text
    cell = found["cells"]["figure-rate:0:runs"]
    assert cell["value"] == "2"
    assert cell["experiments"] == ["base"]
    assert cell["seeds"] == {"base": [1, 2]}
    drawn = found["tables"]["figure-rate"]
    assert drawn["file"] == "figures/rate.svg"
    stored = (made.folder / "figures" / "rate.svg").read_bytes()
    assert drawn["sha256"] == hashlib.sha256(stored).hexdigest()
    assert "base" in found["experiments"]


def test_a_setting_leads_to_its_line_of_the_study_file(made):
    text, found = made.output.read_text(encoding="utf-8"), content(made)
    key = ";settings:learning-rate-2:learning_rate"
    assert f'[0.01]{{.receipt data-key="{key}" data-experiment="learning-rate-2"}}' in text
    cell = found["cells"][key[1:]]
    lines = made.study.path.read_text(encoding="utf-8").splitlines()
    assert lines[cell["line"] - 1].strip() == "learning-rate-2: {learning_rate: 0.01}"
    assert dict(cell["beside"])["Given in"] == "questions.rate.changes.learning-rate-2"
    assert (cell["value"], cell["seeds"]) == ("0.01", [1, 2])
    default = found["cells"]["settings:base:learning_rate"]
    assert (default["value"], default["line"]) == ("0.001", None)
    assert dict(default["beside"])["Given in"] == "nothing: the default"
    file = found["tables"]["settings"]
    assert file["path"] == "experiments/small.yaml"
    assert file["sha256"] == hashlib.sha256(made.study.path.read_bytes()).hexdigest()
    assert file["columns"]["learning_rate"]["meaning"][0][1]


def test_a_tally_of_one_and_of_none():
    one = SimpleNamespace(cells=(Cell("ledger", 3, "test_verdict", "wide"),))
    key = 'data-key="number of;ledger:3:test_verdict" data-experiment="wide"'
    tally = filters.FILTERS["tally"]
    assert tally([one], "change") == f"[one]{{.receipt {key}}} change"
    assert tally([], "change") == "no changes"


def test_receipt_names_row_runs_file_and_hash(made):
    found = content(made)
    cell = found["cells"]["experiments:0:test_accuracy_mean"]
    assert float(cell["value"]) == pytest.approx(sum(SCORES["base"]) / len(SCORES["base"]))
    assert cell["row"] == {"experiment": "base"}
    assert cell["line"] == 2
    assert cell["experiments"] == ["base"]
    assert cell["seeds"] == [1, 2]
    assert dict(cell["beside"])["Runs (n)"] == "2"
    assert dict(cell["beside"])["Standard deviation"] == "7.07107 points"
    assert found["labels"]["learning-rate-1"] == "base + rate 0.1"
    table = found["tables"]["experiments"]
    assert table["file"] == "tables/experiments.csv"
    assert table["columns"]["test_accuracy_mean"]["unit"] == "share"
    stored = (made.folder / "tables" / "experiments.csv").read_bytes()
    assert table["sha256"] == hashlib.sha256(stored).hexdigest()
    runs = found["experiments"]["base"]
    assert [run[2] for run in runs] == list(SCORES["base"])
    assert all((made.folder / run[3]).is_file() for run in runs)


def test_a_difference_leads_to_the_runs_of_both(made):
    """Differences of parameters and of MACs alone come from the settings."""
    found = content(made)
    cells = {name: cell for name, cell in found["cells"].items() if name.startswith("ledger:")}
    measured = {name: cell for name, cell in cells.items() if "why" not in cell}
    assert all(len(set(cell["experiments"])) == 2 for cell in measured.values())
    columns = {name.split(":")[2] for name in cells.keys() - measured.keys()}
    assert columns == {"parameters_difference", "macs_difference"}
    assert len(measured) >= 10


def test_a_mean_of_one_experiment_leads_to_its_runs_alone(made):
    """Not to those of the experiment that it changes."""
    found = look_up(made, "experiments:1:test_accuracy_mean")
    assert found["cells"]["experiments:1:test_accuracy_mean"]["experiments"] == ["learning-rate-1"]
    assert list(found["experiments"]) == ["learning-rate-1"]


def look_up(made: Made, *cells: str) -> dict:
    text = "".join(f'[1]{{.receipt data-key=";{cell}"}}' for cell in cells)
    return receipts.receipts(text, made.study, made.folder)


def test_a_difference_is_told_with_interval_runs_and_verdict(made):
    found = look_up(made, "ledger:0:test_difference", "ledger:0:test_upper")
    cell = found["cells"]["ledger:0:test_difference"]
    assert cell["value"] == "-0.4"  # as the file has it; below, in the unit of the text
    assert cell["experiments"] == ["learning-rate-1", "base"]
    assert cell["seeds"] == [1, 2]
    assert cell["beside"] == [
        ["95 % interval", "-40 to -40 points"],
        ["Runs of each", "2"],
        ["Verdict", "too few seeds"],
    ]


@pytest.mark.parametrize(
    ("cell", "unit"),
    [
        ("experiments:0:test_accuracy_mean", "%"),
        ("experiments:0:test_accuracy_standard_deviation", "points"),
        ("ledger:0:test_difference", "points"),
        ("ledger:0:test_error", "points"),
        ("experiments:0:test_calibration_error_mean", "points"),
        ("ledger:0:test_p", ""),
        ("ledger:0:test_p_holm_all", ""),
        ("experiments:0:macs", ""),
    ],
)
def test_a_share_is_shown_in_the_unit_of_the_text(made, cell, unit):
    found = look_up(made, cell)
    table, _, column = cell.split(":")
    assert found["tables"][table]["columns"][column].get("shown", "") == unit


def test_no_description_needs_that_of_a_column_which_is_not_shown(made):
    """Such as: Upper end of that interval."""
    found = look_up(made, "ledger:0:test_upper", "ledger:0:test_p_holm", "ledger:0:test_error")
    shown = found["tables"]["ledger"]["columns"]
    names = {column: [name for name, _ in shown[column]["meaning"]] for column in shown}
    assert names == {
        "test_upper": ["test_difference", "test_lower", "test_upper"],
        "test_p_holm": ["test_difference", "test_p", "test_p_holm"],
        "test_error": ["test_difference", "test_error"],
    }
    assert shown["test_upper"]["meaning"][1][1].startswith("Lower end of the 95 % t interval")


GRID = """
title: Grid
dataset: digits
judge: paired
seeds: 2
base: {filters: [2, 4], kernel_size: 3, epochs: 2}
questions:
  shape:
    title: Shape
    question: Which?
    hypothesis: Larger.
    grid: {kernel_size: [2, 3], epochs: [2, 3]}
  one:
    title: One by one
    question: Which?
    hypothesis: Both.
    changes:
      slow: {learning_rate: 0.0001}
      wide: {filters: [4, 8]}
      slow-wide: {learning_rate: 0.0001, filters: [4, 8]}
published: {file: printed.csv, citation: ranthilake2021}
"""


@pytest.fixture(scope="module")
def grid(tmp_path_factory) -> Made:
    made = Made(tmp_path_factory.mktemp("grid"), GRID)
    heading = ",".join(published_numbers.COLUMNS)
    made.folder.joinpath("printed.csv").write_text(
        f"{heading}\nwidth,1,2-4,3,56,,,base\nwidth,2,4-8,3,90,,,wide\n"
    )
    for place, experiment in enumerate(made.study.experiments):
        # The last cell of the grid lacks a run: contrasts have one seed less.
        short = experiment in made.study.questions["shape"][-1:]
        scores = (0.5 + place / 50, 0.6 + place / 50)[: 1 if short else 2]
        made.runs(experiment, scores)
    made.collect()
    return made


def cells_of(made: Made, table: str, column: str, **wanted: str) -> dict:
    """The receipt of the first row of a table of the evidence that has these values."""
    frame = pd.read_csv(made.folder / "evidence" / f"{table}.csv", dtype=str)
    rows = frame.index[(frame[list(wanted)] == list(wanted.values())).all(axis=1)]
    cell = f"{table}:{rows[0]}:{column}"
    return look_up(made, cell)["cells"][cell]


def test_a_contrast_leads_to_the_cells_that_it_is_made_of(grid):
    all_cells = ["base", *grid.study.questions["shape"]]
    assert len(all_cells) == 4
    main = cells_of(grid, "contrasts", "test_difference", kind="main effect")
    assert sorted(main["experiments"]) == sorted(all_cells)
    both = cells_of(grid, "contrasts", "test_difference", kind="interaction")
    assert sorted(both["experiments"]) == sorted(all_cells)
    assert main["seeds"] == both["seeds"] == [1]
    assert main["beside"][0] == ["Kind", "main effect"]


def test_a_combination_leads_to_its_parts_and_their_reference(grid):
    found = cells_of(grid, "contrasts", "added", kind="combination")
    assert sorted(found["experiments"]) == ["base", "slow", "slow-wide", "wide"]
    assert found["seeds"] == [1, 2]
    assert [label for label, _ in found["beside"]][:2] == ["Kind", "Together"]
    assert "Sum of the parts" not in dict(found["beside"])  # that is the cell itself


def test_a_habit_leads_to_what_was_chosen_and_names_what_from(grid):
    found = cells_of(grid, "habits", "gap", among="one")
    beside = dict(found["beside"])
    assert found["experiments"] == [beside["Chosen"]]
    assert beside["Chosen from"] == "base, slow, wide, slow-wide"
    assert found["seeds"] == [1, 2]
    told, honest = (float(beside[name].removesuffix(" %")) for name in ("Told", "Honest"))
    assert told - honest == pytest.approx(100 * float(found["value"]))


def test_a_mean_habit_leads_to_all_that_was_chosen_from(grid):
    """But to none that lacks a run which the others have: it could not be chosen."""
    found = look_up(grid, "habit-means:0:gap")["cells"]["habit-means:0:gap"]
    assert found["row"]["among"] == "shape"
    assert found["experiments"] == ["base", *grid.study.questions["shape"][:-1]]
    lower = look_up(grid, "habit-means:0:gap_lower")["cells"]["habit-means:0:gap_lower"]
    optimism = dict(lower["beside"])["Optimism"]
    assert float(optimism.removesuffix(" points")) == pytest.approx(100 * float(found["value"]))


def test_a_gain_over_the_base_leads_to_both(grid):
    found = look_up(grid, "over-base:0:lower")["cells"]["over-base:0:lower"]
    assert found["experiments"] == [found["row"]["experiment"], "base"]
    lower = 100 * float(found["value"])
    assert dict(found["beside"])["95 % interval"].startswith(f"{lower:g} to ")


def test_a_baseline_leads_to_the_facts_of_the_inspection(grid, tmp_path):
    path = tmp_path / "0123.json"
    baselines = {"nearest_neighbours": {"test_accuracy": 0.25}}
    path.write_text(json.dumps({"baselines": baselines}))
    cell = "inspection:0:baselines.nearest_neighbours.test_accuracy"
    text = mark("25", of_cell(0.25, Cell(*cell.split(":"))))
    found = receipts.receipts(text, grid.study, grid.folder, path)
    assert found["cells"][cell]["value"] == "0.25"
    assert found["tables"]["inspection"]["file"] == "inspection/0123.json"
    assert found["tables"]["inspection"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_baseline_without_an_inspection_is_refused(grid):
    with pytest.raises(UserError, match="there is no inspection"):
        look_up(grid, "inspection:0:baselines.nearest_neighbours.test_accuracy")


def test_a_printed_number_names_its_source_and_none_of_our_runs(grid):
    found = look_up(grid, "published:0:published_test_accuracy", "published:0:prediction_upper")
    printed = found["cells"]["published:0:published_test_accuracy"]
    assert printed["source"] == "ranthilake2021"
    assert printed["experiments"] == []
    ours = found["cells"]["published:0:prediction_upper"]
    assert ours["experiments"] == ["base"]
    assert "95 % prediction interval" in dict(ours["beside"])
    (row,) = rows_of([{"experiment": "base", "published_test_accuracy": 0.5}], "published")
    assert "data-experiment" not in mark("50", row["published_test_accuracy"])


def test_the_scripts_know_no_study():
    for name in page.SCRIPTS:
        assert "cifar10" not in (page.THEME / name).read_text(encoding="utf-8"), name


def test_names_from_a_study_cannot_end_the_element(made):
    text = '[1]{.receipt data-key=";experiments:0:test_accuracy_mean"}'
    found = receipts.receipts(text, made.study, made.folder)
    hostile = page.fragment({"receipts": found | {"title": "</script><!--"}}).split("</script>")
    assert "<" not in hostile[0].split(">", 1)[1]
    assert json.loads(hostile[0].split(">", 1)[1])["title"] == "</script><!--"


def test_filters_mark_numbers_from_tables_only():
    known = of_cell(0.5, Cell("experiments", 0, "mean", "base"))
    assert filters.FILTERS["percent"](0.5) == "50.00\u00a0%"
    assert filters.FILTERS["percent"](known).startswith("[50.00\u00a0%]{.receipt")
    assert filters.FILTERS["signed"](None) == "–"


@pytest.mark.slow
def test_without_a_run_it_is_said_that_there_is_none_yet(tmp_path):
    """Settings and figures too; a run that diverged was trained with its settings."""
    made = Made(tmp_path / "study", PLAIN).runs("base", (0.5, 0.6))
    made.add("learning-rate-1", 1, status="diverged").collect()
    index = made.folder / "figures" / "figures.json"
    entries = json.loads(index.read_text("utf-8"))
    figure = next(iter(entries))
    entries[figure]["runs"] = {"learning-rate-2": []}
    index.write_text(json.dumps(entries))
    cells = [f"settings:learning-rate-{n}:learning_rate" for n in (1, 2)]
    cells.append(f"figure-{figure}:0:runs")
    ended, other, drawn = (look_up(made, cell)["cells"][cell] for cell in cells)
    assert (ended["experiments"], ended["seeds"], "why" in ended) == (
        ["learning-rate-1"], [1], False,
    )  # fmt: skip
    assert other["seeds"] == []
    assert other["why"] == drawn["why"] == "no run that it could be made from is there"
