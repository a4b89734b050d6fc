"""Words and numbers as the figures write them. Knows nothing of Matplotlib or of tables."""

import math
import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from cnn_study.base import words as base_words
from cnn_study.study.settings import DECLARATIONS, value_text

if TYPE_CHECKING:
    from cnn_study.evidence.results import Result

NO_RUN = "no complete run yet"
NO_SEARCH = "no search yet"
LONGEST_LABEL = 32
"""Characters of a row label before it goes on in a second line."""


def value(given: Any) -> str:
    """Write a setting's value."""
    if isinstance(given, bool):
        return "yes" if given else "no"
    if isinstance(given, list):
        return "-".join(map(str, given))
    if isinstance(given, dict):
        return value_text(given)
    return given.replace("_", " ") if isinstance(given, str) else f"{given:g}"


def words(parameter: str) -> str:
    """Write a parameter's name."""
    return parameter.replace("_", " ")


def layer_words(name: str) -> str:
    """Write a layer's name: convolution 2, or in a block of several convolution 2.1."""
    return words(re.sub(r"(?<=\d)_(?=\d)", ".", name))


def axis_label(parameter: str) -> str:
    """Name a parameter with its unit, such as Kernel size (pixels)."""
    name = words(parameter)
    unit = DECLARATIONS[parameter].unit
    said = unit in ("", "1", name, name.split()[-1])
    suffix = "" if said else f" ({unit.split(' of ')[0]})"
    return name[0].upper() + name[1:] + suffix


def wrap(label: str, width: int = LONGEST_LABEL) -> str:
    """Break a label between words, and behind hyphens, into lines of at most this width."""
    return "\n".join(textwrap.wrap(label, width, break_long_words=False)) or label


LONGEST_WORD = 14
"""Characters of a class's name without a space that stay on one line beside its neighbours."""


def wrap_name(name: str, width: int) -> str:
    """Break a class's name into at most three lines of about this width; what is over is left out.

    Where there is no space a word is broken, or it would lie over its neighbour.
    """
    longest = max(map(len, name.split()), default=0)
    wide = max(width, min(longest, LONGEST_WORD))
    return "\n".join(textwrap.wrap(name, wide, max_lines=3, placeholder="…")) or name


def brief(names: Sequence[str], most: int) -> list[str]:
    """Shorten the names of classes that are longer than this, each to one that no other has.

    What is left out is in the middle, since names often differ at their ends.
    """
    head = (most - 1) * 2 // 3
    tail = most - 1 - head
    short = [
        name if len(name) <= most else f"{name[:head].rstrip()}…{name[-tail:].lstrip()}"
        for name in names
    ]
    return [
        name if short.count(shortened) > 1 else shortened
        for name, shortened in zip(names, short, strict=True)
    ]


def percent(share: float | None) -> float:
    """Give a share in percent, or a difference of shares in percentage points; NaN for none."""
    return math.nan if share is None else 100 * float(share)


def score(share: float | None, decimals: int = 1) -> str:
    """Write a share in percent without the sign."""
    return base_words.fixed(percent(share), decimals)


def signed(share: float | None, decimals: int = 2) -> str:
    """Write a difference of shares in percentage points, with its sign."""
    return base_words.signed(percent(share), decimals)


def troubles(result: "Result") -> list[str]:
    """Say which runs of an experiment are not complete, such as 1 of 5 diverged."""
    counted = {kind: getattr(result, kind) for kind in ("diverged", "failed", "missing")}
    return [f"{count} of {result.planned} {kind}" for kind, count in counted.items() if count]


def mean_in_words(result: "Result") -> str:
    """Give the mean test score with the number of runs, or say that there is none."""
    if not result.complete:
        return NO_RUN
    return f"{score(result.test.mean)} % (n = {result.complete})"


def aligned(texts: Iterable[str]) -> list[str]:
    """Fill texts up at the left to one length, with spaces that are as wide as a digit."""
    kept = list(texts)
    length = max(map(len, kept), default=0)
    return [text.rjust(length, "\N{FIGURE SPACE}") for text in kept]


def unbroken(text: str) -> str:
    """Keep a number on one line with what belongs to it, as in n = 3 and 95 %."""
    space = "\N{NO-BREAK SPACE}"
    return re.sub(r"(?<=\d) %", f"{space}%", re.sub(r"\bn = (?=\d)", f"n{space}={space}", text))


def size(shape: Iterable[int]) -> str:
    """Write the sides of an array, such as 32×32×3."""
    return "×".join(f"{side:,}" for side in shape)


def operations(macs: int) -> str:
    """Write a number of MACs to three digits, such as 1.47 million MACs."""
    rounded = float(f"{macs:.3g}")
    for unit, word in ((10**9, " billion"), (10**6, " million"), (10**3, " thousand")):
        if rounded >= unit:
            return f"{rounded / unit:g}{word} MACs"
    return f"{macs} MACs"
