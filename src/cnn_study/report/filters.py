"""How values are written: numbers with their units and receipts, lists, ids, intervals."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from cnn_study.base import inference, words
from cnn_study.base.words import (
    NONE,
    SPACE,
    count,
    every,
    exact,
    listing,
    numeral,
    plural,
    some,
    whole,
)
from cnn_study.data.audit import kinds
from cnn_study.evidence.cells import Setting, derived
from cnn_study.evidence.judged import Change
from cnn_study.evidence.results import Scores
from cnn_study.evidence.schemas import TOGETHER
from cnn_study.evidence.training_times import ALIKE
from cnn_study.report.comparison import Comparison
from cnn_study.report.fonts import without_unseen
from cnn_study.report.pictures import Figure
from cnn_study.report.receipts import mark
from cnn_study.report.results import Row
from cnn_study.report.scripts import ADDRESS, Script
from cnn_study.study.settings import value_text

ABOUT_AS_LONG = "about as long"
"""Said of training times that do not differ by what is known."""

NO_RUN = "no complete run"
"""Stands for a number of an experiment without one; NONE stands in a table beside it."""

KILOWATT_HOUR = 3.6e6
"""Joules: of less energy, kilojoules are told."""

LITTLE_MEMORY = 0.1
"""Megabytes: of less, kilobytes are told."""

LIKE_A_MARK = re.compile(r"\\\{(?=\\\{\\<|\\#)")
"""The first of a person's signs, escaped, that look like a mark of ours. Set apart from the rest it
is none to whoever looks for marks that nothing has read, and to Quarto."""


def escape(text: str) -> str:
    """Make text that a person wrote mean itself in Markdown, on one line."""
    line = without_unseen(re.sub(rf"[^\S{SPACE}]+", " ", str(text)).strip())
    escaped = re.sub(r"([\\`*_{}\[\]<>|~^$@#&])", r"\\\1", line).replace("--", r"-\-")
    return LIKE_A_MARK.sub(r"[\g<0>]{.verbatim}", escaped)


def verbatim(text: str) -> str:
    """Make a name mean itself, quotation marks and dots included, which a text's are made fine."""
    return re.sub(r"""["']|\.(?=\.)""", r"\\\g<0>", escape(text))


def attribute(text: str) -> str:
    """Make text fit between the quotation marks of a Markdown attribute."""
    line = " ".join(str(text).split()).replace("&", "&amp;")
    return line.replace('"', "&quot;").replace("\\", "\\\\").replace("{{", "{&#123;")


def link(text: str) -> str:
    """Escape text, and make its web addresses links."""
    parts = re.split(r"(https?://\S+?)(?=[.,;]?(?:\s|$))", text)
    return "".join(
        f"<{part}>" if place % 2 else _keep_ends(part) for place, part in enumerate(parts)
    )


def _keep_ends(text: str) -> str:
    start, end = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    return f"{' ' * bool(start)}{escape(text)}{' ' * bool(end)}" if text.strip() else text


def escape_around_citations(text: str) -> str:
    """Escape text in which works are cited as `[@key]`, and keep the citations."""
    parts = re.split(r"(\[@[\w:-]+(?:; @[\w:-]+)*\])", text)
    return "".join(part if place % 2 else _keep_ends(part) for place, part in enumerate(parts))


def score(share: float | None, decimals: int = 2) -> str:
    """Give a share in percent without the sign, for a table that names the unit.

    An end of an interval may lie below 0, where a minus stands before it as before a difference.
    """
    return NO_RUN if share is None else f"{100 * share:.{decimals}f}".replace("-", "−")


def percent(share: float | None, decimals: int = 2) -> str:
    """Give a share in percent."""
    return NO_RUN if share is None else f"{score(share, decimals)}{SPACE}%"


def points(difference: float | None, decimals: int = 2) -> str:
    """Give the size of a difference of shares in percentage points, without its sign."""
    return NO_RUN if difference is None else f"{abs(100 * difference):.{decimals}f}"


def is_nothing(difference: float) -> bool:
    """Tell whether a difference of shares is none once it is written in percentage points."""
    return float(points(difference)) == 0


