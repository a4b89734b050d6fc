"""Figures of single classes: what they are taken for, and what each change does to them.

Matplotlib and pandas are imported only to draw.
"""

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnn_study.base.inference import Effect
from cnn_study.data.catalog import MOST_CLASSES
from cnn_study.evidence.judged import Change
from cnn_study.figures import marks
from cnn_study.figures.colors import LIGHT, diverging, rising
from cnn_study.figures.effects import run_extent
from cnn_study.figures.picture import TALLEST, WIDE, Picture
from cnn_study.figures.results import Results
from cnn_study.figures.words import NO_RUN, brief, percent, signed, wrap

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_CONFUSED = 20
"""Classes of a confusion matrix: two side by side have no room for the names of more."""

LONGEST_CONFUSED = 16
"""Characters of a name beside it."""

OTHERS = "others"
"""Column of the classes that have none of their own."""

BEST, WORST = 10, 20
"""Classes with bars at either end, where a study has more than `MOST_CLASSES`."""

MOST_SLANTED = 12
"""Names side by side that stand slanted; of more, each on its end."""

LONGEST_NAME = 24
"""Characters of a class's name beside an axis."""

MOST_CLASSES_WITH_NUMBERS = 12
MOST_CHANGES = 40
"""Rows that a page holds."""

ROOM = 1.5
"""Percent beyond the end of an axis, where dots at 100 % have their other half."""

LONGEST_UPRIGHT = 5
"""Characters of a class's name that stand horizontally below its column."""

