"""The scripts that a reader takes home train what the trainer trains, to the last bit."""

import ast
import runpy
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cnn_study.data.catalog import DATASETS
from cnn_study.data.images import ARRAY_NAMES, Images
from cnn_study.data.readers import cifar10, digits
from cnn_study.report import scripts
from cnn_study.study.merge import load
from cnn_study.study.settings import Settings
from parameters_by_hand import PARAMETERS

WORDS = {"what": "base", "title": "digits", "file": "base.py", "run": "base/seed-7",
         "versions": "Keras 3"}  # fmt: skip
REAL_ARCHIVE = Path(__file__).parents[2] / "shared" / "data" / "cifar-10-python.tar.gz"
SEED = 7
TINY = {"filters": [3, 4], "dense_units": 5, "epochs": 2, "batch_size": 32}
SHAPE, CLASSES = (12, 12, 3), tuple("abcdefghij")
DATASET = replace(DATASETS["cifar10"], image_shape=SHAPE, class_names=CLASSES)
RECIPES = {
    "winner": {
        "optimizer": "adamw", "learning_rate": 0.02, "schedule": "cosine", "warmup_epochs": 1.25,
        "weight_decay": 0.01, "label_smoothing": 0.1, "activation": "silu", "cutout": 4,
        "class_weight": "balanced", "batch_normalization": True,
        "head": "global_average_pooling", "dense_units": 0,
        "initializer": "he_normal", "scaling": "standardized", "horizontal_flip": True, "shift": 1,
        "flip_order": "alternating", "weight_averaging": 0.9, "test_time_flip": True,
    },
    "residual": {
        "residual": True, "filters": [3, 3, 5], "batch_normalization": True, "pooling": "average",
        "validation_fraction": 0.2, "training_fraction": 0.5,
    },
    "blocks": {
        "block": "inverted_residual", "expansion": 2, "squeeze_excitation": 2,
        "filters": [3, 3, 5], "batch_normalization": True,
    },
    "dropout": {
        "convolution_dropout": 0.25, "dense_dropout": 0.5, "schedule": "step", "kernel_size": 5,
        "activation": "tanh", "watch_test": True,
    },
    "adamw": {"optimizer": "adamw", "padding": "valid", "pool_size": 3, "batch_size": 64},
    "warm-up": {
        "warmup_epochs": 0.5, "optimizer": "momentum", "momentum": 0.5, "nesterov": True,
        "gradient_clipping": 0.5, "pool_after": "none",
        "filters": [16, 32],
    },
    "adam": {
        "learning_rate": 0.01, "weight_decay": 0.01, "horizontal_flip": True, "shift": 2,
        "class_weight": "balanced", "block": "inverted_residual", "expansion": 2,
        "squeeze_excitation": 2, "filters": [3, 3, 5],
    },
    "none held out": {"validation_fraction": 0.0, "precision": "mixed_bfloat16", "cutout": 4},
    "float16": {"precision": "mixed_float16", "label_smoothing": 0.1, "epochs": 3},
    "as it is": {},
}  # fmt: skip
"""Every parameter at another value than its default in one of them, several in each."""


@pytest.fixture(scope="module")
def little():
    """Give 150 images for training and 40 for testing: noise in the colour of its class."""
    random = np.random.default_rng(1)
    labels = random.integers(0, 10, 190).astype("uint8")
    shades = 20 * labels[:, None, None, None] + random.integers(0, 60, (190, *SHAPE))
    images = shades.clip(0, 255).astype("uint8")
    return images[:150], labels[:150], images[150:], labels[150:]


def written(values: dict) -> tuple[Settings, str]:
    settings = Settings(**{**TINY, **values})
    return settings, scripts.text(settings, DATASET, SEED, WORDS)


def run_script(tmp_path, text: str, little, *given: str) -> list[float]:
    """Run a script in this process on little data; give the losses of its epochs."""
    import keras

    path = tmp_path / "base.py"
    path.write_text(text)
    names = runpy.run_path(str(path))
    names["main"].__globals__["load_images"] = lambda archive=None: little
    try:
        return names["main"]([*given, "--save", str(tmp_path / "weights.npz")])
    finally:
        keras.config.set_dtype_policy("float32")


