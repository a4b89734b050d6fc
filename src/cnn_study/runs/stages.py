"""The stages from run records to pages: what each reads, and whether what it made is current.

A product is current if what it was made from has the same content as then, and it is as it was
made. Both are digests in a small file, the stage's stamp. No time, no place and no folder of a
workflow engine is asked: in a clone, an unpacked archive, a copy or a merge, what is current is.

    records ─ tables ─ evidence ─ confirmed ─ figures ─ text ─ pages
                             fresh records ─┘

Knows the stages by the names of their modules and by the files that they leave; makes nothing.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from cnn_study.base import files
from cnn_study.base.errors import UserError
from cnn_study.base.places import (
    CARRIED,
    OWN,
    PACKAGE,
    REPORT,
    SIMULATIONS,
    bibliographies,
    citations,
    looks,
    scripts,
    templates,
)
from cnn_study.base.sources import sources_of
from cnn_study.base.words import first_lines
from cnn_study.data import manifest
from cnn_study.runs import (
    confirmations,
    correct_answers,
    inspections,
    kept_weights,
    look_alikes,
    records,
    searches,
)
from cnn_study.runs.wanted import done, wanted
from cnn_study.study import own_networks
from cnn_study.study.model import Study

ABSENT = "absent"
"""In the place of a digest: the file is not there."""

NEVER_MADE = "never made"

MAKING = "making"
"""The folder of what is being made, and of a workflow's marks, in the results of a study."""

PRODUCTS = {("tables",), ("evidence",), ("figures",), ("report",)}
"""Folders in which stages leave what they make."""

NAMED = 2
"""Products that a dry run names one by one."""


@dataclass(frozen=True)
class Site:
    """A study and its results, as the stages read them.

    Attributes:
        inspection, search, look_alikes: the files that an inspection and the two kinds of search
            left, or will leave; None if there will be none.
        engine: what is to render the pages, "quarto" or "pandoc"; None where either will do.
    """

    study: Study
    results: Path
    inspection: Path | None = None
    search: Path | None = None
    look_alikes: Path | None = None
    engine: str | None = None
    _digests: dict[Path, str] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def now(cls, study: Study, results: Path, engine: str | None = None) -> "Site":
        """Take the inspection, the search and the look-alikes that are there."""
        return cls(
            study,
            results,
            inspections.find(study, results),
            searches.find(study, results),
            look_alikes.find(study, results),
            engine,
        )

    def anew(self) -> "Site":
        """Look at the files once more."""
        return replace(self, _digests={})

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
        """Name a file from the folder that it belongs to, the same in a clone as installed."""
        roots = (self.results, PACKAGE, CARRIED, REPORT, OWN)
        around = [root for root in roots if path.is_relative_to(root)]
        nearest = max(around, key=lambda root: len(root.parts), default=path.parent)
        return path.relative_to(nearest).as_posix()

    @cached_property
    def study_files(self) -> list[Path]:
        """The study file, the published numbers that it names, and what else is of it.

        That is what is known of its images and of its networks, and the files that build these.
        """
        published = self.study.file.published
        beside = [self.study.path.parent / published.file] if published else []
        own = [] if self.study.dataset.reader else [manifest.place(self.study.path)]
        networks = list(self.study.own_networks.values())
        return [self.study.path, *beside, *own, *own_networks.files_of(self.study.path, networks)]

    @cached_property
    def records(self) -> list[Path]:
        """The record of every wanted run, where it is or will be."""
        paths = done(self.study, self.results)
        return [
            paths.get(run.name, self.results / "runs" / f"{run.name}.json")
            for run in wanted(self.study)
        ]

    @cached_property
    def fresh_records(self) -> list[Path]:
        """The record of every run that confirms what is suggested, where it is or will be."""
        paths = confirmations.done(self.study, self.results)
        return [
            paths.get(run.name, self.results / "runs" / f"{run.name}.json")
            for run in confirmations.wanted(self.study, self.results)
        ]

    @cached_property
    def answers(self) -> list[Path]:
        """What each run answered to the test images, and what would have been right."""
        kept = [records.predictions_file(path) for path in self.records]
        answers = correct_answers.place(self.study, self.results)
        return [path for path in (answers, *kept) if path.exists()]

    @cached_property
    def search_files(self) -> list[Path]:
        """What the search found, and the records of all its runs."""
        if self.search is None:
            return []
        return [self.search, *searches.record_files(self.search, self.results)]

    @cached_property
    def inspection_files(self) -> list[Path]:
        """The facts of the inspection, and its arrays."""
        return [self.inspection, self.inspection.with_suffix(".npz")] if self.inspection else []

    @cached_property
    def kept_weights(self) -> list[Path]:
        """The weights that are kept, and the records of their runs.

        None where records or a search are damaged: whoever needs them tells of that.
        """
        with suppress(UserError):
            kept = kept_weights.shown(self.study, self.results)
            return [path for each in kept for path in (each.record, each.weights)]
        return []

    @cached_property
    def look_alikes_files(self) -> list[Path]:
        """The facts about look-alikes, and a few images of them."""
        return [self.look_alikes, self.look_alikes.with_suffix(".npz")] if self.look_alikes else []

    def products_of(self, stage: str) -> list[Path]:
        """List the files that a stage left, as its stamp says; the stamp alone if it says none."""
        outputs = _read(stamp(self.results, stage))[1]
        return [self.results / name for name in outputs] or [stamp(self.results, stage)]


