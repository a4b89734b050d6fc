"""Figures of differences: what each change does to the test accuracy (forest plots).

All numbers come from the evidence; only where the ledger does not set the enhanced model against
the base is their difference worked out from the runs. Matplotlib is imported only to draw.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count, groupby, islice, pairwise
from typing import TYPE_CHECKING, Any

from cnn_study.base.inference import LEAST_PAIRS, Effect, effect, paired
from cnn_study.base.words import counted, listing, signed
from cnn_study.evidence.schemas import VERDICTS
from cnn_study.figures import marks
from cnn_study.figures.colors import LIGHT
from cnn_study.figures.picture import TALLEST, Picture, new
from cnn_study.figures.results import Change, Contrast, Results, absent
from cnn_study.figures.words import aligned, cut_off, estimate, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LONGEST_REFERENCE = 34
"""Characters of a reference's id that leave the axis label in one line."""

LONGEST_NAME = 42
"""Characters of a name beside a low row before it goes on in a second line."""

MOST_LINES = 52
"""Changes and titles of questions that a page of all effects holds."""

Part = tuple[int, int, int]
"""Changes of one question: its place, the first of them, and the one after the last."""

MARKED = (
    "Dots: one seed each, the change less its reference; vertical line: the mean; bar: 95 % "
    "interval."
)
"""Explains `marks.forest_row`."""


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
        labels = [wrap(change.experiment) for change in changes]
        pairs = zip(labels, notes, strict=True)
        height = 0.95 + 0.165 * sum(max(2, 1 + max(_breaks(pair))) for pair in pairs)
        figure = new(min(height, TALLEST))
        axes = figure.subplots()
        thick = 9.0
        if height <= TALLEST:
            marks.rows(axes, labels, notes)
        else:
            row = 72 * (TALLEST - 0.95) / len(changes)
            thick = min(thick, 0.55 * row)
            ids = [change.experiment for change in changes]
            _rows(axes, ids, [note.replace("\n", "  ") for note in notes], min(8.0, 0.62 * row))
        marks.zero(axes, self.smallest)
        for row, change in enumerate(changes):
            color = verdict_color(change.verdict)
            marks.forest_row(axes, row, change.found, change.differences, color, thick)
        marks.round_numbers(axes.xaxis, 8)
        axes.set_xlabel(_difference_label(self.reference), fontsize=8)
        marks.legend(figure, marks.forest_keys(self.smallest))
        return figure

    def _note(self, change: Change, results: Results) -> str:
        """Write mean, number and verdict; below, the runs that ended otherwise."""
        (summary,) = results.of([change.experiment])
        ended = [trouble for trouble in summary.troubles if "missing" not in trouble]
        if not change.found.n:
            return "\n".join([change.verdict, *ended])
        first = f"{signed(change.found.mean)}  (n = {change.found.n})"
        return "\n".join([first, change.verdict, *ended])

    def _count(self, results: Results) -> str:
        changes = results.changes(self.question)
        return f"{tally_pairs(changes)} {absent(results.of(self.shown(results)))}"

    def _explain(self, results: Results) -> str:
        changes = results.changes(self.question)
        return (
            f"{self.title}: difference to {self.reference} in test accuracy, in percentage points. "
            f"{MARKED} {band_in_words(self.smallest)} {colors_in_words(changes)} "
            f"{cut_off(change.found for change in changes)}"
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
    """Differences to the reference for all changes of a study, by question.

    Attributes:
        questions: id and title of each, in the order of the study.
        page: what is shown.
        place: number of the page, and how many there are.
    """

    questions: tuple[tuple[str, str], ...]
    experiments: tuple[str, ...]
    smallest: float
    page: tuple[Part, ...]
    place: tuple[int, int] = (1, 1)

    def shown(self, results: Results) -> tuple[str, ...]:
        """Name the changes of this page, and their references."""
        changes = self._changes(results)
        ids = {id_ for change in changes for id_ in (change.experiment, change.reference)}
        return tuple(id_ for id_ in self.experiments if id_ in ids)

    def _draw(self, results: Results) -> "Figure":
        groups = self._groups(results)
        lines = [line for _, changes in groups for line in (None, *changes)]
        height = min(0.19, (TALLEST - 0.9) / len(lines))
        figure = new(0.9 + height * len(lines))
        axes = figure.subplots()
        self._label(axes, groups, min(7.0, 0.62 * 72 * height))
        marks.zero(axes, self.smallest)
        low, high = self._ends(results)
        for row, change in enumerate(lines):
            if change:
                self._row(axes, row, change, (low, high), 0.55 * 72 * height)
        axes.set_xlim(low, high)
        marks.round_numbers(axes.xaxis, 10)
        axes.set_xlabel("Difference to the reference in test accuracy (percentage points)")
        marks.legend(figure, marks.forest_keys(self.smallest))
        return figure

    def _groups(self, results: Results) -> list[tuple[str, list[Change]]]:
        """Give the changes of this page with the title of their question."""
        groups = []
        for place, first, last in self.page:
            question, title = self.questions[place]
            changes = results.changes(question)[first:last]
            groups.append((f"{title}, continued" if first else title, changes))
        return groups

    def _label(
        self, axes: "Axes", groups: Sequence[tuple[str, Sequence[Change]]], size: float
    ) -> None:
        """Write the names of the changes, each question's below its title and reference."""
        labels, notes, titles = [], [], []
        written = iter(_notes([change for _, changes in groups for change in changes]))
        for title, changes in groups:
            titles.append(len(labels))
            references = dict.fromkeys(change.reference for change in changes)
            labels += [title, *(change.experiment for change in changes)]
            notes += [
                wrap(f"against {listing(references)}", LONGEST_NAME),
                *islice(written, len(changes)),
            ]
        _rows(axes, labels, notes, size)
        for place, (label, note) in enumerate(zip(axes.get_yticklabels(), axes.texts, strict=True)):
            if place in titles:
                label.set_fontweight("bold")
                note.set_color(LIGHT.muted)

    def _ends(self, results: Results) -> tuple[float, float]:
        """Give the ends of the axis, the same ones on every page."""
        changes = self._all(results)
        numbers = [-2 * self.smallest, 2 * self.smallest]
        for change in changes:
            numbers += change.differences
            if change.found.n >= LEAST_PAIRS:
                numbers += [change.found.lower, change.found.upper]
        pad = 0.03 * (max(numbers) - min(numbers))
        low, high = min(numbers) - pad, max(numbers) + pad
        if reach := clip([change.found for change in changes], self.smallest):
            return max(low, -reach), min(high, reach)
        return low, high

    def _row(
        self, axes: "Axes", row: int, change: Change, ends: tuple[float, float], thick: float
    ) -> None:
        found, color = change.found, verdict_color(change.verdict)
        marks.forest_row(axes, row, found, change.differences, color, thick)
        if found.n < LEAST_PAIRS:
            return
        there = [found.lower, found.upper, *change.differences]
        for side, end, least in ((-1, ends[0], max(there)), (1, ends[1], min(there))):
            if side * max(there, key=lambda number: side * number) > side * end:
                inner = min(least, end) if side > 0 else max(least, end)
                self._beyond(axes, row, found, (end, inner), side)

    def _beyond(
        self, axes: "Axes", row: int, found: Effect, at: tuple[float, float], side: int
    ) -> None:
        """Point to what lies beyond the axis, and say what it is.

        Args:
            at: the end of the axis, and what of the row is nearest to zero.
            side: -1 for the left end, 1 for the right.
        """
        color = LIGHT.text
        axes.plot([at[0]], [row], ">" if side > 0 else "<", color=color, markersize=4,
                  clip_on=False, zorder=6)  # fmt: skip
        axes.annotate(
            f"{signed(found.mean, 1)} ({signed(found.lower, 1)} to {signed(found.upper, 1)})",
            (at[1], row),
            (-8 * side, 0),
            textcoords="offset points",
            ha="right" if side > 0 else "left",
            va="center",
            fontsize=6.5,
            color=color,
            bbox={"facecolor": LIGHT.page, "linewidth": 0, "pad": 0.5},
            zorder=6,
        ).set_in_layout(False)

    def _count(self, results: Results) -> str:
        changes = self._changes(results)
        return f"{tally_pairs(changes)} {self._without(changes)}"

    def _changes(self, results: Results) -> list[Change]:
        """Give the changes of this page."""
        return [change for _, changes in self._groups(results) for change in changes]

    def _all(self, results: Results) -> list[Change]:
        """Give the changes of every page."""
        return [change for question, _ in self.questions for change in results.changes(question)]

    def _without(self, changes: Sequence[Change]) -> str:
        """Name the changes that have no row of dots, and why."""
        parts = [f"{one.experiment}: {one.verdict}" for one in changes if not one.found.n]
        return f"Without a pair: {'; '.join(parts)}." if parts else ""

    def _explain(self, results: Results) -> str:
        changes = self._all(results)
        low, high = self._ends(results)
        beyond = any(
            one.found.n >= LEAST_PAIRS and (one.found.lower < low or one.found.upper > high)
            for one in self._changes(results)
        )
        arrows = "Arrows: beyond the axis, with mean and interval in numbers." if beyond else ""
        number, pages = self.place
        part = f", part {number} of {pages}" if pages > 1 else ""
        return (
            f"All changes{part}, by question: difference in test accuracy to the reference, which "
            f"stands beside the question, in percentage points. {MARKED} "
            f"{band_in_words(self.smallest)} {colors_in_words(changes)} The verdict, not the bar, "
            f"is corrected for the number of changes. {arrows} "
            f"{cut_off(change.found for change in changes)} {tally(changes) if number == 1 else ''}"
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


def split(sizes: Sequence[int]) -> list[tuple[Part, ...]]:
    """Split changes over pages, none empty or too long, all about equally long.

    A question is not torn apart, unless it has more changes than a page holds.

    Args:
        sizes: changes of each question.
    """
    parts = [part for place, size in enumerate(sizes) for part in _parts(place, size)]
    lines = [1 + last - first for _, first, last in parts]
    middles = [sum(lines[:place]) + own / 2 for place, own in enumerate(lines)]
    for number in count(-(-sum(lines) // MOST_LINES)):
        # Each part stands on the page on which its middle would be, were all equally long.
        on = [int(number * middle / sum(lines)) for middle in middles]
        if all(sum(own) <= MOST_LINES for own in _by_page(on, lines)):
            return _by_page(on, parts)


def _parts(place: int, size: int) -> list[Part]:
    """Cut a question that has more changes than a page holds, with its title, into equal parts."""
    number = -(-size // (MOST_LINES - 1))
    ends = pairwise(size * cut // number for cut in range(number + 1))
    return [(place, first, last) for first, last in ends]


def _by_page(on: Sequence[int], things: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Group what stands on the same page."""
    pages = groupby(zip(on, things, strict=True), key=lambda pair: pair[0])
    return [tuple(thing for _, thing in pairs) for _, pairs in pages]


def _rows(axes: "Axes", names: Sequence[str], notes: Sequence[str], size: float) -> None:
    """Lay out low rows; what is long goes on in a second line, in smaller letters."""
    marks.rows(axes, [wrap(name, LONGEST_NAME) for name in names], notes, size)
    for text in (*axes.get_yticklabels(), *axes.texts):
        if "\n" in text.get_text():
            text.set_fontsize(0.7 * size)


def _breaks(texts: Iterable[str]) -> list[int]:
    return [text.count("\n") for text in texts]


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


def colors_in_words(changes: Iterable[Change]) -> str:
    """Say what the colours mean that are there."""
    said = {"helps": "Blue: helps.", "hurts": "Orange: hurts."}
    there = {change.verdict for change in changes}
    return " ".join(words for verdict, words in said.items() if verdict in there)


def band_in_words(smallest: float) -> str:
    """Explain the band around zero."""
    return f"Light band: differences below {smallest:g} points, too small to matter."


def tally_pairs(changes: Sequence[Change | Contrast], noun: str = "change") -> str:
    """Say how many pairs stand behind the differences."""
    there = [change.found.n for change in changes if change.found.n]
    if not there:
        return "There is no pair of complete runs yet."
    low, high = min(there), max(there)
    if low < high:
        return f"n = {low} to {high} pairs of runs for each {noun}."
    return f"n = {low} {'pair' if low == 1 else 'pairs'} of runs for each {noun}."


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
        figure = new(2.7)
        above, below = figure.subplots(2, 1, height_ratios=(2, 1))
        self._accuracies(above, results)
        found, single = self._difference(results)
        note = f"{signed(found.mean)}  (n = {found.n})" if found.n else "no pair yet"
        marks.rows(below, [f"Difference to {self.experiments[0]}"], [note])
        marks.zero(below, self.smallest)
        marks.forest_row(below, 0, found, single, LIGHT.series[1], 9)
        marks.round_numbers(below.xaxis, 8)
        below.set_xlabel("Difference in test accuracy (percentage points)")
        marks.legend(figure, marks.forest_keys(self.smallest))
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
                marks.dots(axes, results.scores(summary.id), row, LIGHT.text, 0, **marks.SEED)
                marks.mean_line(axes, summary.mean, row, LIGHT.series[1])
        marks.accuracy_axis(axes.xaxis)

    def _difference(self, results: Results) -> tuple[Effect, Sequence[float]]:
        """Take it from the ledger, or work it out where that has no such change."""
        reference, changed = self.experiments
        if change := results.change(changed, reference):
            return change.found, change.differences
        one, other = map(results.by_seed, self.experiments)
        single = list(paired(other, one).values())
        return effect(single), single

    def _explain(self, results: Results) -> str:
        first, second = self.experiments
        return (
            f"{self.title}. Above: test accuracy; each dot is one run, thin lines join runs with "
            f"the same seed, vertical lines are means. Below: {second} less {first} with the same "
            "seed, in percentage points; vertical line: the mean; bar: 95 % interval. "
            f"{band_in_words(self.smallest)} {cut_off([self._difference(results)[0]])}"
        )

    def _count(self, results: Results) -> str:
        return f"n: runs above, pairs of runs below. {absent(results.of(self.experiments))}"

    def _tell(self, results: Results) -> str:
        parts = [f"{one.id} {one.words}" for one in results.of(self.experiments)]
        found, _ = self._difference(results)
        return (
            f"{self.title}: dot plot of test accuracy. {'; '.join(parts)}. Difference in "
            f"percentage points: {estimate(found) if found.n else 'no pair yet'}."
        )
