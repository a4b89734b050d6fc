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
    BLOCKS[building.kind](
        building, settings.filters[number - 1], settings.pool_size if strided else 1
    )
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
        self.kind = settings.block if number > 1 else FIRST
        self.kernel_size = kernel_sizes(settings)[number - 1]
        self._convolutions = 0

    def put(self, kind: str, name: str, shape: tuple[int, ...], **known: Any) -> None:
        """Add a layer; the next one reads it."""
        self.layers.append(Layer(kind, name, shape, **known))
        self.last, self.shape = name, shape

    def convolve(self, filters: int, stride: int = 1, *, activated: bool = True) -> None:
        """Add a convolution, normalized and activated where they are to be."""
        self._convolve("convolution", filters, self.kernel_size, stride, activated=activated)

    def convolve_each_channel(self, stride: int) -> None:
        """Add a depthwise convolution [@howard2017], which has a kernel for each channel."""
        self._convolve("depthwise_convolution", self.shape[2], self.kernel_size, stride)

    def mix_channels(self, filters: int, *, activated: bool = True) -> None:
        """Add a pointwise convolution, of single pixels."""
        self._convolve("pointwise_convolution", filters, 1, activated=activated)

    def activate(self, place: str) -> None:
        """Add an activation as a layer of its own."""
        options = {"activation": self.settings.activation}
        self.put("activation", f"activation_{place}", self.shape, options=options)

    def excite(self) -> None:
        """Weigh each channel by what all of them show over the whole image [@hu2018]."""
        if not self.settings.squeeze_excitation:
            return
        number, weighed, shape, channels = self.number, self.last, self.shape, self.shape[2]
        fewer = max(1, channels // self.settings.squeeze_excitation)
        self.put("squeeze", f"squeeze_{number}", (1, 1, channels), options={"keepdims": True})
        for place, (units, activation) in enumerate(
            [(fewer, self.settings.activation), (channels, "sigmoid")], start=1
        ):
            name = f"excitation_{number}_{place}"
            self._put_kernels("excitation", name, (1, 1, units), 1, activation=activation)
        self.put("multiply", f"multiply_{number}", shape, reads=(weighed, self.last))

    def add_to(self, before: str, shape: tuple[int, ...], stride: int) -> None:
        """Add what the block reads to what it gives, by a 1x1 convolution where shapes differ."""
        last, sum_shape = self.last, self.shape
        if sum_shape != shape:
            self.shape, name = shape, f"projection_{self.number}"
            self._put_kernels(
                "projection", name, sum_shape, 1, stride=stride, has_bias=False, reads=(before,)
            )
            before = name
        self.put("add", f"add_{self.number}", sum_shape, reads=(last, before))

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

    def _convolve(
        self, kind: str, filters: int, size: int, stride: int = 1, *, activated: bool = True
    ) -> None:
        place, normalized = self._place(), self.settings.batch_normalization
        name = f"{kind}_{place}"
        shape = (*self._sides(name, size, stride), filters)
        activation = self.settings.activation if activated and not normalized else None
        self._put_kernels(
            kind, name, shape, size, stride=stride, has_bias=not normalized, activation=activation
        )
        if normalized:
            name = f"batch_normalization_{place}"
            self.put("batch_normalization", name, shape, parameters=4 * filters)
        if normalized and activated:
            self.activate(place)

    def _place(self) -> str:
        """Number the next convolution: by its block, and within it where it has several."""
        self._convolutions += 1
        return f"{self.number}" if self.kind == FIRST else f"{self.number}_{self._convolutions}"

    def _put_kernels(
        self,
        kind: str,
        name: str,
        shape: tuple[int, ...],
        size: int,
        *,
        stride: int = 1,
        has_bias: bool = True,
        activation: str | None = None,
        reads: tuple[str, ...] = (),
    ) -> None:
        """Add a layer of kernels: of all channels, or in a depthwise convolution of one each."""
        of_each = kind == "depthwise_convolution"
        weights = size * size * shape[2] * (1 if of_each else self.shape[2])
        self.put(
            kind,
            name,
            shape,
            parameters=weights + shape[2] * has_bias,
            macs=shape[0] * shape[1] * weights,
            options={
                **({} if of_each else {"filters": shape[2]}),
                "kernel_size": size,
                "strides": stride,
                **({"padding": self.settings.padding} if size > 1 else {}),
                "use_bias": has_bias,
                "depthwise_initializer" if of_each else "kernel_initializer": (
                    self.settings.initializer
                ),
                "activation": activation,
            },
            reads=reads,
        )

    def _sides(self, name: str, size: int, stride: int) -> tuple[int, int]:
        """Work out height and width of what a convolution gives.

        Raises:
            UserError: nothing is left.
        """
        lost = 0 if self.settings.padding == "same" else size - 1
        height, width = (-(-(side - lost) // stride) for side in self.shape[:2])
        if height < 1 or width < 1:
            raise UserError(
                f"{name} cannot be built: a {size}x{size} kernel with padding valid on an image of "
                f"{self.shape[0]}x{self.shape[1]} pixels leaves nothing. Use padding same, a "
                "smaller kernel_size, fewer filters (layers) or fewer poolings."
            )
        return height, width


def _convolution(building: _Building, filters: int, stride: int) -> None:
    before, shape = building.last, building.shape
    residual = building.settings.residual
    building.convolve(filters, stride, activated=not residual)
    if residual:
        building.add_to(before, shape, stride)
        building.activate(f"{building.number}")


def _residual_pair(building: _Building, filters: int, stride: int) -> None:
    before, shape = building.last, building.shape
    building.convolve(filters, stride)
    building.convolve(filters, activated=False)
    building.excite()
    building.add_to(before, shape, stride)
    building.activate(f"{building.number}")


def _depthwise_separable(building: _Building, filters: int, stride: int) -> None:
    building.convolve_each_channel(stride)
    building.excite()
    building.mix_channels(filters)


def _inverted_residual(building: _Building, filters: int, stride: int) -> None:
    before, shape = building.last, building.shape
    if (expansion := building.settings.expansion) > 1:
        building.mix_channels(expansion * shape[2])
    building.convolve_each_channel(stride)
    building.excite()
    building.mix_channels(filters, activated=False)
    if building.shape == shape:
        building.add_to(before, shape, stride)


BLOCKS = {
    "convolution": _convolution,
    "residual_pair": _residual_pair,
    "depthwise_separable": _depthwise_separable,
    "inverted_residual": _inverted_residual,
}
"""How each kind of block is built."""
