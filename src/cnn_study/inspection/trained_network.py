"""What a trained network does with images: layer by layer, in parts hidden, in its mistakes.

Needs forward passes only, so that it works on every backend of Keras. Knows nothing of studies.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cnn_study.base.errors import UserError
from cnn_study.runs import kept_weights
from cnn_study.runs.records import Record
from cnn_study.study.layer import Layer
from cnn_study.train import keras_one
from cnn_study.train.epoch_images import pixel_statistics
from cnn_study.train.parts import Pixels

if TYPE_CHECKING:
    import keras

NOT_SHOWN = ("flatten", "dropout", "projection", "squeeze", "excitation")
"""Kinds of layers whose output is that of the layer before, in other words, or beside the way."""

LARGEST_HALF = float(np.finfo("float16").max)

ACCURACY_TOLERANCE = 1e-3
"""Share of the test images that another kind of processor may classify otherwise."""


def load(record: Record, weights: Path, training_pixels: Pixels, classes: int) -> "keras.Model":
    """Build the network of a complete run and give it the weights that were kept.

    Args:
        record: of the run.
        weights: what `training.train` wrote beside it.
        training_pixels: (n, height, width, channels) uint8, the images it was trained on.
        classes: number of classes.

    Raises:
        UserError: the file cannot be read, or is not the one that the record tells of.
    """
    from cnn_study.train.network import build

    arrays = kept_weights.checked(weights, record)
    model = build(
        record.settings, training_pixels.shape[1:], classes, *pixel_statistics(training_pixels)
    )
    model.set_weights(list(arrays.values()))
    return model


def check_accuracy(weights: Path, record: Record, accuracy: float) -> None:
    """Refuse weights that score otherwise than their record says.

    The same model of processor gives the same score; another one, or a GPU, may round a few
    probabilities the other way.

    Raises:
        UserError: names the file.
    """
    if abs(accuracy - record.tested.accuracy) > ACCURACY_TOLERANCE:
        raise UserError(
            f"{weights}: they classify {accuracy:.2%} of the test images correctly, the record "
            f"says {record.tested.accuracy:.2%}. Get the file again from where the record came "
            "from, or delete it and the record; the run is then trained again."
        )


def shown_layers(layers: list[Layer]) -> list[str]:
    """Name the layers whose outputs are kept, from image to classes."""
    return [layer.name for layer in layers if layer.kind not in NOT_SHOWN]


def feature_maps(model: "keras.Model", names: list[str], image: np.ndarray) -> list[np.ndarray]:
    """Follow one image (height, width, channels) uint8 through the network.

    Returns:
        For each name the output of that layer, (rows, columns, channels) or (units,), float16.
    """
    import keras

    # A dictionary, since Keras gives the only one of a list without the list.
    follow = keras.Model(model.input, {name: model.get_layer(name).output for name in names})
    outputs = follow(image[None], training=False)
    return [
        half(keras.ops.convert_to_numpy(keras.ops.cast(outputs[name], "float32"))[0])
        for name in names
    ]


def features(model: "keras.Model", images: np.ndarray) -> np.ndarray:
    """Give what the last layer is given: (n, features) float32 of uint8 images."""
    import keras

    before_last = keras.Model(model.input, model.get_layer("classes").input)
    return keras_one.predict(before_last, images).astype("float32")


def occlusion_size(image_shape: tuple[int, int, int]) -> tuple[int, int]:
    """Choose side and stride of the square, pixels: a quarter and a 16th of the shorter side."""
    shorter = min(image_shape[:2])
    return max(1, shorter // 4), max(1, shorter // 16)


def occlusion(
    predict: Callable[[np.ndarray], np.ndarray],
    images: np.ndarray,
    labels: np.ndarray,
    grey: np.ndarray,
    side: int,
    stride: int,
) -> np.ndarray:
    """Find what hiding each part costs (Zeiler & Fergus, 2014, arXiv:1311.2901).

    Args:
        predict: from images to probabilities (n, classes).
        images: (n, height, width, channels) uint8.
        labels: (n,) true classes.
        grey: (channels,) uint8, the colour of the square.
        side: of the square, pixels.
        stride: pixels from one place of the square to the next.

    Returns:
        (n, rows, columns) float32: the probability of the true class without the square less
        that with it; at [0, 0] the square lies in the upper left corner.
    """
    whole = predict(images)
    lost = []
    for image, label, probabilities in zip(images, labels, whole, strict=True):
        covered = cover(image, grey, side, stride)
        with_square = predict(covered.reshape(-1, *image.shape))[:, label]
        lost.append(probabilities[label] - with_square.reshape(covered.shape[:2]))
    return np.stack(lost)


def cover(image: np.ndarray, grey: np.ndarray, side: int, stride: int) -> np.ndarray:
    """Lay the square everywhere: (rows, columns, height, width, channels) of one image."""
    height, width, _ = image.shape
    tops, lefts = (range(0, length - side + 1, stride) for length in (height, width))
    covered = np.tile(image, (len(tops), len(lefts), 1, 1, 1))
    for row, top in enumerate(tops):
        for column, left in enumerate(lefts):
            covered[row, column, top : top + side, left : left + side] = grey
    return covered


def worst_mistakes(probabilities: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """Find the wrong answers with the highest probability, of equals the first.

    Args:
        probabilities: (n, classes).
        labels: (n,) true classes.
        count: how many at most.

    Returns:
        Indices, at most `count`, highest probability first.
    """
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    order = np.argsort(-probabilities[wrong].max(axis=1), kind="stable")
    return wrong[order][:count]


def half(values: np.ndarray) -> np.ndarray:
    """Round to float16, what is too large to its largest number."""
    return np.clip(values, -LARGEST_HALF, LARGEST_HALF).astype("float16")
