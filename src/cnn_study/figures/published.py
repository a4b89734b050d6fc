"""The figure of published accuracies beside ours. Matplotlib and pandas only to draw."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnn_study.figures import marks
from cnn_study.figures.colors import LIGHT
from cnn_study.figures.picture import Picture
from cnn_study.figures.results import Results
from cnn_study.figures.words import NO_RUN, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


LONGEST_LABEL = 38
"""Characters of a label before it goes on in a second line."""


@dataclass(frozen=True)
class PublishedAndOurs(Picture):
    """Published accuracies beside ours, grouped by the comparison they were published in."""

    template = "published-and-ours"

    def shown(self, results: Results) -> tuple[str, ...]:
        """Name the experiments that a published number belongs to."""
        return tuple(results.read("published")["experiment"].unique())

    def _draw(self, results: Results) -> "Figure":
        lines = self._lines(results)
        labels = [
            "" if isinstance(line, str) else wrap(results.called(line["experiment"]), LONGEST_LABEL)
            for line in lines
        ]
        notes = ["" if isinstance(line, str) else self._note(line) for line in lines]
        figure = self.new(0.9 + 0.27 * len(lines))
        axes = figure.subplots()
        marks.rows(axes, labels, notes)
        titles = {place: (line, "") for place, line in enumerate(lines) if isinstance(line, str)}
        marks.headings(figure, axes, titles)
        for place, line in enumerate(lines):
            if not isinstance(line, str):
                self._row(axes, place, line, results)
        marks.score_axis(axes.xaxis)
        self._legend(figure)
        return figure

    def _lines(self, results: Results) -> list[str | dict[str, Any]]:
        """Give the rows of the table, below a heading for each comparison."""
        rows = results.read("published").to_dict("records")
        headings = dict.fromkeys(row["comparison"] for row in rows)
        return [
            line
            for heading in headings
            for line in (heading, *(row for row in rows if row["comparison"] == heading))
        ]

    def _note(self, row: dict[str, Any]) -> str:
        count = int(row["complete_runs"])
        return self._verdict(row) if count else NO_RUN

    def _verdict(self, row: dict[str, Any]) -> str:
        if not _known(row["inside"]):
            return "no interval"
        return "inside" if row["inside"] else "outside"

    def _row(self, axes: "Axes", place: int, row: dict[str, Any], results: Results) -> None:
        names = ("test_accuracy_mean", "prediction_lower", "prediction_upper")
        published = 100 * row["published_test_accuracy"]
        mean, lower, upper = (100 * row[name] for name in names)
        axes.plot(
            [lower, upper], [place, place], solid_capstyle="butt", color=LIGHT.muted,
            linewidth=7, alpha=0.3, zorder=1,
        )  # fmt: skip
        axes.plot([published, mean], [place, place], color=LIGHT.muted, linewidth=1, zorder=1.5)
        if row["complete_runs"]:
            marks.dots(axes, results.scores(row["experiment"]), place, LIGHT.muted)
            marks.mean_line(axes, mean, place, LIGHT.text)
        axes.plot(
            [published], [place], "x", color=LIGHT.text, markersize=7, markeredgewidth=2, zorder=4
        )

    def _legend(self, figure: "Figure") -> None:
        bar = {"line": "-", "linewidth": 7, "alpha": 0.3, "solid_capstyle": "butt"}
        cross = {"marker": "x", "markersize": 7, "markeredgewidth": 2}
        line = {"marker": "|", "markersize": 9, "markeredgewidth": 2.5}
        marks.legend(
            figure,
            [
                marks.key("Published", LIGHT.text, **cross),
                marks.key("Our single runs", LIGHT.muted, marker="o", markersize=4.5),
                marks.key("Our mean", LIGHT.text, **line),
                marks.key("95 % prediction interval", LIGHT.muted, **bar),
            ],
            columnspacing=1.2,
        )

    def _values(self, results: Results) -> dict[str, Any]:
        rows = results.read("published").to_dict("records")
        judged = [row for row in rows if _known(row["inside"])]
        compared = [
            {
                "comparison": row["comparison"],
                "summary": results.experiments[row["experiment"]],
                "published": row["published_test_accuracy"],
                "verdict": self._verdict(row),
            }
            for row in rows
        ]
        inside = sum(bool(row["inside"]) for row in judged)
        return {"rows": compared, "judged": len(judged), "inside": inside}


def _known(value: Any) -> bool:
    import pandas

    return not pandas.isna(value)
