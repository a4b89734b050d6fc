"""What a layer is, and what Keras calls it. Pure data."""

from dataclasses import dataclass, field
from typing import Any

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
    "pointwise_convolution": Kind("Conv2D", ("kernel", "bias")),
    "depthwise_convolution": Kind("DepthwiseConv2D", ("kernel", "bias")),
    "squeeze": Kind("GlobalAveragePooling2D"),
    "excitation": Kind("Conv2D", ("kernel", "bias")),
    "multiply": Kind("Multiply"),
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
    "depthwise_initializer": "glorot_uniform",
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
        reads: names of the layers that it reads, where that is not the one before it alone.
    """

    kind: str
    name: str
    shape: tuple[int, ...]
    parameters: int = 0
    macs: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    reads: tuple[str, ...] = ()

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
