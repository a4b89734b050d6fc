"""The base's network, layer by layer, and what its layers see."""

from dataclasses import dataclass
from typing import Any

from cnn_study.evidence.cells import derived
from cnn_study.evidence.read import Tables
from cnn_study.study import architecture
from cnn_study.study.blocks import FIRST
from cnn_study.study.layer import Layer
from cnn_study.study.model import Study
from cnn_study.study.settings import hidden_units, kernel_sizes

CONVOLUTIONS = (*("convolution", "pointwise_convolution", "depthwise_convolution", "projection"),)
DENSE = ("dense", "excitation")
"""Kinds of layers whose weights are used in every place of a map, and those where each is once."""

BYTES = 4
"""Of a number in single precision."""


@dataclass(frozen=True)
class Part:
    """Convolutions or dense layers: their share of the network's parameters and MACs."""

    parameters: int
    macs: int
    parameters_share: float
    macs_share: float


@dataclass(frozen=True)
class Network:
    """The base, layer by layer, and its first convolution's arithmetic.

    Attributes:
        first: row of layers.csv of the first convolution.
        positions: rows and columns of its feature maps.
        kernel: side of its kernels, pixels; same_kernels: whether all convolutions have such ones.
        lost: rows, and columns, that a feature map has less than its input without padding.
        unpadded: rows and columns of its feature maps if it were not padded.
        megabytes: of all parameters in single precision.
        hidden: row of layers.csv of the first hidden dense layer, None without one;
            hidden_inputs: the features that it takes.
        units: of each hidden layer.
        block: what stands for each number of filters but the first; excited: whether it weighs
            its channels.
    """

    rows: list[dict[str, Any]]
    first: dict[str, Any]
    first_filters: int
    bias: bool
    positions: tuple[int, int]
    kernel: int
    same_kernels: bool
    lost: int
    unpadded: tuple[int, int]
    convolutions: Part
    dense: Part
    megabytes: float
    hidden: dict[str, Any] | None
    hidden_inputs: int
    hidden_bias: bool
    units: list[int]
    block: str
    excited: bool


def _shape_text(shape: str) -> str:
    return "\u00a0×\u00a0".join(f"{int(side):,}" for side in shape.split("x"))


@dataclass(frozen=True)
class OwnNetwork:
    """A network that files of the study build: what the report shows of it.

    Attributes:
        rows: of layers.csv, its layers.
        files: each file of code, the one with the function first: its path and its text.
        further: paths of the other files that it is built from.
        call: its function, as it is called.
    """

    rows: list[dict[str, Any]]
    files: list[tuple[str, str]]
    further: list[str]
    call: str
    megabytes: float


def own_network_of(study: Study, tables: Tables) -> OwnNetwork | None:
    """Describe the base's network if files of the study build it."""
    settings, folder = study.experiments["base"].settings, study.path.parent
    if not settings.model:
        return None
    further = [name for name in settings.model_digests if name in settings.model_files]
    code = [name for name in settings.model_digests if name not in further]
    given = ", ".join(f"{name}={value!r}" for name, value in settings.model_arguments.items())
    return OwnNetwork(
        _rows(tables),
        [(name, (folder / name).read_text(encoding="utf-8").strip()) for name in code],
        further,
        f"{settings.model.rpartition(':')[2]}(inputs{', ' * bool(given)}{given})",
        BYTES * tables.experiments["base"]["parameters"] / 1e6,
    )


def further_code(study: Study) -> list[tuple[str, str]]:
    """Give the path and the text of each file of code of which the base's network is not built."""
    shown = study.experiments["base"].settings.model_digests
    every = [experiment.settings for experiment in study.experiments.values()]
    names = dict.fromkeys(
        name
        for settings in every
        for name in settings.model_digests
        if name not in shown and name not in settings.model_files
    )
    folder = study.path.parent
    return [(name, (folder / name).read_text(encoding="utf-8").strip()) for name in names]


def _rows(tables: Tables) -> list[dict[str, Any]]:
    rows = [row for row in tables.layers if row["experiment"] == "base"]
    return [row | {"output_shape": _shape_text(row["output_shape"])} for row in rows]


def network_of(study: Study, tables: Tables) -> Network | None:
    """Describe the base's network; None where files of the study build it."""
    if study.experiments["base"].settings.model:
        return None
    settings, dataset = study.experiments["base"].settings, study.dataset
    layers = architecture.layers(settings, dataset.image_shape, len(dataset.class_names))
    rows = [row for row in tables.layers if row["experiment"] == "base"]
    first = next(row for row in rows if row["kind"] == "convolution")
    units = hidden_units(settings)
    hidden = next(row for row in rows if row["kind"] == "dense") if units else None
    total = tables.experiments["base"]
    height, width = (int(side) for side in first["output_shape"].split("x")[:2])
    kernels = kernel_sizes(settings)
    lost = kernels[0] - 1
    return Network(
        _rows(tables),
        first,
        settings.filters[0],
        layers[0].options["use_bias"],
        (height, width),
        kernels[0],
        len(set(kernels)) == 1,
        lost,
        (dataset.image_shape[0] - lost, dataset.image_shape[1] - lost),
        _part(rows, total, *CONVOLUTIONS),
        _part(rows, total, *DENSE),
        BYTES * total["parameters"] / 1e6,
        hidden,
        hidden["macs"] // units[0] if hidden else 0,
        bool(hidden and hidden["parameters"] > hidden["macs"]),
        units,
        settings.block if len(settings.filters) > 1 else FIRST,
        any(row["kind"] == "excitation" for row in rows),
    )


def _part(rows: list[dict[str, Any]], total: dict[str, Any], *kinds: str) -> Part:
    """Add up the layers of some kinds, in numbers and in shares of the whole network."""
    counts = {
        name: [row[name] for row in rows if row["kind"] in kinds] for name in ("parameters", "macs")
    }
    shares = {
        name: derived(sum(each) / total[name], "share of", total[name], *each)
        for name, each in counts.items()
    }
    return Part(
        sum(counts["parameters"]), sum(counts["macs"]), shares["parameters"], shares["macs"]
    )


@dataclass(frozen=True)
class Field:
    """A layer that looks at a window, and the side of its receptive field.

    Attributes:
        window: side of the window; step: pixels of the image for one step over the layer's input.
        adds: what the layer adds to the side, (window - 1) step.
    """

    name: str
    window: int
    step: int
    adds: int
    side: int


def receptive_fields(study: Study, enhanced: str) -> dict[str, list[Field]]:
    """Give, for base and enhanced, the layers that look at a window, and how far each sees.

    Networks of the study's own are left out: how their layers are connected nobody says.
    """
    dataset = study.dataset
    return {
        id_: _fields(
            architecture.layers(
                study.experiments[id_].settings, dataset.image_shape, len(dataset.class_names)
            )
        )
        for id_ in dict.fromkeys(["base", enhanced])
        if not study.experiments[id_].settings.model
    }


def _fields(layers: list[Layer]) -> list[Field]:
    fields, before, step = [], 1, 1
    for layer, side in architecture.receptive_fields(layers):
        fields.append(Field(layer.name, layer.window, step, side - before, side))
        before, step = side, step * layer.stride
    return fields
