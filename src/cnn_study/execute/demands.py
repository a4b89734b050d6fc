"""What a job asks of a cluster: memory and time enough, from what is known before it begins."""

from collections.abc import Iterable
from dataclasses import dataclass

from cnn_study.execute import memory
from cnn_study.runs.estimate import search_seconds, training_seconds
from cnn_study.runs.wanted import Run
from cnn_study.study.model import Study

AROUND_BYTES = 600 * 2**20
"""Of what runs around a training: Snakemake twice, 160 MiB each, and the command, 110; and more."""

MEMORY_SPARE = 1.25
"""Times as much as estimated, which trainings were seen to hold 78 to 102 % of."""

TIME_SPARE = 4
"""Times as long as estimated: a core may be half as fast as another, and be shared."""

STARTING_MINUTES = 20
"""For what is not estimated, where programs come from a busy file system."""

INSPECTION_SECONDS = 900.0
"""Of CIFAR-10, on a busy machine 533; models without a network take no more images than that."""

PIXELS = (50_000, 32)
"""Of how many images, and of which side at most, models without a network are made."""

PIXEL_BYTES = 10
"""For each value of a pixel: in float32, two and a half times. CIFAR-10 held 93 % of it in all."""

SUGGESTED = 10
"""Experiments, at most, that are trained with fresh seeds, as far as time is asked for them."""


@dataclass(frozen=True)
class Demand:
    """Memory in megabytes and time in minutes."""

    megabytes: int
    minutes: int


def of_training(study: Study, runs: Iterable[Run]) -> Demand:
    """Estimate what a job needs that trains runs one after the other."""
    runs = list(runs)
    largest = max(memory.needed(run.experiment, study.dataset) for run in runs)
    return _demand(largest, sum(training_seconds(study, run) for run in runs))


def of_inspection(study: Study) -> Demand:
    """Estimate what a job needs that looks into trained networks, or at the images."""
    height, width, channels = study.dataset.image_shape
    images, side = min(study.dataset.training_images, PIXELS[0]), PIXELS[1]
    pixels = images * min(height, side) * min(width, side) * channels
    held = max(_largest(study), memory.BACKEND_BYTES + PIXEL_BYTES * pixels)
    return _demand(held, INSPECTION_SECONDS)


def of_search(study: Study, workers: int) -> Demand:
    """Estimate what a job needs that searches with so many workers."""
    return _demand(workers * _largest(study), search_seconds(study, [], workers))


def of_confirmation(study: Study, workers: int) -> Demand:
    """Estimate what a job needs that trains what is suggested with fresh seeds.

    What that will be is not known: it takes the longest for what is.
    """
    experiments = study.experiments.values()
    longest = max(training_seconds(study, Run(experiment, 0)) for experiment in experiments)
    runs = min(len(experiments), SUGGESTED) * len(study.fresh_seeds)
    return _demand(workers * _largest(study), longest * -(-runs // workers))


def _largest(study: Study) -> int:
    return max(
        memory.needed(experiment, study.dataset) for experiment in study.experiments.values()
    )


def _demand(held: int, seconds: float) -> Demand:
    return Demand(
        round((held * MEMORY_SPARE + AROUND_BYTES) / 1e6),
        STARTING_MINUTES + round(seconds * TIME_SPARE / 60),
    )
