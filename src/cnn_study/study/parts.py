"""What the parts of a study file are made of: strict parts, ids, texts, seeds."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

ID = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
BLANK = "says nothing"

Id = Annotated[str, Field(pattern=ID, max_length=60)]

Place = tuple[str, ...]
"""The keys that lead to a part of a study file, from the outermost on."""

Fault = tuple[Place, str]
"""A place in a study file, and what is wrong there."""


class Part(BaseModel):
    """A mapping of a study file, with no other keys than its fields."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError(BLANK)
    return text


def _each_once(seeds: list[int]) -> list[int]:
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"{seeds} has a seed twice")
    return seeds


Text = Annotated[
    str, AfterValidator(_not_blank), WithJsonSchema({"type": "string", "pattern": r"\S"})
]
"""A text that says something."""

LARGEST_SEED = 2**31 - 1

Seeds = (
    Annotated[int, Field(ge=1, le=1000)]
    | Annotated[
        list[Annotated[int, Field(ge=0, le=LARGEST_SEED)]],
        Field(min_length=1),
        AfterValidator(_each_once),
    ]
)
"""How many, or a list of the seeds themselves."""


def seeds_of(given: int | list[int], first: int = 1) -> tuple[int, ...]:
    """Give the seeds; of a number, as many from `first` on."""
    return tuple(range(first, first + given)) if isinstance(given, int) else tuple(given)
