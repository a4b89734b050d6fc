"""Doing runs on this machine.

One run is done by one process at a time, whatever starts it and on whichever machine: a second one
waits for the first and then finds its record, or does another run.
"""

import errno
import time
from collections.abc import Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from cnn_study.base import files
from cnn_study.base.errors import UserError
from cnn_study.data.arrays import load_prepared, place
from cnn_study.execute.device import check_precision
from cnn_study.runs import correct_answers, kept_weights, records
from cnn_study.runs.estimate import training_seconds
from cnn_study.runs.heartbeat import Running, log, mark
from cnn_study.runs.wanted import Run, record_of
from cnn_study.study.model import Study
from cnn_study.train.engine import Engine, Group, Member, choose, program_of
from cnn_study.train.machine import import_keras, is_want_of_memory, out_of_memory, own_core
from cnn_study.train.parts import take_parts

BATCH_SECONDS = 60.0
"""Trained in one process, by estimate: its start is little beside that."""

MOST_BATCHES = 2000
"""Of a study whose experiments have several seeds; what Snakemake plans within a few seconds."""


MOST_IN_JOB = 60
"""Runs that one process trains by `batched`, unless a single group has more."""


def batches(study: Study, runs: list[Run], seconds: float | None = None) -> list[list[Run]]:
    """Put together the runs of one experiment that one process trains, one after the other.

    A process imports its backend once, which takes longer than a short run. In a study of
    thousands of runs a process trains so many that there are not too many processes to plan.

    Args:
        runs: in the order of `wanted`.
        seconds: that a process trains, by estimate; None for `BATCH_SECONDS`.

    Returns:
        Batches, in the order of their first runs; the same whatever is done and how many cores
        there are.
    """
    by_experiment: dict[str, list[Run]] = {}
    for run in runs:
        by_experiment.setdefault(run.experiment.id, []).append(run)
    together: list[list[Run]] = []
    long = BATCH_SECONDS if seconds is None else seconds
    least = -(-len(study.experiments) * len(study.seeds) // MOST_BATCHES)
    for alike in by_experiment.values():
        size = max(least, 1, int(long / training_seconds(study, alike[0])))
        together += [alike[start : start + size] for start in range(0, len(alike), size)]
    places = {run.name: place for place, run in enumerate(runs)}
    return sorted(together, key=lambda batch: places[batch[0].name])


def for_cluster(study: Study, runs: list[Run], seconds: float) -> list[list[Run]]:
    """Put together what one job of a cluster trains: short runs of several experiments, too.

    A job waits for its turn and starts Snakemake twice before it trains anything.

    Args:
        runs: in the order of `wanted`.
        seconds: that a job trains, by estimate; more only where one run takes longer.
    """
    together: list[list[Run]] = []
    left = 0.0
    for batch in batches(study, runs, seconds):
        lasts = sum(training_seconds(study, run) for run in batch)
        if not together or lasts > left:
            together.append([])
            left = seconds
        together[-1] += batch
        left -= lasts
    return together


def riskiest_last(runs: list[Run], results: Path) -> list[Run]:
    """Put behind the others the runs whose process was ended from outside, or goes on still.

    What ended it, want of memory say, may end the next process too, and with it what it has not
    done yet.
    """
    return sorted(runs, key=lambda run: mark(results, run.name).exists())


def groups(runs: list[Run], engine: Engine) -> list[list[Run]]:
    """Put together the runs that an engine trains side by side, in the order of their first."""
    if engine == "processes":
        return [[run] for run in runs]
    by_program: dict[str, list[Run]] = {}
    for run in runs:
        by_program.setdefault(program_of(run.experiment.settings), []).append(run)
    return list(by_program.values())


def jobs_of_groups(runs: list[Run]) -> list[list[Run]]:
    """Put together what one process trains by `batched`: whole groups, one after the other.

    Its start and the first program take longer than many a group.
    """
    together: list[list[Run]] = []
    for group in groups(runs, "batched"):
        if not together or len(together[-1]) + len(group) > MOST_IN_JOB:
            together.append([])
        together[-1] += group
    return together


def do(study: Study, run: Run, results: Path, data: Path, *, retry: bool = False) -> records.Record:
    """Train one run, unless its record is there, and give its record.

    Args:
        retry: train it also where the record says that it failed.
    """
    return do_together(study, [run], results, data, retry=retry)[0]


def do_together(
    study: Study, runs: list[Run], results: Path, data: Path, *, retry: bool = False
) -> list[records.Record]:
    """Train the runs of a group so far as their records are not there, and give all records.

    Args:
        retry: train also those whose record says that they failed.
    """
    with ExitStack() as held_:
        for run in sorted(runs, key=lambda run: run.name):  # so that two never wait for each other
            held_.enter_context(alone(run, results))
        known = {run.name: _record(run, results, retry=retry) for run in runs}
        missing = [run for run in runs if known[run.name] is None]
        if len(missing) < len(runs):
            log("the record is there already")
        if missing:
            trained = _do(study, missing, results, data)
            known |= zip((run.name for run in missing), trained, strict=True)
        return [record for record in known.values() if record]


def do_free(
    study: Study, runs: list[Run], results: Path, data: Path, *, retry: bool = False
) -> list[records.Record]:
    """Train those runs of a group that no other process does or has done; give their records."""
    with ExitStack() as locks:
        free = [run for run in runs if locks.enter_context(held_if_free(_lock_of(run, results)))]
        missing = [run for run in free if _record(run, results, retry=retry) is None]
        return _do(study, missing, results, data) if missing else []


def _record(run: Run, results: Path, *, retry: bool) -> records.Record | None:
    """Give the record of a run whose lock is held, unless it failed and is to be tried again."""
    record = record_of(run, results)
    if record is None:
        path = results / "runs" / f"{run.name}.json"
        files.look_anew(path)  # whoever had the lock before may be another machine
        record = records.read(path) if path.exists() else None
    return None if record and retry and record.status == "failed" else record


def _do(study: Study, runs: list[Run], results: Path, data: Path) -> list[records.Record]:
    clock = time.perf_counter()
    try:
        return _train(study, runs, results, data)
    except Exception as error:
        if not is_want_of_memory(error):
            raise
        seconds = (time.perf_counter() - clock) / len(runs)
        return [give_up(study, run, results, out_of_memory(error), seconds) for run in runs]


def _train(study: Study, runs: list[Run], results: Path, data: Path) -> list[records.Record]:
    from cnn_study.train import training

    for run in runs:
        folder = (results / "runs" / run.name).parent
        for path in records.leftovers(folder, str(run.seed)):
            path.unlink(missing_ok=True)  # of a process that was killed: nobody else trains this
    check_precision(study, (run.experiment for run in runs))
    images = load_prepared(study.dataset, data)
    correct_answers.keep(study, results, images)
    engine = choose().engine
    with own_core(), ExitStack() as shown:
        import_keras()
        if engine == "batched":
            from cnn_study.train.batched import keep_programs

            keep_programs(place(study.dataset).with_name("programs"))
        wanted = [
            training.Wanted(
                run.experiment,
                run.seed,
                shown.enter_context(
                    Running(results, run.name, run.experiment.settings.epochs)
                ).tell,
                kept_weights.is_kept(study, run),
            )
            for run in runs
        ]
        return training.train_together(wanted, study.dataset, images, results / "runs", engine)


def prepare(study: Study, groups: list[list[Run]], results: Path, data: Path) -> None:
    """Have what trains groups compiled, side by side, before the first of them is trained."""
    import_keras()
    from cnn_study.train import batched

    batched.keep_programs(place(study.dataset).with_name("programs"))
    images, parts = load_prepared(study.dataset, data), {}
    prepared = []
    for group in groups:
        if missing := [run for run in group if record_of(run, results) is None]:
            settings = missing[0].experiment.settings
            fractions = settings.validation_fraction, settings.training_fraction
            if fractions not in parts:
                parts[fractions] = take_parts(images, settings)
            members = tuple(Member(run.experiment.settings, run.seed) for run in missing)
            prepared.append(Group(members, parts[fractions], len(study.dataset.class_names)))
    batched.prepare(prepared)


def give_up(study: Study, run: Run, results: Path, reason: str, seconds: float) -> records.Record:
    """Record a run as failed that cannot be trained here, and what it left behind as over.

    Args:
        seconds: that the try took.
    """
    from cnn_study.train import training

    record = training.give_up(
        run.experiment, run.seed, study.dataset, results / "runs", reason, seconds
    )
    mark(results, run.name).unlink(missing_ok=True)
    return record


NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)
"""What a file system says that has no locks."""


