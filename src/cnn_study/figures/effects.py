"""Figures of differences: what each change does to the test score (forest plots).

All numbers come from the evidence; only where the ledger does not set the enhanced model against
the base is their difference worked out from the runs. Matplotlib is imported only to draw.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, islice, pairwise
from statistics import fmean
from typing import TYPE_CHECKING, Any

from cnn_study.base.inference import LEAST_RUNS, Effect
from cnn_study.base.words import listing
from cnn_study.evidence.judged import Change, Contrast
from cnn_study.evidence.schemas import VERDICTS
from cnn_study.figures import marks
from cnn_study.figures.colors import LIGHT
from cnn_study.figures.picture import LEAST, TALLEST, WIDE, Picture, extent
from cnn_study.figures.results import Results
from cnn_study.figures.words import aligned, mean_in_words, percent, signed, troubles, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LONGEST_LABEL = 22
"""Characters of a change's label before it goes on in a second line."""

LEAST_AXES = 130.0
"""Points of the width that labels and notes leave to what is drawn."""

LINE = 1.35
"""Height of a line, times the size of its letters."""

MOST_LINES = 44
"""Changes and titles of questions that a page of all effects holds."""

Part = tuple[int, int, int]
"""Changes of one question: its place, the first of them, and the one after the last."""


@dataclass(frozen=True)
class Effects(Picture):
    """Differences to the reference of one question, one row a change.

    Attributes:
        experiments: the reference first.
        smallest: the smallest difference worth having, in percentage points.
    """

    template = "effects"

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
        labels = [wrap(results.label(change.experiment), LONGEST_LABEL) for change in changes]
        lines = [max(2, 1 + max(_breaks(pair))) for pair in zip(labels, notes, strict=True)]
        height = 1.15 + 0.17 * sum(lines)
        figure = self.new(min(height, TALLEST))
        axes = figure.subplots()
        row = 72 * (min(height, TALLEST) - 1.15) / len(changes)
        size = 9.0
        if height > TALLEST:
            whole = [results.label(change.experiment) for change in changes]
            size, labels, notes = self._closer(row, max(lines), whole, notes)
        marks.rows(axes, labels, notes, size)
        marks.zero(axes, self.smallest)
        for place, change in enumerate(changes):
            color = verdict_color(change.verdict)
            marks.forest_row(axes, place, change.test, change.differences, color, min(9, row / 2))
        marks.round_numbers(axes.xaxis, 6)
        axes.set_xlabel(marks.difference_label(results.study.metric))
        marks.legend(figure, marks.forest_keys(self.smallest))
        return figure

    def _closer(
        self, row: float, lines: int, labels: list[str], notes: list[str]
    ) -> tuple[float, list[str], list[str]]:
        """Find how large many rows can be written, in several lines each or in one.

        Args:
            row: height in points.
            lines: of a row, at most, if it is broken into lines.
        """
        in_a_line = [_in_a_line(note) for note in notes]
        wide = (max(marks.text_width(text, 1) for text in texts) for texts in (labels, in_a_line))
        broken, whole = row / lines / LINE, (72 * self.width - LEAST_AXES) / sum(wide)
        if broken > min(0.62 * row, whole):
            return min(9.0, broken), [wrap(label, LONGEST_LABEL) for label in labels], notes
        return min(9.0, 0.62 * row, whole), labels, in_a_line

    def _note(self, change: Change, results: Results) -> str:
        """Write mean, number and verdict; below, the runs that ended otherwise."""
        (summary,) = results.of([change.experiment])
        ended = [trouble for trouble in troubles(summary) if "missing" not in trouble]
        if change.test.mean is None:
            return "\n".join([change.verdict, *ended])
        first = f"{signed(change.test.mean)}  (n = {change.test.n})"
        return "\n".join([first, change.verdict, *ended])

    def _behind(self, results: Results) -> dict[str, Any]:
        runs = run_extent(results.changes(self.question))
        return {
            "paired": results.paired,
            "runs": runs,
            "summaries": results.of(self.shown(results)),
        }

    def _values(self, results: Results) -> dict[str, Any]:
        changes = results.changes(self.question)
        return {
            "changes": changes,
            "is_cut_off": marks.is_cut_off(change.test for change in changes),
        }


