"""What the Snakefile asks: which runs are missing, what is current, and who may run now.

Only plans: reads files, changes none, and imports neither Keras nor anything that draws or
tabulates. Whichever process reads the Snakefile is given the same rules.
"""

import argparse
import contextlib
import io
import logging
import math
import os
import re
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock

from cnn_study.base import files
from cnn_study.base.errors import UserError
from cnn_study.base.places import PACKAGE
from cnn_study.base.stopping import WORKFLOW_SECONDS, stop_on_signals
from cnn_study.base.words import short_duration
from cnn_study.data import arrays
from cnn_study.execute import device, keeping, local, progress
from cnn_study.report import study_checks
from cnn_study.report.engines import Engine, choose
from cnn_study.runs import (
    confirmations,
    correct_answers,
    inspections,
    look_alikes,
    records,
    searches,
    stages,
)
from cnn_study.runs.estimate import seconds_left, telling
from cnn_study.runs.wanted import Run, done, results_folder, wanted
from cnn_study.study import own_images, own_networks
from cnn_study.study.merge import load
from cnn_study.study.model import Study
from cnn_study.study.yaml_lines import study_file
from cnn_study.train import engine as engines
from cnn_study.train import machine

RULES = str(PACKAGE / "rules" / "study.smk")
"""What a Snakefile includes: every rule of a study."""

ALLOWED_CONFIG = {
    "study": "a name in experiments/ such as cifar10, or the path of a study file",
    "data": "the dataset's archive or its unpacked folder, instead of downloading it; of images of "
    "your own, where they are on this machine",
    "accept_data": "true: take other images of your own than the study was about, and train anew",
    "train": "false: make tables and report of the runs that are there, train nothing",
    "retry": "failed: train again what is recorded as failed, for want of memory say",
    "engine": "what renders the pages: quarto, pandoc, or auto (Quarto where it is installed)",
    "job_minutes": "on a cluster: for how many minutes a job trains, by estimate; 10 without it",
    "training_engine": "what trains: processes, batched, or auto (batched where JAX sees a GPU), "
    "whatever the study's file asks for",
}

JOB_MINUTES = 10
"""For which a job of a cluster trains, by estimate."""


def use_sources(folder: str) -> None:
    """Let the commands of the rules take the package from here, whichever one is installed."""
    others = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([folder, *([others] if others else [])])


HERE = ("local", "dryrun", "touch")
"""Executors of Snakemake's that hand nothing to other machines."""


@dataclass(frozen=True)
class Jobs:
    """Where the jobs of a workflow are done.

    Attributes:
        submitted: whether they are handed to other machines, as by Slurm: then the cores and GPUs
            of this one say nothing.
        within: whether this process does such a job, on its machine.
    """

    submitted: bool = False
    within: bool = False

    @classmethod
    def asked(cls, arguments: list[str], *, within: bool) -> "Jobs":
        """Read it from the command line of Snakemake, and from its profile."""
        return cls(within or _options(arguments).executor not in (None, *HERE), within)


@dataclass(frozen=True)
class Batch:
    """Runs that one job trains, one after the other.

    Attributes:
        trained: the runs.
        records: where they are, or will be.
        priority: larger for what stands earlier in the order of training.
    """

    trained: tuple[Run, ...]
    records: tuple[str, ...]
    priority: int

    @property
    def runs(self) -> tuple[str, ...]:
        """The runs as the command `train` takes them, such as base/seed-1."""
        return tuple(run.typed for run in self.trained)

    @property
    def rule(self) -> str:
        """The name of its rule, after its first run; no id of an experiment has an underscore."""
        return f"train_{self.runs[0].replace('/', '_')}"