def by_the_trainer(settings: Settings, little, epochs: int = 1):
    """Give the training losses of the first epochs, and the weights after them."""
    from cnn_study.data.images import Images
    from cnn_study.train import keras_one
    from cnn_study.train.meter import Stopwatch
    from cnn_study.train.parts import take_parts

    parts = take_parts(Images(*little), settings)
    model = keras_one.start(settings, parts, len(CLASSES), SEED)
    learned = keras_one.learn(model, settings, parts, SEED, Stopwatch())
    losses = [epoch.training_loss for epoch, _ in zip(learned, range(epochs), strict=False)]
    return losses, [np.asarray(weight) for weight in model.weights]


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_a_script_trains_as_the_trainer_does(keras, tmp_path, little, name):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("the scripts compute with TensorFlow")
    settings, text = written(RECIPES[name])
    losses = run_script(tmp_path, text, little)
    wanted, weights = by_the_trainer(settings, little, len(losses))
    assert losses == wanted
    with np.load(tmp_path / "weights.npz") as saved:
        assert len(saved.files) == len(weights)
        for mine, theirs in zip(saved.values(), weights, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_every_parameter_is_in_a_recipe():
    for name, row in PARAMETERS.items():
        values = [recipe[name] for recipe in RECIPES.values() if name in recipe]
        assert [value for value in values if value != row.default], name


@pytest.mark.parametrize("name", PARAMETERS)
def test_another_value_gives_another_script(name):
    """A parameter that the script forgets would be trained at its default."""
    row = PARAMETERS[name]
    _, plain = written({"epochs": 3, **row.beside})
    _, changed = written({"epochs": 3, **row.beside, name: row.other})
    assert (changed != plain) == (row.code == "printed")


# ------------------------------------------------------------------------------- its images


def module_of(tmp_path, dataset: str) -> dict:
    settings = Settings(**{**TINY, "epochs": 1})
    path = tmp_path / f"{dataset}.py"
    path.write_text(scripts.text(settings, DATASETS[dataset], SEED, WORDS))
    return runpy.run_path(str(path))


@pytest.mark.slow
def test_a_script_reads_the_digits_as_the_project_does(keras, tmp_path):
    loaded = module_of(tmp_path, "digits")["load_images"]()
    wanted = digits.read_digits()
    for mine, name in zip(loaded, ARRAY_NAMES, strict=True):
        np.testing.assert_array_equal(mine, getattr(wanted, name))


@pytest.mark.slow
def test_a_script_reads_cifar10s_archive_as_the_project_does(keras, tmp_path):
    if not REAL_ARCHIVE.exists():
        pytest.skip(f"{REAL_ARCHIVE} is not there")
    loaded = module_of(tmp_path, "cifar10")["load_images"](REAL_ARCHIVE)
    wanted = cifar10.read(REAL_ARCHIVE)
    for mine, name in zip(loaded, ARRAY_NAMES, strict=True):
        np.testing.assert_array_equal(mine, getattr(wanted, name))


@pytest.mark.slow
def test_what_is_not_as_published_is_not_unpickled(keras, tmp_path):
    other = tmp_path / "cifar-10-python.tar.gz"
    other.write_bytes(b"no archive")
    load = module_of(tmp_path, "cifar10")["load_images"]
    with pytest.raises(SystemExit, match="is no archive"):
        load(other)
    (tmp_path / "data_batch_1").write_bytes(b"no pickle")
    with tarfile.open(other, "w:gz") as archive:
        archive.add(tmp_path / "data_batch_1", "cifar-10-batches-py/data_batch_1")
    with pytest.raises(SystemExit, match="lacks, as published: data_batch_1, data_batch_2"):
        load(other)


@pytest.mark.slow
def test_a_script_runs_by_itself(tmp_path):
    """As a person would: in a folder of its own, without this project."""
    path = tmp_path / "base.py"
    path.write_text(scripts.text(Settings(**TINY), DATASETS["digits"], SEED, WORDS))
    command = [sys.executable, path.name, "--epochs", "1"]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PATH": ""}, capture_output=True, text=True, check=True
    )
    first, last = done.stdout.splitlines()
    assert first.startswith("epoch 1: training loss ")
    assert last.startswith("test accuracy ")


