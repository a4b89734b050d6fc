"""Which experiment changes which: their order, circles, and references that cannot be followed."""

from pathlib import Path

import pytest

from cnn_study.study.faults import Faults
from cnn_study.study.file import StudyFile
from cnn_study.study.questions import Declared
from cnn_study.study.references import check_references, references_first


def declared(**references: str) -> dict[str, Declared]:
    """Declare experiments by id and reference, each by a question of its own: wide by ask-wide."""
    return {
        id_: Declared(id_, f"ask-{id_}", reference, {}, ("questions", f"ask-{id_}"))
        for id_, reference in references.items()
    }


def told(enhanced: str | None = None, untrained: tuple[str, ...] = (), **references: str):
    """Check references, and give the place and the first words of each fault."""
    asked = {
        f"ask-{id_}": {
            "title": "T", "question": "Q?", "hypothesis": "H.", "reference": reference,
            "changes": {id_: {}}, "trained": id_ not in untrained,
        }
        for id_, reference in references.items()
    }  # fmt: skip
    file = StudyFile.model_validate(
        {"title": "T", "dataset": "digits", "base": {}, "enhanced": enhanced, "questions": asked}
    )
    faults = Faults(Path("mine.yaml"), {})
    check_references(file, declared(**references), faults)
    return str(faults.refusal()).splitlines()[1:]


def test_each_experiment_comes_behind_what_it_changes():
    """Others stay in the order of the file."""
    ordered = references_first(declared(d="c", a="base", c="b", b="a", e="base"))
    assert [experiment.id for experiment in ordered] == ["a", "b", "c", "d", "e"]


def test_circles_and_what_hangs_on_them_or_on_nothing_are_there_once():
    ordered = references_first(declared(hanging="a", a="b", b="a", itself="itself", lost="nobody"))
    ids = [experiment.id for experiment in ordered]
    assert sorted(ids) == ["a", "b", "hanging", "itself", "lost"]
    assert ids.index("a") < ids.index("hanging")


def test_a_long_chain_is_followed_to_its_end():
    """Of 2,000, which are more than Python calls deep."""
    chain = declared(**{f"x{n}": f"x{n + 1}" for n in range(2000)}, x2000="base")
    assert [experiment.id for experiment in references_first(chain)][:2] == ["x2000", "x1999"]


@pytest.mark.parametrize(
    ("references", "circles"),
    [
        ({"a": "base", "b": "a"}, []),
        ({"a": "a"}, [("ask-a", "a -> a.")]),
        ({"a": "b", "b": "c", "c": "a"}, [("ask-a", "a -> b -> c -> a.")]),
        ({"on-it": "b", "a": "b", "b": "a"}, [("ask-b", "b -> a -> b.")]),
        ({"a": "a", "b": "c", "c": "b"}, [("ask-a", "a -> a."), ("ask-b", "b -> c -> b.")]),
    ],
)
def test_each_circle_is_told_once_where_it_is_come_upon_first(references, circles):
    assert [fault.split(" Each is")[0] for fault in told(**references)] == [
        f"  questions.{question}.reference: the references go in a circle: {circle}"
        for question, circle in circles
    ]


def test_what_is_named_must_be_there_and_trained():
    assert told("wider", wide="bsae", other="base") == [
        "  questions.ask-wide.reference: there is no experiment bsae. Did you mean base? There "
        "are: base, wide, other",
        "  enhanced: there is no experiment wider. Did you mean wide? There are: base, wide, other",
    ]
    assert told("wide", ("wide", "deep"), wide="base", deep="wide", last="wide") == [
        f"  {place}: the experiment wide is not trained. Take `trained: false` out of "
        "questions.ask-wide, or name another"
        for place in ("questions.ask-last.reference", "enhanced")
    ]


def test_changes_of_changes_have_an_end():
    """Two chains of 60 are told where they become too long, and what hangs on them is not."""
    chains = {f"{name}{n}": f"{name}{n - 1}" for name in "ab" for n in range(2, 61)}
    first, second = told(**{"a1": "base", "b1": "base"} | chains)
    assert first.startswith("  questions.ask-a51.reference: the reference is a change of a change,")
    assert "more than 50 deep. Change one that is nearer to the base" in first
    assert second.startswith("  questions.ask-b51.reference: ")


def test_changes_of_changes_within_the_limit_are_taken():
    chain = {f"a{n}": f"a{n - 1}" for n in range(2, 51)}
    (fault,) = told(**{"a1": "base"} | chain, lost="nobody")
    assert "ask-lost" in fault
