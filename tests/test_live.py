"""The network in the page: the browser computes what Keras does, and the reader can use it."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from cnn_study.data.catalog import DATASETS
from cnn_study.report import live
from cnn_study.report import page as page_parts
from cnn_study.runs import kept_weights, records
from cnn_study.study import architecture
from cnn_study.study.layer import KINDS
from cnn_study.study.settings import ModelSettings, Settings
from parameters_by_hand import PARAMETERS

ROOT = Path(__file__).parents[1]
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
FACTS = {"label": "base", "experiment": "base", "seed": 1, "test_accuracy": 0.625}
WINNER = {"label": "winner", "experiment": "search/ab12", "seed": 201, "test_accuracy": 0.75}

SMALL = {"filters": [4, 5], "kernel_size": 3, "dense_units": 6}
CASES = {
    "pairs": {"block": "residual_pair", "filters": [3, 3, 5], "squeeze_excitation": 2},
    "separable": {"block": "depthwise_separable", "kernel_size": [3, 5], "padding": "valid"},
    "inverted": {
        "block": "inverted_residual",
        "filters": [4, 4, 6],
        "expansion": 2,
        "squeeze_excitation": 4,
        "batch_normalization": True,
        "pooling": "strided_convolution",
        "pool_after": "every",
    },
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
    "own-sizes": {"filters": [2, 3], "kernel_size": [3, 5], "dense_units": [6, 4]},
    "raw": {"scaling": "raw"},
    "symmetric": {"scaling": "symmetric"},
    "standardized": {"scaling": "standardized"},
    **{
        name: {"activation": name}
        for name in ("leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid")
    },
    "own-activation-layer": {"activation": "gelu", "batch_normalization": True},
}
CASES |= {
    name: {name: PARAMETERS[name].other}
    for name in ModelSettings.model_fields
    if not any(name in values for values in CASES.values())
}


@pytest.fixture(scope="module")
def calculator(browser):
    """A page with the computing script alone; gives every layer's numbers for an image."""
    page = browser.new_page()
    page.set_content(f"<script>{(page_parts.THEME / 'network.js').read_text()}</script>")

    def compute(data: dict, pixels: np.ndarray) -> dict[str, np.ndarray]:
        page.evaluate("text => { window.network = cnnNetwork.decode(text)[0]; }", json.dumps(data))
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
    """Give every weight a value that counts, in half precision, as the page has it."""
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
        weights[weight.path] = np.asarray(value, np.float16).astype(np.float32)
        weight.assign(weights[weight.path])
    return weights


def build(keras, shape: tuple[int, int, int], values: dict):
    """Build a model with random weights; give it with the data for the page and images."""
    model, trained, images = make(keras, shape, values)
    return model, live.networks([trained], shape, CLASSES, images, [0, 1, 2]), images


def make(keras, shape: tuple[int, int, int], values: dict, facts: dict = FACTS):
    from cnn_study.train.network import build as build_model

    settings = Settings(**{**SMALL, **values})
    keras.utils.set_random_seed(3)
    model = build_model(settings, shape, len(CLASSES), MEAN[: shape[2]], DEVIATION[: shape[2]])
    random = np.random.default_rng(4)
    weights = randomize(model, random)
    images = random.integers(0, 256, (3, *shape)).astype(np.uint8)
    scale, offset = (part[: shape[2]] for part in SCALING[settings.scaling])
    return model, live.Trained(settings, weights, scale, offset, facts), images


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


@pytest.mark.parametrize("shape", [COLOUR, GREY])
def test_with_a_flip_at_test_time_the_answer_is_the_mean_of_both(keras, calculator, shape):
    model, data, images = build(keras, shape, {"test_time_flip": True})
    one, other = (
        in_keras(keras, model, each)["classes"] for each in (images[0], images[0, :, ::-1])
    )
    found = calculator(data, images[0])
    np.testing.assert_allclose(found["probabilities"], (one + other) / 2, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(found["classes"], one, rtol=0, atol=TOLERANCE)
    assert np.abs(one - other).max() > 10 * TOLERANCE


def test_every_kind_of_layer_and_every_choice_is_among_the_cases():
    settings = [Settings(**{**SMALL, **values}) for values in CASES.values()]
    kinds = {layer.kind for each in settings for layer in architecture.layers(each, COLOUR, 3)}
    assert kinds == set(KINDS)
    for name in ("block", "padding", "activation", "pooling", "head", "scaling"):
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
    [
        *("plain", "even-kernel", "valid", "strided-same-even", "strided-valid", "normalized"),
        *("gelu", "inverted"),
    ],
)
def test_the_sum_that_is_explained_is_the_number_in_the_map(keras, calculator, name):
    """At corners, edges and inside: window times kernel, added up with the bias."""
    model, data, images = build(keras, COLOUR, CASES[name])
    maps = in_keras(keras, model, images[0])
    calculator(data, images[0])
    shown = [each.name for each in model.layers if each.name.rpartition("convolution_")[1]]
    assert len(shown) > 1
    for layer in shown:
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
            own = slice(place[2], place[2] + 1)  # of a depthwise convolution, whose last axis is 1
            of_filter = kernel[..., place[2]] if kernel.shape[-1] > 1 else kernel[..., own, 0]
            np.testing.assert_array_equal(used, of_filter.transpose(2, 0, 1))
            sums = np.nansum(window * used, axis=(1, 2))
            np.testing.assert_allclose(sums, [part["sum"] for part in told["channels"]], atol=1e-9)
            assert told["sum"] == pytest.approx(sums.sum() + told["bias"], abs=1e-9)


