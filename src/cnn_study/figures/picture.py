"""What every figure has: a fixed style, and what is said of it.

Knows nothing of studies. Matplotlib is imported only to draw.
"""

import io
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from cnn_study.figures import texts
from cnn_study.figures.colors import LIGHT, with_dark
from cnn_study.figures.results import Results
from cnn_study.figures.texts import Texts
from cnn_study.figures.words import NO_RUN

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.typing import RcKeyType

NARROW = 350 / 72
"""Inches: as many points as a phone's text has pixels, so that 9 pt text is 9 px high there."""

WIDE = 6.3
"""Inches, of what has no room in less: the text width of the PDF, 605 px at its own size."""

LEAST = {NARROW: 9.0, WIDE: 7.5}
"""Points of the smallest text by width; 7.5 are 10 px on a page that shows the figure as it is."""

TALLEST = 8.5
"""Inches: what a page of the PDF holds beside a caption."""

DPI = 200
"""Dots an inch of a PNG, and of what is drawn in pixels within an SVG."""

LAYOUT_DPI = 144
"""Dots an inch when a figure is laid out: every size is a whole number of dots there.

What is not, FreeType rounds: at 100, text of 7.5 points would be measured 4 % too narrow.
"""

Format = Literal["svg", "png"]


class Picture:
    """One figure: what is in it, how it is drawn, and what is said about it.

    Attributes:
        template: of what is said, a name in captions/ without its ending.
        width: inches, one of those in `LEAST`.
    """

    template: ClassVar[str]
    width: ClassVar[float] = NARROW

    if TYPE_CHECKING:
        # A field of most figures, worked out by some; a property here would stand in their way.
        @property
        def experiments(self) -> tuple[str, ...]:
            """All experiments that it may show."""
            ...

    def shown(self, results: Results) -> tuple[str, ...]:
        """Name the experiments in the picture."""
        return self.experiments

    def runs(self, results: Results) -> dict[str, list[int]]:
        """Give the seeds of the runs that it is drawn from, by experiment."""
        return {id_: list(results.by_seed(id_)) for id_ in self.shown(results)}

    def searched(self, results: Results) -> list[str]:
        """Name the records of the search's runs that it is drawn from."""
        return []

    def draw(self, results: Results) -> "Figure":
        """Draw it once, in the colours of one LIGHT."""
        return self._draw(results) if self._something(results) else nothing()

    def new(self, height: float) -> "Figure":
        """Begin a figure.

        Args:
            height: in inches.
        """
        return new(height, self.width)

    def texts(self, results: Results) -> Texts:
        """Say what is shown and how many runs are behind it, and tell it in words."""
        values: dict[str, Any] = {
            "figure": self,
            "label": results.label,
            "called": results.called,
        }
        values |= {"metric": results.study.metric}
        return texts.write(self.template, values | self._behind(results) | self._values(results))

    def _something(self, results: Results) -> bool:
        """Whether there is anything to draw."""
        return any(summary.complete for summary in results.of(self.shown(results)))

    def _behind(self, results: Results) -> dict[str, Any]:
        """Give the values of the count of runs."""
        summaries = results.of(self.shown(results))
        complete = extent(summary.complete for summary in summaries)
        return {"summaries": summaries, "complete": complete}

    def _values(self, results: Results) -> dict[str, Any]:
        """Give the values that the template names, beside the figure and those of the count."""
        return {}

    def _draw(self, results: Results) -> "Figure":
        raise NotImplementedError


def extent(numbers: Iterable[int]) -> tuple[int, int] | None:
    """Give the smallest and the largest of some numbers; None if there are none."""
    kept = list(numbers)
    return (min(kept), max(kept)) if kept else None


def image(picture: Picture, results: Results, format_: Format) -> bytes:
    """Draw a picture in a fixed style, whatever the user's own Matplotlib settings are."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_style())
        figure = picture.draw(results)
        settle(figure)
        return _saved(figure, format_)


def _saved(figure: "Figure", format_: Format) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    # By the canvas itself: `savefig` draws everything once more before, to lay it out.
    buffer = io.BytesIO()
    figure.set_dpi(DPI)
    if format_ == "png":
        figure.set_facecolor(LIGHT.page)
        FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
        return buffer.getvalue()
    figure.set_facecolor("none")
    FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None})
    return with_dark(slim(buffer.getvalue()))


def slim(svg: bytes) -> bytes:
    """Write a drawing of Matplotlib in fewer characters; what it shows stays the same.

    A text is one element for each letter, so these are written shortly: a place is an attribute
    instead of a transformation. Places in points have two decimals, a 500th of a millimetre.
    """
    text = svg.decode().replace("DejaVuSans-", "s")
    text = re.sub(r' transform="translate\((\S+) 0\)"/>', r' x="\1"/>', text)
    text = re.sub(r'(?<= d=")[^"]*', _slim_path, text)
    text = re.sub(r'(?<= [xy]=")[\d.-]+|(?<=translate\()[^)]*', _round, text)
    return re.sub(r"\n\s+", "\n", text).encode()


def _slim_path(path: re.Match[str]) -> str:
    return re.sub(r"\s*([A-Za-z])\s*", r"\1", _round(path).replace("\n", " ")).strip()


def _round(numbers: re.Match[str]) -> str:
    return re.sub(
        r"-?\d+\.\d{2,}",
        lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."),
        numbers[0],
    )


def _style() -> "dict[RcKeyType, Any]":
    """Settings of Matplotlib. Text is drawn as paths: it looks the same in browser and PDF."""
    return {
        "figure.dpi": LAYOUT_DPI,
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "axes.labelsize": 9,
        "axes.titlesize": 9,
        "axes.titley": 1.0,  # or every layout looks whether a title meets ticks
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
        "legend.fontsize": 9,
        "legend.title_fontsize": 9,
        "legend.frameon": False,
        "axes.facecolor": "none",
        "axes.edgecolor": LIGHT.muted,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.8,
        "axes.axisbelow": True,
        "xtick.color": LIGHT.muted,
        "ytick.color": LIGHT.muted,
        "grid.color": LIGHT.faint,
        "grid.linewidth": 0.7,
        "svg.fonttype": "path",
        "text.parse_math": False,  # a title may say what costs $5 and what $6
        "svg.hashsalt": "cnn-study",
        "text.color": LIGHT.text,
        "axes.labelcolor": LIGHT.text,
        "xtick.labelcolor": LIGHT.text,
        "ytick.labelcolor": LIGHT.text,
    }


def new(height: float, width: float = NARROW) -> "Figure":
    """Begin a figure; both in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def settle(figure: "Figure") -> None:
    """Lay the figure out and keep that, or saving it would move things once more.

    A second time only where something keeps its proportions, and so moves what is beside it: the
    rest would move by a tenth of a point.
    """
    engine = figure.get_layout_engine()
    if engine is None:
        return
    keeps = any(axes.get_aspect() != "auto" or axes.get_box_aspect() for axes in figure.axes)
    for _ in range(2 if keeps else 1):
        engine.execute(figure)
    figure.set_layout_engine("none")


def nothing(words: str = NO_RUN) -> "Figure":
    """Draw the figure that says why there is nothing to draw."""
    figure = new(1.2)
    figure.set_layout_engine("none")
    figure.text(0.5, 0.5, words, ha="center", va="center", color=LIGHT.muted, style="italic")
    return figure
