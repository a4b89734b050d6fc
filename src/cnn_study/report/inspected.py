"""What the inspection adds: baselines, neighbours, and the network that runs in the page."""

from functools import partial
from types import SimpleNamespace
from typing import Any

from cnn_study.base import examples
from cnn_study.evidence.cells import INSPECTION, Cell, derived, of_cell
from cnn_study.runs import inspections
from cnn_study.study.model import Study


def baselines_of(study: Study, seen: inspections.Inspection | None) -> dict[str, Any] | None:
    """Give what was measured without a network; None where it was not, or not all of it."""
    names = {"neighbours": "nearest_neighbours", "regression": "logistic_regression"}
    if seen is None or not all(name in seen.facts.baselines for name in names.values()):
        return None
    made = {short: _known(name, seen.facts.baselines[name]) for short, name in names.items()}
    return made | {
        "images": made["neighbours"].training_images,
        "chance": (chance := 1 / len(study.dataset.class_names)),
        "far_above_chance": made["neighbours"].test_accuracy > 5 * chance,
        "example": examples.distance(),
        "gain": partial(_gain, max(one.test_accuracy for one in made.values())),
    }


def _known(name: str, baseline: inspections.Baseline) -> SimpleNamespace:
    """Let every number of a baseline know where it stands."""
    return SimpleNamespace(
        **{
            field: of_cell(value, Cell(INSPECTION, 0, f"baselines.{name}.{field}"))
            for field, value in baseline
        }
    )


def _gain(best: float, accuracy: float) -> float:
    return derived(accuracy - best, "difference from", accuracy, best)


def alike_of(study: Study, seen: inspections.Inspection | None) -> dict[str, Any] | None:
    """Give the share of images nearest to one of their class: by pixels, by each network."""
    if seen is None:
        return None
    found = {
        id_: seen.network(study.experiments[id_].fingerprint)
        for id_ in dict.fromkeys(id_ for id_, _ in study.kept_weights)
    }
    return {
        "pixels": seen.alike("pixels_embedding"),
        "networks": {
            id_: seen.alike(f"{network.experiment}/embedding")
            for id_, network in found.items()
            if network
        },
    }


def live_network(study: Study, seen: inspections.Inspection | None) -> inspections.Network | None:
    """Find the base's trained network, which runs in the page; None if it is not kept."""
    return seen.network(study.experiments["base"].fingerprint) if seen else None
