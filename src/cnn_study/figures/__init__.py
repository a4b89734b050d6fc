"""Figures of a study: light and dark SVG, PNG, caption and alternative text, from the tables.

Knows nothing of Keras or of run records. What will be made is known without Matplotlib, so that
the workflow can declare it; Matplotlib, Seaborn and pandas are imported only to draw.
"""

import io
import json
import math
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnn_study import records
from cnn_study.errors import UserError
from cnn_study.settings import Settings
from cnn_study.study import Study

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

WIDTH = 6.3
"""Inches: 16 cm, the text width of the PDF; 720 px on a screen make 9 pt text 14 px high."""

PNG_DPI = 200
NO_RUN = "no complete run yet"
INDEX = "figures.json"
MOST_CLASSES_WITH_NUMBERS = 12
LONGEST_LABEL = 32
"""Characters of a row label before it goes on in a second line."""


@dataclass(frozen=True)
class Look:
    """Colours for one kind of page. Series colours are those of Okabe and Ito (2008)."""

    page: str
    text: str
    muted: str
    faint: str
    series: tuple[str, ...]


LIGHT = Look(
    "#ffffff", "#1f2328", "#5b6570", "#dde2e8", ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
)
DARK = Look(
    "#14181f", "#e6e9ed", "#a3adb8", "#363e49", ("#56b4e9", "#e69f00", "#00b386", "#e0a3c6")
)
MEASURED = ("training", "validation")
"""Images whose accuracy the learning curves show."""

MARKERS = "os^vDPX"
LINES = ("-", "--", "-.", ":")


class Picture:
    """One figure: what is in it, how it is drawn, and what is said about it."""

    experiments: tuple[str, ...]

    def shown(self, results: "Results") -> tuple[str, ...]:
        """Name the experiments in the picture."""
        return self.experiments

    def draw(self, results: "Results", look: Look) -> "Figure":
        """Draw it once, in the colours of one look."""
        there = any(summary.complete for summary in results.of(self.shown(results)))
        return self._draw(results, look) if there else _nothing(look)

    def caption(self, results: "Results") -> str:
        """Say what is shown, what every mark and interval is, and how many runs are behind it."""
        text = f"{self._explain(results)} {_counts(results.of(self.shown(results)))}"
        return " ".join(text.split())

    def alt(self, results: "Results") -> str:
        """Say in words what the picture shows, with its main numbers."""
        return self._tell(results)

    def _draw(self, results: "Results", look: Look) -> "Figure":
        raise NotImplementedError

    def _explain(self, results: "Results") -> str:
        raise NotImplementedError

    def _tell(self, results: "Results") -> str:
        raise NotImplementedError


def planned(study: Study) -> list[str]:
    """Name every file that `draw` writes.

    Raises:
        UserError: a question has the id of another figure.
    """
    ids = _pictures(study)
    return [name for id_ in ids for name in _file_names(id_)] + [INDEX]


def draw(study: Study, tables: Path, evidence: Path, output: Path) -> None:
    """Write every figure of the study, and `figures.json` that describes them.

    Args:
        tables: Folder with runs.csv, epochs.csv, experiments.csv, confusion.csv and, where the
            study sets published numbers beside its own, published.csv.
        evidence: Folder with what `evidence.analyse` wrote.
        output: Folder for the figures. Each file is whole or absent; equal tables give equal
            bytes.
    """
    results = Results(tables, evidence)
    index = {}
    for id_, picture in _pictures(study).items():
        light, dark, png = _file_names(id_)
        images = _images(picture, results, LIGHT, ("svg", "png"))
        images += _images(picture, results, DARK, ("svg",))
        for name, image in zip((light, png, dark), images, strict=True):
            _write(output / name, image)
        index[id_] = {
            "file": light,
            "caption": picture.caption(results),
            "alt": picture.alt(results),
            "experiments": list(picture.shown(results)),
        }
    text = json.dumps(index, indent=1, ensure_ascii=False) + "\n"
    _write(output / INDEX, text.encode())


def _file_names(id_: str) -> tuple[str, str, str]:
    return f"{id_}.svg", f"{id_}-dark.svg", f"{id_}.png"


def _pictures(study: Study) -> dict[str, Picture]:
    """List the figures of a study by id, in the order of the report."""
    enhanced = study.file.enhanced or "base"
    two = tuple(dict.fromkeys(["base", enhanced]))
    pictures: dict[str, Picture] = {"learning-curves-base-and-enhanced": LearningCurves(two)}
    if len(two) > 1:
        pictures["base-and-enhanced"] = Strip(two, "Base and enhanced model")
    pictures["confusion-base-and-enhanced"] = Confusion(two, tuple(study.dataset.class_names))
    pictures["accuracy-and-cost"] = Cost(tuple(study.experiments), enhanced)
    if study.file.published:
        pictures["published-and-ours"] = PublishedAndOurs()
    _refuse_taken(study, tuple(pictures))
    return pictures | {name: _question_picture(study, name) for name in study.questions}


def _refuse_taken(study: Study, fixed: tuple[str, ...]) -> None:
    """Refuse questions whose figures would overwrite other ones.

    Raises:
        UserError: a question has the id of another figure, or of another one's dark version.
    """
    ids = (*fixed, *study.questions)
    taken = {*fixed, *(f"{id_}-dark" for id_ in ids)}
    faults = [
        f"  questions.{name}: a figure of the report has this name already; choose another id"
        for name in study.questions
        if name in taken
    ]
    if faults:
        raise UserError("\n".join([f"{study.path} cannot be used:", *faults]))


