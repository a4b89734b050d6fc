"""The figure of the first page: the models worth a name, their accuracy over their arithmetic.

Names stand at the points, so that nobody has to look them up. Matplotlib is imported only to draw.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnn_study.base.inference import Effect, effect
from cnn_study.evidence.results import Result, best_of
from cnn_study.figures import marks
from cnn_study.figures.colors import LIGHT
from cnn_study.figures.cost import logarithmic
from cnn_study.figures.labels import bar_boxes, best_box
from cnn_study.figures.picture import Picture, new, settle
from cnn_study.figures.results import Results
from cnn_study.figures.words import percent, score, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE = (4.2, 2.4)
"""Inches: so narrow that text of 9 points is 10 pixels high on a phone."""

HEIGHT = 137
"""Points that the axis of accuracies is high, about."""

MARGIN = 0.16
"""Share of what the points span that is left free above them, and below."""

TEXT = 9
SPACING = 1.2

NAME = 18
"""Characters of a name before it goes on in a second line."""


@dataclass(frozen=True)
class Named:
    """One point of the picture.

    Attributes:
        kind: base, enhanced, best or winner.
        runs: the complete ones behind its mean.
        test: mean test score with its interval, shares.
    """

    kind: str
    name: str
    macs: int
    test: Effect

    @property
    def ends(self) -> tuple[float, float, float]:
        """Lower end, mean and upper end in percent; without an interval thrice the mean.

        No share lies beyond 0 and 100, whatever the interval of few runs says.
        """
        lower, upper = self.test.lower, self.test.upper
        mean = percent(self.test.mean)
        if lower is None or upper is None:
            return mean, mean, mean
        return max(percent(lower), 0.0), mean, min(percent(upper), 100.0)


LOOKS = {
    "base": (LIGHT.muted, "D", 7),
    "enhanced": (LIGHT.enhanced, "s", 7.5),
    "best": (LIGHT.text, "o", 7.5),
    "winner": (LIGHT.shades[1], "*", 12),
}
"""Colour, marker and its size, by the kind of a point."""


@dataclass(frozen=True)
class Overview(Picture):
    """Mean test score over MACs of base, enhanced, best experiment and the search's winners.

    Attributes:
        experiments: among which the validation images choose the best.
        budgets: (id, title) of each of the search's.
    """

    template = "overview"

    experiments: tuple[str, ...]
    enhanced: str
    budgets: tuple[tuple[str, str], ...] = ()

    def shown(self, results: Results) -> tuple[str, ...]:
        """Name the experiments in the picture."""
        return tuple(self._kinds(results))

    def searched(self, results: Results) -> list[str]:
        """Name the records of the winners' own runs."""
        runs, won = results.read("search-runs"), {row["price"] for row in self._winners(results)}
        runs = runs[(runs["stage"] == "winner") & (runs["status"] == "complete")]
        return list(runs[runs["price"].isin(won)]["record"])

    def _kinds(self, results: Results) -> dict[str, str]:
        """Give the experiments by what they are in the picture; an earlier kind goes before."""
        best = best_of({id_: results.experiments[id_] for id_ in self.experiments})
        kinds = {"base": "base"}
        kinds.setdefault(self.enhanced, "enhanced")
        if best:
            kinds.setdefault(best.id, "best")
        return kinds

    def _winners(self, results: Results) -> list[dict[str, Any]]:
        rows = results.read("search-prices").to_dict("records") if self.budgets else []
        return [row for row in rows if row["test_score"] == row["test_score"]]

    def _points(self, results: Results) -> list[Named]:
        """List what has a complete run: experiments, then winners."""
        points = [
            _of_experiment(results, kind, results.experiments[id_])
            for id_, kind in self._kinds(results).items()
        ]
        points = [point for point in points if point.test.n]
        titles = dict(self.budgets)
        return [*points, *(_of_winner(row, titles) for row in self._winners(results))]

    def _something(self, results: Results) -> bool:
        return bool(self._points(results))

    def _draw(self, results: Results) -> "Figure":
        points = self._points(results)
        figure = new(SIZE[1])
        figure.set_size_inches(*SIZE)
        axes = figure.subplots()
        places = [(point.macs, point.ends[1]) for point in points]
        for number, (point, place) in enumerate(zip(points, places, strict=True), start=1):
            _mark(axes, point, places[number:].count(place))
        logarithmic(axes, [point.macs for point in points])
        axes.margins(y=MARGIN)
        axes.tick_params(labelsize=TEXT)
        axes.set_xlabel("MACs for one image")
        axes.set_ylabel(f"Test {results.study.metric.label} (%)")
        marks.round_numbers(axes.yaxis, 6)
        _write_names(figure, axes, points)
        return figure

    def _behind(self, results: Results) -> dict[str, Any]:
        runs = [point.test.n for point in self._points(results)]
        return {"least": min(runs, default=0), "most": max(runs, default=0)}

    def _values(self, results: Results) -> dict[str, Any]:
        points = self._points(results)
        intervals = [point for point in points if point.test.lower is not None]
        return {"points": points, "intervals": len(intervals), "hidden": _hidden(points)}


