"""The runs of a study: which are wanted, which are there, and doing one that is missing.

One run is done by one process at a time, whatever starts it: a second one waits for the first
and then finds its record.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from cnn_study import progress, records
from cnn_study.datasets import load_prepared
from cnn_study.errors import UserError
from cnn_study.study import Experiment, Study


@dataclass(frozen=True)
class Run:
    """One seed of one experiment; `name` is its place under the folder of records."""

    experiment: Experiment
    seed: int

    @property
    def name(self) -> str:
        """Experiment id, fingerprint and seed, such as `depth-2/1b4ecbf3632fc354/seed-1`."""
        return f"{self.experiment.id}/{self.experiment.fingerprint}/seed-{self.seed}"


def wanted(study: Study) -> list[Run]:
    """List every run of the study, in the order of training: all first seeds come first."""
    return [
        Run(experiment, seed) for seed in study.seeds for experiment in study.experiments.values()
    ]


def done(study: Study, results: Path) -> dict[str, Path]:
    """Map the name of each run that is there to its record, found by its fingerprint."""
    there = records.find(results / "runs")
    found = {}
    for run in wanted(study):
        path = there.get((run.experiment.fingerprint, run.seed))
        if path:
            found[run.name] = path
    return found


def find(study: Study, experiment: str, seed: int) -> Run:
    """Find one run by what a person types.

    Raises:
        UserError: the study has no such experiment or seed.
    """
    if experiment not in study.experiments:
        raise UserError(
            f"{study.path} has no experiment {experiment}. It has: {', '.join(study.experiments)}."
        )
    if seed not in study.seeds:
        raise UserError(f"{study.path} has no seed {seed}. It has: {study.seeds}.")
    return Run(study.experiments[experiment], seed)


def do(study: Study, run: Run, results: Path, data: Path) -> None:
    """Train one run unless its record is there, and say how it went."""
    with _alone(run, results):
        if run.name in done(study, results):
            progress.say(f"{run.experiment.id} seed {run.seed} is there already")
            return
        from cnn_study import training

        training.one_thread()
        images = load_prepared(study.dataset.name, data)
        with progress.Running(
            results,
            run.experiment.id,
            run.seed,
            run.experiment.settings.epochs,
        ) as running:
            record = training.train(
                run.experiment,
                run.seed,
                study.dataset,
                images,
                results / "runs",
                on_epoch=running.tell,
                keep_weights=(run.experiment.id, run.seed) in study.kept_weights,
            )
    progress.say(progress.outcome(record))


@contextmanager
def _alone(run: Run, results: Path) -> Iterator[None]:
    """Hold the run's lock; the system lets go of it however this process ends."""
    folder = results / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{run.experiment.fingerprint}-seed-{run.seed}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress.say(
            f"{run.experiment.id} seed {run.seed} is being trained by another process; "
            "waiting for its record"
        )
        started = time.perf_counter()
        lock.acquire()
        progress.say(f"waited {time.perf_counter() - started:.0f} s")
    try:
        yield
    finally:
        lock.release()
