"""What the inspection adds: baselines, neighbours, and the network that runs in the page."""

from functools import partial
from types import SimpleNamespace
from typing import Any

from cnn_study.base import examples
from cnn_study.base.power import share_interval, surely_above
from cnn_study.evidence.cells import INSPECTION, Cell, derived, of_cell
from cnn_study.runs import inspections
from cnn_study.study.model import Study


def baselines_of(study: Study, inspection: inspections.Inspection | None) -> dict[str, Any] | None:
    """Give what was measured without a network; None where it was not, or not all of it.

    Returns:
        neighbours and regression; telling, the names of those that surely do more than guess.
    """
    names = {"neighbours": "nearest_neighbours", "regression": "logistic_regression"}
    if inspection is None or not all(name in inspection.facts.baselines for name in names.values()):
        return None
    baselines = {
        short: _known(name, inspection.facts.baselines[name]) for short, name in names.items()
    }
    dataset = study.dataset
    return baselines | {
        "telling": [
            short
            for short, baseline in baselines.items()
            if surely_above(baseline.test_accuracy, dataset.chance(), dataset.test_witnesses)
        ],
        "images": baselines["neighbours"].training_images,
        "reduced": inspection.facts.baselines["nearest_neighbours"].settings.get("images", ""),
        "beside_chance": partial(_beside_chance, dataset.chance(), dataset.test_witnesses),
        "example": examples.distance(),
        "gain": partial(_gain, max(baseline.test_accuracy for baseline in baselines.values())),
    }


def _known(name: str, baseline: inspections.Baseline) -> SimpleNamespace:
    """Let every number of a baseline know where it stands."""
    return SimpleNamespace(
        **{
            field: of_cell(value, Cell(INSPECTION, 0, f"baselines.{name}.{field}"))
            for field, value in baseline
        }
    )


FAR = 0.5
"""Of the way from guessing to all right: what surely goes further is far more than guessing."""


def _beside_chance(chance: float, witnesses: int, baseline: SimpleNamespace) -> str:
    """Say how much more than guessing a baseline gets right.

    Args:
        chance: what answers get that look at no image.
        witnesses: test images that are independent of one another.
    """
    if baseline.test_accuracy <= chance:
        return "no more than guessing"
    if not surely_above(baseline.test_accuracy, chance, witnesses):
        return "hardly more than guessing"
    beyond = share_interval(baseline.test_accuracy, witnesses)[0] - chance
    return "far more than guessing" if beyond > FAR * (1 - chance) else "more than guessing"


def _gain(best: float, accuracy: float) -> float:
    return derived(accuracy - best, "difference from", accuracy, best)


def alike_of(study: Study, inspection: inspections.Inspection | None) -> dict[str, Any] | None:
    """Give the share of images nearest to one of their class: by pixels, by each network.

    Returns:
        pixels, networks (by id); apart: what lays classes apart more surely, see `_apart`;
        mistaken: whether any of the networks gives a wrong answer. None without an inspection.
    """
    if inspection is None:
        return None
    networks = {
        id_: inspection.network(study.experiments[id_].fingerprint)
        for id_ in dict.fromkeys(id_ for id_, _ in study.kept_weights)
    }
    pixels = inspection.alike("pixels_embedding")
    shares = {
        id_: inspection.alike(f"{network.experiment}/embedding")
        for id_, network in networks.items()
        if network
    }
    witnesses = study.dataset.witnesses_among(len(inspection.arrays["embedding_labels"]))
    apart = _apart(pixels, list(shares.values()), study.dataset.chance(), witnesses)
    mistaken = any(network.mistakes for network in networks.values() if network)
    return {"pixels": pixels, "networks": shares, "apart": apart, "mistaken": mistaken}


def _apart(pixels: float, networks: list[float], chance: float, images: int) -> str:
    """Say what lays classes apart more surely, as far as the choice of so many images goes.

    Returns:
        nothing, where none does so more than by chance; networks, if each of them does; pixels, if
        more than any of them; else both.
    """
    if not any(surely_above(share, chance, images) for share in (pixels, *networks)):
        return "nothing"
    if networks and surely_above(min(networks), max(pixels, chance), images):
        return "networks"
    if surely_above(pixels, max(networks, default=1.0), images):
        return "pixels"
    return "both"


def live_network(
    study: Study, inspection: inspections.Inspection | None
) -> inspections.Network | None:
    """Find the base's trained network, which runs in the page; None if it is not kept, or shown.

    A network of the study's own runs nowhere but in Keras.
    """
    base = study.experiments["base"]
    if inspection is None or base.settings.model or not study.dataset.publish_images:
        return None
    return inspection.network(base.fingerprint)
