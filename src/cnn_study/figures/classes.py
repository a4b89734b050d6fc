"""Figures of single classes: what they are taken for, and what each change does to them.

Matplotlib and pandas are imported only to draw.
"""

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnn_study.base.inference import Effect
from cnn_study.evidence.judged import Change
from cnn_study.figures import marks
from cnn_study.figures.colors import LIGHT, diverging, rising
from cnn_study.figures.effects import run_extent
from cnn_study.figures.picture import TALLEST, WIDE, Picture
from cnn_study.figures.results import Results
from cnn_study.figures.words import NO_RUN, percent, signed, wrap

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_CLASSES_WITH_NUMBERS = 12
MOST_CHANGES = 40
"""Rows that a page holds."""

ROOM = 1.5
"""Percent beyond the end of an axis, where dots at 100 % have their other half."""

LONGEST_UPRIGHT = 5
"""Characters of a class's name that stand horizontally below its column."""

SURE = ("helps", "hurts")

COLORS = (LIGHT.muted, LIGHT.enhanced)
"""Of base and enhanced."""


@dataclass(frozen=True)
class Confusion(Picture):
    """What the images of each class were taken for, in percent, one matrix an experiment."""

    template = "confusion"
    width = WIDE

    experiments: tuple[str, ...]
    classes: tuple[str, ...]

    def _draw(self, results: Results) -> "Figure":
        titles = [wrap(results.called(id_)) for id_ in self.experiments]
        more = 0.15 * max(title.count("\n") for title in titles)
        figure = self.new((3.6 if len(titles) > 1 else 4.6) + more)
        panels = figure.subplots(1, len(self.experiments), sharey=True, squeeze=False)[0]
        summaries = results.of(self.experiments)
        for axes, summary, title in zip(panels, summaries, titles, strict=True):
            axes.set_title(title, color=LIGHT.text)
            axes.set_xlabel("Predicted class")
            axes.set_box_aspect(1)
            if summary.complete:
                self._matrix(axes, self._shares(results, summary.id))
            else:
                axes.text(0.5, 0.5, NO_RUN, transform=axes.transAxes, ha="center", style="italic")
        panels[0].set_ylabel("True class")
        return figure

    def _shares(self, results: Results, id_: str) -> "pandas.DataFrame":
        """Give percentages, true classes down, predicted classes across; rows add up to 100.

        The row of a class without test images is empty (NaN).
        """
        table = results.read("confusion")
        images = table[table["experiment"] == id_].pivot(
            index="true_class", columns="predicted_class", values="images"
        )
        images = images.loc[list(self.classes), list(self.classes)].astype(float)
        return 100 * images.div(images.sum(axis=1).replace(0, float("nan")), axis=0)

    def _matrix(self, axes: "Axes", shares: "pandas.DataFrame") -> None:
        words = shares.map(lambda share: str(int(share + 0.5)) if share >= 0.5 else "")
        few = len(self.classes) <= MOST_CLASSES_WITH_NUMBERS
        written = words.values.tolist() if few else ()
        marks.heat_map(axes, shares, written, (0, 100), rising)
        axes.set(xlabel="Predicted class", ylabel="")
        axes.tick_params(axis="x", rotation=90)

    def _values(self, results: Results) -> dict[str, Any]:
        matrices = [
            {"id": summary.id, **self._extremes(self._shares(results, summary.id))}
            if summary.complete
            else {"id": summary.id, "best": None}
            for summary in results.of(self.experiments)
        ]
        return {"matrices": matrices, "empty": self._without_images(results)}

    def _without_images(self, results: Results) -> list[str]:
        """Name the classes whose rows are empty."""
        table = results.read("confusion")
        images = table[table["experiment"].isin(self.experiments)].groupby("true_class")["images"]
        return [name for name, total in images.sum().items() if total == 0]

    def _extremes(self, shares: "pandas.DataFrame") -> dict[str, dict[str, Any]]:
        """Find the classes known best and worst, and the largest error."""
        shares = shares.dropna(how="all")
        right = {name: float(shares.loc[name, name]) for name in shares.index}
        worst, best = (choose(right, key=lambda name: right[name]) for choose in (min, max))
        wrong = {pair: share for pair, share in shares.stack().items() if pair[0] != pair[1]}
        (true, predicted), share = max(wrong.items(), key=lambda item: item[1])
        return {
            "worst": {"name": worst, "share": right[worst]},
            "best": {"name": best, "share": right[best]},
            "error": {"true": true, "predicted": predicted, "share": share},
        }


