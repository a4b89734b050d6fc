"""The layers that settings ask for, with shapes, parameters and MACs, worked out by hand.

Pure Python: a study is checked, listed and costed without Keras. `network` builds the Keras
model from the same list, so the two cannot describe different networks.
"""

from dataclasses import dataclass, field
from math import prod
from typing import Any

from cnn_study.base.errors import UserError
from cnn_study.study.settings import ModelSettings, pooled_convolutions


@dataclass(frozen=True)
class Layer:
    """One layer: what it is, what comes out of it, and what it costs for one image.

    Attributes:
        kind: convolution, batch_normalization, projection, add, activation, max_pooling,
            average_pooling, dropout, flatten, global_average_pooling or dense.
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


def layers(settings: ModelSettings, image_shape: tuple[int, int, int], classes: int) -> list[Layer]:
    """Work out the whole network, input excluded, softmax layer included.

    Raises:
        UserError: a layer would be left with less than one pixel.
    """
    found: list[Layer] = []
    shape = image_shape
    for number, filters in enumerate(settings.filters, start=1):
        found += _block(settings, number, filters, shape)
        shape = found[-1].shape
    return found + _classifier(settings, shape, classes)


def cost(
    settings: ModelSettings, image_shape: tuple[int, int, int], classes: int
) -> tuple[int, int]:
    """Count parameters and MACs for one image, in this order."""
    found = layers(settings, image_shape, classes)
    return sum(layer.parameters for layer in found), sum(layer.macs for layer in found)


def is_one_pixel(settings: ModelSettings, image_shape: tuple[int, int, int], classes: int) -> bool:
    """Tell whether the feature maps have one pixel at last, where both heads give the same."""
    maps = [layer for layer in layers(settings, image_shape, classes) if len(layer.shape) == 3]
    return maps[-1].shape[:2] == (1, 1)


def receptive_fields(found: list[Layer]) -> list[tuple[Layer, int]]:
    """Tell how many pixels of the image, along one side, a number of each feature map can see.

    A layer with a window of k numbers sees (k - 1) j pixels more than its input, j being the
    product of all strides before it (Araujo, Norris, Sim 2019, https://doi.org/10.23915/distill.00021).

    Args:
        found: what `layers` gave.

    Returns:
        Each convolution and pooling with its side, which may be larger than the image's.
    """
    side, step, seen = 1, 1, []
    for layer in found:
        window = layer.options.get("kernel_size") or layer.options.get("pool_size")
        if window is None or layer.kind == "projection":
            continue
        side += (window - 1) * step
        step *= layer.options.get("strides") or layer.options.get("pool_size")
        seen.append((layer, side))
    return seen


def _block(
    settings: ModelSettings, number: int, filters: int, shape: tuple[int, int, int]
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
    shape: tuple[int, int, int],
    stride: int,
    *,
    fused: bool,
) -> Layer:
    size, name, bias = (
        settings.kernel_size,
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
    shape: tuple[int, int, int],
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
    found = [Layer(settings.head, settings.head, (features,))]
    if settings.dense_units:
        found.append(_dense("dense", features, settings.dense_units, settings, "hidden"))
        features = settings.dense_units
    if settings.dense_dropout:
        found.append(
            Layer("dropout", "dropout_dense", (features,), options={"rate": settings.dense_dropout})
        )
    return [*found, _dense("classes", features, classes, settings, "softmax")]


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
