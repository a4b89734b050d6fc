"""The figure of published accuracies beside ours. Matplotlib and pandas only to draw."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnn_study.figures import marks
from cnn_study.figures.colors import LIGHT
from cnn_study.figures.picture import Picture, new
from cnn_study.figures.results import Results
from cnn_study.figures.words import NO_RUN, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class PublishedAndOurs(Picture):
    """Published accuracies beside ours, grouped by the comparison they were published in."""

    template = "published-and-ours"

    def shown(self, results: Results) -> tuple[str, ...]:
        """Name the experiments that a published number belongs to."""
        return tuple(results.read("published")["experiment"].unique())

    def _draw(self, results: Results) -> "Figure":
        lines = self._lines(results)
        labels = [wrap(line if isinstance(line, str) else line["experiment"]) for line in lines]
        notes = ["" if isinstance(line, str) else self._note(line) for line in lines]
        figure = new(0.9 + 0.27 * len(lines))
        axes = figure.subplots()
        marks.rows(axes, labels, notes)
        for place, (line, label) in enumerate(zip(lines, axes.get_yticklabels(), strict=True)):
            if isinstance(line, str):
                label.set_fontweight("bold")
            else:
                self._row(axes, place, line, results)
        marks.accuracy_axis(axes.xaxis)
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
        return f"n = {count}, {self._verdict(row)}" if count else NO_RUN

    def _verdict(self, row: dict[str, Any]) -> str:
        if not _known(row["inside"]):
            return "no interval"
        return "inside" if row["inside"] else "outside"

    def _row(self, axes: "Axes", place: int, row: dict[str, Any], results: Results) -> None:
        names = ("test_accuracy_mean", "prediction_lower", "prediction_upper")
        published = 100 * row["published_test_accuracy"]
        mean, lower, upper = (100 * row[name] for name in names)
        axes.plot(
            [lower, upper], [place, place], solid_capstyle="butt", color=LIGHT.series[1],
            linewidth=7, alpha=0.3, zorder=1,
        )  # fmt: skip
        axes.plot([published, mean], [place, place], color=LIGHT.muted, linewidth=1, zorder=1.5)
        if row["complete_runs"]:
            marks.dots(axes, results.scores(row["experiment"]), place, LIGHT.series[0])
            marks.mean_line(axes, mean, place, LIGHT.series[1])
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
                marks.key("Our single runs", LIGHT.series[0], marker="o", markersize=4.5),
                marks.key("Our mean", LIGHT.series[1], **line),
                marks.key("95 % prediction interval", LIGHT.series[1], **bar),
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