@dataclass(frozen=True)
class Plan:
    """One study as the workflow sees it, settled when the Snakefile is read.

    Attributes:
        done: the record of each run that is there, by the run's name; with `retry` not of those
            that failed.
        train: whether to train, search and inspect what is missing.
        retry: whether to train again what is recorded as failed.
        unknown_networks: whether what is known of the study's own networks is still to be written
            down.
        unknown_images: whether what is known of the study's own images is still to be written down.
        engine: what renders the pages.
        jobs: where what is to be done is done.
        job_minutes: for how long a job of a cluster trains, by estimate.
        training_engine: what trains.
    """

    study: Study
    results: Path
    data: Path
    source: str
    wanted: tuple[Run, ...]
    done: dict[str, Path]
    train: bool
    engine: Engine = "pandoc"
    retry: bool = False
    unknown_images: bool = False
    unknown_networks: bool = False
    jobs: Jobs = Jobs()
    job_minutes: float = JOB_MINUTES
    training_engine: engines.Engine = "processes"

    @cached_property
    def missing(self) -> list[Run]:
        """The runs to train."""
        return [run for run in self.wanted if run.name not in self.done] * self.train

    @cached_property
    def gpus(self) -> int:
        """How many GPUs there are here to train on; none is looked for where nothing is to do."""
        if self.jobs.submitted:
            return 0
        works = self.missing or self.inspection_missing or self.search_missing or self.confirms()
        return len(machine.gpus()) if works else 0

    @cached_property
    def batches(self) -> list[Batch]:
        """List all runs of the study, done or not, a batch for each job, in their order.

        What is there is in a batch too: rules are the same whatever is done. Its command leaves a
        record that is there as it is.
        """
        together = self._together(list(self.wanted))
        return [
            Batch(
                tuple(batch),
                tuple(self._record(run) for run in batch),
                len(together) - place,
            )
            for place, batch in enumerate(together)
        ]

    def _together(self, runs: list[Run]) -> list[list[Run]]:
        if self.training_engine == "batched":
            return local.jobs_of_groups(runs)
        if self.jobs.submitted:
            return local.for_cluster(self.study, runs, 60 * self.job_minutes)
        return local.batches(self.study, runs)

    @property
    def dataset(self) -> str:
        """What is given to the command that makes the arrays: a dataset's name, or the study."""
        return self.study.dataset.name if self.study.dataset.reader else str(self.study.path)

    @property
    def arrays(self) -> list[str]:
        """List what stands for the dataset's arrays, for a rule that is to read them.

        That is their file; where that is there and is not what was made, a mark, as for a stage.
        """
        anew = self.unknown_images or self.arrays_damaged
        return [self.mark(ARRAYS) if anew else str(self.data)]

    @property
    def images_known(self) -> list[str]:
        """Ask, before the study is read, for what is known of its images where nobody has told."""
        return self.arrays if self.unknown_images else []

    @property
    def networks_known(self) -> list[str]:
        """Ask, before the study is read, for what its networks are where nobody has told."""
        return [self.mark(NETWORKS)] if self.unknown_networks else []

    @cached_property
    def arrays_damaged(self) -> bool:
        """Whether the arrays are there and are not what was made; it takes a look at them all."""
        return self.data.exists() and not arrays.is_prepared(self.study.dataset, self.data)

    def arrays_for(self, batch: Batch) -> list[str]:
        """Ask for the arrays only where a run is to be trained: a job with none needs no data."""
        return self.arrays if self._missing_names.intersection(batch.runs) else []

    @cached_property
    def _missing_names(self) -> set[str]:
        return {run.typed for run in self.missing}

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
        """Whether the inspection is to be made."""
        return self.train and self.inspection is not None and not Path(self.inspection).exists()

    @property
    def look_alikes(self) -> str | None:
        """The facts about look-alikes, there or to come; None if there will be none."""
        path = look_alikes.place(self.study, self.results)
        return str(path) if self.train or path.exists() else None

    @property
    def answers(self) -> str | None:
        """The correct answers of the test images, there or to come; None if there are none."""
        path = correct_answers.place(self.study, self.results)
        return str(path) if self.train or path.exists() else None

    @property
    def look_alikes_missing(self) -> bool:
        """Whether look-alikes are to be searched for, or the answers to be kept."""
        kept = [self.look_alikes, self.answers]
        return self.train and not all(path and Path(path).exists() for path in kept)

    @property
    def search(self) -> str | None:
        """What the search finds, there or to come; None if there is or will be none."""
        path = searches.place(self.study, self.results)
        return str(path) if path and (self.train or path.exists()) else None

    @property
    def search_missing(self) -> bool:
        """Whether the search is to be done, or what failed in it to be tried again."""
        return self.search is not None and (not Path(self.search).exists() or self.search_failed)

    @cached_property
    def search_failed(self) -> bool:
        """Whether runs of the search failed and are to be tried again."""
        asked = self.retry and self.search is not None
        return asked and bool(searches.failed(self.study, self.results))

    @property
    def searched(self) -> list[str]:
        """List what stands for what the search finds, for a rule to ask for."""
        return [self.search, *self.search_tries * self.search_failed] if self.search else []

    @property
    def search_tries(self) -> list[str]:
        """List what stands for another try of what failed in the search, as `tries` does."""
        return [self.mark(SEARCH_TRIES)] * self.retry

    @cached_property
    def unconfirmed(self) -> list[Run]:
        """The runs with fresh seeds to train, by what is suggested so far."""
        if not self.train:
            return []
        return confirmations.missing(self.study, self.results, retry=self.retry)

    def confirms(self, *, forced: bool = False) -> bool:
        """Tell whether runs with fresh seeds are missing, or may be once the evidence is made."""
        asked = self.train and bool(self.study.fresh_seeds)
        return asked and (forced or "evidence" in self.stale or bool(self.unconfirmed))

    @cached_property
    def stale(self) -> dict[str, list[str]]:
        """The stages to make anew, each with what has changed since it was made.

        A stage behind one that is made anew is asked for too; it makes nothing if what it reads
        comes out as before.
        """
        site = stages.Site(
            self.study,
            self.results,
            Path(self.inspection) if self.inspection else None,
            Path(self.search) if self.search else None,
            Path(self.look_alikes) if self.look_alikes else None,
            self.engine,
        )
        changes: dict[str, list[str]] = {}
        for name, stage in stages.STAGES.items():
            reasons = stages.stale(stage, site)
            if not reasons and name == "tables" and (self.missing or self.search_missing):
                reasons = ["runs"]
            if not reasons and name == "tables" and self.unknown_images:
                reasons = ["images"]
            if not reasons and name == "confirmed" and self.unconfirmed:
                reasons = ["fresh runs"]
            if reasons or changes:
                changes[name] = reasons
        return changes

    def made(self, *names: str, forced: bool = False) -> list[str]:
        """List what stands for the products of stages, for a rule to ask for.

        Of a stage that is current that is its stamp, which is there. Of one that is not, it is a
        mark that never stays: asking for it makes the stage, whatever the times of files say.
        """
        return [
            self.mark(name)
            if forced or name in self.stale
            else str(stages.stamp(self.results, name))
            for name in names
        ]

    def fresh_runs(self, *, forced: bool = False) -> list[str]:
        """List what stands for the runs that confirm suggestions, where any may be missing.

        Which these are the evidence says, which may be made only while the workflow runs. So a mark
        stands for them all, as for a stage.
        """
        return [self.mark(FRESH_RUNS)] if self.confirms(forced=forced) else []

    def whole(self, *, forced: bool = False) -> list[str]:
        """List what stands for everything that the study leaves."""
        kept = filter(None, [self.inspection, self.look_alikes, self.answers, *self.searched])
        mended = self.arrays * (self.train and self.arrays_damaged)
        return [*self.made(*stages.STAGES, forced=forced), *kept, *mended]

    def mark(self, name: str) -> str:
        """Name the file that stands, while a workflow runs, for what it has made."""
        return str(self.marks / name)

    def tries(self, batch: Batch) -> list[str]:
        """List what stands for another try of what failed, of which the record is there already.

        All batches leave such a mark, whatever of them failed: rules are the same whatever is done.
        """
        return [self.mark(batch.rule)] * self.retry

    @cached_property
    def marks(self) -> Path:
        """The folder of these files, which has a number.

        A workflow that was killed may have left one, so this one takes the next; its jobs take that
        of the workflow that is at work.
        """
        making = self.results / stages.MAKING
        numbers = [int(path.name) for path in making.glob("*") if path.name.isdecimal()]
        latest = max(numbers, default=None)
        if self.jobs.within:
            return making / str(latest or 0)
        return making / str(0 if latest is None else latest + 1)

    def records(self, experiment: str) -> list[str]:
        """List the record files of one experiment, there or to come."""
        chosen = self._runs_of[experiment]
        return self._records([run for run in chosen if self.train or run.name in self.done])

    @cached_property
    def _runs_of(self) -> dict[str, list[Run]]:
        runs: dict[str, list[Run]] = {id_: [] for id_ in self.study.experiments}
        for run in self.wanted:
            runs[run.experiment.id].append(run)
        return runs

    def records_to_come(self) -> list[str]:
        """List the record files that are not there yet and will be.

        A rule that reads all records waits for these. Asking for the others too would have
        Snakemake look at every run that is done, which is most of its time in a large study.
        """
        return self._records(self.missing)

    def inspected_records(self) -> list[str]:
        """List the record files of the runs to inspect."""
        return self._records(self.inspected)

    def _records(self, runs: list[Run]) -> list[str]:
        """List the records of runs, and what stands for another try of those that failed."""
        again = [run for run in runs if run.name not in self.done] if self.retry else []
        tries = (mark for run in again for mark in self.tries(self._batch_of[run.typed]))
        return [*map(self._record, runs), *dict.fromkeys(tries)]

    @cached_property
    def _batch_of(self) -> dict[str, Batch]:
        return {run: batch for batch in self.batches for run in batch.runs}

    def _record(self, run: Run) -> str:
        """Name a run's record: where it is, under whatever id it was trained, or will be."""
        return str(self.done.get(run.name, self._place(run)))

    def _place(self, run: Run) -> str:
        return str(self.results / "runs" / f"{run.name}.json")

    def in_words(self, rules: Iterable[str], processes: int | None) -> str:
        """Say what is to be done, from the names of the rules that Snakemake is about to follow."""
        asked = set(rules)
        missing = {run.typed: run for run in self.missing}
        runs = [
            missing[name]
            for batch in self.batches
            if batch.rule in asked
            for name in batch.runs
            if name in missing
        ]
        lines = []
        if "prepare_data" in asked:
            damaged = self.arrays_damaged and not self.unknown_images
            why = f" ({self.data} is not as it was made)" if damaged else ""
            lines.append(f"To prepare: the images of {self.study.dataset.title}{why}.")
        if "describe_networks" in asked:
            lines.append("To describe: the networks of the study's own.")
        if runs:
            lines.append(f"To train: {_runs_in_words(runs)}{self._time(runs, processes or 1)}.")
        if "search_models" in asked and self.search_missing:
            lines.append("To search for models: the block `search` of the study.")
        if "confirm_suggestions" in asked:
            lines += self._confirming_in_words(processes or 1)
        if "inspect_models" in asked and self.inspection_missing:
            lines.append("To inspect: the networks whose weights are kept.")
        if "find_look_alikes" in asked and self.look_alikes_missing:
            lines.append("To compare: the test images with the training images.")
        if "verify" in asked:
            lines.append("To verify: all that stands in the report, from its records on.")
        to_make = [
            f"{name} ({', '.join(changed)})" if (changed := self._changed(name)) else name
            for name, rule in STAGE_RULES.items()
            if rule in asked
        ]
        if to_make:
            lines.append(f"To make: {', '.join(to_make)}.")
        if "write_report" in asked and (advice := keeping.advice(self.study, self.results)):
            lines.append(f"Not asked for: {advice}.")
        return "\n".join(lines)

    def _confirming_in_words(self, processes: int) -> list[str]:
        """Say which runs with fresh seeds are to be trained, and that there may be others."""
        lines = []
        if runs := self.unconfirmed:
            lines.append(f"To confirm: {_runs_in_words(runs)}{self._time(runs, processes)}.")
        if "evidence" in self.stale:
            lines.append("To confirm, too: what the evidence then suggests and was not before.")
        return lines

    def _changed(self, stage: str) -> list[str]:
        """Say what a stage is made anew for; nothing of one that was never made."""
        return [reason for reason in self.stale.get(stage, []) if reason != stages.NEVER_MADE]

    def _time(self, runs: list[Run], processes: int) -> str:
        known = telling(self.done.values())
        started = len(self._together(runs))
        seconds = seconds_left(self.study, runs, known, started) / min(processes, started)
        return f", about {short_duration(seconds)} of training"


