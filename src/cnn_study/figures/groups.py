"""The figure of a group of questions: what each of their changes does, a row each.

Matplotlib is imported only to draw.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cnn_study.base.words import listing
from cnn_study.evidence.judged import Change
from cnn_study.figures import marks
from cnn_study.figures.colors import LIGHT
from cnn_study.figures.effects import (
    Part,
    axis_ends,
    is_beyond,
    point_beyond,
    run_extent,
    side_of_mean,
    tally,
    verdict_color,
)
from cnn_study.figures.picture import TALLEST, Picture
from cnn_study.figures.results import Results
from cnn_study.figures.words import percent, signed, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.transforms import Transform

ROW = 0.205
"""Inches that a line is high."""

BESIDE = 1.15
"""Inches for the legend and the axis."""

MOST_LINES = int((TALLEST - BESIDE) / ROW)
"""Changes and titles of questions that a page holds."""

LONGEST_LABEL = 32
"""Characters of a label; a longer one, which is an id, goes on in a second line."""

LONGEST_NOTE = 16
"""Characters of a note in the right column; a longer one goes on in further lines."""

MARKERS = {
    "helps": "^",
    "hurts": "v",
    "no meaningful difference": "s",
    "too close to call": "o",
    "unreliable": "X",
    "too few seeds": "D",
}
"""By verdict, those on a mean."""

HOLLOW = ("too close to call", "too few seeds")

INSIDE = 9.0
"""Points from the end of an axis, where an arrow is, to the mark of a mean beyond it."""

DOT: dict[str, Any] = {"markersize": 5.5, "markeredgewidth": 1.2}


@dataclass(frozen=True)
class Line:
    """One line of the figure: the title of a question, a change, or more of the note above.

    Attributes:
        note: in the right column; a reference or a number.
        change: None where the line is of none.
    """

    title: str = ""
    label: str = ""
    note: str = ""
    change: Change | None = None


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
        ends = self._ends(results)
        lines = [*self._lines(results, ends)]
        figure = self.new(min(BESIDE + ROW * len(lines), TALLEST))
        axes = figure.subplots()
        self._label(figure, axes, lines)
        marks.zero(axes, self.smallest)
        for row, line in enumerate(lines):
            if line.change:
                _row(figure, axes, row, line.change, ends)
        axes.set_xlim(*ends)
        marks.round_numbers(axes.xaxis, 6)
        axes.set_xlabel(self._axis(results))
        marks.legend(figure, self._keys(results))
        return figure

    def _lines(self, results: Results, ends: tuple[float, float]) -> Iterator[Line]:
        """List what is written, line by line; each question's changes below its title."""
        for title, changes in self._parts(results):
            # Said once for all by the axis, where all have the same.
            to = "" if self._reference(results) else _to(changes, results)
            yield from _noted(Line(title), wrap(to, LONGEST_NOTE).split("\n"))
            for change in changes:
                label = wrap(results.label(change.experiment), LONGEST_LABEL)
                yield from _noted(Line(label=label, change=change), _notes(change, ends))

    def _label(self, figure: "Figure", axes: "Axes", lines: Sequence[Line]) -> None:
        """Write titles and labels, and the column at the right."""
        marks.rows(axes, [line.label for line in lines], ())
        axes.tick_params(axis="y", pad=6)  # room for arrows
        notes = {row: (line.note, _ink(line)) for row, line in enumerate(lines) if line.note}
        marks.right_column(axes, notes)
        titles = {row: (line.title, line.note) for row, line in enumerate(lines) if line.title}
        marks.headings(figure, axes, titles, is_noted=False)

    def _axis(self, results: Results) -> str:
        reference = self._reference(results)
        metric = results.study.metric.label
        if not reference:
            return f"Difference in test {metric} (percentage points)"
        to = wrap(f"Difference to {reference}", 40)
        return f"{to}\nin test {metric} (percentage points)"

    def _reference(self, results: Results) -> str:
        """Name what all changes of the page are set against; empty if it is not one experiment."""
        references = {change.reference for change in self._changes(results)}
        return results.spoken(references.pop()) if len(references) == 1 else ""

    def _keys(self, results: Results) -> list["Line2D"]:
        """Make the entries of the legend, only of what there is."""
        changes = self._changes(results)
        keys = [
            marks.key(verdict, verdict_color(verdict), marker=MARKERS[verdict],
                      markerfacecolor=_face(verdict), **DOT)
            for verdict in tally(change for change in changes if change.test.mean is not None)
        ]  # fmt: skip
        if _has_interval(changes):
            keys.append(marks.key("95 % interval", line="-", linewidth=1.5))
        return [*keys, *marks.forest_keys(self.smallest)[-1:]]

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
            "reference": self._reference(results),
            "has_interval": _has_interval(changes),
            "is_beyond": any(is_beyond(change.test, ends) for change in changes),
            "is_cut_off": marks.is_cut_off(change.test for change in changes),
        }


def _gain(change: Change) -> float:
    return float("-inf") if change.test.mean is None else change.test.mean


def _has_interval(changes: Sequence[Change]) -> bool:
    return any(change.test.lower is not None for change in changes)


def _to(changes: Sequence[Change], results: Results) -> str:
    """Name the references of a question, such as to base."""
    references = dict.fromkeys(change.reference for change in changes)
    return f"to {listing(map(results.called, references))}" if references else ""


def _notes(change: Change, ends: tuple[float, float]) -> list[str]:
    """Write a mean, and below it the interval that does not fit the axis."""
    test = change.test
    if test.mean is None:
        return [change.verdict]
    if test.lower is None or not is_beyond(test, ends):
        return [signed(test.mean)]
    return [signed(test.mean), f"{signed(test.lower)} to", signed(test.upper)]


def _noted(line: Line, notes: Sequence[str]) -> Iterator[Line]:
    """Give a line its note, and each further line of that a line of its own."""
    first, *others = notes
    yield replace(line, note=first)
    yield from (Line(note=note) for note in others)


def _ink(line: Line) -> str:
    """Give the colour of a note: that of a number is darker."""
    return LIGHT.text if line.change else LIGHT.muted


def _face(verdict: str) -> str:
    """Give the colour inside a mark."""
    return LIGHT.page if verdict in HOLLOW else verdict_color(verdict)


def _row(
    figure: "Figure", axes: "Axes", row: int, change: Change, ends: tuple[float, float]
) -> None:
    """Draw the interval of a change and its mean, at the arrow that points to it if need be."""
    test, color = change.test, verdict_color(change.verdict)
    if test.mean is None:
        return
    marks.interval(axes, test, row, color=color, linewidth=1.5, zorder=3)
    point_beyond(axes, row, test, ends, color)
    look: dict[str, Any] = {
        "color": color, "markerfacecolor": _face(change.verdict), "zorder": 4, **DOT,
    }  # fmt: skip
    if side := side_of_mean(test, ends):
        look["transform"] = axes.transData + _moved(figure, -side * INSIDE)
    at = ends[side > 0] if side else percent(test.mean)
    axes.plot([at], [row], MARKERS[change.verdict], **look)


def _moved(figure: "Figure", points: float) -> "Transform":
    """Make a transformation that moves to the right by so many points."""
    from matplotlib.transforms import ScaledTranslation

    return ScaledTranslation(points / 72, 0, figure.dpi_scale_trans)
