"""What a column is made from, and what a number of it should not be read without.

A small vocabulary: `tables.schemas` and `evidence.schemas` declare every column's lineage in it,
`report.lineage` looks up the runs, and the receipts of the report show them. Declares only: knows
neither runs nor studies.

What the correction of p values adds to a column comes from other effects' p values, and what is
usual in a study, toward which a small spread is raised, from the runs of all its experiments. Their
descriptions say so, and their lineage names the runs of their own effect.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

# -------------------------------------------------------------------------- what it is made from


class Whose(Enum):
    """Experiments whose runs a cell is made from."""

    ROW = "the experiment of its row"
    REFERENCE = "the experiment that the row's experiment changes"
    BASE = "the base"
    ENHANCED = "the enhanced model; the base in a study that names none"
    BETTER = "the experiment for the better of two published models"
    WORSE = "the experiment for the worse of two published models"
    EVERY = "all experiments of the study"
    RATE = "all whose learning rate stays, or decays, as the row says, with two complete runs"
    CONTRAST = "all that the contrast of its row sets against each other"


@dataclass(frozen=True)
class ThisRun:
    """The run that has the seed of the row, of each of these experiments."""

    of: tuple[Whose, ...] = (Whose.ROW,)


@dataclass(frozen=True)
class EveryRun:
    """All wanted runs of these experiments, whatever became of them."""

    of: tuple[Whose, ...] = (Whose.ROW,)


@dataclass(frozen=True)
class CompleteRuns:
    """Runs of these experiments that were trained to the end.

    Attributes:
        measure: column of runs.csv in which a run must have a value to count, such as
            validation_accuracy; empty where every complete run counts.
        paired: whether only seeds count that all of these experiments have; None where the
            study's judge decides that.
    """

    of: tuple[Whose, ...] = (Whose.ROW,)
    measure: str = ""
    paired: bool | None = True


@dataclass(frozen=True)
class FreshRuns:
    """Runs of these experiments with fresh seeds, by which suggestions are confirmed.

    Attributes:
        this: only the run that has the seed of the row.
        complete: whether only runs count that were trained to the end.
    """

    of: tuple[Whose, ...] = (Whose.ROW,)
    this: bool = False
    complete: bool = False


@dataclass(frozen=True)
class Choice:
    """Runs of what the choice of the row was made among.

    Attributes:
        chosen: only those of what was chosen.
    """

    chosen: bool = False


class Trials(Enum):
    """Models of the search whose runs a cell is made from."""

    RUN = "the model of the row, and of its runs only that of the row"
    ROW = "the model whose budget and trial the row names"
    BUDGET = "all models tried at the budget of the row"
    ROUND = "the models of the round of the row, which its epochs name"
    ROUNDS = "the models of the round of the row and of the next one, by their epochs"
    FINALISTS = "the finalists at the budget of the row, or at all budgets, that have a new score"
    COMPARED = "the models of all budgets that the forests compare"


class Stage(Enum):
    """Stages of the search, as search-runs.csv has them."""

    TRIAL = "trial"
    FINALIST = "finalist"
    WINNER = "winner"


@dataclass(frozen=True)
class SearchRuns:
    """Runs of the search, of these models at these stages.

    Attributes:
        complete: whether only runs count that were trained to the end.
    """

    of: Trials
    stages: tuple[Stage, ...]
    complete: bool = False


@dataclass(frozen=True)
class NoRun:
    """No run at all.

    Attributes:
        why: what it comes from instead; goes on from "none:".
        cited: whether somebody else printed it, so that the study's citation belongs to it.
    """

    why: str
    cited: bool = False


Source = ThisRun | EveryRun | CompleteRuns | FreshRuns | Choice | SearchRuns | NoRun

STUDY_FILE = NoRun("the study file says it")
WORKED_OUT = NoRun("it is worked out from the settings, before anything is trained")
SIMULATED = NoRun("it was simulated, from the shape of this study and how far its runs spread")
SIMULATIONS = NoRun("it was simulated: studies made by chance, with effects that are known")
IMAGES = NoRun("it is found by looking at the images of the dataset, without a network")
PRINTED = NoRun("somebody else printed it", cited=True)

METRIC, SCORE = "{metric}", "{score}"
"""Stand in names and descriptions for the metric of the study: its name, and its label."""

CHANCE, COLLAPSE, BY_IMAGE = "{chance}", "{collapse}", "{by image}"
"""Stand in descriptions for what guessing gets, for the score below which a run collapsed, and for
what is taken of each image to see what the choice of images leaves open."""

TEST = f"test_{METRIC}"
VALIDATION = f"validation_{METRIC}"
"""Measures by which scores and their differences count runs."""


# -------------------------------------------------------------------------- what stands beside it


@dataclass(frozen=True)
class Beside:
    """Other cells of the row, under a label; nothing where one of them is empty.

    Attributes:
        columns: one, or the two ends of an interval.
        words: by what stands in the column `kind`: other words for the cell's.
    """

    label: str
    columns: tuple[str, ...]
    kind: str = ""
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def text(self, row: Mapping[str, str]) -> str:
        """Write the cells."""
        texts = [row[name] for name in self.columns]
        if self.kind:
            words = self.words.get(row[self.kind], {})
            texts = [words.get(text, text) for text in texts]
        return " to ".join(texts) if all(texts) else ""

    @property
    def named(self) -> tuple[str, ...]:
        """The columns that it takes from a row."""
        return (*self.columns, self.kind) if self.kind else self.columns


@dataclass(frozen=True)
class Tally:
    """Counts of a row, those that are not zero, each with its word, under a label."""

    label: str
    counts: Mapping[str, str]

    def text(self, row: Mapping[str, str]) -> str:
        """Write the counts, such as: 1 diverged, 2 missing."""
        counted = ((row[name] or "0", word) for name, word in self.counts.items())
        return ", ".join(f"{count} {word}" for count, word in counted if count != "0")

    @property
    def named(self) -> tuple[str, ...]:
        """The columns that it takes from a row."""
        return tuple(self.counts)
