"""Levels R2 and R3: trains runs again, elsewhere, and compares them with their records.

Nothing of the study is touched: what is trained goes to a folder of its own, and goes on there
where it was stopped.
"""

import hashlib
import statistics
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cnn_study.archive import spread
from cnn_study.archive.checks import Check, Fault
from cnn_study.archive.comparison import as_then, computed, given, same_bits
from cnn_study.archive.integrity import Kept
from cnn_study.archive.processors import Relation, relation
from cnn_study.base.errors import UserError
from cnn_study.base.files import digest_of_file
from cnn_study.base.judge import Spread, Usual
from cnn_study.base.words import counted, first_lines, percent, short_duration
from cnn_study.execute.workers import Place, train_all
from cnn_study.runs import records, searches
from cnn_study.runs.estimate import seconds_left
from cnn_study.runs.records import Record
from cnn_study.train.engine import as_recorded

LOG = "training.log"
"""In the folder of what is trained again: what the trainings said."""

Tell = Callable[[str], None]
"""Is told of progress, a line at a time."""

Outcome = Literal["same bits", "other bits, within the spread of seeds", "outside"]


# ------------------------------------------------------------------------------ which, how long


def report_digest(results: Path) -> str:
    """Hash the report's text: which runs are drawn follows from it, so that nobody chooses them.

    Raises:
        UserError: there is no text.
    """
    text = results / "report" / "index.qmd"
    if not text.exists():
        raise UserError(f"{text}: there is no text, from which the draw follows. Name --runs.")
    return digest_of_file(text)


def draw(names: Iterable[str], report: str, number: int) -> list[str]:
    """Draw runs; a larger draw of the same report begins with the smaller ones.

    Args:
        names: all runs.
        report: digest of the report.

    Raises:
        UserError: there are fewer.
    """
    listed = list(names)
    if not 1 <= number <= len(listed):
        raise UserError(
            f"--retrain {number}: allowed is 1 to {len(listed)}, the runs that are here."
        )
    order = sorted(listed, key=lambda name: hashlib.sha256(f"{report} {name}".encode()).digest())
    return order[:number]


def named(kept: Kept, names: list[str]) -> list[str]:
    """Take runs as a person names them.

    Raises:
        UserError: there is no record of one.
    """
    unknown = [name for name in dict.fromkeys(names) if name not in kept.records]
    if unknown:
        raise UserError(
            f"--runs {' '.join(unknown)}: no record that can be read has this name. Write "
            "EXPERIMENT/seed-N, such as base/seed-1, or search/FINGERPRINT/seed-N."
        )
    return list(dict.fromkeys(names))


def seconds(kept: Kept, names: list[str], processes: int) -> float:
    """Estimate how long it takes to train runs again, from how long they took."""
    runs = [kept.runs[name][0] for name in names]
    known = list(kept.records.values())
    at_once = min(processes, len(names))
    return seconds_left(kept.site.study, runs, known, len(runs)) / at_once


def in_words(kept: Kept, names: list[str], drawn: bool) -> str:
    """Say what is trained again, and what a draw of this size finds."""
    if not drawn:
        return f"{counted(len(names), 'run')} named"
    runs = len(kept.records)
    share = spread.found_share(runs, len(names))
    says = "" if share is None else f", which find a study with {share:.0%} wrong runs in 95 of 100"
    return f"{len(names)} of {runs} runs drawn{says}"


# ------------------------------------------------------------------------------ training


def train(kept: Kept, names: list[str], work: Path, data: Path, processes: int, tell: Tell) -> None:
    """Train runs in a folder of its own, in processes of their own; what is there stays.

    What failed there before is tried again. A process that is ended takes no other run with it.

    Raises:
        UserError: trainings did not come to their end here that once did; the others are there.
    """
    work.mkdir(parents=True, exist_ok=True)
    study, left = kept.site.study, list(names)

    def note(job: Future) -> None:
        if job.cancelled() or job.exception():
            return
        record = job.result()
        left.remove(name := kept.name(record.fingerprint, record.seed))
        time = f"about {short_duration(seconds(kept, left, processes))} left" if left else "done"
        tell(f"{name} trained again; {len(names) - len(left)} of {len(names)}, {time}")

    place = Place(study.path.resolve(), work, data, retry=True)
    engines = {name: kept.records[name].provenance.engine for name in names}
    for engine in dict.fromkeys(engines.values()):
        runs = [kept.runs[name][0] for name in names if engines[name] == engine]
        with as_recorded(engine):
            train_all(study, place, runs, processes, note, work / LOG)
    if failed := list(_failed(kept, names, work)):
        raise UserError("\n".join([
            f"not trained again, of {counted(len(names), 'run')}:",
            *first_lines(failed, "  … and {} more"),
            f"What they said: {work / LOG}. Run it again with --work {work}, and with fewer "
            "--processes if memory is short; what is trained is not trained again.",
        ]))  # fmt: skip


def _failed(kept: Kept, names: list[str], work: Path) -> Iterator[str]:
    """Say of each run that failed here, and did not when it was recorded, why."""
    paths = records.find(work / "runs")
    for name in names:
        run = kept.runs[name][0]
        path = paths.get((run.experiment.fingerprint, run.seed))
        anew = records.read(path) if path else None
        if anew and anew.status == "failed" and kept.records[name].status != "failed":
            yield f"  {name}: {anew.reason}"


# ------------------------------------------------------------------------------ comparing


