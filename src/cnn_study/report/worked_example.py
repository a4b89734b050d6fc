"""One comparison of the study's own runs, worked step by step."""

from dataclasses import dataclass
from typing import Any

from cnn_study.base.inference import quantile
from cnn_study.evidence.cells import derived


@dataclass(frozen=True)
class Comparison:
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


def comparison(changes: list[Any], runs: list[dict[str, Any]]) -> Comparison | None:
    """Work the first change that has an interval; None if there is none.

    Args:
        changes: `findings.Change`, in the order of the study file.
        runs: complete rows of runs.csv.
    """
    chosen = next((change for change in changes if change.test.lower is not None), None)
    if chosen is None:
        return None
    with_, without = (
        {int(row["seed"]): row["test_accuracy"] for row in runs if row["experiment"] == id_}
        for id_ in (chosen.id, chosen.reference)
    )
    scores = [
        (seed, with_[seed], without[seed],
         derived(with_[seed] - without[seed], "difference of", with_[seed], without[seed]))
        for seed in sorted(with_.keys() & without.keys())
    ]  # fmt: skip
    row, test = chosen.row, chosen.test
    half = derived(test.difference - test.lower, "difference of", test.difference, test.lower)
    return Comparison(
        chosen.id, chosen.reference, scores, test.difference, row["test_deviation"],
        quantile(len(scores)), half, test.lower, test.upper, test.verdict,
    )  # fmt: skip
