"""Figures of differences: what each change does to the test accuracy (forest plots).

All numbers come from the evidence; only the pair of base and enhanced model, which need not be
a row of the ledger, is worked out from the runs. Matplotlib is imported only to draw.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnn_study.columns import VERDICTS
from cnn_study.figures import marks
from cnn_study.figures.colors import LIGHT
from cnn_study.figures.marks import MARKERS
from cnn_study.figures.picture import TALLEST, Picture, new
from cnn_study.figures.results import Change, Results, absent
from cnn_study.figures.words import aligned, counted, cut_off, estimate, signed, wrap
from cnn_study.inference import Effect, effect, paired

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

COLORS = "Blue helps, orange hurts."
"""Explains `verdict_color`."""

LONGEST_REFERENCE = 14
"""Characters of a reference's id that leave the axis label in one line."""

HOW = "its 95 % t interval over the seeds, not corrected for the number of changes"


@dataclass(frozen=True)
class Effects(Picture):
    """Differences to the reference of one question, one row a change.

    Attributes:
        experiments: the reference first.
        smallest: the smallest difference worth having, in percentage points.
    """

    question: str
    title: str
    experiments: tuple[str, ...]
    smallest: float

    @property
    def reference(self) -> str:
        """The experiment that the changes are made to."""
        return self.experiments[0]

    def _draw(self, results: Results) -> "Figure":
        changes = results.changes(self.question)
        notes = [self._note(change, results) for change in changes]
        lines = sum(max(2, note.count("\n") + 1) for note in notes)
        figure = new(1.1 + 0.2 * lines)
        axes = figure.subplots()
        marks.rows(axes, [wrap(change.experiment) for change in changes], notes)
        marks.zero(axes, self.smallest)
        for row, change in enumerate(changes):
            color = verdict_color(change.verdict)
            marks.dots(axes, change.differences, row - 0.17, LIGHT.muted, 0.16)
            if change.found.n:
                marks.interval(axes, change.found, row + 0.15, color, 2)
                marks.mean_line(axes, change.found.mean, row + 0.15, color, 0.16)
        marks.round_numbers(axes.xaxis, 8)
        axes.set_xlabel(_difference_label(self.reference))
        marks.legend(figure, self._keys())
        return figure

    def _note(self, change: Change, results: Results) -> str:
        """Write mean, number and verdict; below, the runs that ended otherwise."""
        (summary,) = results.of([change.experiment])
        ended = [trouble for trouble in summary.troubles if "missing" not in trouble]
        if not change.found.n:
            return "\n".join([change.verdict, *ended])
        first = f"{signed(change.found.mean)}  (n = {change.found.n})"
        return "\n".join([first, change.verdict, *ended])

    def _keys(self) -> list["Line2D"]:
        return [
            marks.key("One seed", LIGHT.muted, marker="o", **marks.DOT),
            marks.key("Mean, 95 % interval", LIGHT.text, marker="|", markersize=9,
                      markeredgewidth=2.5, line="-", linewidth=2),
            band_key(self.smallest),
        ]  # fmt: skip

    def _count(self, results: Results) -> str:
        changes = results.changes(self.question)
        return f"{tally_pairs(changes)} {absent(results.of(self.shown(results)))}"

    def _explain(self, results: Results) -> str:
        return (
            f"{self.title}: difference to {self.reference} in test accuracy, in percentage points. "
            "Dots: two runs with the same seed; upright line: their mean; horizontal line: "
            f"{HOW}. At the right: mean, pairs n, and the verdict, which is corrected. "
            f"{COLORS} {_band_in_words(self.smallest)} "
            f"{cut_off(change.found for change in results.changes(self.question))}"
        )

    def _tell(self, results: Results) -> str:
        changes = results.changes(self.question)
        parts = [
            f"{change.experiment} {estimate(change.found)}: {change.verdict}"
            if change.found.n
            else f"{change.experiment}: {change.verdict}"
            for change in changes
        ]
        return (
            f"{self.title}: forest plot of {counted(len(changes), 'difference')} to "
            f"{self.reference} in test accuracy, in percentage points. {'; '.join(parts)}."
        )


