"""Where the package and the report's texts, looks and works lie, in a clone or installed.

A folder `report/` where the study stands may hold templates of its own, which go before the
project's, and further works in `references.bib`.
"""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]

CARRIED = PACKAGE / "project"
"""What a wheel carries of the project beside the package; in a clone it stands around `src`."""

PROJECT = CARRIED if CARRIED.is_dir() else PACKAGE.parents[1]

CITATION = PROJECT / "CITATION.cff"
"""How the software is to be cited."""

REPORT = PROJECT / "report"
"""Templates, filters, theme, bibliography and `_quarto.yml` of the report."""

OWN = Path("report")
"""The study's own folder, from the working directory; in a clone it is the project's."""

SIMULATIONS = REPORT / "simulations.csv"
"""What `benchmarks/judge.py` found of the ways to judge a study."""

TEMPLATE = REPORT / "index.qmd.j2"
"""The document's template; the parts that it includes lie beside it."""


def citations() -> list[Path]:
    """List what says whom to cite: for the study, if its folder has it, and for the software."""
    own = Path(CITATION.name)
    return [own, CITATION] if own.is_file() and not own.samefile(CITATION) else [CITATION]


def template_folders() -> list[Path]:
    """List the folders that templates are looked for in, the study's own first."""
    return [OWN, REPORT] if OWN.is_dir() and not OWN.samefile(REPORT) else [REPORT]


def templates() -> list[Path]:
    """List what the text is made from: of each name the file that goes before the others."""
    by_name = {
        path.relative_to(folder): path
        for folder in reversed(template_folders())
        for path in folder.rglob("*.j2")
    }
    return sorted(by_name.values())


def unknown_templates() -> list[Path]:
    """List the study's own templates that have the name of none of the project's."""
    if len(template_folders()) == 1:
        return []
    return [
        path for path in sorted(OWN.rglob("*.j2")) if not (REPORT / path.relative_to(OWN)).exists()
    ]


def scripts() -> list[Path]:
    """List the scripts that stand in the page together with their data."""
    return sorted((REPORT / "theme").glob("*.js"))


def looks(report: Path = REPORT) -> list[Path]:
    """List what every page is made from: settings, bibliography, filters, theme."""
    patterns = ("_quarto.yml", "*.bib", "filters/*", "theme/*")
    paths = (path for pattern in patterns for path in report.glob(pattern))
    return sorted(path for path in paths if path.is_file() and path.name[0] != ".")


def bibliographies() -> list[Path]:
    """List the files of works that a text may cite: the project's, and the study's own."""
    return [path for folder in reversed(template_folders()) for path in folder.glob("*.bib")]