FRESH_RUNS = "fresh-runs"
"""What stands for the runs that confirm suggestions is called as its stage would be."""

SEARCH_TRIES = "search"
"""What stands for another try of what failed in a search."""

ARRAYS = "arrays"
"""What stands for the dataset's arrays where these are to be made again."""

NETWORKS = "networks"
"""What stands for what is known of the study's own networks where that is to be written down."""

STAGE_RULES = {
    "tables": "collect_tables",
    "evidence": "analyse",
    "confirmed": "judge_confirmation",
    "figures": "draw_figures",
    "text": "write_report",
    "pages": "render_report",
}
"""The rule of each stage."""


def _runs_in_words(runs: list[Run]) -> str:
    """Name runs, so long as they are few; of many say how many they are."""
    by_experiment: dict[str, list[int]] = {}
    for run in runs:
        by_experiment.setdefault(run.experiment.id, []).append(run.seed)
    number = f"{len(runs)} run{'s' * (len(runs) != 1)}"
    if len(by_experiment) > 6:
        return f"{number} of {len(by_experiment)} experiments"
    named = (
        f"{id_} seed{'s' * (len(seeds) != 1)} {', '.join(map(str, sorted(seeds)))}"
        for id_, seeds in by_experiment.items()
    )
    return f"{number} ({'; '.join(named)})"


