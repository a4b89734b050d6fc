"""Whether the report can show what the author of a study wrote, found before anything trains.

Pandoc and Typst are asked, by which the report is made. Knows nothing of runs or of results.
"""

import json
import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnn_study.base import citation
from cnn_study.base.files import read_text
from cnn_study.base.places import CITATION, REPORT, bibliographies, citations
from cnn_study.report import authored_markdown
from cnn_study.report.anchors import anchors
from cnn_study.report.authored_markdown import listed
from cnn_study.report.fonts import right_to_left, undrawn, unprinted, unseen
from cnn_study.report.pandoc import TooLong, message, run_pandoc
from cnn_study.study import published_numbers

if TYPE_CHECKING:
    from cnn_study.data.catalog import Dataset
    from cnn_study.study.file import Draft, StudyFile
    from cnn_study.study.parts import Fault, Place

BIBLIOGRAPHY = REPORT / "references.bib"
"""The project's own; a study's folder may have further works: see `places.bibliographies`."""

MARKDOWN = ("background", "reading", "caveat", "about_expectations", "description")
"""Keys whose text is Markdown; every other text is shown as it is written."""

WORKS_SECONDS = 20

ADDRESS = re.compile(r"https?://", re.IGNORECASE)

DRAWN = ("title", "label", "published")
"""Keys of texts that stand in figures too."""

OTHER_NAMES = "`classes: {name: shown name}`, of all classes, in the order of the report"

FONTS = {
    "neither the figures' font nor the PDF's fonts have": (True, True),
    "the font of the figures does not have": (True, False),
    "the PDF's fonts do not have": (False, True),
}
"""Words for fonts without a sign: whether that is so of the figures' and of the PDF's."""

LETTERS = "Write Latin, Greek or Cyrillic letters and the usual signs"

LONGEST_CLASS = 60
"""Characters of a class's name: tables and legends have no room for more."""


def faults_of(draft: "Draft") -> "list[Fault]":
    """Find what the report could not show, or could not cite."""
    file = draft.file
    texts = dict(_texts(file, draft.dataset)) | _printed(draft)
    markdown = {place: text for place, text in texts.items() if place[-1] in MARKDOWN}
    given = authored_markdown.faults_of(list(markdown.values()), lambda: anchors(file))
    shown: dict[Place, str] = dict(texts)
    faults: list[Fault] = []
    for place, (text, said) in zip(markdown, given, strict=True):
        shown[place] += text.words()  # &#x1F600; is a sign that nobody has written
        faults += [(place, fault) for fault in (*said, *_uncited(text.cited()))]
    lacking = unprinted(list(shown.values()))
    for (place, text), signs in zip(shown.items(), lacking, strict=True):
        written = f" ({listed([texts[place]])})"
        faults += [(place, fault) for fault in _signs(place, text, signs, written)]
    faults += [(("title",), fault) for fault in _title(file.title)]
    faults += [
        (("dataset", "classes"), f"{fault}. Show them under other names: {OTHER_NAMES}")
        for fault in _classes(draft.dataset.class_names)
    ]
    faults += [((), f"{path}: {fault}") for path, fault in _beside()]
    if file.published:
        place = ("published", "citation")
        faults += [(place, fault) for fault in _uncited([file.published.citation])]
    for id_, other in file.others.items():
        place = ("others", id_, "citation")
        faults += [(place, fault) for fault in _uncited([other.citation])]
    return faults


def _texts(file: "StudyFile", dataset: "Dataset") -> "Iterator[tuple[Place, str]]":
    """Give every text of a study that the report prints, by its place in the file."""
    parts: dict[Place, Any] = {(): file}
    parts |= {("questions", name): question for name, question in file.questions.items()}
    if file.search:
        prices = file.search.prices.items()
        parts |= {("search",): file.search}
        parts |= {("search", "prices", id_): price for id_, price in prices}
    parts |= {("others", id_): other for id_, other in file.others.items()}
    for place, part in parts.items():
        for name in ("name",) * (place[:1] == ("others",)) + (
            "title",
            "subtitle",
            "question",
            "hypothesis",
            *MARKDOWN,
        ):
            if text := getattr(part, name, ""):
                yield (*place, name), text
    for id_, label in file.label.items():
        yield ("label", id_), label
    if dataset.reader:
        yield ("dataset",), dataset.title
    for name in ("title", "source", "description") if not dataset.reader else ():
        yield ("dataset", name), getattr(dataset, name)


def _printed(draft: "Draft") -> "dict[Place, str]":
    """Give what the report prints of numbers of others, if their file can be read."""
    if draft.file.published is None:
        return {}
    path = draft.path.parent / draft.file.published.file
    numbers, _ = published_numbers.read(path, draft.experiments)
    texts = (" ".join([each.comparison, each.model, each.filters]) for each in numbers)
    return {("published", "file"): " ".join(texts)}


