"""Train runs by an engine and leave the record of each."""

import gc
import math
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnn_study.base import files
from cnn_study.base.errors import UserError
from cnn_study.data.catalog import Dataset
from cnn_study.data.images import Images
from cnn_study.runs import kept_weights, records
from cnn_study.runs.records import Epoch
from cnn_study.study import own_networks
from cnn_study.study.model import Experiment
from cnn_study.study.settings import TRAINING_VERSION
from cnn_study.train import keras_one
from cnn_study.train.energy import Energy
from cnn_study.train.engine import Engine, Group, Member, Trained, fit
from cnn_study.train.machine import is_want_of_memory, out_of_memory
from cnn_study.train.meter import forget_peak_memory, peak_memory
from cnn_study.train.parts import Pixels, take_parts
from cnn_study.train.provenance import provenance, provenance_without_training
from cnn_study.train.scores import (
    area_under_curve,
    calibration,
    kept_predictions,
    score,
)

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Wanted:
    """A run that is to be trained.

    Attributes:
        seed: decides initial weights, image order, augmentation and dropout.
        on_epoch: told of every epoch as it ends.
        keep_weights: also write `seed-<seed>.weights.npz`, one array a variable, in the order
            of `model.get_weights()`, named by the variable's path; then, under the names
            `kept_weights.SCALING`, what a pixel is multiplied by and what is added, by channel.
    """

    experiment: Experiment
    seed: int
    on_epoch: Callable[[Epoch], None] = lambda epoch: None
    keep_weights: bool = False


def train(
    experiment: Experiment,
    seed: int,
    dataset: Dataset,
    images: Images,
    runs: Path,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    keep_weights: bool = False,
    engine: Engine = "processes",
) -> records.Record:
    """Train one run, as `train_together` does, and give its record."""
    wanted = Wanted(experiment, seed, on_epoch, keep_weights)
    return train_together([wanted], dataset, images, runs, engine)[0]


def train_together(
    wanted: Sequence[Wanted],
    dataset: Dataset,
    images: Images,
    runs: Path,
    engine: Engine = "processes",
) -> list[records.Record]:
    """Train runs of one program, and write the record and the predictions of each as it ends.

    Args:
        wanted: what `engine` can train as one group; of `processes` one run.
        dataset: facts about the images.
        images: the whole dataset.
        runs: folder of the study's records.

    Returns:
        The records as written. A run whose loss stops being finite, or that has not enough
        memory, is recorded as such and not raised.
    """
    import keras

    forget_peak_memory()
    started, clock = datetime.now(UTC), time.perf_counter()
    group = Group(
        tuple(Member(run.experiment.settings, run.seed) for run in wanted),
        take_parts(images, wanted[0].experiment.settings),
        len(dataset.class_names),
    )
    energy = Energy()
    begun = [_Begun(run, group, place, dataset, runs, engine, started, clock, energy)
             for place, run in enumerate(wanted)]  # fmt: skip
    try:
        with energy:
            for place, ended in fit(group, engine, partial(_check_size, wanted[0].experiment)):
                begun[place].take(ended)
    except Exception as error:
        if not is_want_of_memory(error):
            _refuse_code_of_others(error, wanted[0].experiment, dataset)
            raise
        for run in begun:
            if run.record is None:
                run.end(_without_scores("failed", out_of_memory(error)))
    finally:
        keras.backend.clear_session()
        gc.collect()  # Keras's models hold themselves in circles.
    return [run.record for run in begun if run.record]


@dataclass
class _Begun:
    """A run in training, which becomes its record.

    Attributes:
        place: among the members of the group that is trained with it.
        started, clock: when the group began: the day, and what `time.perf_counter` said.
        record: None until it has ended.
    """

    wanted: Wanted
    group: Group
    place: int
    dataset: Dataset
    runs: Path
    engine: Engine
    started: datetime
    clock: float
    energy: Energy
    epochs: list[Epoch] = field(default_factory=list)
    record: records.Record | None = None

    @property
    def path(self) -> Path:
        """Where its record goes."""
        experiment = self.wanted.experiment
        return records.place(self.runs, experiment.id, experiment.fingerprint, self.wanted.seed)

    def take(self, ended: Epoch | Trained) -> None:
        """Take the end of an epoch, or of the training: then the record is written."""
        if isinstance(ended, Epoch):
            self.epochs.append(ended)
            self.wanted.on_epoch(ended)
            return
        test = self.group.parts.test
        self.end(_finish(ended, self.epochs, test, self.path, self.wanted.keep_weights))

    def end(self, outcome: dict[str, Any]) -> None:
        """Write the record; `outcome` is as `_record` has it.

        Of the time that is no training, all members bear equal parts; of energy as of the time.
        """
        experiment, together = self.wanted.experiment, len(self.group.members)
        seconds, parts = self.group.members[self.place].seconds, self.group.parts
        trained = sum(member.seconds.wall for member in self.group.members)
        elapsed = time.perf_counter() - self.clock
        own = seconds.wall + max(0.0, elapsed - trained) / together
        cost = records.Cost(
            parameters=experiment.parameters,
            macs=experiment.macs,
            training_seconds=round(seconds.wall, 3),
            training_cpu_seconds=round(seconds.cpu, 3),
            run_seconds=round(own, 3),
            peak_memory_mebibytes=round(peak_memory(), 1),
            **self.energy.taken(own / elapsed),
        )
        held_out = np.bincount(parts.validation[1], minlength=self.group.classes)
        counts = parts.counts | {"validation_classes": held_out.tolist()}
        whence = provenance(self.started, engine=self.engine, trained_together=together)
        self.record = _record(
            experiment, self.wanted.seed, self.dataset, counts, self.epochs, cost, whence, outcome
        )
        records.write(self.path, self.record)


