"""How long the missing runs of a study will take, from the runs that are there."""

from collections import defaultdict
from statistics import mean
from typing import TYPE_CHECKING

import numpy as np

from cnn_study.runs.records import Record
from cnn_study.study.seconds import SECONDS_PER_IMAGE, SECONDS_PER_MAC

if TYPE_CHECKING:
    from cnn_study.runs.wanted import Run
    from cnn_study.study.model import Study

STARTING_SECONDS = 10.0
"""To import a backend; measured with TensorFlow 2.21 on one core."""


def seconds_left(
    study: "Study", missing: "list[Run]", there: list[Record], processes: int
) -> float:
    """Estimate the time that the missing runs need, one after the other.

    An experiment that has been timed takes as long as it did; another one takes a constant and
    an amount per MAC for each image and epoch, fitted to those that were timed.

    Args:
        study: gives the number of images.
        missing: the runs still to do.
        there: records of the runs that are done.
        processes: that are started for the missing runs.

    Returns:
        Seconds; divide by the trainings that run at once.
    """
    timed = defaultdict(list)
    for record in there:
        timed[record.fingerprint].append(record.cost.run_seconds)
    fitted = _fit(there)
    total = STARTING_SECONDS * processes
    for run in missing:
        own = timed.get(run.experiment.fingerprint)
        guess = training_seconds(study, run, *fitted)
        total += mean(own) if own else guess
    return total


def training_seconds(
    study: "Study",
    run: "Run",
    constant: float = SECONDS_PER_IMAGE,
    per_mac: float = SECONDS_PER_MAC,
) -> float:
    """Estimate how long a run trains from its settings alone, in seconds.

    Args:
        constant, per_mac: seconds for each training image, and for each MAC of it.
    """
    settings = run.experiment.settings
    kept = (1 - settings.validation_fraction) * settings.training_fraction
    images = study.dataset.training_images * kept * settings.epochs
    return images * (constant + per_mac * run.experiment.macs)


def search_seconds(
    study: "Study", there: list[Record], cores: int, ended: tuple[str, int] | None = None
) -> float:
    """Estimate the time of the study's search.

    Every model is taken to cost as many MACs as it may; without a limit on them, those of the base.

    Args:
        there: records of the study's runs, whose times the estimate is fitted to.
        cores: trainings side by side, where so many can be.
        ended: the price that is searched, and how many of its trials have ended; what comes
            before them is left out.
    """
    search, (constant, per_mac) = study.search, _fit(there)
    fractions = (search.base["validation_fraction"], search.base["training_fraction"])
    images = study.dataset.training_images * (1 - fractions[0]) * fractions[1]
    again = search.finalists * len(search.finalist_seeds)
    winners = len(search.winner_seeds)
    known_together = search.together if search.algorithm == "bayesian" else cores
    names = [limit.id for limit in search.limits]
    price, tried = ended or (names[0], 0)
    total = 0.0
    for limit in search.limits[names.index(price) :]:
        trials = max(0, limit.trials - tried) if limit.id == price else limit.trials
        epochs = search.epochs * trials * len(search.seeds) / min(cores, known_together)
        epochs += search.epochs * again / min(cores, again)
        epochs += limit.winner_epochs * winners / min(cores, winners)
        macs = study.experiments["base"].macs if limit.macs is None else limit.macs
        total += epochs * images * (constant + per_mac * macs)
    return total


def _fit(there: list[Record]) -> tuple[float, float]:
    """Fit seconds per image = constant + per_mac * MACs, neither below zero."""
    whole = [record for record in there if record.status == "complete"]
    if len({record.cost.macs for record in whole}) < 2:
        return SECONDS_PER_IMAGE, SECONDS_PER_MAC
    macs = np.array([record.cost.macs for record in whole])
    images = np.array([record.dataset.training_images * len(record.epochs) for record in whole])
    seconds = np.array([record.cost.run_seconds for record in whole]) / images
    per_mac, constant = np.polyfit(macs, seconds, 1)
    if per_mac < 0 or constant < 0:
        return float(seconds.mean()), 0.0
    return float(constant), float(per_mac)


def duration(seconds: float) -> str:
    """Write a time as a person would: 40 s, 12 min, 1 h 05 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
