"""Go through a search: have trials proposed and trained, choose, train the best with new seeds.

One process is the chief: it holds keras-tuner's oracle and serves it by gRPC. Workers, processes
of their own, ask it for trials. Everything that is trained leaves a run record, so that a search
that was stopped goes through the same trials again and trains only what is missing.
"""

import contextlib
import io
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Generator, Iterable
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits

from cnn_study.base import outputs
from cnn_study.base.errors import UserError
from cnn_study.base.lean_imports import absent
from cnn_study.base.stopping import watch
from cnn_study.base.words import counted, percent
from cnn_study.execute import local, progress
from cnn_study.execute.workers import (
    NOTHING_TRAINED,
    Place,
    Workers,
    train,
    train_all,
    train_alone,
    train_in,
    wait,
)
from cnn_study.runs import records, sealed, searches
from cnn_study.runs.heartbeat import log
from cnn_study.runs.wanted import Run, done, record_of
from cnn_study.search import choosing
from cnn_study.study import architecture
from cnn_study.study.merge import load
from cnn_study.study.model import Experiment, Study
from cnn_study.study.search_space import Budget, Model, Search
from cnn_study.study.settings import value_text
from cnn_study.train.machine import import_keras, one_thread
from cnn_study.train.provenance import provenance

if TYPE_CHECKING:
    from cnn_study.search import tuner

LATE_SECONDS = 30.0
"""After so long a folder that machines share shows what another one has written to it."""

LOOPBACK = "127.0.0.1:0"
"""Where the chief listens: this machine alone can reach it. Port 0: any that is free."""

OTHER_SEARCH = (
    "the chief at {} goes through another search than that of {}. Join the chief of this one, or "
    "give the study file as it is there."
)

NO_SEARCH = "{} asks for no search: that takes a block `search:`, without `trained: false`."


def search_study(
    study: Study,
    results: Path,
    data: Path,
    workers: int,
    address: str = LOOPBACK,
    *,
    retry: bool = False,
) -> Path:
    """Go through the study's search, unless it is done, and give the place of what it found.

    Args:
        data: the dataset's arrays, made by prepare.
        workers: processes that train side by side.
        address: host and port that the chief listens at. Whoever reaches them can take part, and
            nobody is asked who they are: gRPC is used without authentication or encryption.
        retry: train first what is recorded as failed, and go through the search again where that
            came out otherwise: other scores may lead to other trials.

    Raises:
        UserError: the study has no search, or a worker was ended from outside.
    """
    path, search = searches.place(study, results), study.search
    if path is None or search is None:
        raise UserError(NO_SEARCH.format(study.path))
    lock = results / "locks" / "search.lock"
    place = Place(study.path, results, data)
    with local.held(lock, "another process is at this search; waiting for it"):
        if retry:
            _try_again(study, place, workers)
        if path.exists() and not (retry and _is_out_of_date(searches.read(path), results)):
            searches.read(path)
            log(f"the search is done already: {path}")
        else:
            _go_through(study, search, place, workers, address, path)
    return path


def _try_again(study: Study, place: Place, workers: int) -> None:
    """Train once more what failed in the search."""
    shape, classes = study.dataset.image_shape, len(study.dataset.class_names)
    runs = []
    for record in searches.failed(study, place.results):
        cost = architecture.cost(record.settings, shape, classes)
        model = Experiment(searches.EXPERIMENT, record.settings, record.fingerprint, *cost)
        runs.append(Run(model, record.seed))
    if runs:
        _say(f"search: {counted(len(runs), 'run')} that failed, once more")
        train_all(study, replace(place, retry=True), runs, workers)


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


def _go_through(
    study: Study, search: Search, place: Place, workers: int, address: str, path: Path
) -> None:
    started, clock = datetime.now(UTC), time.perf_counter()
    one_thread()  # for NumPy in the workers, which settles it as it is imported
    with _chief(search, address) as chief, Workers(workers) as pool, threadpool_limits(limits=1):
        for _ in range(workers):  # each imports what it needs while this process does the same
            pool.submit(_import_tuner)
        known, _ = records.read_all(done(study, place.results))
        within = [
            _WithinBudget(study, search, place, chief, pool, budget, list(known.values()))
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
                workers=workers,
                provenance=provenance(started, "keras-tuner", "scikit-learn"),
            ),
        )


