"""Expectations in a word, and what the runs say to them.

The hypothesis stays the author's text; what can be settled is the word beside it, by the verdict on
the test images.
"""

from typing import Any

from cnn_study.base.inference import Effect
from cnn_study.evidence.judged import effect_of
from cnn_study.evidence.read import Tables
from cnn_study.evidence.schemas import OUTCOMES

LITTLE = 2.0
"""Times the smallest effect of interest: a difference that surely is smaller is little."""

CAME_TRUE, DID_NOT, OPEN = OUTCOMES

DIRECTIONS = {"higher": "helps", "lower": "hurts"}


def expected_rows(tables: Tables, ledger: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give one row for each change of which something is expected, not run ones included.

    Args:
        ledger: the rows of ledger.csv.
    """
    rows = []
    for row in ledger:
        expects = tables.study.file.questions[row["question"]].expected(row["experiment"])
        if expects:
            known = {name: row[name] for name in ("question", "experiment", "reference")}
            direction = row.get("test_clearly")
            outcome = outcome_of(expects, effect_of(row), direction, tables.study.smallest_effect)
            rows.append(known | {"expects": expects, "outcome": outcome})
    return rows


def outcome_of(expects: str, effect: Effect, direction: str | None, smallest: float) -> str:
    """Say what became of an expectation.

    Args:
        expects: helps, hurts or little.
        effect: on the test images, with its verdict.
        direction: higher or lower, where every run says so and the size is not known.
        smallest: the smallest effect of interest.
    """
    verdict = DIRECTIONS.get(direction or "", effect.verdict)
    if verdict not in ("helps", "hurts", "no meaningful difference"):
        return CAME_TRUE if expects == "little" and _is_little(effect, smallest) else OPEN
    if expects == "little":
        little = verdict == "no meaningful difference" or _is_little(effect, smallest)
        return CAME_TRUE if little else DID_NOT
    return CAME_TRUE if verdict == expects else DID_NOT


def _is_little(effect: Effect, smallest: float) -> bool:
    """Whether the whole interval of a judged effect lies within what counts as little."""
    if effect.verdict in ("unreliable", "too few seeds"):
        return False
    lower, upper, most = effect.lower, effect.upper, LITTLE * smallest
    return lower is not None and upper is not None and -most < lower and upper < most
