"""How the software, or somebody's study, is to be cited: what its CITATION.cff says.

The format is that of https://citation-file-format.github.io, version 1.2.0. Only what is needed
here is read; whoever writes other formats from it need not know this one.
"""

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cnn_study.base.errors import UserError
from cnn_study.base.files import read_text
from cnn_study.base.words import first_lines

FILE = "CITATION.cff"

EXAMPLE = """\
  cff-version: 1.2.0
  message: Please cite it.
  title: What the study is about
  authors:
    - family-names: Doe
      given-names: Jane
  version: 1.0.0
  date-released: 2026-01-31
  license: CC-BY-4.0"""
"""What such a file must hold, for somebody who has none yet."""


@dataclass(frozen=True)
class Author:
    """Who made it: a person, or a group with one name.

    Attributes:
        family, given: of a person; both are "" for a group.
    """

    name: str
    family: str = ""
    given: str = ""
    orcid: str = ""
    affiliation: str = ""

    @property
    def is_person(self) -> bool:
        """Whether it is one person."""
        return bool(self.family)

    @property
    def inverted(self) -> str:
        """The name as registers sort it: Doe, Jane."""
        return ", ".join(filter(None, [self.family, self.given])) or self.name


@dataclass(frozen=True)
class Citation:
    """What is cited, by whom, of when.

    Attributes:
        licence: its SPDX identifier.
        url: where it is; "" if that is not said.
    """

    title: str
    authors: tuple[Author, ...]
    version: str
    released: datetime.date
    licence: str
    url: str = ""
    keywords: tuple[str, ...] = ()

    @property
    def year(self) -> int:
        """The year of this version."""
        return self.released.year

    @property
    def bibtex_authors(self) -> str:
        """The authors as BibTeX wants them; a group in braces of its own."""
        named = (who.inverted if who.is_person else f"{{{who.name}}}" for who in self.authors)
        return " and ".join(named)


def read(path: Path) -> Citation:
    """Read a CITATION.cff.

    Raises:
        UserError: it is not there, or lacks what a citation needs; names all that is missing.
    """
    if not path.exists():
        raise UserError(
            f"{path} is not there: it says who made this, and under which licence. Write it, for "
            f"instance\n{EXAMPLE}"
        )
    given = _mapping(path)
    if faults := _faults(given):
        lines = "\n".join(f"  {fault}" for fault in first_lines(faults))
        raise UserError(f"{path} does not say all that a citation needs:\n{lines}")
    return Citation(
        title=given["title"],
        authors=tuple(map(_author, given["authors"])),
        version=str(given["version"]),
        released=given["date-released"],
        licence=given["license"],
        url=given.get("repository-code") or given.get("url") or "",
        keywords=tuple(given.get("keywords") or ()),
    )


def _mapping(path: Path) -> dict[str, Any]:
    try:
        given = yaml.safe_load(read_text(path))
    except (yaml.YAMLError, ValueError, AttributeError, RecursionError) as error:
        # AttributeError: a value that is marked as a time and is none.
        raise UserError(f"{path} is not YAML: {error}") from None
    return given if isinstance(given, dict) else {}


def _faults(given: dict[str, Any]) -> list[str]:
    """Say of each part that is needed what is wrong with it."""
    faults = [
        f"{key}: {given.get(key)!r}; wanted is {wanted}"
        for key, kinds, wanted in (
            ("title", str, "a text"),
            ("version", (str, int, float), "a version, such as 1.0.0"),
            ("date-released", datetime.date, "a day, such as 2026-01-31"),
            ("license", str, "one SPDX identifier, such as CC-BY-4.0"),
        )
        if not given.get(key) or not isinstance(given[key], kinds)
    ]
    authors = given.get("authors")
    if not isinstance(authors, list) or not authors or not all(map(_is_named, authors)):
        faults.append("authors: wanted is a list, each with family-names or name")
    if not isinstance(given.get("keywords") or [], list):
        faults.append(f"keywords: {given['keywords']!r}; wanted is a list, or nothing")
    return faults


def _is_named(author: Any) -> bool:
    return isinstance(author, dict) and bool(author.get("family-names") or author.get("name"))


def _author(given: dict[str, Any]) -> Author:
    particle, suffix = given.get("name-particle", ""), given.get("name-suffix", "")
    family = " ".join(filter(None, [particle, given.get("family-names", ""), suffix]))
    first = given.get("given-names", "")
    return Author(
        name=given.get("name") or " ".join(filter(None, [first, family])),
        family="" if given.get("name") else family,
        given="" if given.get("name") else first,
        orcid=given.get("orcid", ""),
        affiliation=given.get("affiliation", ""),
    )
