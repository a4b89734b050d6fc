"""Formulas that page and PDF can show, found by setting them as both do.

Pandoc turns TeX into MathML and into Typst's mathematics, and knows no command that links, loads,
names a class or styles: what it does not know is refused here, and so is what Typst cannot set.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from cnn_study.report.fonts import TYPST, signs_without_font
from cnn_study.report.pandoc import TooLong, run_pandoc

SECONDS = 10

LONGEST, DEEPEST = 1000, 20
"""Characters, and braces within braces: by fractions 800 deep Typst ends the process it runs in."""

API = [1, 23, 1]
"""Of Pandoc's tree, in which formulas are handed over: it takes that of any 1.23."""

APART = "\n\n#pagebreak()\n\n"


def faults_of(formulas: Iterable[str]) -> dict[str, str]:
    """Say of each formula that cannot be shown, without its dollar signs, why not."""
    distinct = list(dict.fromkeys(formulas))
    faults = {formula: reason for formula in distinct if (reason := _too_much(formula))}
    simple = [formula for formula in distinct if formula not in faults]
    return faults | _faults_of(simple) if simple else faults


def _too_much(formula: str) -> str:
    """Say what is too much for Pandoc or Typst; nothing if it is not."""
    if len(formula) > LONGEST:
        return f"it has {len(formula):,} characters; at most {LONGEST:,} are allowed"
    deepest = depth(formula, "{", "}")
    if deepest > DEEPEST:
        return f"braces stand {deepest} deep within braces; at most {DEEPEST} are allowed"
    return ""


def depth(text: str, opening: str, closing: str) -> int:
    """Count how many signs are open at once at most; those behind a backslash are none."""
    deepest = open_now = 0
    for sign in re.findall(r"\\.|[^\\]", text, re.DOTALL):
        open_now = max(0, open_now + (sign == opening) - (sign == closing))
        deepest = max(deepest, open_now)
    return deepest


def _faults_of(formulas: list[str]) -> dict[str, str]:
    try:
        faults, written = _read(formulas)
    except TooLong:
        return dict(_slow(formulas))
    rest = {formula: text for formula, text in written.items() if formula not in faults}
    return faults | dict(_unset(rest))


def _slow(formulas: list[str]) -> Iterator[tuple[str, str]]:
    """Take formulas one by one where all together take too long."""
    if len(formulas) == 1:
        yield formulas[0], f"it is not read in {SECONDS} seconds"
        return
    for formula in formulas:
        yield from _faults_of([formula]).items()


def _read(formulas: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Have formulas read for page and PDF.

    Returns:
        Why some cannot be, by formula; and all of them as Typst reads them.
    """
    blocks = [{"t": "Para", "c": [{"t": "Math", "c": [{"t": "DisplayMath"}, formula]}]}
              for formula in formulas]  # fmt: skip
    tree = json.dumps({"pandoc-api-version": API, "meta": {}, "blocks": _with_breaks(blocks)})
    typst = run_pandoc(["--from=json", "--to=typst", "--wrap=none"], SECONDS, tree)
    page = run_pandoc(["--from=json", "--to=html5", "--mathml"], SECONDS, tree)
    reasons = {}
    for entry in (*page.log, *typst.log):
        formula = next((each for each in formulas if each == entry.get("contents")), None)
        if formula:
            reasons[formula] = _reason(entry)
    return reasons, dict(zip(formulas, typst.written.split(APART.strip()), strict=True))


def _with_breaks(blocks: list[Any]) -> list[Any]:
    """Put a mark between blocks by which what is written of them can be told apart."""
    mark = {"t": "RawBlock", "c": ["typst", APART.strip()]}
    return [part for block in blocks for part in (mark, block)][1:]


def _reason(entry: dict[str, Any]) -> str:
    """Give the last of what Pandoc's reader says: what it met, such as an unknown command."""
    lines = entry["message"].strip().splitlines()
    unknown = [line for line in lines if line.startswith("unexpected")]
    text = unknown[0] if unknown else lines[-1]
    return re.sub(r"^unexpected control sequence", "no such command as", text)


def _unset(written: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Have Typst set formulas, all at once and, if it cannot, one by one."""
    if not written or not _typst_fault("\n\n".join(written.values())):
        return
    for formula, text in written.items():
        if fault := _typst_fault(text):
            yield formula, fault


def _typst_fault(text: str) -> str:
    import typst

    title = '#set document(title: "Formulas")\n#show math.equation: set math.equation(alt: "x")\n'
    try:
        typst.compile((title + text).encode(), **TYPST)
    except typst.TypstError as error:
        signs = signs_without_font(error)
        return f"the PDF's fonts do not have {', '.join(signs)}" if signs else str(error)
    return ""
