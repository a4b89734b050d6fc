"""Changes together: main effects and interactions of grids, and combinations."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from cnn_study.base.inference import effect
from cnn_study.evidence.families import MEASURES, family
from cnn_study.evidence.read import Tables
from cnn_study.study.combinations import parts_of
from cnn_study.study.questions import Factorial
from cnn_study.study.settings import value_text


@dataclass(frozen=True)
class UnjudgedContrast:
    """Several experiments set against one another, seed by seed; not judged yet.

    Attributes:
        kind: main effect, interaction or combination.
        differences: by images (validation, test) and seed.
        known: further cells of its row.
    """

    question: str
    kind: str
    words: str
    differences: dict[str, dict[int, float]]
    known: dict[str, Any] = field(default_factory=dict)


def contrasts(tables: Tables) -> list[UnjudgedContrast]:
    """Give main effects and interactions of factorial questions, and combinations.

    Levels of a factor are set against that of the question's reference.
    """
    unjudged = []
    for name in tables.study.questions:
        question = tables.study.file.questions[name]
        if question.factorial:
            grid = _Grid.of(tables, name, question.reference, question.factorial)
            unjudged += [*grid.main_effects(), *grid.interactions()] if grid else []
        elif question.joins_changes:
            unjudged += _combinations(tables, name)
    return unjudged


def contrast_rows(tables: Tables, unjudged: list[UnjudgedContrast]) -> list[dict[str, Any]]:
    """Judge contrasts; those of one kind and question are a family."""
    rows = [
        {
            "question": contrast.question,
            "kind": contrast.kind,
            "contrast": contrast.words,
            **contrast.known,
        }
        for contrast in unjudged
    ]
    for key in dict.fromkeys((contrast.question, contrast.kind) for contrast in unjudged):
        places = [
            place
            for place, contrast in enumerate(unjudged)
            if (contrast.question, contrast.kind) == key
        ]
        for images in MEASURES:
            effects = [
                effect(list(unjudged[place].differences[images].values())) for place in places
            ]
            judged = family(effects, images, tables.study.smallest_effect)
            for place, row in zip(places, judged, strict=True):
                rows[place] |= row
    return rows


def contrast_difference_rows(unjudged: list[UnjudgedContrast]) -> list[dict[str, Any]]:
    """Give the single differences behind the contrasts."""
    return [
        {
            "question": contrast.question,
            "contrast": contrast.words,
            "seed": seed,
            **{
                f"{images}_difference": contrast.differences[images].get(seed)
                for images in MEASURES
            },
        }
        for contrast in unjudged
        for seed in sorted(set().union(*contrast.differences.values()))
    ]


def _combinations(tables: Tables, name: str) -> list[UnjudgedContrast]:
    """Set what changes make together against the sum of what they make one by one."""
    study, combinations = tables.study, []
    reference = study.file.questions[name].reference
    for id_ in study.questions[name]:
        parts = parts_of(study, id_)
        if not parts:
            continue
        known: dict[str, Any] = {"experiment": id_, "parts": " ".join(parts)}
        differences = {}
        for images in MEASURES:
            together = tables.differences(id_, reference, images)
            alone = [tables.differences(part, reference, images) for part in parts]
            seeds = sorted(together.keys() & set.intersection(*map(set, alone)))
            added = {seed: sum(of_part[seed] for of_part in alone) for seed in seeds}
            differences[images] = {seed: together[seed] - added[seed] for seed in seeds}
            if images == "test" and seeds:
                known["together"] = statistics.fmean(together[seed] for seed in seeds)
                known["added"] = statistics.fmean(added.values())
        words = f"{id_} against the sum of {', '.join(parts[:-1])} and {parts[-1]}"
        combinations.append(UnjudgedContrast(name, "combination", words, differences, known))
    return combinations


Scores = dict[tuple[str, str], dict[int, float]]


@dataclass(frozen=True)
class _Grid:
    """Accuracies of a grid of two parameters.

    Attributes:
        names: of the two parameters.
        values: of each parameter, as text; kept: the reference's.
        scores: by images (validation, test), by the values of both parameters, and by seed.
    """

    question: str
    names: tuple[str, str]
    values: tuple[list[str], list[str]]
    kept: tuple[str, str]
    scores: dict[str, Scores]

    @classmethod
    def of(cls, tables: Tables, name: str, reference: str, design: Factorial) -> "_Grid | None":
        """Read it; None if the reference's own values are not part of it."""
        study, (first, second) = tables.study, design.factors
        kept = design.levels_of(study.experiments[reference].settings)
        if kept is None:
            return None
        cells = {
            (value_text(row), value_text(column)): study.cell(name, {first: row, second: column})
            for row, column in product(*design.levels)
        }
        scores = {
            images: {key: tables.scores(id_, f"{images}_accuracy") for key, id_ in cells.items()}
            for images in MEASURES
        }
        rows, columns = ([value_text(level) for level in levels] for levels in design.levels)
        kept_row, kept_column = map(value_text, kept)
        return cls(name, design.factors, (rows, columns), (kept_row, kept_column), scores)

    def main_effects(self) -> list[UnjudgedContrast]:
        """Set each value against the reference's: the mean over the other parameter's values."""
        effects = []
        for place, (name, kept) in enumerate(zip(self.names, self.kept, strict=True)):
            for value in self.values[place]:
                if value == kept:
                    continue

                def gain(scores: Scores, seed: int, place=place, value=value, kept=kept) -> float:
                    return statistics.fmean(
                        scores[_cell(place, value, other)][seed]
                        - scores[_cell(place, kept, other)][seed]
                        for other in self.values[1 - place]
                    )

                effects.append(
                    self._contrast("main effect", f"{name} {value} against {kept}", gain)
                )
        return effects

    def interactions(self) -> list[UnjudgedContrast]:
        """Give how much more one change makes where the other was made too."""
        (first, second), (kept, kept_other) = self.names, self.kept
        interactions = []
        for value, other in product(*self.values):
            if value == kept or other == kept_other:
                continue

            def more(scores: Scores, seed: int, value=value, other=other) -> float:
                changed = scores[value, other][seed] - scores[kept, other][seed]
                return changed - (scores[value, kept_other][seed] - scores[kept, kept_other][seed])

            words = f"{first} {value} against {kept}, at {second} {other} against {kept_other}"
            interactions.append(self._contrast("interaction", words, more))
        return interactions

    def _contrast(
        self, kind: str, words: str, contrast: Callable[[Scores, int], float]
    ) -> UnjudgedContrast:
        """Work a contrast out for the seeds that every cell of the grid has."""
        differences = {}
        for images, scores in self.scores.items():
            seeds = sorted(set.intersection(*map(set, scores.values())))
            differences[images] = {seed: contrast(scores, seed) for seed in seeds}
        return UnjudgedContrast(self.question, kind, words, differences)


def _cell(place: int, value: str, other: str) -> tuple[str, str]:
    return (value, other) if place == 0 else (other, value)
