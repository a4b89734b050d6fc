"""The enhanced model beside the base: its gain, its classes, its mistakes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cnn_study.base.inference import Effect
from cnn_study.evidence.cells import Cell, Setting, derived
from cnn_study.evidence.findings import Findings
from cnn_study.evidence.read import Tables
from cnn_study.evidence.results import Result
from cnn_study.report.curves import Curve, curve_of
from cnn_study.report.results import Row, chosen_settings, compare
from cnn_study.study.model import Study

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class ClassGain:
    """How often the images of one class are recognized, as mean shares over the runs.

    Attributes:
        effect: paired by seed and judged together with the other classes; None where the enhanced
            model is no declared change of the base.
    """

    name: str
    base: float
    enhanced: float
    effect: Effect | None

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
    """

    row: Row
    gain: Effect
    base_settings: dict[str, Setting]
    curve: Curve | None
    classes: list[ClassGain]
    base_mistake: Mistake | None
    mistake: Mistake | None

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
        gains = [
            ClassGain(
                name,
                base_confusion.share(place, place),
                confusion.share(place, place),
                findings.class_effects.get((id_, "base", name)),
            )
            for place, name in enumerate(study.dataset.class_names)
        ]
    change = findings.changes.get(id_)
    of_base = change if change and change.reference == "base" else None
    return AgainstBase(
        compare(results[id_], results["base"], chosen_settings(ours, changed), of_base),
        findings.over_base[id_],
        chosen_settings(base, changed),
        curve_of(tables, id_),
        sorted(gains, key=lambda entry: -entry.gain),
        base_confusion.worst if base_confusion else None,
        confusion.worst if confusion else None,
    )


@dataclass(frozen=True)
class Confusion:
    """What the test images of each class were taken for by an experiment's complete runs.

    Attributes:
        names: of the classes.
        rows: of confusion.csv, those of the experiment.
        shares: (true class, predicted class); each row sums to 1.
    """

    experiment: str
    names: tuple[str, ...]
    rows: "pandas.DataFrame"
    shares: np.ndarray

    @classmethod
    def of(cls, study: Study, tables: Tables, id_: str) -> "Confusion | None":
        """Take it from confusion.csv; None without a complete run."""
        rows = tables.confusion[tables.confusion["experiment"] == id_]
        if rows.empty:
            return None
        names = study.dataset.class_names
        counts = rows.pivot(index="true_class", columns="predicted_class", values="images")
        counts = counts.loc[list(names), list(names)].to_numpy(dtype=float)
        return cls(id_, names, rows, counts / counts.sum(axis=1, keepdims=True).clip(min=1))

    def share(self, true: int, predicted: int) -> float:
        """Give one share, with the cells that it is made of."""
        of_class = self.rows[self.rows["true_class"] == self.names[true]]
        first = of_class.index[of_class["predicted_class"] == self.names[predicted]]
        cells = [
            Cell("confusion", row, "images", self.experiment)
            for row in [*first, *of_class.index.difference(first)]
        ]
        share = self.shares[true, predicted]
        return derived(share, "share of the first in the sum of", cells=cells)

    @property
    def worst(self) -> Mistake:
        """The mistake that is made most often."""
        wrong = self.shares - np.diag(np.diag(self.shares))
        true, predicted = divmod(int(wrong.argmax()), len(self.names))
        return Mistake(self.names[true], self.names[predicted], self.share(true, predicted))