@dataclass(frozen=True)
class _Training:
    """A trial's model in training, once a seed."""

    trial: int
    model: Model
    seeds: tuple[int, ...]
    jobs: list[futures.Future]


class _WithinBudget:
    """The search within one budget: `choose` a winner, then tell the `outcome`."""

    def __init__(
        self,
        study: Study,
        search: Search,
        place: Place,
        chief: "_Chief",
        pool: Workers,
        budget: Budget,
        known: list[records.Record],
    ) -> None:
        self.study, self.place, self.chief, self.pool = study, place, chief, pool
        self.search, self.budget, self.known = search, budget, known
        self.scores: dict[int, float | None] = {}
        self.trials: list[searches.Trial] = []
        self.finals: list[searches.Trained] = []
        self.winner: _Training | None = None

    def choose(self) -> None:
        """Try models, choose one with new seeds, and begin to train it with still others."""
        _say(f"search, {self.budget.title}: {self.budget.trials} trials")
        self.trials = [
            self._trial(number, *proposed)
            for number, proposed in enumerate(self._propose(), start=1)
        ]
        of = {trial.trial: trial for trial in self.trials}
        best = choosing.finalists([_scored(trial, trial) for trial in self.trials],
                                  self.search.finalists)  # fmt: skip
        trainings = [
            self._start(of[scored.number], scored.epochs, self.search.finalist_seeds)
            for scored in best
        ]
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
                of[chosen.number], self.budget.winner_epochs, self.search.winner_seeds
            )

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

    def _propose(self) -> list[tuple[dict[str, Any], int]]:
        """Have trials proposed and trained; give the values and epochs of each, in order."""
        while True:
            with _quiet(), tempfile.TemporaryDirectory() as folder:
                from cnn_study.search import tuner

                oracle = tuner.oracle(self.search, self.budget)
                oracle._set_project_dir(folder, self.budget.id)
                whole = self._serve(oracle)
            trials = oracle.trials.values() if whole else oracle.running
            proposed = [
                (tuner.decoded(self.search, values), tuner.epochs_of(self.search, values))
                for values in (trial.hyperparameters.values for trial in trials)
            ]
            if whole:
                return proposed
            if not proposed:
                raise UserError(NOTHING_TRAINED)
            # The next oracle comes by their records to the same trials, and goes on.
            models = [self.search.model(values, epochs) for values, epochs in proposed]
            self._train_alone(product(models, self.search.seeds))

    def _serve(self, oracle: "tuner.Oracle") -> bool:
        """Let workers ask an oracle for trials until it has none left.

        Returns:
            Whether they did; not where one was ended from outside.

        Raises:
            UserError: a worker claimed of a trial what its records do not say.
        """
        self.scores = {}
        oracle.ended, oracle.check = self._tell, self._check
        self.chief.serve(oracle)
        names = [f"worker-{number}" for number in range(1, self.pool.count + 1)]
        jobs = [
            self.pool.submit(_work, self.place, self.budget.title, self.chief.address, name)
            for name in names
        ]
        whole = wait(jobs, oracle.stop)
        if oracle.refusal:
            raise oracle.refusal
        return whole

    def _tell(self, number: int, score: float | None) -> None:
        self.scores[number] = score
        _say(progress.trial(self.study, self.known, self.budget, self.scores, self.pool.count))

    def _check(
        self, number: int, values: dict[str, Any], epochs: int, claimed: float | None
    ) -> None:
        """Hold what a worker claims of a trial against the records of its runs."""
        model = self.search.model(values, epochs)
        wanted = [_run(model, seed) for seed in self.search.seeds]
        until = time.monotonic() + LATE_SECONDS
        while not all(record_of(run, self.place.results) for run in wanted):
            if time.monotonic() > until:
                break
            time.sleep(1.0)
        runs = self._runs(model, self.search.seeds)
        searches.check_claim(claimed, runs, f"search, {self.budget.title}, trial {number}")

    def _trial(self, number: int, values: dict[str, Any], epochs: int) -> searches.Trial:
        model = self.search.model(values, epochs)
        return searches.Trial(
            trial=number,
            values=values,
            epochs=epochs,
            fingerprint=model.fingerprint,
            parameters=model.parameters,
            macs=model.macs,
            runs=self._runs(model, self.search.seeds),
        )

    def _start(self, trial: searches.Trial, epochs: int, seeds: tuple[int, ...]) -> "_Training":
        """Have a trial's model trained by whoever is free."""
        model = self.search.model(trial.values, epochs)
        jobs = [self.pool.submit(train, self.place, _run(model, seed)) for seed in seeds]
        return _Training(trial.trial, model, seeds, jobs)

    def _end(self, training: "_Training") -> searches.Trained:
        """Wait for it, and say what it gave."""
        if not wait(training.jobs):
            self._train_alone(product([training.model], training.seeds))
        return searches.Trained(
            trial=training.trial,
            epochs=training.model.settings.epochs,
            fingerprint=training.model.fingerprint,
            runs=self._runs(training.model, training.seeds),
        )

    def _train_alone(self, left: Iterable[tuple[Model, int]]) -> None:
        runs = [_run(model, seed) for model, seed in left]
        without = [run for run in runs if record_of(run, self.place.results) is None]
        train_alone(self.study, self.place, without)

    def _runs(self, model: Model, seeds: tuple[int, ...]) -> list[searches.SearchRun]:
        """Look up what the runs of a model gave."""
        outcomes = []
        for seed in seeds:
            record = record_of(_run(model, seed), self.place.results)
            if record is None:
                raise UserError(
                    f"{self.place.results} has no record of {_run(model, seed).name}, which a "
                    "worker said it had trained. Workers must share the results folder."
                )
            outcomes.append(searches.SearchRun.of(record, self.study.metric.name))
        return outcomes