@dataclass(frozen=True)
class AllEffects(Picture):
    """Differences to the reference for all changes of a study, on one page.

    Attributes:
        questions: the ids of their changes, by question, in the order of the study.
    """

    questions: tuple[str, ...]
    experiments: tuple[str, ...]
    smallest: float

    def _draw(self, results: Results) -> "Figure":
        groups = [results.changes(question) for question in self.questions]
        changes = [change for group in groups for change in group]
        height = min(0.22, (TALLEST - 1) / len(changes))
        figure = new(1 + height * len(changes))
        axes = figure.subplots()
        size = min(7.0, 0.75 * 72 * height)
        marks.rows(axes, [change.experiment for change in changes], _notes(changes), size)
        self._part(axes, [len(group) for group in groups])
        marks.zero(axes, self.smallest)
        markers = self._markers(changes)
        reach = clip([change.found for change in changes], self.smallest)
        for row, change in enumerate(changes):
            self._row(axes, row, change, markers[change.reference], reach)
        if reach:
            low, high = axes.get_xlim()
            axes.set_xlim(max(low, -reach), min(high, reach))
        marks.round_numbers(axes.xaxis, 10)
        axes.set_xlabel("Difference to the reference in test accuracy (percentage points)")
        self._legend(figure, markers)
        return figure

    def _markers(self, changes: Sequence[Change]) -> dict[str, str]:
        references = dict.fromkeys(change.reference for change in changes)
        return {id_: MARKERS[place % len(MARKERS)] for place, id_ in enumerate(references)}

    def _part(self, axes: "Axes", sizes: Sequence[int]) -> None:
        """Part the questions by thin lines."""
        place = -0.5
        for size in sizes[:-1]:
            place += size
            axes.axhline(place, color=LIGHT.faint, linewidth=0.7, zorder=0.4, xmin=-0.6, xmax=1.6,
                         clip_on=False)  # fmt: skip

    def _row(self, axes: "Axes", row: int, change: Change, marker: str, reach: float) -> None:
        found, color = change.found, verdict_color(change.verdict)
        inside = [one for one in change.differences if not reach or abs(one) < reach]
        marks.dots(axes, inside, row, LIGHT.muted, 0.5, markersize=2.6)
        if not found.n:
            return
        mean = {"color": color, "markersize": 5, "markeredgecolor": LIGHT.page, "zorder": 4,
                "markeredgewidth": 0.6}  # fmt: skip
        if reach and abs(found.mean) >= reach:
            side, arrow = (1, ">") if found.mean > 0 else (-1, "<")
            axes.plot([side * reach], [row], arrow, clip_on=False, **mean)
            return
        marks.interval(axes, found, row, color, 1.3)
        axes.plot([found.mean], [row], marker, **mean)

    def _legend(self, figure: "Figure", markers: dict[str, str]) -> None:
        keys = [
            marks.key(f"Mean, 95 % interval; reference {id_}", LIGHT.text, marker=marker,
                      markersize=5, markeredgecolor=LIGHT.page, line="-", linewidth=1.3)
            for id_, marker in markers.items()
        ]  # fmt: skip
        columns = 2 if len(markers) > 1 else 3
        one = marks.key("One seed", LIGHT.muted, marker="o", **marks.DOT | {"markersize": 2.6})
        marks.legend(figure, [*keys, one, band_key(self.smallest)], ncols=columns, fontsize=7)

    def _count(self, results: Results) -> str:
        changes = self._changes(results)
        return f"{tally_pairs(changes)} {self._without(changes)}"

    def _changes(self, results: Results) -> list[Change]:
        return [change for question in self.questions for change in results.changes(question)]

    def _without(self, changes: Sequence[Change]) -> str:
        """Name the changes that have no row of dots, and why."""
        parts = [f"{one.experiment}: {one.verdict}" for one in changes if not one.found.n]
        return f"Without a pair: {'; '.join(parts)}." if parts else ""

    def _explain(self, results: Results) -> str:
        changes = self._changes(results)
        reach = clip([change.found for change in changes], self.smallest)
        arrows = (
            f"Arrows stand for means more than {reach:.3g} points from zero, beyond the axis."
            if reach
            else ""
        )
        return (
            "All changes: difference to the reference in test accuracy, in percentage points. "
            "Small dots: two runs with the same seed; larger marks: their means, their shape tells "
            f"the reference; horizontal line: {HOW}. At the right: mean, pairs n, and the verdict, "
            "which is corrected for the changes of its question. Lines part the questions. "
            f"{COLORS} {_band_in_words(self.smallest)} {arrows} "
            f"{cut_off(change.found for change in changes)} {tally(changes)}"
        )

    def _tell(self, results: Results) -> str:
        changes = self._changes(results)
        named = [
            f"{verdict.capitalize()}: "
            + ", ".join(f"{one.experiment} {signed(one.found.mean)}" for one in mine)
            for verdict in ("helps", "hurts")
            if (mine := [one for one in changes if one.verdict == verdict])
        ]
        return (
            "Forest plot of differences in test accuracy, in percentage points. "
            f"{tally(changes)} {'. '.join(named)}{'.' if named else ''}"
        )


def _notes(changes: Sequence[Change]) -> list[str]:
    """Write mean, number and verdict of each change in columns."""
    means = aligned(signed(one.found.mean) if one.found.n else "" for one in changes)
    numbers = aligned(str(one.found.n) for one in changes)
    return [
        f"{mean}  n = {number}  {one.verdict}" if one.found.n else one.verdict
        for one, mean, number in zip(changes, means, numbers, strict=True)
    ]