def _question_picture(study: Study, name: str) -> Picture:
    question = study.file.questions[name]
    members = tuple(dict.fromkeys([question.reference, *study.questions[name]]))
    if len(question.grid) != 2:
        return Strip(members, question.title)
    rows, columns = question.grid
    cells = tuple(
        tuple(
            _with(study, members, {rows: row, columns: column}) for column in question.grid[columns]
        )
        for row in question.grid[rows]
    )
    levels = tuple(tuple(map(_value, values)) for values in question.grid.values())
    return Grid((rows, columns), levels, cells, question.title)


def _with(study: Study, members: Iterable[str], values: dict[str, Any]) -> str:
    """Find the experiment whose settings have these values."""
    for id_ in members:
        settings = study.experiments[id_].settings
        if all(getattr(settings, name) == value for name, value in values.items()):
            return id_
    raise LookupError(f"no experiment has {values}")


# ------------------------------------------------------------------------------- numbers


@dataclass(frozen=True)
class Summary:
    """One experiment's row of experiments.csv. Accuracies are test accuracies in percent."""

    id: str
    complete: int
    macs: int
    troubles: tuple[str, ...]
    mean: float
    deviation: float
    smallest: float
    largest: float

    @property
    def words(self) -> str:
        """The mean with the number of runs, or that there is none."""
        return f"{self.mean:.1f} % (n = {self.complete})" if self.complete else NO_RUN


class Results:
    """The tables of one study, read once."""

    def __init__(self, tables: Path, evidence: Path) -> None:
        self.tables, self.evidence = tables, evidence
        runs = self.read("runs")
        self.runs = runs[runs["status"] == "complete"]
        rows = self.read("experiments").to_dict("records")
        self.summaries = {row["experiment"]: _summary(row) for row in rows}

    def read(self, name: str) -> "pandas.DataFrame":
        """Read one table or one piece of evidence, each column with its type."""
        from cnn_study import columns, tables

        found = {table.name: (self.tables, table) for table in columns.TABLES}
        found |= {table.name: (self.evidence, table) for table in columns.EVIDENCE}
        return tables.read(*found[name])

    def of(self, ids: Iterable[str]) -> list[Summary]:
        """Give the summaries of these experiments."""
        return [self.summaries[id_] for id_ in ids]

    def scores(self, id_: str) -> list[float]:
        """Give the test accuracy in percent of each complete run, by seed."""
        runs = self.runs[self.runs["experiment"] == id_].sort_values("seed")
        return [100 * float(score) for score in runs["test_accuracy"]]


def _summary(row: dict[str, Any]) -> Summary:
    planned = int(row["planned_runs"])
    counts = {name: int(row[f"{name}_runs"]) for name in ("diverged", "failed", "missing")}
    troubles = tuple(f"{count} of {planned} {name}" for name, count in counts.items() if count)
    numbers = (
        100 * float(row[f"test_accuracy_{name}"])
        for name in ("mean", "standard_deviation", "smallest", "largest")
    )
    return Summary(
        row["experiment"], int(row["complete_runs"]), int(row["macs"]), troubles, *numbers
    )


def _counts(summaries: Sequence[Summary]) -> str:
    """Say how many runs stand behind the numbers, and which do not."""
    if not summaries:
        return ""
    complete = {summary.complete for summary in summaries}
    troubled = [summary for summary in summaries if summary.troubles]
    if complete == {0}:
        text = f"There is {NO_RUN}."
    elif len(complete) == 1:
        (count,) = complete
        text = f"n = {count} complete {'run' if count == 1 else 'runs'} of each experiment."
    else:
        text = f"n = {min(complete)} to {max(complete)} complete runs of each experiment."
    if troubled:
        named = "; ".join(f"{summary.id}: {', '.join(summary.troubles)}" for summary in troubled)
        text += f" Not in the picture: {named}."
    return text


def _listed(summaries: Iterable[Summary]) -> str:
    return "; ".join(f"{summary.id} {summary.words}" for summary in summaries)


def _range(summaries: Sequence[Summary]) -> str:
    """Say between what the means lie."""
    there = sorted((summary for summary in summaries if summary.complete), key=_mean)
    if not there:
        return ""
    low, high = there[0], there[-1]
    if low is high:
        return f"The mean is {low.mean:.1f} % ({low.id})."
    return f"Means lie between {low.mean:.1f} % ({low.id}) and {high.mean:.1f} % ({high.id})."


def _mean(summary: Summary) -> float:
    return summary.mean


# ------------------------------------------------------------------------------- words


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "-".join(map(str, value))
    return value.replace("_", " ") if isinstance(value, str) else f"{value:g}"


def _words(parameter: str) -> str:
    return parameter.replace("_", " ")


def _axis_label(parameter: str) -> str:
    """Name a parameter with its unit, such as Kernel size (pixels)."""
    words = _words(parameter)
    unit = Settings.model_fields[parameter].json_schema_extra["unit"]
    suffix = "" if unit in ("", "1", words) else f" ({unit.split(' of ')[0]})"
    return words[0].upper() + words[1:] + suffix


