"""Every parameter of data, model and training: name, type, range, unit, default, meaning.

This schema is the one authority: study files are checked against it, run records hold it,
and the parameter table of the documentation is made from it. It knows nothing of Keras.

A default is part of what training means (see `fingerprint`): changing one raises
`TRAINING_VERSION`. A new parameter takes as its default the value that trains as before.
"""

import copy
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cnn_study.base.fingerprints import hash_meaning

TRAINING_VERSION = 1
"""Raised by one when the same settings would train to other weights; retrains everything."""


def _parameter(default: Any, description: str, unit: str = "", **limits: Any) -> Any:
    """Describe one parameter; the description may cite `[@key]` of report/references.bib."""
    return Field(
        default_factory=lambda: copy.copy(default),  # a list is changed by nobody else
        description=description,
        json_schema_extra={"unit": unit, "default": default},
        **limits,
    )


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class DataSettings(_Group):
    """Which images are trained on, and what is done to them first."""

    validation_fraction: float = _parameter(
        0.1,
        "Training images held out for validation, the same ones for every seed; 0 holds out "
        "none and leaves no validation scores.",
        "share of the training images",
        ge=0,
        le=0.9,
    )
    training_fraction: float = _parameter(
        1.0,
        "Images trained on, out of those not held out; classes keep their shares, and a "
        "smaller set is part of every larger one.",
        "share of the images not held out",
        gt=0,
        le=1,
    )
    scaling: Literal["raw", "unit", "symmetric", "standardized"] = _parameter(
        "unit",
        "What the pixel values 0 to 255 become: raw leaves them, unit is 0 to 1, symmetric "
        "is -1 to 1, standardized has mean 0 and standard deviation 1 in each channel of the "
        "images trained on.",
    )
    horizontal_flip: bool = _parameter(
        False, "Mirror each training image left to right with probability 1/2, anew every epoch."
    )
    shift: int = _parameter(
        0,
        "Move each training image by up to this many pixels in each direction, anew every "
        "epoch; the border is filled by reflection at the edge, where the usual random crop of a "
        "padded image has zeros.",
        "pixels",
        ge=0,
        le=16,
    )
    cutout: int = _parameter(
        0,
        "Side of a square that is painted over in each training image with the mean pixel of "
        "the images trained on, anew every epoch [@devries2017]; its centre may be any pixel, so "
        "that it may hang over the border. 0 paints none.",
        "pixels",
        ge=0,
        le=64,
    )
    watch_test: bool = _parameter(
        False,
        "Score the test images after every epoch, as if they were validation images. Only to "
        "measure what that habit does: nothing is ever chosen by these scores.",
    )


class ModelSettings(_Group):
    """The network: blocks of convolution, activation and pooling, then a dense classifier."""

    filters: list[Annotated[int, Field(ge=1, le=1024)]] = _parameter(
        [16, 32, 64],
        "Filters of each convolution, first to last; their number is the depth.",
        "filters",
        min_length=1,
        max_length=20,
    )
    kernel_size: int = _parameter(
        3, "Height and width of every convolution's kernel.", "pixels", ge=1, le=15
    )
    padding: Literal["same", "valid"] = _parameter(
        "same",
        "same: zeros around the image keep its size; valid: none, the image shrinks by "
        "kernel_size - 1 with each convolution.",
    )
    activation: Literal["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid"] = (
        _parameter("relu", "Non-linearity after each convolution and after the hidden dense layer.")
    )
    batch_normalization: bool = _parameter(
        False,
        "Normalize between each convolution and its activation [@ioffe2015]; the "
        "convolution then has no bias of its own.",
    )
    residual: bool = _parameter(
        False,
        "Add each block's input to its convolution's output, before the activation "
        "[@he2016], through a 1x1 convolution where the shapes differ. Needs padding same.",
    )
    pooling: Literal["max", "average", "strided_convolution"] = _parameter(
        "max",
        "How the image is made smaller: max and average take the largest or the mean value of a "
        "window; strided_convolution gives the convolution itself a stride of pool_size "
        "[@springenberg2015].",
    )
    pool_size: int = _parameter(
        2,
        "Height, width and stride of the pooling window, or the stride of a strided_convolution.",
        "pixels",
        ge=2,
        le=8,
    )
    pool_after: (
        Literal["every_but_last", "every", "none"] | list[Annotated[int, Field(ge=1, le=20)]]
    ) = _parameter(
        "every_but_last",
        "The convolutions that pooling follows: every_but_last, every, none, or "
        "their numbers, of which the first is 1.",
    )
    convolution_dropout: float = _parameter(
        0.0,
        "Share of values set to zero in training after each block [@srivastava2014].",
        "share",
        ge=0,
        lt=1,
    )
    head: Literal["flatten", "global_average_pooling"] = _parameter(
        "flatten",
        "From feature maps to one vector: flatten puts all values in a row, "
        "global_average_pooling takes the mean of each map [@lin2014].",
    )
    dense_units: int = _parameter(
        64, "Units of the hidden dense layer; 0 leaves it out.", "units", ge=0, le=8192
    )
    dense_dropout: float = _parameter(
        0.0,
        "Share of values set to zero in training before the last layer [@srivastava2014].",
        "share",
        ge=0,
        lt=1,
    )
    initializer: Literal[
        "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_normal", "orthogonal"
    ] = _parameter(
        "glorot_uniform",
        "How the first weights of every layer are drawn; glorot_uniform is Keras's default "
        "[@glorot2010], he_uniform and he_normal are meant for relu [@he2015].",
    )

    @model_validator(mode="after")
    def _check_blocks(self) -> "ModelSettings":
        depth = len(self.filters)
        if isinstance(self.pool_after, list):
            if any(number > depth for number in self.pool_after):
                raise ValueError(
                    f"pool_after {self.pool_after} names a convolution that is not there: "
                    f"filters has {depth}"
                )
            if len(set(self.pool_after)) < len(self.pool_after):
                raise ValueError(f"pool_after {self.pool_after} names a convolution twice")
        if self.residual and self.padding != "same":
            raise ValueError("residual needs padding same: shapes must match to be added")
        return self


