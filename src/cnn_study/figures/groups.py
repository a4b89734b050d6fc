"""The figure of a group of questions: what each of their changes does, a row each.

Matplotlib is imported only to draw.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnn_study.evidence.judged import Change
from cnn_study.figures import marks
from cnn_study.figures.colors import LIGHT
from cnn_study.figures.effects import (
    Part,
    against,
    axis_ends,
    beyond,
    is_beyond,
    run_extent,
    tally,
    verdict_color,
)
from cnn_study.figures.picture import TALLEST, Picture
from cnn_study.figures.results import Results
from cnn_study.figures.words import aligned, percent, signed, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

ROW = 0.205
"""Inches that a line is high."""

BESIDE = 1.0
"""Inches for the legend and the axis."""

MOST_LINES = int((TALLEST - BESIDE) / ROW)
"""Changes and titles of questions that a page holds."""

LONGEST_LABEL = 32
"""Characters of a label; a longer one, which is an id, goes on in a second line."""

MARKERS = {"helps": "^", "hurts": "v", "no meaningful difference": "s", "unreliable": "X"}
"""By verdict; what is not decided is a hollow dot."""

DOT: dict[str, Any] = {"markersize": 5.5, "markeredgewidth": 1.2}


@dataclass(frozen=True)
class GroupEffects(Picture):
    """Mean difference to the reference of each change of a group, with interval and verdict.

    Attributes:
        group: its name.
        questions: id and title of each, in the order of the study.
        smallest: the smallest difference worth having, in percentage points.
        page: what is shown.
        place: number of the page, and how many there are.
    """

    template = "group"

    group: str
    questions: tuple[tuple[str, str], ...]
    experiments: tuple[str, ...]
    smallest: float
    page: tuple[Part, ...]
    place: tuple[int, int] = (1, 1)

    def shown(self, results: Results) -> tuple[str, ...]:
        """Name the changes of this page, and their references."""
        changes = self._changes(results)
        ids = {id_ for change in changes for id_ in (change.experiment, change.reference)}
        return tuple(id_ for id_ in self.experiments if id_ in ids)

    def _draw(self, results: Results) -> "Figure":
        lines = [line for title, changes in self._parts(results) for line in (title, *changes)]
        figure = self.new(BESIDE + ROW * len(lines))
        axes = figure.subplots()
        self._label(figure, axes, lines, results)
        marks.zero(axes, self.smallest)
        ends = self._ends(results)
        for row, change in enumerate(lines):
            if isinstance(change, Change):
                _row(axes, row, change)
                beyond(axes, row, change.test, ends, self.width)
        axes.set_xlim(*ends)
        marks.round_numbers(axes.xaxis, 6)
        axes.set_xlabel("Difference in test accuracy (percentage points)")
        marks.legend(figure, self._keys(results))
        return figure

    def _label(
        self, figure: "Figure", axes: "Axes", lines: Sequence[str | Change], results: Results
    ) -> None:
        """Write labels and differences, each question's below its title and reference."""
        changes = [line for line in lines if isinstance(line, Change)]
        means = [change.test.mean for change in changes]
        texts = aligned("" if mean is None else signed(mean) for mean in means)
        said = iter(
            change.verdict if mean is None else text
            for change, mean, text in zip(changes, means, texts, strict=True)
        )
        labels = [
            "" if isinstance(line, str)
            else wrap(results.label(line.experiment), LONGEST_LABEL)
            for line in lines
        ]  # fmt: skip
        marks.rows(axes, labels, ["" if isinstance(line, str) else next(said) for line in lines])
        of_titles = dict(self._parts(results))
        titles = {
            row: (line, against(of_titles[line], results))
            for row, line in enumerate(lines)
            if isinstance(line, str)
        }
        marks.headings(figure, axes, titles)

    def _keys(self, results: Results) -> list["Line2D"]:
        """Make the entries of the legend, of verdicts only those that there are."""
        judged = [change for change in self._changes(results) if change.test.mean is not None]
        keys = [
            marks.key(verdict, verdict_color(verdict), marker=marker, **DOT)
            for verdict, marker in MARKERS.items()
            if verdict in tally(judged)
        ]
        if set(tally(judged)) - set(MARKERS):
            keys.append(marks.key("not decided", marker="o", markerfacecolor="none", **DOT))
        return [*keys, marks.key("95 % interval", line="-", linewidth=1.5),
                *marks.forest_keys(self.smallest)[-1:]]  # fmt: skip

    def _parts(self, results: Results) -> list[tuple[str, list[Change]]]:
        """Give the titles of the page's questions with their changes, what gains most first."""
        parts = []
        for place, first, last in self.page:
            question, title = self.questions[place]
            changes = sorted(results.changes(question), key=_gain, reverse=True)[first:last]
            parts.append((f"{title}, continued" if first else title, changes))
        return parts

    def _changes(self, results: Results) -> list[Change]:
        """Give the changes of this page."""
        return [change for _, changes in self._parts(results) for change in changes]

    def _ends(self, results: Results) -> tuple[float, float]:
        """Give the ends of the axis, the same ones on every page."""
        every = [change for question, _ in self.questions for change in results.changes(question)]
        return axis_ends(every, self.smallest, with_runs=False)

    def _behind(self, results: Results) -> dict[str, Any]:
        changes = self._changes(results)
        return {"paired": results.paired, "runs": run_extent(changes), "changes": changes}

    def _values(self, results: Results) -> dict[str, Any]:
        changes, ends = self._changes(results), self._ends(results)
        return {
            "page": self.place[0],
            "pages": self.place[1],
            "is_beyond": any(is_beyond(change.test, ends) for change in changes),
            "is_cut_off": marks.is_cut_off(change.test for change in changes),
        }


def _gain(change: Change) -> float:
    return float("-inf") if change.test.mean is None else change.test.mean


def _row(axes: "Axes", row: int, change: Change) -> None:
    """Draw the interval of a change, and its mean as its verdict has it."""
    if change.test.mean is None:
        return
    color, marker = verdict_color(change.verdict), MARKERS.get(change.verdict)
    marks.interval(axes, change.test, row, color=color, linewidth=1.5, zorder=3)
    axes.plot(
        [percent(change.test.mean)], [row], marker or "o", color=color,
        markerfacecolor=color if marker else LIGHT.page, zorder=4, **DOT,
    )  # fmt: skip
