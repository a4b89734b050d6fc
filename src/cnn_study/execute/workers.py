"""Processes that train, for a command that does runs: they end with it, however it ends.

One that the system ends, for want of memory say, loses what it has in hand and nothing else. That
is trained once more, by itself, with all the memory; what ends its process again is recorded as
failed by this process, with the reason.
"""

import os
import pickle
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from concurrent import futures
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from cnn_study.base import outputs
from cnn_study.base.errors import UserError
from cnn_study.base.stopping import end_with
from cnn_study.execute import local
from cnn_study.runs import records
from cnn_study.runs.heartbeat import log
from cnn_study.runs.wanted import Run
from cnn_study.study.merge import load
from cnn_study.study.model import Study
from cnn_study.train import engine
from cnn_study.train.machine import own_core

NOTHING_TRAINED = (
    "A worker was ended from outside, perhaps for want of memory, before it trained anything. "
    "Nothing is lost: run again, with fewer workers if memory is short."
)

PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
sys.path[:] = {path!r}
from cnn_study.execute.workers import work
work({pipe}, {parent})
"""
"""What a worker runs. Ctrl-C reaches it and its parent, which ends it."""

STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""With these a person, or what a person uses, asks a process to end."""

WHY = {
    signal.SIGKILL: ", as the system does where memory is short",
    signal.SIGSEGV: ", a segmentation fault, as a backend has where memory is short",
    signal.SIGBUS: ", a bus error, as a backend has where memory is short",
    signal.SIGABRT: ", as a backend does where it gets no memory",
}
"""What a signal that nobody asked for says to a person."""


@dataclass(frozen=True)
class Place:
    """Where a command reads and writes; what its workers are told of it.

    Attributes:
        retry: whether runs that are recorded as failed are trained once more.
    """

    study: Path
    results: Path
    data: Path
    retry: bool = False


