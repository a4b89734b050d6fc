"""Tables and evidence read back: which cells numbers come from, what rows and frames hold."""

import ast
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

import cnn_study
from cnn_study.base.errors import UserError
from cnn_study.base.inference import Effect
from cnn_study.evidence import schemas as evidence_schemas
from cnn_study.evidence.analyse import analyse
from cnn_study.evidence.cells import Cell, Count, Number
from cnn_study.evidence.findings import Findings
from cnn_study.evidence.names import IN_CODE, as_in_file, in_code
from cnn_study.evidence.read import Files, Tables, evidence_files
from cnn_study.evidence.results import best_of, read_results
from cnn_study.tables import schemas as table_schemas
from figures_by_hand import ACCURACY, DIVERGED, MISSING, Made, make_study, write_table

STUDY = """
title: Small
dataset: digits
judge: paired
seeds: 3
base: {filters: [2, 4], kernel_size: 3, epochs: 2}
questions:
  rate:
    title: Rate
    question: Which rate?
    hypothesis: A smaller one.
    changes:
      slow: {learning_rate: 0.1}
      fast: {learning_rate: 0.5}
"""
SCORES = {"base": (0.5, 0.52, 0.54), "slow": (0.56, 0.57, 0.61), "fast": (0.4, 0.4, 0.4)}
STATUSES = {"fast": ("complete", DIVERGED, MISSING)}
VALIDATION = {"base": (0.4, 0.4, 0.4), "slow": (0.5, 0.5, 0.6), "fast": (0.9, 0.9, 0.9)}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Made:
    return Made(tmp_path_factory.mktemp("read"), STUDY, SCORES, VALIDATION, STATUSES)


@pytest.fixture
def tables(made) -> Tables:
    return Tables(made.study, made.tables)


@pytest.fixture
def findings(made) -> Findings:
    return Findings(made.study, made.evidence)


# ------------------------------------------------------------------------------- files


def test_a_number_of_a_row_knows_its_cell(tables):
    """Rows of runs.csv: three of base, three of slow, three of fast."""
    score = tables.rows("runs")[4]["test_accuracy"]
    assert (score, type(score)) == (0.57, Number)
    assert score.cells == (Cell("runs", 4, "test_accuracy", "slow"),)
    seed = tables.rows("runs")[4]["seed"]
    assert (seed, type(seed)) == (2, Count)
    assert str(seed.cells[0]) == "runs:4:seed"


def test_an_empty_cell_is_none_and_text_stays_text(tables):
    row = tables.rows("runs")[8]
    assert (row["experiment"], row["status"], row["test_accuracy"]) == ("fast", MISSING, None)


def test_a_published_number_comes_from_no_run_of_ours(tmp_path):
    row = {"comparison": "a", "model": "1", "filters": "2-4", "experiment": "base"}
    row |= {"published_test_accuracy": 0.56, "complete_runs": 3, "test_accuracy_mean": 0.5}
    write_table(tmp_path, table_schemas.PUBLISHED, [row])
    (read,) = Files(tmp_path, [table.put(ACCURACY) for table in table_schemas.TABLES]).rows(
        "published"
    )
    assert read["published_test_accuracy"].cells[0].experiment is None
    assert read["test_accuracy_mean"].cells[0].experiment == "base"


def test_columns_have_the_names_of_the_code_and_their_cells_those_of_the_file(made, tmp_path):
    row = {"habit": "best by test", "among": "rate", "seeds": 3, "told": 0.6, "honest": 0.5}
    row |= {"gap": 0.1, "gap_lower": 0.05, "gap_upper": 0.15, "always_the_same": False}
    write_table(tmp_path, evidence_schemas.SELECTION_BIAS_MEANS, [row])
    (read,) = evidence_files(made.study, tmp_path).rows("habit-means")
    assert list(read) == [
        *("rule", "among", "seeds", "reported", "expected"),
        *("optimism", "optimism_lower", "optimism_upper", "always_the_same"),
    ]
    assert read["optimism"] == 0.1
    assert str(read["optimism"].cells[0]) == "habit-means:0:gap"
    assert read["always_the_same"] is False
    assert as_in_file(evidence_schemas.SELECTION_BIAS_MEANS, [read]) == [row]


