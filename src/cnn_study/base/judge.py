"""One judge for all comparisons of a study: how sure a difference of mean scores is.

Chosen by rule from the study's own runs, before any difference is looked at: where scores of the
same seed go up and down together, differences are paired by seed (Student, 1908); else the two
means are compared as independent (Welch, 1947), each spread raised toward what is usual in the
study (Smyth, 2004) and never lowered. That spreads are only raised, and when to pair, rests on
simulation: `benchmarks/judge.py`.

Pure functions of numbers; knows nothing of studies. Scores are shares (0 to 1).
"""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cnn_study.base.inference import (
    LEAST_RUNS,
    RESOLUTION,
    Effect,
    degrees_of_freedom,
    effect,
    estimate,
    quantile,
    resolved,
)

Runs = Mapping[int, float]
"""Finite scores of one experiment's runs, by seed."""

SIGNIFICANT_Z = 1.645
"""How far above chance the mean correlation must lie to pair: one-sided, 5 % (normal)."""

NO_SPREAD_OF_SPREADS = 1e-6
"""Variance of the log variances, beyond chance, up to which all spreads are taken as one."""


@dataclass(frozen=True)
class Correlation:
    """How far scores with the same seed go up and down together.

    Attributes:
        comparisons: changes and references that tell.
        mean: of their correlations (Pearson); None without any.
        needed: mean from which pairing gives the narrower interval; None without any.
        z: the mean over what chance makes of it, as a standard normal value; None without any.
    """

    comparisons: int
    mean: float | None = None
    needed: float | None = None
    z: float | None = None

    @classmethod
    def of(cls, comparisons: Iterable[tuple[Runs, Runs]]) -> "Correlation":
        """Work it out from the scores of each change and its reference.

        Pairing by seed multiplies the squared standard error by 1 - r and leaves n - 1 instead of
        2n - 2 degrees of freedom: it pays from r = 1 - (t(0.975, 2n - 2) / t(0.975, n - 1))² on.
        """
        known = [(r, n) for r, n in map(correlated, *_transposed(comparisons)) if r is not None]
        if not known:
            return cls(0)
        return cls(
            len(known),
            statistics.fmean(r for r, _ in known),
            statistics.fmean(break_even(n) for _, n in known),
            sum(r for r, _ in known) / math.sqrt(sum(1 / (n - 1) for _, n in known)),
        )

    @property
    def pays(self) -> bool:
        """Whether to pair: it pays, and is no accident."""
        if self.mean is None or self.needed is None or self.z is None:
            return False
        return self.mean >= self.needed and self.z >= SIGNIFICANT_Z


def _transposed(comparisons: Iterable[tuple[Runs, Runs]]) -> tuple[list[Runs], list[Runs]]:
    pairs = list(comparisons)
    return [ours for ours, _ in pairs], [theirs for _, theirs in pairs]


def correlated(ours: Runs, theirs: Runs) -> tuple[float | None, int]:
    """Give the correlation over common seeds; None for fewer than three, or without spread."""
    seeds = sorted(ours.keys() & theirs.keys())
    columns = [[runs[seed] for seed in seeds] for runs in (ours, theirs)]
    spreads = [max(column) - min(column) for column in columns if column]
    if len(seeds) < LEAST_RUNS or min(spreads) < RESOLUTION:
        return None, len(seeds)
    return statistics.correlation(*columns), len(seeds)


def break_even(n: int) -> float:
    """Give the correlation from which n runs of either are better paired than not."""
    return 1 - (quantile(2 * n - 2) / quantile(n - 1)) ** 2


@dataclass(frozen=True)
class Spread:
    """How far runs of one experiment lie apart.

    Attributes:
        variance: of one run, n - 1 in the denominator, raised or not.
        freedom: its degrees of freedom.
        raised: whether it was raised toward what is usual.
    """

    variance: float
    freedom: float
    raised: bool = False


@dataclass(frozen=True)
class Usual:
    """What spread is usual in a study: scaled inverse chi-squared, as Smyth (2004) fits it.

    Attributes:
        freedom: degrees of freedom that it is worth; infinite where all spreads are alike but for
            chance, 0 where nothing is known.
        variance: the usual one.
        most: degrees of freedom of all experiments together.
    """

    freedom: float = 0.0
    variance: float = 0.0
    most: float = math.inf

    @classmethod
    def of(cls, spreads: Sequence[Spread]) -> "Usual":
        """Fit it to the spreads of a study's experiments.

        With e = ln s² - ψ(f/2) + ln(f/2) and v = var(e) - mean ψ'(f/2): d0 solves ψ'(d0/2) = v,
        and s0² = exp(mean e + ψ(d0/2) - ln(d0/2)). Smyth (2004), Linear models and empirical Bayes
        methods for assessing differential expression in microarray experiments, section 6.2,
        https://doi.org/10.2202/1544-6115.1027.
        """
        most = sum(spread.freedom for spread in spreads)
        if len(spreads) < 2:
            return cls(most=most or math.inf)
        from scipy.special import polygamma, psi

        logs = [
            math.log(s.variance) - float(psi(s.freedom / 2)) + math.log(s.freedom / 2)
            for s in spreads
        ]
        by_chance = statistics.fmean(float(polygamma(1, s.freedom / 2)) for s in spreads)
        excess = statistics.variance(logs) - by_chance
        if excess <= NO_SPREAD_OF_SPREADS:
            pooled = sum(s.freedom * s.variance for s in spreads) / most
            return cls(math.inf, pooled, most)
        half = _inverse_trigamma(excess)
        return cls(
            2 * half, math.exp(statistics.fmean(logs) + float(psi(half)) - math.log(half)), most
        )

    def raised(self, spread: Spread) -> Spread:
        """Raise a spread toward what is usual; one that lies above stays as it is."""
        if not self.freedom:
            return spread
        usual = self.variance
        if math.isfinite(self.freedom):
            own = spread.freedom * spread.variance
            usual = (self.freedom * self.variance + own) / (self.freedom + spread.freedom)
        if usual <= spread.variance:
            return spread
        return Spread(usual, min(spread.freedom + self.freedom, self.most), raised=True)


