"""The Keras code that the report prints is that of the network and the training that were done."""

import numpy as np
import pytest

from cnn_study.report import keras_code
from cnn_study.study import architecture
from cnn_study.study.layer import KERAS_DEFAULTS, KINDS
from cnn_study.study.parameter import (
    Place,
    argument,
    parameter,
)
from cnn_study.study.settings import DECLARATIONS, Settings
from parameters_by_hand import PARAMETERS
from report_by_hand import PLAIN, Made

IMAGE = (32, 32, 3)
CASES = {
    "source": {"filters": [4, 8, 16], "kernel_size": 7},
    "normalized": {"batch_normalization": True, "dense_units": 0, "initializer": "he_normal"},
    "residual": {"residual": True, "batch_normalization": True, "head": "global_average_pooling"},
    "residual-plain": {"residual": True, "filters": [8, 8], "pool_after": "none"},
    "strided": {"pooling": "strided_convolution", "padding": "valid", "scaling": "symmetric"},
    "dropout": {"convolution_dropout": 0.25, "dense_dropout": 0.5, "pooling": "average"},
    "mixed": {"precision": "mixed_bfloat16", "scaling": "standardized", "activation": "gelu"},
    "tf32": {"precision": "tensorfloat32"},
    "own-sizes": {"kernel_size": [3, 5, 1], "dense_units": [6, 4], "padding": "valid"},
    "raw": {"scaling": "raw", "pool_size": 3, "pool_after": [1]},
    "pairs": {"block": "residual_pair", "filters": [4, 4, 6], "squeeze_excitation": 2},
    "inverted": {"block": "inverted_residual", "filters": [4, 4, 4], "batch_normalization": True},
    **{
        name: {name: PARAMETERS[name].other} | PARAMETERS[name].beside
        for name, each in DECLARATIONS.items()
        if each.code.part == "model"
    },
}


class Recorder:
    """Stands for the module keras: notes every layer that is made, and what it is given."""

    def __init__(self) -> None:
        self.made: list[tuple[str, tuple, dict]] = []
        self.layers = self
        self.config = self.experimental = self
        self.said: list[object] = []
        self.set_dtype_policy = self.enable_tensor_float_32_execution = self.said.append

    def __getattr__(self, name: str):
        def make(*given: object, **named: object):
            self.made.append((name, given, named))
            return lambda values: values

        return make

    def Input(self, shape: tuple) -> str:
        self.shape = shape
        return "image"

    def Sequential(self, parts: list) -> object:
        return parts

    def Model(self, first: object, last: object) -> object:
        return last


@pytest.mark.parametrize("name", CASES)
def test_generated_code_builds_the_network(name):
    settings = Settings(**CASES[name])
    wanted = architecture.layers(settings, IMAGE, 10)
    keras = Recorder()
    statistics = {"pixel_mean": np.ones(3), "pixel_deviation": np.ones(3)}
    names = {"keras": keras, "layers": keras, "tensorflow": keras, **statistics}
    exec("\n".join(keras_code.model_code(wanted, settings, IMAGE)), names)
    assert "model" in names
    said = {"float32": [], "tensorfloat32": [True]}
    assert keras.said == said.get(settings.precision, [settings.precision])
    assert keras.shape == IMAGE
    made = [call for call in keras.made if call[0] != "Rescaling"]
    assert (len(made) == len(keras.made)) == (settings.scaling == "raw")
    assert len(made) == len(wanted)
    for layer, (kind, given, named) in zip(wanted, made, strict=True):
        assert kind == KINDS[layer.kind].keras
        positional = [key for key in layer.options if key in keras_code.POSITIONAL]
        positional = positional or [*layer.options][: len(given)]
        options = dict(zip(positional, given, strict=True)) | named
        options.pop("dtype", None)
        assert options == {
            key: value
            for key, value in layer.options.items()
            if KERAS_DEFAULTS.get(key, ...) != value
        }


