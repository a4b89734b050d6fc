"""The stages from run records to pages: what each reads and makes, and whether that is current.

A product is current if what it was made from has the same content as then, and it is as it was
made. Both are digests in a small file, the stage's stamp. No time, no place and no folder of a
workflow engine is asked: in a clone, an unpacked archive, a copy or a merge, what is current is.

    records ─ tables ─ evidence ─ figures ─ text ─ pages
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from cnn_study.base import files
from cnn_study.base.places import PACKAGE, REPORT
from cnn_study.base.sources import sources_of
from cnn_study.evidence.schemas import planned_evidence
from cnn_study.figures.draw import planned_figures
from cnn_study.report.places import OWN, bibliographies, looks, scripts, templates
from cnn_study.runs import inspections, searches
from cnn_study.runs.wanted import done, wanted
from cnn_study.study.model import Study
from cnn_study.tables.data_package import planned_tables

ABSENT = "absent"
"""In the place of a digest: the file is not there."""

NEVER_MADE = "never made"


@dataclass(frozen=True)
class Site:
    """A study and its results, as the stages read them.

    Attributes:
        inspection, search: the files that an inspection and a search left, or will leave; None
            if there will be none.
        processes: how many may draw side by side.
    """

    study: Study
    results: Path
    inspection: Path | None = None
    search: Path | None = None
    processes: int = 1
    _digests: dict[Path, str] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def now(cls, study: Study, results: Path, processes: int = 1) -> "Site":
        """Take the inspection and the search that are there."""
        inspection = inspections.find(study, results)
        return cls(study, results, inspection, searches.find(study, results), processes)

    def digest(self, path: Path) -> str:
        """Give the sha256 of a file as it was when this site first looked at it."""
        if path not in self._digests:
            self._digests[path] = _sha256(path)
        return self._digests[path]

    def digest_of(self, paths: Iterable[Path]) -> str:
        """Hash names and contents of files; where they lie on this machine makes no difference."""
        lines = sorted(f"{self._name(path)} {self.digest(path)}\n" for path in paths)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def _name(self, path: Path) -> str:
        for root in (self.results, PACKAGE, REPORT, OWN):
            if path.is_relative_to(root):
                return path.relative_to(root).as_posix()
        return path.name

    @cached_property
    def study_files(self) -> list[Path]:
        """The study file, and the published numbers that it names."""
        published = self.study.file.published
        beside = [self.study.path.parent / published.file] if published else []
        return [self.study.path, *beside]

    @cached_property
    def records(self) -> list[Path]:
        """The record of every wanted run, where it is or will be."""
        there = done(self.study, self.results)
        return [
            there.get(run.name, self.results / "runs" / f"{run.name}.json")
            for run in wanted(self.study)
        ]

    @cached_property
    def search_files(self) -> list[Path]:
        """What the search found, and the records of all its runs."""
        if self.search is None:
            return []
        return [self.search, *sorted(self.results.glob("runs/search/*/seed-*.json"))]

    @cached_property
    def inspection_files(self) -> list[Path]:
        """The facts of the inspection, and its arrays."""
        return [self.inspection, self.inspection.with_suffix(".npz")] if self.inspection else []


@dataclass(frozen=True)
class Stage:
    """One step of the readers.

    Attributes:
        module: what makes it; all that it imports is part of what it is made from.
        reads: the files of this study and of the project that it reads, by what they are.
        makes: the files that it leaves.
        make: makes them.
    """

    name: str
    module: str
    reads: Callable[[Site], dict[str, list[Path]]]
    makes: Callable[[Site], list[Path]]
    make: Callable[[Site], None]

    def inputs(self, site: Site) -> dict[str, str]:
        """Give the digest of everything that it is made from, by what it is."""
        groups = {"code": sources_of(self.module)} | self.reads(site)
        return {name: site.digest_of(paths) for name, paths in groups.items()}

    def outputs(self, site: Site) -> dict[str, str]:
        """Give the digest of each file that it leaves, by its place under the results."""
        return {
            path.relative_to(site.results).as_posix(): site.digest(path)
            for path in self.makes(site)
        }


def _makes(folder: str, names: Callable[[Site], Iterable[str]]) -> Callable[[Site], list[Path]]:
    return lambda site: [site.results / folder / name for name in names(site)]


def _collect(site: Site) -> None:
    from cnn_study.tables.collect import collect

    collect(site.study, site.results, site.results / "tables")


def _analyse(site: Site) -> None:
    from cnn_study.evidence.analyse import analyse

    analyse(site.study, site.results / "tables", site.results / "evidence")


def _draw(site: Site) -> None:
    from cnn_study.figures.draw import draw

    folders = (site.results / name for name in ("tables", "evidence", "figures"))
    draw(site.study, *folders, site.inspection, site.processes)


def _write(site: Site) -> None:
    from cnn_study.report.write import write

    folders = (site.results / name for name in ("tables", "evidence", "figures"))
    write(site.study, *folders, site.results / "report" / "index.qmd", site.inspection)


def _render(site: Site) -> None:
    from cnn_study.report.render import render

    text = site.results / "report" / "index.qmd"
    pages = (text.with_suffix(suffix) for suffix in (".html", ".pdf"))
    engine = render(text, *pages, resources=site.results)
    print(f"{text.with_suffix('.html')} and .pdf: rendered with {engine}")


TABLES = Stage(
    "tables",
    "cnn_study.tables.collect",
    lambda site: {"study": site.study_files, "runs": site.records, "search": site.search_files},
    _makes("tables", lambda site: planned_tables(site.study)),
    _collect,
)
EVIDENCE = Stage(
    "evidence",
    "cnn_study.evidence.analyse",
    lambda site: {"study": site.study_files, "tables": TABLES.makes(site)},
    _makes("evidence", lambda site: planned_evidence()),
    _analyse,
)
FIGURES = Stage(
    "figures",
    "cnn_study.figures.draw",
    lambda site: {
        "study": site.study_files,
        "captions": sorted((PACKAGE / "figures").rglob("*.j2")),
        "tables": TABLES.makes(site),
        "evidence": EVIDENCE.makes(site),
        "inspection": site.inspection_files,
    },
    _makes("figures", lambda site: planned_figures(site.study, site.inspection is not None)),
    _draw,
)
TEXT = Stage(
    "text",
    "cnn_study.report.write",
    lambda site: {
        "study": site.study_files,
        "templates": templates(),
        "scripts": scripts(),
        "tables": TABLES.makes(site),
        "evidence": EVIDENCE.makes(site),
        "figures": FIGURES.makes(site),
        "inspection": site.inspection_files,
    },
    _makes("report", lambda site: ["index.qmd", "page.html"]),
    _write,
)
PAGES = Stage(
    "pages",
    "cnn_study.report.render",
    lambda site: {
        "looks": [*looks(), *bibliographies()],
        "text": TEXT.makes(site),
        "figures": FIGURES.makes(site),
    },
    _makes("report", lambda site: ["index.html", "index.pdf"]),
    _render,
)

STAGES = {stage.name: stage for stage in (TABLES, EVIDENCE, FIGURES, TEXT, PAGES)}
"""In the order of the flow: each reads what those before it made."""


def stamp(results: Path, name: str) -> Path:
    """Name the file that says what a stage's products were made from."""
    return results / "made" / f"{name}.json"