PUBLISHED = sorted((ROOT / "results" / "cifar10" / "runs").glob("*/*/*.weights.npz"))


@pytest.mark.parametrize("place", PUBLISHED, ids=lambda place: place.parents[1].name)
def test_a_published_network_is_what_keras_computes(keras, calculator, place):
    data, model, images = published(keras, place)
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


def published_data(place: Path, images: int = 12) -> dict:
    """A published network as the report's page holds it, with the first test images."""
    prepared = ROOT / "data" / "cifar10.npz"
    if not prepared.exists():
        pytest.skip("data/cifar10.npz is not there: python -m cnn_study prepare cifar10")
    record = records.read(place.with_name(place.name.replace(".weights.npz", ".json")))
    facts, scaling = DATASETS["cifar10"], kept_weights.read_scaling(place)
    if scaling is None:
        assert record.settings.scaling == "unit"
        scaling = [1 / 255] * 3, [0.0] * 3
    told = {"label": "base", "experiment": record.experiment, "seed": record.seed}
    told["test_accuracy"] = record.tested.accuracy
    with np.load(prepared) as arrays:
        return live.networks(
            [live.Trained(record.settings, kept_weights.read(place), *scaling, told)],
            facts.image_shape,
            facts.class_names,
            arrays["test_images"][:images],
            arrays["test_labels"][:images],
        )


def published(keras, place: Path):
    """A published network with its weights in half precision, as the page has them."""
    import base64

    from cnn_study.train.network import build as build_model

    data = published_data(place)
    settings = records.read(place.with_name(place.name.replace(".weights.npz", ".json"))).settings
    scale, offset = (np.array(data["networks"][0][name]) for name in ("scale", "offset"))
    model = build_model(settings, (32, 32, 3), 10, -offset / scale, 1 / scale)
    weights = kept_weights.read(place)
    for weight in model.weights:
        weight.assign(weights[weight.path].astype("float16").astype("float32"))
    pixels = np.frombuffer(base64.b64decode(data["images"]["data"]), np.uint8)
    return data, model, pixels.reshape(data["images"]["shape"])


# ------------------------------------------------------------------------------- the data


def test_arrays_are_little_endian():
    # 1.0 is 0x3f800000.
    assert live._array(np.array([[1.0]]), "<f4") == {"shape": [1, 1], "data": "AACAPw=="}
    assert live._array(np.array([255, 1], np.uint8), "|u1") == {"shape": [2], "data": "/wE="}


def test_weights_are_in_half_precision_where_they_fit():
    # 1.0 is 0x3c00 in half precision; 1e6 is beyond its largest number, 65504.
    assert live._weights(np.array([1.0])) == {"shape": [1], "data": "ADw="}
    assert live._weights(np.array([1e6])) == live._array(np.array([1e6]), "<f4")


@pytest.mark.slow
def test_the_page_reads_half_precision_as_numpy_does(calculator, keras):
    """Normal and subnormal numbers, zeros of both signs, the largest."""
    numbers = np.array([0.0, -0.0, 1.0, -2.5, 65504, 6e-8, -6.1e-5, 0.333, 1e-3] * 3, np.float16)
    settings = Settings(filters=[1], dense_units=0, pool_after="none", padding="valid")
    weights = {
        "convolution_1/kernel": numbers.reshape(3, 3, 3, 1),
        "convolution_1/bias": np.zeros(1), "classes/kernel": np.zeros((1, 2)),
        "classes/bias": np.zeros(2),
    }  # fmt: skip
    trained = live.Trained(settings, weights, [1.0] * 3, [0.0] * 3, FACTS)
    image = np.zeros((1, 3, 3, 3), np.uint8)
    data = live.networks([trained], (3, 3, 3), ("a", "b"), image, [0])
    calculator(data, image[0])
    read = calculator.page.evaluate("() => Array.from(network.layers[0].weights.kernel)")
    np.testing.assert_array_equal(read, numbers.astype(float))


