"""Cells of CSV files that no spreadsheet runs.

A spreadsheet takes a text that begins with =, +, -, @ or a tab for a formula, be it in quotation
marks or not: a file of somebody else could make it fetch an address or start a program. Such a text
is written behind an apostrophe, and so is one that has apostrophes before those signs, so that one
apostrophe can be taken away again. A carriage return, which many programs take for the end of a
row, is written as a space. Numbers stay as they are.
See https://owasp.org/www-community/attacks/CSV_Injection.
"""

import re

TOLD = (
    "A text that begins with =, +, -, @ or a tab, or with apostrophes before one of these, stands "
    "behind one apostrophe more, so that no spreadsheet runs it: take one away."
)
"""For a data dictionary."""

FORMULA = re.compile(r"'*[=+\-@\t]")

NUMBERS = re.compile(r"[+-][\d.,;eE%+\s-]*")
"""One number or several, which compute nothing that is not in them."""


def harmless(text: str) -> str:
    """Write a text so that a spreadsheet shows it."""
    text = text.replace("\r", " ")
    return f"'{text}" if FORMULA.match(text) and not NUMBERS.fullmatch(text) else text


def as_given(cell: str) -> str:
    """Give the text that a cell was written for."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell
