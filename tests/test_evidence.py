"""Evidence: a row for each declared change, every number by hand, every odd case a stated outcome.

Differences of 1, 2 and 3 points over three seeds come back in many tests. Their mean is 2 points,
s = 1 point, the 95 % interval 2 ± 4.302653 / sqrt(3) = 2 ± 2.48414 points, and, since t² = 12,
p = 1 - sqrt(12 / 14) = 0.0741799. For 10, 11 and 12 points t² = 363, p = 1 - sqrt(363 / 365)
= 0.00274349.
"""

import csv
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML

import records_by_hand
from cnn_study.base import files
from cnn_study.base.errors import UserError
from cnn_study.evidence import ledger_text
from cnn_study.evidence import schemas as evidence_schemas
from cnn_study.evidence.analyse import analyse
from cnn_study.evidence.training_times import about_as_long
from cnn_study.runs import correct_answers
from cnn_study.runs.records import Record
from cnn_study.study.merge import load
from cnn_study.study.model import Study
from cnn_study.study.published_numbers import COLUMNS as PRINTED_COLUMNS
from cnn_study.tables.collect import collect
from cnn_study.tables.data_package import DICTIONARY

PROJECT = Path(__file__).resolve().parents[1]
HEAD = """
title: A tiny study
dataset: digits
seeds: [1, 2, 3, 4]
smallest_effect: 0.5
judge: paired
base: {filters: [2], kernel_size: 3, dense_units: 0, epochs: 2}
"""
Rows = list[dict[str, str]]


def asked(name: str, changes: str, *more: str) -> str:
    """Write one question of a study file."""
    lines = [f"title: About {name}", "question: Does it?", "hypothesis: Yes.", changes, *more]
    return f"  {name}:\n" + "".join(f"    {line}\n" for line in lines)


WIDTH = asked("width", "changes: {wide: {filters: [4]}, wider: {filters: [8]}}")
LATER = asked("later", "changes: {smooth: {label_smoothing: 0.1}}", "trained: false")
RECIPE = asked("recipe", "changes: {no-validation: {validation_fraction: 0}}", "reference: wide")


def study_of(folder: Path, *questions: str, head: str = HEAD, printed: tuple[str, ...] = ()):
    """Load a study of these questions, and of these lines of printed numbers if there are any."""
    text = f"{head}questions:\n{''.join(questions)}"
    if printed:
        text += "published: {file: tiny-published.csv, citation: somebody2020}\n"
        lines = "\n".join([",".join(PRINTED_COLUMNS), *printed])
        (folder / "tiny-published.csv").write_text(lines + "\n")
    (folder / "tiny.yaml").write_text(text)
    return load(folder / "tiny.yaml")


def runs(study: Study, experiment: str, test: list, validation=0.5, **cost) -> list[Record]:
    """Make the records of seeds 1, 2, ….

    Args:
        test: scores; instead of a score a status, such as diverged, or None for no record.
        validation: scores, or one for all.
    """
    if not isinstance(validation, list):
        validation = [validation] * len(test)
    made = []
    for seed, (score, held_out) in enumerate(zip(test, validation, strict=True), start=1):
        if isinstance(score, str):
            made.append(records_by_hand.make(study, experiment, seed, status=score))
        elif score is not None:
            made.append(
                records_by_hand.make(
                    study, experiment, seed, test=score, validation=held_out, **cost
                )
            )
    return made


def answer(study: Study, results: Path, made: list[Record]) -> None:
    """Keep answers and predictions, the first images right, as many as each score says."""
    images = study.dataset.test_images
    labels = np.arange(images) % len(study.dataset.class_names)
    kept = {"labels": labels.astype("uint8")}
    files.write_arrays(correct_answers.place(study, results), kept)
    records_by_hand.look_alike(study, results, 0, 1)
    for record in made:
        if record.status == "complete":
            right = np.arange(images) < round(record.tested.accuracy * images)
            classes = np.where(right, labels, (labels + record.seed) % 10)
            records_by_hand.answering(study, results, record, classes, labels)


def with_epochs(record: Record, **scores: list[float]) -> Record:
    """Give a record other scores epoch by epoch."""
    first = record.epochs[0]
    watched = scores.get("watched_test_accuracy", [])
    if watched:
        scores["watched_test_loss"] = [None if score is None else 1 - score for score in watched]
    rows = [dict(zip(scores, values, strict=True)) for values in zip(*scores.values(), strict=True)]
    epochs = [
        first.model_copy(update={"epoch": number, **row})
        for number, row in enumerate(rows, start=1)
    ]
    return record.model_copy(update={"epochs": epochs})


def analysed(study: Study, folder: Path, *made: list[Record]) -> dict[str, Rows]:
    """Write records, collect and analyse; give the rows of every CSV as they stand there."""
    records_by_hand.write(study, folder / "results", *(one for some in made for one in some))
    collect(study, folder / "results", folder / "tables")
    analyse(study, folder / "tables", folder / "evidence")
    return {
        path.stem: list(csv.DictReader(path.read_text().splitlines()))
        for path in (folder / "evidence").glob("*.csv")
    }


