"""Train one seed of one experiment and leave its record.

Keras is imported here, in `network`, `schedule` and `inspection` and nowhere else, and inside
functions: `machine.import_keras` settles before what Keras computes with, and how.
"""

import gc
import math
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnn_study import __version__, records
from cnn_study import images as epoch_pixels
from cnn_study.datasets import Dataset, Images, split
from cnn_study.machine import processor
from cnn_study.settings import TRAINING_VERSION, Settings
from cnn_study.study import Experiment

if TYPE_CHECKING:
    import keras

STEPS_PER_EXECUTION = 32
"""Steps that the backend takes between looks at Python; see benchmarks/."""

SCORING_BATCH = 500


@dataclass(frozen=True)
class Parts:
    """The images of one run: (n, height, width, channels) uint8, with (n,) labels."""

    training: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


def take_parts(images: Images, settings: Settings) -> Parts:
    """Split the training images as the settings ask; the test set stays apart."""
    chosen, held_out = split(
        images.training_labels, settings.validation_fraction, settings.training_fraction
    )
    pixels, labels = images.training_images, images.training_labels
    return Parts(
        (pixels[chosen], labels[chosen]),
        (pixels[held_out], labels[held_out]),
        (images.test_images, images.test_labels),
    )


def train(
    experiment: Experiment,
    seed: int,
    dataset: Dataset,
    images: Images,
    runs: Path,
    on_epoch: Callable[[records.Epoch], None] = lambda epoch: None,
    keep_weights: bool = False,
) -> records.Record:
    """Train one run and write its record, its predictions and, if asked, its weights.

    Args:
        experiment: what to train.
        seed: decides initial weights, image order, augmentation and dropout.
        dataset: facts about the images.
        images: the whole dataset.
        runs: folder of the study's records.
        on_epoch: told of every epoch as it ends.
        keep_weights: also write `seed-<seed>.weights.npz`, one array a variable, in the order
            of `model.get_weights()`, named by the variable's path.

    Returns:
        The record as written. A run whose loss stops being finite, or that has not enough
        memory, is recorded as such and not raised.
    """
    import keras

    forget_peak_memory()
    started, clock = datetime.now(UTC), time.perf_counter()
    parts = take_parts(images, experiment.settings)
    epochs: list[records.Epoch] = []
    seconds = Stopwatch()
    outcome: dict[str, Any] = {}
    path = records.place(runs, experiment.id, experiment.fingerprint, seed)
    try:
        model = start(experiment.settings, parts, len(dataset.class_names), seed)
        for epoch in learn(model, experiment.settings, parts, seed, seconds):
            epochs.append(epoch)
            on_epoch(epoch)
        outcome = _finish(model, epochs, parts.test, path, keep_weights)
    except Exception as error:
        if not _is_out_of_memory(error):
            raise
        outcome = _without_scores("failed", f"not enough memory ({type(error).__name__})")
    finally:
        keras.backend.clear_session()
        gc.collect()  # Keras's models hold themselves in circles.
    cost = records.Cost(
        parameters=experiment.parameters,
        macs=experiment.macs,
        training_seconds=round(seconds.wall, 3),
        training_cpu_seconds=round(seconds.cpu, 3),
        run_seconds=round(time.perf_counter() - clock, 3),
        peak_memory_mebibytes=round(peak_memory(), 1),
    )
    record = _record(experiment, seed, dataset, parts, epochs, cost, started, outcome)
    records.write(path, record)
    return record