@dataclass(frozen=True)
class AllEffects(Picture):
    """Differences to the reference for all changes of a study, by question.

    Attributes:
        questions: id and title of each, in the order of the study.
        page: what is shown.
        place: number of the page, and how many there are.
    """

    template = "all-effects"
    width = WIDE

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
        height = (TALLEST - 0.9) / MOST_LINES
        figure = self.new(0.9 + height * len(lines))
        axes = figure.subplots()
        self._label(figure, axes, groups, results)
        marks.zero(axes, self.smallest)
        ends = axis_ends(self._all(results), self.smallest)
        for row, change in enumerate(lines):
            if change:
                self._row(axes, row, change, ends, 0.55 * 72 * height)
        axes.set_xlim(*ends)
        marks.round_numbers(axes.xaxis, 10)
        axes.set_xlabel(marks.difference_label(results.study.metric, " to the reference"))
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
        self,
        figure: "Figure",
        axes: "Axes",
        groups: Sequence[tuple[str, Sequence[Change]]],
        results: Results,
    ) -> None:
        """Write the names of the changes, each question's below its title and reference."""
        labels, notes, titles = [], [], {}
        written = iter(_notes([change for _, changes in groups for change in changes]))
        for title, changes in groups:
            titles[len(labels)] = (title, against(changes, results))
            labels += ["", *(results.label(change.experiment) for change in changes)]
            notes += ["", *islice(written, len(changes))]
        marks.rows(axes, labels, notes, LEAST[self.width])
        marks.headings(figure, axes, titles, LEAST[self.width])

    def _row(
        self, axes: "Axes", row: int, change: Change, ends: tuple[float, float], thick: float
    ) -> None:
        color = verdict_color(change.verdict)
        marks.forest_row(axes, row, change.test, change.differences, color, thick)
        beyond(axes, row, change.test, ends, self.width)

    def _changes(self, results: Results) -> list[Change]:
        """Give the changes of this page."""
        return [change for _, changes in self._groups(results) for change in changes]

    def _all(self, results: Results) -> list[Change]:
        """Give the changes of every page."""
        return [change for question, _ in self.questions for change in results.changes(question)]

    def _behind(self, results: Results) -> dict[str, Any]:
        changes = self._changes(results)
        return {"paired": results.paired, "runs": run_extent(changes), "changes": changes}

    def _values(self, results: Results) -> dict[str, Any]:
        page, pages = self.place
        return {
            "page": page,
            "pages": pages,
            "beyond": self._is_beyond(results),
            "is_cut_off": marks.is_cut_off(change.test for change in self._all(results)),
        }

    def _is_beyond(self, results: Results) -> bool:
        """Whether an interval of this page reaches beyond the axis."""
        ends = axis_ends(self._all(results), self.smallest)
        return any(is_beyond(change.test, ends) for change in self._changes(results))


def axis_ends(
    changes: Sequence[Change], smallest: float, with_runs: bool = True
) -> tuple[float, float]:
    """Give the ends of an axis of differences, in points.

    Args:
        smallest: the smallest difference worth having, points.
        with_runs: whether single runs are drawn too.
    """
    numbers = [-2 * smallest, 2 * smallest]
    for change in changes:
        numbers += [percent(change.test.mean)] if change.test.mean is not None else []
        numbers += _interval(change.test) or ()
        numbers += map(percent, change.differences) if with_runs else ()
    pad = 0.03 * (max(numbers) - min(numbers))
    low, high = min(numbers) - pad, max(numbers) + pad
    if reach := clip([change.test for change in changes], smallest):
        return max(low, -reach), min(high, reach)
    return low, high


def is_beyond(difference: Effect, ends: tuple[float, float]) -> bool:
    """Whether a mean or its interval reaches beyond an axis."""
    return bool(_sides_beyond(difference, ends))


def side_of_mean(difference: Effect, ends: tuple[float, float]) -> int:
    """Say where a mean lies: -1 below an axis, 1 above it, 0 on it or nowhere."""
    mean = percent(difference.mean)
    return (mean > ends[1]) - (mean < ends[0])


