"""Figures of main effects, interactions and combinations: numbers worked out by hand."""

from pathlib import Path

import pytest

from cnn_study.base.inference import Effect
from cnn_study.evidence.judged import Contrast
from cnn_study.figures.contrasts import has_contrasts, label
from cnn_study.figures.draw import _pictures
from cnn_study.study.combinations import parts_of
from cnn_study.study.merge import load
from figures_by_hand import MISSING, Made, make_study

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[1]
STUDY = """
title: Digits
dataset: digits
judge: paired
seeds: 3
base: {filters: [2, 4], kernel_size: 5, epochs: 2}
questions:
  grid:
    title: Width and kernel size
    question: Which?
    hypothesis: Both.
    grid: {filters: [[2, 4], [4, 8]], kernel_size: [3, 5]}
  together:
    title: Together
    question: Do they add up?
    hypothesis: Nearly.
    changes:
      tanh: {activation: tanh}
      long: {epochs: 4}
      long-tanh: {activation: tanh, epochs: 4}
"""
SCORES = {
    "base": (0.50, 0.50, 0.50),
    "kernel-size-3": (0.52, 0.54, 0.56),
    "filters-4-8-kernel-size-3": (0.60, 0.62, 0.64),
    "filters-4-8": (0.55, 0.56, 0.57),
    "tanh": (0.51, 0.51, 0.51),
    "long": (0.51, 0.52, 0.53),
    "long-tanh": (0.56, 0.57, 0.58),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Made:
    return Made(tmp_path_factory.mktemp("made"), STUDY, SCORES)


def test_a_grid_around_another_experiment_has_its_reference_as_a_cell(tmp_path):
    """Scores of the cells are those of the grid around the base: 50, 54, 62, 56."""
    wide = "  width: {title: W, question: W, hypothesis: W, changes: {wide: {dense_units: 128}}}"
    text = STUDY.partition("  together:")[0].replace("questions:", f"questions:\n{wide}")
    cells = {f"filters-{one}-kernel-size-{other}": (one, other)
             for one in ("2-4", "4-8") for other in (3, 5)}  # fmt: skip
    found = Made(
        tmp_path,
        text + "    reference: wide\n",
        {
            "base": (0.1, 0.1, 0.1),
            "wide": SCORES["base"],
            "filters-2-4-kernel-size-3": SCORES["kernel-size-3"],
            "filters-4-8-kernel-size-3": SCORES["filters-4-8-kernel-size-3"],
            "filters-4-8-kernel-size-5": SCORES["filters-4-8"],
        },
    )
    assert set(found.study.questions["grid"]) == cells.keys() - {"filters-2-4-kernel-size-5"}
    drawn = found.picture("grid")
    assert drawn.cells == (
        ("filters-2-4-kernel-size-3", "wide"),
        ("filters-4-8-kernel-size-3", "filters-4-8-kernel-size-5"),
    )
    assert "50.0" in found.alt("grid")
    by = {one.name: one for one in found.results.contrasts("grid")}
    assert by["filters 4-8 against 2-4"].differences == pytest.approx((0.065, 0.07, 0.075))
    interaction = by["filters 4-8 against 2-4, at kernel_size 3 against 5"]
    assert interaction.differences == pytest.approx((0.03, 0.02, 0.01))
    assert "kernel 3×3 " in found.alt("grid-effects")


def test_a_grid_shows_main_effects_and_interactions_with_their_seeds(made):
    """Filters: (5 + 8) / 2, 7, 7.5; together 60 − 55 − 52 + 50 = 3, 2, 1 more."""
    by = {one.name: one for one in made.results.contrasts("grid")}
    assert by["filters 4-8 against 2-4"].differences == pytest.approx((0.065, 0.07, 0.075))
    alt = made.alt("grid-contrasts")
    expected = "interaction, filters 4-8 at kernel size 3: +2.00 (95 % interval −0.48 to +4.48, n ="
    assert expected in alt
    assert "main effect, kernel size 3 against 5: +5.00" in alt


def test_it_is_written_in_words(made):
    words = made.words("grid-contrasts")
    assert {
        *("Main effects", "filters 4-8 against 2-4", "kernel size 3 against 5"),
        *("Interactions", "filters 4-8 at kernel size 3", "+2.00", "too close to call"),
    } <= set(words)
    caption = made.caption("grid-contrasts")
    assert made.values("grid-contrasts")["kinds"] == ["main effect", "interaction"]
    assert "Interaction:" in caption
    assert "Together" not in caption
    assert "n = 3 pairs" in caption


def test_a_combination_names_what_it_joins(made):
    """Together 6, 7, 8; one by one 1 + 1, 2, 3: 4 more with every seed."""
    (one,) = made.results.contrasts("together")
    assert label(one, made.study) == "tanh + 4 epochs"
    assert one.differences == pytest.approx((0.04, 0.04, 0.04))
    assert {"+4.00", "above zero"} <= set(made.words("together-contrasts"))


NONE = Effect(0, verdict="not run")


def test_what_a_label_does_not_say_is_joined_below_it(made, tmp_path):
    """A label that names the parts says enough, in whatever order."""
    named = STUDY.replace("questions:", "label: {long-tanh: both}\nquestions:", 1)
    study = make_study(tmp_path, named)
    joined = Contrast("", "combination", "", NONE, NONE, (), "long-tanh", ("long", "tanh"))
    assert label(joined, study) == "both\n= 4 epochs + tanh"
    assert label(joined, made.study) == "tanh + 4 epochs"
    grid = "filters 8-16-32-64-128-256 against 4-8, at kernel_size 3 against 5"
    lines = label(Contrast("", "interaction", grid, NONE, NONE), study).split("\n")
    assert max(map(len, lines)) <= 28
    assert len(lines) == 2


def test_every_seed_is_a_dot_on_top_of_the_interval(made):
    axes = made.picture("grid-contrasts")._draw(made.results).axes[0]
    dots = [line.get_xdata() for line in axes.lines if line.get_marker() == "o"]
    assert [tuple(row) for row in dots] == [
        pytest.approx((6.5, 7, 7.5)),
        pytest.approx((3.5, 5, 6.5)),
        pytest.approx((3, 2, 1)),
    ]


def test_parameters_and_values_are_separated_by_words(made):
    name = "kernel_size 3 against 7, at pooling average against max"
    one = Contrast("", "interaction", name, NONE, NONE)
    assert label(one, made.study) == "kernel size 3 at pooling\naverage"


def test_without_runs_it_says_so(tmp_path):
    statuses = dict.fromkeys(SCORES, (MISSING,) * 3)
    empty = Made(tmp_path, STUDY, SCORES, statuses=statuses)
    assert empty.words("grid-contrasts") == ["no complete run yet"]
    assert "n =" not in empty.caption("grid-contrasts")


def test_it_stands_behind_the_grid_of_its_question(made):
    ids = [id_ for id_ in _pictures(made.study) if id_.startswith(("grid", "together"))]
    grid = ["grid", "grid-contrasts", "grid-effects", "grid-training"]
    assert ids == [*grid, "together", "together-contrasts", "together-training"]


@pytest.mark.parametrize(
    ("change", "there"),
    [
        ("long-tanh: {activation: tanh, epochs: 4}", True),
        ("long-tanh: {activation: tanh, epochs: 5}", False),
        ("wide: {dense_units: 8}", False),
    ],
)
def test_questions_whose_changes_join_no_others_have_none(tmp_path, change, there):
    text = STUDY.replace("long-tanh: {activation: tanh, epochs: 4}", change)
    assert has_contrasts(make_study(tmp_path, text), "together") == there


def test_a_grid_of_three_parameters_has_none(tmp_path):
    """Its cells join others, but the evidence sets none of them together."""
    grid = "{filters: [[2, 4], [4, 8]], kernel_size: [3, 5]}"
    text = STUDY.replace(grid, f"{grid[:-1]}, activation: [relu, elu]}}")
    assert len(make_study(tmp_path, text).questions["grid"]) == 7
    assert not has_contrasts(make_study(tmp_path, text), "grid")


def test_what_is_planned_is_what_the_evidence_joins():
    study = load(PROJECT / "experiments" / "cifar10.yaml")
    joined = {
        name: any(parts_of(study, id_) for id_ in study.questions[name])
        for name in study.questions
        if study.file.questions[name].joins_changes
    }
    assert joined == {name: has_contrasts(study, name) for name in joined}
    assert joined["combination"]
    assert not has_contrasts(study, "depth")
