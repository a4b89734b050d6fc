"""The figure of how far runs lie apart, and what of it the test images make. Matplotlib to draw."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from cnn_study.evidence.schemas import CONSTANT, DECAYING
from cnn_study.figures import labels, marks
from cnn_study.figures.colors import LIGHT
from cnn_study.figures.picture import Picture, nothing
from cnn_study.figures.results import Results
from cnn_study.figures.words import NO_RUN, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

MOST_LABELS = 8
"""With more experiments whose learning rate decays only base and enhanced are named."""

NOT_KNOWN = "not known which images each run classifies correctly"
ALL_ALIKE = "all runs of an experiment score the same"
EDGE: dict[str, Any] = {"markeredgecolor": LIGHT.page, "markeredgewidth": 0.7}


@dataclass(frozen=True)
class RunSpread(Picture):
    """Standard deviation between runs against mean accuracy, above what the test images make."""

    template = "run-spread"

    experiments: tuple[str, ...]
    enhanced: str

    def shown(self, results: Results) -> tuple[str, ...]:
        """Name the experiments whose spread is taken apart."""
        return tuple(row.experiment for row in self._rows(results))

    def _something(self, results: Results) -> bool:
        return True

    def _rows(self, results: Results) -> list[SimpleNamespace]:
        return [SimpleNamespace(**row) for row in results.findings.files.rows("spreads")]

    def _draw(self, results: Results) -> "Figure":
        rows = self._drawn(results)
        if not rows:
            return nothing(self._why_not(results))
        figure = self.new(4.0)
        axes = figure.subplots()
        bars = {row.experiment: self._point(axes, results, row) for row in rows}
        axes.set_yscale("log")
        _points_on(axes, [height for _, *heights in bars.values() for height in heights])
        axes.margins(x=0.08)
        axes.grid(axis="y")
        marks.score_axis(axes.xaxis)
        axes.set_ylabel("Standard deviation between runs (points)")
        marks.legend(figure, _keys({row.learning_rate for row in rows}))
        called = {id_: results.called(id_) for id_ in self._named(rows)}
        labels.place(figure, axes, bars, called, ())
        return figure

    def _drawn(self, results: Results) -> list[SimpleNamespace]:
        """Give the experiments whose runs lie apart: on a logarithmic axis others have no place."""
        return [row for row in self._rows(results) if row.deviation]

    def _why_not(self, results: Results) -> str:
        """Say why there is nothing to draw."""
        if self._rows(results):
            return ALL_ALIKE
        return NOT_KNOWN if self._has_runs(results) else NO_RUN

    def _has_runs(self, results: Results) -> bool:
        return any(result.complete for result in results.of(self.experiments))

    def _point(self, axes: "Axes", results: Results, row: SimpleNamespace) -> labels.Bar:
        """Draw one experiment above its test images' part; give its place for a label."""
        at = percent(results.experiments[row.experiment].accuracy.mean)
        whole, images = percent(row.deviation), percent(row.images_deviation)
        color, marker = _style(row.learning_rate)
        if images:
            axes.plot([at, at], [images, whole], color=color, alpha=0.35, linewidth=1, zorder=2)
            axes.plot([at], [images], "_", color=LIGHT.muted, markersize=7, zorder=3)
        axes.plot([at], [whole], marker, color=color, markersize=6, zorder=4, **EDGE)
        return (at, min(whole, images or whole), whole, whole)

    def _named(self, rows: Sequence[SimpleNamespace]) -> list[str]:
        decaying = [row.experiment for row in rows if row.learning_rate == DECAYING]
        two = [row.experiment for row in rows if row.experiment in ("base", self.enhanced)]
        return list(dict.fromkeys([*two, *(decaying if len(decaying) <= MOST_LABELS else [])]))

    def _values(self, results: Results) -> dict[str, Any]:
        medians = [SimpleNamespace(**row) for row in results.findings.files.rows("spread-medians")]
        return {
            "medians": medians,
            "why_not": "" if self._drawn(results) else self._why_not(results),
        }


def _style(learning_rate: str) -> tuple[str, str]:
    return (LIGHT.text, "s") if learning_rate == DECAYING else (LIGHT.muted, "o")


def _points_on(axes: "Axes", heights: Sequence[float]) -> None:
    """Number a logarithmic axis of points in full, such as 0.2, 0.5, 1 and 2."""
    low, high = 0.8 * min(heights), 1.25 * max(heights)
    ticks = [step * 10.0**power for power in range(-4, 3) for step in (1, 2, 5)]
    shown = [tick for tick in ticks if low <= tick <= high]
    axes.set_ylim(low, high)
    axes.set_yticks(shown, [f"{tick:g}" for tick in shown])
    axes.minorticks_off()


def _keys(rates: Collection[str]) -> list["Line2D"]:
    """Make the entries of the legend, for the kinds of learning rate that there are."""
    keys = []
    if CONSTANT in rates:
        keys = [marks.key("Constant learning rate", LIGHT.muted, marker="o", markersize=6, **EDGE)]
    if DECAYING in rates:
        name = "Decaying" if keys else "Decaying learning rate"
        keys.append(marks.key(name, LIGHT.text, marker="s", markersize=6, **EDGE))
    alone = marks.key("What the test images alone make", LIGHT.muted, marker="_", markersize=7)
    return [*keys, alone]
