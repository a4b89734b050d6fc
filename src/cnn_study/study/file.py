"""What a study file may say: its parts, their types and ranges.

Declares only: knows neither YAML nor how changes are merged.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from cnn_study.data.catalog import DATASETS
from cnn_study.study.parts import Id, Part, Seeds, Text
from cnn_study.study.search_block import SearchBlock

RESERVED = {"all", "analyse", "report", "tables"}
"""Ids that are names of the workflow's rules."""


def _not_reserved(id_: str) -> str:
    if id_ in RESERVED:
        raise ValueError(f"the id {id_} is reserved; choose another")
    return id_


def _known(dataset: str) -> str:
    if dataset not in DATASETS:
        raise ValueError(f"one of {', '.join(DATASETS)}, not {dataset!r}")
    return dataset


REMEDIES = {
    "title": "Give the study a title of a few words",
    "dataset": f"Name one of {', '.join(DATASETS)}",
    "base": "Write the parameters of the base; `base: {}` takes them all at default",
    "question.title": "Give the question a heading of a few words, such as Depth",
    "question.question": "Write in a sentence what you want to know",
    "question.hypothesis": "Write in a sentence what you expect and why, before it runs",
    "question.background": "Write what a reader must know first, or leave the key out",
    "question.caveat": "Write what the answer cannot say, or leave the key out",
    "published.file": "Name the CSV beside the study file",
    "published.citation": "Name the source's key in report/references.bib",
}
"""What to do about a key that is missing or says nothing."""


class Question(Part):
    """One question to the runs: changes to one reference, compared with it."""

    title: Text = Field(description="A heading, such as Depth.")
    question: Text = Field(description="One sentence that ends with a mark.")
    hypothesis: Text = Field(description="What is expected, and why; written before it runs.")
    background: Text = Field(
        "",
        description="What a reader must know before the question: in a few sentences of Markdown, "
        "what the changed setting does. It may cite `[@key]` of report/references.bib; HTML is "
        "refused.",
    )
    caveat: Text = Field(
        "",
        description="What the answer cannot say, in Markdown: for instance that another setting "
        "changes with the one asked about.",
    )
    reference: Id = Field("base", description="The experiment that the changes are made to.")
    changes: dict[Annotated[Id, AfterValidator(_not_reserved)], dict[str, Any]] = Field(
        default_factory=dict, description="Experiment id: the parameters it changes."
    )
    grid: dict[str, list[Any]] = Field(
        default_factory=dict,
        description="Parameter: its values. Every combination is run; the reference stands for "
        "the one that is as it.",
    )
    trained: bool = Field(
        True,
        description="false declares the question before its runs are made: it is checked and "
        "listed in the ledger, and nothing is trained for it.",
    )

    @model_validator(mode="after")
    def _one_kind(self) -> "Question":
        if bool(self.changes) == bool(self.grid):
            raise ValueError("give either changes or grid, and not an empty one")
        return self


class Published(Part):
    """Numbers that somebody else printed, to set beside ours."""

    file: Text = Field(description="CSV beside the study file.")
    citation: Text = Field(description="Key in report/references.bib.")


class StudyFile(Part):
    """What a study file may say."""

    title: Text = Field(description="Title of the report.")
    subtitle: str = Field("", description="Second line of the title.")
    dataset: Annotated[str, AfterValidator(_known)] = Field(
        description=f"One of {', '.join(DATASETS)}."
    )
    seeds: Seeds = Field(5, description="How many (1, 2, …), or a list of the seeds themselves.")
    base: dict[str, Any] = Field(description="Parameters of the base; the rest at default.")
    enhanced: Id | None = Field(
        None, description="The experiment that the report sets against the base at the end."
    )
    questions: dict[Id, Question] = Field(default_factory=dict)
    smallest_effect: float = Field(
        0.5,
        gt=0,
        le=100,
        description="Smallest difference in accuracy that is worth having, in percentage points. "
        "Differences that surely lie below it count as none.",
    )
    published: Published | None = None
    search: SearchBlock | None = Field(
        None, description="A search for the best model within a price."
    )


@dataclass(frozen=True)
class Draft:
    """A study file that can be read, whatever else is wrong with it, as further checks see it.

    Attributes:
        experiments: ids of what it trains.
    """

    path: Path
    file: StudyFile
    experiments: Collection[str]
