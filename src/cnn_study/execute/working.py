"""Work on a study beside others, on this machine or another one: train what nobody else trains.

Which runs are left, the folder of results says; who has one in hand holds its lock. So there is no
one to ask, and nobody waits for another.
"""

import sys
from pathlib import Path

from cnn_study.base import outputs
from cnn_study.base.words import counted, first_of
from cnn_study.data.arrays import load_prepared
from cnn_study.execute import local, progress
from cnn_study.execute.queue import Dispatcher, folder, offered
from cnn_study.execute.workers import Place, Workers
from cnn_study.runs import confirmations, records, searches, stages
from cnn_study.runs.wanted import Run, done, wanted
from cnn_study.study.model import Study
from cnn_study.train.machine import one_thread


def work(study: Study, place: Place, count: int) -> list[Exception]:
    """Train the runs that are missing and free, trials of a search too, until none is left.

    Args:
        count: how many train side by side.

    Returns:
        What stopped runs that therefore have no record, the others have had their turn; and what
        is wrong with records that are there.

    Raises:
        UserError: a run is left, and the dataset's arrays are not there, or no record can be
            written.
    """
    if _left(study, place):
        load_prepared(study.dataset, place.data)  # else each run would say so
        local.check_writable(place.results)  # likewise
    one_thread()  # for NumPy in the workers, which settles it as it is imported
    tried: dict[str, records.Record | Exception] = {}
    with Workers(count) as pool:
        dispatcher = Dispatcher(study, place, pool)
        while left := [run for run in _left(study, place) if run.name not in tried]:
            before = len(tried)
            dispatcher.take(local.riskiest_last(left, place.results))
            for run, outcome in dispatcher.finish():
                if outcome is not None:
                    tried[run.name] = outcome
                    _tell(study, place.results, run, outcome)
            if len(tried) == before:
                break
    # So far only names of files said what is done.
    unreadable = records.read_all(done(study, place.results))[1]
    failures = [outcome for outcome in tried.values() if isinstance(outcome, Exception)]
    _sum_up(study, place.results, tried, left, is_whole=not failures and not unreadable)
    return [*failures, *unreadable]


def _left(study: Study, place: Place) -> list[Run]:
    """List what a search offers and the study's runs that are missing; else those that confirm.

    What a search offered that is no longer at work, nobody may want any more.
    """
    paths = done(study, place.results)
    again = records.failed(paths) if place.retry else {}
    missing = [run for run in wanted(study) if run.name not in paths or run.name in again]
    # To ask for a lock is to hold it for a moment, which nobody should see who goes by no offers.
    searched = folder(place.results).exists() and local.is_held(local.search_lock(place.results))
    offers = offered(study, place.results) if searched else []
    return [*offers, *missing] or _fresh(study, place)


def _fresh(study: Study, place: Place) -> list[Run]:
    """List the missing runs with fresh seeds, if what is suggested follows from all other runs."""
    if not _suggestions_are_current(study, place.results):
        return []
    return confirmations.missing(study, place.results, retry=place.retry)


def _suggestions_are_current(study: Study, results: Path) -> bool:
    site = stages.Site.now(study, results)
    return bool(study.fresh_seeds) and not any(
        stages.stale(stages.STAGES[name], site) for name in ("tables", "evidence")
    )


def _tell(study: Study, results: Path, run: Run, outcome: records.Record | Exception) -> None:
    if isinstance(outcome, Exception):
        outcome.add_note(f"It came while {run.name} was trained.")
    else:
        gave = progress.outcome(study, outcome)
        outputs.say(f"{gave}; {progress.standing(study, results)}", sys.stdout)


def _sum_up(
    study: Study,
    results: Path,
    tried: dict[str, records.Record | Exception],
    left: list[Run],
    *,
    is_whole: bool,
) -> None:
    """Say what was done, and what is left to whom.

    Args:
        left: what others have in hand.
        is_whole: whether each run has a record that can be used.
    """
    trained = sum(isinstance(outcome, records.Record) for outcome in tried.values())
    said = [f"{counted(trained, 'run')} trained here"]
    if left:
        names = first_of(run.typed for run in left)
        said.append(f"{counted(len(left), 'run')} in the hands of other processes: {names}")
    elif is_whole:
        said.append("nothing is left to train")
    path = searches.place(study, results)
    if path and not path.exists():
        said.append(f"the search is not done: `cnn-study search {study.name}` goes through it")
    if study.fresh_seeds and not left and not _suggestions_are_current(study, results):
        said.append("what confirms suggestions is known once the evidence is made of all runs")
    again = progress.failures(study, results, by_hand=True)
    outputs.say("\n".join(["; ".join(said), *again]), sys.stdout)