RESIDUAL_CODE = """\
image = keras.Input(shape=(8, 8, 1))
x = layers.Rescaling(1 / 255)(image)

shortcut = x
x = layers.Conv2D(4, 3, padding="same")(x)
shortcut = layers.Conv2D(4, 1, use_bias=False)(shortcut)
x = layers.Add()([x, shortcut])
x = layers.Activation("relu")(x)

shortcut = x
x = layers.Conv2D(4, 3, padding="same")(x)
x = layers.Add()([x, shortcut])
x = layers.Activation("relu")(x)
x = layers.Flatten()(x)
x = layers.Dense(10, activation="softmax")(x)

model = keras.Model(image, x)"""


def test_shortcuts_are_written_as_a_person_would():
    settings = Settings(residual=True, filters=[4, 4], pool_after="none", dense_units=0)
    network = architecture.layers(settings, (8, 8, 1), 10)
    assert "\n".join(keras_code.model_code(network, settings, (8, 8, 1))) == RESIDUAL_CODE


EXCITED_CODE = """\
image = keras.Input(shape=(8, 8, 1))
x = layers.Rescaling(1 / 255)(image)
x = layers.Conv2D(4, 3, padding="same", activation="relu")(x)

shortcut = x
x = layers.Conv2D(8, 1, activation="relu")(x)
x = layers.DepthwiseConv2D(3, padding="same", activation="relu")(x)
weights = layers.GlobalAveragePooling2D(keepdims=True)(x)
weights = layers.Conv2D(2, 1, activation="relu")(weights)
weights = layers.Conv2D(8, 1, activation="sigmoid")(weights)
x = layers.Multiply()([x, weights])
x = layers.Conv2D(4, 1)(x)
x = layers.Add()([x, shortcut])
x = layers.Flatten()(x)
x = layers.Dense(10, activation="softmax")(x)

model = keras.Model(image, x)"""


def test_what_leads_beside_has_a_name_of_its_own():
    settings = Settings(
        block="inverted_residual", expansion=2, squeeze_excitation=4, filters=[4, 4],
        pool_after="none", dense_units=0,
    )  # fmt: skip
    network = architecture.layers(settings, (8, 8, 1), 10)
    assert "\n".join(keras_code.model_code(network, settings, (8, 8, 1))) == EXCITED_CODE


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ({}, "Adam(learning_rate=0.001)"),
        ({"optimizer": "momentum", "learning_rate": 0.05}, "SGD(learning_rate=0.05, momentum=0.9)"),
        ({"optimizer": "momentum", "momentum": 0.5},
         "SGD(learning_rate=0.001, momentum=0.5)"),
        ({"optimizer": "rmsprop", "weight_decay": 0.01},
         "RMSprop(learning_rate=0.001, weight_decay=0.01)"),
        ({"optimizer": "adamw", "schedule": "cosine"},
         "AdamW(learning_rate=schedule, weight_decay=0.0)"),
        ({"optimizer": "sgd", "warmup_epochs": 1.0}, "SGD(learning_rate=schedule)"),
    ],
)  # fmt: skip
def test_optimizer_code(given, written):
    assert keras_code.optimizer_code(Settings(**given)) == written


# ------------------------------------------------------------------ a parameter that is added


def test_a_parameter_is_written_where_it_is_declared():
    class More(Settings):
        clipnorm: float = parameter(
            0.0, "Largest.", "1", label=str,
            code=argument(Place.OPTIMIZER_ARGUMENT, "clipnorm={}", nothing_at=0),
        )  # fmt: skip

    assert keras_code.optimizer_code(More()) == keras_code.optimizer_code(Settings())
    code = keras_code.optimizer_code(More(clipnorm=1.5, optimizer="momentum"))
    assert code == "SGD(learning_rate=0.001, clipnorm=1.5, momentum=0.9)"


# -------------------------------------------------------------------------- in the document


def test_the_document_prints_a_part_of_the_script_that_it_brings_along(tmp_path):
    text = Made(tmp_path, PLAIN).runs("base", (0.5, 0.6)).text()
    (script,) = tmp_path.rglob("scripts/base.py")
    listing = text.partition('filename="base.py (excerpt)"}\n')[2].partition("\n```")[0]
    assert listing.startswith("def build_model(")
    assert listing in script.read_text().replace("\n\n\n", "\n\n")
