"""One question of a study with all that the runs say to it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from cnn_study.base.inference import LEVEL
from cnn_study.evidence.findings import Findings
from cnn_study.evidence.judged import Change, Contrast, Expectation
from cnn_study.evidence.results import Result
from cnn_study.report.behaviour import (
    Behaviour,
    LevelTelling,
    Telling,
    level_tellings,
    tellings,
)
from cnn_study.report.pictures import Figure
from cnn_study.report.results import Row, chosen_settings, compare
from cnn_study.study.model import Study

Measured = TypeVar("Measured")

FURTHER = ("effects", "curve", "contrasts", "training")
"""Kinds of figures of one question, beside the one that has its name."""


@dataclass(frozen=True)
class Comparison:
    """One question of the study and what the runs say to it.

    Attributes:
        background: what a reader should know first; caveat: what the answer cannot say;
        reading: why its author thinks it came out so.
        rows: the reference first, then the changes in the order of the study file.
        group: id of the part of the report that tells of it.
        figures: accuracies or effects, curves, contrasts, as far as they were drawn.
        contrasts: main effects and interactions, where the question is a grid.
        classes: by experiment and verdict, the classes of which this is said.
        elsewhere: changes that were made to another reference too, with what they did there.
        shown_before: experiments whose scores the text shows before its questions.
        tellings: what stands out in how the changes learn; levels: the same of a grid's levels.
        guessing: by experiment, what a network that only guesses costs in training, in nats.
        expected: the changes of which something is expected in a word.
    """

    id: str
    title: str
    question: str
    hypothesis: str
    background: str
    caveat: str
    reading: str
    rows: tuple[Row, ...]
    group: str
    figures: tuple[Figure, ...]
    contrasts: tuple[Contrast, ...]
    classes: dict[str, dict[str, list[str]]]
    elsewhere: tuple[tuple[Row, Change], ...]
    shown_before: frozenset[str]
    tellings: tuple[Telling, ...]
    levels: tuple[LevelTelling, ...]
    guessing: dict[str, float]
    expected: tuple[tuple[Row, Expectation], ...]

    @property
    def reference(self) -> Row:
        """The experiment that the changes are made to."""
        return self.rows[0]

    @property
    def changes(self) -> tuple[Row, ...]:
        """The changed experiments."""
        return self.rows[1:]

    @property
    def judged(self) -> list[tuple[Row, Change]]:
        """The changed experiments, with what the evidence says of each."""
        return [(row, row.change) for row in self.changes if row.change]

    @property
    def scored(self) -> list[Row]:
        """Experiments with a complete run, highest mean test accuracy first."""
        scored = _with_number((row, row.result.test.mean) for row in self.rows)
        return [row for row, _ in sorted(scored, key=lambda pair: -pair[1])]

    @property
    def troubles(self) -> list[Result]:
        """Experiments that lack runs."""
        return [row.result for row in self.rows if row.result.complete < row.result.planned]

    @property
    def spread_out(self) -> list[Row]:
        """List the changes whose runs surely spread more widely than the reference's."""
        return [
            row
            for row, change in self.judged
            if change.row["test_spread_p_holm"] is not None
            and change.row["test_spread_p_holm"] < 1 - LEVEL
            and change.row["test_spread_ratio"] > 1
        ]

    @property
    def same_cost(self) -> bool:
        """Whether all models have as many parameters and need as many MACs."""
        return len({(row.result.parameters, row.result.macs) for row in self.rows}) == 1

    @property
    def seconds(self) -> list[float]:
        """Shortest and longest mean training time; none without a complete run."""
        known = [row.result.seconds for row in self.rows if row.result.seconds is not None]
        return [min(known), max(known)] if known else []

    @property
    def about_as_long(self) -> bool:
        """Whether every change trains about as long as the reference, as far as is known."""
        timed = [row for row in self.changes if row.seconds_ratio is not None]
        return all(row.about_as_long for row in timed)

    def said(self, *verdicts: str) -> list[Row]:
        """List the changes of which one of these verdicts is said, largest difference first."""
        said = [(row, change) for row, change in self.judged if change.verdict in verdicts]
        return [row for row, _ in sorted(said, key=lambda pair: -(pair[1].test.mean or 0))]

    def kind(self, name: str) -> list[Contrast]:
        """List the contrasts of one kind."""
        return [contrast for contrast in self.contrasts if contrast.kind == name]

    @property
    def guess(self) -> Row | None:
        """The change that the reader guesses at: the first with an interval, not shown before."""
        rows = [row for row, change in self.judged if change.test.lower is not None]
        unseen = [row for row in rows if row.id not in self.shown_before]
        return next(iter(unseen or rows), None)

    @property
    def alike(self) -> list[Row]:
        """List the changes that were made elsewhere too, and there have an effect of one sign."""
        return [
            row
            for row, other in self.elsewhere
            if row.change and (row.change.test.mean or 0) * (other.test.mean or 0) > 0
        ]

    @property
    def otherwise(self) -> list[Row]:
        """List the changes of which the validation images say otherwise than the test images."""
        return [
            row
            for row, change in self.judged
            if change.validation.n and change.validation.verdict != change.test.verdict
        ]

    @property
    def calibration(self) -> list[Result]:
        """List the changes that have a calibration error, smallest first."""
        errors = _with_number((row.result, row.result.calibration.mean) for row in self.changes)
        return [result for result, _ in sorted(errors, key=lambda pair: pair[1])]

    @property
    def chosen(self) -> Row | None:
        """The change with the highest mean validation accuracy; choices see no test score."""
        scored = _with_number((row, row.result.validation.mean) for row in self.changes)
        return max(scored, key=lambda pair: pair[1])[0] if scored else None


