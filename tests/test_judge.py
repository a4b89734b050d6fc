"""The judge: every number by hand or by another program, in percentage points.

The spreads' worked cases were computed apart from this project, from Smyth (2004), sections 3 and
6.2, and the textbook formulas of Student's and Welch's tests.
"""

import math
import statistics

import numpy as np
import pytest
from scipy import stats

from cnn_study.base.inference import spread_p, unpaired, verdict
from cnn_study.base.judge import (
    Correlation,
    Judge,
    Spread,
    Usual,
    break_even,
    seed_by_seed,
    sign_flip_p,
)

CASES = {
    # experiments, d0, s0² in points²
    "two raised": (
        {
            "A": [60, 61, 62, 63, 64],
            "B": [58, 60, 62, 64, 66],
            "C": [61.5, 62, 62.5, 63, 63.5],
            "D": [64, 65, 66, 67, 68],
        },
        *(10_000, 4.04343, 2.507790),
    ),
    "alike": (
        {
            "A": [60, 61, 62, 63, 64],
            "B": [61, 62, 63, 64, 65],
            "C": [62, 63, 64, 65, 66.5],
        },
        *(10_000, math.inf, 2.683333),
    ),
    "equal runs": (
        {"A": [70, 71, 72], "B": [75, 75, 75], "C": [70, 72, 74]},
        *(360, 0.676978, 0.071334),
    ),
    "unequal numbers": (
        {
            "A": [60, 61, 62, 63, 64] * 2,
            "B": [65, 67],
            "C": [62, 62.5, 63, 63.5, 64],
            "D": [55, 60, 65, 58, 61],
        },
        *(10_000, 13.7142, 3.730902),
    ),
    "collapse": (
        {
            "A": [70, 70.5, 71, 71.5, 72],
            "B": [72, 72.4, 72.8, 73.2, 73.6],
            "C": [10, 70, 71, 72, 73],
            "D": [69, 70, 71, 72, 73],
        },
        *(10_000, 0.621429, 0.672886),
    ),
}

COMPARED = [
    # change, reference: difference, standard error, freedom, interval, p
    ("two raised", "DA", 4, 1.000783, 16, 1.878435, 6.121565, 0.001039),
    ("two raised", "CA", 0.5, 0.902817, 15.286631, -1.421171, 2.421171, 0.587711),
    ("two raised", "BA", 0, 1.581386, 6.064823, -3.85951, 3.85951, 1),
    ("alike", "BA", 1, 1.036018, 12, -1.257289, 3.257289, 0.353478),
    ("alike", "CA", 2.1, 1.070825, 11.235497, -0.250857, 4.450857, 0.075123),
    ("equal runs", "BA", 4, 0.583907, 2.091602, 1.590199, 6.409801, 0.018348),
    ("unequal numbers", "BA", 4, 1.456003, 18, 0.941050, 7.058950, 0.013250),
    ("unequal numbers", "DA", -2.2, 1.747373, 4.952691, -6.704701, 2.304701, 0.264098),
    ("collapse", "BA", 1.8, 0.462198, 8.945496, 0.753464, 2.846536, 0.003693),
    ("collapse", "CA", -11.8, 12.315287, 4.006667, -45.97029, 22.37029, 0.392158),
]


def runs(points) -> dict[int, float]:
    return {seed: score / 100 for seed, score in enumerate(points, start=1)}


def judge_of(case: str) -> tuple[Judge, dict[str, dict[int, float]]]:
    experiments, images, *_ = CASES[case]
    scores = {name: runs(points) for name, points in experiments.items()}
    return Judge.of(scores, [], images), scores


@pytest.mark.parametrize("case", CASES)
def test_what_is_usual_by_hand(case):
    usual = judge_of(case)[0].usual
    _, _, freedom, variance = CASES[case]
    assert usual.freedom == pytest.approx(freedom, rel=1e-5)
    assert 1e4 * usual.variance == pytest.approx(variance, abs=1e-6)


@pytest.mark.parametrize(
    ("case", "pair", "difference", "error", "freedom", "lower", "upper", "p"), COMPARED
)
def test_a_comparison_by_hand(case, pair, difference, error, freedom, lower, upper, p):
    judge, scores = judge_of(case)
    assert not judge.paired
    effect = judge.effect(scores[pair[0]], scores[pair[1]])
    points = [100 * number for number in (effect.mean, effect.error, effect.lower, effect.upper)]
    assert points == pytest.approx([difference, error, lower, upper], abs=1e-5)
    assert (effect.freedom, effect.p) == (
        pytest.approx(freedom, rel=1e-6), pytest.approx(p, abs=1e-6),
    )  # fmt: skip


