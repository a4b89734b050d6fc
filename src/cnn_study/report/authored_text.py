"""Whether the report can show what the author of a study wrote, found before anything trains.

Pandoc and Typst are asked, by which the report is made. Knows nothing of runs or of results.
"""

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from cnn_study.base.files import read_text
from cnn_study.base.places import REPORT, bibliographies

if TYPE_CHECKING:
    import typst

    from cnn_study.study.file import Draft, StudyFile

BIBLIOGRAPHY = REPORT / "references.bib"
"""The project's own; a study's folder may have further works: see `places.bibliographies`."""

MARKDOWN = ("background", "reading", "caveat", "about_expectations")
"""Keys whose text is Markdown; every other text is shown as it is written."""

LINK = re.compile(r"https?://|mailto:|#", re.IGNORECASE)
"""How the address of a link may begin."""

FETCHED = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
"""How the address of a picture begins that is no file beside the report."""

ATTRIBUTES = ("alt", "fig-alt", "height", "lang", "width")


class TypstOptions(TypedDict):
    """What Typst is asked for."""

    ignore_system_fonts: bool
    pdf_standards: Literal["ua-1"]
    format: Literal["pdf"]


TYPST: TypstOptions = {"ignore_system_fonts": True, "pdf_standards": "ua-1", "format": "pdf"}
"""How the PDF is made: for readers who cannot see it too, with the fonts that Typst brings."""

NO_FONT = re.compile(r'the text `"(.+?)"` could not be displayed')

CROSS_REFERENCE = re.compile(r"(fig|tbl|sec|eq)-")

Place = tuple[str, ...]
Fault = tuple[Place, str]
"""Place in the study file, and what is wrong there."""


def faults_of(draft: "Draft") -> list[Fault]:
    """Find what the report could not show, or could not cite."""
    file = draft.file
    texts = _texts(file)
    markdown = {place: text for place, text in texts.items() if place[-1] in MARKDOWN}
    faults = []
    for place, blocks in zip(markdown, parse(list(markdown.values())), strict=True):
        faults += [(place, fault) for fault in (*_unsafe(blocks), *_uncited(_cited(blocks)))]
    for (place, text), signs in zip(texts.items(), unshown(list(texts.values())), strict=True):
        if signs:
            faults.append((place, f"{_no_font(signs)} ({_listed([text])})"))
    if file.published:
        place = ("published", "citation")
        faults += [(place, fault) for fault in _uncited([file.published.citation])]
    return faults


def _texts(file: "StudyFile") -> dict[Place, str]:
    """Give every text of a study file that the report prints, by its place."""
    parts: dict[Place, Any] = {(): file}
    parts |= {("questions", name): question for name, question in file.questions.items()}
    if file.search:
        prices = file.search.prices.items()
        parts |= {("search",): file.search}
        parts |= {("search", "prices", id_): price for id_, price in prices}
    names = ("title", "subtitle", "question", "hypothesis", *MARKDOWN)
    return {
        (*place, name): text
        for place, part in parts.items()
        for name in names
        if (text := getattr(part, name, ""))
    }


def parse(texts: Sequence[str]) -> list[Any]:
    """Read texts of Markdown, each by itself, as Pandoc's tree of blocks."""
    if not texts:
        return []
    with tempfile.TemporaryDirectory(prefix="prose-") as folder:
        file = Path(folder) / "texts.yaml"
        # Pandoc reads each value of the metadata as Markdown; blocks, if it ends with a line break.
        # Signs are written by their numbers, for Pandoc's YAML refuses some of them otherwise.
        lines = ("".join(f"\\U{ord(sign):08x}" for sign in f"{text}\n") for text in texts)
        file.write_text("texts:\n" + "".join(f'- "{line}"\n' for line in lines), encoding="ascii")
        # So that <div> and <span> are raw HTML like every other tag.
        language = "markdown-native_divs-native_spans"
        command = [find_pandoc(), f"--from={language}", "--to=json", f"--metadata-file={file}"]
        done = subprocess.run(command, input="", capture_output=True, encoding="utf-8", check=True)
    return [text["c"] for text in json.loads(done.stdout)["meta"]["texts"]["c"]]


