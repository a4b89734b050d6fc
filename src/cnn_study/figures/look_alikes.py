"""Figures of look-alikes and of images that every run misreads, from what was kept of them.

Matplotlib is imported only to draw.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnn_study.figures.colors import LIGHT
from cnn_study.figures.inspected import SMALL, answered, below, named, show
from cnn_study.figures.picture import WIDE, Picture, nothing
from cnn_study.figures.results import Results
from cnn_study.figures.words import wrap_name

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

    from cnn_study.runs.look_alikes import LookAlikeFacts, LookAlikes, MisreadBy

ACROSS = 8
"""Images in a row."""


@dataclass(frozen=True)
class Pairs(Picture):
    """Test images, each above the training image that resembles it.

    Attributes:
        classes: names, in order.
    """

    template = "look-alikes"
    width = WIDE

    classes: tuple[str, ...]

    def shown(self, results: Results) -> tuple[str, ...]:
        """Name none: the images are the dataset's."""
        return ()

    def _something(self, results: Results) -> bool:
        return True

    def _behind(self, results: Results) -> dict[str, Any]:
        return {}

    def _draw(self, results: Results) -> "Figure":
        kept = _kept(results)
        shown = kept.facts.shown_pairs
        if not shown:
            return nothing("no look-alikes")
        figure = self.new(2.15)
        panels = _images_above_one_another(figure, kept.arrays["pairs_images"])
        for (above, under), place in zip(panels, shown, strict=False):
            pair = kept.facts.pairs[place]
            names = [wrap_name(self.classes[n], 10) for n in (pair.test_class, pair.training_class)]
            above.set_title(names[0], fontsize=SMALL, color=LIGHT.text)
            words = f"{names[1]}\n{pair.correlation:.2f}"
            below(under, words, _color(pair.test_class, pair.training_class))
        return figure

    def _values(self, results: Results) -> dict[str, Any]:
        facts = _kept(results).facts
        shown = [facts.pairs[place] for place in facts.shown_pairs[:ACROSS]]
        return {
            "all_pairs": len(facts.pairs),
            "pairs": [
                (self.classes[pair.test_class], self.classes[pair.training_class], pair.correlation)
                for pair in shown
            ],
        }


@dataclass(frozen=True)
class WithinParts(Picture):
    """Near-duplicates within one part, one image above the other.

    Attributes:
        classes: names, in order.
    """

    template = "near-duplicates"
    width = WIDE

    classes: tuple[str, ...]

    def shown(self, results: Results) -> tuple[str, ...]:
        """Name none: the images are the dataset's."""
        return ()

    def _something(self, results: Results) -> bool:
        return True

    def _behind(self, results: Results) -> dict[str, Any]:
        return {}

    def _draw(self, results: Results) -> "Figure":
        kept = _kept(results)
        within = kept.facts.within
        if not within:
            return nothing("none was kept")
        figure = self.new(2.5)
        panels = _images_above_one_another(figure, kept.arrays["within_images"])
        for (above, under), pair in zip(panels, within, strict=False):
            first, second = (
                f"{wrap_name(self.classes[class_], 10)}\n{named(results.study, index, pair.part)}"
                for class_, index in zip(pair.classes, pair.indices, strict=True)
            )
            above.set_title(first, fontsize=SMALL, color=LIGHT.text)
            below(under, f"{second}\n{pair.correlation:.2f}", _color(*pair.classes))
        return figure

    def _values(self, results: Results) -> dict[str, Any]:
        return {
            "within": [
                (each.part, *(self.classes[number] for number in each.classes), each.correlation)
                for each in _kept(results).facts.within
            ],
            "keys": bool(results.study.dataset.training_keys),
        }


def _images_above_one_another(figure: "Figure", images: "np.ndarray") -> "np.ndarray":
    """Draw pairs of images; give their axes (ACROSS, 2), the upper and the lower one of each."""
    panels = figure.subplots(2, ACROSS, squeeze=False).T
    for axes in panels.flat:
        axes.axis("off")
    for column, pair in zip(panels, images, strict=False):
        for axes, image in zip(column, pair, strict=True):
            show(axes, image)
    return panels


def _color(class_: int, other: int) -> str:
    """Tell by a colour whether two images are of one class."""
    return LIGHT.more if class_ == other else LIGHT.less


@dataclass(frozen=True)
class MisreadImages(Picture):
    """Test images that every run of one experiment takes for the same other class.

    Attributes:
        networks: id and fingerprint of each experiment of the study.
        classes: names, in order.
    """

    template = "misread"
    width = WIDE

    networks: tuple[tuple[str, str], ...]
    classes: tuple[str, ...]

    def shown(self, results: Results) -> tuple[str, ...]:
        """Name the experiment whose runs misread them."""
        by = misread_by(_kept(results).facts, dict(self.networks))
        return (by[0],) if by else ()

    def runs(self, results: Results) -> dict[str, list[int]]:
        """Give the seeds that agree."""
        by = misread_by(_kept(results).facts, dict(self.networks))
        return {by[0]: by[1].seeds} if by else {}

    def _something(self, results: Results) -> bool:
        return True

    def _behind(self, results: Results) -> dict[str, Any]:
        by = misread_by(_kept(results).facts, dict(self.networks))
        return {"by": by[0] if by else None, "seeds": by[1].seeds if by else []}

    def _draw(self, results: Results) -> "Figure":
        by = misread_by(_kept(results).facts, dict(self.networks))
        if by is None or not by[1].shown:
            return nothing("no such image")
        mistakes, images = by[1].shown, _kept(results).arrays["misread_images"]
        rows = -(-len(mistakes) // ACROSS)
        figure = self.new(1.6 * rows)
        panels = figure.subplots(rows, ACROSS, squeeze=False)
        for axes in panels.flat:
            axes.axis("off")
        for axes, mistake, image in zip(panels.flat, mistakes, images, strict=False):
            show(axes, image)
            name = wrap_name(self.classes[mistake.true_class], 10)
            axes.set_title(name, fontsize=SMALL, color=LIGHT.more)
            below(axes, answered(results.study, mistake), LIGHT.less)
        return figure

    def _values(self, results: Results) -> dict[str, Any]:
        by = misread_by(_kept(results).facts, dict(self.networks))
        shown = by[1].shown if by else []
        names = [
            (self.classes[mistake.true_class], self.classes[mistake.predicted_class])
            for mistake in shown
        ]
        keys = bool(results.study.dataset.test_keys)
        return {"images": by[1].images if by else 0, "mistakes": names, "keys": keys}


def misread_by(facts: "LookAlikeFacts", networks: dict[str, str]) -> "tuple[str, MisreadBy] | None":
    """Give the experiment whose runs misread the kept images, by the id that it has now.

    Args:
        networks: fingerprint of each experiment's settings, by its id.

    Returns:
        None where there are none, or where the study has no such experiment any more.
    """
    by = facts.misread
    ids = [id_ for id_, fingerprint in networks.items() if by and fingerprint == by.fingerprint]
    return (ids[0], by) if by and ids else None


def _kept(results: Results) -> "LookAlikes":
    """Give what was kept; these figures are planned only where there is such."""
    if results.look_alikes is None:
        raise ValueError("a figure of look-alikes was asked for, and nobody has looked")
    return results.look_alikes
