"""The figure of what choosing by test scores would have told. Matplotlib only to draw."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnn_study.base.inference import Effect
from cnn_study.base.words import signed
from cnn_study.figures import marks
from cnn_study.figures.colors import LIGHT
from cnn_study.figures.picture import TALLEST, Picture, new
from cnn_study.figures.results import Results
from cnn_study.figures.words import NO_RUN, cut_off, estimate, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EPOCH, BY_TEST, BY_VALIDATION = "best epoch", "best by test", "best by validation"
EVERYTHING = "all experiments"
HEADINGS = {
    EPOCH: "Epoch chosen by test scores",
    BY_TEST: "Experiment chosen among",
}
CHOICES = {
    EPOCH: "Epoch: the one with the best test accuracy of this seed, against the mean of the other "
    "seeds after that epoch.",
    BY_TEST: "Experiment: the best of this seed, by test scores (orange circles) or by validation "
    "scores (blue squares), against the mean test accuracy of its other seeds; these stand in for "
    "each other, so that the intervals are rough.",
}
"""What is chosen, and what it is set against."""

Gap = tuple[Effect, tuple[float, ...]]


@dataclass(frozen=True)
class Row:
    """One row of the figure: a heading where nothing was chosen among."""

    label: str
    gaps: dict[str, Gap]


@dataclass(frozen=True)
class Habits(Picture):
    """How much a score chosen by test images promises beyond what can be expected."""

    experiments: tuple[str, ...]

    def _something(self, results: Results) -> bool:
        return bool(self._rows(results))

    def _rows(self, results: Results) -> list[Row]:
        epochs, tests, validations = (
            results.gaps(habit) for habit in (EPOCH, BY_TEST, BY_VALIDATION)
        )
        rows = [Row(id_, {EPOCH: gap}) for id_, gap in epochs.items()]
        if rows:
            rows.insert(0, Row(HEADINGS[EPOCH], {}))
        if tests:
            rows.append(Row(HEADINGS[BY_TEST], {}))
        return rows + [
            Row(among, {BY_TEST: gap, BY_VALIDATION: validations[among]})
            for among, gap in tests.items()
        ]

    def _draw(self, results: Results) -> "Figure":
        rows = self._rows(results)
        height = min(0.38, (TALLEST - 1.1) / len(rows))
        figure = new(1.1 + height * len(rows))
        axes = figure.subplots()
        size = min(8.0, 72 * height / 2 / 1.35)
        marks.rows(axes, [wrap(row.label) for row in rows], [_note(row) for row in rows], size)
        axes.axvline(0, color=LIGHT.muted, linewidth=1, zorder=1)
        for place, (row, label) in enumerate(zip(rows, axes.get_yticklabels(), strict=True)):
            if not row.gaps:
                label.set_fontweight("bold")
            self._row(axes, place, row)
        marks.round_numbers(axes.xaxis, 8)
        axes.set_xlabel("Told less honest test accuracy (percentage points)")
        self._legend(figure, rows)
        return figure

    def _row(self, axes: "Axes", place: int, row: Row) -> None:
        for offset, (habit, (found, single)) in zip(_offsets(len(row.gaps)), row.gaps.items(),
                                                    strict=True):  # fmt: skip
            color, marker = _style(habit)
            at = place + offset
            marks.dots(axes, single, at - 0.06, LIGHT.muted, 0.12, markersize=3)
            marks.interval(axes, found, at + 0.09, color, 1.5)
            axes.plot(
                [found.mean], [at + 0.09], marker, color=color, markersize=5.5, zorder=4,
                markeredgecolor=LIGHT.page, markeredgewidth=0.7,
            )  # fmt: skip

    def _legend(self, figure: "Figure", rows: Sequence[Row]) -> None:
        habits = [BY_TEST, BY_VALIDATION] if any(BY_VALIDATION in row.gaps for row in rows) else []
        labels = {BY_TEST: "Chosen by test scores", BY_VALIDATION: "Chosen by validation scores"}
        keys = [
            marks.key(labels[habit], color, marker=marker, markersize=5.5, line="-", linewidth=1.5,
                      markeredgecolor=LIGHT.page, markeredgewidth=0.7)
            for habit in habits or [BY_TEST]
            for color, marker in [_style(habit)]
        ]  # fmt: skip
        small = marks.DOT | {"markersize": 3}
        marks.legend(figure, [*keys, marks.key("One seed", LIGHT.muted, marker="o", **small)])

    def _count(self, results: Results) -> str:
        numbers = {gap.n for row in self._rows(results) for gap, _ in row.gaps.values()}
        if not numbers:
            return f"There is {NO_RUN}."
        low, high = min(numbers), max(numbers)
        return f"n = {low if low == high else f'{low} to {high}'} seeds in each row."

    def _explain(self, results: Results) -> str:
        rows = self._rows(results)
        there = {habit for row in rows for habit in row.gaps}
        return (
            "What choosing by test scores would have told. Each dot is one seed: the test accuracy "
            "that would be told, less the one to be honestly expected, in percentage points; "
            "larger marks are means, bars their 95 % t intervals; zero is honest. "
            f"{' '.join(words for habit, words in CHOICES.items() if habit in there)} "
            f"{cut_off(found for row in rows for found, _ in row.gaps.values())}"
        )

    def _tell(self, results: Results) -> str:
        parts = [_row_in_words(row) for row in self._rows(results) if row.gaps] or [NO_RUN]
        return (
            "Dot plot of the optimism of choosing by test scores, in percentage points. "
            f"{'; '.join(parts)}."
        )


def _note(row: Row) -> str:
    """Write the means of a row, in the order in which they are drawn."""
    return "\n".join(f"{signed(found.mean)}  (n = {found.n})" for found, _ in row.gaps.values())


def _row_in_words(row: Row) -> str:
    """Give the means of a row, with their intervals where the row is none of many questions."""
    full = EPOCH in row.gaps or row.label == EVERYTHING
    parts = (
        f"{habit} {estimate(found) if full else signed(found.mean)}"
        for habit, (found, _) in row.gaps.items()
    )
    return f"{row.label}: {', '.join(parts)}"


def _offsets(count: int) -> list[float]:
    return [0.0] if count == 1 else marks.spread(count, 0.44)


def _style(habit: str) -> tuple[str, str]:
    """Give the colour and the marker of a habit."""
    return (LIGHT.series[0], "s") if habit == BY_VALIDATION else (LIGHT.series[1], "o")
