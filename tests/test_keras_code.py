"""The Keras code that the report prints is that of the network and the training that were done."""

import ast
from types import SimpleNamespace

import pytest

from cnn_study.report import keras_code
from cnn_study.study import architecture
from cnn_study.study.parameter import (
    Place,
    argument,
    parameter,
    switched,
    withheld_unless,
    written_as,
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
    "raw": {"scaling": "raw", "pool_size": 3, "pool_after": [1]},
    **{
        name: {name: PARAMETERS[name].other}
        for name, each in DECLARATIONS.items()
        if each.code.part == "model"
    },
}


class Recorder:
    """Stands for the module keras: notes every layer that is made, and what it is given."""

    def __init__(self) -> None:
        self.made: list[tuple[str, tuple, dict]] = []
        self.layers = self
        self.config = SimpleNamespace(set_dtype_policy=lambda policy: None)

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
    code = keras_code.model_code(wanted, settings, IMAGE)
    keras = Recorder()
    body = ast.parse(code).body
    assert [ast.unparse(line) for line in body[:2]] == ["import keras", "from keras import layers"]
    names = {"keras": keras, "layers": keras, "pixel_mean": 1.0, "pixel_deviation": 2.0}
    exec(compile(ast.Module(body[2:], []), name, "exec"), names)
    assert "model" in names
    assert keras.shape == IMAGE
    made = [call for call in keras.made if call[0] != "Rescaling"]
    assert (len(made) == len(keras.made)) == (settings.scaling == "raw")
    assert len(made) == len(wanted)
    for layer, (kind, given, named) in zip(wanted, made, strict=True):
        assert kind == architecture.KINDS[layer.kind].keras
        positional = [key for key in layer.options if key in keras_code.POSITIONAL]
        options = dict(zip(positional or layer.options, given, strict=True)) | named
        options.pop("dtype", None)
        assert options == {
            key: value
            for key, value in layer.options.items()
            if architecture.KERAS_DEFAULTS.get(key, ...) != value
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
    code = keras_code.model_code(network, settings, (8, 8, 1))
    assert code.partition("\n\n")[2] == RESIDUAL_CODE


TRAINING_CODE = """\
model.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.05, momentum=0.9),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(
    training_images,
    training_labels,
    batch_size=32,
    epochs=3,
    validation_data=(validation_images, validation_labels),
)"""


def test_training_code():
    given = Settings(optimizer="momentum", learning_rate=0.05, epochs=3)
    assert keras_code.training_code(given) == TRAINING_CODE
    ast.parse(TRAINING_CODE)
    held_out = "    validation_data=(validation_images, validation_labels),\n"
    none_held_out = given.model_copy(update={"validation_fraction": 0.0})
    assert keras_code.training_code(none_held_out) == TRAINING_CODE.replace(held_out, "")


def printed(settings: Settings) -> tuple[str | None, str | None]:
    network = architecture.layers(settings, IMAGE, 10)
    code = keras_code.model_code(network, settings, IMAGE)
    return code, keras_code.training_code(settings)


@pytest.mark.parametrize("name", PARAMETERS)
def test_another_value_is_printed_or_the_code_is_withheld(name):
    row = PARAMETERS[name]
    plain, changed = printed(Settings()), printed(Settings(**{name: row.other}))
    assert None not in plain
    if row.code == "withheld":
        assert changed == (plain[0], None)
    else:
        assert (changed != plain) == (row.code == "printed")
        assert None not in changed


def test_no_code_is_printed_for_a_choice_that_has_none():
    assert keras_code.training_code(Settings(optimizer="adamw")) is None


# ------------------------------------------------------------------ a parameter that is added


def test_a_parameter_that_takes_more_than_two_calls_withholds_the_training():
    class More(Settings):
        mixup: float = parameter(
            0.0, "Share.", "share", label=str, code=withheld_unless(0), ge=0, le=1
        )

    assert printed(More()) == printed(Settings())
    assert printed(More(mixup=0.2)) == (printed(Settings())[0], None)


def test_a_parameter_that_no_layer_of_keras_has_withholds_all_code():
    class More(Settings):
        resize: bool = parameter(
            False, "Doubles.", label=switched("a", "b"), code=written_as("model", {False: {}})
        )

    assert printed(More()) == printed(Settings())
    assert printed(More(resize=True)) == (None, None)


def test_a_parameter_is_written_where_it_is_declared():
    class More(Settings):
        clipnorm: float = parameter(
            0.0, "Largest.", "1", label=str,
            code=argument(Place.OPTIMIZER_ARGUMENT, "clipnorm={}", nothing_at=0),
        )  # fmt: skip

    assert printed(More()) == printed(Settings())
    training = printed(More(clipnorm=1.5, optimizer="momentum"))[1]
    assert "keras.optimizers.SGD(learning_rate=0.001, clipnorm=1.5, momentum=0.9)," in training


# -------------------------------------------------------------------------- in the document

MODEL, TRAINING = "import keras", "model.fit("


@pytest.mark.parametrize(
    ("withheld", "stands"),
    [
        ((), (True, True)),
        (("training_code",), (True, False)),
        (("model_code", "training_code"), (False, False)),
    ],
)
def test_the_document_prints_the_code_that_there_is(tmp_path, monkeypatch, withheld, stands):
    for name in withheld:
        monkeypatch.setattr(keras_code, name, lambda *given: None)
    text = Made(tmp_path, PLAIN).runs("base", (0.5, 0.6)).text()
    assert (MODEL in text, TRAINING in text) == stands
    assert ('filename="base.py"' in text) == any(stands)
