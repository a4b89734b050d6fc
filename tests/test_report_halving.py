"""The report and the figures of successive halving made by hand: who went on, and what came of it.

Six models in the first round; three go on, one of them by its curve, and that one wins.
"""

import re

import pandas as pd
import pytest

import records_by_hand
from cnn_study.figures.draw import _pictures
from cnn_study.figures.results import Results
from cnn_study.runs import records, searches
from figures_by_hand import plain
from report_by_hand import PLAIN, SCORES, Made, unmarked
from test_captions import named_in
from test_lineage import look_up, told
from test_report_search import add

SEARCH = """
search:
  algorithm: halving
  rounds: 2
  factor: 2
  trials: 6
  epochs: 4
  finalists: 1
  finalist_seeds: 1
  winner_seeds: 2
  space:
    learning_rate: [0.001, 0.002, 0.003, 0.004, 0.005, 0.006]
  prices:
    small: {title: As small as the base, parameters: base, least: 0.5, goal: 85}
"""
FIRST = (0.50, 0.60, 0.70, 0.40, 0.30, 0.20)
"""Validation accuracy of each model, by its number."""

SECOND = {3: (0.72, "score", 0.73), 2: (0.65, "score", 0.62), 4: (0.80, "curve", 0.90)}
"""By model: accuracy after twice the epochs, why it went on, and what its curve promised."""


def add_search(made: Made) -> None:
    block = made.study.search
    (budget,) = block.budgets
    models = [{"learning_rate": rate} for rate in block.space[0].values]
    trials = [
        _trial(made, number, models[number - 1], 2, score, (1, None, None, None))
        for number, score in enumerate(FIRST, start=1)
    ]
    trials += [
        _trial(made, number, models[model - 1], 4, score, (2, model, why, promise))
        for number, (model, (score, why, promise)) in enumerate(SECOND.items(), start=7)
    ]
    won = block.model(models[3])
    records.write(
        searches.place(made.study, made.folder),
        searches.SearchOutcome(
            format=1, fingerprint=block.fingerprint, algorithm="halving", seconds=1.0, workers=1,
            provenance=records.Provenance(**records_by_hand.PROVENANCE),
            budgets=[
                searches.AtBudget(
                    budget=budget.id, title=budget.title, macs=None, parameters=budget.parameters,
                    training_seconds=None, trials=trials,
                    finalists=[searches.Trained(**add(made, 9, won, {101: (0.78, 0.5)}))],
                    winner=searches.Trained(
                        **add(made, 9, won, {201: (0.79, 0.82), 202: (0.81, 0.86)})
                    ),
                )
            ],
        ),
    )  # fmt: skip


def _trial(made: Made, number: int, values: dict, epochs: int, score: float, place: tuple):
    model = made.study.search.model(values, epochs)
    names = ("round", "continues", "chosen_by", "promise")
    return searches.Trial(
        **add(made, number, model, {1: (score, 0.5)}), values=values, parameters=model.parameters,
        macs=model.macs, in_round=searches.InRound(**dict(zip(names, place, strict=True))),
    )  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Made:
    made = Made(tmp_path_factory.mktemp("halving"), PLAIN + SEARCH)
    for experiment, scores in SCORES.items():
        made.runs(experiment, scores)
    add_search(made)
    return made


@pytest.fixture(scope="module")
def text(made) -> str:
    return " ".join(unmarked(made.text()).split()).replace("\u00a0", " ")


@pytest.fixture(scope="module")
def results(made, text) -> Results:
    return Results(made.study, made.folder / "tables", made.folder / "evidence")


def test_every_trial_has_its_model_and_its_reason(made, results):
    table = pd.read_csv(made.folder / "tables" / "search-places.csv").astype(object).fillna("")
    assert [tuple(row) for row in table.itertuples(index=False)] == [
        *(("small", number, 1, 2, number, "", "") for number in range(1, 7)),
        ("small", 7, 2, 4, 3, "score", 0.73),
        ("small", 8, 2, 4, 2, "score", 0.62),
        ("small", 9, 2, 4, 4, "curve", 0.9),
    ]


