"""One run at a time with Keras: start a model, teach it epoch by epoch, predict.

Only makers import Keras, and as late as they can: `machine.import_keras` settles before what Keras
computes with, and how.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cnn_study.base import files
from cnn_study.runs import records
from cnn_study.study.settings import Settings
from cnn_study.train import epoch_images
from cnn_study.train.machine import multiply_float32
from cnn_study.train.meter import Stopwatch
from cnn_study.train.parts import Parts, Pixels, chunks, scoring_batch, worked_together
from cnn_study.train.scores import area_under_curve, score, tally

if TYPE_CHECKING:
    import keras

STEPS_PER_EXECUTION = 32
"""Steps that the backend takes between looks at Python; see benchmarks/."""


def start(settings: Settings, parts: Parts, classes: int, seed: int) -> "keras.Model":
    """Build and compile the model, its weights drawn from the seed."""
    import keras

    from cnn_study.train.from_logits import cross_entropy
    from cnn_study.train.network import build

    multiply_float32(exactly=settings.precision != "tensorfloat32")
    if settings.model:
        keras.backend.clear_session()  # its layers are named by counting
    keras.utils.set_random_seed(seed)
    pixels, labels = parts.training
    model = build(settings, pixels.shape[1:], classes, *epoch_images.pixel_statistics(pixels))
    steps = math.ceil(len(labels) / settings.batch_size)
    model.compile(
        optimizer=_optimizer(settings, steps),
        loss=cross_entropy(model, settings.label_smoothing),
        metrics=["accuracy"],
        steps_per_execution=min(STEPS_PER_EXECUTION, steps),
    )
    return model


def learn(
    model: "keras.Model", settings: Settings, parts: Parts, seed: int, seconds: "Stopwatch"
) -> Iterator[records.Epoch]:
    """Train epoch by epoch, giving each as it ends; stops after one whose loss is not finite.

    Between epochs, and at the end, the model has the weights that it answers with.
    """
    import keras

    from cnn_study.train.averaging import GoOnUnaveraged

    answering = answering_of(model, settings)
    callbacks = [keras.callbacks.TerminateOnNaN()]
    if settings.weight_averaging:
        callbacks.append(GoOnUnaveraged())
    with closing(_Feed(parts.training, settings, seed, model.output_shape[-1])) as feed:
        for number in range(1, settings.epochs + 1):
            with seconds:
                history = model.fit(
                    **feed.epoch(number),
                    epochs=1,
                    shuffle=False,
                    verbose=0,
                    callbacks=callbacks,
                ).history
            loss = history["loss"][-1]
            scored = _scores("validation", answering, parts.validation)
            if settings.watch_test:
                scored |= _scores("watched_test", answering, parts.test)
            yield epoch_of(number, loss, history["accuracy"][-1], seconds.last, scored)
            if not math.isfinite(loss):
                return


def epoch_of(
    number: int, loss: float, accuracy: float, seconds: float, scored: dict[str, Any]
) -> records.Epoch:
    """Put together what is told of an epoch; scores are those of `scores`."""
    return records.Epoch(
        epoch=number,
        training_loss=_finite(loss),
        training_accuracy=_finite(accuracy),
        training_seconds=round(seconds, 3),
        **scored,
    )


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
    more: dict[str, Any] = {"weight_decay": settings.weight_decay or None}
    if settings.gradient_clipping:
        more["global_clipnorm"] = settings.gradient_clipping
    if settings.weight_averaging:
        more |= {"use_ema": True, "ema_momentum": settings.weight_averaging}
    optimizers = keras.optimizers
    if settings.optimizer == "momentum":
        return optimizers.SGD(rate, momentum=settings.momentum, nesterov=settings.nesterov, **more)
    if settings.optimizer == "adamw":
        return optimizers.AdamW(rate, **more | {"weight_decay": settings.weight_decay})
    kind = {"sgd": optimizers.SGD, "adam": optimizers.Adam, "rmsprop": optimizers.RMSprop}
    return kind[settings.optimizer](rate, **more)


def _scores(name: str, model: "keras.Model", part: tuple[Pixels, np.ndarray]) -> dict[str, Any]:
    return scores(name, predict(model, part[0]), part[1])


def scores(name: str, probabilities: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Score answers (images, classes) under the names that an epoch has for a part of the images.

    Args:
        name: "validation" or "watched_test".
    """
    nothing = {f"{name}_loss": None, f"{name}_accuracy": None}
    if not len(labels):
        return nothing
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


