"""Changes together: main effects and interactions of grids, and combinations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from cnn_study.base.inference import Effect
from cnn_study.base.judge import seed_by_seed
from cnn_study.evidence.families import MEASURES, family
from cnn_study.evidence.read import Tables
from cnn_study.study.combinations import parts_of
from cnn_study.study.model import Study
from cnn_study.study.questions import Factorial
from cnn_study.study.settings import value_text


@dataclass(frozen=True)
class UnjudgedContrast:
    """Several experiments set against one another; not judged yet.

    Attributes:
        kind: main effect, interaction or combination.
        weights: of the experiments' mean accuracies; they add up to 0.
        known: further cells of its row.
    """

    question: str
    kind: str
    words: str
    weights: Mapping[str, float]
    known: dict[str, Any] = field(default_factory=dict)

    def differences(self, tables: Tables, images: str) -> dict[int, float]:
        """Give it seed by seed, for the seeds that all its experiments have."""
        column = f"{images}_score"
        return seed_by_seed(
            [(weight, tables.scores(id_, column)) for id_, weight in self.weights.items()]
        )

    def effect(self, tables: Tables, images: str) -> Effect:
        """Estimate it as the study's judge does."""
        scores = {id_: tables.scores(id_, f"{images}_score") for id_ in self.weights}
        return tables.judges[images].contrast(self.weights, scores)

    def unreliable(self, tables: Tables, images: str) -> bool:
        """Whether some runs of one of its experiments collapsed."""
        column = f"{images}_score"
        return any(tables.partly_collapsed(id_, column) for id_ in self.weights)


def contrasts(tables: Tables) -> list[UnjudgedContrast]:
    """Give main effects and interactions of factorial questions, and combinations.

    Levels of a factor are set against that of the question's reference.
    """
    unjudged = []
    for name in tables.study.questions:
        question = tables.study.file.questions[name]
        if question.factorial:
            grid = _Grid.of(tables.study, name, question.reference, question.factorial)
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
    families: dict[tuple[str, str], list[int]] = {}
    for place, contrast in enumerate(unjudged):
        families.setdefault((contrast.question, contrast.kind), []).append(place)
    for places in families.values():
        for images in MEASURES:
            effects = [unjudged[place].effect(tables, images) for place in places]
            doubts = [unjudged[place].unreliable(tables, images) for place in places]
            judged = family(effects, images, tables.study.smallest_effect, unreliable=doubts)
            for place, row in zip(places, judged, strict=True):
                rows[place] |= row
    return rows


def contrast_difference_rows(
    tables: Tables, unjudged: list[UnjudgedContrast]
) -> list[dict[str, Any]]:
    """Give the contrasts seed by seed."""
    rows = []
    for contrast in unjudged:
        by_seed = {images: contrast.differences(tables, images) for images in MEASURES}
        rows += [
            {
                "question": contrast.question,
                "contrast": contrast.words,
                "seed": seed,
                **{f"{images}_difference": by_seed[images].get(seed) for images in MEASURES},
            }
            for seed in sorted(set().union(*by_seed.values()))
        ]
    return rows


def _combinations(tables: Tables, name: str) -> list[UnjudgedContrast]:
    """Set what changes make together against the sum of what they make one by one."""
    study, combinations = tables.study, []
    reference = study.file.questions[name].reference
    for id_ in study.questions[name]:
        parts = parts_of(study, id_)
        if not parts:
            continue
        known: dict[str, Any] = {"experiment": id_, "parts": " ".join(parts)}
        known |= _together_and_added(tables, id_, parts, reference)
        # (together - reference) - Σ (part - reference)
        weights = {id_: 1.0, **dict.fromkeys(parts, -1.0), reference: len(parts) - 1.0}
        words = f"{id_} against the sum of {', '.join(parts[:-1])} and {parts[-1]}"
        combinations.append(UnjudgedContrast(name, "combination", words, weights, known))
    return combinations


def _together_and_added(
    tables: Tables, id_: str, parts: list[str], reference: str
) -> dict[str, float]:
    """Give the mean differences to the reference, of all changes together and added up."""
    judge = tables.judges["test"]
    scores = {name: tables.scores(name, "test_score") for name in (id_, *parts, reference)}
    together = judge.contrast({id_: 1, reference: -1}, scores).mean
    added = judge.contrast({**dict.fromkeys(parts, 1), reference: -len(parts)}, scores).mean
    return {} if together is None or added is None else {"together": together, "added": added}


@dataclass(frozen=True)
class _Grid:
    """A grid of two parameters.

    Attributes:
        names: of the two parameters.
        values: of each parameter, as text; kept: the reference's.
        cells: the experiments, by the values of both parameters.
    """

    question: str
    names: tuple[str, str]
    values: tuple[list[str], list[str]]
    kept: tuple[str, str]
    cells: dict[tuple[str, str], str]

    @classmethod
    def of(cls, study: Study, name: str, reference: str, design: Factorial) -> "_Grid | None":
        """Read it; None if the reference's own values are not part of it."""
        first, second = design.factors
        kept = design.levels_of(study.experiments[reference].settings)
        if kept is None:
            return None
        cells = {
            (value_text(row), value_text(column)): study.cell(name, {first: row, second: column})
            for row, column in product(*design.levels)
        }
        rows, columns = ([value_text(level) for level in levels] for levels in design.levels)
        kept_row, kept_column = map(value_text, kept)
        return cls(name, design.factors, (rows, columns), (kept_row, kept_column), cells)

    def main_effects(self) -> list[UnjudgedContrast]:
        """Set each value against the reference's: the mean over the other parameter's values."""
        effects = []
        for place, (name, kept) in enumerate(zip(self.names, self.kept, strict=True)):
            others = self.values[1 - place]
            for value in self.values[place]:
                if value == kept:
                    continue
                weights = {
                    _cell(place, level, other): sign / len(others)
                    for other in others
                    for level, sign in ((value, 1), (kept, -1))
                }
                words = f"{name} {value} against {kept}"
                effects.append(self._contrast("main effect", words, weights))
        return effects

    def interactions(self) -> list[UnjudgedContrast]:
        """Give how much more one change makes where the other was made too."""
        (first, second), (kept, kept_other) = self.names, self.kept
        interactions = []
        for value, other in product(*self.values):
            if value == kept or other == kept_other:
                continue
            weights = {
                (value, other): 1,
                (kept, other): -1,
                (value, kept_other): -1,
                (kept, kept_other): 1,
            }
            words = f"{first} {value} against {kept}, at {second} {other} against {kept_other}"
            interactions.append(self._contrast("interaction", words, weights))
        return interactions

    def _contrast(
        self, kind: str, words: str, weights: Mapping[tuple[str, str], float]
    ) -> UnjudgedContrast:
        of_experiments = {self.cells[cell]: weight for cell, weight in weights.items()}
        return UnjudgedContrast(self.question, kind, words, of_experiments)


def _cell(place: int, value: str, other: str) -> tuple[str, str]:
    return (value, other) if place == 0 else (other, value)