def test_no_text_can_end_the_element():
    data = {"class_names": ["</script>", "<!--", "<script>"]}
    text = page_parts.element(data, "here")
    inside = text.removeprefix('<script type="application/json" id="here">')
    inside = inside.removesuffix("</script>\n")
    assert "<" not in inside
    assert json.loads(inside) == data


def test_all_that_does_not_fit_is_named():
    settings = Settings(filters=[2], dense_units=0, pool_after="none")
    weights = {"convolution_1/kernel": np.zeros((3, 3, 1, 2)), "classes/kernel": np.zeros((32, 2))}
    trained = live.Trained(settings, weights, [1.0, 1.0], [0.0], FACTS)
    with pytest.raises(ValueError, match="scale") as raised:
        live.networks([trained], (4, 4, 1), ("a", "b"), np.zeros((2, 4, 4, 1)), [0])
    assert str(raised.value).split("; ") == [
        "images are float64 (2, 4, 4, 1), not uint8 (0, 4, 4, 1)",
        "there are 1 labels for 2 images",
        "scale has 2 numbers for 1 channels",
        "no weights are called convolution_1/bias",
        "no weights are called classes/bias",
    ]
    weights |= {"convolution_1/bias": np.zeros(3), "classes/bias": np.zeros(2)}
    trained = live.Trained(settings, weights, [1.0], [0.0], FACTS)
    image = np.zeros((1, 4, 4, 1), np.uint8)
    with pytest.raises(ValueError, match=r"^convolution_1 has 21 weights and should have 20$"):
        live.networks([trained], (4, 4, 1), ("a", "b"), image, [0])


# ------------------------------------------------------------------------------ in the page

SHAPE = (16, 12, 3)
STATIC = "A reader without scripts sees this."


@pytest.fixture(scope="module")
def shown(keras, tmp_path_factory):
    """A page with a small network of random weights; with its model and its images."""
    model, data, images = build(keras, SHAPE, {"filters": [4, 5]})
    return model, images, written(tmp_path_factory.mktemp("live"), data)


def written(folder: Path, data: dict) -> Path:
    """Write a page that has these networks and nothing else."""
    style = "".join((page_parts.THEME / f"{name}.css").read_text() for name in ("report", "live"))
    place = folder / "page.html"
    place.write_text(
        f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Live</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<style>{style}</style><main><div class="live" data-network="live-network">'
        f'<figure id="fig-still"><p>{STATIC}</p><figcaption><strong>Figure 7:</strong> Still.'
        f'</figcaption></figure></div><p class="when-live">At work.</p>'
        f'<p class="when-static">At rest.</p></main>{page_parts.fragment({live.ELEMENT: data})}',
        encoding="utf-8",
    )
    return place


@pytest.fixture
def page(browser, shown):
    """The page as opened from disk; at the end it must have said and asked for nothing."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
    said, asked = [], []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(shown[2].as_uri())
    yield opened
    opened.close()
    assert said == []
    assert asked == [shown[2].as_uri()]


def shares(page) -> list[float]:
    """Read the probabilities as they stand in the page, in percent."""
    texts = page.locator(".live-share").all_inner_texts()
    return [float(text.removesuffix("\u00a0%")) for text in texts]


def expected(model, image: np.ndarray) -> list[float]:
    return pytest.approx((100 * np.asarray(model(image[None]))[0]).tolist(), abs=0.06)


def colour(value: tuple[int, int, int]) -> np.ndarray:
    return np.broadcast_to(np.uint8(value), SHAPE)


def wait_for_change(page, before: list[float]) -> None:
    page.wait_for_function(
        "before => [...document.querySelectorAll('.live-share')].map(e => e.textContent).join()"
        " !== before.map(share => share.toFixed(1) + '\\u00a0%').join()",
        arg=before,
    )


def place_of(page) -> list[int]:
    """Read filter, row and column, counted from 1."""
    return [int(box.input_value()) for box in page.locator(".live-fields input").all()]


def number(text: str) -> float:
    return float(text.replace("−", "-").removeprefix("= "))


@pytest.fixture(scope="module")
def several(keras, tmp_path_factory):
    """A page with two networks; with their models and their images."""
    first, base, images = make(keras, SHAPE, {"filters": [4, 5]})
    second, winner, _ = make(
        keras, SHAPE,
        {"filters": [3, 3], "batch_normalization": True, "activation": "silu",
         "head": "global_average_pooling", "dense_units": 0}, WINNER,
    )  # fmt: skip
    data = live.networks([base, winner], SHAPE, CLASSES, images, [0, 1, 2])
    return (first, second), images, written(tmp_path_factory.mktemp("several"), data)


def test_the_page_holds_as_many_images_and_networks_as_fit():
    """Of 256 x 256 colour images 5.3 fit into a MiB, of CIFAR-10's 341; four are the least."""
    assert live.choice(20, 256 * 256 * 3) == [0, 5, 10, 14, 19]
    assert live.choice(20, 512 * 512 * 3) == [0, 6, 13, 19]
    assert live.choice(20, 32 * 32 * 3) == list(range(20))
    assert live.choice(3, 10**9) == [0, 1, 2]
    # 2,097,152 weights: the second is too large beside the first, the third is not.
    assert live.that_fit([2_000_000, 97_153, 97_152]) == [0, 2]
    assert live.that_fit([5_000_000, 1]) == [0]