def _wrap(label: str, width: int = LONGEST_LABEL) -> str:
    return "\n".join(textwrap.wrap(label, width, break_long_words=False)) or label


# ------------------------------------------------------------------------------- drawing


def _images(picture: Picture, results: Results, look: Look, formats: Sequence[str]) -> list[bytes]:
    """Draw a picture in a fixed style, whatever the user's own Matplotlib settings are."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_style(look))
        figure = picture.draw(results, look)
        _settle(figure)
        return [_saved(figure, look, format_) for format_ in formats]


def _saved(figure: "Figure", look: Look, format_: str) -> bytes:
    buffer = io.BytesIO()
    if format_ == "svg":
        figure.savefig(
            buffer, format="svg", facecolor="none", metadata={"Date": None, "Creator": None}
        )
    else:
        figure.savefig(
            buffer, format="png", dpi=PNG_DPI, facecolor=look.page, metadata={"Software": None}
        )
    return buffer.getvalue()


def _write(path: Path, content: bytes) -> None:
    records.write_whole(path, lambda file: file.write(content))


def _style(look: Look) -> dict[str, Any]:
    """Settings of Matplotlib. Text is drawn as paths: it looks the same in browser and PDF."""
    text = ("text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor")
    return {
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "axes.labelsize": 9,
        "axes.titlesize": 9,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "legend.fontsize": 8,
        "legend.title_fontsize": 8,
        "legend.frameon": False,
        "axes.facecolor": "none",
        "axes.edgecolor": look.muted,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.8,
        "axes.axisbelow": True,
        "xtick.color": look.muted,
        "ytick.color": look.muted,
        "grid.color": look.faint,
        "grid.linewidth": 0.7,
        "svg.fonttype": "path",
        "svg.hashsalt": "cnn-study",
        **dict.fromkeys(text, look.text),
    }


def _figure(height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH, height), layout="constrained")


def _settle(figure: "Figure") -> None:
    """Lay the figure out and keep that, or each format would move things once more."""
    for _ in range(2 if figure.get_layout_engine() else 0):
        figure.get_layout_engine().execute(figure)
    figure.set_layout_engine("none")


def _nothing(look: Look) -> "Figure":
    """Draw the figure that says that there is nothing to draw."""
    figure = _figure(1.2)
    figure.set_layout_engine("none")
    figure.text(0.5, 0.5, NO_RUN, ha="center", va="center", color=look.muted, style="italic")
    return figure


def _accuracy_axis(axis: "Axis") -> None:
    """Label an axis of test accuracies and give it round numbers."""
    from matplotlib.ticker import MaxNLocator

    axis.set_label_text("Test accuracy (%)")
    axis.set_major_locator(MaxNLocator(10, steps=[1, 2, 5, 10]))


def _spread(count: int, width: float) -> list[float]:
    """Offsets that keep the dots of single runs apart, the same ones every time."""
    if count == 1:
        return [0.0]
    return [width * (place / (count - 1) - 0.5) for place in range(count)]


@dataclass(frozen=True)
class LearningCurves(Picture):
    """Training and validation accuracy over the epochs, one panel an experiment."""

    experiments: tuple[str, ...]

    def _draw(self, results: Results, look: Look) -> "Figure":
        curves = self._curves(results)
        figure = _figure(3.1)
        panels = figure.subplots(1, len(self.experiments), sharey=True, squeeze=False)[0]
        for axes, summary in zip(panels, results.of(self.experiments), strict=True):
            self._panel(axes, curves[curves["experiment"] == summary.id], summary, look)
        panels[0].set_ylabel("Accuracy (%)")
        named = [line for axes in panels for line in axes.lines if line.get_label()[0] != "_"]
        keys = {line.get_label(): line for line in named}
        figure.legend(keys.values(), keys, loc="outside upper center", ncols=2, handlelength=3)
        return figure

    def _curves(self, results: Results) -> "pandas.DataFrame":
        """Put the epochs of complete runs into long form: accuracy in percent, and of what."""
        epochs = results.read("epochs").merge(results.runs[["experiment", "seed"]])
        long = epochs.melt(
            ["experiment", "seed", "epoch"],
            [f"{images}_accuracy" for images in MEASURED],
            var_name="images",
            value_name="accuracy",
        )
        long["images"] = long["images"].str.removesuffix("_accuracy")
        long["accuracy"] = 100 * long["accuracy"].astype(float)
        return long.dropna()

    def _panel(
        self, axes: "Axes", curves: "pandas.DataFrame", summary: Summary, look: Look
    ) -> None:
        from matplotlib.ticker import MaxNLocator

        axes.set_title("\n".join([_wrap(summary.id), *summary.troubles]), color=look.text)
        axes.set_xlabel("Epoch")
        axes.grid(axis="y")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
        if not summary.complete:
            axes.text(0.5, 0.5, NO_RUN, transform=axes.transAxes, ha="center", style="italic")
            return
        for images, color, line in zip(MEASURED, look.series, ("-", (0, (4, 1.5))), strict=False):
            own = curves[curves["images"] == images]
            table = own.pivot(index="epoch", columns="seed", values="accuracy")
            if not table.empty:
                self._curve(axes, table, color, linestyle=line, label=images.capitalize())

    def _curve(self, axes: "Axes", table: "pandas.DataFrame", color: str, **options: Any) -> None:
        """Draw a table (epoch, seed): band, single runs and mean."""
        ends = table.min(axis=1), table.max(axis=1)
        axes.fill_between(table.index, *ends, color=color, alpha=0.2, linewidth=0)
        axes.plot(table, color=color, linewidth=0.5, alpha=0.5)
        axes.plot(table.mean(axis=1), color=color, linewidth=2, **options)

    def _explain(self, results: Results) -> str:
        return (
            "Accuracy over the epochs. Thick lines: mean over the seeds; bands: from the smallest "
            "to the largest seed; thin lines: single runs. Training accuracy is measured during "
            "the epoch, while the weights change; validation accuracy after it, on images held "
            "out."
        )

    def _tell(self, results: Results) -> str:
        curves = self._curves(results)
        parts = [self._alt_of(summary, curves) for summary in results.of(self.experiments)]
        return f"Line chart of accuracy over the epochs. {' '.join(parts)}"

    def _alt_of(self, summary: Summary, curves: "pandas.DataFrame") -> str:
        if not summary.complete:
            return f"{summary.id}: {NO_RUN}."
        own = curves[curves["experiment"] == summary.id]
        means = own.groupby(["images", "epoch"])["accuracy"].mean()
        parts = [
            f"{images} accuracy goes from {line.iloc[0]:.1f} % to {line.iloc[-1]:.1f} %"
            for images in MEASURED
            if len(line := means[means.index.get_level_values("images") == images])
        ]
        return f"{summary.id}, epoch 1 to {own['epoch'].max()}: {', '.join(parts)}."


def _rows(axes: "Axes", labels: Sequence[str], notes: Sequence[str]) -> None:
    """Lay out one row for each label, first on top, with a note at its right end."""
    axes.set_yticks(range(len(labels)), [_wrap(label) for label in labels])
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
    for place, note in enumerate(notes):
        axes.text(
            1.02,
            place,
            note,
            transform=axes.get_yaxis_transform(),
            va="center",
            fontsize=8,
            linespacing=1.3,
        )


def _dots(axes: "Axes", scores: Sequence[float], row: float, look: Look) -> None:
    """Draw single runs in one row, apart from each other."""
    heights = [row + offset for offset in _spread(len(scores), 0.36)]
    color = look.series[0]
    axes.plot(
        scores, heights, "o", color=color, markersize=4.5, alpha=0.8, markeredgewidth=0, zorder=3
    )


def _mean_mark(axes: "Axes", mean: float, row: float, look: Look) -> None:
    """Draw the mean of one row as an upright line behind the dots."""
    axes.plot([mean] * 2, [row - 0.3, row + 0.3], color=look.series[1], linewidth=2.5)


@dataclass(frozen=True)
class Strip(Picture):
    """Test accuracy of every single run, one row an experiment, the reference first."""

    experiments: tuple[str, ...]
    title: str

    def _draw(self, results: Results, look: Look) -> "Figure":
        summaries = results.of(self.experiments)
        figure = _figure(0.75 + 0.4 * len(summaries))
        axes = figure.subplots()
        _rows(axes, self.experiments, [self._note(summary) for summary in summaries])
        if summaries[0].complete:
            axes.axvline(summaries[0].mean, color=look.muted, linestyle=(0, (1, 2)), linewidth=1)
        for row, summary in enumerate(summaries):
            if summary.complete:
                _dots(axes, results.scores(summary.id), row, look)
                _mean_mark(axes, summary.mean, row, look)
        _accuracy_axis(axes.xaxis)
        return figure

    def _note(self, summary: Summary) -> str:
        first = f"{summary.mean:.1f} %  (n = {summary.complete})" if summary.complete else NO_RUN
        return "\n".join([first, *summary.troubles])

    def _explain(self, results: Results) -> str:
        summaries = results.of(self.experiments)
        return (
            f"{self.title}: test accuracy. Each dot is one run, each upright line the mean of a "
            "row, written at the right with the number of complete runs n; the dotted line "
            f"continues the mean of the first row, {self.experiments[0]}. {_range(summaries)}"
        )

    def _tell(self, results: Results) -> str:
        summaries = results.of(self.experiments)
        return (
            f"{self.title}: dot plot of test accuracy, one row for each of {len(summaries)} "
            f"experiments. Means: {_listed(summaries)}."
        )


@dataclass(frozen=True)
class Grid(Picture):
    """Every combination of two parameters: heat map on the left, lines on the right.

    Attributes:
        parameters: of the rows, and of the columns.
        levels: their values in words.
        cells: experiment ids by [row][column].
    """

    parameters: tuple[str, str]
    levels: tuple[tuple[str, ...], tuple[str, ...]]
    cells: tuple[tuple[str, ...], ...]
    title: str

    @property
    def experiments(self) -> tuple[str, ...]:
        """All experiments of the grid, row by row."""
        return tuple(id_ for row in self.cells for id_ in row)

    def _draw(self, results: Results, look: Look) -> "Figure":
        figure = _figure(max(3.1, 1.1 + 0.55 * len(self.cells)))
        left, right = figure.subplots(1, 2, width_ratios=(1.1, 1))
        self._heat_map(left, results, look)
        self._lines(right, results, look)
        self._legend(figure, right)
        figure.get_layout_engine().set(wspace=0.06)
        return figure

    def _heat_map(self, axes: "Axes", results: Results, look: Look) -> None:
        import numpy

        summaries = [results.of(row) for row in self.cells]
        means = numpy.array([[summary.mean for summary in row] for row in summaries])
        low, high = numpy.nanmin(means), numpy.nanmax(means)
        words = [[self._cell(summary) for summary in row] for row in summaries]
        limits = (low - 0.15 * (high - low) - 0.1, high + 0.1)
        _heat_map(axes, means, words, limits, look, gap=1.5)
        rows, columns = ([_level(level) for level in levels] for levels in self.levels)
        axes.set_xticks([place + 0.5 for place in range(len(columns))], columns)
        axes.set_yticks([place + 0.5 for place in range(len(rows))], rows)
        axes.set(xlabel=_axis_label(self.parameters[1]), ylabel=_axis_label(self.parameters[0]))

    def _cell(self, summary: Summary) -> str:
        troubles = [_wrap(trouble, 10) for trouble in summary.troubles]
        if not summary.complete:
            return "\n".join([_wrap(NO_RUN, 12), *troubles])
        spread = f"± {summary.deviation:.1f}" if summary.complete > 1 else "one run"
        return "\n".join([f"{summary.mean:.1f}", spread, *troubles])

    def _lines(self, axes: "Axes", results: Results, look: Look) -> None:
        offsets = _spread(len(self.cells), 0.12)
        for number, (level, row) in enumerate(zip(self.levels[0], self.cells, strict=True)):
            summaries = results.of(row)
            color = look.series[number % len(look.series)]
            places = [column + offsets[number] for column in range(len(row))]
            for place, summary in zip(places, summaries, strict=True):
                scores = results.scores(summary.id)
                beside = [place + 0.09] * len(scores)
                axes.plot(beside, scores, ".", color=color, alpha=0.8, markersize=5)
            axes.plot(
                places,
                [summary.mean for summary in summaries],
                color=color,
                linestyle=LINES[number % len(LINES)],
                marker=MARKERS[number % len(MARKERS)],
                markersize=6.5,
                markeredgecolor=look.page,
                linewidth=1.5,
                label=_level(level),
            )
        axes.set_xticks(range(len(self.levels[1])), map(_level, self.levels[1]))
        axes.set_xlim(-0.4, len(self.levels[1]) - 0.6)
        axes.grid(axis="y")
        axes.set_xlabel(_axis_label(self.parameters[1]))
        _accuracy_axis(axes.yaxis)

    def _legend(self, figure: "Figure", axes: "Axes") -> None:
        from matplotlib.lines import Line2D

        handles, labels = axes.get_legend_handles_labels()
        figure.legend(
            [Line2D([], [], linestyle=""), *handles],
            [f"{_axis_label(self.parameters[0])}:", *labels],
            loc="outside upper right",
            ncols=min(len(labels) + 1, 5),
            handlelength=3,
            columnspacing=1,
        )

    def _explain(self, results: Results) -> str:
        rows, columns = map(_words, self.parameters)
        summaries = results.of(self.experiments)
        return (
            f"{self.title}: test accuracy by {rows} and {columns}. Left: the mean over the seeds "
            "in percent, with ± the standard deviation between the seeds; a stronger colour is a "
            "higher mean. "
            f"Right: the same means, one line for each value of {rows}; each small dot is one run. "
            f"{_range(summaries)}"
        )

    def _tell(self, results: Results) -> str:
        rows, columns = map(_words, self.parameters)
        parts = [
            f"{rows} {row}, {columns} {column}: {summary.words}"
            for row, ids in zip(self.levels[0], self.cells, strict=True)
            for column, summary in zip(self.levels[1], results.of(ids), strict=True)
        ]
        return (
            f"{self.title}: heat map and line chart of mean test accuracy by {rows} and {columns}. "
            f"{'; '.join(parts)}."
        )


def _level(value: str) -> str:
    return _wrap(value, 12)


def _heat_map(
    axes: "Axes",
    values: Any,
    words: Sequence[Sequence[str]],
    limits: tuple[float, float],
    look: Look,
    gap: float = 0,
) -> None:
    """Draw values (row, column) as colours, from near the page to the first series colour.

    Args:
        words: What is written in each cell; empty where there are none.
        gap: Points between the cells.
    """
    import numpy
    import seaborn

    palette = seaborn.light_palette if look is LIGHT else seaborn.dark_palette
    colors = palette(look.series[0], as_cmap=True)
    seaborn.heatmap(
        values,
        ax=axes,
        cmap=colors,
        vmin=limits[0],
        vmax=limits[1],
        cbar=False,
        linewidths=gap,
        linecolor=look.page,
        rasterized=not words,
    )
    axes.tick_params(length=0)
    axes.tick_params(axis="y", rotation=0)
    for (row, column), value in numpy.ndenumerate(numpy.asarray(values)):
        if words and words[row][column]:
            share = (value - limits[0]) / (limits[1] - limits[0])
            color = look.muted if numpy.isnan(value) else _ink(colors(share), look)
            _write_cell(axes, row, column, words[row][column], color)


def _write_cell(axes: "Axes", row: int, column: int, words: str, color: str) -> None:
    text = axes.text(
        column + 0.5,
        row + 0.5,
        words,
        ha="center",
        va="center",
        fontsize=8 if words.count("\n") == 1 else 7,
        color=color,
        linespacing=1.3,
    )
    text.set_in_layout(False)  # it lies inside the axes; laying it out takes most of the time


def _ink(background: tuple[float, ...], look: Look) -> str:
    """Choose the text colour that is easier to read on a background."""
    return max((look.text, look.page), key=lambda color: _contrast(color, background))


def _contrast(one: Any, other: Any) -> float:
    """Give the contrast ratio of two colours as WCAG 2.2 defines it: 1 to 21."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(color: Any) -> float:
    """Give the relative luminance of an sRGB colour as WCAG 2.2 defines it: 0 to 1."""
    from matplotlib.colors import to_rgb

    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in to_rgb(color)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@dataclass(frozen=True)
