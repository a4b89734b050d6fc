"""Places labels near points where they cover nothing. Knows nothing of what the points mean."""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from cnn_study.figures.colors import LIGHT
from cnn_study.figures.marks import text_width
from cnn_study.figures.picture import settle

if TYPE_CHECKING:
    import numpy
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, bottom, right, top, in points."""

Bar = tuple[float, float, float, float]
"""x, lowest, middle and highest y, in data."""

SIZE = 9
DISTANCES = (7, 10, 14, 20, *range(28, 240, 12))
DIRECTIONS = 24
REACH = 7
"""Points from the middle of a mark to the sides of its box."""

CLEAR = 11
"""Points from the middle to outside of the corners of that box."""


def place(
    figure: "Figure",
    axes: "Axes",
    bars: dict[str, Bar],
    named: Mapping[str, str],
    line: Sequence[Point],
) -> None:
    """Write the names of points with their error bars, each where it covers nothing.

    Args:
        bars: by id.
        named: what to write beside which of them. The highest are placed first.
        line: corners, in data, of a line that the names keep clear of.
    """
    settle(figure)
    scale = 72 / figure.dpi
    frame = tuple(edge * scale for edge in axes.get_window_extent().extents)
    shapes = {
        name: axes.transData.transform([(x, y) for y in heights]) * scale
        for name, (x, *heights) in bars.items()
    }
    taken = [box for shape in shapes.values() for box in bar_boxes(shape)]
    corners = axes.transData.transform(line) * scale if line else ()
    taken += [box for start, end in pairwise(corners) for box in _along(start, end, 0)]
    for name in sorted(named, key=lambda name: (-bars[name][2], name)):
        width = text_width(named[name], SIZE)
        x, y = map(float, shapes[name][1])
        point = (x, y)
        box = best_box(point, (width + 2, SIZE + 2), taken, frame)
        _write(axes, named[name], (bars[name][0], bars[name][2]), point, box)
        taken += [box, *_leader(point, box)]


def bar_boxes(bar: Any) -> list[Box]:
    """Give the boxes that a point and its error bar take."""
    (x, bottom), (_, middle), (_, top) = bar
    mark = (x - REACH, middle - REACH, x + REACH, middle + REACH)
    return [mark, (x - 2, bottom, x + 2, top)]


def best_box(
    point: Point, size: tuple[float, float], taken: Sequence[Box], frame: Sequence[float]
) -> Box:
    """Find the place for a label around its point: nearest of those that cover least."""
    import numpy as np

    boxes = np.array(taken, dtype=float).reshape(-1, 4)
    best = (math.inf, (0.0, 0.0, 0.0, 0.0))
    for distance in DISTANCES:
        for box in _boxes_around(point, size, distance):
            faults = 300 * outside(box, frame) + 40 * hits([box], boxes)
            if faults < best[0]:
                # Points that share a place cover it many times: it counts once.
                faults += sum(hits([part], boxes) > 0 for part in _leader(point, box))
            best = min(best, (faults, box), key=lambda place: place[0])
        if best[0] == 0:
            break
    return best[1]


def _boxes_around(point: Point, size: tuple[float, float], distance: float) -> Iterable[Box]:
    """Give the boxes of one size on a ring around a point, that to the right first."""
    width, height = size
    for turn in range(DIRECTIONS):
        angle = 2 * math.pi * turn / DIRECTIONS
        x = point[0] + math.cos(angle) * (distance + width / 2)
        y = point[1] + math.sin(angle) * (distance + height / 2)
        yield x - width / 2, y - height / 2, x + width / 2, y + height / 2


def outside(box: Box, frame: Sequence[float]) -> int:
    """Count the sides on which a box leaves a frame."""
    low = sum(edge < limit for edge, limit in zip(box[:2], frame[:2], strict=True))
    return low + sum(edge > limit for edge, limit in zip(box[2:], frame[2:], strict=True))


def hits(boxes: Iterable[Box], taken: "Sequence[Box] | numpy.ndarray") -> int:
    """Count how often one of some boxes shares more than an edge with one of others."""
    import numpy as np

    left, bottom, right, top = np.asarray(taken, dtype=float).reshape(-1, 4).T
    return sum(
        int(((box[0] < right) & (left < box[2]) & (box[1] < top) & (bottom < box[3])).sum())
        for box in boxes
    )


def _nearest(point: Point, box: Box) -> Point:
    """Find the point of a box that is nearest to a point outside."""
    return min(max(point[0], box[0]), box[2]), min(max(point[1], box[1]), box[3])


def _leader(point: Point, box: Box) -> list[Box]:
    """Give small boxes along the line from a point to its label, outside the point's own box."""
    return _along(point, _nearest(point, box), CLEAR)


def _along(start: Point, end: Point, first: int) -> list[Box]:
    """Give small boxes along a line, its first points left out."""
    length = math.dist(start, end)
    points = [
        tuple(low + (high - low) * step / length for low, high in zip(start, end, strict=True))
        for step in range(first, int(length), 3)
    ]
    return [(x - 0.5, y - 0.5, x + 0.5, y + 0.5) for x, y in points]


def _write(axes: "Axes", name: str, at: Point, point: Point, box: Box) -> None:
    """Write a name into its box, with a line to its point where that is far.

    Args:
        at: the point in data.
        point: the same in points.
    """
    end = _nearest(point, box)
    line = {
        "arrowstyle": "-",
        "color": LIGHT.muted,
        "linewidth": 0.6,
        "shrinkA": 0,
        "shrinkB": 5,
        "relpos": ((end[0] - box[0]) / (box[2] - box[0]), (end[1] - box[1]) / (box[3] - box[1])),
    }
    text = axes.annotate(
        name,
        at,
        (box[0] + 1 - point[0], box[1] + 2 - point[1]),
        textcoords="offset points",
        fontsize=SIZE,
        arrowprops=line if math.dist(point, end) > 10 else None,
    )
    text.set_in_layout(False)
