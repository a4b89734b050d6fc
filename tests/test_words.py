"""Numbers, lists and times as words, each by hand."""

import pytest

from cnn_study.base import words


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (words.count(1471104), "1,471,104"),
        (words.numeral(0), "no"),
        (words.numeral(12), "twelve"),
        (words.numeral(13), "13"),
        (words.plural(1, "run"), "one run"),
        (words.plural(2, "class", "classes"), "two classes"),
        (words.plural(1563, "step"), "1,563 steps"),
        (words.counted(1, "pair"), "1 pair"),
        (words.counted(2, "pair"), "2 pairs"),
        (words.listing(["a"]), "a"),
        (words.listing(["a", 2, "c"]), "a, 2 and c"),
        (words.listing("ab", "or"), "a or b"),
    ],
)
def test_whole_numbers_and_lists(written, expected):
    assert written == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (words.fixed(58.456), "58.46"),
        (words.fixed(-0.25, 1), "−0.2"),  # the half to the even digit, as IEEE 754 rounds
        (words.fixed(7.5, 0), "8"),
        (words.exact(0.0001), "0.0001"),
        (words.whole(3.0), "3"),
        (words.whole(3.25), "3.25"),
        (words.percent(0.58458), "58.46 %"),
        (words.percent(0.95, 0), "95 %"),
        (words.percent(None), "–"),
    ],
)
def test_fractions(written, expected):
    assert written == expected


def test_of_many_things_ten_are_named_and_the_rest_is_counted():
    assert words.first_lines(range(10)) == [str(number) for number in range(10)]
    assert words.first_lines(range(1011))[9:] == ["9", "… and 1,001 more"]
    assert words.first_lines("abcdefghijkl", "  and {} besides")[10:] == ["  and 2 besides"]


def test_a_long_text_is_cut():
    assert words.cut("abcde", 5) == "abcde"
    assert words.cut("abcdef", 5) == "ab..."


def test_differences_have_a_sign_and_zero_has_none():
    assert [words.signed(number) for number in (1.5, -0.51, 0.004, -0.004, 0)] == [
        *("+1.50", "−0.51", "0.00", "0.00", "0.00")
    ]
    assert words.signed(-12.34, 1) == "−12.3"
    assert words.signed(-1471104, 0) == "−1,471,104"
    assert words.signed(-0.4, 0) == "0"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(59.94, "59.9\u00a0seconds"), (150, "2.5\u00a0minutes"), (9000, "2.5\u00a0hours")],
)
def test_times_in_a_sentence(seconds, expected):
    assert words.duration(seconds) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0 s"), (89, "89 s"), (90, "2 min"), (3540, "59 min"), (3900, "1 h 05 min")],
)
def test_times_in_a_log(seconds, expected):
    assert words.short_duration(seconds) == expected


def test_sizes_are_in_millions_of_bytes():
    assert words.megabytes(20_649_000) == "20.6\u00a0MB"


@pytest.mark.parametrize(
    ("number", "said"),
    [(1, "the one run"), (2, "both runs"), (3, "all three runs"), (59, "all 59 runs")],
)
def test_all_of_so_many(number, said):
    assert words.every(number, "run") == said
