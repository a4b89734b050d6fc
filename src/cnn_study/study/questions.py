"""Kinds of questions: what each says in a study file, and which experiments it declares by that.

Knows neither YAML nor how a change is merged. Whoever asks about a question asks its kind, and
never which kind it is; a further kind is a class here and its place in `KINDS`.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from cnn_study.study.parts import Id, Part, Place, Text
from cnn_study.study.settings import Settings, has

RESERVED = {"all", "analyse", "report", "tables", "verify"}
"""Ids that are names of the workflow's rules."""

MOST_CELLS = 1000
"""Combinations of a grid: as many experiments as a study can be told of in one report."""

DEEPEST = 50
"""Experiments of which each is a change of the next, down to the base."""

Expected = Literal["helps", "hurts", "little"]
"""What a change may be expected to do."""

EVERY = "all"
"""In the place of an id, changes that are not named; no experiment has this id."""


def _for_each(given: Any) -> Any:
    """Take one word as that of all changes."""
    return {EVERY: given} if isinstance(given, str) else given


_WORD = {"type": "string", "enum": list(get_args(Expected))}

Expectations = Annotated[
    dict[Id, Expected],
    BeforeValidator(_for_each),
    WithJsonSchema({"anyOf": [_WORD, {"type": "object", "additionalProperties": _WORD}]}),
]


@dataclass(frozen=True)
class Declared:
    """An experiment as a question declares it, before it is merged into its reference.

    Attributes:
        place: where the study file gives the parameters that it changes.
    """

    id: str
    question: str
    reference: str
    change: dict[str, Any]
    place: Place


@dataclass(frozen=True)
class Factorial:
    """Two parameters, every level of the one with every level of the other.

    What is declared so has main effects and interactions, and its scores fill a heat map.
    """

    factors: tuple[str, str]
    levels: tuple[list[Any], list[Any]]

    @property
    def cells(self) -> list[dict[str, Any]]:
        """Give the levels of both factors in each cell, row by row."""
        return [dict(zip(self.factors, cell, strict=True)) for cell in product(*self.levels)]

    def levels_of(self, settings: Settings) -> tuple[Any, Any] | None:
        """Give the levels that settings have, as the file writes them; None if one is not there."""
        for cell in self.cells:
            if all(has(settings, name, level) for name, level in cell.items()):
                row, column = cell.values()
                return row, column
        return None


class Question(Part):
    """One question to the runs: changes to one reference, compared with it."""

    key: ClassVar[str]
    """The key of a study file that says what is changed, and by which the kind is known."""
    reference_is_a_cell: ClassVar[bool] = False
    """Whether the reference stands for an experiment that would be as it, or that is a fault."""
    joins_changes: ClassVar[bool] = False
    """Whether an experiment may make at once what others of the study make one by one."""

    title: Text = Field(description="A heading, such as Depth.")
    question: Text = Field(description="One sentence that ends with a mark.")
    hypothesis: Text = Field(description="What is expected, and why; written before it runs.")
    expects: Expectations = Field(
        default_factory=dict,
        description="The expectation in a word, which the runs settle: helps, hurts or little. One "
        "word for all changes of the question, or experiment id: word, where `all` stands for "
        "those not named.",
    )
    background: Text = Field(
        "",
        description="What a reader must know before the question: in a few sentences of Markdown, "
        "what the changed setting does. It may cite `[@key]` of report/references.bib and refer to "
        "what every report of the study has, such as `@sec-padding` or `@sec-question-ID`. HTML, "
        "headings, pictures and ids of its own are refused.",
    )
    caveat: Text = Field(
        "",
        description="What the answer cannot say, in Markdown: for instance that another setting "
        "changes with the one asked about.",
    )
    reading: Text = Field(
        "",
        description="What its author makes of the answer, and why it came out so: Markdown, with "
        "citations as in `background`. It is shown as a reading, not as a result.",
    )
    group: Literal["size", "layers", "training", "regularization", "data", "together"] | None = (
        Field(
            None,
            description="The part of the report that tells of it. Left out, the parameters that "
            "it changes say so: size (filters, kernels, units), layers, training, "
            "regularization, data; together where they belong to several.",
        )
    )
    reference: Id = Field(
        "base",
        description="The experiment that the changes are made to. It may be a change of another "
        f"one, and so on, at most {DEEPEST} deep.",
    )
    trained: bool = Field(
        True,
        description="false declares the question before its runs are made: it is checked and "
        "listed in the ledger, and nothing is trained for it.",
    )

    @property
    def factorial(self) -> Factorial | None:
        """The design of two parameters that it declares; None if it has another one."""
        return None

    def expected(self, id_: str) -> Expected | None:
        """Say in a word what an experiment of it is expected to do; None if nothing is."""
        return self.expects.get(id_, self.expects.get(EVERY))

    @classmethod
    def parameter_sets(cls, given: Any) -> Iterator[tuple[Place, dict[Any, Any]]]:
        """Give each set of parameters in what stands under the key, and its place below the key.

        Args:
            given: whatever the file has there, checked or not.
        """
        raise NotImplementedError

    def declared(self, name: str, base: Mapping[str, Any]) -> list[Declared]:
        """List the experiments that it declares.

        Args:
            name: its id in the study file.
            base: every parameter of the base, as the file gives it.
        """
        raise NotImplementedError