def test_texts_are_what_stands_in_the_file(made, tmp_path):
    row = {"habit": "best by test", "among": "a, b", "seeds": 3, "told": 0.6, "gap": 0.1}
    write_table(tmp_path, evidence_schemas.SELECTION_BIAS_MEANS, [row])
    (texts,) = evidence_files(made.study, tmp_path).texts("habit-means")
    assert (texts["habit"], texts["among"], texts["told"]) == ("best by test", "a, b", "0.6")
    assert texts["honest"] == texts["always_the_same"] == ""


@pytest.mark.parametrize("name", IN_CODE)
def test_what_is_called_otherwise_is_there_and_no_two_columns_are_called_alike(name):
    table = next(table for table in evidence_schemas.EVIDENCE if table.name == name)
    headers = [column.name for column in table.columns]
    assert set(in_code(name)) <= set(headers)
    assert len({in_code(name).get(header, header) for header in headers}) == len(headers)


def test_a_file_is_read_once(made, tmp_path):
    copied = tmp_path / "runs.csv"
    copied.write_bytes((made.tables / "runs.csv").read_bytes())
    files = Files(tmp_path, [table.put(ACCURACY) for table in table_schemas.TABLES])
    frame, rows = files.frame("runs"), files.rows("runs")
    copied.unlink()
    assert files.frame("runs") is frame
    assert files.rows("runs") is rows
    assert len(rows) == 9
    with pytest.raises(UserError, match=r"there is no .*epochs\.csv"):
        files.rows("epochs")


# ------------------------------------------------------------------------------- tables


def test_scores_are_those_of_complete_runs_by_seed(tables):
    assert tables.scores("slow", "test_accuracy") == {1: 0.56, 2: 0.57, 3: 0.61}
    assert tables.scores("fast", "test_accuracy") == {1: 0.4}
    assert tables.scores("fast", "test_loss") == tables.scores("nobody", "test_accuracy") == {}


def test_differences_are_those_of_the_seeds_that_both_have(tables):
    assert tables.differences("slow", "base", "test") == pytest.approx({1: 0.06, 2: 0.05, 3: 0.07})
    assert tables.differences("fast", "base", "validation") == pytest.approx({1: 0.5})


def test_epochs_of_unfinished_runs_are_left_out_and_the_rest_know_their_rows(tables):
    """Two epochs a run; the diverged run of fast has two as well, the missing one none."""
    assert len(tables.frame("epochs")) == 16
    epochs = tables.epochs
    assert list(epochs.index) == list(range(14))
    assert list(epochs.loc[12:, "experiment"]) == ["fast", "fast"]


def test_without_any_complete_run_there_are_no_epochs_but_their_columns(tmp_path):
    none = Made(tmp_path, STUDY, SCORES, statuses=dict.fromkeys(SCORES, (DIVERGED,) * 3))
    epochs = Tables(none.study, none.tables).epochs
    assert epochs.empty
    assert "validation_loss" in epochs.columns


@pytest.mark.parametrize(
    ("devices", "clock"),
    [
        (("CPU", "CPU", None), "training_cpu_seconds"),
        (("CPU", "NVIDIA H200", None), "training_seconds"),
        ((None, None, None), "training_seconds"),
    ],
)
def test_processor_time_is_the_clock_where_every_run_was_made_on_a_cpu(
    made, tmp_path, devices, clock
):
    rows = [
        {"experiment": "base", "seed": seed, "status": "complete", "device": device}
        for seed, device in enumerate(devices, start=1)
    ]
    write_table(tmp_path, table_schemas.RUNS, rows)
    assert Tables(made.study, tmp_path).clock == clock


def test_the_tables_and_evidence_of_another_study_are_refused(made, tables, findings, tmp_path):
    tables.check()
    findings.check()
    wider = make_study(tmp_path / "a", STUDY.replace("[2, 4]", "[2, 8]"))
    with pytest.raises(UserError, match="are not those of"):
        Tables(wider, made.tables).check()
    more = make_study(tmp_path / "b", STUDY + "      slower: {learning_rate: 0.2}\n")
    with pytest.raises(UserError, match="is not that of"):
        Findings(more, made.evidence).check()


# ------------------------------------------------------------------------------- results


def test_a_result_sums_up_the_complete_runs(tables):
    results = read_results(tables)
    assert list(results) == ["base", "slow", "fast"]
    slow, fast = results["slow"], results["fast"]
    assert slow.test.mean == pytest.approx(0.58)
    assert slow.test.deviation == pytest.approx(0.0264575)
    assert slow.scores == (0.56, 0.57, 0.61)
    assert (fast.planned, fast.complete, fast.diverged, fast.missing) == (3, 1, 1, 1)
    assert fast.test.deviation is None
    assert (slow.seconds, slow.training_images) == (10, 1000)