def plan(config: dict[str, Any], jobs: Jobs = Jobs()) -> Plan:
    """Read the study that the configuration names and look which of its runs are there.

    Args:
        jobs: where they are done.

    Raises:
        UserError: an unknown configuration key, a fault in the study, Quarto is asked for and not
            installed, or runs are missing and what Keras is to compute with is not there.
    """
    unknown = sorted(set(config) - set(ALLOWED_CONFIG))
    if unknown:
        allowed = "\n".join(f"  {key}=…  {what}" for key, what in ALLOWED_CONFIG.items())
        raise UserError(f"--config {', '.join(unknown)}: unknown. Allowed:\n{allowed}")
    empty = [
        key
        for key in ("study", "train", "engine", "training_engine")
        if config.get(key, "default") in (None, "")
    ]
    if empty:
        raise UserError(f"--config {empty[0]}=: empty. Allowed: {ALLOWED_CONFIG[empty[0]]}.")
    path, source = study_file(str(config.get("study", "cifar10"))), str(config.get("data") or "")
    accept = _is_true(config, "accept_data", default=False)
    dataset = own_images.known_or_looked_at(path, source, accept=accept)
    describe = own_networks.known_or_built(path, source)
    study = load(path, dataset=dataset, describe=describe)
    results = results_folder(study)
    retry = "retry" in config
    if retry and config["retry"] != "failed":
        raise UserError(f"--config retry={config['retry'] or ''}: allowed is failed.")
    train = _is_true(config, "train", default=True)
    engine = choose(str(config.get("engine", "auto")), "--config engine=")
    trains = _training_engine(config, jobs, study)
    planned = Plan(
        study, results, arrays.place(study.dataset), source, tuple(wanted(study)),
        _done(study, results, retry), train, engine, retry, not own_images.is_known(path, dataset),
        not own_networks.is_known(path, study.own_networks.values()), jobs,
        _minutes(config), trains,
    )  # fmt: skip
    if planned.missing or planned.search_missing or planned.unconfirmed:
        # What would stop the report is told before anything trains.
        load(path, also=study_checks.CHECKS, dataset=dataset, describe=describe)
        if not jobs.submitted:
            engines.choose(study=study)
            to_train = [run.experiment for run in (*planned.missing, *planned.unconfirmed)]
            device.check_precision(study, to_train, search=planned.search_missing)
        machine.backend()
    return planned


