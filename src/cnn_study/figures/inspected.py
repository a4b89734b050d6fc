"""Figures of the images, and of what trained networks make of them, from the inspection.

Matplotlib is imported only to draw.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from cnn_study.data.catalog import MOST_CLASSES
from cnn_study.figures.colors import LIGHT
from cnn_study.figures.picture import WIDE, Picture, nothing
from cnn_study.figures.results import Results
from cnn_study.figures.words import brief, layer_words, size, wrap, wrap_name

if TYPE_CHECKING:
    import numpy
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from cnn_study.runs.inspections import Inspection, Mistake, Network
    from cnn_study.runs.look_alikes import Misread
    from cnn_study.study.model import Study

MOST_PICTURED = 10
"""Classes shown where each takes up room; the first ones that have images."""

MOST_MAPS = 8
MOST_MISTAKES = 8
STRENGTH = "viridis"
"""Colour map of feature maps: dark is no answer, yellow the strongest of the layer."""

OF_A_BLOCK = re.compile(
    r"((pointwise_)?convolution|batch_normalization|activation|add|(?P<pooling>max|average)_pooling)"
    r"_(?P<block>\d+)(_\d+)?"
)
"""Layers of which a block's last is what it gives, before it is pooled and after."""

SMALL = 7.5

COLOURS = 3
"""Channels of an image in colour."""

ACROSS = 5
"""Images in a row of the occlusion maps."""

CLASS_MARKS = (
    ("#0072b2", "o"), ("#d55e00", "^"), ("#009e73", "s"), ("#cc79a7", "v"), ("#e69f00", "D"),
    ("#56b4e9", "P"), ("#8c564b", "*"), ("#8172b3", "X"), ("#7f7f7f", "<"), ("#a6761d", ">"),
)  # fmt: skip
"""Colour and shape of each class: Okabe's and Ito's colours (2008), and four that differ from them.

Each of them stands out from light and from dark pages, since images have the same colours on both.
"""

UNMARKED = "#b3b3b3"
"""Colour of classes that have no mark of their own: it stands out from light and dark pages."""

LONGEST_LEGEND = 14
"""Classes below one another."""

LEAST_DOTS = 96
"""Height to which each image is blown up, pixel by pixel: Typst would blur its edges."""


@dataclass(frozen=True)
class Inspected(Picture):
    """A picture from the inspection.

    Attributes:
        networks: id and fingerprint of the experiments whose weights are kept.
        classes: names, in order.
    """

    networks: tuple[tuple[str, str], ...]
    classes: tuple[str, ...]

    def shown(self, results: Results) -> tuple[str, ...]:
        """Name the experiments whose networks are in the picture."""
        return tuple(id_ for id_, _ in self.networks)

    def runs(self, results: Results) -> dict[str, list[int]]:
        """Give the seed of each network in the picture."""
        shown = self.shown(results)
        return {id_: [network.seed] for id_, network in self._kept(results) if id_ in shown}

    def _kept(self, results: Results) -> list[tuple[str, "Network"]]:
        """List the networks that could be inspected, each with its id in this study."""
        inspection = _inspection(results)
        networks = ((id_, inspection.network(print_)) for id_, print_ in self.networks)
        return [(id_, network) for id_, network in networks if network is not None]

    def _something(self, results: Results) -> bool:
        return bool(self._kept(results))

    def _behind(self, results: Results) -> dict[str, Any]:
        networks = [(id_, network.seed) for id_, network in self._kept(results)]
        missing = set(self.shown(results)) - {id_ for id_, _ in networks}
        return {"networks": networks, "missing": sorted(missing)}


# ------------------------------------------------------------------------------- images


@dataclass(frozen=True)
class _OfImages(Inspected):
    """A picture of the dataset's images; no network is in it."""

    def shown(self, results: Results) -> tuple[str, ...]:
        """Name none: the images are the dataset's."""
        return ()

    def _something(self, results: Results) -> bool:
        return True

    def _behind(self, results: Results) -> dict[str, Any]:
        return {}


