"""Marks that several figures share: rows with dots, means and intervals; heat maps; legends.

Knows nothing of studies or tables. Matplotlib is imported only to draw.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cnn_study.base.inference import LEAST_RUNS, Effect
from cnn_study.base.metrics import METRICS, Metric
from cnn_study.figures.colors import LIGHT, Palette, ink
from cnn_study.figures.words import percent, wrap

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

MARKERS = "os^vDPX"
LINES = ("-", "--", "-.", ":")
DOTTED = (0, (1, 2))
SEED: dict[str, Any] = {"markersize": 3, "markeredgewidth": 0, "zorder": 5}
"""How a single seed looks on the bar of an interval."""

BAR: dict[str, Any] = {"alpha": 0.4, "solid_capstyle": "butt"}
"""How an interval looks as a bar."""

EDGE = 3.5
"""Points from the edge of a figure to the text of its headings."""

COLUMN_GAP = 5.0
"""Points from the axes to the column right of them."""

LEGEND: dict[str, Any] = {"columnspacing": 1.2, "handletextpad": 0.5, "handlelength": 1.6}
LEGEND_SIZE = 9.0

HEIGHTS = {"D": 2**0.5, "*": 0.9}
"""How high markers are that are not as high as their size says."""

DOT: dict[str, Any] = {"markersize": 4.5, "markeredgewidth": 0, "alpha": 0.8}
"""How a single run looks."""


# ------------------------------------------------------------------------------- axes


def score_axis(axis: "Axis", metric: Metric = METRICS["accuracy"]) -> None:
    """Label an axis of test scores and give it round numbers."""
    axis.set_label_text(f"Test {metric.label} (%)")
    round_numbers(axis, 10)


def difference_label(metric: Metric, to: str = "") -> str:
    """Name what an axis of differences shows."""
    return f"Difference{to} in test {metric.label} (percentage points)"


def round_numbers(axis: "Axis", most: int) -> None:
    """Give an axis at most so many parts, at round numbers."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(most, steps=[1, 2, 5, 10]))


def rows(axes: "Axes", labels: Sequence[str], notes: Sequence[str], size: float = 9) -> None:
    """Lay out one row for each label, first on top, with a note at its right end."""
    axes.set_yticks(range(len(labels)), labels, fontsize=size)
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
            fontsize=size,
            linespacing=1.3,
        )


def right_column(axes: "Axes", notes: Mapping[int, tuple[str, str]], size: float = 9) -> None:
    """Write a note, with its colour, beside rows: right-aligned, and the axes end left of all."""
    wide = max((text_width(note, size) for note, _ in notes.values()), default=0.0)
    for row, (note, color) in notes.items():
        axes.annotate(
            note, (1, row), (COLUMN_GAP + wide, 0), xycoords=axes.get_yaxis_transform(),
            textcoords="offset points", ha="right", va="center_baseline", fontsize=size,
            color=color, annotation_clip=False,
        )  # fmt: skip


def headings(
    figure: "Figure",
    axes: "Axes",
    titles: Mapping[int, tuple[str, str]],
    size: float = 9,
    is_noted: bool = True,
) -> None:
    """Write headings across rows, each with a note at the right edge of the figure.

    Args:
        titles: title and note by row. What of a title has no room is left out.
        is_noted: whether to write the notes; else they stand there already.
    """
    from matplotlib.transforms import blended_transform_factory

    across = blended_transform_factory(figure.transFigure, axes.transData)
    width = 72 * figure.get_figwidth()
    ground = {"facecolor": LIGHT.page, "linewidth": 0, "pad": 1}
    for row, (title, note) in titles.items():
        title = fitting(title, width - 3 * EDGE - text_width(note, size), size)
        looks: tuple[dict[str, Any], ...] = (
            {"x": EDGE / width, "s": title, "ha": "left", "fontweight": "bold"},
            {"x": 1 - EDGE / width, "s": note, "ha": "right", "color": LIGHT.muted},
        )
        for look in looks[: 1 + is_noted]:
            text = axes.text(
                y=row, transform=across, va="center", fontsize=size, bbox=ground, zorder=7, **look
            )
            text.set_in_layout(False)