class Confusion(Picture):
    """What the images of each class were taken for, in percent, one matrix an experiment."""

    experiments: tuple[str, ...]
    classes: tuple[str, ...]

    def _draw(self, results: Results, look: Look) -> "Figure":
        figure = _figure(3.6 if len(self.experiments) > 1 else 4.6)
        panels = figure.subplots(1, len(self.experiments), sharey=True, squeeze=False)[0]
        for axes, summary in zip(panels, results.of(self.experiments), strict=True):
            axes.set_title(_wrap(summary.id), color=look.text)
            axes.set_xlabel("Predicted class")
            axes.set_box_aspect(1)
            if summary.complete:
                self._matrix(axes, self._shares(results, summary.id), look)
            else:
                axes.text(0.5, 0.5, NO_RUN, transform=axes.transAxes, ha="center", style="italic")
        panels[0].set_ylabel("True class")
        return figure

    def _shares(self, results: Results, id_: str) -> "pandas.DataFrame":
        """Give percentages, true classes down, predicted classes across; rows add up to 100."""
        table = results.read("confusion")
        images = table[table["experiment"] == id_].pivot(
            index="true_class", columns="predicted_class", values="images"
        )
        images = images.loc[list(self.classes), list(self.classes)].astype(float)
        return 100 * images.div(images.sum(axis=1).clip(lower=1), axis=0)

    def _matrix(self, axes: "Axes", shares: "pandas.DataFrame", look: Look) -> None:
        words = shares.map(lambda share: str(int(share + 0.5)) if share >= 0.5 else "")
        few = len(self.classes) <= MOST_CLASSES_WITH_NUMBERS
        _heat_map(axes, shares, words.values.tolist() if few else (), (0, 100), look)
        axes.set(xlabel="Predicted class", ylabel="")
        axes.tick_params(axis="x", rotation=90)

    def _explain(self, results: Results) -> str:
        return (
            "Of the test images of each true class (row), the share in percent that was taken for "
            "each class (column), all complete runs together. Each row adds up to 100; the "
            "diagonal is correct; shares below 0.5 are left blank."
        )

    def _tell(self, results: Results) -> str:
        parts = [
            self._alt_of(summary.id, self._shares(results, summary.id))
            if summary.complete
            else f"{summary.id}: {NO_RUN}."
            for summary in results.of(self.experiments)
        ]
        return f"Confusion matrices of the test images. {' '.join(parts)}"

    def _alt_of(self, id_: str, shares: "pandas.DataFrame") -> str:
        right = {name: shares.loc[name, name] for name in self.classes}
        worst, best = min(right, key=right.get), max(right, key=right.get)
        wrong = {pair: share for pair, share in shares.stack().items() if pair[0] != pair[1]}
        (true, predicted), share = max(wrong.items(), key=lambda item: item[1])
        return (
            f"{id_}: correct from {right[worst]:.0f} % ({worst}) to {right[best]:.0f} % ({best}); "
            f"largest error: {share:.0f} % of {true} taken for {predicted}."
        )


