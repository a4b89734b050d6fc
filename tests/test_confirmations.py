"""Which runs confirm suggestions: what is suggested, and what it changes, with fresh seeds."""

import json
from pathlib import Path

import pytest

import records_by_hand
from cnn_study.base.errors import UserError
from cnn_study.execute import progress
from cnn_study.runs import confirmations
from cnn_study.runs.wanted import find, wanted
from cnn_study.study.merge import load
from cnn_study.study.model import Study

STUDY = """\
title: Confirmed
dataset: digits
seeds: [4, 2]
confirmation: 2
base: {filters: [2], epochs: 2, validation_fraction: 0.2}
questions:
  width:
    title: Width
    question: "?"
    hypothesis: "!"
    changes: {wide: {filters: [4]}, wider: {filters: [8]}}
  smoothing:
    title: Smoothing
    question: "?"
    hypothesis: "!"
    reference: wide
    changes: {wide-smooth: {label_smoothing: 0.1}}
"""


def study_of(folder: Path, text: str = STUDY) -> Study:
    path = folder / "mine.yaml"
    path.write_text(text)
    return load(path)


def suggest(results: Path, *pairs: tuple[str, str]) -> None:
    path = results / confirmations.SUGGESTIONS
    path.parent.mkdir(parents=True, exist_ok=True)
    advice = [{"experiment": change, "reference": reference} for change, reference in pairs]
    path.write_text(json.dumps({"advice": advice}))


def typed(runs: list) -> list[str]:
    return [run.typed for run in runs]


@pytest.mark.parametrize(
    ("seeds", "asked", "fresh"),
    [
        ("seeds: 5", "confirmation: 5", (6, 7, 8, 9, 10)),
        ("seeds: [4, 2]", "confirmation: 2", (5, 6)),
        ("seeds: [0]", "confirmation: 1", (1,)),
        ("seeds: 5", "confirmation: 0", ()),
        ("seeds: 5", "", ()),
        ("seeds: [2147483645]", "confirmation: 2", (2147483646, 2147483647)),
    ],
)
def test_fresh_seeds_follow_the_largest_of_the_study(tmp_path, seeds, asked, fresh):
    text = STUDY.replace("seeds: [4, 2]", seeds).replace("confirmation: 2\n", f"{asked}\n")
    assert study_of(tmp_path, text).fresh_seeds == fresh


def test_the_published_study_asks_for_the_seeds_that_are_trained():
    published = load(Path(__file__).parents[1] / "experiments" / "cifar10.yaml")
    assert published.fresh_seeds == (6, 7, 8, 9, 10)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("confirmation: -1", "input should be greater than or equal to 0, not -1"),
        ("confirmation: 1001", "input should be less than or equal to 1000, not 1001"),
        ("confirmation: many", "input should be a valid integer, not 'many'"),
        ("confirmation: 2.5", "input should be a valid integer"),
        ("confirmation: true", "input should be a valid integer"),
    ],
)
def test_another_number_of_fresh_seeds_is_refused(tmp_path, asked, said):
    with pytest.raises(UserError) as refused:
        study_of(tmp_path, STUDY.replace("confirmation: 2", asked))
    (fault,) = str(refused.value).splitlines()[1:]
    assert fault.startswith(f"  line 4: confirmation: {said}")


def test_seeds_behind_which_there_are_no_others_are_refused(tmp_path):
    with pytest.raises(UserError) as refused:
        study_of(tmp_path, STUDY.replace("[4, 2]", "[2147483646]"))
    (fault,) = str(refused.value).splitlines()[1:]
    assert fault == (
        "  line 4: confirmation: 2 seeds that follow 2147483646: the largest seed is 2147483647. "
        "Ask for 1 or fewer, or give seeds that are smaller"
    )


def test_what_is_suggested_and_what_it_changes_is_wanted_once_a_seed(tmp_path):
    """wide is suggested, and what wide-smooth changes."""
    study = study_of(tmp_path)
    suggest(tmp_path, ("wide", "base"), ("wide-smooth", "wide"))
    assert typed(confirmations.wanted(study, tmp_path)) == [
        "base/seed-5", "wide/seed-5", "wide-smooth/seed-5",
        "base/seed-6", "wide/seed-6", "wide-smooth/seed-6",
    ]  # fmt: skip
    chose = {run.name for run in wanted(study)}
    assert not chose.intersection(run.name for run in confirmations.wanted(study, tmp_path))


def test_a_run_that_is_there_is_not_missing_whatever_it_was_called(tmp_path):
    study = study_of(tmp_path)
    suggest(tmp_path, ("wide", "base"))
    records_by_hand.write(study, tmp_path, records_by_hand.make(study, "wide", 5))
    runs = tmp_path / "runs"
    (runs / "wide").rename(runs / "search")
    assert typed(confirmations.missing(study, tmp_path)) == [
        "base/seed-5", "base/seed-6", "wide/seed-6",
    ]  # fmt: skip
    (done,) = confirmations.done(study, tmp_path).values()
    assert done.relative_to(runs).parts[0] == "search"