def test_all_networks_answer_and_one_is_looked_into(browser, several):
    models, images, place = several
    page = browser.new_page()
    page.goto(place.as_uri())
    cards = page.locator(".live-network")
    assert cards.count() == 2
    for n in (1, 0, 1):
        page.locator(".live-thumbnail").nth(2 - n).click()
        cards.nth(n).click()
        assert shares(page) == expected(models[n], images[2 - n])
        assert [card.get_attribute("aria-pressed") for card in cards.all()] == [
            str(n == card).lower() for card in range(2)
        ]
        for card, model in zip(cards.all(), models, strict=True):
            answer = np.asarray(model(images[2 - n][None]))[0]
            said = CLASSES[int(answer.argmax())]
            judged = "right" if answer.argmax() == 2 - n else "wrong"
            words = f"says {said}, {100 * answer.max():.1f} %, {judged}"
            assert words in card.inner_text().replace("\u00a0", " ")
    names = page.locator(".live-layer code").all_inner_texts()
    assert names[:2] == ["convolution_1", "batch_normalization_1"]
    assert "The run search/ab12 with seed 201" in page.locator(".live-facts").inner_text()
    page.locator(".live-pointed").press("PageDown")
    assert place_of(page)[0] == 2
    page.close()


def test_weights_are_saved_as_numpy_reads_them(browser, several, tmp_path):
    models, _, place = several
    page = browser.new_page()
    page.goto(place.as_uri())
    page.locator(".live-network").nth(1).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save its weights").click()
    assert download.value.suggested_filename == "search-ab12-seed-201.npz"
    download.value.save_as(tmp_path / "weights.npz")
    page.close()
    wanted = {weight.path: np.asarray(weight) for weight in models[1].weights}
    with np.load(tmp_path / "weights.npz") as saved:
        assert sorted(saved.files) == sorted(wanted)
        for name in saved.files:
            assert saved[name].dtype == np.float16
            np.testing.assert_array_equal(saved[name], wanted[name])


def test_one_network_has_no_choice(page):
    assert page.locator(".live-network").count() == 0


def test_without_scripts_the_text_stands_in(browser, shown):
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto(shown[2].as_uri())
    assert opened.locator("body").inner_text().split("\n\n") == [
        STATIC, "Figure 7: Still.", "At rest."
    ]  # fmt: skip
    assert opened.locator("canvas, button, input").count() == 0
    context.close()


def test_an_image_is_chosen_by_its_class(page, shown):
    model, images, _ = shown
    assert page.get_by_text(STATIC).count() == 0
    assert shares(page) == expected(model, images[0])
    for n, name in enumerate(CLASSES):
        page.get_by_role("group", name="Test images").get_by_role("button", name=name).click()
        assert shares(page) == expected(model, images[n])
        row = page.locator(".live-bars li").nth(n)
        assert row.inner_text().split("\n")[0].endswith("true class")
        assert page.locator(".live-true").count() == 1
        pressed = page.locator(".live-thumbnail[aria-pressed=true]")
        assert pressed.get_attribute("aria-label") == name
        best = CLASSES[int(np.argmax(shares(page)))]
        assert page.locator(".live-verdict strong").inner_text() == best
        right = "That is right." in page.locator(".live-verdict").inner_text()
        assert right == (best == name)


def test_the_answer_is_read_out(page):
    said = page.locator(".live > [role=status]")
    page.locator(".live-thumbnail").nth(1).click()
    verdict = page.locator(".live-verdict").text_content()
    page.wait_for_function(
        "text => document.querySelector('.live > [role=status]').textContent === text", arg=verdict
    )
    page.locator(".live-pointed").press("ArrowRight")
    page.wait_for_timeout(700)
    assert re.match(r"Filter 1, row \d+, column \d+: red .*, sum ", said.text_content())


def test_the_run_is_named(page):
    text = page.locator(".live-facts").text_content().replace("\u00a0", " ")
    assert "The run base with seed 1, which classifies 62.5 % of the test images" in text
    assert "16 × 12 pixels" in text
    assert "these 3 classes only" in text


