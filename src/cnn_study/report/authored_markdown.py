"""Reads the Markdown that the author of a study wrote, and says what the report cannot take.

Each text is read as it will stand: behind words of the report's and before others, on which nothing
in it may have an effect. Knows nothing of studies, runs or results.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from difflib import get_close_matches
from functools import cache
from itertools import chain
from typing import Any

from cnn_study.base.words import cut
from cnn_study.report import formulas
from cnn_study.report.pandoc import Done, TooLong, message, run_pandoc

LONGEST_FORMULA = 100
"""Characters of a formula that a message repeats."""

LONGEST = 20_000
"""Characters of one text: some ten pages."""

DEEPEST = 4
"""Brackets within brackets. Pandoc takes 0.2 s for 5, 8 s for 10; nobody has seen it end for 15."""

NESTED = 20
"""Elements within elements, such as a word in a paragraph in a list: Typst lays out no 100."""

SECONDS, SECONDS_A_TEXT = 8.0, 0.05
"""How long Pandoc may read texts, and how much longer for each; it takes a tenth of a second."""

BEFORE = "**Before:** "
"""Stands for what the report has before a text on the same line."""

BEHIND = "\n\n?> ]]> -->\n\n```\nend\n```\n\n~~~\nend\n~~~\n\n"
"""Stands for what it has behind it, and closes whatever was left open, so that this is noticed."""

BLOCKS_BEHIND = ["Para", "CodeBlock", "CodeBlock"]
"""What Pandoc makes of that."""

LINK = re.compile(r"https?://|mailto:|#", re.IGNORECASE)
"""How the address of a link may begin."""

ATTRIBUTES = ("lang",)

CLASS = re.compile(r"callout-(note|tip|warning|caution|important)|mark|smallcaps|underline")
LANGUAGE = re.compile(r"[A-Za-z][\w+#-]*")
"""What may be said of a block or of words, and of code."""

CROSS_REFERENCE = re.compile(r"(fig|tbl|sec|eq)-", re.IGNORECASE)

FENCED = re.compile(r"^ *(```+|~~~+)[^\n]*\n.*?^ *\1", re.MULTILINE | re.DOTALL)

BEGUN = re.compile(r"\\begin\b")
"""The begin of an environment of TeX, which reaches to wherever its end is."""

DEFINITION = re.compile(
    r"^(?:[ \t>]|[*+:~-][ \t]|\(?\w{1,5}[.)][ \t])*(\[(?!@)(?:[^\[\]]|\[[^\[\]]*\]){1,999}\]):",
    re.MULTILINE,
)
"""An address or a note that is given apart from where it stands: brackets, then a colon."""

TOO_DEEP = "quotations, lists or other marks stand too deep within each other. Write it simpler"

SIMPLER = "Write it with fewer marks within marks"


class Text:
    """A text of Markdown as Pandoc reads it.

    Attributes:
        faults: why it cannot be read, or not beside other texts.
        elements: kind and content of all that it consists of, if there are no faults.
    """

    def __init__(self, faults: Iterable[str] = (), blocks: Any = ()) -> None:
        """Take what was found, and the blocks of Pandoc's tree."""
        self.faults = list(faults)
        self.elements: list[tuple[str, Any]] = []
        try:
            self.elements += _elements(list(blocks), NESTED)
        except RecursionError:
            self.faults.append(TOO_DEEP)

    def words(self) -> str:
        """Give what a reader sees of it, without spaces and formulas."""
        kept = {"Str": lambda content: content, "Code": lambda content: content[1],
                "CodeBlock": lambda content: content[1]}  # fmt: skip
        return "".join(kept[kind](content) for kind, content in self.elements if kind in kept)

    def cited(self) -> list[str]:
        """List the works that it cites; references to parts of the report are none."""
        return [key for key in self._named() if not CROSS_REFERENCE.match(key)]

    def references(self) -> list[str]:
        """List the parts of the report that it refers to, in the words of the text."""
        links = [content[2][0] for kind, content in self.elements if kind == "Link"]
        inside = [address for address in links if address.startswith("#")]
        return [*(f"@{key}" for key in self._named() if CROSS_REFERENCE.match(key)), *inside]

    def formulas(self) -> list[str]:
        """List its formulas, without dollar signs."""
        return [content[1] for kind, content in self.elements if kind == "Math"]

    def mixes(self) -> bool:
        """Whether works and parts of the report stand in the same brackets."""
        return any(
            len({bool(CROSS_REFERENCE.match(key)) for key in keys}) > 1 for keys in self._brackets()
        )

    def _named(self) -> list[str]:
        return list(chain.from_iterable(self._brackets()))

    def _brackets(self) -> list[list[str]]:
        """List what each pair of brackets names."""
        cited = (content[0] for kind, content in self.elements if kind == "Cite")
        return [[citation["citationId"] for citation in citations] for citations in cited]


