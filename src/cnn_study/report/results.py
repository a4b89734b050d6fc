"""What the runs of an experiment gave, beside a reference."""

from collections.abc import Container
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnn_study.evidence.cells import SETTINGS, Cell, Setting, ratio
from cnn_study.evidence.judged import Change
from cnn_study.evidence.results import Result
from cnn_study.evidence.training_times import ALIKE
from cnn_study.study.model import Experiment

if TYPE_CHECKING:
    from cnn_study.report.behaviour import Behaviour


@dataclass(frozen=True)
class Row:
    """One experiment in a comparison with a reference.

    Attributes:
        settings: those that the comparison varies, by name, such as 8-16-32 for filters.
        change: what the evidence says of it; None for the reference itself.
        parameters_ratio, macs_ratio, seconds_ratio: to the reference.
        behaviour: how it learns; None where nobody asks.
    """

    result: Result
    settings: dict[str, Setting]
    is_reference: bool = False
    change: Change | None = None
    parameters_ratio: float = 1.0
    macs_ratio: float = 1.0
    seconds_ratio: float | None = None
    behaviour: "Behaviour | None" = None

    @property
    def about_as_long(self) -> bool:
        """Whether it trains about as long as its reference; by the ratio alone without a change."""
        if self.change and self.change.row["seconds_ratio"] is not None:
            return self.change.about_as_long
        return self.seconds_ratio is not None and abs(self.seconds_ratio - 1) < ALIKE

    @property
    def id(self) -> str:
        """Id of the experiment."""
        return self.result.id


def compare(
    result: Result, reference: Result, settings: dict[str, Setting], change: Change | None = None
) -> Row:
    """Set one experiment against its reference."""
    return Row(
        result,
        settings,
        change=change,
        parameters_ratio=ratio(result.parameters, reference.parameters),
        macs_ratio=ratio(result.macs, reference.macs),
        seconds_ratio=ratio(result.seconds, reference.seconds)
        if result.seconds and reference.seconds
        else None,
    )


def chosen_settings(experiment: Experiment, names: Container[str]) -> dict[str, Setting]:
    """Give the named settings of an experiment as text, in the order of the schema."""
    id_ = experiment.id
    return {
        name: Setting(value, Cell(SETTINGS, id_, name, id_))
        for name, value in experiment.settings
        if name in names
    }