@dataclass(frozen=True)
class Cost(Picture):
    """Mean test accuracy against MACs, one labelled point an experiment."""

    experiments: tuple[str, ...]
    enhanced: str

    def _draw(self, results: Results, look: Look) -> "Figure":
        summaries = [summary for summary in results.of(self.experiments) if summary.complete]
        figure = _figure(min(max(3.6, 0.27 * len(summaries)), 8))
        axes = figure.subplots()
        for summary in summaries:
            self._point(axes, summary, look)
        axes.margins(y=0.1)
        _label_operations(axes, [summary.macs for summary in summaries])
        axes.grid(axis="y")
        axes.set_xlabel("Multiply-accumulate operations (MACs) for one image, logarithmic")
        _accuracy_axis(axes.yaxis)
        absent = [summary for summary in results.of(self.experiments) if not summary.complete]
        if absent:
            words = f"{NO_RUN}: {', '.join(summary.id for summary in absent)}"
            figure.supxlabel(_wrap(words, 95), fontsize=8, color=look.muted)
        _place_labels(figure, axes, summaries, look)
        return figure

    def _point(self, axes: "Axes", summary: Summary, look: Look) -> None:
        """Draw one experiment; what is marked is larger and lies behind, so that both show."""
        marker, color, size, layer = "o", look.series[0], 5, 4
        if summary.id == self.enhanced:
            marker, color, size, layer = "s", look.series[2], 9, 3
        if summary.id == "base":
            marker, color, size, layer = "D", look.series[1], 8, 3
        axes.errorbar(
            summary.macs,
            summary.mean,
            [[max(summary.mean - summary.smallest, 0)], [max(summary.largest - summary.mean, 0)]],
            fmt=marker,
            color=color,
            markersize=size,
            markeredgecolor=look.page,
            markeredgewidth=0.7,
            elinewidth=1.2,
            zorder=layer,
        )

    def _explain(self, results: Results) -> str:
        summaries = results.of(self.experiments)
        marked = "" if self.enhanced == "base" else f" and a square for {self.enhanced}"
        return (
            "Mean test accuracy and what one image costs. Each point is one experiment, with a "
            f"diamond for base{marked}; the bar reaches from the smallest to the largest test "
            "accuracy of its runs. The horizontal axis counts multiply-accumulate operations "
            f"(MACs) and is logarithmic. {_range(summaries)}"
        )

    def _tell(self, results: Results) -> str:
        parts = [
            f"{summary.id}: {_operations(summary.macs)}, {summary.words}"
            for summary in sorted(results.of(self.experiments), key=lambda summary: summary.macs)
        ]
        return (
            "Scatter plot of mean test accuracy against MACs for one image, cheapest first. "
            f"{'; '.join(parts)}."
        )


