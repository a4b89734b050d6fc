"""The Keras code that a person would write for a network, from the same list of layers.

Pure text: what Keras calls each kind of layer stands in `architecture`, how each parameter is
written in its declaration (`settings`).
"""

import json
from collections.abc import Sequence
from typing import Any, Literal

from cnn_study.study.architecture import inputs
from cnn_study.study.layer import IMAGE, KERAS_DEFAULTS, KINDS, Layer
from cnn_study.study.parameter import Place, declared
from cnn_study.study.settings import Settings

POSITIONAL = ("filters", "kernel_size", "pool_size", "rate", "units")

ADAM = {"beta_1": 0.9, "beta_2": 0.999, "epsilon_exponent": -7}
"""Keras's defaults, which the trainer keeps; epsilon is this power of ten."""

BESIDE = {"projection": "shortcut", "squeeze": "weights", "excitation": "weights"}
"""What is called otherwise than x, since x is read once more."""

Pieces = dict[Place, list[str]]
Call = tuple[Layer, str]
"""A layer and the code that makes it."""


def model_code(network: list[Layer], settings: Settings, image_shape: tuple[int, ...]) -> list[str]:
    """Write, line by line, the Python code that makes `model` of Keras's layers.

    A network whose layers follow one another is a Sequential model; one with shortcuts is
    written with the functional interface.
    """
    pieces = _pieces(settings, "model")
    has_shortcuts = any(len(names) > 1 for names in inputs(network).values())
    build = _functional if has_shortcuts else _sequential
    outer = pieces[Place.OUTER_LAYERS]
    scaling = pieces[Place.SCALING]
    rescaling = f"layers.Rescaling({', '.join(scaling + outer)})" if scaling else None
    calls = [(layer, _call(layer, outer if layer is network[-1] else ())) for layer in network]
    return [*pieces[Place.SETUP], *build(calls, rescaling, image_shape)]


def own_model_code(settings: Settings, image_shape: tuple[int, ...], classes: int) -> list[str]:
    """Write the code that makes `model` by a function of the study's own, called `features_of`."""
    pieces = _pieces(settings, "model")
    outer, scaling = pieces[Place.OUTER_LAYERS], pieces[Place.SCALING]
    scaled = f"layers.Rescaling({', '.join(scaling + outer)})(image)" if scaling else None
    given = [
        f"{name}=str(HERE / {value!r})"
        if value in settings.model_files
        else f"{name}={_python(value)}"
        for name, value in settings.model_arguments.items()
    ]
    last = ", ".join([str(classes), 'activation="softmax"', *outer])
    return [
        *pieces[Place.SETUP],
        f"image = keras.Input(shape={image_shape})",
        *([f"x = {scaled}"] if scaled else ['x = keras.ops.cast(image, "float32")']),
        f"x = features_of({', '.join(['x', *given])})",
        f"model = keras.Model(image, layers.Dense({last})(x))",
    ]


def optimizer_code(settings: Settings) -> str:
    """Write what makes the optimizer; a rate that changes is called `schedule`."""
    pieces = _pieces(settings, "training")
    given = list(pieces[Place.OPTIMIZER_ARGUMENT])
    if settings.optimizer == "adamw" and not settings.weight_decay:
        given.append("weight_decay=0.0")  # Keras's own default is 0.004
    if scheduled(settings):
        rate = next(text for text in given if text.startswith("learning_rate="))
        given[given.index(rate)] = "learning_rate=schedule"
    (optimizer,) = pieces[Place.OPTIMIZER]
    return optimizer.format(
        ", ".join(given),
        momentum=settings.momentum,
        nesterov=", nesterov=True" if settings.nesterov else "",
    )


def scheduled(settings: Settings) -> bool:
    """Tell whether the learning rate changes in the course of the training."""
    return settings.schedule != "constant" or settings.warmup_epochs > 0


def _pieces(settings: Settings, part: Literal["model", "training"]) -> Pieces:
    """Collect the code that parameters declare for a part."""
    pieces: Pieces = {place: [] for place in Place}
    for name, parameter in declared(type(settings)).items():
        if parameter.code.part == part:
            for place, text in parameter.code.write(getattr(settings, name)).items():
                pieces[place].append(text)
    return pieces


def _call(layer: Layer, more: Sequence[str] = ()) -> str:
    positional = [repr(value) for key, value in layer.options.items() if key in POSITIONAL]
    named = [
        f"{key}={_python(value)}"
        for key, value in layer.options.items()
        if key not in POSITIONAL and KERAS_DEFAULTS.get(key, ...) != value
    ]
    if layer.kind == "activation":
        positional, named = [json.dumps(layer.options["activation"])], []
    return f"layers.{KINDS[layer.kind].keras}({', '.join([*positional, *named, *more])})"


def _python(value: Any) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value)


def _sequential(
    calls: list[Call], rescaling: str | None, image_shape: tuple[int, ...]
) -> list[str]:
    parts = [f"keras.Input(shape={image_shape})", *([rescaling] if rescaling else [])]
    parts += [call for _, call in calls]
    return ["model = keras.Sequential([", *(f"    {part}," for part in parts), "])"]


def _functional(
    calls: list[Call], rescaling: str | None, image_shape: tuple[int, ...]
) -> list[str]:
    """Write a call a line. What is read once more, after x has gone on, is kept as shortcut.

    What leads beside x has a name of its own.
    """
    lines = [f"image = keras.Input(shape={image_shape})"]
    lines += [f"x = {rescaling}(image)" if rescaling else "x = image"]
    read = inputs([layer for layer, _ in calls])
    held = {"x": IMAGE}
    for place, (layer, call) in enumerate(calls):
        names, target = read[layer.name], BESIDE.get(layer.kind, "x")
        later = {name for after, _ in calls[place + 1 :] for name in read[after.name]}
        if target == "x" and held["x"] in later and held["x"] in names:
            lines += ["", "shortcut = x"]
            held["shortcut"] = held["x"]
        given = [next(word for word, value in held.items() if value == name) for name in names]
        lines.append(f"{target} = {call}({_arguments(given)})")
        held[target] = layer.name
    return [*lines, "", "model = keras.Model(image, x)"]


def _arguments(words: list[str]) -> str:
    return f"[{', '.join(words)}]" if len(words) > 1 else words[0]
