"""How far the probabilities that networks give can be believed: diagrams of reliability.

Matplotlib is imported only to draw.
"""

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnn_study.figures import labels, marks
from cnn_study.figures.colors import LIGHT
from cnn_study.figures.picture import Picture, new
from cnn_study.figures.results import Results, Summary
from cnn_study.figures.words import NO_RUN, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D


LEAST_IMAGES = 30
"""A bin with fewer, all runs together, says nothing."""


@dataclass(frozen=True)
class Reliability(Picture):
    """Accuracy over the probability that is claimed, one panel an experiment."""

    experiments: tuple[str, ...]

    def _draw(self, results: Results) -> "Figure":
        figure = new(3.5)
        grid = {"height_ratios": [3, 1]}
        panels = figure.subplots(
            2, len(self.experiments), sharex=True, sharey="row", squeeze=False, gridspec_kw=grid
        )
        for (above, below), id_ in zip(panels.T, self.experiments, strict=True):
            above.set_title(wrap(id_), color=LIGHT.text)
            above.plot([0, 100], [0, 100], color=LIGHT.muted, linestyle="--", linewidth=1)
            if bins := results.calibration(id_):
                self._panel(above, below, bins)
            else:
                above.text(0.5, 0.5, NO_RUN, transform=above.transAxes, ha="center", style="italic")
            below.set_xlabel("Probability of the answer (%)")
            below.set_xlim(0, 100)
            above.set_ylim(0, 100)
        panels[0, 0].set_ylabel("Correct (%)")
        panels[1, 0].set_ylabel("Images (%)")
        return figure

    def _panel(self, above: "Axes", below: "Axes", bins: list[tuple[float, float, int]]) -> None:
        claimed, _, images = zip(*bins, strict=True)
        shares = [100 * count / sum(images) for count in images]
        below.bar(claimed, shares, width=4, color=LIGHT.muted)
        below.grid(axis="y")
        told = [(at, share) for at, share, count in bins if count >= LEAST_IMAGES]
        for at, share in told:
            over = share < at
            above.plot([at, at], [share, at], color=LIGHT.series[1 if over else 0], linewidth=2.5,
                       alpha=0.5, zorder=1)  # fmt: skip
        how = {"color": LIGHT.series[0], "markeredgecolor": LIGHT.page, "zorder": 3}
        if told:
            above.plot(*zip(*told, strict=True), "o-", markersize=4, linewidth=1.2, **how)
        above.grid(axis="y")

    def _explain(self, results: Results) -> str:
        return (
            "Reliability: test images sorted by the probability that the network gives its answer, "
            "in 15 bins, all runs together. Above: the share of each bin that is right; on the "
            "dashed line probabilities could be taken at their word. An orange bar says that the "
            "network claims more than it keeps, a blue one less; bins of fewer than "
            f"{LEAST_IMAGES} images are left out. Below: the share of the images in each bin."
        )

    def _tell(self, results: Results) -> str:
        said = []
        for id_ in self.experiments:
            errors, bins = results.calibration_error(id_), results.calibration(id_)
            if not errors:
                said.append(f"{id_}: {NO_RUN}")
                continue
            at, share, _ = bins[-1]
            said.append(
                f"{id_}: expected calibration error {statistics.fmean(errors):.1f} points; of the "
                f"answers given a probability of {at:.0f} % on average, {share:.0f} % are right"
            )
        return "Share of right answers over their probability. " + ". ".join(said) + "."


