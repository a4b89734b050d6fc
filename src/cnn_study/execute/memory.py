"""How much memory a training will hold, told before it is begun; trains nothing."""

import math
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from cnn_study.base.errors import UserError
from cnn_study.base.words import first_of
from cnn_study.data.catalog import Dataset
from cnn_study.study import architecture
from cnn_study.study.model import Experiment, Study
from cnn_study.train import parts

BACKEND_BYTES = 650 * 2**20
"""Of a process that has imported Keras and TensorFlow 2.21 and trained a small network."""

WORK_COPIES = 8
"""Of the images that are worked on at a time: read, altered, stacked, handed over."""

VALUE_BYTES = 4

LAYER_BYTES = 5 * 2**19
"""Of a layer in the backend's graphs of training and answering, whatever it computes."""

ANSWERING_COPIES = 4
"""Of the largest output while images are answered, where an output is let go once it is read."""

LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Where Linux says how much memory a container may take; "max" where there is no limit."""


def needed(experiment: Experiment, dataset: Dataset) -> int:
    """Estimate the most memory that the process of a training holds, in bytes.

    Beside the backend that is what is mapped of the images; those that are worked on; the layers;
    the outputs of all of them for a batch that is trained on, or the largest for one that is
    answered; and each weight with its gradient and two averages. Residual networks of 20, 44 and
    110 layers, and a plain one of three convolutions, in batches of 32 and 128 images of 32 × 32
    pixels, held 78 to 102 % of it; that of 20 layers on CIFAR-10 88 %.
    """
    settings, shape = experiment.settings, dataset.image_shape
    images = (dataset.training_images + dataset.test_images) * math.prod(shape)
    network = architecture.layers(settings, shape, len(dataset.class_names))
    outputs = [math.prod(layer.shape) for layer in network]
    trained = settings.batch_size * sum(outputs)
    answered = parts.scoring_batch(shape) * ANSWERING_COPIES * max(outputs)
    return (
        BACKEND_BYTES
        + min(images, parts.LARGE)
        + WORK_COPIES * min(parts.WORK_BYTES, images)
        + len(network) * LAYER_BYTES
        + max(trained, answered) * VALUE_BYTES
        + 4 * experiment.parameters * VALUE_BYTES
    )


def of_this_machine() -> int:
    """Tell how much memory this machine, or the container that this runs in, has, in bytes."""
    known = [psutil.virtual_memory().total]
    for path in LIMITS:
        with suppress(OSError, ValueError):
            known.append(int(path.read_text(encoding="ascii")))
    return min(known)


def in_words(study: Study, experiments: Iterable[Experiment]) -> str:
    """Say how much memory the trainings of experiments hold, and how many fit side by side.

    Raises:
        UserError: a training of some holds more than this machine has.
    """
    there = of_this_machine()
    sizes = {each.id: needed(each, study.dataset) for each in experiments}
    if not sizes:
        return ""
    largest = max(sizes, key=sizes.__getitem__)
    if too_large := [id_ for id_, size in sizes.items() if size > there]:
        raise UserError(
            f"this machine has {_gigabytes(there)} of memory, and a training of "
            f"{first_of(too_large)} holds more, up to {_gigabytes(sizes[largest])} ({largest}): "
            "lower batch_size, filters or the size of the images, or train on a larger machine."
        )
    fit = there // sizes[largest]
    return (
        f"memory: a training holds up to {_gigabytes(sizes[largest])} ({largest}); in the "
        f"{_gigabytes(there)} of this machine {fit} fit side by side"
    )


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
