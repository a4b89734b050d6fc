"""Processes that train side by side, for a command that does many runs by itself.

They end with the command, however it ends. One that is ended from outside, for want of memory say,
takes with it what the others have in hand; that is then trained one by one, with all the memory.
"""

import os
import time
from collections.abc import Callable, Iterable
from concurrent import futures
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from cnn_study.base.errors import UserError
from cnn_study.base.stopping import end_with
from cnn_study.execute import local
from cnn_study.runs import records
from cnn_study.runs.heartbeat import log
from cnn_study.runs.wanted import Run
from cnn_study.study.merge import load
from cnn_study.study.model import Study
from cnn_study.train.machine import own_gpu

ENDED = "A worker was ended from outside, perhaps for want of memory,"

NOTHING_TRAINED = (
    f"{ENDED} before it trained anything. Nothing is lost: run again, with fewer workers if memory "
    "is short."
)


@dataclass(frozen=True)
class Place:
    """Where a command reads and writes; what its workers are told of it."""

    study: Path
    results: Path
    data: Path


class Workers:
    """Processes that train; they end with this one, however it ends.

    Where one is ended from outside, all that are under way are lost; the next job gets new ones.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool = self._new()

    def _new(self) -> futures.Executor:
        pool = futures.ProcessPoolExecutor(
            self.count, get_context("spawn"), initializer=_begin, initargs=(os.getpid(),)
        )
        # A process that starts while another works is watched only from the next result on (Python
        # 3.11 to 3.13): without one, nobody sees it end, half the time.
        jobs = [pool.submit(os.getpid) for _ in range(self.count)]
        if any(isinstance(job.exception(), BrokenProcessPool) for job in jobs):
            raise UserError(NOTHING_TRAINED)
        return pool

    def submit(self, job: Callable[..., Any], *arguments: Any) -> futures.Future:
        """Have a worker do something."""
        try:
            return self._pool.submit(job, *arguments)
        except BrokenProcessPool:
            self._pool = self._new()
            return self._pool.submit(job, *arguments)

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(cancel_futures=True)


def wait(jobs: list[futures.Future], stop: Callable[[], None] | None = None) -> bool:
    """Wait for all jobs. After a fault the others end what they are training, and no more.

    Args:
        stop: called after a fault, to give out no more.

    Returns:
        Whether all came to their end; not where a worker was ended from outside.
    """
    futures.wait(jobs, return_when=futures.FIRST_EXCEPTION)
    failed = any(job.done() and job.exception() for job in jobs)
    if failed and stop is not None:
        stop()
    for job in jobs:
        if failed:
            job.cancel()
    futures.wait(jobs)
    try:
        for job in jobs:
            if not job.cancelled():
                job.result()
    except BrokenProcessPool:
        return False
    return True


def train(place: Place, run: Run) -> records.Record:
    """Train one run in a worker, and give its record."""
    return local.do(load(place.study), run, place.results, place.data)


def train_alone(study: Study, place: Place, runs: Iterable[Run]) -> None:
    """Train one by one what was left by a process that was ended from outside.

    So it has all the memory. What ends a second time is recorded as failed.
    """
    log(f"{ENDED} and took the others with it. What they had in hand is trained one by one.")
    for run in runs:
        clock = time.perf_counter()
        with Workers(1) as pool:
            if not wait([pool.submit(train, place, run)]):
                log(f"{run.name} was ended once more, and counts as failed")
                seconds = time.perf_counter() - clock
                local.give_up(study, run, place.results, place.data, seconds)


def _begin(parent: int) -> None:
    """Let a worker end together with its parent, and have a GPU of its own where there are any."""
    end_with(parent)
    own_gpu()