def find_pandoc() -> str:
    """Prefer the pinned Pandoc inside the package to whatever stands on the PATH."""
    import pypandoc

    bundled = shutil.which("pandoc", path=Path(pypandoc.__file__).parent / "files")
    return bundled or pypandoc.get_pandoc_path()


def unshown(texts: Sequence[str]) -> list[list[str]]:
    """Find the signs of each text that the PDF's fonts do not have: Chinese ones, say, or emoji."""
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

    lines = ("".join(f"\\u{{{ord(sign):x}}}" for sign in text) for text in texts)
    document = '#set document(title: "Texts")' + "".join(f'\n\n#"{line}"' for line in lines)
    try:
        typst.compile(document.encode(), **TYPST)
    except typst.TypstError as error:
        return signs_without_font(error)
    return []


def signs_without_font(error: "typst.TypstError") -> list[str]:
    """List the signs over which Typst made no PDF, because it has no font for them."""
    return list(dict.fromkeys(NO_FONT.findall(error.diagnostic or str(error))))


def _no_font(signs: list[str]) -> str:
    return (
        f"the PDF's fonts do not have {_listed(signs)}. Write Latin, Greek or Cyrillic letters "
        "and the usual signs"
    )


def _elements(tree: Any) -> Iterator[tuple[str, Any]]:
    """Give the kind and content of every element of a tree of Pandoc's."""
    if isinstance(tree, list):
        for part in tree:
            yield from _elements(part)
    elif isinstance(tree, dict):
        if "t" in tree:
            yield tree["t"], tree.get("c")
        for part in tree.values():
            yield from _elements(part)


def _unsafe(blocks: Any) -> Iterator[str]:
    """Say what would reach the page as HTML or as a program, or be lost on the way."""
    elements = list(_elements(blocks))
    raw = [content[1] for kind, content in elements if kind in ("RawInline", "RawBlock")]
    if raw:
        yield (
            f"HTML and other raw marks are not allowed: {_listed(raw)}. Write Markdown; a mark "
            "that is to be read as it stands goes between backticks, and \\< is the sign alone"
        )
    if any(kind == "Str" and "{{<" in content for kind, content in elements):
        yield "shortcodes {{< … >}} are not allowed. Take them out"
    targets = [(kind, content[2][0]) for kind, content in elements if kind in ("Link", "Image")]
    links = [address for kind, address in targets if kind == "Link" and not LINK.match(address)]
    if links:
        yield (
            f"links may begin with https://, http://, mailto: or #, not as {_listed(links)}. Give "
            "a whole address"
        )
    fetched = [address for kind, address in targets if kind == "Image" and FETCHED.match(address)]
    if fetched:
        yield f"pictures must be files, for the page fetches nothing: {_listed(fetched)}"
    given = [name for _, content in elements for name in _attributes(content)]
    strange = [name for name in given if name not in ATTRIBUTES]
    if strange:
        yield f"attributes may be {', '.join(ATTRIBUTES)}, not {_listed(strange)}. Take them out"


def _listed(parts: list[str]) -> str:
    """List the first of what was given, each in one line and cut off if it is long."""
    lines = (" ".join(part.split()) for part in dict.fromkeys(parts))
    short = [line if len(line) <= 60 else f"{line[:57]}..." for line in lines]
    return ", ".join(short[:5]) + (", …" if len(short) > 5 else "")


def _attributes(content: Any) -> list[str]:
    """Name the attributes that an element was given, such as width."""
    return [
        name
        for part in (content if isinstance(content, list) else [])
        if isinstance(part, list) and list(map(type, part)) == [str, list, list]
        for name, _ in part[2]
    ]


def _cited(blocks: Any) -> list[str]:
    """List the works that a text cites; references to its tables and the like are none."""
    return [
        citation["citationId"]
        for kind, content in _elements(blocks)
        if kind == "Cite"
        for citation in content[0]
        if not CROSS_REFERENCE.match(citation["citationId"])
    ]


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
