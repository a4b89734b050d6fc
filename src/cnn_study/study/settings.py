"""Every parameter of data, model and training: declared here, and nowhere else.

A declaration says name, type, range, unit, default and meaning, how a value reads as a label and
how it is written in Keras code (see `parameter`). Study files are checked against it, run records
hold it, and the table of parameters in docs/, labels and the code that the report prints are made
from it. It knows nothing of Keras but that text.

A default is part of what training means (see `fingerprint`): changing one raises
`TRAINING_VERSION`. A new parameter takes as its default the value that trains as before.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    Tag,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from cnn_study.base.fingerprints import hash_meaning
from cnn_study.study.parameter import (
    IN_LAYERS,
    IN_NO_CODE,
    IN_OPTIMIZER,
    IN_OWN_FILE,
    IN_SCRIPT,
    LIST,
    NUMBER,
    ONE_OR_SEVERAL,
    Place,
    argument,
    declared,
    named,
    numbered,
    parameter,
    switched,
    written_as,
)

TRAINING_VERSION = 1
"""Raised by one when the same settings would train to other weights; retrains everything."""


class Beside(NamedTuple):
    """What a parameter needs to mean anything: another one, with one of these values."""

    other: str
    values: tuple[Any, ...]

    def useless(self, value: Any) -> str:
        """Say that it means nothing, since the other one has a value that is none of these."""
        allowed = " or ".join(value_text(each) for each in self.values)
        return (
            f"of no effect beside {self.other} {value_text(value)}. Leave it out, or give "
            f"{self.other}: {allowed}"
        )


NEEDS = {
    "flip_order": Beside("horizontal_flip", (True,)),
    "expansion": Beside("block", ("inverted_residual",)),
    "squeeze_excitation": Beside(
        "block", ("residual_pair", "depthwise_separable", "inverted_residual")
    ),
    "momentum": Beside("optimizer", ("momentum",)),
    "nesterov": Beside("optimizer", ("momentum",)),
}
"""Parameters that mean nothing but beside others."""


SCALING_CODE = {
    "raw": {},
    "unit": {Place.SCALING: "1 / 255"},
    "symmetric": {Place.SCALING: "2 / 255, offset=-1.0"},
    "standardized": {
        Place.SCALING: "(1 / pixel_deviation).tolist(), (-pixel_mean / pixel_deviation).tolist()"
    },
}
OPTIMIZER_CODE = {
    "sgd": {Place.OPTIMIZER: "SGD({})"},
    "momentum": {Place.OPTIMIZER: "SGD({}, momentum={momentum}{nesterov})"},
    "adam": {Place.OPTIMIZER: "Adam({})"},
    "adamw": {Place.OPTIMIZER: "AdamW({})"},
    "rmsprop": {Place.OPTIMIZER: "RMSprop({})"},
}
PRECISION_CODE = {
    "float32": {},
    "tensorfloat32": {
        Place.SETUP: "tensorflow.config.experimental.enable_tensor_float_32_execution(True)",
    },
    **{
        name: {
            Place.SETUP: f'keras.config.set_dtype_policy("{name}")',
            Place.OUTER_LAYERS: 'dtype="float32"',
        }
        for name in ("mixed_bfloat16", "mixed_float16")
    },
}


def _pooling_places(after: str | list[int]) -> str:
    """Say which convolutions pooling follows."""
    words = {
        "every_but_last": "no pooling after the last",
        "every": "pooling after each",
        "none": "no pooling",
    }
    if isinstance(after, str):
        return words[after]
    return f"pooling after {', '.join(map(str, after))}" if after else words["none"]


def _kernels(size: int | list[int]) -> str:
    """Say the side of all kernels, or of each convolution's."""
    return f"kernel {size}×{size}" if isinstance(size, int) else f"kernels {value_text(size)}"


def _hidden(units: int | list[int]) -> str:
    """Say how many units the hidden layers have."""
    if isinstance(units, list):
        return f"{value_text(units)} hidden units"
    return {0: "no hidden layer", 1: "1 hidden unit"}.get(units, f"{units} hidden units")


def _not_one(numbers: list[int]) -> list[int]:
    if len(numbers) == 1:
        raise ValueError(f"{numbers} is a list of one number: write {numbers[0]}")
    return numbers


