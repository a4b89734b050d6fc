"""Multiply-accumulate operations of a layer that Keras has built, for one image, by its type.

As everywhere in the project: biases, activations, pooling and normalization are not counted.
"""

from collections.abc import Callable
from math import prod
from numbers import Integral
from typing import Any

import keras

from cnn_study.base.errors import UserError
from cnn_study.base.words import cut

FREE = (
    "Activation", "ActivityRegularization", "Add", "AlphaDropout", "Average", "AveragePooling1D",
    "AveragePooling2D", "AveragePooling3D", "BatchNormalization", "CenterCrop", "Concatenate",
    "Cropping1D", "Cropping2D", "Cropping3D", "Dropout", "ELU", "Embedding", "Flatten",
    "GaussianDropout", "GaussianNoise", "GlobalAveragePooling1D", "GlobalAveragePooling2D",
    "GlobalAveragePooling3D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D",
    "GroupNormalization", "Identity", "LayerNormalization", "LeakyReLU", "Masking", "MaxPooling1D",
    "MaxPooling2D", "MaxPooling3D", "Maximum", "Minimum", "Multiply", "Normalization", "PReLU",
    "Permute", "RMSNormalization", "ReLU", "RepeatVector", "Rescaling", "Reshape", "Resizing",
    "Softmax", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "Subtract",
    "UnitNormalization", "UpSampling1D", "UpSampling2D", "UpSampling3D", "ZeroPadding1D",
    "ZeroPadding2D", "ZeroPadding3D",
)  # fmt: skip
"""Layers that multiply nothing that is counted."""

MULTIPLYING = {
    "Conv", "ConvTranspose", "DepthwiseConv", "Dot", "DotProductAttention", "Einsum", "Inner",
    "Matmul", "Outer", "SeparableConv", "Tensordot", "Vdot",
}  # fmt: skip
"""Operations of `keras.ops` that multiply and stand for no layer, by their classes."""


class NotCounted(Exception):
    """A layer of a type that is not known here."""


def macs_of(layer: keras.layers.Layer) -> int:
    """Count a layer's operations for one image, of one call.

    Raises:
        NotCounted: it is of a type that is not known, and has no `count_macs`.
        UserError: its `count_macs` gives no number of operations; what that raises is raised.
    """
    if own := getattr(layer, "count_macs", None):
        return _counted_by_itself(layer, own(layer.input.shape))
    if type(layer) in _FREE:
        return 0
    for kinds, count in _COUNTED.items():
        if isinstance(layer, kinds) and type(layer).call is _keras_call(layer):
            return count(layer)
    raise NotCounted


def _counted_by_itself(layer: keras.layers.Layer, given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, Integral) or given < 0:
        raise UserError(
            f"{type(layer).__name__}.count_macs gives {cut(repr(given), 100)}. Allowed is a whole "
            "number, 0 or more: the multiplications for one image"
        )
    return int(given)


def uncounted_operations(model: keras.Model) -> list[str]:
    """Name the operations between a model's layers that multiply, such as a product of matrices."""
    return [
        type(operation).__name__
        for operation in getattr(model, "operations", [])
        if not isinstance(operation, keras.layers.Layer) and type(operation).__name__ in MULTIPLYING
    ]


def _keras_call(layer: keras.layers.Layer) -> Any:
    """Give what the nearest of Keras's own classes does; a class of somebody else may change it."""
    own: Any = next(kind for kind in type(layer).__mro__ if kind.__module__.startswith("keras."))
    return own.call


def _convolution(layer: Any) -> int:
    return prod(layer.output.shape[1:-1]) * prod(layer.kernel.shape)


def _separable(layer: Any) -> int:
    weights = prod(layer.depthwise_kernel.shape) + prod(layer.pointwise_kernel.shape)
    return prod(layer.output.shape[1:-1]) * weights


def _transposed(layer: Any) -> int:
    return prod(layer.input.shape[1:-1]) * prod(layer.kernel.shape)


def _einsum(layer: Any) -> int:
    """Multiply the sides of all axes that the equation names; the batch, `...`, counts once."""
    first, second = layer.equation.split("->")[0].split(",")
    sides = dict(zip(second, layer.kernel.shape, strict=True))
    sides |= {
        axis: side
        for axis, side in zip(first, layer.input.shape, strict=False)
        if side is not None and axis not in sides
    }
    if "." in first:
        raise NotCounted
    return prod(sides.values())


def _attention(layer: Any) -> int:
    """Count the projections of queries, keys and values, the scores, and what comes out."""
    given = layer.input
    query, value, key = (*given, given[1])[:3] if isinstance(given, list | tuple) else (given,) * 3
    asked, told = prod(query.shape[1:-1]), prod(value.shape[1:-1])
    weights = {weight.path.split("/")[-2]: prod(weight.shape) for weight in layer.weights
               if weight.name == "kernel"}  # fmt: skip
    scores = asked * told * layer.num_heads * (layer.key_dim + layer.value_dim)
    projected = asked * (weights["query"] + weights["attention_output"])
    return projected + told * weights["value"] + prod(key.shape[1:-1]) * weights["key"] + scores


def _classes(*names: str) -> tuple[type, ...]:
    known = (getattr(keras.layers, name, None) for name in names)
    return tuple(kind for kind in known if kind)


_FREE = set(_classes(*FREE)) | {
    getattr(keras.layers, name) for name in dir(keras.layers) if name.startswith("Random")
}
_COUNTED: dict[tuple[type, ...], Callable[[Any], int]] = {
    _classes("SeparableConv1D", "SeparableConv2D"): _separable,
    _classes("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"): _transposed,
    _classes("Conv1D", "Conv2D", "Conv3D", "DepthwiseConv1D", "DepthwiseConv2D", "Dense"): (
        _convolution
    ),
    _classes("EinsumDense"): _einsum,
    _classes("MultiHeadAttention"): _attention,
}
