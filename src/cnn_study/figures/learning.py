"""Gradient descent, drawn.

All numbers come from `examples`. Matplotlib is imported only to draw.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnn_study.base.examples import DESCENTS, descent
from cnn_study.base.words import listing
from cnn_study.figures.colors import LIGHT
from cnn_study.figures.picture import Picture, new
from cnn_study.figures.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EDGE = 1.45
"""The parameter at both ends of a panel."""


@dataclass(frozen=True)
class Descent(Picture):
    """Steps of gradient descent on a parabola, with learning rates too small, right, too large."""

    experiments: tuple[str, ...] = ()

    def _something(self, results: Results) -> bool:
        return True

    def _count(self, results: Results) -> str:
        return ""

    def _draw(self, results: Results) -> "Figure":
        figure = new(2.1)
        panels = figure.subplots(1, len(DESCENTS), sharey=True)
        for axes, (rate, words) in zip(panels, DESCENTS.items(), strict=True):
            self._panel(axes, descent(rate))
            axes.set_title(f"{words}: {rate:g}", color=LIGHT.text)
        panels[0].set_ylabel("Loss")
        return figure

    def _panel(self, axes: "Axes", path: list[float]) -> None:
        bowl = [EDGE * (place / 50 - 1) for place in range(101)]
        axes.plot(bowl, [w**2 for w in bowl], color=LIGHT.muted, linewidth=1, zorder=1)
        heights = [w**2 for w in path]
        axes.plot(path, heights, color=LIGHT.series[1], linewidth=0.9, zorder=2)
        axes.plot(path, heights, "o", color=LIGHT.series[1], markersize=3.5, zorder=3)
        axes.plot(path[:1], heights[:1], "o", color=LIGHT.series[0], markersize=5.5, zorder=4)
        axes.set_xlabel("Parameter")
        axes.set_xticks([0])
        axes.set_yticks([0])

    def _explain(self, results: Results) -> str:
        rates = listing(f"{rate:g}" for rate in DESCENTS)
        return (
            f"Gradient descent on one parameter, the loss being its square: {len(descent(1)) - 1} "
            f"steps from the same place (blue) with the learning rates {rates}. A small one hardly "
            "gets anywhere; a large one jumps over the lowest place, and here ends higher with "
            "every step. Worked from the formula, not measured."
        )

    def _tell(self, results: Results) -> str:
        ends = (
            f"{words}, {rate:g}: from {descent(rate)[0]:.2f} to {descent(rate)[-1]:.2f}"
            for rate, words in DESCENTS.items()
        )
        told = f"A parabola three times, with the steps of one parameter. {'; '.join(ends)}."
        return told.replace("-", "−")