def lock_at(path: Path) -> FileLock:
    """Make a lock, which nobody holds yet: the system's own, or none."""
    return FileLock(path, fallback_to_soft=False)  # a file as a lock would outlive `kill -9`


def claim(lock: FileLock) -> bool:
    """Take a lock if it is free, and say whether it was.

    Raises:
        UserError: its file cannot be made, or its file system has no locks.
    """
    path = Path(lock.lock_file)
    with files.writable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            raise UserError(
                f"{path}: its file system has no locks (flock): {error.strerror}. With them "
                "processes share a results folder. Mount it with them, as README.md says under "
                "Several machines, or work in a folder of another file system."
            ) from None
    return True


def check_writable(results: Path) -> None:
    """Refuse, before anything is trained, a folder of results that cannot be written.

    Raises:
        UserError: it cannot.
    """
    locks = results / "locks"
    with files.writable(locks):
        locks.mkdir(parents=True, exist_ok=True)
        files.look_anew(locks / "any")


@contextmanager
def held(path: Path, waiting: str) -> Generator[None]:
    """Hold a lock; the system lets go of it however this process ends.

    Args:
        path: of the lock's file.
        waiting: what the log says where another process holds it, and is waited for.
    """
    lock = lock_at(path)
    if not claim(lock):
        log(waiting)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def held_if_free(path: Path) -> Generator[bool]:
    """Hold a lock unless another process does, and tell whether it is held here."""
    lock = lock_at(path)
    free = claim(lock)
    try:
        yield free
    finally:
        lock.release()


def is_held(path: Path) -> bool:
    """Tell whether a process holds a lock at this moment."""
    with held_if_free(path) as free:
        return not free


def search_lock(results: Path) -> Path:
    """Name the lock of whoever goes through the study's search."""
    return results / "locks" / "search.lock"


def alone(run: Run, results: Path) -> AbstractContextManager[None]:
    """Hold the run's lock."""
    waiting = "another process trains this run; waiting for its record"
    return held(_lock_of(run, results), waiting)


def _lock_of(run: Run, results: Path) -> Path:
    return results / "locks" / f"{run.experiment.fingerprint}-seed-{run.seed}.lock"
