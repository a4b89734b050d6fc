"""What a verification checks, and what it finds: a check, its faults, how it came out."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Level = Literal["R1", "R2", "R3"]
LEVELS: dict[Level, str] = {
    "R1": "re-derived: all that stands in tables, figures, text and pages comes out of the records",
    "R2": "re-trained: runs that were drawn, or named, were trained again",
    "R3": "re-trained on another family of processor, or on another accelerator",
}
"""What each level of a verification means; each takes in those before it."""

SHOWN = 5
"""Faults of one kind in one file that are named one by one."""


@dataclass(frozen=True)
class Fault:
    """One place where something does not hold.

    Attributes:
        file: from the study's results folder on.
        place: in it, as a person finds it; empty where the whole file is meant.
    """

    file: str
    place: str
    what: str

    def __str__(self) -> str:
        """Write it on one line."""
        return f"{self.file}{f', {self.place}' if self.place else ''}: {self.what}"


@dataclass(frozen=True)
class Check:
    """One thing that was checked.

    Attributes:
        name: short, and the same in every certificate.
        promise: what holds if it holds, as a sentence.
        looked_at: what was looked at, in numbers; empty where nothing was.
        left_out: why it was not checked; empty where it was.
    """

    name: str
    level: Level
    promise: str
    looked_at: str = ""
    faults: tuple[Fault, ...] = ()
    left_out: str = ""

    @property
    def outcome(self) -> Literal["holds", "does not hold", "not checked"]:
        """How it came out."""
        if self.faults:
            return "does not hold"
        return "not checked" if self.left_out else "holds"


def level_of(checks: Iterable[Check]) -> Level | None:
    """Give the highest level of which something was checked, and all of it and below holds."""
    listed = list(checks)
    reached: Level | None = None
    for level in LEVELS:
        own = [check for check in listed if check.level == level]
        if any(check.faults for check in own) or not any(c.outcome == "holds" for c in own):
            return reached
        reached = level
    return reached
