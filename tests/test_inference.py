"""Statistics: small cases by hand, and simulated studies whose truth is known.

Quantiles of Student's t stand in any table: t(0.975, 1) = 12.706205, t(0.975, 2) = 4.302653,
t(0.975, 3) = 3.182446, t(0.975, 4) = 2.776445; t(0.8, 3) = 0.978472, t(0.8, 4) = 0.940965. For
one degree of freedom p = 1 - 2 atan(|t|) / pi, for two p = 1 - |t| / sqrt(2 + t²).
"""

import math

import numpy as np
import pytest
from numpy.random import default_rng
from scipy.special import stdtr, stdtrit

from cnn_study.base.inference import (
    MOST_SEEDS,
    Effect,
    degrees_of_freedom,
    effect,
    higher_by_chance,
    holm,
    loss_turn,
    paired,
    seeds_to_settle,
    separated,
    single_run_margin,
    together,
    unpaired,
    verdict,
)

DEVIATION = 0.012
"""Of the simulated differences: about what the runs of the published study show."""

NO_MARGIN = 1e-9
"""A smallest effect so small that nothing is ever found equal."""


def monte_carlo(share: float, studies: int) -> float:
    """Give three standard errors of a share that so many simulated studies estimate."""
    return 3 * math.sqrt(share * (1 - share) / studies)


def found(mean: float, deviation: float = DEVIATION, n: int = 3) -> Effect:
    """Make an effect of which only n, mean and deviation matter."""
    return Effect(n, mean, deviation / math.sqrt(n), n - 1, 0.0, 0.0, 1.0)


# ------------------------------------------------------------------------------- by hand


def test_only_seeds_that_both_have_are_paired():
    ours = {5: 0.75, 1: 0.5, 2: 0.25, 3: math.nan, 4: 0.5, 6: math.inf}
    theirs = {4: 0.625, 7: 0.5, 5: 0.5, 3: 0.5, 2: math.nan, 6: 0.5}
    assert list(paired(ours, theirs).items()) == [(4, -0.125), (5, 0.25)]
    assert paired(ours, {}) == paired({}, {}) == {}


def test_interval_and_p_of_three_pairs():
    """1, 2 and 3 points: mean 2, s = sqrt((1 + 0 + 1) / 2) = 1.

    Half width 4.302653 / sqrt(3) = 2.484138 points. t = 2 sqrt(3), t² = 12: p = 1 - sqrt(12 / 14).
    """
    got = effect([0.01, 0.02, 0.03])
    assert (got.n, got.freedom, got.mean) == (3, 2, pytest.approx(0.02))
    assert got.error == pytest.approx(0.01 / math.sqrt(3))
    assert got.lower == pytest.approx(0.02 - 0.02484138, abs=1e-8)
    assert got.upper == pytest.approx(0.02 + 0.02484138, abs=1e-8)
    assert got.p == pytest.approx(1 - math.sqrt(12 / 14))


def test_interval_and_p_of_two_pairs():
    """1 and 3 points: mean 2, s = sqrt(2), half width 12.706205 sqrt(2) / sqrt(2) = 12.706205.

    That is 6.35 times their gap of 2 points. t = 2 / (sqrt(2) / sqrt(2)) = 2.
    """
    got = effect([0.01, 0.03])
    assert got == Effect(
        2,
        pytest.approx(0.02),
        pytest.approx(0.01),
        1,
        pytest.approx(0.02 - 0.12706205, abs=1e-8),
        pytest.approx(0.02 + 0.12706205, abs=1e-8),
        pytest.approx(1 - 2 * math.atan(2) / math.pi),
    )


def test_nothing_is_said_of_the_spread_of_one_pair_or_none():
    assert effect([]) == Effect(0)
    assert effect([0.25]) == Effect(1, 0.25)


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("others", [[], [0.1], [0.1, 0.1], [0.1, 0.2, 0.3]])
def test_numbers_that_are_not_finite_are_refused(odd, others):
    with pytest.raises(ValueError, match=f"must be finite numbers, not {odd}; take out"):
        effect([*others, odd])


