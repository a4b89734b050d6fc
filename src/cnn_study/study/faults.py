"""Everything that is wrong with a study file, in words: line, key, what was given, what is allowed.

Knows which keys are allowed where; nothing of how a study is merged.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from cnn_study.base.errors import UserError
from cnn_study.base.words import cut, first_lines
from cnn_study.data.block import DatasetBlock
from cnn_study.data.catalog import DATASETS
from cnn_study.study.file import DESCRIBED, NAMED, Published, StudyFile
from cnn_study.study.others import Other
from cnn_study.study.parameter import LIST, NUMBER
from cnn_study.study.parts import BLANK, Fault, Place
from cnn_study.study.questions import KINDS
from cnn_study.study.search_block import BudgetBlock, SearchBlock, Varied
from cnn_study.study.settings import GROUPS
from cnn_study.study.yaml_lines import Lines

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

REMEDIES = {
    "title": "Give the study a title of a few words",
    "dataset": f"Name one of {', '.join(DATASETS)}, or describe images of your own",
    "dataset.name": "Give a short name, of a-z, 0-9 and hyphens",
    "dataset.title": "Say what the report shall call the images",
    "dataset.source": "Say who made the images, when, and under which licence",
    "dataset.description": "Say what the images show, how they were taken, and who labelled them",
    "base": "Write the parameters of the base; `base: {}` takes them all at default",
    "question.title": "Give the question a heading of a few words, such as Depth",
    "question.question": "Write in a sentence what you want to know",
    "question.hypothesis": "Write in a sentence what you expect and why, before it runs",
    "question.background": "Write what a reader must know first, or leave the key out",
    "question.reading": "Write what you make of the answer, or leave the key out",
    "question.expects": "Write helps, hurts or little, for all changes or by id, or leave the key "
    "out",
    "question.caveat": "Write what the answer cannot say, or leave the key out",
    "about_expectations": "Write how the words were chosen, or leave the key out",
    "published.file": "Name the CSV beside the study file",
    "published.citation": "Name the source's key in report/references.bib",
}
"""What to do about a key that is missing or says nothing."""

EXAMPLES = {
    "dataset.name": "Give a short name of at most 40 letters, such as garden",
    "dataset.title": "Put what is no text in quotes, as in '2026'",
    "dataset.source": "Put what is no text in quotes, as in '2026'",
    "dataset.description": "Put what is no text in quotes, as in '2026'",
    "dataset.folder": "Name one folder, as in ~/garden",
    "dataset.arrays": "Name one file, as in ~/garden.npz",
    "dataset.table": "Name one file, as in ~/garden.csv",
    "dataset.parquet": "Name a folder, or files by a glob, as in ~/garden/*.parquet",
    "dataset.image_size": "Give height and width in pixels, 8 to 256 each, as in [64, 64]",
    "dataset.groups": r"Give a pattern on file names, as in '^(patient\d+)_', or the name of a "
    "column",
    "dataset.test_fraction": "Give a share above 0 and below 1, such as 0.2 for a fifth",
    "dataset.split_seed": "Give a whole number from 0 on, such as 1",
    "dataset.publish_images": "Write true or false",
}
"""What to write for a key of images of one's own that has a value of another kind."""

NO_KEYS = {"[key]", NAMED, DESCRIBED, NUMBER, LIST}
"""What Pydantic puts between the keys of a place."""


LONGEST_PLACE, LONGEST_MESSAGE = 200, 1000
"""Characters of a key, with all that it stands in, and of what is said of it."""

MOST_FAULTS = 30
"""Of a study file, which a person mends by hand, so many are told at once; the rest is counted."""