def _refuse_code_of_others(error: Exception, experiment: Experiment, dataset: Dataset) -> None:
    """Tell an error that comes of a network of the study's own in its author's words.

    Raises:
        UserError: it does.
    """
    if experiment.settings.model:
        from cnn_study.train import own_network

        shape, classes = dataset.image_shape, len(dataset.class_names)
        network = own_networks.network_of(experiment.settings, shape, classes)
        own_network.refuse_in_training(error, network)


def _check_size(experiment: Experiment, model: "keras.Model") -> None:
    """Hold a network of the study's own against what was kept of it when it was first built.

    Raises:
        UserError: it has another number of parameters.
    """
    if not experiment.settings.model:
        return
    count, known = model.count_params(), experiment.parameters
    if count != known:
        raise UserError(
            f"{experiment.settings.model} has {count:,} parameters, and had {known:,} when the "
            "study's file of networks, which ends in .models.json, was made: with another version "
            "of Keras, say. Delete that file; `cnn-study describe STUDY` makes it again."
        )


def give_up(
    experiment: Experiment, seed: int, dataset: Dataset, runs: Path, reason: str, seconds: float
) -> records.Record:
    """Record a run as failed that came to no end, and give its record.

    Args:
        seconds: how long it was tried; the record says nothing of its epochs.
    """
    started = datetime.now(UTC) - timedelta(seconds=seconds)
    cost = records.Cost(
        parameters=experiment.parameters,
        macs=experiment.macs,
        training_seconds=0.0,
        training_cpu_seconds=0.0,
        run_seconds=round(seconds, 3),
        peak_memory_mebibytes=round(peak_memory(resource.RUSAGE_CHILDREN), 1),
    )
    settings = experiment.settings
    sizes = dataset.sizes(settings.validation_fraction, settings.training_fraction)
    counts = {
        "training_images": sizes.training,
        "validation_images": sizes.validation,
        "test_images": dataset.test_images,
    }
    outcome = _without_scores("failed", reason)
    whence = provenance_without_training(started)
    record = _record(experiment, seed, dataset, counts, [], cost, whence, outcome)
    records.write(records.place(runs, experiment.id, experiment.fingerprint, seed), record)
    return record


def _without_scores(status: str, reason: str) -> dict[str, Any]:
    return {"status": status, "reason": reason, "test": None, "weights_sha256": None}


def _record(
    experiment: Experiment,
    seed: int,
    dataset: Dataset,
    counts: dict[str, Any],
    epochs: list[Epoch],
    cost: records.Cost,
    whence: records.Provenance,
    outcome: dict[str, Any],
) -> records.Record:
    """Put a record together; `outcome` has status, reason, test and weights_sha256."""
    return records.Record(
        format=records.FORMAT,
        experiment=experiment.id,
        seed=seed,
        fingerprint=experiment.fingerprint,
        training_version=TRAINING_VERSION,
        settings=experiment.settings,
        dataset=records.DatasetUsed(name=dataset.name, digest=dataset.digest, **counts),
        epochs=epochs,
        cost=cost,
        provenance=whence,
        **outcome,
    )


def _finish(
    trained: Trained,
    epochs: list[Epoch],
    test: tuple[Pixels, np.ndarray],
    path: Path,
    keep_weights: bool,
) -> dict[str, Any]:
    """Touch the test images, once, and write what is kept beside the record."""
    if epochs[-1].training_loss is None:
        number = epochs[-1].epoch
        return _without_scores("diverged", f"the loss was not finite in epoch {number}")
    pixels, labels = test
    probabilities = trained.tested()
    loss, accuracy = score(probabilities, labels)
    if not math.isfinite(loss):
        return _without_scores("diverged", "the last weights give probabilities that are NaN")
    kept = kept_predictions(probabilities)
    confusion = np.zeros((probabilities.shape[1],) * 2, dtype=int)
    np.add.at(confusion, (labels, kept["classes"]), 1)
    file = records.predictions_file(path)
    digest = files.write_arrays(file, kept)
    model = trained.model()
    if keep_weights:
        kept_weights.write(
            records.weights_file(path),
            {weight.path: np.asarray(weight) for weight in model.weights},
            keras_one.pixel_scaling(model, pixels.shape[-1]),
        )
    return {
        "status": "complete",
        "reason": None,
        "weights_sha256": keras_one.weights_digest(model),
        "test": records.Test(
            loss=loss,
            accuracy=accuracy,
            confusion=confusion.tolist(),
            auc=area_under_curve(probabilities, labels),
            calibration=calibration(probabilities, labels),
            predictions_file=file.name,
            predictions_sha256=digest,
        ),
    }