def _say(line: str) -> None:
    """Tell the person at the screen. Keras-tuner, in another thread, may keep stdout to itself."""
    outputs.say(line, sys.__stdout__ or sys.stdout)


def _scored(trial: searches.Trial, trained: searches.Trained) -> choosing.Scored:
    return choosing.Scored(trial.trial, trained.epochs, trial.macs, trained.scores)


def _run(model: Model, seed: int) -> Run:
    experiment = Experiment(
        searches.EXPERIMENT, model.settings, model.fingerprint, model.parameters, model.macs
    )
    return Run(experiment, seed)


# ------------------------------------------------------------------------------------- the chief


class _Chief:
    """Hands out the trials of one oracle after the other by gRPC, all of them at one address."""

    def __init__(self, server: Any, host: str, port: int) -> None:
        self.server, self.address = server, f"{host}:{port}"
        self.servicer: tuner.Servicer | None = None

    def serve(self, oracle: "tuner.Oracle") -> None:
        """Hand out the trials of this oracle from now on."""
        from cnn_study.search import tuner

        if self.servicer is None:
            self.servicer = tuner.serve(self.server, oracle)
        self.servicer.oracle = oracle


@contextmanager
def _chief(search: Search, address: str) -> Generator[_Chief]:
    """Listen at an address until the search is over.

    gRPC by itself lets several processes listen at one port, and calls reach any of them.

    Raises:
        UserError: nothing can listen there.
    """
    import grpc

    from cnn_study.search.calls import OneSearch

    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=1),
        interceptors=[OneSearch(search.fingerprint)],
        options=[("grpc.so_reuseport", 0)],
    )
    try:
        port = server.add_insecure_port(address)
    except RuntimeError:
        raise UserError(
            f"nothing can listen at {address}. Allowed is HOST:PORT of this machine, with a port "
            "that is free; 0 takes any."
        ) from None
    try:
        yield _Chief(server, address.rpartition(":")[0], port)
    finally:
        server.stop(None).wait()


# ------------------------------------------------------------------------------------- a worker


