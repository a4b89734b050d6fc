"""What the test images themselves say: how runs spread over them, look-alikes, misread images."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cnn_study.base.power import share_interval
from cnn_study.evidence.cells import Count, Number, derived
from cnn_study.evidence.findings import Findings
from cnn_study.evidence.read import Tables
from cnn_study.evidence.results import Result
from cnn_study.evidence.schemas import CONSTANT, DECAYING
from cnn_study.runs import look_alikes
from cnn_study.study.model import Study

FEW = 0.02
"""Half width of the 95 % interval of a share of one half: where it is wider, images are few."""


LISTED = 16
"""Misread images that the text lists where it shows none; all of them stand in misread.csv."""


@dataclass(frozen=True)
class FewImages:
    """What so few test images leave open of a score; said wherever one stands by itself.

    Attributes:
        images: how many of them are independent witnesses: one of each set.
        sets: whether that is fewer than there are.
    """

    images: int
    sets: bool = False

    def ends(self, share: float | None) -> tuple[Number, Number] | None:
        """Give the ends of the 95 % interval of the share of all images of their kind."""
        if share is None:
            return None
        kind = "sets of images" if self.sets else "images"
        how = f"end of Wilson's 95 % interval for {self.images} {kind}, of"
        lower, upper = share_interval(float(share), self.images)
        return derived(lower, how, share), derived(upper, how, share)


def few_images_of(study: Study) -> FewImages | None:
    """Say what the test images leave open; None where they are many."""
    images = study.dataset.test_witnesses
    few = FewImages(images, sets=images < study.dataset.test_images)
    return few if share_interval(0.5, images)[1] - 0.5 > FEW else None


@dataclass(frozen=True)
class RunSpreads:
    """The spread between runs, taken apart.

    Attributes:
        rows: of spreads.csv by experiment; empty where it is not known which images each run
            classifies correctly.
        constant, decaying: rows of spread-medians.csv; None where there are no such experiments.
        schedules: experiments that change the schedule and nothing else, each with its reference:
            two rows of spreads.csv.
    """

    rows: dict[str, SimpleNamespace]
    constant: SimpleNamespace | None
    decaying: SimpleNamespace | None
    schedules: list[tuple[SimpleNamespace, SimpleNamespace]]

    @property
    def all_alike(self) -> bool:
        """Whether the runs of each experiment score the same."""
        return bool(self.rows) and not any(row.deviation for row in self.rows.values())

    @property
    def calmed(self) -> int:
        """Of `schedules`, those whose networks end closer to one another than the reference's."""
        return sum(
            ours.networks_deviation < theirs.networks_deviation for ours, theirs in self.schedules
        )

    @property
    def clipped(self) -> int:
        """Experiments whose runs lie closer together than the test images alone would have it."""
        return sum(
            row.networks_deviation == 0 and row.images_deviation > 0 for row in self.rows.values()
        )


def spreads_of(study: Study, findings: Findings) -> RunSpreads:
    """Put together what the evidence says of the spread between runs."""
    rows = _by(findings, "spreads", "experiment")
    medians = _by(findings, "spread-medians", "learning_rate")
    pairs = [
        (rows[id_], rows[experiment.reference])
        for id_, experiment in study.experiments.items()
        if set(experiment.change) == {"schedule"} and id_ in rows and experiment.reference in rows
    ]
    return RunSpreads(rows, medians.get(CONSTANT), medians.get(DECAYING), pairs)


@dataclass(frozen=True)
class WithoutLookAlikes:
    """The test images that resemble a training image, and what they are worth.

    Attributes:
        facts: how they were searched for, and how many there are.
        count: of them; None where no run's answers are known.
        models: rows of look-alikes.csv: base, enhanced and best; gain_range: the interval of what
            look-alikes add.
        shift: of the change whose difference they change most; None without changes.
        changes: whose difference is known with and without.
        within: of these, those whose shift is smaller than what the test images leave open.
    """

    facts: look_alikes.LookAlikeFacts
    count: Count | None
    models: list[SimpleNamespace]
    shift: SimpleNamespace | None
    changes: int
    within: int

    @property
    def easier(self) -> bool:
        """Whether each of these models does better on look-alikes than on the rest."""
        return all(row.look_alikes_accuracy > row.test_accuracy_without for row in self.models)

    @property
    def other_class(self) -> int:
        """Look-alikes whose training image has another class."""
        return sum(pair.test_class != pair.training_class for pair in self.facts.pairs)

    @property
    def share(self) -> Number | None:
        """Share of the test images that are look-alikes."""
        if self.count is None:
            return None
        return derived(self.count / self.facts.test_images, "share of", self.count)


def look_alikes_of(
    study: Study, findings: Findings, best: Result | None, facts: Path | None
) -> WithoutLookAlikes | None:
    """Put together what is known of look-alikes; None where nobody has looked."""
    if facts is None:
        return None
    rows = _by(findings, "look-alikes", "experiment")
    named = dict.fromkeys(["base", study.file.enhanced, best.id if best else None])
    changes = [
        row for id_, row in rows.items() if id_ in findings.changes and row.shift is not None
    ]
    margins = {id_: change.row["test_images_margin"] for id_, change in findings.changes.items()}
    within = [row for row in changes if abs(row.shift) < (margins[row.experiment] or 0)]
    return WithoutLookAlikes(
        look_alikes.read_facts(facts),
        next((row.images for row in rows.values()), None),
        [_with_range(rows[id_]) for id_ in named if id_ in rows],
        max(changes, key=lambda row: abs(row.shift), default=None),
        len(changes),
        len(within),
    )


def _with_range(row: SimpleNamespace) -> SimpleNamespace:
    ends = SimpleNamespace(lower=row.gain_lower, upper=row.gain_upper)
    return SimpleNamespace(**vars(row), gain_range=ends)


def misread_of(
    study: Study, tables: Tables, best: Result | None, facts: Path | None
) -> dict[str, Any] | None:
    """Give which images every run of the best model misreads alike; None where not known.

    Returns:
        images, share and runs: how many; first: rows of misread.csv, of those that the runs are
        surest of; keyed: whether images have keys; shown: whether a picture shows some.
    """
    count = tables.experiments[best.id]["misread_images"] if best else None
    if best is None or count is None:
        return None
    rows = [
        SimpleNamespace(**row) for row in tables.rows("misread") if row["experiment"] == best.id
    ]
    kept = look_alikes.read_facts(facts).misread if facts else None
    same = kept and kept.fingerprint == study.experiments[best.id].fingerprint
    return {
        "experiment": best.id,
        "runs": best.complete,
        "images": count,
        "first": rows[:LISTED],
        "keyed": bool(study.dataset.test_keys),
        "share": derived(count / tables.test_images, "share of", count),
        "shown": bool(same and kept and kept.shown),
    }


def _by(findings: Findings, table: str, key: str) -> dict[str, SimpleNamespace]:
    """Give the rows of a piece of evidence as attributes, by one of their columns."""
    return {row[key]: SimpleNamespace(**row) for row in findings.files.rows(table)}
