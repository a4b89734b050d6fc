"""Kinds of questions: what each declares, and whether that is a factorial design."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from cnn_study.study.questions import KINDS, AnyQuestion, Changes, Factorial, Grid, Question
from cnn_study.study.settings import Settings

TEXTS = {"title": "Width", "question": "Are more filters better?", "hypothesis": "They are."}
BASE = {**Settings().model_dump(), "filters": [2, 3], "kernel_size": 5}


def question(**said: Any) -> Question:
    return TypeAdapter(AnyQuestion).validate_python({**TEXTS, **said})


def faults(said: Any) -> list[tuple[tuple, str]]:
    with pytest.raises(ValidationError) as error:
        TypeAdapter(AnyQuestion).validate_python(said)
    return [(detail["loc"], detail["msg"]) for detail in error.value.errors()]


def test_a_question_is_of_the_kind_whose_key_it_has():
    assert {"changes": Changes, "grid": Grid} == KINDS
    assert type(question(changes={"wide": {"filters": [4, 6]}})) is Changes
    assert type(question(grid={"kernel_size": [3, 5]})) is Grid


def test_a_key_of_another_kind_with_nothing_in_it_does_not_count():
    """As study files had it before kinds were types."""
    both = question(changes={"wide": {"filters": [4, 6]}}, grid={})
    assert both == question(changes={"wide": {"filters": [4, 6]}})


@pytest.mark.parametrize(
    "said", [{}, {"changes": {}}, {"grid": {}}, {"changes": {"a": {}}, "grid": {"epochs": [1]}}]
)
def test_none_or_two_of_the_keys_are_refused_and_what_is_missing_beside_them_first(said):
    either = "Value error, give either changes or grid, and not an empty one"
    assert faults({**TEXTS, **said}) == [((), either)]
    assert faults({"title": "A", **said}) == [
        (("question",), "Field required"),
        (("hypothesis",), "Field required"),
    ]


def test_faults_of_a_kind_stand_at_its_own_keys():
    assert faults({**TEXTS, "changes": {"Wide": {}, "all": {}, "b": 3}, "trained": 1}) == [
        (("trained",), "Input should be a valid boolean"),
        (("changes", "Wide", "[key]"), "String should match pattern "
         "'^[a-z][a-z0-9]*(-[a-z0-9]+)*$'"),
        (("changes", "all", "[key]"), "Value error, the id all is reserved; choose another"),
        (("changes", "b"), "Input should be a valid dictionary"),
    ]  # fmt: skip
    assert [place for place, _ in faults({**TEXTS, "grid": {"epochs": 3}})] == [("grid", "epochs")]


def test_changes_are_declared_as_they_are_written():
    asked = question(reference="wide", changes={"slow": {"learning_rate": 0.1}, "same": {}})
    slow, same = asked.declared("rate", BASE)
    assert (slow.id, slow.question, slow.reference) == ("slow", "rate", "wide")
    assert (slow.change, slow.place) == (
        {"learning_rate": 0.1},
        ("questions", "rate", "changes", "slow"),
    )
    assert (same.id, same.change) == ("same", {})


def test_cells_around_the_base_are_named_after_what_is_unlike_it():
    asked = question(grid={"kernel_size": [3, 5], "filters": [[2, 3], [4, 6]]})
    cells = asked.declared("size", BASE)
    assert [(cell.id, cell.change) for cell in cells] == [
        ("kernel-size-3", {"kernel_size": 3}),
        ("kernel-size-3-filters-4-6", {"kernel_size": 3, "filters": [4, 6]}),
        ("filters-4-6", {"filters": [4, 6]}),
    ]
    assert {cell.place for cell in cells} == {("questions", "size", "grid")}


def test_cells_around_another_experiment_are_all_declared_in_full():
    """What the reference is like is not known before it is merged."""
    asked = question(reference="wide", grid={"kernel_size": [3, 5], "shift": [0]})
    assert [(cell.id, cell.change) for cell in asked.declared("size", BASE)] == [
        ("kernel-size-3-shift-0", {"kernel_size": 3, "shift": 0}),
        ("kernel-size-5-shift-0", {"kernel_size": 5, "shift": 0}),
    ]


def test_the_reference_may_be_a_cell_of_a_grid_and_no_change():
    assert [kind.reference_is_a_cell for kind in (Changes, Grid)] == [False, True]
    assert [kind.joins_changes for kind in (Changes, Grid)] == [True, False]


def test_sets_of_parameters_are_found_in_whatever_stands_there():
    assert list(Changes.parameter_sets({"wide": {"filters": 3}, 5: {"shift": 1}, "b": None})) == [
        (("wide",), {"filters": 3}),
        (("5",), {"shift": 1}),
    ]
    assert list(Grid.parameter_sets({"shift": [1, "2"], 3: [4], "epochs": 5})) == [
        ((), {"shift": 1}),
        ((), {"shift": "2"}),
        ((), {3: 4}),
    ]
    for kind in KINDS.values():
        for strange in (None, 3, "words", [1]):
            assert list(kind.parameter_sets(strange)) == []


@pytest.mark.parametrize(
    "said",
    [
        {"changes": {"wide": {"filters": [4]}}},
        {"grid": {"kernel_size": [3, 5]}},
        {"grid": {"kernel_size": [3, 5], "shift": [0, 1], "epochs": [1, 2]}},
    ],
)
def test_only_a_grid_of_two_parameters_is_factorial(said):
    assert question(**said).factorial is None
    two = question(grid={"kernel_size": [3, 5], "shift": [0, 1, 2]}).factorial
    assert two == Factorial(("kernel_size", "shift"), ([3, 5], [0, 1, 2]))


def test_cells_of_a_factorial_design_come_row_by_row():
    design = Factorial(("filters", "shift"), ([[2], [4]], [0, 1]))
    assert design.cells == [
        {"filters": [2], "shift": 0},
        {"filters": [2], "shift": 1},
        {"filters": [4], "shift": 0},
        {"filters": [4], "shift": 1},
    ]


def test_levels_of_settings_are_given_as_the_file_writes_them():
    """A 0 of the file is the 0.0 of a setting."""
    design = Factorial(("label_smoothing", "filters"), ([0, 0.1], [[2], [4]]))
    levels = design.levels_of(Settings(label_smoothing=0.0, filters=[4]))
    assert levels == (0, [4])
    assert type(levels[0]) is int
    assert design.levels_of(Settings(label_smoothing=0.0, filters=[8])) is None
    assert design.levels_of(Settings(label_smoothing=0.2, filters=[4])) is None


@pytest.mark.parametrize(("values", "count"), [(50, "50 × 50 × 50 × 50 = 6,250,000"), (6, "1,296")])
def test_a_grid_of_too_many_cells_says_how_many(values, count):
    named = ("filters", "epochs", "batch_size", "dense_units")
    with pytest.raises(ValidationError, match=f"{count} combinations; at most 1,000 are allowed"):
        Grid(**TEXTS, grid={key: list(range(values)) for key in named})


def test_a_grid_may_have_a_thousand_cells():
    grid = {key: list(range(10)) for key in ("filters", "epochs", "batch_size")}
    assert len(Grid(**TEXTS, grid=grid).declared("g", {})) == 1000
