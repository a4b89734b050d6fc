"""Puts the values of a study into the report's templates: tables and figures in, Quarto text out.

Only puts into words: `values` says what there is to say, the templates in report/ say it.
"""

import json
import math
import re
import traceback
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError

from cnn_study import inference, inspection, live, receipts, values
from cnn_study.errors import UserError
from cnn_study.receipts import mark
from cnn_study.records import write_whole
from cnn_study.study import Study
from cnn_study.values import Comparison, Row, Scores, value_text

TEMPLATE = Path(__file__).resolve().parents[2] / "report" / "index.qmd.j2"

RECEIPTS, LIVE = "receipts.html", "live.html"

NO_RUN = "no complete run"
NONE = "–"
"""In a table, beside a cell that says NO_RUN."""

SPACE = "\u00a0"
"""Between a number and its unit; a line does not break there."""


def write(
    study: Study,
    tables: Path,
    evidence: Path,
    figures: Path,
    output: Path,
    inspected: Path | None = None,
    template: Path = TEMPLATE,
) -> None:
    """Write the text of a study's report, whole or not at all.

    Equal tables and templates give equal bytes. Paths of pictures start from the folder that
    holds `figures`: give that folder to `render.render` as `resources`. Beside the text stands
    `receipts.html`, which the page takes in: where every number comes from; and, where the base's
    weights are kept, `live.html`, the trained network that runs in the page.

    Args:
        tables: folder of the CSV tables.
        evidence: folder of what `evidence.analyse` wrote.
        figures: folder of the pictures and of figures.json.
        output: the Quarto document, such as results/cifar10/report/index.qmd.
        inspected: facts of the inspection, if there is one.
        template: the document's template; the parts that it includes lie beside it.

    Raises:
        UserError: tables, evidence or figures are missing or not this study's, no run has a record,
            or a template asks for a value that is not there; names template and line.
    """
    text = fill(template, values.gather(study, tables, evidence, figures, inspected))
    page = receipts.fragment(text, study, tables.parent)
    write_whole(output.with_name(RECEIPTS), lambda file: file.write(page.encode()))
    network = _network(study, tables.parent, inspected)
    write_whole(output.with_name(LIVE), lambda file: file.write(network.encode()))
    write_whole(output, lambda file: file.write(text.encode()))


def _network(study: Study, results: Path, inspected: Path | None) -> str:
    """Write the page's part that runs the base's trained network; nothing if it is not kept."""
    seen = inspection.read(inspected) if inspected else None
    found = values.live_network(study, seen)
    if found is None:
        return ""
    made = live.network(
        study.experiments["base"].settings,
        study.dataset.image_shape,
        study.dataset.class_names,
        inspection.weights(found, results),
        scale=found.scale,
        offset=found.offset,
        images=seen.arrays["shown_images"],
        labels=seen.arrays["shown_labels"],
        facts={"experiment": "base", "seed": found.seed, "test_accuracy": found.test_accuracy},
    )
    return live.fragment(made)


# ------------------------------------------------------------------------------- templates


def fill(template: Path, context: dict[str, Any]) -> str:
    """Fill a template; nothing undefined, empty (None) or NaN is ever printed.

    Raises:
        UserError: says what is wrong, in which template, on which line.
    """
    environment = Environment(
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        finalize=_refuse_nothing,
        loader=FileSystemLoader(template.parent),
    )
    environment.filters |= FILTERS
    try:
        return _tidy(environment.get_template(template.name).render(context))
    except TemplateError as error:
        where = _place(error, template)
        raise UserError(f"{where}: {error.message}. The report was not written.") from None


class _Nothing(TemplateError):
    """A template prints a value that is not there."""


def _refuse_nothing(value: Any) -> Any:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        raise _Nothing("a value is printed that is not there (None or NaN); ask for it first")
    return value


def _place(error: TemplateError, template: Path) -> str:
    """Name the template and the line that an error comes from."""
    line = getattr(error, "lineno", None)
    if line:
        return f"{error.filename or template}, line {line}"
    folder = str(template.parent)
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if frame.filename.startswith(folder)]
    return f"{inside[-1].filename}, line {inside[-1].lineno}" if inside else str(template)


def _tidy(text: str) -> str:
    """Remove what templates leave behind.

    That is spaces at line ends, a second empty line, and the line break before a full stop, comma
    or semicolon that stood on a line of its own.
    """
    text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"\n([.,;])(?=\s)", r"\1", text))


