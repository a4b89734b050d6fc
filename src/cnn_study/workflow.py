"""What the Snakefile asks: which runs are missing, where things lie, and who may run now.

Only plans: imports neither Keras nor anything that draws or tabulates.
"""

import contextlib
import io
import logging
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from cnn_study.base.errors import UserError
from cnn_study.evidence import schemas as evidence_schemas
from cnn_study.execute import local
from cnn_study.figures.draw import planned_figures
from cnn_study.report import render, study_checks
from cnn_study.runs import inspections, searches
from cnn_study.runs.wanted import Run, done, results_folder, wanted
from cnn_study.study.merge import load
from cnn_study.study.model import Study
from cnn_study.study.yaml_lines import study_file
from cnn_study.tables.data_package import planned_tables
from cnn_study.train import machine

PACKAGE = Path(__file__).parent

ALLOWED_CONFIG = {
    "study": "a name in experiments/ such as cifar10, or the path of a study file",
    "data": "the dataset's archive or its unpacked folder, instead of downloading it",
    "train": "false: make tables and report of the runs that are there, train nothing",
}
ONLY_LOOKING = (
    *("dryrun", "lint", "list_rules", "list_target_rules", "dag", "rulegraph", "filegraph"),
    *("summary", "detailed_summary", "list_changes", "list_input_changes", "list_params_changes"),
    *("list_untracked", "print_compilation", "d3dag"),
)
"""Options of Snakemake with which it changes nothing, and needs no lock."""


@dataclass(frozen=True)
class Batch:
    """Runs of one experiment that one job trains, one after the other.

    Attributes:
        runs: as the command `train` takes them, such as base/seed-1.
        records: where they will be.
        priority: larger for what stands earlier in the order of training.
    """

    runs: tuple[str, ...]
    records: tuple[str, ...]
    priority: int

    @property
    def rule(self) -> str:
        """The name of its rule, after its first run; no id of an experiment has an underscore."""
        return f"train_{self.runs[0].replace('/', '_')}"


@dataclass(frozen=True)
class Plan:
    """One study as the workflow sees it, settled when the Snakefile is read."""

    study: Study
    results: Path
    data: Path
    source: str
    wanted: tuple[Run, ...]
    done: dict[str, Path]
    train: bool

    @property
    def missing(self) -> list[Run]:
        """The runs to train."""
        return [run for run in self.wanted if run.name not in self.done] * self.train

    @property
    def gpus(self) -> int:
        """How many GPUs there are to train on; none is looked for where nothing is to be done."""
        works = self.missing or self.inspection_missing or self.search_missing
        return len(machine.gpus()) if works else 0

    def batches(self, cores: int | None) -> list["Batch"]:
        """List what is to be trained, a batch for each process, in the order of training.

        A record that is there is in none of them: no rule makes it, and Snakemake, which deletes
        a job's outputs before the job, can never touch it.

        Args:
            cores: that Snakemake may use; None where it only looks.
        """
        at_once = min(cores or 1, self.gpus or cores or 1)
        together = local.batches(self.study, self.missing, self.results, at_once)
        last = len(together)
        return [
            Batch(
                tuple(f"{run.experiment.id}/seed-{run.seed}" for run in batch),
                tuple(self._record(run) for run in batch),
                last - place,
            )
            for place, batch in enumerate(together)
        ]

    @property
    def inspected(self) -> list[Run]:
        """The runs to inspect, so far as they have a record or will have one."""
        return [run for run in inspections.kept(self.study) if self.train or run.name in self.done]

    @property
    def inspection(self) -> str | None:
        """The facts of the inspection, there or to come; None if there will be none."""
        path = inspections.place(self.study, self.results, self.inspected)
        return str(path) if self.train or path.exists() else None

    @property
    def inspection_missing(self) -> bool:
        """Whether the inspection is to be made. One that is there has no rule, as with records."""
        return self.train and not Path(self.inspection).exists()

    @property
    def search(self) -> str | None:
        """What the search finds, there or to come; None if there is or will be none."""
        path = searches.place(self.study, self.results)
        return str(path) if path and (self.train or path.exists()) else None

    @property
    def search_missing(self) -> bool:
        """Whether the search is to be done. One that is done has no rule, as with records."""
        return self.search is not None and not Path(self.search).exists()

    @property
    def tables(self) -> list[str]:
        """Names of the table files."""
        return planned_tables(self.study)

    @property
    def evidence(self) -> list[str]:
        """Names of the files of evidence."""
        return evidence_schemas.planned_evidence()

    @property
    def figures(self) -> list[str]:
        """Names of the figure files."""
        return planned_figures(self.study, self.inspection is not None)

    @property
    def study_files(self) -> list[str]:
        """The study file, and the published numbers that it names."""
        published = self.study.file.published
        beside = [str(self.study.path.parent / published.file)] if published else []
        return [str(self.study.path), *beside]

    def records(self, experiment: str | None = None) -> list[str]:
        """List the record files, there or to come, of one experiment or of all."""
        chosen = [run for run in self.wanted if experiment in (None, run.experiment.id)]
        return [self._record(run) for run in chosen if self.train or run.name in self.done]

    def inspected_records(self) -> list[str]:
        """List the record files of the runs to inspect."""
        return [self._record(run) for run in self.inspected]

    def _record(self, run: Run) -> str:
        return str(self.done.get(run.name, self.results / "runs" / f"{run.name}.json"))


