"""What a network does with images: occlusion and mistakes by hand, layers against their weights."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import correlate

from cnn_study.base import files
from cnn_study.base.errors import UserError
from cnn_study.data.split import split
from cnn_study.inspection import trained_network
from cnn_study.runs import records
from cnn_study.study import architecture
from cnn_study.study.model import Experiment
from cnn_study.study.settings import Settings, fingerprint
from cnn_study.train import keras_one, training
from cnn_study.train.epoch_images import pixel_statistics

# ----------------------------------------------------------------------------------- occlusion


def upper_left(images: np.ndarray) -> np.ndarray:
    """A network by hand: the first class is as probable as the upper left pixel is bright."""
    bright = images[:, 0, 0, 0] / 100
    return np.stack([bright, 1 - bright], axis=1).astype("float32")


def test_hiding_the_one_pixel_that_counts_costs_what_it_says():
    """Grey is 20: of a pixel of 90 the square takes 0.9 - 0.2 from the first class."""
    images = np.full((2, 4, 6, 1), 50, dtype="uint8")
    images[:, 0, 0] = 90
    lost = trained_network.occlusion(
        upper_left, images, np.array([0, 1]), np.array([20], dtype="uint8"), 2, 2
    )
    expected = np.zeros((2, 2, 3))
    expected[:, 0, 0] = [0.7, -0.7]
    assert lost == pytest.approx(expected, abs=1e-6)


def test_the_square_is_laid_row_by_row_and_stays_inside():
    image = np.arange(1, 13, dtype="uint8").reshape(3, 4, 1)
    covered = trained_network.cover(image, np.array([0], dtype="uint8"), 2, 1)
    assert covered.shape == (2, 3, 3, 4, 1)
    assert covered[0, 0, ..., 0].tolist() == [[0, 0, 3, 4], [0, 0, 7, 8], [9, 10, 11, 12]]
    assert covered[0, 2, ..., 0].tolist() == [[1, 2, 0, 0], [5, 6, 0, 0], [9, 10, 11, 12]]
    assert covered[1, 1, ..., 0].tolist() == [[1, 2, 3, 4], [5, 0, 0, 8], [9, 0, 0, 12]]


def test_the_square_is_grey_in_every_channel():
    image = np.full((2, 2, 3), 9, dtype="uint8")
    covered = trained_network.cover(image, np.array([1, 2, 3], dtype="uint8"), 1, 1)
    assert covered[1, 0].tolist() == [[[9, 9, 9]] * 2, [[1, 2, 3], [9, 9, 9]]]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((32, 32, 3), (8, 2)), ((8, 8, 1), (2, 1)), ((64, 40, 3), (10, 2)), ((3, 9, 1), (1, 1))],
)
def test_the_square_is_a_quarter_of_the_shorter_side(shape, expected):
    assert trained_network.occlusion_size(shape) == expected


# ------------------------------------------------------------------------- mistakes and numbers


def test_mistakes_are_ordered_by_probability_then_place():
    probabilities = np.array(
        [[0.6, 0.4], [0.1, 0.9], [0.4, 0.6], [0.05, 0.95], [0.9, 0.1], [0.2, 0.8]], dtype="float32"
    )
    labels = np.array([1, 0, 0, 1, 1, 1])  # images 3 and 5 are right
    assert trained_network.worst_mistakes(probabilities, labels, 12).tolist() == [1, 4, 0, 2]
    assert trained_network.worst_mistakes(probabilities, labels, 2).tolist() == [1, 4]
    assert trained_network.worst_mistakes(probabilities[3:4], labels[3:4], 2).tolist() == []


def test_half_rounds_and_keeps_what_is_too_large_finite():
    values = np.array([0.1, 1e6, -1e9, 65504], dtype="float32")
    assert trained_network.half(values).dtype == "float16"
    assert trained_network.half(values).tolist() == [float(np.float16(0.1)), 65504, -65504, 65504]


def test_every_layer_on_the_way_is_shown():
    settings = Settings(
        filters=[2, 4], batch_normalization=True, residual=True, convolution_dropout=0.1,
        pool_after=[1], dense_units=0, head="global_average_pooling",
    )  # fmt: skip
    assert trained_network.shown_layers(architecture.layers(settings, (8, 8, 1), 3)) == [
        "convolution_1", "batch_normalization_1", "add_1", "activation_1", "max_pooling_1",
        "convolution_2", "batch_normalization_2", "add_2", "activation_2",
        "global_average_pooling", "classes",
    ]  # fmt: skip


# ------------------------------------------------------------------------------ a real network

TINY = {"filters": [3], "kernel_size": 3, "dense_units": 8, "epochs": 1,
        "validation_fraction": 0.2, "scaling": "standardized"}  # fmt: skip


@pytest.fixture(scope="module")
def run(keras, small, tmp_path_factory):
    """A record with weights beside it: its path, and the record."""
    settings = Settings(**TINY)
    cost = architecture.cost(settings, small.dataset.image_shape, 10)
    experiment = Experiment("base", settings, fingerprint(settings, small.dataset.digest), *cost)
    folder = tmp_path_factory.mktemp("runs")
    record = training.train(
        experiment, 1, small.dataset, small.images, folder, keep_weights=True
    )  # fmt: skip
    return records.place(folder, "base", record.fingerprint, 1), record


@pytest.fixture(scope="module")
def training_pixels(small):
    chosen, _ = split(small.images.training_labels, TINY["validation_fraction"])
    return small.images.training_images[chosen]


@pytest.fixture(scope="module")
def model(run, training_pixels):
    path, record = run
    return trained_network.load(record, path.with_suffix(".weights.npz"), training_pixels, 10)


def test_a_loaded_network_answers_as_the_trained_one(run, small, model):
    path, record = run
    probabilities = keras_one.predict(model, small.images.test_images)
    kept = records.predictions(path, record)
    assert probabilities.argmax(axis=1).tolist() == kept["classes"].tolist()
    assert probabilities.max(axis=1) == pytest.approx(kept["probabilities"], abs=0.5 / 255 + 1e-6)


def test_feature_maps_are_what_the_weights_say(small, model, training_pixels):
    """The first layer by SciPy, from pixels scaled as the facts say; the last by a product."""
    image = small.images.test_images[0]
    names = ["convolution_1", "dense", "classes"]
    maps, dense, classes = trained_network.feature_maps(model, names, image)
    scale, offset = keras_one.pixel_scaling(model, 1)
    mean, deviation = pixel_statistics(training_pixels)
    assert scale == pytest.approx(1 / deviation)
    assert offset == pytest.approx(-mean / deviation)
    kernel, bias, *_, last, last_bias = model.get_weights()
    scaled = image[..., 0] * scale[0] + offset[0]
    for number in range(3):
        by_hand = correlate(scaled, kernel[:, :, 0, number], "same") + bias[number]
        assert maps[..., number] == pytest.approx(np.maximum(by_hand, 0), abs=5e-3)
    scores = np.exp(dense.astype("float64") @ last + last_bias)
    assert classes == pytest.approx(scores / scores.sum(), abs=2e-3)
    assert maps.max() > 0.1


def test_features_are_what_the_last_layer_is_given(small, model):
    images = small.images.test_images[:3]
    found = trained_network.features(model, images)
    assert found.shape == (3, 8)
    (dense,) = trained_network.feature_maps(model, ["dense"], images[2])
    assert found[2] == pytest.approx(dense, abs=5e-3)
    assert found[2].max() > 0.05


@pytest.mark.parametrize("scaling", ["raw", "unit", "symmetric", "standardized"])
def test_pixel_scaling_is_that_of_the_network(keras, scaling):
    from cnn_study.train.network import build

    pixels = np.random.default_rng(1).integers(0, 256, (5, 6, 4, 3), dtype="uint8")
    settings = Settings(filters=[2], kernel_size=3, dense_units=4, scaling=scaling)
    network = build(settings, (6, 4, 3), 2, *pixel_statistics(pixels))
    scale, offset = keras_one.pixel_scaling(network, 3)
    assert [len(scale), len(offset)] == [3, 3]
    (scaled,) = trained_network.feature_maps(network, ["scaling"], pixels[0])
    assert scaled == pytest.approx(pixels[0] * np.array(scale) + np.array(offset), rel=1e-3)


def test_networks_of_every_kind_are_followed(keras):
    """Not square, two channels, mixed precision, residual: every map has its layer's shape."""
    from cnn_study.train.network import build

    settings = Settings(
        filters=[2, 4], kernel_size=3, residual=True, batch_normalization=True, dense_units=0,
        precision="mixed_bfloat16", head="global_average_pooling", convolution_dropout=0.5,
    )  # fmt: skip
    image = np.random.default_rng(1).integers(0, 256, (10, 7, 2), dtype="uint8")
    network = build(settings, image.shape, 3, np.zeros(2), np.ones(2))
    layers = architecture.layers(settings, image.shape, 3)
    names = trained_network.shown_layers(layers)
    maps = trained_network.feature_maps(network, names, image)
    shapes = {layer.name: layer.shape for layer in layers}
    assert [found.shape for found in maps] == [shapes[name] for name in names]
    assert {str(found.dtype) for found in maps} == {"float16"}
    assert float(maps[-1].sum()) == pytest.approx(1, abs=1e-2)


