"""How far the probabilities that networks give can be believed: diagrams of reliability.

Matplotlib is imported only to draw.
"""

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnn_study.evidence.results import Result
from cnn_study.figures import labels, marks
from cnn_study.figures.colors import LIGHT
from cnn_study.figures.picture import Picture
from cnn_study.figures.results import Results
from cnn_study.figures.words import NO_RUN, percent, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D


LEAST_IMAGES = 30
"""A bin with fewer, all runs together, says nothing."""


@dataclass(frozen=True)
class Reliability(Picture):
    """Accuracy over the probability that is claimed, one panel an experiment."""

    template = "reliability"

    experiments: tuple[str, ...]

    def _draw(self, results: Results) -> "Figure":
        figure = self.new(3.5)
        grid = {"height_ratios": [3, 1]}
        panels = figure.subplots(
            2, len(self.experiments), sharex=True, sharey="row", squeeze=False, gridspec_kw=grid
        )
        for (above, below), id_ in zip(panels.T, self.experiments, strict=True):
            above.set_title(wrap(results.called(id_), 26), color=LIGHT.text)
            above.plot([0, 100], [0, 100], color=LIGHT.muted, linestyle="--", linewidth=1)
            if bins := results.calibration(id_):
                self._panel(above, below, bins)
            else:
                above.text(0.5, 0.5, NO_RUN, transform=above.transAxes, ha="center", style="italic")
            below.set_xlabel("Probability stated (%)")
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
        sure = [(at, share) for at, share, count in bins if count >= LEAST_IMAGES]
        for at, share in sure:
            over = share < at
            above.plot([at, at], [share, at], color=LIGHT.less if over else LIGHT.more,
                       linewidth=2.5, alpha=0.5, zorder=1)  # fmt: skip
        if sure:
            claims, shares_right = zip(*sure, strict=True)
            above.plot(
                claims, shares_right, "o-", color=LIGHT.text, markersize=4, linewidth=1.2,
                markeredgecolor=LIGHT.page, zorder=3,
            )  # fmt: skip
        above.grid(axis="y")

    def _values(self, results: Results) -> dict[str, Any]:
        networks = [self._surest(results, id_) for id_ in self.experiments]
        return {"networks": networks, "least_images": LEAST_IMAGES}

    def _surest(self, results: Results, id_: str) -> dict[str, Any]:
        """Give the error of an experiment, and what its surest answers claim and are worth."""
        errors = results.calibration_error(id_)
        if not errors:
            return {"id": id_, "error": None}
        claimed, right, _ = results.calibration(id_)[-1]
        error = statistics.fmean(errors)
        return {"id": id_, "error": error, "surest_claimed": claimed, "surest_right": right}


@dataclass(frozen=True)
class AccuracyAndCalibration(Picture):
    """Mean test score against calibration error, one point an experiment."""

    template = "accuracy-and-calibration"

    experiments: tuple[str, ...]
    enhanced: str

    def _something(self, results: Results) -> bool:
        return bool(self._comparable(results))

    def _draw(self, results: Results) -> "Figure":
        summaries, named = self._comparable(results), self._named(results)
        figure = self.new(4.2)
        axes = figure.subplots()
        for summary in summaries:
            self._point(axes, summary, summary.id in named)
        axes.margins(0.1)
        highest = max(percent(summary.calibration.largest) for summary in summaries)
        if highest:
            axes.set_ylim(-0.1 * highest, 1.05 * highest)  # room for a name below an error near 0
        axes.grid()
        marks.score_axis(axes.xaxis, results.study.metric)
        marks.round_numbers(axes.yaxis, 8)
        axes.set_ylabel("Expected calibration error (points)")
        marks.legend(figure, self._keys())
        bars = {
            summary.id: (
                percent(summary.test.mean),
                percent(summary.calibration.smallest),
                percent(summary.calibration.mean),
                percent(summary.calibration.largest),
            )
            for summary in summaries
        }
        called = {id_: results.called(id_) for id_ in named}
        labels.place(figure, axes, bars, called, ())
        return figure

    def _comparable(self, results: Results) -> list[Result]:
        """Give the experiments whose score and calibration are known."""
        return [
            summary
            for summary in results.of(self.experiments)
            if summary.complete and summary.calibration.mean is not None
        ]

    def _named(self, results: Results) -> dict[str, str]:
        """Choose what has its name beside it, and say why: base, enhanced, best, extremes."""
        summaries = self._comparable(results)
        by_score = sorted(summaries, key=lambda summary: percent(summary.test.mean))
        by_error = sorted(summaries, key=lambda summary: percent(summary.calibration.mean))
        known = [
            summary for summary in summaries if summary.validation.mean is not None
        ] or by_score
        best = max(known, key=lambda summary: percent(summary.validation.mean))
        chosen = {
            "base": "base",
            self.enhanced: "enhanced",
            best.id: "best by validation images",
        }
        ends = {
            by_error[0].id: "smallest error",
            by_error[-1].id: "largest error",
            by_score[0].id: f"lowest {results.study.metric.label}",
            by_score[-1].id: f"highest {results.study.metric.label}",
        }
        ids = {summary.id for summary in summaries}
        return {id_: why for id_, why in (ends | chosen).items() if id_ in ids}

    def _point(self, axes: "Axes", summary: Result, named: bool) -> None:
        score = percent(summary.test.mean)
        marker, color, size = "o", LIGHT.muted, 5
        if summary.id == self.enhanced:
            marker, color, size = "s", LIGHT.enhanced, 8
        if summary.id == "base":
            marker, color, size = "D", LIGHT.text, 7
        if named:
            ends = [percent(summary.calibration.smallest), percent(summary.calibration.largest)]
            axes.plot([score] * 2, ends, color=color, linewidth=1.2, zorder=3)
        axes.plot(
            [score], [percent(summary.calibration.mean)], marker, color=color,
            alpha=1 if named else 0.6,
            markersize=size, markeredgecolor=LIGHT.page, markeredgewidth=0.7,
            zorder=4 if named else 2.5,
        )  # fmt: skip

    def _keys(self) -> list["Line2D"]:
        edge = {"markeredgecolor": LIGHT.page, "markeredgewidth": 0.7}
        keys = [marks.key("Base", LIGHT.text, marker="D", markersize=7, **edge)]
        if self.enhanced != "base":
            keys.append(marks.key("Enhanced", LIGHT.enhanced, marker="s", markersize=8, **edge))
        other = marks.key("Other experiments", LIGHT.muted, marker="o", markersize=5, **edge)
        return [*keys, other]

    def _values(self, results: Results) -> dict[str, Any]:
        shown = self._comparable(results)
        return {"shown": shown, "reasons": self._named(results) if shown else {}}
