"""What every figure has: a fixed style, a caption and an alternative text.

Knows nothing of studies. Matplotlib is imported only to draw.
"""

import io
import re
from typing import TYPE_CHECKING, Any, Literal

from cnn_study.figures.colors import LIGHT, with_dark
from cnn_study.figures.results import Results, counts
from cnn_study.figures.words import NO_RUN, unbroken

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 6.3
"""Inches: 16 cm, the text width of the PDF; 720 px on a screen make 9 pt text 14 px high."""

TALLEST = 8.5
"""Inches: what a page of the PDF holds beside a caption."""

DPI = 200
"""Dots an inch of a PNG, and of what is drawn in pixels within an SVG."""

Format = Literal["svg", "png"]


class Picture:
    """One figure: what is in it, how it is drawn, and what is said about it."""

    experiments: tuple[str, ...]

    def shown(self, results: Results) -> tuple[str, ...]:
        """Name the experiments in the picture."""
        return self.experiments

    def runs(self, results: Results) -> dict[str, list[int]]:
        """Give the seeds of the runs that it is drawn from, by experiment."""
        return {id_: list(results.by_seed(id_)) for id_ in self.shown(results)}

    def draw(self, results: Results) -> "Figure":
        """Draw it once, in the colours of one LIGHT."""
        return self._draw(results) if self._something(results) else nothing()

    def caption(self, results: Results) -> str:
        """Say what is shown, what every mark and interval is, and how many runs are behind it."""
        return _sentences(f"{self._explain(results)} {self._count(results)}")

    def count(self, results: Results) -> str:
        """Say how many runs are behind it, as at the end of the caption; empty where none are."""
        return _sentences(self._count(results))

    def alt(self, results: Results) -> str:
        """Say in words what the picture shows, with its main numbers."""
        return " ".join(self._tell(results).split())

    def _something(self, results: Results) -> bool:
        """Whether there is anything to draw."""
        return any(summary.complete for summary in results.of(self.shown(results)))

    def _count(self, results: Results) -> str:
        return counts(results.of(self.shown(results)))

    def _draw(self, results: Results) -> "Figure":
        raise NotImplementedError

    def _explain(self, results: Results) -> str:
        raise NotImplementedError

    def _tell(self, results: Results) -> str:
        raise NotImplementedError


def _sentences(text: str) -> str:
    return unbroken(" ".join(text.split()))


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
    return re.sub(r"-?\d+\.\d{2,}", lambda one: f"{float(one[0]):.2f}".rstrip("0").rstrip("."),
                  numbers[0])  # fmt: skip


def _style() -> dict[str, Any]:
    """Settings of Matplotlib. Text is drawn as paths: it looks the same in browser and PDF."""
    text = ("text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor")
    return {
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "axes.labelsize": 9,
        "axes.titlesize": 9,
        "axes.titley": 1.0,  # or every layout looks whether a title meets ticks
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "legend.fontsize": 8,
        "legend.title_fontsize": 8,
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
        "svg.hashsalt": "cnn-study",
        **dict.fromkeys(text, LIGHT.text),
    }


def new(height: float) -> "Figure":
    """Begin a figure, as wide as the text.

    Args:
        height: in inches.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH, height), layout="constrained")


def settle(figure: "Figure") -> None:
    """Lay the figure out and keep that, or saving it would move things once more.

    A second time only where something keeps its proportions, and so moves what is beside it: the
    rest would move by a tenth of a point.
    """
    engine = figure.get_layout_engine()
    keeps = any(axes.get_aspect() != "auto" for axes in figure.axes)
    for _ in range(0 if engine is None else 2 if keeps else 1):
        engine.execute(figure)
    figure.set_layout_engine("none")


def nothing(words: str = NO_RUN) -> "Figure":
    """Draw the figure that says why there is nothing to draw."""
    figure = new(1.2)
    figure.set_layout_engine("none")
    figure.text(0.5, 0.5, words, ha="center", va="center", color=LIGHT.muted, style="italic")
    return figure