def _not_reserved(id_: str) -> str:
    if id_ in RESERVED:
        raise ValueError(f"the id {id_} is reserved; choose another")
    return id_


class Changes(Question):
    """A question that names each of its experiments and says what it changes."""

    key = "changes"
    joins_changes = True

    changes: dict[Annotated[Id, AfterValidator(_not_reserved)], dict[str, Any]] = Field(
        min_length=1, description="Experiment id: the parameters it changes."
    )

    @classmethod
    def parameter_sets(cls, given: Any) -> Iterator[tuple[Place, dict[Any, Any]]]:
        """Give the parameters of each change, by its id."""
        for id_, change in given.items() if isinstance(given, dict) else ():
            if isinstance(change, dict):
                yield (str(id_),), change

    def declared(self, name: str, base: Mapping[str, Any]) -> list[Declared]:
        """List the changes in the order of the file."""
        above = ("questions", name, self.key)
        return [
            Declared(id_, name, self.reference, change, (*above, id_))
            for id_, change in self.changes.items()
        ]


class Grid(Question):
    """A question that gives some parameters several values each, and runs every combination."""

    key = "grid"
    reference_is_a_cell = True

    grid: dict[str, list[Any]] = Field(
        min_length=1,
        description="Parameter: its values. Every combination is run, and there may be at most "
        f"{MOST_CELLS:,}; the reference stands for the one that is as it.",
    )

    @model_validator(mode="after")
    def _few_cells(self) -> "Grid":
        sizes = [len(values) for values in self.grid.values()]
        if (cells := math.prod(sizes)) > MOST_CELLS:
            by = " × ".join(map(str, sizes))
            raise ValueError(
                f"the grid has {by} = {cells:,} combinations; at most {MOST_CELLS:,} are allowed. "
                "Give it fewer values, or ask several questions"
            )
        return self

    @property
    def factorial(self) -> Factorial | None:
        """The design of a grid of two parameters; with more or fewer there is none."""
        if len(self.grid) != 2:
            return None
        (first, first_levels), (second, second_levels) = self.grid.items()
        return Factorial((first, second), (first_levels, second_levels))

    @classmethod
    def parameter_sets(cls, given: Any) -> Iterator[tuple[Place, dict[Any, Any]]]:
        """Give each value of each parameter by itself."""
        for name, values in given.items() if isinstance(given, dict) else ():
            for value in values[:MOST_CELLS] if isinstance(values, list) else ():
                yield (), {name: value}

    def declared(self, name: str, base: Mapping[str, Any]) -> list[Declared]:
        """List the combinations; around the base each holds only what is not as in the base."""
        place = ("questions", name, self.key)
        cells = [
            dict(zip(self.grid, values, strict=True)) for values in product(*self.grid.values())
        ]
        if self.reference == "base":
            cells = [
                {key: value for key, value in cell.items() if base.get(key) != value}
                for cell in cells
            ]
        return [
            Declared(cell_id(cell), name, self.reference, cell, place) for cell in cells if cell
        ]


def cell_id(change: dict[str, Any]) -> str:
    """Name a cell after what it changes: filters-8-16-32-kernel-size-5."""
    words = []
    for key, value in change.items():
        values = value if isinstance(value, list) else [value]
        words += [key.replace("_", "-"), *(str(part) for part in values)]
    return re.sub(r"[^a-z0-9]+", "-", "-".join(words).lower()).strip("-")


KINDS: dict[str, type[Question]] = {kind.key: kind for kind in (Changes, Grid)}


def _of_its_kind(given: Any) -> Question:
    """Check a question as the kind whose key it has; a key with nothing in it does not count."""
    if not isinstance(given, dict):
        return Question.model_validate(given)  # which is refused: every question is a mapping
    said = {key: value for key, value in given.items() if key not in KINDS or value != {}}
    own = [key for key in KINDS if key in said]
    if len(own) == 1:
        return KINDS[own[0]].model_validate(said)
    Question.model_validate({key: value for key, value in said.items() if key not in KINDS})
    raise ValueError(f"give either {' or '.join(KINDS)}, and not an empty one")


AnyQuestion = Annotated[Changes | Grid, BeforeValidator(_of_its_kind)]
"""A question of one of the kinds."""