def predict(model: "keras.Model", pixels: Pixels) -> np.ndarray:
    """Give the probabilities (images, classes) of uint8 images."""
    batch = scoring_batch(pixels.shape[1:])
    # A chunk is a number of whole batches: these are the same as those of all images together.
    answers = [
        np.asarray(model.predict(**_fed(chunk, None, batch), verbose=0)) for chunk in chunks(pixels)
    ]
    return np.concatenate(answers) if answers else np.empty((0, model.output_shape[-1]))


def answer(model: "keras.Model", settings: Settings, pixels: Pixels) -> np.ndarray:
    """Give the probabilities (images, classes) of uint8 images, flipped at test time too or not."""
    return predict(answering_of(model, settings), pixels)


def answering_of(model: "keras.Model", settings: Settings) -> "keras.Model":
    """Give the network as it answers: with a flip at test time, by the mean of both answers.

    Returns:
        The model itself, or one of the same weights, from the same images to probabilities.
    """
    import keras

    if not settings.test_time_flip:
        return model
    image = keras.Input(model.input_shape[1:], dtype="uint8", name="image")
    both = [model(image), model(keras.ops.flip(image, axis=2))]
    return keras.Model(image, keras.layers.Average(dtype="float32")(both), name="cnn_both_ways")


class _Feed:
    """Hands the training images to `fit`, epoch by epoch, and holds a chunk of them at a time."""

    def __init__(
        self, part: tuple[Pixels, np.ndarray], settings: Settings, seed: int, classes: int
    ) -> None:
        self._part, self._settings, self._seed, self._classes = part, settings, seed, classes
        balanced = settings.class_weight == "balanced"
        self._each = class_weights(part[1]) if balanced else None
        self._number = 0

    def epoch(self, number: int) -> dict[str, Any]:
        """Give the arguments of `fit` for an epoch; 1 is the first."""
        self._number = number
        pixels, labels = self._part
        if len(labels) <= worked_together(pixels.shape[1:], epoch_images.CHUNK):
            images, targets, *weights = next(self._chunks())
            return _fed(images, targets, self._settings.batch_size, *weights)
        return {"x": self._batches}

    def close(self) -> None:
        """Let go of the images: TensorFlow keeps what it has once been given to call."""
        self._part = (np.empty((0, 1, 1, 1), "uint8"), np.empty(0, "uint8"))

    def _chunks(self) -> Iterator[tuple[np.ndarray, ...]]:
        """Go through the images of this epoch, with what the network is to say of them.

        Where classes are weighed, with what the loss of each image is multiplied with, too.
        """
        import keras

        drawn = epoch_images.epoch_images(
            *self._part, self._settings, self._mean_colour, self._seed, self._number
        )
        for pixels, labels in drawn:
            targets = labels.astype("int32")
            if self._settings.label_smoothing:
                targets = keras.utils.to_categorical(targets, self._classes)
            weights = () if self._each is None else (self._each[labels],)
            yield pixels, targets, *weights

    @cached_property
    def _mean_colour(self) -> np.ndarray:
        pixels = self._part[0]
        if self._settings.cutout:
            return epoch_images.mean_colour(pixels)
        return np.zeros(pixels.shape[-1], pixels.dtype)  # of which nobody makes use

    @cached_property
    def _batches(self) -> Any:
        """What Keras takes batches from: whatever epoch it is, this is made once."""
        import keras

        count = math.ceil(len(self._part[1]) / self._settings.batch_size)
        if keras.backend.backend() != "tensorflow":
            return _numbered(
                lambda: (batch for stack in self._stacks() for batch in zip(*stack, strict=True)),
                count,
            )
        import tensorflow

        dataset = tensorflow.data.Dataset
        spoken = tuple(
            tensorflow.TensorSpec((None, None, *array.shape[1:]), array.dtype)
            for array in next(self._chunks())
        )
        # A stack of batches is handed over at a time: each call of Python takes a while.
        stacks = dataset.from_generator(self._stacks, output_signature=spoken)
        batches = stacks.flat_map(lambda *stack: dataset.from_tensor_slices(stack))
        known = batches.apply(tensorflow.data.experimental.assert_cardinality(count))
        return _untuned(known)

    def _stacks(self) -> Iterator[tuple[np.ndarray, ...]]:
        return _stacked(self._chunks(), self._settings.batch_size)


