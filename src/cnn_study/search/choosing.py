"""Which trials a search goes on with, by validation scores alone."""

import statistics
from dataclasses import dataclass


@dataclass(frozen=True)
class Scored:
    """A trial, or a finalist, and what choosing may know of it.

    Attributes:
        number: of the trial.
        epochs: that it was trained for.
        macs: multiply-accumulate operations for one image.
        scores: by the study's metric, of the validation images, a number for each seed; empty if
            a run of it diverged or failed.
    """

    number: int
    epochs: int
    macs: int
    scores: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean over the seeds."""
        return statistics.fmean(self.scores)


def finalists(trials: list[Scored], most: int) -> list[Scored]:
    """Choose the best trials, best first; of equal ones the cheaper, then the earlier one.

    Of trials with different epochs, as hyperband has them, only those with the most compare.
    """
    scored = [trial for trial in trials if trial.scores]
    longest = max((trial.epochs for trial in scored), default=0)
    whole = [trial for trial in scored if trial.epochs == longest]
    return sorted(whole, key=lambda trial: (-trial.mean, trial.macs, trial.number))[:most]


def winner(finals: list[Scored], smallest_improvement: float) -> Scored | None:
    """Choose among finalists by their new seeds: the cheapest of those that are as good as any.

    Args:
        smallest_improvement: less than this below the best mean is as good, a share.
    """
    scored = [trial for trial in finals if trial.scores]
    if not scored:
        return None
    best = max(trial.mean for trial in scored)
    good = [trial for trial in scored if trial.mean > best - smallest_improvement]
    return min(good, key=lambda trial: (trial.macs, -trial.mean, trial.number))
