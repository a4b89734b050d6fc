"""What a study file may say: its parts, their types and ranges.

Declares only: knows neither YAML nor how changes are merged.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from cnn_study.base.metrics import METRICS, MetricName
from cnn_study.data.block import DatasetBlock
from cnn_study.data.catalog import DATASETS, Dataset
from cnn_study.study.others import Other
from cnn_study.study.parts import Id, Part, Seeds, Text
from cnn_study.study.questions import AnyQuestion
from cnn_study.study.search_block import SearchBlock


def _known(dataset: str) -> str:
    if dataset not in DATASETS:
        raise ValueError(f"one of {', '.join(DATASETS)}, not {dataset!r}")
    return dataset


def _named_or_described(dataset: Any) -> str:
    return DESCRIBED if isinstance(dataset, dict | DatasetBlock) else NAMED


def _short(text: str) -> str:
    line = " ".join(text.split())
    if len(line) > LONGEST_LABEL:
        raise ValueError(f"{line!r} has {len(line)} characters; at most {LONGEST_LABEL} fit")
    return line


NAMED, DESCRIBED = "(named)", "(described)"
"""How Pydantic calls the two ways to say which images a study is about; no keys of a file."""

LONGEST_LABEL = 32
"""Characters: what a row of a table or of a figure has room for."""

Label = Annotated[Text, AfterValidator(_short)]


class Published(Part):
    """Numbers that somebody else printed, to set beside ours."""

    file: Text = Field(description="CSV beside the study file.")
    citation: Text = Field(description="Key in report/references.bib.")


class StudyFile(Part):
    """What a study file may say."""

    title: Text = Field(description="Title of the report.")
    subtitle: str = Field("", description="Second line of the title.")
    dataset: Annotated[
        Annotated[Text, AfterValidator(_known), Tag(NAMED)]
        | Annotated[DatasetBlock, Tag(DESCRIBED)],
        Discriminator(_named_or_described),
    ] = Field(
        description=f"One of {', '.join(DATASETS)}; or images of your own, described by a mapping."
    )
    seeds: Seeds = Field(5, description="How many (1, 2, …), or a list of the seeds themselves.")
    base: dict[str, Any] = Field(description="Parameters of the base; the rest at default.")
    enhanced: Id | None = Field(
        None, description="The experiment that the report sets against the base at the end."
    )
    label: dict[Id, Label] = Field(
        default_factory=dict,
        description="Experiment id: what the report calls it, such as best recipe, in at most "
        f"{LONGEST_LABEL} characters. The others are called by what they change (kernel 3×3), the "
        "one that `enhanced` names *enhanced*.",
    )
    questions: dict[Id, AnyQuestion] = Field(default_factory=dict)
    about_expectations: Text = Field(
        "",
        description="How the words under `expects` were chosen, in Markdown, if that is to be "
        "said: for instance after the runs, from the hypotheses alone.",
    )
    metric: MetricName = Field(
        "accuracy",
        description="The score by which changes are judged, suggested and searched for: "
        + "; ".join(f"{metric.name}, {metric.meaning}" for metric in METRICS.values())
        + ". auc is for two classes only. Accuracy stands beside it in any case.",
    )
    smallest_effect: float = Field(
        0.5,
        ge=0.001,
        le=100,
        description="Smallest difference in the metric that is worth having, in percentage points. "
        "Differences that surely lie below it count as none.",
    )
    judge: Literal["two-sample", "paired"] | None = Field(
        None,
        description="How the runs of a change and of its reference are compared: as two "
        "independent samples, or in pairs with the same seed. Left out, the runs decide, by a "
        "rule that looks at no difference; named, further runs do not change it.",
    )
    training_engine: Literal["auto", "processes", "batched"] = Field(
        "auto",
        description="What trains all runs, on whichever machine: processes, one run after the "
        "other by Keras's fit; batched, runs side by side by JAX; auto, what is faster there. Of "
        "one seed the two make other weights. `--engine`, `--config training_engine=` and the "
        "environment go before it.",
    )
    confirmation: int = Field(
        0,
        ge=0,
        le=1000,
        description="How many fresh seeds train each suggestion, and what it changes, once more: "
        "those that follow the largest of seeds. Gains in the runs by which a change was chosen "
        "are too high on average. 0: none.",
    )
    published: Published | None = None
    others: dict[Id, Other] = Field(
        default_factory=dict,
        description="Networks of others with what they cost, by an id: the report sets ours of no "
        "more cost beside them.",
    )
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
    dataset: Dataset
    experiments: Collection[str]