def _stacked(
    chunks: Iterable[tuple[np.ndarray, ...]], batch_size: int
) -> Iterator[tuple[np.ndarray, ...]]:
    """Divide chunks into batches, of which one may lie in two chunks.

    Yields:
        Arrays (batches, batch_size, …); at last (1, n, …) if fewer are left than fill a batch.
    """
    rest: tuple[np.ndarray, ...] = ()
    for chunk in chunks:
        joined = tuple(map(np.concatenate, zip(rest, chunk, strict=True))) if rest else chunk
        whole = len(joined[0]) // batch_size * batch_size
        if whole:
            yield tuple(array[:whole].reshape(-1, batch_size, *array.shape[1:]) for array in joined)
        left = len(joined[0]) - whole
        rest = tuple(array[-left:] for array in joined) if left else ()
    if rest:
        yield tuple(array[None] for array in rest)


def _numbered(batches: Callable[[], Iterator[Any]], count: int) -> "keras.utils.PyDataset":
    """Give batches to Keras, which asks for them by number, in order, and perhaps from 0 again."""
    import keras

    class Numbered(keras.utils.PyDataset):
        def __len__(self) -> int:
            return count

        def __getitem__(self, index: int) -> Any:
            if index == 0:
                self.left = batches()
            return next(self.left)

    return Numbered()


def _fed(
    pixels: np.ndarray,
    targets: np.ndarray | None,
    batch_size: int,
    weights: np.ndarray | None = None,
) -> dict[str, Any]:
    """Give the arguments of `fit` and `predict` that hand over images, batch by batch.

    Args:
        weights: what the loss of each image is multiplied with; None for nothing.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        arguments = {"x": pixels, "batch_size": batch_size, "y": targets, "sample_weight": weights}
        return {name: value for name, value in arguments.items() if value is not None}
    import tensorflow

    given = tuple(array for array in (pixels, targets, weights) if array is not None)
    arrays = given if len(given) > 1 else pixels
    return {"x": _untuned(tensorflow.data.Dataset.from_tensor_slices(arrays).batch(batch_size))}


def _untuned(batches: Any) -> Any:
    """Keep a `tf.data.Dataset` from tuning itself.

    On TensorFlow, Keras would wrap arrays in a `tf.data.Dataset` that tunes itself. At the end of
    every epoch the thread that tunes is waited for, and it looks up after 10, 20, 40, ... ms: an
    epoch that computes for 6.7 s took 10.4 s, one of 13 s took 21 s (TensorFlow 2.21, one thread;
    benchmarks/). There is nothing to tune in one thread, so it is turned off.
    """
    import tensorflow

    untuned = tensorflow.data.Options()
    untuned.autotune.enabled = False
    return batches.with_options(untuned)


def pixel_scaling(model: "keras.Model", channels: int) -> tuple[list[float], list[float]]:
    """Give by channel what a pixel value is multiplied by, and what is added then."""
    layer = model.get_layer("scaling")
    return (
        np.broadcast_to(layer.scale, channels).astype(float).tolist(),
        np.broadcast_to(layer.offset, channels).astype(float).tolist(),
    )


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