def _of_experiment(results: Results, kind: str, summary: Result) -> Named:
    scores = results.tables.scores(summary.id, "test_score")
    return Named(
        kind,
        results.tables.study.full_label(summary.id),
        summary.macs,
        effect(list(scores.values())),
    )


def _of_winner(row: dict[str, Any], titles: dict[str, str]) -> Named:
    title = titles[row["price"]]
    name = f"found by search, {title[0].lower()}{title[1:]}"
    return Named("winner", name, int(row["macs"]), test_of_winner(row))


def test_of_winner(row: dict[str, Any]) -> Effect:
    """Give the mean test score of a winner with its interval, shares."""
    lower, upper = (
        None if row[end] != row[end] else float(row[end]) for end in ("test_lower", "test_upper")
    )
    return Effect(int(row["runs"]), float(row["test_score"]), lower=lower, upper=upper)


def _hidden(points: list[Named]) -> int:
    """Count the intervals that are smaller than their marks."""
    ends = [end for point in points for end in point.ends]
    span = (1 + 2 * MARGIN) * (max(ends, default=0.0) - min(ends, default=0.0))
    return sum(marks.is_hidden(point.test, LOOKS[point.kind][1:], span, HEIGHT) for point in points)


def _mark(axes: "Axes", point: Named, over: int) -> None:
    """Draw a point; the more others lie over it, in its very place, the larger, so that all show.

    Args:
        over: how many do.
    """
    color, marker, size = LOOKS[point.kind]
    low, mean, high = point.ends
    axes.plot([point.macs] * 2, [low, high], color=color, linewidth=1.6, zorder=3)
    axes.plot(
        [point.macs], [mean], marker, color=color, markersize=size + 5 * over,
        markeredgecolor=LIGHT.page, markeredgewidth=0.7, zorder=4,
    )  # fmt: skip


def label(point: Named) -> str:
    """Write the name of a point with its mean; what a winner may cost stands on the axis."""
    name = "search" if point.kind == "winner" else point.name
    return wrap(f"{name} {score(point.test.mean)}\N{NO-BREAK SPACE}%", NAME)


def _write_names(figure: "Figure", axes: "Axes", points: list[Named]) -> None:
    """Write each name where it covers neither another name nor a point, the highest first."""
    settle(figure)
    scale = 72 / figure.dpi
    frame = [edge * scale for edge in axes.get_window_extent().extents]
    shapes = {
        point: axes.transData.transform([(point.macs, height) for height in point.ends]) * scale
        for point in points
    }
    taken = [box for shape in shapes.values() for box in bar_boxes(shape)]
    for point in sorted(points, key=lambda point: (-point.ends[1], point.name)):
        x, y = map(float, shapes[point][1])
        box = best_box((x, y), _size(label(point)), taken, frame)
        text = axes.annotate(
            label(point), (point.macs, point.ends[1]), (box[0] - x, box[1] - y + 2),
            textcoords="offset points", fontsize=TEXT, linespacing=SPACING,
        )  # fmt: skip
        text.set_in_layout(False)
        taken.append(box)


def _size(words: str) -> tuple[float, float]:
    """Give width and height of a text in points."""
    from matplotlib.textpath import TextPath

    lines = words.split("\n")
    width = max(TextPath((0, 0), line, size=TEXT).get_extents().width for line in lines)
    return width + 2, SPACING * TEXT * len(lines) + 2
