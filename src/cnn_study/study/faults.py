"""What is wrong with a study file, in words: line, key, what was given, what is allowed."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cnn_study.base.errors import UserError
from cnn_study.study import settings
from cnn_study.study.file import REMEDIES, Published, Question, StudyFile
from cnn_study.study.parts import BLANK
from cnn_study.study.search_block import BudgetBlock, SearchBlock, Varied
from cnn_study.study.settings import Settings


def nearest(place: tuple, lines: dict[tuple[str, ...], int]) -> tuple[tuple[str, ...], str]:
    """Find the innermost key of a place that stands in the file, and say its line."""
    known = tuple(map(str, place))
    while known and known not in lines:
        known = known[:-1]
    return known, f"line {lines[known]}: " if known else ""


def shown(value: Any) -> str:
    """Write what was given, cut off if it is long."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no whole number of thousands of digits
        return "a number too long to be written"
    return text if len(text) <= 100 else f"{text[:97]}..."


def parameter_faults(content: dict, lines: dict[tuple[str, ...], int]) -> list[str]:
    """Check the parameters of a file that cannot be used as a whole, so far as they are there."""
    sets = [(("base",), content.get("base"))]
    questions = content.get("questions")
    for name, question in questions.items() if isinstance(questions, dict) else ():
        changes = question.get("changes") if isinstance(question, dict) else None
        for id_, change in changes.items() if isinstance(changes, dict) else ():
            sets.append((("questions", name, "changes", id_), change))
    return [
        fault
        for place, values in sets
        if isinstance(values, dict)
        for fault in faults_alone(values, place, lines)
    ]


def faults_alone(values: dict, place: tuple, lines: dict[tuple[str, ...], int]) -> list[str]:
    """Check parameters without those they are merged into; rules between them wait for that."""
    try:
        Settings.model_validate(
            {key: value for key, value in values.items() if isinstance(key, str)}
        )
    except ValidationError as error:
        return [explain(fault, place, lines) for fault in error.errors() if fault["loc"]]
    return []


def explain(fault: Any, prefix: tuple, lines: dict[tuple[str, ...], int]) -> str:
    """One line for one fault that Pydantic found."""
    place = tuple(part for part in (*prefix, *fault["loc"]) if part != "[key]")
    known, where = nearest(place, lines)
    key = ".".join(known or map(str, place))
    if fault["type"] == "extra_forbidden":
        return f"{where}{key}: unknown key. {_allowed_keys(place)}"
    remedy = _remedy(place)
    blank = fault["msg"].endswith(BLANK) or fault["input"] is None
    if remedy and (fault["type"] == "missing" or blank):
        what = "missing" if fault["type"] == "missing" else BLANK
        return f"{where}{'.'.join(map(str, place))}: {what}. {remedy}"
    if fault["type"] == "missing":
        return f"{where}{'.'.join(map(str, place))}: missing"
    given = "" if fault["type"] == "value_error" else f", not {shown(fault['input'])}"
    message = fault["msg"].removeprefix("Value error, ")
    message = re.sub(r"a valid dictionary( or instance of \w+)?", "a mapping", message)
    return f"{where}{key + ': ' if key else ''}{message[0].lower() + message[1:]}{given}"


def _remedy(place: tuple) -> str | None:
    """Look up what to do about a key that must be there."""
    if len(place) == 3 and place[0] == "questions":
        return REMEDIES.get(f"question.{place[2]}")
    return REMEDIES.get(".".join(map(str, place)))


def _allowed_keys(place: tuple) -> str:
    if len(place) == 1:
        names = StudyFile.model_fields
    elif place[0] == "questions" and len(place) == 3:
        names = Question.model_fields
    elif place[0] == "published":
        names = Published.model_fields
    elif place[0] == "search" and len(place) == 2:
        names = SearchBlock.model_fields
    elif place[0] == "search":
        names = (BudgetBlock if place[1] == "prices" else Varied).model_fields
    else:
        names = [name for group in settings.GROUPS.values() for name in group.model_fields]
    return f"{did_you_mean(place[-1], names)}Allowed: {', '.join(names)}."


def did_you_mean(given: Any, known: Iterable[str]) -> str:
    """Ask for the name that is spelled most alike, if one is much alike."""
    nearest = get_close_matches(str(given), list(known), n=1)
    return f"Did you mean {nearest[0]}? " if nearest else ""


def refusal(path: Path, faults: list[str]) -> UserError:
    """Put all faults of a file into one message, each once."""
    unique = list(dict.fromkeys(faults))
    return UserError("\n".join([f"{path} cannot be used:", *(f"  {fault}" for fault in unique)]))
