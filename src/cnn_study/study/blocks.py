"""The layers of a block: what stands in a network for one number of its filters."""

from typing import Any

from cnn_study.base.errors import UserError
from cnn_study.study.layer import Layer
from cnn_study.study.settings import ModelSettings, kernel_sizes, pooled_convolutions

FIRST = "convolution"
"""What a network begins with, whatever its blocks are: an image has too few channels for others."""


def block(settings: ModelSettings, number: int, before: str, shape: tuple[int, ...]) -> list[Layer]:
    """Work out the layers of a block, with pooling and dropout.

    Args:
        number: of the block, from 1.
        before: name of the layer that it reads.
        shape: of what that gives, (height, width, channels).

    Raises:
        UserError: a layer would be left with less than one pixel.
    """
    pooled = number in pooled_convolutions(settings)
    strided = pooled and settings.pooling == "strided_convolution"
    building = _Building(settings, number, before, shape)
    kind = settings.block if number > 1 else FIRST
    BLOCKS[kind](building, settings.filters[number - 1], settings.pool_size if strided else 1)
    if pooled and not strided:
        building.pool()
    if settings.convolution_dropout:
        rate = {"rate": settings.convolution_dropout}
        building.put("dropout", f"dropout_{number}", building.shape, options=rate)
    return building.layers