@dataclass(frozen=True)
class ClassBars(Picture):
    """How often the images of each class are recognized, by base and enhanced."""

    template = "class-bars"

    experiments: tuple[str, ...]
    classes: tuple[str, ...]

    def _draw(self, results: Results) -> "Figure":
        height = min(0.9 + 0.34 * len(self.classes), TALLEST)
        figure = self.new(height)
        axes = figure.subplots()
        order = self._order(results)
        marks.rows(axes, order, ())
        offsets = marks.spread(len(self.experiments), 0.4)
        for number, (id_, offset) in enumerate(zip(self.experiments, offsets, strict=True)):
            recalls, color = results.recalls(id_), COLORS[number]
            for row, name in enumerate(order):
                if single := recalls.get(name):
                    axes.barh(row + offset, statistics.fmean(single), 0.34, color=color, alpha=0.45)
                    marks.dots(axes, single, row + offset, color, 0.2)
        axes.set_xlim(0, 100 + ROOM)
        axes.set_xlabel("Recognized (% of the class)")
        keys = [
            marks.key(results.called(id_), COLORS[number], marker="s", markersize=7, alpha=0.6)
            for number, id_ in enumerate(self.experiments)
        ]
        marks.legend(figure, keys)
        return figure

    def _order(self, results: Results) -> list[str]:
        """List the classes, the one that the last experiment knows best first."""
        recalls = results.recalls(self.experiments[-1])
        return sorted(self.classes, key=lambda name: -statistics.fmean(recalls.get(name) or [0]))

    def _values(self, results: Results) -> dict[str, Any]:
        order = self._order(results)
        recalls = {
            id_: {name: statistics.fmean(single[name]) for name in order if name in single}
            for id_, single in ((id_, results.recalls(id_)) for id_ in self.experiments)
        }
        known = {name for shares in recalls.values() for name in shares}
        return {"recalls": recalls, "lacking": sorted(set(self.classes) - known)}


@dataclass(frozen=True)
class ClassEffects(Picture):
    """What each change does to the share of each class that is recognized, as a heat map.

    Attributes:
        questions: whose changes are shown.
        classes: the columns.
    """

    template = "class-effects"
    width = WIDE

    questions: tuple[str, ...]
    experiments: tuple[str, ...]
    classes: tuple[str, ...]

    def shown(self, results: Results) -> tuple[str, ...]:
        """Name the changes that have a row, and their references."""
        rows = [change for _, change in self._changes(results)]
        ids = [*(row.reference for row in rows), *(row.experiment for row in rows)]
        return tuple(id_ for id_ in self.experiments if id_ in ids)

    def _something(self, results: Results) -> bool:
        return bool(self._changes(results))

    def _changes(self, results: Results) -> list[tuple[str, Change]]:
        """Choose the changes, each with its question, in the order of the study."""
        candidates = self._candidates(results)
        kept = sorted(candidates, key=lambda pair: -abs(pair[1].test.mean or 0))[:MOST_CHANGES]
        return [pair for pair in candidates if pair in kept]

    def _candidates(self, results: Results) -> list[tuple[str, Change]]:
        """Give all changes that have runs to compare."""
        return [
            (question, change)
            for question in self.questions
            for change in results.changes(question)
            if change.test.n
        ]

    def _cells(self, results: Results) -> dict[str, dict[str, Effect]]:
        """Give the effect by change and class."""
        effects = results.findings.class_effects
        return {
            change.experiment: {
                name: effects[change.experiment, change.reference, name] for name in self.classes
            }
            for _, change in self._changes(results)
        }

    def _draw(self, results: Results) -> "Figure":
        import numpy

        cells = self._cells(results)
        means = [[percent(effect.mean) for effect in row.values()] for row in cells.values()]
        sure = [[effect.verdict in SURE for effect in row.values()] for row in cells.values()]
        figure = self.new(1 + min(0.34 * len(cells), TALLEST - 2))  # the caption is long
        axes = figure.subplots()
        reach = self._reach(cells)
        words = self._written(cells)
        colors = diverging
        marks.heat_map(axes, numpy.array(means), words, (-reach, reach), colors, gap=1, bold=sure)
        marks.label_cells(axes, list(map(results.called, cells)), self.classes)
        axes.tick_params(axis="y", labelsize=7.5)
        if max(map(len, self.classes)) > LONGEST_UPRIGHT:
            axes.set_xticklabels(self.classes, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_xlabel("Class")
        return figure

    def _written(self, cells: dict[str, dict[str, Effect]]) -> list[list[str]]:
        """Write each difference, with a dot where it is sure; many classes leave the dot only."""
        few = len(self.classes) <= MOST_CLASSES_WITH_NUMBERS
        return [
            [
                (signed(effect.mean, 1) if few and effect.mean is not None else "")
                + ("•" if effect.verdict in SURE else "")
                for effect in row.values()
            ]
            for row in cells.values()
        ]

    def _reach(self, cells: dict[str, dict[str, Effect]]) -> float:
        """Give the difference, in points, with the fullest colour: 19 of 20 are smaller."""
        means = (effect.mean for row in cells.values() for effect in row.values())
        sizes = sorted(abs(percent(mean)) for mean in means if mean is not None)
        return max([0.1, *sizes[: (19 * len(sizes) - 1) // 20 + 1]])

    def _behind(self, results: Results) -> dict[str, Any]:
        return {
            "paired": results.paired,
            "runs": run_extent(change for _, change in self._changes(results)),
        }

    def _values(self, results: Results) -> dict[str, Any]:
        cells = self._cells(results)
        return {
            "rows": [self._extremes(id_, row) for id_, row in cells.items()],
            "candidates": len(self._candidates(results)),
            "most_changes": MOST_CHANGES,
        }

    def _extremes(self, id_: str, row: dict[str, Effect]) -> dict[str, Any]:
        """Find the classes that a change does most and least for, and those it is sure of."""
        means = {name: effect.mean for name, effect in row.items() if effect.mean is not None}
        worst, best = (choose(means, key=lambda name: means[name]) for choose in (min, max))
        sure = [name for name in means if row[name].verdict in SURE]
        return {
            "id": id_,
            "worst": worst,
            "least": means[worst],
            "best": best,
            "most": means[best],
            "sure": sure,
        }