@dataclass(frozen=True)
class Retrained:
    """A run that was trained again, beside its record.

    Attributes:
        differs: in what the two part; of the same bits only what they were given.
        half: half the width of the interval that its score was held against; None where bits are
            the same.
    """

    name: str
    recorded: Record
    anew: Record
    outcome: Outcome
    machines: Relation
    differs: tuple[str, ...] = ()
    half: float | None = None

    @property
    def words(self) -> str:
        """Say how it came out, with its scores where bits differ."""
        if self.outcome == "same bits":
            return self.outcome
        scores = [_score(record) for record in (self.recorded, self.anew)]
        shown = " against ".join("none" if score is None else percent(score) for score in scores)
        reach = "" if self.half is None else f"; allowed ± {100 * self.half:.2f} points"
        return f"{self.outcome} ({shown}{reach})"


def compare(kept: Kept, names: list[str], work: Path) -> list[Retrained]:
    """Compare runs with their records.

    Raises:
        UserError: one has no record in the folder of what was trained again.
    """
    chance = spread.chance_each(len(names))
    paths = records.find(work / "runs")
    results = []
    for name in names:
        run, _ = kept.runs[name]
        path = paths.get((run.experiment.fingerprint, run.seed))
        if path is None:
            raise UserError(f"{name} was not trained again: see {work / LOG}")
        anew = as_then(kept.records[name], records.read(path), path)
        results.append(_compared(kept, name, anew, chance))
    return results


def _compared(kept: Kept, name: str, anew: Record, chance: float) -> Retrained:
    recorded = kept.records[name]
    machines = relation(recorded.provenance, anew.provenance)
    unlike = [str(part) for part in given(recorded, anew)]
    if same_bits(recorded, anew):
        return Retrained(name, recorded, anew, "same bits", machines, tuple(unlike))
    unlike += [str(part) for part in computed(recorded, anew)]
    outcome, half = _judged(kept, name, recorded, anew, chance)
    return Retrained(name, recorded, anew, outcome, machines, tuple(unlike), half)


def _judged(
    kept: Kept, name: str, recorded: Record, anew: Record, chance: float
) -> tuple[Outcome, float | None]:
    """Hold the score of either run against the other one and those with other seeds."""
    ours, theirs = _score(recorded), _score(anew)
    if ours is None or theirs is None:  # one did not come to its end
        same = ours == theirs and recorded.status == anew.status
        return ("other bits, within the spread of seeds" if same else "outside"), None
    if recorded.weights_sha256 == anew.weights_sha256:  # which have one score each
        return "outside", None
    usual = Usual.of(list(_spreads(kept, name)))
    least = _least(recorded)
    others = [
        score
        for other, record in kept.records.items()
        if other != name and record.fingerprint == recorded.fingerprint
        if (score := _score(record)) is not None
    ]
    halves = []
    for score, beside in ((ours, theirs), (theirs, ours)):
        held = spread.reach([*others, beside], usual, least, chance)
        if not held.holds(score):
            return "outside", held.half
        halves.append(held.half)
    return "other bits, within the spread of seeds", max(halves)


def _score(record: Record) -> float | None:
    """Give the test accuracy of a run that came to its end."""
    return record.test.accuracy if record.test else None


def _least(record: Record) -> float:
    """Give the variance that rounding to whole images makes by itself."""
    return 1 / (12 * record.dataset.test_images**2)


def _spreads(kept: Kept, name: str) -> Iterator[Spread]:
    """Give the spread of every other model with several runs, of the study or of its search."""
    searched = name.startswith(f"{searches.EXPERIMENT}/")
    by_model: dict[str, list[float]] = {}
    for other, record in kept.records.items():
        score = _score(record)
        alike = other.startswith(f"{searches.EXPERIMENT}/") == searched
        if alike and score is not None and record.fingerprint != kept.records[name].fingerprint:
            by_model.setdefault(record.fingerprint, []).append(score)
    least = _least(kept.records[name])
    for values in by_model.values():
        if len(values) > 1:
            yield Spread(max(statistics.variance(values), least), len(values) - 1)


# ------------------------------------------------------------------------------ as checks


def checks(kept: Kept, retrained: list[Retrained]) -> Iterator[Check]:
    """Say what holds at level R2, and on another family of machine at level R3."""
    promise = (
        "Runs that are trained again give the same bits, or scores within the spread of seeds."
    )
    yield Check(
        "re-trained runs", "R2", promise, _counted(retrained), tuple(_faults(kept, retrained))
    )
    elsewhere = [run for run in retrained if run.machines == "another family"]
    promise = "So do runs that are trained again on another family of processor or accelerator."
    if not elsewhere:
        known = [run for run in retrained if run.machines != "unknown"]
        why = (
            "no run was trained again on another family of machine"
            if known
            else "the records name their processors by brand alone, which says too little to tell"
        )
        yield Check("another machine", "R3", promise, left_out=why)
        return
    yield Check(
        "another machine", "R3", promise, _counted(elsewhere), tuple(_faults(kept, elsewhere))
    )


def _counted(retrained: list[Retrained]) -> str:
    same = sum(run.outcome == "same bits" for run in retrained)
    return f"{counted(len(retrained), 'run')}, {same} with the same bits"


def _faults(kept: Kept, retrained: list[Retrained]) -> Iterator[Fault]:
    for run in retrained:
        if run.outcome == "outside":
            yield Fault(kept.file(run.name), "", f"{run.words}; {'; '.join(run.differs)}")