def faults_of(
    texts: Sequence[str], known: Callable[[], Collection[str]]
) -> list[tuple[Text, list[str]]]:
    """Read texts and say of each what is wrong with it.

    Args:
        known: names the ids that a text may refer to; asked only where one does.
    """
    given, known = read(texts), cache(known)
    unset = formulas.faults_of(formula for text in given for formula in text.formulas())
    return [
        (text, [*text.faults, *_not_taken(text), *_nowhere(text, known), *_unset(text, unset)])
        for text in given
    ]


def read(texts: Sequence[str]) -> list[Text]:
    """Read texts all at once; if something is wrong, one half and the other, and so on."""
    faults = [list(_too_much(text)) for text in texts]
    rest = iter(_read([text for text, told in zip(texts, faults, strict=True) if not told]))
    return [Text(told) if told else next(rest) for told in faults]


def _read(texts: Sequence[str]) -> list[Text]:
    if len(texts) == 1:
        return [_alone(texts[0])]
    whole = _together(texts)
    if whole is not None:
        return [Text(blocks=blocks) for blocks in whole]
    middle = len(texts) // 2
    return [*_read(texts[:middle]), *_read(texts[middle:])]


def _too_much(text: str) -> Iterator[str]:
    """Say what is too much for Pandoc, and what would hold for other texts too."""
    if len(text) > LONGEST:
        yield f"it has {len(text):,} characters; at most {LONGEST:,} are allowed"
    if max(formulas.depth(part, "[", "]") for part in re.split(r"\n\s*\n", text)) > DEEPEST:
        yield f"brackets stand within brackets, more than {DEEPEST} deep. {SIMPLER}"
    definitions = DEFINITION.findall(FENCED.sub("", text))
    if definitions:
        yield (
            f"what brackets mean cannot be given apart from them: {listed(definitions)}. Write "
            "[words](https://…) for a link and ^[words] for a note"
        )


def _together(texts: Sequence[str]) -> list[list[Any]] | None:
    """Give the blocks of each text; None if Pandoc warns of any, or one has an effect on others."""
    if not texts:
        return []
    try:
        done = _parsed(texts)
    except TooLong:
        return None
    try:
        parts = _parts(done)
    except RecursionError:
        return None
    return parts if not done.log and parts is not None and len(parts) == len(texts) else None


def _alone(text: str) -> Text:
    """Read one text, and say what is wrong with it as a whole."""
    try:
        done = _parsed([text])
    except TooLong as error:
        return Text([f"{error}. {SIMPLER}"])
    try:
        parts = _parts(done)
    except RecursionError:
        return Text([TOO_DEEP])
    if done.log and parts:
        return Text(message(entry) for entry in done.log)
    if parts is None or len(parts) != 1:
        return Text(["it leaves a mark open that goes on behind it, or sets --- against the "
                     "report's own head. Close every mark; a line is ***"])  # fmt: skip
    return Text(blocks=parts[0])


def _parsed(texts: Sequence[str]) -> Done:
    """Have Pandoc read texts as one document."""
    document = BEHIND + "".join(f"{BEFORE}{text}{BEHIND}" for text in texts)
    seconds = SECONDS + SECONDS_A_TEXT * len(texts)
    # So that <div> and <span> are raw HTML like every other tag.
    return run_pandoc(["--from=markdown-native_divs-native_spans", "--to=json"], seconds, document)


def _parts(done: Done) -> list[list[Any]] | None:
    """Take a document apart again; None if a text has swallowed what is behind it, or set a key."""
    if done.status:
        return None
    tree: dict[str, Any] = json.loads(done.written)
    behind, blocks = tree["blocks"][:3], tree["blocks"][3:]
    parts: list[list[Any]] = [[]]
    while blocks:
        if blocks[:3] == behind:
            parts.append([])
            blocks = blocks[3:]
        else:
            parts[-1].append(blocks.pop(0))
    is_whole = not tree["meta"] and [block["t"] for block in behind] == BLOCKS_BEHIND
    return parts[:-1] if is_whole and not parts[-1] else None


def _elements(tree: Any, left: int) -> Iterator[tuple[str, Any]]:
    """Give the kind and content of every element of a tree of Pandoc's.

    Args:
        left: elements that may stand within each other.

    Raises:
        RecursionError: there are more.
    """
    if left == 0:
        raise RecursionError
    if isinstance(tree, list):
        for part in tree:
            yield from _elements(part, left)
    elif isinstance(tree, dict):
        if "t" in tree:
            yield tree["t"], tree.get("c")
        for part in tree.values():
            yield from _elements(part, left - 1)


