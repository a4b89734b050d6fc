"""What the evidence says of a study, ready to be put into words and pictures.

Reads what `evidence.analyse` wrote and computes nothing of its own: sentences, tables and figures
share these numbers.
"""

import math
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cnn_study.base.errors import UserError
from cnn_study.base.files import read_json
from cnn_study.base.inference import Effect
from cnn_study.evidence.judged import (
    Change,
    Confirmation,
    Contrast,
    Expectation,
    JudgeTaken,
    PublishedRanking,
    RankedPair,
    SelectionBias,
    effect_of,
)
from cnn_study.evidence.read import evidence_files
from cnn_study.evidence.schemas import VERDICTS
from cnn_study.study.model import Study


class Findings:
    """All evidence of one study; each part is read when it is first asked for."""

    def __init__(self, study: Study, folder: Path) -> None:
        """Name the study and the folder of its evidence; nothing is read yet."""
        self.study, self.folder, self.files = study, folder, evidence_files(study, folder)

    def check(self) -> None:
        """Check that this is the study's evidence.

        Raises:
            UserError: it is another study's, or of an older version of its file.
        """
        declared = {id_ for ids in self.study.questions.values() for id_ in ids}
        declared |= {
            experiment.id
            for experiments in self.study.declared.values()
            for experiment in experiments
        }
        if set(self.changes) != declared:
            raise UserError(
                f"the evidence in {self.folder} is not that of {self.study.path}. Make it first: "
                f"python -m cnn_study analyse {self.study.name}"
            )
        if list(self.confirmations) != [entry.experiment for entry in self.advice.advice]:
            raise UserError(
                f"what fresh seeds say in {self.folder} is not of what is suggested there. Make it "
                f"first: python -m cnn_study confirmed {self.study.name}"
            )

    # ---------------------------------------------------------------- how they are judged

    @cached_property
    def judges(self) -> dict[str, JudgeTaken]:
        """The judge that was taken, by images."""
        spreads: dict[str, dict[str, Any]] = {}
        for row in self.files.rows("judge-spreads"):
            spreads.setdefault(row["images"], {})[row["experiment"]] = row
        return {
            row["images"]: JudgeTaken(row, spreads.get(row["images"], {}))
            for row in self.files.rows("judge")
        }

    @cached_property
    def scores(self) -> dict[str, dict[str, Any]]:
        """What is open of the mean score of each experiment: the rows of score-intervals.csv."""
        return {row["experiment"]: row for row in self.files.rows("score-intervals")}

    # ---------------------------------------------------------------- changes

    @cached_property
    def changes(self) -> dict[str, Change]:
        """The changes by experiment, in the order of the study file, not run ones included."""
        column = "test_difference" if self.judges["test"].paired else "test_over_mean"
        differences = self._differences("differences", ("question", "experiment"), column)
        return {
            row["experiment"]: Change.of(
                place, row, differences.get((row["question"], row["experiment"]), ())
            )
            for place, row in enumerate(self.files.rows("ledger"))
        }

    def _differences(
        self, name: str, key: tuple[str, str], column: str = "test_difference"
    ) -> dict[tuple[str, str], tuple[float, ...]]:
        """Group the single differences in test accuracy by two columns."""
        frame = self.files.frame(name).dropna(subset=column)
        columns = (frame[header] for header in (*key, column))
        groups: dict[tuple[str, str], list[float]] = {}
        for question, of_what, difference in zip(*columns, strict=True):
            groups.setdefault((question, of_what), []).append(float(difference))
        return {names: tuple(differences) for names, differences in groups.items()}

    def of(self, question: str) -> list[Change]:
        """List the changes of one question."""
        return self._by_question.get(question, [])

    @cached_property
    def _by_question(self) -> dict[str, list[Change]]:
        groups: dict[str, list[Change]] = {}
        for change in self.changes.values():
            groups.setdefault(change.question, []).append(change)
        return groups

    def surest(self, most: int) -> list[Change]:
        """List the changes that were run, of more than fit those whose effect is surest.

        That is where the interval lies farthest from zero, on either side. They stand in the order
        of the study file.
        """
        run = [change for change in self.changes.values() if change.verdict != "not run"]
        if len(run) <= most:
            return run

        def sure(change: Change) -> float:
            lower, upper = change.test.lower, change.test.upper
            return -math.inf if lower is None or upper is None else max(lower, -upper)

        kept = {change.experiment for change in sorted(run, key=sure, reverse=True)[:most]}
        return [change for change in run if change.experiment in kept]

    def said(self, *verdicts: str) -> list[Change]:
        """List the changes of which one of these verdicts is said."""
        return [change for change in self.changes.values() if change.verdict in verdicts]

    @property
    def seconds_to_base(self) -> dict[str, float | None]:
        """Give by experiment how long training takes to the accuracy that the base ends with."""
        seconds = {id_: change.row["seconds_to_base"] for id_, change in self.changes.items()}
        return seconds | {"base": None}

    @property
    def timed(self) -> dict[str, int]:
        """Count the changes whose training times are known, and those that train about as long."""
        timed = [
            change for change in self.changes.values() if change.row["seconds_ratio"] is not None
        ]
        alike = [change for change in timed if change.about_as_long]
        return {"changes": len(timed), "alike": len(alike)} if timed else {}

    @property
    def corrected(self) -> dict[str, int]:
        """Count the changes with a p value, the decided ones, and those decided among all.

        With runs enough for a verdict: `enough`.
        """
        tested = [change for change in self.changes.values() if change.test.p_holm is not None]
        enough = [change for change in tested if change.verdict != "too few seeds"]
        decided = [change for change in tested if change.verdict in ("helps", "hurts")]
        surviving = [change for change in decided if change.survives]
        return {
            "changes": len(tested),
            "enough": len(enough),
            "decided": len(decided),
            "surviving": len(surviving),
        }

    @property
    def images_margin(self) -> float | None:
        """Give the widest margin that the test images alone leave to any change."""
        margins = [change.row["test_images_margin"] for change in self.changes.values()]
        return max((margin for margin in margins if margin is not None), default=None)

    @property
    def images_tell(self) -> bool:
        """Whether the test images can say what their choice leaves open, of every change."""
        measured = [c for c in self.changes.values() if c.row["test_images_margin"] is not None]
        return bool(measured) and all(change.images_tell for change in measured)

    @cached_property
    def expected(self) -> dict[str, Expectation]:
        """What was expected in a word, by experiment, in the order of the study file."""
        rows = enumerate(self.files.rows("expected"))
        return {row["experiment"]: Expectation.of(place, row) for place, row in rows}

    # ---------------------------------------------------------------- how they learn

    @cached_property
    def behaviours(self) -> dict[str, dict[str, Any]]:
        """How each experiment learns: rows of behaviour.csv."""
        return {row["experiment"]: row for row in self.files.rows("behaviour")}

    @cached_property
    def behaviour_changes(self) -> dict[str, dict[str, Any]]:
        """How each change learns beside its reference: rows of behaviour-changes.csv."""
        return {row["experiment"]: row for row in self.files.rows("behaviour-changes")}

    @cached_property
    def behaviour_contrasts(self) -> dict[str, list[dict[str, Any]]]:
        """How the levels of a grid learn, by question: rows of behaviour-contrasts.csv."""
        groups: dict[str, list[dict[str, Any]]] = {}
        for row in self.files.rows("behaviour-contrasts"):
            groups.setdefault(row["question"], []).append(row)
        return groups

    # ---------------------------------------------------------------- classes and contrasts

    @cached_property
    def class_effects(self) -> dict[tuple[str, str, str], Effect]:
        """The effect on each class, by experiment, reference and class."""
        return {
            (row["experiment"], row["reference"], row["class"]): effect_of(row)
            for row in self.files.rows("class-effects")
        }

    @cached_property
    def classes(self) -> dict[str, dict[str, list[str]]]:
        """By experiment and verdict, the classes of which it is said, largest difference first."""
        said: dict[str, dict[str, list[str]]] = {}
        effects = sorted(self.class_effects.items(), key=lambda item: -abs(item[1].mean or 0))
        for (experiment, _, name), effect in effects:
            of_change = said.setdefault(experiment, {verdict: [] for verdict in VERDICTS})
            of_change[effect.verdict].append(name)
        return said

    @cached_property
    def contrasts(self) -> dict[str, list[Contrast]]:
        """Main effects, interactions and combinations, by the questions that have any."""
        differences = self._differences("contrast-differences", ("question", "contrast"))
        by_question: dict[str, list[Contrast]] = {}
        for row in self.files.rows("contrasts"):
            key = row["question"], row["contrast"]
            contrast = Contrast.of(row, differences.get(key, ()))
            by_question.setdefault(contrast.question, []).append(contrast)
        return by_question

    @property
    def company(self) -> list[Contrast]:
        """List the combinations that gain more than the sum of their parts, surest first.

        Chosen by the validation images, like all advice.
        """
        gaining = [
            (contrast.validation.lower or 0.0, contrast)
            for contrasts in self.contrasts.values()
            for contrast in contrasts
            if contrast.kind == "combination" and contrast.validation.verdict == "helps"
        ]
        return [contrast for _, contrast in sorted(gaining, key=lambda pair: -pair[0])]

    # ---------------------------------------------------------------- the base, choices, others

    @cached_property
    def over_base(self) -> dict[str, Effect]:
        """What each experiment gains over the base; no verdict."""
        return {
            row["experiment"]: Effect(
                row["runs"], row["difference"], lower=row["lower"], upper=row["upper"]
            )
            for row in self.files.rows("over-base")
        }

    @cached_property
    def selection_bias(self) -> list[SelectionBias]:
        """What choosing by the scores of one seed promises too much, by rule and candidates."""
        by_seed: dict[tuple[str, str], list[float]] = {}
        for row in self.files.rows("habits"):
            by_seed.setdefault((row["rule"], row["among"]), []).append(row["optimism"])
        return [
            SelectionBias.of(row, tuple(by_seed[row["rule"], row["among"]]))
            for row in self.files.rows("habit-means")
        ]

    @property
    def choices(self) -> list[tuple[list[SelectionBias], str]]:
        """Group the choices that luck has a part in by the scores that they go by."""
        kinds = (("best by test", "best epoch"), "test"), (("best by validation",), "validation")
        by_luck = [bias for bias in self.selection_bias if not bias.always_the_same]
        groups = [([bias for bias in by_luck if bias.rule in rules], kind) for rules, kind in kinds]
        return [(biases, kind) for biases, kind in groups if biases]

    @cached_property
    def rankings(self) -> list[PublishedRanking]:
        """The published rankings, each with every pair of ours."""
        groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
        for row in self.files.rows("orders"):
            groups.setdefault((row["comparison"], row["better"], row["worse"]), []).append(row)
        return [
            PublishedRanking(
                *names, rows[0]["published_difference"], tuple(map(RankedPair.of, rows))
            )
            for names, rows in groups.items()
        ]

    def search(self, name: str) -> list[dict[str, Any]]:
        """Give the rows of one of the tables about the search; none without a search."""
        return self.files.rows(f"search-{name}")

    @cached_property
    def expectations(self) -> dict[str, float]:
        """What chance does to a study of this shape, by name."""
        return {row["name"]: row["value"] for row in self.files.rows("expectations")}

    @cached_property
    def simulations(self) -> dict[str, dict[str, dict[str, Any]]]:
        """What simulated studies say of the ways to judge, by group of settings and way."""
        groups: dict[str, dict[str, dict[str, Any]]] = {}
        for row in self.files.rows("simulations"):
            groups.setdefault(row["group"], {})[row["judged_by"]] = row
        return groups

    # ---------------------------------------------------------------- advice

    @cached_property
    def advice(self) -> Any:
        """What suggestions.json holds, its keys as attributes; gains are those of the ledger.

        Raises:
            UserError: there is none, or it is damaged.
        """
        path = self.folder / "suggestions.json"
        remedy = "Make it first: python -m cnn_study analyse STUDY"
        advice = read_json(path, remedy, lambda entries: SimpleNamespace(**entries))
        try:
            for entry in (*advice.advice, *advice.outdone, *advice.unsupported, *advice.undecided):
                row = self.changes[entry.experiment].row
                entry.over_base = self.over_base[entry.experiment]
                entry.price = SimpleNamespace(
                    **{name: row[f"{name}_difference"] for name in vars(entry.price)}
                )
                self._take_gains((entry, *entry.held, *entry.did_not_hold, *entry.not_decided))
        except (AttributeError, KeyError, TypeError) as error:
            raise UserError(
                f"{path} holds no suggestions that go with these tables: {error}. {remedy}"
            ) from None
        return advice

    @cached_property
    def confirmations(self) -> dict[str, Confirmation]:
        """What fresh seeds say of each suggestion, by experiment, best first."""
        return {
            row["experiment"]: Confirmation.of(row, self.changes[row["experiment"]].test)
            for row in self.files.rows("confirmation")
        }

    def _take_gains(self, entries: Iterable[Any]) -> None:
        for entry in entries:
            change = self.changes[entry.experiment]
            entry.gain = SimpleNamespace(validation=change.validation, test=change.test)
