"""Which signs of a text can be seen: those that the fonts of the PDF and of the figures have.

Knows nothing of studies.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    import typst


class TypstOptions(TypedDict):
    """What Typst is asked for."""

    ignore_system_fonts: bool
    pdf_standards: Literal["ua-1"]
    format: Literal["pdf"]


TYPST: TypstOptions = {"ignore_system_fonts": True, "pdf_standards": "ua-1", "format": "pdf"}
"""How the PDF is made: for readers who cannot see it too, with the fonts that Typst brings."""

NO_FONT = re.compile(r'the text `"(.+?)"` could not be displayed')

UNSEEN = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")
"""Kinds of signs that show nothing themselves: they control, turn the direction of what follows,
take no room, or are nobody's (https://www.unicode.org/reports/tr44/#General_Category_Values)."""

SEEN_AS_SPACE = "\t\n\r\u00ad"
"""What is among them and harmless: spaces, ends of lines, places where a word may be divided."""


def unseen(text: str) -> list[str]:
    """List the signs of a text that nobody would see, by their numbers."""
    return [f"U+{ord(sign):04X}" for sign in dict.fromkeys(text) if _is_unseen(sign)]


def without_unseen(text: str) -> str:
    """Leave out what nobody would see, and over which a PDF may not come about.

    What a study says is checked before; what a record of somebody else says is not.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(sign for sign in text if not _is_unseen(sign))


def _is_unseen(sign: str) -> bool:
    return unicodedata.category(sign) in UNSEEN and sign not in SEEN_AS_SPACE


def unprinted(texts: Sequence[str]) -> list[list[str]]:
    """Find the signs of each text that the PDF's fonts do not have: Chinese ones, say, or emoji.

    Those that show nothing are no matter of fonts.
    """
    strange = [text for text in dict.fromkeys(texts) if not text.isascii()]
    missing = {}
    if _unset(strange):
        missing = {text: _unset([text]) for text in strange}
    return [missing.get(text, []) for text in texts]


def _unset(texts: list[str]) -> list[str]:
    """Have texts set as in the report, and list the signs that are in none of Typst's fonts."""
    if not texts:
        return []
    import typst

    lines = ("".join(f"\\u{{{ord(sign):x}}}" for sign in without_unseen(text)) for text in texts)
    document = '#set document(title: "Texts")' + "".join(f'\n\n#"{line}"' for line in lines)
    try:
        typst.compile(document.encode(), **TYPST)
    except typst.TypstError as error:
        return signs_without_font(error)
    return []


def signs_without_font(error: "typst.TypstError") -> list[str]:
    """List the signs over which Typst made no PDF, because it has no font for them."""
    return list(dict.fromkeys(NO_FONT.findall(error.diagnostic or str(error))))


def undrawn(text: str) -> list[str]:
    """List the signs of a text that show something and that DejaVu Sans, in figures, lacks."""
    if text.isascii():
        return []
    return [
        sign
        for sign in dict.fromkeys(text)
        if not sign.isspace() and not _is_unseen(sign) and ord(sign) not in _drawn()
    ]


def right_to_left(text: str) -> list[str]:
    """List the letters of a text that are read from the right, which Matplotlib sets as they come.

    Those of the Unicode kinds R and AL (https://www.unicode.org/reports/tr9/): Hebrew, Arabic.
    """
    if text.isascii():
        return []
    return [sign for sign in dict.fromkeys(text) if unicodedata.bidirectional(sign) in ("R", "AL")]


@cache
def _drawn() -> frozenset[int]:
    import matplotlib
    from matplotlib.ft2font import FT2Font

    font = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return frozenset(FT2Font(str(font)).get_charmap())
