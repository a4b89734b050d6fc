"""Datasets of made-up images, which a study can be of, for tests of what is not CIFAR-10."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnn_study.data.catalog import DATASETS, Dataset
from cnn_study.data.images import Images, content_digest
from cnn_study.data.split import stratified_order

DESCRIPTION = "Patterns made by *chance*, a wave for each class [@lecun1998]."


@dataclass(frozen=True)
class MadeUp:
    """What is known of a made-up dataset, and its images."""

    dataset: Dataset
    images: Images

    def write(self, path: Path) -> Path:
        """Write the arrays as `prepare` does."""
        images = {name: array for name, array in vars(self.images).items() if array is not None}
        np.savez(path, **images)
        return path


def make_images(
    training: Sequence[int], test: Sequence[int], shape: tuple[int, int, int], seed: int = 0
) -> Images:
    """Make images of a pattern for each class, moved about and with noise.

    Args:
        training, test: images of each class.
    """
    random = np.random.default_rng(seed)
    height, width, channels = shape
    waves = random.uniform(0.5, 3, (len(training), 2, channels))
    rows, columns = np.mgrid[:height, :width] * 2 * np.pi / max(height, width)

    def part(counts: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        kind = "uint8" if len(counts) <= 256 else "uint16"
        labels = random.permutation(np.repeat(np.arange(len(counts)), counts)).astype(kind)
        at = waves[labels]
        phase = random.uniform(0, 2 * np.pi, (len(labels), 1, 1, channels))
        angle = at[:, 0, None, None] * rows[..., None] + at[:, 1, None, None] * columns[..., None]
        noise = random.normal(0, 20, (len(labels), *shape))
        return np.clip(128 + 90 * np.sin(angle + phase) + noise, 0, 255).astype("uint8"), labels

    images = Images(*part(training), *part(test))
    images.training_units = np.empty(len(images.training_labels), dtype="int32")
    order = stratified_order(images.training_labels)
    images.training_units[order] = np.arange(len(order))
    return images


def register(patch: pytest.MonkeyPatch, images: Images, **facts: Any) -> MadeUp:
    """Let studies name a dataset `own`, for as long as the patch lasts.

    Args:
        facts: what is to be known of it, besides what follows from the images.
    """
    classes = int(max(images.training_labels.max(), images.test_labels.max())) + 1
    names = facts.pop("class_names", tuple(f"class {number}" for number in range(classes)))
    counts = (
        tuple(np.bincount(labels, minlength=len(names)).tolist())
        for labels in (images.training_labels, images.test_labels)
    )
    given = {
        "name": "own",
        "title": "Patterns made by chance",
        "class_names": names,
        "image_shape": images.training_images.shape[1:],
        "training_images": len(images.training_labels),
        "test_images": len(images.test_labels),
        "digest": content_digest(images),
        "units": (1,) * len(images.training_labels),
        "unit_classes": tuple(images.training_labels[np.argsort(images.training_units)].tolist()),
        "source": "Drawn by a generator of random numbers, 2026, CC0-1.0",
        "reader": "",
        "description": DESCRIPTION,
    }
    given |= dict(zip(("training_counts", "test_counts"), counts, strict=True)) | facts
    dataset = Dataset(**given)
    patch.setitem(DATASETS, "own", dataset)
    return MadeUp(dataset, images)
