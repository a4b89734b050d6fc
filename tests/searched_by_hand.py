"""Searches whose trainings are made up: a run's scores follow from its name, at once."""

import random
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

import records_by_hand
from cnn_study.execute import local, queue
from cnn_study.runs import records, searches
from cnn_study.runs.wanted import Run, record_of
from cnn_study.search import chief
from cnn_study.study.merge import load

BLOCK = {
    "algorithm": "random",
    "trials": 3,
    "epochs": 2,
    "finalists": 2,
    "finalist_seeds": [101],
    "winner_seeds": [201, 202],
    "winner_epochs": 3,
    "space": {
        "filters": [[2], [4], [8]],
        "learning_rate": {"low": 0.001, "high": 0.01, "scale": "log"},
    },
    "prices": {"cheap": {"title": "Cheap", "macs": 40_000}},
}
TEXT = {
    "title": "A study",
    "dataset": "digits",
    "seeds": 1,
    "base": {"filters": [2], "dense_units": 8, "training_fraction": 0.2, "epochs": 2},
}


def accuracy(run: Run) -> float:
    """Give what a run scores: of 72 held-out images, so many as its name says."""
    return int(run.experiment.fingerprint, 16) * (run.seed + 7) % 61 / 72


class Pool:
    """Stands for `Workers`: each job is done when somebody looks at it, in an order of its own."""

    def __init__(self, count: int, log: Path | None = None) -> None:
        self.count, self.generator = count, random.Random(count)
        self.asked: list[Callable] = []

    def submit(self, job: Callable, *arguments: object) -> Future:
        self.asked.append(job)
        return _Late(self.generator, job, arguments)

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *error: object) -> None:
        return None


class _Late(Future):
    def __init__(self, generator: random.Random, job: Callable, arguments: tuple) -> None:
        super().__init__()
        self._do = lambda: job(*arguments)
        self._generator = generator

    def done(self) -> bool:
        if not super().done() and self._generator.random() < 0.5:
            try:
                self.set_result(self._do())
            except BaseException as error:
                self.set_exception(error)
        return super().done()


class MadeSearch:
    """A study with a search, and what is told of its runs.

    Attributes:
        trained: names of the runs that were trained, in that order.
        instead: what is recorded of some runs instead of what they score, by their names; an
            exception is raised.
    """

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, **changed: object) -> None:
        self.folder, self.results = folder, folder / "results"
        self.change(**changed)
        self.trained: list[str] = []
        self.instead: dict[str, dict | BaseException] = {}
        patch.setattr(chief, "Workers", Pool)
        patch.setattr(chief, "import_keras", lambda: None)
        patch.setattr(queue, "train_free", self.train)
        patch.setattr(queue, "PAUSE_SECONDS", 0)

    def change(self, **changed: object) -> None:
        path = self.folder / "mine.yaml"
        text = yaml.safe_dump({**TEXT, "search": {**BLOCK, **changed}}, sort_keys=False)
        path.write_text(text)
        self.study = load(path)

    def train(self, place: object, runs: list[Run]) -> list[records.Record]:
        """Do as a worker does, with its lock; each run is a group."""
        (run,) = runs
        with local.held_if_free(local._lock_of(run, self.results)) as free:
            if not free or record_of(run, self.results):
                return []
            return [self.write(run)]

    def write(self, run: Run) -> records.Record:
        """Write what a run came to."""
        self.trained.append(run.name)
        outcome = self.instead.get(run.name, {"validation": accuracy(run)})
        if isinstance(outcome, BaseException):
            raise outcome
        alone = SimpleNamespace(experiments={"search": run.experiment}, dataset=self.study.dataset)
        record = records_by_hand.make(alone, "search", run.seed, **outcome)
        records_by_hand.write(alone, self.results, record)
        return record

    def search(self, workers: int = 1, **how: object) -> list[searches.AtBudget]:
        """Go through it, and give what was found at each price."""
        path = chief.search_study(self.study, self.results, Path(), workers, **how)
        return searches.read(path).budgets

    def forget(self) -> None:
        """Lose what the search found, and keep its runs."""
        searches.place(self.study, self.results).unlink()
