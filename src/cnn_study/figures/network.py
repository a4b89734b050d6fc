"""Figures of the networks themselves: their layers, and how far each sees. They need no run.

Matplotlib is imported only to draw.
"""

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnn_study.base.words import listing
from cnn_study.figures.colors import LIGHT
from cnn_study.figures.picture import WIDE, Picture
from cnn_study.figures.results import Results
from cnn_study.figures.words import layer_words, size, words, wrap
from cnn_study.study.architecture import receptive_fields
from cnn_study.study.layer import Layer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Shape = tuple[int, int, int]

SHEAR = 0.35
"""How far the far edge of a block lies to the right and up, for each pixel of width."""

THICKNESS = 0.35
"""Length drawn for each channel, in pixels of height."""

COLUMN = 0.09
"""Width of a row of values, in sides of the image."""

GAP = 0.4
"""Least room between two blocks, in sides of the image."""

LETTERS = 7.5
"""Size of words, points; of a row with more of them less."""

LETTER_WIDTH = 0.55
"""Of a letter, in its size, on average."""

ROOM = 0.96
"""Share of a width that is filled: letters may be wider than on average."""

IN_A_BLOCK = re.compile(r"\w*convolution_(\d+)_\d+")
"""The convolutions of a block that has several."""

DRAWN = {
    "convolution": ("convolution", LIGHT.shades[1]),
    "max_pooling": ("max pooling", LIGHT.shades[0]),
    "average_pooling": ("average pooling", LIGHT.shades[0]),
    "flatten": ("flatten", LIGHT.muted),
    "global_average_pooling": ("global average", LIGHT.shades[0]),
    "dense": ("dense", LIGHT.shades[2]),
}
"""Layers that are drawn; those between them change neither size nor place."""


@dataclass(frozen=True)
class Model:
    """One network: its id, the images that go in, its layers, and what its blocks are."""

    id: str
    image: Shape
    layers: tuple[Layer, ...]
    block: str

    def parts(self) -> dict[str, list[Layer]]:
        """Give the layers one by one, or together where they are of a block, by a name in words."""
        parts: dict[str, list[Layer]] = {}
        for layer in self.layers:
            inside = IN_A_BLOCK.fullmatch(layer.name)
            name = f"{words(self.block)} {inside[1]}" if inside else layer_words(layer.name)
            parts.setdefault(name, []).append(layer)
        return parts


@dataclass(frozen=True)
class _Block:
    """One thing to draw: words below it, colour, shape."""

    words: tuple[str, ...]
    color: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class _Drawn(Picture):
    """A picture of models, not of runs."""

    models: tuple[Model, ...]

    def shown(self, results: Results) -> tuple[str, ...]:
        """Name the experiments whose models are drawn."""
        return tuple(model.id for model in self.models)

    def runs(self, results: Results) -> dict[str, list[int]]:
        """Name none: models are drawn from their settings."""
        return {}

    def _something(self, results: Results) -> bool:
        return True

    def _behind(self, results: Results) -> dict[str, Any]:
        return {}


@dataclass(frozen=True)
class Architecture(_Drawn):
    """Every network as a row of blocks, to scale."""

    template = "architecture"
    width = WIDE

    def _draw(self, results: Results) -> "Figure":
        figure = self.new(1.75 * len(self.models) + 0.1)
        panels = figure.subplots(len(self.models), 1, squeeze=False)[:, 0]
        side, rows = max(self.models[0].image[:2]), [_blocks(model) for model in self.models]
        row = _Row(rows, side, figure.get_figwidth())
        for axes, model, blocks in zip(panels, self.models, rows, strict=True):
            row.draw(axes, blocks)
            axes.set_title(results.called(model.id), loc="left", color=LIGHT.text)
        return figure

    def _values(self, results: Results) -> dict[str, Any]:
        networks = {
            model.id: [" ".join(block.words).replace("\n", " ") for block in _blocks(model)]
            for model in self.models
        }
        return {"networks": networks}


