"""What stands in finished pages: passages of text, and the numbers that have a receipt."""

import re
from dataclasses import dataclass
from html.parser import HTMLParser

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
ENDS = (*HEADINGS, "p", "li", "td", "th", "tr", "figcaption", "caption", "div", "pre", "dd", "dt")
"""Elements that end a passage."""


@dataclass(frozen=True)
class Passage:
    """A piece of text, and where a reader finds it."""

    place: str
    text: str


@dataclass(frozen=True)
class Marked:
    """A number that has a receipt, as it stands in a page.

    Attributes:
        key: how it was made and its cells, as the page names them.
        place: heading that it stands under.
    """

    key: str
    text: str
    place: str


class Page(HTMLParser):
    """Reads passages, numbers with a receipt, and scripts of a page, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.passages: list[Passage] = []
        self.marked: list[Marked] = []
        self._words: list[str] = []
        self._heading, self._inside = "the beginning", ""
        self._key: str | None = None
        self._number: list[str] = []
        self._script = 0
        self.feed(text)
        self._end()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a passage, a number or a script; take a picture with its words."""
        given = dict(attrs)
        if tag in ENDS:
            self._end()
        if tag in HEADINGS:
            self._inside = tag
        if tag in ("script", "style"):
            self._script += 1
        if tag == "span" and given.get("class") == "receipt" and "data-key" in given:
            self._key, self._number = given["data-key"] or "", []
        if tag == "img":
            self._words.append(given.get("alt") or "")
            self._end()
            self.passages.append(Passage(f"a picture in {self._heading}", given.get("src") or ""))

    def handle_endtag(self, tag: str) -> None:
        """End a passage, a number, a heading or a script."""
        if tag in ("script", "style"):
            self._end()
            self._script = max(0, self._script - 1)
        if tag == "span" and self._key is not None:
            self.marked.append(Marked(self._key, plain("".join(self._number)), self._heading))
            self._key = None
        if tag in HEADINGS and self._inside:
            self._heading, self._inside = plain("".join(self._words)), ""
        if tag in ENDS:
            self._end()

    def handle_data(self, data: str) -> None:
        """Take words."""
        self._words.append(data)
        if self._key is not None:
            self._number.append(data)

    def _end(self) -> None:
        text = plain("".join(self._words))
        self._words = []
        if text:
            place = f"data behind {self._heading}" if self._script else self._heading
            self.passages.append(Passage(place, text))


def plain(text: str) -> str:
    """Let blanks of all kinds be one blank, and leave out what only says where lines may break."""
    return re.sub(r"\s+", " ", re.sub("[\u00ad\u200b\u2060]", "", text)).strip()


def passages_of_html(content: bytes) -> list[Passage]:
    """Give the passages of a page, its pictures and scripts among them."""
    return Page(content.decode()).passages


def passages_of_pdf(content: bytes) -> list[Passage]:
    """Give the text of a PDF, line by line."""
    return [
        Passage(f"page {number}", plain(line))
        for number, text in enumerate(texts_of_pdf(content), start=1)
        for line in text.splitlines()
    ]


def texts_of_pdf(content: bytes) -> list[str]:
    """Give the text of each page of a PDF.

    Raises:
        ValueError: it cannot be read.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        raise ValueError(f"it is no PDF that can be read: {error}") from None
    with document:
        return [page.get_textpage().get_text_range() for page in document]