def fitting(text: str, room: float, size: float) -> str:
    """Cut a bold text, if need be, so that it is at most so many points wide."""
    kept = text
    while kept and text_width(kept, size, "bold") > room:
        kept = f"{kept.removesuffix('…')[:-1].rstrip()}…"
    return kept


def space_panels(figure: "Figure", share: float) -> None:
    """Keep panels side by side further apart: by a share of a panel's width."""
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(wspace=share)


def zero(axes: "Axes", smallest: float) -> None:
    """Draw the line of no difference, and the band of differences too small to matter."""
    axes.axvspan(-smallest, smallest, color=LIGHT.faint, alpha=0.75, linewidth=0, zorder=0)
    axes.axvline(0, color=LIGHT.muted, linewidth=1, zorder=1)


# ------------------------------------------------------------------------------- runs and means


def spread(count: int, width: float) -> list[float]:
    """Offsets that keep the dots of single runs apart, the same ones every time."""
    if count == 1:
        return [0.0]
    return [width * (place / (count - 1) - 0.5) for place in range(count)]


def dots(
    axes: "Axes", numbers: Sequence[float], row: float, color: str, reach: float = 0.36, **how: Any
) -> None:
    """Draw single runs in one row, apart from each other."""
    heights = [row + offset for offset in spread(len(numbers), reach)]
    looks: dict[str, Any] = DOT | {"color": color, "zorder": 3} | how
    axes.plot(numbers, heights, "o", **looks)


def mean_line(
    axes: "Axes", mean: float, row: float, color: str, reach: float = 0.3, thick=2.5
) -> None:
    """Draw the mean of one row as a vertical line."""
    axes.plot([mean] * 2, [row - reach, row + reach], color=color, linewidth=thick, zorder=4)


def interval(axes: "Axes", effect: Effect, row: float, **how: Any) -> None:
    """Draw the interval of a difference as a horizontal line, in points, if there is one."""
    if ends := _ends(effect):
        _line(axes, effect, list(map(percent, ends)), (row, row), **how)


def upright(axes: "Axes", effect: Effect, at: float, **how: Any) -> None:
    """Draw an interval as a vertical line, if there is one."""
    if ends := _ends(effect):
        _line(axes, effect, (at, at), ends, **how)


def forest_row(
    axes: "Axes", row: float, effect: Effect, single: Sequence[float], color: str, thick: float
) -> None:
    """Draw one row of a forest: a bar for the interval, its mean as a line, the seeds on top.

    Args:
        effect, single: shares; drawn in percentage points.
        thick: of the bar, points.
    """
    if effect.mean is not None:
        interval(axes, effect, row, color=color, linewidth=thick, zorder=3, **BAR)
        mean_line(axes, percent(effect.mean), row, color, 0.38, thick / 4)
    dots(axes, list(map(percent, single)), row, LIGHT.text, 0.4, **SEED | {"markersize": thick / 3})


def is_hidden(effect: Effect, mark: tuple[str, float], span: float, height: float) -> bool:
    """Whether the upright interval of a mean is smaller than its mark.

    Args:
        effect: on shares.
        mark: marker, and its size in points.
        span: what the axis holds, percent.
        height: how long the axis is, points.
    """
    marker, size = mark
    ends = _ends(effect)
    if ends is None:
        return False
    return percent(ends[1] - ends[0]) * height < HEIGHTS.get(marker, 1) * size * span


def is_cut_off(effects: Iterable[Effect]) -> bool:
    """Whether the interval of one is of two numbers, so wide that it may leave the axis."""
    return any(effect.n == LEAST_RUNS - 1 for effect in effects)


def _ends(effect: Effect) -> tuple[float, float] | None:
    """Give the ends of an interval, if there is one."""
    if effect.lower is None or effect.upper is None:
        return None
    return effect.lower, effect.upper


def _line(axes: "Axes", effect: Effect, x: Sequence[float], y: Sequence[float], **how: Any) -> None:
    """Draw an interval; one of two numbers, very wide, stretches no axis."""
    from matplotlib.lines import Line2D

    drawn = Line2D(x, y, **how)
    if effect.n < LEAST_RUNS:
        axes.add_artist(drawn)
    else:
        axes.add_line(drawn)
        axes.autoscale_view()


# ------------------------------------------------------------------------------- legends