def _operations(macs: int) -> str:
    """Write a number of MACs to three digits, such as 1.47 million MACs."""
    rounded = float(f"{macs:.3g}")
    for size, word in ((10**9, " billion"), (10**6, " million"), (10**3, " thousand")):
        if rounded >= size:
            return f"{rounded / size:g}{word} MACs"
    return f"{macs} MACs"


def _label_operations(axes: "Axes", macs: Sequence[int]) -> None:
    """Make the logarithmic axis of MACs, with round numbers such as 500 k, 1 M and 2 M."""
    from matplotlib.ticker import EngFormatter

    pad = max(1.6, (max(macs) / min(macs)) ** 0.12)
    low, high = min(macs) / pad, max(macs) * pad
    steps = (1, 2, 5) if high < 300 * low else (1,)
    if high < 10 * low:
        steps = (1, 1.5, 2, 3, 5, 7)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_xticks(
        [tick for power in powers for step in steps if low <= (tick := step * 10.0**power) <= high]
    )
    axes.minorticks_off()
    axes.xaxis.set_major_formatter(EngFormatter(sep=" "))


Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, bottom, right, top, in points."""

LABEL_SIZE = 7
LABEL_DISTANCES = (7, 10, 14, 20, *range(28, 240, 12))
LABEL_DIRECTIONS = 24


def _place_labels(figure: "Figure", axes: "Axes", summaries: Sequence[Summary], look: Look) -> None:
    """Write each experiment's id near its point, where it covers nothing."""
    from matplotlib.textpath import TextPath

    _settle(figure)
    scale = 72 / figure.dpi
    frame = tuple(edge * scale for edge in axes.get_window_extent().extents)
    bars = {
        summary.id: axes.transData.transform(
            [(summary.macs, value) for value in (summary.smallest, summary.mean, summary.largest)]
        )
        * scale
        for summary in summaries
    }
    taken = [box for bar in bars.values() for box in _bar_boxes(bar)]
    for summary in sorted(summaries, key=lambda summary: (-summary.mean, summary.id)):
        width = TextPath((0, 0), summary.id, size=LABEL_SIZE).get_extents().width
        point = tuple(map(float, bars[summary.id][1]))
        box = _best_box(point, (width + 2, LABEL_SIZE + 2), taken, frame)
        _label(axes, summary, point, box, look)
        taken += [box, *_leader(point, box)]


