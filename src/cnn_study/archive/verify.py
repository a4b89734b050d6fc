"""Verification of a study: from its records to its pages, and from its settings to its records."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from cnn_study.archive import certificate, retrain
from cnn_study.archive.checks import LEVELS, Check, Level
from cnn_study.archive.integrity import Kept, check_kept
from cnn_study.archive.rederive import Make, Publish, anew
from cnn_study.archive.retrain import Retrained, Tell
from cnn_study.archive.tracing import check_claims
from cnn_study.base.errors import UserError
from cnn_study.base.words import short_duration
from cnn_study.runs.stages import Site

SHOWN = 10
"""Faults that are shown on the screen; the certificate has all."""


@dataclass(frozen=True)
class Asked:
    """What is to be trained again, and how.

    Attributes:
        number: of runs to draw; 0 draws none.
        runs: that are named instead.
        data: the dataset's arrays.
        work: folder for what is trained, kept; None for one that goes when it is over.
        processes: trainings at a time.
    """

    number: int = 0
    runs: tuple[str, ...] = ()
    data: Path = Path()
    work: Path | None = None
    processes: int = 1

    def __bool__(self) -> bool:
        """Tell whether anything is."""
        return bool(self.number or self.runs)


@dataclass(frozen=True)
class Verified:
    """What a verification found."""

    checks: tuple[Check, ...]
    retrained: tuple[Retrained, ...] = ()
    drawn: str = ""

    @property
    def holds(self) -> bool:
        """Whether nothing was found that does not hold."""
        return not any(check.faults for check in self.checks)


def rederive(site: Site, make: Make, publish: Publish, tell: Tell) -> Iterator[Check]:
    """Check level R1, part after part."""
    for check in check_kept(Kept.of(site)):
        yield _told(check, tell)
    with anew(site, make, publish) as elsewhere:
        for check in elsewhere.checks():
            yield _told(check, tell)
    yield _told(check_claims(site.results), tell)


def _told(check: Check, tell: Tell) -> Check:
    tell(f"{check.level} {check.name}: {check.outcome}")
    return check


def verify(site: Site, make: Make, publish: Publish, asked: Asked, tell: Tell) -> Verified:
    """Verify a study; nothing of it is touched.

    Args:
        make, publish: the readers' stages.
        tell: is told of progress.

    Raises:
        UserError: what is asked for cannot be done.
    """
    if not (site.results / "runs").is_dir():
        raise UserError(
            f"{site.results}: no results to verify. Make them first, or take them from where they "
            f"are: snakemake --cores all --config study={site.study.name}"
        )
    kept = Kept.of(site)
    names = _names(kept, asked)  # before anything takes time
    checks = list(rederive(site, make, publish, tell))
    if not names:
        return Verified(tuple(checks))
    drawn = retrain.in_words(kept, names, not asked.runs)
    left = short_duration(retrain.seconds(kept, names, asked.processes))
    tell(f"R2: {drawn}; about {left} of training with {asked.processes} at a time")
    retrained = _trained(kept, names, asked, tell)
    checks += [_told(check, tell) for check in retrain.checks(kept, retrained)]
    return Verified(tuple(checks), tuple(retrained), drawn)


def _names(kept: Kept, asked: Asked) -> list[str]:
    if not asked:
        return []
    if not asked.data.exists():
        raise UserError(
            f"{asked.data}: there are no arrays of the dataset, which training needs. Make them "
            f"first: cnn-study prepare {kept.site.study.dataset.name}, or name --data."
        )
    if asked.runs:
        return retrain.named(kept, list(asked.runs))
    report = retrain.report_digest(kept.site.results)
    return retrain.draw(list(kept.records), report, asked.number)


def _trained(kept: Kept, names: list[str], asked: Asked, tell: Tell) -> list[Retrained]:
    with TemporaryDirectory(prefix="cnn-study-verify-") as folder:
        work = asked.work or Path(folder)
        retrain.train(kept, names, work, asked.data, asked.processes, tell)
        return retrain.compare(kept, names, work)


# ------------------------------------------------------------------------------ on the screen


def in_words(verified: Verified, level: Level | None) -> list[str]:
    """Sum up what holds and what does not, for a person at a screen."""
    lines = [f"{check.level}  {check.outcome:<13}  {_shown(check)}" for check in verified.checks]
    lines += [f"    {run.name}: {run.words}" for run in verified.retrained]
    faults = [fault for check in verified.checks for fault in check.faults]
    if not faults:
        reached = f"level {level}, {LEVELS[level]}" if level else "no level"
        return [*lines, f"Everything that was checked holds: {reached}."]
    lines.append(f"Something does not hold. The first place: {faults[0]}")
    lines += [f"  {fault}" for fault in faults[1:SHOWN]]
    more = len(faults) - SHOWN
    return [*lines, *([f"  … and {more} more, in the certificate"] if more > 0 else [])]


def _shown(check: Check) -> str:
    looked = check.looked_at or check.left_out
    return f"{check.promise}{f' ({looked})' if looked else ''}"


def certify(site: Site, verified: Verified, folder: Path, by: str) -> certificate.Statement:
    """Write the certificate of a verification."""
    statement = certificate.state(
        site.study, site.results, verified.checks, verified.retrained, verified.drawn, by
    )
    certificate.write(statement, site.study, folder)
    return statement
