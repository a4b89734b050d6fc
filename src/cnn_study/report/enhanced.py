"""The enhanced model beside the base: its gain, its classes, its mistakes."""

from dataclasses import dataclass

import numpy as np

from cnn_study.evidence.cells import Cell, Setting, derived
from cnn_study.report.curves import Curve, curve_of
from cnn_study.report.findings import Effect, Findings
from cnn_study.report.results import Result, Row, chosen_settings, compare
from cnn_study.report.tables import Tables
from cnn_study.study.model import Study


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
    study: Study, found: Tables, findings: Findings, results: dict[str, Result], id_: str
) -> AgainstBase:
    """Set an experiment beside the base: gain, classes, and what each confuses most."""
    ours, base = study.experiments[id_], study.experiments["base"]
    changed = {name for name, value in ours.settings if value != getattr(base.settings, name)}
    shares = {name: _confusion(study, found, name) for name in ("base", id_)}
    gains = [
        ClassGain(
            name,
            *(_share(found, study, shares, model, place, place) for model in ("base", id_)),
            findings.class_effects.get((id_, "base", name)),
        )
        for place, name in enumerate(study.dataset.class_names)
        if all(share is not None for share in shares.values())
    ]
    return AgainstBase(
        compare(results[id_], results["base"], chosen_settings(ours, changed)),
        findings.over_base[id_],
        chosen_settings(base, changed),
        curve_of(found, id_),
        sorted(gains, key=lambda entry: -entry.gain),
        *(_mistake(found, study, shares, model) for model in ("base", id_)),
    )


def _confusion(study: Study, found: Tables, id_: str) -> np.ndarray | None:
    """Give the shares (true class, predicted class) of an experiment; each row sums to 1."""
    mine = found.confusion[found.confusion["experiment"] == id_]
    if mine.empty:
        return None
    names = list(study.dataset.class_names)
    counts = mine.pivot(index="true_class", columns="predicted_class", values="images")
    counts = counts.loc[names, names].to_numpy(dtype=float)
    return counts / counts.sum(axis=1, keepdims=True).clip(min=1)


def _share(
    found: Tables,
    study: Study,
    shares: dict[str, np.ndarray | None],
    id_: str,
    true: int,
    predicted: int,
) -> float:
    """Give one share of a confusion matrix, with the cells that it is made of."""
    names, confusion = study.dataset.class_names, found.confusion
    mine = confusion[(confusion["experiment"] == id_) & (confusion["true_class"] == names[true])]
    rows = mine.index[mine["predicted_class"] == names[predicted]]
    cells = [Cell("confusion", row, "images", id_) for row in [*rows, *mine.index.difference(rows)]]
    return derived(shares[id_][true, predicted], "share of the first in the sum of", cells=cells)


def _mistake(
    found: Tables, study: Study, shares: dict[str, np.ndarray | None], id_: str
) -> Mistake | None:
    if shares[id_] is None:
        return None
    wrong = shares[id_] - np.diag(np.diag(shares[id_]))
    true, predicted = np.unravel_index(wrong.argmax(), wrong.shape)
    names = study.dataset.class_names
    share = _share(found, study, shares, id_, int(true), int(predicted))
    return Mistake(names[true], names[predicted], share)