def pick(rows: Rows, *names: str) -> list[tuple[str, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


def numbers(rows: Rows, *names: str) -> list[list[float]]:
    return [[float(row[name]) for name in names] for row in rows]


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return study_of(tmp_path, WIDTH, LATER, RECIPE)


@pytest.fixture
def made(study: Study) -> list[Record]:
    """Test differences of wide: 1, 2, 3 points; of wider: 10, 11, 12; of no-validation: 0, one
    pair. Validation differences of wide: 10 points each; of wider: none."""
    return [
        *runs(study, "base", [0.50, 0.52, 0.54, 0.60], 0.4),
        *runs(study, "wide", [0.51, 0.54, 0.57, None], 0.5, training_cpu_seconds=10.0),
        *runs(study, "wider", [0.60, 0.63, 0.66, "diverged"], 0.4),
        *runs(study, "no-validation", [0.51, "failed", None, 0.6], None),
    ]


# ------------------------------------------------------------------------------- ledger


def test_every_declared_change_has_its_row_in_the_order_of_the_file(study, tmp_path):
    ledger = analysed(study, tmp_path)["ledger"]
    names = ("question", "experiment", "missing_runs", "validation_verdict", "test_verdict")
    assert pick(ledger, *names, "macs_difference") == [
        ("width", "wide", "4", "not run", "not run", "2432"),
        ("width", "wider", "4", "not run", "not run", "7296"),
        ("later", "smooth", "0", "not run", "not run", "0"),  # nobody asked for its runs
        ("recipe", "no-validation", "4", "not run", "not run", "0"),
    ]


@pytest.mark.slow
def test_the_ledger_of_the_published_study_is_complete(tmp_path):
    path = PROJECT / "experiments" / "cifar10.yaml"
    questions = YAML(typ="safe").load(path)["questions"]
    declared = []
    for name, question in questions.items():
        cells = math.prod(map(len, question.get("grid", {"": ()}).values()))
        declared += [name] * (len(question.get("changes", ())) or cells - 1)  # one cell is the base
    found = analysed(load(path), tmp_path)
    assert [row["question"] for row in found["ledger"]] == declared
    assert len(set(pick(found["ledger"], "experiment"))) == len(declared)
    for name, question in questions.items():
        if "changes" in question:
            mine = [row["experiment"] for row in found["ledger"] if row["question"] == name]
            assert mine == list(question["changes"])


WELCH = {"test_welch_lower": "-0.0711829", "test_welch_upper": "0.0711829", "test_welch_p": "1"}
"""Of 51, 54, 57 and 50, 52, 54, 60, by scipy.stats.ttest_ind with unequal variances."""

SPREAD = {
    "test_spread_ratio": "0.694365",  # 3 and 4.320494 points
    "test_spread_p": "0.683368",  # F = 9 / 18.6667 with 2 and 3 freedoms, by scipy.stats.f
    "test_spread_p_holm": "1",
}


@pytest.mark.slow
def test_a_ledger_row_by_hand(study, made, tmp_path):
    """Two changes have p values, so the smaller one is doubled and the larger one left.

    Seeds: with 4, 2 points are 4 errors, and
    4 - t(1 - 0.025 / 2, 3) = 4 - 4.177 < 0; with 5 they are 4.472, and 4.472 - 3.495 = 0.977 is
    above t(0.8, 4) = 0.941. The base ends at 0.4, which wide has after 1 epoch of 2: 5 s of 10.
    """
    assert analysed(study, tmp_path, made)["ledger"][0] == {
        "question": "width",
        "hypothesis": "Yes.",
        "experiment": "wide",
        "reference": "base",
        "change": "filters = 4",
        "complete_runs": "3",
        "diverged_runs": "0",
        "failed_runs": "0",
        "missing_runs": "1",
        "validation_runs": "3",
        "validation_difference": "0.1",
        "collapsed_runs": "0",
        "reference_collapsed_runs": "0",
        "validation_error": "0",
        "validation_freedom": "2",
        "validation_lower": "0.1",
        "validation_upper": "0.1",
        "validation_p": "0",
        "validation_p_holm": "0",
        "validation_verdict": "helps",
        "validation_pairs": "3",
        "validation_paired_lower": "0.1",
        "validation_paired_upper": "0.1",
        "validation_paired_p": "0",
        "validation_sign_flip_p": "0.25",  # two of eight signs give sums as far from zero
        "validation_welch_lower": "0.1",
        "validation_welch_upper": "0.1",
        "validation_welch_p": "0",
        "test_runs": "3",
        "test_difference": "0.02",
        "test_error": "0.0057735",
        "test_freedom": "2",
        "test_lower": "-0.00484138",
        "test_upper": "0.0448414",
        "test_p": "0.0741799",
        "test_p_holm": "0.0741799",
        "test_p_holm_all": "0.0741799",
        "test_pairs": "3",
        "test_paired_lower": "-0.00484138",
        "test_paired_upper": "0.0448414",
        "test_paired_p": "0.0741799",
        "test_sign_flip_p": "0.25",
        **WELCH,
        **SPREAD,
        "training_macs_difference": "4864",  # two epochs
        "test_verdict": "too close to call",
        "test_images_margin": "",  # nobody has kept the answers
        "test_both_lower": "",
        "test_both_upper": "",
        "test_clearly": "",
        "seeds_to_settle": "5",
        "parameters_difference": "1300",  # (9 + 1) 2 + (64 2 + 1) 10
        "macs_difference": "2432",  # 64 9 2 + 128 10
        "seconds_difference": "2",
        "seconds_lower": "2",
        "seconds_upper": "2",
        "seconds_ratio": "1.25",
        "seconds_to_base": "5",
        "epochs_to_base": "1",
    }


def test_a_question_is_a_family(study, made, tmp_path):
    rows = analysed(study, tmp_path, made)["ledger"][:2]
    assert numbers(rows, "test_p", "test_p_holm") == [
        pytest.approx([0.0741799, 0.0741799]),
        pytest.approx([0.00274349, 2 * 0.00274349], rel=1e-5),
    ]
    assert pick(rows, "test_verdict", "seeds_to_settle") == [
        ("too close to call", "5"),
        ("helps", ""),
    ]


@pytest.mark.slow
def test_seeds_to_settle_reckon_with_the_family(tmp_path):
    """2 points, s = 1: alone, 5 seeds would do. Of three changes that have a p value, 6 do.

    t(1 - 0.025 / 3, 4) = 3.961 and 4.472 - 3.961 = 0.511 is below t(0.8, 4) = 0.941; with 6,
    4.899 - 3.534 = 1.365 is above t(0.8, 5) = 0.920.
    """
    changes = "changes: {wide: {filters: [4]}, wider: {filters: [8]}, widest: {filters: [16]}}"
    study = study_of(tmp_path, asked("width", changes))
    found = analysed(
        study,
        tmp_path,
        runs(study, "base", [0.50, 0.50, 0.50]),
        *(runs(study, id_, [0.51, 0.52, 0.53]) for id_ in ("wide", "wider", "widest")),
    )
    assert [row["seeds_to_settle"] for row in found["ledger"]] == ["6"] * 3


@pytest.mark.slow
def test_a_change_without_a_pair_is_no_part_of_the_family(tmp_path):
    """Of three changes one has a p value: alone, 2 points with s = 1 want 5 seeds."""
    changes = "changes: {wide: {filters: [4]}, wider: {filters: [8]}, widest: {filters: [16]}}"
    study = study_of(tmp_path, asked("width", changes))
    base, wide = runs(study, "base", [0.50] * 3), runs(study, "wide", [0.51, 0.52, 0.53])
    rows = analysed(study, tmp_path, base, wide)["ledger"]
    assert pick(rows, "test_verdict", "seeds_to_settle") == [
        ("too close to call", "5"), ("not run", ""), ("not run", ""),
    ]  # fmt: skip


def test_a_change_that_trains_with_some_seeds_is_not_said_to_fail(tmp_path):
    """Its complete runs have other seeds than those of the base, so that there is no pair."""
    study = study_of(tmp_path, WIDTH)
    base, wide = runs(study, "base", [0.5, None]), runs(study, "wide", ["diverged", 0.6])
    rows = analysed(study, tmp_path, base, wide)["ledger"]
    assert pick(rows[:1], "complete_runs", "diverged_runs", "test_runs", "test_verdict") == [
        ("1", "1", "0", "not run")
    ]


def test_arithmetic_of_a_training_goes_by_the_epochs_of_either(tmp_path):
    """The base has 2,432 MACs and 2 epochs; wide has 4,864 and, longer, 5."""
    study = study_of(
        tmp_path,
        asked("epochs", "changes: {longer: {epochs: 5}}"),
        asked("both", "changes: {wide-longer: {filters: [4], epochs: 5}}"),
    )
    rows = analysed(study, tmp_path)["ledger"]
    assert pick(rows, "macs_difference", "training_macs_difference") == [
        ("0", str(2432 * 3)),
        ("2432", str(4864 * 5 - 2432 * 2)),
    ]


@pytest.mark.slow
def test_other_questions_are_other_families(tmp_path):
    """Each question corrects for its own changes: none of these p values is raised."""
    other = asked("kernel", "changes: {size-5: {kernel_size: 5}}")
    study = study_of(tmp_path, asked("width", "changes: {wide: {filters: [4]}}"), other)
    found = analysed(
        study,
        tmp_path,
        runs(study, "base", [0.5, 0.5, 0.5]),
        runs(study, "wide", [0.60, 0.61, 0.62]),
        runs(study, "size-5", [0.40, 0.39, 0.38]),
    )
    rows = found["ledger"]
    assert pick(rows, "test_p_holm", "test_verdict") == [
        ("0.00274349", "helps"),
        ("0.00274349", "hurts"),
    ]


@pytest.mark.slow
def test_only_shared_seeds_are_paired(tmp_path):
    """base has 1, 2 and 4, wide 2, 3 and 4: pairs are 2 and 4, with 4 and 8 points."""
    study = study_of(tmp_path, WIDTH)
    found = analysed(
        study,
        tmp_path,
        runs(study, "base", [0.5, 0.6, "diverged", 0.7], [0.4, 0.5, 0.5, 0.6]),
        runs(study, "wide", [None, 0.64, 0.9, 0.78], [0.4, 0.4, 0.9, 0.7]),
    )
    row = found["ledger"][0]
    assert (row["test_runs"], row["test_difference"]) == ("2", "0.06")
    assert (row["complete_runs"], row["missing_runs"]) == ("3", "1")
    seeds = ("experiment", "reference", "seed", "validation_difference", "test_difference")
    assert pick(found["differences"], *seeds) == [
        ("wide", "base", "2", "-0.1", "0.04"),
        ("wide", "base", "3", "", ""),
        ("wide", "base", "4", "0.1", "0.08"),
    ]
    # The base's runs have the mean 0.6.
    assert pick(found["differences"], "test_over_mean") == [("0.04",), ("0.3",), ("0.18",)]


@pytest.mark.slow
def test_the_reference_is_the_one_that_was_changed(study, made, tmp_path):
    found = analysed(study, tmp_path, made)
    row = found["ledger"][3]
    assert (row["experiment"], row["reference"], row["test_difference"]) == (
        "no-validation", "wide", "0",
    )  # fmt: skip
    # no-validation has seeds 1 and 4, wide has no seed 4; and there are no validation scores.
    assert pick(found["differences"], "experiment", "seed", "test_difference")[-2:] == [
        ("no-validation", "1", "0"),
        ("no-validation", "4", ""),
    ]
    assert pick(found["differences"], "validation_difference", "validation_over_mean")[-1] == (
        "", "",
    )  # fmt: skip


# ------------------------------------------------------------------------------- odd cases

ODD = {
    "same": ([0.5, 0.5, 0.5, 0.5], "no meaningful difference"),
    "shifted": ([0.6, 0.6, 0.6, 0.6], "helps"),
    "two-seeds": ([0.6, 0.61, None, None], "too few seeds"),
    "one-seed": ([0.6, None, None, None], "too few seeds"),
    "no-seed": ([None] * 4, "not run"),
    "diverges": (["diverged"] * 4, "does not train"),
    "fails": (["failed", "diverged", "failed", "diverged"], "does not train"),
    "sometimes": (["diverged", 0.4, 0.4, 0.4], "hurts"),
}


@pytest.fixture
def odd(tmp_path) -> dict[str, Rows]:
    """A study in which all that can go wrong does; every experiment is named after its case."""
    changes = ", ".join(f"{id_}: {{filters: [{3 + n}]}}" for n, id_ in enumerate(ODD))
    study = study_of(
        tmp_path,
        asked("odd", f"changes: {{{changes}}}"),
        asked("on-nothing", "changes: {fine: {filters: [30]}}", "reference: diverges"),
        asked("recipe", "changes: {no-validation: {validation_fraction: 0}}"),
    )
    return analysed(
        study,
        tmp_path,
        runs(study, "base", [0.5] * 4),
        *(runs(study, id_, test) for id_, (test, _) in ODD.items()),
        runs(study, "fine", [0.9] * 4),
        runs(study, "no-validation", [0.5, 0.51, 0.49, 0.8], None),
    )


def test_every_odd_case_has_its_verdict(odd):
    verdicts = {row["experiment"]: row["test_verdict"] for row in odd["ledger"]}
    assert verdicts == {
        **{id_: verdict for id_, (_, verdict) in ODD.items()},
        "fine": "not run",  # its reference has no complete run, so there is no pair
        "no-validation": "too close to call",
    }
    validation = {row["experiment"]: row["validation_verdict"] for row in odd["ledger"]}
    assert validation["sometimes"] == "no meaningful difference"
    assert validation["no-validation"] == "not measured"
    assert {validation[id_] for id_ in ("diverges", "fails")} == {"does not train"}


def test_runs_without_an_end_are_counted(odd):
    counts = ("complete_runs", "diverged_runs", "failed_runs", "missing_runs", "test_runs")
    by = {row["experiment"]: pick([row], *counts)[0] for row in odd["ledger"]}
    assert by["diverges"] == ("0", "4", "0", "0", "0")
    assert by["fails"] == ("0", "2", "2", "0", "0")
    assert by["sometimes"] == ("3", "1", "0", "0", "3")
    assert by["two-seeds"] == ("2", "0", "0", "2", "2")


def test_what_cannot_be_said_is_empty(odd):
    names = ("test_difference", "test_error", "test_lower", "test_p", "test_p_holm")
    by = {row["experiment"]: pick([row], *names)[0] for row in odd["ledger"]}
    assert by["one-seed"] == ("0.1", "", "", "", "")
    assert by["no-seed"] == by["diverges"] == by["fine"] == ("", "", "", "", "")
    assert by["same"] == ("0", "0", "0", "1", "1")
    assert by["shifted"] == ("0.1", "0", "0.1", "0", "0")


def test_a_change_that_does_not_train_does_so_in_every_class(odd):
    rows = [row for row in odd["class-effects"] if row["class"] == "0"]
    verdicts = {row["experiment"]: row["test_verdict"] for row in rows}
    assert verdicts == {row["experiment"]: row["test_verdict"] for row in odd["ledger"]}


def test_only_one_class_with_test_images(odd):
    """The records by hand have all test images in the first class; the others say nothing."""
    rows = [row for row in odd["class-effects"] if row["experiment"] == "shifted"]
    assert pick(rows[:2], "class", "test_runs", "test_difference", "test_p_holm") == [
        ("0", "4", "0.1", "0"),
        ("1", "0", "", ""),
    ]
    assert {row["test_verdict"] for row in rows[1:]} == {"not measured"}


def test_nothing_that_is_no_number_is_written(odd, tmp_path):
    written = {path.name: path.read_text() for path in (tmp_path / "evidence").iterdir()}
    assert set(written) == set(evidence_schemas.planned_evidence())
    del written[DICTIONARY]
    for name, text in written.items():
        found = re.search(r"(?i)\b(nan|inf|infinity|none|<na>)\b", text.replace('"none"', ""))
        assert not found, f"{name}: {text[max(0, found.start() - 80) : found.end()]}"
    json.loads(written["suggestions.json"], parse_constant=pytest.fail)


def test_a_study_of_one_seed(tmp_path):
    study = study_of(tmp_path, WIDTH, head=HEAD.replace("[1, 2, 3, 4]", "1"))
    found = analysed(
        study, tmp_path, runs(study, "base", [0.5]), runs(study, "wide", [0.75], 0.625)
    )
    row = found["ledger"][0]
    assert (row["test_difference"], row["test_verdict"]) == ("0.25", "too few seeds")
    assert (row["test_lower"], row["seeds_to_settle"]) == ("", "")
    assert found["habits"] == []


def test_a_missing_table_is_one_message(study, tmp_path):
    with pytest.raises(UserError, match=r"there is no .*runs\.csv. Make it first"):
        analyse(study, tmp_path / "tables", tmp_path / "evidence")
    assert not (tmp_path / "evidence").exists()


# ------------------------------------------------------------------------------- same bytes


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.slow
def test_the_same_tables_give_the_same_bytes(study, made, tmp_path):
    analysed(study, tmp_path, made)
    analyse(study, tmp_path / "tables", tmp_path / "again")
    assert contents(tmp_path / "again") == contents(tmp_path / "evidence")


@pytest.mark.slow
def test_the_order_of_rows_in_the_tables_does_not_matter(study, made, tmp_path):
    analysed(study, tmp_path, made)
    for name in ("runs", "experiments", "classes"):
        path = tmp_path / "tables" / f"{name}.csv"
        head, *rows = path.read_text().splitlines()
        path.write_text("\n".join([head, *reversed(rows)]) + "\n")
    analyse(study, tmp_path / "tables", tmp_path / "again")
    assert contents(tmp_path / "again") == contents(tmp_path / "evidence")


# ------------------------------------------------------------------------------- grids


def grid_scores(study: Study, by_seed: dict[str, list[float]]) -> list[list[Record]]:
    return [runs(study, id_, scores) for id_, scores in by_seed.items()]


def test_a_grid_of_two_by_two_by_hand(tmp_path):
    """Cells (filters, kernel size), points over the base's: seeds 1, 2, 3; seed 4 lacks a cell.

    (4, 3): 2, 4, 6. (2, 5): 1, 1, 4. (4, 5): 9, 7, 16. So by seed:
    filters, mean of (4, 3) - (2, 3) and (4, 5) - (2, 5): (2 + 8) / 2, (4 + 6) / 2, (6 + 12) / 2
    = 5, 5, 9; mean 19 / 3, s² = 16 / 3, interval ± 4.302653 x 4 / 3 = 5.736871;
    kernel size: (1 + 7) / 2, (1 + 3) / 2, (4 + 10) / 2 = 4, 2, 7; mean 13 / 3;
    interaction: 8 - 2, 6 - 4, 12 - 6 = 6, 2, 6; mean 14 / 3.
    """
    study = study_of(tmp_path, asked("grid", "grid: {filters: [[2], [4]], kernel_size: [3, 5]}"))
    found = analysed(
        study,
        tmp_path,
        runs(study, "base", [0.30, 0.40, 0.50, 0.10]),
        runs(study, "filters-4", [0.32, 0.44, 0.56, 0.90]),
        runs(study, "kernel-size-5", [0.31, 0.41, 0.54, 0.90]),
        runs(study, "filters-4-kernel-size-5", [0.39, 0.47, 0.66, None]),
    )
    rows = found["contrasts"]
    assert pick(rows, "question", "kind", "contrast", "test_runs") == [
        ("grid", "main effect", "filters 4 against 2", "3"),
        ("grid", "main effect", "kernel_size 5 against 3", "3"),
        ("grid", "interaction", "filters 4 against 2, at kernel_size 5 against 3", "3"),
    ]
    assert [row["test_difference"] for row in rows] == ["0.0633333", "0.0433333", "0.0466667"]
    assert numbers(rows, "test_error", "test_lower", "test_upper")[0] == pytest.approx(
        [0.04 / 3, 0.19 / 3 - 0.05736871, 0.19 / 3 + 0.05736871], rel=1e-5
    )


@pytest.mark.slow
def test_a_grid_of_three_by_three_by_hand(tmp_path):
    """Score = seed + filters (2: -4, 4: 0, 8: 3 points) + kernel size (1: -6, 3: 0, 5: 0.3).

    And 6 points more in the cell (8, 5), a third of which each of its two main effects has: 3 + 2
    and 0.3 + 2. All differences are the same for every seed. The base is in the middle.
    """
    study = study_of(
        tmp_path,
        asked("grid", "grid: {filters: [[2], [4], [8]], kernel_size: [1, 3, 5]}"),
        head=HEAD.replace("filters: [2]", "filters: [4]"),
    )
    filters, sizes = {2: -0.04, 4: 0.0, 8: 0.03}, {1: -0.06, 3: 0.0, 5: 0.003}
    scores = {}
    for experiment in study.experiments.values():
        width, size = experiment.settings.filters[0], experiment.settings.kernel_size
        score = filters[width] + sizes[size] + 0.06 * ((width, size) == (8, 5))
        scores[experiment.id] = [seed + score for seed in (0.4, 0.5, 0.7)]
    assert len(scores) == 9
    rows = analysed(study, tmp_path, *grid_scores(study, scores))["contrasts"]
    assert pick(rows, "contrast", "test_difference", "test_verdict") == [
        ("filters 2 against 4", "-0.04", "hurts"),
        ("filters 8 against 4", "0.05", "helps"),
        ("kernel_size 1 against 3", "-0.06", "hurts"),
        ("kernel_size 5 against 3", "0.023", "helps"),
        ("filters 2 against 4, at kernel_size 1 against 3", "0", "no meaningful difference"),
        ("filters 2 against 4, at kernel_size 5 against 3", "0", "no meaningful difference"),
        ("filters 8 against 4, at kernel_size 1 against 3", "0", "no meaningful difference"),
        ("filters 8 against 4, at kernel_size 5 against 3", "0.06", "helps"),
    ]
    assert [row["kind"] for row in rows] == ["main effect"] * 4 + ["interaction"] * 4


def test_main_effects_are_one_family_and_interactions_another(tmp_path):
    """Three seeds. Filters: 1, 2, 3 points; kernel size: 10, 11, 12; nothing between them."""
    study = study_of(tmp_path, asked("grid", "grid: {filters: [[2], [4]], kernel_size: [3, 5]}"))
    found = analysed(
        study,
        tmp_path,
        runs(study, "base", [0.30, 0.40, 0.50]),
        runs(study, "filters-4", [0.31, 0.42, 0.53]),
        runs(study, "kernel-size-5", [0.40, 0.51, 0.62]),
        runs(study, "filters-4-kernel-size-5", [0.41, 0.53, 0.65]),
    )
    assert numbers(found["contrasts"], "test_p", "test_p_holm") == [
        pytest.approx([0.0741799, 0.0741799]),
        pytest.approx([0.00274349, 0.00548698], rel=1e-5),
        [1, 1],
    ]


def test_whole_numbers_in_a_grid_of_shares(tmp_path):
    """The file says 0, the settings 0.0: one value."""
    study = study_of(
        tmp_path, asked("grid", "grid: {label_smoothing: [0, 0.1], kernel_size: [3, 5]}")
    )
    scores = {id_: [0.5, 0.5, 0.5] for id_ in study.experiments}
    scores["label-smoothing-0-1"] = [0.54, 0.54, 0.54]
    rows = analysed(study, tmp_path, *grid_scores(study, scores))["contrasts"]
    assert pick(rows, "contrast", "test_difference") == [
        ("label_smoothing 0.1 against 0", "0.02"),
        ("kernel_size 5 against 3", "-0.02"),
        ("label_smoothing 0.1 against 0, at kernel_size 5 against 3", "-0.04"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("grid", "contrasts"),
    [
        ("{filters: [[2], [4], [8]]}", []),
        ("{filters: [[2], [4]], kernel_size: [3, 5], pool_size: [2, 3]}", []),
        ("{filters: [[4], [8]], kernel_size: [3, 5]}", []),  # the base is not in it
        ("{filters: [[2]], kernel_size: [3, 5]}", [("main effect", "kernel_size 5 against 3")]),
    ],
)
def test_grids_of_another_kind(tmp_path, grid, contrasts):
    # Pooling follows, so that pool_size makes a difference.
    head = HEAD.replace("epochs: 2", "epochs: 2, pool_after: every")
    study = study_of(tmp_path, asked("grid", f"grid: {grid}"), head=head)
    scores = {id_: [0.5, 0.5, 0.5] for id_ in study.experiments}
    rows = analysed(study, tmp_path, *grid_scores(study, scores))["contrasts"]
    assert pick(rows, "kind", "contrast") == contrasts


def test_a_grid_with_an_empty_cell_says_so(tmp_path):
    study = study_of(tmp_path, asked("grid", "grid: {filters: [[2], [4]], kernel_size: [3, 5]}"))
    scores = {"base": [0.5, 0.6], "filters-4": [0.5, 0.6], "kernel-size-5": [0.5, 0.6]}
    rows = analysed(study, tmp_path, *grid_scores(study, scores))["contrasts"]
    assert len(rows) == 3
    assert set(pick(rows, "test_runs", "test_difference", "test_verdict")) == {("0", "", "not run")}


PARTS = """  single:
    title: Single
    question: One by one?
    hypothesis: Yes.
    changes:
      wide: {filters: [4]}
      fast: {learning_rate: 0.01}
      both-moves: {horizontal_flip: true, shift: 2}
  joined:
    title: Joined
    question: Together?
    hypothesis: Nearly.
    changes:
      wide-fast: {filters: [4], learning_rate: 0.01}
      three: {filters: [4], learning_rate: 0.01, horizontal_flip: true, shift: 2}
      wide-flip: {filters: [4], horizontal_flip: true}
"""


@pytest.mark.slow
def test_a_combination_is_set_against_the_sum_of_its_parts(tmp_path):
    """wide gains 4, 5, 6 points by seed, fast 2, 2, 2; together 5, 8, 8.

    Together less the sum: -1, 1, 0. Means: together 7, sum 7. The flip alone was not run, so
    wide-flip has no sum. three is made up of three changes, not of both-moves and wide-fast.
    """
    study = study_of(tmp_path, PARTS)
    rows = analysed(
        study,
        tmp_path,
        runs(study, "base", [0.50, 0.60, 0.70]),
        runs(study, "wide", [0.54, 0.65, 0.76]),
        runs(study, "fast", [0.52, 0.62, 0.72]),
        runs(study, "both-moves", [0.51, 0.61, 0.71]),
        runs(study, "wide-fast", [0.55, 0.68, 0.78]),
        runs(study, "three", [0.56, 0.69, 0.79]),
        runs(study, "wide-flip", [0.56, 0.69, 0.79]),
    )["contrasts"]
    assert pick(rows, "kind", "experiment", "contrast") == [
        ("combination", "wide-fast", "wide-fast against the sum of wide and fast"),
        ("combination", "three", "three against the sum of wide, fast and both-moves"),
    ]
    assert numbers(rows, "together", "added", "test_difference")[0] == pytest.approx(
        [0.07, 0.07, 0.0], abs=1e-6
    )
    # three gains 6, 9, 9; its parts 4 + 2 + 1, 5 + 2 + 1, 6 + 2 + 1: -1, 1, 0 again.
    assert numbers(rows, "together", "added", "test_difference")[1] == pytest.approx(
        [0.08, 0.08, 0.0], abs=1e-6
    )
    assert pick(rows, "parts") == [("wide fast",), ("wide fast both-moves",)]
    assert [row["test_verdict"] for row in rows] == ["too close to call"] * 2


def test_a_combination_without_runs_of_a_part_says_so(tmp_path):
    study = study_of(tmp_path, PARTS)
    rows = analysed(
        study,
        tmp_path,
        runs(study, "base", [0.5, 0.6, 0.7]),
        runs(study, "wide", [0.5, 0.6, 0.7]),
        runs(study, "wide-fast", [0.5, 0.6, 0.7]),
    )["contrasts"]
    assert pick(rows, "experiment", "test_runs", "together", "added", "test_verdict")[0] == (
        *("wide-fast", "0", "", "", "not run"),
    )


# ------------------------------------------------------------------------------- price


def test_time_to_the_base_by_hand(tmp_path):
    """The base ends at 0.55 and 0.65: mean 0.6.

    wide reaches it in epoch 2 of 4 of 20 s (its last epoch falls below again), and in epoch 3 of 4
    of 40 s: (10 + 30) / 2 = 20 s, 2.5 epochs. wider never does in its second run.
    """
    study = study_of(tmp_path, WIDTH, head=HEAD.replace("epochs: 2", "epochs: 4"))
    wide = runs(study, "wide", [0.5, 0.5])
    slow = wide[1].cost.model_copy(update={"training_cpu_seconds": 40.0})
    fast = wide[0].cost.model_copy(update={"training_cpu_seconds": 20.0})
    wider = runs(study, "wider", [0.5, 0.5], training_cpu_seconds=20.0)
    found = analysed(
        study,
        tmp_path,
        runs(study, "base", [0.5, 0.5], [0.55, 0.65], training_cpu_seconds=16.0),
        [
            with_epochs(
                wide[0].model_copy(update={"cost": fast}),
                validation_accuracy=[0.5, 0.6, 0.7, 0.59],
            ),
            with_epochs(
                wide[1].model_copy(update={"cost": slow}),
                validation_accuracy=[0.5, 0.59, 0.61, 0.7],
            ),
            with_epochs(wider[0], validation_accuracy=[0.7, 0.8, 0.8, 0.8]),
            with_epochs(wider[1], validation_accuracy=[0.5, 0.59, 0.58, 0.59]),
        ],
    )
    names = ("experiment", "seconds_to_base", "epochs_to_base", "seconds_difference")
    assert pick(found["ledger"], *names) == [
        ("wide", "20", "2.5", "14"),  # (4 + 24) / 2
        ("wider", "", "", "4"),
    ]


def test_without_validation_images_no_time_to_the_base(study, made, tmp_path):
    row = analysed(study, tmp_path, made)["ledger"][3]
    assert (row["experiment"], row["seconds_to_base"]) == ("no-validation", "")


@pytest.mark.slow
def test_one_run_on_another_device_makes_wall_time_the_clock(tmp_path):
    """Processor time of a run on a GPU says nothing, so all runs are told by wall time."""
    study = study_of(tmp_path, WIDTH)
    base = runs(study, "base", [0.5], training_seconds=10.0, training_cpu_seconds=9.0)
    wide = runs(study, "wide", [0.5], training_seconds=3.0, training_cpu_seconds=9.5)
    assert analysed(study, tmp_path, base, wide)["ledger"][0]["seconds_difference"] == "0.5"
    provenance = wide[0].provenance.model_copy(update={"device": "NVIDIA H200"})
    wide = [wide[0].model_copy(update={"provenance": provenance})]
    row = analysed(study, tmp_path, base, wide)["ledger"][0]
    assert (row["seconds_difference"], row["seconds_to_base"]) == ("-7", "1.5")


def _timed(study: Study, experiment: str, seconds: list[float]) -> list[Record]:
    made = runs(study, experiment, [0.5 + seed / 100 for seed in range(len(seconds))])
    return [
        record.model_copy(
            update={"cost": record.cost.model_copy(update={"training_cpu_seconds": spent})}
        )
        for record, spent in zip(made, seconds, strict=True)
    ]


THREE = asked("width", "changes: {wide: {filters: [4]}, wider: {filters: [8]}, w: {filters: [9]}}")


def test_training_seconds_with_their_interval_by_hand(tmp_path):
    """base 100, 102, 104 s; each spread of 2 s gives se = √(4/3 + 4/3) = 1.632993, 4 degrees.

    wide 120, 122, 124: 20 ± 2.776445 · 1.632993 = 15.466078 to 24.533922, 122 / 102 = 1.196078.
    wider 100, 110, 120: 8 s more are less than a tenth. w 80, 120, 160: 18 s more are 18 %, and
    se = √(4/3 + 1600/3) = 23.12 s with 2.01 degrees of freedom: the interval holds zero.
    """
    study = study_of(tmp_path, THREE)
    rows = analysed(
        study,
        tmp_path,
        _timed(study, "base", [100, 102, 104]),
        _timed(study, "wide", [120, 122, 124]),
        _timed(study, "wider", [100, 110, 120]),
        _timed(study, "w", [80, 120, 160]),
    )["ledger"]
    names = [f"seconds_{name}" for name in ("difference", "lower", "upper", "ratio")]
    (wide, wider, w) = numbers(rows, *names)
    assert wide == pytest.approx([20, 15.466078, 24.533922, 1.196078], rel=1e-5)
    assert (wider[0], w[0]) == (8, 18)
    assert w[1] < 0 < w[2]
    read = [{name: float(row[name]) for name in names} for row in rows]
    assert [about_as_long(row) for row in read] == [False, True, True]
    text = (tmp_path / "evidence" / "ledger.md").read_text("utf-8")
    cells = [line.split("|")[-2].strip() for line in text.splitlines()[2:]]
    assert cells == ["+20 [+15, +25]", "about as long", "about as long"]


def test_one_pair_of_runs_has_seconds_and_no_interval(tmp_path):
    study = study_of(tmp_path, WIDTH)
    row = analysed(study, tmp_path, _timed(study, "base", [10]), _timed(study, "wide", [12]))[
        "ledger"
    ][0]
    names = [f"seconds_{name}" for name in ("difference", "lower", "upper", "ratio")]
    assert [row[name] for name in names] == ["2", "", "", "1.2"]


@pytest.mark.parametrize(
    ("ratio", "lower", "upper", "alike"),
    [
        (1.09, 5.0, 9.0, True),  # surely longer, and by less than the machine drifts
        (0.91, -9.0, -5.0, True),
        (1.11, 5.0, 9.0, False),
        (0.89, -9.0, -5.0, False),
        (1.9, -1.0, 99.0, True),
        (0.6, -99.0, 1.0, True),
        (4.1, -1.0, 99.0, False),  # not known, and nobody would say about as long
        (0.24, -99.0, 1.0, False),
        (2.0, None, None, False),
        (None, None, None, False),
    ],
)
def test_about_as_long(ratio, lower, upper, alike):
    row = {"seconds_ratio": ratio, "seconds_lower": lower, "seconds_upper": upper}
    assert about_as_long(row) is alike


# ------------------------------------------------------------------------------- classes


def with_classes(record: Record, **correct: tuple[int, int]) -> Record:
    """Give a record a confusion matrix: class_N is how many of how many are right."""
    matrix = [[0] * 10 for _ in range(10)]
    for name, (right, images) in correct.items():
        number = int(name.removeprefix("class_"))
        matrix[number][number], matrix[number][9] = right, images - right
    return record.model_copy(update={"test": record.test.model_copy(update={"confusion": matrix})})


def test_effects_on_classes_by_hand(tmp_path):
    """Of 200, 100 and 60 images. Class 0: 1, 2, 3 points more; class 1: 10, 11, 12 fewer; class 2:
    the same. Holm over the three: 0.00274349 x 3, 0.0741799 x 2, 1 x 1."""
    study = study_of(tmp_path, WIDTH)
    base = [
        with_classes(record, class_0=(first, 200), class_1=(50, 100), class_2=(30, 60))
        for record, first in zip(runs(study, "base", [0.5] * 3), (100, 110, 120), strict=True)
    ]
    wide = [
        with_classes(record, class_0=(first, 200), class_1=(second, 100), class_2=(30, 60))
        for record, first, second in zip(
            runs(study, "wide", [0.5] * 3), (102, 114, 126), (40, 39, 38), strict=True
        )
    ]
    rows = analysed(study, tmp_path, base, wide)["class-effects"]
    assert len(rows) == 2 * 10
    assert pick(rows[:4], "experiment", "class", "test_runs", "test_difference") == [
        ("wide", "0", "3", "0.02"),
        ("wide", "1", "3", "-0.11"),
        ("wide", "2", "3", "0"),
        ("wide", "3", "0", ""),
    ]
    assert numbers(rows[:3], "test_p_holm") == [
        [pytest.approx(2 * 0.0741799, rel=1e-5)], [pytest.approx(3 * 0.00274349, rel=1e-5)], [1],
    ]  # fmt: skip
    assert [row["test_verdict"] for row in rows[:4]] == [
        "too close to call", "hurts", "no meaningful difference", "not measured",
    ]  # fmt: skip


# ------------------------------------------------------------------------------- habits


def test_the_best_epoch_by_hand(tmp_path):
    """Watched: 0.5, 0.7, 0.7, 0.6 by one seed and 0.4, 0.5, 0.6, 0.3 by another.

    The one tells 0.7, first in epoch 2, where the other has 0.5; the other tells 0.6 in epoch 3,
    where the one has 0.7.
    """
    study = study_of(
        tmp_path,
        asked("recipe", "changes: {watched: {validation_fraction: 0, watch_test: true}}"),
        head=HEAD.replace("epochs: 2", "epochs: 4"),
    )
    one, other, ended = runs(study, "watched", [0.6, 0.3, "diverged"], None)
    found = analysed(
        study,
        tmp_path,
        runs(study, "base", [0.5, 0.5]),
        [
            with_epochs(
                one,
                validation_accuracy=[None] * 4,
                watched_test_accuracy=[0.5, 0.7, 0.7, 0.6],
            ),
            with_epochs(
                other,
                validation_accuracy=[None] * 4,
                watched_test_accuracy=[0.4, 0.5, 0.6, 0.3],
            ),
            with_epochs(ended, validation_accuracy=[None], watched_test_accuracy=[0.1]),
        ],
    )
    assert [list(row.values()) for row in found["habits"]] == [
        ["best epoch", "watched", "1", "epoch 2", "0.7", "0.5", "0.2"],
        ["best epoch", "watched", "2", "epoch 3", "0.6", "0.7", "-0.1"],
    ]
    (mean,) = found["habit-means"]
    assert (mean["seeds"], mean["told"], mean["honest"]) == ("2", "0.65", "0.6")
    assert (mean["gap"], mean["always_the_same"]) == ("0.05", "false")


def test_an_epoch_without_a_score_of_every_seed_is_not_chosen(tmp_path):
    """Seed 1 has no score after epoch 2, so it tells the 0.5 of epoch 1, where seed 2 has 0.4;
    seed 2 tells the same epoch, though its 0.9 of epoch 2 is higher."""
    change = "changes: {watched: {validation_fraction: 0, watch_test: true}}"
    study = study_of(tmp_path, asked("recipe", change))
    one, other = runs(study, "watched", [0.5, 0.9], None)
    nothing = [None, None]
    found = analysed(
        study,
        tmp_path,
        runs(study, "base", [0.5, 0.5]),
        [
            with_epochs(one, validation_accuracy=nothing, watched_test_accuracy=[0.5, None]),
            with_epochs(other, validation_accuracy=nothing, watched_test_accuracy=[0.4, 0.9]),
        ],
    )
    assert pick(found["habits"], "seed", "chosen", "told", "honest") == [
        ("1", "epoch 1", "0.5", "0.4"),
        ("2", "epoch 1", "0.4", "0.5"),
    ]


BASE_TEST, BASE_VALIDATION = [0.50, 0.60, 0.55], [0.70, 0.60, 0.65]
WIDE_TEST, WIDE_VALIDATION = [0.52, 0.50, 0.59], [0.60, 0.65, 0.66]


def choices(folder: Path, wide_test: list[float], also: bool = False) -> Rows:
    """Analyse base and wide, and perhaps an experiment without validation images that is better
    than both by test."""
    folder.mkdir(exist_ok=True)
    study = study_of(folder, WIDTH, RECIPE)
    return analysed(
        study,
        folder,
        runs(study, "base", BASE_TEST, BASE_VALIDATION),
        runs(study, "wide", wide_test, WIDE_VALIDATION),
        runs(study, "no-validation", [0.9, 0.9, 0.9], None) if also else [],
    )["habits"]


def test_choosing_an_experiment_by_hand(tmp_path):
    """By test, seed 1: wide has 0.52, and its other seeds (0.50 + 0.59) / 2 = 0.545. Seed 2: base,
    0.60 against (0.50 + 0.55) / 2 = 0.525. Seed 3: wide, 0.59 against 0.51. By validation: base,
    wide, wide; told is the test score: 0.50 against 0.575, 0.50 against 0.555, 0.59 against 0.51.
    """
    rows = [row for row in choices(tmp_path, WIDE_TEST) if row["among"] == "width"]
    assert [list(row.values()) for row in rows] == [
        ["best by test", "width", "1", "wide", "0.52", "0.545", "-0.025"],
        ["best by test", "width", "2", "base", "0.6", "0.525", "0.075"],
        ["best by test", "width", "3", "wide", "0.59", "0.51", "0.08"],
        ["best by validation", "width", "1", "base", "0.5", "0.575", "-0.075"],
        ["best by validation", "width", "2", "wide", "0.5", "0.555", "-0.055"],
        ["best by validation", "width", "3", "wide", "0.59", "0.51", "0.08"],
    ]


def test_all_experiments_are_one_more_place_to_choose_from(tmp_path):
    rows = choices(tmp_path, WIDE_TEST)
    names = ("habit", "seed", "chosen", "told", "honest", "gap")
    by = {
        among: pick([row for row in rows if row["among"] == among], *names)
        for among in ("width", "all experiments")
    }
    assert by["width"] == by["all experiments"]
    assert len(rows) == 12


def test_an_experiment_with_fewer_runs_hides_no_other(tmp_path):
    """Slow has one run, the best of all; nothing can be expected of it, so it is left out."""
    study = study_of(tmp_path, WIDTH, asked("rate", "changes: {slow: {learning_rate: 0.0001}}"))
    rows = analysed(
        study,
        tmp_path,
        runs(study, "base", BASE_TEST, BASE_VALIDATION),
        runs(study, "wide", WIDE_TEST, WIDE_VALIDATION),
        runs(study, "slow", [0.99], 0.99),
    )["habits"]
    chosen = [
        row["chosen"]
        for row in rows
        if (row["habit"], row["among"]) == ("best by test", "all experiments")
    ]
    assert chosen == ["wide", "base", "wide"]
    assert [row for row in rows if row["among"] == "rate"] == []


def test_runs_without_a_validation_score_are_chosen_by_neither(tmp_path):
    """The last epoch of seed 3 of wide has no score: choices are among seeds 1 and 2 of both."""
    study = study_of(tmp_path, WIDTH)
    rows = analysed(
        study,
        tmp_path,
        runs(study, "base", [*BASE_TEST[:2], None], [*BASE_VALIDATION[:2], None]),
        runs(study, "wide", WIDE_TEST, [*WIDE_VALIDATION[:2], None]),
    )["habits"]
    seeds = {
        habit: [row["seed"] for row in rows if (row["habit"], row["among"]) == (habit, "width")]
        for habit in ("best by test", "best by validation")
    }
    assert seeds == {"best by test": ["1", "2"], "best by validation": ["1", "2"]}


def test_with_hardly_any_validation_score_nothing_is_chosen(tmp_path):
    """The last epoch of two seeds of wide has no score, which leaves one to choose by."""
    study = study_of(tmp_path, WIDTH)
    rows = analysed(
        study,
        tmp_path,
        runs(study, "base", BASE_TEST[:2], BASE_VALIDATION[:2]),
        runs(study, "wide", WIDE_TEST, [0.6, None, None]),
    )["habits"]
    assert rows == []


@pytest.mark.slow
def test_what_holds_no_image_out_is_chosen_by_neither(tmp_path):
    assert choices(tmp_path, WIDE_TEST, also=True) == choices(tmp_path, WIDE_TEST)


@pytest.mark.slow
def test_choosing_by_validation_sees_no_test_score(tmp_path):
    def chosen(folder: str, wide_test: list[float]) -> dict[str, list[str]]:
        rows = choices(tmp_path / folder, wide_test)
        return {
            habit: [row["chosen"] for row in rows if row["habit"] == habit]
            for habit in ("best by validation", "best by test")
        }

    low, high = chosen("low", [0.1, 0.0, 0.2]), chosen("high", [0.9, 0.8, 1.0])
    assert low["best by validation"] == high["best by validation"] == ["base", "wide", "wide"] * 2
    assert (low["best by test"], high["best by test"]) == (["base"] * 6, ["wide"] * 6)


# ------------------------------------------------------------------------------- orders


def test_printed_orders_by_hand(tmp_path):
    """Printed: A 70, B 65, C 60 %. Ours: A = base, B = A + 20 points, C = A + 0.1 point.

    So A is worse than B, A and C are alike, B is better than C. Scores of each spread as 50, 52,
    54: s² = 0.0004, margin 2.776445 sqrt(0.0008 x 4 / 3) = 0.0906783, with 4 degrees of freedom.
    """
    study = study_of(
        tmp_path,
        WIDTH,
        printed=("w,C,8,3,60,,,wider", "w,A,2,3,70,,,base", "w,B,4,3,65,,,wide"),
    )
    found = analysed(
        study,
        tmp_path,
        runs(study, "base", [0.50, 0.52, 0.54]),
        runs(study, "wide", [0.70, 0.72, 0.74]),
        runs(study, "wider", [0.501, 0.521, 0.541]),
    )
    rows = found["orders"]
    names = ("better", "worse", "printed_difference", "better_experiment", "worse_experiment")
    assert pick(rows, *names) == [
        ("A", "B", "0.05", "base", "wide"),
        ("A", "C", "0.1", "base", "wider"),
        ("B", "C", "0.05", "wide", "wider"),
    ]
    names = ("test_difference", "single_run_margin", "outcome", "single_runs_could_tell")
    assert pick(rows, *names) == [
        ("-0.2", "0.0906783", "reversed", "true"),
        ("-0.001", "0.0906783", "no meaningful difference", "false"),
        ("0.199", "0.0906783", "stands", "true"),
    ]


def test_an_order_that_our_runs_do_not_tell_is_open(tmp_path):
    """2 points on average of 1, 2, 3: too close to call; one run: too few; none: not run."""
    study = study_of(
        tmp_path,
        WIDTH,
        RECIPE,
        printed=(
            "close,A,4,3,70,,,wide", "close,B,2,3,65,,,base",
            "few,A,8,3,70,,,wider", "few,B,2,3,65,,,base",
            "none,A,4,3,70,,,no-validation", "none,B,2,3,65,,,base",
        ),
    )  # fmt: skip
    found = analysed(
        study,
        tmp_path,
        runs(study, "base", [0.50, 0.50, 0.50]),
        runs(study, "wide", [0.51, 0.52, 0.53]),
        runs(study, "wider", [0.70]),
    )
    names = ("comparison", "test_verdict", "outcome", "single_run_margin", "single_runs_could_tell")
    assert pick(found["orders"], *names) == [
        # 4.302653 sqrt(0.0001 x 4 / 3) = 0.0496828
        ("close", "too close to call", "open", "0.0496828", "false"),
        ("few", "too few seeds", "open", "", ""),
        ("none", "not run", "open", "", ""),
    ]


def test_orders_pair_experiments_in_their_places_and_skip_what_says_nothing(tmp_path):
    """A and B have two experiments each, the first of them the same; A and C are printed alike."""
    study = study_of(
        tmp_path,
        WIDTH,
        printed=("w,A,2,3,70,,,base wide", "w,B,2,3,65,,,base wider", "w,C,4,3,70,,,wide"),
    )
    rows = analysed(study, tmp_path)["orders"]
    assert pick(rows, "better", "worse", "better_experiment", "worse_experiment") == [
        ("A", "B", "wide", "wider"),
        ("C", "B", "wide", "base"),
    ]


def test_without_printed_numbers_there_are_no_orders(study, made, tmp_path):
    assert analysed(study, tmp_path, made)["orders"] == []


# ------------------------------------------------------------------------------- texts


@pytest.fixture
def texts(tmp_path) -> dict[str, list[str]]:
    """The lines of ledger.md and ledger.tex, for a narrower network and a declared question."""
    changes = "changes: {narrow: {filters: [1]}, wide: {filters: [4]}, wider: {filters: [8]}}"
    study = study_of(tmp_path, asked("width", changes), LATER)
    analysed(
        study,
        tmp_path,
        runs(study, "base", [0.50, 0.52, 0.54], training_cpu_seconds=1020.0),
        runs(study, "narrow", [0.40, 0.41, 0.42], training_cpu_seconds=8.0),  # -10, -11, -12
        runs(study, "wide", [0.51, 0.54, 0.57], training_cpu_seconds=1022.0),
        runs(study, "wider", [0.49], training_cpu_seconds=1020.0),
    )
    return {
        name: (tmp_path / "evidence" / name).read_text().splitlines()
        for name in ("ledger.md", "ledger.tex")
    }


def test_the_ledger_in_markdown(texts):
    """Of the two p values 0.00274 is doubled; 4.302653 / sqrt(3) = 2.48."""
    assert texts["ledger.md"][2:] == [
        "| narrow | base | 3 | −11.00 [−13.48, −8.52] | 0.0055 | hurts | −650 | −1,216 | −1,012 |",
        "| wide | base | 3 | +2.00 [−0.48, +4.48] | 0.074 | too close to call "
        "| +1,300 | +2,432 | about as long |",
        "| wider | base | 1 | −1.00 | – | too few seeds | +3,900 | +7,296 | about as long |",
        "| smooth | base | 0 | – | – | not run | +0 | +0 | – |",
    ]


def test_the_ledger_in_latex(texts):
    lines = texts["ledger.tex"]
    assert lines[:3] == [
        "% Needs the package booktabs.", r"\begin{tabular}{llrlrlrrr}", r"\toprule",
    ]  # fmt: skip
    assert lines[3].startswith(r"Change & Reference & n & Test difference, 95 \% interval (points)")
    assert lines[5] == (
        "narrow & base & 3 & $-$11.00 [$-$13.48, $-$8.52] & 0.0055 & hurts "
        r"& $-$650 & $-$1,216 & $-$1,012 \\"
    )
    assert lines[8:] == [
        r"smooth & base & 0 & -- & -- & not run & +0 & +0 & -- \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_every_row_has_as_many_cells_as_the_heading(texts):
    for line in texts["ledger.md"]:
        assert len(line.strip("|").split("|")) == len(ledger_text.HEADINGS), line
    columns_of_latex = re.search(r"\{tabular\}\{(.+)\}", texts["ledger.tex"][1]).group(1)
    assert len(columns_of_latex) == len(ledger_text.HEADINGS)
    rows = [line for line in texts["ledger.tex"] if line.endswith(r"\\")]
    assert len(rows) == 1 + 4
    for line in rows:
        assert len(line.split("&")) == len(ledger_text.HEADINGS), line


def test_latex_is_escaped():
    assert ledger_text.latex_row(["a_b", "−1 [−2, –]"]) == "a\\_b & $-$1 [$-$2, --] \\\\\n"


def test_suggestions_are_written_with_what_a_change_gains_over_the_base(tmp_path):
    """smoother gains 10 points on wide by both images, and 12 over the base: 2, 2, 2 are wide's.

    Its validation score is 0.1 + 1 / 3 over wide's: written with six digits.
    """
    study = study_of(
        tmp_path, WIDTH, asked("next", "changes: {smoother: {shift: 1}}", "reference: wide")
    )
    analysed(
        study,
        tmp_path,
        runs(study, "base", [0.50, 0.52, 0.54]),
        runs(study, "wide", [0.52, 0.54, 0.56]),
        runs(study, "smoother", [0.62, 0.64, 0.66], 0.6 + 1 / 3),
    )
    found = json.loads((tmp_path / "evidence" / "suggestions.json").read_text())
    assert (found["study"], found["smallest_effect"]) == ("tiny", 0.005)
    (entry,) = found["advice"]
    assert (entry["rank"], entry["experiment"], entry["reference"]) == (1, "smoother", "wide")
    gain = {"runs": 3, "difference": 0.433333, "lower": 0.433333, "upper": 0.433333}
    assert entry["gain"]["validation"] == gain
    assert entry["gain"]["test"] == {"runs": 3, "difference": 0.1, "lower": 0.1, "upper": 0.1}
    assert entry["over_base"] == {"runs": 3, "difference": 0.12, "lower": 0.12, "upper": 0.12}
    assert [one["experiment"] for one in found["unsupported"]] == ["wide"]
    assert [one["experiment"] for one in found["undecided"]] == ["wider"]


# ------------------------------------------------------------------------------- dictionary


@pytest.fixture
def validate(tmp_path):
    """Analyse a study that fills every table; give a function that validates the package."""
    reason = "frictionless is not installed: pip install -e '.[test]'"
    frictionless = pytest.importorskip("frictionless", reason=reason)
    study = study_of(
        tmp_path,
        asked("grid", "grid: {filters: [[2], [4]], kernel_size: [3, 5]}", "expects: helps"),
        RECIPE.replace("wide", "filters-4"),
        LATER,
        printed=("w,A,2-5,5,70,,,filters-4-kernel-size-5", "w,B,2,3,65,,,base"),
    )
    made = [
        runs(study, "base", [0.50, 0.52, 0.54]),
        runs(study, "filters-4", [0.51, 0.54, 0.57]),
        runs(study, "kernel-size-5", [0.51, 0.52, "diverged"]),
        runs(study, "filters-4-kernel-size-5", [0.60, 0.61, 0.62]),
        runs(study, "no-validation", [0.60, "failed"], None),
    ]
    found = analysed(study, tmp_path, *made)
    answer(study, tmp_path / "results", [record for some in made for record in some])
    found = analysed(study, tmp_path)
    assert all(rows for name, rows in found.items() if not name.startswith("search-"))
    return lambda: frictionless.validate(str(tmp_path / "evidence" / "datapackage.json"))


@pytest.mark.slow
def test_the_package_is_valid(validate):
    report = validate()
    assert report.valid, report.flatten(["type", "message"])
    assert report.stats["tasks"] == len(evidence_schemas.EVIDENCE) == 26


@pytest.mark.slow
def test_the_dictionary_catches_what_breaks_it(validate, tmp_path):
    for name, old, new in [
        ("ledger", ",not run,", ",not yet run,"),
        ("differences", ",base,2,", ",base,1,"),
        ("contrasts", "main effect", "side effect"),
        ("class-effects", ",0,3,", ",0,many,"),
        ("habits", ",0.611111,", ",61,"),
        ("orders", ",stands,", ",,"),
    ]:
        path = tmp_path / "evidence" / f"{name}.csv"
        assert old in path.read_text(), name
        path.write_text(path.read_text().replace(old, new, 1))
    faults = {(task.name, error.type) for task in validate().tasks for error in task.errors}
    assert faults == {
        ("ledger", "constraint-error"),  # no such verdict
        ("differences", "primary-key"),
        ("contrasts", "constraint-error"),
        ("class-effects", "type-error"),
        ("habits", "constraint-error"),  # a share of 61
        ("orders", "constraint-error"),  # an outcome is required
    }


def test_every_column_is_described(validate, tmp_path):
    package = json.loads((tmp_path / "evidence" / "datapackage.json").read_text())
    for resource in package["resources"]:
        header = (tmp_path / "evidence" / resource["path"]).read_text().splitlines()[0]
        assert [field["name"] for field in resource["schema"]["fields"]] == header.split(",")
        for described in (resource, *resource["schema"]["fields"]):
            assert len(described["description"]) >= 10


@pytest.mark.slow
def test_a_study_without_any_run_has_valid_evidence(study, tmp_path):
    reason = "frictionless is not installed: pip install -e '.[test]'"
    frictionless = pytest.importorskip("frictionless", reason=reason)
    found = analysed(study, tmp_path)
    assert found["differences"] == found["habits"] == []
    report = frictionless.validate(str(tmp_path / "evidence" / "datapackage.json"))
    assert report.valid, report.flatten(["type", "message"])
