"""Whether a score lies within the spread of seeds: statistics of numbers, which know no runs."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from cnn_study.base.judge import Spread, Usual

FALSE_ALARMS = 0.01
"""Share of right studies that a verification may wrongly find a run of to lie outside."""


@dataclass(frozen=True)
class Reach:
    """How far one run may lie from what others with its settings give.

    Attributes:
        center: mean of these others.
        half: half the width of the interval for one further run.
    """

    center: float
    half: float

    def holds(self, score: float) -> bool:
        """Tell whether a score lies within."""
        return abs(score - self.center) <= self.half


def reach(others: Sequence[float], usual: Usual, least: float, chance: float) -> Reach:
    """Give the prediction interval for one further run of the same settings.

    mean ± t(1 - chance / 2, f) s sqrt(1 + 1/n) for n others (Hahn and Meeker, Statistical
    Intervals, 1991, on one future observation), with s and f raised toward what is usual in the
    study as everywhere in its evidence: `base.judge`.

    Args:
        others: their scores, one or more.
        usual: spread of runs that is usual; all there is to go by where there is one other.
        least: variance below which none is taken: that of rounding to whole images.
        chance: that a right run lies outside.
    """
    from scipy.special import stdtrit

    n = len(others)
    spread = Spread(usual.variance, min(usual.freedom, usual.most))
    if n > 1:
        spread = usual.raised(Spread(max(statistics.variance(others), least), n - 1))
    if not spread.freedom:
        return Reach(statistics.fmean(others), math.inf)
    t = float(stdtrit(spread.freedom, 1 - chance / 2))
    half = t * math.sqrt(max(spread.variance, least) * (1 + 1 / n))
    return Reach(statistics.fmean(others), half)


def chance_each(runs: int) -> float:
    """Share the false alarms among all comparisons of a verification (Bonferroni).

    Each run is compared twice: the score in its record, and the one that was trained again.
    """
    return FALSE_ALARMS / (2 * runs)


def finds(runs: int, drawn: int, wrong: int) -> float:
    """Give the chance that at least one of the wrong runs is among those drawn.

    1 - C(runs - wrong, drawn) / C(runs, drawn): hypergeometric, drawn without putting back.
    """
    return 1 - math.comb(runs - wrong, drawn) / math.comb(runs, drawn)


def found_share(runs: int, drawn: int, surely: float = 0.95) -> float | None:
    """Give the smallest share of wrong runs that so many draws would find as surely as this."""
    numbers = (wrong for wrong in range(1, runs + 1) if finds(runs, drawn, wrong) >= surely)
    smallest = next(numbers, None)
    return None if smallest is None else smallest / runs
