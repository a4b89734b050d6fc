"""Numbers and lists as words: what the report, the figures and the logs write alike.

Pure functions; knows nothing of studies, of Markdown or of Matplotlib.
"""

from collections.abc import Iterable
from typing import Any

NONE = "–"
"""Stands where a number would, if there is none."""

SPACE = "\N{NO-BREAK SPACE}"
"""Between a number and its unit; a line does not break there."""

NUMERALS = (
    *("no", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)

SHOWN = 10
"""Of what a message lists, so many are named; the rest is counted."""

# ------------------------------------------------------------------------------- whole numbers


def count(number: float) -> str:
    """Write a number without decimals, with commas between thousands."""
    return f"{number:,.0f}"


def numeral(number: int) -> str:
    """Write a small whole number as a word."""
    return NUMERALS[number] if number < len(NUMERALS) else count(number)


def plural(number: int, noun: str, nouns: str = "") -> str:
    """Write one run, two runs, 13 runs."""
    return f"{numeral(number)} {noun if number == 1 else nouns or noun + 's'}"


def counted(number: int, noun: str, nouns: str = "") -> str:
    """Write 1 run, 2 runs, 13 runs."""
    return f"{number} {noun if number == 1 else nouns or noun + 's'}"


def every(number: int, noun: str) -> str:
    """Write all of so many: the one run, both runs, all three runs."""
    said = {1: "the one", 2: "both"}.get(number, f"all {numeral(number)}")
    return f"{said} {noun}{'s' * (number != 1)}"


def listing(parts: Iterable[Any], last: str = "and") -> str:
    """Write a, b and c."""
    *firsts, end = map(str, parts)
    return f"{', '.join(firsts)} {last} {end}" if firsts else end


def first_lines(parts: Iterable[Any], last: str = "… and {} more", most: int = SHOWN) -> list[str]:
    """Write the first ten of many, for a message, and how many there are besides."""
    listed = list(map(str, parts))
    more = len(listed) - most
    return [*listed[:most], *([last.format(count(more))] if more > 0 else [])]


def cut(text: str, most: int) -> str:
    """Write a text, and of a longer one what so many characters hold."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def first_of(parts: Iterable[Any], most: int = SHOWN) -> str:
    """Write a, b, c and how many more there are than so many."""
    listed = list(map(str, parts))
    more = len(listed) - most
    return ", ".join(listed[:most]) + (f" and {more:,} more" if more > 0 else "")


def some(parts: Iterable[Any], most: int = SHOWN) -> str:
    """Write a, b and c; of more than so many the first, and how many more there are."""
    kept = list(parts)
    return listing(kept) if len(kept) <= most else first_of(kept, most)


# ------------------------------------------------------------------------------- fractions


def fixed(number: float, decimals: int = 2) -> str:
    """Write a number with so many decimals, and a minus as long as a plus."""
    return f"{number:.{decimals}f}".replace("-", "−")


def exact(number: float) -> str:
    """Write a number with all its digits."""
    return f"{number:g}"


def whole(number: float) -> str:
    """Write a number that happens to be whole as it is; else with two decimals."""
    return count(number) if float(number).is_integer() else fixed(number)


def signed(number: float, decimals: int = 2) -> str:
    """Write a difference with its sign, such as +1.90 or −0.51; what rounds to zero has none."""
    rounded = round(float(number), decimals)
    sign = "+" if rounded > 0 else "−" if rounded < 0 else ""
    return f"{sign}{abs(rounded):,.{decimals}f}"


def percent(share: float | None, decimals: int = 2) -> str:
    """Write a share such as 0.5842 as 58.42 %."""
    return NONE if share is None else f"{100 * share:.{decimals}f} %"


def megabytes(size: int) -> str:
    """Write how many bytes there are as millions of them: 12.3 MB."""
    return f"{size / 1e6:.1f}{SPACE}MB"


# ------------------------------------------------------------------------------- times


def duration(seconds: float) -> str:
    """Write a time as seconds, minutes or hours, for a sentence: 2.5 hours."""
    for size, unit in ((3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f}{SPACE}{unit}"
    return f"{seconds:.1f}{SPACE}seconds"


def short_duration(seconds: float) -> str:
    """Write a time for a line of a log: 40 s, 12 min, 1 h 05 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
