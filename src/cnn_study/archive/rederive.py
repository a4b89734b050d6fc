"""Level R1: makes tables, evidence, figures, text and pages anew, and compares them byte by byte.

The stages are handed over as functions: who keeps what the makers left need not know the readers.
"""

import json
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from cnn_study.archive import differences
from cnn_study.archive.checks import Check, Fault
from cnn_study.base.checkout import git
from cnn_study.base.errors import UserError
from cnn_study.base.files import digest_of_file
from cnn_study.base.words import listing
from cnn_study.runs.stages import Site, engine, stamp

Make = Callable[[str, Path], None]
"""Makes the products of a stage, by its name, in a results folder."""

Publish = Callable[[Path, str], None]
"""Makes the published pages in a results folder, as of a commit."""

MADE = {
    "tables": ("tables", "The tables come out of the records, byte for byte."),
    "evidence": ("evidence", "The evidence comes out of the tables, byte for byte."),
    "confirmed": ("evidence", "What suggestions gain comes out of the runs with fresh seeds."),
    "figures": ("figures", "The figures come out of tables and evidence, byte for byte."),
    "text": ("report", "The text and its claims come out of all of these, byte for byte."),
}
"""By stage: the folder of its products, and what holds if it holds."""

PAGES = ("index.html", "index.pdf")
PUBLISHED = "published"
PUBLICATION = "publication.json"

NOT_INPUT = {
    *(folder for folder, _ in MADE.values()),
    *(PUBLISHED, "certificate", "made", "making", "locks", "running", "queue"),
}
"""Folders of results that no stage reads but through those before it."""


@dataclass(frozen=True)
class Anew:
    """A results folder in which everything is made anew from the same records.

    Attributes:
        kept: the study as it is there.
        results: where it is made anew.
    """

    kept: Site
    results: Path
    make: Make
    publish: Publish

    def checks(self) -> Iterator[Check]:
        """Make stage after stage anew, and compare each with what is there."""
        for stage, (_, promise) in MADE.items():
            try:
                self.make(stage, self.results)
            except Exception as error:  # what is damaged in a new way may stop it in any way
                fault = Fault(stage, "", f"cannot be made anew: {_said(error)}")
                yield Check(stage, "R1", promise, "", (fault,))
                return
            yield self._compared(stage)
        yield self._nothing_else()
        yield self._stamps()
        yield self._published()
        yield self._rendered()

    def _compared(self, stage: str) -> Check:
        _, promise = MADE[stage]
        names = self._products(stage)
        faults = [fault for name in names for fault in self._differences(name)]
        return Check(stage, "R1", promise, f"{len(names)} files", tuple(faults))

    def _products(self, stage: str) -> list[str]:
        outputs = json.loads(stamp(self.results, stage).read_text(encoding="utf-8"))["outputs"]
        return list(outputs)

    def _nothing_else(self) -> Check:
        """Check that every file among the products was made by a stage."""
        names = [name for stage in MADE for name in self._products(stage)]
        folders = dict.fromkeys(folder for folder, _ in MADE.values() if folder != "report")
        faults = [fault for folder in folders for fault in self._unmade(folder, names)]
        return Check(
            "nothing else", "R1", "Nothing lies among the products that no stage makes.",
            listing(folders), tuple(faults),
        )  # fmt: skip

    def _unmade(self, folder: str, names: list[str]) -> Iterator[Fault]:
        """Name files among the products that no stage makes."""
        for path in sorted((self.kept.results / folder).rglob("*")):
            name = path.relative_to(self.kept.results).as_posix()
            if path.is_file() and path.name[0] != "." and name not in names:
                yield Fault(name, "", "nothing makes it")

    def _differences(self, name: str) -> list[Fault]:
        kept, anew = self.kept.results / name, self.results / name
        if not kept.exists():
            return [Fault(name, "", "it is not there")]
        return differences.faults(name, kept.read_bytes(), anew.read_bytes())

    def _stamps(self) -> Check:
        names = [stamp(Path(), stage).as_posix() for stage in MADE]
        faults = [fault for name in names for fault in self._differences(name)]
        return Check(
            "stamps", "R1",
            "What the stamps say that each stage was made from is what is here.",
            f"{len(names)} stamps", tuple(faults),
        )  # fmt: skip

    # ------------------------------------------------------------------------------ the pages

    def _published(self) -> Check:
        """Render the published pages anew, as of the commit that they name."""
        promise = "The published pages come out of the text, byte for byte."
        about = self.kept.results / PUBLISHED / PUBLICATION
        name = f"{PUBLISHED}/{PUBLICATION}"
        if not about.exists():
            return Check("published pages", "R1", promise, left_out="none are published")
        try:
            said = json.loads(about.read_text(encoding="utf-8"))
            commit, text = str(said["commit"]), said["text_sha256"]
        except (OSError, ValueError, LookupError, TypeError) as error:
            fault = Fault(name, "", f"it cannot be read: {error}")
            return Check("published pages", "R1", promise, "", (fault,))
        faults = [*self._of_other_text(name, text), *self._of_no_commit(name, commit)]
        if not faults:
            self.publish(self.results, commit)
            names = sorted(path.name for path in (self.results / PUBLISHED).iterdir())
            faults = [fault for file in names for fault in self._differences(f"{PUBLISHED}/{file}")]
            faults += self._unmade(PUBLISHED, [f"{PUBLISHED}/{file}" for file in names])
        looked_at = f"HTML and PDF of commit {commit[:10]}"
        return Check("published pages", "R1", promise, looked_at, tuple(faults))

    def _of_other_text(self, name: str, digest: str) -> Iterator[Fault]:
        text = self.kept.results / "report" / "index.qmd"
        if not text.exists() or digest_of_file(text) != digest:
            what = (
                "the published pages show another text than report/index.qmd: check out the "
                "commit that they name, or publish anew"
            )
            yield Fault(name, "text_sha256", what)

    def _of_no_commit(self, name: str, commit: str) -> Iterator[Fault]:
        """Ask git, in a checkout with its whole history, whether there is such a commit."""
        folder = self.kept.results
        whole = git(folder, "rev-parse", "--is-shallow-repository") == "false"
        if whole and git(folder, "cat-file", "-t", commit) != "commit":
            yield Fault(name, "commit", f"{commit} is no commit of this repository")

    def _rendered(self) -> Check:
        """Render the pages that a workflow left, which are not committed, where there are some."""
        promise = "The pages that were rendered here come out of the text, byte for byte."
        names = [f"report/{page}" for page in PAGES]
        html = self.kept.results / names[0]
        if not html.exists():
            return Check("rendered pages", "R1", promise, left_out="none are rendered here")
        if engine(self.kept.results) == "quarto":
            why = "Quarto rendered them, which does not promise the same bytes"
            return Check("rendered pages", "R1", promise, left_out=why)
        self.make("pages", self.results)
        faults = [fault for name in names for fault in self._differences(name)]
        return Check("rendered pages", "R1", promise, "HTML and PDF", tuple(faults))


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"


@contextmanager
def anew(site: Site, make: Make, publish: Publish) -> Generator[Anew]:
    """Lay out a temporary results folder that reads what the makers left, and holds nothing else.

    What the makers left is linked, not copied: no stage writes to it.
    """
    with TemporaryDirectory(prefix="cnn-study-verify-") as folder:
        results = Path(folder).resolve()
        for path in sorted(site.results.resolve().iterdir()):
            if path.is_dir() and path.name not in NOT_INPUT:
                (results / path.name).symlink_to(path)
        yield Anew(site, results, make, publish)
