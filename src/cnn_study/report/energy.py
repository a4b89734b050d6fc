"""What electric energy the trainings took, where machines told."""

from dataclasses import dataclass

from cnn_study.evidence.cells import Number, derived
from cnn_study.evidence.read import Tables

PARTS = {"processor_joules": "the processors", "gpu_joules": "the GPUs"}
"""Columns of runs.csv, and what they count."""


@dataclass(frozen=True)
class Energy:
    """Of a study with a run that was measured.

    Attributes:
        parts: joules of all runs that were measured, by what took them.
        recorded, measured: runs that have a record, and those of which every part was measured.
        of: joules of a training on average, by experiment; None where a complete run was not
            measured, or there is none.
        least, most: experiments whose training took least and most; None where `of` has none.
    """

    parts: dict[str, float]
    recorded: int
    measured: int
    of: dict[str, Number | None]
    least: str | None
    most: str | None

    @property
    def total(self) -> float:
        """Joules of all runs that were measured."""
        return sum(self.parts.values())


def energy_of(tables: Tables) -> Energy | None:
    """Sum up what was measured; None where nothing was."""
    recorded = [row for row in tables.runs if row["status"] != "missing"]
    columns = [name for name in PARTS if any(row[name] is not None for row in recorded)]
    if not columns:
        return None
    measured = [row for row in recorded if all(row[name] is not None for name in columns)]
    of = {
        id_: _together([row[f"{name}_mean"] for name in columns])
        for id_, row in tables.experiments.items()
    }
    known = {id_: joules for id_, joules in of.items() if joules is not None}
    return Energy(
        {PARTS[name]: sum(row[name] for row in measured) for name in columns},
        len(recorded),
        len(measured),
        of,
        min(known, key=known.__getitem__, default=None),
        max(known, key=known.__getitem__, default=None),
    )


def _together(means: list[Number | None]) -> Number | None:
    """Add up what each part took; None where one was not measured."""
    known = [mean for mean in means if mean is not None]
    if len(known) < len(means):
        return None
    return derived(sum(known), "sum of", *known) if len(known) > 1 else known[0]
