"""What the choice of test images leaves open, and what it makes of the spread between runs.

Each run answers the same test images, so runs and images are crossed. Pure functions of which
answers are correct; know nothing of studies. Accuracies are shares, variances their squares.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cnn_study.base.inference import UPPER_QUANTILE

MANY = 100
"""Degrees of freedom from which on the normal distribution is as good as Student's t, by 1 %."""


@dataclass(frozen=True)
class Variance:
    """An estimate of the variance of a mean, and its degrees of freedom."""

    value: float
    freedom: float


def by_unit(answers: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Sum up what images contribute by the units to which they belong, such as the same patient.

    Images of one unit are no independent witnesses; units are. With G units, of N images, a unit
    stands for its run's mean and G/N times what its images contribute beyond it. So the mean over
    the units is that over the images, and its variance G/(G - 1) times the sum of the units'
    squared sums, over N²: the cluster-robust one (Liang and Zeger, 1986,
    https://doi.org/10.1093/biomet/73.1.13). Units of one image each leave all as it is.

    Args:
        answers: (runs, images), correct or not, or what each image contributes.
        units: (images,) the number of each image's unit, from 0.

    Returns:
        (runs, units).
    """
    means = answers.mean(axis=1, keepdims=True)
    sums = np.zeros((units.max() + 1, len(answers)))
    np.add.at(sums, units, (answers - means).T)
    return means + sums.T * (len(sums) / len(units))


def alone(answers: np.ndarray) -> Variance:
    """Estimate how far a mean score itself varies with the choice of test images.

    Args:
        answers: (runs, images), correct or not, or what each image contributes; two images or more.
    """
    shares = answers.mean(axis=0)
    return Variance(float(shares.var(ddof=1)) / shares.size, shares.size - 1)


def of_images(ours: np.ndarray, theirs: np.ndarray) -> Variance:
    """Estimate how far a difference of mean scores varies with the choice of test images.

    Image by image the mean of our runs less that of theirs; their variance over the N images,
    divided by N.

    Args:
        ours, theirs: (runs, images), whether each run classifies each image correctly, or what the
            image contributes to its score (see `contributions`); two images or more.
    """
    differences = ours.mean(axis=0) - theirs.mean(axis=0)
    return Variance(float(differences.var(ddof=1)) / differences.size, differences.size - 1)


def margin(variance: Variance) -> float:
    """Give the half width of the 95 % interval that a variance makes, as test images leave it open.

    By the normal distribution, for the many degrees of freedom that they give; of few images or
    units by Student's t, with one less than there are (Cameron and Miller, 2015, section VI,
    https://doi.org/10.3368/jhr.50.2.317).
    """
    from scipy.special import ndtri

    if variance.freedom < MANY:
        return reach(variance)
    return float(ndtri(UPPER_QUANTILE)) * math.sqrt(variance.value)


def of_rest(answers: np.ndarray) -> Variance | None:
    """Estimate what neither runs nor images alone make of the variance of a mean.

    The residual mean square of the two-way table, divided by the number of its cells.

    Args:
        answers: (runs, images), correct or not, or differences of such.

    Returns:
        None for fewer than two runs or images.
    """
    runs, images = answers.shape
    if min(runs, images) < 2:
        return None
    rest = _residuals(answers.astype(float))
    freedom = (runs - 1) * (images - 1)
    return Variance(float((rest**2).sum()) / freedom / answers.size, freedom)


def of_both(seeds: Variance, images: Variance, rest: Sequence[Variance]) -> Variance:
    """Estimate how far a mean varies if both seeds and test images were drawn anew.

    With seeds and images as crossed random effects the variance over seeds and that over images
    both hold what is left over, which is taken off once (Owen, 2007,
    https://doi.org/10.1214/07-AOAS122; the same sum is the two-way clustered variance of Cameron,
    Gelbach and Miller, 2011, https://doi.org/10.1198/jbes.2010.07136). The sum is never taken
    below either of the two. Degrees of freedom after Satterthwaite (1946).

    Args:
        seeds: of the mean, over seeds.
        images: of the mean, over images.
        rest: what is left over, of each group of runs; see `of_rest`.
    """
    left_over = sum(part.value for part in rest)
    value = max(seeds.value + images.value - left_over, seeds.value, images.value)
    parts = [part for part in (seeds, images, *rest) if part.value]
    if not parts:
        return Variance(0.0, seeds.freedom)
    freedom = value**2 / sum(part.value**2 / part.freedom for part in parts)
    return Variance(value, freedom)


def reach(variance: Variance) -> float:
    """Give the half width of the 95 % interval that a variance makes, by Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(variance.freedom, UPPER_QUANTILE)) * math.sqrt(variance.value)


def of_part(
    correct: np.ndarray, part: np.ndarray, units: np.ndarray | None = None
) -> Variance | None:
    """Estimate how far what a part of the test images adds to a mean accuracy is known.

    The accuracy on all images less that on the others: the share of the images that are in the
    part, times how much better these are classified than the others. Images of either kind are
    drawn anew, and as likely to be easy within each (one variance for both, as in Student's t
    test, since a part of few images says little of its own); seeds too, see `of_both`. Where
    images of one unit are right or wrong together, the variance over images grows by
    the design effect, see `grown`.

    Args:
        correct: (runs, images) bool, whether each run classifies each image correctly.
        part: (images,) bool; some images are in it, and some are not.
        units: (images,) the number of each image's unit, from 0; None where each is its own.

    Returns:
        None for fewer than three images.
    """
    runs, images = correct.shape
    if images < 3:
        return None
    groups = [correct[:, part].astype(float), correct[:, ~part].astype(float)]
    weight = part.mean() ** 2 * (1 / part.sum() + 1 / (~part).sum())
    squares = sum(((group.mean(axis=0) - group.mean()) ** 2).sum() for group in groups)
    over_images = Variance(float(weight * squares) / (images - 2), images - 2)
    if units is not None:
        beyond = np.where(part, groups[0].mean(), groups[1].mean())
        over_images = grown(over_images, correct.mean(axis=0) - beyond, units)
    if runs < 2:
        return over_images
    added = part.mean() * (groups[0].mean(axis=1) - groups[1].mean(axis=1))
    rest = [_residuals(group) for group in groups]
    freedom = (runs - 1) * (images - 2)
    left_over = sum((residuals**2).sum() for residuals in rest) / freedom
    return of_both(
        Variance(float(added.var(ddof=1)) / runs, runs - 1),
        over_images,
        [Variance(float(weight * left_over) / runs, freedom)],
    )


def grown(variance: Variance, beyond: np.ndarray, units: np.ndarray) -> Variance:
    """Make a variance that counts images one that counts units.

    It grows by the design effect (Kish, 1965, section 8.2): the squared sums of the units over the
    squares of the images, here never below one. Its degrees of freedom shrink to the units'.

    Args:
        beyond: (images,) what each image is better than the mean of its kind.
        units: (images,) the number of each image's unit, from 0.
    """
    squares = float((beyond**2).sum())
    count = int(units.max()) + 1
    together = float((np.bincount(units, beyond, count) ** 2).sum())
    effect = max(1.0, together / squares) if squares else 1.0
    freedom = max(1.0, variance.freedom - (len(units) - count))
    return Variance(variance.value * effect, freedom)


def _residuals(answers: np.ndarray) -> np.ndarray:
    """Take off what the runs (down) and the images (across) make."""
    by_run = answers.mean(axis=1, keepdims=True)
    return answers - by_run - answers.mean(axis=0) + by_run.mean()


@dataclass(frozen=True)
class PartedSpread:
    """The variance of accuracy over the runs of an experiment, taken apart.

    Attributes:
        freedom: one less than the runs.
        total: over the runs, n - 1 in the denominator.
        images: what a test set of this size makes of it: runs of networks that are equally good
            on all images that there could be would differ so much.
    """

    freedom: int
    total: float
    images: float

    @property
    def networks(self) -> float:
        """What is left for the networks themselves; below zero where chance has it so."""
        return self.total - self.images

    @property
    def p(self) -> float:
        """How often equally good networks would differ as much on these images, or more.

        Sum of squares over what the images make, as chi-squared with `freedom` degrees of freedom:
        each accuracy is a mean over many images.
        """
        from scipy.special import chdtrc

        if not self.images:
            return 1.0 if not self.total else 0.0
        return float(chdtrc(self.freedom, self.freedom * self.total / self.images))


def part_spread(correct: np.ndarray, units: np.ndarray | None = None) -> PartedSpread | None:
    """Take apart the spread of accuracy over the runs of an experiment (Jordan, 2024).

    Runs that classify image i correctly with the chance p_i, each image for itself, have
    accuracies of the variance mean(p_i (1 - p_i)) / N. Of S runs k_i are correct, and
    k (S - k) / (S (S - 1)) estimates p (1 - p) without bias: E[k (S - k)] = S² p - S p (1 - p)
    - S² p² = S (S - 1) p (1 - p). What the variance over the runs exceeds this by comes from runs
    that are better on many images at once: it is, but for a factor 1 - 1/N, the variance over
    all images that there could be (https://arxiv.org/abs/2304.01910). Of units of several images,
    which a run may classify correctly or not together, the hits of each run are counted: their
    variance over the runs, which for one image is that above.

    Args:
        correct: (runs, images) bool.
        units: (images,) the number of each image's unit, from 0; None where each is its own.

    Returns:
        None for fewer than two runs.
    """
    runs, images = correct.shape
    if runs < 2:
        return None
    # Of whole numbers, so that runs that are equally accurate have no spread at all.
    hits = correct.astype(int) if units is None else hits_of(correct, units)
    flips = (runs * (hits**2).sum(axis=0) - hits.sum(axis=0) ** 2) / (runs * (runs - 1))
    total = float(hits.sum(axis=1).var(ddof=1)) / images**2
    return PartedSpread(runs - 1, total, float(flips.sum()) / images / images)


def hits_of(correct: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Count the images of each unit that each run classifies correctly (runs, units)."""
    hits = np.zeros((units.max() + 1, len(correct)), int)
    np.add.at(hits, units, correct.T)
    return hits.T