def _training_engine(config: dict[str, Any], jobs: Jobs, study: Study) -> engines.Engine:
    """Settle which engine trains; of machines that jobs are handed to, each finds out for itself.

    What the study alone asks for need not be here where nothing is to be trained.

    Raises:
        UserError: there is none of that name, or it cannot be had here.
    """
    asked, wished = str(config.get("training_engine", "")), study.file.training_engine
    if jobs.submitted and asked in ("", "auto"):
        return "batched" if not asked and wished == "batched" else "processes"
    try:
        return engines.settle(asked, "--config training_engine=", study)
    except UserError:
        if asked or wished == "auto":
            raise
        return wished


def _is_true(config: dict[str, Any], key: str, *, default: bool) -> bool:
    """Read a key that is true or false.

    Raises:
        UserError: it is something else.
    """
    given = str(config.get(key, default)).lower()
    if given not in ("true", "false"):
        raise UserError(f"--config {key}={given}: allowed are true and false.")
    return given == "true"


def _minutes(config: dict[str, Any]) -> float:
    """Read for how many minutes a job of a cluster trains.

    Raises:
        UserError: it is no number from 0 on.
    """
    given = config.get("job_minutes", JOB_MINUTES)
    if not isinstance(given, int | float) or isinstance(given, bool) or not 0 <= given < math.inf:
        raise UserError(f"--config job_minutes={given}: allowed is a number from 0 on.")
    return given


