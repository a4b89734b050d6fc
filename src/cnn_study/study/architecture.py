"""The layers that settings ask for, with shapes, parameters and MACs, worked out by hand.

Pure Python: a study is checked, listed and costed without Keras. The trainer builds its model from
this list, its connections and Keras's names of the kinds; the report prints code and draws the
live network from the same, so that none of them can describe another network.
"""

from dataclasses import dataclass, field
from math import prod
from typing import Any, TypeGuard

from cnn_study.base.errors import UserError
from cnn_study.study import own_networks
from cnn_study.study.settings import (
    ModelSettings,
    OwnModelSettings,
    hidden_units,
    kernel_sizes,
    pooled_convolutions,
)

IMAGE = "scaling"
"""What the first layer reads: the image, its pixels scaled. The Keras layer has the same name."""


@dataclass(frozen=True)
class Kind:
    """What all layers of a kind have in common.

    Attributes:
        keras: class of `keras.layers`.
        weights: names of its arrays in Keras, the bias last; without `use_bias` there is none.
    """

    keras: str
    weights: tuple[str, ...] = ()


KINDS = {
    "convolution": Kind("Conv2D", ("kernel", "bias")),
    "projection": Kind("Conv2D", ("kernel", "bias")),
    "batch_normalization": Kind(
        "BatchNormalization", ("gamma", "beta", "moving_mean", "moving_variance")
    ),
    "add": Kind("Add"),
    "activation": Kind("Activation"),
    "max_pooling": Kind("MaxPooling2D"),
    "average_pooling": Kind("AveragePooling2D"),
    "dropout": Kind("Dropout"),
    "flatten": Kind("Flatten"),
    "global_average_pooling": Kind("GlobalAveragePooling2D"),
    "dense": Kind("Dense", ("kernel", "bias")),
}

KERAS_DEFAULTS = {
    "strides": 1,
    "use_bias": True,
    "kernel_initializer": "glorot_uniform",
    "activation": None,
}
"""What Keras takes where an option is not given, so that printed code may leave it out."""


@dataclass(frozen=True)
class Layer:
    """One layer: what it is, what comes out of it, and what it costs for one image.

    Attributes:
        kind: one of `KINDS`; of a network of the study's own the name of its class in Keras.
        name: unique, such as `convolution_2`; the Keras layer has the same name.
        shape: output without the batch axis: (height, width, channels) or (units,).
        parameters: weights and biases, those that are not trained included.
        macs: multiply-accumulate operations for one image; biases, activations, pooling and
            normalization are not counted, as is usual.
        options: what the Keras layer is given.
    """

    kind: str
    name: str
    shape: tuple[int, ...]
    parameters: int = 0
    macs: int = 0
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def weights(self) -> tuple[str, ...]:
        """Name the layer's arrays as Keras does."""
        names = KINDS[self.kind].weights
        return names if self.options.get("use_bias", True) else names[:-1]

    @property
    def window(self) -> int:
        """Side of the window that the layer looks at; 0 without one."""
        return self.options.get("kernel_size") or self.options.get("pool_size") or 0

    @property
    def stride(self) -> int:
        """Steps over the input for one over the output; 1 without a window."""
        return self.options.get("strides") or self.options.get("pool_size") or 1


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
    shape: tuple[int, ...] = image_shape
    for number, filters in enumerate(settings.filters, start=1):
        network += _block(settings, number, filters, shape)
        shape = network[-1].shape
    return network + _classifier(settings, shape, classes)


def is_own(settings: ModelSettings) -> TypeGuard[OwnModelSettings]:
    """Tell whether a file of the study builds the network; its layers have no options here."""
    return isinstance(settings, OwnModelSettings) and bool(settings.model)


def inputs(network: list[Layer]) -> dict[str, tuple[str, ...]]:
    """Name what each layer reads: the layer before it, and where an addition ends a shortcut, both.

    A shortcut leads from the input of a block, which a convolution begins, to its addition: as it
    is, or through a projection.
    """
    read: dict[str, tuple[str, ...]] = {}
    last = block_input = shortcut = IMAGE
    for layer in network:
        if layer.kind == "convolution":
            block_input = shortcut = last
        if layer.kind == "projection":
            read[layer.name] = (block_input,)
            shortcut = layer.name
            continue
        read[layer.name] = (last, shortcut) if layer.kind == "add" else (last,)
        last = layer.name
    return read


def kernels(
    settings: ModelSettings, image_shape: tuple[int, int, int], classes: int
) -> list[tuple[int, ...]]:
    """List the shapes of the weights that are drawn at first; of a network of one's own none."""
    network = layers(settings, image_shape, classes)
    shapes, read = {layer.name: layer.shape for layer in network}, inputs(network)
    return [
        (*2 * (layer.window,) * (layer.window > 0), shape[-1], layer.shape[-1])
        for layer in network
        if "kernel_initializer" in layer.options
        for shape in [shapes.get(read[layer.name][0], image_shape)]
    ]


