"""Tables, evidence and searches of studies that go by another metric than accuracy."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

import records_by_hand
from cnn_study.base.errors import UserError
from cnn_study.evidence.analyse import analyse
from cnn_study.runs import measured, searches
from cnn_study.study.merge import load
from cnn_study.tables.collect import collect

EXACT_SCORES = True
"""See `scores_by_hand`."""

STUDY = """
title: By macro F1
dataset: digits
metric: {metric}
seeds: 3
base: {{filters: [2], dense_units: 0, epochs: 2}}
questions:
  width: {{title: Width, question: Wider?, hypothesis: Yes., changes: {{wide: {{filters: [4]}}}}}}
"""
SEARCH = """
search:
  trials: 4
  seeds: 1
  finalists: 2
  finalist_seeds: 2
  winner_seeds: 3
  epochs: 2
  prices: {base: {title: As the base, macs: base, trials: 4}}
  space: {learning_rate: {low: 0.001, high: 0.1, scale: log}}
"""


def study_by(tmp_path, metric: str, more: str = ""):
    path = tmp_path / f"{metric}.yaml"
    path.write_text(STUDY.format(metric=metric) + more)
    return load(path)


def confusion(*recognized: int, size: int = 36) -> list[list[int]]:
    """Ten classes of 36 images, so many of each recognized; the rest are taken for the next."""
    matrix = np.zeros((10, 10), int)
    for place in range(10):
        right = recognized[place] if place < len(recognized) else size
        matrix[place, place] = right
        matrix[place, (place + 1) % 10] += size - right
    return matrix.tolist()


def f1_by_hand(matrix: list[list[int]]) -> float:
    array = np.array(matrix)
    right, predicted, actual = np.diag(array), array.sum(axis=0), array.sum(axis=1)
    precision, recall = right / predicted, right / actual
    return float(np.mean(2 * precision * recall / (precision + recall)))


@pytest.fixture
def made(tmp_path):
    """Three runs of each; validation images as the test images, 144 of them."""
    study = study_by(tmp_path, "macro_f1")
    tests = {"base": (30, 24, 18), "wide": (36, 35, 34)}
    sizes = [15] * 4 + [14] * 6
    held_out = np.diag(sizes)
    held_out[0] = [5, 10, *[0] * 8]
    made = [
        records_by_hand.scored_by_class(
            study, records_by_hand.make(study, id_, seed),
            held_out.tolist() if id_ == "base" else np.diag(sizes).tolist(),
            confusion(score, score - 6),
        )
        for id_, scores in tests.items()
        for seed, score in zip(study.seeds, scores, strict=True)
    ]  # fmt: skip
    records_by_hand.write(study, tmp_path / "results", *made)
    collect(study, tmp_path / "results", tmp_path / "tables")
    analyse(study, tmp_path / "tables", tmp_path / "evidence")
    return tmp_path


def rows(path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_the_metric_has_columns_beside_those_of_accuracy(made):
    first = rows(made / "tables/runs.csv")[0]
    matrix = confusion(30, 24)
    assert float(first["test_macro_f1"]) == pytest.approx(f1_by_hand(matrix), abs=1e-6)
    assert float(first["test_accuracy"]) == pytest.approx(np.trace(matrix) / 360, abs=1e-6)
    # The first class: 5 of 15 recognized, 5 answers; the second: 15 of 15, of 25 answers.
    known = (2 * 5 / (15 + 5) + 2 * 15 / (15 + 25) + 8) / 10
    assert float(first["validation_macro_f1"]) == pytest.approx(known)
    last = rows(made / "tables/epochs.csv")[1]
    assert float(last["validation_macro_f1"]) == pytest.approx(known)
    assert float(last["validation_accuracy"]) == pytest.approx(134 / 144, abs=1e-6)
    summed = rows(made / "tables/experiments.csv")[0]
    scores = [f1_by_hand(confusion(right, right - 6)) for right in (30, 24, 18)]
    assert float(summed["test_macro_f1_mean"]) == pytest.approx(np.mean(scores), abs=1e-6)
    assert summed["validation_macro_f1_n"] == "3"
    shares = [(2 * right - 6 + 8 * 36) / 360 for right in (30, 24, 18)]
    assert float(summed["test_accuracy_mean"]) == pytest.approx(np.mean(shares), abs=1e-6)


def test_differences_are_those_of_the_metric(made):
    (row,) = rows(made / "evidence/ledger.csv")
    means = [
        np.mean([f1_by_hand(confusion(right, right - 6)) for right in scores])
        for scores in ((36, 35, 34), (30, 24, 18))
    ]
    assert float(row["test_difference"]) == pytest.approx(means[0] - means[1], abs=1e-5)
    assert float(row["validation_difference"]) == pytest.approx(0.075, abs=1e-5)
    assert row["validation_verdict"] == "helps"
    gain = rows(made / "evidence/over-base.csv")[0]
    assert float(gain["difference"]) == pytest.approx(means[0] - means[1], abs=1e-5)
    advice = json.loads((made / "evidence/suggestions.json").read_text())
    assert advice["ranked_by"].endswith("for the gain in validation macro F1")


def test_dictionaries_name_the_metric_and_no_placeholder(made):
    for folder in ("tables", "evidence"):
        text = (made / folder / "datapackage.json").read_text()
        assert not any(place in text for place in ("{metric}", "{score}", "{chance}", "{by image}"))
    ledger = next(
        table
        for table in json.loads((made / "evidence/datapackage.json").read_text())["resources"]
        if table["name"] == "ledger"
    )
    fields = {field["name"]: field["description"] for field in ledger["schema"]["fields"]}
    assert fields["test_difference"].startswith("Mean test_macro_f1 (runs.csv), change less refer")


def test_a_study_of_accuracy_has_no_further_columns(tmp_path):
    study = study_by(tmp_path, "accuracy")
    records_by_hand.write(
        study, tmp_path / "results", records_by_hand.make(study, "base", 1, test=0.5)
    )
    collect(study, tmp_path / "results", tmp_path / "tables")
    header = (tmp_path / "tables/runs.csv").read_text().splitlines()[0].split(",")
    assert [name for name in header if name.startswith(("test_", "validation_"))] == [
        *("validation_images", "validation_loss", "validation_accuracy"),
        *("test_loss", "test_accuracy", "test_calibration_error"),
    ]


def test_records_that_are_too_old_are_told_and_their_test_scores_worked_out(tmp_path, capsys):
    study = study_by(tmp_path, "balanced_accuracy")
    old = [records_by_hand.make(study, "base", seed, test=0.5) for seed in study.seeds]
    records_by_hand.write(study, tmp_path / "results", *old)
    collect(study, tmp_path / "results", tmp_path / "tables")
    said = capsys.readouterr().err
    assert "3 runs of before there were other metrics than accuracy" in said
    assert "base (1, 2, 3). Their records tell no validation scores by balanced accuracy" in said
    first = rows(tmp_path / "tables/runs.csv")[0]
    assert (first["validation_balanced_accuracy"], first["test_balanced_accuracy"]) == ("", "0.5")
    said, untested = measured.too_old("auc", old)
    assert untested
    assert "neither their test nor their validation scores by AUC" in said


def test_a_search_goes_by_the_metric_and_has_another_name_for_it(tmp_path):
    by = {name: study_by(tmp_path, name, SEARCH) for name in ("accuracy", "macro_f1")}
    searched = {name: study.search for name, study in by.items()}
    assert searched["macro_f1"].metric == "macro_f1"
    assert searched["accuracy"].fingerprint != searched["macro_f1"].fingerprint
    same = replace(searched["macro_f1"], metric="accuracy")
    assert same.fingerprint == searched["accuracy"].fingerprint
    made = records_by_hand.make(by["macro_f1"], "base", 1)
    sizes = [15] * 4 + [14] * 6
    record = records_by_hand.scored_by_class(
        by["macro_f1"], made, np.diag(sizes).tolist(), confusion(30)
    )
    run = searches.SearchRun.of(record, "macro_f1")
    assert (run.score, run.validation_accuracy) == (1.0, 1.0)
    assert searches.SearchRun.of(made, "macro_f1").score is None
    plain = searches.SearchRun.of(made, "accuracy")
    assert plain.score == made.epochs[-1].validation_accuracy
    assert "scored_by" not in plain.model_dump()
    assert searches.SearchRun.model_validate(run.model_dump()) == run


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("metric: auc\n", "metric: auc is for two classes, and .* has 10. Choose accuracy, bal"),
        ("metric: f1\n", "metric: .*accuracy.*balanced_accuracy.*macro_f1.*auc"),
        (
            "metric: macro_f1\npublished: {file: p.csv, citation: a2020}\n",
            "metric: macro_f1, and the numbers of p.csv are accuracies",
        ),
    ],
)
def test_a_metric_that_does_not_go_with_the_study_is_refused(tmp_path, text, message):
    path = tmp_path / "wrong.yaml"
    path.write_text(STUDY.replace("metric: {metric}\n", text.replace("{", "{{").replace("}", "}}"))
                    .format())  # fmt: skip
    with pytest.raises(UserError, match=message):
        load(path)