def _done(study: Study, results: Path, retry: bool) -> dict[str, Path]:
    """Map the name of each run that is there to its record; those to retry are not."""
    paths = done(study, results)
    again = records.failed(paths) if retry else {}
    return {name: path for name, path in paths.items() if name not in again}


def check_profile(planned: Plan) -> None:
    """Refuse to train where Snakemake would delete the finished runs of a job that fails.

    Raises:
        UserError: it was told to leave the project's profile aside.
    """
    if planned.missing and not _options(sys.argv[1:]).keep_incomplete:
        raise UserError(
            "Snakemake runs without this project's profile, profiles/default, and would delete "
            "finished runs when a later one fails. Leave --workflow-profile out, or add "
            "--keep-incomplete."
        )


def _options(arguments: list[str]) -> argparse.Namespace:
    """Read Snakemake's command line and profile as it does itself, without a word."""
    from snakemake.cli import parse_args

    with contextlib.redirect_stderr(io.StringIO()):
        _, options = parse_args(arguments)
    return options


def check_place(folder: Path) -> None:
    """Refuse to begin where Snakemake cannot even keep its own notes, whatever it is asked.

    Raises:
        UserError: the folder, or what it keeps there, cannot be written.
    """
    for name in ("results", "data", "logs"):
        if (folder / name).exists() and not (folder / name).is_dir():
            raise UserError(f"{folder / name} is a file, and a folder of that name is needed. "
                            "Move the file elsewhere.")  # fmt: skip
    notes = folder / ".snakemake"
    if not os.access(notes if notes.exists() else folder, os.W_OK):
        raise UserError(
            f"{folder.resolve()} cannot be written, and Snakemake keeps its notes there, in "
            ".snakemake. Work in a copy. `cnn-study check STUDY` writes nothing."
        )