def _inverse_trigamma(value: float) -> float:
    """Solve ψ'(x) = value for x > 0."""
    from scipy.optimize import brentq
    from scipy.special import polygamma

    return float(brentq(lambda x: float(polygamma(1, x)) - value, 1e-8, 1e8, xtol=1e-12))


@dataclass(frozen=True)
class Judge:
    """Judges every difference of a study in the same way.

    Attributes:
        paired: whether by seed, or as two independent means.
        pinned: whether the study file says so, whatever the runs say.
        correlation: what the runs say of it.
        usual: spread of the study's experiments.
        least: variance below which no experiment's is taken: that of rounding to whole images.
    """

    paired: bool
    pinned: bool
    correlation: Correlation
    usual: Usual
    least: float

    @classmethod
    def of(
        cls,
        scores: Mapping[str, Runs],
        comparisons: Iterable[tuple[str, str]],
        images: int,
        paired: bool | None = None,
    ) -> "Judge":
        """Choose the judge of a study.

        Args:
            scores: of every experiment's runs.
            comparisons: each change and its reference.
            images: that each score is a share of.
            paired: pins it, whatever the correlation is.
        """
        correlation = Correlation.of(
            (scores[ours], scores[theirs])
            for ours, theirs in dict.fromkeys(comparisons)
            if ours in scores and theirs in scores
        )
        least = (1 / images) ** 2 / 12
        own = [_own_spread(runs, least) for runs in scores.values() if len(runs) > 1]
        chosen = correlation.pays if paired is None else paired
        return cls(chosen, paired is not None, correlation, Usual.of(own), least)

    def spread(self, runs: Runs) -> Spread:
        """Give the spread of at least two runs, raised toward what is usual where it lies below."""
        return self.usual.raised(_own_spread(runs, self.least))

    def effect(self, ours: Runs, theirs: Runs) -> Effect:
        """Estimate the difference of two means, ours less theirs."""
        return self.contrast({"ours": 1, "theirs": -1}, {"ours": ours, "theirs": theirs})

    def contrast(self, weights: Mapping[str, float], scores: Mapping[str, Runs]) -> Effect:
        """Estimate a weighted sum of mean scores; weights add up to 0.

        Returns:
            n is the number of common seeds where the judge pairs, else the smallest number of runs
            of any experiment. No interval for fewer than two.
        """
        parts = [(weight, scores[name]) for name, weight in weights.items() if weight]
        if self.paired:
            return effect(list(seed_by_seed(parts).values()))
        return self._of_means(parts)

    def _of_means(self, parts: list[tuple[float, Runs]]) -> Effect:
        """Compare independent means, as Welch (1947) does, with the spreads that are usual."""
        n = min(len(runs) for _, runs in parts)
        if not n:
            return Effect(0)
        mean = resolved(sum(weight * statistics.fmean(runs.values()) for weight, runs in parts))
        if n < 2:
            return Effect(n, mean)
        spreads = [self.spread(runs) for _, runs in parts]
        squares = [
            weight**2 * spread.variance / len(runs)
            for (weight, runs), spread in zip(parts, spreads, strict=True)
        ]
        freedom = degrees_of_freedom(squares, [spread.freedom for spread in spreads])
        freedom = min(freedom, self.usual.most)
        return estimate(n, mean, math.sqrt(sum(squares)), freedom)


def _own_spread(runs: Runs, least: float) -> Spread:
    return Spread(max(statistics.variance(runs.values()), least), len(runs) - 1)


def seed_by_seed(parts: Sequence[tuple[float, Runs]]) -> dict[int, float]:
    """Give a weighted sum of scores for every seed that all have."""
    seeds = sorted(set.intersection(*(set(runs) for _, runs in parts))) if parts else []
    return {seed: sum(weight * runs[seed] for weight, runs in parts) for seed in seeds}


def sign_flip_p(differences: Sequence[float]) -> float | None:
    """Give the exact two-sided p of paired differences under any flip of their signs.

    The share of all 2^n ways to give them signs that make the sum at least as far from zero
    (Fisher, 1935, The Design of Experiments, section 21). None without any difference, and for
    more than 20, of which there are too many ways.
    """
    if not 0 < len(differences) <= 20:
        return None
    import numpy as np

    sums = np.zeros(1)
    for difference in differences:
        sums = np.concatenate([sums + difference, sums - difference])
    return float(np.mean(np.abs(sums) >= abs(sum(differences)) - RESOLUTION))
