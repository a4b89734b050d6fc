"""What a finished page must hold: every link leads somewhere, and no mark is left unread."""

import re
from collections import Counter
from html.parser import HTMLParser

UNREAD = {
    "html": re.compile(r"\{\{<|(?<!\S)\{#\S*"),
    "typst": re.compile(r"\{\{\\<|(?<!\S)\{\\#\S*"),
}
"""Marks of Quarto that nothing made use of, as a writer leaves them in the text; not in code.

Such signs of a person do not stand together there: see `filters.escape`.
"""

PROGRAM = re.compile(
    r"\s*(?!https?:|mailto:|data:text/x-python;base64,)[a-z][a-z0-9+.\s-]*:", re.IGNORECASE
)
"""How a link begins that leads neither to a page nor to a file, nor holds a script to take home."""


# What the finished page must hold


def unread(target: str, text: str) -> list[str]:
    """Name the marks that nothing made use of: they would stand in the page as they are."""
    marks = (mark.replace("\\", "") for mark in UNREAD[target].findall(text))
    return [f"this mark is not understood: {mark}" for mark in marks]


class _Page(HTMLParser):
    """The ids, links, pictures, fetched addresses and unread marks of an HTML page."""

    VERBATIM = ("annotation", "code", "script", "style", "title")

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.anchors: list[str] = []
        self.fetched: list[str] = []
        self.without_alt: list[str] = []
        self.unread: list[str] = []
        self.programs: list[str] = []
        self.verbatim = 0

    def handle_data(self, data: str) -> None:
        if not self.verbatim:
            self.unread += unread("html", data)

    def handle_endtag(self, tag: str) -> None:
        self.verbatim = max(0, self.verbatim - (tag in self.VERBATIM))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.verbatim += tag in self.VERBATIM
        given = {key: value or "" for key, value in attrs}
        if "id" in given:
            self.ids.append(given["id"])
        self.programs += [f"<{tag} {key}=…>" for key in given if key.startswith("on")]
        if tag == "a" and PROGRAM.match(given.get("href", "")):
            self.programs.append(f"<a href={given['href'][:60]!r}>")
        if tag == "a" and given.get("href", "").startswith("#"):
            self.anchors.append(given["href"][1:])
        for key in ("src", "srcset", "href") if tag != "a" else ():
            if key in given and not given[key].startswith("data:"):
                self.fetched.append(f"<{tag} {key}={given[key]!r}>")
        if tag == "img" and not given.get("alt"):
            self.without_alt.append(given.get("src", "")[:60])


def check_page(text: str) -> list[str]:
    """List links to nowhere, repeated ids, pictures without text, fetches and unread marks."""
    page = _Page()
    page.feed(text)
    known = {*page.ids, "", "top"}
    return [
        *(f"[…](#{link}): nothing has this id" for link in page.anchors if link not in known),
        *(f"the id {name} is given {times} times"
          for name, times in Counter(page.ids).items() if times > 1),
        *(f"the picture {source} has no alternative text" for source in page.without_alt),
        *(f"{element} is fetched when the page is read; embed it" for element in page.fetched),
        *(f"{element} is no address of a page, and might run" for element in page.programs),
        *page.unread,
    ]  # fmt: skip
