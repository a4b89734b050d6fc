"""The network in the page: the browser computes what Keras does, and the reader can use it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cnn_study import architecture, datasets, live, records
from cnn_study.settings import Settings

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

ROOT = Path(__file__).parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
TOLERANCE = 1e-4
"""Of a layer's largest number, or of 1 where that is less: float32 sums in another order."""

COLOUR, GREY = (17, 14, 3), (13, 12, 1)  # odd and even, not square
MEAN, DEVIATION = np.array([100.0, 120.0, 140.0]), np.array([50.0, 60.0, 70.0])
SCALING = {
    "raw": ([1.0] * 3, [0.0] * 3),
    "unit": ([1 / 255] * 3, [0.0] * 3),
    "symmetric": ([2 / 255] * 3, [-1.0] * 3),
    "standardized": ([1 / 50, 1 / 60, 1 / 70], [-2.0, -2.0, -2.0]),
}
CLASSES = ("cat", "dog", '</script><!-- & "bird"')
FACTS = {"experiment": "base", "seed": 1, "test_accuracy": 0.625}

SMALL = {"filters": [4, 5], "kernel_size": 3, "dense_units": 6}
CASES = {
    "plain": {},
    "even-kernel": {"kernel_size": 4, "pool_after": "every"},
    "valid": {"padding": "valid", "kernel_size": 4},
    "kernel-1": {"kernel_size": 1, "dense_units": 0},
    "kernel-larger-than-map": {"kernel_size": 9, "pool_size": 3, "pool_after": [1]},
    "average-3": {"pooling": "average", "pool_size": 3, "pool_after": "every"},
    "max-3": {"pool_size": 3, "pool_after": "every"},
    "strided-same": {"pooling": "strided_convolution", "pool_after": "every"},
    "strided-same-even": {"pooling": "strided_convolution", "kernel_size": 4, "pool_size": 3},
    "strided-beyond-kernel": {"pooling": "strided_convolution", "kernel_size": 1, "pool_size": 3},
    "strided-valid": {"pooling": "strided_convolution", "padding": "valid", "kernel_size": 2},
    "normalized": {"batch_normalization": True},
    "residual": {"residual": True, "filters": [3, 3, 5]},
    "residual-normalized-strided": {
        "residual": True,
        "batch_normalization": True,
        "pooling": "strided_convolution",
        "head": "global_average_pooling",
    },
    "global-average": {"head": "global_average_pooling", "pool_after": "none"},
    "dropout": {"convolution_dropout": 0.3, "dense_dropout": 0.5},
    "raw": {"scaling": "raw"},
    "symmetric": {"scaling": "symmetric"},
    "standardized": {"scaling": "standardized"},
    **{
        name: {"activation": name}
        for name in ("leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid")
    },
    "own-activation-layer": {"activation": "gelu", "batch_normalization": True},
}


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def calculator(browser):
    """A page with the computing script alone; gives every layer's numbers for an image."""
    page = browser.new_page()
    page.set_content(f"<script>{(live.THEME / 'network.js').read_text()}</script>")

    def compute(data: dict, pixels: np.ndarray) -> dict[str, np.ndarray]:
        page.evaluate("text => { window.network = cnnNetwork.decode(text); }", json.dumps(data))
        found = page.evaluate(
            "pixels => { window.ran = cnnNetwork.run(network, Uint8Array.from(pixels));"
            " const all = {probabilities: Array.from(ran.probabilities)};"
            " for (const name in ran.outputs) all[name] = Array.from(ran.outputs[name]);"
            " return all; }",
            pixels.ravel().tolist(),
        )
        return {name: np.array(values) for name, values in found.items()}

    compute.page = page
    yield compute
    page.close()


