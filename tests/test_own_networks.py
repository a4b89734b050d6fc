"""Networks of a study's own: found, merged, built, counted, trained, and told of."""

import re
import runpy
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cnn_study import workflow
from cnn_study.__main__ import main
from cnn_study.base.errors import UserError
from cnn_study.runs.estimate import LAYER_SECONDS, training_seconds
from cnn_study.runs.wanted import Run
from cnn_study.study import architecture, own_networks
from cnn_study.study.merge import load
from cnn_study.study.own_networks import Description, OwnLayer, OwnNetwork
from cnn_study.study.seconds import seconds
from cnn_study.study.settings import Settings, fingerprint, phrases
from report_by_hand import Made, unmarked

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
DIGEST = "ab" * 32
MODEL = """\
from keras import layers
from blocks import convolve


def build(inputs, filters=2, width=1):
    return layers.Flatten()(convolve(inputs, filters * width))
"""
BLOCKS = """\
from keras import layers
import parts


def convolve(x, filters):
    return layers.Conv2D(filters, 3)(x)
"""
STUDY = """\
title: Mine
dataset: digits
seeds: 2
base: {model: "models/mine.py:build", model_arguments: {filters: 3}, epochs: 1}
questions:
  ask:
    title: Ask
    question: What?
    hypothesis: That.
    changes:
"""
WIDER = "      wider: {model_arguments: {width: 2}}\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a study of a network of its own, in which the commands run."""
    models = tmp_path / "experiments" / "models"
    models.mkdir(parents=True)
    (models / "mine.py").write_text(MODEL)
    (models / "blocks.py").write_text(BLOCKS)
    (models / "parts.py").write_text("SIDE = 3\n")
    (models / "other.py").write_text("nobody imports it\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def known(network: OwnNetwork) -> Description:
    """Describe a network of 3 filters of 3 x 3 on 8 x 8 pixels by hand, whatever it is."""
    filters = network.settings.model_arguments.get("filters", 2)
    features = 6 * 6 * filters
    layers = [
        OwnLayer(name="conv2d", kind="Conv2D", shape=[6, 6, filters], parameters=10 * filters,
                 macs=36 * 9 * filters),
        OwnLayer(name="flatten", kind="Flatten", shape=[features], parameters=0, macs=0),
        OwnLayer(name="classes", kind="Dense", shape=[10], parameters=10 * (features + 1),
                 macs=10 * features),
    ]  # fmt: skip
    return Description(
        model=network.settings.model,
        model_arguments=network.settings.model_arguments,
        model_digests=network.settings.model_digests,
        image_shape=network.image_shape,
        classes=network.classes,
        keras="3",
        parameters=sum(layer.parameters for layer in layers),
        macs=sum(layer.macs for layer in layers),
        layers=layers,
    )


def loaded(folder: Path, text: str = STUDY + WIDER, describe=known):
    path = folder / "experiments" / "mine.yaml"
    path.write_text(text)
    return load(path, describe=describe)


def faults(folder: Path, text: str, describe=known) -> list[str]:
    with pytest.raises(UserError) as refusal:
        loaded(folder, text, describe)
    return [line.strip() for line in str(refusal.value).splitlines()[1:]]


# ------------------------------------------------------------------------------ files and names


def test_a_network_is_all_that_its_file_imports_from_the_study(folder):
    settings = loaded(folder).experiments["base"].settings
    assert list(settings.model_digests) == [
        "models/mine.py", "models/blocks.py", "models/parts.py",
    ]  # fmt: skip
    assert re.fullmatch("[0-9a-f]{64}", settings.model_digests["models/parts.py"])


def test_what_a_network_is_built_from_names_its_runs(folder):
    """A comment in a module that a module imports is another network; another place is not."""
    models = folder / "experiments" / "models"
    first = loaded(folder).experiments
    (models / "other.py").write_text("still nobody\n")
    assert loaded(folder).experiments["base"].fingerprint == first["base"].fingerprint
    (models / "parts.py").write_text("SIDE = 3  # pixels\n")
    second = loaded(folder).experiments
    assert second["base"].fingerprint != first["base"].fingerprint
    (models / "mine.py").rename(models / "ours.py")
    moved = loaded(folder, (STUDY + WIDER).replace("mine.py", "ours.py")).experiments
    assert moved["base"].fingerprint == second["base"].fingerprint
    (models / "ours.py").write_text(MODEL.replace("def build", "def make"))
    shutil.copy(models / "ours.py", models / "mine.py")
    made = loaded(folder, (STUDY + WIDER).replace("mine.py:build", "mine.py:make")).experiments
    assert made["base"].fingerprint != second["base"].fingerprint


def test_further_files_count_by_what_they_hold(folder):
    weights = folder / "experiments" / "weights.h5"
    weights.write_bytes(b"1")
    text = STUDY.replace("{filters: 3}", "{filters: 3}, model_files: [weights.h5]") + WIDER
    first = loaded(folder, text).experiments["base"]
    assert first.settings.model_digests["weights.h5"].startswith("6b86b273ff34fce1")
    weights.write_bytes(b"2")
    assert loaded(folder, text).experiments["base"].fingerprint != first.fingerprint


def test_an_argument_that_is_a_file_of_the_study_is_given_as_its_place(folder):
    settings = Settings(
        model="models/mine.py:build",
        model_arguments={"weights": "a/w.h5", "name": "other", "depth": 3},
        model_files=["a/w.h5"],
    )
    network = OwnNetwork(folder, settings, (8, 8, 1), 10)
    assert network.arguments == {"weights": f"{folder}/a/w.h5", "name": "other", "depth": 3}


def test_settings_without_a_network_of_their_own_have_the_names_that_they_had():
    assert fingerprint(Settings(), DIGEST) == "882a2e92375087d7"


# ------------------------------------------------------------------------------ changes


def test_a_change_of_one_argument_keeps_the_others(folder):
    experiments = loaded(folder).experiments
    wider = experiments["wider"]
    assert wider.settings.model_arguments == {"filters": 3, "width": 2}
    assert wider.change == {"model_arguments": {"width": 2}}
    assert phrases(wider.change) == ["width 2"]
    assert (wider.parameters, wider.macs) == (30 + 1090, 972 + 1080)


def test_a_change_that_names_the_network_gives_all_its_arguments(folder):
    text = STUDY + '      other: {model: "models/mine.py:build", model_arguments: {width: 2}}\n'
    assert loaded(folder, text).experiments["other"].settings.model_arguments == {"width": 2}


def test_the_built_in_network_may_be_set_against_one_of_ones_own(folder):
    """What only the former reads is left behind, both ways."""
    text = STUDY + '      plain: {model: "", filters: [4, 8], kernel_size: 5}\n'
    plain = loaded(folder, text).experiments["plain"].settings
    assert plain == Settings(filters=[4, 8], kernel_size=5, epochs=1)
    base = 'base: {model: "models/mine.py:build", model_arguments: {filters: 3}, epochs: 1}'
    own = text.replace(base, "base: {filters: [4, 8], kernel_size: 5, epochs: 1}").replace(
        'plain: {model: "", filters: [4, 8], kernel_size: 5}',
        'own: {model: "models/mine.py:build"}',
    )
    settings = loaded(folder, own).experiments["own"].settings
    assert (settings.filters, settings.kernel_size) == (Settings().filters, 3)


def test_each_layer_of_a_network_of_ones_own_takes_its_time_before_it_trains(folder):
    """Three layers; its arithmetic alone is the time of a built-in network of as many MACs."""
    study = loaded(folder)
    run = Run(study.experiments["base"], 1)
    images = study.dataset.sizes(
        run.experiment.settings.validation_fraction, run.experiment.settings.training_fraction
    ).training
    arithmetic = seconds(images, run.experiment.settings.epochs, run.experiment.macs)
    assert training_seconds(study, run) == pytest.approx(arithmetic + 3 * LAYER_SECONDS)
    # Runs that were timed have it in what each of their images took.
    fitted = training_seconds(study, run, (1e-3, 0.0))
    assert fitted == pytest.approx(1e-3 * images * run.experiment.settings.epochs)


def test_changes_of_two_arguments_are_known_to_be_joined(folder):
    text = STUDY + WIDER + "      more: {model_arguments: {filters: 4}}\n"
    changed = loaded(
        folder, text + "      both: {model_arguments: {filters: 4, width: 2}}\n"
    ).changed
    apart = changed["base"]["wider"] | changed["base"]["more"]
    assert changed["base"]["both"] == apart
    assert changed["base"]["wider"] == {("model_arguments width", "2")}


def test_the_same_code_in_another_file_is_no_other_experiment(folder):
    models = folder / "experiments/models"
    shutil.copy(models / "mine.py", models / "copy.py")
    text = STUDY + '      copy: {model: "models/copy.py:build", model_arguments: {filters: 3}}\n'
    (fault,) = faults(folder, text)
    assert "experiment copy changes nothing: its settings are those of base" in fault


FAULTS = {
    "parameters of both networks": (
        STUDY + "      both: {filters: [4, 8], padding: valid, batch_size: 8}\n",
        "questions.ask.changes.both: experiment both: filters and padding beside model "
        "models/mine.py:build: of the built-in network, which it takes the place of",
    ),
    "no file": (
        STUDY.replace("models/mine.py", "models/yours.py") + WIDER,
        "base: experiment base: models/yours.py: there is no such file in",
    ),
    "outside": (
        STUDY.replace("models/mine.py", "../mine.py") + WIDER,
        "base: experiment base: ../mine.py lies outside",
    ),
    "digests given": (
        STUDY.replace("epochs: 1", "model_digests: {}, epochs: 1") + WIDER,
        "base: experiment base: model_digests is worked out from the files. Remove it",
    ),
    "no function": (
        STUDY.replace("mine.py:build", "mine.py") + WIDER,
        "base.model: 'models/mine.py' names no function. Allowed is \"FILE.py:FUNCTION\", such as "
        '"models/net.py:build", the file by its path from the study file. Is '
        '"models/mine.py:build" meant?',
    ),
    "arguments of nothing": (
        STUDY.replace('model: "models/mine.py:build", ', "") + WIDER,
        "base: model_arguments and model_files are of a network of your own: give model",
    ),
    "the same twice": (
        STUDY + "      same: {model_arguments: {filters: 3}}\n",
        "questions.ask.changes.same: experiment same changes nothing",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_where_it_stands(folder, name):
    text, said = FAULTS[name]
    (fault,) = faults(folder, text)
    assert re.sub(r"^line \d+: ", "", fault).startswith(said)


def test_what_is_imported_from_elsewhere_through_a_link_is_refused(folder):
    (folder / "elsewhere.py").write_text("SIDE = 3\n")
    parts = folder / "experiments/models/parts.py"
    parts.unlink()
    parts.symlink_to(folder / "elsewhere.py")
    (fault,) = faults(folder, STUDY + WIDER)
    assert "elsewhere.py is imported and lies outside" in fault


def test_what_is_no_python_is_told_by_its_line(folder):
    (folder / "experiments/models/parts.py").write_text("SIDE = 3\ndef broken(:\n")
    (fault,) = faults(folder, STUDY + WIDER)
    assert (
        fault == "line 4: base: experiment base: parts.py, line 2: invalid syntax. It is no Python"
    )


def test_a_network_that_nobody_built_is_told_of_with_the_command(folder):
    (fault,) = faults(folder, STUDY + WIDER, describe=None)
    assert "has not been built as it is now. `cnn-study describe mine` builds it and" in fault


def test_a_damaged_description_is_refused_in_a_message(folder):
    (folder / "experiments/mine.models.json").write_text('{"format": 1, "networks": {"a": 3}}')
    with pytest.raises(UserError, match=r"is not a whole list of a study's networks\. Get it back"):
        loaded(folder, describe=None)


# ------------------------------------------------------------------------------ with Keras


def build(folder: Path, code: str, image=(8, 8, 1), classes: int = 10, **given: object):
    """Describe the network of some code."""
    from cnn_study.train.own_network import describe

    path = folder / "experiments" / "models" / "mine.py"
    path.write_text(code)
    digests = own_networks.digests(path.parents[1], "models/mine.py:build", [])
    settings = Settings(model="models/mine.py:build", model_arguments=given, model_digests=digests)
    network = OwnNetwork(path.parents[1], settings, image, classes)
    own_networks.register(network, describe)
    return own_networks.description_of(settings, image, classes)


FEATURES = """\
import keras
from keras import ops


def build(inputs, filters):
    x = keras.layers.Flatten()(inputs)
    return {}
"""
BROKEN = {
    "another function": ("def make(inputs): pass\n", "mine.py has no function build"),
    "an error in a module": (
        MODEL.replace("filters * width", "filters / 0"),
        "models/mine.py, line 6: ZeroDivisionError: division by zero",
    ),
    "an error whose first line ends before the reason": (
        "def build(inputs, filters):\n"
        "    raise ValueError('Not loaded, for one:\\n\\nthe shapes differ.\\n' + 999 * 'x')\n",
        "models/mine.py, line 2: ValueError: Not loaded, for one: the shapes differ",
    ),
    "an error of many numbers": (
        "def build(inputs, filters):\n    raise ValueError('no: ' + 999 * '1')\n",
        f"models/mine.py, line 2: ValueError: no: {293 * '1'}...",
    ),
    "an argument that it does not take": (
        "def build(inputs, depth): pass\n",
        "mine.py: TypeError: build() got an unexpected keyword argument 'filters'",
    ),
    "an error on import": (
        "import nothing_of_this_name\n",
        "models/mine.py, line 1: ModuleNotFound",
    ),
    "no tensor": ("def build(inputs, filters): return 3\n", "mine.py: it gives int. `build` takes"),
    "feature maps": (
        "def build(inputs, filters): return inputs\n",
        "mine.py: it gives (batch, 8, 8, 1). `build` takes the scaled images, ",
    ),
    "weights from elsewhere": (
        "import keras\n\n\ndef build(inputs, filters):\n"
        "    return keras.applications.MobileNetV2(weights='imagenet')(inputs)\n",
        "models/mine.py, line 5: fetches https://storage.googleapis.com/tensorflow/keras-applica",
    ),
    "a seed of its own": (
        "import keras, time\n\n\ndef build(inputs, filters):\n"
        "    drawn = keras.initializers.GlorotUniform(seed=time.perf_counter_ns() % 10**9)\n"
        "    x = keras.layers.Flatten()(inputs)\n"
        "    return keras.layers.Dense(3, kernel_initializer=drawn)(x)\n",
        "mine.py: built twice with the same seed, it is not the same network",
    ),
    "an exit": (
        "import sys\n\n\ndef build(inputs, filters):\n    sys.exit(5)\n",
        "models/mine.py, line 5: ends the program (SystemExit: 5). It may only give features",
    ),
    "features of nothing": (
        FEATURES.format("keras.layers.Dense(3)(keras.Input((4,)))"),
        "mine.py: its features do not come, or not alone, from the images that it was given. ",
    ),
    "features of the images and something else": (
        FEATURES.format("x + keras.Input((64,))"),
        "mine.py: its features do not come, or not alone, from the images that it was given. ",
    ),
    "whole numbers": (
        FEATURES.format("ops.cast(x, 'int32')"),
        "mine.py: its features are int32, and what comes before them would not be trained. ",
    ),
    "rows that are not images": (  # 64 and 192 numbers, by 32
        FEATURES.format("ops.reshape(x, (-1, 32))"),
        "mine.py: it gives 2 and 6 rows of features for 1 and 3 images. Where it reshapes",
    ),
    "rows that images do not fill": (
        FEATURES.format("ops.reshape(x, (-1, 13))"),
        "models/mine.py, line 7: InvalidArgumentError: Input to reshape is a tensor with 64 val",
    ),
    "an image seen beside others": (
        FEATURES.format("x - ops.mean(x, axis=0, keepdims=True)"),
        "mine.py: the features of an image are others among other images. Where it reshapes, ",
    ),
    "one row for all": (
        FEATURES.format("ops.mean(x, axis=0, keepdims=True)"),
        "mine.py: it gives 1 and 1 rows of features for 1 and 3 images. Where",
    ),
    "a layer that fails in training": (
        "import keras\n\n\nclass Own(keras.layers.Layer):\n"
        "    def call(self, x, training=False):\n"
        "        return x.of_no_such_name if training else x\n\n"
        "    def count_macs(self, input_shape):\n        return 0\n\n\n"
        "def build(inputs, filters):\n    return Own()(keras.layers.Flatten()(inputs))\n",
        "models/mine.py, line 6: AttributeError: ",
    ),
    "a layer that nobody can count": (
        "import keras\n\n\nclass Twice(keras.layers.Layer):\n"
        "    def call(self, x):\n        return x @ keras.ops.transpose(x)\n\n\n"
        "def build(inputs, filters):\n"
        "    return Twice(name='twice')(keras.layers.Flatten()(inputs))\n",
        "mine.py: ",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_fault_of_the_code_is_one_message(keras, folder, name):
    code, said = BROKEN[name]
    with pytest.raises(UserError) as refusal:
        build(folder, code, filters=3)
    assert str(refusal.value).startswith(said)
    assert "\n" not in str(refusal.value)


COUNTED = {
    # 6 x 6 places; kernels of 3 x 3 on 4 channels, one for each; then 4 to 5 by 1 x 1.
    "SeparableConv2D(5, 3)": 36 * (9 * 4 + 4 * 5),
    "DepthwiseConv2D(3, depth_multiplier=2)": 36 * 9 * 4 * 2,
    "Conv2D(6, 3, groups=2)": 36 * 9 * 2 * 6,
    "Conv2D(6, 3, dilation_rate=2)": 16 * 9 * 4 * 6,
    # Each of 8 x 8 numbers, 4 channels, is laid out 3 x 3 times in 6 maps.
    "Conv2DTranspose(6, 3, strides=2)": 64 * 9 * 4 * 6,
    "Dense(7)": 64 * 4 * 7,
    "EinsumDense('abcd,de->abce', output_shape=(8, 8, 7))": 64 * 4 * 7,
    "BatchNormalization()": 0,
    "RandomFlip()": 0,
}


@pytest.mark.parametrize("layer", COUNTED)
def test_operations_by_layer_worked_out_by_hand(keras, layer):
    from cnn_study.train.layer_macs import macs_of

    built = eval(f"keras.layers.{layer}", {"keras": keras})
    built(keras.Input((8, 8, 4)))
    assert macs_of(built) == COUNTED[layer]


def test_operations_of_attention_worked_out_by_hand(keras):
    """6 places of 5 numbers; 2 heads of 3 numbers: projections, scores, sums, and one more."""
    from cnn_study.train.layer_macs import macs_of

    layer = keras.layers.MultiHeadAttention(num_heads=2, key_dim=3)
    words = keras.Input((6, 5))
    layer(words, words)
    assert macs_of(layer) == 3 * 6 * 5 * 2 * 3 + 2 * 6 * 6 * 2 * 3 + 6 * 2 * 3 * 5


def test_a_layer_of_ones_own_may_count_itself(keras, folder):
    code = (
        "import keras\n\n\nclass Twice(keras.layers.Layer):\n"
        "    def call(self, x):\n        return 2 * x\n\n"
        "    def count_macs(self, input_shape):\n        return input_shape[1]\n\n\n"
        "def build(inputs):\n    return Twice()(keras.layers.Flatten()(inputs))\n"
    )
    found = build(folder, code, classes=3)
    assert [(layer.kind, layer.macs) for layer in found.layers] == [
        ("Flatten", 0), ("Twice", 64), ("Dense", 192),
    ]  # fmt: skip


COUNTS = {
    "'many'": "Twice.count_macs gives 'many'. Allowed is a whole number, 0 or more: the",
    "-1": "Twice.count_macs gives -1. Allowed",
    "2.0": "Twice.count_macs gives 2.0. Allowed",
    "None": "Twice.count_macs gives None. Allowed",
    "True": "Twice.count_macs gives True. Allowed",
    "1 // 0": "models/mine.py, line 9: ZeroDivisionError: ",
}


@pytest.mark.parametrize("given", COUNTS)
def test_what_a_layer_counts_of_itself_is_a_number_of_operations(keras, folder, given):
    code = (
        "import keras\n\n\nclass Twice(keras.layers.Layer):\n"
        "    def call(self, x):\n        return 2 * x\n\n"
        f"    def count_macs(self, input_shape):\n        return {given}\n\n\n"
        "def build(inputs):\n    return Twice()(keras.layers.Flatten()(inputs))\n"
    )
    with pytest.raises(UserError, match="^" + re.escape(COUNTS[given])):
        build(folder, code)


def test_a_product_between_layers_is_refused_since_it_cannot_be_counted(keras, folder):
    code = (
        "import keras\n\n\ndef build(inputs):\n    x = keras.layers.Reshape((8, 8))(inputs)\n"
        "    return keras.layers.Flatten()(keras.ops.matmul(x, x))\n"
    )
    with pytest.raises(UserError, match=r"how many multiplications these do: the operation Matmul"):
        build(folder, code)


def test_a_network_within_and_a_layer_that_is_called_twice_are_counted_whole(keras, folder):
    code = (
        "import keras\nfrom keras import layers\n\n\ndef build(inputs):\n"
        "    given = keras.Input((64,))\n"
        "    inner = keras.Model(given, layers.Dense(64, name='d')(given), name='inner')\n"
        "    once = layers.Dense(64, use_bias=False)\n"
        "    return once(once(inner(layers.Flatten()(inputs))))\n"
    )
    found = build(folder, code, classes=2)
    assert [(layer.name, layer.parameters, layer.macs) for layer in found.layers] == [
        ("flatten", 0, 0),
        ("inner/d", 64 * 65, 64 * 64),
        ("dense", 64 * 64, 2 * 64 * 64),
        ("classes", 130, 128),
    ]
    assert (found.parameters, found.macs) == (64 * 65 + 64 * 64 + 130, 3 * 64 * 64 + 128)


def test_a_network_counts_as_the_built_in_one_that_it_is(keras, folder):
    """TensorFlow's tutorial "Convolutional neural network": 122,570 parameters, 4,548,608 MACs."""
    code = (
        "from keras import layers\n\n\ndef build(x):\n"
        "    x = layers.Conv2D(32, 3, activation='relu')(x)\n"
        "    x = layers.Conv2D(64, 3, activation='relu')(layers.MaxPooling2D()(x))\n"
        "    x = layers.Conv2D(64, 3, activation='relu')(layers.MaxPooling2D()(x))\n"
        "    return layers.Dense(64, activation='relu')(layers.Flatten()(x))\n"
    )
    found = build(folder, code, (32, 32, 3))
    tutorial = Settings(filters=[32, 64, 64], padding="valid")
    assert (found.parameters, found.macs) == (122_570, 4_548_608)
    assert (found.parameters, found.macs) == architecture.cost(tutorial, (32, 32, 3), 10)
    expected = [layer.macs for layer in architecture.layers(tutorial, (32, 32, 3), 10)]
    assert [layer.macs for layer in found.layers] == expected


# ------------------------------------------------------------------------------ the examples


def example(folder: Path, name: str, monkeypatch, weights: bool = False):
    """Load an example with its networks built, those with local weights among them."""
    from cnn_study.train import describing

    place = folder / "examples"
    shutil.copytree(EXAMPLES, place)
    if weights:
        import keras

        drawn = keras.applications.MobileNetV2(
            (96, 96, 3), alpha=0.35, include_top=False, weights=None
        )
        drawn.save_weights(place / "mobilenet.weights.h5")
        text = (place / "transfer.yaml").read_text()  # a network fewer to build
        (place / "transfer.yaml").write_text(text[: text.index("questions:")])
    monkeypatch.chdir(folder)
    said = describing.written(place / f"{name}.yaml", None)
    assert said.startswith(str(place / f"{name}.models.json"))
    return load(place / f"{name}.yaml")


@pytest.mark.slow
def test_the_example_of_residual_networks_has_the_parameters_of_the_paper(
    keras, tmp_path, monkeypatch
):
    """He et al. 2016, table 6: 0.27, 0.46 and 0.66 million for 20, 32 and 44 layers."""
    study = example(tmp_path, "residual", monkeypatch)
    cost = {id_: each.parameters / 1e6 for id_, each in study.experiments.items()}
    assert cost == pytest.approx({"base": 0.27, "depth-32": 0.46, "depth-44": 0.66,
                                  "width-32": 1.08}, abs=0.01)  # fmt: skip


@pytest.mark.slow
def test_the_example_of_inverted_residuals_gets_cheaper_as_it_says(keras, tmp_path, monkeypatch):
    study = example(tmp_path, "inverted-residual", monkeypatch)
    whole, half = (study.experiments[id_] for id_ in ("base", "half"))
    assert half.macs < whole.macs / 3
    kinds = {layer.kind for layer in architecture.layers(whole.settings, (32, 32, 3), 10)}
    assert {"DepthwiseConv2D", "Add"} <= kinds


# Keras writes weights by an array protocol of NumPy 1.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.slow
def test_the_example_of_transfer_starts_from_the_file(keras, tmp_path, monkeypatch):
    """And trains the last layer alone: the others keep the weights of the file."""
    from cnn_study.train import keras_one
    from cnn_study.train.meter import Stopwatch
    from cnn_study.train.parts import Parts

    study = example(tmp_path, "transfer", monkeypatch, weights=True)
    base = study.experiments["base"]
    settings = base.settings.model_copy(update={"epochs": 1, "batch_size": 8})
    random = np.random.default_rng(0)
    part = random.integers(0, 256, (16, 32, 32, 3), "uint8"), np.arange(16, dtype="uint8") % 10
    model = keras_one.start(settings, Parts(part, part, part), 10, seed=1)
    before = model.get_weights()
    list(keras_one.learn(model, settings, Parts(part, part, part), 1, Stopwatch()))
    changed = [not np.array_equal(*pair) for pair in zip(before, model.get_weights(), strict=True)]
    assert (sum(changed), changed[-2:]) == (2, [True, True])
    names = [layer.name for layer in architecture.layers(settings, (32, 32, 3), 10)]
    assert names[:2] == ["resizing", "mobilenetv2_0.35_96/Conv1"]
    build = runpy.run_path(str(EXAMPLES / "models/transfer.py"))["build"]
    assert build(keras.Input((24, 24, 1)), side=32).shape == (None, 1280)


@pytest.mark.slow
def test_networks_of_keras_cost_what_others_count(keras):
    """MobileNetV2 at 96 x 96 pixels without its last layer, ResNet50 at 224 x 224 with it."""
    from cnn_study.train import own_network

    applications = keras.applications
    for network, macs in (
        (applications.MobileNetV2((96, 96, 3), include_top=False, weights=None), 55.0e6),
        (applications.ResNet50(weights=None), 3.858e9),
    ):
        described = own_network._described(network, None)
        assert sum(layer.macs for layer in described) == pytest.approx(macs, rel=1e-3)


# ------------------------------------------------------------------------------ in the product


@pytest.mark.slow
def test_reading_the_workflow_builds_what_is_not_known_and_writes_nothing(folder, capsys):
    """Also where the code prints, and does so once all is over."""
    (folder / "experiments/models/parts.py").write_text(
        "import atexit, sys\nprint('hello')\n"
        "if 'pytest' not in sys.modules:\n    atexit.register(print, 'bye')\n"
    )
    (folder / "experiments/mine.yaml").write_text(STUDY + WIDER)
    planned = workflow.plan({"study": "mine"})
    assert planned.unknown_networks
    assert planned.study.experiments["base"].parameters == 30 + 1090
    assert planned.networks_known == [planned.mark(workflow.NETWORKS)]
    assert not (folder / "experiments/mine.models.json").exists()
    assert list((folder / "experiments/models").glob("__pycache__")) == []
    assert main(["describe", "mine"]) == 0
    said = capsys.readouterr()
    assert said.out.endswith("experiments/mine.models.json: 2 networks\n")
    assert said.err.count("mine.yaml, to know their layers and costs\n") == 2
    after = workflow.plan({"study": "mine"})
    assert (after.unknown_networks, after.networks_known) == (False, [])
    rules = [[batch.rule for batch in plan.batches] for plan in (planned, after)]
    assert rules[0] == rules[1] == [
        "train_base_seed-1", "train_wider_seed-1",
    ]  # fmt: skip


@pytest.mark.slow
def test_what_is_wrong_with_the_code_is_told_as_a_fault_of_the_study(folder, capsys):
    (folder / "experiments/mine.yaml").write_text(STUDY + WIDER)
    (folder / "experiments/models/blocks.py").write_text("def convolve(x, filters): 1 / 0\n")
    assert main(["check", "mine"]) == 2
    said = capsys.readouterr().err
    assert "line 4: base: experiment base: models/blocks.py, line 1: ZeroDivisionError" in said
    assert "Traceback" not in said


ENDS = {
    "os.kill(os.getpid(), signal.SIGSEGV)": (
        "models/mine.py, line 5: models/mine.py:build ended the process that called it, with "
        "SIGSEGV. It may not exit or crash, but only give features; `cnn-study describe mine`"
    ),
    "os._exit(0)": "models/mine.py:build ended the process that called it, with status 0. It may",
}


@pytest.mark.slow
def test_a_function_that_ends_the_process_is_told_of(folder, capfd):
    (folder / "experiments/mine.yaml").write_text(STUDY + WIDER)
    for end, told in ENDS.items():
        (folder / "experiments/models/mine.py").write_text(
            "import os, signal\n\n\ndef build(inputs, filters, width=1):\n"
            f"    print('built', flush=True); {end}\n"
        )
        assert main(["check", "mine"]) == 2
        said = capfd.readouterr().err
        assert f"line 4: base: experiment base: {told}" in said
        assert "Traceback" not in said
    assert main(["describe", "mine"]) == 2
    said = capfd.readouterr()
    assert said.out == "built\n"
    assert "models/mine.py:build ended the process that called it, with " in said.err
    assert "`cnn-study describe mine`" not in said.err


@pytest.mark.slow
def test_a_function_that_goes_on_for_ever_is_ended_where_it_is(folder, monkeypatch):
    """The process says as it is ended which line it was at; the message, what ended it."""
    monkeypatch.setattr(own_networks, "BUILD_SECONDS", 1.5)
    endless = folder / "experiments/models/mine.py"
    endless.write_text("while True:\n    pass\n")
    status, said = own_networks._ended([sys.executable, "-X", "faulthandler", str(endless)], False)
    study = folder / "experiments/mine.yaml"
    place = own_networks.place_in(said, study.parent)
    assert status is None
    assert place in ("models/mine.py, line 1", "models/mine.py, line 2")
    told = own_networks._end("models/mine.py:build", status, place)
    assert (
        told == f"{place}: models/mine.py:build was not done within 0.025 minutes, the limit here"
    )


@pytest.mark.slow
def test_what_fails_only_in_the_graph_of_training_is_told_by_its_line(keras, folder, small):
    """A description is looked at as Python; the training of TensorFlow or JAX is no Python."""
    from cnn_study.train import training
    from cnn_study.train.own_network import describe

    (folder / "experiments/models/mine.py").write_text(
        "import keras\n\n\nclass Own(keras.layers.Layer):\n"
        "    def call(self, x, training=False):\n"
        "        if training and float(x[0, 0]) > 1e9:\n            return x\n        return x\n\n"
        "    def count_macs(self, input_shape):\n        return 0\n\n\n"
        "def build(inputs, filters):\n    return Own()(keras.layers.Flatten()(inputs))\n"
    )
    text = STUDY + "      more: {model_arguments: {filters: 4}}\n"
    study = replace(loaded(folder, text, describe), dataset=small.dataset)
    experiment, runs = study.experiments["base"], folder / "runs"
    with pytest.raises(UserError) as refusal:
        training.train(experiment, 1, small.dataset, small.images, runs)
    assert str(refusal.value).startswith("models/mine.py, line 6: ")
    assert str(refusal.value).endswith(". It came in training: change the file")


@pytest.mark.slow
def test_an_operation_that_fails_in_training_is_told_by_the_line_that_made_it(keras, folder):
    """Keras carries it out, in a graph; images drawn at random, as in a description, pass."""
    from cnn_study.train import own_network
    from cnn_study.train.network import build

    (folder / "experiments/models/mine.py").write_text(
        "from keras import ops\n\n\ndef build(inputs, filters):\n"
        "    squares = ops.reshape(inputs[:, :2, :2, 0], (-1, 2, 2))\n"
        "    inverse = ops.inv(squares)\n"
        "    return ops.reshape(inverse, (-1, 4))\n"
    )
    study = loaded(folder, STUDY + "      more: {model_arguments: {filters: 4}}\n", known)
    settings = study.experiments["base"].settings
    model = build(settings, (8, 8, 1), 10, np.zeros(1), np.ones(1))
    model.compile("sgd", "sparse_categorical_crossentropy")
    network = own_networks.network_of(settings, (8, 8, 1), 10)
    with pytest.raises(UserError) as refusal:  # noqa: PT012
        try:
            model.fit(np.zeros((4, 8, 8, 1), "uint8"), np.zeros(4), verbose=0)
        except Exception as error:
            own_network.refuse_in_training(error, network)
    assert str(refusal.value) == (
        "models/mine.py, line 6: InvalidArgumentError: Input is not invertible. It came in "
        "training: change the file"
    )


@pytest.mark.slow
def test_a_network_of_ones_own_is_trained_kept_and_known_again(keras, folder, small):
    from cnn_study.inspection import trained_network
    from cnn_study.runs import records, wanted
    from cnn_study.train import keras_one, training
    from cnn_study.train.own_network import describe

    study = replace(loaded(folder, describe=describe), dataset=small.dataset)
    experiment, runs = study.experiments["base"], folder / "runs"
    name = fingerprint(experiment.settings, small.dataset.digest)
    experiment = replace(experiment, fingerprint=name)
    record = training.train(experiment, 1, small.dataset, small.images, runs, keep_weights=True)
    assert record.settings.model_digests == experiment.settings.model_digests
    assert (record.cost.parameters, record.cost.macs) == (1120, 2052)
    path = records.place(runs, "base", name, 1)
    read = records.read(path)
    assert read == record
    with pytest.raises(UserError, match=r"mine.py:build has 1,120 parameters, and had 7 when"):
        training.train(replace(experiment, parameters=7), 2, small.dataset, small.images, runs)
    again, _ = wanted.read_sound(
        replace(study, dataset=small.dataset), {"r": wanted.Run(experiment, 1)}, {"r": path}
    )
    assert again == {"r": record}
    pixels = small.images.training_images
    model = trained_network.load(record, records.weights_file(path), pixels, 10)
    accuracy = keras_one.predict(model, small.images.test_images).argmax(axis=1)
    assert (accuracy == small.images.test_labels).mean() == pytest.approx(record.tested.accuracy)
    features = trained_network.features(model, pixels[:2])
    assert features.shape == (2, 108)


# ------------------------------------------------------------------------------ in the report


class MadeOwn(Made):
    """The study of these tests with records made by hand, and its networks described so."""

    def __init__(self, folder: Path, text: str) -> None:
        place = folder / "experiments" / "small.yaml"
        place.write_text(text)
        names: dict[str, Description] = {}

        def describe(network: OwnNetwork) -> Description:
            return names.setdefault(network.name, known(network))

        load(place, describe=describe)
        own_networks.write(place, names)
        super().__init__(folder / "experiments", text)


def one_line_apart(code: str) -> str:
    return code.replace("\n\n\n", "\n\n")


@pytest.mark.slow
def test_the_report_lists_the_code_and_the_layers(folder):
    made = MadeOwn(folder, STUDY + WIDER).runs("base", (0.5, 0.6)).runs("wider", (0.6, 0.7))
    text = unmarked(made.text())
    assert '````{.python filename="models/mine.py"}\n' + one_line_apart(MODEL) + "````" in text
    assert '````{.python filename="models/blocks.py"}\n' + one_line_apart(BLOCKS) + "````" in text
    assert "by `build(inputs, filters=3)`, where `inputs` are the" in text
    assert "| `conv2d` | Conv2D | 6\u00a0×\u00a06\u00a0×\u00a03 | 30 | 972 |" in text
    assert "| `classes` | Dense | 10 | 1,090 | 1,080 |" in text
    assert "They are not drawn, receptive fields, kernels and feature maps" in text
    assert "| **Whole network** | | 10 | **1,120** | **2,052** |" in text
    scripts = made.folder / "report" / "scripts"
    assert (scripts / "models" / "parts.py").read_text() == "SIDE = 3\n"
    assert "x = features_of(x, filters=3)" in (scripts / "base.py").read_text()


@pytest.mark.slow
def test_the_report_tells_nothing_of_layers_that_it_does_not_know(folder):
    made = MadeOwn(folder, STUDY + WIDER).runs("base", (0.5, 0.6))
    text = unmarked(made.text())
    for words in (
        "fig-architecture",
        "fig-receptive-field",
        "the base is followed by",
        "in the base the convolutions hold",
        "first convolution of the base",
    ):
        assert words not in text.lower(), words


@pytest.mark.slow
def test_the_code_of_other_experiments_stands_beside_the_settings(folder):
    own = 'model: "models/mine.py:build", model_arguments: {filters: 3}'
    text = STUDY.replace(own, "filters: [3]")
    text += '      own: {model: "models/mine.py:build"}\n'
    written = unmarked(MadeOwn(folder, text).runs("base", (0.5, 0.6)).text())
    table, code = written.split("{#tbl-settings}")
    assert '````{.python filename="models/mine.py"}\n' + one_line_apart(MODEL) + "````" in code
    assert "| `filters` |" in table
    assert "| `model_arguments` |" not in table


@pytest.mark.slow
def test_the_script_of_a_network_of_ones_own_trains_as_the_trainer_does(keras, folder, small):
    import runpy

    from cnn_study.report import scripts
    from cnn_study.train import keras_one
    from cnn_study.train.meter import Stopwatch
    from cnn_study.train.own_network import describe
    from cnn_study.train.parts import take_parts

    study = loaded(folder, describe=describe)
    settings = study.experiments["wider"].settings
    words = {"what": "wider", "title": "digits", "file": "w.py", "run": "wider/seed-1",
             "versions": "Keras 3"}  # fmt: skip
    for name in settings.model_digests:
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(folder / "experiments" / name, folder / name)
    (folder / "w.py").write_text(scripts.text(settings, small.dataset, 1, words))
    images = small.images
    little = (images.training_images, images.training_labels, images.test_images,
              images.test_labels)  # fmt: skip
    names = runpy.run_path(str(folder / "w.py"))
    names["main"].__globals__["load_images"] = lambda archive=None: little
    losses = names["main"](["--save", str(folder / "weights.npz")])
    parts = take_parts(images, settings)
    model = keras_one.start(settings, parts, 10, 1)
    epochs = list(keras_one.learn(model, settings, parts, 1, Stopwatch()))
    assert losses == [epoch.training_loss for epoch in epochs]


# ------------------------------------------------------------------------------ in a search

SEARCH = """search:
  algorithm: random
  trials: 2
  finalists: 1
  epochs: 1
  seeds: [1]
  finalist_seeds: [101]
  winner_seeds: [201]
  prices: {any: {title: Any, macs: 1000000}}
  space:
    model_arguments: [{filters: 2}, {filters: 3, width: 2}]
    learning_rate: {low: 0.001, high: 0.01, scale: log}
"""


def test_a_search_may_vary_the_arguments_and_nothing_else_of_the_network(folder):
    text = STUDY.replace("{filters: 3}", "{filters: 3, width: 3}") + WIDER + SEARCH
    study = loaded(folder, text)
    search = study.search
    assert search.space[0].values == ({"filters": 2, "width": 3}, {"filters": 3, "width": 2})
    model = search.model({"model_arguments": search.space[0].values[0], "learning_rate": 0.005})
    assert model.settings.model_arguments == {"filters": 2, "width": 3}
    assert model.macs == 648 + 720
    assert len(study.own_networks) == 3  # base, wider and the first of the space; wider is there
    other = SEARCH.replace("    learning_rate", "    filters: [[2], [3]]\n    learning_rate")
    (fault,) = faults(folder, STUDY + WIDER + other)
    assert "search.space.filters: of the built-in network, and the base's is models/mine" in fault
    other = SEARCH.replace("    learning_rate", "    model: [a.py:b, c.py:d]\n    learning_rate")
    (fault,) = faults(folder, STUDY + WIDER + other)
    assert (
        "search.space.model: the base's network is searched. Of one of your own model_arg" in fault
    )
