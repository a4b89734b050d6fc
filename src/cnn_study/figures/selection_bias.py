"""The figure of what choosing by test scores would have told. Matplotlib only to draw."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnn_study.base.inference import Effect
from cnn_study.base.words import signed
from cnn_study.figures import marks
from cnn_study.figures.colors import LIGHT
from cnn_study.figures.picture import TALLEST, Picture, extent, new
from cnn_study.figures.results import Results
from cnn_study.figures.words import wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EPOCH, BY_TEST, BY_VALIDATION = "best epoch", "best by test", "best by validation"
EVERYTHING = "all experiments"
HEADINGS = {
    EPOCH: "Epoch chosen by test scores",
    BY_TEST: "Experiment chosen among",
}
Gap = tuple[Effect, tuple[float, ...]]


@dataclass(frozen=True)
class Row:
    """One row of the figure: a heading where nothing was chosen among."""

    label: str
    gaps: dict[str, Gap]


@dataclass(frozen=True)
class Habits(Picture):
    """How much a score chosen by test images promises beyond what can be expected."""

    template = "habits"

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
        for offset, (habit, (gap, single)) in zip(_offsets(len(row.gaps)), row.gaps.items(),
                                                    strict=True):  # fmt: skip
            color, marker = _style(habit)
            at = place + offset
            marks.dots(axes, single, at - 0.06, LIGHT.muted, 0.12, markersize=3)
            marks.interval(
                axes,
                gap,
                at + 0.09,
                color=color,
                linewidth=1.5,
                solid_capstyle="butt",
                zorder=3.5,
            )
            axes.plot(
                [gap.mean], [at + 0.09], marker, color=color, markersize=5.5, zorder=4,
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

    def _behind(self, results: Results) -> dict[str, Any]:
        numbers = [gap.n for row in self._rows(results) for gap, _ in row.gaps.values()]
        return {"seeds": extent(numbers)}

    def _values(self, results: Results) -> dict[str, Any]:
        rows = [row for row in self._rows(results) if row.gaps]
        gaps = [gap for row in rows for gap, _ in row.gaps.values()]
        return {
            "rows": [
                {
                    "label": row.label,
                    "effects": {habit: gap for habit, (gap, _) in row.gaps.items()},
                    # A row of many questions is told without, or nobody would read on.
                    "has_interval": EPOCH in row.gaps or row.label == EVERYTHING,
                }
                for row in rows
            ],
            "has_epochs": any(EPOCH in row.gaps for row in rows),
            "has_experiments": any(BY_TEST in row.gaps for row in rows),
            "is_cut_off": marks.is_cut_off(gaps),
        }


def _note(row: Row) -> str:
    """Write the means of a row, in the order in which they are drawn."""
    gaps = (gap for gap, _ in row.gaps.values())
    return "\n".join(f"{signed(gap.mean)}  (n = {gap.n})" for gap in gaps if gap.mean is not None)


def _offsets(count: int) -> list[float]:
    return [0.0] if count == 1 else marks.spread(count, 0.44)


def _style(habit: str) -> tuple[str, str]:
    """Give the colour and the marker of a habit."""
    return (LIGHT.series[0], "s") if habit == BY_VALIDATION else (LIGHT.series[1], "o")
