"""How a parameter is declared: once, with all that anybody needs to know of it.

Knows no single parameter (`settings` declares them) and of Keras only text.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, Discriminator, Field

Label = Callable[[Any], str]
"""Says in one phrase what a value of a parameter is, such as kernel 3×3."""


NUMBER, LIST = "(number)", "(list)"
"""How Pydantic calls the two ways to give a number, or several; no keys of a file."""

ONE_OR_SEVERAL = Discriminator(lambda given: LIST if isinstance(given, list) else NUMBER)
"""Tells them apart, so that what is wrong is said of the way that was meant."""


class Place(Enum):
    """Where a piece of Keras code stands: in the model, from `OPTIMIZER` in its training.

    Pieces of one place stand in the order in which their parameters are declared.
    """

    SETUP = auto()
    """A statement before the model."""
    SCALING = auto()
    """The arguments of the layer that scales the pixels; there is none without them."""
    OUTER_LAYERS = auto()
    """An argument of the layer that scales the pixels and of the last one."""
    OPTIMIZER = auto()
    """The optimizer's call; {} stands for its arguments, {momentum} and {nesterov} for settings."""
    OPTIMIZER_ARGUMENT = auto()
    """An argument of the optimizer."""


Pieces = Mapping[Place, str]


@dataclass(frozen=True)
class Code:
    """How the values of a parameter are written in Keras code.

    Attributes:
        part: the code that they change.
        write: gives the pieces of code of a value, none where nothing needs to be written.
    """

    part: Literal["model", "training"]
    write: Callable[[Any], Pieces]


IN_LAYERS = Code("model", lambda value: {})
"""In the list of layers (`architecture.layers`), from which the model's code is written."""

IN_OPTIMIZER = Code("training", lambda value: {})
"""In the optimizer's call, of which the setting `optimizer` says whether it takes it."""

IN_OWN_FILE = Code("training", lambda value: {})
"""In a file of the study's own, which is printed as it is."""

IN_SCRIPT = Code("training", lambda value: {})
"""In the script around the model: report/script.py.j2 writes what the value asks for."""

IN_NO_CODE = Code("training", lambda value: {})
"""Decides what is recorded, and changes no line of the code."""


def written_as(part: Literal["model", "training"], pieces: Mapping[Any, Pieces]) -> Code:
    """Write each value by a table."""
    return Code(part, pieces.__getitem__)


def argument(place: Place, text: str, *, nothing_at: Any = ...) -> Code:
    """Write a value of the training as an argument, in which {} stands for it."""
    return Code(
        "training", lambda value: {} if value == nothing_at else {place: text.format(value)}
    )


def named(words: Mapping[Any, str]) -> Label:
    """Read each value as its word."""
    return words.__getitem__


def switched(on: str, off: str) -> Label:
    """Read true and false as two phrases."""
    return named({True: on, False: off})


def numbered(text: str, otherwise: Mapping[float, str] | None = None, times: float = 1) -> Label:
    """Read a number by a phrase, in which {0} stands for the number times a factor.

    Args:
        otherwise: phrases for single numbers, such as 0 for what is switched off.
    """
    phrases = otherwise or {}
    return lambda number: phrases.get(number) or text.format(f"{times * number:g}")


@dataclass(frozen=True)
class Parameter:
    """What a parameter's declaration says beside its type, range and description.

    Attributes:
        unit: of its numbers; "1" for a number without one.
        label: says a value in one phrase.
        code: how a value is written in Keras code.
    """

    default: Any
    unit: str
    label: Label
    code: Code

    def __call__(self, schema: dict[str, Any]) -> None:
        """Put into the JSON Schema of the parameter what pydantic does not know of it."""
        schema |= {"unit": self.unit, "default": copy.copy(self.default)}


def parameter(
    default: Any, description: str, unit: str = "", *, label: Label, code: Code, **limits: Any
) -> Any:
    """Declare one parameter as a field of its group of settings.

    Args:
        description: may cite `[@key]` of report/references.bib.
        limits: of the value, as `pydantic.Field` takes them.
    """
    return Field(
        default_factory=lambda: copy.copy(default),  # a list is changed by nobody else
        description=description,
        json_schema_extra=Parameter(default, unit, label, code),
        **limits,
    )


@cache
def declared(settings: type[BaseModel]) -> dict[str, Parameter]:
    """Give the declaration of every parameter by its name.

    Raises:
        TypeError: a field that is not declared with `parameter`, so that nobody knows how it reads
            or how code is written for it; names them all.
    """
    extras = {name: field.json_schema_extra for name, field in settings.model_fields.items()}
    parameters = {name: extra for name, extra in extras.items() if isinstance(extra, Parameter)}
    if len(parameters) < len(extras):
        missing = ", ".join(name for name in extras if name not in parameters)
        raise TypeError(
            f"{settings.__name__}: {missing} must be declared with `parameter`, which asks for "
            "its label and for the Keras code that it is written as"
        )
    return parameters