def _bar_boxes(bar: Any) -> list[Box]:
    """Give the boxes that a point and its error bar take."""
    (x, bottom), (_, middle), (_, top) = bar
    return [(x - 6, middle - 6, x + 6, middle + 6), (x - 2, bottom, x + 2, top)]


def _best_box(
    point: Point, size: tuple[float, float], taken: Sequence[Box], frame: Sequence[float]
) -> Box:
    """Find the place for a label around its point: nearest of those that cover least."""
    best = (math.inf, (0.0, 0.0, 0.0, 0.0))
    for distance in LABEL_DISTANCES:
        for box in _boxes_around(point, size, distance):
            faults = 100 * _outside(box, frame) + 10 * _hits([box], taken)
            if faults < best[0]:
                faults += _hits(_leader(point, box), taken)
            best = min(best, (faults, box), key=lambda found: found[0])
        if best[0] == 0:
            break
    return best[1]


def _boxes_around(point: Point, size: tuple[float, float], distance: float) -> Iterable[Box]:
    """Give the boxes of one size on a ring around a point, that to the right first."""
    width, height = size
    for turn in range(LABEL_DIRECTIONS):
        angle = 2 * math.pi * turn / LABEL_DIRECTIONS
        x = point[0] + math.cos(angle) * (distance + width / 2)
        y = point[1] + math.sin(angle) * (distance + height / 2)
        yield x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _outside(box: Box, frame: Sequence[float]) -> int:
    """Count the sides on which a box leaves a frame."""
    low = sum(edge < limit for edge, limit in zip(box[:2], frame[:2], strict=True))
    return low + sum(edge > limit for edge, limit in zip(box[2:], frame[2:], strict=True))