@dataclass(frozen=True)
class AccuracyAndCalibration(Picture):
    """Mean test accuracy against calibration error, one point an experiment."""

    experiments: tuple[str, ...]
    enhanced: str

    def _something(self, results: Results) -> bool:
        return bool(self._there(results))

    def _draw(self, results: Results) -> "Figure":
        there, named = self._there(results), self._named(results)
        figure = new(4.2)
        axes = figure.subplots()
        for one in there:
            self._point(axes, one, one.id in named)
        axes.margins(0.1)
        highest = max(one.calibration_largest for one in there)
        axes.set_ylim(-0.1 * highest, 1.05 * highest)  # room for a name below an error near zero
        axes.grid()
        marks.accuracy_axis(axes.xaxis)
        marks.round_numbers(axes.yaxis, 8)
        axes.set_ylabel("Expected calibration error (points)")
        marks.legend(figure, self._keys())
        bars = {
            one.id: (
                one.mean,
                *(one.calibration_smallest, one.calibration, one.calibration_largest),
            )
            for one in there
        }
        labels.place(figure, axes, bars, list(named), ())
        return figure

    def _there(self, results: Results) -> list[Summary]:
        return [
            one
            for one in results.of(self.experiments)
            if one.complete and not math.isnan(one.calibration)
        ]

    def _named(self, results: Results) -> dict[str, str]:
        """Choose what has its name beside it, and say why: base, enhanced, best, extremes."""
        there = self._there(results)
        by_accuracy = sorted(there, key=lambda one: one.mean)
        by_error = sorted(there, key=lambda one: one.calibration)
        known = [one for one in there if not math.isnan(one.validation)] or by_accuracy
        chosen = {
            "base": "base",
            self.enhanced: "enhanced",
            max(known, key=lambda one: one.validation).id: "best by validation images",
        }
        ends = {
            by_error[0].id: "smallest error",
            by_error[-1].id: "largest error",
            by_accuracy[0].id: "lowest accuracy",
            by_accuracy[-1].id: "highest accuracy",
        }
        ids = {one.id for one in there}
        return {id_: why for id_, why in (ends | chosen).items() if id_ in ids}

    def _point(self, axes: "Axes", one: Summary, named: bool) -> None:
        marker, color, size = "o", LIGHT.series[0], 5
        if one.id == self.enhanced:
            marker, color, size = "s", LIGHT.series[2], 8
        if one.id == "base":
            marker, color, size = "D", LIGHT.series[1], 7
        if named:
            ends = [one.calibration_smallest, one.calibration_largest]
            axes.plot([one.mean] * 2, ends, color=color, linewidth=1.2, zorder=3)
        axes.plot(
            [one.mean], [one.calibration], marker, color=color, alpha=1 if named else 0.6,
            markersize=size, markeredgecolor=LIGHT.page, markeredgewidth=0.7,
            zorder=4 if named else 2.5,
        )  # fmt: skip

    def _keys(self) -> list["Line2D"]:
        edge = {"markeredgecolor": LIGHT.page, "markeredgewidth": 0.7}
        keys = [marks.key("Base", LIGHT.series[1], marker="D", markersize=7, **edge)]
        if self.enhanced != "base":
            keys.append(marks.key("Enhanced", LIGHT.series[2], marker="s", markersize=8, **edge))
        other = marks.key("Other experiments", LIGHT.series[0], marker="o", markersize=5, **edge)
        return [*keys, other]

    def _explain(self, results: Results) -> str:
        return (
            "Mean test accuracy and expected calibration error of every experiment. The error is "
            "the mean gap between the probability that a network states and the share of its "
            "answers that is right, over 15 bins; lower is better. Named: base, enhanced, the best "
            "by validation images, and the extremes; their bars reach from the smallest to the "
            "largest seed."
        )

    def _tell(self, results: Results) -> str:
        if not self._something(results):
            return f"Scatter plot of calibration error against test accuracy: {NO_RUN}."
        named = self._named(results)
        parts = [
            f"{one.id} ({named[one.id]}): {one.mean:.1f} %, error {one.calibration:.1f} points"
            for one in self._there(results)
            if one.id in named
        ]
        return (
            "Scatter plot of expected calibration error against mean test accuracy of "
            f"{len(self._there(results))} experiments. {'; '.join(parts)}."
        )
