"""The Python code that a person would write for a network, from the same list of layers.

Pure text: knows nothing of Keras but the names and defaults of its layers.
"""

import json
from typing import Any

from cnn_study.study.architecture import IMAGE, KINDS, Layer, inputs
from cnn_study.study.settings import Settings

POSITIONAL = ("filters", "kernel_size", "pool_size", "rate", "units")
KERAS_DEFAULTS = {
    "strides": 1,
    "use_bias": True,
    "kernel_initializer": "glorot_uniform",
    "activation": None,
}
SCALING = {
    "raw": None,
    "unit": "layers.Rescaling(1 / 255)",
    "symmetric": "layers.Rescaling(2 / 255, offset=-1)",
    "standardized": "layers.Rescaling(1 / pixel_deviation, offset=-pixel_mean / pixel_deviation)",
}


def model_code(layers: list[Layer], settings: Settings, image_shape: tuple[int, ...]) -> str:
    """Write the Python code that builds the network, as a person would write it.

    A network whose layers follow one another is a Sequential model; one with shortcuts is
    written with the functional interface.
    """
    lines = ["import keras", "from keras import layers", ""]
    if settings.precision != "float32":
        lines += [f'keras.config.set_dtype_policy("{settings.precision}")', ""]
    if settings.scaling == "standardized":
        lines += ["# pixel_mean, pixel_deviation: of the training images, for each channel"]
    build = _functional if any(len(names) > 1 for names in inputs(layers).values()) else _sequential
    calls = [(layer, _call(layer, settings)) for layer in layers]
    lines += build(calls, SCALING[settings.scaling], image_shape)
    return "\n".join(lines)


KERAS_OPTIMIZERS = {
    "sgd": "SGD(learning_rate={})",
    "momentum": "SGD(learning_rate={}, momentum=0.9)",
    "adam": "Adam(learning_rate={})",
    "rmsprop": "RMSprop(learning_rate={})",
}


ADAM = {"beta_1": 0.9, "beta_2": 0.999, "epsilon_exponent": -7}
"""Keras's defaults, which the trainer keeps; epsilon is this power of ten."""


def training_code(settings: Settings) -> str | None:
    """Write the Python code that trains the network; None where it takes more than two calls."""
    refined = (
        *(settings.horizontal_flip, settings.shift, settings.cutout, settings.weight_decay),
        *(settings.schedule != "constant", settings.warmup_epochs, settings.label_smoothing),
    )
    if any(refined) or settings.optimizer not in KERAS_OPTIMIZERS:
        return None
    held_out = settings.validation_fraction > 0
    watched = ["    validation_data=(validation_images, validation_labels),"] * held_out
    optimizer = KERAS_OPTIMIZERS[settings.optimizer].format(settings.learning_rate)
    return "\n".join(
        [
            "model.compile(",
            f"    optimizer=keras.optimizers.{optimizer},",
            '    loss="sparse_categorical_crossentropy",',
            '    metrics=["accuracy"],',
            ")",
            "model.fit(",
            "    training_images,",
            "    training_labels,",
            f"    batch_size={settings.batch_size},",
            f"    epochs={settings.epochs},",
            *watched,
            ")",
        ]
    )


def _call(layer: Layer, settings: Settings) -> str:
    positional = [repr(value) for key, value in layer.options.items() if key in POSITIONAL]
    named = [
        f"{key}={_python(value)}"
        for key, value in layer.options.items()
        if key not in POSITIONAL and KERAS_DEFAULTS.get(key, ...) != value
    ]
    if layer.kind == "activation":
        positional, named = [json.dumps(layer.options["activation"])], []
    if layer.name == "classes" and settings.precision != "float32":
        named.append('dtype="float32"')
    return f"layers.{KINDS[layer.kind].keras}({', '.join(positional + named)})"


def _python(value: Any) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value)


def _sequential(
    calls: list[tuple[Layer, str]], scaling: str | None, image_shape: tuple[int, ...]
) -> list[str]:
    inside = [f"keras.Input(shape={image_shape})", *([scaling] if scaling else [])]
    inside += [call for _, call in calls]
    return ["model = keras.Sequential([", *(f"    {call}," for call in inside), "])"]


def _functional(
    calls: list[tuple[Layer, str]], scaling: str | None, image_shape: tuple[int, ...]
) -> list[str]:
    """Write a call a line. What is read once more, after x has gone on, is kept as shortcut."""
    lines = [f"image = keras.Input(shape={image_shape})"]
    lines += [f"x = {scaling}(image)"] if scaling else ["x = image"]
    read = inputs([layer for layer, _ in calls])
    held = {"x": IMAGE, "shortcut": ""}
    for place, (layer, call) in enumerate(calls):
        names = read[layer.name]
        later = {name for after, _ in calls[place + 1 :] for name in read[after.name]}
        target = "x"
        if held["x"] in later and held["x"] in names:
            lines += ["", "shortcut = x"]
            held["shortcut"] = held["x"]
        elif held["x"] in later:
            target = "shortcut"
        given = [next(word for word, value in held.items() if value == name) for name in names]
        lines.append(f"{target} = {call}({_arguments(given)})")
        held[target] = layer.name
    return [*lines, "", "model = keras.Model(image, x)"]


def _arguments(words: list[str]) -> str:
    return f"[{', '.join(words)}]" if len(words) > 1 else words[0]
