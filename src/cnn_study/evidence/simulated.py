"""Studies made by chance, many at once, and what the judge of a study says of all of them.

Arrays in, arrays out: axes are studies, then experiments or changes, then seeds. A second writing
of the judge's algorithm, for speed; a test holds the two together. Knows nothing of files.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, digamma, polygamma, stdtrit

ERROR = 0.05
"""Error rate of a family of verdicts."""

LEAST_RUNS = 3
"""Common seeds from which on the scores of two experiments can be correlated."""

SIGNIFICANT_Z = 1.645
"""One-sided 5 % quantile of the normal distribution."""

ROUNDING = 1e-6
"""Sum of squares, in points, up to which scores are equal but for rounding."""

EQUAL_SPREADS = 1e-6
"""Variances that differ by no more than chance: the usual one is then taken as known exactly."""


@dataclass(frozen=True)
class Shape:
    """Which experiments a study compares.

    Attributes:
        ours, theirs: places of the changed experiment and of its reference, for each change.
        questions: sizes of the questions, which follow each other in the changes.
    """

    ours: tuple[int, ...]
    theirs: tuple[int, ...]
    questions: tuple[int, ...]

    @property
    def experiments(self) -> int:
        """How many experiments there are."""
        return max(*self.ours, *self.theirs) + 1

    @property
    def slices(self) -> list[slice]:
        """The changes of each question."""
        ends = np.cumsum(self.questions)
        return [slice(end - size, end) for end, size in zip(ends, self.questions, strict=True)]


@dataclass(frozen=True)
class Estimates:
    """Differences with their standard errors and degrees of freedom: (studies, changes) each."""

    difference: np.ndarray
    error: np.ndarray
    freedom: np.ndarray

    def p(self, shift: float | np.ndarray = 0.0) -> np.ndarray:
        """Give two-sided p values, all differences being larger by this much."""
        gap = np.abs(self.difference + shift)
        with np.errstate(divide="ignore", invalid="ignore"):
            squared = np.where(
                self.error > 0, (gap / self.error) ** 2, np.where(gap > 0, np.inf, 0)
            )
        # P(|T| > t) of Student's t is the regularized incomplete beta function at f / (f + t²).
        return betainc(self.freedom / 2, 0.5, self.freedom / (self.freedom + squared))

    @property
    def half_width(self) -> np.ndarray:
        """Half of the 95 % interval."""
        return stdtrit(self.freedom, 1 - ERROR / 2) * self.error

    def where(self, chosen: np.ndarray, other: "Estimates") -> "Estimates":
        """Take these for the chosen studies, and the other ones for the rest."""
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Estimates(*(np.where(chosen[:, None], ours, theirs) for ours, theirs in pairs))


def judged(scores: np.ndarray, shape: Shape, images: int) -> tuple[Estimates, np.ndarray]:
    """Judge the changes of many studies, each study by what its own runs say.

    Args:
        scores: accuracies in percent, (studies, experiments, seeds); NaN where there is no run.
        images: images that a run is scored on.

    Returns:
        The estimates, and which studies were judged in pairs.
    """
    chosen = pairs_pay(scores, shape)
    alone = two_sample(scores, shape, *raised(*spreads(scores, images)))
    return (in_pairs(scores, shape, images).where(chosen, alone) if chosen.any() else alone), chosen


def break_even(n: np.ndarray) -> np.ndarray:
    """Give the correlation above which pairing n seeds narrows intervals more than it costs."""
    narrow, wide = stdtrit(2 * n - 2, 1 - ERROR / 2), stdtrit(n - 1, 1 - ERROR / 2)
    return 1 - (narrow / wide) ** 2


def pairs_pay(scores: np.ndarray, shape: Shape) -> np.ndarray:
    """Tell which studies correlate by seed: enough to gain by pairs, and more than by chance."""
    ours, theirs = scores[:, shape.ours], scores[:, shape.theirs]
    shared = ~np.isnan(ours + theirs)
    n = shared.sum(axis=2)
    ours, theirs = (_centred(part, shared, n) for part in (ours, theirs))
    own, other = (ours**2).sum(axis=2), (theirs**2).sum(axis=2)
    counted = (n >= LEAST_RUNS) & (np.minimum(own, other) > ROUNDING)
    squares = own * other
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.where(counted, (ours * theirs).sum(axis=2) / np.sqrt(squares), 0)
        chance = np.sqrt(np.where(counted, 1 / (n - 1), 0).sum(axis=1))
        changes = counted.sum(axis=1)
        mean = r.sum(axis=1) / changes
        least = np.where(counted, break_even(np.maximum(n, 2)), 0).sum(axis=1) / changes
        return (mean >= least) & (r.sum(axis=1) / chance >= SIGNIFICANT_Z)


def _centred(part: np.ndarray, shared: np.ndarray, n: np.ndarray) -> np.ndarray:
    values = np.where(shared, part, 0)
    mean = values.sum(axis=2) / np.maximum(n, 1)
    return np.where(shared, values - mean[..., None], 0)


def spreads(scores: np.ndarray, images: int) -> tuple[np.ndarray, np.ndarray]:
    """Give variance and degrees of freedom of each experiment, (studies, experiments)."""
    runs = (~np.isnan(scores)).sum(axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = np.nansum(_centred(scores, ~np.isnan(scores), runs) ** 2, axis=2) / (runs - 1)
    return np.maximum(variance, least_variance(images)), runs - 1


def least_variance(images: int) -> float:
    """Give the variance that rounding to whole images alone gives a score in percent."""
    return (100 / images) ** 2 / 12


def usual(variance: np.ndarray, freedom: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Estimate what spread is usual in each study (Smyth, 2004, section 6.2).

    Returns:
        Degrees of freedom that it is known with, and the usual variance, a study each.
    """
    e = np.log(variance) - digamma(freedom / 2) + np.log(freedom / 2)
    v = e.var(axis=1, ddof=1) - polygamma(1, freedom / 2).mean(axis=1)
    varied = v > EQUAL_SPREADS
    half = _inverse_trigamma(np.where(varied, v, 1.0))
    pooled = (freedom * variance).sum(axis=1) / freedom.sum(axis=1)
    s0 = np.where(varied, np.exp(e.mean(axis=1) + digamma(half) - np.log(half)), pooled)
    return np.where(varied, 2 * half, np.inf), s0