def give_up(
    experiment: Experiment, seed: int, dataset: Dataset, images: Images, runs: Path, seconds: float
) -> None:
    """Record a run as failed whose process the system ended, as it does for want of memory.

    Args:
        seconds: how long it lived; the record says nothing of its epochs.
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
    parts = take_parts(images, experiment.settings)
    reason = "its process was ended from outside, twice; perhaps for want of memory"
    outcome = _without_scores("failed", reason)
    record = _record(experiment, seed, dataset, parts, [], cost, started, outcome)
    records.write(records.place(runs, experiment.id, experiment.fingerprint, seed), record)


def _without_scores(status: str, reason: str) -> dict[str, Any]:
    return {"status": status, "reason": reason, "test": None, "weights_sha256": None}


def _record(
    experiment: Experiment,
    seed: int,
    dataset: Dataset,
    parts: Parts,
    epochs: list[records.Epoch],
    cost: records.Cost,
    started: datetime,
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
        dataset=records.DatasetUsed(
            name=dataset.name,
            digest=dataset.digest,
            training_images=len(parts.training[1]),
            validation_images=len(parts.validation[1]),
            test_images=len(parts.test[1]),
        ),
        epochs=epochs,
        cost=cost,
        provenance=provenance(started),
        **outcome,
    )


def start(settings: Settings, parts: Parts, classes: int, seed: int) -> "keras.Model":
    """Build and compile the model, its weights drawn from the seed."""
    import keras

    from cnn_study.network import build

    keras.utils.set_random_seed(seed)
    pixels, labels = parts.training
    model = build(settings, pixels.shape[1:], classes, *epoch_pixels.pixel_statistics(pixels))
    steps = math.ceil(len(labels) / settings.batch_size)
    smoothed = settings.label_smoothing > 0
    model.compile(
        optimizer=_optimizer(settings, steps),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=settings.label_smoothing)
        if smoothed
        else keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
        steps_per_execution=min(STEPS_PER_EXECUTION, steps),
    )
    return model


def learn(
    model: "keras.Model", settings: Settings, parts: Parts, seed: int, seconds: "Stopwatch"
) -> Iterator[records.Epoch]:
    """Train epoch by epoch, giving each as it ends; stops after one whose loss is not finite."""
    import keras

    for number in range(1, settings.epochs + 1):
        with seconds:
            pixels, labels = epoch_pixels.epoch_images(*parts.training, settings, seed, number)
            targets = labels.astype("int32")
            if settings.label_smoothing:
                targets = keras.utils.to_categorical(targets, model.output_shape[-1])
            history = model.fit(
                **_fed(pixels, targets, settings.batch_size),
                epochs=1,
                shuffle=False,
                verbose=0,
                callbacks=[keras.callbacks.TerminateOnNaN()],
            ).history
        loss = history["loss"][-1]
        scores: dict[str, float | None] = {}
        scores |= _scores("validation", model, parts.validation)
        if settings.watch_test:
            scores |= _scores("watched_test", model, parts.test)
        yield records.Epoch(
            epoch=number,
            training_loss=_finite(loss),
            training_accuracy=_finite(history["accuracy"][-1]),
            training_seconds=round(seconds.last, 3),
            **scores,
        )
        if not math.isfinite(loss):
            return


def score(probabilities: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Find mean cross-entropy in nats and accuracy.

    Args:
        probabilities: (images, classes); clipped to [1e-7, 1 - 1e-7], as Keras does.
        labels: (images,) true classes.
    """
    right = probabilities[np.arange(len(labels)), labels].astype("float64")
    loss = -np.log(np.clip(right, 1e-7, 1 - 1e-7)).mean()
    return float(loss), float((probabilities.argmax(axis=1) == labels).mean())


def calibration(probabilities: np.ndarray, labels: np.ndarray) -> list[records.Bin]:
    """Sort images into equal-width bins of their highest probability (Guo et al., 2017)."""
    highest = probabilities.max(axis=1).astype("float64")
    correct = probabilities.argmax(axis=1) == labels
    edges = np.linspace(0, 1, records.CALIBRATION_BINS + 1)
    place = np.clip(np.digitize(highest, edges, right=True) - 1, 0, records.CALIBRATION_BINS - 1)
    bins = []
    for number in range(records.CALIBRATION_BINS):
        inside = place == number
        some = bool(inside.any())
        bins.append(
            records.Bin(
                lower=round(float(edges[number]), 6),
                upper=round(float(edges[number + 1]), 6),
                images=int(inside.sum()),
                mean_probability=float(highest[inside].mean()) if some else None,
                accuracy=float(correct[inside].mean()) if some else None,
            )
        )
    return bins


