"""How far the runs of each experiment lie apart, and what of it the test images make."""

import math
import statistics
from typing import Any

from cnn_study.base.image_variance import PartedSpread, part_spread
from cnn_study.base.inference import LEVEL
from cnn_study.evidence.read import Tables
from cnn_study.evidence.schemas import RATES, rate_of


def spreads_of(tables: Tables) -> dict[str, PartedSpread]:
    """Take apart the spread of each experiment whose runs' answers are known."""
    parted = {
        id_: part_spread(answers.correct, answers.units) for id_, answers in tables.answers.items()
    }
    return {id_: parts for id_, parts in parted.items() if parts}


def parted_spread_rows(tables: Tables, spreads: dict[str, PartedSpread]) -> list[dict[str, Any]]:
    """Give one row for each experiment with two complete runs whose answers are known."""
    return [
        {
            "experiment": id_,
            "learning_rate": rate_of(tables.study.experiments[id_].settings.schedule),
            "runs": parts.freedom + 1,
            "deviation": math.sqrt(parts.total),
            "images_deviation": math.sqrt(parts.images),
            "networks_deviation": math.sqrt(max(0.0, parts.networks)),
            "networks_p": parts.p,
        }
        for id_, parts in spreads.items()
    ]


def spread_median_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sum the experiments up by what their learning rate does: medians, which no outlier moves."""
    groups = {rate: [row for row in rows if row["learning_rate"] == rate] for rate in RATES}
    names = ("deviation", "images_deviation", "networks_deviation")
    return [
        {
            "learning_rate": rate,
            "experiments": len(group),
            "beyond_images": sum(row["networks_p"] < 1 - LEVEL for row in group),
            **{f"{name}_median": statistics.median(row[name] for row in group) for name in names},
        }
        for rate, group in groups.items()
        if group
    ]