class Ended(Exception):
    """Raised of a job whose process ended before it did.

    Attributes:
        status: as `subprocess.Popen.returncode` has it: below 0 a signal.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status

    @property
    def asked(self) -> bool:
        """Whether somebody asked the process to end."""
        return -self.status in STOPS

    def __str__(self) -> str:
        """Say in words how it ended."""
        if self.status >= 0:
            return f"with status {self.status}"
        return f"by {signal.Signals(-self.status).name}{WHY.get(-self.status, '')}"


class _Worker:
    """A process that does one job after the other."""

    def __init__(self, log: Path | None) -> None:
        # Not by `multiprocessing`, which starts one more process that heeds no signal.
        self._pipe, theirs = Pipe()
        program = PROGRAM.format(path=sys.path, pipe=theirs.fileno(), parent=os.getpid())
        with open(log, "ab") if log else nullcontext() as said:
            self._process = subprocess.Popen(
                [sys.executable, "-c", program], stdin=subprocess.DEVNULL, stdout=said,
                stderr=said or outputs.screen(), pass_fds=[theirs.fileno()],
            )  # fmt: skip
        theirs.close()
        try:
            self._pipe.recv()
        except (EOFError, ConnectionError):
            self.end()
            raise UserError(NOTHING_TRAINED) from None

    def do(self, job: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Have a job done there, and give what it gives or raise what it raises.

        Raises:
            Ended: the process ended before.
        """
        try:
            self._pipe.send((job, arguments))
            whole, outcome = self._pipe.recv()
        except (EOFError, ConnectionError):
            raise Ended(self.end()) from None
        if not whole:
            raise outcome
        return outcome

    def end(self) -> int:
        """Wait for the process, which ends as it is given nothing more to do; tell its status."""
        self._pipe.close()
        return self._process.wait()

    def stop(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()


class Workers:
    """Processes that train side by side; they end with this one, however it ends.

    Each is begun when there is something for it to do, and another one when it was ended.

    Args:
        count: how many.
        log: a file to which goes what they say; None where that is the screen.
    """

    def __init__(self, count: int, log: Path | None = None) -> None:
        engine.settle()  # by what it computes with a worker looks for a GPU
        self.count, self.log = count, log
        self._begun: set[_Worker] = set()
        self._stopped: Ended | None = None
        self._idle: SimpleQueue[_Worker | None] = SimpleQueue()
        for _ in range(count):
            self._idle.put(None)
        # A thread for each, that waits for it.
        self._threads = futures.ThreadPoolExecutor(count)

    def submit(self, job: Callable[..., Any], *arguments: Any) -> futures.Future:
        """Have a worker do something."""
        return self._threads.submit(self._do, job, arguments)

    def _do(self, job: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        worker = self._idle.get()
        try:
            if self._stopped:
                raise self._stopped
            if worker is None:
                worker = _Worker(self.log)
                self._begun.add(worker)
            return worker.do(job, arguments)
        except Ended as ended:
            self._begun.discard(worker)
            worker = None
            self._stopped = ended if ended.asked else self._stopped
            raise
        finally:
            self._idle.put(worker)

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        # Stopped by a person: nobody waits for what is in hand.
        if kind is not None and not issubclass(kind, Exception):
            for worker in list(self._begun):
                worker.stop()
        self._threads.shutdown(cancel_futures=True)
        for worker in self._begun:
            worker.end()


def wait(jobs: list[futures.Future]) -> bool:
    """Wait for all jobs. After a fault the others end what they are training, and no more.

    Returns:
        Whether all came to their end; not where a worker was ended.
    """
    ended, fault = False, None
    for job in futures.as_completed(jobs):
        error = None if job.cancelled() else job.exception()
        if isinstance(error, Ended) and not error.asked:
            ended = True
        elif error is not None:
            fault = fault or error
            for other in jobs:
                other.cancel()
    if fault is not None:
        raise stopped(fault) if isinstance(fault, Ended) else fault
    return not ended


def stopped(ended: Ended) -> UserError:
    """Say that somebody ended a worker."""
    return UserError(f"A worker was ended {ended}. Nothing is lost: run again.")


def train(place: Place, run: Run) -> records.Record:
    """Train one run in a worker, and give its record."""
    return local.do(_study(place.study), run, place.results, place.data, retry=place.retry)


def train_free(place: Place, runs: list[Run]) -> list[records.Record]:
    """Train in a worker those of a group that no other process does or has done."""
    study = _study(place.study)
    return local.do_free(study, runs, place.results, place.data, retry=place.retry)


def prepare(place: Place, groups: list[list[Run]]) -> None:
    """Have a worker compile what trains groups that it will be given one after the other."""
    local.prepare(_study(place.study), groups, place.results, place.data)


def train_together(place: Place, runs: list[Run]) -> list[records.Record]:
    """Train the runs of a group in a worker, and give their records."""
    return local.do_together(
        _study(place.study), runs, place.results, place.data, retry=place.retry
    )


_study = cache(load)
"""A study, read once in each worker."""


def train_in(pool: Workers, study: Study, place: Place, run: Run) -> records.Record:
    """Train a run, once more if its process is ended; what ends it twice counts as failed."""
    job = pool.submit(train, place, run)
    if wait([job]):
        return job.result()
    log(f"{run.name}: its process was ended {job.exception()}; it is trained once more")
    return _last_try(pool, study, place, run)


def train_group_in(
    pool: Workers, study: Study, place: Place, runs: list[Run]
) -> list[records.Record]:
    """Train a group; where its process is ended, each of its runs by itself."""
    if len(runs) > 1:
        job = pool.submit(train_together, place, runs)
        if wait([job]):
            return job.result()
        log(f"{runs[0].name} and others: their process was ended {job.exception()}; they are "
            "trained once more, one by one")  # fmt: skip
    return [train_in(pool, study, place, run) for run in runs]


def train_all(
    study: Study,
    place: Place,
    runs: list[Run],
    count: int,
    tell: Callable[[futures.Future], None] = lambda job: None,
    log: Path | None = None,
) -> None:
    """Train runs side by side, and then, by itself, each whose process was ended.

    Args:
        count: processes that train side by side.
        tell: called with each job that has come to an end.
        log: a file to which goes what these processes say.
    """
    with Workers(min(count, len(runs)), log) as pool:
        jobs = [pool.submit(train, place, run) for run in runs]
        for job in jobs:
            job.add_done_callback(tell)
        wait(jobs)
    left = [run for run, job in zip(runs, jobs, strict=True) if job.exception()]
    for run in left:
        train_alone(study, place, run, log)


def train_alone(
    study: Study, place: Place, run: Run, log_file: Path | None = None
) -> records.Record:
    """Train a run that was in the hands of a process that was ended: now it has all the memory."""
    log(f"{run.name}: its process was ended; it is trained once more, by itself")
    with Workers(1, log_file) as pool:
        return _last_try(pool, study, place, run)


def _last_try(pool: Workers, study: Study, place: Place, run: Run) -> records.Record:
    """Train a run whose process was ended before; if it is again, the run counts as failed."""
    clock, job = time.perf_counter(), pool.submit(train, place, run)
    if wait([job]):
        return job.result()
    reason = f"its process was ended twice, at last {job.exception()}"
    log(f"{run.name} counts as failed: {reason}")
    return local.give_up(study, run, place.results, reason, time.perf_counter() - clock)


# ------------------------------------------------------------------------------- in a worker


def work(descriptor: int, parent: int) -> None:
    """Do one job after the other, on a core or a GPU of its own, until there are no more.

    Args:
        descriptor: of the pipe from which jobs come.
        parent: the process that gives them out.
    """
    end_with(parent)
    with Connection(descriptor) as pipe, own_core():
        pipe.send(None)
        while True:
            try:
                job, arguments = pipe.recv()
            except EOFError:
                return
            pipe.send(_outcome(job, arguments))


def _outcome(job: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[bool, Any]:
    """Do a job; give whether it came to its end, and what it gave or raised."""
    try:
        return True, job(*arguments)
    except Exception as error:
        told = traceback.format_exc()
        if not isinstance(error, UserError):
            error.add_note(f"In a worker:\n{told}")
        try:
            return False, pickle.loads(pickle.dumps(error))
        except Exception:
            return False, RuntimeError(told)
