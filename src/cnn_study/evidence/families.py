"""A family of effects, judged together."""

from collections.abc import Iterable
from typing import Any

from cnn_study.base.inference import Effect, holm, verdict

MEASURES = ("validation", "test")
"""Images by whose accuracy changes are judged."""


def family(
    effects: list[Effect], images: str, smallest: float, unrun: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """Correct the p values of a family together and give the columns of each effect.

    Args:
        unrun: for each effect, what its verdict is where it has no pair.
    """
    corrected = holm([effect.p for effect in effects])
    reasons = list(unrun) or ["not run"] * len(effects)
    rows = []
    for effect, p_holm, reason in zip(effects, corrected, reasons, strict=True):
        rows.append(
            {
                f"{images}_pairs": effect.n,
                f"{images}_difference": effect.mean,
                f"{images}_deviation": effect.deviation,
                f"{images}_lower": effect.lower,
                f"{images}_upper": effect.upper,
                f"{images}_p": effect.p,
                f"{images}_p_holm": p_holm,
                f"{images}_verdict": verdict(effect, p_holm, smallest) if effect.n else reason,
            }
        )
    return rows


def without_pairs(experiment: dict[str, Any]) -> str:
    """Say why a change has no pair of complete runs."""
    ended = experiment["diverged_runs"] + experiment["failed_runs"]
    return "does not train" if ended and not experiment["complete_runs"] else "not run"