def _import_tuner() -> None:
    with _quiet():
        from cnn_study.search import tuner  # noqa: F401


def join(study: Study, results: Path, data: Path, address: str) -> None:
    """Work for a chief that another process is, within every budget, until the search is done.

    A chief that is not there is waited for.

    Args:
        address: what the chief listens at, as it was given there.

    Raises:
        UserError: the chief there goes through another search.
    """
    path = searches.place(study, results)
    if path is None:
        raise UserError(NO_SEARCH.format(study.path))
    if path.exists():
        log(f"the search is done already: {path}")
        return
    watch(path.exists, 0)
    place = Place(study.path, results, data)
    with _quiet():
        from grpc import Call, RpcError

        from cnn_study.search.calls import REFUSED
        from cnn_study.search.tuner import JOINED
    # No name of the machine: keras-tuner takes one with "chief" in it for the chief.
    name = f"{JOINED}{uuid.uuid4().hex}"
    # It trains in a process of its own, whose end this one outlives and records.
    with Workers(1) as pool:
        while True:
            log(f"waiting for the chief at {address}")
            try:
                _work_with(partial(train_in, pool, study, place), place, "joined", address, name)
            except RpcError as error:
                # What a stub raises is both.
                if isinstance(error, Call) and error.code() == REFUSED:
                    raise UserError(OTHER_SEARCH.format(address, study.path)) from None
                # Else it went, and may come back.


def _work(place: Place, title: str, address: str, name: str) -> None:
    """Train the trials that a chief proposes in this process, one of its own."""
    _work_with(partial(train, place), place, title, address, name)


def _work_with(
    do: Callable[[Run], records.Record], place: Place, title: str, address: str, name: str
) -> None:
    """Have the trials that a chief proposes trained, until it proposes no more.

    Args:
        do: trains a run, and gives its record.
        title: of the budget, for the log.
    """
    study = load(place.study)
    host, _, port = address.rpartition(":")
    os.environ |= {
        "KERASTUNER_ORACLE_IP": host,
        "KERASTUNER_ORACLE_PORT": port,
        "KERASTUNER_TUNER_ID": name,
        # gRPC would ask the proxy of the environment even for a chief on this machine, and wait.
        "no_grpc_proxy": host,
    }

    with _quiet(), tempfile.TemporaryDirectory() as folder:
        from cnn_study.search import tuner

        try:
            tuner.Tuner(_asked(study), folder, partial(_score, study, do, title)).search()
        except tuner.Fatal as error:
            raise error.__cause__ or error from None


def _asked(study: Study) -> Search:
    """Give the search that a study asks for; who works for one has seen before that it does."""
    if study.search is None:
        raise UserError(NO_SEARCH.format(study.path))
    return study.search


def _score(
    study: Study,
    do: Callable[[Run], records.Record],
    title: str,
    values: dict[str, Any],
    epochs: int,
) -> float:
    """Train every seed of a trial and give the mean of the validation scores."""
    from cnn_study.search.tuner import Failed

    search = _asked(study)
    model = search.model(values, epochs)
    metric = study.metric.name
    outcomes = [searches.SearchRun.of(do(_run(model, seed)), metric) for seed in search.seeds]
    setting = ", ".join(f"{name} {value_text(value)}" for name, value in values.items())
    mean = searches.score(outcomes)
    if mean is None:
        # A complete run has none where its last validation loss is not finite.
        bad = next(run for run in outcomes if run.score is None).status
        bad = "no validation score" if bad == "complete" else bad
        log(f"{title}: {bad}, {setting}")
        raise Failed(bad)
    log(f"{title}: validation {study.metric.label} {percent(mean)}, {model.macs:,} MACs, {setting}")
    return mean


@contextmanager
def _quiet() -> Generator[None]:
    """Import Keras as a training does, and keep off the screen what keras-tuner prints."""
    import warnings

    import_keras()
    with (
        contextlib.redirect_stdout(io.StringIO()),
        warnings.catch_warnings(),
        absent("matplotlib", "pandas"),
    ):
        # Of Python's threading, at each of keras-tuner's calls: deprecated names.
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
