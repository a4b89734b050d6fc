"""One comparison of the study's own runs, worked step by step."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cnn_study.base.inference import correlation_p, quantile
from cnn_study.base.judge import correlated
from cnn_study.evidence.cells import derived
from cnn_study.evidence.findings import Findings
from cnn_study.evidence.judged import Change
from cnn_study.evidence.read import Tables


@dataclass(frozen=True)
class Side:
    """One of the two experiments that are compared.

    Attributes:
        mean: of its test scores.
        deviation: of its runs; taken: what the judge takes it for, raised or not.
        freedom: degrees of freedom of what is taken.
    """

    id: str
    n: int
    mean: float
    deviation: float
    taken: float
    freedom: float
    raised: bool


@dataclass(frozen=True)
class Pairing:
    """What pairing makes of the same runs.

    Attributes:
        deviation: of the paired differences.
        half: half the width of the interval.
        correlation: of the scores with the same seed; None without spread.
        by_chance: how many of the study's comparisons would show one at least as large if scores
            with the same seed had nothing in common.
        as_large: how many do.
    """

    deviation: float
    half: float
    correlation: float | None
    by_chance: float | None
    as_large: int


@dataclass(frozen=True)
class WorkedExample:
    """One change of the study, compared with its reference step by step.

    Attributes:
        change, reference: the changed experiment, and what it was changed from.
        scores: for each seed: seed, test score with the change, without it, difference.
        row: of the ledger.
        error: standard error of the mean difference.
        freedom: its degrees of freedom; quantile: of Student's t distribution for these.
        half: half the interval's width.
        paired: whether the judge pairs; pairing: what that gives, whether it does or not.
    """

    change: Side
    reference: Side
    scores: list[tuple[int, float, float, float]]
    row: dict[str, Any]
    mean: float
    error: float
    freedom: float
    quantile: float
    half: float
    lower: float
    upper: float
    verdict: str
    paired: bool
    pairing: Pairing


def worked_example(findings: Findings, tables: Tables) -> WorkedExample | None:
    """Work the first change that has an interval; None if there is none."""
    chosen = _first_with_interval(findings.changes.values())
    if chosen is None:
        return None
    judge, test = findings.judges["test"], chosen.test
    mean, error, freedom = test.mean, test.error, test.freedom
    lower, upper = test.lower, test.upper
    if mean is None or error is None or freedom is None or lower is None or upper is None:
        return None
    change, reference = (
        _side(id_, judge.spreads[id_], tables) for id_ in (chosen.experiment, chosen.reference)
    )
    return WorkedExample(
        change, reference, _by_seed(chosen, tables), chosen.row, mean, error, freedom,
        quantile(freedom), derived(mean - lower, "difference of", mean, lower), lower, upper,
        test.verdict, judge.paired, _pairing(chosen, tables, judge.row["comparisons"]),
    )  # fmt: skip


def _first_with_interval(changes: Iterable[Change]) -> Change | None:
    """Find the first change, in the order of the study file, whose seeds all have a pair."""
    return next(
        (
            change
            for change in changes
            if change.test.lower is not None and change.row["test_paired_lower"] is not None
        ),
        None,
    )


def _side(id_: str, row: dict[str, Any], tables: Tables) -> Side:
    return Side(
        id_, row["runs"], tables.experiments[id_]["test_score_mean"], row["deviation"],
        row["deviation_taken"], row["freedom"], row["raised"],
    )  # fmt: skip


def _by_seed(change: Change, tables: Tables) -> list[tuple[int, float, float, float]]:
    with_, without = (
        {int(row["seed"]): row["test_score"] for row in tables.complete_by_experiment[id_]}
        for id_ in (change.experiment, change.reference)
    )
    return [
        (seed, with_[seed], without[seed],
         derived(with_[seed] - without[seed], "difference of", with_[seed], without[seed]))
        for seed in sorted(with_.keys() & without.keys())
    ]  # fmt: skip


def _as_large(correlation: float | None, tables: Tables) -> int:
    """Count the study's comparisons whose scores correlate at least so much."""
    if correlation is None:
        return 0
    scores = [
        tuple(tables.scores(id_, "test_score") for id_ in pair) for pair in tables.study.comparisons
    ]
    known = (correlated(ours, theirs)[0] for ours, theirs in scores)
    return sum(r is not None and r >= correlation for r in known)


def _pairing(change: Change, tables: Tables, comparisons: int) -> Pairing:
    """Work out what pairing gives; its interval stands in the ledger."""
    import statistics

    scores = [tables.scores(id_, "test_score") for id_ in (change.experiment, change.reference)]
    seeds = sorted(scores[0].keys() & scores[1].keys())
    ours, theirs = ([runs[seed] for seed in seeds] for runs in scores)
    lower, upper = change.row["test_paired_lower"], change.row["test_paired_upper"]
    correlation = correlated(*scores)[0]
    p = None if correlation is None else correlation_p(correlation, len(seeds))
    return Pairing(
        statistics.stdev([a - b for a, b in zip(ours, theirs, strict=True)]),
        derived((upper - lower) / 2, "half of", lower, upper),
        correlation,
        None if p is None else comparisons * p,
        _as_large(correlation, tables),
    )
