"""What a study can see before it is run: effects by its seeds, and by its test images.

Pure functions of numbers; knows nothing of studies. Effects and accuracies are shares.
"""

import math
import statistics
from collections.abc import Sequence

from cnn_study.base.inference import LEVEL, POWER, UPPER_QUANTILE
from cnn_study.base.metrics import images_like

DISAGREEMENT = 0.05
"""Variance, over the test images, of how two models fare on one image.

By experience: between networks of one kind, each the mean of five runs, ±0.45 percentage points on
10,000 images (the study of CIFAR-10).
"""

SPREADS = 2_000
"""Equally likely spreads that the power of a test is summed over: exact to four digits."""


def power(effect: float, n: int, family: int) -> float:
    """Give how often a true effect gets a verdict: the two-sample t test with equal spreads.

    Args:
        effect: true difference over the standard deviation of single runs.
        n: runs of either, at least two.
        family: changes that are judged together; the first of them is tested at 0.05 / family, as
            Holm (1979) does.
    """
    import numpy as np
    from scipy.special import chdtri, ndtr, stdtrit

    freedom, center = 2 * n - 2, effect * math.sqrt(n / 2)
    least = stdtrit(freedom, 1 - (1 - LEVEL) / family / 2)
    # The noncentral t distribution: a normal deviate over a spread that is itself drawn; summed
    # over equally likely spreads, since nctdtr knows no large effects.
    spreads = np.sqrt(chdtri(freedom, (np.arange(SPREADS) + 0.5) / SPREADS) / freedom)
    return float(np.mean(ndtr(center - least * spreads) + ndtr(-center - least * spreads)))


def detectable(n: int, family: int) -> float:
    """Give the effect that n runs of either see in four cases of five, in standard deviations."""
    from scipy.optimize import brentq

    return float(brentq(lambda effect: power(effect, n, family) - POWER, 1e-3, 1e3, xtol=1e-6))


def images_needed(effect: float) -> int:
    """Give the test images on which an effect is wider than what their choice leaves open.

    The half width of a 95 % interval, image by image, is z √(v / N) for N images: the paired
    formula, with `DISAGREEMENT` for the variance v.
    """
    return math.ceil(DISAGREEMENT * (_z() / effect) ** 2)


def images_margin(images: int) -> float:
    """Give the half width of that interval."""
    return _z() * math.sqrt(DISAGREEMENT / images)


def independent_margin(images: int) -> float:
    """Give the same for two models whose mistakes have nothing in common: binomial, at one half."""
    return _z() * math.sqrt(0.5 / images)


def share_interval(share: float, images: int) -> tuple[float, float]:
    """Give the 95 % interval of a share of all images of a kind, from that of so many.

    Wilson's (1927, https://doi.org/10.1080/01621459.1927.10502953), which holds for few images and
    for shares near 0 and 1 too, and stays between them.
    """
    z = _z()
    middle = (share + z**2 / (2 * images)) / (1 + z**2 / images)
    half = z / (1 + z**2 / images) * math.sqrt(share * (1 - share) / images + (z / images) ** 2 / 4)
    return middle - half, middle + half


def surely_above(share: float, other: float, images: int) -> bool:
    """Tell whether a share of so many images lies above another, as far as their choice goes."""
    return share_interval(share, images)[0] > other


def least_above_chance(metric: str, chance: float, witnesses: Sequence[int]) -> float:
    """Give what a score has to exceed to be surely more than chance.

    A share of N images has that of Wilson's interval, which begins above p where the share lies
    beyond p + z √(p (1 - p) / N); means over classes that of as many images as tell as exactly.
    AUC is no share of images, but of pairs of them: where no image was looked at, and n and m are
    of the two classes, its variance is (n + m + 1) / (12 n m) (Mann and Whitney, 1947,
    https://doi.org/10.1214/aoms/1177730491); half a pair more corrects for continuity.

    Args:
        witnesses: independent test images, of each class; for accuracy in all.

    Returns:
        A share, or more than 1 where so few images cannot tell any score from chance.
    """
    if metric != "auc":
        return chance + _z() * math.sqrt(chance * (1 - chance) / images_like(metric, witnesses))
    n, m = witnesses
    if not n * m:
        return math.inf
    return chance + _z() * math.sqrt((n + m + 1) / (12 * n * m)) + 1 / (2 * n * m)


def _z() -> float:
    return statistics.NormalDist().inv_cdf(UPPER_QUANTILE)
