"""Networks of a study's own: the code of somebody else, called, looked through and counted.

What the code does wrong is told as its author would want it: file and line of theirs, no traceback
of ours.
"""

import importlib.util
import json
import re
import socket
import sys
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any
from unittest.mock import patch

import keras
import numpy as np

from cnn_study.base.errors import UserError
from cnn_study.base.words import counted, cut
from cnn_study.study.own_networks import FRAME, Description, OwnLayer, OwnNetwork, place_in
from cnn_study.train.layer_macs import NotCounted, macs_of, uncounted_operations

CONTRACT = (
    "`{function}` takes the scaled images, (batch, height, width, channels), and what "
    "model_arguments names, and gives features, a Keras tensor (batch, n)"
)


@dataclass(frozen=True)
class _Made:
    """Where the code of others makes an operation, and which code of Keras carries it out later."""

    name: str
    place: str
    code: CodeType


_made: list[_Made] = []
"""Those of the network that was built last, in their order."""


class _Offline(Exception):
    """Something was to be fetched from elsewhere."""


def features(network: OwnNetwork, scaled: keras.KerasTensor, precision: str) -> keras.KerasTensor:
    """Call the function of a network, and check what it gives.

    Args:
        scaled: the images, (batch, height, width, channels), float32.
        precision: in which its layers compute, as Keras calls it.

    Raises:
        UserError: the code has no such function, raises, fetches something, or gives anything but
            features (batch, n); says where.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    keras.config.disable_traceback_filtering()  # or errors do not tell which operation they are of
    try:
        with _offline(), _noted(network):
            given = _function(network)(scaled, **network.arguments)
    except (Exception, SystemExit) as error:
        raise UserError(_in_their_words(error, network)) from error
    finally:
        keras.config.set_dtype_policy(before)
    return _checked(given, scaled, network)


def describe(network: OwnNetwork) -> Description:
    """Build a network twice, and say what it is.

    Raises:
        UserError: it cannot be built, comes out differently, or cannot be counted.
    """
    first, second = (_built(network) for _ in range(2))
    _check_equal(first, second, network)
    _check_rows(first, network)
    layers = list(_described(first, network))
    return Description(
        model=network.settings.model,
        model_arguments=network.settings.model_arguments,
        model_digests=network.settings.model_digests,
        image_shape=network.image_shape,
        classes=network.classes,
        keras=keras.version(),
        parameters=first.count_params(),
        macs=sum(layer.macs for layer in layers),
        layers=layers,
    )


# ------------------------------------------------------------------------------ the code of others


def _function(network: OwnNetwork) -> Callable[..., Any]:
    with _importable(network):
        module = _module(network.file)
    if not callable(found := getattr(module, network.function, None)):
        raise UserError(
            f"{network.file.name} has no function {network.function}. "
            f"{CONTRACT.format(function=network.function)}"
        )
    return found


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path.name} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def _importable(network: OwnNetwork) -> Generator[None]:
    """Let a file import what lies beside it and in the study's folder, as it is now.

    Modules of before are forgotten, and nothing is written beside the files.
    """
    folders = [str(network.file.parent.resolve()), str(network.folder.resolve())]
    _forget(network.folder)
    with (
        patch.object(sys, "path", [*folders, *sys.path]),
        patch.object(sys, "dont_write_bytecode", True),
    ):
        importlib.invalidate_caches()
        yield
    _forget(network.folder)


def _forget(folder: Path) -> None:
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and Path(file).is_relative_to(folder.resolve()):
            del sys.modules[name]


@contextmanager
def _offline() -> Generator[None]:
    """Refuse to fetch anything, also what Keras once fetched and kept on this machine."""

    def refuse(*given: Any, **named: Any) -> None:
        wanted = named.get("origin") or (given[1] if len(given) > 1 else given[0] if given else "")
        raise _Offline(str(wanted))

    from keras.src.utils import file_utils

    with patch.object(socket, "getaddrinfo", refuse), patch.object(file_utils, "get_file", refuse):
        yield


@contextmanager
def _noted(network: OwnNetwork) -> Generator[None]:
    """Note of each operation, a layer too, where the code of others makes it."""
    begin = keras.Operation.__init__
    _made.clear()

    def noting(operation: keras.Operation, *given: Any, **named: Any) -> None:
        begin(operation, *given, **named)
        if place := place_in("".join(traceback.format_stack()), network.folder, last=True):
            _made.append(_Made(operation.name, place, type(operation).call.__code__))

    with patch.object(keras.Operation, "__init__", noting):
        yield


def refuse_in_training(error: Exception, network: OwnNetwork) -> None:
    """Tell an error in training in words, if it came of the code of others.

    Raises:
        UserError: it did.
    """
    if not isinstance(error, UserError) and _place(error, network):
        said = f"{_in_their_words(error, network)}. It came in training: change the file"
        raise UserError(said) from error


def _place(error: BaseException, network: OwnNetwork) -> str:
    """Find the last place in the code of others that an error came through, or tells of.

    Failing that, where the operation is made that it came through or tells of.
    """
    frames = "".join(traceback.format_tb(error.__traceback__))
    texts = (frames, str(error))
    places = [place_in(text, network.folder, last=True) for text in texts]
    return next(filter(None, [*places, _made_at(error)]), "")


def _made_at(error: BaseException) -> str:
    """Say where the operation is made that an error came through, or tells of."""
    through = [
        operation.name
        for frame, _ in traceback.walk_tb(error.__traceback__)
        if isinstance(operation := frame.f_locals.get("self"), keras.Operation)
    ]
    told = {(file, int(line)) for file, line in FRAME.findall(str(error))}
    places = [each.place for each in _made if each.name in through[-1:]] or [
        each.place
        for each in _made
        if told & {(each.code.co_filename, line) for *_, line in each.code.co_lines()}
    ]
    return " or ".join(dict.fromkeys(places))


def _in_their_words(error: BaseException, network: OwnNetwork) -> str:
    """Say what went wrong in the code of others: the last place of theirs, and what was raised."""
    if isinstance(error, UserError):
        return str(error)
    where = _place(error, network) or network.file.name
    if isinstance(error, SystemExit):
        return f"{where}: ends the program (SystemExit: {error}). It may only give features"
    if isinstance(error, _Offline):
        return (
            f"{where}: fetches {error}. A network is built without the Internet: get the file, "
            "name it under model_files, and give its path as an argument"
        )
    plain = re.sub(r"\x1b\[\d*m|\{\{.*?\}\} ?", "", str(error))  # no colours, no nodes of a graph
    lines = [line.strip() for line in plain.splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith(_SAYING_NOTHING)] or [*lines, ""]
    reason = " ".join(telling[: 1 + telling[0].endswith(":")])
    return f"{where}: {type(error).__name__}: {cut(reason.rstrip('.'), LONGEST_REASON)}"


LONGEST_REASON = 300
"""Characters of it that are shown: some hold the numbers of a tensor."""


_SAYING_NOTHING = (
    *("Exception encountered when calling", "in user code:", "File "),
    *("Graph execution error:", "Detected at node"),
)
"""How lines begin that Keras or TensorFlow put before the reason."""


def _checked(given: Any, scaled: keras.KerasTensor, network: OwnNetwork) -> keras.KerasTensor:
    wanted = CONTRACT.format(function=network.function)
    if not isinstance(given, keras.KerasTensor):
        raise UserError(f"{network.file.name}: it gives {type(given).__name__}. {wanted}")
    if len(given.shape) != 2 or given.shape[1] is None:
        shape = ", ".join("batch" if side is None else str(side) for side in given.shape)
        raise UserError(f"{network.file.name}: it gives ({shape}). {wanted}")
    if not keras.backend.is_float_dtype(given.dtype):
        raise UserError(
            f"{network.file.name}: its features are {given.dtype}, and what comes before them "
            f"would not be trained. {wanted} of floating type"
        )
    try:
        keras.Function(scaled, given)
    except ValueError:
        raise UserError(
            f"{network.file.name}: its features do not come, or not alone, from the images that "
            f"it was given. {wanted} made of these"
        ) from None
    return given


# ------------------------------------------------------------------------------ what was built


def _built(network: OwnNetwork) -> keras.Model:
    from cnn_study.train.network import build

    keras.backend.clear_session()  # names of layers are counted anew
    keras.utils.set_random_seed(0)
    channels = network.image_shape[-1]
    mean, deviation = np.zeros(channels), np.ones(channels)
    return build(network.settings, network.image_shape, network.classes, mean, deviation)


def _check_equal(first: keras.Model, second: keras.Model, network: OwnNetwork) -> None:
    try:
        configurations = [json.dumps(model.get_config(), default=str) for model in (first, second)]
    except Exception as error:
        raise UserError(_in_their_words(error, network)) from error
    weights = [model.get_weights() for model in (first, second)]
    same = configurations[0] == configurations[1] and all(
        np.array_equal(one, other) for one, other in zip(*weights, strict=True)
    )
    if not same:
        raise UserError(
            f"{network.file.name}: built twice with the same seed, it is not the same network. "
            "Draw by Keras's initializers, or with a seed that is an argument"
        )


def _check_rows(model: keras.Model, network: OwnNetwork) -> None:
    """Let a network look at one image, and at it among others; and at these as in training.

    Raises:
        UserError: it fails, or does not give each image features of its own.
    """
    features = keras.Model(model.input, model.layers[-1].input)
    drawn = np.random.default_rng(0).integers(0, 256, (3, *network.image_shape), dtype="uint8")
    alone, among = (_answered(features, images, network) for images in (drawn[:1], drawn))
    near = 5e-2 if "16" in network.settings.precision else 1e-4
    least = near * np.abs(among).max(initial=0)
    if (len(alone), len(among)) != (1, 3):
        fault = f"it gives {len(alone)} and {len(among)} rows of features for 1 and 3 images"
    elif not np.allclose(alone[0], among[0], near, least, equal_nan=True):
        fault = "the features of an image are others among other images"
    else:
        _answered(features, drawn, network, training=True)
        return
    raise UserError(
        f"{network.file.name}: {fault}. Where it reshapes, takes means or draws at random, leave "
        "the first axis, the batch, alone, and draw in training only"
    )


def _answered(
    features: keras.Model, images: np.ndarray, network: OwnNetwork, *, training: bool = False
) -> np.ndarray:
    try:
        given = features(images, training=training)
    except (Exception, SystemExit) as error:
        when = "in training " if training else ""
        raise UserError(
            f"{_in_their_words(error, network)}. It fails {when}with "
            f"{counted(len(images), 'image')} of {network.image_shape}"
        ) from error
    return np.asarray(keras.ops.convert_to_numpy(given), "float32")


def _described(model: keras.Model, network: OwnNetwork) -> Iterator[OwnLayer]:
    """Describe the layers that have work to do, those of networks within by their names there."""
    uncounted = [f"the operation {name}" for name in uncounted_operations(model)]
    described = []
    for prefix, layer, calls in _flat(model):
        try:
            macs = calls * macs_of(layer)
        except NotCounted:
            uncounted.append(f"{prefix}{layer.name} ({type(layer).__name__})")
            continue
        except Exception as error:  # of its own `count_macs`
            raise UserError(_in_their_words(error, network)) from error
        described.append(
            OwnLayer(
                name=f"{prefix}{layer.name}",
                kind=type(layer).__name__,
                shape=_shape(layer),
                parameters=layer.count_params(),
                macs=macs,
            )
        )
    if uncounted:
        raise UserError(
            f"{network.file.name}: nobody knows how many multiplications these do: "
            f"{', '.join(uncounted)}. Build them of Keras's layers, or give the class a method "
            "`count_macs(self, input_shape)`, for one image; 0 where it only selects, adds or "
            "bends"
        )
    return iter(described)


def _shape(layer: keras.layers.Layer) -> list[int]:
    """Give the shape of a layer's output, of several the first, without the batch."""
    output = layer.output
    first = output[0] if isinstance(output, list | tuple) else output
    return [int(side or 0) for side in first.shape[1:]]


def _flat(
    model: keras.Model, prefix: str = "", times: int = 1
) -> Iterator[tuple[str, keras.layers.Layer, int]]:
    """Give each layer but inputs and the scaling, with how many times it is called."""
    calls = {each["name"]: len(each["inbound_nodes"]) for each in _listed(model)}
    for layer in model.layers:
        often = times * max(calls.get(layer.name, 1), 1)
        if isinstance(layer, keras.Model) and hasattr(layer, "layers"):
            yield from _flat(layer, f"{prefix}{layer.name}/", often)
        elif not isinstance(layer, keras.layers.InputLayer) and layer.name != "scaling":
            yield prefix, layer, often


def _listed(model: keras.Model) -> list[dict[str, Any]]:
    """List the layers of a functional model's configuration; a sequence calls each once."""
    listed = model.get_config().get("layers", [])
    return [each for each in listed if "inbound_nodes" in each]