def _hits(boxes: Iterable[Box], taken: Sequence[Box]) -> int:
    return sum(_overlap(box, other) for box in boxes for other in taken)


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _nearest(point: Point, box: Box) -> Point:
    """Find the point of a box that is nearest to a point outside."""
    return min(max(point[0], box[0]), box[2]), min(max(point[1], box[1]), box[3])


def _leader(point: Point, box: Box) -> list[Box]:
    """Give small boxes along the line from a point to its label, the first 7 pt left out."""
    end = _nearest(point, box)
    length = math.dist(point, end)
    steps = range(7, int(length), 3)
    dots = [
        tuple(
            start + (stop - start) * step / length for start, stop in zip(point, end, strict=True)
        )
        for step in steps
    ]
    return [(x - 0.5, y - 0.5, x + 0.5, y + 0.5) for x, y in dots]


def _label(axes: "Axes", summary: Summary, point: Point, box: Box, look: Look) -> None:
    end = _nearest(point, box)
    line = {
        "arrowstyle": "-",
        "color": look.muted,
        "linewidth": 0.6,
        "shrinkA": 0,
        "shrinkB": 5,
        "relpos": ((end[0] - box[0]) / (box[2] - box[0]), (end[1] - box[1]) / (box[3] - box[1])),
    }
    text = axes.annotate(
        summary.id,
        (summary.macs, summary.mean),
        (box[0] + 1 - point[0], box[1] + 2 - point[1]),
        textcoords="offset points",
        fontsize=LABEL_SIZE,
        arrowprops=line if math.dist(point, end) > 10 else None,
    )
    text.set_in_layout(False)


@dataclass(frozen=True)
class PublishedAndOurs(Picture):
    """Printed accuracies beside ours, grouped by the comparison they were printed in."""

    def shown(self, results: Results) -> tuple[str, ...]:
        """Name the experiments that a printed number belongs to."""
        return tuple(results.read("published")["experiment"].unique())

    def _draw(self, results: Results, look: Look) -> "Figure":
        lines = self._lines(results)
        labels = [line if isinstance(line, str) else line["experiment"] for line in lines]
        notes = ["" if isinstance(line, str) else self._note(line) for line in lines]
        figure = _figure(0.9 + 0.27 * len(lines))
        axes = figure.subplots()
        _rows(axes, labels, notes)
        for place, (line, label) in enumerate(zip(lines, axes.get_yticklabels(), strict=True)):
            if isinstance(line, str):
                label.set_fontweight("bold")
            else:
                self._row(axes, place, line, results, look)
        _accuracy_axis(axes.xaxis)
        self._legend(figure, look)
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

    def _row(
        self, axes: "Axes", place: int, row: dict[str, Any], results: Results, look: Look
    ) -> None:
        names = ("test_accuracy_mean", "prediction_lower", "prediction_upper")
        printed = 100 * row["published_test_accuracy"]
        mean, lower, upper = (100 * row[name] for name in names)
        bar = {"color": look.series[1], "linewidth": 7, "alpha": 0.3, "zorder": 1}
        axes.plot([lower, upper], [place, place], solid_capstyle="butt", **bar)
        axes.plot([printed, mean], [place, place], color=look.muted, linewidth=1, zorder=1.5)
        if row["complete_runs"]:
            _dots(axes, results.scores(row["experiment"]), place, look)
            _mean_mark(axes, mean, place, look)
        axes.plot(
            [printed], [place], "x", color=look.text, markersize=7, markeredgewidth=2, zorder=4
        )

    def _legend(self, figure: "Figure", look: Look) -> None:
        from matplotlib.lines import Line2D

        def key(label: str, color: str, **options: Any) -> Line2D:
            return Line2D(
                [], [], linestyle=options.pop("line", ""), color=color, label=label, **options
            )

        figure.legend(
            handles=[
                key("Published", look.text, marker="x", markersize=7, markeredgewidth=2),
                key("Our single runs", look.series[0], marker="o", markersize=4.5),
                key("Our mean", look.series[1], marker="|", markersize=9, markeredgewidth=2.5),
                key(
                    "95 % prediction interval",
                    look.series[1],
                    line="-",
                    linewidth=7,
                    alpha=0.3,
                    solid_capstyle="butt",
                ),
            ],
            loc="outside upper center",
            ncols=4,
            columnspacing=1.2,
            handletextpad=0.5,
        )

    def _explain(self, results: Results) -> str:
        rows = results.read("published").to_dict("records")
        judged = [row for row in rows if _known(row["inside"])]
        inside = sum(bool(row["inside"]) for row in judged)
        count = (
            f"The published value lies inside in {inside} of {len(judged)} rows." if judged else ""
        )
        return (
            "Published test accuracies and ours, by the comparison that they were published in. "
            "Cross: published, one run; dots: our single runs; upright line: our mean; bar: the "
            "95 % prediction interval, which would hold one more run of ours 95 times in 100. "
            f"{count}"
        )

    def _tell(self, results: Results) -> str:
        rows = results.read("published").to_dict("records")
        parts = [
            f"{row['comparison']}, {row['experiment']}: published "
            f"{100 * row['published_test_accuracy']:.1f} %, "
            f"ours {results.summaries[row['experiment']].words}, {self._verdict(row)}"
            for row in rows
        ]
        return f"Dot plot of published and own test accuracy. {'; '.join(parts)}."


def _known(value: Any) -> bool:
    import pandas

    return not pandas.isna(value)