class _Building:
    """A block in the making: its layers so far, the last of them, and what that gives."""

    def __init__(
        self, settings: ModelSettings, number: int, before: str, shape: tuple[int, ...]
    ) -> None:
        self.settings, self.number, self.last, self.shape = settings, number, before, shape
        self.layers: list[Layer] = []
        self.kernel_size = kernel_sizes(settings)[number - 1]

    def put(self, kind: str, name: str, shape: tuple[int, ...], **known: Any) -> None:
        """Add a layer; the next one reads it."""
        self.layers.append(Layer(kind, name, shape, **known))
        self.last, self.shape = name, shape

    def convolve(
        self, name: str, filters: int, size: int, stride: int = 1, *, activated: bool
    ) -> None:
        """Add a convolution; one of single pixels reaches over no border."""
        shape = self._convolved(name, size, stride)
        weights = size * size * self.shape[2] * filters
        border = (
            {"padding": self.settings.padding} if size > 1 or self.settings.block == FIRST else {}
        )
        self.put(
            "convolution",
            name,
            (*shape, filters),
            parameters=weights + filters * self.has_bias,
            macs=shape[0] * shape[1] * weights,
            options={
                "filters": filters,
                "kernel_size": size,
                "strides": stride,
                **border,
                "use_bias": self.has_bias,
                "kernel_initializer": self.settings.initializer,
                "activation": self.settings.activation if activated else None,
            },
        )

    def convolve_each_channel(self, stride: int) -> None:
        """Add a depthwise convolution [@howard2017], normalized and activated."""
        name, size, channels = f"depthwise_{self.number}", self.kernel_size, self.shape[2]
        shape = self._convolved(name, size, stride)
        weights = size * size * channels
        self.put(
            "depthwise_convolution",
            name,
            (*shape, channels),
            parameters=weights + channels * self.has_bias,
            macs=shape[0] * shape[1] * weights,
            options={
                "kernel_size": size,
                "strides": stride,
                "padding": self.settings.padding,
                "use_bias": self.has_bias,
                "depthwise_initializer": self.settings.initializer,
                "activation": None
                if self.settings.batch_normalization
                else self.settings.activation,
            },
        )
        self.normalize("_depthwise", activated=True)

    @property
    def has_bias(self) -> bool:
        """Whether convolutions have one: normalization would take it away."""
        return not self.settings.batch_normalization

    def normalize(self, suffix: str = "", *, activated: bool) -> None:
        """Add batch normalization, and an activation after it, where there is to be one."""
        if not self.settings.batch_normalization:
            return
        name = f"batch_normalization_{self.number}{suffix}"
        self.put("batch_normalization", name, self.shape, parameters=4 * self.shape[-1])
        if activated:
            self.activate(suffix)

    def activate(self, suffix: str = "") -> None:
        """Add an activation as a layer of its own."""
        options = {"activation": self.settings.activation}
        self.put("activation", f"activation_{self.number}{suffix}", self.shape, options=options)

    def excite(self) -> None:
        """Weigh each channel by what all of them show over the whole image [@hu2018]."""
        if not self.settings.squeeze_excitation:
            return
        weighed, shape, channels = self.last, self.shape, self.shape[2]
        fewer = max(1, channels // self.settings.squeeze_excitation)
        self.put("squeeze", f"squeeze_{self.number}", (1, 1, channels), options={"keepdims": True})
        for place, (units, activation) in enumerate(
            ((fewer, self.settings.activation), (channels, "sigmoid")), start=1
        ):
            weights = self.shape[2] * units
            self.put(
                "excitation",
                f"excitation_{self.number}_{place}",
                (1, 1, units),
                parameters=weights + units,
                macs=weights,
                options={
                    "filters": units,
                    "kernel_size": 1,
                    "kernel_initializer": self.settings.initializer,
                    "activation": activation,
                },
            )
        self.put("multiply", f"multiply_{self.number}", shape, reads=(weighed, self.last))

    def add_to(self, before: str, shape: tuple[int, ...], stride: int) -> None:
        """Add what the block reads to what it gives, by a 1x1 convolution where shapes differ."""
        if self.shape != shape:
            self._project(before, shape, stride)
            before = f"projection_{self.number}"
        self.put("add", f"add_{self.number}", self.shape, reads=(self.last, before))

    def pool(self) -> None:
        """Add pooling.

        Raises:
            UserError: the window is larger than what is left of the image.
        """
        kind, size = f"{self.settings.pooling}_pooling", self.settings.pool_size
        name, (height, width, channels) = f"{kind}_{self.number}", self.shape
        if min(height, width) < size:
            raise UserError(
                f"{name} cannot be built: the image has come down to {height}x{width} pixels, "
                f"less than the {size}x{size} window. Use fewer poolings (pool_after), fewer "
                "filters (layers) or a smaller pool_size."
            )
        shape = (height // size, width // size, channels)
        self.put(kind, name, shape, options={"pool_size": size})

    def _convolved(self, name: str, size: int, stride: int) -> tuple[int, int]:
        lost = 0 if self.settings.padding == "same" else size - 1
        height, width = (-(-(side - lost) // stride) for side in self.shape[:2])
        if height < 1 or width < 1:
            raise UserError(
                f"{name} cannot be built: a {size}x{size} kernel with padding valid on an image of "
                f"{self.shape[0]}x{self.shape[1]} pixels leaves nothing. Use padding same, a "
                "smaller kernel_size, fewer filters (layers) or fewer poolings."
            )
        return height, width

    def _project(self, before: str, shape: tuple[int, ...], stride: int) -> None:
        weights = shape[2] * self.shape[2]
        projection = Layer(
            "projection",
            f"projection_{self.number}",
            self.shape,
            weights,
            self.shape[0] * self.shape[1] * weights,
            {
                "filters": self.shape[2],
                "kernel_size": 1,
                "strides": stride,
                "use_bias": False,
                "kernel_initializer": self.settings.initializer,
            },
            reads=(before,),
        )
        self.layers.append(projection)


def _convolution(building: _Building, filters: int, stride: int) -> None:
    before, shape = building.last, building.shape
    number, residual = building.number, building.settings.residual
    name, size = f"convolution_{number}", building.kernel_size
    plain = building.has_bias and not residual
    building.convolve(name, filters, size, stride, activated=plain)
    building.normalize(activated=not residual)
    if residual:
        building.add_to(before, shape, stride)
        building.activate()


def _residual_pair(building: _Building, filters: int, stride: int) -> None:
    before, shape = building.last, building.shape
    number, size = building.number, building.kernel_size
    building.convolve(f"convolution_{number}_1", filters, size, stride, activated=building.has_bias)
    building.normalize("_1", activated=True)
    building.convolve(f"convolution_{number}_2", filters, size, activated=False)
    building.normalize("_2", activated=False)
    building.excite()
    building.add_to(before, shape, stride)
    building.activate()


def _depthwise_separable(building: _Building, filters: int, stride: int) -> None:
    building.convolve_each_channel(stride)
    building.excite()
    name = f"convolution_{building.number}"
    building.convolve(name, filters, 1, activated=building.has_bias)
    building.normalize(activated=True)


def _inverted_residual(building: _Building, filters: int, stride: int) -> None:
    before, shape, number = building.last, building.shape, building.number
    expansion = building.settings.expansion
    if expansion > 1:
        wide = expansion * shape[2]
        building.convolve(f"convolution_{number}_1", wide, 1, activated=building.has_bias)
        building.normalize("_1", activated=True)
    building.convolve_each_channel(stride)
    building.excite()
    building.convolve(f"convolution_{number}_2", filters, 1, activated=False)
    building.normalize("_2", activated=False)
    if building.shape == shape:
        building.add_to(before, shape, stride)


BLOCKS = {
    "convolution": _convolution,
    "residual_pair": _residual_pair,
    "depthwise_separable": _depthwise_separable,
    "inverted_residual": _inverted_residual,
}
"""How each kind of block is built."""
