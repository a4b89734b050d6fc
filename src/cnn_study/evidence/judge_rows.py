"""The judge that was taken, and what it took every experiment's spread for."""

import math
import statistics
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cnn_study.base.judge import Judge
from cnn_study.evidence.read import Tables

PAIRED, TWO_SAMPLE = "paired", "two-sample"


def judge_rows(tables: Tables) -> list[dict[str, Any]]:
    """Say for each kind of images which judge was taken, and why."""
    return [
        {
            "images": images,
            "judge": PAIRED if judge.paired else TWO_SAMPLE,
            "pinned": judge.pinned,
            "comparisons": judge.correlation.comparisons,
            "correlation": judge.correlation.mean,
            "correlation_needed": judge.correlation.needed,
            "correlation_z": judge.correlation.z,
            "by_rule": PAIRED if judge.correlation.pays else TWO_SAMPLE,
            "usual_deviation": math.sqrt(judge.usual.variance) if judge.usual.freedom else None,
            "usual_freedom": judge.usual.freedom if math.isfinite(judge.usual.freedom) else None,
            "most_freedom": judge.usual.most if math.isfinite(judge.usual.most) else None,
            "half_width_two_sample": _half_width(tables, replace(judge, paired=False), images),
            "half_width_paired": _half_width(tables, replace(judge, paired=True), images),
        }
        for images, judge in tables.judges.items()
    ]


def _half_width(tables: Tables, judge: Judge, images: str) -> float | None:
    """Give the median half width of the intervals that a judge gives the study's changes."""
    column = f"{images}_score"
    effects = [
        judge.effect(tables.scores(ours, column), tables.scores(theirs, column))
        for ours, theirs in tables.study.comparisons
    ]
    widths = [
        (effect.upper - effect.lower) / 2
        for effect in effects
        if effect.lower is not None and effect.upper is not None
    ]
    return statistics.median(widths) if widths else None


def spread_rows(tables: Tables) -> Iterator[dict[str, Any]]:
    """Give the spread of every experiment's runs, and what the two-sample judge takes it for."""
    for images, judge in tables.judges.items():
        for id_ in tables.study.experiments:
            runs = tables.scores(id_, f"{images}_score")
            if len(runs) < 2:
                continue
            spread = judge.spread(runs)
            yield {
                "experiment": id_,
                "images": images,
                "runs": len(runs),
                "deviation": statistics.stdev(runs.values()),
                "deviation_taken": math.sqrt(spread.variance),
                "freedom": spread.freedom,
                "raised": spread.raised,
            }