def signed(difference: float | None, decimals: int = 2) -> str:
    """Give a difference of shares in percentage points, with its sign."""
    return NONE if difference is None else words.signed(100 * difference, decimals)


def gain(difference: float) -> str:
    """Give a difference of shares with its sign and unit; of equal scores, that there is none."""
    if is_nothing(difference):
        return mark("no difference", difference)
    return f"{marked(signed, difference)} percentage points"


def mean_and_deviation(scores: Scores) -> str:
    """Give mean ± standard deviation in percent, for a table; says so where there is one run."""
    if scores.deviation is None:
        return NO_RUN if scores.mean is None else f"{marked(score, scores.mean)} (one run)"
    return f"{marked(score, scores.mean)} ± {marked(score, scores.deviation)}"


def extent(scores: Scores) -> str:
    """Give smallest to largest in percent, for a table."""
    if scores.smallest is None or scores.largest is None:
        return NONE
    return interval(scores.smallest, scores.largest)


def interval(lower: float, upper: float, decimals: int = 2) -> str:
    """Give an interval of shares in percent, for a table; one number if the ends look alike."""
    if score(lower, decimals) == score(upper, decimals):
        return marked(score, lower, decimals)
    return f"{marked(score, lower, decimals)}–{marked(score, upper, decimals)}"


def millions(number: int) -> str:
    """Write a large number in millions; a smaller one in full."""
    return f"{number / 1e6:.2f}{SPACE}million" if number >= 1e6 else count(number)


def decimals(number: float, places: int = 2) -> str:
    """Write a number with so many decimals."""
    return words.fixed(number, places)


def memory(megabytes: float) -> str:
    """Write how much memory something takes: 12.30 megabytes, or 4.56 kilobytes."""
    if megabytes < LITTLE_MEMORY:
        return f"{words.fixed(1000 * megabytes)} kilobytes"
    return f"{words.fixed(megabytes)} megabytes"


def signed_decimals(number: float) -> str:
    """Write a number with its sign and two decimals."""
    return words.signed(number)


def occasions(expected: float) -> str:
    """Say how often something is to be expected, such as: about twice."""
    number = round(expected)
    often = {0: "less than once", 1: "about once", 2: "about twice"}
    return often.get(number, f"about {numeral(number)} times")


def seconds(number: float | None) -> str:
    """Write seconds for a table: one decimal below ten, else none."""
    if number is None:
        return NONE
    return f"{number:.1f}" if number < 10 else count(number)


def kilojoules(number: float | None) -> str:
    """Write joules in thousands, for a table that names the unit."""
    if number is None:
        return NONE
    return f"{number / 1000:.2f}" if number < 1000 else seconds(number / 1000)


def joules(number: float) -> str:
    """Write energy in kilowatt hours where it is much, else in kilojoules."""
    if number >= KILOWATT_HOUR:
        return f"{number / KILOWATT_HOUR:,.1f}{SPACE}kWh"
    return f"{kilojoules(number)}{SPACE}kJ"


def seconds_between(numbers: Sequence[float]) -> str:
    """Write the least and the most of some seconds; one of them where they are written alike."""
    least, most = min(numbers), max(numbers)
    if seconds(least) == seconds(most):
        return marked(seconds, least)
    return f"{marked(seconds, least)} to {marked(seconds, most)}"


def duration(number: float | None) -> str:
    """Write seconds as seconds, minutes or hours."""
    return NO_RUN if number is None else words.duration(number)


def times(ratio: float) -> str:
    """Write a ratio: two digits behind the point where it is small."""
    return f"{ratio:.1f}" if ratio >= 1 else f"{ratio:.2f}"


def short(digest: str) -> str:
    """Give the first characters of a hash, enough to find it by."""
    return digest[:10]


def tally(changes: Sequence[Any], noun: str = "") -> str:
    """Write how many changes there are; the receipt lists their verdicts."""
    number = len(changes)
    known = mark(numeral(number), derived(number, "number of", *changes))
    return f"{known} {noun}{'s' * (number != 1)}" if noun else known


def number_of(things: Sequence[Any]) -> str:
    """Write in figures how many there are, for a table; the receipt lists what is said of them."""
    number = len(things)
    return mark(str(number), derived(number, "number of", *things)) if number else NONE


