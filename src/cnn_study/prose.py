"""Whether the report can show what the author of a study wrote, found before anything trains.

Pandoc is asked, by which the report is made. Knows nothing of runs or of results.
"""

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cnn_study.study import StudyFile

BIBLIOGRAPHY = Path(__file__).resolve().parents[2] / "report" / "references.bib"

MARKDOWN = ("background", "caveat")
"""Keys whose text is Markdown; every other text is shown as it is written."""

CROSS_REFERENCE = re.compile(r"(fig|tbl|sec|eq)-")

Place = tuple[str, ...]
Fault = tuple[Place, str]
"""Place in the study file, and what is wrong there."""


def faults_of(file: "StudyFile") -> list[Fault]:
    """Find what the report could not show, or could not cite."""
    texts = _texts(file)
    markdown = {place: text for place, text in texts.items() if place[-1] in MARKDOWN}
    found = []
    for place, blocks in zip(markdown, parse(list(markdown.values())), strict=True):
        found += [(place, fault) for fault in _uncited(_cited(blocks))]
    if file.published:
        place = ("published", "citation")
        found += [(place, fault) for fault in _uncited([file.published.citation])]
    return found


def _texts(file: "StudyFile") -> dict[Place, str]:
    """Give every text of a study file that the report prints, by its place."""
    parts: dict[Place, Any] = {(): file}
    parts |= {("questions", name): question for name, question in file.questions.items()}
    parts |= {("search",): file.search}
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
        file = Path(folder) / "texts.json"
        # Pandoc reads each value of the metadata as Markdown; blocks, if it ends with a line break.
        file.write_text(json.dumps({"texts": [f"{text}\n" for text in texts]}), encoding="utf-8")
        command = [find_pandoc(), "--from=markdown", "--to=json", f"--metadata-file={file}"]
        done = subprocess.run(command, input="", capture_output=True, encoding="utf-8", check=True)
    return [one["c"] for one in json.loads(done.stdout)["meta"]["texts"]["c"]]


def find_pandoc() -> str:
    """Prefer the pinned Pandoc inside the package to whatever stands on the PATH."""
    import pypandoc

    bundled = shutil.which("pandoc", path=Path(pypandoc.__file__).parent / "files")
    return bundled or pypandoc.get_pandoc_path()


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
    return re.findall(
        r"^@\w+\{\s*([^\s,]+),", bibliography.read_text(encoding="utf-8"), re.MULTILINE
    )


def _uncited(keys: list[str]) -> Iterator[str]:
    """Say which keys are not in the bibliography.

    Where the package stands without the project's folder there is none, and no report is made.
    """
    if not keys or not BIBLIOGRAPHY.is_file():
        return
    known = known_works()
    for key in dict.fromkeys(keys):
        if key not in known:
            nearest = get_close_matches(key, known, n=1)
            ask = f"Did you mean {nearest[0]}? " if nearest else ""
            yield (
                f"report/references.bib has no work {key}. {ask}Add it there, or cite one that is "
                "there"
            )
