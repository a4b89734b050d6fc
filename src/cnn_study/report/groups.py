"""The groups in which the report tells of a study's questions."""

from collections.abc import Sequence
from dataclasses import dataclass

from cnn_study.report.comparison import Comparison
from cnn_study.report.pictures import Figure, pages_of
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
        figures: what all their changes do, in as many pages as they take.
    """

    id: str
    title: str
    comparisons: tuple[Comparison, ...]
    figures: tuple[Figure, ...]


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
            tuple(pages_of(figures, f"group-{id_}")),
        )
        for id_, names in study.groups.items()
    ]