def stale(stage: Stage, site: Site) -> list[str]:
    """Say what is not as it was when a stage was made; nothing where all is current."""
    path = stamp(site.results, stage.name)
    if not path.exists():
        return [NEVER_MADE]
    before, made = _read(path)
    if not before or not made:
        return ["its stamp cannot be read"]
    now = stage.inputs(site)
    changed = [name for name in now | before if now.get(name) != before.get(name)]
    return [*changed, *["what it made"] * (stage.outputs(site) != made)]


def _read(stamp: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Give the digests of a stamp; none where it cannot be read, as after a merge."""
    try:
        written = json.loads(stamp.read_text(encoding="utf-8"))
        inputs, outputs = written["inputs"], written["outputs"]
    except (OSError, ValueError, TypeError, KeyError):
        return {}, {}
    return (inputs, outputs) if isinstance(inputs, dict) and isinstance(outputs, dict) else ({}, {})


def make(name: str, site: Site, *, unless_current: bool = False) -> bool:
    """Make a stage's products and stamp them.

    Args:
        unless_current: make nothing where nothing differs.

    Returns:
        Whether it was made.

    Raises:
        UserError: what it is made from is missing or damaged.
    """
    stage = STAGES[name]
    if unless_current and not stale(stage, site):
        return False
    inputs = stage.inputs(site)  # before: what changes meanwhile is then found changed
    stage.make(site)
    text = json.dumps({"inputs": inputs, "outputs": stage.outputs(_anew(site))}, indent=1) + "\n"
    files.write_whole(stamp(site.results, name), lambda file: file.write(text.encode()))
    return True


def _anew(site: Site) -> Site:
    """Look at the files of a site once more."""
    return replace(site, _digests={})


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ABSENT
