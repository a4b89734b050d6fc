"""How long the missing runs of a study will take, from the runs that are there."""

import math
from collections import defaultdict
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np

from cnn_study.base.errors import UserError
from cnn_study.runs import records
from cnn_study.runs.records import Record
from cnn_study.runs.wanted import Run
from cnn_study.study import architecture
from cnn_study.study.model import Study
from cnn_study.study.search_space import Budget, Search
from cnn_study.study.seconds import seconds
from cnn_study.study.settings import passes

STARTING_SECONDS = 10.0
"""To import a backend; measured with TensorFlow 2.21 on one core."""

LAYER_SECONDS = 0.15
"""To make the graphs of training and answering, of each layer of a network that may have many:
with TensorFlow 2.21 on one core 0.13 in ResNet-20, 0.2 in MobileNetV2, 0.04 where it is frozen."""

GRAPHS_SECONDS = 3.0
"""To make the graphs of a run of a search, whose networks differ; of a network of ten layers with
TensorFlow 2.21 on one core. Of short trials it is much of the time."""

ENOUGH = 100
"""Records that tell how long others take; after each of thousands of runs not all are read."""


def telling(paths: Collection[Path]) -> list[Record]:
    """Read the records that an estimate goes by: all of a few, of many some from everywhere."""
    step = -(-len(paths) // ENOUGH) or 1
    known = []
    for path in list(paths)[::step]:
        with suppress(UserError):  # whoever needs a damaged record tells of it
            known.append(records.read(path))
    return known


def seconds_left(study: Study, missing: list[Run], known: list[Record], processes: int) -> float:
    """Estimate the time that the missing runs need, one after the other.

    An experiment that has been timed takes as long as it did; another one takes a constant and
    an amount per MAC for each image and epoch, fitted to those that were timed.

    Args:
        study: gives the number of images.
        missing: the runs still to do.
        known: records of the runs that are done.
        processes: that are started for the missing runs.

    Returns:
        Seconds; divide by the trainings that run at once.
    """
    timed = defaultdict(list)
    for record in known:
        timed[record.fingerprint].append(record.cost.run_seconds)
    fitted = _fit(known)
    total = STARTING_SECONDS * processes
    for run in missing:
        own = timed.get(run.experiment.fingerprint)
        total += mean(own) if own else training_seconds(study, run, fitted)
    return total


def training_seconds(study: Study, run: Run, fitted: tuple[float, float] | None = None) -> float:
    """Estimate how long a run trains from its settings alone, in seconds.

    Args:
        fitted: seconds for each training image, and for each MAC of it, as runs were timed; without
            them, what was measured once for all, and for a network of the study's own the time in
            which the backend makes its graphs.
    """
    settings = run.experiment.settings
    fractions = settings.validation_fraction, settings.training_fraction
    images = study.dataset.sizes(*fractions).training
    if fitted:
        return seconds(images, settings.epochs, run.experiment.training_macs, *fitted)
    graphs = 0.0
    if settings.model:
        shape, classes = study.dataset.image_shape, len(study.dataset.class_names)
        graphs = LAYER_SECONDS * len(architecture.layers(settings, shape, classes))
    return graphs + seconds(images, settings.epochs, run.experiment.training_macs)


@dataclass(frozen=True)
class Step:
    """Trainings of a search that hang on no score but those of the step before.

    Attributes:
        kind: trial, finalist or winner.
        models: that are trained.
        runs: of all of them.
        epochs: of each run.
        together: runs that can be trained side by side.
    """

    kind: str
    models: int
    runs: int
    epochs: int
    together: int


def steps_of(search: Search, budget: Budget) -> list[Step]:
    """List what is trained at a budget, one after the other."""
    rounds = search.rounds_at(budget)
    seeds = len(search.seeds)
    again, own = len(search.finalist_seeds), len(search.winner_seeds)
    finalists = min(search.finalists, rounds[-1].trials)
    together = search.together * seeds if search.algorithm == "bayesian" else None
    return [
        *(
            Step("trial", each.trials, each.trials * seeds, each.epochs,
                 together or each.trials * seeds)
            for each in rounds
        ),
        Step("finalist", finalists, finalists * again, search.epochs, finalists * again),
        Step("winner", 1, own, budget.winner_epochs, own),
    ]  # fmt: skip


@dataclass(frozen=True)
class Speed:
    """How fast models of a budget were seen to train on this machine.

    Attributes:
        start_seconds: of a run, before it learns anything.
        image_seconds: for each training image and epoch.
    """

    start_seconds: float
    image_seconds: float


def step_seconds(
    study: Study, budget: Budget, step: Step, known: list[Record], speed: Speed | None = None
) -> float:
    """Estimate the time of all runs of a step, one after the other, in seconds.

    Every model is taken to cost as many MACs as it may; without a limit on them, as many as those
    that are drawn within the budget do on average.

    Args:
        known: records whose times the estimate is fitted to.
        speed: as measured here; then neither MACs nor records count.
    """
    search = study.search
    if search is None:
        return 0.0
    fractions = search.base["validation_fraction"], search.base["training_fraction"]
    images = study.dataset.sizes(*fractions).training
    if speed:
        trained = images * step.epochs * step.runs
        return step.runs * speed.start_seconds + trained * speed.image_seconds
    macs = search.typical_training_macs(budget) if budget.macs is None else budget.macs
    training = seconds(images, step.epochs * step.runs, macs, *(_fit(known) or ()))
    return step.runs * GRAPHS_SECONDS + training


def _turns(step: Step, runs: int, cores: int) -> float:
    """Count how often in a row a core trains a run of a step.

    With an odd number of runs on two cores one of them waits for the other, as the next step does;
    but for the winner nothing waits.
    """
    turns = runs / min(cores, step.together)
    return turns if step.kind == "winner" else math.ceil(turns)


def search_seconds(
    study: Study,
    known: list[Record],
    cores: int,
    ended: tuple[str, int] | None = None,
    speeds: Mapping[str, Speed] | None = None,
) -> float:
    """Estimate the time of the study's search on so many cores; without one, 0.

    Args:
        known: records of the study's runs, whose times the estimate is fitted to.
        cores: trainings side by side, where so many can be.
        ended: the budget that is searched, and how many of its trials have ended; what comes
            before them is left out.
        speeds: by budget, where they were measured here.
    """
    search = study.search
    if search is None:
        return 0.0
    ids = [budget.id for budget in search.budgets]
    current, tried = ended or (ids[0], 0)
    total = 0.0 if ended else STARTING_SECONDS  # the processes start once, side by side
    for budget in search.budgets[ids.index(current) :]:
        done = tried if budget.id == current else 0
        for step in steps_of(search, budget):
            gone = min(done, step.models) if step.kind == "trial" else 0
            done -= gone
            speed = (speeds or {}).get(budget.id)
            each = step_seconds(study, budget, step, known, speed) / step.runs
            left = step.runs * (step.models - gone) // step.models
            total += each * _turns(step, left, cores)
    return total


def _fit(known: list[Record]) -> tuple[float, float] | None:
    """Fit seconds per image = constant + per_mac * MACs, neither below zero; None of too few."""
    whole = [record for record in known if record.status == "complete"]
    if len({record.cost.macs for record in whole}) < 2:
        return None
    macs = np.array([record.cost.macs / passes(record.settings) for record in whole])
    images = np.array([record.dataset.training_images * len(record.epochs) for record in whole])
    each = np.array([record.cost.run_seconds for record in whole]) / images
    per_mac, constant = np.polyfit(macs, each, 1)
    if per_mac < 0 or constant < 0:
        return float(each.mean()), 0.0
    return float(constant), float(per_mac)
