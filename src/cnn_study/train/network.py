"""From a list of layers to a Keras model. Works on every backend of Keras 3."""

import keras
import numpy as np

from cnn_study.study.architecture import Layer, layers
from cnn_study.study.settings import Settings


def build(
    settings: Settings,
    image_shape: tuple[int, int, int],
    classes: int,
    pixel_mean: np.ndarray,
    pixel_deviation: np.ndarray,
) -> keras.Model:
    """Build the network with fresh weights, drawn from Keras's global seed.

    Args:
        settings: all parameters; only those of the model, scaling and precision are read.
        image_shape: (height, width, channels) of the uint8 images that the model takes.
        classes: number of classes.
        pixel_mean: (channels,) mean pixel value of the training images, 0 to 255.
        pixel_deviation: (channels,) their standard deviation.

    Returns:
        A model from uint8 images (batch, height, width, channels) to probabilities
        (batch, classes), in float32.
    """
    inputs = keras.Input(image_shape, dtype="uint8", name="image")
    values = _scale(settings.scaling, pixel_mean, pixel_deviation)(inputs)
    block_input = values
    for layer in layers(settings, image_shape, classes):
        if layer.kind == "convolution":
            block_input = shortcut = values
        precision = "float32" if layer.name == "classes" else settings.precision
        if layer.kind == "projection":
            shortcut = _keras_layer(layer, precision)(block_input)
        elif layer.kind == "add":
            values = _keras_layer(layer, precision)([values, shortcut])
        else:
            values = _keras_layer(layer, precision)(values)
    return keras.Model(inputs, values, name="cnn")


def _scale(
    scaling: str, pixel_mean: np.ndarray, pixel_deviation: np.ndarray
) -> keras.layers.Rescaling:
    # Rescaling computes pixel * scale + offset.
    scale, offset = {
        "raw": (1.0, 0.0),
        "unit": (1 / 255, 0.0),
        "symmetric": (2 / 255, -1.0),
        "standardized": ((1 / pixel_deviation).tolist(), (-pixel_mean / pixel_deviation).tolist()),
    }[scaling]
    return keras.layers.Rescaling(scale, offset, dtype="float32", name="scaling")


KERAS_LAYERS = {
    "convolution": keras.layers.Conv2D,
    "projection": keras.layers.Conv2D,
    "batch_normalization": keras.layers.BatchNormalization,
    "add": keras.layers.Add,
    "activation": keras.layers.Activation,
    "max_pooling": keras.layers.MaxPooling2D,
    "average_pooling": keras.layers.AveragePooling2D,
    "dropout": keras.layers.Dropout,
    "flatten": keras.layers.Flatten,
    "global_average_pooling": keras.layers.GlobalAveragePooling2D,
    "dense": keras.layers.Dense,
}


def _keras_layer(layer: Layer, precision: str) -> keras.layers.Layer:
    return KERAS_LAYERS[layer.kind](name=layer.name, dtype=precision, **layer.options)