def plan(config: dict[str, Any]) -> Plan:
    """Read the study that the configuration names and look which of its runs are there.

    Raises:
        UserError: an unknown configuration key, a fault in the study, or runs are missing and what
            Keras is to compute with is not there.
    """
    unknown = sorted(set(config) - set(ALLOWED_CONFIG))
    if unknown:
        allowed = "\n".join(f"  {key}=…  {what}" for key, what in ALLOWED_CONFIG.items())
        raise UserError(f"--config {', '.join(unknown)}: unknown. Allowed:\n{allowed}")
    empty = [key for key in ("study", "train") if config.get(key, "default") in (None, "")]
    if empty:
        raise UserError(f"--config {empty[0]}=: empty. Allowed: {ALLOWED_CONFIG[empty[0]]}.")
    path = study_file(str(config.get("study", "cifar10")))
    chosen = load(path)
    results = results_folder(chosen)
    train = str(config.get("train", True)).lower()
    if train not in ("true", "false"):
        raise UserError(f"--config train={train}: allowed are true and false.")
    found = Plan(
        chosen, results, Path("data") / f"{chosen.dataset.name}.npz",
        str(config.get("data") or ""), tuple(wanted(chosen)),
        done(chosen, results), train == "true",
    )  # fmt: skip
    if found.missing or found.search_missing:
        # What would stop the report is told before anything trains.
        load(path, also=study_checks.CHECKS)
        machine.backend()
    return found


def check_profile(plan: Plan) -> None:
    """Refuse to train where Snakemake would delete the finished runs of a job that fails.

    Raises:
        UserError: it was told to leave the project's profile aside.
    """
    if plan.missing and not _keeps_incomplete(sys.argv[1:]):
        raise UserError(
            "Snakemake runs without this project's profile, profiles/default, and would delete "
            "finished runs when a later one fails. Leave --workflow-profile out, or add "
            "--keep-incomplete."
        )


def _keeps_incomplete(arguments: list[str]) -> bool:
    """Read Snakemake's command line and profile as it does itself, without a word."""
    from snakemake.cli import parse_args

    with contextlib.redirect_stderr(io.StringIO()):
        _, options = parse_args(arguments)
    return options.keep_incomplete


def lock(results: Path) -> FileLock | None:
    """Let only one workflow at a time work on a study's results.

    The system frees the lock however this process ends, `kill -9` included.

    Raises:
        UserError: another workflow holds it.
    """
    if _only_looks(sys.argv[1:]):
        return None
    held = FileLock(results / "locks" / "workflow.lock")
    if not local.claim(held):
        raise UserError(
            f"Another workflow is at work in {results}. Wait until it ends; nothing was changed."
        )
    return held


def _only_looks(arguments: list[str]) -> bool:
    """Read Snakemake's command line as it does itself; -np is -n and -p."""
    from snakemake.cli import get_argument_parser

    options, _ = get_argument_parser().parse_known_args(arguments)
    return any(getattr(options, name) for name in ONLY_LOOKING)


def is_news(record: logging.LogRecord) -> bool:
    """Tell whether a line of Snakemake's own says anything to a user.

    A command that fails says itself why, on the screen and in its log, and ends with status 1 or
    2: that it ended so is no news. One that was killed said nothing. The conda environments name
    a rule's software, as Snakemake's linter asks; its command runs where Snakemake runs. That
    there is no backup of a record from before the job is as it should be.
    """
    said = record.getMessage()
    told = re.search(r"CalledProcessError.* returned non-zero exit status [12]\.", said, re.DOTALL)
    return not (told or said.startswith("Cannot restore ") or said == "Conda environments: ignored")


def code(*modules: str) -> list[str]:
    """List the source files of modules, so that what they make is made anew when they change.

    Args:
        modules: names in this package; that of a folder stands for all modules in it.
    """
    return [
        str(path)
        for module in modules
        for path in sorted((PACKAGE / module).glob("*.py")) or [PACKAGE / f"{module}.py"]
    ]


def templates() -> list[str]:
    """List what the report's text is made from."""
    return sorted(str(path) for path in Path("report").rglob("*.j2"))


def scripts() -> list[str]:
    """List the scripts that stand in the page together with their data."""
    return sorted(str(path) for path in Path("report/theme").glob("*.js"))


def theme() -> list[str]:
    """List what the report's looks are made from, and its bibliography."""
    return [str(path) for path in render.kept(Path("report"))]
