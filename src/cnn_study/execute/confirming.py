"""Confirm what is suggested: train it, and what it changes, with seeds that chose nothing.

Which runs these are, `runs.confirmations` reads from the evidence. Each leaves its record, so that
what was stopped goes on where it was.
"""

import sys
from concurrent.futures import Future
from functools import partial
from pathlib import Path

from cnn_study.base import outputs
from cnn_study.base.errors import UserError
from cnn_study.data import arrays
from cnn_study.execute import local, progress
from cnn_study.execute.workers import Place, train_all
from cnn_study.runs import confirmations
from cnn_study.runs.heartbeat import log
from cnn_study.study.model import Study
from cnn_study.train.machine import one_thread

NOT_ASKED = (
    "{} asks for no confirmation: that takes a line such as `confirmation: 5`, the number of seeds."
)

NOTHING_SAID = (
    "there is no {}, which says what is suggested. Make it first: cnn-study tables {study}, then "
    "cnn-study analyse {study}"
)


def confirm(
    study: Study,
    results: Path,
    data: Path,
    workers: int,
    source: str = "",
    *,
    retry: bool = False,
) -> None:
    """Train the fresh runs of what is suggested that are not there.

    Args:
        data: the dataset's arrays; where a run needs them and they are not there, or damaged, they
            are made.
        workers: processes that train side by side.
        source: the dataset's archive or its unpacked folder; empty leaves that to its reader.
        retry: train also those that are recorded as failed.

    Raises:
        UserError: the study asks for none, nobody has said what is suggested, or a worker was
            ended from outside before it did anything.
    """
    if not study.fresh_seeds:
        raise UserError(NOT_ASKED.format(study.path))
    if confirmations.suggested(study, results) is None:
        path = results / confirmations.SUGGESTIONS
        raise UserError(NOTHING_SAID.format(path, study=study.name))
    lock = results / "locks" / "confirmation.lock"
    with local.held(lock, "another process confirms these suggestions; waiting for it"):
        if not confirmations.missing(study, results, retry=retry):
            log("every run that confirms a suggestion is there already")
            return
        # Here and not by a rule before: what is suggested was not known when rules were read.
        if not arrays.is_prepared(study.dataset, data):
            arrays.prepare(study.dataset, data, source)
        one_thread()  # for NumPy in the workers, which settles it as it is imported
        _train_all(study, Place(study.path, results, data, retry), workers)


def _train_all(study: Study, place: Place, workers: int) -> None:
    """Train all fresh runs that are missing, or that failed and are to be tried again."""
    left = confirmations.missing(study, place.results, retry=place.retry)
    runs = local.riskiest_last(left, place.results)
    at_once = min(workers, len(runs))
    train_all(study, place, runs, workers, partial(_tell, study, place.results, at_once))


def _tell(study: Study, results: Path, at_once: int, job: Future) -> None:
    """Say what a run gave, and how many are left."""
    if not job.cancelled() and not job.exception():
        gave = progress.outcome(study, job.result())
        said = f"{gave}; {progress.confirming(study, results, at_once)}"
        outputs.say(said, sys.stdout)