GAP = "…"
"""Stands where classes are left out."""

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

    def _shown(self, results: Results) -> list[str]:
        """Choose the classes: all, or of many those confused most, by the images misread."""
        if len(self.classes) <= MOST_CONFUSED:
            return list(self.classes)
        table = results.read("confusion")
        ours = table["experiment"].isin(self.experiments)
        wrong = table[
            ours & (table["true_class"] != table["predicted_class"]) & (table["images"] > 0)
        ]
        pairs = wrong.groupby(["true_class", "predicted_class"], sort=False)["images"].sum()
        kept: dict[str, None] = {}
        for pair in pairs.sort_values(ascending=False, kind="stable").index:
            if len({*kept, *pair}) > MOST_CONFUSED:
                break
            kept |= dict.fromkeys(pair)
        if not kept:  # nothing is misread
            return list(self.classes[:MOST_CONFUSED])
        return [name for name in self.classes if name in kept]

    def _draw(self, results: Results) -> "Figure":
        titles = [wrap(results.called(id_)) for id_ in self.experiments]
        more = 0.15 * max(title.count("\n") for title in titles)
        more += 0.06 * max(map(len, brief(self._shown(results), LONGEST_CONFUSED)))
        figure = self.new((3.2 if len(titles) > 1 else 4.2) + more)
        panels = figure.subplots(1, len(self.experiments), sharey=True, squeeze=False)[0]
        summaries = results.of(self.experiments)
        for axes, summary, title in zip(panels, summaries, titles, strict=True):
            axes.set_title(title, color=LIGHT.text)
            axes.set_xlabel("Predicted class")
            axes.set_box_aspect(1)
            if summary.complete:
                self._matrix(axes, self._part(results, summary.id))
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
        images = images.reindex(index=list(self.classes), columns=list(self.classes))
        images = images.astype(float).fillna(0)
        return 100 * images.div(images.sum(axis=1).replace(0, float("nan")), axis=0)

    def _part(self, results: Results, id_: str) -> "pandas.DataFrame":
        """Give the percentages of the classes shown, with a column for all others, if any."""
        shares, shown = self._shares(results, id_), self._shown(results)
        part = shares.loc[shown, shown].copy()
        if len(shown) < len(self.classes):
            part[OTHERS] = 100 - part.sum(axis=1, skipna=False)
        return part.set_axis(brief(shown, LONGEST_CONFUSED), axis=0).set_axis(
            [*brief(shown, LONGEST_CONFUSED), *part.columns[len(shown) :]], axis=1
        )

    def _matrix(self, axes: "Axes", shares: "pandas.DataFrame") -> None:
        words = shares.map(lambda share: str(int(share + 0.5)) if share >= 0.5 else "")
        few = len(shares.columns) <= MOST_CLASSES_WITH_NUMBERS
        written = words.values.tolist() if few else ()
        marks.heat_map(axes, shares, written, (0, 100), rising)
        axes.set(xlabel="Predicted class", ylabel="")
        ticks = [place + 0.5 for place in range(len(shares))]
        axes.set_yticks(ticks, list(shares.index))  # each, or Matplotlib leaves some out
        axes.set_xticks([*ticks, *([len(ticks) + 0.5] if OTHERS in shares else [])],
                        list(shares.columns))  # fmt: skip
        axes.tick_params(axis="x", rotation=90)
        if not few:
            axes.tick_params(labelsize=7.5)

    def _values(self, results: Results) -> dict[str, Any]:
        matrices = [
            {"id": summary.id, **self._extremes(self._shares(results, summary.id))}
            if summary.complete
            else {"id": summary.id, "best": None}
            for summary in results.of(self.experiments)
        ]
        return {
            "matrices": matrices,
            "empty": self._without_images(results),
            "shown": len(self._shown(results)),
        }

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
        wrong = shares.copy()
        for name in wrong.index:
            wrong.loc[name, name] = -1.0
        predictions = wrong.idxmax(axis=1)
        true = wrong.max(axis=1).idxmax()
        predicted, share = predictions[true], float(wrong.loc[true].max())
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
        order = self._shown(results)
        height = min(0.9 + 0.34 * len(order), TALLEST)
        figure = self.new(height)
        axes = figure.subplots()
        marks.rows(axes, brief(order, LONGEST_NAME), ())
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

    def _shown(self, results: Results) -> list[str]:
        """List the classes with bars, best first: all, or of many both ends with a gap between."""
        order = self._order(results)
        if len(order) <= MOST_CLASSES:
            return order
        return [*order[:BEST], GAP, *order[-WORST:]]

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
        shown = self._shown(results)
        return {
            "recalls": {
                id_: {name: share for name, share in shares.items() if name in shown}
                for id_, shares in recalls.items()
            },
            "lacking": sorted(set(self.classes) - known),
            "most": (BEST, WORST) if GAP in shown else None,
        }


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
        """Give the effect by change and class; of many classes those with the largest effects."""
        effects, changes = results.findings.class_effects, self._changes(results)

        def size(name: str) -> float:
            own = (effects[change.experiment, change.reference, name] for _, change in changes)
            return max(abs(effect.mean or 0) for effect in own)

        shown = set(self.classes)
        if len(self.classes) > MOST_CLASSES:
            shown = set(sorted(self.classes, key=lambda name: -size(name))[:MOST_CLASSES])
        return {
            change.experiment: {
                name: effects[change.experiment, change.reference, name]
                for name in self.classes
                if name in shown
            }
            for _, change in changes
        }

    def _draw(self, results: Results) -> "Figure":
        import numpy

        cells = self._cells(results)
        means = [[percent(effect.mean) for effect in row.values()] for row in cells.values()]
        sure = [[effect.verdict in SURE for effect in row.values()] for row in cells.values()]
        names = brief([*next(iter(cells.values()))], LONGEST_NAME)
        upright = 0.06 * max(0, max(map(len, names)) - 10)
        figure = self.new(1 + upright + min(0.34 * len(cells), TALLEST - 2 - upright))
        axes = figure.subplots()
        reach = self._reach(cells)
        words = self._written(cells)
        colors = diverging
        marks.heat_map(axes, numpy.array(means), words, (-reach, reach), colors, gap=1, bold=sure)
        marks.label_cells(axes, list(map(results.called, cells)), names)
        axes.tick_params(axis="y", labelsize=7.5)
        if len(names) > MOST_SLANTED:
            axes.tick_params(axis="x", rotation=90, labelsize=7.5)
        elif max(map(len, names)) > LONGEST_UPRIGHT:
            axes.set_xticklabels(names, rotation=45, ha="right", rotation_mode="anchor")
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
            "most_classes": MOST_CLASSES if len(self.classes) > MOST_CLASSES else None,
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
