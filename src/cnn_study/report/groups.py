"""The groups in which the report tells of a study's questions."""

from collections.abc import Sequence
from dataclasses import dataclass

from cnn_study.report.comparison import Comparison
from cnn_study.report.pictures import Figure
from cnn_study.study.model import Study

TITLES = {
    "size": "Size",
    "layers": "Layers",
    "training": "Training",
    "regularization": "Regularization",
    "data": "Data",
    "together": "Changes together",
}


@dataclass(frozen=True)
class Group:
    """Questions that are told together.

    Attributes:
        figure: what all their changes do; None where it was not drawn, for want of runs.
    """

    id: str
    title: str
    comparisons: tuple[Comparison, ...]
    figure: Figure | None


def groups_of(
    study: Study, comparisons: Sequence[Comparison], figures: dict[str, Figure]
) -> list[Group]:
    """Put what there is to say to each question into the groups of the study."""
    by_name = {comparison.id: comparison for comparison in comparisons}
    return [
        Group(
            id_,
            TITLES[id_],
            tuple(by_name[name] for name in names),
            figures.get(f"group-{id_}"),
        )
        for id_, names in study.groups.items()
    ]
