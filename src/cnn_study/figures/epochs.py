"""Figures over the epochs: accuracy or loss of training and validation images.

Matplotlib and pandas are imported only to draw.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnn_study.base.inference import Turn, loss_turn
from cnn_study.evidence.results import Result
from cnn_study.figures import marks
from cnn_study.figures.colors import LIGHT
from cnn_study.figures.picture import Picture
from cnn_study.figures.results import Results
from cnn_study.figures.words import NO_RUN, troubles, wrap

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MEASURED = ("training", "validation")
"""Images whose scores the curves show."""

DASHED = (0, (4, 1.5))

LINES = (("training", LIGHT.muted, "-"), ("validation", LIGHT.validation, DASHED))
"""Images, colour and line of each curve."""

POINTS = {"training": "s", "validation": "o"}
"""How each looks where it has one epoch, of which no line can be drawn."""


def point(images: str, table: "pandas.DataFrame", size: float) -> dict[str, Any]:
    """Give the marks of a curve (epoch, …): none but where it has one epoch."""
    return {"marker": POINTS[images], "markersize": size} if len(table) == 1 else {}


@dataclass(frozen=True)
class Measure:
    """What is drawn over the epochs.

    Attributes:
        factor: makes the table's numbers those of the picture.
        unit: behind a number in words.
        marked: whether the epoch with the lowest validation loss is.
    """

    name: str
    label: str
    factor: float
    unit: str
    digits: int
    marked: bool


ACCURACY = Measure("accuracy", "Accuracy (%)", 100, " %", 1, False)
LOSS = Measure("loss", "Loss (nats)", 1, "", 2, True)


@dataclass(frozen=True)
class LearningCurves(Picture):
    """One measure of training and validation images over the epochs, one panel an experiment."""

    template = "learning-curves"

    experiments: tuple[str, ...]
    measure: Measure = ACCURACY

    def _draw(self, results: Results) -> "Figure":
        curves = self._curves(results)
        figure = self.new(3.1)
        panels = figure.subplots(1, len(self.experiments), sharey=True, squeeze=False)[0]
        for axes, summary in zip(panels, results.of(self.experiments), strict=True):
            self._panel(axes, curves[curves["experiment"] == summary.id], summary, results)
            if turn := self._turn(results, summary.id):
                self._mark_lowest(axes, turn)
        panels[0].set_ylabel(self.measure.label)
        named = [line for axes in panels for line in axes.lines if line.get_label()[0] != "_"]
        keys = {line.get_label(): line for line in named}
        figure.legend(keys.values(), keys, loc="outside upper center", ncols=3, handlelength=3)
        return figure

    def _curves(self, results: Results) -> "pandas.DataFrame":
        """Put the epochs of complete runs into long form: the measure, and of what images."""
        long = results.tables.epochs.melt(
            ["experiment", "seed", "epoch"],
            [f"{images}_{self.measure.name}" for images in MEASURED],
            var_name="images",
            value_name="score",
        )
        long["images"] = long["images"].str.removesuffix(f"_{self.measure.name}")
        long["score"] = self.measure.factor * long["score"].astype(float)
        return long.dropna()

    def _panel(
        self, axes: "Axes", curves: "pandas.DataFrame", summary: Result, results: Results
    ) -> None:
        from matplotlib.ticker import MaxNLocator

        axes.set_title(
            "\n".join([wrap(results.called(summary.id), 26), *troubles(summary)]),
            color=LIGHT.text,
        )
        axes.set_xlabel("Epoch")
        axes.grid(axis="y")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
        if not summary.complete:
            axes.text(0.5, 0.5, NO_RUN, transform=axes.transAxes, ha="center", style="italic")
            return
        for images, color, line in LINES:
            own = curves[curves["images"] == images]
            table = own.pivot(index="epoch", columns="seed", values="score")
            if not table.empty:
                self._curve(axes, table, images, color=color, linestyle=line)

    def _curve(
        self, axes: "Axes", table: "pandas.DataFrame", images: str, color: str, linestyle: Any
    ) -> None:
        """Draw a table (epoch, seed): band, single runs and mean."""
        ends = table.min(axis=1), table.max(axis=1)
        axes.fill_between(table.index, *ends, color=color, alpha=0.2, linewidth=0)
        axes.plot(table, color=color, linewidth=0.5, alpha=0.5, **point(images, table, 3))
        axes.plot(
            table.mean(axis=1), color=color, linewidth=2, linestyle=linestyle,
            label=images.capitalize(), **point(images, table, 7),
        )  # fmt: skip

    def _turn(self, results: Results, id_: str) -> Turn | None:
        """Find what is marked: nothing in a figure of accuracies, or of one epoch."""
        turn = loss_turn(_validation_losses(results, id_)) if self.measure.marked else None
        return turn if turn and turn.last > 1 else None

    def _mark_lowest(self, axes: "Axes", turn: Turn) -> None:
        """Draw a vertical line where the validation loss is lowest, and say so beside it."""
        axes.axvline(
            turn.lowest, color=LIGHT.muted, linestyle=marks.DOTTED, linewidth=1.2, zorder=1
        )
        then = ",\nthen up" if turn.rises else ""
        left = 2 * turn.lowest > turn.last
        axes.annotate(
            f"lowest:\nepoch {turn.lowest}{then}",
            (turn.lowest, 0.97),
            (-4 if left else 4, 0),
            xycoords=axes.get_xaxis_transform(),
            textcoords="offset points",
            ha="right" if left else "left",
            va="top",
            fontsize=9,
            color=LIGHT.muted,
        )

    def _values(self, results: Results) -> dict[str, Any]:
        curves = self._curves(results)
        panels = [
            {
                "id": summary.id,
                "turn": self._turn(results, summary.id),
                **self._ends(curves[curves["experiment"] == summary.id], summary),
            }
            for summary in results.of(self.experiments)
        ]
        drawn = curves[curves["experiment"].isin(self.experiments)]["epoch"]
        several = drawn.empty or bool(drawn.max() > 1)
        return {"measure": self.measure, "panels": panels, "several": several}

    def _ends(self, curves: "pandas.DataFrame", summary: Result) -> dict[str, Any]:
        """Give the last epoch of an experiment, and its mean scores in the first and the last."""
        if not summary.complete:
            return {"lines": []}
        means = curves.groupby(["images", "epoch"])["score"].mean()
        by_images = {
            images: means[means.index.get_level_values("images") == images] for images in MEASURED
        }
        lines = [
            {"images": images, "first": line.iloc[0], "last": line.iloc[-1]}
            for images, line in by_images.items()
            if len(line)
        ]
        return {"lines": lines, "epochs": curves["epoch"].max()}


def _validation_losses(results: Results, id_: str) -> list[list[float]]:
    """Give the validation loss of each epoch, for each seed that has one in all of them."""
    epochs = results.tables.epochs
    own = epochs[epochs["experiment"] == id_]
    losses = own.pivot(index="seed", columns="epoch", values="validation_loss").dropna()
    return losses.values.tolist()
