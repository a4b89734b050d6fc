"""The runs of a study: which are wanted, which are there, which go together, and doing one.

One run is done by one process at a time, whatever starts it: a second one waits for the first
and then finds its record.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from cnn_study import records
from cnn_study.datasets import load_prepared
from cnn_study.errors import UserError
from cnn_study.estimate import training_seconds
from cnn_study.heartbeat import Running, log, mark
from cnn_study.machine import import_keras, own_core
from cnn_study.study import Experiment, Study

BATCH_SECONDS = 60.0
"""Trained in one process, by estimate: its start is little beside that."""


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
    """List every run of the study in the order that they are wanted: all first seeds come first."""
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


def batches(study: Study, missing: list[Run], results: Path, at_once: int) -> list[list[Run]]:
    """Put together the runs of one experiment that one process trains, one after the other.

    A process imports its backend once, which takes longer than a short run. A run whose process
    was ended from outside, or goes on still, stays alone: it would take the others with it.

    Args:
        missing: runs without a record, in the order of `wanted`.
        at_once: processes side by side; none gets more than its share.

    Returns:
        Batches, in the order of their first runs.
    """
    share = -(-len(missing) // at_once)
    alike: dict[str, list[Run]] = {}
    for run in missing:
        begun = mark(results, run.name).exists()
        alike.setdefault(run.name if begun else run.experiment.id, []).append(run)
    found: list[list[Run]] = []
    for together in alike.values():
        fitting = int(BATCH_SECONDS / training_seconds(study, together[0]))
        size = max(1, min(share, fitting))
        found += [together[start : start + size] for start in range(0, len(together), size)]
    places = {run.name: place for place, run in enumerate(missing)}
    return sorted(found, key=lambda batch: places[batch[0].name])


def find(study: Study, name: str) -> Run:
    """Find one run by what a person types, such as `depth-2/seed-1`.

    Raises:
        UserError: it is no name of a run, or the study has no such experiment or seed.
    """
    experiment, _, numbered = name.partition("/")
    given = numbered.removeprefix("seed-")
    if not given.isdecimal() or given == numbered:
        raise UserError(
            f"{name} is no name of a run. Write EXPERIMENT/seed-N, such as base/seed-1."
        )
    seed = int(given)
    if experiment not in study.experiments:
        raise UserError(
            f"{study.path} has no experiment {experiment}. It has: {', '.join(study.experiments)}."
        )
    if seed not in study.seeds:
        seeds = ", ".join(map(str, study.seeds))
        raise UserError(f"{study.path} has no seed {seed}. It has: {seeds}.")
    return Run(study.experiments[experiment], seed)


def record_of(run: Run, results: Path) -> records.Record | None:
    """Read the record of a run, under whatever id it was trained; None if there is none."""
    path = records.find(results / "runs").get((run.experiment.fingerprint, run.seed))
    return records.read(path) if path else None


def do(study: Study, run: Run, results: Path, data: Path) -> records.Record:
    """Train one run, unless its record is there, and give its record."""
    with alone(run, results):
        there = record_of(run, results)
        if there:
            log("the record is there already")
            return there
        from cnn_study import training

        images = load_prepared(study.dataset.name, data)
        epochs = run.experiment.settings.epochs
        with own_core(), Running(results, run.name, epochs) as running:
            import_keras()
            return training.train(
                run.experiment, run.seed, study.dataset, images, results / "runs",
                on_epoch=running.tell,
                keep_weights=(run.experiment.id, run.seed) in study.kept_weights,
            )  # fmt: skip


def give_up(study: Study, run: Run, results: Path, data: Path, seconds: float) -> None:
    """Record a run as failed whose process was ended from outside, after so many seconds."""
    from cnn_study import training

    images = load_prepared(study.dataset.name, data)
    training.give_up(run.experiment, run.seed, study.dataset, images, results / "runs", seconds)


def claim(lock: FileLock) -> bool:
    """Take a lock if it is free, and say whether it was.

    Raises:
        UserError: its file cannot be made.
    """
    path = Path(lock.lock_file)
    with records.writable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
    return True


def results_folder(study: Study) -> Path:
    """Name the folder of a study's results, after its file.

    Raises:
        UserError: another study file has the same name, and so the same results.
    """
    usual = Path("experiments") / f"{study.name}.yaml"
    if usual.exists() and not usual.samefile(study.path):
        raise UserError(
            f"{study.path} has the name of {usual}: both would write to results/{study.name}. "
            "Rename one of them."
        )
    return Path("results") / study.name


@contextmanager
def alone(run: Run, results: Path) -> Iterator[None]:
    """Hold the run's lock; the system lets go of it however this process ends."""
    lock = FileLock(results / "locks" / f"{run.experiment.fingerprint}-seed-{run.seed}.lock")
    if not claim(lock):
        log("another process trains this run; waiting for its record")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