def randomize(model, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Give every weight a value that counts, moving statistics and biases too."""
    weights = {}
    for weight in model.weights:
        if "seed_generator" in weight.path:
            continue
        kind = weight.path.split("/")[-1]
        value = random.normal(0, 0.5, weight.shape)
        if kind == "kernel":
            value = np.asarray(weight)
        elif kind in ("gamma", "moving_variance"):
            value = random.uniform(0.5, 2, weight.shape)
        weights[weight.path] = np.asarray(value, np.float32)
        weight.assign(weights[weight.path])
    return weights


def build(keras, shape: tuple[int, int, int], values: dict):
    """Build a model with random weights; give it with the data for the page and an image."""
    from cnn_study.network import build as build_model

    settings = Settings(**{**SMALL, **values})
    keras.utils.set_random_seed(3)
    model = build_model(settings, shape, len(CLASSES), MEAN[: shape[2]], DEVIATION[: shape[2]])
    random = np.random.default_rng(4)
    weights = randomize(model, random)
    images = random.integers(0, 256, (3, *shape)).astype(np.uint8)
    scale, offset = (part[: shape[2]] for part in SCALING[settings.scaling])
    data = live.network(
        settings,
        shape,
        CLASSES,
        weights,
        scale=scale,
        offset=offset,
        images=images,
        labels=[0, 1, 2],
        facts=FACTS,
    )
    return model, data, images


def in_keras(keras, model, image: np.ndarray) -> dict[str, np.ndarray]:
    layers = model.layers[1:]
    whole = keras.Model(model.input, [layer.output for layer in layers])
    return {
        layer.name: np.asarray(output)[0]
        for layer, output in zip(layers, whole(image[None]), strict=True)
    }


def difference(found: np.ndarray, wanted: np.ndarray) -> float:
    """Give the largest difference, as a share of the largest number (or of 1)."""
    assert found.size == wanted.size
    return np.abs(found - wanted.ravel()).max() / max(1, np.abs(wanted).max())


# ------------------------------------------------------------------------- as Keras computes


@pytest.mark.parametrize("shape", [COLOUR, GREY], ids=["colour", "grey"])
@pytest.mark.parametrize("name", CASES)
def test_every_layer_is_what_keras_computes(keras, calculator, name, shape):
    model, data, images = build(keras, shape, CASES[name])
    wanted = in_keras(keras, model, images[0])
    found = calculator(data, images[0])
    assert set(found) == {*wanted, "probabilities"}
    for layer in wanted:
        assert difference(found[layer], wanted[layer]) < TOLERANCE, layer
    np.testing.assert_allclose(found["probabilities"], wanted["classes"], rtol=0, atol=TOLERANCE)


def test_every_kind_of_layer_and_every_choice_is_among_the_cases():
    settings = [Settings(**{**SMALL, **values}) for values in CASES.values()]
    kinds = {layer.kind for each in settings for layer in architecture.layers(each, COLOUR, 3)}
    assert kinds == {
        *("convolution", "batch_normalization", "projection", "add", "activation", "dropout"),
        *("max_pooling", "average_pooling", "flatten", "global_average_pooling", "dense"),
    }
    for name in ("padding", "activation", "pooling", "head", "scaling"):
        allowed = Settings.model_fields[name].annotation.__args__
        assert {getattr(each, name) for each in settings} == set(allowed), name


def test_other_settings_give_other_numbers(keras, calculator):
    """The comparison above can fail: what one setting computes is far from another's."""
    model, _, images = build(keras, COLOUR, {"activation": "gelu"})
    _, other, _ = build(keras, COLOUR, {"activation": "silu"})
    wanted = in_keras(keras, model, images[0])
    found = calculator(other, images[0])
    assert difference(found["convolution_1"], wanted["convolution_1"]) > 10 * TOLERANCE


@pytest.mark.parametrize(
    "name",
    ["plain", "even-kernel", "valid", "strided-same-even", "strided-valid", "normalized", "gelu"],
)
def test_the_sum_that_is_explained_is_the_number_in_the_map(keras, calculator, name):
    """At corners, edges and inside: window times kernel, added up with the bias."""
    model, data, images = build(keras, COLOUR, CASES[name])
    maps = in_keras(keras, model, images[0])
    calculator(data, images[0])
    for layer in ("convolution_1", "convolution_2"):
        kernel = np.asarray(model.get_layer(layer).kernel)
        rows, columns, filters = maps[layer].shape
        for place in [(0, 0, 0), (rows - 1, columns - 1, filters - 1), (rows // 2, 1, 1)]:
            told = calculator.page.evaluate(
                "([layer, place]) => cnnNetwork.explain(network, ran.outputs, layer, ...place)",
                [layer, place],
            )
            assert told["value"] == pytest.approx(maps[layer][place], rel=1e-4, abs=TOLERANCE)
            window = np.array([part["window"] for part in told["channels"]], dtype=float)
            used = np.array([part["kernel"] for part in told["channels"]])
            np.testing.assert_array_equal(used, kernel[..., place[2]].transpose(2, 0, 1))
            sums = np.nansum(window * used, axis=(1, 2))
            np.testing.assert_allclose(sums, [part["sum"] for part in told["channels"]], atol=1e-9)
            assert told["sum"] == pytest.approx(sums.sum() + told["bias"], abs=1e-9)


def test_the_published_base_is_what_keras_computes(keras, calculator):
    data, model, images = published(keras)
    worst = 0.0
    for image in images:
        wanted = in_keras(keras, model, image)
        found = calculator(data, image)
        worst = max(worst, *(difference(found[layer], wanted[layer]) for layer in wanted))
        np.testing.assert_allclose(
            found["probabilities"], wanted["classes"], rtol=0, atol=TOLERANCE
        )
    assert worst < TOLERANCE
    milliseconds = calculator.page.evaluate(
        "pixels => { const start = performance.now();"
        " for (let n = 0; n < 20; n++) cnnNetwork.run(network, Uint8Array.from(pixels));"
        " return (performance.now() - start) / 20; }",
        images[0].ravel().tolist(),
    )
    print(f"largest difference {worst:.1e}, {milliseconds:.1f} ms a run")
    assert milliseconds < 500  # fluid is 50; a busy machine must not fail this


def published_data(images: int = 12) -> dict:
    """The published base as the report's page holds it, with the first test images."""
    place = next((ROOT / "results" / "cifar10" / "runs" / "base").glob("*/seed-1.weights.npz"))
    prepared = ROOT / "data" / "cifar10.npz"
    if not prepared.exists():
        pytest.skip("data/cifar10.npz is not there: python -m cnn_study prepare cifar10")
    record = records.read(place.with_name("seed-1.json"))
    assert record.settings.scaling == "unit"
    facts = datasets.DATASETS["cifar10"]
    with np.load(prepared) as arrays, np.load(place) as weights:
        return live.network(
            record.settings,
            facts.image_shape,
            facts.class_names,
            dict(weights),
            scale=[1 / 255] * 3,
            offset=[0.0] * 3,
            images=arrays["test_images"][:images],
            labels=arrays["test_labels"][:images],
            facts={
                "experiment": record.experiment,
                "seed": record.seed,
                "test_accuracy": record.test.accuracy,
            },
        )


def published(keras):
    import base64

    from cnn_study.network import build as build_model

    data = published_data()
    place = next((ROOT / "results" / "cifar10" / "runs" / "base").glob("*/seed-1.weights.npz"))
    settings = records.read(place.with_name("seed-1.json")).settings
    model = build_model(settings, (32, 32, 3), 10, MEAN, DEVIATION)
    with np.load(place) as weights:
        for weight in model.weights:
            weight.assign(weights[weight.path])
    pixels = np.frombuffer(base64.b64decode(data["images"]["data"]), np.uint8)
    return data, model, pixels.reshape(data["images"]["shape"])