# ------------------------------------------------------------------------------- filters


def escape(text: str) -> str:
    """Make text that a person wrote mean itself in Markdown, on one line."""
    line = " ".join(str(text).split())
    return re.sub(r"([\\`*_{}\[\]<>|~^$@#&])", r"\\\1", line).replace("--", r"-\-")


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


def score(share: float | None, decimals: int = 2) -> str:
    """Give a share in percent without the sign, for a table that names the unit."""
    return NO_RUN if share is None else f"{100 * share:.{decimals}f}"


def percent(share: float | None, decimals: int = 2) -> str:
    """Give a share in percent."""
    return NO_RUN if share is None else f"{score(share, decimals)}{SPACE}%"


def points(difference: float | None) -> str:
    """Give the size of a difference of shares in percentage points, without its sign."""
    return NO_RUN if difference is None else f"{abs(100 * difference):.2f}"


def signed(difference: float | None) -> str:
    """Give a difference of shares in percentage points, with its sign."""
    if difference is None:
        return NONE
    text = points(difference)
    return text if float(text) == 0 else f"{'−' if difference < 0 else '+'}{text}"


def mean_and_deviation(scores: Scores) -> str:
    """Give mean ± standard deviation in percent, for a table; says so where there is one run."""
    if scores.deviation is None:
        return NO_RUN if scores.mean is None else f"{marked(score, scores.mean)} (one run)"
    return f"{marked(score, scores.mean)} ± {marked(score, scores.deviation)}"


def extent(scores: Scores) -> str:
    """Give smallest to largest in percent, for a table."""
    if scores.smallest is None:
        return NONE
    return interval(scores.smallest, scores.largest)


def interval(lower: float, upper: float) -> str:
    """Give an interval of shares in percent, for a table; one number if the ends look alike."""
    if score(lower) == score(upper):
        return marked(score, lower)
    return f"{marked(score, lower)}–{marked(score, upper)}"


def count(number: float) -> str:
    """Write a number without decimals, with commas between thousands."""
    return f"{number:,.0f}"


def millions(number: int) -> str:
    """Write a large number in millions; a smaller one in full."""
    return f"{number / 1e6:.2f}{SPACE}million" if number >= 1e6 else count(number)


def seconds(number: float | None) -> str:
    """Write seconds for a table: one decimal below ten, else none."""
    if number is None:
        return NONE
    return f"{number:.1f}" if number < 10 else count(number)


def duration(number: float | None) -> str:
    """Write seconds as seconds, minutes or hours."""
    if number is None:
        return NO_RUN
    for size, unit in ((3600, "hours"), (60, "minutes")):
        if number >= 2 * size:
            return f"{number / size:.1f}{SPACE}{unit}"
    return f"{number:.1f}{SPACE}seconds"


def times(ratio: float) -> str:
    """Write a ratio: two digits behind the point where it is small."""
    return f"{ratio:.1f}" if ratio >= 1 else f"{ratio:.2f}"