def point_beyond(
    axes: "Axes", row: int, difference: Effect, ends: tuple[float, float], color: str = LIGHT.text
) -> None:
    """Point to what of a difference lies beyond an axis."""
    for side in _sides_beyond(difference, ends):
        axes.plot([ends[side > 0]], [row], ">" if side > 0 else "<", color=color, markersize=4,
                  clip_on=False, zorder=6)  # fmt: skip


def beyond(
    axes: "Axes", row: int, difference: Effect, ends: tuple[float, float], width: float
) -> None:
    """Point to what of a difference lies beyond an axis, and write an interval whose mean does.

    Args:
        width: of the figure, inches.
    """
    point_beyond(axes, row, difference, ends)
    side = side_of_mean(difference, ends)
    if side and _interval(difference):
        text = f"{signed(difference.lower)} to {signed(difference.upper)}"
        axes.annotate(
            text, (ends[side > 0], row), (-6 * side, 0), textcoords="offset points", va="center",
            ha="right" if side > 0 else "left", fontsize=LEAST[width], zorder=6,
            bbox={"facecolor": LIGHT.page, "linewidth": 0, "pad": 0.5},
        ).set_in_layout(False)  # fmt: skip


def _sides_beyond(difference: Effect, ends: tuple[float, float]) -> list[int]:
    """Give the sides of an axis beyond which a mean or its interval reaches: -1, 1."""
    numbers = [percent(difference.mean), *(_interval(difference) or ())]
    reached = ((-1, min(numbers) < ends[0]), (1, max(numbers) > ends[1]))
    return [side for side, is_reached in reached if is_reached]


def against(changes: Iterable[Change], results: Results) -> str:
    """Name the references of changes, such as against base."""
    references = dict.fromkeys(change.reference for change in changes)
    return f"against {listing(map(results.called, references))}" if references else ""


