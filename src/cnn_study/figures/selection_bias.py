"""The figure of selection bias: what a choice by test scores promises. Matplotlib only to draw."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnn_study.evidence.judged import SelectionBias
from cnn_study.figures import marks
from cnn_study.figures.colors import LIGHT
from cnn_study.figures.picture import TALLEST, Picture, extent, nothing
from cnn_study.figures.results import Results
from cnn_study.figures.words import percent, signed, wrap
from cnn_study.study.model import Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EPOCH, BY_TEST, BY_VALIDATION = "best epoch", "best by test", "best by validation"
EVERYTHING = "all experiments"

ALL_THE_SAME = "every seed chooses the same"

MOST_ROWS = 20
"""Below each heading: what a page holds in letters that can be read."""

LONGEST_LABEL = 22
"""Characters of a label before it goes on in a second line."""

HEADINGS = {
    EPOCH: "Epoch chosen by test scores",
    BY_TEST: "Experiment chosen among",
}


@dataclass(frozen=True)
class Row:
    """One row of the figure: a heading where nothing was chosen among."""

    label: str
    biases: dict[str, SelectionBias]


def _largest(rows: list[Row]) -> list[Row]:
    """Keep as many rows as a page holds, those with the largest optimism, in their order."""

    def size(row: Row) -> float:
        return max(abs(bias.optimism.mean or 0) for bias in row.biases.values())

    kept = sorted(rows, key=size, reverse=True)[:MOST_ROWS]
    return [row for row in rows if row in kept]


@dataclass(frozen=True)
class Optimism(Picture):
    """How much a score chosen by test images promises beyond what can be expected."""

    template = "selection-bias"

    experiments: tuple[str, ...]

    def _something(self, results: Results) -> bool:
        return bool(results.findings.selection_bias)

    def _rows(self, results: Results) -> list[Row]:
        """Give as many rows as a page holds, below their headings."""
        kept = {kind: _largest(rows) for kind, rows in self._choices(results).items()}
        return [row for kind, own in kept.items() if own for row in (Row(HEADINGS[kind], {}), *own)]

    def _choices(self, results: Results) -> dict[str, list[Row]]:
        """Give a row for each choice, without those that are the same for every seed.

        What is always chosen promises nothing by luck: such a row would be zero by construction.
        """
        study = results.study
        epochs = [
            Row(study.full_label(id_), {EPOCH: bias})
            for id_, bias in results.selection_bias(EPOCH).items()
            if not bias.always_the_same
        ]
        names = [*study.questions, EVERYTHING]
        of_rules = {rule: results.selection_bias(rule) for rule in (BY_TEST, BY_VALIDATION)}
        chosen = []
        for among in names:
            biases = {
                rule: of_rule[among] for rule, of_rule in of_rules.items() if among in of_rule
            }
            lucky = {rule: bias for rule, bias in biases.items() if not bias.always_the_same}
            if lucky:
                chosen.append(Row(_title(study, among), lucky))
        return {EPOCH: epochs, BY_TEST: chosen}

    def _draw(self, results: Results) -> "Figure":
        rows = self._rows(results)
        if not rows:
            return nothing(ALL_THE_SAME)
        height = min(0.38, (TALLEST - 1.1) / len(rows))
        figure = self.new(1.1 + height * len(rows))
        axes = figure.subplots()
        size = min(9.0, 72 * height / 2 / 1.35)
        marks.rows(
            axes,
            [wrap(row.label, LONGEST_LABEL) if row.biases else "" for row in rows],
            [_note(row) for row in rows],
            size,
        )
        axes.axvline(0, color=LIGHT.muted, linewidth=1, zorder=1)
        titles = {place: (row.label, "") for place, row in enumerate(rows) if not row.biases}
        marks.headings(figure, axes, titles, size)
        for place, row in enumerate(rows):
            self._row(axes, place, row)
        marks.round_numbers(axes.xaxis, 8)
        metric = results.study.metric.label
        axes.set_xlabel(f"Told less honest test {metric} (percentage points)")
        self._legend(figure, rows)
        return figure

    def _row(self, axes: "Axes", place: int, row: Row) -> None:
        offsets = _offsets(len(row.biases))
        for offset, (rule, bias) in zip(offsets, row.biases.items(), strict=True):
            color, marker = _style(rule)
            at, single = place + offset, list(map(percent, bias.optimisms))
            marks.dots(axes, single, at - 0.06, LIGHT.muted, 0.12, markersize=3)
            marks.interval(
                axes,
                bias.optimism,
                at + 0.09,
                color=color,
                linewidth=1.5,
                solid_capstyle="butt",
                zorder=3.5,
            )
            axes.plot(
                [percent(bias.optimism.mean)], [at + 0.09], marker, color=color, markersize=5.5,
                zorder=4, markeredgecolor=LIGHT.page, markeredgewidth=0.7,
            )  # fmt: skip

    def _legend(self, figure: "Figure", rows: Sequence[Row]) -> None:
        both = any(BY_VALIDATION in row.biases for row in rows)
        labels = {BY_TEST: "Chosen by test scores", BY_VALIDATION: "Chosen by validation scores"}
        keys = [
            marks.key(labels[rule], color, marker=marker, markersize=5.5, line="-", linewidth=1.5,
                      markeredgecolor=LIGHT.page, markeredgewidth=0.7)
            for rule in ([BY_TEST, BY_VALIDATION] if both else [BY_TEST])
            for color, marker in [_style(rule)]
        ]  # fmt: skip
        small = marks.DOT | {"markersize": 3}
        marks.legend(figure, [*keys, marks.key("One seed", LIGHT.muted, marker="o", **small)])

    def _behind(self, results: Results) -> dict[str, Any]:
        biases = (bias for row in self._rows(results) for bias in row.biases.values())
        seeds = extent(bias.optimism.n for bias in biases)
        return {"seeds": seeds, "has_choices": self._something(results)}

    def _values(self, results: Results) -> dict[str, Any]:
        rows = [row for row in self._rows(results) if row.biases]
        optimism = [bias.optimism for row in rows for bias in row.biases.values()]
        return {
            "rows": [
                {
                    "label": row.label,
                    "optimism": {rule: bias.optimism for rule, bias in row.biases.items()},
                    # Of many questions a row is written without, or nobody would read on.
                    "has_interval": EPOCH in row.biases or row.label == EVERYTHING,
                }
                for row in rows
            ],
            "has_epochs": any(EPOCH in row.biases for row in rows),
            "has_experiments": any(BY_TEST in row.biases for row in rows),
            "is_full": any(len(own) > MOST_ROWS for own in self._choices(results).values()),
            "is_cut_off": marks.is_cut_off(optimism),
        }


def _title(study: Study, among: str) -> str:
    """Name what was chosen among: the experiments of a question, or all."""
    return study.file.questions[among].title if among in study.questions else among


def _note(row: Row) -> str:
    """Write the means of a row, in the order in which they are drawn."""
    means = (bias.optimism for bias in row.biases.values())
    return "\n".join(signed(mean.mean) for mean in means)


def _offsets(count: int) -> list[float]:
    return [0.0] if count == 1 else marks.spread(count, 0.44)


def _style(rule: str) -> tuple[str, str]:
    """Give the colour and the marker of a rule to choose by."""
    return (LIGHT.validation, "s") if rule == BY_VALIDATION else (LIGHT.text, "o")