def _not_all_equal(numbers: list[int]) -> list[int]:
    if len(set(numbers)) == 1:
        raise ValueError(f"{numbers} has one size for all convolutions: write {numbers[0]}")
    return numbers


Side = Annotated[int, Field(ge=1, le=15)]
Sides = Annotated[list[Side], Field(min_length=1, max_length=20), AfterValidator(_not_all_equal)]
Units = Annotated[list[Annotated[int, Field(ge=1, le=8192)]], Field(min_length=1, max_length=20)]


_ADDING = ("residual_pair", "inverted_residual")
"""Blocks that add what they read to what they give."""


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @field_validator("*")
    @classmethod
    def _drop_sign_of_zero(cls, value: Any) -> Any:
        """Take -0.0 for 0.0: they train the same, and would have two fingerprints."""
        return value + 0.0 if isinstance(value, float) else value


class DataSettings(_Group):
    """Which images are trained on, and what is done to them first."""

    validation_fraction: float = parameter(
        0.1,
        "Training images held out for validation, the same ones for every seed; 0 holds out "
        "none and leaves no validation scores.",
        "share of the training images",
        label=numbered("{0} % held out", {0: "none held out"}, times=100),
        code=IN_SCRIPT,
        ge=0,
        le=0.9,
    )
    training_fraction: float = parameter(
        1.0,
        "Images trained on, out of those not held out; classes keep their shares, and a "
        "smaller set is part of every larger one.",
        "share of the images not held out",
        label=numbered("{0} % of the images", {1: "all images"}, times=100),
        code=IN_NO_CODE,
        gt=0,
        le=1,
    )
    scaling: Literal["raw", "unit", "symmetric", "standardized"] = parameter(
        "unit",
        "What the pixel values 0 to 255 become: raw leaves them, unit is 0 to 1, symmetric "
        "is -1 to 1, standardized has mean 0 and standard deviation 1 in each channel of the "
        "images trained on.",
        label=named(
            {
                "raw": "raw pixels",
                "unit": "pixels 0 to 1",
                "symmetric": "pixels −1 to 1",
                "standardized": "standardized pixels",
            }
        ),
        code=written_as("model", SCALING_CODE),
    )
    horizontal_flip: bool = parameter(
        False,
        "Mirror each training image left to right with probability 1/2, anew every epoch.",
        label=switched("flip", "no flip"),
        code=IN_SCRIPT,
    )
    flip_order: Literal["random", "alternating"] = parameter(
        "random",
        "Which images horizontal_flip mirrors: random, each with probability 1/2 anew every epoch; "
        "alternating, half of them, drawn once, in odd epochs, and the other half in even ones, so "
        "that two epochs show every image both ways [@jordan2024fast].",
        label=named({"random": "random flips", "alternating": "alternating flips"}),
        code=IN_SCRIPT,
    )
    shift: int = parameter(
        0,
        "Move each training image by up to this many pixels in each direction, anew every "
        "epoch; the border is filled by reflection at the edge, where the usual random crop of a "
        "padded image has zeros.",
        "pixels",
        label=numbered("shift {0}", {0: "no shift"}),
        code=IN_SCRIPT,
        ge=0,
        le=16,
    )
    cutout: int = parameter(
        0,
        "Side of a square that is painted over in each training image with the mean pixel of "
        "the images trained on, anew every epoch [@devries2017]; its centre may be any pixel, so "
        "that it may hang over the border. 0 paints none.",
        "pixels",
        label=numbered("cutout {0}", {0: "no cutout"}),
        code=IN_SCRIPT,
        ge=0,
        le=64,
    )
    test_time_flip: bool = parameter(
        False,
        "Answer with the mean of the probabilities of an image and of its mirror image "
        "[@simonyan2015], in every score; each answer then takes twice the multiply-accumulate "
        "operations, and training as many as without.",
        label=switched("test-time flip", "no test-time flip"),
        code=IN_SCRIPT,
    )
    watch_test: bool = parameter(
        False,
        "Score the test images after every epoch, as if they were validation images. Only to "
        "measure what that habit does: nothing is ever chosen by these scores.",
        label=switched("test images watched", "test images not watched"),
        code=IN_NO_CODE,
    )


