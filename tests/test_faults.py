"""Faults of a study file: each once, at its line and key, in the order of the lines."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from cnn_study.study.faults import Faults, did_you_mean, shown
from cnn_study.study.questions import KINDS

LINES = {("base",): 4, ("questions",): 6, ("questions", "width"): 7}


class Example(BaseModel):
    """A part with a key that must be there and one of a range."""

    model_config = ConfigDict(extra="forbid", strict=True)

    kernel_size: int
    mapping: dict = {}


def told(faults: Faults) -> list[str]:
    first, *rest = str(faults.refusal()).splitlines()
    assert first == "mine.yaml cannot be used:"
    return rest


def invalid(**given) -> ValidationError:
    with pytest.raises(ValidationError) as error:
        Example.model_validate(given)
    return error.value


@pytest.fixture
def faults() -> Faults:
    return Faults(Path("mine.yaml"), LINES)


def test_nothing_is_wrong_before_something_is(faults):
    assert not faults
    faults.extend([])
    assert not faults
    faults.add(("base",), "is wrong")
    assert faults


def test_faults_come_once_and_in_the_order_of_their_lines(faults):
    faults.add(("questions", "width"), "b")
    faults.extend([(("base",), "a"), (("questions", "width"), "b"), (("base",), "0")])
    faults.add(("title",), "has no line")
    faults.add((), "has no place")
    assert told(faults) == [
        "  title: has no line",
        "  has no place",
        "  line 4: base: a",
        "  line 4: base: 0",
        "  line 7: questions.width: b",
    ]


def test_a_fault_stands_at_the_innermost_key_that_is_in_the_file(faults):
    faults.add(("questions", "width", "grid", "epochs"), "is wrong")
    assert told(faults) == ["  line 7: questions.width: is wrong"]


def test_what_is_missing_is_named_in_full_at_the_line_of_what_lacks_it(faults):
    faults.add_invalid(invalid(), ("questions", "width", "changes"))
    assert told(faults) == ["  line 7: questions.width.changes.kernel_size: missing"]


def test_what_was_given_is_said_in_words_of_yaml(faults):
    faults.add_invalid(invalid(kernel_size="x" * 200, mapping=3), ("base",))
    said = f"  line 4: base: input should be a valid integer, not '{'x' * 96}..."
    assert told(faults) == [said, "  line 4: base: input should be a mapping, not 3"]


def test_a_note_stands_where_a_rule_between_keys_is_broken(faults):
    with pytest.raises(ValidationError) as error:
        Example.model_validate(3)
    faults.add_invalid(error.value, ("base",), " (experiment wide)")
    faults.add_invalid(invalid(kernel_size="3"), ("questions",), " (experiment wide)")
    assert told(faults) == [
        "  line 4: base: input should be a mapping, not 3 (experiment wide)",
        "  line 6: questions: input should be a valid integer, not '3'",
    ]


@pytest.mark.parametrize(
    ("place", "allowed"),
    [
        (("sedes",), "title, subtitle, dataset, seeds, "),
        (("questions", "width", "sedes"), f"reference, trained, {', '.join(KINDS)}."),
        (("published", "sedes"), "Allowed: file, citation."),
        (("search", "sedes"), "Did you mean seeds? Allowed: caveat, "),
        (("search", "space", "epochs", "sedes"), "Allowed: values, low, high, step, scale, when."),
        (("search", "prices", "cheap", "sedes"), "Allowed: title, macs, parameters, "),
        (("base", "sedes"), "Allowed: validation_fraction, "),
        (("questions", "width", "changes", "wide", "sedes"), "Allowed: validation_fraction, "),
    ],
)
def test_an_unknown_key_names_those_that_are_allowed_at_its_place(place, allowed):
    faults = Faults(Path("mine.yaml"), {place: 3})
    faults.add_invalid(invalid(kernel_size=3, sedes=1), place[:-1])
    (fault,) = told(faults)
    assert fault.startswith(f"  line 3: {'.'.join(place)}: unknown key. ")
    assert allowed in fault


def test_values_are_shown_short():
    assert shown([1, "a"]) == "[1, 'a']"
    assert len(shown("x" * 5000)) == 100
    assert shown(10**5000) == "a number too long to be written"


def test_of_many_faults_thirty_are_told_and_the_rest_is_counted(faults):
    """Each short, however long is what was given: a grid of bad values, an id of a whole book."""
    for number in range(50):
        faults.add((f"key-{number}" + "x" * 10_000,), "wrong " * 10_000)
    _, *lines = str(faults.refusal()).splitlines()
    assert len(lines) == 31
    assert lines[0].startswith("  key-0xxx")
    assert lines[-1] == "  … and 20 more"
    assert max(map(len, lines)) < 1300


def test_only_a_name_that_is_much_alike_is_asked_for():
    assert did_you_mean("kernal_size", ["filters", "kernel_size"]) == "Did you mean kernel_size? "
    assert did_you_mean("colour", ["filters", "kernel_size"]) == ""
    assert did_you_mean(3, ["filters"]) == ""
