"""The figure of networks of others beside ours, by what they cost. Matplotlib only to draw."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from cnn_study.evidence.results import Result
from cnn_study.figures import labels, marks
from cnn_study.figures.colors import LIGHT
from cnn_study.figures.cost import arrows, floor, logarithmic
from cnn_study.figures.picture import Picture
from cnn_study.figures.results import Results
from cnn_study.figures.words import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COSTS = {"macs": "MACs for one image", "parameters": "Parameters"}
"""What is paid: a panel each."""

EDGE: dict[str, Any] = {"markeredgecolor": LIGHT.page, "markeredgewidth": 0.7}
HOLLOW: dict[str, Any] = {"markerfacecolor": LIGHT.page, "markeredgewidth": 1.5, "markersize": 7}
"""How a network of others looks: nothing of ours is hollow."""


class Other(NamedTuple):
    """A network of others: accuracies in percent, costs None where they were not printed.

    Attributes:
        ends: of the bar: what is printed, with a standard deviation to either side.
    """

    id: str
    name: str
    macs: float | None
    parameters: float | None
    lowest: float
    highest: float
    ends: tuple[float, float]
    runs: int

    @property
    def middle(self) -> float:
        """Where its mark stands."""
        return (self.lowest + self.highest) / 2

    @property
    def cost(self) -> str:
        """Say what is printed of its cost."""
        known = {"MACs": self.macs, "parameters": self.parameters}
        return ", ".join(f"{cost:,.0f} {unit}" for unit, cost in known.items() if cost is not None)


@dataclass(frozen=True)
class Others(Picture):
    """Networks of others and ours, by MACs and by parameters.

    Attributes:
        experiments: those that may be compared.
        searches: whether there are winners of a search.
    """

    template = "others"

    experiments: tuple[str, ...]
    enhanced: str
    searches: bool

    def searched(self, results: Results) -> list[str]:
        """Name the records of the winners' own runs."""
        if not self.searches:
            return []
        runs, won = results.read("search-runs"), {row["price"] for row in self._winners(results)}
        runs = runs[(runs["stage"] == "winner") & (runs["status"] == "complete")]
        return list(runs[runs["price"].isin(won)]["record"])

    def _something(self, results: Results) -> bool:
        return bool(self._others(results))

    def _others(self, results: Results) -> list[Other]:
        return [_other(row) for row in results.read("others").to_dict("records")]

    def _winners(self, results: Results) -> list[dict[str, Any]]:
        rows = results.read("search-prices").to_dict("records") if self.searches else []
        return [row for row in rows if row["test_score"] == row["test_score"]]

    def _draw(self, results: Results) -> "Figure":
        figure = self.new(5.0)
        panels = figure.subplots(2, 1, sharey=True)
        for axes, (cost, label) in zip(panels, COSTS.items(), strict=True):
            self._panel(axes, results, cost)
            axes.set_xlabel(label)
            axes.set_ylabel("Test accuracy (%)")
            axes.grid()
        panels[0].margins(y=0.12)
        self._legend(figure, results)
        for axes, cost in zip(panels, COSTS, strict=True):
            self._name(figure, axes, results, cost)
        return figure

    def _panel(self, axes: "Axes", results: Results, cost: str) -> None:
        winners = self._winners(results)
        others = [each for each in self._others(results) if getattr(each, cost)]
        shown, below = self._ours(results)
        costs = [getattr(summary, cost) for summary in (*shown, *below)]
        costs += [row[cost] for row in winners] + [getattr(each, cost) for each in others]
        for summary in shown:
            self._experiment(axes, summary, cost)
        arrows(axes, [getattr(summary, cost) for summary in below], LIGHT.muted)
        for row in winners:
            ends = [100 * row["test_lower"], 100 * row["test_upper"]]
            axes.plot([row[cost]] * 2, ends, color=LIGHT.shades[1], linewidth=1.5, zorder=3)
            axes.plot([row[cost]], [100 * row["test_score"]], "*", color=LIGHT.shades[1],
                      markersize=12, zorder=5, **EDGE)  # fmt: skip
        for each in others:
            at = getattr(each, cost)
            axes.plot([at] * 2, each.ends, color=LIGHT.text, linewidth=1.2, zorder=3)
            axes.plot([at], [each.middle], _mark(each), color=LIGHT.text, zorder=5, **HOLLOW)
        logarithmic(axes, costs)

    def _experiment(self, axes: "Axes", summary: Result, cost: str) -> None:
        marker, color, size = "o", LIGHT.muted, 4
        if summary.id == self.enhanced:
            marker, color, size = "s", LIGHT.enhanced, 8
        if summary.id == "base":
            marker, color, size = "D", LIGHT.text, 7
        axes.plot([getattr(summary, cost)], [percent(summary.test.mean)], marker, color=color,
                  markersize=size, zorder=2.5, alpha=0.6 if size == 4 else 1, **EDGE)  # fmt: skip

    def _ours(self, results: Results) -> tuple[list[Result], list[Result]]:
        """Give our experiments, and those so much worse than all others that the axes leave out."""
        ours = [each for each in results.of(self.experiments) if each.complete]
        kept = [percent(each.test.mean) for each in ours if each.id in ("base", self.enhanced)]
        kept += [100 * row["test_score"] for row in self._winners(results)]
        low = floor([*kept, *(each.ends[0] for each in self._others(results))])
        return (
            [each for each in ours if percent(each.test.mean) >= low],
            [each for each in ours if percent(each.test.mean) < low],
        )

    def _name(self, figure: "Figure", axes: "Axes", results: Results, cost: str) -> None:
        """Write the names of the others beside their marks."""
        bars: dict[str, labels.Bar] = {}
        named = {}
        for each in self._others(results):
            if at := getattr(each, cost):
                bars[each.id] = (float(at), each.ends[0], each.middle, each.ends[1])
                named[each.id] = each.name
        for place, row in enumerate(self._winners(results)):
            ends = (100 * row["test_lower"], 100 * row["test_score"], 100 * row["test_upper"])
            bars[f"winner {place}"] = (float(row[cost]), *_known(ends))
        labels.place(figure, axes, bars, named, [])

    def _legend(self, figure: "Figure", results: Results) -> None:
        """Say what marks mean, of those that there are."""
        others = self._others(results)
        keys = [
            marks.key(text, LIGHT.text, marker=marker, **HOLLOW)
            for marker, text in MARKS.items()
            if any(_mark(each) == marker for each in others)
        ]
        if self._winners(results):
            look = {"marker": "*", "markersize": 12, **EDGE}
            keys.append(marks.key("Winner of the search", LIGHT.shades[1], **look))
        keys.append(marks.key("Base", LIGHT.text, marker="D", markersize=7, **EDGE))
        if self.enhanced != "base":
            keys.append(marks.key("Enhanced", LIGHT.enhanced, marker="s", markersize=8, **EDGE))
        keys.append(marks.key("Other experiments", LIGHT.muted, marker="o", markersize=4))
        marks.legend(figure, keys)

    def _values(self, results: Results) -> dict[str, Any]:
        others = self._others(results)
        shown, below = self._ours(results)
        return {
            "others": others,
            "spread": any(each.ends[0] < each.ends[1] for each in others),
            "winners": len(self._winners(results)),
            "below": len(below),
            "experiments": len(shown) + len(below),
        }

    def _behind(self, results: Results) -> dict[str, Any]:
        return {}


MARKS = {"o": "Others, one run", "p": "Others, mean of runs"}


def _mark(each: Other) -> str:
    return "o" if each.runs == 1 else "p"


def _other(row: dict[str, Any]) -> Other:
    lowest, highest = 100 * row["lowest_test_accuracy"], 100 * row["highest_test_accuracy"]
    deviation = row["standard_deviation"]
    beyond = 0.0 if deviation is None or deviation != deviation else 100 * float(deviation)
    macs, parameters = (
        None if row[name] is None or row[name] != row[name] else float(row[name]) for name in COSTS
    )
    return Other(row["other"], row["name"], macs, parameters, lowest, highest,
                 (lowest - beyond, highest + beyond), int(row["runs"]))  # fmt: skip


def _known(ends: Sequence[float]) -> tuple[float, float, float]:
    """Give the ends of a bar; of a winner without an interval its mean for both."""
    lower, mean, upper = ends
    return (mean, mean, mean) if lower != lower else (lower, mean, upper)