class TrainingSettings(_Group):
    """How the weights are learned."""

    optimizer: Literal["sgd", "momentum", "adam", "adamw", "rmsprop"] = _parameter(
        "adam",
        "Rule that turns gradients into steps: momentum is sgd with momentum 0.9; adam "
        "[@kingma2015] has its weight_decay decoupled, as every optimizer here, so that adamw is "
        "another name for it.",
    )
    learning_rate: float = _parameter(
        0.001, "Size of a step; with a schedule or warm-up, the largest.", "1", gt=0, le=10
    )
    schedule: Literal["constant", "cosine", "step"] = _parameter(
        "constant",
        "Learning rate over training: constant; cosine falls to 0 along half a cosine "
        "[@loshchilov2017]; step divides it by 10 after half and again after three quarters. What "
        "warm-up takes is not counted.",
    )
    warmup_epochs: float = _parameter(
        0.0,
        "The learning rate first rises in a straight line for this long [@goyal2017].",
        "epochs",
        ge=0,
    )
    weight_decay: float = _parameter(
        0.0,
        "Share of each weight taken off per step, times the learning rate: decoupled from the "
        "gradient [@loshchilov2019], for any optimizer.",
        "1",
        ge=0,
        le=1,
    )
    label_smoothing: float = _parameter(
        0.0,
        "Share of the target spread evenly over all classes [@szegedy2016]; "
        "validation and test losses are reported without it.",
        "share",
        ge=0,
        lt=1,
    )
    batch_size: int = _parameter(32, "Images in a step.", "images", ge=1, le=65536)
    epochs: int = _parameter(10, "Passes over the training images.", "epochs", ge=1, le=10000)
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = _parameter(
        "float32",
        "Number format of the arithmetic; mixed formats compute in 16 bits and keep weights and "
        "the last layer in float32 [@micikevicius2018].",
    )

    @model_validator(mode="after")
    def _check_warmup(self) -> "TrainingSettings":
        if self.warmup_epochs >= self.epochs:
            raise ValueError(
                f"warmup_epochs {self.warmup_epochs:g} must be less than epochs {self.epochs}"
            )
        return self


class Settings(DataSettings, ModelSettings, TrainingSettings):
    """All parameters of one experiment, one flat list of names."""


GROUPS = {"data": DataSettings, "model": ModelSettings, "training": TrainingSettings}


def fingerprint(settings: Settings, dataset_digest: str) -> str:
    """Name what one training means, so that equal names need no second training.

    Settings at their default are left out: a parameter added later, whose default trains as
    before, leaves the names of finished runs as they are.

    Args:
        settings: all parameters.
        dataset_digest: sha256 of the dataset's content, hexadecimal.

    Returns:
        16 hexadecimal digits (64 bits of a sha256).
    """
    given = settings.model_dump()
    default = Settings().model_dump()
    meaning = {
        "training_version": TRAINING_VERSION,
        "dataset": dataset_digest,
        "settings": {name: value for name, value in given.items() if value != default[name]},
    }
    return hash_meaning(meaning)


def pooled_convolutions(settings: ModelSettings) -> list[int]:
    """Number the convolutions that pooling follows, first is 1."""
    after, depth = settings.pool_after, len(settings.filters)
    if isinstance(after, list):
        return sorted(after)
    return list(range(1, {"none": 0, "every_but_last": depth - 1, "every": depth}[after] + 1))


def normalized(settings: Settings) -> Settings:
    """Write in one way what trains the same, so that settings can be compared.

    A value that has no meaning beside the others becomes the default. What takes the size of the
    images to see is left as it is: rounding to whole images or steps, and `head` where one pixel
    is left. Nothing is named by the result: a run's name is the fingerprint of what was given.
    """
    pooled = pooled_convolutions(settings)
    same: dict[str, Any] = {"pool_after": pooled}
    if not pooled:
        same |= {name: getattr(Settings(), name) for name in ("pooling", "pool_size")}
    if settings.kernel_size == 1:
        same["padding"] = "same"  # a kernel of one pixel reaches over no border
    if settings.optimizer == "adamw":
        same["optimizer"] = "adam"  # Keras's AdamW is its Adam, which takes weight_decay too
    return settings.model_copy(update=same)


def value_text(value: Any) -> str:
    """Write a setting's value as ids and tables do: 16-32-64, true, adam."""
    if isinstance(value, list):
        return "-".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


@cache
def parameters() -> tuple[dict[str, Any], ...]:
    """List every parameter for the documentation, in order.

    Returns:
        One dictionary a parameter: group, name, default, unit, description, schema (JSON Schema
        of its type and range).
    """
    rows = []
    for group, model in GROUPS.items():
        for name, schema in model.model_json_schema()["properties"].items():
            description, unit = schema.pop("description"), schema.pop("unit")
            default = schema.pop("default")
            schema.pop("title", None)
            rows.append(
                {
                    "group": group,
                    "name": name,
                    "default": default,
                    "unit": unit,
                    "description": description,
                    "schema": schema,
                }
            )
    return tuple(rows)