@dataclass(frozen=True)
class Stage:
    """One step of the readers.

    Attributes:
        module: what makes it, by its full name; all that it imports is part of its input.
        after: the stages whose products it reads.
        reads: what else of this study and of the project it reads, by what it is.
        chosen: what is settled for it beside files, by what it is; None where nothing is asked for.
    """

    name: str
    module: str
    after: tuple[str, ...]
    reads: Callable[[Site], dict[str, list[Path]]]
    chosen: Callable[[Site], dict[str, str | None]] = lambda site: {}

    def inputs(self, site: Site) -> dict[str, str]:
        """Give the digest of everything that it is made from, by what it is, and what is chosen."""
        groups = {"code": sources_of(self.module)} | self.reads(site)
        groups |= {name: site.products_of(name) for name in self.after}
        chosen = {name: value for name, value in self.chosen(site).items() if value is not None}
        return {name: site.digest_of(paths) for name, paths in groups.items()} | chosen


STAGES = {
    stage.name: stage
    for stage in (
        Stage(
            "tables",
            "cnn_study.tables.collect",
            (),
            lambda site: {
                "study": site.study_files,
                "runs": site.records,
                "answers": site.answers,
                "search": site.search_files,
                "look-alikes": site.look_alikes_files[:1],
            },
        ),
        Stage(
            "evidence",
            "cnn_study.evidence.analyse",
            ("tables",),
            lambda site: {"study": site.study_files, "simulations": [SIMULATIONS]},
        ),
        Stage(
            "confirmed",
            "cnn_study.evidence.confirmation",
            ("tables", "evidence"),
            lambda site: {"study": site.study_files, "fresh runs": site.fresh_records},
        ),
        Stage(
            "figures",
            "cnn_study.figures.draw",
            ("tables", "evidence", "confirmed"),
            lambda site: {
                "study": site.study_files,
                "captions": sorted((PACKAGE / "figures").rglob("*.j2")),
                "inspection": site.inspection_files,
                "look-alikes": site.look_alikes_files,
            },
        ),
        Stage(
            "text",
            "cnn_study.report.write",
            ("tables", "evidence", "confirmed", "figures"),
            lambda site: {
                "study": site.study_files,
                "templates": [*templates(), *sorted((PACKAGE / "report").rglob("*.j2"))],
                "scripts": scripts(),
                "weights": site.kept_weights,
                "citation": citations(),
                "inspection": site.inspection_files,
                "look-alikes": site.look_alikes_files[:1],
            },
        ),
        Stage(
            "pages",
            "cnn_study.report.render",
            ("figures", "text"),
            lambda site: {"looks": [*looks(), *bibliographies()]},
            lambda site: {"engine": site.engine},
        ),
    )
}
"""In the order of the flow: each reads what those before it made."""


def stamp(results: Path, name: str) -> Path:
    """Name the file that says what a stage's products were made from."""
    return results / "made" / f"{name}.json"


def stale(stage: Stage, site: Site) -> list[str]:
    """Say what is not as it was when a stage was made; nothing where all is current."""
    path = stamp(site.results, stage.name)
    if not path.exists():
        return [NEVER_MADE]
    before, products = _read(path)
    if not before or not products:
        return ["its stamp cannot be read"]
    now = stage.inputs(site)
    either = {name for name, value in stage.chosen(site).items() if value is None}
    changed = [
        name for name in now | before if name not in either and now.get(name) != before.get(name)
    ]
    return [*changed, *_in_short(altered(site, stage.name))]