class ModelSettings(_Group):
    """The network: blocks of convolution, activation and pooling, then a dense classifier."""

    filters: list[Annotated[int, Field(ge=1, le=1024)]] = parameter(
        [16, 32, 64],
        "Filters of each convolution, or block of them, first to last; their number is the depth.",
        "filters",
        label=lambda filters: f"filters {value_text(filters)}",
        code=IN_LAYERS,
        min_length=1,
        max_length=20,
    )
    kernel_size: Annotated[
        Annotated[Side, Tag(NUMBER)] | Annotated[Sides, Tag(LIST)], ONE_OR_SEVERAL
    ] = parameter(
        3,
        "Height and width of every convolution's kernel; a list gives each convolution, or block, "
        "its own, first to last. Pointwise ones in blocks have 1.",
        "pixels",
        label=_kernels,
        code=IN_LAYERS,
    )
    block: Literal["convolution", "residual_pair", "depthwise_separable", "inverted_residual"] = (
        parameter(
            "convolution",
            "What stands for each number of filters but the first, which is a convolution in any "
            "case: convolution, one; residual_pair, two, to which the block's input is added "
            "[@he2016]; depthwise_separable, a depthwise one, of each channel by itself, then a "
            "pointwise one, of single pixels [@howard2017]; inverted_residual, a pointwise one "
            "that widens, a depthwise one, and a pointwise one that narrows, without an "
            "activation, to which the input is added where shapes agree [@sandler2018].",
            label=named(
                {
                    "convolution": "plain convolutions",
                    "residual_pair": "residual pairs",
                    "depthwise_separable": "depthwise separable",
                    "inverted_residual": "inverted residuals",
                }
            ),
            code=IN_LAYERS,
        )
    )
    expansion: int = parameter(
        4,
        "How many times as many channels an inverted_residual has inside as it reads; of no other "
        "block.",
        "times",
        label=numbered("expansion {0}"),
        code=IN_LAYERS,
        ge=1,
        le=16,
    )
    squeeze_excitation: int = parameter(
        0,
        "Weigh each channel inside a block by what all of them show over the whole image, through "
        "a hidden layer with so many times fewer units [@hu2018]; 0 weighs none. Of every block "
        "but the plain convolution.",
        "times",
        label=numbered("squeeze-and-excitation {0}", {0: "no squeeze-and-excitation"}),
        code=IN_LAYERS,
        ge=0,
        le=64,
    )
    padding: Literal["same", "valid"] = parameter(
        "same",
        "same: zeros around the image keep its size; valid: none, the image shrinks by "
        "kernel_size - 1 with each convolution.",
        label=named({"same": "padding", "valid": "no padding"}),
        code=IN_LAYERS,
    )
    activation: Literal["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid"] = parameter(
        "relu",
        "Non-linearity after each convolution and after each hidden dense layer.",
        label=named(
            {
                "relu": "ReLU",
                "leaky_relu": "leaky ReLU",
                "elu": "ELU",
                "gelu": "GELU",
                "silu": "SiLU",
                "tanh": "tanh",
                "sigmoid": "sigmoid",
            }
        ),
        code=IN_LAYERS,
    )
    batch_normalization: bool = parameter(
        False,
        "Normalize between each convolution and its activation [@ioffe2015]; the "
        "convolution then has no bias of its own.",
        label=switched("batch norm", "no batch norm"),
        code=IN_LAYERS,
    )
    residual: bool = parameter(
        False,
        "Add each block's input to its convolution's output, before the activation "
        "[@he2016], through a 1x1 convolution where the shapes differ. Needs padding same, and "
        "block convolution: others have their own way of it.",
        label=switched("residual", "not residual"),
        code=IN_LAYERS,
    )
    pooling: Literal["max", "average", "strided_convolution"] = parameter(
        "max",
        "How the image is made smaller: max and average take the largest or the mean value of a "
        "window; strided_convolution gives the convolution itself a stride of pool_size "
        "[@springenberg2015], in a block its first one that has kernel_size.",
        label=named(
            {
                "max": "max pooling",
                "average": "average pooling",
                "strided_convolution": "strided convolution",
            }
        ),
        code=IN_LAYERS,
    )
    pool_size: int = parameter(
        2,
        "Height, width and stride of the pooling window, or the stride of a strided_convolution.",
        "pixels",
        label=numbered("pooling {0}×{0}"),
        code=IN_LAYERS,
        ge=2,
        le=8,
    )
    pool_after: (
        Literal["every_but_last", "every", "none"] | list[Annotated[int, Field(ge=1, le=20)]]
    ) = parameter(
        "every_but_last",
        "The convolutions, or blocks, that pooling follows, or that have the stride: "
        "every_but_last, every, none, or their numbers, of which the first is 1.",
        label=_pooling_places,
        code=IN_LAYERS,
    )
    convolution_dropout: float = parameter(
        0.0,
        "Share of values set to zero in training after each block [@srivastava2014].",
        "share",
        label=numbered("convolution dropout {0}", {0: "no convolution dropout"}),
        code=IN_LAYERS,
        ge=0,
        lt=1,
    )
    head: Literal["flatten", "global_average_pooling"] = parameter(
        "flatten",
        "From feature maps to one vector: flatten puts all values in a row, "
        "global_average_pooling takes the mean of each map [@lin2014].",
        label=named({"flatten": "flatten", "global_average_pooling": "global average pooling"}),
        code=IN_LAYERS,
    )
    dense_units: Annotated[
        Annotated[int, Field(ge=0, le=8192), Tag(NUMBER)]
        | Annotated[Units, AfterValidator(_not_one), Tag(LIST)],
        ONE_OR_SEVERAL,
    ] = parameter(
        64,
        "Units of the hidden dense layer; 0 leaves it out; a list gives several layers, first to "
        "last.",
        "units",
        label=_hidden,
        code=IN_LAYERS,
    )
    dense_dropout: float = parameter(
        0.0,
        "Share of values set to zero in training before the last layer [@srivastava2014].",
        "share",
        label=numbered("dense dropout {0}", {0: "no dense dropout"}),
        code=IN_LAYERS,
        ge=0,
        lt=1,
    )
    initializer: Literal[
        "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_normal", "orthogonal"
    ] = parameter(
        "glorot_uniform",
        "How the first weights of every layer are drawn; glorot_uniform is Keras's default "
        "[@glorot2010], he_uniform and he_normal are meant for relu [@he2015].",
        label=named(
            {
                "glorot_uniform": "Glorot uniform weights",
                "glorot_normal": "Glorot normal weights",
                "he_uniform": "He uniform weights",
                "he_normal": "He normal weights",
                "lecun_normal": "LeCun normal weights",
                "orthogonal": "orthogonal weights",
            }
        ),
        code=IN_LAYERS,
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
        if isinstance(self.kernel_size, list) and len(self.kernel_size) != depth:
            raise ValueError(
                f"kernel_size {self.kernel_size} must have a number for each convolution: "
                f"filters has {depth}"
            )
        if self.residual and self.block != "convolution":
            raise ValueError(
                f"residual is for plain convolutions: give residual false beside block {self.block}"
            )
        if self.padding != "same" and (self.residual or self.block in _ADDING):
            adding = "residual" if self.residual else f"block {self.block}"
            raise ValueError(f"{adding} needs padding same: shapes must match to be added")
        return self


def _own_model(model: str) -> str:
    """Call a network of one's own by its function."""
    return f"network {model.rpartition(':')[2]}" if model else "built-in network"


def _pairs_in_words(arguments: Mapping[str, Any]) -> str:
    """Say what a function is given, such as depth 20, width 2."""
    return ", ".join(f"{name} {value_text(value)}" for name, value in arguments.items()) or (
        "no arguments"
    )


def _files_in_words(names: list[str] | Mapping[str, str]) -> str:
    return ", ".join(name.rpartition("/")[2] for name in names) or "no files"


def _as_json(arguments: dict[str, Any]) -> dict[str, Any]:
    """Refuse what a record could not hold, dates of YAML say."""
    try:
        json.dumps(arguments, allow_nan=False)
    except (TypeError, ValueError):
        raise ValueError(
            f"{arguments}: allowed are texts, finite numbers, true, false, null, and lists and "
            "mappings of them"
        ) from None
    return arguments


FUNCTION = r"^([^/\\:]+(/[^/\\:]+)*\.py:[A-Za-z_]\w*)?$"
"""How a file and its function are written; nothing stands for the built-in network."""


def _as_function(model: str) -> str:
    if re.search(FUNCTION, model):
        return model
    meant = f'. Is "{model}:build" meant?' if re.search(FUNCTION, f"{model}:build") else ""
    raise ValueError(
        f'{model!r} names no function. Allowed is "FILE.py:FUNCTION", such as '
        f'"models/net.py:build", the file by its path from the study file{meant}'
    )


class OwnModelSettings(_Group):
    """A network that a file beside the study builds, in the place of the built-in one."""

    model: Annotated[
        str,
        AfterValidator(_as_function),
        WithJsonSchema({"type": "string", "pattern": FUNCTION}),
    ] = parameter(
        "",
        'A network of your own: "FILE.py:FUNCTION", the file by its path from the study file. The '
        "function takes the scaled images, and model_arguments by name, and gives the features "
        "that the last layer weighs. Beside it no parameter of the built-in network is allowed.",
        label=_own_model,
        code=IN_OWN_FILE,
    )
    model_arguments: Annotated[dict[str, Any], AfterValidator(_as_json)] = parameter(
        {},
        "What the function is given by name. A change names those that it changes; one that names "
        "model gives them all.",
        label=_pairs_in_words,
        code=IN_OWN_FILE,
    )
    model_files: list[str] = parameter(
        [],
        "Further files that the function reads, weights say, by their paths from the study file. "
        "An argument that is such a path is given to the function as the place of that file.",
        label=_files_in_words,
        code=IN_OWN_FILE,
    )
    model_digests: dict[str, str] = parameter(
        {},
        "The sha256 of each file that the network is built from: worked out, and never given in a "
        "study file.",
        label=_files_in_words,
        code=IN_OWN_FILE,
    )

    @model_validator(mode="after")
    def _check_own(self) -> "OwnModelSettings":
        if not self.model and (self.model_arguments or self.model_files):
            raise ValueError(
                "model_arguments and model_files are of a network of your own: give model"
            )
        return self


class TrainingSettings(_Group):
    """How the weights are learned."""

    optimizer: Literal["sgd", "momentum", "adam", "adamw", "rmsprop"] = parameter(
        "adam",
        "Rule that turns gradients into steps: momentum is sgd with the parameter momentum; adam "
        "[@kingma2015] has its weight_decay decoupled, as every optimizer here, so that adamw is "
        "another name for it.",
        label=named(
            {
                "sgd": "SGD",
                "momentum": "momentum",
                "adam": "Adam",
                "adamw": "AdamW",
                "rmsprop": "RMSprop",
            }
        ),
        code=written_as("training", OPTIMIZER_CODE),
    )
    learning_rate: float = parameter(
        0.001,
        "Size of a step; with a schedule or warm-up, the largest.",
        "1",
        label=numbered("rate {0}"),
        code=argument(Place.OPTIMIZER_ARGUMENT, "learning_rate={}"),
        gt=0,
        le=10,
    )
    momentum: float = parameter(
        0.9,
        "Share of each step that the next one goes on with [@sutskever2013]; of the optimizer "
        "momentum, and of no other one. 0 is sgd.",
        "share",
        label=numbered("momentum {0}"),
        code=IN_OPTIMIZER,
        ge=0,
        lt=1,
    )
    nesterov: bool = parameter(
        False,
        "Look ahead: take the gradient where the momentum leads, not where the weights are "
        "[@sutskever2013]; of the optimizer momentum, and of no other one.",
        label=switched("Nesterov momentum", "no Nesterov momentum"),
        code=IN_OPTIMIZER,
    )
    schedule: Literal["constant", "cosine", "step"] = parameter(
        "constant",
        "Learning rate over training: constant; cosine falls to 0 along half a cosine "
        "[@loshchilov2017]; step divides it by 10 after half and again after three quarters. What "
        "warm-up takes is not counted.",
        label=named({"constant": "constant rate", "cosine": "cosine", "step": "step schedule"}),
        code=IN_SCRIPT,
    )
    warmup_epochs: float = parameter(
        0.0,
        "The learning rate first rises in a straight line for this long [@goyal2017].",
        "epochs",
        label=numbered("warm-up {0} epochs", {0: "no warm-up", 1: "warm-up 1 epoch"}),
        code=IN_SCRIPT,
        ge=0,
    )
    weight_decay: float = parameter(
        0.0,
        "Share of each weight taken off per step, times the learning rate: decoupled from the "
        "gradient [@loshchilov2019], for any optimizer.",
        "1",
        label=numbered("weight decay {0}", {0: "no weight decay"}),
        code=argument(Place.OPTIMIZER_ARGUMENT, "weight_decay={}", nothing_at=0),
        ge=0,
        le=1,
    )
    gradient_clipping: float = parameter(
        0.0,
        "Largest length of a step's gradient, all weights together; a longer one is made as short "
        "as this [@pascanu2013]. 0 leaves all as they are.",
        "1",
        label=numbered("gradients up to {0}", {0: "no gradient clipping"}),
        code=argument(Place.OPTIMIZER_ARGUMENT, "global_clipnorm={}", nothing_at=0),
        ge=0,
        le=1000,
    )
    weight_averaging: float = parameter(
        0.0,
        "Answer with a moving average of the weights, of which each step keeps this share "
        "[@polyak1992]: 0.999 looks back over about 1,000 steps. Training goes on with the weights "
        "themselves; running means of batch normalization are theirs. 0 averages nothing.",
        "share",
        label=numbered("weights averaged {0}", {0: "no weight averaging"}),
        code=argument(Place.OPTIMIZER_ARGUMENT, "use_ema=True, ema_momentum={}", nothing_at=0),
        ge=0,
        lt=1,
    )
    label_smoothing: float = parameter(
        0.0,
        "Share of the target spread evenly over all classes [@szegedy2016]; "
        "validation and test losses are reported without it.",
        "share",
        label=numbered("label smoothing {0}", {0: "no label smoothing"}),
        code=IN_SCRIPT,
        ge=0,
        lt=1,
    )
    class_weight: Literal["none", "balanced"] = parameter(
        "none",
        "What the loss of an image is multiplied with: none, nothing; balanced, the images trained "
        "on over the classes times the images of its class, so that all classes together count "
        "alike, however many images each has [@king2001]. The training loss is reported with it, "
        "validation and test losses without.",
        label=named({"none": "no class weights", "balanced": "class weights"}),
        code=IN_SCRIPT,
    )
    batch_size: int = parameter(
        32,
        "Images in a step.",
        "images",
        label=numbered("batch {0}"),
        code=IN_SCRIPT,
        ge=1,
        le=65536,
    )
    epochs: int = parameter(
        10,
        "Passes over the training images.",
        "epochs",
        label=numbered("{0} epochs", {1: "1 epoch"}),
        code=IN_SCRIPT,
        ge=1,
        le=10000,
    )
    precision: Literal["float32", "tensorfloat32", "mixed_bfloat16", "mixed_float16"] = parameter(
        "float32",
        "Number format of the arithmetic: float32 with all its bits, on GPUs too; tensorfloat32 "
        "multiplies it with 10 of 23 bits behind the point, which NVIDIA GPUs from Ampere on do; "
        "mixed formats compute in 16 bits and keep weights and the last layer in float32 "
        "[@micikevicius2018].",
        label=named(
            {
                "float32": "float32",
                "tensorfloat32": "TensorFloat-32",
                "mixed_bfloat16": "mixed bfloat16",
                "mixed_float16": "mixed float16",
            }
        ),
        code=written_as("model", PRECISION_CODE),
    )

    @model_validator(mode="after")
    def _check_warmup(self) -> "TrainingSettings":
        if self.warmup_epochs >= self.epochs:
            raise ValueError(
                f"warmup_epochs {self.warmup_epochs:g} must be less than epochs {self.epochs}"
            )
        return self


class Settings(DataSettings, ModelSettings, OwnModelSettings, TrainingSettings):
    """All parameters of one experiment, one flat list of names."""


GROUPS = {
    "data": DataSettings,
    "model": ModelSettings,
    "own": OwnModelSettings,
    "training": TrainingSettings,
}
DECLARATIONS = declared(Settings)
"""Every parameter's declaration; one that says too little is refused here, on import."""


def phrases(change: Mapping[str, Any]) -> list[str]:
    """Say each part of a change in a few words, such as kernel 3×3; a rate with its optimizer.

    Args:
        change: values of the parameters that are changed, in the order in which they are said.
    """
    said = {name: DECLARATIONS[name].label(value) for name, value in change.items()}
    if "optimizer" in said and "learning_rate" in said:
        said["optimizer"] += f", {said.pop('learning_rate')}"
    return list(said.values())


def fingerprint(settings: Settings, dataset_digest: str) -> str:
    """Name what one training means, so that equal names need no second training.

    Settings at their default are left out: a parameter added later, whose default trains as
    before, leaves the names of finished runs as they are. A network of one's own is meant by its
    function and by what its files hold, wherever they lie and whatever they are called.

    Args:
        settings: all parameters.
        dataset_digest: sha256 of the dataset's content, hexadecimal.

    Returns:
        16 hexadecimal digits (64 bits of a sha256).
    """
    given = settings.model_dump()
    default = Settings().model_dump()
    differing = {name: value for name, value in given.items() if value != default[name]}
    if settings.model:
        differing |= {
            "model": settings.model.rpartition(":")[2],
            "model_digests": sorted(settings.model_digests.values()),
        }
        differing.pop("model_files", None)
    meaning = {
        "training_version": TRAINING_VERSION,
        "dataset": dataset_digest,
        "settings": differing,
    }
    return hash_meaning(meaning)


def pooled_convolutions(settings: ModelSettings) -> list[int]:
    """Number the convolutions that pooling follows, first is 1."""
    after, depth = settings.pool_after, len(settings.filters)
    if isinstance(after, list):
        return sorted(after)
    return list(range(1, {"none": 0, "every_but_last": depth - 1, "every": depth}[after] + 1))


def passes(settings: DataSettings) -> int:
    """Count how often the network goes over an image for one answer; in training it is once."""
    return 2 if settings.test_time_flip else 1


def kernel_sizes(settings: ModelSettings) -> list[int]:
    """Give the side of each convolution's kernel, first to last."""
    given = settings.kernel_size
    return given if isinstance(given, list) else [given] * len(settings.filters)


def hidden_units(settings: ModelSettings) -> list[int]:
    """Give the units of each hidden dense layer, first to last."""
    given = settings.dense_units
    return given if isinstance(given, list) else [given] * (given > 0)


def useless(settings: Settings, given: Mapping[str, Any]) -> dict[str, str]:
    """Say what is wrong with parameters that are given and mean nothing beside the others.

    What an experiment only has from its reference may stand there: the next one may use it.

    Args:
        given: what a study file gives, of these settings.

    Returns:
        By the name of each what is wrong with it.
    """
    default = Settings()
    return {
        name: needs.useless(getattr(settings, needs.other))
        for name, needs in NEEDS.items()
        if given.get(name, getattr(default, name)) != getattr(default, name)
        and getattr(settings, needs.other) not in needs.values
    }


def normalized(settings: Settings) -> Settings:
    """Write in one way what trains the same, so that settings can be compared.

    A value that has no meaning beside the others becomes the default. What takes the size of the
    images to see is left as it is: rounding to whole images or steps, and `head` where one pixel
    is left. Nothing is named by the result: a run's name is the fingerprint of what was given.
    """
    if len(settings.filters) == 1:
        settings = settings.model_copy(update={"block": Settings().block})
    pooled = pooled_convolutions(settings)
    same: dict[str, Any] = {"pool_after": pooled}
    if not pooled:
        same |= {name: getattr(Settings(), name) for name in ("pooling", "pool_size")}
    if settings.optimizer == "momentum" and settings.momentum == 0:  # nothing looks ahead, either
        settings = settings.model_copy(update={"optimizer": "sgd"})
    for name, needs in NEEDS.items():
        if getattr(settings, needs.other) not in needs.values:
            same[name] = getattr(Settings(), name)
    if settings.kernel_size == 1:
        same["padding"] = "same"  # a kernel of one pixel reaches over no border
    if settings.model:  # by what the files hold, as a run is named
        same["model"] = settings.model.rpartition(":")[2]
        same["model_files"] = []
        same["model_digests"] = {each: each for each in sorted(settings.model_digests.values())}
    if settings.optimizer == "adamw":
        same["optimizer"] = "adam"  # Keras's AdamW is its Adam, which takes weight_decay too
    return settings.model_copy(update=same)


def has(settings: Settings, name: str, value: Any) -> bool:
    """Tell whether settings have a value, as a study file gives it: of arguments, those named."""
    own = getattr(settings, name)
    if isinstance(value, dict):
        return all(key in own and own[key] == part for key, part in value.items())
    return own == value


def value_text(value: Any) -> str:
    """Write a setting's value as ids and tables do: 16-32-64, true, null, adam."""
    if isinstance(value, list):
        return "-".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {value_text(part)}" for name, part in value.items()) or "none"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return str(value) or "none"


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
