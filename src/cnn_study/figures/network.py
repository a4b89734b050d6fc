"""Figures of the networks themselves: their layers, and how far each sees. They need no run.

Matplotlib is imported only to draw.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnn_study.base.words import listing
from cnn_study.figures.colors import LIGHT
from cnn_study.figures.picture import WIDE, Picture
from cnn_study.figures.results import Results
from cnn_study.figures.words import size, wrap
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

DRAWN = {
    "convolution": ("convolution", LIGHT.shades[1]),
    "depthwise_convolution": ("depthwise", LIGHT.shades[1]),
    "pointwise_convolution": ("pointwise", LIGHT.shades[1]),
    "max_pooling": ("max pooling", LIGHT.shades[0]),
    "average_pooling": ("average pooling", LIGHT.shades[0]),
    "flatten": ("flatten", LIGHT.muted),
    "global_average_pooling": ("global average", LIGHT.shades[0]),
    "dense": ("dense", LIGHT.shades[2]),
}
"""Layers that are drawn; those between them change neither size nor place."""


@dataclass(frozen=True)
class Model:
    """One network: its id, the images that go in, its layers, the names of its classes."""

    id: str
    image: Shape
    layers: tuple[Layer, ...]


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
        widest = max(
            self._row(axes, model, results) for axes, model in zip(panels, self.models, strict=True)
        )
        for axes in panels:
            axes.set_xlim(-2, widest)
        return figure

    def _row(self, axes: "Axes", model: Model, results: Results) -> float:
        """Draw one network; give how far it reaches to the right."""
        side = max(model.image[:2])
        blocks = _blocks(model)
        units = [math.prod(block.shape) for block in blocks if len(block.shape) == 1]
        size = 7.5
        slot, at = side * (0.95 if len(blocks) <= 10 else 0.8), 0.0
        for block in blocks:
            if len(block.shape) == 3:
                reach = _cuboid(axes, at, side, block)
            else:
                reach = _column(axes, at, side, block, max(units))
            axes.text(
                at + reach / 2, -side * 0.12, "\n".join(block.words), ha="center", va="top",
                fontsize=size, linespacing=1.25,
            )  # fmt: skip
            at += max(reach + side * 0.4, slot)
        axes.set_title(results.called(model.id), loc="left", color=LIGHT.text)
        axes.set_aspect("equal")
        axes.set_ylim(-side * 0.85, side * (1 + SHEAR) * 1.05)
        axes.axis("off")
        return at

    def _values(self, results: Results) -> dict[str, Any]:
        networks = {
            model.id: [" ".join(block.words).replace("\n", " ") for block in _blocks(model)]
            for model in self.models
        }
        return {"networks": networks}


def _blocks(model: Model) -> list[_Block]:
    """List what is drawn of a network."""
    blocks = [_Block(("image", size(model.image)), LIGHT.muted, model.image)]
    for layer in model.layers:
        if layer.kind not in DRAWN:
            continue
        name, color = DRAWN[layer.kind]
        if layer.name == "classes":
            name = "classes"
        window = layer.options.get("kernel_size") or layer.options.get("pool_size")
        words = [name.replace(" ", "\n")]
        if window:
            stride = layer.options.get("strides", 1)
            pace = f", stride {stride}" if stride > 1 else ""
            words[0] += f"\n{window}×{window}{pace}"
        blocks.append(_Block((*words, size(layer.shape)), color, layer.shape))
    return blocks


def _cuboid(axes: "Axes", at: float, side: int, block: _Block) -> float:
    """Draw an array of height x width x channels; give its reach."""
    from matplotlib.patches import Polygon

    height, width, channels = block.shape
    thick, slant = max(channels * THICKNESS, 0.8), width * SHEAR
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
    return thick + slant


def _column(axes: "Axes", at: float, side: int, block: _Block, most: int) -> float:
    """Draw a row of values as a vertical bar; give its reach."""
    from matplotlib.patches import Rectangle

    height = side * max(math.log(block.shape[0] + 1) / math.log(most + 1), 0.1)
    wide = side * 0.09
    axes.add_patch(
        Rectangle(
            (at, (side - height) / 2),
            wide,
            height,
            facecolor=block.color,
            alpha=0.6,
            edgecolor=block.color,
            linewidth=0.7,
        )
    )
    return wide


@dataclass(frozen=True)
class ReceptiveField(_Drawn):
    """How many pixels a number of each feature map can see, as squares over the image."""

    template = "receptive-field"

    def _draw(self, results: Results) -> "Figure":
        figure = self.new(2.9)
        alike = self._alike()
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
            steps = tuple((layer.name, side) for layer, side in _seen(model))
            groups.setdefault(steps, []).append(model)
        return list(groups.values())

    def _panel(self, axes: "Axes", model: Model) -> None:
        from matplotlib.patches import Rectangle

        height, width = model.image[:2]
        fields = _seen(model)
        for line in range(width + 1):
            axes.plot([line, line], [0, height], color=LIGHT.faint, linewidth=0.4, zorder=0)
        for line in range(height + 1):
            axes.plot([0, width], [line, line], color=LIGHT.faint, linewidth=0.4, zorder=0)
        for layer, side in fields:
            kind = "pooling" in layer.kind
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
        words = "\n".join(f"{layer.name.replace('_', ' ')}: {side}" for layer, side in fields)
        axes.text(0.5, -0.02, words, transform=axes.transAxes, ha="center", va="top", fontsize=9)

    def _values(self, results: Results) -> dict[str, Any]:
        height, width = self.models[0].image[:2]
        networks = [
            (
                [model.id for model in models],
                [(layer.name, side) for layer, side in _seen(models[0])],
            )
            for models in self._alike()
        ]
        is_beyond = any(
            side > max(model.image[:2]) for model in self.models for _, side in _seen(model)
        )
        return {"networks": networks, "height": height, "width": width, "is_beyond": is_beyond}


def _seen(model: Model) -> list[tuple[Layer, int]]:
    """Give the side of the square that each layer sees, pixels."""
    return receptive_fields(list(model.layers))