def _inverse_trigamma(value: np.ndarray) -> np.ndarray:
    """Solve trigamma(x) = value by Newton's method on 1 / trigamma (as limma does)."""
    x = 0.5 + 1 / value
    for _ in range(50):
        trigamma = polygamma(1, x)
        step = trigamma * (1 - trigamma / value) / polygamma(2, x)
        x = x + step
        if np.max(-step / x) < 1e-10:
            break
    return x


def moderated(variance: np.ndarray, freedom: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Draw all variances toward the usual one, up or down (limma).

    Returns:
        Variances and their degrees of freedom, at most those of all runs together.
    """
    d0, s0 = (part[:, None] for part in usual(variance, freedom))
    known = np.where(np.isinf(d0), 0, d0)
    drawn = (known * s0 + freedom * variance) / (known + freedom)
    total = freedom.sum(axis=1, keepdims=True)
    return np.where(np.isinf(d0), s0, drawn), np.minimum(freedom + d0, total)


def raised(variance: np.ndarray, freedom: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Raise variances toward the usual one where they are smaller, and never lower any."""
    drawn, gained = moderated(variance, freedom)
    higher = drawn > variance
    return np.where(higher, drawn, variance), np.where(higher, gained, freedom)


def two_sample(
    scores: np.ndarray, shape: Shape, variance: np.ndarray, freedom: np.ndarray
) -> Estimates:
    """Compare means of independent runs, with these variances and their degrees of freedom."""
    runs, means = (~np.isnan(scores)).sum(axis=2), np.nanmean(scores, axis=2)
    parts = variance / runs
    ours, theirs = parts[:, shape.ours], parts[:, shape.theirs]
    total = ours + theirs
    spread = ours**2 / freedom[:, shape.ours] + theirs**2 / freedom[:, shape.theirs]
    most = (runs - 1).sum(axis=1, keepdims=True)
    difference = means[:, shape.ours] - means[:, shape.theirs]
    return Estimates(difference, np.sqrt(total), np.minimum(total**2 / spread, most))


def in_pairs(scores: np.ndarray, shape: Shape, images: int) -> Estimates:
    """Compare seed by seed: the paired t."""
    gaps = scores[:, shape.ours] - scores[:, shape.theirs]
    shared = ~np.isnan(gaps)
    n = shared.sum(axis=2)
    squares = (_centred(gaps, shared, n) ** 2).sum(axis=2)
    variance = np.maximum(squares / (n - 1), 2 * least_variance(images))
    return Estimates(np.nanmean(gaps, axis=2), np.sqrt(variance / n), n - 1.0)


def rejected(p: np.ndarray) -> np.ndarray:
    """Tell which hypotheses of each row, one family a row, are refused after Holm (1979)."""
    order = np.argsort(p, axis=1)
    size = p.shape[1]
    passed = np.take_along_axis(p, order, axis=1) < ERROR / (size - np.arange(size))
    result = np.empty(p.shape, bool)
    np.put_along_axis(result, order, np.logical_and.accumulate(passed, axis=1), axis=1)
    return result


def rejected_by_question(p: np.ndarray, questions: Sequence[slice]) -> np.ndarray:
    """Tell which changes are refused to do nothing, corrected within each question."""
    return np.concatenate([rejected(p[:, question]) for question in questions], axis=1)
