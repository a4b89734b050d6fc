"""Weights of runs from before they were kept: the runs are trained again, elsewhere.

Nothing of the study is touched but for a file of weights, beside the record of the run: and only
where the run gives the very weights that its record tells of.
"""

import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from cnn_study.base import files
from cnn_study.base.errors import UserError
from cnn_study.base.words import first_lines, megabytes, short_duration
from cnn_study.execute.workers import Place, Workers, train_in
from cnn_study.runs import kept_weights, records
from cnn_study.runs.heartbeat import log
from cnn_study.runs.kept_weights import Kept
from cnn_study.study.model import Study
from cnn_study.train.engine import as_recorded


def names(study: Study, kept: Kept) -> str:
    """Name a run as a person reads it, with what it is the winner of."""
    if not kept.budget or study.search is None:
        return kept.run.typed
    title = next(budget.title for budget in study.search.budgets if budget.id == kept.budget)
    return f"winner, {title}, seed {kept.run.seed}"


def advice(study: Study, results: Path) -> str:
    """Say which weights should be kept and are not, and how they are made; "" where none is.

    Where records or a search are damaged nobody knows: whoever needs them tells of that.
    """
    missing = []
    with suppress(UserError):
        missing = kept_weights.missing(study, results)
    if not missing:
        return ""
    named = "; ".join(first_lines(names(study, kept) for kept in missing))
    time = short_duration(sum(map(_seconds, missing)))
    return (
        f"weights that are not kept: {named}. `cnn-study weights {study.name}` trains these runs "
        f"again, about {time}, and keeps them; nothing else asks for them"
    )


def keep(study: Study, results: Path, data: Path, work: Path | None, budgets: list[str]) -> None:
    """Train again each run whose weights should be kept and are not, and keep them.

    Args:
        data: the dataset's arrays.
        work: a folder for what is trained again, which is gone on from; None for one that goes.
        budgets: do so for the winners within these alone; all where none is named.

    Raises:
        UserError: a budget without a winner is named; or a run gives other weights here than its
            record tells of: then nothing of it is kept.
    """
    wanted = kept_weights.wanted(study, results)
    known = [kept.budget for kept in wanted if kept.budget]
    if unknown := [budget for budget in budgets if budget not in known]:
        raise UserError(
            f"--winners {' '.join(unknown)}: the search has no complete winner within it. Allowed "
            f"are: {', '.join(known) or 'none, since there is no winner'}."
        )
    missing = [kept for kept in kept_weights.missing(study, results)
               if not budgets or kept.budget in budgets]  # fmt: skip
    if not missing:
        log("all weights that are to be kept are there")
    missing.sort(key=_seconds)  # so that most are there soonest
    refused = []
    with _folder(work) as folder:
        place = Place(study.path, folder, data, retry=True)
        for number, kept in enumerate(missing):
            left = sum(_seconds(other) for other in missing[number:])
            log(f"{names(study, kept)}: trained again; about {short_duration(left)} left in all")
            engine = records.read(kept.record).provenance.engine
            with as_recorded(engine), Workers(1) as pool:
                if fault := _keep(study, kept, place, pool):
                    refused.append(f"  {names(study, kept)}: {fault}")
    if refused:
        lines = "\n".join(first_lines(refused, "  … and {} more"))
        raise UserError(
            f"these weights are not those that the records tell of, and were not kept:\n{lines}\n"
            "The same seed gives the same weights by one engine, on one model of processor with "
            "the same versions, which the records name: train them again so."
        )


def _seconds(kept: Kept) -> float:
    return records.read(kept.record).cost.run_seconds


@contextmanager
def _folder(work: Path | None) -> Generator[Path]:
    if work:
        yield work
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def _keep(study: Study, kept: Kept, place: Place, pool: Workers) -> str:
    """Train one run again in a folder and keep its weights, or say why not."""
    record = records.read(kept.record)
    anew = train_in(pool, study, place, kept.run)
    if anew.status != "complete":
        return f"trained again, the run is {anew.status}: {anew.reason}"
    path = records.find(place.results / "runs")[kept.run.experiment.fingerprint, kept.run.seed]
    weights = records.weights_file(path)
    if not weights.exists():
        return f"{path} was trained without keeping its weights; name another --work"
    if anew.weights_sha256 != record.weights_sha256:
        theirs, ours = record.provenance, anew.provenance
        return (
            f"recorded on {theirs.processor} by {theirs.engine} with {_versions(theirs)}, "
            f"trained again on {ours.processor} by {ours.engine} with {_versions(ours)}"
        )
    files.write_whole(kept.weights, lambda file: _copy(weights, file))
    print(f"{kept.weights}: kept, {megabytes(kept.weights.stat().st_size)}", flush=True)
    return ""


def _copy(source: Path, file) -> None:
    with open(source, "rb") as content:
        shutil.copyfileobj(content, file)


def _versions(provenance: records.Provenance) -> str:
    return ", ".join(f"{name} {version}" for name, version in provenance.versions.items())