@dataclass(frozen=True)
class Samples(_OfImages):
    """A few training images of each class, unchosen."""

    template = "samples"
    width = WIDE

    def _draw(self, results: Results) -> "Figure":
        images, classes = _inspection(results).arrays["sample_images"], self._sampled(results)
        rows = -(-len(classes) // 2)
        figure = self.new(0.45 * rows)
        panels = figure.subplots(rows, 2, squeeze=False)
        for place, axes in enumerate(panels.T.flat):
            axes.axis("off")
            if place < len(classes):
                show(axes, _side_by_side(images[place]))
                axes.text(
                    -0.03, 0.5, wrap_name(classes[place], 12), transform=axes.transAxes,
                    ha="right", va="center", fontsize=8,
                )  # fmt: skip
        return figure

    def _sampled(self, results: Results) -> list[str]:
        """Name the classes of which images are shown."""
        indices = _inspection(results).facts.sample_indices
        kept = [name for name, own in zip(self.classes, indices, strict=True) if own]
        return kept[:MOST_PICTURED]

    def _values(self, results: Results) -> dict[str, Any]:
        _, number, *_ = _inspection(results).arrays["sample_images"].shape
        dataset = results.study.dataset
        height, width, _ = dataset.image_shape
        shrunk = f"{height} × {width}" if dataset.is_shrunk else ""
        return {"number": number, "names": self._sampled(results), "shrunk": shrunk}


@dataclass(frozen=True)
class Neighbours(_OfImages):
    """Test images with the training image nearest to each, pixel by pixel."""

    template = "neighbours"
    width = WIDE

    def _draw(self, results: Results) -> "Figure":
        pairs = _inspection(results).arrays["neighbours_images"]
        facts = _inspection(results).facts.neighbours
        figure = self.new(1.85)
        panels = figure.subplots(2, len(pairs), squeeze=False)
        for number, (pair, fact) in enumerate(zip(pairs, facts, strict=True)):
            right = fact.test_class == fact.training_class
            for row, image in enumerate(pair):
                axes = panels[row, number]
                axes.axis("off")
                show(axes, image)
            panels[0, number].set_title(
                wrap_name(self.classes[fact.test_class], 10), fontsize=SMALL, color=LIGHT.text
            )
            below(
                panels[1, number], wrap_name(self.classes[fact.training_class], 10),
                LIGHT.more if right else LIGHT.less,
            )  # fmt: skip
        return figure

    def _values(self, results: Results) -> dict[str, Any]:
        pairs = [
            (self.classes[fact.test_class], self.classes[fact.training_class])
            for fact in _inspection(results).facts.neighbours
        ]
        return {"pairs": pairs, "right": sum(own == nearest for own, nearest in pairs)}


# ------------------------------------------------------------------------------- inside networks


@dataclass(frozen=True)
class Filters(Inspected):
    """The kernels of each network's first convolution."""

    template = "filters"
    width = WIDE

    def _draw(self, results: Results) -> "Figure":
        networks = self._kept(results)
        figure = self.new(1.1 * len(networks))
        for part, (id_, network) in zip(_parts(figure, len(networks)), networks, strict=True):
            kernels = results.first_kernels(network)
            axes = part.subplots()
            axes.axis("off")
            axes.set_title(results.called(id_), loc="left", color=LIGHT.text)
            show(axes, _side_by_side([_as_image(kernel) for kernel in kernels]))
        return figure

    def _values(self, results: Results) -> dict[str, Any]:
        shapes = {id_: results.first_kernels(network).shape for id_, network in self._kept(results)}
        layers = [
            {"id": id_, "kernels": kernels, "side": side}
            for id_, (kernels, side, *_) in shapes.items()
        ]
        is_coloured = any(channels == COLOURS for *_, channels in shapes.values())
        return {"layers": layers, "is_coloured": is_coloured}


@dataclass(frozen=True)
class FeatureMaps(Inspected):
    """One test image on its way through the first network."""

    template = "feature-maps"
    width = WIDE

    def shown(self, results: Results) -> tuple[str, ...]:
        """Name the first network."""
        return tuple(id_ for id_, _ in self.networks[:1])

    def _kept(self, results: Results) -> list[tuple[str, "Network"]]:
        return super()._kept(results)[:1]

    def _draw(self, results: Results) -> "Figure":
        ((_, network),) = self._kept(results)
        layers = self._layers(results, network)
        figure = self.new(0.25 + 0.72 * (len(layers) + 1))
        panels = figure.subplots(len(layers) + 1, 1, squeeze=False)[:, 0]
        image = _inspection(results).arrays["shown_images"][
            _inspection(results).facts.followed_image
        ]
        self._row(panels[0], f"image\n{size(image.shape)}", [image], None)
        for axes, (name, maps) in zip(panels[1:], layers, strict=True):
            chosen = [maps[..., number] for number in range(min(maps.shape[-1], MOST_MAPS))]
            label = f"{layer_words(name)}\n{size(maps.shape)}"
            self._row(axes, label, chosen, float(maps.max()) or 1.0)
        return figure

    def _layers(self, results: Results, network: "Network") -> list[tuple[str, Any]]:
        """Give what each block comes to, before and after it is pooled."""
        arrays = _inspection(results).of(network)
        last = {
            (place["block"], place["pooling"]): name
            for name in network.feature_maps
            if (place := OF_A_BLOCK.fullmatch(name))
        }
        return [(name, arrays[f"feature_maps/{name}"]) for name in last.values()]

    def _row(self, axes: "Axes", words: str, maps: Sequence[Any], top: float | None) -> None:
        from matplotlib import colormaps

        axes.axis("off")
        if top is not None:
            maps = [colormaps[STRENGTH](each.astype(float) / top)[..., :3] * 255 for each in maps]
        show(axes, _side_by_side([*maps, *[None] * (MOST_MAPS - len(maps))]))
        axes.text(-0.02, 0.5, words, transform=axes.transAxes, ha="right", va="center",
                  fontsize=SMALL)  # fmt: skip

    def _values(self, results: Results) -> dict[str, Any]:
        ((_, network),) = self._kept(results)
        inspection = _inspection(results)
        facts = inspection.facts
        layers = self._layers(results, network)
        return {
            "layers": [(name, maps.shape) for name, maps in layers],
            "is_below_zero": any((maps < 0).any() for _, maps in layers),
            "class": self.classes[inspection.arrays["shown_labels"][facts.followed_image]],
            "followed": facts.followed_test_index,
            "is_right": facts.followed_is_right,
            "most_maps": MOST_MAPS,
        }


@dataclass(frozen=True)
class Occlusion(Inspected):
    """Where each network looks: what covering a place costs the true class."""

    template = "occlusion"
    width = WIDE

    def _draw(self, results: Results) -> "Figure":
        networks, places = self._kept(results), self._places(results)
        across, strips = min(ACROSS, len(places)), -(-len(places) // ACROSS)
        high = 1 + len(networks)
        figure = self.new((0.95 * high + 0.2 + 0.1 * len(networks)) * strips)
        for strip, part in enumerate(_parts(figure, strips)):
            panels = part.subplots(high, across, squeeze=False)
            for axes in panels.flat:
                axes.axis("off")
            self._strip(panels, results, places[strip * ACROSS : (strip + 1) * ACROSS])
        return figure

    def _strip(self, panels: Any, results: Results, places: Sequence[int]) -> None:
        """Draw some images in a row, and below each what covering a place costs each network."""
        inspection = _inspection(results)
        arrays, facts = inspection.arrays, inspection.facts
        square = facts.occlusion_side, facts.occlusion_stride
        images = arrays["shown_images"]
        for axes, place in zip(panels[0], places, strict=False):
            show(axes, images[place])
            name = self.classes[arrays["shown_labels"][place]]
            axes.set_title(wrap_name(name, 16), fontsize=SMALL + 1, color=LIGHT.text)
        for row, (id_, network) in zip(panels[1:], self._kept(results), strict=True):
            lost = _inspection(results).of(network)["occlusion"].astype(float)
            answers = self._answers(results, network)
            for axes, place in zip(row, places, strict=False):
                show(axes, _overlay(images[place], lost[place], *square))
                right = answers[place] == arrays["shown_labels"][place]
                below(
                    axes,
                    wrap_name(self.classes[answers[place]], 16),
                    LIGHT.more if right else LIGHT.less,
                )
            row[0].text(-0.08, 0.5, wrap(results.called(id_), 14), transform=row[0].transAxes,
                        ha="right", va="center", fontsize=SMALL)  # fmt: skip

    def _answers(self, results: Results, network: "Network") -> "numpy.ndarray":
        """Give the class that a network holds most probable, for each shown image."""
        return _inspection(results).of(network)["probabilities"].argmax(axis=1)

    def _places(self, results: Results) -> list[int]:
        """Take the first shown image of each class."""
        labels = _inspection(results).arrays["shown_labels"]
        first = {int(label): place for place, label in reversed(list(enumerate(labels)))}
        return [first[label] for label in sorted(first)][:MOST_PICTURED]

    def _values(self, results: Results) -> dict[str, Any]:
        return {
            "side": _inspection(results).facts.occlusion_side,
            "images": len(self._places(results)),
            "maps": [
                {"id": id_, **self._losses(results, network)}
                for id_, network in self._kept(results)
            ],
        }

    def _losses(self, results: Results, network: "Network") -> dict[str, Any]:
        """Count the right answers, and tell what covering the worst place of an image takes."""
        inspection = _inspection(results)
        labels, answers = inspection.arrays["shown_labels"], self._answers(results, network)
        lost, places = inspection.of(network)["occlusion"].astype(float), self._places(results)
        largest = [100 * lost[place].max() for place in places]
        right = sum(answers[place] == labels[place] for place in places)
        return {"right": right, "least": min(largest), "most": max(largest)}


@dataclass(frozen=True)
class Mistakes(Inspected):
    """The wrong answers that each network is surest of."""

    template = "mistakes"
    width = WIDE

    def _draw(self, results: Results) -> "Figure":
        networks = [(id_, network) for id_, network in self._kept(results) if network.mistakes]
        if not networks:
            return nothing("no wrong answer")
        figure = self.new(1.55 * len(networks))
        for part, (id_, network) in zip(_parts(figure, len(networks)), networks, strict=True):
            images = _inspection(results).of(network)["mistakes_images"][:MOST_MISTAKES]
            part.suptitle(results.called(id_), x=0.01, ha="left", fontsize=9, color=LIGHT.text)
            panels = part.subplots(1, MOST_MISTAKES, squeeze=False)[0]
            for axes in panels:
                axes.axis("off")
            for axes, image, mistake in zip(panels, images, network.mistakes, strict=False):
                show(axes, image)
                axes.set_title(
                    wrap_name(self.classes[mistake.true_class], 10),
                    fontsize=SMALL,
                    color=LIGHT.more,
                )
                below(axes, answered(results.study, mistake), LIGHT.less)
        return figure

    def _values(self, results: Results) -> dict[str, Any]:
        mistakes = {
            id_: [
                (self.classes[mistake.true_class], self.classes[mistake.predicted_class])
                for mistake in network.mistakes[:MOST_MISTAKES]
            ]
            for id_, network in self._kept(results)
        }
        keys = bool(results.study.dataset.test_keys)
        return {"mistakes": mistakes, "most_mistakes": MOST_MISTAKES, "keys": keys}


@dataclass(frozen=True)
class Embedding(Inspected):
    """Test images on a plane, by their pixels and by what the last layer of a network is given."""

    template = "embedding"

    def _draw(self, results: Results) -> "Figure":
        clouds = self._clouds(results)
        figure = self.new(2.55 * -(-(len(clouds) + 1) // 2))
        panels = figure.subplots(-(-(len(clouds) + 1) // 2), 2, squeeze=False).flat
        for axes, (title, points) in zip(panels, clouds, strict=False):
            self._cloud(axes, points.astype(float), _inspection(results).arrays["embedding_labels"])
            axes.set_title(wrap(title), color=LIGHT.text)
        for axes in panels[len(clouds) :]:
            axes.axis("off")
        self._legend(panels[len(clouds)], _inspection(results).arrays["embedding_labels"])
        return figure

    def _clouds(self, results: Results) -> list[tuple[str, Any]]:
        """Give the points by pixels and by the features of each network, each with its title."""
        inspection = _inspection(results)
        return [
            ("pixels", inspection.arrays["pixels_embedding"]),
            *(
                (results.called(id_), inspection.of(network)["embedding"])
                for id_, network in self._kept(results)
            ),
        ]

    def _cloud(self, axes: "Axes", points: Any, labels: Any) -> None:
        """Draw points (n, 2), each class in its own colour and shape; of many, some in grey."""
        import numpy

        marked = self._marked(labels)
        grey = ~numpy.isin(labels, marked)
        axes.plot(*points[grey].T, "o", color=UNMARKED, markersize=2.2, markeredgewidth=0,
                  rasterized=True)  # fmt: skip
        for place, label in enumerate(marked):
            color, marker = _class_mark(place)
            axes.plot(*points[labels == label].T, marker, color=color, markersize=3.2,
                      markeredgewidth=0, rasterized=True)  # fmt: skip
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_box_aspect(1)

    def _marked(self, labels: Any) -> list[int]:
        """Choose the classes with a mark of their own: all, or of many those with most points."""
        every = list(range(len(self.classes)))
        if len(every) <= MOST_CLASSES:
            return every
        counts = [int((labels == label).sum()) for label in every]
        return sorted(sorted(every, key=lambda label: -counts[label])[: len(CLASS_MARKS)])

    def _legend(self, axes: "Axes", labels: Any) -> None:
        """Name the classes; drawn as the points are, whose colours are those of no page."""
        marked = self._marked(labels)
        marks = [_class_mark(place) for place in range(len(marked))]
        names = [self.classes[label] for label in marked]
        if len(marked) < len(self.classes):
            marks, names = [*marks, (UNMARKED, "o")], [*names, "other classes"]
        columns = 1 if len(names) <= LONGEST_LEGEND else 2
        rows = -(-len(names) // columns)
        for place, (name, (color, marker)) in enumerate(
            zip(brief(names, 24 // columns), marks, strict=True)
        ):
            x, y = (0.3 if columns == 1 else 0.02 + 0.5 * (place // rows)), -(place % rows)
            axes.plot([x], [y], marker, color=color, markersize=7 if columns == 1 else 5,
                      markeredgewidth=0, rasterized=True)  # fmt: skip
            axes.text(x + 0.08, y, name, va="center", fontsize=9 if columns == 1 else SMALL + 1.5)
        axes.set_xlim(0, 1)
        axes.set_ylim(-rows - 1, 2)

    def _values(self, results: Results) -> dict[str, Any]:
        inspection = _inspection(results)
        labels = inspection.arrays["embedding_labels"]
        return {
            "marked": [self.classes[label] for label in self._marked(labels)],
            "classes": len(self.classes),
            "images": inspection.facts.embedding_images,
            "all_images": inspection.facts.dataset.test_images,
            "alike_by_pixels": inspection.alike("pixels_embedding"),
            "alike": {
                id_: inspection.alike(f"{network.experiment}/embedding")
                for id_, network in self._kept(results)
            },
        }


# ------------------------------------------------------------------------------- pieces


def _inspection(results: Results) -> "Inspection":
    """Give the inspection; these figures are planned only where there is one."""
    if results.inspection is None:
        raise ValueError("a figure from the inspection was asked for, and there is none")
    return results.inspection


def _class_mark(label: int) -> tuple[str, str]:
    """Give the colour and the shape of a class; from the eleventh on colours have other shapes."""
    count = len(CLASS_MARKS)
    color, _ = CLASS_MARKS[label % count]
    _, marker = CLASS_MARKS[(label + label // count) % count]
    return color, marker


def _parts(figure: "Figure", count: int) -> Iterator["SubFigure"]:
    """Part a figure into strips, from the top."""
    return iter(figure.subfigures(count, 1, squeeze=False)[:, 0])


def show(axes: "Axes", image: Any) -> None:
    """Draw an image (height, width, channels; 0 to 255) in its own pixels."""
    if image.ndim == 3 and image.shape[-1] == 1:
        image = image.repeat(3, axis=-1)
    times = max(1, -(-LEAST_DOTS // image.shape[0]))
    image = image.astype("uint8").repeat(times, axis=0).repeat(times, axis=1)
    axes.imshow(image, interpolation="none")


def _side_by_side(images: Sequence[Any | None]) -> "numpy.ndarray":
    """Put images of one size (height, width, channels) in a row; None leaves its place empty."""
    import numpy

    height, width = next(image for image in images if image is not None).shape[:2]
    gap = max(1, width // 12)
    row = numpy.zeros((height, len(images) * (width + gap) - gap, 4))
    for number, image in enumerate(images):
        if image is None:
            continue
        image = image if image.ndim == 3 else image[..., None]
        start = number * (width + gap)
        row[:, start : start + width, :3] = image
        row[:, start : start + width, 3] = 255
    return row


def _as_image(kernel: Any) -> Any:
    """Turn a kernel (side, side, channels) into an image: zero is 127.5, its largest weight 255.

    One that has neither one nor three channels is averaged over them.
    """
    if kernel.shape[-1] not in (1, 3):
        kernel = kernel.mean(axis=-1, keepdims=True)
    return 127.5 + 127.5 * kernel / (abs(kernel).max() or 1.0)


def _overlay(image: Any, lost: Any, side: int, stride: int) -> Any:
    """Lay what covering each place costs over an image in grey, as orange and blue.

    Args:
        lost: (rows, columns), -1 to 1; a pixel takes the mean over the squares that cover it.
        side, stride: of the squares, pixels.
    """
    import numpy
    from matplotlib.colors import to_rgb

    total, squares = numpy.zeros(image.shape[:2]), numpy.zeros(image.shape[:2])
    for (row, column), value in numpy.ndenumerate(lost):
        covered = numpy.s_[row * stride :, column * stride :]
        total[covered][:side, :side] += value
        squares[covered][:side, :side] += 1
    strength = numpy.clip(total / numpy.maximum(squares, 1) / 0.5, -1, 1)[..., None]
    grey = image.astype(float).mean(axis=-1, keepdims=True).repeat(3, axis=-1) * 0.6 + 80
    orange, blue = (255 * numpy.array(to_rgb(each)) for each in (LIGHT.less, LIGHT.more))
    color = numpy.where(strength > 0, orange, blue)
    share = numpy.abs(strength) * 0.85
    return grey * (1 - share) + color * share


KEY = 8
"""Digits of an image's key that stand below it: enough to find its file by."""


def named(study: "Study", index: int, part: Literal["training", "test"] = "test") -> str:
    """Say which image of a part one is: by its key, or by its place in it."""
    keys = study.dataset.test_keys if part == "test" else study.dataset.training_keys
    return keys[index][:KEY] if keys else f"no. {index}"


def answered(study: "Study", mistake: "Mistake | Misread") -> str:
    """Write a wrong answer, its probability, and which image it is about."""
    answer = wrap_name(study.dataset.class_names[mistake.predicted_class], 10)
    return f"{answer}\n{100 * mistake.probability:.1f} %\n{named(study, mistake.test_index)}"


def below(axes: "Axes", words: str, color: str) -> None:
    """Write words below an image."""
    axes.text(0.5, -0.06, words, transform=axes.transAxes, ha="center", va="top", fontsize=SMALL,
              color=color)  # fmt: skip