def _blocks(model: Model) -> list[_Block]:
    """List what is drawn of a network."""
    blocks = [_Block(("image", size(model.image)), LIGHT.muted, model.image)]
    for layers in model.parts().values():
        last = layers[-1]
        if len(layers) > 1:
            name, color = words(model.block), DRAWN["convolution"][1]
        elif last.name == "classes":
            name, color = "classes", DRAWN["dense"][1]
        elif last.kind in DRAWN:
            name, color = DRAWN[last.kind]
        else:
            continue
        said = name.replace(" ", "\n")
        if window := max(layer.window for layer in layers):
            stride = max(layer.options.get("strides", 1) for layer in layers)
            pace = f", stride {stride}" if stride > 1 else ""
            said += f"\n{window}×{window}{pace}"
        blocks.append(_Block((said, size(last.shape)), color, last.shape))
    return blocks


class _Row:
    """How rows of blocks are drawn: to one scale, at which no words touch their neighbours.

    Args:
        rows: all of them.
        side: of the image, pixels.
        inches: width of the figure.
    """

    def __init__(self, rows: list[list[_Block]], side: int, inches: float) -> None:
        self.side, width = side, ROOM * inches
        widest = max(sum(_width_of_words(block, LETTERS) for block in row) for row in rows)
        self.letters = LETTERS * min(1, ROOM * width / widest)
        self.pixels_an_inch = side / width
        while any(sum(self._cells(row)) > self.pixels_an_inch * width for row in rows):
            self.pixels_an_inch *= 1.01
        self.length = self.pixels_an_inch * width

    def draw(self, axes: "Axes", blocks: list[_Block]) -> None:
        """Draw one network."""
        side, at = self.side, 0.0
        units = [math.prod(block.shape) for block in blocks if len(block.shape) == 1]
        for block, cell in zip(blocks, self._cells(blocks), strict=True):
            left = at + (cell - _reach(block, side)) / 2
            if len(block.shape) == 3:
                _cuboid(axes, left, side, block)
            else:
                _column(axes, left, side, block, max(units))
            axes.text(
                at + cell / 2, -side * 0.12, "\n".join(block.words), ha="center", va="top",
                fontsize=self.letters, linespacing=1.25,
            )  # fmt: skip
            at += cell
        axes.set_aspect("equal")
        axes.set_xlim(0, self.length)
        axes.set_ylim(-side * 0.85, side * (1 + SHEAR) * 1.05)
        axes.axis("off")

    def _cells(self, blocks: list[_Block]) -> list[float]:
        """Give the room of each block from left to right, in pixels."""
        return [
            max(
                _reach(block, self.side) + GAP * self.side,
                _width_of_words(block, self.letters) * self.pixels_an_inch,
            )
            for block in blocks
        ]


def _width_of_words(block: _Block, letters: float) -> float:
    """Estimate the width of a block's words, and of what parts them from others, in inches."""
    longest = max(len(line) for said in block.words for line in said.split("\n"))
    return (longest + 2) * LETTER_WIDTH * letters / 72


def _reach(block: _Block, side: int) -> float:
    """Tell how far a block reaches from its left end to its right one, in pixels."""
    if len(block.shape) == 1:
        return side * COLUMN
    return _thickness(block) + block.shape[1] * SHEAR


def _thickness(block: _Block) -> float:
    return max(block.shape[2] * THICKNESS, 0.8)


def _cuboid(axes: "Axes", at: float, side: int, block: _Block) -> None:
    """Draw an array of height x width x channels."""
    from matplotlib.patches import Polygon

    height, width, _ = block.shape
    thick, slant = _thickness(block), width * SHEAR
    low = (side - height) / 2
    near = [(0, 0), (thick, 0), (thick, height), (0, height)]
    far = [(x + slant, y + slant) for x, y in near]
    faces = (
        (0.45, near),
        (0.2, [near[3], near[2], far[2], far[3]]),
        (0.7, [near[1], far[1], far[2], near[2]]),
    )
    for alpha, corners in faces:
        moved = [(at + x, low + y) for x, y in corners]
        axes.add_patch(Polygon(moved, facecolor=block.color, alpha=alpha, linewidth=0))
        axes.add_patch(Polygon(moved, fill=False, edgecolor=block.color, linewidth=0.7))


