"""The experiments as data for the page: scores, settings, curves, what is judged and what not."""

import csv
import json
import re
from pathlib import Path

import pytest

from cnn_study.evidence.findings import Findings
from cnn_study.evidence.read import Tables
from cnn_study.report import explorer
from cnn_study.report.explorer import explored
from cnn_study.study.merge import load
from report_by_hand import PLAIN, SCORES, WITH_ALL, Made

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results" / "cifar10"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Made:
    made = Made(tmp_path_factory.mktemp("explorer"), PLAIN)
    for experiment, scores in SCORES.items():
        made.runs(experiment, scores)
    made.text()
    return made


def of(made: Made) -> dict:
    tables = Tables(made.study, made.folder / "tables")
    return explored(made.study, tables, Findings(made.study, made.folder / "evidence"))


def row(found: dict, id_: str) -> dict:
    (row,) = (row for row in found["rows"] if row["id"] == id_)
    return row


def test_every_experiment_has_a_row_with_label_scores_and_seeds(made):
    found = of(made)
    assert [row["id"] for row in found["rows"]] == ["base", "learning-rate-1", "learning-rate-2"]
    one = row(found, "learning-rate-1")
    assert one["label"] == "base + rate 0.1"
    assert one["test"] == [pytest.approx(0.15), pytest.approx(0.0707107)]
    assert one["seeds"] == [[1, "complete", 0.10, 0.10], [2, "complete", 0.20, 0.20]]
    assert (one["complete"], one["planned"]) == (2, 2)
    assert one["changed"] == {"learning_rate": "0.1"}
    assert found["base"]["filters"] == "2-4"
    assert row(found, "base")["changed"] == {}


@pytest.mark.slow
def test_energy_is_there_where_any_was_measured(made, tmp_path):
    assert not any("joules" in row for row in of(made)["rows"])
    measured = Made(tmp_path, PLAIN)
    for experiment, scores in SCORES.items():
        joules = 1500.0 if experiment == "base" else None
        measured.runs(experiment, scores, processor_joules=joules)
    measured.collect()
    assert [row["joules"] for row in of(measured)["rows"]] == [1500.0, None, None]


def test_it_goes_into_the_page_as_it_is(made):
    page = made.output.with_name("page.html").read_text(encoding="utf-8")
    element = f'<script type="application/json" id="{explorer.ELEMENT}">(.*?)</script>'
    (found,) = re.findall(element, page)
    assert json.loads(found) == json.loads(json.dumps(of(made)))


def test_what_is_judged_comes_from_the_ledger_and_nothing_else_is(made):
    found = of(made)
    (said,) = row(found, "learning-rate-2")["against"]
    assert said["reference"] == "base"
    assert said["question"] == "rate"
    assert said["difference"] == pytest.approx(0.05)
    assert said["verdict"] == "too few seeds"
    assert row(found, "base")["against"] == []


def test_a_question_has_its_title_and_group(made):
    found = of(made)
    assert found["questions"] == {"rate": {"title": "Learning_rate", "group": "training"}}
    assert found["groups"] == ["training"]


def test_curves_are_means_over_the_complete_runs(made):
    with (made.folder / "tables" / "epochs.csv").open(encoding="utf-8") as file:
        runs = [row for row in csv.DictReader(file) if row["experiment"] == "base"]
    for kind in ("training", "validation"):
        curve = row(of(made), "base")["curve"][kind]
        assert len(curve) == 2
        for epoch, mean in enumerate(curve, 1):
            values = [float(run[f"{kind}_accuracy"]) for run in runs if run["epoch"] == str(epoch)]
            assert len(values) == 2
            assert mean == pytest.approx(sum(values) / 2, abs=5e-5)


def test_runs_that_are_missing_or_broken_leave_gaps_and_no_numbers(tmp_path):
    made = Made(tmp_path, WITH_ALL)
    made.runs("base", (0.5, 0.6, 0.7))
    made.add("learning-rate-1", 1, status="diverged")
    made.collect()
    found = of(made)
    json.dumps(found, allow_nan=False)
    broken = row(found, "learning-rate-1")
    assert broken["test"] == [None, None]
    assert broken["curve"] == {"training": [], "validation": []}
    assert [run[1] for run in broken["seeds"]] == ["diverged", "missing", "missing"]
    assert broken["against"][0]["verdict"] in ("does not train", "not run")
    assert broken["classes"] == [None] * 10


# ------------------------------------------------------------------------- the published study


@pytest.fixture(scope="module")
def published() -> dict:
    study = load(ROOT / "experiments" / "cifar10.yaml")
    tables, evidence = Tables(study, RESULTS / "tables"), Findings(study, RESULTS / "evidence")
    return explored(study, tables, evidence)


def table(name: str) -> list[dict[str, str]]:
    with (RESULTS / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_each_difference_is_that_of_its_file(published):
    keys = {
        "evidence/ledger.csv": ("experiment", "reference", "test_difference", "test_lower"),
        "evidence/over-base.csv": ("experiment", None, "difference", "lower"),
        "evidence/orders.csv": (
            *("better_experiment", "worse_experiment", "test_difference", "test_lower"),
        ),
    }
    read = {
        (name, line[id_], line[reference] if reference else "base"): (line[mean], line[lower])
        for name, (id_, reference, mean, lower) in keys.items()
        for line in table(name)
    }
    compared = 0
    for one in published["rows"]:
        for said in one["against"]:
            if said["file"] in keys:
                mean, lower = read[said["file"], one["id"], said["reference"]]
                assert (said["difference"], said["lower"]) == (float(mean), float(lower))
                compared += 1
    assert compared >= 59


def test_a_verdict_is_told_only_where_the_evidence_has_one(published):
    files = {"evidence/ledger.csv": ("experiment", "reference"),
             "evidence/orders.csv": ("better_experiment", "worse_experiment")}  # fmt: skip
    known = {
        (name, *(line[key] for key in keys)): line["test_verdict"]
        for name, keys in files.items()
        for line in table(name)
    }
    told = {
        (said["file"], one["id"], said["reference"]): said["verdict"]
        for one in published["rows"]
        for said in one["against"]
        if "verdict" in said
    }
    assert {key: known[key] for key in told} == told
    judged = [key for key in known if key[0] == "evidence/ledger.csv"]
    assert set(judged) <= set(told)
    others = {key[1:] for key in known} - {key[1:] for key in told}
    assert others == set()  # what is in both files is told by the ledger


def test_the_winner_at_each_budget_has_its_own_seeds(published):
    prices = table("evidence/search-prices.csv")
    winners = [one for one in published["rows"] if one["kind"] == "winner"]
    assert [one["id"] for one in winners] == [f"search-{line['price']}" for line in prices]
    cheap = winners[0]
    assert cheap["test"][0] == float(prices[0]["test_accuracy"])
    scores = [test for _, _, _, test in cheap["seeds"]]
    assert sum(scores) / len(scores) == pytest.approx(cheap["test"][0], abs=1e-6)
    assert cheap["changed"]["filters"] == "8-16-48-64"
    assert [said["reference"] for said in cheap["against"]] == [
        "base",
        "filters-16-32-64-kernel-size-3",
    ]


def test_classes_add_up_to_the_test_accuracy(published):
    for one in published["rows"]:
        if one["kind"] == "experiment":
            mean = sum(one["classes"]) / len(one["classes"])
            assert mean == pytest.approx(one["test"][0], abs=1e-4)


def test_it_is_small(published):
    assert len(json.dumps(published, separators=(",", ":"))) < 150_000
