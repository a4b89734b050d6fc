"""Figures over the epochs: accuracy or loss of training and validation images.

Matplotlib and pandas are imported only to draw.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnn_study.figures import marks
from cnn_study.figures.colors import LIGHT
from cnn_study.figures.picture import Picture, new
from cnn_study.figures.results import Results, Summary
from cnn_study.figures.words import NO_RUN, wrap

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MEASURED = ("training", "validation")
"""Images whose scores the curves show."""

DASHED = (0, (4, 1.5))


@dataclass(frozen=True)
class Measure:
    """What is drawn over the epochs.

    Attributes:
        factor: makes the table's numbers those of the picture.
        unit: behind a number in words.
        corner: y of a note inside the axes (share), and how it is aligned: where curves are not.
    """

    name: str
    label: str
    factor: float
    unit: str
    digits: int
    corner: tuple[float, str]
    explained: str


ACCURACY = Measure("accuracy", "Accuracy (%)", 100, " %", 1, (0.03, "bottom"), "Accuracy")
LOSS = Measure(
    "loss", "Loss (nats)", 1, "", 2, (0.97, "top"), "Loss (mean cross-entropy in nats, less is "
    "better)"
)  # fmt: skip


@dataclass(frozen=True)
class LearningCurves(Picture):
    """One measure of training and validation images over the epochs, one panel an experiment."""

    experiments: tuple[str, ...]
    measure: Measure = ACCURACY

    def _draw(self, results: Results) -> "Figure":
        curves = self._curves(results)
        figure = new(3.1)
        panels = figure.subplots(1, len(self.experiments), sharey=True, squeeze=False)[0]
        for axes, summary in zip(panels, results.of(self.experiments), strict=True):
            self._panel(axes, curves[curves["experiment"] == summary.id], summary)
            if lowest := _lowest_loss(results, summary.id):
                self._mark_lowest(axes, *lowest)
        panels[0].set_ylabel(self.measure.label)
        named = [line for axes in panels for line in axes.lines if line.get_label()[0] != "_"]
        keys = {line.get_label(): line for line in named}
        figure.legend(keys.values(), keys, loc="outside upper center", ncols=3, handlelength=3)
        return figure

    def _curves(self, results: Results) -> "pandas.DataFrame":
        """Put the epochs of complete runs into long form: the measure, and of what images."""
        long = _epochs(results).melt(
            ["experiment", "seed", "epoch"],
            [f"{images}_{self.measure.name}" for images in MEASURED],
            var_name="images",
            value_name="score",
        )
        long["images"] = long["images"].str.removesuffix(f"_{self.measure.name}")
        long["score"] = self.measure.factor * long["score"].astype(float)
        return long.dropna()

    def _panel(self, axes: "Axes", curves: "pandas.DataFrame", summary: Summary) -> None:
        from matplotlib.ticker import MaxNLocator

        axes.set_title("\n".join([wrap(summary.id), *summary.troubles]), color=LIGHT.text)
        axes.set_xlabel("Epoch")
        axes.grid(axis="y")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
        if not summary.complete:
            axes.text(0.5, 0.5, NO_RUN, transform=axes.transAxes, ha="center", style="italic")
            return
        for images, color, line in zip(MEASURED, LIGHT.series, ("-", DASHED), strict=False):
            own = curves[curves["images"] == images]
            table = own.pivot(index="epoch", columns="seed", values="score")
            if not table.empty:
                self._curve(axes, table, color, linestyle=line, label=images.capitalize())

    def _curve(self, axes: "Axes", table: "pandas.DataFrame", color: str, **options: Any) -> None:
        """Draw a table (epoch, seed): band, single runs and mean."""
        ends = table.min(axis=1), table.max(axis=1)
        axes.fill_between(table.index, *ends, color=color, alpha=0.2, linewidth=0)
        axes.plot(table, color=color, linewidth=0.5, alpha=0.5)
        axes.plot(table.mean(axis=1), color=color, linewidth=2, **options)

    def _mark_lowest(self, axes: "Axes", epoch: int, last: int) -> None:
        """Draw an upright line where the validation loss is lowest, and say so beside it."""
        height, alignment = self.measure.corner
        axes.axvline(epoch, color=LIGHT.muted, linestyle=marks.DOTTED, linewidth=1.2, zorder=1)
        end = "the last epoch:\nit still falls" if epoch == last else f"epoch {epoch}"
        left = 2 * epoch > last
        axes.annotate(
            f"validation loss\nlowest: {end}",
            (epoch, height),
            (-4 if left else 4, 0),
            xycoords=axes.get_xaxis_transform(),
            textcoords="offset points",
            ha="right" if left else "left",
            va=alignment,
            fontsize=7,
            color=LIGHT.muted,
        )

    def _explain(self, results: Results) -> str:
        name = self.measure.name
        return (
            f"{self.measure.explained} over the epochs. Thick lines: mean over the seeds; bands: "
            "from the smallest to the largest seed; thin lines: single runs. "
            f"Training {name} is measured during the epoch, while the weights change; validation "
            f"{name} after it, on images held out. {self._overfitting(results)}"
        )

    def _overfitting(self, results: Results) -> str:
        found = {id_: _lowest_loss(results, id_) for id_ in self.experiments}
        parts = [
            f"{id_}: in the last epoch, {last}, where it still falls"
            if epoch == last
            else f"{id_}: in epoch {epoch}, after which the network overfits"
            for id_, (epoch, last) in ((id_, at) for id_, at in found.items() if at)
        ]
        if not parts:
            return ""
        return f"Dotted upright line: lowest mean validation loss ({'; '.join(parts)})."

    def _tell(self, results: Results) -> str:
        curves = self._curves(results)
        parts = [self._alt_of(results, one, curves) for one in results.of(self.experiments)]
        return f"Line chart of {self.measure.name} over the epochs. {' '.join(parts)}"

    def _alt_of(self, results: Results, summary: Summary, curves: "pandas.DataFrame") -> str:
        if not summary.complete:
            return f"{summary.id}: {NO_RUN}."
        own = curves[curves["experiment"] == summary.id]
        means = own.groupby(["images", "epoch"])["score"].mean()
        parts = [
            f"{images} {self.measure.name} goes from {self._number(line.iloc[0])} to "
            f"{self._number(line.iloc[-1])}"
            for images in MEASURED
            if len(line := means[means.index.get_level_values("images") == images])
        ]
        if lowest := _lowest_loss(results, summary.id):
            still = ", where it still falls" if lowest[0] == lowest[1] else ""
            parts.append(f"validation loss is lowest after epoch {lowest[0]}{still}")
        return f"{summary.id}, epoch 1 to {own['epoch'].max()}: {', '.join(parts)}."

    def _number(self, score: float) -> str:
        return f"{score:.{self.measure.digits}f}{self.measure.unit}"


def _epochs(results: Results) -> "pandas.DataFrame":
    """Give the epochs of complete runs."""
    return results.read("epochs").merge(results.runs[["experiment", "seed"]])


def _lowest_loss(results: Results, id_: str) -> tuple[int, int] | None:
    """Find the epoch with the lowest mean validation loss, and the last epoch.

    Returns:
        None without a complete run, or where no images are held out.
    """
    epochs = _epochs(results)
    epochs = epochs[epochs["experiment"] == id_].dropna(subset="validation_loss")
    if epochs.empty:
        return None
    means = epochs.groupby("epoch")["validation_loss"].mean()
    return int(means.idxmin()), int(means.index.max())