def test_spreads_are_raised_and_never_lowered():
    """Of the first case: A and D 2.5 become 2.503916 with 8.043429, C 0.625 becomes 1.571478."""
    judge, scores = judge_of("two raised")
    assert [spread_of(judge, scores[name]) for name in "ADCB"] == [
        (pytest.approx(2.503916, abs=1e-6), pytest.approx(8.043429), True),
        (pytest.approx(2.503916, abs=1e-6), pytest.approx(8.043429), True),
        (pytest.approx(1.571478, abs=1e-6), pytest.approx(8.043429), True),
        (pytest.approx(10), 4, False),
    ]


def spread_of(judge: Judge, scores: dict[int, float]) -> tuple[float, float, bool]:
    spread = judge.spread(scores)
    return 1e4 * spread.variance, spread.freedom, spread.raised


def test_equal_runs_have_the_spread_of_rounding_before_it_is_raised():
    """(100 / 360)² / 12 = 0.00643004 points², raised to 0.022843 with 2.676978."""
    judge, scores = judge_of("equal runs")
    assert 1e4 * judge.least == pytest.approx(0.00643004, abs=1e-8)
    assert spread_of(judge, scores["B"]) == (
        pytest.approx(0.022843, abs=1e-6), pytest.approx(2.676978, abs=1e-6), True,
    )  # fmt: skip


def test_the_freedom_of_a_raised_spread_is_at_most_that_of_all_together():
    usual = Usual(freedom=30, variance=4.0, most=12)
    assert usual.raised(Spread(1.0, 4)) == Spread(124 / 34, 12, raised=True)


def test_of_a_single_experiment_nothing_is_usual():
    judge = Judge.of({"base": runs([60, 61, 62])}, [], 1000)
    assert judge.usual.freedom == 0
    assert judge.spread(runs([60, 61, 62])) == Spread(pytest.approx(1e-4), 2)
    alone = judge.effect(runs([60, 61, 62]), runs([57, 59, 61]))
    welch = unpaired([0.60, 0.61, 0.62], [0.57, 0.59, 0.61])
    assert alone.mean == pytest.approx(0.02)
    assert alone.error == pytest.approx(welch.error)
    assert alone.freedom <= 2  # there are no more in the study


# ------------------------------------------------------------------------------- pairs


def correlated(*correlations: float) -> Correlation:
    """Five seeds: two samples that are orthogonal, mixed so that they have these correlations."""
    first, second = np.array([-2.0, -1, 0, 1, 2]), np.array([2.0, -1, -2, -1, 2])
    first, second = (one / np.sqrt((one**2).sum()) for one in (first, second))
    pairs = []
    for r in correlations:
        other = r * first + math.sqrt(1 - r**2) * second
        pairs.append((runs(50 + first), runs(50 + other)))
    return Correlation.of(pairs)


def test_pairs_are_taken_where_they_pay_and_are_no_accident():
    paired = correlated(0.9, 0.8, 0.1)
    assert (paired.mean, paired.z) == (pytest.approx(0.6), pytest.approx(1.8 / math.sqrt(3 / 4)))
    assert paired.pays
    unpaired_ = correlated(0.9, -0.1, 0.1)
    assert unpaired_.mean == pytest.approx(0.3)
    assert not unpaired_.pays  # 0.3 is below 0.310
    accident = correlated(0.6)
    assert accident.mean > accident.needed
    assert not accident.pays  # z = 0.6 · 2 = 1.2


@pytest.mark.parametrize(("n", "needed"), [(3, 0.584), (4, 0.409), (5, 0.310), (10, 0.137)])
def test_the_correlation_from_which_pairs_pay(n, needed):
    assert break_even(n) == pytest.approx(needed, abs=5e-4)


def test_two_seeds_or_equal_runs_tell_nothing_of_pairs():
    assert Correlation.of([(runs([1, 2]), runs([1, 2]))]) == Correlation(0)
    assert Correlation.of([(runs([1, 2, 3]), runs([5, 5, 5]))]) == Correlation(0)
    assert Correlation.of([(runs([1, 2, 3]), {7: 0.1, 8: 0.2, 9: 0.3})]) == Correlation(0)
    assert not Correlation(0).pays


def test_each_change_and_reference_counts_once():
    scores = {"a": runs([1, 2, 3, 4]), "b": runs([1, 2, 3, 5])}
    judge = Judge.of(scores, [("a", "b"), ("a", "b"), ("a", "unrun")], 1000)
    assert judge.correlation.comparisons == 1