def test_the_best_is_chosen_by_validation_images(tables):
    """Fast has the lowest test accuracy."""
    best = best_of(read_results(tables))
    assert best
    assert best.id == "fast"
    assert best_of({}) is None


# ------------------------------------------------------------------------------- findings


def test_a_change_has_what_both_kinds_of_images_say_and_its_single_seeds(findings):
    """Differences 6, 5, 7 points: mean 6, deviation 1; 10, 10, 20 by validation images."""
    slow = findings.changes["slow"]
    assert (slow.experiment, slow.reference, slow.question) == ("slow", "base", "rate")
    assert slow.differences == pytest.approx((0.06, 0.05, 0.07))
    assert (slow.test.n, slow.test.mean, slow.test.error) == (
        3,
        *map(pytest.approx, (0.06, 0.01 / 3**0.5)),
    )
    assert slow.test.lower == pytest.approx(0.06 - 4.30265 * 0.01 / 3**0.5, abs=1e-6)
    assert slow.validation.mean == pytest.approx(0.4 / 3, abs=1e-6)
    assert slow.verdict == slow.test.verdict == "helps"
    assert [str(cell) for cell in slow.cells] == ["ledger:0:test_verdict"]
    assert findings.of("rate") == list(findings.changes.values())


def test_a_change_without_pairs_has_an_effect_without_numbers(tmp_path):
    none = Made(tmp_path, STUDY, SCORES, statuses={"fast": (MISSING,) * 3})
    fast = Findings(none.study, none.evidence).changes["fast"]
    assert fast.test == Effect(0, verdict="not run")
    assert fast.differences == ()


def test_advice_has_the_effects_of_the_ledger(findings):
    entries = (*findings.advice.advice, *findings.advice.undecided)
    (entry,) = (one for one in entries if one.experiment == "slow")
    assert entry.gain.test is findings.changes["slow"].test
    assert entry.gain.validation is findings.changes["slow"].validation
    assert entry.over_base.mean == pytest.approx(0.06)
    assert entry.price.macs == 0


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "{}",
        '{"advice": 3, "outdone": [], "unsupported": [], "undecided": []}',
        '{"advice": [3], "outdone": [], "unsupported": [], "undecided": []}',
        '{"advice": [{"experiment": "gone"}], "outdone": [], "unsupported": [], "undecided": []}',
    ],
)
def test_advice_that_does_not_go_with_the_tables_is_refused(findings, content):
    """Whole JSON, of other keys, or of experiments that the tables do not have."""
    path = findings.folder / "suggestions.json"
    path.write_text(content)
    with pytest.raises(UserError, match=r"suggestions\.json holds no suggestions .* analyse STUDY"):
        Findings(findings.study, findings.folder).advice  # noqa: B018


def test_selection_bias_keeps_the_seeds_behind_its_mean(tmp_path):
    """By one seed's test score: base scores 60, then 50, then 50; slow 55 with every seed.

    Seed 1 chooses base, and expects the mean of its other seeds, 50; the others choose slow.
    """
    scores = {"base": (0.6, 0.5, 0.5), "slow": (0.55,) * 3, "fast": (0.1,) * 3}
    chosen = Made(tmp_path, STUDY, scores)
    analyse(chosen.study, chosen.tables, chosen.evidence)
    by = {
        (bias.rule, bias.among): bias
        for bias in Findings(chosen.study, chosen.evidence).selection_bias
    }
    bias = by["best by test", "rate"]
    assert bias.optimisms == pytest.approx((0.1, 0, 0))
    assert bias.optimism.mean == pytest.approx(0.1 / 3, abs=1e-6)
    assert bias.reported == pytest.approx(1.7 / 3, abs=1e-6)
    assert bias.expected == pytest.approx(1.6 / 3, abs=1e-6)
    assert bias.always_the_same is False


# ------------------------------------------------------------------------------- the code


@cache
def _classes() -> Counter[str]:
    """Count the classes of the package by name."""
    paths = Path(cnn_study.__file__).parent.rglob("*.py")
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in paths]
    return Counter(
        node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
    )


@pytest.mark.parametrize("name", ["Facts", "Contrast", "Cost", "Change", "Effect", "Result"])
def test_a_class_stands_once_for_one_meaning(name):
    assert _classes()[name] == 1
