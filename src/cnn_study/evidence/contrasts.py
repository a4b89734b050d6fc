"""Changes together: main effects and interactions of grids, and combinations."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

from cnn_study.evidence.facts import Facts, family
from cnn_study.inference import (
    Effect,
    effect,
)
from cnn_study.settings import value_text
from cnn_study.study import Experiment, Study


def contrast_rows(facts: Facts) -> list[dict[str, Any]]:
    """Give main effects and interactions of grids of two parameters, and combinations.

    Values of a grid are set against those of the question's reference.
    """
    rows = []
    for name in facts.study.questions:
        question = facts.study.file.questions[name]
        if len(question.grid) == 2:
            rows += _grid_rows(facts, name, question)
        elif question.changes:
            rows += _combination_rows(facts, name)
    return rows


def _combination_rows(facts: Facts, name: str) -> list[dict[str, Any]]:
    """Set what changes make together against the sum of what they make one by one."""
    study, found, sums = facts.study, {}, []
    reference = study.file.questions[name].reference
    for id_ in study.questions[name]:
        parts = parts_of(study, id_)
        if not parts:
            continue
        together = facts.differences(id_, reference, "test")
        alone = [facts.differences(part, reference, "test") for part in parts]
        seeds = sorted(together.keys() & set.intersection(*map(set, alone)))
        words = f"{id_} against the sum of {', '.join(parts[:-1])} and {parts[-1]}"
        added = {seed: sum(one[seed] for one in alone) for seed in seeds}
        found[words] = effect([together[seed] - added[seed] for seed in seeds])
        means = (statistics.fmean(one[seed] for seed in seeds) for one in (together, added))
        sums.append(dict(zip(("together", "added"), means if seeds else (), strict=False)))
        sums[-1] |= {"experiment": id_, "parts": " ".join(parts)}
    judged = family(list(found.values()), "test", study.smallest_effect)
    return [
        {"question": name, "kind": "combination", "contrast": words, **means, **row}
        for words, means, row in zip(found, sums, judged, strict=True)
    ]


def parts_of(study: Study, combination: str) -> list[str]:
    """Find the smallest changes that make up a combination's, each setting once.

    Returns:
        Two or more experiments with the same reference, in the order of the study file; none if
        its changes were not all run one by one.
    """
    whole = study.experiments[combination]
    wanted = _settings(whole)
    smaller = {
        id_: _settings(one)
        for id_, one in study.experiments.items()
        if one.reference == whole.reference and _settings(one) < wanted
    }
    for count in range(len(wanted), 1, -1):
        for parts in combinations(smaller, count):
            settings = [setting for part in parts for setting in smaller[part]]
            if len(settings) == len(wanted) and set(settings) == wanted:
                return list(parts)
    return []


def _grid_rows(facts: Facts, name: str, question: Any) -> list[dict[str, Any]]:
    grid = _Grid.of(facts, name, question)
    if grid is None:
        return []
    rows = []
    for kind, found in (("main effect", grid.main_effects()), ("interaction", grid.interactions())):
        judged = family(list(found.values()), "test", facts.study.smallest_effect)
        rows += [
            {"question": name, "kind": kind, "contrast": words, **row}
            for words, row in zip(found, judged, strict=True)
        ]
    return rows


@dataclass(frozen=True)
class _Grid:
    """Test accuracies of a grid of two parameters, for the seeds that every cell has.

    Attributes:
        names: of the two parameters.
        values: of each parameter, as text; kept: the reference's.
        scores: by the values of both, and by seed.
    """

    names: tuple[str, str]
    values: tuple[list[str], list[str]]
    kept: tuple[str, str]
    scores: dict[tuple[str, str], dict[int, float]]

    @classmethod
    def of(cls, facts: Facts, name: str, question: Any) -> "_Grid | None":
        """Read it; None if the reference's own values are not part of it."""
        study, (first, second) = facts.study, question.grid
        reference = study.experiments[question.reference].settings
        kept = [
            value_text(value)
            for parameter in (first, second)
            for value in question.grid[parameter]
            if value == getattr(reference, parameter)  # the file may say 0 for 0.0
        ]
        if len(kept) < 2:
            return None
        scores = {
            (value_text(one), value_text(other)): facts.scores(
                study.cell(name, {first: one, second: other}), "test_accuracy"
            )
            for one, other in product(question.grid[first], question.grid[second])
        }
        values = tuple([value_text(v) for v in question.grid[name]] for name in (first, second))
        return cls((first, second), values, tuple(kept), scores)

    def main_effects(self) -> dict[str, Effect]:
        """Set each value against the reference's: the mean over the other parameter's values."""
        found = {}
        for place, (name, kept) in enumerate(zip(self.names, self.kept, strict=True)):
            for value in self.values[place]:
                if value == kept:
                    continue
                pairs = [
                    (self._cell(place, value, other), self._cell(place, kept, other))
                    for other in self.values[1 - place]
                ]
                found[f"{name} {value} against {kept}"] = self._effect(
                    lambda seed, pairs=pairs: statistics.fmean(
                        one[seed] - other[seed] for one, other in pairs
                    )
                )
        return found

    def interactions(self) -> dict[str, Effect]:
        """Give how much more one change makes where the other was made too."""
        (first, second), (kept, kept_other) = self.names, self.kept
        found = {}
        for one, other in product(*self.values):
            if one == kept or other == kept_other:
                continue
            words = f"{first} {one} against {kept}, at {second} {other} against {kept_other}"
            cells = [self.scores[pair] for pair in product((one, kept), (other, kept_other))]
            found[words] = self._effect(
                lambda seed, c=cells: c[0][seed] - c[1][seed] - c[2][seed] + c[3][seed]
            )
        return found

    def _cell(self, place: int, value: str, other: str) -> dict[int, float]:
        return self.scores[(value, other) if place == 0 else (other, value)]

    def _effect(self, contrast: Callable[[int], float]) -> Effect:
        seeds = sorted(set.intersection(*map(set, self.scores.values())))
        return effect([contrast(seed) for seed in seeds])


def _settings(experiment: Experiment) -> set[tuple[str, str]]:
    return {(name, value_text(value)) for name, value in experiment.change.items()}