def _not_taken(text: Text) -> Iterator[str]:
    """Say what would reach the page as HTML or as a program, be lost on the way, or upset it."""
    raw = [content[1] for kind, content in text.elements if kind in ("RawInline", "RawBlock")]
    if raw:
        yield (
            f"HTML and other raw marks are not allowed: {listed(raw)}. Write Markdown; a mark "
            "that is to be read as it stands goes between backticks, and \\< is the sign alone"
        )
    words = [content for kind, content in text.elements if kind == "Str"]
    if any("{{<" in word for word in words):
        yield "shortcodes {{< … >}} are not allowed. Take them out"
    # What another text ends would take with it all that stands between the two.
    if begun := [word for word in words if BEGUN.search(word)]:
        yield f"TeX is for formulas: {listed(begun)}. Put it between dollar signs or backticks"
    if unread := [word for word in words if word.startswith("{#")]:
        yield f"this is no mark where it stands: {listed(unread)}. Put it between backticks"
    yield from _of_the_report(text)
    targets = [content[2][0] for kind, content in text.elements if kind == "Link"]
    if links := [address for address in targets if not LINK.match(address)]:
        yield (
            f"links may begin with https://, http://, mailto: or #, not as {listed(links)}. Give "
            "a whole address"
        )
    yield from _attributes(text)


def _of_the_report(text: Text) -> Iterator[str]:
    """Say what only the report itself has: headings, pictures, numbered examples."""
    if any(kind == "Header" for kind, _ in text.elements):
        yield "headings are the report's own. Write a line in **bold**"
    if pictures := [content[2][0] for kind, content in text.elements if kind == "Image"]:
        yield (
            f"pictures are the report's own, not {listed(pictures)}. Refer to one of them, or show "
            "yours in a section of your own: report/sections/NAME.qmd.j2"
        )
    lists = (content for kind, content in text.elements if kind == "OrderedList")
    if any(content[0][1]["t"] == "Example" for content in lists):
        yield "lists that begin with (@) go on in other texts. Begin with 1."


def _attributes(text: Text) -> Iterator[str]:
    """Say which ids, classes and attributes an element may not have."""
    given = [(kind, *attributes) for kind, content in text.elements
             if (attributes := _given(content))]  # fmt: skip
    if ids := [f"#{id_}" for kind, id_, _, _ in given if id_ and kind != "Header"]:
        yield f"ids are the report's own, not {listed(ids)}. Take them out"
    classes = [
        f".{name}"
        for kind, _, names, _ in given
        for name in names
        if not (LANGUAGE if kind in ("Code", "CodeBlock") else CLASS).fullmatch(name)
        and kind != "Link"  # which Pandoc gives one itself: that of an address as it stands
    ]
    if classes:
        yield f"classes may be those of callouts, such as .callout-note, not {listed(classes)}"
    strange = [name for *_, pairs in given for name, _ in pairs if name not in ATTRIBUTES]
    if strange:
        yield f"attributes may be {', '.join(ATTRIBUTES)}, not {listed(strange)}. Take them out"


def _given(content: Any) -> tuple[str, list[str], list[tuple[str, str]]] | None:
    """Give the id, classes and attributes of an element, if it is of a kind that has them."""
    for part in content if isinstance(content, list) else []:
        if isinstance(part, list) and list(map(type, part)) == [str, list, list]:
            return part[0], part[1], part[2]
    return None


def _nowhere(text: Text, known: Callable[[], Collection[str]]) -> Iterator[str]:
    """Say which references lead nowhere, or to what may not be there."""
    for reference in dict.fromkeys(text.references()):
        sign, id_ = reference[0], reference[1:]
        if sign == "@":
            id_ = id_[0].lower() + id_[1:]
        if reference in ("#", "#top") or id_ in known():
            continue
        kind = CROSS_REFERENCE.match(id_)
        alike = sorted(each for each in known() if each.startswith(kind[0] if kind else ""))
        nearest = get_close_matches(id_, alike, n=1)
        ask = f"Did you mean {sign}{nearest[0]}? " if nearest else ""
        yield (
            f"not every report of this study has a part {reference}. {ask}There are: "
            f"{listed([sign + each for each in alike], 12)}"
        )
    if text.mixes():
        yield "brackets may hold works or parts of the report, not both. Write two of them"


def _unset(text: Text, faults: dict[str, str]) -> Iterator[str]:
    """Say which formulas cannot be shown."""
    for formula in dict.fromkeys(text.formulas()):
        if formula in faults:
            shown = cut(" ".join(formula.split()), LONGEST_FORMULA)
            yield f"the formula ${shown}$ cannot be set: {faults[formula]}"


def listed(parts: Iterable[str], most: int = 5) -> str:
    """List the first of what was given, each in one line and cut off if it is long."""
    lines = [" ".join(part.split()) for part in dict.fromkeys(parts)]
    short = [line if len(line) <= 60 else f"{line[:57]}..." for line in lines]
    return ", ".join(short[:most]) + (", …" if len(short) > most else "")