# -------------------------------------------------------------------------------- the files


def test_what_is_printed_stands_in_the_script():
    _, text = written(RECIPES["winner"])
    script = scripts.Script("base", "base", "base/seed-7", (1, 2), text)
    assert script.file == "base.py"
    assert script.excerpt in text.replace("\n\n\n", "\n\n")
    first, *_, last = script.excerpt.splitlines()
    assert first == "def build_model(pixel_mean, pixel_deviation):"
    assert last == "    return losses"


HOSTILE = ['"""; import os; os.abort(); """', "\\", 'ends with "', "\\N{BULLET}", "two\nlines"]


@pytest.mark.parametrize("words", HOSTILE)
def test_words_of_a_study_or_a_record_stay_words(words):
    """A price's title and the versions in somebody else's record: none becomes a program."""
    said = WORDS | {"what": words, "versions": words}
    module = ast.parse(scripts.text(Settings(**TINY), DATASETS["digits"], SEED, said))
    harmless = ast.parse(scripts.text(Settings(**TINY), DATASETS["digits"], SEED, WORDS))
    assert len(module.body) == len(harmless.body)
    told = ast.get_docstring(module)
    assert f": {' '.join(words.split())}." in told.splitlines()[0]
    assert told.count(" ".join(words.split())) == 2


def test_scripts_are_written_one_by_one(tmp_path):
    _, text = written({})
    script = scripts.Script("base", "base", "base/seed-7", (1, 2), text)
    study = load(Path(__file__).parents[1] / "experiments" / "digits.yaml")
    assert scripts.write([script], study, tmp_path) == ["base.py"]
    assert (tmp_path / "base.py").read_text() == text


@pytest.mark.parametrize("name", RECIPES)
def test_scripts_are_written_as_a_person_would(name):
    _, text = written(RECIPES[name])
    assert max(map(len, text.splitlines())) <= 100
    assert "\n\n\n\n" not in text
    assert text.count("\n\n\ndef ") + text.count("\n\n\nclass ") == text.count("\ndef ") + (
        text.count("\nclass ")
    )


@pytest.mark.parametrize("fraction", [1.0, 0.4])
def test_a_script_of_own_images_divides_them_as_the_trainer_does(tmp_path, little, fraction):
    """Units of one to five images: of 150 images, 20 % held out, and a part of the rest."""
    settings = Settings(**TINY, validation_fraction=0.2, training_fraction=fraction)
    own = replace(DATASET, name="garden", reader="")
    text = scripts.text(settings, own, SEED, WORDS)
    assert f"python base.py data/garden-{own.digest[:16]}.npz" in text
    assert "download" not in text
    units = np.random.default_rng(2).permutation(np.repeat(np.arange(50), [1, 2, 5, 3, 4] * 10))
    images = Images(*little, units[:150].astype("int32"))
    np.savez(tmp_path / "garden.npz", **vars(images))
    functions = {
        node.name: node
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef) and node.name in ("load_images", "whole", "split")
    }
    names = {"np": np, "VALIDATION_FRACTION": 0.2, "TRAINING_FRACTION": fraction}
    exec(compile(ast.Module([*functions.values()], []), "script", "exec"), names)
    *read, given = names["load_images"](tmp_path / "garden.npz")
    ours = names["split"](*read[:2], given)
    for (_, labels), places in zip(ours, images.split(0.2, fraction), strict=True):
        np.testing.assert_array_equal(labels, images.training_labels[places])
    assert [len(labels) for _, labels in ours] == [
        len(part) for part in images.split(0.2, fraction)
    ]
