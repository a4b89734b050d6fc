"""The figure of accuracy and cost, with its Pareto front. Matplotlib only to draw."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnn_study.figures import labels, marks
from cnn_study.figures.colors import LIGHT
from cnn_study.figures.picture import Picture, new
from cnn_study.figures.results import Results, Summary, listed, span
from cnn_study.figures.words import NO_RUN, joined, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_LABELS = 20
"""With more experiments only the front, the base and the enhanced model are named."""


@dataclass(frozen=True)
class Cost(Picture):
    """Mean test accuracy against MACs, one point an experiment, and the Pareto front."""

    experiments: tuple[str, ...]
    enhanced: str

    def _draw(self, results: Results) -> "Figure":
        there = self._there(results)
        named, below = self._named(results), self._below(results)
        figure = new(3.8 if len(there) <= 14 else 4.6)
        axes = figure.subplots()
        for summary in there:
            if summary.id not in below:
                self._point(axes, summary, summary.id in named)
        self._front(axes, results)
        axes.margins(y=0.1)
        self._arrows(axes, [summary.macs for summary in results.of(below)])
        _label_operations(axes, [summary.macs for summary in there])
        axes.grid(axis="y")
        axes.set_xlabel("Multiply-accumulate operations (MACs) for one image, logarithmic")
        marks.accuracy_axis(axes.yaxis)
        self._say_missing(figure, results)
        self._legend(figure)
        bars = {
            one.id: (one.macs, one.smallest, one.mean, one.largest)
            for one in there
            if one.id not in below
        }
        labels.place(figure, axes, bars, named, self._front_points(results))
        return figure

    def _there(self, results: Results) -> list[Summary]:
        return [summary for summary in results.of(self.experiments) if summary.complete]

    def _named(self, results: Results) -> list[str]:
        """Choose the experiments that have their names written beside them."""
        ids = [summary.id for summary in self._there(results)]
        if len(ids) <= MOST_LABELS:
            return ids
        always = {*front(self._there(results)), "base", self.enhanced}
        return [id_ for id_ in ids if id_ in always]

    def _below(self, results: Results) -> list[str]:
        """Find experiments so much worse than all with a name that the axis leaves them out."""
        named = results.of(self._named(results))
        low, high = (f(one.mean for one in named) for f in (min, max))
        floor = low - (high - low) / 2
        return [one.id for one in self._there(results) if one.mean < floor]

    def _arrows(self, axes: "Axes", macs: Sequence[int]) -> None:
        """Mark at the lower edge what lies below it."""
        if not macs:
            return  # an empty line would count in the layout
        how = {"color": LIGHT.series[0], "alpha": 0.6, "markersize": 6, "clip_on": False}
        edge = [0.015] * len(macs)
        axes.plot(macs, edge, "v", transform=axes.get_xaxis_transform(), **how)

    def _point(self, axes: "Axes", summary: Summary, named: bool) -> None:
        """Draw one experiment; what is marked is larger and lies behind, so that both show."""
        marker, color, size, layer = "o", LIGHT.series[0], 5, 4
        if summary.id == self.enhanced:
            marker, color, size, layer = "s", LIGHT.series[2], 9, 3
        if summary.id == "base":
            marker, color, size, layer = "D", LIGHT.series[1], 8, 3
        bar = [[max(summary.mean - summary.smallest, 0)], [max(summary.largest - summary.mean, 0)]]
        axes.errorbar(
            summary.macs,
            summary.mean,
            bar if named else None,
            fmt=marker,
            color=color,
            alpha=1 if named else 0.6,
            markersize=size,
            markeredgecolor=LIGHT.page,
            markeredgewidth=0.7,
            elinewidth=1.2,
            zorder=layer if named else 2.5,
        )

    def _front(self, axes: "Axes", results: Results) -> None:
        """Join the points of the front by a line, and draw a ring around each."""
        points = self._front_points(results)
        if points:
            line = {"color": LIGHT.muted, "linewidth": 1.2, "zorder": 2, "markersize": 13}
            axes.plot(*zip(*points, strict=True), linestyle="--", marker="o",
                      markerfacecolor="none", markeredgewidth=1.2, **line)  # fmt: skip

    def _front_points(self, results: Results) -> list[tuple[float, float]]:
        """Give MACs and mean test accuracy of the experiments on the front."""
        return [(one.macs, one.mean) for one in results.of(front(self._there(results)))]

    def _say_missing(self, figure: "Figure", results: Results) -> None:
        absent = [one.id for one in results.of(self.experiments) if not one.complete]
        if absent:
            many = len(absent) > MOST_LABELS
            words = f"{len(absent)} experiments" if many else ", ".join(absent)
            figure.supxlabel(wrap(f"{NO_RUN}: {words}", 95), fontsize=8, color=LIGHT.muted)

    def _legend(self, figure: "Figure") -> None:
        edge = {"markeredgecolor": LIGHT.page, "markeredgewidth": 0.7}
        keys = [marks.key("Base", LIGHT.series[1], marker="D", markersize=8, **edge)]
        if self.enhanced != "base":
            keys.append(marks.key("Enhanced", LIGHT.series[2], marker="s", markersize=9, **edge))
        keys += [
            marks.key("Experiments", LIGHT.series[0], marker="o", markersize=5, **edge),
            marks.key("Pareto front", LIGHT.muted, marker="o", markersize=11, line="--",
                      markerfacecolor="none", linewidth=1.2),
        ]  # fmt: skip
        marks.legend(figure, keys, handlelength=2.6)

    def _explain(self, results: Results) -> str:
        summaries = results.of(self.experiments)
        marked = "" if self.enhanced == "base" else f" and a square for {self.enhanced}"
        few = len(self._there(results)) <= MOST_LABELS
        bar = "the bar" if few else "the bar, which only points with a name have,"
        return (
            "Mean test accuracy and what one image costs. Each point is one experiment, with a "
            f"diamond for base{marked}; {bar} reaches from the smallest to the largest test "
            "accuracy of its runs. The horizontal axis counts multiply-accumulate operations "
            f"(MACs) and is logarithmic. {self._front_in_words(results)} "
            f"{self._below_in_words(results)} {span(summaries)}"
        )

    def _front_in_words(self, results: Results) -> str:
        ids = front(self._there(results))
        if not ids:
            return ""
        return (
            "Rings joined by a broken line: the Pareto front, the experiments whose mean "
            f"validation accuracy no other reaches with as few MACs or fewer: {joined(ids)}. "
            "Validation accuracy, since nothing is chosen by test scores."
        )

    def _below_in_words(self, results: Results) -> str:
        if not self._there(results) or not (below := self._below(results)):
            return ""
        return f"Arrows at the lower edge lie below it: {listed(results.of(below))}."

    def _tell(self, results: Results) -> str:
        summaries = sorted(results.of(self.experiments), key=lambda summary: summary.macs)
        named = self._named(results)
        if len(self._there(results)) > MOST_LABELS:
            summaries = [summary for summary in summaries if summary.id in named]
        parts = [
            f"{summary.id}: {operations(summary.macs)}, {summary.words}" for summary in summaries
        ]
        ids = front(self._there(results))
        on_front = f" On the Pareto front: {joined(ids)}." if ids else ""
        return (
            "Scatter plot of mean test accuracy against MACs for one image, cheapest first. "
            f"{'; '.join(parts)}.{on_front}"
        )


def front(summaries: Iterable[Summary]) -> list[str]:
    """Find the experiments that no other one makes needless (Pareto front), cheapest first.

    One is needless if another has as few MACs or fewer and a mean validation accuracy as high or
    higher, and is better in one of the two. Without validation images there is no telling.
    """
    known = [one for one in summaries if one.complete and not math.isnan(one.validation)]
    best = -math.inf
    found = []
    for macs in sorted({one.macs for one in known}):
        equal = [one for one in known if one.macs == macs]
        highest = max(one.validation for one in equal)
        if highest > best:
            found += [one.id for one in equal if one.validation == highest]
            best = highest
    return found


def operations(macs: int) -> str:
    """Write a number of MACs to three digits, such as 1.47 million MACs."""
    rounded = float(f"{macs:.3g}")
    for size, word in ((10**9, " billion"), (10**6, " million"), (10**3, " thousand")):
        if rounded >= size:
            return f"{rounded / size:g}{word} MACs"
    return f"{macs} MACs"


def _label_operations(axes: "Axes", macs: Sequence[int]) -> None:
    """Make the logarithmic axis of MACs, with round numbers such as 500 k, 1 M and 2 M."""
    from matplotlib.ticker import EngFormatter

    pad = max(1.6, (max(macs) / min(macs)) ** 0.12)
    low, high = min(macs) / pad, max(macs) * pad
    steps = (1, 2, 5) if high < 300 * low else (1,)
    if high < 10 * low:
        steps = (1, 1.5, 2, 3, 5, 7)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_xticks(
        [tick for power in powers for step in steps if low <= (tick := step * 10.0**power) <= high]
    )
    axes.minorticks_off()
    axes.xaxis.set_major_formatter(EngFormatter(sep=" "))
