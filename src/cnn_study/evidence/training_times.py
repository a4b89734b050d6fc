"""How much longer or shorter a change trains than its reference, and whether that says anything."""

import statistics
from collections.abc import Mapping
from typing import Any

from cnn_study.base.inference import unpaired
from cnn_study.evidence.read import Tables

ALIKE = 0.1
"""Share of the reference's training time below which a difference says nothing.

Runs of one experiment are often trained within the hour, and its reference's at other hours. Where
the machine is slower by then, all runs of the one are, and no spread between runs shows it.
"""

FAR = 2.0
"""Times as long, or as short, from which nobody would say about as long, however few runs tell."""


def seconds_columns(tables: Tables, experiment: str, reference: str) -> dict[str, float | None]:
    """Give the columns of the difference in training time, over the seeds that both have.

    The interval is that of two independent means (Welch, 1947): two runs with the same seed do the
    same arithmetic, but not at the same hour.
    """
    ours, theirs = (tables.scores(id_, tables.clock) for id_ in (experiment, reference))
    seeds = sorted(ours.keys() & theirs.keys())
    if not seeds:
        return {}
    samples = [[seconds[seed] for seed in seeds] for seconds in (ours, theirs)]
    difference = unpaired(*samples)
    own, usual = map(statistics.fmean, samples)
    return {
        "seconds_difference": statistics.fmean(ours[seed] - theirs[seed] for seed in seeds),
        "seconds_lower": difference.lower,
        "seconds_upper": difference.upper,
        "seconds_ratio": own / usual if usual else None,
    }


def about_as_long(row: Mapping[str, Any]) -> bool:
    """Tell whether a row of the ledger has training times that do not differ by what is known.

    So it is where they differ by less than a tenth, or where the interval holds zero and neither
    takes twice as long as the other.
    """
    ratio, lower, upper = (row.get(f"seconds_{name}") for name in ("ratio", "lower", "upper"))
    if ratio is None:
        return False
    unsure = lower is not None and upper is not None and lower <= 0 <= upper
    return abs(ratio - 1) < ALIKE or (unsure and 1 / FAR < ratio < FAR)