WORDS = (
    *("no", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)


def words(number: int) -> str:
    """Write a small whole number as a word."""
    return WORDS[number] if number < len(WORDS) else count(number)


def decimals(number: float) -> str:
    """Write a number with two decimals."""
    return f"{number:.2f}".replace("-", "−")


def short(digest: str) -> str:
    """Give the first characters of a hash, enough to find it by."""
    return digest[:10]


def plural(number: int, noun: str, nouns: str = "") -> str:
    """Write one run, two runs, 13 runs."""
    return f"{words(number)} {noun if number == 1 else nouns or noun + 's'}"


def listing(parts: Iterable[Any], last: str = "and") -> str:
    """Write a, b and c."""
    *firsts, end = map(str, parts)
    return f"{', '.join(firsts)} {last} {end}" if firsts else end


def code(text: str) -> str:
    """Set an id as code."""
    return f"`{text}`"


def confidence(effect: Any) -> str:
    """Give the ends of an interval for a difference in percentage points, such as −0.2 to +1.4."""
    if effect.lower is None:
        return NONE
    return f"{marked(signed, effect.lower)} to {marked(signed, effect.upper)}"


def probability(p: float | None) -> str:
    """Write a p value with two digits; a very small one as what it is below."""
    if p is None:
        return NONE
    return "< 0.0001" if p < 0.0001 else f"{p:.2g}" if p < 0.1 else f"{p:.2f}"


def evidence(effect: Any) -> str:
    """Write a difference with all that tells how sure it is, for a sentence."""
    parts = [f"{inference.LEVEL:.0%} interval {confidence(effect)}".replace("%", f"{SPACE}%")]
    parts += [plural(effect.pairs, "pair")]
    if effect.p_holm is not None:
        parts.append(f"corrected _p_ {marked(_equals, effect.p_holm)}")
    return f"{marked(signed, effect.difference)} percentage points ({', '.join(parts)})"


def _equals(p: float) -> str:
    text = probability(p)
    return text.replace("< ", f"<{SPACE}") if text.startswith("<") else f"={SPACE}{text}"


def contrast_verdict(contrast: Any) -> str:
    """Put the verdict of a contrast so that it fits what is contrasted."""
    if contrast.kind == "main effect":
        return contrast.test.verdict
    together = {"helps": "more than the sum", "hurts": "less than the sum"}
    return together.get(contrast.test.verdict, contrast.test.verdict)


def balance(number: float | None) -> str:
    """Write a difference of counts or seconds with its sign."""
    if number is None:
        return NONE
    text = f"{abs(number):,.0f}"
    return text if text == "0" else f"{'−' if number < 0 else '+'}{text}"


def troubles(comparison: Comparison) -> str:
    """Say which runs are not in the means, experiments with the same trouble together."""
    found: dict[str, list[str]] = {}
    for result in comparison.troubles:
        counts = {kind: getattr(result, kind) for kind in ("diverged", "failed", "missing")}
        text = ", ".join(f"{plural(n, 'run')} {kind}" for kind, n in counts.items() if n)
        found.setdefault(text, []).append(code(result.id))
    return "; ".join(
        f"{listing(names)}: {text}{' each' if len(names) > 1 else ''}"
        for text, names in found.items()
    )


def price(row: Row) -> str:
    """Say what a model costs beside its reference."""
    if row.parameters_ratio == row.macs_ratio == 1:
        return "as many parameters and as much arithmetic for an image"
    parameters, macs = times(row.parameters_ratio), times(row.macs_ratio)
    if parameters == macs == "1.0":
        return "about as many parameters and as much arithmetic for an image"
    return (
        f"{mark(parameters, row.parameters_ratio)} times the parameters and "
        f"{mark(macs, row.macs_ratio)} times the arithmetic for an image"
    )


def as_long(ratio: float) -> str:
    """Say how long something takes beside something else."""
    text = times(ratio)
    return "about as long" if text == "1.0" else f"{mark(text, ratio)} times as long"


def set_to(settings: dict[str, str]) -> str:
    """Write settings and their values, such as `filters` 8-16-32 and `kernel_size` 3."""
    return listing(f"{code(name)} {escape(value)}" for name, value in settings.items())


def changed(settings: dict[str, str], kept: dict[str, str]) -> str:
    """Write the settings that are not as they were, such as `kernel_size` 3 instead of 7."""
    return listing(
        f"{code(name)} {escape(value)} instead of {escape(kept[name])}"
        for name, value in settings.items()
        if value != kept[name]
    )


def matrix(rows: Iterable[Iterable[int]]) -> str:
    """Write a matrix of whole numbers in TeX."""
    lines = r" \\ ".join(" & ".join(map(str, row)) for row in rows)
    return rf"\begin{{bmatrix}} {lines} \end{{bmatrix}}"


def marked(function: Callable[..., str], number: Any, *arguments: Any) -> str:
    """Write a number, with a mark for its receipt if it has one."""
    text = function(number, *arguments)
    return text if text in (NONE, NO_RUN) else mark(text, number)


NUMBERS = (
    *(score, percent, points, signed, count, millions, seconds, duration, times, decimals),
    *(probability, balance),
)
"""Filters that write one number, with its receipt."""

TEXTS = (
    *(escape, attribute, link, mean_and_deviation, extent, interval, words, plural, listing),
    *(code, troubles, price, as_long, set_to, changed, matrix, value_text, short),
    *(confidence, evidence, contrast_verdict),
)

FILTERS = (
    {function.__name__: partial(marked, function) for function in NUMBERS}
    | {function.__name__: function for function in TEXTS}
    | {
        "yaml": partial(json.dumps, ensure_ascii=False),
        "sentence": lambda text: text[:1].upper() + text[1:],
    }
)