def reference(id_: str) -> str:
    """Refer to a figure."""
    return f"@fig-{id_}"


def code(text: str) -> str:
    """Set an id as code."""
    return f"`{text}`"


def confidence(effect: Any, decimals: int = 2) -> str:
    """Give the ends of an interval for a difference in percentage points, such as −0.2 to +1.4."""
    if effect.lower is None:
        return NONE
    return f"{marked(signed, effect.lower, decimals)} to {marked(signed, effect.upper, decimals)}"


def probability(p: float | None) -> str:
    """Write a p value with two digits; a very small one as what it is below.

    The sign is escaped: from each bare one Pandoc looks for HTML as far as the table goes, which
    for a table of hundreds of rows takes longer than all else.
    """
    if p is None:
        return NONE
    return r"\< 0.0001" if p < 0.0001 else f"{p:#.2g}" if p < 0.1 else f"{p:.2f}"


def evidence(effect: Any) -> str:
    """Write a difference with all that tells how sure it is, for a sentence."""
    parts = [f"{inference.LEVEL:.0%} interval {confidence(effect)}".replace("%", f"{SPACE}%")]
    parts += [f"n{SPACE}={SPACE}{effect.n}"]
    if effect.p_holm is not None:
        parts.append(f"corrected _p_ {marked(_equals, effect.p_holm)}")
    return f"{marked(signed, effect.mean)} percentage points ({', '.join(parts)})"


def _equals(p: float) -> str:
    text = probability(p)
    return text.replace("< ", f"<{SPACE}") if text.startswith(r"\<") else f"={SPACE}{text}"


def contrast_verdict(contrast: Any) -> str:
    """Put the verdict of a contrast so that it fits what is contrasted."""
    if contrast.kind == "main effect":
        return contrast.test.verdict
    return TOGETHER.get(contrast.test.verdict, contrast.test.verdict)


def balance(number: float | None) -> str:
    """Write a difference of counts or seconds with its sign."""
    return NONE if number is None else words.signed(number, 0)


def troubles(comparison: Comparison, labels: dict[str, str]) -> str:
    """Say which runs are not in the means, experiments with the same trouble together."""
    names_by_trouble: dict[str, list[str]] = {}
    for result in comparison.troubles:
        counts = {kind: getattr(result, kind) for kind in ("diverged", "failed", "missing")}
        text = ", ".join(f"{plural(n, 'run')} {kind}" for kind, n in counts.items() if n)
        names_by_trouble.setdefault(text, []).append(labels[result.id])
    return "; ".join(
        f"{listing(names)}: {text}{' each' if len(names) > 1 else ''}"
        for text, names in names_by_trouble.items()
    )


def confirmed(confirmation: Mapping[str, Any]) -> str:
    """Say how many suggestions fresh seeds confirm, of those that were tried with all of them."""
    tried, held = len(confirmation["judged"]), len(confirmation["confirmed"])
    if tried == 1:
        return f"the one suggestion that was tried again is {'' if held else 'not '}confirmed"
    so_many = f"{numeral(held) if held else 'none'} {'is' if held <= 1 else 'are'}"
    return f"of {plural(tried, 'suggestion')} tried again, {so_many} confirmed"


def price(row: Row) -> str:
    """Say what a model costs beside its reference."""
    parameters = _so_many(row.parameters_ratio, "as many parameters", "the parameters")
    macs = _so_many(row.macs_ratio, "as much arithmetic", "the arithmetic")
    return f"{parameters} and {macs} for an image"


def _so_many(ratio: float, same: str, what: str) -> str:
    """Write a ratio in words, where what is meant is the same or about the same."""
    if ratio == 1:
        return same
    text = times(ratio)
    return f"about {same}" if text == "1.0" else f"{mark(text, ratio)} times {what}"


def paid_for(row: Row) -> str:
    """Say what a gain is paid for with, for the end of a sentence; what is about the same is not.

    Training is spoken of in any case, where its time is known.
    """
    ratios = {"parameters": row.parameters_ratio, "arithmetic": row.macs_ratio}
    parts = [
        f"{marked(times, ratio)} times the {what}"
        for what, ratio in ratios.items()
        if times(ratio) != "1.0"
    ]
    if row.seconds_ratio is not None:
        longer = row.seconds_ratio
        alike = row.about_as_long
        parts.append(
            "about the same training time"
            if alike
            else f"{marked(times, longer)} times the training"
        )
    return f", for {listing(parts)}" if parts else ""