class Faults:
    """Collects what is wrong with one study file, to refuse it in one message."""

    def __init__(self, path: Path, lines: Lines) -> None:
        self._path, self._lines = path, lines
        self._told: dict[str, int] = {}  # each text once, with its line

    def __bool__(self) -> bool:
        return bool(self._told)

    def add(self, place: Place, message: str) -> None:
        """Tell what is wrong at a place, or at the innermost key of it that stands in the file."""
        known = self._nearest(place)
        self._tell(known, known or place, message)

    def extend(self, faults: Iterable[Fault]) -> None:
        """Tell what is wrong at several places."""
        for place, message in faults:
            self.add(place, message)

    def add_invalid(self, error: ValidationError, above: Place = (), note: str = "") -> None:
        """Tell what Pydantic found in the part at a place.

        Args:
            note: what to add where a rule between several keys is broken.
        """
        for detail in error.errors():
            below = tuple(str(key) for key in detail["loc"] if key not in NO_KEYS)
            place = (*above, *below)
            message = _explained(detail, place) + ("" if below else note)
            if detail["type"] == "missing":
                self._tell(self._nearest(place), place, message)
            else:
                self.add(place, message)

    def refusal(self) -> UserError:
        """Put all faults into one message, each once, in the order of their lines."""
        texts = first_lines(sorted(self._told, key=self._told.__getitem__), most=MOST_FAULTS)
        return UserError(
            "\n".join([f"{self._path} cannot be used:", *(f"  {text}" for text in texts)])
        )

    def _tell(self, known: Place, key: Place, message: str) -> None:
        line = self._lines.get(known, 0)
        parts = [f"line {line}"] if line else []
        parts += [cut(".".join(key), LONGEST_PLACE)] if key else []
        told = printable(": ".join([*parts, cut(message, LONGEST_MESSAGE)]))
        self._told.setdefault(told, line)

    def _nearest(self, place: Place) -> Place:
        """Find the innermost key of a place that stands in the file."""
        while place and place not in self._lines:
            place = place[:-1]
        return place


def wording(detail: "ErrorDetails") -> str:
    """Say what Pydantic found and what was given, in the words of somebody who knows no Python."""
    message = detail["msg"].removeprefix("Value error, ")
    message = re.sub(r"a valid dictionary( or instance of \w+)?", "a mapping", message)
    given = "" if detail["type"] == "value_error" else f", not {shown(detail['input'])}"
    return f"{message[0].lower()}{message[1:]}{given}"


def shown(value: Any) -> str:
    """Write what was given, cut off if it is long."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no whole number of thousands of digits
        return "a number too long to be written"
    return cut(text, 100)


def printable(text: str) -> str:
    """Write signs that a terminal would obey, or that would not be seen, by their numbers."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
    )


def did_you_mean(given: Any, known: Iterable[str]) -> str:
    """Ask for the name that is spelled most alike, if one is much alike."""
    nearest = get_close_matches(str(given), list(known), n=1)
    return f"Did you mean {nearest[0]}? " if nearest else ""


def _explained(detail: "ErrorDetails", place: Place) -> str:
    """Say what is wrong at a place, and what to do about it."""
    if detail["type"] == "extra_forbidden":
        allowed = _allowed_keys(place)
        return f"unknown key. {did_you_mean(place[-1], allowed)}Allowed: {', '.join(allowed)}."
    remedy = _remedy(place)
    if detail["type"] == "missing":
        return f"missing. {remedy}" if remedy else "missing"
    if remedy and (detail["msg"].endswith(BLANK) or detail["input"] is None):
        return f"{BLANK}. {remedy}"
    if remedy and detail["type"] == "string_pattern_mismatch":
        return f"not allowed is {shown(detail['input'])}. {remedy}"
    example = EXAMPLES.get(".".join(place[:2]))
    if example and detail["type"] != "value_error":
        return f"not allowed is {shown(detail['input'])}. {example}"
    return wording(detail) + (f". {example}" if example and detail["msg"].endswith(BLANK) else "")


def _remedy(place: Place) -> str | None:
    """Look up what to do about a key that must be there."""
    if len(place) == 3 and place[0] == "questions":
        return REMEDIES.get(f"question.{place[2]}")
    return REMEDIES.get(".".join(place))


def _allowed_keys(place: Place) -> list[str]:
    """List the keys that may stand where an unknown one does."""
    models: list[type[BaseModel]]
    match place:
        case (_,):
            models = [StudyFile]
        case ("dataset", _):
            models = [DatasetBlock]
        case ("questions", _, _):
            models = list(KINDS.values())
        case ("published", *_):
            models = [Published]
        case ("others", _, _):
            models = [Other]
        case ("search", _):
            models = [SearchBlock]
        case ("search", "prices", *_):
            models = [BudgetBlock]
        case ("search", "space", *_):
            models = [Varied]
        case _:
            models = list(GROUPS.values())
    return list(dict.fromkeys(name for model in models for name in model.model_fields))
