"""Figures of test score over the values of one parameter, or of two.

Matplotlib and NumPy are imported only to draw.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from cnn_study.base.inference import Effect, effect
from cnn_study.evidence.results import Result
from cnn_study.figures import marks
from cnn_study.figures.colors import LIGHT, rising
from cnn_study.figures.marks import LINES, MARKERS, level
from cnn_study.figures.picture import WIDE, Picture
from cnn_study.figures.results import Results
from cnn_study.figures.words import NO_RUN, axis_label, percent, score, troubles, words, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEAST_LEVELS = 3
"""A curve has at least as many values of its parameter."""

CLOSE = 0.04
"""Share of the axis: values nearer to each other would have overlapping labels."""


@dataclass(frozen=True)
class Grid(Picture):
    """Every combination of two parameters: heat map on the left, lines on the right.

    Attributes:
        parameters: of the rows, and of the columns.
        levels: their values in words.
        cells: experiment ids by [row][column].
    """

    template = "grid"
    width = WIDE

    parameters: tuple[str, str]
    levels: tuple[tuple[str, ...], tuple[str, ...]]
    cells: tuple[tuple[str, ...], ...]
    title: str

    @property
    def experiments(self) -> tuple[str, ...]:
        """All experiments of the grid, row by row."""
        return tuple(id_ for row in self.cells for id_ in row)

    def _draw(self, results: Results) -> "Figure":
        figure = self.new(max(3.1, 1.1 + 0.55 * len(self.cells)))
        left, right = figure.subplots(1, 2, width_ratios=(1.1, 1))
        self._heat_map(left, results)
        self._lines(right, results)
        self._legend(figure, right)
        marks.space_panels(figure, 0.06)
        return figure

    def _heat_map(self, axes: "Axes", results: Results) -> None:
        import numpy

        summaries = [results.of(row) for row in self.cells]
        means = numpy.array([[percent(summary.test.mean) for summary in row] for row in summaries])
        low, high = numpy.nanmin(means), numpy.nanmax(means)
        written = [[self._cell(summary) for summary in row] for row in summaries]
        limits = (low - 0.15 * (high - low) - 0.1, high + 0.1)
        marks.heat_map(axes, means, written, limits, rising, gap=1.5)
        marks.label_cells(axes, *(list(map(level, levels)) for levels in self.levels))
        axes.set(xlabel=axis_label(self.parameters[1]), ylabel=axis_label(self.parameters[0]))

    def _cell(self, summary: Result) -> str:
        ended = [wrap(trouble, 10) for trouble in troubles(summary)]
        if not summary.complete:
            return "\n".join([wrap(NO_RUN, 12), *ended])
        deviation = f"± {score(summary.test.deviation)}" if summary.complete > 1 else "one run"
        return "\n".join([score(summary.test.mean), deviation, *ended])

    def _lines(self, axes: "Axes", results: Results) -> None:
        offsets = marks.spread(len(self.cells), 0.12)
        for number, (value, row) in enumerate(zip(self.levels[0], self.cells, strict=True)):
            summaries = results.of(row)
            color = LIGHT.shades[number % len(LIGHT.shades)]
            places = [column + offsets[number] for column in range(len(row))]
            for place, summary in zip(places, summaries, strict=True):
                scores = results.scores(summary.id)
                beside = [place + 0.09] * len(scores)
                axes.plot(beside, scores, ".", color=color, alpha=0.8, markersize=4)
                _vertical(axes, place, effect(scores), color)
            axes.plot(
                places,
                [percent(summary.test.mean) for summary in summaries],
                color=color,
                linestyle=LINES[number % len(LINES)],
                marker=MARKERS[number % len(MARKERS)],
                markersize=4.5,
                markeredgecolor=LIGHT.page,
                markeredgewidth=0.5,
                linewidth=1.2,
                zorder=4,
                label=level(value),
            )
        axes.set_xticks(range(len(self.levels[1])), map(level, self.levels[1]))
        axes.set_xlim(-0.4, len(self.levels[1]) - 0.6)
        axes.grid(axis="y")
        axes.set_xlabel(axis_label(self.parameters[1]))
        marks.score_axis(axes.yaxis, results.study.metric)

    def _legend(self, figure: "Figure", axes: "Axes") -> None:
        from matplotlib.lines import Line2D

        handles, labels = axes.get_legend_handles_labels()
        figure.legend(
            [Line2D([], [], linestyle=""), *handles],
            [f"{axis_label(self.parameters[0])}:", *labels],
            loc="outside upper right",
            ncols=min(len(labels) + 1, 5),
            handlelength=3,
            columnspacing=1,
        )

    def _values(self, results: Results) -> dict[str, Any]:
        rows, columns = map(words, self.parameters)
        summaries = results.of(self.experiments)
        cells = [
            (row, column, summary)
            for row, ids in zip(self.levels[0], self.cells, strict=True)
            for column, summary in zip(self.levels[1], results.of(ids), strict=True)
        ]
        is_cut_off = marks.is_cut_off(effect(results.scores(summary.id)) for summary in summaries)
        return {"rows": rows, "columns": columns, "cells": cells, "is_cut_off": is_cut_off}


@dataclass(frozen=True)
class Curve(Picture):
    """Test score over the values of one parameter, with the interval of each mean.

    Attributes:
        parameter: in words.
        label: of the axis.
        points: value and experiment, smallest value first.
        reference: the experiment that the others change.
    """

    template = "curve"

    parameter: str
    label: str
    points: tuple[tuple[float, str], ...]
    reference: str
    title: str

    @property
    def experiments(self) -> tuple[str, ...]:
        """The experiments, smallest value first."""
        return tuple(id_ for _, id_ in self.points)

    def _draw(self, results: Results) -> "Figure":
        from matplotlib.transforms import ScaledTranslation

        figure = self.new(3.2)
        axes = figure.subplots()
        means = self._means(results)
        values, heights = zip(*((at, mean.mean) for at, _, mean in means if mean.n), strict=True)
        axes.plot(values, heights, color=LIGHT.muted, linewidth=1, alpha=0.6)
        beside = axes.transData + ScaledTranslation(7 / 72, 0, figure.dpi_scale_trans)
        for value, id_, mean in means:
            scores = results.scores(id_)
            axes.plot(
                [value] * mean.n, scores, "o", color=LIGHT.muted, transform=beside, **marks.DOT
            )
            axes.update_datalim([(value, score) for score in scores])
            self._mean(axes, value, mean, id_ == self.reference)
        self._value_axis(axes)
        axes.grid(axis="y")
        marks.score_axis(axes.yaxis, results.study.metric)
        self._say_missing(figure, results)
        self._legend(figure, results)
        return figure

    def _means(self, results: Results) -> list[tuple[float, str, Effect]]:
        """Give value, experiment, and the mean test score in percent with its interval."""
        return [(value, id_, effect(results.scores(id_))) for value, id_ in self.points]

    def _mean(self, axes: "Axes", value: float, mean: Effect, kept: bool) -> None:
        if mean.mean is None:
            return
        _vertical(axes, value, mean, LIGHT.text)
        axes.plot(
            [value], [mean.mean], "D" if kept else "s", color=LIGHT.text, markersize=4.5,
            markeredgecolor=LIGHT.page, markeredgewidth=0.5, zorder=4,
        )  # fmt: skip

    def _value_axis(self, axes: "Axes") -> None:
        """Write every value at the axis, unless they are too near to each other."""
        values = [value for value, _ in self.points]
        if logarithmic(values):
            axes.set_xscale("log")
            axes.minorticks_off()
            pad = (values[-1] / values[0]) ** 0.06
            axes.set_xlim(values[0] / pad, values[-1] * pad)
        else:
            pad = 0.06 * (values[-1] - values[0])
            axes.set_xlim(values[0] - pad, values[-1] + pad)
        if logarithmic(values) or not crowded(values):
            axes.set_xticks(values, [f"{value:g}" for value in values])
        axes.set_xlabel(self.label)

    def _say_missing(self, figure: "Figure", results: Results) -> None:
        parts = [
            f"{results.label(summary.id)}{f' ({listed})' if listed else ''}"
            for summary in results.of(self.experiments)
            if not summary.complete
            for listed in [", ".join(troubles(summary))]
        ]
        if parts:
            text = wrap(f"{NO_RUN}: {', '.join(parts)}", 62)
            figure.supxlabel(text, fontsize=9, color=LIGHT.muted)

    def _legend(self, figure: "Figure", results: Results) -> None:
        reference = results.called(self.reference)
        mean = {"markersize": 4.5, "markeredgecolor": LIGHT.page, "linewidth": 1.5, "line": "-"}
        marks.legend(
            figure,
            [
                marks.key("Single runs", LIGHT.muted, marker="o", **marks.DOT),
                marks.key("Mean, 95 % interval", LIGHT.text, marker="s", **mean),
                marks.key(f"Reference: {reference}", LIGHT.text, marker="D", **mean),
            ],
        )

    def _values(self, results: Results) -> dict[str, Any]:
        means = [(value, mean) for value, _, mean in self._means(results)]
        return {
            "means": means,
            "is_cut_off": marks.is_cut_off(mean for _, mean in means),
            "is_logarithmic": logarithmic([value for value, _ in means]),
        }


def _vertical(axes: "Axes", at: float, mean: Effect, color: str) -> None:
    """Draw the interval of a mean, with ends that stand out beside its mark."""
    marks.upright(
        axes, mean, at, color=color, linewidth=1.5, zorder=3.5,
        marker="_", markersize=9, markeredgewidth=1.5,
    )  # fmt: skip


def logarithmic(values: Sequence[float]) -> bool:
    """Whether steps between values, smallest first, are more alike as ratios than as sums."""
    if values[0] <= 0:
        return False
    ratios = [high / low for low, high in pairwise(values)]
    return _unlike(list(map(math.log, ratios))) < _unlike([b - a for a, b in pairwise(values)])


def _unlike(steps: Sequence[float]) -> float:
    """Say how far steps are from equal: the largest over the smallest, to nine digits."""
    return round(max(steps) / min(steps), 9)


def crowded(values: Sequence[float]) -> bool:
    """Whether neighbours among values, smallest first, lie too near to be written."""
    least = CLOSE * (values[-1] - values[0])
    return any(high - low < least for low, high in pairwise(values))