def test_rounds_are_set_beside_each_other(made, results):
    """Ranks 3, 2, 1 in the first round and 2, 1, 3 in the second: 1 - 6 * 6 / (3 * 8) = -0.5."""
    first, last = pd.read_csv(made.folder / "evidence" / "search-rounds.csv").to_dict("records")
    told = {"round": 1, "epochs": 2, "trials": 6, "broken_trials": 0, "best_accuracy": 0.7}
    told |= {"next_epochs": 4, "by_score": 2, "by_curve": 1, "ahead": 1, "compared": 3}
    told |= {"order": -0.5, "rank_of_last": 4}
    assert {name: first[name] for name in told} == pytest.approx(told)
    assert (last["trials"], last["best_accuracy"], last["rank_of_last"]) == (3, 0.8, 1)
    assert all(last[name] != last[name] for name in ("next_epochs", "by_score", "order"))


def test_the_text_says_how_it_went(made, text):
    section = text.partition("# A search for the best small network")[2]
    assert "then one of two is trained for two times as many epochs, and so on, for two" in section
    assert "25 % of the places in the next round go to the models whose learning" in section
    most = made.study.experiments["base"].parameters
    assert (
        f"at most {most:,} parameters, and at least 50 % of that; six trials in the first"
        in section
    )
    assert "@fig-search-rounds shows all 9 trials" in section
    assert (
        "Learning curves gave one place to models that their scores would not have given one; one "
        "of these models scored higher in the next round than one that had its place by score. "
        "Without them one of the winners would not have been among the finalists."
    ) in section
    assert "has a rank correlation of −0.50 with their order in the second" in section
    assert "each trained for two epochs, and what follows tells of it alone." in section
    assert "| As small as the base | 2 | 6 | 70.00 | 2 | 1 | −0.50 | 4 |" in text
    assert "| As small as the base | 4 | 3 | 80.00 | – | – | – | 1 |" in text
    assert "KerasTuner" not in section.partition("## What was tried")[0]


def test_a_winner_within_parameters_is_set_beside_the_best_that_has_no_more(text):
    """Experiments with the base's layers have its parameters."""
    shown = text.partition("# The search in detail")[2]
    assert "Of the experiments with no more parameters, the validation images put" in shown


def test_figures_show_rounds_and_compare_within_the_first(made, results):
    pictures = _pictures(made.study)
    assert "search-trials" not in pictures
    rounds = pictures["search-rounds"].texts(results)
    assert "6 models of 2 epochs, the best 70.0 %; 3 models of 4 epochs" in plain(rounds.alt)
    assert "Triangles: by their score these would not have gone on" in plain(rounds.caption)
    assert plain(rounds.caption).endswith(" 9 trials as small as the base.")
    parallel = pictures["search-parallel"]
    assert plain(parallel.texts(results).caption).endswith(" 6 trials as small as the base.")
    assert "the winner has learning rate 0.004" in plain(parallel.texts(results).alt)
    assert len(parallel.searched(results)) == 6
    assert len(pictures["search-rounds"].searched(results)) == 10


def test_every_value_that_the_picture_of_rounds_hands_over_is_used(made, results):
    picture = _pictures(made.study)["search-rounds"]
    assert picture._values(results).keys() | picture._behind(results).keys() <= named_in(
        picture.template
    )


def test_the_picture_of_rounds_has_a_mark_for_each_trial_and_reason(results, made):
    figure = _pictures(made.study)["search-rounds"].draw(results)
    axes = figure.axes[0]
    marked = [
        (line.get_marker(), list(line.get_xdata()), list(line.get_ydata()))
        for line in axes.lines
        if line.get_marker() not in ("None", None)
    ]
    assert ("^", [4], [80.0]) in marked
    assert ("o", [4], [72.0]) in marked
    assert ("*", [4], [78.0]) in marked
    assert len([mark for mark in marked if mark[1] == [2]]) == 6
    joined = [list(line.get_ydata()) for line in axes.lines if list(line.get_xdata()) == [2, 4]]
    assert sorted(joined) == [[40.0, 80.0], [60.0, 65.0], [70.0, 72.0]]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["2", "4"]
    assert re.match("Validation", figure.get_supylabel())


def test_each_printed_number_of_the_rounds_names_its_runs(made, text):
    """By the receipts: of the first round six runs, of what it foretold nine, of its end nine."""
    cells = [f"search-rounds:0:{name}" for name in ("best_accuracy", "order", "rank_of_last")]
    content = look_up(made.study, made.folder, cells)
    assert [len(told(content, cell).searched) for cell in cells] == [6, 9, 9]
    assert len(told(look_up(made.study, made.folder, ["search-rounds:1:trials"]),
                    "search-rounds:1:trials").searched) == 3  # fmt: skip
