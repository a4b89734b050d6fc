"""The figure of suggestions: gains that chose, and with fresh seeds. Matplotlib only to draw."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnn_study.base.inference import Effect
from cnn_study.evidence.judged import Confirmation
from cnn_study.figures import marks
from cnn_study.figures.colors import LIGHT
from cnn_study.figures.picture import TALLEST, Picture
from cnn_study.figures.results import Results
from cnn_study.figures.words import percent, signed, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CONFIRMED = "confirmed"

FIRST, FRESH = "s", "o"
"""Markers of the gain that chose, and of the one with fresh seeds."""

SIZE: dict[str, Any] = {"markersize": 5.5, "markeredgewidth": 1.2}


@dataclass(frozen=True)
class Confirmed(Picture):
    """What each suggestion gains in the runs that chose it, and with seeds that chose nothing.

    Attributes:
        smallest: the smallest difference worth having, points.
    """

    template = "confirmation"

    smallest: float

    def shown(self, results: Results) -> tuple[str, ...]:
        """Name the suggestions, and what they change."""
        suggested = results.findings.confirmations.values()
        ids = ((one.row["reference"], one.row["experiment"]) for one in suggested)
        return tuple(dict.fromkeys(id_ for pair in ids for id_ in pair))

    def runs(self, results: Results) -> dict[str, list[int]]:
        """Give the seeds of the runs that it is drawn from, fresh ones too, by experiment."""
        runs = results.read("confirmation-runs")
        complete = runs[runs["status"] == "complete"]
        fresh = complete.groupby("experiment")["seed"].apply(list).to_dict()
        told = {
            id_ for one in _told(results) for id_ in (one.row["experiment"], one.row["reference"])
        }
        return {
            id_: [*seeds, *(map(int, fresh.get(id_, ())) if id_ in told else ())]
            for id_, seeds in super().runs(results).items()
        }

    def _something(self, results: Results) -> bool:
        return bool(results.findings.confirmations)

    def _draw(self, results: Results) -> "Figure":
        suggested = results.findings.confirmations
        height = min(0.42, (TALLEST - 1.2) / len(suggested))
        labels = [wrap(results.called(id_), 24) for id_ in suggested]
        figure = self.new(1.2 + height * len(suggested))
        axes = figure.subplots()
        notes = [f"{signed(one.first.mean)}\n{_fresh(one)}" for one in suggested.values()]
        marks.rows(axes, labels, notes, min(9.0, 72 * height / 2 / 1.35))
        marks.zero(axes, self.smallest)
        for place, one in enumerate(suggested.values()):
            self._gain(axes, one.first, place - 0.17, LIGHT.muted, FIRST, LIGHT.page)
            color = LIGHT.more if one.outcome == CONFIRMED else LIGHT.text
            self._gain(axes, one.fresh, place + 0.17, color, FRESH, color)
        marks.round_numbers(axes.xaxis, 8)
        axes.set_xlabel(f"Gain in test {results.study.metric.label} (percentage points)")
        marks.legend(
            figure,
            [
                marks.key("In the runs that chose it", LIGHT.muted, marker=FIRST, line="-",
                          linewidth=1.5, markerfacecolor=LIGHT.page, **SIZE),
                marks.key("With fresh seeds", LIGHT.text, marker=FRESH, line="-",
                          linewidth=1.5, **SIZE),
                marks.forest_keys(self.smallest)[-1],
            ],
        )  # fmt: skip
        return figure

    def _gain(
        self, axes: "Axes", gain: Effect, row: float, color: str, marker: str, face: str
    ) -> None:
        if gain.mean is None:
            return
        marks.interval(axes, gain, row, color=color, linewidth=1.5, zorder=3)
        axes.plot([percent(gain.mean)], [row], marker, color=color, markerfacecolor=face, zorder=4,
                  **SIZE)  # fmt: skip

    def _behind(self, results: Results) -> dict[str, Any]:
        suggested = results.findings.confirmations.values()
        return {
            "first": [one.first.n for one in suggested],
            "fresh": [one.fresh.n for one in suggested if one.fresh.n],
        }

    def _values(self, results: Results) -> dict[str, Any]:
        return {"suggested": list(results.findings.confirmations.values())}


def _told(results: Results) -> list[Confirmation]:
    """List the suggestions of which fresh seeds have said anything."""
    return [one for one in results.findings.confirmations.values() if one.fresh.n]


def _fresh(one: Confirmation) -> str:
    """Write the gain with fresh seeds, and what became of the suggestion."""
    return f"{signed(one.fresh.mean)}, {one.outcome}" if one.fresh.n else one.outcome
