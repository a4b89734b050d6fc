"""Gradient descent, drawn.

All numbers come from `examples`. Matplotlib is imported only to draw.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnn_study.base.examples import DESCENTS, descent
from cnn_study.figures.colors import LIGHT
from cnn_study.figures.picture import Picture
from cnn_study.figures.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EDGE = 1.45
"""The parameter at both ends of a panel."""


@dataclass(frozen=True)
class Descent(Picture):
    """Steps of gradient descent on a parabola, with learning rates too small, right, too large."""

    template = "descent"

    experiments: tuple[str, ...] = ()

    def _something(self, results: Results) -> bool:
        return True

    def _draw(self, results: Results) -> "Figure":
        figure = self.new(2.1)
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
        axes.plot(path, heights, color=LIGHT.text, linewidth=0.9, zorder=2)
        axes.plot(path, heights, "o", color=LIGHT.text, markersize=3.5, zorder=3)
        axes.plot(
            path[:1], heights[:1], "o", color=LIGHT.text, markerfacecolor=LIGHT.page,
            markersize=6, zorder=4,
        )  # fmt: skip
        axes.set_xlabel("Parameter")
        axes.set_xticks([0])
        axes.set_yticks([0])

    def _values(self, results: Results) -> dict[str, Any]:
        ways = {rate: descent(rate) for rate in DESCENTS}
        paths = [
            {"name": DESCENTS[rate], "rate": rate, "first": way[0], "last": way[-1]}
            for rate, way in ways.items()
        ]
        return {"paths": paths, "steps": len(descent(1)) - 1}

    def _behind(self, results: Results) -> dict[str, Any]:
        return {}
