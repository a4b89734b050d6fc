"""Figures of the search: what was tried, what mattered, and what the winners are worth.

All numbers come from tables and evidence. Matplotlib is imported only to draw.
"""

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cnn_study.base.inference import Effect
from cnn_study.evidence.results import Result
from cnn_study.figures import marks
from cnn_study.figures.colors import LIGHT
from cnn_study.figures.cost import arrows, floor, logarithmic
from cnn_study.figures.overview import test_of_winner
from cnn_study.figures.picture import WIDE, Picture
from cnn_study.figures.results import Results
from cnn_study.figures.words import percent, signed, value, words, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

ACROSS = 3
"""Panels side by side."""

PANEL = 1.75
"""Inches that a row of panels is high."""

BY: dict[str, dict[str, Any]] = {
    "score": {"marker": "o", "markersize": 5},
    "curve": {"marker": "^", "markersize": 6},
}
"""Marks of what went on, by what gave it its place."""

EDGE: dict[str, Any] = {"markeredgecolor": LIGHT.page, "markeredgewidth": 0.7}


@dataclass(frozen=True)
class Tried:
    """One trial: the mean validation score of its seeds in percent, and where it stands.

    Attributes:
        model: number of the trial of the same values in the first round; its own without rounds.
        by: what gave it its place in its round, score or curve; empty where nothing did.
        places: of its values by parameter, 0 to 1.
        values: the same as words.
        fresh: mean validation score of a finalist with new seeds; None for others.
    """

    budget: str
    number: int
    model: int
    epochs: int
    by: str
    score: float
    places: dict[str, float]
    values: dict[str, str]
    fresh: float | None
    won: bool


@functools.cache
def _tried(results: Results) -> list[Tried]:
    """Give the trials that were trained to the end, by budget and number."""
    runs, values = results.read("search-runs"), results.read("search-values")
    runs = runs[runs["stage"] == "trial"]
    finalists = {
        (row["price"], row["trial"]): row
        for row in results.read("search-finalists").to_dict("records")
    }
    rounds = {
        (row["price"], row["trial"]): row
        for row in results.read("search-places").to_dict("records")
    }
    tried = []
    for (budget, number), own_runs in runs.groupby(["price", "trial"], sort=False):
        if (own_runs["status"] != "complete").any():
            continue
        given = values[(values["price"] == budget) & (values["trial"] == number)]
        final = finalists.get((budget, number), {})
        place = rounds.get((budget, number), {})
        fresh = final.get("fresh_score")
        by = place.get("chosen_by")
        tried.append(
            Tried(
                budget, int(number), int(place.get("model", number)),
                int(own_runs["epochs"].iloc[0]), by if isinstance(by, str) else "",
                100 * float(own_runs["validation_score"].mean()),
                dict(zip(given["parameter"], map(float, given["place"]), strict=True)),
                dict(zip(given["parameter"], map(_value, given["value"]), strict=True)),
                None if fresh is None or fresh != fresh else 100 * float(fresh),
                bool(final.get("won", False)),
            )
        )  # fmt: skip
    return tried


def _alike(results: Results) -> list[Tried]:
    """Give the trials whose scores compare: of successive halving, those of the first round.

    The winner is there the trial of the values that won.
    """
    tried = _tried(results)
    if not results.study.searches_in_rounds:
        return tried
    won = {(trial.budget, trial.model) for trial in tried if trial.won}
    return [
        replace(trial, won=(trial.budget, trial.model) in won)
        for trial in tried
        if trial.model == trial.number
    ]