def _signs(place: "Place", text: str, lacking: Sequence[str], written: str = "") -> Iterator[str]:
    """Say which signs of a text nobody would see, or not in a figure.

    Args:
        lacking: those that the PDF's fonts do not have.
        written: where they stand, to be added.
    """
    drawn = bool(set(place) & set(DRAWN))
    if signs := unseen(text):
        yield f"signs that show nothing are not allowed: {', '.join(signs)}. Take them out"
    for fonts, signs in _by_font(undrawn(text) if drawn else [], lacking).items():
        yield f"{fonts} {listed(signs)}. {LETTERS}{written}"
    if drawn and (turned := right_to_left(text)):
        yield (
            f"figures set letters from left to right, and {listed(turned)} are read from the right "
            f"({listed([text])}). Write Latin, Greek or Cyrillic letters"
        )


def _classes(names: Sequence[str]) -> Iterator[str]:
    """Say what the report cannot show of the names of classes, each fault once for all of them."""
    lacking = set(unprinted([" ".join(names)])[0])  # of a thousand names each takes a while
    long = [name for name in names if len(name) > LONGEST_CLASS]
    if long:
        yield f"names of classes have {LONGEST_CLASS} characters at most, not {listed(long)}"
    fontless = {
        name: _by_font(undrawn(name), [sign for sign in name if sign in lacking]) for name in names
    }
    kinds: dict[str, dict[str, list[str]]] = {
        "hold signs that show nothing: ": {name: unseen(name) for name in names},
        **{
            f"hold signs that {fonts}: ": {name: fontless[name].get(fonts, []) for name in names}
            for fonts in FONTS
        },
        "are read from right to left, and figures set from left to right: ": {
            name: right_to_left(name) for name in names
        },
    }
    for what, signs in kinds.items():
        if strange := [name for name in names if signs[name]]:
            every = [sign for name in strange for sign in signs[name]]
            yield f"names of classes {what}{listed(every)} ({listed(strange)})"


def _title(title: str) -> Iterator[str]:
    """Say what a title cannot have and other texts can: Quarto reads it twice."""
    if "{{" in title:
        yield "{{ in a title is a mark to Quarto, however it is written. Take it out"


def _beside() -> Iterator[tuple[Path, str]]:
    """Say what the report could not show of what stands beside a study: its works, its authors."""
    for path in bibliographies():
        if path.parent != REPORT:
            yield from ((path, fault) for fault in _works(path))
    path = citations()[0]
    if path != CITATION:
        authors = citation.read(path).bibtex_authors
        lacking = unprinted([authors])[0]
        yield from ((path, fault) for fault in _signs(("authors",), authors, lacking))


def _works(path: Path) -> Iterator[str]:
    """Say why works cannot be cited: those of a study's own are read as Pandoc reads all."""
    text = read_text(path)
    yield from _signs(("works",), text, unprinted([text])[0])
    try:
        done = run_pandoc(["--from=biblatex", "--to=csljson"], WORKS_SECONDS, text)
    except TooLong as error:
        yield str(error)
        return
    yield from (message(entry) for entry in done.log)
    if done.status:
        yield f"it cannot be read as BibTeX: {' '.join(done.said.split())}"
        return
    addresses = [work.get("URL", "") for work in json.loads(done.written)]
    if strange := [each for each in addresses if each and not ADDRESS.match(each)]:
        yield f"an address begins with https:// or http://, not as {listed(strange)}"


def _by_font(undrawn: Sequence[str], unprinted: Sequence[str]) -> dict[str, list[str]]:
    """Give the signs that fonts do not have, each once, by words for these fonts."""
    signs = dict.fromkeys([*undrawn, *unprinted])
    lacking = {
        fonts: [sign for sign in signs if (sign in undrawn, sign in unprinted) == of_both]
        for fonts, of_both in FONTS.items()
    }
    return {fonts: signs for fonts, signs in lacking.items() if signs}


def known_works(bibliography: Path = BIBLIOGRAPHY) -> list[str]:
    """List the keys of a bibliography."""
    return re.findall(r"^@\w+\{\s*([^\s,]+),", read_text(bibliography), re.MULTILINE)


def _uncited(keys: list[str]) -> Iterator[str]:
    """Say which keys are in no bibliography, neither the project's nor the study's own."""
    if not keys:
        return
    known = [work for file in bibliographies() for work in known_works(file)]
    for key in dict.fromkeys(keys):
        if key not in known:
            nearest = get_close_matches(key, known, n=1)
            ask = f"Did you mean {nearest[0]}? " if nearest else ""
            yield (
                f"report/references.bib has no work {key}. {ask}Add it there, or cite one that is "
                "there"
            )
