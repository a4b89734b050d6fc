"""Figures of changes together: main effects and interactions of grids, and combinations.

All numbers come from the evidence. Matplotlib is imported only to draw.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnn_study.evidence.judged import Contrast
from cnn_study.evidence.schemas import VERDICTS
from cnn_study.figures import marks
from cnn_study.figures.effects import run_extent, verdict_color
from cnn_study.figures.picture import TALLEST, Picture
from cnn_study.figures.results import Results
from cnn_study.figures.words import signed, words, wrap
from cnn_study.study.combinations import parts_of
from cnn_study.study.model import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEADINGS = {
    "main effect": "Main effects",
    "interaction": "Interactions",
    "combination": "Together less the sum",
}


SAID = dict(zip(VERDICTS, VERDICTS, strict=True)) | {
    "helps": "above zero",
    "hurts": "below zero",
}
"""What the verdict on an interaction or a combination says."""


LONGEST = 28
"""Characters of a label before it goes on in another line."""


@dataclass(frozen=True)
class Contrasts(Picture):
    """What settings do on average and together, one row a contrast of one question.

    Attributes:
        smallest: the smallest difference worth having, in percentage points.
    """

    template = "contrasts"

    question: str
    title: str
    experiments: tuple[str, ...]
    smallest: float

    def shown(self, results: Results) -> tuple[str, ...]:
        """Name the experiments of the question, and the parts of those that join changes."""
        parts = (part for contrast in results.contrasts(self.question) for part in contrast.parts)
        return tuple(dict.fromkeys([*self.experiments, *parts]))

    def _something(self, results: Results) -> bool:
        return any(contrast.test.n for contrast in results.contrasts(self.question))

    def _draw(self, results: Results) -> "Figure":
        rows = self._rows(results)
        labels = ["" if isinstance(row, str) else label(row, results.study) for row in rows]
        notes = ["" if isinstance(row, str) else _note(row) for row in rows]
        lines = 1 + max(text.count("\n") for text in [*labels, *notes])
        figure = self.new(min(1.0 + (0.08 + 0.15 * lines) * len(labels), TALLEST))
        axes = figure.subplots()
        marks.rows(axes, labels, notes)
        marks.zero(axes, self.smallest)
        titles = {place: (row, "") for place, row in enumerate(rows) if isinstance(row, str)}
        marks.headings(figure, axes, titles)
        for place, row in enumerate(rows):
            if not isinstance(row, str):
                color = verdict_color(row.verdict)
                marks.forest_row(axes, place, row.test, row.differences, color, 8)
        marks.round_numbers(axes.xaxis, 8)
        axes.set_xlabel(marks.difference_label(results.study.metric))
        marks.legend(figure, marks.forest_keys(self.smallest))
        return figure

    def _rows(self, results: Results) -> list[str | Contrast]:
        """Give the contrasts, each kind below its heading."""
        contrasts = results.contrasts(self.question)
        kinds = dict.fromkeys(contrast.kind for contrast in contrasts)
        return [
            row
            for kind in kinds
            for row in (HEADINGS[kind], *(row for row in contrasts if row.kind == kind))
        ]

    def _behind(self, results: Results) -> dict[str, Any]:
        runs = run_extent(results.contrasts(self.question))
        return {"paired": results.paired, "runs": runs, "summaries": results.of(self.experiments)}

    def _values(self, results: Results) -> dict[str, Any]:
        contrasts = results.contrasts(self.question)
        rows = [
            {
                "kind": contrast.kind,
                "label": label(contrast, results.study).replace("\n", " "),
                "effect": contrast.test,
                "verdict": verdict(contrast),
            }
            for contrast in contrasts
        ]
        return {
            "rows": rows,
            "kinds": list(dict.fromkeys(contrast.kind for contrast in contrasts)),
            "is_cut_off": marks.is_cut_off(contrast.test for contrast in contrasts),
        }


def label(contrast: Contrast, study: Study) -> str:
    """Name what is set against what, in words; a combination by what is joined."""
    if contrast.experiment:
        label, parts = study.label(contrast.experiment), list(map(study.label, contrast.parts))
        joined = set(label.split(" + ")) == {one for part in parts for one in part.split(" + ")}
        return "\n".join([wrap(label, LONGEST), *([] if joined else _sum(parts))])
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
    if contrast.test.mean is None:
        return contrast.verdict
    return f"{signed(contrast.test.mean)}\n{verdict(contrast)}"


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