def split(sizes: Sequence[int], most: int = MOST_LINES) -> list[tuple[Part, ...]]:
    """Split changes over pages, none empty or too long, all about equally long.

    A question is not torn apart, unless it has more changes than a page holds.

    Args:
        sizes: changes of each question.
        most: changes and titles of questions that a page holds.
    """
    parts = [part for place, size in enumerate(sizes) for part in _parts(place, size, most)]
    lines = [1 + last - first for _, first, last in parts]
    middles = [sum(lines[:place]) + own / 2 for place, own in enumerate(lines)]
    number = -(-sum(lines) // most)
    while True:
        # Each part stands on the page on which its middle would be, were all equally long.
        on = [int(number * middle / sum(lines)) for middle in middles]
        if all(sum(own) <= most for own in _by_page(on, lines)):
            return _by_page(on, parts)
        number += 1


def _parts(place: int, size: int, most: int) -> list[Part]:
    """Cut a question that has more changes than a page holds, with its title, into equal parts."""
    number = -(-size // (most - 1))
    ends = pairwise(size * cut // number for cut in range(number + 1))
    return [(place, first, last) for first, last in ends]


def _by_page(on: Sequence[int], things: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Group what stands on the same page."""
    pages = groupby(zip(on, things, strict=True), key=lambda pair: pair[0])
    return [tuple(thing for _, thing in pairs) for _, pairs in pages]


def _in_a_line(text: str) -> str:
    return text.replace("\n", "  ")


def _breaks(texts: Iterable[str]) -> list[int]:
    return [text.count("\n") for text in texts]


def _notes(changes: Sequence[Change]) -> list[str]:
    """Write mean, number and verdict of each change in columns."""
    effects = [change.test for change in changes]
    means = aligned("" if effect.mean is None else signed(effect.mean) for effect in effects)
    numbers = aligned(str(effect.n) for effect in effects)
    return [
        f"{mean}  n = {number}  {change.verdict}" if change.test.n else change.verdict
        for change, mean, number in zip(changes, means, numbers, strict=True)
    ]


def clip(effects: Sequence[Effect], smallest: float) -> float:
    """Choose where an axis ends, so that a few very large effects do not hide the others.

    Args:
        effects: on shares.
        smallest: the smallest effect worth having, in points.

    Returns:
        Half again the mean that three quarters of the changes stay below, and at least thirty
        times the smallest effect; 0, for no end, if no mean lies far beyond.
    """
    sizes = sorted(abs(percent(effect.mean)) for effect in effects if effect.mean is not None)
    if not sizes:
        return 0
    reach = max(30 * smallest, 1.5 * sizes[(3 * len(sizes) - 1) // 4])
    return reach if sizes[-1] > 1.5 * reach else 0


def verdict_color(verdict: str) -> str:
    """Give the colour of a verdict; the word stands beside it."""
    return {"helps": LIGHT.more, "hurts": LIGHT.less}.get(verdict, LIGHT.text)


def tally(changes: Iterable[Change]) -> dict[str, int]:
    """Count the verdicts that there are, in their order."""
    counts = Counter(change.verdict for change in changes)
    return {verdict: counts[verdict] for verdict in VERDICTS if counts[verdict]}


def run_extent(changes: Iterable[Change | Contrast]) -> tuple[int, int] | None:
    """Give the fewest and the most runs behind a difference; None without any."""
    return extent(change.test.n for change in changes if change.test.n)


def _interval(difference: Effect) -> tuple[float, float] | None:
    """Give the interval of a difference, in points, if it has enough runs to be drawn whole."""
    if difference.n < LEAST_RUNS or difference.lower is None or difference.upper is None:
        return None
    return percent(difference.lower), percent(difference.upper)


@dataclass(frozen=True)
class Pair(Picture):
    """The base and another experiment: the score of every run above, differences below."""

    template = "pair"

    experiments: tuple[str, str]
    title: str
    smallest: float

    def _draw(self, results: Results) -> "Figure":
        figure = self.new(2.7)
        above, below = figure.subplots(2, 1, height_ratios=(2, 1))
        self._scores(above, results)
        difference, single = self._difference(results)
        note = "not run yet"
        if difference.mean is not None:
            verdict = self._verdict(results)
            note = "\n".join([f"{signed(difference.mean)}  (n = {difference.n})", verdict]).strip()
        marks.rows(below, ["Difference"], [note])
        marks.zero(below, self.smallest)
        marks.forest_row(below, 0, difference, single, verdict_color(self._verdict(results)), 9)
        marks.round_numbers(below.xaxis, 8)
        below.set_xlabel(marks.difference_label(results.study.metric))
        marks.legend(figure, marks.forest_keys(self.smallest))
        return figure

    def _scores(self, axes: "Axes", results: Results) -> None:
        summaries = results.of(self.experiments)
        labels = [wrap(results.called(summary.id), 16) for summary in summaries]
        notes = ["\n".join([mean_in_words(summary), *troubles(summary)]) for summary in summaries]
        marks.rows(axes, labels, notes)
        ours, theirs = map(results.by_seed, self.experiments)
        for seed in sorted(ours.keys() & theirs.keys()):
            ends = [ours[seed], theirs[seed]]
            if results.paired:
                axes.plot(ends, [0, 1], color=LIGHT.muted, linewidth=0.6, alpha=0.7, zorder=1)
        for row, summary in enumerate(summaries):
            if summary.complete:
                marks.dots(axes, results.scores(summary.id), row, LIGHT.text, 0, **marks.SEED)
                marks.mean_line(axes, percent(summary.test.mean), row, LIGHT.text)
        marks.score_axis(axes.xaxis, results.study.metric)

    def _verdict(self, results: Results) -> str:
        """Give the verdict on the difference; none where no question asks for it."""
        reference, changed = self.experiments
        change = results.change(changed, reference)
        return change.verdict if change else ""

    def _difference(self, results: Results) -> tuple[Effect, Sequence[float]]:
        """Give what the other gains over the base, and its runs one by one."""
        reference, changed = self.experiments
        gain = results.findings.over_base[changed]
        if results.paired:
            return gain, list(results.tables.differences(changed, reference, "test").values())
        ours, theirs = (
            list(results.tables.scores(id_, "test_score").values()) for id_ in (changed, reference)
        )
        return gain, [score - fmean(theirs) for score in ours] if theirs else []

    def _behind(self, results: Results) -> dict[str, Any]:
        return {"paired": results.paired, "summaries": results.of(self.experiments)}

    def _values(self, results: Results) -> dict[str, Any]:
        difference, _ = self._difference(results)
        return {
            "difference": difference,
            "is_cut_off": marks.is_cut_off([difference]),
        }