def test_equal_differences_leave_one_number():
    assert effect([0.25] * 3) == Effect(3, 0.25, 0.0, 2, 0.25, 0.25, 0.0)
    assert effect([-0.25] * 2) == Effect(2, -0.25, 0.0, 1, -0.25, -0.25, 0.0)
    assert effect([0.0] * 4) == Effect(4, 0.0, 0.0, 3, 0.0, 0.0, 1.0)


def test_differences_that_only_floating_point_tells_apart_are_equal():
    tenth = [0.1, 0.3 - 0.2, 0.8 - 0.7]
    assert len(set(tenth)) == 3
    assert effect(tenth) == Effect(3, *[pytest.approx(x) for x in (0.1, 0, 2, 0.1, 0.1)], 0.0)
    assert effect([0.3 - 0.2 - 0.1] * 3) == Effect(3, 0.0, 0.0, 2, 0.0, 0.0, 1.0)
    assert effect([0.1, 0.2, -0.3]).mean == 0.0


def test_differences_that_only_rounding_tells_apart_are_equal():
    """Of 360 images 101, 102, 103 and 104 are right: (104 - 103) - (102 - 101) is nothing."""
    right = [round(images / 360, 6) for images in (101, 102, 103, 104)]
    alike = [right[3] - right[2] - (right[1] - right[0])] * 3
    assert abs(alike[0]) == pytest.approx(1e-6)
    assert effect(alike) == Effect(3, 0.0, 0.0, 2, 0.0, 0.0, 1.0)
    assert effect([0.25, 0.250004, 0.249996]).p == 0.0


def test_one_image_of_ten_thousand_in_one_of_five_runs_is_seen():
    assert effect([0.0001, 0, 0, 0, 0]).mean == pytest.approx(0.00002)
    assert effect([0.0001, 0, 0, 0, 0]).p == pytest.approx(0.373901, abs=1e-6)  # t = 1


def test_an_effect_turns_around_with_its_differences_and_grows_with_them():
    differences = [0.011, -0.004, 0.02, 0.007, 0.0]
    one, around, tenfold = (effect([k * x for x in differences]) for k in (1, -1, 10))
    assert (around.mean, around.lower, around.upper) == pytest.approx(
        (-one.mean, -one.upper, -one.lower)
    )
    assert (tenfold.lower, tenfold.upper) == pytest.approx((10 * one.lower, 10 * one.upper))
    assert (around.p, tenfold.p) == pytest.approx((one.p, one.p))


def test_the_same_differences_give_the_same_effect():
    differences = default_rng(7).normal(0.01, DEVIATION, 5).tolist()
    assert effect(differences) == effect(list(differences))