def _column(axes: "Axes", at: float, side: int, block: _Block, most: int) -> None:
    """Draw a row of values as a vertical bar."""
    from matplotlib.patches import Rectangle

    height = side * max(math.log(block.shape[0] + 1) / math.log(most + 1), 0.1)
    axes.add_patch(
        Rectangle(
            (at, (side - height) / 2),
            side * COLUMN,
            height,
            facecolor=block.color,
            alpha=0.6,
            edgecolor=block.color,
            linewidth=0.7,
        )
    )


@dataclass(frozen=True)
class ReceptiveField(_Drawn):
    """How many pixels a number of each feature map can see, as squares over the image."""

    template = "receptive-field"

    def _draw(self, results: Results) -> "Figure":
        alike = self._alike()
        lines = max(len(_seen(model)) for model in self.models)
        figure = self.new(2.9 + 0.15 * max(0, lines - 7))
        panels = figure.subplots(1, len(alike), squeeze=False)[0]
        for axes, models in zip(panels, alike, strict=True):
            self._panel(axes, models[0])
            title = listing(results.called(model.id) for model in models)
            axes.set_title(wrap(title, 26), color=LIGHT.text)
        return figure

    def _alike(self) -> list[list[Model]]:
        """Put the models together that see equally far."""
        groups: dict[tuple, list[Model]] = {}
        for model in self.models:
            groups.setdefault(tuple(_seen(model)), []).append(model)
        return list(groups.values())

    def _panel(self, axes: "Axes", model: Model) -> None:
        from matplotlib.patches import Rectangle

        height, width = model.image[:2]
        fields = _seen(model)
        for line in range(width + 1):
            axes.plot([line, line], [0, height], color=LIGHT.faint, linewidth=0.4, zorder=0)
        for line in range(height + 1):
            axes.plot([0, width], [line, line], color=LIGHT.faint, linewidth=0.4, zorder=0)
        for name, side in fields:
            kind = "pooling" in name
            low = ((width - side) // 2, (height - side) // 2)
            axes.add_patch(
                Rectangle(
                    low, side, side, facecolor=LIGHT.shades[1], alpha=0.1, linewidth=0, zorder=1
                )
            )
            axes.add_patch(
                Rectangle(
                    low,
                    side,
                    side,
                    fill=False,
                    edgecolor=LIGHT.shades[0 if kind else 1],
                    linestyle="--" if kind else "-",
                    linewidth=1.3,
                    zorder=2,
                )
            )
        most = max(height, width, *(side for _, side in fields))
        axes.set_xlim((width - most) / 2 - 1, (width + most) / 2 + 1)
        axes.set_ylim((height + most) / 2 + 1, (height - most) / 2 - 1)
        axes.set_aspect("equal")
        axes.axis("off")
        said = "\n".join(f"{name}: {side}" for name, side in fields)
        axes.text(0.5, -0.02, said, transform=axes.transAxes, ha="center", va="top", fontsize=9)

    def _values(self, results: Results) -> dict[str, Any]:
        height, width = self.models[0].image[:2]
        networks = [([model.id for model in models], _seen(models[0])) for models in self._alike()]
        is_beyond = any(
            side > max(model.image[:2]) for model in self.models for _, side in _seen(model)
        )
        return {"networks": networks, "height": height, "width": width, "is_beyond": is_beyond}


def _seen(model: Model) -> list[tuple[str, int]]:
    """Give the side of the square that each layer or block sees, pixels, by its name in words."""
    sides = {layer.name: side for layer, side in receptive_fields(list(model.layers))}
    return [
        (name, max(sides[layer.name] for layer in layers if layer.name in sides))
        for name, layers in model.parts().items()
        if any(layer.name in sides for layer in layers)
    ]
