"""What is said of a figure: the templates in captions/, filled with the values of its class.

Knows nothing of studies or tables. Jinja2 is imported only to write.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cnn_study.base import words
from cnn_study.evidence.schemas import VERDICTS
from cnn_study.figures.words import (
    NO_RUN,
    NO_SEARCH,
    layer_words,
    mean_in_words,
    operations,
    score,
    signed,
    size,
    troubles,
    unbroken,
)
from cnn_study.figures.words import words as parameter_words

if TYPE_CHECKING:
    from cnn_study.base.templates import Templates
    from cnn_study.evidence.judged import Change


def by_verdict(changes: "Iterable[Change]") -> "list[tuple[str, list[Change]]]":
    """Put changes together of which the same is said, by verdict, those first that decide."""
    said = sorted(changes, key=lambda change: list(VERDICTS).index(change.verdict))
    return [(verdict, list(own)) for verdict, own in groupby(said, lambda one: one.verdict)]


FOLDER = Path(__file__).parent / "captions"
"""Holds a template for each class of figures, and `figure` and `parts`, which these take up."""

FILTERS = {
    "by_verdict": by_verdict,
    "count": words.count,
    "counted": words.counted,
    "exact": words.exact,
    "fixed": words.fixed,
    "layer": layer_words,
    "listing": words.listing,
    "mean_in_words": mean_in_words,
    "operations": operations,
    "parameter": parameter_words,
    "percent": words.percent,
    "score": score,
    "signed": signed,
    "size": size,
    "some": words.some,
    "troubles": troubles,
}
"""Write a value; those of the same name write it as in the report, but for receipts."""


LONGEST_ALT = 600
"""Characters of an alternative text: what is longer, nobody listens to."""

REST = " and so on; the numbers stand in the tables."
"""What ends a longer one."""


class Texts(NamedTuple):
    """What is said of a figure.

    Attributes:
        caption: what is shown, what every mark and interval is, and how many runs are behind it.
        count: the end of the caption, which says how many runs; empty where none are behind it.
        alt: what the figure shows in words, with its main numbers.
    """

    caption: str
    count: str
    alt: str


def write(template: str, values: Mapping[str, Any]) -> Texts:
    """Fill the template of a figure.

    Args:
        template: its name, without the ending.

    Raises:
        UserError: a value is not there; names template and line.
    """
    explained, count, alt = (_fill(template, values, part) for part in Texts._fields)
    return Texts(unbroken(f"{explained} {count}".strip()), unbroken(count), shortened(alt))


def shortened(alt: str) -> str:
    """Cut an alternative text that is too long behind one of its parts, and say so."""
    if len(alt) <= LONGEST_ALT:
        return alt
    room = LONGEST_ALT - len(REST)
    end = max(alt.rfind(sign, 0, room) for sign in (",", ";", ". ", ": "))
    return alt[: end if end > 0 else room].rstrip() + REST


def _fill(template: str, values: Mapping[str, Any], part: str) -> str:
    """Fill one part of a template, on one line."""
    text = _templates().fill(f"{template}.txt.j2", {**values, "part": part})
    return " ".join(text.split())


@cache
def _templates() -> "Templates":
    from cnn_study.base.templates import Templates

    constants = {"no_run": NO_RUN, "no_search": NO_SEARCH}
    return Templates([FOLDER], FILTERS, "The figure was not drawn.", constants)