def _with_number(
    pairs: Iterable[tuple[Measured, float | None]],
) -> list[tuple[Measured, float]]:
    """Take what has a number, with it."""
    return [(measured, number) for measured, number in pairs if number is not None]


def _figures_of(name: str, *, telling: bool) -> list[str]:
    """Name the figures of a question; how its changes learn, only where that says something."""
    kinds = FURTHER if telling else [kind for kind in FURTHER if kind != "training"]
    return [name, *(f"{name}-{kind}" for kind in kinds)]


def _with_behaviour(row: Row, findings: Findings) -> Row:
    """Add how the experiment learns; of a change, beside its reference."""
    change = None if row.is_reference else findings.behaviour_changes[row.id]
    return replace(row, behaviour=Behaviour.of(findings.behaviours[row.id], change))


def comparison_of(
    study: Study,
    name: str,
    results: dict[str, Result],
    findings: Findings,
    figures: dict[str, Figure],
    shown_before: frozenset[str] = frozenset(),
) -> Comparison:
    """Put together what there is to say to one question.

    Args:
        shown_before: experiments whose scores the text shows before its questions.
    """
    question = study.file.questions[name]
    reference, members = question.reference, study.questions[name]
    changed = {key for id_ in members for key in study.experiments[id_].change}
    kept = chosen_settings(study.experiments[reference], changed)
    rows = [Row(results[reference], kept, is_reference=True)]
    rows += [
        compare(
            results[id_],
            results[reference],
            chosen_settings(study.experiments[id_], changed),
            findings.changes[id_],
        )
        for id_ in members
    ]
    rows = [_with_behaviour(row, findings) for row in rows]
    told = tellings(rows)
    return Comparison(
        name,
        question.title,
        question.question,
        question.hypothesis,
        question.background,
        question.caveat,
        question.reading,
        tuple(rows),
        next(group for group, names in study.groups.items() if name in names),
        tuple(figures[id_] for id_ in _figures_of(name, telling=bool(told)) if id_ in figures),
        tuple(findings.contrasts.get(name, ())),
        {id_: findings.classes[id_] for id_ in members},
        tuple(
            (row, other)
            for row in rows[1:]
            for other in findings.changes.values()
            if row.change
            and other.row["change"] == row.change.row["change"]
            and other.reference != reference
            and other.test.lower is not None
        ),
        shown_before,
        told,
        level_tellings(findings, name),
        {
            id_: study.dataset.guessing_loss(study.experiments[id_].settings.class_weight)
            for id_ in (reference, *members)
        },
        tuple((row, findings.expected[row.id]) for row in rows[1:] if row.id in findings.expected),
    )
