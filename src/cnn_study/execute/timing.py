"""How fast the models of a study's search train on this machine: a few of them, on made-up images.

Neither the dataset nor a record is needed, and nothing is kept.
"""

import math
import time
from statistics import fmean

import numpy as np

from cnn_study.base.errors import UserError
from cnn_study.base.words import counted
from cnn_study.execute.workers import Workers
from cnn_study.runs.estimate import Speed
from cnn_study.runs.heartbeat import log
from cnn_study.study.model import Study
from cnn_study.study.search_space import Model, Search
from cnn_study.study.settings import Settings
from cnn_study.train.meter import Stopwatch
from cnn_study.train.parts import Parts

MODELS = 4
"""Timed at each price: layers differ, and what a MAC takes with them."""

IMAGES = 4096
"""Trained on in the epoch that is timed; those before it make the graphs."""


def time_search(study: Study, workers: int) -> dict[str, Speed]:
    """Train models of each price for two epochs of made-up images, and give the mean speed.

    Args:
        workers: processes that train side by side, as many as are to search.

    Raises:
        UserError: the study has no search.
    """
    search = study.search
    if search is None:
        raise UserError(
            f"--timed: {study.path} has no search, whose models it times. Leave it out."
        )
    with Workers(workers) as pool:
        jobs = {
            budget.id: [
                pool.submit(time_model, *_work(study, search, model))
                for model in search.drawn_at(budget)[:MODELS]
            ]
            for budget in search.budgets
        }
        speeds = {}
        for budget in search.budgets:
            timed = [job.result() for job in jobs[budget.id]]
            if timed:
                speeds[budget.id] = Speed(*map(fmean, zip(*timed, strict=True)))
                each = 1e6 * speeds[budget.id].image_seconds
                said = f"timed {counted(len(timed), 'model')} of {budget.title}"
                log(f"{said}: {each:.0f} microseconds for an image and epoch")
    return speeds


def _work(study: Study, search: Search, model: Model) -> tuple[Settings, tuple[int, ...], int, int]:
    """Give settings, the shape of an image, classes, and validation images for `IMAGES`."""
    settings = search.model(model.values, 2).settings
    sizes = study.dataset.sizes(settings.validation_fraction, settings.training_fraction)
    held_out = math.ceil(IMAGES * sizes.validation / sizes.training)
    return settings, study.dataset.image_shape, len(study.dataset.class_names), held_out


def time_model(
    settings: Settings, shape: tuple[int, ...], classes: int, held_out: int
) -> tuple[float, float]:
    """Train in a worker; give the seconds before anything is learned, and for each image.

    Args:
        held_out: images scored after an epoch.
    """
    from cnn_study.train.machine import import_keras

    import_keras()
    from cnn_study.train import keras_one

    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (IMAGES + held_out, *shape), "uint8")
    labels = generator.integers(0, classes, len(pixels), "int64")
    labels[:classes] = np.arange(classes)
    training, rest = (pixels[:IMAGES], labels[:IMAGES]), (pixels[IMAGES:], labels[IMAGES:])
    parts = Parts(training, rest, rest)
    began = time.perf_counter()
    network = keras_one.start(settings, parts, classes, 1)
    ended = [time.perf_counter() for _ in keras_one.learn(network, settings, parts, 1, Stopwatch())]
    if len(ended) < 2:
        raise UserError(
            "a model diverged on made-up images, and cannot be timed. Leave out --timed."
        )
    epoch = ended[1] - ended[0]
    return ended[0] - began - epoch, epoch / IMAGES
