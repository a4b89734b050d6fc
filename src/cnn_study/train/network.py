"""From a list of layers to a Keras model. Works on every backend of Keras 3."""

import keras
import numpy as np

from cnn_study.study import own_networks
from cnn_study.study.architecture import inputs, layers
from cnn_study.study.layer import IMAGE, KINDS, Layer
from cnn_study.study.settings import Settings
from cnn_study.train import own_network


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
    image = keras.Input(image_shape, dtype="uint8", name="image")
    scaled = _scale(settings.scaling, pixel_mean, pixel_deviation)(image)
    if settings.model:
        return keras.Model(image, _own(settings, scaled, classes), name="cnn")
    outputs = {IMAGE: scaled}
    network = layers(settings, image_shape, classes)
    read = inputs(network)
    for layer in network:
        precision = "float32" if layer is network[-1] else _dtype_policy(settings)
        first, *others = (outputs[name] for name in read[layer.name])
        outputs[layer.name] = _keras_layer(layer, precision)([first, *others] if others else first)
    return keras.Model(image, outputs[network[-1].name], name="cnn")


def _own(settings: Settings, scaled: keras.KerasTensor, classes: int) -> keras.KerasTensor:
    """Put the last layer on the features of a network of the study's own."""
    network = own_networks.network_of(settings, tuple(scaled.shape[1:]), classes)
    features = own_network.features(network, scaled, _dtype_policy(settings))
    last = keras.layers.Dense(classes, activation="softmax", dtype="float32", name="classes")
    return last(features)


def _dtype_policy(settings: Settings) -> str:
    """Give Keras's name of a precision; how float32 is multiplied the backend is told."""
    return "float32" if settings.precision == "tensorfloat32" else settings.precision


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
    return keras.layers.Rescaling(scale, offset, dtype="float32", name=IMAGE)


def _keras_layer(layer: Layer, precision: str) -> keras.layers.Layer:
    kind = getattr(keras.layers, KINDS[layer.kind].keras)
    return kind(name=layer.name, dtype=precision, **layer.options)
