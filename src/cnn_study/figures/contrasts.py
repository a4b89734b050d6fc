"""Figures of changes together: main effects and interactions of grids, and combinations.

All numbers come from the evidence. Matplotlib is imported only to draw.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnn_study.base.words import counted, signed
from cnn_study.evidence.schemas import VERDICTS
from cnn_study.figures import marks
from cnn_study.figures.effects import band_in_words, tally_pairs, verdict_color
from cnn_study.figures.picture import TALLEST, Picture, new
from cnn_study.figures.results import Contrast, Results, absent
from cnn_study.figures.words import cut_off, estimate, words, wrap
from cnn_study.study.combinations import parts_of
from cnn_study.study.model import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEADINGS = {
    "main effect": "Main effects",
    "interaction": "Interactions",
    "combination": "Together less the sum",
}

MEANINGS = {
    "main effect": "Main effect: the mean difference over all values of the other setting.",
    "interaction": "Interaction: how much more the one change makes where the other is made too.",
    "combination": "Together less the sum: what changes make together less what they make one by "
    "one, added up.",
}

SAID = dict(zip(VERDICTS, VERDICTS, strict=True)) | {
    "helps": "above zero",
    "hurts": "below zero",
}
"""What the verdict on an interaction or a combination says."""


LONGEST = 41
"""Characters of a label before it goes on in another line."""


@dataclass(frozen=True)
class Contrasts(Picture):
    """What settings do on average and together, one row a contrast of one question.

    Attributes:
        smallest: the smallest difference worth having, in percentage points.
    """

    question: str
    title: str
    experiments: tuple[str, ...]
    smallest: float

    def _something(self, results: Results) -> bool:
        return any(one.found.n for one in results.contrasts(self.question))

    def _draw(self, results: Results) -> "Figure":
        rows = self._rows(results)
        labels = [row if isinstance(row, str) else label(row) for row in rows]
        notes = ["" if isinstance(row, str) else _note(row) for row in rows]
        lines = sum(1 + text.count("\n") for text in labels)
        figure = new(min(0.9 + 0.21 * lines, TALLEST))
        axes = figure.subplots()
        marks.rows(axes, labels, notes, 7)
        marks.zero(axes, self.smallest)
        for place, (row, name) in enumerate(zip(rows, axes.get_yticklabels(), strict=True)):
            if isinstance(row, str):
                name.set_fontweight("bold")
            else:
                color = verdict_color(row.verdict)
                marks.forest_row(axes, place, row.found, row.differences, color, 8)
        marks.round_numbers(axes.xaxis, 8)
        axes.set_xlabel("Difference in test accuracy (percentage points)")
        marks.legend(figure, marks.forest_keys(self.smallest))
        return figure

    def _rows(self, results: Results) -> list[str | Contrast]:
        """Give the contrasts, each kind below its heading."""
        contrasts = results.contrasts(self.question)
        kinds = dict.fromkeys(one.kind for one in contrasts)
        return [
            row
            for kind in kinds
            for row in (HEADINGS[kind], *(one for one in contrasts if one.kind == kind))
        ]

    def _count(self, results: Results) -> str:
        counted_pairs = tally_pairs(results.contrasts(self.question), "contrast")
        return f"{counted_pairs} {absent(results.of(self.experiments))}"

    def _explain(self, results: Results) -> str:
        contrasts = results.contrasts(self.question)
        meanings = " ".join(MEANINGS[kind] for kind in dict.fromkeys(one.kind for one in contrasts))
        return (
            f"{self.title}: what changes do on average and together, in percentage points of "
            f"test accuracy, against {self.experiments[0]}. {meanings} Dots: one seed each; "
            f"vertical line: the mean; bar: 95 % interval. {band_in_words(self.smallest)} "
            f"{_colors_in_words(contrasts)} {cut_off(one.found for one in contrasts)}"
        )

    def _tell(self, results: Results) -> str:
        contrasts = results.contrasts(self.question)
        parts = [
            f"{one.kind}, {label(one)}: {estimate(one.found)}, {verdict(one)}".replace("\n", " ")
            for one in contrasts
        ]
        return (
            f"{self.title}: forest plot of {counted(len(contrasts), 'contrast')} in test accuracy, "
            f"in percentage points. {'; '.join(parts)}."
        )


def label(contrast: Contrast) -> str:
    """Name what is set against what, in words."""
    if contrast.kind == "combination":
        return "\n".join([wrap(contrast.experiment, LONGEST), *_sum(contrast.parts)])
    name = re.sub(r"(.*) against .*, at (.*) against .*", r"\1 at \2", contrast.name)
    return wrap(words(name), LONGEST)


def _sum(parts: Iterable[str]) -> list[str]:
    """Write the changes that are joined, two on a line where their names are short."""
    names = list(parts)
    each = 2 if max(map(len, names)) < LONGEST / 2 else 1
    lines = [" + ".join(names[first : first + each]) for first in range(0, len(names), each)]
    return [wrap(f"{'+' if place else '='} {line}", LONGEST) for place, line in enumerate(lines)]


def verdict(contrast: Contrast) -> str:
    """Give the verdict in words that fit what is judged."""
    return contrast.verdict if contrast.kind == "main effect" else SAID[contrast.verdict]


def _note(contrast: Contrast) -> str:
    if not contrast.found.n:
        return contrast.verdict
    return f"{signed(contrast.found.mean)}  n = {contrast.found.n}  {verdict(contrast)}"


def _colors_in_words(contrasts: Iterable[Contrast]) -> str:
    """Say what the colours mean that are there."""
    there = {contrast.verdict for contrast in contrasts}
    said = {
        "helps": "Blue: above zero, after correction.",
        "hurts": "Orange: below zero, after correction.",
    }
    return " ".join(meaning for name, meaning in said.items() if name in there)


# ------------------------------------------------------------------------------- which there are


def has_contrasts(study: Study, name: str) -> bool:
    """Whether the evidence sets changes of a question together.

    It does for factorial questions with the reference's levels, and for changes that join others.
    """
    question = study.file.questions[name]
    if question.factorial:
        reference = study.experiments[question.reference].settings
        return question.factorial.levels_of(reference) is not None
    return question.joins_changes and any(parts_of(study, id_) for id_ in study.questions[name])