def test_holm_by_hand():
    """Sorted 0.005, 0.01, 0.03, 0.04, times 4, 3, 2, 1: 0.02, 0.03, 0.06, 0.04; never falling."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([0.0, 1.0]) == [0.0, 1.0]
    assert holm([0.25]) == [0.25]


def test_what_has_no_p_value_counts_for_nothing_in_its_family():
    """Without None two are left: 0.01 x 2 and 0.02 x 1."""
    assert holm([0.01, None, 0.02, None]) == [0.02, None, 0.02, None]
    assert holm([None]) == [None]
    assert holm([]) == []


@pytest.mark.slow
def test_holm_is_that_of_statsmodels_bit_by_bit():
    from statsmodels.stats.multitest import multipletests

    random = default_rng(21)
    for number in (1, 2, 5, 40):
        for digits in (1, 17):  # with ties, and without
            p = (random.random(number) ** 2).round(digits)
            assert holm(p.tolist()) == multipletests(p, method="holm")[1].tolist()


@pytest.mark.parametrize(
    ("lower", "mean", "upper", "corrected", "word"),
    [
        (0.001, 0.02, 0.039, 0.049, "helps"),
        (-0.039, -0.02, -0.001, 0.049, "hurts"),
        (0.001, 0.02, 0.039, 0.051, "too close to call"),  # by itself sure, not in its family
        (-0.01, 0.02, 0.05, 0.3, "too close to call"),
        (-0.004, 0.0, 0.004, 1.0, "no meaningful difference"),
        (0.001, 0.002, 0.003, 0.001, "no meaningful difference"),  # surely not zero, and small
        (-0.003, -0.002, -0.001, 0.001, "no meaningful difference"),
        (0.001, 0.003, 0.005, 0.001, "helps"),  # 0.005 is worth having
        (-0.005, 0.0, 0.004, 1.0, "too close to call"),
    ],
)
def test_each_verdict(lower, mean, upper, corrected, word):
    assert verdict(Effect(5, mean, 0.01, 4, lower, upper, 0.001), corrected, 0.005) == word


@pytest.mark.parametrize(
    ("ours", "theirs", "family", "said"),
    [
        ((1, 2, 3, 4, 5), (6, 7, 8, 9, 10), 1, "lower"),  # 2 / 252
        ((6, 7, 8, 9, 10), (1, 2, 3, 4, 5), 6, "higher"),  # 12 / 252 = 0.0476
        ((6, 7, 8, 9, 10), (1, 2, 3, 4, 5), 7, None),  # 14 / 252 = 0.0556
        ((6, 7, 8, 9, 10), (1, 2, 3, 4, 6), 1, None),  # they touch
        ((4, 5, 6), (1, 2, 3), 1, None),  # 2 / 20
        ((5, 6, 7, 8), (1, 2, 3, 4), 1, "higher"),  # 2 / 70
        ((), (1, 2, 3), 1, None),
    ],
)
def test_runs_that_all_lie_on_one_side(ours, theirs, family, said):
    assert separated(ours, theirs, family) == said


def test_fewer_than_three_pairs_give_no_verdict():
    sure = (0.02, 0.0001, 2, 0.019, 0.021, 1e-9)
    assert verdict(Effect(3, *sure), 1e-9, 0.005) == "helps"
    assert verdict(Effect(2, *sure), 1e-9, 0.005) == "too few seeds"
    assert verdict(effect([0.02]), None, 0.005) == "too few seeds"
    assert verdict(effect([]), None, 0.005) == "not run"


def test_margin_of_two_single_runs_by_hand():
    """Variances 0.005 of two runs and 0.018 / 3 = 0.006 of four.

    Times 1 + 1/2 and 1 + 1/4 both are 0.0075, so that nu = (1 + 1)² / (1 / 1 + 1 / 3) = 3. With
    three runs of variance 0.01 each, nu = (1 + 1)² / (1 / 2 + 1 / 2) = 4.
    """
    two, four = [0.5, 0.6], [0.41, 0.47, 0.53, 0.59]
    by_hand = 3.182446 * math.sqrt(0.0075 + 0.0075)
    assert single_run_margin(two, four) == pytest.approx(by_hand, rel=1e-6)
    assert single_run_margin(four, two) == pytest.approx(by_hand, rel=1e-6)
    by_hand = 2.776445 * math.sqrt(0.02 * 4 / 3)
    assert single_run_margin([0.5, 0.7, 0.6], [0.4, 0.3, 0.5]) == pytest.approx(by_hand, rel=1e-6)


def test_runs_without_spread_leave_the_others_freedom():
    """Variance 0 and, of three runs, 0.01: nu = 3 - 1."""
    by_hand = 4.302653 * math.sqrt(0.01 * 4 / 3)
    assert single_run_margin([0.5] * 9, [0.5, 0.7, 0.6]) == pytest.approx(by_hand, rel=1e-6)
    assert single_run_margin([0.5] * 3, [0.6] * 3) == 0
    assert single_run_margin([0.5, 0.6, 0.8], [0.5]) is None
    assert single_run_margin([], [0.5, 0.6, 0.8]) is None


def test_degrees_of_freedom_by_hand():
    """(1 + 2)² / (1² / 1 + 2² / 2) = 9 / 3; never less than the smallest nor more than the sum."""
    assert degrees_of_freedom([1, 2], [1, 2]) == 3
    assert degrees_of_freedom([0.5, 0], [4, 9]) == 4
    assert degrees_of_freedom([3, 3], [4, 4]) == 8
    assert degrees_of_freedom([30, 60], [1, 2]) == 3


# ------------------------------------------------------------------------------- seeds still needed


def test_seeds_to_settle_by_hand():
    """Mean 2 points, s = 1 point; found different in four cases of five from 5 seeds on.

    With 4, the mean is 4 errors from zero and 4 - 3.182446 = 0.818 is below t(0.8, 3) = 0.978.
    With 5 it is 4.472136, and 4.472136 - 2.776445 = 1.696 is above t(0.8, 4) = 0.941.
    """
    assert seeds_to_settle(found(0.02, 0.01), 0.005, family=1) == 5
    assert seeds_to_settle(found(-0.02, 0.01), 0.005, family=1) == 5


def test_more_seeds_are_needed_for_less():
    needed = [seeds_to_settle(found(mean), NO_MARGIN, 1) for mean in (0.03, 0.02, 0.01, 0.005)]
    assert needed == sorted(set(needed))
    needed = [seeds_to_settle(found(0.01), NO_MARGIN, family) for family in (1, 4, 10)]
    assert needed == sorted(set(needed))
    needed = [seeds_to_settle(found(0.0), smallest, 1) for smallest in (0.02, 0.01, 0.005)]
    assert needed == sorted(set(needed))


def test_seeds_to_settle_are_more_than_were_run_and_at_most_a_thousand():
    assert seeds_to_settle(found(0.5, n=9), 0.005, 1) == 10
    assert seeds_to_settle(found(0.0), NO_MARGIN, 1) == MOST_SEEDS
    assert seeds_to_settle(found(0.0, deviation=0.0), 0.005, 1) == 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mean", "smallest", "n"),
    [
        (0.02, 0.005, 5),  # found different
        (0.0, 0.01, 16),  # found equal, either end of the interval can fail
        (0.005, 0.01, 20),  # one or the other
    ],
)
def test_the_seeds_named_settle_four_cases_of_five(mean, smallest, n):
    """800 studies with these seeds; Monte-Carlo error 3 sqrt(0.8 x 0.2 / 800) = 0.042."""
    studies = 800
    assert seeds_to_settle(found(mean), smallest, family=1) == n
    settled = 0
    for differences in default_rng(11).normal(mean, DEVIATION, (studies, n)):
        got = effect(differences)
        settled += verdict(got, got.p, smallest) != "too close to call"
    assert settled / studies == pytest.approx(0.8, abs=monte_carlo(0.8, studies))


# ------------------------------------------------------------------------------- simulated studies


@pytest.mark.slow
@pytest.mark.parametrize("n", [3, 5, 10])
def test_intervals_cover_the_truth(n):
    """Of 2000 intervals 95 % should hold the truth: 93 to 97 % is four standard errors wide."""
    truth, studies = 0.01, 2000
    held = 0
    for differences in default_rng(n).normal(truth, DEVIATION, (studies, n)):
        got = effect(differences)
        held += got.lower <= truth <= got.upper
    assert 0.93 <= held / studies <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("deviations", [(1, 1), (1, 3), (10, 1)])
def test_margins_hold_the_gap_of_two_future_runs(deviations):
    """Five runs of either; 3 Monte-Carlo errors of 95 % in 20,000 studies are 0.5 %.

    Welch-Satterthwaite is an approximation, on the safe side with few runs. With 5 - 1 degrees
    of freedom whatever the variances, the first two would hold 98.5 % and 97.6 %.
    """
    studies, n = 20_000, 5
    draw = default_rng(19)
    ours, theirs = (draw.normal(0.6, 0.01 * one, (studies, n)) for one in deviations)
    gaps = draw.normal(0, 0.01 * math.hypot(*deviations), studies)
    parts = [runs.var(axis=1, ddof=1) * (1 + 1 / n) for runs in (ours, theirs)]
    margins = stdtrit(degrees_of_freedom(parts, [n - 1, n - 1]), 0.975) * np.sqrt(sum(parts))
    for one, other, margin in zip(ours[:50].tolist(), theirs.tolist(), margins, strict=False):
        assert single_run_margin(one, other) == pytest.approx(margin)
    assert 0.93 <= np.mean(np.abs(gaps) <= margins) <= 0.97


def effects_of(differences: np.ndarray) -> list[list[Effect]]:
    """Do what `effect` does to many studies at once.

    Args:
        differences: (studies, changes, seeds).

    Returns:
        For each study the effects of its changes, the first 20 compared with `effect`.
    """
    n = differences.shape[-1]
    mean, deviation = differences.mean(axis=-1), differences.std(axis=-1, ddof=1)
    error = deviation / math.sqrt(n)
    width, p = stdtrit(n - 1, 0.975) * error, 2 * stdtr(n - 1, -np.abs(mean) / error)
    freedom = np.full_like(mean, n - 1)
    columns = np.stack([mean, error, freedom, mean - width, mean + width, p], axis=-1).tolist()
    studies = [[Effect(n, *change) for change in study] for study in columns]
    for rows, made in zip(differences[:20], studies, strict=False):
        for row, one in zip(rows, made, strict=True):
            assert vars(effect(row)) == pytest.approx(vars(one))
    return studies


@pytest.mark.slow
@pytest.mark.parametrize(("changes", "real"), [(4, 0), (10, 5)])
def test_a_family_rarely_declares_an_effect_that_is_not_there(changes, real):
    """4,000 studies whose changes are all compared with the same base; some have an effect.

    The base that they share makes their errors alike, so the true rates are below 5 %: 4.7 %
    where none has an effect. 3 Monte-Carlo errors are 1 %. Without correction one finds 17 and
    20 %; by Benjamini and Hochberg (1995), who bound another rate, 13 % where half have one.
    """
    studies, n = 4_000, 5
    scores = default_rng(3).normal(0.6, DEVIATION, (studies, 1 + changes, n))
    scores[:, 1 : 1 + real] += 0.3
    false_claims = 0
    for effects in effects_of(scores[:, 1:] - scores[:, :1]):
        corrected = holm([one.p for one in effects])
        verdicts = [verdict(one, p, NO_MARGIN) for one, p in zip(effects, corrected, strict=True)]
        false_claims += bool({"helps", "hurts"} & set(verdicts[real:]))
    assert false_claims / studies <= 0.05 + monte_carlo(0.05, studies)


@pytest.mark.slow
@pytest.mark.parametrize("n", [5, 10])
@pytest.mark.parametrize("points", [1, 2])
def test_real_effects_are_found_as_often_as_the_power_calculation_says(points, n):
    """1200 studies of one change; statsmodels' power of the two-sided t test at 0.05."""
    from statsmodels.stats.power import TTestPower

    studies, truth = 1200, points / 100
    power = TTestPower().power(effect_size=truth / DEVIATION, nobs=n, alpha=0.05)
    helps = 0
    for differences in default_rng(10 * points + n).normal(truth, DEVIATION, (studies, n)):
        got = effect(differences)
        helps += verdict(got, got.p, NO_MARGIN) == "helps"
    assert helps / studies == pytest.approx(power, abs=monte_carlo(power, studies))


