"""What the evidence says of a study, ready to be put into words.

Reads what `evidence.analyse` wrote and computes nothing of its own: sentences, tables and figures
share these numbers. The one exception are means over seeds of habits, by `inference.effect`.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cnn_study import columns, inference, tables
from cnn_study.errors import UserError
from cnn_study.report import receipts
from cnn_study.study import Study


@dataclass(frozen=True)
class Effect:
    """One paired difference in accuracy with what is said of it; None where there is none."""

    pairs: int
    difference: float | None
    lower: float | None
    upper: float | None
    p_holm: float | None
    verdict: str

    @classmethod
    def of(cls, row: dict[str, Any], images: str = "test") -> "Effect":
        """Take it from the columns of a row that `columns._effect` declares."""
        names = ("pairs", "difference", "lower", "upper", "p_holm", "verdict")
        return cls(*(row[f"{images}_{name}"] for name in names))


@dataclass(frozen=True)
class Change:
    """One row of the ledger.

    Attributes:
        row: all its columns, None where a cell is empty.
        test, validation: the effect by these images; the verdict that is told is that of test.
    """

    row: dict[str, Any]
    test: Effect
    validation: Effect

    @property
    def id(self) -> str:
        """Id of the changed experiment."""
        return self.row["experiment"]

    @property
    def reference(self) -> str:
        """Id of the experiment that was changed."""
        return self.row["reference"]

    @property
    def verdict(self) -> str:
        """One of `columns.VERDICTS`, by the test images."""
        return self.test.verdict


@dataclass(frozen=True)
class Contrast:
    """One main effect or interaction of a grid, or one combination.

    Attributes:
        experiment, parts: of a combination, and those that it joins.
        together, added: what its changes make together, and one by one.
    """

    kind: str
    words: str
    test: Effect
    experiment: str | None = None
    parts: tuple[str, ...] = ()
    together: float | None = None
    added: float | None = None


@dataclass(frozen=True)
class Habit:
    """One way of choosing, over the seeds.

    Attributes:
        gap: mean optimism over the seeds with its interval, told less honest.
        told, honest: mean test accuracies.
    """

    habit: str
    among: str
    gap: inference.Effect
    told: float
    honest: float


@dataclass(frozen=True)
class Findings:
    """All evidence of one study.

    Attributes:
        changes: by experiment, in the order of the study file, those that are not run included.
        classes: by experiment and verdict, the classes of which this is said.
        contrasts: by question, for those with a grid.
        advice: what suggestions.json holds, its keys as attributes.
    """

    changes: dict[str, Change]
    classes: dict[str, dict[str, list[str]]]
    contrasts: dict[str, list[Contrast]]
    habits: list[Habit]
    orders: list[dict[str, Any]]
    advice: Any

    @classmethod
    def read(cls, study: Study, folder: Path) -> "Findings":
        """Read the evidence, and check that it is this study's.

        Raises:
            UserError: a file is missing, or is another study's.
        """
        frames = {table.name: tables.read(folder, table) for table in columns.EVIDENCE}
        found = {name: receipts.rows_of(frame, name) for name, frame in frames.items()}
        changes = {
            row["experiment"]: Change(row, Effect.of(row), Effect.of(row, "validation"))
            for row in found["ledger"]
        }
        declared = {id_ for ids in study.questions.values() for id_ in ids}
        declared |= {one.id for ones in study.declared.values() for one in ones}
        if set(changes) != declared:
            raise UserError(
                f"the evidence in {folder} is not that of {study.path}. Make it first: "
                f"python -m cnn_study analyse {study.name}"
            )
        return cls(
            changes,
            _classes(found["class-effects"]),
            _contrasts(found["contrasts"]),
            _habits(found["habits"]),
            found["orders"],
            _advice(folder / "suggestions.json", changes),
        )

    def of(self, question: str) -> list[Change]:
        """List the changes of one question."""
        return [change for change in self.changes.values() if change.row["question"] == question]

    @property
    def company(self) -> list[Contrast]:
        """List the combinations that gain more than the sum of their parts, largest first."""
        found = [one for ones in self.contrasts.values() for one in ones]
        more = [one for one in found if one.kind == "combination" and one.test.verdict == "helps"]
        return sorted(more, key=lambda one: -one.test.difference)

    def said(self, *verdicts: str) -> list[Change]:
        """List the changes of which one of these verdicts is said."""
        return [change for change in self.changes.values() if change.verdict in verdicts]


def _advice(path: Path, changes: dict[str, Change]) -> SimpleNamespace:
    """Read the advice; gains and prices are those of the ledger, cell by cell."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(
            f"there is no {path}. Make it first: python -m cnn_study analyse STUDY"
        ) from None
    advice = json.loads(text, object_hook=lambda entries: SimpleNamespace(**entries))
    for entry in (*advice.advice, *advice.outdone, *advice.unsupported, *advice.undecided):
        row = changes[entry.experiment].row
        for name in vars(entry.price):
            setattr(entry.price, name, row[f"{name}_difference"])
        for one in (entry, *entry.held, *entry.did_not_hold, *entry.not_decided):
            for images, gain in vars(one.gain).items():
                for name in vars(gain):
                    setattr(gain, name, changes[one.experiment].row[f"{images}_{name}"])
    return advice


def _classes(rows: list[dict[str, Any]]) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {}
    for row in sorted(rows, key=lambda row: -abs(row["test_difference"] or 0)):
        by = found.setdefault(row["experiment"], {verdict: [] for verdict in columns.VERDICTS})
        by[row["test_verdict"]].append(row["class"])
    return found


def _contrasts(rows: list[dict[str, Any]]) -> dict[str, list[Contrast]]:
    found: dict[str, list[Contrast]] = {}
    for row in rows:
        one = Contrast(
            row["kind"],
            row["contrast"],
            Effect.of(row),
            row["experiment"],
            tuple((row["parts"] or "").split()),
            row["together"],
            row["added"],
        )
        found.setdefault(row["question"], []).append(one)
    return found


def _habits(rows: list[dict[str, Any]]) -> list[Habit]:
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["habit"], row["among"]), []).append(row)
    return [Habit(*names, *_over_seeds(mine)) for names, mine in groups.items()]


def _over_seeds(rows: list[dict[str, Any]]) -> tuple[inference.Effect, float, float]:
    """Give the gap with its interval, and the means of what is told and what is honest."""
    gaps, told, honest = ([row[name] for row in rows] for name in ("gap", "told", "honest"))
    gap = inference.effect([float(one) for one in gaps])
    ends = {
        name: receipts.derived(value, words, *gaps)
        for name, value, words in (
            ("mean", gap.mean, "mean of"),
            ("lower", gap.lower, "lower end of the 95 % interval from"),
            ("upper", gap.upper, "upper end of the 95 % interval from"),
        )
        if value is not None
    }
    means = (receipts.derived(sum(ones) / len(ones), "mean of", *ones) for ones in (told, honest))
    return replace(gap, **ends), *means