def test_painting_changes_what_the_network_sees(page, shown):
    model = shown[0]
    before = shares(page)
    page.get_by_role("radio", name="red").check()
    page.get_by_label("Brush", exact=True).fill("12")
    sheet = page.locator(".live-sheet")
    box = sheet.bounding_box()
    page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.5 * box["height"], steps=4)
    page.mouse.up()
    page.wait_for_timeout(200)
    assert shares(page) != before
    seen = page.evaluate(
        "() => { const sheet = document.querySelector('.live-sheet');"
        " return [...sheet.getContext('2d').getImageData(0, 0, 12, 16).data]; }"
    )
    image = np.array(seen, np.uint8).reshape(16, 12, 4)[..., :3]
    assert image[8, 6].tolist() == [0xC6, 0x28, 0x28]
    # What lies away from the stroke is the test image as before.
    np.testing.assert_array_equal(image[0], shown[1][0][0])
    assert shares(page) == expected(model, image)
    page.get_by_role("button", name="Clear").click()
    assert shares(page) == expected(model, colour((255, 255, 255)))
    assert page.locator(".live-true").count() == 0
    assert page.locator(".live-thumbnail[aria-pressed=true]").count() == 0
    page.get_by_role("button", name="Fill").click()
    assert shares(page) == expected(model, colour((0xC6, 0x28, 0x28)))


