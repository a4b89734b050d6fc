"""Statistics of differences: interval, test, correction, verdict, seeds still needed.

Pure functions of numbers; knows nothing of studies. Scores are shares (0 to 1), and so are
differences and the smallest effect of interest. The formulas are SciPy's but for one.

SciPy's statistics take a second to import, so functions import them.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

LEVEL = 0.95
"""Confidence of every interval; 1 - LEVEL is the error rate of a family of verdicts."""

UPPER_QUANTILE = (1 + LEVEL) / 2
"""Below it lies what a two-sided interval leaves out above, and all that it holds."""

LEAST_RUNS = 3
"""Fewer give no verdict: the 95 % t interval of two runs is 12.7 times as wide as their gap."""

STRONG_RUNS = 5
"""Runs of each from which on evidence can be called strong."""

POWER = 0.8
"""How often the seeds that `seeds_to_settle` names would settle it (Cohen's customary value)."""

MOST_SEEDS = 1000

RESOLUTION = 1e-5
"""Differences that differ by less are equal: the rest is rounding.

Scores come from tables with six digits, so each is wrong by up to 5e-7. A contrast adds up four of
them or more, and can be wrong by 2e-6 or more, and two contrasts lie twice as far apart. One of
10,000 test images is ten times this resolution.
"""


@dataclass(frozen=True)
class Effect:
    """A mean difference, and how sure it is. None where it cannot be said.

    Attributes:
        n: pairs of runs; of two independent means, the runs of that which has fewer.
        error: standard error of the mean difference.
        freedom: degrees of freedom of that error; seldom a whole number.
        lower, upper: ends of the 95 % t interval for it.
        p: two-sided, of the t test that it is 0.
        p_holm: p after the correction for what was judged together; None before that.
        verdict: what is said of it, as `verdict` words it; empty before that.
    """

    n: int
    mean: float | None = None
    error: float | None = None
    freedom: float | None = None
    lower: float | None = None
    upper: float | None = None
    p: float | None = None
    p_holm: float | None = None
    verdict: str = ""


def quantile(freedom: float) -> float:
    """Give the quantile of Student's t distribution that a 95 % interval takes."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, UPPER_QUANTILE))


def paired(ours: dict[int, float], theirs: dict[int, float]) -> dict[int, float]:
    """Give the differences, ours less theirs, of the seeds that both have."""
    return {
        seed: ours[seed] - theirs[seed]
        for seed in sorted(ours.keys() & theirs.keys())
        if math.isfinite(ours[seed]) and math.isfinite(theirs[seed])
    }


def effect(differences: Sequence[float]) -> Effect:
    """Estimate the mean of paired differences by the t distribution (Student, 1908).

    With d the mean, s the standard deviation and t = d / (s / sqrt(n)): the interval is
    d ± t(0.975, n - 1) s / sqrt(n), and p is how often |t| is exceeded if the mean is 0.

    Where all differences are equal there is no spread to reckon with: the interval is that one
    number, and p is 1 if it is zero and 0 if not.

    Args:
        differences: finite numbers; take out missing pairs first.

    Raises:
        ValueError: one of them is not finite.
    """
    odd = [value for value in differences if not math.isfinite(value)]
    if odd:
        raise ValueError(
            f"differences must be finite numbers, not {', '.join(map(str, odd))}; take out "
            "missing pairs first, as `paired` does"
        )
    n = len(differences)
    if n == 0:
        return Effect(0)
    mean = resolved(statistics.fmean(differences))
    if n == 1:
        return Effect(1, mean)
    if max(differences) - min(differences) < RESOLUTION:
        return Effect(n, mean, 0.0, n - 1, mean, mean, 0.0 if mean else 1.0)
    return estimate(n, mean, statistics.stdev(differences) / math.sqrt(n), n - 1)


def estimate(n: int, mean: float, error: float, freedom: float) -> Effect:
    """Give the 95 % t interval and the two-sided p of a mean difference with this error.

    Args:
        n: runs that it rests on.
        error: its standard error, above 0, with so many degrees of freedom.
    """
    from scipy.special import stdtr

    reach = quantile(freedom) * error
    p = 2 * float(stdtr(freedom, -abs(mean) / error))
    return Effect(n, mean, error, freedom, mean - reach, mean + reach, p)


def resolved(mean: float) -> float:
    """Give a mean difference, 0 where only rounding tells it from that."""
    return mean if abs(mean) >= RESOLUTION else 0.0


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Correct the p values of one family, so that a false claim in it is rare (Holm, 1979).

    Whatever is true, the chance of one or more corrected values below 0.05 without an effect is
    at most 0.05. None stays None and counts for nothing. The values are those of statsmodels,
    which looks through all memory for garbage at each call: a minute of a large study.
    """
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for others, (p, place) in zip(range(len(known), 0, -1), known, strict=True):
        largest = max(largest, others * p)
        corrected[place] = min(largest, 1.0)
    return corrected


def verdict(
    difference: Effect, corrected: float | None, smallest: float, *, unreliable: bool = False
) -> str:
    """Say in one of the words of `evidence.schemas.VERDICTS` what an effect is.

    A difference that surely is smaller than the smallest effect of interest counts as none, even
    where it surely is not zero (equivalence by interval; Lakens, 2017).

    Args:
        difference: the mean difference.
        corrected: its p value after `holm`.
        smallest: the smallest effect of interest, a positive share.
        unreliable: whether some of the runs behind it collapsed, and others did not.
    """
    if difference.n == 0:
        return "not run"
    mean, lower, upper = difference.mean, difference.lower, difference.upper
    if difference.n < LEAST_RUNS or mean is None or lower is None or upper is None:
        return "too few seeds"
    if unreliable:
        return "unreliable"
    if -smallest < lower and upper < smallest:
        return "no meaningful difference"
    if corrected is not None and corrected < 1 - LEVEL:
        return "helps" if mean > 0 else "hurts"
    return "too close to call"


def separated(ours: Sequence[float], theirs: Sequence[float], family: int = 1) -> str | None:
    """Say whether all of our scores lie above, or below, all of theirs, surely.

    If nothing tells the two apart, either happens with probability 2 / C(n + m, n): the exact rank
    test of Mann and Whitney (1947) at its utmost, which knows of no mean and no spread.

    Args:
        ours, theirs: scores of the runs of either.
        family: changes that are corrected for together (Bonferroni).

    Returns:
        higher or lower; None where they overlap, or where chance does that more often than
        1 - LEVEL allows.
    """
    if not ours or not theirs:
        return None
    if family * 2 / math.comb(len(ours) + len(theirs), len(ours)) >= 1 - LEVEL:
        return None
    if min(ours) > max(theirs):
        return "higher"
    return "lower" if max(ours) < min(theirs) else None


def seeds_to_settle(difference: Effect, smallest: float, family: int) -> int:
    """Estimate how many seeds would give another verdict than too close to call.

    The smallest n at which, with the mean and the spread seen so far, the test at level
    0.05 / family or the interval within the smallest effect comes out in four cases of five. The
    mean of n is taken to lie about the one seen as Student's t does, which is close to the
    noncentral t and needs no tables of it. The standard error falls with sqrt(n), its degrees of
    freedom rise with n - 1.

    Args:
        difference: of at least `LEAST_RUNS` runs.
        smallest: the smallest effect of interest.
        family: changes that are corrected for together.

    Returns:
        More than difference.n, and at most `MOST_SEEDS`, which means that many or more.
    """
    from scipy.special import stdtr, stdtrit

    if difference.mean is None or difference.error is None or difference.freedom is None:
        return MOST_SEEDS
    size = abs(difference.mean)
    spread = max(difference.error * math.sqrt(difference.n), RESOLUTION)
    for n in range(difference.n + 1, MOST_SEEDS):
        error = spread / math.sqrt(n)
        freedom = difference.freedom * (n - 1) / (difference.n - 1)
        mean = size / error
        beyond = stdtrit(freedom, 1 - (1 - LEVEL) / family / 2)
        within = smallest / error - stdtrit(freedom, UPPER_QUANTILE)
        differs = stdtr(freedom, mean - beyond) + stdtr(freedom, -mean - beyond)
        equals = stdtr(freedom, within - mean) - stdtr(freedom, -within - mean)
        if differs + max(equals, 0) >= POWER:
            return n
    return MOST_SEEDS


def single_run_margin(ours: Sequence[float], theirs: Sequence[float]) -> float | None:
    """Give the half width of the 95 % prediction interval for the gap of two single runs.

    t(0.975, nu) sqrt(s1² (1 + 1/n1) + s2² (1 + 1/n2)), the usual interval for a future
    observation, here for the difference of two. The two parts of the variance have n1 - 1 and
    n2 - 1 degrees of freedom, and their sum has nu by Welch-Satterthwaite (see
    `degrees_of_freedom`).

    Args:
        ours, theirs: scores of the runs of either, finite; independent of one another.

    Returns:
        None for fewer than two runs of either.
    """
    if min(len(ours), len(theirs)) < 2:
        return None
    parts = [statistics.variance(runs) * (1 + 1 / len(runs)) for runs in (ours, theirs)]
    if not sum(parts):
        return 0.0
    from scipy.special import stdtrit

    nu = degrees_of_freedom(parts, [len(ours) - 1, len(theirs) - 1])
    return float(stdtrit(nu, UPPER_QUANTILE)) * math.sqrt(sum(parts))


def unpaired(ours: Sequence[float], theirs: Sequence[float]) -> Effect:
    """Estimate the difference of two means of independent runs (Welch, 1947).

    Args:
        ours, theirs: scores of the runs of either, finite.

    Returns:
        n is the smaller number of runs. No interval for fewer than two runs of either, and that
        one number where neither has any spread.
    """
    n = min(len(ours), len(theirs))
    if not n:
        return Effect(0)
    mean = resolved(statistics.fmean(ours) - statistics.fmean(theirs))
    if n < 2:
        return Effect(n, mean)
    if max(max(runs) - min(runs) for runs in (ours, theirs)) < RESOLUTION:
        return Effect(n, mean, 0.0, None, mean, mean, 0.0 if mean else 1.0)
    squares = [statistics.variance(runs) / len(runs) for runs in (ours, theirs)]
    freedom = degrees_of_freedom(squares, [len(ours) - 1, len(theirs) - 1])
    return estimate(n, mean, math.sqrt(sum(squares)), freedom)


def correlation_p(correlation: float, n: int) -> float:
    """Give how often n independent pairs of normal numbers correlate at least so much, upwards.

    Args:
        correlation: Pearson's, above -1 and below 1.
        n: pairs, three or more.
    """
    if abs(correlation) > 1 - RESOLUTION:
        return 0.0 if correlation > 0 else 1.0
    from scipy.special import stdtr

    t = correlation * math.sqrt((n - 2) / (1 - correlation**2))
    return float(stdtr(n - 2, -t))


def spread_p(ours: Sequence[float], theirs: Sequence[float]) -> float | None:
    """Give the two-sided p of the F test that two samples have one variance (Fisher, 1924).

    It takes scores as normal, and is wrong where single runs fail to learn.

    Args:
        ours, theirs: scores of the runs of either, finite.

    Returns:
        None for fewer than two runs of either, or where either has no spread.
    """
    if min(len(ours), len(theirs)) < 2:
        return None
    variances = statistics.variance(ours), statistics.variance(theirs)
    if not all(variances):
        return None
    from scipy.special import fdtr, fdtrc

    ratio, freedoms = variances[0] / variances[1], (len(ours) - 1, len(theirs) - 1)
    return min(1.0, 2 * float(min(fdtr(*freedoms, ratio), fdtrc(*freedoms, ratio))))


def degrees_of_freedom(parts: Sequence[float], freedoms: Sequence[float]) -> float:
    """Approximate the degrees of freedom of a sum of independent estimates of variance.

    nu = (v1 + v2 + ...)² / (v1² / f1 + v2² / f2 + ...); Satterthwaite (1946),
    and Welch (1947) for the difference of two means.

    Args:
        parts: the estimates v as they stand in the sum, their weights included; not all 0.
        freedoms: degrees of freedom f of each.

    Returns:
        From the smallest of `freedoms` to their sum; seldom a whole number.
    """
    return sum(parts) ** 2 / sum(
        part**2 / freedom for part, freedom in zip(parts, freedoms, strict=True)
    )


@dataclass(frozen=True)
class Turn:
    """Where the mean validation loss is lowest, and whether it surely rises after that.

    Attributes:
        lowest, last: epochs; 1 is the first.
        rise: of the loss of each seed, from the one epoch to the other.
    """

    lowest: int
    last: int
    rise: Effect

    @property
    def rises(self) -> bool:
        """Whether the rise is above zero with its whole 95 % interval."""
        return self.rise.n >= LEAST_RUNS and self.rise.lower is not None and self.rise.lower > 0


def loss_turn(losses: Sequence[Sequence[float]]) -> Turn | None:
    """Find where the validation loss turns, and whether more than the spread of seeds says so.

    The epoch is chosen by the same losses, which makes the rise a little too large.

    Args:
        losses: validation loss of each seed (row) and epoch (column), all finite.

    Returns:
        None without any loss.
    """
    means = [statistics.fmean(epoch) for epoch in zip(*losses, strict=True)]
    if not means:
        return None
    lowest = means.index(min(means))
    return Turn(lowest + 1, len(means), effect([seed[-1] - seed[lowest] for seed in losses]))


def prediction_interval(values: list[float]) -> tuple[float, float] | None:
    """Give the 95 % prediction interval for one further value, taking values as normal.

    mean ± t(0.975, n - 1) s sqrt(1 + 1/n): the usual interval for a future observation, wider
    than that for the mean.

    Returns:
        Lower and upper end; None for fewer than two values.
    """
    n = len(values)
    if n < 2:
        return None
    reach = quantile(n - 1) * statistics.stdev(values) * math.sqrt(1 + 1 / n)
    mean = statistics.fmean(values)
    return mean - reach, mean + reach


def higher_by_chance(values: list[float], further: float) -> float | None:
    """Give the chance that one more value would be at least as high, taking values as normal.

    By the same distribution as `prediction_interval`. None for fewer than two values, or where
    they have no spread.
    """
    n = len(values)
    if n < 2 or max(values) - min(values) < RESOLUTION:
        return None
    from scipy.special import stdtr

    error = statistics.stdev(values) * math.sqrt(1 + 1 / n)
    return float(stdtr(n - 1, (statistics.fmean(values) - further) / error))


def together(p_values: Sequence[float]) -> float | None:
    """Combine independent one-sided p values to a two-sided one (Stouffer; see Whitlock, 2005).

    Their normal deviates add up to one with the variance of their number, if nothing is there.
    None for fewer than two.
    """
    if len(p_values) < 2:
        return None
    from scipy.special import ndtr, ndtri

    z = sum(float(ndtri(p)) for p in p_values) / math.sqrt(len(p_values))
    return 2 * float(ndtr(-abs(z)))