# ------------------------------------------------------------------------------ wrong weights


@pytest.fixture
def weights(run, tmp_path):
    """A copy of the weights, to be spoilt."""
    kept = run[0].with_suffix(".weights.npz")
    return Path(shutil.copy(kept, tmp_path))


def test_other_weights_are_refused(run, weights, training_pixels):
    with np.load(weights) as arrays:
        changed = {name: arrays[name].copy() for name in arrays.files}
    next(iter(changed.values())).flat[0] += 1
    files.write_arrays(weights, changed)
    with pytest.raises(UserError, match="not hold the weights that its record tells of") as error:
        trained_network.load(run[1], weights, training_pixels, 10)
    assert str(weights) in str(error.value)
    assert "`cnn-study weights STUDY` trains its run again" in str(error.value)


@pytest.mark.parametrize("spoil", [lambda content: content[:-50], lambda content: b""])
def test_weights_that_are_cut_off_are_refused(run, weights, training_pixels, spoil):
    weights.write_bytes(spoil(weights.read_bytes()))
    with pytest.raises(UserError, match="it is damaged") as error:
        trained_network.load(run[1], weights, training_pixels, 10)
    assert str(weights) in str(error.value)


def test_weights_of_another_network_are_refused(run, weights, training_pixels):
    files.write_arrays(weights, {"convolution_1/kernel": np.zeros((3, 3, 1, 2), "float32")})
    with pytest.raises(UserError, match="their digest is"):
        trained_network.load(run[1], weights, training_pixels, 10)


def test_weights_that_score_otherwise_are_refused(run, weights):
    _, record = run
    told = record.test.accuracy
    trained_network.check_accuracy(weights, record, told)
    trained_network.check_accuracy(weights, record, told + 0.0005)  # another processor
    with pytest.raises(UserError, match="the record says") as error:
        trained_network.check_accuracy(weights, record, told - 0.01)
    assert str(weights) in str(error.value)