def test_differences_in_another_order_are_the_same_effect():
    differences = default_rng(5).normal(0.01, DEVIATION, 10)
    one, other = effect(differences), effect(np.sort(differences))
    assert vars(one) == pytest.approx(vars(other))


# ------------------------------------------------------------------------------- unpaired


def test_the_difference_of_independent_means_by_hand():
    """Welch: 1.5 - 3.0; variances 0.5 and 2, of two runs each."""
    ours, theirs = [1.0, 2.0], [2.0, 4.0]
    found = unpaired(ours, theirs)
    error = math.sqrt(0.5 / 2 + 2 / 2)
    freedom = (0.25 + 1) ** 2 / (0.25**2 / 1 + 1**2 / 1)
    half = stdtrit(freedom, 0.975) * error
    assert found.mean == -1.5
    assert (found.lower, found.upper) == pytest.approx((-1.5 - half, -1.5 + half))
    assert found.p == pytest.approx(2 * stdtr(freedom, -1.5 / error))


def test_an_unpaired_difference_of_few_or_equal_runs_is_told_as_far_as_it_goes():
    assert unpaired([], [1.0]) == Effect(0)
    assert unpaired([1.0], [0.5, 0.6]).mean == pytest.approx(0.45)
    assert unpaired([1.0], [0.5, 0.6]).lower is None
    same = unpaired([0.7, 0.7], [0.5, 0.5])
    assert (same.lower, same.upper, same.p) == (same.mean, same.mean, 0.0)
    assert unpaired([0.7, 0.7], [0.7, 0.700001]) == Effect(2, 0.0, 0.0, None, 0.0, 0.0, 1.0)