def check_cores(cores: int | None) -> None:
    """Refuse to wait for ever for a core.

    Raises:
        UserError: Snakemake is given fewer than one.
    """
    if cores is not None and cores < 1:
        raise UserError(f"--cores {cores}: allowed is 1 or more, or all.")


def check_deployment(methods: Iterable[Any]) -> None:
    """Refuse software environments that Snakemake would make for single jobs.

    Raises:
        UserError: one was asked for.
    """
    named = sorted(str(method) for method in methods)
    if named:
        raise UserError(
            f"--software-deployment-method {' '.join(named)}: every step runs in the environment "
            "that Snakemake runs in, and in no other. Leave the option out, and make that "
            "environment first: with pip as README.md says, or with "
            "`conda env create --file environment.yml`."
        )


def stop_in_time() -> None:
    """Let the process that runs a workflow end by a signal, with all its commands, in seconds."""
    stop_on_signals(WORKFLOW_SECONDS)


_HELD: list[FileLock] = []
"""The lock of this process: a lock that nobody refers to is let go of."""


def begin(planned: Plan) -> None:
    """Let only one workflow at a time work on a study's results, and clear what a dead one left.

    Called when the workflow begins to work, by the process that runs it. The system frees the
    lock however this process ends, `kill -9` included.

    Raises:
        UserError: another workflow holds it.
    """
    held = local.lock_at(planned.results / "locks" / "workflow.lock")
    if not local.claim(held):
        raise UserError(
            f"Another workflow is at work in {planned.results}; nothing was changed. Wait until "
            f"it ends, or help it to train: cnn-study work {planned.study.path}"
        )
    _HELD.append(held)
    end(planned)
    planned.marks.mkdir(parents=True)
    files.out_of_the_future([planned.data, *planned.results.rglob("*"), planned.study.path])


def end(planned: Plan) -> None:
    """Take away what stood for the stages that were made."""
    shutil.rmtree(planned.marks.parent, ignore_errors=True)


ENDED = re.compile(
    r"CalledProcessError.* (returned non-zero exit status ([12]|129|130|143)\.|"
    r"died with <Signals\.SIG(HUP|INT|TERM):)",
    re.DOTALL,
)
"""What Snakemake says of a command that failed, or that a person stopped."""


def failures(planned: Plan) -> list[str]:
    """Say which runs of a study are recorded as failed, and how they are tried again."""
    return progress.failures(planned.study, planned.results)


class News(logging.Filter):
    """Keeps back what Snakemake says that is no news, and says in words what is to be done."""

    def __init__(self, planned: Plan, processes: int | None) -> None:
        """Take the plan to speak of, and how many trainings there are at a time."""
        super().__init__()
        self.plan, self.processes, self.announced = planned, processes, False

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a line says anything to a user."""
        stats = getattr(record, "stats", None)
        if isinstance(stats, dict) and not self.announced:
            self.announced = True
            if words := self.plan.in_words(stats, self.processes):
                logging.getLogger(record.name).info(words)
        if record.getMessage().startswith("Nothing to be done"):
            for line in failures(self.plan):
                logging.getLogger(record.name).warning(line)
        return is_news(record)


def is_news(record: logging.LogRecord) -> bool:
    """Tell whether a line of Snakemake's own says anything to a user.

    A command that fails says itself why, on the screen and in its log, and ends with status 1 or
    2: that it ended so is no news, nor is it where a person stopped it. One that was killed said
    nothing. The conda environments name a rule's software, as Snakemake's linter asks; its command
    runs where Snakemake runs. That there is no backup of a record from before the job is as it
    should be, so is that some files come while it runs, and the marks of stages are nobody's
    business. What is kept in `.snakemake` about earlier jobs, or is not, decides nothing.
    """
    said = record.getMessage()
    return not (
        ENDED.search(said)
        or said.startswith(("Cannot restore ", "Touching output file "))
        or said == "Conda environments: ignored"
        or "missing provenance/metadata" in said
        or "were not present when the DAG was created" in said
    )
