"""The enhanced model beside the base: its gain, its classes, its mistakes."""

from dataclasses import dataclass

import numpy as np

from cnn_study.base.inference import Effect
from cnn_study.data.catalog import MOST_CLASSES
from cnn_study.evidence.cells import Cell, Setting, derived
from cnn_study.evidence.findings import Findings
from cnn_study.evidence.read import Tables
from cnn_study.evidence.results import Result
from cnn_study.report.behaviour import words_of
from cnn_study.report.curves import Curve, curve_of
from cnn_study.report.results import Row, chosen_settings, compare
from cnn_study.study.model import Study

NO_ROW = -1
"""Of many classes, a pair that is never confused has no row."""

END_ROWS = 10
"""Classes at either end of a table, where there are more than `MOST_CLASSES`."""


@dataclass(frozen=True)
class ClassGain:
    """How often the images of one class are recognized, as mean shares over the runs.

    Attributes:
        place: of the class, from 0.
        shares: of its images that each model recognizes; `base` and `enhanced` know their cells,
            which are many where classes are.
        effect: paired by seed and judged together with the other classes; None where the enhanced
            model is no declared change of the base.
    """

    name: str
    place: int
    confusions: "tuple[Confusion, Confusion]"
    shares: tuple[float, float]
    effect: Effect | None

    @property
    def base(self) -> float:
        """The base's share."""
        return self.confusions[0].share(self.place, self.place)

    @property
    def enhanced(self) -> float:
        """The enhanced model's."""
        return self.confusions[1].share(self.place, self.place)

    @property
    def gain(self) -> float:
        """Enhanced less base."""
        return derived(self.enhanced - self.base, "difference from", self.enhanced, self.base)


@dataclass(frozen=True)
class Mistake:
    """The pair of classes that a model confuses most; share of the true class's images."""

    true: str
    predicted: str
    share: float


@dataclass(frozen=True)
class AgainstBase:
    """The enhanced model beside the base.

    Attributes:
        gain: its test accuracy less the base's, paired by seed.
        overfits_more: whether the evidence says so of it, as a change of the base.
    """

    row: Row
    gain: Effect
    base_settings: dict[str, Setting]
    curve: Curve | None
    classes: list[ClassGain]
    base_mistake: Mistake | None
    mistake: Mistake | None
    overfits_more: bool

    @property
    def shown_classes(self) -> list[ClassGain]:
        """List the classes of a table: all, or of many those with the largest gains and losses."""
        if len(self.classes) <= MOST_CLASSES:
            return self.classes
        return [*self.classes[:END_ROWS], *self.classes[-END_ROWS:]]

    @property
    def hidden_classes(self) -> int:
        """Count the classes that the table leaves out."""
        return len(self.classes) - len(self.shown_classes)

    @property
    def result(self) -> Result:
        """What its runs gave."""
        return self.row.result


def against_base(
    study: Study, tables: Tables, findings: Findings, results: dict[str, Result], id_: str
) -> AgainstBase:
    """Set an experiment beside the base: gain, classes, and what each confuses most."""
    ours, base = study.experiments[id_], study.experiments["base"]
    changed = {name for name, value in ours.settings if value != getattr(base.settings, name)}
    base_confusion, confusion = (Confusion.of(study, tables, name) for name in ("base", id_))
    gains = []
    if base_confusion and confusion:
        shares = zip(
            *(of.shares.diagonal().tolist() for of in (base_confusion, confusion)), strict=True
        )
        tested = zip(study.dataset.class_names, shares, study.dataset.test_counts, strict=True)
        gains = [
            ClassGain(
                name,
                place,
                (base_confusion, confusion),
                of_class,
                findings.class_effects.get((id_, "base", name)),
            )
            for place, (name, of_class, images) in enumerate(tested)
            if images
        ]
    change = findings.changes.get(id_)
    of_base = change if change and change.reference == "base" else None
    return AgainstBase(
        compare(results[id_], results["base"], chosen_settings(ours, changed), of_base),
        findings.over_base[id_],
        chosen_settings(base, changed),
        curve_of(tables, id_),
        sorted(gains, key=lambda entry: entry.shares[0] - entry.shares[1]),
        base_confusion.worst if base_confusion else None,
        confusion.worst if confusion else None,
        bool(of_base) and "overfits more" in words_of(findings.behaviour_changes[id_]),
    )


@dataclass(frozen=True)
class Confusion:
    """What the test images of each class were taken for by an experiment's complete runs.

    Attributes:
        names: of the classes.
        rows: (true class, predicted class) rows of confusion.csv; NO_ROW where it has none.
        shares: (true class, predicted class); each row sums to 1.
    """

    experiment: str
    names: tuple[str, ...]
    rows: np.ndarray
    shares: np.ndarray

    @classmethod
    def of(cls, study: Study, tables: Tables, id_: str) -> "Confusion | None":
        """Take it from confusion.csv; None without a complete run."""
        rows = tables.confusion[tables.confusion["experiment"] == id_]
        if rows.empty:
            return None
        names = study.dataset.class_names
        numbered = rows.assign(row=rows.index)
        places, counts = (
            numbered.pivot(index="true_class", columns="predicted_class", values=values)
            .reindex(index=list(names), columns=list(names))
            .to_numpy(dtype=float, na_value=nothing)
            for values, nothing in (("row", NO_ROW), ("images", 0))
        )
        shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
        return cls(id_, names, places.astype(int), shares)

    def share(self, true: int, predicted: int) -> float:
        """Give one share, with the cells that it is made of."""
        first, others = self.rows[true, predicted], np.delete(self.rows[true], predicted)
        cells = [
            Cell("confusion", int(row), "images", self.experiment)
            for row in (first, *sorted(others))
            if row != NO_ROW
        ]
        share = self.shares[true, predicted]
        return derived(share, "share of the first in the sum of", cells=cells)

    @property
    def worst(self) -> Mistake | None:
        """The mistake that is made most often; None where none is made."""
        wrong = self.shares - np.diag(np.diag(self.shares))
        if not wrong.any():
            return None
        true, predicted = divmod(int(wrong.argmax()), len(self.names))
        return Mistake(self.names[true], self.names[predicted], self.share(true, predicted))