def clip(effects: Sequence[Effect], smallest: float) -> float:
    """Choose where an axis ends, so that a few very large effects do not hide the others.

    Args:
        effects: in points.
        smallest: the smallest effect worth having, in points.

    Returns:
        Half again the mean that three quarters of the changes stay below, and at least thirty
        times the smallest effect; 0, for no end, if no mean lies far beyond.
    """
    sizes = sorted(abs(found.mean) for found in effects if found.n)
    if not sizes:
        return 0
    reach = max(30 * smallest, 1.5 * sizes[(3 * len(sizes) - 1) // 4])
    return reach if sizes[-1] > 1.5 * reach else 0


def tally(changes: Sequence[Change]) -> str:
    """Count the verdicts in a sentence."""
    found = Counter(change.verdict for change in changes)
    parts = [f"{verdict} {found[verdict]}" for verdict in VERDICTS if found[verdict]]
    return f"Verdicts of {counted(len(changes), 'change')}: {', '.join(parts)}."


def verdict_color(verdict: str) -> str:
    """Give the colour of a verdict; the word stands beside it."""
    return {"helps": LIGHT.series[0], "hurts": LIGHT.series[1]}.get(verdict, LIGHT.text)


def band_key(smallest: float) -> "Line2D":
    """Make the legend's entry of the band around zero."""
    label = f"Less than {smallest:g} points"
    return marks.key(label, LIGHT.faint, line="-", linewidth=8, solid_capstyle="butt")


def _band_in_words(smallest: float) -> str:
    return (
        f"Light band around zero, the reference: less than {smallest:g} points, which is not worth "
        "having."
    )


def tally_pairs(changes: Sequence[Change]) -> str:
    """Say how many pairs stand behind the differences."""
    there = [change.found.n for change in changes if change.found.n]
    if not there:
        return "There is no pair of complete runs yet."
    low, high = min(there), max(there)
    if low < high:
        return f"n = {low} to {high} pairs of runs for each change."
    return f"n = {low} {'pair' if low == 1 else 'pairs'} of runs for each change."


def _difference_label(reference: str) -> str:
    gap = " " if len(reference) <= LONGEST_REFERENCE else "\n"
    return f"Difference to {reference}{gap}in test accuracy (percentage points)"


@dataclass(frozen=True)
class Pair(Picture):
    """Two experiments: the accuracy of every run above, the differences below."""

    experiments: tuple[str, str]
    title: str
    smallest: float

    def _draw(self, results: Results) -> "Figure":
        figure = new(2.9)
        above, below = figure.subplots(2, 1, height_ratios=(2, 1))
        self._accuracies(above, results)
        found, single = self._difference(results)
        note = f"{signed(found.mean)}  (n = {found.n})" if found.n else "no pair yet"
        marks.rows(below, [f"Difference to {self.experiments[0]}"], [note])
        marks.zero(below, self.smallest)
        marks.dots(below, single, -0.22, LIGHT.series[0], 0.2)
        if found.n:
            marks.interval(below, found, 0.18, LIGHT.series[1], 2)
            marks.mean_line(below, found.mean, 0.18, LIGHT.series[1], 0.2)
        marks.round_numbers(below.xaxis, 8)
        below.set_xlabel("Difference in test accuracy (percentage points)")
        self._legend(figure)
        return figure

    def _accuracies(self, axes: "Axes", results: Results) -> None:
        summaries = results.of(self.experiments)
        labels = [wrap(summary.id) for summary in summaries]
        marks.rows(axes, labels, ["\n".join([one.words, *one.troubles]) for one in summaries])
        one, other = map(results.by_seed, self.experiments)
        for seed in sorted(one.keys() & other.keys()):
            ends = [one[seed], other[seed]]
            axes.plot(ends, [0, 1], color=LIGHT.muted, linewidth=0.6, alpha=0.7, zorder=1)
        for row, summary in enumerate(summaries):
            if summary.complete:
                marks.dots(axes, results.scores(summary.id), row, LIGHT.series[0], 0)
                marks.mean_line(axes, summary.mean, row, LIGHT.series[1])
        marks.accuracy_axis(axes.xaxis)

    def _difference(self, results: Results) -> tuple[Effect, list[float]]:
        one, other = map(results.by_seed, self.experiments)
        single = list(paired(other, one).values())
        return effect(single), single

    def _legend(self, figure: "Figure") -> None:
        single = marks.key("One seed", LIGHT.series[0], marker="o", **marks.DOT)
        mean = marks.key("Mean, 95 % interval", LIGHT.series[1], marker="|", markersize=9,
                         markeredgewidth=2.5, line="-", linewidth=2)  # fmt: skip
        marks.legend(figure, [single, mean, band_key(self.smallest)])

    def _explain(self, results: Results) -> str:
        first, second = self.experiments
        return (
            f"{self.title}. Above: test accuracy; each dot is one run, thin lines join runs with "
            f"the same seed, upright lines are means. Below: {second} less {first} with the same "
            f"seed in percentage points; upright line: mean; horizontal line: {HOW}. "
            f"{_band_in_words(self.smallest)} {cut_off([self._difference(results)[0]])}"
        )

    def _tell(self, results: Results) -> str:
        parts = [f"{one.id} {one.words}" for one in results.of(self.experiments)]
        found, _ = self._difference(results)
        return (
            f"{self.title}: dot plot of test accuracy. {'; '.join(parts)}. Difference in "
            f"percentage points: {estimate(found) if found.n else 'no pair yet'}."
        )
