"""Which changes join smaller ones: by hand, and quickly however many there are."""

import time
from itertools import combinations
from types import SimpleNamespace

from cnn_study.study.combinations import parts_of
from cnn_study.study.model import Study


class Changes(SimpleNamespace):
    """What is looked at of a study, which says itself what each of its experiments sets."""

    changed = property(Study.changed.func)


def study_of(**changes: str) -> Changes:
    """Make what is looked at of a study: each change sets the settings of these letters."""
    experiments = {
        id_: SimpleNamespace(change=dict.fromkeys(letters, True), reference="base")
        for id_, letters in changes.items()
    }
    return Changes(experiments=experiments)


def test_parts_stand_in_the_order_of_the_file_and_set_everything_once():
    assert parts_of(study_of(two="b", one="a", both="ab"), "both") == ["two", "one"]
    assert parts_of(study_of(ab="ab", bc="bc", all="abc"), "all") == []
    assert parts_of(study_of(a="a", all="abc"), "all") == []
    assert parts_of(study_of(a="a"), "a") == []


def test_parts_are_changes_of_the_same_reference():
    study = study_of(a="a", b="b", both="ab")
    study.experiments["b"].reference = "other"
    assert parts_of(study, "both") == []


def test_values_count_as_they_are_written():
    study = study_of(a="a", b="b", both="ab")
    study.experiments["b"].change["b"] = False
    assert parts_of(study, "both") == []


def test_the_most_parts_are_taken_and_of_these_the_first():
    halves = {"ab": "ab", "cd": "cd", "ac": "ac", "bd": "bd"}
    assert parts_of(study_of(**halves, all="abcd"), "all") == ["ab", "cd"]
    assert parts_of(study_of(**dict(reversed(halves.items())), all="abcd"), "all") == ["bd", "ac"]
    thirds = {"a": "a", "c": "c"}
    assert parts_of(study_of(**halves, **thirds, all="abcd"), "all") == ["bd", "a", "c"]
    others = {"d": "d"} | halves | thirds
    assert parts_of(study_of(**others, all="abcd"), "all") == ["d", "ab", "c"]


def test_many_changes_without_a_cover_are_found_out_at_once():
    """Ten settings and all pairs of nine of them: it once tried every selection."""
    pairs = {"".join(pair): "".join(pair) for pair in combinations("abcdefghi", 2)}
    singles = dict(zip("abcdefghi", "abcdefghi", strict=True))
    started = time.process_time()
    assert parts_of(study_of(**singles, **pairs, all="abcdefghij"), "all") == []
    assert time.process_time() - started < 2