@dataclass(frozen=True)
class SearchPicture(Picture):
    """What the figures of the search have in common.

    Attributes:
        budgets: (id, title) of each.
        parameters: those that were varied, in the order of the study file.
    """

    budgets: tuple[tuple[str, str], ...]
    parameters: tuple[str, ...]
    experiments: tuple[str, ...] = ()

    def searched(self, results: Results) -> list[str]:
        """Name the records of the trials in the picture."""
        models = [(trial.budget, trial.number) for trial in self._trials(results)]
        return _records(results, "trial", models)

    def _trials(self, results: Results) -> list[Tried]:
        """Give the trials that it shows: those that were trained to the end, and compare."""
        return _alike(results)

    def _something(self, results: Results) -> bool:
        return bool(_tried(results))

    def _of(self, tried: Sequence[Tried], budget: str) -> list[Tried]:
        return [trial for trial in tried if trial.budget == budget]

    def _keys(self) -> "list[Line2D]":
        return [
            marks.key(title, color, marker=marker, markersize=5, **EDGE)
            for (_, title), (color, marker) in zip(self.budgets, self._looks, strict=True)
        ]

    @property
    def _looks(self) -> list[tuple[str, str]]:
        """Give each budget a colour and a marker."""
        colors = LIGHT.shades * len(self.budgets)
        shapes = marks.MARKERS * len(self.budgets)
        return list(zip(colors, shapes, strict=False))[: len(self.budgets)]

    def _panels(self, figure: "Figure", count: int) -> "list[Axes]":
        """Lay out panels in rows, with those that are left over switched off."""
        rows = -(-count // ACROSS)
        grid = list(figure.subplots(rows, min(ACROSS, count), sharey=True, squeeze=False).flat)
        for axes in grid[count:]:
            axes.set_axis_off()
        return grid[:count]

    def _behind(self, results: Results) -> dict[str, Any]:
        tried = self._trials(results)
        trials = [(title, len(self._of(tried, budget))) for budget, title in self.budgets]
        return {"trials": trials if tried else []}


def _draw_fresh(axes: "Axes", at: float, trial: Tried) -> None:
    """Mark what a finalist scored with new seeds, and join it to what it had promised."""
    if trial.fresh is None:
        return
    axes.plot([at] * 2, [trial.score, trial.fresh], color=LIGHT.muted, linewidth=1, zorder=2)
    marker, size = ("*", 11) if trial.won else ("D", 5)
    axes.plot([at], [trial.fresh], marker, color=LIGHT.text, markersize=size, zorder=4, **EDGE)


@dataclass(frozen=True)
class Tries(SearchPicture):
    """All trials, and what the finalists score with new seeds."""

    def _trials(self, results: Results) -> list[Tried]:
        return _tried(results)

    def searched(self, results: Results) -> list[str]:
        """Name the records of the trials, and those of the finalists' new seeds."""
        finalists = [(trial.budget, trial.number) for trial in _tried(results)
                     if trial.fresh is not None]  # fmt: skip
        return [*super().searched(results), *_records(results, "finalist", finalists)]


@dataclass(frozen=True)
class Trials(Tries):
    """What each trial scored, in the order they were proposed."""

    template = "search-trials"

    def _draw(self, results: Results) -> "Figure":
        tried = _tried(results)
        figure = self.new(2.7)
        panels = figure.subplots(1, len(self.budgets), sharey=True, squeeze=False)[0]
        for axes, (budget, title), (color, _) in zip(
            panels, self.budgets, self._looks, strict=True
        ):
            within = self._of(tried, budget)
            numbers = [trial.number for trial in within]
            scores = [trial.score for trial in within]
            axes.plot(numbers, scores, "o", color=color, **marks.DOT)
            for trial in within:
                _draw_fresh(axes, trial.number, trial)
            axes.set_title(wrap(title, 18))
            axes.grid(axis="y")
            marks.round_numbers(axes.xaxis, 6)
        panels[0].set_ylabel(f"Validation {results.study.metric.label} (%)")
        figure.supxlabel("Trial", fontsize=9)
        keys = [
            marks.key("Trial", LIGHT.shades[0], marker="o", **marks.DOT),
            marks.key("Finalist, new seeds", LIGHT.text, marker="D", markersize=5, **EDGE),
            marks.key("Winner, new seeds", LIGHT.text, marker="*", markersize=11, **EDGE),
        ]
        marks.legend(figure, keys)
        return figure

    def _values(self, results: Results) -> dict[str, Any]:
        trials = ((title, self._of(_tried(results), budget)) for budget, title in self.budgets)
        panels = [
            {
                "title": title,
                "least": min(trial.score for trial in within),
                "most": max(trial.score for trial in within),
                "finalists": [trial for trial in within if trial.fresh is not None],
            }
            for title, within in trials
            if within
        ]
        return {"panels": panels, "has_means": _has_means(results)}


@dataclass(frozen=True)
class Rounds(Tries):
    """What each model scored round by round, and why it went on."""

    template = "search-rounds"

    def _draw(self, results: Results) -> "Figure":
        tried = _tried(results)
        across = 2 if len(self.budgets) > 1 else 1
        rows = -(-len(self.budgets) // across)
        figure = self.new(0.9 + 2.1 * rows)
        grid = list(figure.subplots(rows, across, sharey=True, squeeze=False).flat)
        for axes in grid[len(self.budgets) :]:
            axes.set_axis_off()
        low = self._low(results)
        for axes, (budget, title) in zip(grid, self.budgets, strict=False):
            within = self._of(tried, budget)
            self._panel(axes, [trial for trial in within if trial.score >= low])
            arrows(
                axes, sorted({trial.epochs for trial in within if trial.score < low}), LIGHT.muted
            )
            axes.set_title(wrap(title, 28))
        figure.supylabel(f"Validation {results.study.metric.label} (%)", fontsize=9)
        figure.supxlabel("Epochs of the round", fontsize=9)
        shade = LIGHT.shades[1]
        keys = [
            marks.key("In the first round", LIGHT.muted, marker="o", **marks.DOT),
            marks.key("Went on by score", shade, **BY["score"], **EDGE),
            marks.key("By its curve", shade, **BY["curve"], **EDGE),
            marks.key("Finalist, new seeds", LIGHT.text, marker="D", markersize=5, **EDGE),
            marks.key("Winner, new seeds", LIGHT.text, marker="*", markersize=11, **EDGE),
        ]
        marks.legend(figure, keys)
        return figure

    def _low(self, results: Results) -> float:
        """Give the score at which the axes end, well below all that went on."""
        tried = _tried(results)
        models = [(trial.budget, trial.model) for trial in tried]
        on = [trial.score for trial in tried if models.count((trial.budget, trial.model)) > 1]
        return floor(on) if on else 0.0

    def _panel(self, axes: "Axes", within: list[Tried]) -> None:
        """Draw a line for each model that went on, and a mark for each trial."""
        from matplotlib.ticker import NullLocator

        for model in {trial.model for trial in within}:
            own = [trial for trial in within if trial.model == model]
            color = LIGHT.text if any(trial.won for trial in own) else LIGHT.muted
            axes.plot([trial.epochs for trial in own], [trial.score for trial in own],
                      color=color, linewidth=1, alpha=0.7, zorder=2)  # fmt: skip
        for trial in within:
            how: dict[str, Any] = {"color": LIGHT.muted, "marker": "o", **marks.DOT}
            if trial.by:
                how = {"color": LIGHT.shades[1], **BY[trial.by], **EDGE}
            axes.plot([trial.epochs], [trial.score], zorder=3, **how)
            _draw_fresh(axes, trial.epochs, trial)
        lengths = sorted({trial.epochs for trial in within})
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks(lengths, [str(length) for length in lengths])
        axes.margins(x=0.12)
        axes.grid(axis="y")

    def _values(self, results: Results) -> dict[str, Any]:
        rows = results.read("search-rounds").to_dict("records")
        panels = [
            {"title": title, "rounds": [row for row in rows if row["price"] == budget]}
            for budget, title in self.budgets
        ]
        return {
            "rounds": [panel for panel in panels if panel["rounds"]],
            "curves": any(trial.by == "curve" for trial in _tried(results)),
            "below": sum(trial.score < self._low(results) for trial in _tried(results)),
            "has_means": _has_means(results),
        }


@dataclass(frozen=True)
class Slices(SearchPicture):
    """Validation score over each parameter that was varied."""

    template = "search-slices"
    width = WIDE

    def _draw(self, results: Results) -> "Figure":
        tried = self._trials(results)
        figure = self.new(0.5 + PANEL * -(-len(self.parameters) // ACROSS))
        for axes, name in zip(
            self._panels(figure, len(self.parameters)), self.parameters, strict=True
        ):
            for (budget, _), (color, marker) in zip(self.budgets, self._looks, strict=True):
                within = [trial for trial in self._of(tried, budget) if name in trial.places]
                places = [trial.places[name] for trial in within]
                scores = [trial.score for trial in within]
                axes.plot(places, scores, marker, color=color, **marks.DOT)
            self._ticks(axes, name, tried)
            axes.set_title(words(name))
            axes.grid(axis="y")
        figure.supylabel(f"Validation {results.study.metric.label} (%)", fontsize=9)
        marks.legend(figure, self._keys())
        return figure

    def _ticks(self, axes: "Axes", name: str, tried: Sequence[Tried]) -> None:
        """Write values where they stand; of many, the ends and the middle."""
        known = sorted(
            {(trial.places[name], trial.values[name]) for trial in tried if name in trial.places}
        )
        if len(known) > 5:
            known = [known[0], known[len(known) // 2], known[-1]]
        long = max((len(text) for _, text in known), default=0) > 6
        axes.set_xlim(-0.12, 1.12)
        axes.set_xticks(
            [place for place, _ in known],
            [text for _, text in known],
            rotation=25 if long else 0,
            ha="right" if long else "center",
            fontsize=7.5,
        )

    def _values(self, results: Results) -> dict[str, Any]:
        best = {}
        for name in self.parameters:
            varied = [trial for trial in self._trials(results) if name in trial.places]
            if varied:
                best[name] = max(varied, key=lambda trial: trial.score).values[name]
        return {"best": best, "has_means": _has_means(results)}


@dataclass(frozen=True)
class Parallel(SearchPicture):
    """Every trial as a line through the values of its parameters."""

    template = "search-parallel"
    width = WIDE

    def _draw(self, results: Results) -> "Figure":
        import numpy as np

        tried = sorted(self._trials(results), key=lambda trial: trial.score)
        figure = self.new(0.9 + 1.6 * len(self.budgets))
        panels = figure.subplots(len(self.budgets), 1, squeeze=False)[:, 0]
        for axes, (budget, title), (color, _) in zip(
            panels, self.budgets, self._looks, strict=True
        ):
            within = self._of(tried, budget)
            ranks = np.linspace(0.15, 1, len(within)) if within else []
            for trial, rank in zip(within, ranks, strict=True):
                points = [(x, trial.places[name]) for x, name in enumerate(self.parameters)
                          if name in trial.places]  # fmt: skip
                how = {"color": LIGHT.text, "linewidth": 2.2} if trial.won else {"color": color}
                axes.plot(*zip(*points, strict=True), marker=".", markersize=4, zorder=2 + rank,
                          **{"linewidth": 1.1, "alpha": float(rank), **how})  # fmt: skip
            axes.set_ylim(-0.08, 1.08)
            axes.set_yticks([])
            axes.spines["left"].set_visible(False)
            axes.set_title(title, loc="left")
            axes.grid(axis="x")
            named = axes is panels[-1]
            axes.set_xticks(
                range(len(self.parameters)),
                [wrap(words(name), 11) for name in self.parameters] if named
                else [""] * len(self.parameters),
                fontsize=7.5,
            )  # fmt: skip
        keys = [
            marks.key("Trial, the fainter the worse", LIGHT.shades[0], line="-", linewidth=1.4),
            marks.key("Winner", LIGHT.text, line="-", linewidth=2.2),
        ]
        marks.legend(figure, keys)
        return figure

    def _values(self, results: Results) -> dict[str, Any]:
        winners = [
            (title, trial.values)
            for budget, title in self.budgets
            for trial in self._of(self._trials(results), budget)
            if trial.won
        ]
        return {"winners": winners}


@dataclass(frozen=True)
class Importance(SearchPicture):
    """What mattered, by permutation in random forests."""

    template = "search-importance"

    def searched(self, results: Results) -> list[str]:
        """Name the records of the trials that the forests compare."""
        from cnn_study.evidence.search import compared

        if not self._something(results):
            return []
        first = results.study.searches_in_rounds
        return list(compared(results.read("search-runs"), first_round=first)["record"])

    def _something(self, results: Results) -> bool:
        return len(results.read("search-importance")) > 0

    def _draw(self, results: Results) -> "Figure":
        rows = results.read("search-importance").to_dict("records")
        figure = self.new(0.7 + 0.24 * len(rows))
        axes = figure.subplots()
        labels = [words(row["parameter"]) for row in rows]
        marks.rows(axes, labels, [signed(row["importance"]) for row in rows])
        axes.axvline(0, color=LIGHT.muted, linewidth=1, zorder=1)
        for place, row in enumerate(rows):
            ends = [100 * row["lower"], 100 * row["upper"]]
            axes.plot(ends, [place] * 2, color=LIGHT.text, linewidth=6, **marks.BAR)
            marks.mean_line(axes, 100 * row["importance"], place, LIGHT.text)
        metric = results.study.metric.label
        axes.set_xlabel(f"Rise of the error when shuffled (percentage points of {metric})")
        return figure

    def _behind(self, results: Results) -> dict[str, Any]:
        rows = results.read("search-importance")
        return {"trials": rows["trials"].iloc[0] if len(rows) else None}

    def _values(self, results: Results) -> dict[str, Any]:
        rows = results.read("search-importance").to_dict("records")
        return {"importances": [(row["parameter"], row["importance"]) for row in rows]}


STAR = 13.0
"""Points that the mark of a winner is wide."""

WINNERS_HEIGHT = 182
"""Points that the axis of the winners' scores is high, about."""

MARGIN = 0.05
"""Share of what is drawn that is left free above it, and below."""


@dataclass(frozen=True)
class Winners(SearchPicture):
    """The winners' test score over their MACs, beside the study's own models."""

    template = "search-winners"

    enhanced: str = "base"

    def shown(self, results: Results) -> tuple[str, ...]:
        """Name the base and the enhanced model; the other experiments are a background."""
        return tuple(dict.fromkeys(["base", self.enhanced]))

    def runs(self, results: Results) -> dict[str, list[int]]:
        """Give the seeds of all experiments, those of the background among them."""
        return {id_: list(results.by_seed(id_)) for id_ in self.experiments}

    def searched(self, results: Results) -> list[str]:
        """Name the records of the winners' own runs."""
        return _records(results, "winner", [(row["price"], row["trial"])
                                            for row in self._rows(results)])  # fmt: skip

    def _draw(self, results: Results) -> "Figure":
        figure = self.new(3.6)
        axes = figure.subplots()
        own = self.shown(results)
        others, below = self._others(results)
        heights = [percent(summary.test.mean) for summary in others]
        axes.plot([summary.macs for summary in others], heights, "o", color=LIGHT.muted,
                  markersize=3, markeredgewidth=0, alpha=0.5)  # fmt: skip
        arrows(axes, [summary.macs for summary in below], LIGHT.muted)
        looks = zip(results.of(own), (LIGHT.text, LIGHT.enhanced), "Ds", strict=False)
        for summary, color, marker in looks:
            height = percent(summary.test.mean)
            axes.plot([summary.macs], [height], marker, color=color, markersize=8, zorder=4, **EDGE)
        for row in self._rows(results):
            ends = [100 * row["test_lower"], 100 * row["test_upper"]]
            axes.plot([row["macs"]] * 2, ends, color=LIGHT.shades[1], linewidth=1.5, zorder=3)
            axes.plot([row["macs"]], [100 * row["test_score"]], "*", color=LIGHT.shades[1],
                      markersize=STAR, zorder=5, **EDGE)  # fmt: skip
            axes.annotate(f"{100 * row['test_score']:.1f} %",
                          (row["macs"], 100 * row["test_score"]), xytext=(9, -3),
                          textcoords="offset points", fontsize=9)  # fmt: skip
        paid = [*(summary.macs for summary in results.of(self.experiments) if summary.complete),
                *(row["macs"] for row in self._rows(results))]  # fmt: skip
        logarithmic(axes, paid)
        axes.margins(y=MARGIN)
        axes.set_xlabel("MACs for one image")
        axes.grid()
        axes.set_ylabel(f"Test {results.study.metric.label} (%)")
        keys = [
            marks.key("Winner of the search", LIGHT.shades[1], marker="*", markersize=12, **EDGE),
            marks.key("Base", LIGHT.text, marker="D", markersize=7, **EDGE),
            *([marks.key("Enhanced", LIGHT.enhanced, marker="s", markersize=8, **EDGE)]
              if len(own) > 1 else []),
            marks.key("Other experiments", LIGHT.muted, marker="o", markersize=4),
        ]  # fmt: skip
        marks.legend(figure, keys)
        return figure

    def _others(self, results: Results) -> tuple[list[Result], list[Result]]:
        """Give the experiments without a name, and those so much worse that the axis ends above."""
        own = results.of(self.shown(results))
        named = [100 * row["test_score"] for row in self._rows(results)]
        named += [percent(summary.test.mean) for summary in own if summary.complete]
        low = floor(named) if named else 0.0
        others = [
            summary
            for summary in results.of(self.experiments)
            if summary.complete and summary not in own
        ]
        return (
            [summary for summary in others if percent(summary.test.mean) >= low],
            [summary for summary in others if percent(summary.test.mean) < low],
        )

    def _rows(self, results: Results) -> list[dict]:
        rows = results.read("search-prices").to_dict("records")
        return [row for row in rows if row["test_score"] == row["test_score"]]

    def _behind(self, results: Results) -> dict[str, Any]:
        return {"runs": sum(int(row["runs"]) for row in self._rows(results))}

    def _values(self, results: Results) -> dict[str, Any]:
        winners = [
            {"name": row["title"], "score": row["test_score"], "macs": row["macs"]}
            for row in self._rows(results)
        ]
        own = [
            {
                "name": results.called(summary.id),
                "score": summary.test.mean,
                "macs": summary.macs,
            }
            for summary in results.of(self.shown(results))
            if summary.complete
        ]
        _, below = self._others(results)
        intervals = [test for test in self._tests(results) if test.lower is not None]
        return {
            "points": [*winners, *own],
            "below": below,
            "intervals": len(intervals),
            "hidden": self._hidden(results),
        }

    def _tests(self, results: Results) -> list[Effect]:
        """Give the winners' mean test scores with their intervals."""
        return [test_of_winner(row) for row in self._rows(results)]

    def _hidden(self, results: Results) -> int:
        """Count the intervals that are smaller than their marks."""
        tests = self._tests(results)
        others, _ = self._others(results)
        shown = [one.test for one in (*others, *results.of(self.shown(results))) if one.complete]
        shares = [one.mean for one in (*tests, *shown)]
        shares += [end for test in tests for end in (test.lower, test.upper)]
        drawn = [percent(share) for share in shares if share is not None]
        span = (1 + 2 * MARGIN) * (max(drawn, default=0.0) - min(drawn, default=0.0))
        return sum(marks.is_hidden(test, ("*", STAR), span, WINNERS_HEIGHT) for test in tests)


def _records(results: Results, stage: str, models: Sequence[tuple[str, int]]) -> list[str]:
    """Name the records of the complete runs of models, by budget and trial, at one stage."""
    runs = results.read("search-runs")
    runs = runs[(runs["stage"] == stage) & (runs["status"] == "complete")]
    of_runs = zip(runs["price"], runs["trial"], runs["record"], strict=True)
    return [record for budget, trial, record in of_runs if (budget, trial) in models]


def _has_means(results: Results) -> bool:
    """Whether trials are compared by means: of several seeds."""
    runs = results.read("search-runs")
    trials = runs[runs["stage"] == "trial"].groupby(["price", "trial"])
    return bool(len(trials) and trials.size().max() > 1)


def _value(text: str) -> str:
    """Write a value that stands in a table as JSON; a fraction with two digits."""
    given = json.loads(text)
    return f"{given:.2g}" if isinstance(given, float) else value(given)