def weights_digest(model: "keras.Model") -> str:
    """Hash the bytes of all weights in order: equal weights, equal digest."""
    return records.digest(model.get_weights())


def peak_memory(of: int = resource.RUSAGE_SELF) -> float:
    """Find the most memory that this process, or a child that has ended, has held, in MiB."""
    most = resource.getrusage(of).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 2**10)


def forget_peak_memory() -> None:
    """Let `peak_memory` of this process begin anew, where the system can: Linux."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


class Stopwatch:
    """A stopwatch of wall and processor time: `with` adds to it."""

    def __init__(self) -> None:
        self.wall = self.cpu = self.last = 0.0

    def __enter__(self) -> None:
        self._start = time.perf_counter(), time.process_time()

    def __exit__(self, *error: object) -> None:
        self.last = time.perf_counter() - self._start[0]
        self.wall += self.last
        self.cpu += time.process_time() - self._start[1]


def _optimizer(settings: Settings, steps_per_epoch: int) -> "keras.optimizers.Optimizer":
    """Make the optimizer; in float16 the loss is scaled, or small gradients would become 0.

    Keras does so by itself only where the whole model has the policy mixed_float16.
    """
    import keras

    optimizer = _plain_optimizer(settings, steps_per_epoch)
    if settings.precision == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def _plain_optimizer(settings: Settings, steps_per_epoch: int) -> "keras.optimizers.Optimizer":
    import keras

    from cnn_study.schedule import make

    rate = make(settings, steps_per_epoch)
    decay = settings.weight_decay or None
    optimizers = keras.optimizers
    if settings.optimizer == "momentum":
        return optimizers.SGD(rate, momentum=0.9, weight_decay=decay)
    if settings.optimizer == "adamw":
        return optimizers.AdamW(rate, weight_decay=settings.weight_decay)
    kind = {"sgd": optimizers.SGD, "adam": optimizers.Adam, "rmsprop": optimizers.RMSprop}
    return kind[settings.optimizer](rate, weight_decay=decay)


def _scores(
    name: str, model: "keras.Model", part: tuple[np.ndarray, np.ndarray]
) -> dict[str, float | None]:
    pixels, labels = part
    if not len(labels):
        return {f"{name}_loss": None, f"{name}_accuracy": None}
    loss, accuracy = score(predict(model, pixels), labels)
    if not math.isfinite(loss):  # Probabilities that are NaN put the first class first.
        return {f"{name}_loss": None, f"{name}_accuracy": None}
    return {f"{name}_loss": loss, f"{name}_accuracy": accuracy}


def predict(model: "keras.Model", pixels: np.ndarray) -> np.ndarray:
    """Give the probabilities (images, classes) of uint8 images."""
    return np.asarray(model.predict(**_fed(pixels, None, SCORING_BATCH), verbose=0))


def _fed(pixels: np.ndarray, targets: np.ndarray | None, batch_size: int) -> dict[str, Any]:
    """Give the arguments of `fit` and `predict` that hand over the images, batch by batch.

    On TensorFlow, Keras would wrap arrays in a `tf.data.Dataset` that tunes itself. At the end of
    every epoch the thread that tunes is waited for, and it looks up after 10, 20, 40, ... ms: an
    epoch that computes for 6.7 s took 10.4 s, one of 13 s took 21 s (TensorFlow 2.21, one thread;
    benchmarks/). There is nothing to tune in one thread, so it is turned off.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        arguments = {"x": pixels, "batch_size": batch_size}
        return arguments if targets is None else arguments | {"y": targets}
    import tensorflow

    arrays = pixels if targets is None else (pixels, targets)
    untuned = tensorflow.data.Options()
    untuned.autotune.enabled = False
    batches = tensorflow.data.Dataset.from_tensor_slices(arrays).batch(batch_size)
    return {"x": batches.with_options(untuned)}


