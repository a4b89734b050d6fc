"""Go through a search: have trials proposed and trained, choose, train the best with new seeds.

One process is the chief: it holds the oracle, keras-tuner's or that of `halving`, and offers the
runs of what that proposes to whoever is free, its own workers and other processes alike
(`execute.queue`). It is told nothing but what their records say, so a search that was stopped goes
through the same trials again and trains only what is missing.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from filelock import FileLock
from threadpoolctl import threadpool_limits

from cnn_study.base import outputs
from cnn_study.base.errors import UserError
from cnn_study.base.lean_imports import absent
from cnn_study.base.words import counted, percent
from cnn_study.execute import local, progress, queue
from cnn_study.execute.workers import Place, Workers, train_all
from cnn_study.runs import measured, records, sealed, searches
from cnn_study.runs.heartbeat import log, running
from cnn_study.runs.wanted import Run, done, read_sound
from cnn_study.search import choosing
from cnn_study.search.halving import Halving, Proposed
from cnn_study.study.model import Study
from cnn_study.study.search_space import Budget, Search
from cnn_study.study.settings import value_text
from cnn_study.train.machine import import_keras, one_thread
from cnn_study.train.provenance import provenance

NO_SEARCH = "{} asks for no search: that takes a block `search:`, without `trained: false`."
PROPOSERS = ("keras-tuner", "scikit-learn")
"""What proposes trials, but for those of successive halving."""

HELPS = "another process is at this search; training what it offers"
WAITS = "training what another process that is at this search offers, as soon as one is"


def search_study(
    study: Study,
    results: Path,
    data: Path,
    workers: int,
    *,
    retry: bool = False,
    join: bool = False,
) -> Path:
    """Go through the study's search, unless it is done, and give the place of what it found.

    While another process is at it, this one trains what that offers, and takes its place if it
    ends before the search does.

    Args:
        data: the dataset's arrays, made by prepare.
        workers: processes that train side by side.
        retry: train first what is recorded as failed, and go through the search again where that
            came out otherwise: other scores may lead to other trials.
        join: never take that place, and wait for whoever does.

    Raises:
        UserError: the study has no search, or a worker was ended from outside.
    """
    path, search = searches.place(study, results), study.search
    if path is None or search is None:
        raise UserError(NO_SEARCH.format(study.path))
    local.check_writable(results)
    place, lock = Place(study.path, results, data), local.lock_at(local.search_lock(results))
    one_thread()  # for NumPy in the workers, which settles it as it is imported
    with Workers(workers) as pool:
        dispatcher = queue.Dispatcher(study, place, pool)
        if join or not local.claim(lock):
            log(WAITS if join else HELPS)
            _help(dispatcher, path, lock, join=join, retry=retry)
        try:
            if lock.is_locked:
                _be_chief(dispatcher, search, path, retry=retry)
        finally:
            lock.release()
    log(f"the search is done: {path}")
    return path


def _be_chief(dispatcher: queue.Dispatcher, search: Search, path: Path, *, retry: bool) -> None:
    if retry:
        _try_again(dispatcher)
    results = dispatcher.place.results
    if not path.exists() or (retry and _is_out_of_date(searches.read(path), results)):
        _go_through(dispatcher, search, path)
    searches.read(path)


def _help(
    dispatcher: queue.Dispatcher, path: Path, lock: FileLock, *, join: bool, retry: bool
) -> None:
    """Train what a search offers until it is done, or until nobody is at it any more.

    Who is to try again what failed goes on until the place is his: what is done has failures.
    """
    study, results = dispatcher.study, dispatcher.place.results
    again = retry and not join
    while (again or not path.exists()) and (join or dispatcher.in_hand or not local.claim(lock)):
        dispatcher.take(queue.offered(study, results))
        for _, outcome in dispatcher.look():
            if isinstance(outcome, Exception):
                raise outcome
        time.sleep(queue.PAUSE_SECONDS)


def _try_again(dispatcher: queue.Dispatcher) -> None:
    """Train once more what failed in the search."""
    study, place = dispatcher.study, dispatcher.place
    failed = searches.failed(study, place.results)
    runs = [queue.search_run(study, record.settings, record.seed) for record in failed]
    if runs:
        _say(f"search: {counted(len(runs), 'run')} that failed, once more")
        train_all(study, replace(place, retry=True), runs, dispatcher.workers.count)


def _is_out_of_date(outcome: searches.SearchOutcome, results: Path) -> bool:
    """Tell whether a run that failed, by what the search found, has another record by now."""
    paths = records.find(results / "runs")
    models = [model for budget in outcome.budgets for model in budget.models]
    failed = [
        path
        for model in models
        for run in model.runs
        if run.status == "failed" and (path := paths.get((model.fingerprint, run.seed)))
    ]
    return any(records.read(path).status != "failed" for path in failed)


def _go_through(dispatcher: queue.Dispatcher, search: Search, path: Path) -> None:
    started, clock = datetime.now(UTC), time.perf_counter()
    study, workers = dispatcher.study, dispatcher.workers
    for _ in range(workers.count):  # each imports what it needs while this process does the same
        workers.submit(import_keras)
    known, _ = records.read_all(done(study, dispatcher.place.results))
    with _Queue(dispatcher) as offers, threadpool_limits(limits=1):
        within = [
            _WithinBudget(study, search, offers, budget, list(known.values()))
            for budget in search.budgets
        ]
        for part in within:
            part.choose()
        # The winner of a budget is trained while the next one is searched.
        outcomes = [part.outcome() for part in within]
    sealed.write(
        path,
        searches.SearchOutcome(
            format=1,
            fingerprint=search.fingerprint,
            algorithm=search.algorithm,
            budgets=outcomes,
            seconds=round(time.perf_counter() - clock, 3),
            workers=workers.count,
            provenance=provenance(started, *([] if search.has_rounds else PROPOSERS)),
        ),
    )


class _Oracle(Protocol):
    """What proposes trials, and is told what came of them."""

    def propose(self) -> Sequence[tuple[Any, ...]]:
        """Give what a `Proposed` is made of for each of the next trials; none at the end."""
        ...

    def tell(self, scores: Sequence[float | None], curves: Sequence[Sequence[float]]) -> None:
        """Take scores and learning curves of what was proposed, in that order."""
        ...


def _oracle(search: Search, budget: Budget) -> _Oracle:
    return Halving(search, budget) if search.has_rounds else _tuner().oracle(search, budget)


def _tuner() -> ModuleType:
    import_keras()
    with absent("matplotlib", "pandas"):
        from cnn_study.search import tuner
    return tuner


@dataclass(frozen=True)
class _Training:
    """A trial's model in training, once a seed.

    Attributes:
        values: the parameters that the search varies.
    """

    trial: int
    values: dict[str, Any]
    runs: tuple[Run, ...]


class _Queue:
    """What the chief offers, and what came of it.

    Attributes:
        records: of what was trained, by the runs' names; held against the runs as they come.
    """

    def __init__(self, dispatcher: queue.Dispatcher) -> None:
        self.dispatcher, self.study = dispatcher, dispatcher.study
        self.results = dispatcher.place.results
        self.records: dict[str, records.Record] = {}
        self._open: dict[str, tuple[Run, Path]] = {}
        self._offers = 0

    def __enter__(self) -> "_Queue":
        queue.clear(self.results)  # of what a chief offered that was killed
        return self

    def __exit__(self, *error: object) -> None:
        queue.clear(self.results)

    def offer(self, training: _Training) -> _Training:
        """Have a model trained by whoever is free."""
        for run in training.runs:
            if run.name not in self.records and run.name not in self._open:
                self._offers += 1
                self._open[run.name] = run, queue.offer(self.results, self._offers, run)
        return training

    def whole(self, trainings: list[_Training]) -> Iterator[_Training]:
        """Give each training when all its runs have come to their end."""
        left = list(trainings)
        while left:
            self._look()
            for training in [each for each in left if self._is_whole(each)]:
                left.remove(training)
                yield training
            if left:
                time.sleep(queue.PAUSE_SECONDS)

    def _is_whole(self, training: _Training) -> bool:
        return all(run.name in self.records for run in training.runs)

    def _look(self) -> None:
        """Train what is offered so far as it is free, and see which records are there."""
        self._read()
        self.dispatcher.take(run for run, _ in self._open.values())
        for _, outcome in self.dispatcher.look():
            if isinstance(outcome, Exception):
                raise outcome
        self._read()

    def _read(self) -> None:
        """Read the records that are there of what is offered.

        Raises:
            UserError: one is damaged, or not of the run that it stands for.
        """
        paths = records.find(self.results / "runs")
        for name, (run, offer) in list(self._open.items()):
            path = paths.get((run.experiment.fingerprint, run.seed))
            if path is None:
                continue
            known, refusals = read_sound(self.study, {name: run}, {name: path})
            if refusals:
                raise refusals[0]
            self.records |= known
            offer.unlink(missing_ok=True)
            del self._open[name]


class _WithinBudget:
    """The search within one budget: `choose` a winner, then tell the `outcome`."""

    def __init__(
        self,
        study: Study,
        search: Search,
        offers: _Queue,
        budget: Budget,
        known: list[records.Record],
    ) -> None:
        self.study, self.search, self.offers = study, search, offers
        self.budget, self.known = budget, known
        self.scores: dict[int, float | None] = {}
        self.trials: list[searches.Trial] = []
        self.finals: list[searches.Trained] = []
        self.winner: _Training | None = None

    def choose(self) -> None:
        """Try models, choose one with new seeds, and begin to train it with still others."""
        _say(f"search, {self.budget.title}: {self.search.trials_at(self.budget)} trials")
        oracle = _oracle(self.search, self.budget)
        while proposed := [Proposed(*each) for each in oracle.propose()]:
            trainings = self._try(proposed)
            oracle.tell(
                [self.scores[training.trial] for training in trainings],
                [self._curve(training) for training in trainings],
            )
        of = {trial.trial: trial for trial in self.trials}
        best = choosing.finalists([_scored(trial, trial) for trial in self.trials],
                                  self.search.finalists)  # fmt: skip
        trainings = [
            self._start(scored.number, of[scored.number].values, scored.epochs,
                        self.search.finalist_seeds)
            for scored in best
        ]  # fmt: skip
        self.finals = [self._end(training) for training in trainings]
        chosen = choosing.winner(
            [_scored(of[final.trial], final) for final in self.finals],
            self.search.smallest_improvement,
        )
        if chosen:
            _say(
                f"search, {self.budget.title}: trial {chosen.number} wins, validation "
                f"{self.study.metric.label} {percent(chosen.mean)} with new seeds"
            )
            self.winner = self._start(
                chosen.number, of[chosen.number].values, self.budget.winner_epochs,
                self.search.winner_seeds,
            )  # fmt: skip

    def outcome(self) -> searches.AtBudget:
        """Wait for the winner's runs, and give all that was found."""
        return searches.AtBudget(
            budget=self.budget.id,
            title=self.budget.title,
            macs=self.budget.macs,
            parameters=self.budget.parameters,
            training_seconds=self.budget.training_seconds,
            trials=self.trials,
            finalists=self.finals,
            winner=self._end(self.winner) if self.winner else None,
        )

    def _try(self, proposed: list[Proposed]) -> list[_Training]:
        """Have proposed models trained, and tell of each as it ends."""
        if (place := proposed[0].in_round) is not None:
            _say(
                f"search, {self.budget.title}: round {place.round} of {self.search.rounds}, "
                f"{counted(len(proposed), 'trial')} of {counted(proposed[0].epochs, 'epoch')}"
            )
        trainings = [
            self._start(number, each.values, each.epochs, self.search.seeds)
            for number, each in enumerate(proposed, start=len(self.trials) + 1)
        ]
        for training in self.offers.whole(trainings):
            self._tell(training)
        self.trials += [
            self._trial(training, each.in_round)
            for training, each in zip(trainings, proposed, strict=True)
        ]
        return trainings

    def _curve(self, training: _Training) -> list[float]:
        """Give the mean validation score of its seeds after each epoch; nothing if one lacks."""
        known = [self.offers.records[run.name] for run in training.runs]
        metric = self.study.metric.name
        curves = [
            [measured.of_epoch(record, epoch, metric) for epoch in record.epochs]
            for record in known
        ]
        means = [searches.mean_of_all(scores) for scores in zip(*curves, strict=False)]
        whole = len(means) == training.runs[0].experiment.settings.epochs
        return [mean for mean in means if mean is not None] if whole and None not in means else []

    def _tell(self, training: _Training) -> None:
        score = searches.score(self._runs(training))
        self.scores[training.trial] = score
        own = self.offers.dispatcher.workers.count
        at_once = max(own, len(running(self.offers.results)))  # others may have joined
        _say(progress.trial(self.study, self.known, self.budget, self.scores, at_once))
        setting = ", ".join(f"{key} {value_text(value)}" for key, value in training.values.items())
        macs = training.runs[0].experiment.macs
        log(f"{self.budget.title}, trial {training.trial}: {macs:,} MACs, {setting}")

    def _start(
        self, trial: int, values: dict[str, Any], epochs: int, seeds: tuple[int, ...]
    ) -> _Training:
        """Have a trial's model trained by whoever is free."""
        settings = self.search.model(values, epochs).settings
        runs = tuple(queue.search_run(self.study, settings, seed) for seed in seeds)
        return self.offers.offer(_Training(trial, values, runs))

    def _end(self, training: _Training) -> searches.Trained:
        """Wait for it, and say what it gave."""
        list(self.offers.whole([training]))
        experiment = training.runs[0].experiment
        return searches.Trained(
            trial=training.trial,
            epochs=experiment.settings.epochs,
            fingerprint=experiment.fingerprint,
            runs=self._runs(training),
        )

    def _trial(self, training: _Training, in_round: searches.InRound | None) -> searches.Trial:
        experiment = training.runs[0].experiment
        return searches.Trial(
            **dict(self._end(training)),
            values=training.values,
            parameters=experiment.parameters,
            macs=experiment.macs,
            in_round=in_round,
        )

    def _runs(self, training: _Training) -> list[searches.SearchRun]:
        """Say what the runs of a model gave."""
        metric = self.study.metric.name
        known = (self.offers.records[run.name] for run in training.runs)
        return [searches.SearchRun.of(record, metric) for record in known]


def _say(line: str) -> None:
    """Tell the person at the screen."""
    outputs.say(line, sys.stdout)


def _scored(trial: searches.Trial, trained: searches.Trained) -> choosing.Scored:
    return choosing.Scored(trial.trial, trained.epochs, trial.macs, trained.scores)
