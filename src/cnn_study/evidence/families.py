"""A family of effects, judged together."""

from collections.abc import Iterable
from itertools import repeat
from typing import Any

from cnn_study.base.inference import Effect, holm, verdict

MEASURES = ("validation", "test")
"""Images by whose accuracy changes are judged."""


def family(
    effects: list[Effect],
    images: str,
    smallest: float,
    unrun: Iterable[str] = (),
    unreliable: Iterable[bool] = (),
) -> list[dict[str, Any]]:
    """Correct the p values of a family together and give the columns of each effect.

    Args:
        unrun: for each effect, what its verdict is where it has no runs.
        unreliable: for each effect, whether some of the runs behind it collapsed.
    """
    corrected = holm([effect.p for effect in effects])
    reasons = list(unrun) or repeat("not run", len(effects))
    doubts = list(unreliable) or repeat(False, len(effects))
    return [
        {
            f"{images}_runs": effect.n,
            f"{images}_difference": effect.mean,
            f"{images}_error": effect.error,
            f"{images}_freedom": effect.freedom,
            f"{images}_lower": effect.lower,
            f"{images}_upper": effect.upper,
            f"{images}_p": effect.p,
            f"{images}_p_holm": p_holm,
            f"{images}_verdict": verdict(effect, p_holm, smallest, unreliable=doubt)
            if effect.n
            else reason,
        }
        for effect, p_holm, reason, doubt in zip(effects, corrected, reasons, doubts, strict=True)
    ]


def without_runs(experiment: dict[str, Any]) -> str:
    """Say why a change has no complete runs to compare."""
    ended = experiment["diverged_runs"] + experiment["failed_runs"]
    return "does not train" if ended and not experiment["complete_runs"] else "not run"
