"""A study of which only a part is trained: what is counted, and called best, was measured."""

import re

import pytest

from report_by_hand import Made, unmarked

STUDY = """
title: Digits
dataset: digits
judge: two-sample
seeds: 3
enhanced: wide
base: {filters: [2, 4], kernel_size: 3, epochs: 2}
questions:
  width:
    title: Width
    question: How wide?
    hypothesis: Wide.
    changes: {wide: {filters: [4, 8]}, wider: {filters: [8, 16]}}
  rate:
    title: Rate
    question: Which rate?
    hypothesis: A smaller one.
    changes: {slow: {learning_rate: 0.0001}}
"""
BASE, BETTER, WORSE = (0.50, 0.52, 0.54), (0.70, 0.72, 0.74), (0.30, 0.32, 0.34)

STATES = {
    "the base alone": {"base": BASE[:2]},
    "no base": {"wide": BETTER},
    "one change": {"base": BASE, "wide": BETTER},
    "one change that hurts": {"base": BASE, "slow": WORSE},
    "too few runs": {"base": BASE[:1], "slow": BETTER},
    "half": {"base": BASE, "wide": BETTER, "slow": WORSE[:1]},
    "nothing decided": {"base": BASE, "wide": (0.50, 0.56, 0.53), "slow": (0.45, 0.5, 0.6)},
    "two changes": {"base": BASE, "wide": BETTER, "slow": WORSE},
}

FALSE = re.compile(
    r"\b[Aa]ll (one|two) (change|comparison|experiment|run|order|suggestion)"
    r"|\bOf one |\bone of (the )?one\b|\btwo of (the )?two\b|\b[Nn]o of\b"
)
"""Counts that no person writes."""


@pytest.fixture(scope="module")
def texts(tmp_path_factory) -> dict[str, str]:
    """The text of each state, as one line, as a reader sees it."""

    def written(scores: dict[str, tuple[float, ...]]) -> str:
        made = Made(tmp_path_factory.mktemp("half") / "made", STUDY)
        for experiment, of_runs in scores.items():
            made.runs(experiment, of_runs)
        text = re.sub(r"\[([^][]*)\]\{\.experiment [^}]*\}", r"\1", unmarked(made.text()))
        return " ".join(text.replace("\u00a0", " ").split())

    return {state: written(scores) for state, scores in STATES.items()}


@pytest.mark.parametrize("state", STATES)
def test_no_count_is_one_that_nobody_would_write(texts, state):
    chapters = texts[state].partition("# What we found")[2].partition("# Glossary")[0]
    said = [
        chapters[max(0, match.start() - 60) : match.end() + 40]
        for match in FALSE.finditer(chapters)
    ]
    assert said == []


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("no base", "sets what the one model that has a score scores against what it costs. More"),
        ("one change", "sets what models score against what they cost. Of two exp"),
        ("one change", "In short.** The one change with runs enough for a verdict helps."),
        ("one change", "The one change that was run with seeds enough for a verdict helps."),
        ("one change that hurts", "The one change with runs enough for a verdict hurts."),
        ("half", "The one change that was run with seeds enough for a verdict helps."),
        ("too few runs", "No change has been run with seeds enough for a verdict;"),
        ("nothing decided", "verdict, none helps and none hurts, as far as so few seeds tell. "),
        ("two changes", "Of two changes that were run with seeds enough for a verdict, one helps"),
        ("two changes", "In short.** Both changes with runs enough for a verdict help or hurt."),
        ("the base alone", "There is nothing to suggest yet: no change has been run."),
        ("too few runs", "There is nothing to suggest yet: of no change do the validation"),
    ],
)
def test_the_measured_are_counted(texts, state, said):
    assert said in texts[state]


@pytest.mark.parametrize("state", STATES)
def test_what_was_not_run_is_not_said_to_hold_out_no_images(texts, state):
    assert "hold out no validation images" not in texts[state]


@pytest.mark.parametrize(("state", "is_there"), [("the base alone", False), ("half", True)])
def test_a_ledger_without_a_run_change_has_no_table(texts, state, is_there):
    assert ("{#tbl-ledger}" in texts[state]) == is_there
    assert "Declared and not run yet:" in texts[state]


@pytest.mark.slow
def test_without_validation_images_there_is_no_figure_of_cost(tmp_path):
    text = STUDY.replace("epochs: 2}", "epochs: 2, validation_fraction: 0}")
    made = Made(tmp_path / "made", text)
    for seed, score in enumerate(BASE, start=1):
        made.add("base", seed, test=score, validation=None)
        made.add("wide", seed, test=score + 0.1, validation=None)
    text = made.text()
    assert "fig-accuracy-and-cost" not in text
    assert "There is no accuracy on validation images yet" in text
    assert "hold out no validation images" in text
