"""Who is cited; CITATION.cff, pyproject.toml, README, CHANGELOG and report say the same."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

import cnn_study
from cnn_study.base import citation, places
from cnn_study.base.errors import UserError
from cnn_study.runs import stages
from report_by_hand import PLAIN, Made

ROOT = Path(__file__).resolve().parents[1]


CITED = """\
cff-version: 1.2.0
message: Cite it.
title: A work
authors:
  - {family-names: Doe, given-names: Jane, name-particle: van}
  - name: A group
version: 1.10
date-released: 2026-01-31
license: CC-BY-4.0
"""


def test_who_is_to_be_cited_is_read(tmp_path):
    (tmp_path / "CITATION.cff").write_text(CITED)
    cited = citation.read(tmp_path / "CITATION.cff")
    assert [author.name for author in cited.authors] == ["Jane van Doe", "A group"]
    assert cited.bibtex_authors == "van Doe, Jane and {A group}"
    assert (cited.year, cited.licence, cited.url) == (2026, "CC-BY-4.0", "")


def test_whatever_a_citation_lacks_is_said_at_once(tmp_path):
    path = tmp_path / "CITATION.cff"
    with pytest.raises(
        UserError, match=r"is not there: it says who made this(.|\n)*family-names: Doe"
    ):
        citation.read(path)
    path.write_text("title: A work\nauthors: [Jane]\nversion: 1\ndate-released: soon\n")
    with pytest.raises(UserError) as error:
        citation.read(path)
    assert [line.split(":")[0].strip() for line in str(error.value).splitlines()[1:]] == [
        "date-released", "license", "authors",
    ]  # fmt: skip
    path.write_text("title: [")
    with pytest.raises(UserError, match="is not YAML"):
        citation.read(path)


# ------------------------------------------------------------------------------- they agree


def software(text: str) -> dict[str, str]:
    """Read the fields of the BibTeX entry of the software, line breaks in them as blanks."""
    entry = re.search(r"^@software\{cnn_study,\n(.*?)^\}", text, re.DOTALL | re.MULTILINE)
    fields = re.findall(r"^ +(\w+) *= \{(.*?)\},?$", entry[1], re.DOTALL | re.MULTILINE)
    return {name: re.sub(r"\s+", " ", value) for name, value in fields}


@pytest.fixture(scope="module")
def cited() -> citation.Citation:
    return citation.read(ROOT / "CITATION.cff")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("keywords: 5", "keywords: 5; wanted is a list, or nothing"),
        ("date-released: !!timestamp x", "is not YAML"),
    ],
)
def test_values_of_another_kind_are_told(tmp_path, line, said):
    key = line.partition(":")[0]
    lines = [each for each in CITED.splitlines() if not each.startswith(key)]
    path = tmp_path / "CITATION.cff"
    path.write_text("\n".join([*lines, line]) + "\n")
    with pytest.raises(UserError, match=said):
        citation.read(path)
    path.write_text("\n".join([*lines, "keywords:"]) + "\n" + "date-released: 2026-01-02\n")
    assert citation.read(path).keywords == ()


def test_what_is_built_is_what_is_cited(cited):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert cited.version == project["version"] == cnn_study.__version__
    assert cited.licence == project["license"]
    assert [author.name for author in cited.authors] == [
        author["name"] for author in project["authors"]
    ]
    assert set(project.get("urls", {}).values()) <= {cited.url}
    assert cited.title.startswith(f"{project['name']}: ")


def test_readme_and_report_cite_what_the_citation_file_says(cited, tmp_path):
    wanted = {
        "title": cited.title,
        "author": cited.bibtex_authors,
        "year": str(cited.year),
        "version": cited.version,
        "license": cited.licence,
    } | ({"url": cited.url} if cited.url else {})
    readme = software((ROOT / "README.md").read_text("utf-8"))
    assert readme.pop("note").startswith("Name the commit")
    assert readme == wanted
    made = Made(tmp_path / "small", PLAIN).runs("base", (0.5, 0.6))
    assert software(made.text()) == wanted


def test_the_day_of_a_version_stands_in_the_changes_too(cited):
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert f"\n## {cited.version}, {cited.released}\n" in changes


def test_the_licence_that_is_cited_is_the_one_that_is_there(cited):
    first = (ROOT / "LICENSE").read_text("utf-8").splitlines()[0]
    assert first == f"{cited.licence} License"


def test_programs_that_cite_are_told_year_and_version(cited):
    """What cffconvert makes of it; its BibTeX never has a version, its other formats do."""
    given = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert {"cff-version", "message", "title", "authors", "version", "date-released"} <= set(given)
    program = shutil.which("cffconvert")
    if not program:
        pytest.skip("cffconvert is not installed; it wants an older jsonschema: have it elsewhere")

    def convert(*words: str) -> str:
        command = [program, "-i", ROOT / "CITATION.cff", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert "valid according to schema version 1.2.0" in convert("--validate")
    assert f"year = {{{cited.year}}}" in convert("-f", "bibtex")
    assert f"({cited.year})" in convert("-f", "apalike")
    assert f"(version {cited.version})" in convert("-f", "apalike")


def test_a_study_with_authors_of_its_own_is_cited_as_theirs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert places.citations() == [places.CITATION]
    made = Made(tmp_path / "small", PLAIN).runs("base", (0.5, 0.6))
    site = stages.Site.now(made.study, made.folder)
    before = stages.STAGES["text"].inputs(site)
    (tmp_path / "CITATION.cff").write_text(CITED)
    assert places.citations() == [Path("CITATION.cff"), places.CITATION]
    after = stages.STAGES["text"].inputs(site.anew())
    assert {name for name in after if after[name] != before[name]} == {"citation"}
    text = made.text()
    single = text[text.index("@misc{cnn_study_base") :]
    assert "  author       = {van Doe, Jane and {A group}}," in single
    assert software(text)["author"] == "{The cnn-study authors}"
