"""How far the probabilities that networks give can be believed: reliability diagrams.

Matplotlib is imported only to draw.
"""

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnn_study.figures.colors import LIGHT
from cnn_study.figures.picture import Picture, new
from cnn_study.figures.results import Results
from cnn_study.figures.words import NO_RUN, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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
