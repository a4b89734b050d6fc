"""One comparison of the study's own runs, worked step by step."""

from collections.abc import Iterable
from dataclasses import dataclass

from cnn_study.base.inference import quantile
from cnn_study.evidence.cells import derived
from cnn_study.evidence.judged import Change
from cnn_study.evidence.read import Tables


@dataclass(frozen=True)
class WorkedExample:
    """One change of the study, compared with its reference step by step.

    Attributes:
        change: id of the changed experiment; reference: what it was changed from.
        scores: for each seed: seed, test accuracy with the change, without it, difference.
        mean, deviation: of the differences.
        quantile: of Student's t distribution for their number; half: half the interval's width.
    """

    change: str
    reference: str
    scores: list[tuple[int, float, float, float]]
    mean: float
    deviation: float
    quantile: float
    half: float
    lower: float
    upper: float
    verdict: str


def worked_example(changes: Iterable[Change], tables: Tables) -> WorkedExample | None:
    """Work the first change that has an interval; None if there is none.

    Args:
        changes: in the order of the study file.
    """
    chosen = next((change for change in changes if change.test.lower is not None), None)
    if chosen is None:
        return None
    with_, without = (
        {int(row["seed"]): row["test_accuracy"] for row in tables.complete_by_experiment[id_]}
        for id_ in (chosen.experiment, chosen.reference)
    )
    scores: list[tuple[int, float, float, float]] = [
        (seed, with_[seed], without[seed],
         derived(with_[seed] - without[seed], "difference of", with_[seed], without[seed]))
        for seed in sorted(with_.keys() & without.keys())
    ]  # fmt: skip
    test = chosen.test
    mean, deviation, lower, upper = test.mean, test.deviation, test.lower, test.upper
    if mean is None or deviation is None or lower is None or upper is None:
        return None
    half = derived(mean - lower, "difference of", mean, lower)
    return WorkedExample(
        chosen.experiment, chosen.reference, scores, mean, deviation,
        quantile(len(scores)), half, lower, upper, test.verdict,
    )  # fmt: skip