def key(label: str, color: str = LIGHT.text, **how: Any) -> "Line2D":
    """Make the entry of a legend."""
    from matplotlib.lines import Line2D

    line = how.pop("line", "")
    return Line2D([], [], label=label, linestyle=line, color=color, **how)


def forest_keys(smallest: float) -> list["Line2D"]:
    """Make the entries of a forest's legend.

    Args:
        smallest: the smallest difference worth having, points.
    """
    band = f"Less than {smallest:g} points"
    return [
        key("One run", marker="o", **SEED),
        key("Mean", LIGHT.text, marker="|", markersize=9, markeredgewidth=2.5),
        key("95 % interval", LIGHT.text, line="-", linewidth=7, **BAR),
        key(band, LIGHT.faint, line="-", linewidth=8, solid_capstyle="butt"),
    ]


def legend(figure: "Figure", keys: Sequence["Artist"], **how: Any) -> None:
    """Write a legend above everything, in as many columns as there is room for."""
    options = LEGEND | how
    room = 72 * figure.get_figwidth() - 2 * LEGEND_SIZE
    columns = next(
        columns
        for columns in range(len(keys), 0, -1)
        if columns == 1 or _legend_width(keys, columns, options) <= room
    )
    figure.legend(handles=keys, loc="outside upper center", ncols=columns, **options)


def _legend_width(keys: Sequence["Artist"], columns: int, options: dict[str, Any]) -> float:
    """Give the width in points of a legend, whose columns Matplotlib fills from the top."""
    import numpy

    labels = numpy.array_split([str(key.get_label()) for key in keys], columns)
    wide = [max(text_width(label, LEGEND_SIZE) for label in column) for column in labels]
    beside = options["handlelength"] + options["handletextpad"]
    gaps = len(wide) * beside + (len(wide) - 1) * options["columnspacing"]
    return sum(wide) + LEGEND_SIZE * gaps


def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Give the width of a line of text in points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    if not text.strip():
        return 0.0
    properties = FontProperties(weight=weight)
    return float(TextPath((0, 0), text, size=size, prop=properties).get_extents().width)


# ------------------------------------------------------------------------------- heat maps


def heat_map(
    axes: "Axes",
    values: Any,
    words: Sequence[Sequence[str]],
    limits: tuple[float, float],
    palette: Palette,
    *,
    gap: float = 0,
    bold: Any = None,
) -> None:
    """Draw values (row, column) as colours.

    Args:
        words: What is written in each cell; empty where there are none.
        limits: The values that have the first and the last colour.
        gap: Points between the cells.
        bold: Whether the words of each cell (row, column) are bold.
    """
    import numpy
    import seaborn

    seaborn.heatmap(
        values,
        ax=axes,
        cmap=palette(LIGHT),
        vmin=limits[0],
        vmax=limits[1],
        cbar=False,
        linewidths=gap,
        linecolor=LIGHT.page,
        rasterized=not words,
    )
    axes.tick_params(length=0)
    axes.tick_params(axis="y", rotation=0)
    for (row, column), value in numpy.ndenumerate(numpy.asarray(values)):
        if words and words[row][column]:
            share = (value - limits[0]) / (limits[1] - limits[0])
            color = LIGHT.muted if numpy.isnan(value) else ink(share, palette)
            weight = "bold" if bold is not None and bold[row][column] else "normal"
            _write_cell(axes, row, column, words[row][column], color, weight)


def label_cells(axes: "Axes", rows: Sequence[str], columns: Sequence[str]) -> None:
    """Name the rows and columns of a heat map."""
    axes.set_xticks([place + 0.5 for place in range(len(columns))], columns)
    axes.set_yticks([place + 0.5 for place in range(len(rows))], rows)


def _write_cell(axes: "Axes", row: int, column: int, words: str, color: str, weight: str) -> None:
    text = axes.text(
        column + 0.5,
        row + 0.5,
        words,
        ha="center",
        va="center",
        fontsize=8 if words.count("\n") == 1 else 7.5,
        fontweight=weight,
        color=color,
        linespacing=1.3,
    )
    text.set_in_layout(False)  # it lies inside the axes; laying it out takes most of the time


def level(value: str) -> str:
    """Write a level on an axis, in lines of at most 12 characters."""
    return wrap(value, 12)