def as_long(ratio: float, alike: bool = False) -> str:
    """Say how long something takes beside something else.

    Args:
        alike: whether it takes about as long, as far as is known, whatever the ratio is.
    """
    if alike or abs(ratio - 1) < ALIKE:
        return ABOUT_AS_LONG
    return f"{mark(times(ratio), ratio)} times as long"


def training_time(change: Change) -> str:
    """Write how much longer a change trains than its reference, in seconds, with the interval."""
    row = change.row
    if change.about_as_long:
        return ABOUT_AS_LONG
    difference = marked(_more_seconds, row["seconds_difference"])
    if row["seconds_lower"] is None or row["seconds_lower"] == row["seconds_upper"]:
        return difference
    ends = (marked(_more_seconds, row[f"seconds_{end}"]) for end in ("lower", "upper"))
    return f"{difference} ({' to '.join(ends)})"


def _more_seconds(number: float | None) -> str:
    """Write a difference in seconds: one decimal below ten, else none."""
    return NONE if number is None else words.signed(number, 1 if abs(number) < 10 else 0)


def set_to(settings: dict[str, Setting]) -> str:
    """Write settings and their values, such as `filters` 8-16-32 and `kernel_size` 3."""
    return listing(f"{code(name)} {marked(escape, value)}" for name, value in settings.items())


def set_otherwise(settings: dict[str, Setting], kept: dict[str, Setting]) -> str:
    """Write the settings that are not as they were, and their values."""
    return set_to({name: value for name, value in settings.items() if value != kept[name]})


def matrix(rows: Iterable[Iterable[int]]) -> str:
    """Write a matrix of whole numbers in TeX."""
    lines = r" \\ ".join(" & ".join(map(str, row)) for row in rows)
    return rf"\begin{{bmatrix}} {lines} \end{{bmatrix}}"


def picture(figure: Figure) -> str:
    """Write a figure; the end of its caption, which counts the runs, has a receipt."""
    caption = escape(figure.caption.removesuffix(figure.count))
    if figure.count:
        caption = f"{caption} {mark(escape(figure.count), figure)}"
    return f'![{caption}]({figure.path}){{#fig-{figure.id} fig-alt="{attribute(figure.alt)}"}}'


def download(script: Script) -> str:
    """Write a script's name; on the web it is a link that brings the whole file along."""
    web, paper = ('.content-visible when-format="html"', '.content-visible when-format="typst"')
    link = f"[{script.file}]({ADDRESS}{script.file}){{.download download={script.file}}}"
    return f"[{link}]{{{web}}}[`{script.file}`]{{{paper}}}"


def marked(function: Callable[..., str], number: Any, *arguments: Any) -> str:
    """Write a number, with a mark for its receipt if it has one."""
    text = function(number, *arguments)
    return text if text in (NONE, NO_RUN) else mark(text, number)


NUMBERS = (
    *(score, percent, points, signed, count, millions, seconds, duration, times, decimals),
    *(memory, signed_decimals, probability, balance, kilojoules, joules),
)
"""Filters that write one number, with its receipt."""


TEXTS = (
    *(mark, escape, verbatim, escape_around_citations, attribute, link),
    *(gain, mean_and_deviation, extent, interval, seconds_between),
    *(is_nothing, kinds, tally, number_of, plural, every, listing, some, code, reference, troubles),
    *(price, paid_for),
    *(as_long, training_time, set_to, set_otherwise, matrix, whole, exact, value_text),
    *(short, confidence, evidence, contrast_verdict, picture, occasions, confirmed, download),
)

FILTERS = (
    {function.__name__: partial(marked, function) for function in NUMBERS}
    | {function.__name__: function for function in TEXTS}
    | {
        "words": numeral,
        "setting": partial(marked, escape),
        "yaml": partial(json.dumps, ensure_ascii=False),
        "of": lambda key, names: names[key],
        "sentence": lambda text: text[:1].upper() + text[1:],
        "lower_first": lambda text: text[:1].lower() + text[1:],
    }
)