def test_a_run_that_failed_is_missing_only_for_who_tries_it_again(tmp_path):
    study = study_of(tmp_path)
    suggest(tmp_path, ("wide", "base"))
    ways = {("wide", 5): "failed", ("wide", 6): "diverged", ("base", 5): "complete"}
    made = [records_by_hand.make(study, *run, status=way, epochs=0 if way == "failed" else None)
            for run, way in ways.items()]  # fmt: skip
    records_by_hand.write(study, tmp_path, *made)
    assert typed(confirmations.missing(study, tmp_path)) == ["base/seed-6"]
    again = confirmations.missing(study, tmp_path, retry=True)
    assert typed(again) == ["wide/seed-5", "base/seed-6"]


def test_other_advice_wants_other_runs_and_leaves_those_that_are_there(tmp_path):
    study = study_of(tmp_path)
    suggest(tmp_path, ("wide", "base"))
    made = [records_by_hand.make(study, id_, s) for id_ in ("base", "wide") for s in (5, 6)]
    records_by_hand.write(study, tmp_path, *made)
    assert confirmations.missing(study, tmp_path) == []
    suggest(tmp_path, ("wider", "base"))
    assert typed(confirmations.missing(study, tmp_path)) == ["wider/seed-5", "wider/seed-6"]
    assert len(list(tmp_path.glob("runs/wide/*/seed-*.json"))) == 2


def test_nothing_is_wanted_without_seeds_or_without_suggestions(tmp_path):
    plain = study_of(tmp_path, STUDY.replace("confirmation: 2\n", ""))
    suggest(tmp_path, ("wide", "base"))
    assert confirmations.wanted(plain, tmp_path) == []
    suggest(tmp_path)
    assert confirmations.wanted(study_of(tmp_path), tmp_path) == []


def test_what_the_study_does_not_have_is_not_suggested(tmp_path):
    suggest(tmp_path, ("gone", "base"), ("wide", "gone"), ("wider", "base"))
    assert confirmations.suggested(study_of(tmp_path), tmp_path) == [("wider", "base")]


ENTRY_OF_A_LIST = '{"advice": [{"experiment": ["wide"], "reference": "base"}]}'


@pytest.mark.parametrize(
    "text",
    [None, "", "<<<<<<< HEAD", "[]", "{}", '{"advice": [{}]}', "{", "[" * 10**5, ENTRY_OF_A_LIST],
    ids=lambda text: str(text)[:20],
)
def test_a_file_that_cannot_be_read_says_nothing(tmp_path, text):
    study, path = study_of(tmp_path), tmp_path / confirmations.SUGGESTIONS
    path.parent.mkdir()
    if text is not None:
        path.write_text(text)
    assert confirmations.suggested(study, tmp_path) is None
    assert confirmations.wanted(study, tmp_path) == []


def test_a_fresh_run_can_be_typed(tmp_path):
    study = study_of(tmp_path)
    assert find(study, "wide/seed-6").seed == 6
    with pytest.raises(UserError, match=r"has no seed 7. It has: 4, 2, 5, 6\."):
        find(study, "wide/seed-7")


# ------------------------------------------------------------------------------- what check says


@pytest.fixture(autouse=True)
def wide_screen(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


def said(study: Study, results: Path, capsys) -> str:
    progress.check(study, results)
    lines = capsys.readouterr().out.splitlines()
    return next((line for line in lines if line.startswith("confirmation: ")), "")


def test_check_says_what_is_left_to_confirm(tmp_path, capsys):
    study = study_of(tmp_path)
    begun = "confirmation: suggestions and what they change, with seeds 5 to 6"
    assert said(study, tmp_path, capsys) == f"{begun}; nothing is suggested yet"
    suggest(tmp_path, ("wide", "base"))
    made = [records_by_hand.make(study, id_, s) for id_ in ("base", "wide") for s in (2, 4)]
    records_by_hand.write(study, tmp_path, *made)
    line = said(study, tmp_path, capsys)
    assert line.startswith(f"{begun}: 0 of 4 runs done, about ")
    fresh = [records_by_hand.make(study, id_, s) for id_ in ("base", "wide") for s in (5, 6)]
    records_by_hand.write(study, tmp_path, *fresh)
    assert said(study, tmp_path, capsys) == f"{begun}: 4 of 4 runs done"
    plain = study_of(tmp_path, STUDY.replace("confirmation: 2\n", ""))
    assert said(plain, tmp_path, capsys) == ""


def test_the_time_left_is_that_of_the_runs_that_are_missing(tmp_path, capsys, monkeypatch):
    """Four runs of 12 s each, and two starts of 10 s, in two processes: 34 s."""
    monkeypatch.setattr(progress, "cores", lambda: 2)
    study = study_of(tmp_path)
    suggest(tmp_path, ("wide", "base"))
    made = [records_by_hand.make(study, id_, s) for id_ in ("base", "wide") for s in (2, 4)]
    records_by_hand.write(study, tmp_path, *made)
    assert said(study, tmp_path, capsys).endswith("about 34 s left with 2 at a time")


def test_watching_goes_on_until_suggestions_are_confirmed(tmp_path):
    study = study_of(tmp_path)
    made = [records_by_hand.make(study, r.experiment.id, r.seed) for r in wanted(study)]
    records_by_hand.write(study, tmp_path, *made)
    assert progress._unfinished(study, tmp_path)  # nobody has said what is suggested
    suggest(tmp_path, ("wide", "base"))
    assert progress._unfinished(study, tmp_path)
    fresh = [records_by_hand.make(study, id_, s) for id_ in ("base", "wide") for s in (5, 6)]
    records_by_hand.write(study, tmp_path, *fresh)
    assert not progress._unfinished(study, tmp_path)