def cost(
    settings: ModelSettings, image_shape: tuple[int, int, int], classes: int
) -> tuple[int, int]:
    """Count parameters and MACs for one image, in this order."""
    if is_own(settings):
        known = own_networks.description_of(settings, image_shape, classes)
        return known.parameters, known.macs
    network = layers(settings, image_shape, classes)
    return sum(layer.parameters for layer in network), sum(layer.macs for layer in network)


def is_one_pixel(settings: ModelSettings, image_shape: tuple[int, int, int], classes: int) -> bool:
    """Tell whether the feature maps have one pixel at last, where both heads give the same."""
    if is_own(settings):
        return False  # its head is its own
    maps = [layer for layer in layers(settings, image_shape, classes) if len(layer.shape) == 3]
    return maps[-1].shape[:2] == (1, 1)


def receptive_fields(network: list[Layer]) -> list[tuple[Layer, int]]:
    """Tell how many pixels of the image, along one side, a number of each feature map can see.

    A layer with a window of k numbers sees (k - 1) j pixels more than its input, j being the
    product of all strides before it (Araujo, Norris, Sim 2019, https://doi.org/10.23915/distill.00021).

    Args:
        network: what `layers` gave.

    Returns:
        Each convolution and pooling with its side, which may be larger than the image's.
    """
    side, step, fields = 1, 1, []
    for layer in network:
        if not layer.window or layer.kind == "projection":
            continue
        side += (layer.window - 1) * step
        step *= layer.stride
        fields.append((layer, side))
    return fields


def _block(
    settings: ModelSettings, number: int, filters: int, shape: tuple[int, ...]
) -> list[Layer]:
    pooled = number in pooled_convolutions(settings)
    stride = settings.pool_size if pooled and settings.pooling == "strided_convolution" else 1
    plain = not settings.batch_normalization and not settings.residual
    block = [_convolution(settings, number, filters, shape, stride, fused=plain)]
    inside = block[0].shape
    if settings.batch_normalization:
        block.append(
            Layer("batch_normalization", f"batch_normalization_{number}", inside, 4 * filters)
        )
    if settings.residual:
        if inside != shape:
            block.append(_projection(settings, number, filters, shape, inside, stride))
        block.append(Layer("add", f"add_{number}", inside))
    if not plain:
        block.append(_activation(settings, f"activation_{number}", inside))
    if pooled and stride == 1:
        block.append(_pooling(settings, number, inside))
    if settings.convolution_dropout:
        block.append(
            Layer(
                "dropout",
                f"dropout_{number}",
                block[-1].shape,
                options={"rate": settings.convolution_dropout},
            )
        )
    return block


def _convolution(
    settings: ModelSettings,
    number: int,
    filters: int,
    shape: tuple[int, ...],
    stride: int,
    *,
    fused: bool,
) -> Layer:
    size, name, bias = (
        kernel_sizes(settings)[number - 1],
        f"convolution_{number}",
        fused or not (settings.batch_normalization),
    )
    lost = 0 if settings.padding == "same" else size - 1
    height, width = (-(-(side - lost) // stride) for side in shape[:2])
    if height < 1 or width < 1:
        raise UserError(
            f"{name} cannot be built: a {size}x{size} kernel with padding valid on an image of "
            f"{shape[0]}x{shape[1]} pixels leaves nothing. Use padding same, a smaller "
            "kernel_size, fewer filters (layers) or fewer poolings."
        )
    weights = size * size * shape[2] * filters
    return Layer(
        "convolution",
        name,
        (height, width, filters),
        parameters=weights + filters * bias,
        macs=height * width * weights,
        options={
            "filters": filters,
            "kernel_size": size,
            "strides": stride,
            "padding": settings.padding,
            "use_bias": bias,
            "kernel_initializer": settings.initializer,
            "activation": settings.activation if fused else None,
        },
    )


def _projection(
    settings: ModelSettings,
    number: int,
    filters: int,
    shape: tuple[int, ...],
    inside: tuple[int, ...],
    stride: int,
) -> Layer:
    weights = shape[2] * filters
    return Layer(
        "projection",
        f"projection_{number}",
        inside,
        weights,
        inside[0] * inside[1] * weights,
        {
            "filters": filters,
            "kernel_size": 1,
            "strides": stride,
            "use_bias": False,
            "kernel_initializer": settings.initializer,
        },
    )


def _activation(settings: ModelSettings, name: str, shape: tuple[int, ...]) -> Layer:
    return Layer("activation", name, shape, options={"activation": settings.activation})


def _pooling(settings: ModelSettings, number: int, shape: tuple[int, ...]) -> Layer:
    kind, size = f"{settings.pooling}_pooling", settings.pool_size
    name = f"{kind}_{number}"
    if min(shape[:2]) < size:
        raise UserError(
            f"{name} cannot be built: the image has come down to {shape[0]}x{shape[1]} pixels, "
            f"less than the {size}x{size} window. Use fewer poolings (pool_after), fewer filters "
            "(layers) or a smaller pool_size."
        )
    return Layer(
        kind, name, (shape[0] // size, shape[1] // size, shape[2]), options={"pool_size": size}
    )


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
