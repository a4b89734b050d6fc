"""One run at a time with Keras: start a model, teach it epoch by epoch, predict.

Only makers import Keras, and as late as they can: `machine.import_keras` settles before what Keras
computes with, and how.
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from cnn_study.base import files
from cnn_study.runs import records
from cnn_study.study.settings import Settings
from cnn_study.train import epoch_images
from cnn_study.train.meter import Stopwatch
from cnn_study.train.parts import Parts
from cnn_study.train.scores import area_under_curve, score, tally

if TYPE_CHECKING:
    import keras

STEPS_PER_EXECUTION = 32
"""Steps that the backend takes between looks at Python; see benchmarks/."""

SCORING_BATCH = 500


def start(settings: Settings, parts: Parts, classes: int, seed: int) -> "keras.Model":
    """Build and compile the model, its weights drawn from the seed."""
    import keras

    from cnn_study.train.network import build

    keras.utils.set_random_seed(seed)
    pixels, labels = parts.training
    model = build(settings, pixels.shape[1:], classes, *epoch_images.pixel_statistics(pixels))
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

    each = class_weights(parts.training[1]) if settings.class_weight == "balanced" else None
    for number in range(1, settings.epochs + 1):
        with seconds:
            pixels, labels = epoch_images.epoch_images(*parts.training, settings, seed, number)
            targets = labels.astype("int32")
            weights = None if each is None else each[labels]
            if settings.label_smoothing:
                targets = keras.utils.to_categorical(targets, model.output_shape[-1])
            history = model.fit(
                **_fed(pixels, targets, settings.batch_size, weights),
                epochs=1,
                shuffle=False,
                verbose=0,
                callbacks=[keras.callbacks.TerminateOnNaN()],
            ).history
        loss = history["loss"][-1]
        scores = _scores("validation", model, parts.validation)
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


def class_weights(labels: np.ndarray) -> np.ndarray:
    """Weigh classes so that each counts alike: images / (classes x images of the class).

    As scikit-learn's "balanced", after King and Zeng (2001).

    Args:
        labels: (images,) of the images trained on.

    Returns:
        (largest label + 1,) float32; 0 for what has no image, which is no class here.
    """
    counts = np.bincount(labels)
    classes = np.count_nonzero(counts)
    weights = len(labels) / (classes * np.maximum(counts, 1)) * (counts > 0)
    return weights.astype("float32")


def weights_digest(model: "keras.Model") -> str:
    """Hash the bytes of all weights in order: equal weights, equal digest."""
    return files.digest(model.get_weights())


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

    from cnn_study.train.schedule import make

    rate = make(settings, steps_per_epoch)
    decay = settings.weight_decay or None
    optimizers = keras.optimizers
    if settings.optimizer == "momentum":
        return optimizers.SGD(rate, momentum=settings.momentum, weight_decay=decay)
    if settings.optimizer == "adamw":
        return optimizers.AdamW(rate, weight_decay=settings.weight_decay)
    kind = {"sgd": optimizers.SGD, "adam": optimizers.Adam, "rmsprop": optimizers.RMSprop}
    return kind[settings.optimizer](rate, weight_decay=decay)


def _scores(name: str, model: "keras.Model", part: tuple[np.ndarray, np.ndarray]) -> dict[str, Any]:
    pixels, labels = part
    nothing = {f"{name}_loss": None, f"{name}_accuracy": None}
    if not len(labels):
        return nothing
    probabilities = predict(model, pixels)
    loss, accuracy = score(probabilities, labels)
    if not math.isfinite(loss):  # Probabilities that are NaN put the first class first.
        return nothing
    counts = tally(probabilities, labels)
    return {
        f"{name}_loss": loss,
        f"{name}_accuracy": accuracy,
        f"{name}_right": counts.right,
        f"{name}_predicted": counts.predicted,
        f"{name}_auc": area_under_curve(probabilities, labels),
    }


def predict(model: "keras.Model", pixels: np.ndarray) -> np.ndarray:
    """Give the probabilities (images, classes) of uint8 images."""
    return np.asarray(model.predict(**_fed(pixels, None, SCORING_BATCH), verbose=0))


def _fed(
    pixels: np.ndarray,
    targets: np.ndarray | None,
    batch_size: int,
    weights: np.ndarray | None = None,
) -> dict[str, Any]:
    """Give the arguments of `fit` and `predict` that hand over the images, batch by batch.

    Args:
        weights: what the loss of each image is multiplied with; None for nothing.

    On TensorFlow, Keras would wrap arrays in a `tf.data.Dataset` that tunes itself. At the end of
    every epoch the thread that tunes is waited for, and it looks up after 10, 20, 40, ... ms: an
    epoch that computes for 6.7 s took 10.4 s, one of 13 s took 21 s (TensorFlow 2.21, one thread;
    benchmarks/). There is nothing to tune in one thread, so it is turned off.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        arguments = {"x": pixels, "batch_size": batch_size, "y": targets, "sample_weight": weights}
        return {name: value for name, value in arguments.items() if value is not None}
    import tensorflow

    given = tuple(array for array in (pixels, targets, weights) if array is not None)
    arrays = given if len(given) > 1 else pixels
    untuned = tensorflow.data.Options()
    untuned.autotune.enabled = False
    batches = tensorflow.data.Dataset.from_tensor_slices(arrays).batch(batch_size)
    return {"x": batches.with_options(untuned)}


def pixel_scaling(model: "keras.Model", channels: int) -> tuple[list[float], list[float]]:
    """Give by channel what a pixel value is multiplied by, and what is added then."""
    layer = model.get_layer("scaling")
    return (
        np.broadcast_to(layer.scale, channels).astype(float).tolist(),
        np.broadcast_to(layer.offset, channels).astype(float).tolist(),
    )


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
