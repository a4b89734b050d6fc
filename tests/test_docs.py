"""Pages for people who come to use or to change the code: what they name is there."""

import argparse
import re
import tomllib
from pathlib import Path

import pytest

from cnn_study.__main__ import _parser

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "cnn_study"
PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/architecture.md")

PATH = re.compile(r"[\w.<>*-]*(?:/[\w.<>*-]*)+|[\w.-]+\.(?:py|md|ya?ml|toml|lock|csv|json|bib|cff)")
"""What is set as code and has a slash, or the ending of a file."""

PLACEHOLDER = re.compile(r"<\w+>|\b[A-Z]{4,}\b(?!\.)|\bNAME\b|\bSUBJECT\b")
"""Stands for a name that the reader chooses, such as <study> or NAME."""

NOT_COMMITTED = {
    "data/": "arrays that `prepare` makes",
    "results/digits/": "the quick start",
    "results/cifar10/report/index.": "the pages that a workflow makes",
    "report/rendered/": "what Quarto makes of the published study",
    "results/*/export/": "files for other programs that `export` writes",
    "results/cifar10/export/": "the same",
    ".snakemake/": "what Snakemake keeps",
    "results/*/locks/": "while processes work",
    "results/*/queue/": "while a search goes on",
    "runs/search/": "within a study's results",
    "results/*/certificate": "what a verification found: made for a release",
    "results/*/published": "test_published.py holds it to its receipts",
    "results/cifar10/published/": "the same",
    "results/*/archive": "test_archive.py looks into it",
    "results/cifar10/archive/": "the same",
    "experiments/my-study.yaml": "of a study of one's own",
    "experiments/*.data.json": "the same, with images of its own",
    "garden.data.json": "the same",
}
"""What pages name and a clone does not have, by how it begins."""


def read(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def paths_in(text: str) -> set[str]:
    """The paths that a page names: targets of its links, and what it sets as code."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", prose)
    words = [word for word in re.findall(r"`([^`]+)`", prose) if PATH.fullmatch(word)]
    return {path for path in (*links, *words) if "://" not in path}


def is_there(path: str, page: str) -> bool:
    """Whether a path leads to something from the root, the package, or beside its page."""
    pattern = PLACEHOLDER.sub("*", path).rstrip("/")
    if any(f"{pattern}/".startswith(start) for start in NOT_COMMITTED):
        return True
    starts = (ROOT, PACKAGE, (ROOT / page).parent)
    if any(any(start.glob(pattern)) for start in starts):
        return True
    made = (ROOT / "results" / "cifar10").rglob(pattern)  # such as suggestions.json
    return "/" not in pattern and any(made)


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_a_page_names_is_there(page):
    paths = paths_in(read(page))
    assert len(paths) > 2
    assert {path for path in paths if not is_there(path, page)} == set()


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("src/cnn_study/figures/captions/NAME.txt.j2", True),
        ("src/cnn_study/figures/captions/NAME.txt.j3", False),
        ("results/<study>/tables/", True),
        ("results/<study>/charts/", False),
        ("runs/stages.py", True),
        ("stages.py", False),
        ("ledger.csv", True),
        ("../CONTRIBUTING.md", True),
    ],
)
def test_a_path_is_looked_for_where_a_reader_would(path, there):
    assert paths_in(f"See `{path}` or [it]({path}#part).") == {path}
    assert is_there(path, "docs/architecture.md") == there


def parts_of_the_package() -> set[str]:
    """Its folders and modules, as the pages write them."""
    folders = {
        f"{path.name}/"
        for path in PACKAGE.iterdir()
        if path.is_dir() and any(path.glob("*.*")) and path.name != "__pycache__"
    }
    return folders | {path.name for path in PACKAGE.glob("*.py") if path.name != "__init__.py"}


def test_each_package_has_its_line_in_the_architecture():
    rows = re.findall(r"^\| `([\w/.]+)` \| (.*) \|$", read("docs/architecture.md"), re.MULTILINE)
    assert {name for name, _ in rows} == parts_of_the_package()
    assert all(line for _, line in rows)
    assert len(rows) == len(parts_of_the_package())


def test_each_package_has_its_line_in_the_tree_of_the_readme():
    rows = re.findall(r"^[├└]── (\S+) +(\S.*)$", read("README.md"), re.MULTILINE)
    assert {name for name, _ in rows} == parts_of_the_package()
    assert len(rows) == len(parts_of_the_package())


def test_the_tree_of_the_readme_holds_each_folder_that_people_come_to():
    tree = set(re.findall(r"^([\w.]+/?) +[a-z]", read("README.md"), re.MULTILINE))
    assert {"experiments/", "report/", "tests/", "benchmarks/", "docs/", "Snakefile"} <= tree


def test_the_floors_are_those_that_the_linter_checks():
    tool = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]
    (contract,) = (contract for contract in tool["contracts"] if contract["type"] == "layers")
    checked = [set(layer.split(" | ")) for layer in reversed(contract["layers"])]
    rows = re.findall(r"^\| (\d+) \|(.*)$", read("docs/architecture.md"), re.MULTILINE)
    told = {int(floor): set(re.findall(r"`(\w+)`", cells)) for floor, cells in rows}
    assert told == dict(enumerate(checked, start=1))


def test_every_command_has_its_line_in_the_architecture():
    (commands,) = (
        action.choices
        for action in _parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    table = re.findall(r"^\| `cnn-study ([\w-]+)", read("docs/architecture.md"), re.MULTILINE)
    assert table == list(commands)


def test_what_ci_checks_a_contributor_is_told_to_check_before():
    ran = re.findall(r"^(ruff check|ruff format|lint-imports|ty check src)", read(".ci/run"), re.M)
    assert set(ran) == {"ruff check", "ruff format", "lint-imports", "ty check src"}
    assert all(f"`{command}`" in read("CONTRIBUTING.md") for command in ran)
