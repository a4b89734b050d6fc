"""Runs that processes share, on one machine or on several with one folder: each takes what is free.

A run is free unless somebody holds its lock, so nobody tells anybody what he does: who is killed
lets go of it, and what was trained is known by its record. A search offers its runs as files.
"""

import json
import shutil
import time
from collections.abc import Iterable, Iterator
from concurrent import futures
from pathlib import Path

from pydantic import ValidationError

from cnn_study.base.errors import UserError
from cnn_study.base.files import read_at_most, write_whole
from cnn_study.base.words import first_lines
from cnn_study.execute import local
from cnn_study.execute.workers import (
    Ended,
    Place,
    Workers,
    prepare,
    stopped,
    train_alone,
    train_free,
)
from cnn_study.runs import records, searches
from cnn_study.runs.wanted import Run
from cnn_study.study import architecture
from cnn_study.study.model import Experiment, Study
from cnn_study.study.settings import Settings, fingerprint
from cnn_study.train import engine

Outcome = records.Record | Exception | None
"""Of a run that was taken: its record; why there is none; None if another process has it."""

PAUSE_SECONDS = 0.5
"""Between looks at what others do."""

MOST_BYTES = 2**20
"""Of an offer, which has a few kilobytes."""


class Dispatcher:
    """Gives free runs to workers, as many at a time as these are; together what trains together."""

    def __init__(self, study: Study, place: Place, workers: Workers) -> None:
        self.study, self.place, self.workers = study, place, workers
        self._jobs: dict[futures.Future, list[Run]] = {}
        self._ended: dict[str, Run] = {}
        self._engine = engine.choose().engine

    @property
    def in_hand(self) -> set[str]:
        """Names of the runs in the hands of workers, or of those that were ended."""
        return {run.name for group in self._jobs.values() for run in group} | self._ended.keys()

    def take(self, runs: Iterable[Run]) -> None:
        """Have runs trained that are free when a worker comes to them, in this order."""
        in_hand = self.in_hand
        new = {run.name: run for run in runs if run.name not in in_hand}
        groups = local.groups(list(new.values()), self._engine)
        if self._engine == "batched" and len(groups) > 1:
            # What fails here fails again below, where it is told.
            self.workers.submit(prepare, self.place, groups)
        for group in groups:
            self._jobs[self.workers.submit(train_free, self.place, group)] = group

    def look(self) -> Iterator[tuple[Run, Outcome]]:
        """Give what came of the runs that are no longer in hand.

        One whose process was ended is trained once more when nothing else is in hand: by itself,
        with all the memory.

        Raises:
            UserError: somebody asked a worker to end.
        """
        for job in [job for job in self._jobs if job.done()]:
            group, error = self._jobs.pop(job), job.exception()
            if isinstance(error, Ended):
                if error.asked:
                    raise stopped(error)
                self._ended |= {run.name: run for run in group}
            elif isinstance(error, Exception):
                yield from ((run, error) for run in group)
            else:
                trained = {(each.fingerprint, each.seed): each for each in job.result()}
                for run in group:
                    yield run, trained.get((run.experiment.fingerprint, run.seed))
        while self._ended and not self._jobs:
            run = self._ended.pop(next(iter(self._ended)))
            yield run, self._train_alone(run)

    def finish(self) -> Iterator[tuple[Run, Outcome]]:
        """Give what comes of all runs in hand, each as it ends."""
        while self.in_hand:
            yield from self.look()
            time.sleep(PAUSE_SECONDS)

    def _train_alone(self, run: Run) -> Outcome:
        try:
            return train_alone(self.study, self.place, run)
        except Exception as error:
            return error


# ---------------------------------------------------------------------------------------- offers


class Offer(records.Part):
    """One run that a search wants, as its file tells of it."""

    settings: Settings
    seed: records.Seed


def folder(results: Path) -> Path:
    """Name the folder of what is offered."""
    return results / "queue"


def clear(results: Path) -> None:
    """Offer nothing any more."""
    shutil.rmtree(folder(results), ignore_errors=True)


def offer(results: Path, number: int, run: Run) -> Path:
    """Offer a run, and give the file that does.

    Args:
        number: its place among the offers.
    """
    name = f"{number:06}-{run.experiment.fingerprint}-seed-{run.seed}.json"
    text = Offer(settings=run.experiment.settings, seed=run.seed).model_dump_json()
    path = folder(results) / name
    write_whole(path, lambda file: file.write(text.encode()))
    return path


def offered(study: Study, results: Path) -> list[Run]:
    """List what is offered, the first offer first.

    Raises:
        UserError: what is there is no offer, or means another run here; names all of it.
    """
    runs, faults = [], []
    for path in sorted(folder(results).glob("*.json")):
        try:
            runs.append(_read(study, path))
        except FileNotFoundError:
            continue  # It was done just now.
        except UserError as fault:
            faults.append(str(fault))
    if faults:
        raise UserError("\n".join(first_lines(faults)))
    return runs


def _read(study: Study, path: Path) -> Run:
    """Read an offer.

    Raises:
        FileNotFoundError: it is not there any more.
        UserError: it cannot be read, is none, or means another run here.
    """
    try:
        content = read_at_most(path, MOST_BYTES)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UserError(
            f"{path}: a search offers a run here, and it cannot be read: {error.strerror}. Let "
            f"whoever works on the study read all of {path.parent}."
        ) from None
    try:
        given = Offer.model_validate(json.loads(content))
        run = search_run(study, given.settings, given.seed)
    except (ValidationError, UserError):
        raise _unlike(path) from None
    except (ValueError, RecursionError):
        raise UserError(
            f"{path}: no run that a search offers, or a damaged one: it is no whole JSON. Delete "
            "it: whoever goes through the search trains what nobody takes."
        ) from None
    if f"-{run.experiment.fingerprint}-seed-{run.seed}.json" not in path.name:
        raise _unlike(path)
    return run


def _unlike(path: Path) -> UserError:
    return UserError(
        f"{path}: a search offers a run here that this machine does not know as the same: it has "
        "another version of cnn-study, another study file or other data. Give it the same. If no "
        f"search is at work, delete the folder {path.parent}."
    )


def search_run(study: Study, settings: Settings, seed: int) -> Run:
    """Make the run of a search that has these settings."""
    dataset = study.dataset
    cost = architecture.cost(settings, dataset.image_shape, len(dataset.class_names))
    name = fingerprint(settings, dataset.digest)
    return Run(Experiment(searches.EXPERIMENT, settings, name, *cost), seed)