# ------------------------------------------------------------------------------- further runs


def test_the_chance_of_a_higher_run_by_hand():
    """Two runs have one degree of freedom: P(T > t) = 1/2 - atan(t) / pi; here t = 1 / sqrt(3)."""
    further = 0.6 + 0.1 * math.sqrt(2) * math.sqrt(1.5) / math.sqrt(3)
    assert higher_by_chance([0.5, 0.7], further) == pytest.approx(1 / 3)
    assert higher_by_chance([0.5], 0.6) is None
    assert higher_by_chance([0.5, 0.5], 0.6) is None


def test_chances_are_combined_by_their_normal_deviates():
    """1.959964 · 2 / sqrt(2) = 2.771808, which 0.2787 % of a normal distribution exceed."""
    assert together([0.025, 0.025]) == pytest.approx(2 * 0.00278, abs=2e-5)
    assert together([0.975, 0.975]) == pytest.approx(together([0.025, 0.025]))
    assert together([0.1, 0.9]) == pytest.approx(1)
    assert together([0.01]) is None


# ------------------------------------------------------------------------------- validation loss


def test_a_rise_is_claimed_only_where_all_seeds_make_it_sure():
    """Rises 1, 2 and 3 have the interval −0.48 to 4.48; 2, 3 and 4 have 0.52 to 5.48."""
    unsure = loss_turn([[9, 5, 6], [9, 5, 7], [9, 5, 8]])
    assert (unsure.lowest, unsure.last, unsure.rises) == (2, 3, False)
    assert unsure.rise.mean == 2
    assert loss_turn([[9, 5, 7], [9, 5, 8], [9, 5, 9]]).rises
    assert not loss_turn([[9, 5, 7], [9, 5, 7]]).rises  # too few seeds, though alike
    assert not loss_turn([[9, 8, 7], [9, 8, 6], [9, 8, 5]]).rises
    assert loss_turn([]) is None


def test_of_two_lowest_means_the_loss_turns_at_the_first():
    turn = loss_turn([[9, 4, 6, 7], [9, 6, 4, 9]])
    assert (turn.lowest, turn.last) == (2, 4)
    assert turn.rise.mean == 3  # 7 - 4 and 9 - 6
