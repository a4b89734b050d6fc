"""What the evidence says of a study, ready to be put into words.

Reads what `evidence.analyse` wrote and computes nothing of its own: sentences, tables and figures
share these numbers.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cnn_study.base import inference
from cnn_study.base.errors import UserError
from cnn_study.evidence import schemas as evidence_schemas
from cnn_study.evidence.cells import Cell, rows_of
from cnn_study.study.model import Study
from cnn_study.tables import csv_files


@dataclass(frozen=True)
class Effect:
    """One paired difference in accuracy with what is said of it; None where there is none."""

    pairs: int
    difference: float | None
    lower: float | None
    upper: float | None
    p_holm: float | None = None
    verdict: str = ""

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
        cells: that of the verdict.
    """

    row: dict[str, Any]
    test: Effect
    validation: Effect
    cells: tuple[Cell, ...]

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

    @property
    def survives(self) -> bool:
        """Whether it helps or hurts even if p is corrected over all changes of the study."""
        return self.verdict in ("helps", "hurts") and (
            self.row["test_p_holm_all"] < 1 - inference.LEVEL
        )


@dataclass(frozen=True)
class Contrast:
    """One main effect or interaction of a grid, or one combination.

    Attributes:
        experiment, parts: of a combination, and those that it joins.
        together, added: what its changes make together, and one by one.
    """

    kind: str
    words: str
    validation: Effect
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
        always_the_same: whether every seed chose the same.
    """

    habit: str
    among: str
    gap: Effect
    told: float
    honest: float
    always_the_same: bool


@dataclass(frozen=True)
class Findings:
    """All evidence of one study.

    Attributes:
        changes: by experiment, in the order of the study file, those that are not run included.
        classes: by experiment and verdict, the classes of which this is said.
        class_effects: by experiment, reference and class.
        over_base: by experiment, what it gains over the base; no verdict.
        contrasts: by question, for those with a grid.
        advice: what suggestions.json holds, its keys as attributes.
        search: by table, the rows about the search; empty without one.
    """

    changes: dict[str, Change]
    classes: dict[str, dict[str, list[str]]]
    class_effects: dict[tuple[str, str, str], Effect]
    contrasts: dict[str, list[Contrast]]
    habits: list[Habit]
    over_base: dict[str, Effect]
    orders: list[dict[str, Any]]
    advice: Any
    search: dict[str, list[dict[str, Any]]]

    @classmethod
    def read(cls, study: Study, folder: Path) -> "Findings":
        """Read the evidence, and check that it is this study's.

        Raises:
            UserError: a file is missing, or is another study's.
        """
        frames = {table.name: csv_files.read(folder, table) for table in evidence_schemas.EVIDENCE}
        found = {name: rows_of(frame, name) for name, frame in frames.items()}
        over_base = {row["experiment"]: _over_base(row) for row in found["over-base"]}
        changes = {
            row["experiment"]: Change(
                row,
                Effect.of(row),
                Effect.of(row, "validation"),
                (Cell("ledger", place, "test_verdict", row["experiment"]),),
            )
            for place, row in enumerate(found["ledger"])
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
            _class_effects(found["class-effects"]),
            _contrasts(found["contrasts"]),
            _habits(found["habit-means"]),
            over_base,
            found["orders"],
            _advice(folder / "suggestions.json", changes, over_base),
            {name: rows for name, rows in found.items() if name.startswith("search-")},
        )

    def of(self, question: str) -> list[Change]:
        """List the changes of one question."""
        return [change for change in self.changes.values() if change.row["question"] == question]

    @property
    def company(self) -> list[Contrast]:
        """List the combinations that gain more than the sum of their parts, surest first.

        Chosen by the validation images, like all advice.
        """
        found = [one for ones in self.contrasts.values() for one in ones]
        return sorted(
            (
                one
                for one in found
                if one.kind == "combination" and one.validation.verdict == "helps"
            ),
            key=lambda one: -one.validation.lower,
        )

    @property
    def seconds_to_base(self) -> dict[str, float | None]:
        """Give by experiment how long training takes to the accuracy that the base ends with."""
        known = {change.id: change.row["seconds_to_base"] for change in self.changes.values()}
        return known | {"base": None}

    @property
    def corrected(self) -> dict[str, int]:
        """Count the changes with a p value, the decided ones, and those decided among all."""
        tested = [one for one in self.changes.values() if one.test.p_holm is not None]
        decided = [one for one in tested if one.verdict in ("helps", "hurts")]
        surviving = [one for one in decided if one.survives]
        return {
            "changes": len(tested), "decided": len(decided), "surviving": len(surviving)
        }  # fmt: skip

    @property
    def images_margin(self) -> float | None:
        """Give the widest margin that the test images alone leave to any change."""
        margins = [one.row["test_images_margin"] for one in self.changes.values()]
        return max((margin for margin in margins if margin is not None), default=None)

    @property
    def choices(self) -> list[tuple[list[Habit], str]]:
        """Group the choices that luck has a part in by the scores that they go by."""
        kinds = (("best by test", "best epoch"), "test"), (("best by validation",), "validation")
        there = [one for one in self.habits if not one.always_the_same]
        found = [([one for one in there if one.habit in names], kind) for names, kind in kinds]
        return [(ones, kind) for ones, kind in found if ones]

    def said(self, *verdicts: str) -> list[Change]:
        """List the changes of which one of these verdicts is said."""
        return [change for change in self.changes.values() if change.verdict in verdicts]


def _advice(
    path: Path, changes: dict[str, Change], over_base: dict[str, Effect]
) -> SimpleNamespace:
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
        entry.over_base = over_base[entry.experiment]
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
        by = found.setdefault(
            row["experiment"], {verdict: [] for verdict in evidence_schemas.VERDICTS}
        )
        by[row["test_verdict"]].append(row["class"])
    return found


def _contrasts(rows: list[dict[str, Any]]) -> dict[str, list[Contrast]]:
    found: dict[str, list[Contrast]] = {}
    for row in rows:
        one = Contrast(
            row["kind"],
            row["contrast"],
            Effect.of(row, "validation"),
            Effect.of(row),
            row["experiment"],
            tuple((row["parts"] or "").split()),
            row["together"],
            row["added"],
        )
        found.setdefault(row["question"], []).append(one)
    return found


def _habits(rows: list[dict[str, Any]]) -> list[Habit]:
    return [
        Habit(
            row["habit"],
            row["among"],
            Effect(row["seeds"], row["gap"], row["gap_lower"], row["gap_upper"]),
            row["told"],
            row["honest"],
            row["always_the_same"],
        )
        for row in rows
    ]


def _over_base(row: dict[str, Any]) -> Effect:
    return Effect(row["pairs"], row["difference"], row["lower"], row["upper"])


def _class_effects(rows: list[dict[str, Any]]) -> dict[tuple[str, str, str], Effect]:
    return {(row["experiment"], row["reference"], row["class"]): Effect.of(row) for row in rows}