def test_a_paired_judge_takes_the_differences_of_common_seeds():
    scores = {"a": runs([60, 62, 64, 70]), "b": runs([59, 60, 61])}
    judge = Judge.of(scores, [], 1000, paired=True)
    assert judge.pinned
    effect = judge.effect(scores["a"], scores["b"])
    test = stats.ttest_rel([0.60, 0.62, 0.64], [0.59, 0.60, 0.61])
    assert (effect.n, effect.freedom) == (3, 2)
    assert effect.mean == pytest.approx(0.02)
    assert effect.p == pytest.approx(test.pvalue)
    assert (effect.lower, effect.upper) == pytest.approx(tuple(test.confidence_interval()))


def test_the_file_pins_the_judge_whatever_the_runs_say():
    alike = {"a": runs([1, 2, 3, 4, 5]), "b": runs([2, 3, 4, 5, 6])}
    assert Judge.of(alike, [("a", "b")], 1000).paired
    assert not Judge.of(alike, [("a", "b")], 1000, paired=False).paired
    assert not Judge.of(alike, [("a", "b")], 1000).pinned


# ------------------------------------------------------------------------------- contrasts


def test_a_contrast_of_independent_means_by_hand():
    """a - b - c + d with one spread of 1 point usual in all: se² = 4 · 1 / 3."""
    scores = {name: runs([50 + n, 51 + n, 52 + n]) for n, name in enumerate("abcd")}
    judge = Judge.of(scores, [], 10_000)
    assert judge.usual.freedom == math.inf
    weights = {"a": 1.0, "b": -1.0, "c": -1.0, "d": 1.0}
    effect = judge.contrast(weights, scores)
    assert effect.mean == 0
    assert 100 * effect.error == pytest.approx(math.sqrt(4 / 3))
    assert effect.freedom == 8  # of all four experiments together, and no more
    assert 100 * effect.upper == pytest.approx(stats.t.ppf(0.975, 8) * math.sqrt(4 / 3))


def test_a_contrast_by_seed_leaves_out_seeds_that_one_lacks():
    parts = [(1.0, runs([50, 60, 70])), (-0.5, {1: 0.4, 3: 0.2}), (-0.5, runs([1, 2, 3]))]
    assert seed_by_seed(parts) == {1: pytest.approx(0.295), 3: pytest.approx(0.585)}


def test_too_few_runs_give_a_mean_without_an_interval():
    judge = Judge.of({"a": runs([50, 51]), "b": runs([52])}, [], 1000)
    assert judge.effect(runs([50, 51]), {}).n == 0
    single = judge.effect(runs([50, 51]), runs([52]))
    assert (single.n, single.lower, single.mean) == (1, None, pytest.approx(-0.015))


# ------------------------------------------------------------------------------- beside it


def test_sign_flips_are_counted_exactly():
    """Of 1, 2, 3: sums of ±1 ±2 ±3 as far out as 6 are 6 and -6, of eight."""
    assert sign_flip_p([0.01, 0.02, 0.03]) == 2 / 8
    assert sign_flip_p([0.01, -0.02, 0.03]) == 6 / 8  # |2| and more: 6, 4, 2, -2, -4, -6
    assert sign_flip_p([0.02] * 5) == 2 / 32
    assert sign_flip_p([0.0, 0.0]) == 1
    assert sign_flip_p([]) is None
    assert sign_flip_p([0.1] * 21) is None


def test_a_wider_spread_is_tested_by_f():
    """At n = 5, three times as wide: F = 9 with 4 and 4 degrees of freedom, 2.8 % to each side."""
    ours, theirs = [0.44, 0.47, 0.50, 0.53, 0.56], [0.48, 0.49, 0.50, 0.51, 0.52]
    assert statistics.stdev(ours) == pytest.approx(3 * statistics.stdev(theirs))
    assert spread_p(ours, theirs) == pytest.approx(2 * 0.028, abs=5e-4)
    assert spread_p(theirs, ours) == pytest.approx(spread_p(ours, theirs))
    assert spread_p([0.5, 0.5], theirs) is None
    assert spread_p([0.5], theirs) is None


def test_a_collapse_makes_a_verdict_unreliable_but_not_of_too_few_runs():
    judge, scores = judge_of("collapse")
    effect = judge.effect(scores["B"], scores["A"])
    assert verdict(effect, 0.004, 0.005) == "helps"
    assert verdict(effect, 0.004, 0.005, unreliable=True) == "unreliable"
    few = judge.effect(runs([50, 51]), runs([52, 53]))
    assert verdict(few, None, 0.005, unreliable=True) == "too few seeds"