def test_the_sheet_can_be_painted_by_keyboard(page, shown):
    sheet, cursor = page.locator(".live-sheet"), page.locator(".live-cursor")
    assert "Space paints" in sheet.get_attribute("aria-label")
    page.get_by_role("button", name="Clear").click()
    page.get_by_role("radio", name="red").check()
    page.get_by_label("Brush", exact=True).fill("12")
    white = shares(page)
    assert not cursor.is_visible()
    sheet.focus()
    assert cursor.is_visible()
    box = sheet.bounding_box()
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("ArrowLeft")
    place = cursor.bounding_box()
    middle = (place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    assert middle[0] == pytest.approx(box["x"] + box["width"] * 5.5 / 12, abs=1)
    assert middle[1] == pytest.approx(box["y"] + box["height"] * 4.5 / 16, abs=1)
    said = page.locator(".live > [role=status]")
    page.wait_for_timeout(700)
    assert said.text_content() == "row 5, column 6"
    assert shares(page) == white  # moving alone paints nothing
    page.keyboard.down(" ")
    page.keyboard.press("ArrowDown")
    page.keyboard.up(" ")
    page.keyboard.press("Shift+ArrowDown")
    wait_for_change(page, white)
    seen = page.evaluate(
        "() => [...document.querySelector('.live-sheet').getContext('2d')"
        ".getImageData(0, 0, 12, 16).data]"
    )
    image = np.array(seen, np.uint8).reshape(16, 12, 4)[..., :3]
    assert image[4, 5].tolist() == image[5, 5].tolist() == [0xC6, 0x28, 0x28]
    assert image[9, 5].tolist() == [255, 255, 255]
    assert shares(page) == expected(shown[0], image)
    page.keyboard.press("Escape")
    assert not cursor.is_visible()
    assert page.evaluate("() => document.activeElement.value") == "#c62828"


def test_the_network_at_work_takes_the_place_of_its_figure(page):
    assert page.get_by_text("At work.").is_visible()
    assert not page.get_by_text("At rest.").is_visible()
    assert page.locator("#fig-still.live").count() == 1
    assert page.locator(".live-facts").inner_text().startswith("Figure 7: The run base")


def picture(place: Path) -> Path:
    """Red, green and red side by side; the middle that the network sees is all green."""
    from PIL import Image

    pixels = np.zeros((200, 600, 3), np.uint8)
    pixels[:] = (200, 0, 0)
    pixels[:, 200:400] = (0, 128, 0)
    Image.fromarray(pixels).save(place / "three.png")
    return place / "three.png"


def test_a_file_is_cropped_to_its_middle(page, shown, tmp_path):
    before = shares(page)
    page.get_by_label("Open a picture").set_input_files(picture(tmp_path))
    wait_for_change(page, before)
    assert shares(page) == expected(shown[0], colour((0, 128, 0)))
    label = page.locator(".live-sheet").get_attribute("aria-label")
    assert label.startswith("What the network sees: the picture three.png.")


def test_a_file_may_be_dropped(page, shown, tmp_path):
    before = shares(page)
    dropped = page.evaluate_handle(
        "bytes => { const transfer = new DataTransfer(); transfer.items.add(new File("
        "[Uint8Array.from(bytes)], 'three.png', {type: 'image/png'})); return transfer; }",
        list(picture(tmp_path).read_bytes()),
    )
    holder = page.locator(".live")
    holder.dispatch_event("dragover", {"dataTransfer": dropped})
    assert "live-target" in holder.get_attribute("class")
    holder.dispatch_event("drop", {"dataTransfer": dropped})
    wait_for_change(page, before)
    assert shares(page) == expected(shown[0], colour((0, 128, 0)))
    assert "live-target" not in holder.get_attribute("class")


def test_what_is_no_picture_is_refused(page, tmp_path):
    before = shares(page)
    (tmp_path / "notes.png").write_text("no picture")
    page.get_by_label("Open a picture").set_input_files(tmp_path / "notes.png")
    page.get_by_role("alert").get_by_text("notes.png is not a picture").wait_for()
    assert shares(page) == before
    page.locator(".live-thumbnail").nth(1).click()
    assert page.locator(".live-problem").text_content() == ""


def test_arrow_keys_move_the_place(page):
    pointed = page.locator(".live-pointed")
    for box, start in zip(page.locator(".live-fields input").all(), (1, 5, 6), strict=True):
        box.fill(str(start))
    assert place_of(page) == [1, 5, 6]
    outline = page.locator(".live-pointed .live-outline")
    assert outline.evaluate("e => e.style.top") == f"{100 * 4 / 16:g}%"
    for key, wanted in (
        ("ArrowDown", [1, 6, 6]),
        ("ArrowRight", [1, 6, 7]),
        ("ArrowUp", [1, 5, 7]),
        ("ArrowLeft", [1, 5, 6]),
        ("PageDown", [2, 5, 6]),
        ("PageUp", [1, 5, 6]),
        ("PageUp", [1, 5, 6]),
    ):
        pointed.press(key)
        assert place_of(page) == wanted, key
    for _ in range(6):
        pointed.press("ArrowUp")
    assert place_of(page) == [1, 1, 6]


def test_a_layer_is_chosen_by_keyboard(page):
    """Each convolution has one place in the tab order; Page Down goes to its next filter."""
    stops = page.locator(".live-map[tabindex='0']")
    names = [stop.get_attribute("aria-label") for stop in stops.all()]
    assert names == ["convolution_1, filter 1", "convolution_2, filter 1"]
    page.get_by_label("convolution_2, filter 1").press("Enter")
    assert page.locator(".live-working").count() == 1
    working = page.locator(".live-layers li", has=page.locator(".live-working"))
    assert working.locator("code").first.inner_text() == "convolution_2"
    page.keyboard.press("PageDown")
    focused = page.evaluate("() => document.activeElement.getAttribute('aria-label')")
    assert focused == "convolution_2, filter 2"
    pressed = page.locator(".live-map[aria-pressed=true]")
    assert pressed.get_attribute("aria-label") == "convolution_2, filter 2"
    row = place_of(page)[1]
    page.keyboard.press("ArrowUp" if row > 1 else "ArrowDown")
    assert abs(place_of(page)[1] - row) == 1


def test_pointing_gives_the_place_under_the_pointer(page):
    pointed = page.locator(".live-pointed canvas")
    box = pointed.bounding_box()
    x, y = (3 + 0.5) / 12 * box["width"], (10 + 0.5) / 16 * box["height"]
    pointed.hover(position={"x": x, "y": y}, force=True)
    assert place_of(page) == [1, 11, 4]
    # A window of 3x3 around it, in the picture.
    window = page.locator(".live-tiles .live-outline").evaluate(
        "e => [e.style.top, e.style.left, e.style.height, e.style.width].map(parseFloat)"
    )
    assert window == pytest.approx([100 * 9 / 16, 100 * 2 / 12, 100 * 3 / 16, 100 * 3 / 12], 1e-4)


def test_what_is_clicked_stays_where_it_is(page):
    page.set_viewport_size({"width": 1280, "height": 400})
    second = page.get_by_label("convolution_2, filter 2")
    second.scroll_into_view_if_needed()
    before = second.bounding_box()["y"]
    second.click()
    assert second.bounding_box()["y"] == pytest.approx(before, abs=1)


@pytest.mark.parametrize("place", [(2, 1, 1), (4, 16, 12), (1, 8, 6)])
@pytest.mark.parametrize("layer", ["convolution_1", "convolution_2"])
def test_the_sum_can_be_checked_by_hand(keras, page, shown, layer, place):
    model, images, _ = shown
    page.get_by_label(f"{layer}, filter 1").click()
    maps = in_keras(keras, model, images[0])[layer]
    place = tuple(np.minimum(place, (*maps.shape[2:], *maps.shape[:2])).tolist())
    for box, start in zip(page.locator(".live-fields input").all(), place, strict=True):
        box.fill(str(start))
    filter_, row, column = (part - 1 for part in place)
    lines = page.locator(".live-addition tr").all_inner_texts()
    names, numbers = zip(*(line.split("\t") for line in lines), strict=True)
    numbers = [number(text) for text in numbers]
    first = ("red", "green", "blue") if layer == "convolution_1" else ("map 1", "map 2", "map 3")
    more = () if layer == "convolution_1" else ("and 1 more",)
    assert names == (*first, *more, "bias", "sum", "ReLU")
    assert numbers[-2] == pytest.approx(sum(numbers[:-2]), abs=0.005)
    assert numbers[-1] == pytest.approx(maps[row, column, filter_], abs=0.0006)
    for n in range(3):
        product = page.locator(".live-product").nth(n)
        cells = [
            [number(cell) for cell in grid.locator("td").all_inner_texts()]
            for grid in product.locator("table").all()
        ]
        total = np.dot(*cells)
        assert number(product.locator(".live-sum").inner_text()) == pytest.approx(total, abs=0.09)
        assert number(product.locator(".live-sum").inner_text()) == numbers[n]
    kernel = np.asarray(model.get_layer(layer).kernel)[:, :, 2, filter_].ravel()
    np.testing.assert_allclose(cells[1], kernel, atol=0.0051)


def test_a_pair_is_multiplied_under_the_pointer(page):
    grids = page.locator(".live-product").first.locator("table")
    grids.nth(1).locator("td").nth(4).hover()
    factors, product = grids.nth(1).locator("caption").inner_text().split(" = ")
    one, other = (number(factor) for factor in factors.split(" × "))
    assert number(product) == pytest.approx(one * other, abs=0.001)
    assert one == pytest.approx(number(grids.nth(0).locator("td").nth(4).inner_text()), abs=0.006)
    assert page.locator(".live-pair").count() == 2
    page.mouse.move(0, 0)
    assert grids.nth(1).locator("caption").inner_text() == "kernel"


def test_every_map_of_every_layer_is_drawn(page):
    layers = page.locator(".live-layers > li")
    names = layers.locator(".live-layer code").all_inner_texts()
    assert names == [
        "convolution_1",
        "max_pooling_1",
        "convolution_2",
        "flatten",
        "dense",
        "classes",
    ]
    counts = [
        layers.nth(n).locator(".live-maps canvas, .live-strip canvas").count() for n in range(6)
    ]
    assert counts == [4, 4, 5, 1, 1, 1]
    sizes = page.locator(".live-maps canvas").evaluate_all(
        "all => all.map(e => [e.width, e.height])"
    )
    assert sizes == [[12, 16]] * 4 + [[6, 8]] * 9
    assert "convolution_1 16 × 12 × 4 4 filters of 3 × 3, then ReLU" in " ".join(
        layers.first.inner_text().split()
    )


def drawn_map(page, filter_: int) -> np.ndarray:
    """Read a copy: the browser warns of a page that reads its own canvases often."""
    canvas = page.locator(".live-map canvas").nth(filter_)
    data = canvas.evaluate(
        "canvas => { const copy = new OffscreenCanvas(12, 16).getContext('2d');"
        " copy.drawImage(canvas, 0, 0); return [...copy.getImageData(0, 0, 12, 16).data]; }"
    )
    return np.array(data).reshape(16, 12, 4)[..., :3]


def test_maps_have_the_page_for_0_and_blue_for_the_most(keras, page, shown):
    model, images, _ = shown
    maps = in_keras(keras, model, images[0])["convolution_1"]
    chosen = next(n for n in range(4) if maps[..., n].min() == 0 < maps[..., n].max())
    numbers = maps[..., chosen]
    for scheme, zero, most in (
        ("light", (255, 255, 255), (0x0B, 0x57, 0xA4)),
        ("dark", (0x15, 0x18, 0x1C), (0x84, 0xB9, 0xF5)),
    ):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(100)
        drawn = drawn_map(page, chosen)
        assert (drawn[numbers == 0] == zero).all()
        np.testing.assert_array_equal(drawn[np.unravel_index(numbers.argmax(), (16, 12))], most)
    page.evaluate("() => { document.documentElement.dataset.theme = 'light'; }")
    page.wait_for_timeout(100)
    assert (drawn_map(page, chosen)[numbers == 0] == 255).all()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_number_can_be_read(page, scheme):
    """Contrast of text and what is behind it, as in WCAG 2.2: 4.5 at least."""
    page.emulate_media(color_scheme=scheme)
    page.wait_for_timeout(100)
    least = page.evaluate(
        """() => {
        const context = new OffscreenCanvas(1, 1).getContext('2d',
          {willReadFrequently: true});
        const light = colours => {
          colours.forEach(colour => { context.fillStyle = colour; context.fillRect(0, 0, 1, 1); });
          const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map(value => {
            const share = value / 255;
            return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
          });
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const page = getComputedStyle(document.body).backgroundColor;
        return Math.min(...[...document.querySelectorAll('.live-grid td')].map(cell => {
          const style = getComputedStyle(cell);
          const behind = light([page, style.backgroundColor]);
          const text = light([page, style.backgroundColor, style.color]);
          return (Math.max(text, behind) + 0.05) / (Math.min(text, behind) + 0.05);
        }));
      }"""
    )
    assert 4.5 <= least < 21


def test_controls_are_named_and_large_enough(page):
    faults = page.evaluate(
        """() => [...document.querySelectorAll('.live button, .live input')].filter(control => {
        const box = control.matches('[type=file]') ? control.parentElement : control;
        const { width, height } = box.getBoundingClientRect();
        const name = control.getAttribute('aria-label') || control.textContent
          || (control.labels[0] && control.labels[0].textContent);
        return !name.trim() || width < 24 || height < 24;
      }).map(control => control.outerHTML)"""
    )
    assert faults == []
    assert page.locator(".live button, .live input").count() > 20


def test_on_a_phone_no_network_hangs_over_the_side(page):
    page.set_viewport_size({"width": 390, "height": 844})
    for name in ("convolution_1, filter 1", "convolution_2, filter 5"):
        page.get_by_label(name).click()
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
        box = page.locator(".live-pointed").bounding_box()
        assert box["x"] + box["width"] <= 390


def test_bars_move_only_where_motion_is_welcome(page):
    def seconds() -> str:
        return page.locator(".live-bar").first.evaluate(
            "e => getComputedStyle(e).transitionDuration"
        )

    page.emulate_media(reduced_motion="no-preference")
    assert seconds() == "0.15s"
    page.emulate_media(reduced_motion="reduce")
    assert seconds() == "0s"


def test_a_grey_network_has_white_ink_on_black(keras, browser, tmp_path):
    """Where test images are dark at their border, so is an empty sheet."""
    import base64

    model, data, _ = build(keras, GREY, {})
    framed = np.zeros((3, *GREY), np.uint8)
    framed[:, 4:8, 4:8] = 200
    data["images"]["data"] = base64.b64encode(framed.tobytes()).decode()
    place = tmp_path / "grey.html"
    place.write_text(f'<div class="live" data-network="x"></div>{page_parts.fragment({"x": data})}')
    opened = browser.new_page()
    opened.goto(place.as_uri())
    assert shares(opened) == expected(model, framed[0])
    opened.get_by_role("button", name="Clear").click()
    assert shares(opened) == expected(model, np.zeros(GREY, np.uint8))
    opened.get_by_role("button", name="Fill").click()
    assert shares(opened) == expected(model, np.full(GREY, 255, np.uint8))
    assert opened.locator(".live-addition th").all_inner_texts() == ["grey", "bias", "sum", "ReLU"]
    opened.close()


def test_every_kind_of_layer_can_be_shown(keras, browser, tmp_path):
    values = CASES["residual-normalized-strided"] | {"kernel_size": 9, "convolution_dropout": 0.1}
    model, data, images = build(keras, COLOUR, values)
    place = tmp_path / "residual.html"
    place.write_text(f'<div class="live" data-network="x"></div>{page_parts.fragment({"x": data})}')
    opened = browser.new_page()
    errors = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.goto(place.as_uri())
    assert shares(opened) == expected(model, images[0])
    opened.get_by_label("projection_2, filter 1").click()
    assert opened.locator(".live-addition th").all_inner_texts() == [
        *("map 1", "map 2", "map 3", "and 1 more", "sum")
    ]
    assert opened.locator(".live-layer code", has_text="dropout").count() == 0
    assert errors == []
    opened.close()


def test_it_goes_into_the_report(browser, shown, tmp_path):
    """Rendered as the report is: the fragment follows the text, and the PDF keeps the text."""
    from pypdf import PdfReader

    from cnn_study.report import render

    page_text = shown[2].read_text(encoding="utf-8")
    (tmp_path / "live.html").write_text(page_text.split("</main>")[1], encoding="utf-8")
    source = tmp_path / "index.qmd"
    source.write_text(
        "---\ntitle: Live\ndate: 2026-01-02\ninclude-after-body: live.html\n---\n\n# Here\n\n"
        f'::: {{.live data-network="live-network"}}\n{STATIC}\n:::\n'
    )
    render.render(source, tmp_path / "index.html", tmp_path / "index.pdf", engine="pandoc")
    opened = browser.new_page()
    opened.goto((tmp_path / "index.html").as_uri())
    assert shares(opened) == expected(shown[0], shown[1][0])
    opened.close()
    assert STATIC in " ".join(PdfReader(tmp_path / "index.pdf").pages[0].extract_text().split())
