"""The figure of validation score and cost, with its Pareto fronts. Matplotlib only to draw."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from cnn_study.evidence.results import Result
from cnn_study.figures import labels, marks
from cnn_study.figures.colors import LIGHT
from cnn_study.figures.picture import Picture, nothing
from cnn_study.figures.results import Results
from cnn_study.figures.words import NO_RUN, percent, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_LABELS = 12
"""With more experiments only base, enhanced and the highest of the front are named."""

MOST_OF_FRONT = 3

COSTS = {
    "macs": "MACs for one image",
    "parameters": "Parameters",
    "seconds": "Training time of one run (seconds)",
}
"""What is paid, by attribute of a `Result`: a panel each."""


@dataclass(frozen=True)
class AccuracyAndCost(Picture):
    """Mean validation score against three costs, one point an experiment, with Pareto fronts.

    Attributes:
        experiments: those that may be compared.
        left_out: those trained or validated on another number of images.
    """

    template = "cost"

    experiments: tuple[str, ...]
    enhanced: str
    left_out: tuple[str, ...] = ()

    def _draw(self, results: Results) -> "Figure":
        if not self._comparable(results):
            return nothing(f"no validation {results.study.metric.label}")
        figure = self.new(7.6)
        panels = figure.subplots(len(COSTS), 1, sharey=True)
        for axes, (cost, label) in zip(panels, COSTS.items(), strict=True):
            self._panel(axes, results, cost)
            axes.set_xlabel(label)
            axes.grid(axis="y")
        panels[0].margins(y=0.1)
        panels[1].set_ylabel(f"Validation {results.study.metric.label} (%)")
        marks.round_numbers(panels[0].yaxis, 7)
        self._say_missing(figure, results)
        self._legend(figure, results)
        for axes, cost in zip(panels, COSTS, strict=True):
            self._name(figure, axes, results, cost)
        return figure

    def _panel(self, axes: "Axes", results: Results, cost: str) -> None:
        priced, named = _with_cost(self._comparable(results), cost), self._named(results, cost)
        below = self._below(results)
        for summary in priced:
            if summary.id not in below:
                self._point(axes, summary, cost, summary.id in named)
        costs = [getattr(summary, cost) for summary in priced]
        costs_below = [getattr(summary, cost) for summary in priced if summary.id in below]
        arrows(axes, costs_below, LIGHT.muted)
        if costs:
            logarithmic(axes, costs)
            self._front(axes, results, cost)

    def _comparable(self, results: Results) -> list[Result]:
        """Give the experiments whose validation score is known."""
        return [
            summary
            for summary in results.of(self.experiments)
            if summary.complete and summary.validation.mean is not None
        ]

    def _named(self, results: Results, cost: str) -> list[str]:
        """Choose the experiments that have their names written beside them in one panel."""
        priced = _with_cost(self._comparable(results), cost)
        always = {*front(priced, cost)[-MOST_OF_FRONT:], "base", self.enhanced}
        ids = [summary.id for summary in priced]
        return [id_ for id_ in ids if len(ids) <= MOST_LABELS or id_ in always]

    def _below(self, results: Results) -> list[str]:
        """Find experiments so much worse than all with a name that the axes leave them out."""
        ids = dict.fromkeys(id_ for cost in COSTS for id_ in self._named(results, cost))
        named = [percent(summary.validation.mean) for summary in results.of(ids)]
        if not named:
            return []
        low, comparable = floor(named), self._comparable(results)
        return [summary.id for summary in comparable if percent(summary.validation.mean) < low]

    def _point(self, axes: "Axes", summary: Result, cost: str, named: bool) -> None:
        """Draw one experiment; what is marked is larger and lies behind, so that both show."""
        marker, color, size, layer = "o", LIGHT.muted, 5, 4
        if summary.id == self.enhanced:
            marker, color, size, layer = "s", LIGHT.enhanced, 9, 3
        if summary.id == "base":
            marker, color, size, layer = "D", LIGHT.text, 8, 3
        at, (low, mean, high) = getattr(summary, cost), _ends(summary)
        if named:
            axes.plot([at, at], [low, high], color=color, linewidth=1.2, zorder=layer)
        axes.plot(
            [at], [mean], marker, color=color, alpha=1 if named else 0.6,
            markersize=size, markeredgecolor=LIGHT.page, markeredgewidth=0.7,
            zorder=layer if named else 2.5,
        )  # fmt: skip

    def _front(self, axes: "Axes", results: Results, cost: str) -> None:
        """Join the points of the front by steps: what can be had for so much."""
        if points := self._front_points(results, cost):
            costs, accuracies = zip(*_steps(points), strict=True)
            axes.plot(costs, accuracies, color=LIGHT.muted, linestyle="--", linewidth=1.2, zorder=2)

    def _front_points(self, results: Results, cost: str) -> list[tuple[float, float]]:
        """Give cost and mean validation score of the experiments on the front."""
        ids = front(self._comparable(results), cost)
        return [
            (getattr(summary, cost), percent(summary.validation.mean))
            for summary in results.of(ids)
        ]

    def _has_steps(self, results: Results) -> bool:
        """Whether any front has two different points at least, so that a line joins them."""
        return any(len(set(self._front_points(results, cost))) > 1 for cost in COSTS)

    def _name(self, figure: "Figure", axes: "Axes", results: Results, cost: str) -> None:
        """Write names beside points, clear of the front."""
        below, edge = self._below(results), axes.get_ylim()[0]
        bars = {}
        for summary in _with_cost(self._comparable(results), cost):
            ends = (edge, edge, edge) if summary.id in below else _ends(summary)
            bars[summary.id] = (float(getattr(summary, cost)), *ends)
        line = _steps(self._front_points(results, cost))
        called = {id_: results.called(id_) for id_ in self._named(results, cost)}
        labels.place(figure, axes, bars, called, line)

    def _say_missing(self, figure: "Figure", results: Results) -> None:
        absent = [
            results.called(summary.id)
            for summary in results.of(self.experiments)
            if not summary.complete
        ]
        if absent:
            many = len(absent) > MOST_LABELS
            words = f"{len(absent)} experiments" if many else ", ".join(absent)
            figure.supxlabel(wrap(f"{NO_RUN}: {words}", 62), fontsize=9, color=LIGHT.muted)

    def _legend(self, figure: "Figure", results: Results) -> None:
        """Say what marks mean, of those that there are."""
        edge = {"markeredgecolor": LIGHT.page, "markeredgewidth": 0.7}
        keys = [marks.key("Base", LIGHT.text, marker="D", markersize=8, **edge)]
        if self.enhanced != "base":
            keys.append(marks.key("Enhanced", LIGHT.enhanced, marker="s", markersize=9, **edge))
        if {summary.id for summary in self._comparable(results)} - {"base", self.enhanced}:
            other = marks.key("Other experiments", LIGHT.muted, marker="o", markersize=5, **edge)
            keys.append(other)
        if self._has_steps(results):
            keys.append(marks.key("Pareto front", LIGHT.muted, line="--", linewidth=1.2))
        marks.legend(figure, keys, handlelength=2.6)

    def _values(self, results: Results) -> dict[str, Any]:
        comparable = self._comparable(results)
        fronts = {cost: front(comparable, cost) for cost in COSTS}
        ids = {*self._named(results, "macs"), *(id_ for ids in fronts.values() for id_ in ids)}
        cheapest_first = sorted(comparable, key=lambda summary: summary.macs)
        return {
            "clock": results.clock,
            "steps": self._has_steps(results),
            "below": results.of(self._below(results)),
            "unvalidated": self._unvalidated(results),
            "named": [summary for summary in cheapest_first if summary.id in ids],
            "fronts": {cost: list(map(results.called, own)) for cost, own in fronts.items()},
        }

    def _unvalidated(self, results: Results) -> list[str]:
        """Name the experiments whose validation score is not known."""
        return [
            summary.id
            for summary in results.of(self.experiments)
            if summary.complete and summary.validation.mean is None
        ]


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
    axes.plot(
        costs, [0.03] * len(costs), "v", transform=axes.get_xaxis_transform(), color=color,
        alpha=0.6, markersize=6, clip_on=False,
    )  # fmt: skip


def front(summaries: Iterable[Result], cost: str = "macs") -> list[str]:
    """Find the experiments that no other one makes needless (Pareto front), cheapest first.

    One is needless if another costs as much or less and has a mean validation score as high or
    higher, and is better in one of the two. Without validation images there is no telling.

    Args:
        cost: the attribute of a result that is paid.
    """
    known = [
        summary for summary in summaries if summary.complete and summary.validation.mean is not None
    ]
    best = -math.inf
    ids = []
    for paid in sorted({getattr(summary, cost) for summary in _with_cost(known, cost)}):
        equal = [summary for summary in known if getattr(summary, cost) == paid]
        accuracies = {summary.id: percent(summary.validation.mean) for summary in equal}
        highest = max(accuracies.values())
        if highest > best:
            ids += [id_ for id_, accuracy in accuracies.items() if accuracy == highest]
            best = highest
    return ids


def _with_cost(summaries: Iterable[Result], cost: str) -> list[Result]:
    """Take those whose cost is known, and can stand on a logarithmic axis."""
    return [summary for summary in summaries if (getattr(summary, cost) or 0) > 0]


def _ends(summary: Result) -> tuple[float, float, float]:
    scores = summary.validation
    return percent(scores.smallest), percent(scores.mean), percent(scores.largest)


def _steps(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Go from point to point, first to the right and then up."""
    corners = [((start[0], start[1]), (end[0], start[1])) for start, end in pairwise(points)]
    return [*(corner for pair in corners for corner in pair), *points[-1:]]


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