def altered(site: Site, name: str) -> list[str]:
    """List the products of a stage that are not as it made them, from the results folder on.

    Of a stage that was never made here, that is none.
    """
    _, products = _read(stamp(site.results, name))
    return [file for file, digest in products.items() if site.digest(site.results / file) != digest]


def _in_short(altered: list[str]) -> list[str]:
    """Name what is not as it was made, so long as it is little; of much say how much it is."""
    if len(altered) <= NAMED:
        return [f"{file} is not as it was made" for file in altered]
    return [f"{len(altered)} files are not as they were made, such as {altered[0]}"]


def refuse_altered(name: str, site: Site) -> None:
    """Refuse to make anything from products that are not as their stages made them.

    Raises:
        UserError: some are; names them, and what makes them again.
    """
    lines = [f"  {file}" for stage in STAGES[name].after for file in altered(site, stage)]
    if lines:
        raise UserError("\n".join([
            f"{name} of {site.study.name}: not made, for what it reads is not as it was made:",
            *first_lines(lines, "  … and {} more"),
            "Whatever changed it, the same command as always makes it again: snakemake --cores all "
            f"--config study={site.study.name}. What is to be changed by hand is a copy of it.",
        ]))  # fmt: skip


def make(
    name: str,
    site: Site,
    make_in: Callable[[Path], Iterable[str]],
    *,
    unless_current: bool = False,
) -> bool:
    """Have a stage's products made, and stamp them.

    They are made elsewhere and take their place when all of them are whole: where one fails, those
    of before are there still.

    Args:
        make_in: makes them in a folder laid out as the results are, and names the files from it.
        unless_current: make nothing where nothing differs.

    Returns:
        Whether it was made.

    Raises:
        UserError: what it is made from is missing, damaged, or not as it was made.
    """
    stage = STAGES[name]
    if unless_current and not stale(stage, site):
        return False
    refuse_altered(name, site)
    inputs = stage.inputs(site)  # before: what changes meanwhile is then found changed
    with _folder(name, site.results) as folder:
        products = list(make_in(folder))
        if lost := [file for file in products if not (folder / file).is_file()]:
            raise FileNotFoundError(f"{name}: not made, though it said so: {', '.join(lost)}")
        digests = {file: _sha256(folder / file) for file in products}
        _put_in_place(folder, products, name, site.results)
    text = json.dumps({"inputs": inputs, "outputs": digests}, indent=1) + "\n"
    files.write_whole(stamp(site.results, name), lambda file: file.write(text.encode()))
    return True


@contextmanager
def _folder(name: str, results: Path) -> Generator[Path]:
    """Give a folder on the disk of the results, which goes when it is done with."""
    making = results / MAKING
    of_workflow = making.exists()
    with files.writable(making):
        making.mkdir(parents=True, exist_ok=True)
        folder = tempfile.mkdtemp(prefix=f"{name}.", dir=making)
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if not of_workflow:
            with suppress(OSError):  # another stage is made in it, too
                making.rmdir()


def _put_in_place(folder: Path, products: list[str], name: str, results: Path) -> None:
    """Move what was made to where it belongs, and remove what the stage made before and no more."""
    before = {file for file in _read(stamp(results, name))[1] if _is_product(file)}
    others = {file for other in STAGES for file in _read(stamp(results, other))[1] if other != name}
    for file in products:
        with files.writable(results / file):
            (results / file).parent.mkdir(parents=True, exist_ok=True)
            os.replace(folder / file, results / file)
    for file in before - others - set(products):
        with files.writable(results / file):
            (results / file).unlink(missing_ok=True)


def _is_product(file: str) -> bool:
    """Tell whether a stamp, which anybody may have written, names what a stage can have made."""
    path = PurePosixPath(file)
    return path.parts[:1] in PRODUCTS and ".." not in path.parts and "\0" not in file


def engine(results: Path) -> str | None:
    """Say what rendered the pages that are there, as their stamp has it."""
    return _read(stamp(results, "pages"))[0].get("engine")


def _read(stamp: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Give the digests of a stamp; none where it cannot be read, as after a merge."""
    try:
        written = json.loads(files.read_text(stamp))
        inputs, outputs = written["inputs"], written["outputs"]
    except (UserError, ValueError, TypeError, KeyError):
        return {}, {}
    return (inputs, outputs) if isinstance(inputs, dict) and isinstance(outputs, dict) else ({}, {})


def _sha256(path: Path) -> str:
    try:
        # A pipe in a file's place would be waited for.
        return files.digest_of_file(path) if path.is_file() else ABSENT
    except (OSError, ValueError):  # a name that can be no file's
        return ABSENT
