"""Trained networks as data for the page, which runs them in the reader's browser.

Knows nothing of Keras: layers come from `architecture`, weights from a run's file. What the data
means is computed by report/theme/network.js; tests/test_live.py holds that to Keras.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnn_study.study.architecture import inputs, layers
from cnn_study.study.layer import Layer
from cnn_study.study.settings import Settings

ELEMENT = "live-network"
"""Id of the page's element that holds the network."""

EPSILON = 1e-3
"""Added to the variance in batch normalization: Keras's default, which `network.build` takes."""

MOST_IMAGE_BYTES = 2**20
LEAST_IMAGES = 4
"""Of large images, so many are to choose from as fit into those bytes of the page; or these."""

MOST_WEIGHTS = 2**21
"""Numbers; of several networks those that have no more in all, the first in any case."""

FACTS = ("label", "experiment", "seed", "test_accuracy")

NOT_COMPUTED = (
    *("filters", "units", "use_bias", "kernel_initializer", "depthwise_initializer"),
    *("rate", "keepdims"),
)
"""Options that the page does without: shapes and weights say them, or they act in training only."""


def choice(images: int, image_bytes: int) -> list[int]:
    """Choose images for the page, evenly among those that there are, the first and last too.

    Args:
        images: how many there are.
        image_bytes: of one.
    """
    kept = min(images, max(LEAST_IMAGES, MOST_IMAGE_BYTES // image_bytes))
    return np.linspace(0, images - 1, kept).round().astype(int).tolist()


def that_fit(weights: Sequence[int]) -> list[int]:
    """Choose networks for the page by their numbers of weights: the first, and others that fit."""
    kept, held = [0], weights[0]
    for place, count in enumerate(weights[1:], 1):
        if held + count <= MOST_WEIGHTS:
            kept.append(place)
            held += count
    return kept


@dataclass(frozen=True)
class Trained:
    """A trained network.

    Attributes:
        settings: those of the model are read, and `test_time_flip`; `precision` is not: the page
            computes in float32 and more.
        weights: arrays by `layer/weight`, such as `convolution_1/kernel`; other names are
            ignored (dropout keeps a state).
        scale, offset: (channels,) what a pixel, 0 to 255, is multiplied by before the first layer,
            and what is added then.
        facts: label, experiment (id), seed, test_accuracy (share).
    """

    settings: Settings
    weights: Mapping[str, np.ndarray]
    scale: Sequence[float]
    offset: Sequence[float]
    facts: Mapping[str, Any]


def networks(
    trained: Sequence[Trained],
    image_shape: tuple[int, int, int],
    class_names: Sequence[str],
    images: np.ndarray,
    labels: Sequence[int],
) -> dict[str, Any]:
    """Describe trained networks, and images to show them; ready for JSON.

    Args:
        image_shape: (height, width, channels).
        class_names: in the order of the last layers' units.
        images: (n, height, width, channels) uint8, to choose from.
        labels: (n,) indices of their classes.

    Raises:
        ValueError: images, labels, scale or weights do not fit a network; names them all.
    """
    faults = _wrong_images(image_shape, images, labels)
    for each in trained:
        listed = layers(each.settings, image_shape, len(class_names))
        faults += [*_wrong_scaling(image_shape, each), *_missing_weights(listed, each.weights)]
    if faults:
        raise ValueError("; ".join(faults))
    return {
        "image_shape": list(image_shape),
        "class_names": list(class_names),
        "images": _array(images, "|u1"),
        "labels": [int(label) for label in labels],
        "networks": [_network(each, image_shape, len(class_names)) for each in trained],
    }


def _network(trained: Trained, image_shape: tuple[int, int, int], classes: int) -> dict[str, Any]:
    listed = layers(trained.settings, image_shape, classes)
    read = inputs(listed)
    return {
        "scale": [float(value) for value in trained.scale],
        "offset": [float(value) for value in trained.offset],
        "layers": [_describe(layer, read[layer.name], trained.weights) for layer in listed],
        "test_time_flip": trained.settings.test_time_flip,
        "facts": {name: trained.facts[name] for name in FACTS}
        | {"parameters": sum(layer.parameters for layer in listed)},
    }


def _wrong_images(image_shape, images, labels) -> list[str]:
    faults = []
    if images.shape[1:] != tuple(image_shape) or images.dtype != np.uint8:
        faults.append(f"images are {images.dtype} {images.shape}, not uint8 {(0, *image_shape)}")
    if len(labels) != len(images):
        faults.append(f"there are {len(labels)} labels for {len(images)} images")
    return faults


def _wrong_scaling(image_shape: tuple[int, int, int], trained: Trained) -> list[str]:
    channels = image_shape[-1]
    return [
        f"{name} has {len(values)} numbers for {channels} channels"
        for name, values in (("scale", trained.scale), ("offset", trained.offset))
        if len(values) != channels
    ]


def _missing_weights(listed: list[Layer], weights: Mapping[str, np.ndarray]) -> list[str]:
    """Name what is not there, and layers whose arrays hold another number of weights."""
    faults = []
    for layer in listed:
        wanted = [f"{layer.name}/{name}" for name in layer.weights]
        missing = [name for name in wanted if name not in weights]
        faults += [f"no weights are called {name}" for name in missing]
        held = sum(weights[name].size for name in wanted if not missing)
        if not missing and held != layer.parameters:
            faults.append(f"{layer.name} has {held} weights and should have {layer.parameters}")
    return faults


def _describe(
    layer: Layer, read: Sequence[str], weights: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    options = {key: value for key, value in layer.options.items() if key not in NOT_COMPUTED}
    if layer.kind == "batch_normalization":
        options["epsilon"] = EPSILON
    return {
        "name": layer.name,
        "kind": layer.kind,
        "shape": list(layer.shape),
        "inputs": list(read),
        "options": options,
        "weights": {name: _weights(weights[f"{layer.name}/{name}"]) for name in layer.weights},
    }


def _weights(array: np.ndarray) -> dict[str, Any]:
    """Write weights in half precision, which halves what they add to the page, where they fit."""
    fit = np.abs(array).max(initial=0) <= np.finfo("float16").max
    return _array(array, "<f2" if fit else "<f4")


def _array(array: np.ndarray, kind: str) -> dict[str, Any]:
    """Write an array as its shape and the base64 of its bytes, last axis fastest."""
    data = np.ascontiguousarray(array, dtype=kind).tobytes()
    return {"shape": list(array.shape), "data": base64.b64encode(data).decode("ascii")}