def _finish(
    model: "keras.Model",
    epochs: list[records.Epoch],
    test: tuple[np.ndarray, np.ndarray],
    path: Path,
    keep_weights: bool,
) -> dict[str, Any]:
    """Touch the test images, once, and write what is kept beside the record."""
    if epochs[-1].training_loss is None:
        number = epochs[-1].epoch
        return _without_scores("diverged", f"the loss was not finite in epoch {number}")
    pixels, labels = test
    probabilities = predict(model, pixels)
    loss, accuracy = score(probabilities, labels)
    if not math.isfinite(loss):
        return _without_scores("diverged", "the last weights give probabilities that are NaN")
    classes = probabilities.argmax(axis=1).astype("uint8")
    confusion = np.zeros((probabilities.shape[1],) * 2, dtype=int)
    np.add.at(confusion, (labels, classes), 1)
    file = path.with_suffix(".predictions.npz")
    digest = records.write_arrays(
        file,
        {
            "classes": classes,
            "probabilities": np.rint(probabilities.max(axis=1) * 255).astype("uint8"),
        },
    )
    if keep_weights:
        records.write_arrays(
            path.with_suffix(".weights.npz"),
            {weight.path: np.asarray(weight) for weight in model.weights},
        )
    return {
        "status": "complete",
        "reason": None,
        "weights_sha256": weights_digest(model),
        "test": records.Test(
            loss=loss,
            accuracy=accuracy,
            confusion=confusion.tolist(),
            calibration=calibration(probabilities, labels),
            predictions_file=file.name,
            predictions_sha256=digest,
        ),
    }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _is_out_of_memory(error: Exception) -> bool:
    words = f"{type(error).__name__} {error}".lower()
    return (
        isinstance(error, MemoryError)
        or "resourceexhausted" in words
        or ("resource_exhausted" in words)
    )


def provenance(started: datetime, *more_packages: str) -> records.Provenance:
    """Say where a result comes from: versions, backend, machine, commit.

    Args:
        started: when, UTC.
        more_packages: that computed it too, beside Keras, its backend and NumPy.
    """
    import keras

    backend = keras.backend.backend()
    packages = ("keras", backend, "numpy", *more_packages)
    recorded, changed = _commit()
    return records.Provenance(
        versions={
            "python": platform.python_version(),
            "cnn-study": __version__,
            **{package: version(package) for package in packages},
        },
        backend=backend,
        device=_device(backend),
        processor=processor(),
        system=f"{platform.system()} {platform.machine()}",
        threads=1,
        commit=recorded,
        changed_since_commit=changed,
        started=started.isoformat(timespec="seconds"),
    )


def _commit() -> tuple[str | None, bool | None]:
    """Give the project's commit, and whether the package's files differ from it.

    Installed into an environment that lies in another project's checkout, this file is not in
    that project's repository, whose commit says nothing of it.
    """
    package = Path(__file__).parent
    if not _git(package, "ls-files", "--error-unmatch", Path(__file__).name):
        return None, None
    head = _git(package, "rev-parse", "HEAD")
    return head or None, bool(_git(package, "status", "--porcelain", ".")) if head else None


def _git(folder: Path, *command: str) -> str:
    """Ask git, and give "" where it has no answer.

    Without optional locks: a commit that a person makes meanwhile must not find the index taken.
    """
    try:
        ended = subprocess.run(
            ["git", "--no-optional-locks", "-C", folder, *command],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return ""
    return ended.stdout.strip()


def _device(backend: str) -> str:
    """Name what the backend computes on. Only told, never decided by."""
    if backend == "jax":
        import jax

        return jax.devices()[0].device_kind.replace("cpu", "CPU")
    import tensorflow

    gpus = tensorflow.config.list_physical_devices("GPU")
    if not gpus:
        return "CPU"
    return tensorflow.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")
