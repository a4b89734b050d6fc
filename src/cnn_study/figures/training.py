"""How the changes of one question learn, epoch by epoch, beside their reference.

Drawn are those of which the evidence says that something stands out. Matplotlib and pandas are
imported only to draw.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnn_study.figures.colors import LIGHT
from cnn_study.figures.epochs import LINES, POINTS, point
from cnn_study.figures.marks import key, legend
from cnn_study.figures.picture import Picture, nothing
from cnn_study.figures.results import Results
from cnn_study.figures.words import NO_RUN, wrap

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Curves = dict[str, pandas.DataFrame]

COLUMNS = 3
"""Panels side by side."""

REFERENCE: dict[str, Any] = {"color": LIGHT.muted, "alpha": 0.45, "linewidth": 1.3}
"""How the reference's curves are drawn, behind the others."""

NOTHING = "nothing stands out in how these changes learn"


@dataclass(frozen=True)
class Training(Picture):
    """Mean training and validation accuracy over the epochs, one panel a change.

    Attributes:
        experiments: the reference, and every change of the question.
    """

    template = "training"

    question: str
    title: str
    experiments: tuple[str, ...]

    def shown(self, results: Results) -> tuple[str, ...]:
        """Name the reference and the changes that are drawn; nothing where none stands out."""
        telling = self._telling(results)
        return (self.experiments[0], *telling) if telling else ()

    def draw(self, results: Results) -> "Figure":
        """Draw it, or say that there is nothing to draw."""
        return self._draw(results) if self.shown(results) else nothing(self._why_not(results))

    def _why_not(self, results: Results) -> str:
        """Say why there is nothing to draw."""
        some = any(summary.complete for summary in results.of(self.experiments))
        return NOTHING if some else NO_RUN

    def _telling(self, results: Results) -> dict[str, str]:
        """Give by experiment what stands out in it."""
        rows = results.findings.behaviour_changes
        said = {id_: rows[id_]["behaviour"] for id_ in self.experiments[1:]}
        return {id_: words for id_, words in said.items() if words}

    def _draw(self, results: Results) -> "Figure":
        telling = self._telling(results)
        rows = math.ceil(len(telling) / COLUMNS)
        columns = min(COLUMNS, len(telling))
        figure = self.new(0.7 + 1.75 * rows)
        panels = figure.subplots(rows, columns, sharex=False, sharey=True, squeeze=False)
        curves = _curves(results, self.shown(results))
        for place, axes in enumerate(panels.flat):
            if place >= len(telling):
                axes.set_axis_off()
                continue
            id_ = list(telling)[place]
            self._panel(axes, curves[self.experiments[0]], curves[id_])
            axes.set_title(wrap(results.label(id_), 20), color=LIGHT.text)
            if place + columns >= len(telling):
                axes.set_xlabel("Epoch")
        for row in panels:
            row[0].set_ylabel("Accuracy (%)")
        _legend(figure, results.called(self.experiments[0]), curves.values())
        return figure

    def _panel(self, axes: "Axes", reference: "Curves", change: "Curves") -> None:
        """Draw the means, the single runs' validation accuracies, and the reference's means."""
        from matplotlib.ticker import MaxNLocator

        for images, color, line in LINES:
            before, own = reference[images], change[images]
            axes.plot(before.mean(axis=1), linestyle=line, **REFERENCE, **point(images, before, 7))
            axes.plot(
                own.mean(axis=1), color=color, linestyle=line, linewidth=1.8,
                **point(images, own, 6),
            )  # fmt: skip
        images, color, _ = LINES[-1]
        runs = change[images]
        axes.plot(runs, color=color, linewidth=0.6, alpha=0.7, **point(images, runs, 3))
        axes.grid(axis="y")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))

    def _values(self, results: Results) -> dict[str, Any]:
        curves = _curves(results, self.shown(results))
        ends = {
            id_: {images: float(runs.mean(axis=1).iloc[-1]) for images, runs in own.items()}
            for id_, own in curves.items()
        }
        panels = [
            {"id": id_, "behaviour": words, "ends": ends[id_]}
            for id_, words in self._telling(results).items()
        ]
        return {
            "panels": panels,
            "several": not _all_points(curves.values()),
            "reference_ends": ends.get(self.experiments[0], {}),
            "nothing": self._why_not(results),
        }


def _legend(figure: "Figure", reference: str, curves: "Iterable[Curves]") -> None:
    """Say what lines mean, or points where every curve is one."""
    points = _all_points(curves)
    lines = [
        key(
            images.capitalize(), color, **({"marker": POINTS[images]} if points else {"line": line})
        )
        for images, color, line in LINES
    ]
    behind = {"marker": "s"} if points else {"line": "-"}
    legend(figure, [*lines, key(f"{reference} (reference)", **behind, **REFERENCE)])


def _all_points(curves: "Iterable[Curves]") -> bool:
    """Tell whether every curve is of one epoch."""
    return all(len(table) <= 1 for own in curves for table in own.values())


def _curves(results: Results, ids: tuple[str, ...]) -> "dict[str, Curves]":
    """Give by experiment and images the accuracies in percent: a row an epoch, a column a run."""
    known, none = results.tables.epochs_by_experiment, results.tables.epochs[:0]
    by_experiment = {id_: known.get(id_, none) for id_ in ids}
    return {
        id_: {
            images: 100 * own.pivot(index="epoch", columns="seed", values=f"{images}_accuracy")
            for images, _, _ in LINES
        }
        for id_, own in by_experiment.items()
    }
