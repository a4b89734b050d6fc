"""The figure of validation accuracy and cost, with its Pareto fronts. Matplotlib only to draw."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from cnn_study.base.words import listing
from cnn_study.figures import labels, marks
from cnn_study.figures.colors import LIGHT
from cnn_study.figures.picture import Picture, new, nothing
from cnn_study.figures.results import Results, Summary
from cnn_study.figures.words import NO_RUN, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_LABELS = 12
"""With more experiments only the front, the base and the enhanced model are named."""

COSTS = {
    "macs": "Multiply-accumulate operations (MACs) for one image",
    "parameters": "Parameters",
    "seconds": "Training time of one run (seconds)",
}
"""What is paid, by attribute of a `Summary`: a panel each."""

CLOCKS = {"training_cpu_seconds": "processor time", "training_seconds": "wall time"}


@dataclass(frozen=True)
class Cost(Picture):
    """Mean validation accuracy against three costs, one point an experiment, with Pareto fronts.

    Attributes:
        experiments: those that may be compared.
        left_out: those trained or validated on another number of images.
    """

    experiments: tuple[str, ...]
    enhanced: str
    left_out: tuple[str, ...] = ()

    def _draw(self, results: Results) -> "Figure":
        there = self._there(results)
        if not there:
            return nothing("no validation accuracy")
        figure = new(7.6)
        panels = figure.subplots(len(COSTS), 1, sharey=True)
        for axes, (cost, label) in zip(panels, COSTS.items(), strict=True):
            self._panel(axes, results, cost)
            axes.set_xlabel(label)
            axes.grid(axis="y")
        panels[0].margins(y=0.1)
        panels[1].set_ylabel("Validation accuracy (%)")
        marks.round_numbers(panels[0].yaxis, 7)
        self._say_missing(figure, results)
        self._legend(figure)
        for axes, cost in zip(panels, COSTS, strict=True):
            self._name(figure, axes, results, cost)
        return figure

    def _panel(self, axes: "Axes", results: Results, cost: str) -> None:
        there, named = _with_cost(self._there(results), cost), self._named(results, cost)
        below = self._below(results)
        for summary in there:
            if summary.id not in below:
                self._point(axes, summary, cost, summary.id in named)
        costs = [getattr(one, cost) for one in there]
        arrows(axes, [getattr(one, cost) for one in there if one.id in below], LIGHT.series[0])
        if costs:
            logarithmic(axes, costs)
            self._front(axes, results, cost)

    def _there(self, results: Results) -> list[Summary]:
        return [
            one
            for one in results.of(self.experiments)
            if one.complete and not math.isnan(one.validation)
        ]

    def _named(self, results: Results, cost: str) -> list[str]:
        """Choose the experiments that have their names written beside them in one panel."""
        there = _with_cost(self._there(results), cost)
        always = {*front(there, cost), "base", self.enhanced}
        return [one.id for one in there if len(there) <= MOST_LABELS or one.id in always]

    def _below(self, results: Results) -> list[str]:
        """Find experiments so much worse than all with a name that the axes leave them out."""
        ids = dict.fromkeys(id_ for cost in COSTS for id_ in self._named(results, cost))
        named = [one.validation for one in results.of(ids)]
        if not named:
            return []
        return [one.id for one in self._there(results) if one.validation < floor(named)]

    def _point(self, axes: "Axes", summary: Summary, cost: str, named: bool) -> None:
        """Draw one experiment; what is marked is larger and lies behind, so that both show."""
        marker, color, size, layer = "o", LIGHT.series[0], 5, 4
        if summary.id == self.enhanced:
            marker, color, size, layer = "s", LIGHT.series[2], 9, 3
        if summary.id == "base":
            marker, color, size, layer = "D", LIGHT.series[1], 8, 3
        at, ends = getattr(summary, cost), (summary.validation_smallest, summary.validation_largest)
        if named:
            axes.plot([at, at], ends, color=color, linewidth=1.2, zorder=layer)
        axes.plot(
            [at], [summary.validation], marker, color=color, alpha=1 if named else 0.6,
            markersize=size, markeredgecolor=LIGHT.page, markeredgewidth=0.7,
            zorder=layer if named else 2.5,
        )  # fmt: skip

    def _front(self, axes: "Axes", results: Results, cost: str) -> None:
        """Join the points of the front by steps: what can be had for so much."""
        if points := self._front_points(results, cost):
            axes.plot(*zip(*_steps(points), strict=True), color=LIGHT.muted, linestyle="--",
                      linewidth=1.2, zorder=2)  # fmt: skip

    def _front_points(self, results: Results, cost: str) -> list[tuple[float, float]]:
        """Give cost and mean validation accuracy of the experiments on the front."""
        ids = front(self._there(results), cost)
        return [(getattr(one, cost), one.validation) for one in results.of(ids)]

    def _name(self, figure: "Figure", axes: "Axes", results: Results, cost: str) -> None:
        """Write names beside points, clear of the front."""
        below, edge = self._below(results), axes.get_ylim()[0]
        bars = {
            one.id: (getattr(one, cost), *((edge,) * 3 if one.id in below else _ends(one)))
            for one in _with_cost(self._there(results), cost)
        }
        line = _steps(self._front_points(results, cost))
        labels.place(figure, axes, bars, self._named(results, cost), line)

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
            marks.key("Other experiments", LIGHT.series[0], marker="o", markersize=5, **edge),
            marks.key("Pareto front", LIGHT.muted, line="--", linewidth=1.2),
        ]
        marks.legend(figure, keys, handlelength=2.6)

    def _explain(self, results: Results) -> str:
        return (
            "Mean validation accuracy over what it costs: MACs for one image, parameters, and mean "
            f"training time ({CLOCKS[results.clock]}); all logarithmic. Choices go by validation "
            "images; test accuracies stand in the tables. Steps: the Pareto front, the experiments "
            "whose accuracy no other reaches at that cost or less. Bars at named points: from the "
            f"smallest to the largest seed. {self._below_in_words(results)} "
            f"{self._left_out_in_words(results)}"
        )

    def _below_in_words(self, results: Results) -> str:
        below = results.of(self._below(results))
        return arrows_in_words({one.id: one.validation for one in below})

    def _left_out_in_words(self, results: Results) -> str:
        """Say which experiments cannot be compared."""
        bare = [
            one.id
            for one in results.of(self.experiments)
            if one.complete and math.isnan(one.validation)
        ]
        parts = [
            f"{reason} ({', '.join(ids)})"
            for reason, ids in (
                ("trained on another number of images", self.left_out),
                ("without validation accuracy", bare),
            )
            if ids
        ]
        return f"Left out: {'; '.join(parts)}." if parts else ""

    def _tell(self, results: Results) -> str:
        there = self._there(results)
        fronts = {
            name: front(there, cost)
            for cost, name in (("macs", "MACs"), ("parameters", "parameters"),
                               ("seconds", "training time"))
        }  # fmt: skip
        named = {*self._named(results, "macs"), *(id_ for ids in fronts.values() for id_ in ids)}
        points = "; ".join(
            f"{one.id}: {operations(one.macs)}, {one.validation:.1f} %"
            for one in sorted(there, key=lambda one: one.macs)
            if one.id in named
        )
        on = "; ".join(f"by {name} {listing(ids)}" for name, ids in fronts.items() if ids)
        return (
            "Three scatter plots of mean validation accuracy against cost, the cheapest first by "
            f"MACs. {points or NO_RUN}. On the Pareto front: {on or 'none'}."
        )


def floor(named: Sequence[float]) -> float:
    """Give the accuracy below which the axes leave out what has no name.

    Args:
        named: accuracies of what has one.
    """
    return min(named) - (max(named) - min(named)) / 2


def arrows(axes: "Axes", costs: Sequence[float], color: str) -> None:
    """Mark at the lower edge what lies below it."""
    if not costs:
        return  # an empty line would count in the layout
    how = {"color": color, "alpha": 0.6, "markersize": 6, "clip_on": False}
    axes.plot(costs, [0.03] * len(costs), "v", transform=axes.get_xaxis_transform(), **how)


def arrows_in_words(below: dict[str, float]) -> str:
    """Name what the arrows stand for, with its accuracy in percent."""
    parts = ", ".join(f"{id_} {accuracy:.1f} %" for id_, accuracy in below.items())
    return f"Arrows: below the axis ({parts})." if below else ""


def front(summaries: Iterable[Summary], cost: str = "macs") -> list[str]:
    """Find the experiments that no other one makes needless (Pareto front), cheapest first.

    One is needless if another costs as much or less and has a mean validation accuracy as high or
    higher, and is better in one of the two. Without validation images there is no telling.

    Args:
        cost: the attribute of a summary that is paid.
    """
    known = [one for one in summaries if one.complete and not math.isnan(one.validation)]
    best = -math.inf
    found = []
    for paid in sorted({getattr(one, cost) for one in _with_cost(known, cost)}):
        equal = [one for one in known if getattr(one, cost) == paid]
        highest = max(one.validation for one in equal)
        if highest > best:
            found += [one.id for one in equal if one.validation == highest]
            best = highest
    return found


def _with_cost(summaries: Iterable[Summary], cost: str) -> list[Summary]:
    """Take those whose cost is known, and can stand on a logarithmic axis."""
    return [one for one in summaries if getattr(one, cost) > 0]


def _ends(one: Summary) -> tuple[float, float, float]:
    return one.validation_smallest, one.validation, one.validation_largest


def _steps(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Go from point to point, first to the right and then up."""
    corners = [((one[0], one[1]), (other[0], one[1])) for one, other in pairwise(points)]
    return [*(corner for pair in corners for corner in pair), *points[-1:]]


def operations(macs: int) -> str:
    """Write a number of MACs to three digits, such as 1.47 million MACs."""
    rounded = float(f"{macs:.3g}")
    for size, word in ((10**9, " billion"), (10**6, " million"), (10**3, " thousand")):
        if rounded >= size:
            return f"{rounded / size:g}{word} MACs"
    return f"{macs} MACs"


def logarithmic(axes: "Axes", costs: Sequence[float]) -> None:
    """Make the logarithmic axis of a cost, with round numbers such as 500 k, 1 M and 2 M."""
    from matplotlib.ticker import EngFormatter

    pad = max(1.6, (max(costs) / min(costs)) ** 0.12)
    low, high = min(costs) / pad, max(costs) * pad
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
