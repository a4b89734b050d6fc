"""The layers that settings ask for, with shapes, parameters and MACs, worked out by hand.

Pure Python: a study is checked, listed and costed without Keras. The trainer builds its model from
this list, its connections and Keras's names of the kinds; the report prints code and draws the
live network from the same, so that none of them can describe another network.
"""

from math import prod
from typing import TypeGuard

from cnn_study.study import own_networks
from cnn_study.study.blocks import block
from cnn_study.study.layer import IMAGE, Layer
from cnn_study.study.settings import (
    ModelSettings,
    OwnModelSettings,
    Settings,
    hidden_units,
    passes,
)


def layers(settings: ModelSettings, image_shape: tuple[int, int, int], classes: int) -> list[Layer]:
    """Work out the whole network, input excluded, softmax layer included.

    Raises:
        UserError: a layer would be left with less than one pixel; or nothing is known of a network
            of the study's own.
    """
    if is_own(settings):
        known = own_networks.description_of(settings, image_shape, classes)
        return [
            Layer(each.kind, each.name, tuple(each.shape), each.parameters, each.macs)
            for each in known.layers
        ]
    network: list[Layer] = []
    last, shape = IMAGE, image_shape
    for number in range(1, len(settings.filters) + 1):
        network += block(settings, number, last, shape)
        last, shape = network[-1].name, network[-1].shape
    return network + _classifier(settings, shape, classes)


def is_own(settings: ModelSettings) -> TypeGuard[OwnModelSettings]:
    """Tell whether a file of the study builds the network; its layers have no options here."""
    return isinstance(settings, OwnModelSettings) and bool(settings.model)


def inputs(network: list[Layer]) -> dict[str, tuple[str, ...]]:
    """Name what each layer reads: the layer before it, where it does not say otherwise."""
    before = [IMAGE, *(layer.name for layer in network)]
    return {
        layer.name: layer.reads or (last,) for layer, last in zip(network, before, strict=False)
    }


def kernels(
    settings: ModelSettings, image_shape: tuple[int, int, int], classes: int
) -> list[tuple[int, ...]]:
    """List the shapes of the weights that are drawn at first; of a network of one's own none."""
    if is_own(settings):
        return []
    network = layers(settings, image_shape, classes)
    shapes, read = {layer.name: layer.shape for layer in network}, inputs(network)
    return [
        _kernel(layer, shapes.get(read[layer.name][0], image_shape)[-1])
        for layer in network
        if "kernel" in layer.weights
    ]


def _kernel(layer: Layer, channels: int) -> tuple[int, ...]:
    """Give the shape of a layer's weights; in a depthwise convolution each channel has its own."""
    sides = 2 * (layer.window,) if layer.window else ()
    return (*sides, channels, 1 if layer.kind == "depthwise_convolution" else layer.shape[-1])


def cost(settings: Settings, image_shape: tuple[int, int, int], classes: int) -> tuple[int, int]:
    """Count parameters, and MACs of the answer to one image, in this order."""
    if is_own(settings):
        known = own_networks.description_of(settings, image_shape, classes)
        parameters, macs = known.parameters, known.macs
    else:
        network = layers(settings, image_shape, classes)
        parameters = sum(layer.parameters for layer in network)
        macs = sum(layer.macs for layer in network)
    return parameters, macs * passes(settings)


def is_one_pixel(settings: ModelSettings, image_shape: tuple[int, int, int], classes: int) -> bool:
    """Tell whether the feature maps have one pixel at last, where both heads give the same."""
    if is_own(settings):
        return False  # its head is its own
    maps = [layer for layer in layers(settings, image_shape, classes) if len(layer.shape) == 3]
    return maps[-1].shape[:2] == (1, 1)


OF_ONE_PIXEL = ("pointwise_convolution", "projection", "excitation")
"""Kinds of layers that see as far as what they read, whatever the settings."""


def receptive_fields(network: list[Layer]) -> list[tuple[Layer, int]]:
    """Tell how many pixels of the image, along one side, a number of each feature map can see.

    A layer with a window of k numbers sees (k - 1) j pixels more than its input, j being the
    product of all strides before it (Araujo, Norris, Sim 2019, https://doi.org/10.23915/distill.00021).

    Args:
        network: what `layers` gave.

    Returns:
        Each convolution and pooling with its side, which may be larger than the image's. Through
        squeeze-and-excitation all depend on the whole image, which is not counted.
    """
    side, step, fields = 1, 1, []
    for layer in network:
        if not layer.window or layer.kind in OF_ONE_PIXEL:
            continue
        side += (layer.window - 1) * step
        step *= layer.stride
        fields.append((layer, side))
    return fields


def _classifier(settings: ModelSettings, shape: tuple[int, ...], classes: int) -> list[Layer]:
    features = prod(shape) if settings.head == "flatten" else shape[-1]
    classifier = [Layer(settings.head, settings.head, (features,))]
    hidden = hidden_units(settings)
    for number, units in enumerate(hidden, start=1):
        name = f"dense_{number}" if len(hidden) > 1 else "dense"
        classifier.append(_dense(name, features, units, settings, "hidden"))
        features = units
    if settings.dense_dropout:
        classifier.append(
            Layer("dropout", "dropout_dense", (features,), options={"rate": settings.dense_dropout})
        )
    return [*classifier, _dense("classes", features, classes, settings, "softmax")]


def _dense(name: str, features: int, units: int, settings: ModelSettings, role: str) -> Layer:
    return Layer(
        "dense",
        name,
        (units,),
        (features + 1) * units,
        features * units,
        {
            "units": units,
            "activation": "softmax" if role == "softmax" else settings.activation,
            "kernel_initializer": settings.initializer,
        },
    )
